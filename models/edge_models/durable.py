"""Files that are either wholly there or not at all.

A file is written under a temporary name in the directory where it will live, flushed to the disk, renamed, and the
directory is flushed after. A temporary file that a crash left is harmless; `sweep` drops it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Generator
from pathlib import Path

from edge_models.errors import ModelError

TEMPORARY = ".tmp-"
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600
_CHUNK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def explained(doing: str) -> Generator[None]:
    """Turns an `OSError` inside into a `ModelError`: `doing` says what failed, a full disk is called by its name."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ModelError(
                f"{doing}: the disk is full", next_step="free some space and run the same again"
            ) from error
        raise ModelError(f"{doing}: {error.strerror or error}") from error


def temporary_path(directory: Path, name: str) -> Path:
    """A name in `directory` that nobody uses and that `sweep` knows."""
    return directory / f"{TEMPORARY}{secrets.token_hex(8)}-{name}"


def make_directory(directory: Path) -> None:
    """Makes the directory, readable by its owner only, with its parents."""
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)


def flush(path: Path) -> None:
    """Flushes a file or a directory down to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "darwin":
            import fcntl

            try:
                fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            except OSError:
                os.fsync(descriptor)  # not every file system knows the stronger call
        else:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(staged: Path, final: Path) -> None:
    """Moves the finished file `staged`, on the same file system, to its final name; durable on return."""
    staged.chmod(FILE_MODE)
    flush(staged)
    staged.replace(final)
    flush(final.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Replaces the file at `path` by `data`, or leaves it as it was."""
    staged = temporary_path(path.parent, path.name)
    try:
        staged.touch(mode=FILE_MODE)
        staged.write_bytes(data)
        publish(staged, path)
    finally:
        staged.unlink(missing_ok=True)


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """The file's SHA-256; `on_bytes` hears how many bytes have been read so far."""
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            done += len(chunk)
            if on_bytes:
                on_bytes(done)
    return digest.hexdigest()


def sweep(directory: Path) -> None:
    """Drops what a crash left under temporary names directly in `directory`; the caller holds the directory's lock."""
    import shutil

    for path in directory.glob(f"{TEMPORARY}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
