"""Time, as something that is passed in: limits and records never ask the operating system by themselves.

There are two kinds. The wall clock can be set, by hand or by a server. The uptime cannot: it goes on at one second a
second while the machine is on or sleeps, and begins anew when it starts, which `Uptime.boot` tells.
"""

from __future__ import annotations

import ctypes
import hashlib
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

_BOOT_DOMAIN: Final = b"edge-seal boot v1\n"
_BOOT_CHARACTERS: Final = 32
_STORED_CHARACTERS: Final = len("2025-03-01T12:00:00.000000Z")
_LINUX_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# A process may be given an uptime of its own (a time namespace); then it counts as another start of the machine.
_LINUX_NAMESPACE: Final = Path("/proc/self/ns/time")
_LINUX_OFFSETS: Final = Path("/proc/self/timens_offsets")


@dataclass(frozen=True, slots=True)
class Uptime:
    """Seconds since this start of the machine, sleep included; `boot` names the start and tells nothing else of it."""

    boot: str
    seconds: float


class Clock(Protocol):
    """A source of time; tests pass one that they move by hand."""

    def now(self) -> datetime:
        """The time of day, timezone-aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    def uptime(self) -> Uptime:
        """What no setting of the clock moves. Two readings compare only where their `boot` is the same."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def uptime(self) -> Uptime:
        return Uptime(self._boot, _uptime_s())

    @cached_property
    def _boot(self) -> str:
        named = _boot_name()
        # A system that does not name its starts: then no reading of another process compares with one of ours.
        source = named if named is not None else secrets.token_bytes(16)
        return hashlib.sha256(_BOOT_DOMAIN + source).hexdigest()[:_BOOT_CHARACTERS]


def _uptime_s() -> float:
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if sys.platform == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)  # goes on during sleep, and is not slewed
    return time.monotonic()


def _boot_name() -> bytes | None:
    """What the system calls this start; None where it does not."""
    if sys.platform == "darwin":
        return _macos_boot_session()
    try:
        parts = [_LINUX_BOOT_ID.read_bytes()]
    except OSError:
        return None
    with suppress(OSError):
        parts += [str(_LINUX_NAMESPACE.readlink()).encode(), _LINUX_OFFSETS.read_bytes()]
    return b"\n".join(parts)


def _macos_boot_session() -> bytes | None:
    """`kern.bootsessionuuid`."""
    value, size = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    try:
        failed = ctypes.CDLL(None).sysctlbyname(b"kern.bootsessionuuid", value, ctypes.byref(size), None, 0)
    except (OSError, AttributeError):
        return None
    return None if failed else value.value


def timestamp(moment: datetime) -> str:
    """`moment` as it is stored: ISO 8601, UTC, microseconds, `Z`; sorts as text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """The inverse of `timestamp`.

    Raises:
        ValueError: `text` is not such a timestamp.
    """
    if len(text) == _STORED_CHARACTERS and text[-1] == "Z" and text[10] == "T" and text[19] == ".":
        return datetime.fromisoformat(text)  # what `timestamp` writes, in a tenth of the time
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
