"""However a change is cut off, the next start finds the state before it or the state after it.

Every step of every scenario is failed. By default not in every way: that takes some minutes, and is done with
`EDGE_SEAL_ALL_FAULTS=1`.
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

SCENARIOS = ("Learn", "RollBack", "Refuse")
# A rollback is one transaction, failed in all ways; the longer ones are killed, and learning meets a full disk too.
CHOSEN: tuple[tuple[str, Fault], ...] = (
    *(("RollBack", fault) for fault in FAULTS),
    ("Learn", "kill"),
    ("Learn", "full"),
    ("Refuse", "kill"),
)
ALL: tuple[tuple[str, Fault], ...] = tuple((scenario, fault) for scenario in SCENARIOS for fault in FAULTS)
EVERYTHING = "EDGE_SEAL_ALL_FAULTS" in os.environ


@pytest.mark.parametrize(("scenario", "fault"), ALL if EVERYTHING else CHOSEN)
def test_only_the_state_before_or_after(
    fault_library: Path, quick_directory: Path, scenario: str, fault: Fault
) -> None:
    attempts = exhaust(fault_library, quick_directory, f"tests.updates.crash_scenarios:{scenario}", fault)
    assert_before_or_after(attempts)


# Longer ones: forgetting writes the whole file anew. By default at every so many of their changes to a file.
LONG: tuple[tuple[str, Fault, int], ...] = (
    ("ForgetLearned", "kill", 23),
    ("ForgetLearned", "full", 67),
    ("ForgetLearned", "error", 11),
    ("SetLimit", "kill", 5),
    ("SetLimit", "error", 7),
    ("SetLimit", "full", 11),
)
EVERY: tuple[tuple[str, Fault, int], ...] = tuple(
    (scenario, fault, 1) for scenario in ("ForgetLearned", "SetLimit") for fault in FAULTS
)


@pytest.mark.timeout(900 if EVERYTHING else 300)
@pytest.mark.parametrize(("scenario", "fault", "every"), EVERY if EVERYTHING else LONG)
def test_forgetting_and_settings_are_done_or_not(
    fault_library: Path, quick_directory: Path, scenario: str, fault: Fault, every: int
) -> None:
    attempts = exhaust(fault_library, quick_directory, f"tests.updates.crash_scenarios:{scenario}", fault, every=every)
    assert_before_or_after(attempts)


DECISIONS = ("CanaryStarts", "CanaryTakesBack", "CanaryPromotes", "ReviewUndoes", "WatchTakesBack", "LetLessonIn")


@pytest.mark.parametrize("fault", FAULTS if EVERYTHING else ("kill",))
@pytest.mark.parametrize("scenario", DECISIONS)
def test_a_decision_is_made_or_not(fault_library: Path, quick_directory: Path, scenario: str, fault: Fault) -> None:
    name = f"tests.updates.decision_scenarios:{scenario}"
    assert_before_or_after(exhaust(fault_library, quick_directory, name, fault, every=1 if EVERYTHING else 4))


# By default each in one way, at every 19th of its changes.
COMMANDS: tuple[tuple[str, Fault], ...] = (
    ("Approve", "error"),
    ("ApproveForCanary", "full"),
    ("RejectWaiting", "error"),
    ("PromoteByHand", "full"),
    ("RejectOnCanary", "error"),
    ("ReviewAccepts", "full"),
    ("ReviewUndoesByCommand", "error"),
    ("RollBackByCommand", "full"),
    ("LetInByCommand", "error"),
    ("ScheduleOn", "kill"),
    ("ScheduleOff", "kill"),
)
EVERY_COMMAND: tuple[tuple[str, Fault], ...] = tuple(
    (scenario, fault)
    for scenario, _ in COMMANDS
    for fault in FAULTS
    # The session is told first, by a program that faults do not reach: an error leaves only the state after.
    if scenario != "ScheduleOff" or fault in {"kill", "torn"}
)


@pytest.mark.timeout(900 if EVERYTHING else 120)
@pytest.mark.parametrize(("scenario", "fault"), EVERY_COMMAND if EVERYTHING else COMMANDS)
def test_what_a_command_decides_holds_or_does_not(
    fault_library: Path, quick_directory: Path, scenario: str, fault: Fault
) -> None:
    name = f"tests.updates.command_scenarios:{scenario}"
    assert_before_or_after(exhaust(fault_library, quick_directory, name, fault, every=1 if EVERYTHING else 19))


@pytest.mark.parametrize("fault", FAULTS if EVERYTHING else ("kill",))
def test_a_first_start_that_was_cut_off_can_be_done_again(
    fault_library: Path, quick_directory: Path, fault: Fault
) -> None:
    attempts = exhaust(fault_library, quick_directory, "tests.updates.crash_scenarios:FirstStart", fault)
    assert len(attempts) > 10
    assert {attempt.found for attempt in attempts} == {"usable"}
