"""Who is in a home: any number of processes at once, or one alone.

Every process that opens the database is in the home as long as it has it open. What replaces the files under their
names (encrypting, restoring) needs the home to itself: a process that had the old file open would go on writing to
bytes that no name leads to. A lock of the operating system (`flock`), which goes with its process, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

from edge_seal.errors import Busy, EngineError

WAIT_S: Final = 10.0
_PAUSE_S: Final = 0.02


@contextlib.contextmanager
def inside(path: Path, clear_up: Callable[[], object], *, wait_s: float = WAIT_S) -> Generator[None]:
    """In the home for the block, with others. Whoever comes in first, alone, runs `clear_up`.

    Raises:
        Busy: another process needs the home to itself for longer than `wait_s`.
        EngineError: the lock file cannot be made.
    """
    with _opened(path) as descriptor:
        until = time.monotonic() + wait_s
        while True:
            if _taken(descriptor, fcntl.LOCK_EX):
                clear_up()
            # From alone to with others: for a moment neither may hold, so it is asked for like anew.
            if _taken(descriptor, fcntl.LOCK_SH):
                break
            if time.monotonic() >= until:
                raise Busy(
                    "another edge-seal is encrypting, decrypting or restoring this home",
                    next_step="wait until it has finished and run the command again",
                )
            time.sleep(_PAUSE_S)
        yield


@contextlib.contextmanager
def alone(path: Path, *, wait_s: float = 1.0) -> Generator[None]:
    """In the home for the block, and nobody else.

    Raises:
        Busy: another process is in it, after `wait_s` still.
        EngineError: the lock file cannot be made.
    """
    with _opened(path) as descriptor:
        until = time.monotonic() + wait_s
        while not _taken(descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= until:
                raise Busy(
                    "another edge-seal has this home open; nothing was changed",
                    next_step="close every other edge-seal and run the command again",
                )
            time.sleep(_PAUSE_S)
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Generator[int]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EngineError(
            f"cannot lock {path}: {error.strerror or error}",
            next_step="check that its directory exists and that you may write to it",
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise EngineError(f"this file system does not lock files ({error.strerror or error})") from error
    return True
