"""How much time has passed for sure since something was recorded, across restarts of the machine.

Invariants: `vouched` is never more than the time that has truly passed, however the wall clock was set; within one
start of the machine it is exactly that. Of other starts it knows what the marks say: the stretches of uptime between
the first and the last mark of each. What lies between two starts is not counted, for the wall clock alone tells it.

A mark is one row, moved on at every look at the limits, every answer and every cycle; the time since the last mark of
a start is lost when the machine goes off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge_seal.clock import Clock, Uptime, timestamp
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates.budget import Age
from edge_seal.updates.canonical import JsonValue


@dataclass(frozen=True, slots=True)
class Stretch:
    """Seconds of uptime of one start of the machine, from `first_s` to `last_s`, that have passed for sure."""

    boot: str
    first_s: float
    last_s: float

    @property
    def seconds(self) -> float:
        return self.last_s - self.first_s


def vouched_s(then: Uptime | None, stretches: Sequence[Stretch], now: Uptime) -> float:
    """The seconds that have passed for sure from `then` to `now`; never below zero, never more than the truth.

    `stretches` are in the order in which they began. `then` is None for what an older version recorded: it was before
    all of them.
    """
    if then is not None and then.boot == now.boot:
        return max(0.0, now.seconds - then.seconds)
    open_s = 0.0
    if stretches and stretches[-1].boot == now.boot:
        open_s = max(0.0, now.seconds - stretches[-1].last_s)
    if then is None:
        return sum(stretch.seconds for stretch in stretches) + open_s
    for place in range(len(stretches) - 1, -1, -1):
        stretch = stretches[place]
        if stretch.boot == then.boot and stretch.first_s <= then.seconds <= stretch.last_s:
            later = sum(after.seconds for after in stretches[place + 1 :])
            return stretch.last_s - then.seconds + later + open_s
    # Its mark is missing: of this start alone it is sure that it came after.
    return (stretches[-1].seconds if stretches and stretches[-1].boot == now.boot else 0.0) + open_s


class ClockMarks:
    """The table `clock_marks`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def mark(self) -> Uptime:
        """Moves the mark on to now, in the caller's transaction or one of its own; gives the uptime that it is at."""
        with self._database.transaction():
            now, at = self._clock.uptime(), timestamp(self._clock.now())
            row = self._database.row("SELECT id, boot, last_s FROM clock_marks ORDER BY id DESC LIMIT 1")
            if row is not None and row[1] == now.boot and _number(row[2]) <= now.seconds:
                self._database.execute(
                    "UPDATE clock_marks SET last_s = ?, last_at = ? WHERE id = ?", (now.seconds, at, row[0])
                )
            else:
                # Another start, or a machine that was put back to an earlier state: a stretch of its own.
                self._database.execute(
                    "INSERT INTO clock_marks (boot, first_s, last_s, last_at) VALUES (?, ?, ?, ?)",
                    (now.boot, now.seconds, now.seconds, at),
                )
        return now

    def aging(self) -> Callable[[datetime, Uptime | None], Age]:
        """A function that tells how long ago, as of now, something was that was recorded at a time and an uptime."""
        stretches, uptime, now = self.stretches(), self._clock.uptime(), self._clock.now()
        return lambda at, then: Age(now - at, timedelta(seconds=vouched_s(then, stretches, uptime)))

    def stretches(self) -> tuple[Stretch, ...]:
        """All of them, in the order in which they began."""
        rows = self._database.rows("SELECT boot, first_s, last_s FROM clock_marks ORDER BY id")
        return tuple(Stretch(str(boot), _number(first), _number(last)) for boot, first, last in rows)


def in_body(uptime: Uptime) -> dict[str, JsonValue]:
    """`uptime` as an entry of the ledger tells it: text, so that every reader hashes the same."""
    return {"boot": uptime.boot, "uptime_s": repr(uptime.seconds)}


def of_body(body: JsonValue) -> Uptime | None:
    """The inverse of `in_body`; None where it is no such thing."""
    if not isinstance(body, dict):
        return None
    boot, seconds = body.get("boot"), body.get("uptime_s")
    try:
        return Uptime(boot, float(seconds)) if isinstance(boot, str) and isinstance(seconds, str) else None
    except ValueError:
        return None


def _number(value: SqlValue) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
