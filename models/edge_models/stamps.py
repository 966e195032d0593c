"""Which files were found whole, so that a large file is hashed once and not at every question.

A stamp holds as long as the file's size, times and inode are what they were when its whole content was hashed. The
stamps are a cache: a lost, damaged or foreign stamp only means that the file is hashed again.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import cast

from edge_models import durable

_SETTLED_NS = 20_000_000
"""A file changed within the clock's last tick could change again and keep its time; it gets no stamp yet."""


class Stamps:
    """The stamps kept in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, file: Path, sha256: str) -> bool:
        """Whether `file` was hashed as `sha256` and has not changed since."""
        return self._read().get(str(file.absolute())) == [sha256, *_figures(file.stat())]

    def keep(self, file: Path, sha256: str, before: os.stat_result) -> None:
        """Records that `file` was just hashed as `sha256`; `before` is its state when the hashing began."""
        figures = _figures(file.stat())
        if figures != _figures(before) or time.time_ns() - before.st_mtime_ns < _SETTLED_NS:
            return
        stamps = {path: stamp for path, stamp in self._read().items() if Path(path).exists()}
        stamps[str(file.absolute())] = [sha256, *figures]
        # A home that cannot be written to is hashed each time.
        with contextlib.suppress(OSError):
            durable.make_directory(self._path.parent)
            durable.write_durably(self._path, json.dumps(stamps, indent=1, sort_keys=True).encode())

    def _read(self) -> dict[str, list[object]]:
        try:
            found: object = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(found, dict):
            return {}
        stamps = cast("dict[str, object]", found)
        return {path: cast("list[object]", stamp) for path, stamp in stamps.items() if isinstance(stamp, list)}


def _figures(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
