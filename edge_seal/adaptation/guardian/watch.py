"""A bound on the time of one check that holds in the middle of a regular expression.

The engine of `re` looks for signals while it searches, so a timer of the process's own seconds stops even a search that
would go on for years. Signals reach the main thread only; elsewhere a late check is noticed when it is done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(Exception):  # it says what happened; nobody outside sees it
    """A check took longer than its bound."""


def _nothing() -> None:
    """Begins a check that nothing stops."""


@contextmanager
def watched(seconds: float) -> Generator[Callable[[], None]]:
    """Inside, each call of what it gives begins a check: so many processor seconds later `OutOfTime` is raised."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield _nothing
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        yield lambda: _start(seconds)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _start(seconds: float) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
