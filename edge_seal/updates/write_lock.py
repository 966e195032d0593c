"""One process writes: a lock of the operating system, which goes when its process goes, however it ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

import filelock

from edge_seal.errors import Busy, EngineError


@contextlib.contextmanager
def hold(path: Path, *, wait_s: float = 0.0) -> Generator[None, None, None]:
    """Holds the lock `path` for the block, waiting for it at most `wait_s` seconds.

    Raises:
        Busy: another process holds it; the message names its number.
        EngineError: the lock file cannot be made.
    """
    lock = filelock.FileLock(path, mode=0o600, thread_local=False)
    try:
        lock.acquire(timeout=wait_s)
    except filelock.Timeout as error:
        raise Busy(
            f"another edge-seal is writing ({_holder(path)})",
            next_step="wait until it has finished, or close it, and run the command again",
        ) from error
    except (OSError, NotImplementedError) as error:
        raise EngineError(
            f"cannot lock {path}: {error}", next_step="check that its directory exists and that you may write to it"
        ) from error
    try:
        # In a file of its own: whoever tries the lock empties the lock file.
        with contextlib.suppress(OSError):
            _holder_file(path).write_text(f"{os.getpid()}\n", encoding="ascii")
        yield
    finally:
        with contextlib.suppress(OSError):
            _holder_file(path).unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        number = _holder_file(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        number = ""
    return f"process {number}" if number.isdecimal() else "its process number is not known"


def _holder_file(path: Path) -> Path:
    return path.with_name(path.name + ".holder")
