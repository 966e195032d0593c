"""The watch over what answers: an update whose answers leave their control limits is taken back by itself.

Compared are the turns that an update answered since it first became active with those before it: thumbs down,
corrections, answers asked for again, broken answers, each as a share of turns, and thumbs up as a share of thumbs
(`updates.control_limits`: exact quantiles of what the turns before lead to expect). The gate's drift is compared with
the bound as it is set now. Invariants, so that it never flaps:

- An update is watched once: from the first time it answers until so many turns. What a rollback brings back, by
  whoever's hand, is not watched.
- After an automatic rollback there is none for a while.
- It looks after 8, 16, 32, ... turns and at nothing in between: so the false alarms of a whole watch are few.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from edge_seal.clock import Clock, parse_timestamp, timestamp
from edge_seal.config import GateSettings, RollbackSettings
from edge_seal.records import Actor, LedgerEntry, State, Update
from edge_seal.storage.database import Database
from edge_seal.updates.announcements import announce
from edge_seal.updates.audit import event_of
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.control_limits import ControlVerdict, Counts, Standing, judge_share
from edge_seal.updates.ledger import Ledger, body_of
from edge_seal.updates.outcomes import SAID_COLUMNS, said_turn
from edge_seal.updates.release import LAST_TURN, Releases
from edge_seal.updates.rows import UpdateRows, number_of
from edge_seal.updates.verification import BASE

ACTOR: Final = Actor.CANARY
FIRST_LOOK: Final = 8
BASELINE_TURNS: Final = 200
# What the gate has seen of every update before: answers to general questions, none of them broken.
_UNBROKEN_AT_THE_GATE: Final = Counts(0, 20)
_LOOKED: Final = "watch.looked"


@dataclass(frozen=True, slots=True)
class TurnCounts:
    """What was said about some turns, and whether they were sound."""

    turns: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    corrections: int = 0
    regenerations: int = 0
    broken: int = 0

    def share(self, count: int) -> Counts:
        return Counts(min(count, self.turns), self.turns)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One figure that has left its limits: its name, and why in words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """An automatic rollback: what was taken back, what answers now, and why."""

    update: Update
    active: Update | None
    alarms: tuple[Alarm, ...]

    @property
    def words(self) -> str:
        why = "; ".join(alarm.reason for alarm in self.alarms)
        now = self.active.id if self.active is not None else "the base model"
        return (
            f"{self.update.id} was taken back by itself, {now} answers now: {why};"
            f" `edge-seal rollback {self.update.id}` brings it back for good"
        )


def alarms(
    before: TurnCounts,
    after: TurnCounts,
    *,
    false_alarm: float,
    drift: float | None = None,
    drift_bound: float | None = None,
) -> tuple[Alarm, ...]:
    """What of `after` is worse than `before` leads to expect. Pure."""
    return tuple(_alarms(before, after, false_alarm, drift, drift_bound))


def _alarms(
    before: TurnCounts, after: TurnCounts, false_alarm: float, drift: float | None, drift_bound: float | None
) -> Iterator[Alarm]:
    compared: tuple[tuple[str, Counts, Counts, Literal["higher", "lower"]], ...] = (
        ("thumbs down", before.share(before.thumbs_down), after.share(after.thumbs_down), "higher"),
        ("corrections", before.share(before.corrections), after.share(after.corrections), "higher"),
        ("answers asked for again", before.share(before.regenerations), after.share(after.regenerations), "higher"),
        (
            "broken answers",
            before.share(before.broken) + _UNBROKEN_AT_THE_GATE,
            after.share(after.broken),
            "higher",
        ),
        (
            "satisfaction",
            Counts(before.thumbs_up, before.thumbs_up + before.thumbs_down),
            Counts(after.thumbs_up, after.thumbs_up + after.thumbs_down),
            "lower",
        ),
    )
    for name, usual, recent, worse in compared:
        verdict = judge_share(usual, recent, worse=worse, false_alarm=false_alarm)
        if verdict.standing is Standing.WORSE:
            yield Alarm(name, _words(name, recent, verdict))
    if drift is not None and drift_bound is not None and drift > drift_bound:
        yield Alarm("drift", f"answers to general questions moved {drift:.2g} nats, and {drift_bound:.2g} are allowed")


def _words(name: str, recent: Counts, verdict: ControlVerdict) -> str:
    limit = verdict.bounds.lower if name == "satisfaction" else verdict.bounds.upper
    return f"{name} {recent.hits} of {recent.n}, where {verdict.bounds.usual:.0%} is usual and {limit:.0%} the limit"


class Watch:
    """Looks at the active update. What changes a state is for who holds the write lock."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        releases: Releases,
        clock: Clock,
        settings: RollbackSettings,
        gate: GateSettings,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._releases = releases
        self._clock = clock
        self._settings = settings
        self._gate = gate
        self._rows = UpdateRows(database)

    def due(self) -> bool:
        """Whether there is something to look at that was not looked at yet."""
        return self._look() is not None

    def act(self, clean_target: str | None = None) -> Taken | None:
        """Looks, and takes the active update back where its answers have left their limits.

        `clean_target` is where to go instead of its parent, where that one may not answer. One transaction: the look,
        the rollback, its entries and the announcement.
        """
        with self._database.transaction():
            look = self._look()
            if look is None:
                return None
            update, place = look
            self._database.execute(
                "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)",
                (_LOOKED, json.dumps({"update": update.id, "turns": place})),
            )
            before, after = self.counts(update)
            found = alarms(
                before,
                after,
                false_alarm=self._settings.false_alarm,
                drift=self._drift(update),
                drift_bound=self._gate.maximum_anchor_drift_nats,
            )
            if not found or self._is_cooling_down():
                return None
            target = clean_target or update.parent_id or BASE
            body: dict[str, JsonValue] = {
                "target": target,
                "turns": after.turns,
                "alarms": [{"name": alarm.name, "reason": alarm.reason} for alarm in found],
            }
            self._ledger.append("watch.alarmed", actor=ACTOR, subject=update.id, body=body)
            taken = Taken(update, self._releases.rollback(target, ACTOR), found)
            announce(self._database, taken.words, timestamp(self._clock.now()))
            return taken

    def counts(self, update: Update) -> tuple[TurnCounts, TurnCounts]:
        """What was said about the turns before `update` first answered everybody, and about its own since then."""
        condition, place = _since(self._activations(update)[0])
        number = number_of(update.id)
        before = self._counted(
            f"NOT ({condition}) AND update_id IS NOT ?", (place, number), BASELINE_TURNS, newest=True
        )
        after = self._counted(f"{condition} AND update_id = ?", (place, number), self._settings.turns)
        return before, after

    # Inside -----------------------------------------------------------------------------------------------

    def _look(self) -> tuple[Update, int] | None:
        """The update to look at and the place of this look; None: nothing is watched, or it is not time."""
        update = self._rows.active()
        if update is None or not self._settings.automatic:
            return None
        activations = self._activations(update)
        if len(activations) != 1 or "rollback_from" in body_of(activations[0]):
            return None
        condition, place = _since(activations[0])
        row = self._database.row(
            f"SELECT count(*) FROM turns WHERE update_id = ? AND {condition}",  # noqa: S608  # our own words
            (number_of(update.id), place),
        )
        turns = row[0] if row is not None and isinstance(row[0], int) else 0
        place = _place(min(turns, self._settings.turns))
        looked = self._looked(update)
        return (update, place) if place > looked else None

    def _activations(self, update: Update) -> Sequence[LedgerEntry]:
        return [entry for entry in self._ledger.of_events(event_of(State.ACTIVE)) if entry.subject == update.id]

    def _looked(self, update: Update) -> int:
        row = self._database.row("SELECT value FROM settings WHERE key = ?", (_LOOKED,))
        if row is None:
            return 0
        kept: dict[str, object] = json.loads(str(row[0]))
        turns = kept.get("turns")
        return turns if kept.get("update") == update.id and isinstance(turns, int) else 0

    def _is_cooling_down(self) -> bool:
        alarmed = self._ledger.of_events("watch.alarmed")
        since = timedelta(hours=self._settings.hours_between)
        if not alarmed:
            return False
        # A time that lies ahead says nothing: the clock was set back, and must not keep a broken update answering.
        passed = self._clock.now() - parse_timestamp(alarmed[-1].at)
        return timedelta(0) <= passed < since

    def _drift(self, update: Update) -> float | None:
        """What the gate measured of the drift, as the ledger has it."""
        for entry in self._ledger.of_events(event_of(State.GATED)):
            measures = body_of(entry).get("measures") if entry.subject == update.id else None
            for measure in measures if isinstance(measures, list) else ():
                if isinstance(measure, dict) and measure.get("name") == "anchor_drift":
                    return float(str(measure.get("after")))
        return None

    def _counted(self, condition: str, values: tuple[str | int, ...], most: int, *, newest: bool = False) -> TurnCounts:
        order = "DESC" if newest else "ASC"
        selected = f"SELECT {SAID_COLUMNS} FROM turns WHERE {condition}"  # noqa: S608  # our own words
        rows = self._database.rows(f"{selected} ORDER BY id {order} LIMIT ?", (*values, most))
        turns = [said_turn(row) for row in rows]
        return TurnCounts(
            turns=len(turns),
            thumbs_up=sum("good" in turn.kinds for turn in turns),
            thumbs_down=sum("bad" in turn.kinds for turn in turns),
            corrections=sum("correction" in turn.kinds for turn in turns),
            regenerations=sum(turn.set_aside for turn in turns),
            broken=sum(turn.is_broken for turn in turns),
        )


def _since(activation: LedgerEntry) -> tuple[str, int | str]:
    """The turns since an activation, as a condition on their rows; by the time in entries of earlier versions."""
    last = body_of(activation).get(LAST_TURN)
    return ("id > ?", last) if isinstance(last, int) else ("created_at >= ?", activation.at)


def _place(turns: int) -> int:
    """The last of 8, 16, 32, … that `turns` has reached; 0 before the first."""
    place = 0
    look = FIRST_LOOK
    while look <= turns:
        place, look = look, look * 2
    return place
