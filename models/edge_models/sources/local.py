"""A file that is already on this machine."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from edge_models.catalog import PathSource
from edge_models.errors import FetchFailed

_CHUNK = 1 << 20


def copy_local(source: PathSource, destination: Path, on_bytes: Callable[[int, int | None], None]) -> None:
    """Copies the file to `destination`; `on_bytes` hears bytes done and bytes in all.

    Raises:
        FetchFailed: it is not there, not a plain file, or cannot be read.
    """
    try:
        file = source.path.open("rb")
    except OSError as error:
        raise FetchFailed(f"cannot read {source.path}: {error.strerror or error}") from error
    with file, destination.open("wb") as copy:
        status = source.path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise FetchFailed(f"{source.path} is not a plain file")
        done = 0
        while chunk := file.read(_CHUNK):
            copy.write(chunk)
            done += len(chunk)
            on_bytes(done, status.st_size)
