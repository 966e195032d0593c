"""A GGUF file written anew with its matrices in another type, by llama.cpp.

It runs in a process of its own: llama.cpp ends the process on a file that it does not like, and hears no Ctrl-C.
"""

# The bindings are typed in part only.
# pyright: reportUnknownMemberType=false, reportPrivateImportUsage=false, reportArgumentType=false

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from edge_seal.errors import EngineError

FILE_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {"F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q4_K": 15, "Q5_K": 17, "Q6_K": 18}
)
"""llama.h's `llama_ftype` of each type; the K ones in their medium mixtures."""


def requantize(source: Path, target: Path, type_name: str) -> None:
    """Writes `source` to `target` in the type `type_name`; equal files and types give equal bytes.

    Raises:
        EngineError: there is no such type, or llama.cpp could not do it; `target` is then incomplete or absent.
    """
    if type_name not in FILE_TYPES:
        raise EngineError(f"there is no type {type_name!r}; there are {', '.join(FILE_TYPES)}")
    command = [sys.executable, "-m", "edge_seal.engines.requantize", str(source), str(target), type_name]
    done = subprocess.run(command, capture_output=True, check=False, env=_environment())
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise EngineError(f"llama.cpp could not requantize {source.name} to {type_name}: {''.join(said)[-300:]}")


def _environment() -> dict[str, str]:
    """This process's, with its import path: the packages may lie in a checkout."""
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _main(source: str, target: str, type_name: str) -> int:
    from llama_cpp import llama_cpp as native

    from edge_seal.engines.gguf_vocabulary import start_native

    log = start_native()
    settings = native.llama_model_quantize_default_params()
    settings.ftype = FILE_TYPES[type_name]
    settings.allow_requantize = True
    failed = int(native.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(settings)))
    if failed:
        sys.stderr.write(f"error {failed}{log.words()}\n")
    return failed


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
