"""A program on a real pseudo-terminal, and every byte that it writes there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

ENVIRONMENT: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


class PseudoTerminal:
    """`python -m MODULE …` on a terminal of `columns` by `rows`. Killed at the end of the block, if it still runs."""

    def __init__(
        self, module: Sequence[str], *, columns: int = 120, rows: int = 40, directory: Path | None = None, **more: str
    ) -> None:
        self.received = bytearray()
        self._leader, follower = pty.openpty()
        self.resize(columns, rows)
        self.modes_before = termios.tcgetattr(follower)
        self._follower = follower  # kept open, so that its modes can be asked for afterwards
        environment = {**os.environ, **ENVIRONMENT, **more, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        if "NO_COLOR" not in more:
            environment.pop("NO_COLOR", None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdin=follower, stdout=follower, stderr=follower, env=environment, cwd=directory, start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._leader)
        os.close(self._follower)

    @property
    def modes(self) -> list[object]:
        """How the terminal treats keys now."""
        return termios.tcgetattr(self._follower)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._leader, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: bytes) -> None:
        os.write(self._leader, keys)

    def read(self, wait_s: float = 0.05) -> bytes:
        """What was written since, if anything within `wait_s`."""
        got = b""
        with contextlib.suppress(OSError):  # the program is gone
            if select.select([self._leader], [], [], wait_s)[0]:
                got = os.read(self._leader, 1 << 16)
        self.received += got
        return got

    def ended(self, most_s: float = 240.0) -> int:
        """Reads until the program has ended; gives its exit code."""
        end = time.monotonic() + most_s
        while self.process.poll() is None:
            self.read()
            if time.monotonic() > end:
                raise AssertionError(f"it did not end:\n{bytes(self.received[-2000:])!r}")
        while self.read(0.1):
            pass
        return self.process.returncode
