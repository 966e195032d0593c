"""Engines and embedders behind their Protocols, one door to each native library.

OpenMP reads its environment once, when llama.cpp brings it in; so this stands before every door. Waiting threads that
spin are 15 times slower than one thread where something else wants a core (18 s against 0.9 s an answer on two loaded
cores), and on an idle machine passive waiting costs little.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
