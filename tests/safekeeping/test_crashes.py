"""However a change of the whole home is cut off, the next command finds the state before it or the state after it.

Encrypting, decrypting, a backup, a restore, a migration, an import. By default each is killed at every 41st of its
changes to a file, and two meet a full disk; `EDGE_SEAL_ALL_FAULTS=1` fails every change in every way, which takes some
minutes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.storage.faults import (
    FAULTS,
    Fault,
    assert_before_or_after,
    exhaust,
    fault_library,
    linux_with_compiler,
    quick_directory,
)

__all__ = ["fault_library", "quick_directory"]  # fixtures

pytestmark = linux_with_compiler

SCENARIOS = ("Encrypt", "Decrypt", "Backup", "Restore", "Migrate", "Import")
EVERYTHING = "EDGE_SEAL_ALL_FAULTS" in os.environ
ALL: tuple[tuple[str, Fault], ...] = tuple((scenario, fault) for scenario in SCENARIOS for fault in FAULTS)
CHOSEN: tuple[tuple[str, Fault], ...] = (
    *((scenario, "kill") for scenario in SCENARIOS),
    ("Encrypt", "full"),
    ("Migrate", "full"),
)


@pytest.mark.timeout(900 if EVERYTHING else 120)
@pytest.mark.parametrize(("scenario", "fault"), ALL if EVERYTHING else CHOSEN)
def test_only_the_state_before_or_after(
    fault_library: Path, quick_directory: Path, scenario: str, fault: Fault
) -> None:
    attempts = exhaust(
        fault_library,
        quick_directory,
        f"tests.safekeeping.crash_scenarios:{scenario}",
        fault,
        every=1 if EVERYTHING else 41,
    )
    assert_before_or_after(attempts)
