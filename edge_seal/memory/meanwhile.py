"""Something begun now and asked for later, on a thread of its own: native code runs without the interpreter's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def begun(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begins `work`; what is returned waits for it and gives what it gave, or raises what it raised.

    The thread is a daemon: who is interrupted while waiting, or asks no more, does not wait for its end.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=run, name="begun", daemon=True).start()
    return future.result
