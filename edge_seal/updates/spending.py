"""What learning has used, and what is left: the ledger and the clocks, brought before the rule in `budget`.

Updates are counted from the ledger, in whose entries the uptime stands beside the time; processor seconds and energy
from `learning_runs`, one row a cycle, written before it begins and moved on while it works, so that neither Ctrl-C
nor kill -9 makes a cycle free.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from edge_seal.clock import Clock, Uptime, parse_timestamp, timestamp
from edge_seal.config import LimitSettings
from edge_seal.errors import IntegrityError, LimitReached
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates.budget import COUNTED_EVENT, DAY, LONGEST, Allowance, Learned, Spent, allowance
from edge_seal.updates.clock_marks import ClockMarks, of_body
from edge_seal.updates.ledger import Ledger, body_of

RUNNING: Final = "running"
INTERRUPTED: Final = "interrupted"
UNSEEN_CPU_S: Final = 20.0
"""What a cycle that was killed counts beyond its last tick: ticks are five seconds apart, on a few cores."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a cycle has used so far. `measured`: the energy is a counter's reading, not an estimate."""

    wall_s: float
    cpu_s: float
    energy_j: float
    measured: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One cycle: when it last told of itself, who asked for it, what became of it, and what it used."""

    at: str
    actor: str
    update_id: str | None
    outcome: str
    cost: Cost


class Spending:
    """The books of one home."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self.marks = ClockMarks(database, clock)

    def allowance(self, limits: LimitSettings) -> Allowance:
        """What the limits say now.

        Raises:
            IntegrityError: an entry of the ledger has a damaged time.
        """
        return allowance(limits, self._learned(), self._clock.now(), self._spent())

    def require(self, limits: LimitSettings) -> Allowance:
        """Returns if an update may be learned now.

        Raises:
            LimitReached: it may not; `allowed_at` says when, if time alone lifts it.
        """
        allowed = self.allowance(limits)
        if not allowed.allowed:
            raise LimitReached(allowed.reason, allowed_at=allowed.allowed_at, next_step="edge-seal limits show")
        return allowed

    # Cycles -----------------------------------------------------------------------------------------------

    def begin(self, actor: str) -> int:
        """A row for a cycle that is about to begin, on the disk before it does; gives its number."""
        with self._database.transaction():
            # Whoever holds the write lock is alone: what still runs by its row was killed.
            self._database.execute(
                "UPDATE learning_runs SET outcome = ?, cpu_s = cpu_s + ? WHERE outcome = ?",
                (INTERRUPTED, UNSEEN_CPU_S, RUNNING),
            )
            uptime = self.marks.mark()
            self._database.execute(
                "INSERT INTO learning_runs (at, boot, uptime_s, actor, outcome) VALUES (?, ?, ?, ?, ?)",
                (timestamp(self._clock.now()), uptime.boot, uptime.seconds, actor, RUNNING),
            )
            return self._database.last_row_id

    def tick(self, run: int, cost: Cost, outcome: str = RUNNING, update_id: str | None = None) -> None:
        """What the cycle has used until now; with another `outcome` it has ended."""
        with self._database.transaction():
            uptime = self.marks.mark()
            self._database.execute(
                "UPDATE learning_runs SET at = ?, boot = ?, uptime_s = ?, wall_s = ?, cpu_s = ?, energy_j = ?,"
                " energy_measured = ?, outcome = ?, update_id = ? WHERE id = ?",
                (
                    timestamp(self._clock.now()),
                    uptime.boot,
                    uptime.seconds,
                    cost.wall_s,
                    cost.cpu_s,
                    cost.energy_j,
                    int(cost.measured),
                    outcome,
                    None if update_id is None else int(update_id.removeprefix("u")),
                    run,
                ),
            )

    def runs(self, since: str = "") -> tuple[RunRecord, ...]:
        """The cycles since the stored time `since`, oldest first."""
        rows = self._database.rows(
            "SELECT at, actor, update_id, outcome, wall_s, cpu_s, energy_j, energy_measured FROM learning_runs"
            " WHERE at >= ? ORDER BY id",
            (since,),
        )
        return tuple(
            RunRecord(
                str(at),
                str(actor),
                None if update is None else f"u{update}",
                str(outcome),
                Cost(_number(wall), _number(cpu), _number(energy), bool(measured)),
            )
            for at, actor, update, outcome, wall, cpu, energy, measured in rows
        )

    # Inside -----------------------------------------------------------------------------------------------

    def _learned(self) -> tuple[Learned, ...]:
        found, age_of = list[Learned](), self.marks.aging()
        for entry in self._ledger.of_events(COUNTED_EVENT):
            if entry.event != COUNTED_EVENT:
                continue
            try:
                at = parse_timestamp(entry.at)
            except ValueError as error:
                raise IntegrityError(
                    f"entry {entry.seq} of the ledger has a damaged time", next_step="edge-seal audit verify"
                ) from error
            age = age_of(at, of_body(body_of(entry).get("clock")))
            if age.leaves_in(LONGEST) > timedelta(0):
                found.append(Learned(at, age))
        return tuple(found)

    def _spent(self) -> tuple[Spent, ...]:
        rows = self._database.rows("SELECT at, boot, uptime_s, cpu_s, outcome FROM learning_runs ORDER BY id")
        found, age_of = list[Spent](), self.marks.aging()
        for at, boot, uptime_s, cpu_s, outcome in rows:
            try:
                age = age_of(parse_timestamp(str(at)), Uptime(str(boot), _number(uptime_s)))
            except ValueError as error:
                raise IntegrityError("a cycle is recorded at a damaged time", next_step="edge-seal doctor") from error
            if age.leaves_in(DAY) > timedelta(0):
                found.append(Spent(age, _number(cpu_s) + (UNSEEN_CPU_S if outcome == RUNNING else 0.0)))
        return tuple(found)


def _number(value: SqlValue) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
