"""The batch review: what was learned since the last one, oldest first; each update is accepted or taken back.

An update in the middle cannot be taken out alone: those after it were trained from its weights. Undoing it goes back to
its parent, drops its lessons, and lets the lessons of those after it wait, to be learned anew without it. Reviewed is
what a `review.done` entry of the ledger names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from edge_seal.clock import Clock, parse_timestamp
from edge_seal.errors import EdgeSealError
from edge_seal.records import GIVEN_ROLES, ActorName, Example, SignalState, State, Update
from edge_seal.storage.database import Database
from edge_seal.updates.audit import event_of
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import Ledger, body_of
from edge_seal.updates.release import Releases
from edge_seal.updates.rows import UpdateRows
from edge_seal.updates.verification import BASE

DONE_EVENT: Final = "review.done"


@dataclass(frozen=True, slots=True)
class Learned:
    """An update that answers, or lies under one that does, and was not reviewed yet; `since` is when it first did."""

    update: Update
    since: str
    lessons: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What undoing an update would do, before it is done.

    Attributes:
        target: what answers then: its parent, or `base`.
        taken_back: the update and those after it, oldest first.
        dropped: its lessons, by signal: they are learned no more.
        waiting: the lessons of those after it: they wait for the next `learn`.
    """

    update_id: str
    target: str
    taken_back: tuple[str, ...]
    dropped: tuple[str, ...]
    waiting: tuple[str, ...]

    @property
    def words(self) -> str:
        later = self.taken_back[1:]
        told = f"{self.update_id} is taken back to {self.target} and its {len(self.dropped)} lessons are dropped"
        if not later:
            return told
        rest = f"{', '.join(later)} {'was' if len(later) == 1 else 'were'} built on it and go with it"
        return f"{told}; {rest}: their {len(self.waiting)} lessons wait, and `edge-seal learn` learns them without it"


class Reviews:
    """What there is to review, and its record. What changes something is for who holds the write lock."""

    def __init__(self, database: Database, ledger: Ledger, releases: Releases, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._releases = releases
        self._clock = clock
        self._rows = UpdateRows(database)

    def pending(self) -> tuple[Learned, ...]:
        """What was learned since the last review and still is, oldest first."""
        reviewed, since = self._reviewed(), self._first_active()
        lineage = tuple(self._rows.with_ancestors(self._rows.active()))[::-1]
        return tuple(
            Learned(
                update,
                since.get(update.id, update.created_at),
                tuple(e for e in self._rows.examples(update.id) if e.role in GIVEN_ROLES),
            )
            for update in lineage
            if update.id not in reviewed
        )

    def last(self) -> str | None:
        """When the last review was done."""
        done = self._ledger.of_events(DONE_EVENT)
        return done[-1].at if done else None

    def overdue(self, after: timedelta) -> timedelta | None:
        """How long the oldest unreviewed update has answered, if that is at least `after`; else None.

        One that is said to have begun to answer in time to come is overdue: the clock was set back, and nobody knows.
        """
        found = [self._clock.now() - parse_timestamp(item.since) for item in self.pending() if _is_time(item.since)]
        ages = [age if age >= timedelta(0) else after for age in found]
        return max(ages) if ages and max(ages) >= after else None

    def plan(self, update_id: str) -> UndoPlan:
        """What undoing `update_id` would do; changes nothing.

        Raises:
            NotFound: there is no such update.
            EdgeSealError: it does not answer, nor lies under what does.
        """
        update = self._rows.get(update_id)
        above: list[Update] = []
        for later in self._rows.with_ancestors(self._rows.active()):
            above.insert(0, later)
            if later.id == update.id:
                break
        else:
            raise EdgeSealError(
                f"update {update.id} is {update.state} and is no part of what answers", next_step="edge-seal review"
            )
        learned = {item.id: self._releases.signals_learned(item.id) for item in above}
        # An update rehearses what those under it learned: that stays learned.
        below = () if update.parent_id is None else self._rows.with_ancestors(self._rows.get(update.parent_id))
        stays = {signal for item in below for signal in self._releases.signals_learned(item.id)}
        dropped = tuple(signal for signal in learned[update.id] if signal not in stays)
        waiting = (signal for item in above[1:] for signal in learned[item.id])
        return UndoPlan(
            update_id=update.id,
            target=update.parent_id or BASE,
            taken_back=tuple(item.id for item in above),
            dropped=dropped,
            waiting=tuple(dict.fromkeys(s for s in waiting if s not in stays and s not in dropped)),
        )

    def done(self, accepted: Sequence[str], undone: str | None, actor: ActorName) -> UndoPlan | None:
        """Records a review: these were accepted and, if given, `undone` and what builds on it is taken back.

        One transaction. Gives what undoing did.

        Raises:
            EdgeSealError: one of them is not there to be reviewed; nothing is changed.
        """
        with self._database.transaction():
            waiting = {item.update.id for item in self.pending()}
            unknown = [name for name in accepted if name not in waiting]
            if unknown:
                raise EdgeSealError(f"{unknown[0]} is not there to be reviewed", next_step="edge-seal review")
            plan = None if undone is None else self.plan(undone)
            both = [name for name in accepted if plan is not None and name in plan.taken_back]
            if both:
                raise EdgeSealError(
                    f"{both[0]} cannot be accepted where {undone} is undone: it was built on it",
                    next_step=f"edge-seal review --undo {undone}",
                )
            if plan is not None:
                self._releases.rollback(plan.target, actor)
                self._rows.mark_signals(plan.waiting, SignalState.PENDING, only=SignalState.DROPPED)
            body: dict[str, JsonValue] = {
                "accepted": list(accepted),
                "undone": undone,
                "taken_back": [] if plan is None else list(plan.taken_back),
                "target": None if plan is None else plan.target,
                "signals_waiting": [] if plan is None else list(plan.waiting),
            }
            self._ledger.append(DONE_EVENT, actor=actor, subject="updates", body=body)
            return plan

    def _reviewed(self) -> frozenset[str]:
        found: set[str] = set()
        for entry in self._ledger.of_events(DONE_EVENT):
            accepted = body_of(entry).get("accepted")
            found.update(cast("list[str]", accepted) if isinstance(accepted, list) else ())
        return frozenset(found)

    def _first_active(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in self._ledger.of_events(event_of(State.ACTIVE)):
            found.setdefault(entry.subject, entry.at)
        return found


def _is_time(text: str) -> bool:
    try:
        parse_timestamp(text)
    except ValueError:
        return False
    return True


def days(age: timedelta) -> int:
    """Whole days."""
    return int(age / timedelta(days=1))
