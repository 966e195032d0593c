"""How many threads computing is worth: one a physical core that this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

_TOPOLOGY = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores() -> int:
    """Physical cores within this process's affinity and CPU quota; at least 1.

    Two threads on one core share its arithmetic units and slow each other down. Where the system does not tell which
    are siblings, every logical core counts.
    """
    # Read by name: macOS has no affinity, and type checkers know only the platform they run on.
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    usable = affinity(0) if affinity else set(range(os.cpu_count() or 1))
    cores = {_siblings(cpu) for cpu in usable}
    return max(1, min(len(cores), _quota()))


def _siblings(cpu: int) -> str:
    try:
        return Path(_TOPOLOGY.format(cpu)).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return str(cpu)


def _quota() -> int:
    """Whole cores' worth of time that the control group allows; very many where it sets no bound."""
    try:
        allowed, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, round(int(allowed) / int(period)))
    except (OSError, ValueError):
        return 1 << 16
