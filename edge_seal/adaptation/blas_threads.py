"""How many threads the matrix products of training run on: what is fastest now, measured, and measured again.

BLAS threads wait for each other by spinning. On a machine that is busy with something else one of them is always
waiting, and two threads were ten times as slow as one; on an idle machine they are faster. Only a measurement tells.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol, cast

import numpy as np

_ROWS, _IN, _OUT = 256, 576, 1536
_REPEATS = 4


class _Library(Protocol):
    """One BLAS as threadpoolctl, which has no types of its own, gives it."""

    num_threads: int

    def set_num_threads(self, num_threads: int) -> None: ...


class _Selected(Protocol):
    lib_controllers: Sequence[_Library]


class _Controller(Protocol):
    def select(self, *, user_api: str) -> _Selected: ...


def _blas_libraries() -> Sequence[_Library]:
    controller = cast("_Controller", importlib.import_module("threadpoolctl").ThreadpoolController())
    return controller.select(user_api="blas").lib_controllers


class BlasThreads:
    """The BLAS of this process, at one thread or at as many as it was set to."""

    def __init__(self) -> None:
        self._libraries = _blas_libraries()
        self._most = max((library.num_threads for library in self._libraries), default=1)
        generator = np.random.default_rng(0)
        self._left = generator.standard_normal((_ROWS, _IN), dtype=np.float32)
        self._right = generator.standard_normal((_IN, _OUT), dtype=np.float32)

    @classmethod
    @contextmanager
    def adapting(cls) -> Generator[BlasThreads]:
        """Threads that `retune` may change; as they were before at the end."""
        threads = cls()
        try:
            threads.retune()
            yield threads
        finally:
            threads._limit(threads._most)

    def retune(self) -> None:
        """Measures a product with one thread and with all (some milliseconds), and keeps the faster number."""
        if self._most > 1:
            self._limit(min((1, self._most), key=self._seconds))

    def _seconds(self, threads: int) -> float:
        self._limit(threads)
        began = time.perf_counter()
        for _ in range(_REPEATS):
            # The mean and not the best: a thread that is kept waiting now and then is what costs.
            _ = self._left @ self._right
        return time.perf_counter() - began

    def _limit(self, threads: int) -> None:
        for library in self._libraries:
            library.set_num_threads(threads)
