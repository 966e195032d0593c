"""What the machine tells of itself: mains and battery, temperature, load, how long nobody has used it, energy.

What a system does not tell is None, never a guess; what follows from that is the caller's policy. The only door to
psutil, and to the system's own tools for the time since the last key.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from edge_seal.records import MachineState

_TOOL_TIMEOUT_S: Final = 3.0
_HID_IDLE: Final = re.compile(rb'"HIDIdleTime"\s*=\s*(\d+)')
_POWERCAP: Final = Path("/sys/class/powercap")
_TERMINALS: Final = Path("/dev/pts")
_PLAUSIBLE_CELSIUS: Final = (1.0, 130.0)  # a sensor that is not there reads 0 or a large number


class Machine(Protocol):
    """A machine; tests have one that says what they want."""

    def state(self) -> MachineState:
        """What it tells now."""
        ...

    def cpu_s(self) -> float:
        """Processor seconds that this process and its children have used."""
        ...

    def energy_j(self) -> float | None:
        """Joules by the processor's own counter since an arbitrary start, all programs' together; None: not told."""
        ...


class SystemMachine:
    """This one. `cores` is what a load is divided by."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._energy = _PackageEnergy(_POWERCAP)

    def state(self) -> MachineState:
        on_mains, battery_share = _power()
        return MachineState(
            on_mains=on_mains,
            battery_share=battery_share,
            celsius=_hottest(),
            load=_load(self._cores),
            idle_s=_idle_s(),
        )

    def cpu_s(self) -> float:
        told = os.times()
        return told.user + told.system + told.children_user + told.children_system

    def energy_j(self) -> float | None:
        return self._energy.read_j()


def _power() -> tuple[bool | None, float | None]:
    """Whether it is on mains, and the battery's share; a machine without a battery is on mains."""
    import psutil

    try:
        battery = psutil.sensors_battery()
    except (AttributeError, OSError, RuntimeError):
        return None, None
    if battery is None:
        return True, None
    return battery.power_plugged, battery.percent / 100


def _hottest() -> float | None:
    import psutil

    # psutil has it on some systems only.
    read: Callable[[], dict[str, list[object]]] | None = getattr(psutil, "sensors_temperatures", None)
    if read is None:
        return None
    try:
        sensors = [float(getattr(sensor, "current", 0.0)) for group in read().values() for sensor in group]
    except (OSError, ValueError, RuntimeError):
        return None
    low, high = _PLAUSIBLE_CELSIUS
    return max((celsius for celsius in sensors if low <= celsius <= high), default=None)


def _load(cores: int) -> float | None:
    """The load of the last minute, a core."""
    try:
        return os.getloadavg()[0] / cores
    except (OSError, AttributeError):
        return None


# The time since the last key ----------------------------------------------------------------------------------


def _idle_s() -> float | None:
    """Seconds since somebody used a keyboard or a mouse here; the least of what is known."""
    if sys.platform == "darwin":
        return idle_of_ioreg(_told_by("ioreg", "-c", "IOHIDSystem", "-d", "4"))
    known = [
        idle_of_logind(
            _told_by("loginctl", "show-user", str(os.getuid()), "-p", "IdleHint", "-p", "IdleSinceHintMonotonic"),
            time.monotonic(),
        ),
        _idle_of_terminals(_TERMINALS),
    ]
    return min((idle for idle in known if idle is not None), default=None)


def idle_of_ioreg(told: bytes) -> float | None:
    """Seconds, from what `ioreg -c IOHIDSystem` prints: nanoseconds."""
    found = _HID_IDLE.search(told)
    return None if found is None else int(found.group(1)) / 1e9


def idle_of_logind(told: bytes, monotonic_s: float) -> float | None:
    """Seconds, from what `loginctl show-user` prints: idle or not, and since when in microseconds."""
    values = dict(line.split("=", 1) for line in told.decode("ascii", "replace").splitlines() if "=" in line)
    if values.get("IdleHint") == "no":
        return 0.0
    since = values.get("IdleSinceHintMonotonic", "")
    if values.get("IdleHint") != "yes" or not since.isdecimal():
        return None
    return max(0.0, monotonic_s - int(since) / 1e6)


def _idle_of_terminals(directory: Path) -> float | None:
    """Seconds since a key in one of the user's own terminals; None where there is none."""
    read_at: list[float] = []
    with suppress(OSError):
        for terminal in directory.iterdir():
            with suppress(OSError):
                status = terminal.stat()
                if status.st_uid == os.getuid() and terminal.name.isdecimal():
                    read_at.append(status.st_atime)
    return max(0.0, time.time() - max(read_at)) if read_at else None


def _told_by(*command: str) -> bytes:
    """What a tool of the system prints; nothing where it is not here, fails, or does not answer in time."""
    try:
        return subprocess.run(command, capture_output=True, timeout=_TOOL_TIMEOUT_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return b""


# Energy -------------------------------------------------------------------------------------------------------


class _PackageEnergy:
    """The processor's counters (RAPL), one a package, each of which begins anew at its own maximum."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._last: dict[Path, int] = {}
        self._total_j = 0.0

    def read_j(self) -> float | None:
        packages = sorted(self._root.glob("intel-rapl:[0-9]*")) if self._root.is_dir() else []
        # `intel-rapl:0` is a package; `intel-rapl:0:1` a part of it.
        readings = [(place, _integer_in(place / "energy_uj")) for place in packages if place.name.count(":") == 1]
        if not readings or any(reading is None for _, reading in readings):
            return None  # there is none, or it is for root alone
        for place, reading in readings:
            now, before = reading or 0, self._last.get(place)
            if before is not None:
                wrapped = 0 if now >= before else (_integer_in(place / "max_energy_range_uj") or 0)
                self._total_j += (now - before + wrapped) / 1e6
            self._last[place] = now
        return self._total_j


def _integer_in(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
