"""The only code that moves an update from one state to the next.

Invariants: each move is one ledger entry, in one transaction with the rows it changes; at most one update is active;
a row names an adapter only after the adapter is on the disk; an update that was refused or abandoned leaves its row
and its entries, and nothing of what it was made from. Deleting files comes after the commit that stops naming them,
so a crash between the two leaves a file that nobody names, which `recover` removes.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from edge_seal.clock import Clock, timestamp
from edge_seal.errors import EdgeSealError, IntegrityError, NotFound
from edge_seal.records import Actor, ActorName, ChainReport, Example, Origin, SignalState, State, Update
from edge_seal.storage.database import Database
from edge_seal.updates import clock_marks
from edge_seal.updates.adapters import AdapterStore, StoredAdapter
from edge_seal.updates.audit import IMPORTED_EVENT, Replay, event_of, examples_digest
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.heads import KeptHead, NotedHead
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.lifecycle import IN_CYCLE, REACHABLE, IllegalTransition, check_transition
from edge_seal.updates.rows import UpdateRows, hashes_of
from edge_seal.updates.verification import BASE, Verification

log = logging.getLogger(__name__)

Body = Mapping[str, JsonValue]

# States that mean more than another word in a row: each is reached by a method of its own.
_OWN_METHOD: Final = frozenset(
    {State.PROPOSED, State.TRAINED, State.ACTIVE, State.RETIRED, State.REJECTED, State.ABANDONED}
)

# In the entry of an activation: the last turn before it. What came after is known by it, whatever the clock said then.
LAST_TURN: Final = "last_turn"

# Who acts where nobody was asked.
_PROGRAM: Final = Actor.PROGRAM


class Releases:
    """The updates, from proposal to rollback. Methods that change something are for who holds the write lock."""

    def __init__(self, database: Database, ledger: Ledger, adapters: AdapterStore, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._clock = clock
        self._rows = UpdateRows(database)
        self._marks = clock_marks.ClockMarks(database, clock)
        self._verification = Verification(database, self._rows, ledger, adapters)

    # Reading ----------------------------------------------------------------------------------------------

    def get(self, update_id: str) -> Update:
        """The update `u12`.

        Raises:
            NotFound: there is none.
        """
        return self._rows.get(update_id)

    def list(self) -> tuple[Update, ...]:
        """All updates, oldest first."""
        return self._rows.all()

    def active(self) -> Update | None:
        """The update that is named active, verified or not; `serving` gives the one to answer with."""
        return self._rows.active()

    def examples(self, update_id: str) -> tuple[Example, ...]:
        """The examples of an update, in the order in which they were given."""
        return self._rows.examples(self._rows.get(update_id).id)

    def with_ancestors(self, update: Update | None) -> Iterator[Update]:
        """An update and those below it: see `UpdateRows.with_ancestors`."""
        return self._rows.with_ancestors(update)

    def lessons(self, update: Update) -> tuple[tuple[int, str], ...] | None:
        """The lessons of an update and of those below it: see `UpdateRows.lessons`."""
        return self._rows.lessons(update)

    def rule_kinds(self, update: Update) -> frozenset[str]:
        """The kinds of prompts that rules of an update and of those below it are for: see `UpdateRows.rule_kinds`."""
        return self._rows.rule_kinds(update)

    def contributions(self, since: str) -> tuple[tuple[str | None, Origin, int], ...]:
        """What sources that the user did not type gave to updates since that time: see `UpdateRows.contributions`."""
        return self._rows.contributions(since)

    def serving(self, base_sha256: str | None = None) -> tuple[Update | None, tuple[str, ...]]:
        """The update to answer with: the active one or, where it does not verify, its nearest ancestor that does.

        None means the base. The notices say in words what is wrong and what to type; there are some whenever it is
        not the active one, or the audit trail is damaged. With `base_sha256`, an update that was trained for another
        model file does not verify.
        """
        with self._database.snapshot():
            return self._verification.serving(base_sha256)

    def trial_problem(self, update: Update, base_sha256: str) -> str | None:
        """Why an update that is on the canary may not answer, in words; None if it may."""
        with self._database.snapshot():
            return self._verification.trial_problem(update, base_sha256)

    def signals_learned(self, update_id: str) -> tuple[str, ...]:
        """The signals that an update learned when it became active, as the ledger has them."""
        recorded = self._verification.evidence().replayed.updates.get(update_id)
        return () if recorded is None else recorded.signals_learned

    def held_signals(self) -> frozenset[str]:
        """The signals whose lessons are in an update that waits for a person or is on the canary, and can still answer.

        They are pending, and no cycle takes them meanwhile. What builds on something that does not answer any more can
        never be activated, and holds nothing.
        """
        return frozenset(
            example.signal_id
            for update in self._held()
            if self._builds_on_current(update)
            for example in self._rows.examples(update.id)
            if example.signal_id is not None
        )

    def end_overtaken(self, signals: Collection[str], actor: ActorName) -> tuple[Update, ...]:
        """Abandons updates that wait but can never answer any more, where all of their lessons are in `signals`."""
        with self._database.transaction():
            return tuple(
                self.abandon(
                    update.id, actor=actor, reason="overtaken: its lessons are learned anew on what answers now"
                )
                for update in self._held()
                if not self._builds_on_current(update)
                and {e.signal_id for e in self._rows.examples(update.id)} - {None} <= set(signals)
                and self._rows.examples(update.id)
            )

    def audit(self, noted: Sequence[NotedHead] = (), kept: Sequence[KeptHead] = ()) -> ChainReport:
        """Checks all that is stored about updates: the chain, the rows against it, the examples, the files.

        `noted` and `kept` are heads of the ledger from elsewhere, see `Ledger.verify`.
        """
        with self._database.snapshot():
            return self._verification.audit(noted, kept)

    # A cycle ----------------------------------------------------------------------------------------------

    def propose(self, parent_id: str | None, base_sha256: str, reason: str, actor: ActorName) -> Update:
        """A new update on top of `parent_id` (None: on the base), for the model file `base_sha256`.

        Raises:
            IntegrityError: the audit trail or the active adapter is damaged, so nothing may be built on it.
            EdgeSealError: `parent_id` is not what is active for this model file.
        """
        with self._database.transaction():
            self._require_sound()
            self._require_current(parent_id, base_sha256)
            created_at = timestamp(self._clock.now())
            update_id = self._rows.insert(
                created_at=created_at, parent_id=parent_id, base_sha256=base_sha256, reason=reason
            )
            body: dict[str, JsonValue] = {
                "created_at": created_at,
                "parent_id": parent_id,
                "base_sha256": base_sha256,
                "reason": reason,
            }
            self._ledger.append(event_of(State.PROPOSED), actor=actor, subject=update_id, body=body)
            return self.get(update_id)

    def advance(self, update_id: str, to: State, *, actor: ActorName, body: Body) -> Update:
        """Moves an update to a state that changes nothing but itself: scored, cleared, gated and the like.

        Raises:
            EdgeSealError: `to` may not follow its state, or has a method of its own.
        """
        if to in _OWN_METHOD:
            raise EdgeSealError(f"an update does not become {to} by itself")
        with self._database.transaction():
            self._move(self.get(update_id), to, actor, body)
            return self.get(update_id)

    def trained(
        self,
        update_id: str,
        stored: StoredAdapter,
        examples: Sequence[Example],
        *,
        actor: ActorName,
        body: Body,
        imported: bool = False,
    ) -> Update:
        """Names the trained adapter and keeps the examples it was trained and measured on.

        `imported`: it was trained elsewhere, and the entry says so; it takes nothing of what may be learned.

        Raises:
            IntegrityError: the adapter is not on the disk as `stored` says.
            EdgeSealError: the update is not cleared.
        """
        problem = self._adapters.verify(stored.sha256, stored.manifest_sha256)
        if problem is not None:
            raise IntegrityError(problem)
        salt = secrets.token_hex(32)
        with self._database.transaction():
            told: dict[str, JsonValue] = {
                **body,
                # Beside the time of the entry, which the wall clock told: what limits are counted by.
                "clock": clock_marks.in_body(self._marks.mark()),
                "adapter_sha256": stored.sha256,
                "manifest_sha256": stored.manifest_sha256,
                "examples_sha256": examples_digest(salt, examples),
                "examples_count": len(examples),
            }
            self._move(self.get(update_id), State.TRAINED, actor, told, IMPORTED_EVENT if imported else None)
            self._rows.set_trained(update_id, stored.sha256, stored.manifest_sha256, salt, examples)
            return self.get(update_id)

    def refuse(
        self,
        update_id: str,
        *,
        actor: ActorName,
        reasons: Sequence[str],
        body: Body,
        signals_refused: Sequence[str] = (),
    ) -> Update:
        """Ends an update that was said no to; `reasons` must not quote what was refused.

        Its examples and its adapter go; the signals in `signals_refused` keep their row and lose their text.
        """
        with self._database.transaction():
            erased = self._rows.erase_signals(signals_refused)
            told = {**body, "reasons": tuple(reasons), "signals_refused": erased}
            return self._end(update_id, State.REJECTED, actor, "; ".join(reasons), told)

    def abandon(self, update_id: str, *, actor: ActorName, reason: str, body: Body | None = None) -> Update:
        """Ends an update whose cycle did not finish; its signals are as they were."""
        with self._database.transaction():
            return self._end(update_id, State.ABANDONED, actor, reason, body or {})

    def approval_hash(self, update_id: str) -> str:
        """What a person approves who approves the update: everything that was shown, and the files that would answer.

        The files are hashed anew, and all of it has to be what the audit trail says was trained.

        Raises:
            NotFound: there is no such update.
            IntegrityError: a file, the row or the examples are not what was trained.
        """
        with self._database.snapshot():
            return self._verification.approval_hash(self.get(update_id))

    def activate(
        self,
        update_id: str,
        actor: ActorName,
        body: Body,
        signals_learned: Sequence[str],
        *,
        approved: str | None = None,
    ) -> Update:
        """Makes an update the one that answers, retires the one before, and marks its signals learned.

        `approved`: the approval hash that a person said yes to.

        Raises:
            IntegrityError: its row, its examples or its files are not what was trained, or not what was approved.
            EdgeSealError: it may not become active, or was trained on something else than what is active now.
        """
        with self._database.transaction():
            update = self.get(update_id)
            self._require_current(update.parent_id, update.base_sha256)
            self._require_as_approved(update, approved)
            active = self.active()
            if active is not None:
                self._move(active, State.RETIRED, actor, {"under": update_id})
            told = {**body, LAST_TURN: self._rows.last_turn()}
            self._move(update, State.ACTIVE, actor, _activation(update, told, signals_learned))
            self._rows.mark_signals(signals_learned, SignalState.LEARNED)
            return self.get(update_id)

    def start_trial(self, update_id: str, actor: ActorName, body: Body, *, approved: str | None = None) -> Update:
        """Puts an update on the canary: it answers a share of the conversations beside what is active.

        Raises:
            IntegrityError, EdgeSealError: as `activate`.
        """
        with self._database.transaction():
            update = self.get(update_id)
            self._require_current(update.parent_id, update.base_sha256)
            self._require_as_approved(update, approved)
            told = {**body, "adapter_sha256": update.adapter_sha256, "manifest_sha256": update.manifest_sha256}
            self._move(update, State.CANARY, actor, told)
            return self.get(update_id)

    # Taking it back ---------------------------------------------------------------------------------------

    def rollback(self, target: str | None, actor: ActorName) -> Update | None:
        """Goes back to the update `target`, to `"base"`, or (None) to the parent; returns what is active then."""
        if target is None:
            return self.to_parent(actor)
        return self.to_base(actor) if target == BASE else self.to(target, actor)

    def to_parent(self, actor: ActorName) -> Update | None:
        """Goes back to what was active before the active update.

        Raises:
            NotFound: no update is active.
        """
        active = self.active()
        if active is None:
            raise NotFound("no update is active: the base model answers", next_step="edge-seal updates list")
        return self.to_base(actor) if active.parent_id is None else self.to(active.parent_id, actor)

    def to_base(self, actor: ActorName) -> None:
        """Takes back every update, so that the base model answers as it came; always possible."""
        with self._database.transaction():
            replayed = self._repair(actor)
            active = self.active()
            if active is not None:
                self._take_back(active, (), BASE, actor, replayed)

    def to(self, update_id: str, actor: ActorName) -> Update:
        """Goes back to `update_id`, or forward again to one that was taken back.

        What lies above it becomes rolled back, and the signals learned there are dropped; what lies below it is part
        of it again, and so are its signals. Rows that were changed by hand get back what the ledger says of them.

        Raises:
            NotFound: there is no such update.
            EdgeSealError: it never was active.
            IntegrityError: it does not verify.
        """
        with self._database.transaction():
            replayed = self._repair(actor)
            target = self.get(update_id)
            if target.state is State.ACTIVE:
                return target
            self._require_reachable(target)
            lineage = tuple(self._rows.with_ancestors(target))
            active = self.active()
            if active is not None:
                self._take_back(active, {update.id for update in lineage}, update_id, actor, replayed)
            returning = [update for update in lineage if update.state is State.ROLLED_BACK]
            for update in returning:
                if update.id != update_id:
                    self._move(update, State.RETIRED, actor, {"under": update_id})
            restored = self._rows.mark_signals(
                _signals_learned(returning, replayed), SignalState.LEARNED, only=SignalState.DROPPED
            )
            body = {"rollback_from": BASE if active is None else active.id}
            self._move(target, State.ACTIVE, actor, _activation(target, body, restored))
            return self.get(update_id)

    # At start ---------------------------------------------------------------------------------------------

    def recover(self) -> tuple[Update, ...]:
        """Clears up after a crash and returns the updates that were abandoned; only for who holds the write lock.

        An update that waits for a person, or is on the canary, was not interrupted and stays.
        """
        abandoned = tuple(
            self.abandon(update.id, actor=_PROGRAM, reason="the cycle was interrupted", body={"was": update.state})
            for update in self.list()
            if update.state in IN_CYCLE
        )
        self._adapters.sweep()
        # What the ledger names stays too: a row that was changed by hand must not cost the adapter it named.
        told = (recorded.update for recorded in self._verification.evidence().replayed.updates.values())
        named = {hashes[0] for update in (*self.list(), *told) if (hashes := hashes_of(update)) is not None}
        self._adapters.remove_unnamed(named)
        self._scrub()
        return abandoned

    # Inside -----------------------------------------------------------------------------------------------

    def _move(self, update: Update, to: State, actor: ActorName, body: Body, event: str | None = None) -> None:
        try:
            check_transition(update.state, to)
        except IllegalTransition as error:
            raise EdgeSealError(
                f"update {update.id}: {error}", next_step=f"edge-seal updates show {update.id}"
            ) from error
        self._rows.set_state(update.id, to)
        self._ledger.append(event or event_of(to), actor=actor, subject=update.id, body=body)

    def _end(self, update_id: str, to: State, actor: ActorName, reason: str, body: Body) -> Update:
        """Moves to a last state and lets go of everything the update was made of."""
        update = self.get(update_id)
        self._move(update, to, actor, {**body, "reason": reason})
        self._rows.clear(update_id, reason)
        self._database.after_commit(lambda: self._discard(update))
        return self.get(update_id)

    def _discard(self, update: Update) -> None:
        """After the commit: nothing here may fail what is done already; `recover` makes up for what it misses."""
        hashes = hashes_of(update)
        try:
            if hashes is not None:
                named = {kept for row in self.list() if (kept := hashes_of(row)) is not None}
                self._adapters.discard(*hashes, named=named)
        except EdgeSealError as error:
            log.warning("not everything of %s was removed: %s", update.id, error.message)
        self._scrub()

    def _scrub(self) -> None:
        try:
            self._database.scrub()
        except EdgeSealError as error:
            log.info("deleted text stays in the write-ahead log for now: %s", error.message)

    def _held(self) -> tuple[Update, ...]:
        return tuple(update for update in self.list() if update.state in (State.AWAITING_APPROVAL, State.CANARY))

    def _current(self, base_sha256: str) -> str | None:
        """What an update for this model file has to build on: the active one's id, None for the base."""
        active = self.active()
        return active.id if active is not None and active.base_sha256 == base_sha256 else None

    def _builds_on_current(self, update: Update) -> bool:
        return update.parent_id == self._current(update.base_sha256)

    def _require_current(self, parent_id: str | None, base_sha256: str) -> None:
        """An update is trained on top of the active one; activated over another, it would undo that one unseen."""
        current = self._current(base_sha256)
        if parent_id != current:
            raise EdgeSealError(
                f"the update builds on {parent_id or BASE}, but {current or BASE} is active now",
                next_step="edge-seal learn",
            )

    def _require_as_approved(self, update: Update, approved: str | None) -> None:
        """What is applied is what was trained and, where somebody was asked, what was shown: all is hashed anew."""
        found = self._verification.approval_hash(update)
        if approved not in {None, found}:
            raise IntegrityError(
                f"update {update.id} is not what was approved: it has the hash {found}, not {approved}",
                next_step=f"edge-seal updates show {update.id}",
            )

    def _require_sound(self) -> None:
        check = self._ledger.verify()
        if check.reason is not None:
            raise IntegrityError(
                f"nothing can be learned on a damaged audit trail: {check.reason}",
                next_step="edge-seal audit verify, then restore the database from a backup",
            )
        served, notices = self.serving()
        if served != self.active():
            raise IntegrityError(
                f"nothing can be learned on top of a damaged update: {notices[0]}",
                next_step=f"edge-seal rollback {served.id if served is not None else BASE}",
            )

    def _require_reachable(self, target: Update) -> None:
        if target.state not in REACHABLE:
            raise EdgeSealError(
                f"update {target.id} is {target.state} and never answered, so there is nothing to go back to",
                next_step="edge-seal updates list",
            )
        problem = self._verification.problem(target, self._verification.evidence())
        if problem is not None:
            raise IntegrityError(f"cannot go back to {target.id}: {problem}", next_step="edge-seal rollback base")

    def _repair(self, actor: ActorName) -> Replay:
        """Gives rows that were changed by hand what an unbroken ledger says of them, each with an entry of its own."""
        evidence = self._verification.evidence()
        if not evidence.check.intact:
            return evidence.replayed
        stored = {row.id: row for row in self.list()}
        wrong = [
            told.update for told in evidence.replayed.updates.values() if stored.get(told.update.id) != told.update
        ]
        # The active one last: two must not be active, not even in between.
        for update in sorted(wrong, key=lambda update: update.state is State.ACTIVE):
            self._rows.restore(update)
            self._ledger.append("audit.repaired", actor=actor, subject=update.id, body={"state": update.state})
        return evidence.replayed

    def _take_back(
        self, active: Update, kept: Collection[str], target: str, actor: ActorName, replayed: Replay
    ) -> None:
        """Moves `active` and its ancestors that are not `kept` to rolled back (`active`, if kept, to retired).

        Their lessons are dropped, but for those that one of the kept ones had learned before: a consolidation learns
        its ancestors' lessons anew.
        """
        stays = set(_signals_learned((self.get(update_id) for update_id in kept), replayed))
        for update in tuple(self._rows.with_ancestors(active)):
            if update.id in kept:
                if update.state is State.ACTIVE:
                    self._move(update, State.RETIRED, actor, {"under": target})
            elif update.state in (State.ACTIVE, State.RETIRED):
                learned = [signal for signal in _signals_learned([update], replayed) if signal not in stays]
                dropped = self._rows.mark_signals(learned, SignalState.DROPPED, only=SignalState.LEARNED)
                self._move(update, State.ROLLED_BACK, actor, {"to": target, "signals_dropped": dropped})


def _activation(update: Update, body: Body, signals_learned: Sequence[str]) -> dict[str, JsonValue]:
    """The body of the entry that makes `update` active: later it must still name the same bytes."""
    return {
        **body,
        "adapter_sha256": update.adapter_sha256,
        "manifest_sha256": update.manifest_sha256,
        "signals_learned": tuple(signals_learned),
    }


def _signals_learned(updates: Iterable[Update], replayed: Replay) -> tuple[str, ...]:
    found = (replayed.updates.get(update.id) for update in updates)
    return tuple(signal for recorded in found if recorded is not None for signal in recorded.signals_learned)
