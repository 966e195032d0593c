"""Files that are whole or absent: written under a temporary name, synced, renamed, and the directory synced.

Invariant: under its final name a file or directory is always complete, whenever the power goes. What a crash leaves
behind has a temporary name, is read by nobody, and goes with the next `sweep_temporary`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Final

from edge_seal.errors import EngineError, IntegrityError

# A dot, so that listings and globs pass over it.
TEMPORARY_PREFIX: Final = ".tmp-"

_CHUNK_BYTES: Final = 1 << 20


def write_durably(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Makes `path` hold exactly `data`; a reader sees the old bytes or the new, never a part.

    Raises:
        EngineError: the system refused; `path` is as it was before.
    """
    temporary = temporary_beside(path)
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            _sync(file.fileno())
        temporary.replace(path)
        _sync_path(path.parent)
    except OSError as error:
        raise _could_not("write", path, error) from error
    finally:
        # After the rename there is nothing under this name; after an error there may be.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def publish_directory(staged: Path, final: Path) -> None:
    """Gives the finished directory `staged` its `final` name, on the same file system; `staged` is gone after it.

    Where `final` already has the same files with the same bytes, `staged` is dropped.

    Raises:
        IntegrityError: `final` exists with other content.
        EngineError: the system refused; `final` is absent or complete.
    """
    try:
        for file in _files(staged):
            _sync_path(staged / file)
        _sync_path(staged)
        if not _renamed(staged, final):
            if not _same_content(staged, final):
                raise IntegrityError(
                    f"{final} exists with other content than it should have", next_step="edge-seal audit verify"
                )
            shutil.rmtree(staged)
        _sync_path(final.parent)
    except OSError as error:
        raise _could_not("make", final, error) from error


def sync_file(path: Path) -> None:
    """Returns when the bytes of the file, or the names in the directory, are on the disk.

    Raises:
        EngineError: the system refused.
    """
    try:
        _sync_path(path)
    except OSError as error:
        raise _could_not("write", path, error) from error


def temporary_beside(path: Path) -> Path:
    """A name in the directory of `path` that nobody uses and that `sweep_temporary` knows."""
    return path.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"


def sweep_temporary(directory: Path) -> int:
    """Removes what crashes left in `directory` and says how many; only for who holds the write lock."""
    if not directory.is_dir():
        return 0
    leftovers = [entry for entry in directory.iterdir() if entry.name.startswith(TEMPORARY_PREFIX)]
    for entry in leftovers:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    return len(leftovers)


def sha256_of(path: Path) -> str:
    """The SHA-256 of the file's bytes, as 64 hexadecimal digits.

    Raises:
        EngineError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _could_not("read", path, error) from error


def copy_hashed(source: Path, target: Path, *, mode: int = 0o600) -> str:
    """Copies the bytes of `source` to the new file `target` and returns the SHA-256 of what was written.

    Not durable by itself: `target` belongs in a staged directory.

    Raises:
        EngineError: the system refused.
    """
    digest = hashlib.sha256()
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
            while chunk := reader.read(_CHUNK_BYTES):
                digest.update(chunk)
                writer.write(chunk)
    except OSError as error:
        raise _could_not(f"copy {source} to", target, error) from error
    return digest.hexdigest()


def _renamed(staged: Path, final: Path) -> bool:
    """Renames; False where a directory with content already has that name."""
    try:
        staged.rename(final)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _same_content(left: Path, right: Path) -> bool:
    names = _files(left)
    return names == _files(right) and all(sha256_of(left / name) == sha256_of(right / name) for name in names)


def _files(directory: Path) -> list[Path]:
    """Every file below `directory`, relative to it, sorted."""
    return sorted(path.relative_to(directory) for path in directory.rglob("*") if path.is_file())


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        # fsync leaves the bytes in the drive's cache there. Some file systems do not know the stronger call.
        import fcntl  # does not exist on every platform

        try:
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
        except OSError:
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


def _could_not(action: str, path: Path, error: OSError) -> EngineError:
    return EngineError(
        f"could not {action} {path}: {error.strerror or error}",
        next_step="check the free space and the rights of its directory, then run the command again",
    )
