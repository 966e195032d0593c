"""A machine whose true time is known, whatever its clocks say, and random schedules of what may happen to it.

`python -m tests.updates.clock_schedules 10000 [FIRST]` runs so many schedules and prints what came of them.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from edge_seal.clock import Uptime
from edge_seal.config import LimitSettings
from edge_seal.errors import LimitReached
from edge_seal.storage.database import Database
from edge_seal.updates.budget import COUNTED_EVENT
from edge_seal.updates.clock_marks import in_body
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.spending import Cost, Spending

START = datetime(2025, 3, 29, 22, tzinfo=UTC)
_SETTINGS = ("back", "forward", "zone", "off and set")
_MEMORY = Path("/dev/shm")  # noqa: S108  # a directory of random name is made in it
HOUR, DAY, WEEK = 3600, 86400, 7 * 86400


@dataclass
class Machine:
    """A clock for the program under test. `true_s` is what it cannot see."""

    true_s: float = 0.0
    wall_is_ahead_s: float = 0.0
    started_at_s: float = -1000.0
    starts: int = 0
    wall: datetime = field(default=START)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.true_s + self.wall_is_ahead_s)

    def monotonic(self) -> float:
        return self.true_s - self.started_at_s

    def uptime(self) -> Uptime:
        return Uptime(f"boot {self.starts}", self.true_s - self.started_at_s)

    def restart(self) -> None:
        self.starts += 1
        self.started_at_s = self.true_s


@dataclass
class Outcome:
    """True times of the updates, and (true time, seconds) of the cycles."""

    updates: list[float] = field(default_factory=list[float])
    cycles: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    asked: int = 0


def run(source: random.Random, database: Database, limits: LimitSettings, *, honest: bool = False) -> Outcome:
    """Lives through one random schedule, learning whenever it is allowed to; `honest`: nobody sets the clock.

    A cycle uses what processor time it likes, and is stopped at what was left, as the meter does.
    """
    machine, outcome = Machine(started_at_s=-source.uniform(0, WEEK)), Outcome()
    ledger = Ledger(database, machine)
    spending = Spending(database, ledger, machine)
    eager = source.random() < 0.5
    for _ in range(source.randint(10, 60)):
        _something_happens(machine, source, honest=honest)
        for _ in range(source.randint(1, 6) if eager else 1):
            if source.random() < 0.3:
                spending.marks.mark()
            outcome.asked += 1
            try:
                left = spending.require(limits).left("cpu_seconds_per_day")
            except LimitReached:
                break  # asked again in the same moment, it would say the same
            run_id = spending.begin("test")
            lasted = source.uniform(0, 120)
            machine.true_s += lasted
            used = min(left, source.expovariate(1 / 400))
            with database.transaction():
                if source.random() < 0.8:
                    body = {"clock": in_body(spending.marks.mark())}
                    ledger.append(COUNTED_EVENT, actor="cycle", subject="u1", body=body)
                    outcome.updates.append(machine.true_s)
            spending.tick(run_id, Cost(lasted, used, 0.0, False), "ended")
            outcome.cycles.append((machine.true_s, used))
    return outcome


def _something_happens(machine: Machine, source: random.Random, *, honest: bool) -> None:
    passing = source.choice([1, 60, 600, HOUR, 5 * HOUR, DAY, 3 * DAY]) * source.uniform(0.2, 1.5)
    kinds = (
        ["on", "on", "asleep", "off"] if honest else ["on", "asleep", "off", "back", "forward", "zone", "off and set"]
    )
    match source.choice(kinds):
        case "on" | "asleep":
            machine.true_s += passing
        case "off":
            machine.true_s += passing
            machine.restart()
        case "back":
            machine.wall_is_ahead_s -= _a_setting(source)
        case "forward":
            machine.wall_is_ahead_s += _a_setting(source)
        case "zone":
            # Someone sets the clock by hand at the change to summer time or back, where it would have moved by itself.
            machine.wall_is_ahead_s += source.choice([-HOUR, HOUR])
        case _:
            machine.true_s += source.uniform(5, 60)
            machine.restart()
            machine.wall_is_ahead_s += source.choice([HOUR, DAY, WEEK])


def _a_setting(source: random.Random) -> float:
    """How far someone moves the clock, in seconds: mostly by less than a window, at times by a year."""
    return source.choice([1, 60, 600, HOUR, HOUR, DAY, DAY, WEEK, 400 * DAY]) * source.random()


def exceeded(outcome: Outcome, limits: LimitSettings) -> list[str]:
    """Which limits were exceeded in true time."""
    found: list[str] = []
    for name, window, most in (
        ("hour", HOUR, limits.updates_per_hour),
        ("day", DAY, limits.updates_per_day),
        ("week", WEEK, limits.updates_per_week),
    ):
        if _most_in_a_window(outcome.updates, window) > most:
            found.append(name)
    gaps = [after - before for before, after in zip(outcome.updates, outcome.updates[1:], strict=False)]
    if any(gap < 60 * limits.minutes_between_updates - 1e-3 for gap in gaps):
        found.append("minutes between")
    for end, _ in outcome.cycles:
        # What a cycle used counts from its end; a microsecond of rounding is no day.
        if sum(cpu for at, cpu in outcome.cycles if end - DAY + 1e-3 < at <= end) > limits.cpu_seconds_per_day + 1e-3:
            found.append("processor seconds")
            break
    return found


def _most_in_a_window(times: Sequence[float], window: float) -> int:
    return max((sum(end - window + 1e-3 < at <= end for at in times) for end in times), default=0)


def limits_of(source: random.Random) -> LimitSettings:
    return LimitSettings(
        updates_per_hour=source.randint(1, 4),
        updates_per_day=source.randint(1, 6),
        updates_per_week=source.randint(2, 12),
        minutes_between_updates=source.choice([0.0, 1.0, 10.0, 300.0]),
        cpu_seconds_per_day=source.choice([300.0, 2000.0, 1e6]),
    )


def main(schedules: int, first: int = 0) -> None:
    learned, cycles, asked, bad, began = 0, 0, 0, 0, time.process_time()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as directory:
        fresh = Path(directory) / "fresh.db"
        Database.open(fresh).close()
        for seed in range(first, first + schedules):
            source, path = random.Random(seed), Path(directory) / "one.db"
            path.write_bytes(fresh.read_bytes())
            limits = limits_of(source)
            with closing(Database.open(path)) as database:
                outcome = run(source, database, limits)
            for left in Path(directory).glob("one.db*"):
                left.unlink()
            found = exceeded(outcome, limits)
            if found:
                bad += 1
                sys.stdout.write(f"seed {seed}: exceeded {', '.join(found)}\n")
            learned, cycles, asked = learned + len(outcome.updates), cycles + len(outcome.cycles), asked + outcome.asked
    sys.stdout.write(
        f"{schedules} schedules, {asked} times asked, {cycles} cycles, {learned} updates: {bad} schedules with a limit"
        f" exceeded, {time.process_time() - began:.0f} processor seconds\n"
    )


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:3]) if len(sys.argv) > 1 else (100,)))
