"""Clocks that jump, machines that sleep and start anew: no limit is exceeded in true time. The large run is by hand."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_seal.clock import Uptime
from edge_seal.config import LimitSettings
from edge_seal.storage.database import Database
from edge_seal.updates.clock_marks import Stretch, vouched_s
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.spending import UNSEEN_CPU_S, Spending
from tests.updates.clock_schedules import DAY, HOUR, Machine, exceeded, limits_of, run

MINUTE = 60.0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_no_schedule_exceeds_a_limit(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    source = random.Random(seed)
    limits = limits_of(source)
    with closing(Database.open(tmp_path_factory.mktemp("schedule") / "one.db")) as database:
        assert exceeded(run(source, database, limits), limits) == []


def books(tmp_path: Path, machine: Machine) -> Spending:
    database = Database.open(tmp_path / "edge-seal.db")
    return Spending(database, Ledger(database, machine), machine)


def learn(spending: Spending) -> None:
    with spending._database.transaction():
        from edge_seal.updates.clock_marks import in_body

        body = {"clock": in_body(spending.marks.mark())}
        spending._ledger.append("update.trained", actor="cycle", subject="u1", body=body)


LIMITS = LimitSettings(updates_per_hour=1, updates_per_day=2, minutes_between_updates=0)


def test_within_one_start_the_limit_is_lifted_to_the_second(tmp_path: Path) -> None:
    machine = Machine()
    spending = books(tmp_path, machine)
    learn(spending)
    machine.true_s += HOUR - 1
    assert not spending.allowance(LIMITS).allowed
    machine.true_s += 1
    assert spending.allowance(LIMITS).allowed, "asleep or awake: the uptime goes on"


def test_a_clock_set_forward_mints_nothing_with_and_without_a_restart(tmp_path: Path) -> None:
    machine = Machine()
    spending = books(tmp_path, machine)
    learn(spending)
    machine.wall_is_ahead_s += 30 * DAY
    assert not spending.allowance(LIMITS).allowed
    machine.restart()
    assert not spending.allowance(LIMITS).allowed
    machine.true_s += HOUR
    spending.marks.mark()
    machine.true_s += HOUR
    assert spending.allowance(LIMITS).allowed, "an hour of uptime that two marks vouch for"


def test_a_clock_set_back_freezes_until_it_has_caught_up(tmp_path: Path) -> None:
    machine = Machine()
    spending = books(tmp_path, machine)
    learn(spending)
    machine.wall_is_ahead_s -= 5 * HOUR
    machine.true_s += 5 * HOUR + 59 * MINUTE
    allowance = spending.allowance(LIMITS)
    assert not allowance.allowed
    machine.true_s += MINUTE
    assert spending.allowance(LIMITS).allowed


def test_an_entry_of_an_older_version_counts_as_old_as_the_marks_vouch_for(tmp_path: Path) -> None:
    machine = Machine()
    spending = books(tmp_path, machine)
    with spending._database.transaction():
        spending._ledger.append("update.trained", actor="cycle", subject="u1", body={})
    machine.true_s += 2 * HOUR
    assert not spending.allowance(LIMITS).allowed, "nothing was marked yet: the wall clock alone tells it"
    spending.marks.mark()
    machine.true_s += HOUR
    assert spending.allowance(LIMITS).allowed


def test_a_cycle_that_was_killed_counts_what_it_told_and_a_margin(tmp_path: Path) -> None:
    from edge_seal.updates.spending import Cost

    machine = Machine()
    spending = books(tmp_path, machine)
    run_id = spending.begin("user")
    spending.tick(run_id, Cost(10, 30.0, 100.0, measured=False))
    assert spending.allowance(LIMITS).left("cpu_seconds_per_day") == LIMITS.cpu_seconds_per_day - 30 - UNSEEN_CPU_S
    spending.begin("user")
    assert [record.outcome for record in spending.runs()] == ["interrupted", "running"]
    assert spending.allowance(LIMITS).left("cpu_seconds_per_day") == LIMITS.cpu_seconds_per_day - 30 - 2 * UNSEEN_CPU_S


def test_a_home_that_went_to_a_machine_long_up_gains_nothing_by_it() -> None:
    then = Uptime("here", 100.0)
    stretches = [Stretch("here", 90.0, 160.0), Stretch("there", 8e6, 8e6 + 50)]
    assert vouched_s(then, stretches, Uptime("there", 8e6 + 80)) == 60 + 80
    assert vouched_s(then, stretches[:1], Uptime("there", 9e6)) == 60, "not marked there yet"


def test_a_machine_put_back_to_an_earlier_state_gains_nothing(tmp_path: Path) -> None:
    machine = Machine()
    spending = books(tmp_path, machine)
    machine.true_s += 500
    learn(spending)
    machine.started_at_s += 400  # its uptime went back
    spending.marks.mark()
    assert len(spending.marks.stretches()) == 2
    assert not spending.allowance(LIMITS).allowed
    assert vouched_s(Uptime("a", 500), [], Uptime("a", 100)) == 0
