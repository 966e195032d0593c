"""However a change of what is known is cut off, the next command finds the state before it or the state after it.

By default each is killed at every 11th of its changes to a file; `EDGE_SEAL_ALL_FAULTS=1` fails every one in every way.
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

EVERYTHING = "EDGE_SEAL_ALL_FAULTS" in os.environ


@pytest.mark.timeout(900 if EVERYTHING else 120)
@pytest.mark.parametrize("fault", FAULTS if EVERYTHING else ("kill",))
@pytest.mark.parametrize("scenario", ["Supersede", "Accept", "Resolve", "Edit", "Reembed"])
def test_only_the_state_before_or_after(
    fault_library: Path, quick_directory: Path, scenario: str, fault: Fault
) -> None:
    attempts = exhaust(
        fault_library,
        quick_directory,
        f"tests.memory.crash_scenarios:{scenario}",
        fault,
        # Embedding anew writes much more than the others.
        every=1 if EVERYTHING else 43 if scenario == "Reembed" else 11,
    )
    assert_before_or_after(attempts)
