"""Threads that compute parts of a step at the same time, each with a BLAS of a single thread.

BLAS's own threads wait for each other by spinning, after every product. On a machine that is busy with something else
one of them is always waiting, and two threads were ten times as slow as one. Parts of a step wait for each other once,
asleep, and while one of them is in an element-wise pass, which waits for memory, the other has the arithmetic units.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar, cast

from edge_seal.engines.cores import physical_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Limits(Protocol):
    """threadpoolctl's context manager, which has no types of its own."""

    def restore_original_limits(self) -> None: ...


def _one_blas_thread() -> _Limits:
    return cast("_Limits", importlib.import_module("threadpoolctl").threadpool_limits(limits=1, user_api="blas"))


class Workers:
    """`count` threads; one is the caller's own."""

    def __init__(self, executor: ThreadPoolExecutor | None = None, count: int = 1) -> None:
        self._executor = executor
        self.count = count

    @classmethod
    @contextmanager
    def opened(cls, count: int | None = None) -> Generator[Workers]:
        """`count` workers (None: one a physical core). BLAS has one thread until the end, then as many as before."""
        count = physical_cores() if count is None else count
        limits = _one_blas_thread()
        try:
            if count == 1:
                yield cls()
                return
            executor = ThreadPoolExecutor(count, thread_name_prefix="edge-seal-step")
            try:
                yield cls(executor, count)
            finally:
                # What an interrupt leaves undone is not begun any more.
                executor.shutdown(wait=True, cancel_futures=True)
        finally:
            limits.restore_original_limits()

    def each(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """The results of `function`, in the order of `items` whichever thread was faster."""
        return map(function, items) if self._executor is None else self._executor.map(function, items)
