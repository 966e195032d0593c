# Leaves llama.cpp's command-line support library out of the build: Edge Seal calls libllama alone.
# CMake reads this file when llama.cpp's own project() call runs (CMAKE_PROJECT_<NAME>_INCLUDE), which is
# after llama-cpp-python has forced the option on and before llama.cpp reads it. A release that renames
# either only builds longer.
set(LLAMA_BUILD_COMMON OFF CACHE BOOL "not used by Edge Seal" FORCE)
