"""Forgetting reaches the weights: updates that learned what was forgotten are marked, retired, learned anew without.

Invariants:
- The examples' text goes at once: from the tables, and from the manifest beside the adapter, which is written anew
  under a new salt. The ledger keeps digests whose salts are gone: trying texts against them finds nothing.
- An update is marked when the ledger has an `update.forgotten` entry of it; every update that was trained on top of a
  marked one is marked with it, because its training started from those weights.
- A marked update that is not active has no adapter any more, and can never answer again. The active one answers only
  what it was taught besides (`left_of`), until the next cycle or a rollback, and until then every answer says so.
- Nothing is trained on top of a marked update: a cycle first goes back to the newest ancestor that is not marked, and
  the lessons that are still valid wait again.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.records import GIVEN_ROLES, ActorName, SignalState, State, Update
from edge_seal.storage.database import Database
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.audit import FORGOTTEN_EVENT, LESSONS_FORGOTTEN, PURGED_EVENT, examples_digest
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases
from edge_seal.updates.rows import UpdateRows, hashes_of
from edge_seal.updates.verification import BASE, Verification

log = logging.getLogger(__name__)

Outcome = Literal["marked", "removed", "refused"]

SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ReachedUpdate:
    """What forgetting did to one update.

    `marked`: it still answers, until the next cycle or a rollback. `removed`: its adapter is deleted. `refused`: it
    waited for a person and is ended; its other lessons wait again.
    """

    id: str
    state: State
    outcome: Outcome
    examples: int


@dataclass(frozen=True, slots=True)
class Retired:
    """What was taken back because it had learned what was forgotten, what answers now, and what is learned anew."""

    updates: tuple[str, ...]
    target: str
    signals: tuple[str, ...]

    @property
    def words(self) -> str:
        waiting = f"; {len(self.signals)} other lessons of it are learned anew" if self.signals else ""
        return f"{', '.join(self.updates)} had learned what you forgot and was taken back to {self.target}{waiting}"


@dataclass(frozen=True, slots=True)
class Left:
    """What a marked update may still answer: questions for `lessons`, given by their prompts.

    Everything else is for `below`, the newest one under it that never learned what was forgotten (None: the base).
    """

    lessons: tuple[str, ...]
    below: Update | None


class Forgetting:
    """Takes lessons out of what was learned. For who holds the write lock, except `marked` and `notice`."""

    def __init__(self, database: Database, ledger: Ledger, adapters: AdapterStore, releases: Releases) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._releases = releases
        self._rows = UpdateRows(database)
        self._verification = Verification(database, self._rows, ledger, adapters)

    # Reading ----------------------------------------------------------------------------------------------

    def marked(self) -> frozenset[str]:
        """The updates that learned something that was forgotten since, by id; with or without an adapter."""
        return frozenset(e.subject for e in self._ledger.of_events(FORGOTTEN_EVENT))

    def notice(self, update: Update | None) -> str | None:
        """What the user should know where `update` answers; None if it learned nothing that was forgotten."""
        if update is None or update.id not in self.marked():
            return None
        return (
            f"update {update.id} learned what you forgot: it answers only what it was taught besides, until "
            f"`edge-seal learn` retrains without it or `edge-seal rollback` takes it out now"
        )

    def left_of(self, update: Update) -> Left | None:
        """What `update` may still answer, if it learned what was forgotten; None: it did not.

        Lessons of updates below the newest one that lost a lesson are not among them: what was forgotten may have
        been learned over them.
        """
        entries = [entry for entry in self._ledger.of_events(FORGOTTEN_EVENT) if entry.event == FORGOTTEN_EVENT]
        if update.id not in {entry.subject for entry in entries}:
            return None
        lost = {entry.subject for entry in entries if json.loads(entry.body).get("examples_erased")}
        below = self.clean_ancestor(update)
        lessons: list[str] = []
        for above in self._rows.with_ancestors(update):
            if above.id == below:
                break
            lessons += [example.prompt for example in self._rows.examples(above.id) if example.role in GIVEN_ROLES]
            if above.id in lost:
                break
        return Left(tuple(lessons), None if below == BASE else self._rows.get(below))

    def reached_by(self, signals: Collection[str]) -> tuple[Update, ...]:
        """The updates that were trained on one of `signals`, or on top of such an update; oldest first."""
        if not signals:
            return ()
        trained_on = self._rows.trained_on(signals)
        reached: dict[str, Update] = {}
        for update in self._rows.all():
            if update.id in trained_on or (update.parent_id in reached and hashes_of(update) is not None):
                reached[update.id] = update
        return tuple(reached.values())

    def clean_ancestor(self, update: Update) -> str:
        """The newest ancestor of `update` that is not marked and verifies; `base` where there is none."""
        marked, evidence = self.marked(), self._verification.evidence()
        for ancestor in self._rows.with_ancestors(update):
            if ancestor.id in {update.id} | marked:
                continue
            if self._verification.problem(ancestor, evidence) is None:
                return ancestor.id
        return BASE

    # Forgetting -------------------------------------------------------------------------------------------

    def forget(self, signals: Collection[str], actor: ActorName) -> tuple[ReachedUpdate, ...]:
        """Erases the examples of `signals` everywhere and marks the updates that were trained on them.

        The rows of the signals stay for the caller. Runs in a transaction of its own or a part of the caller's.
        """
        with self._database.transaction():
            done = [self._reach(update, signals, actor) for update in self.reached_by(signals)]
            self.purge(actor)
            return tuple(done)

    def purge(self, actor: ActorName) -> tuple[str, ...]:
        """Deletes the adapter of every marked update that is not active, and says of which."""
        purged: list[str] = []
        with self._database.transaction():
            marked = self.marked()
            for update in self._rows.all():
                hashes = hashes_of(update)
                if update.id not in marked or update.state is State.ACTIVE or hashes is None:
                    continue
                self._rows.purge(update.id, LESSONS_FORGOTTEN)
                body: dict[str, JsonValue] = {"adapter_sha256": hashes[0], "reason": LESSONS_FORGOTTEN}
                self._ledger.append(PURGED_EVENT, actor=actor, subject=update.id, body=body)
                self._discard_after_commit(hashes)
                purged.append(update.id)
        return tuple(purged)

    def retire(self, actor: ActorName) -> Retired | None:
        """Takes a marked active update back to where nothing forgotten was learned; None if it is not marked.

        The lessons learned above that point that are still valid wait for the next cycle.
        """
        with self._database.transaction():
            active, marked = self._rows.active(), self.marked()
            if active is None or active.id not in marked:
                return None
            target = self.clean_ancestor(active)
            above: list[Update] = []
            for update in self._rows.with_ancestors(active):
                if update.id == target:
                    break
                above.append(update)
            recorded = self._verification.evidence().replayed.updates
            learned = [s for u in above if u.id in recorded for s in recorded[u.id].signals_learned]
            self._releases.rollback(target, actor)
            waiting = self._rows.mark_signals(learned, SignalState.PENDING, only=SignalState.DROPPED)
            self._ledger.append("signals.waiting", actor=actor, subject=active.id, body={"signals": sorted(waiting)})
            self.purge(actor)
            return Retired(tuple(update.id for update in above), target, waiting)

    def recover(self) -> None:
        """Finishes what a crash interrupted: no manifest that still has a forgotten text stays beside its adapter."""
        marked = self.marked()
        if not marked:
            return
        rows = self._rows.all()
        named = {row.manifest_sha256 for row in rows if row.manifest_sha256 is not None}
        for row in rows:
            if row.id in marked and row.adapter_sha256 is not None:
                self._adapters.remove_unnamed_manifests(row.adapter_sha256, named)

    # Inside -----------------------------------------------------------------------------------------------

    def _reach(self, update: Update, signals: Collection[str], actor: ActorName) -> ReachedUpdate:
        if update.state in (State.AWAITING_APPROVAL, State.CANARY):
            count = sum(example.signal_id in signals for example in self._rows.examples(update.id))
            ended = self._releases.refuse(update.id, actor=actor, reasons=(LESSONS_FORGOTTEN,), body={})
            return ReachedUpdate(update.id, ended.state, "refused", count)
        hashes = hashes_of(update)
        manifest = None if hashes is None else self._redacted(update, hashes, signals)
        kept = tuple(e for e in self._rows.examples(update.id) if e.signal_id not in signals)
        salt = secrets.token_hex(32)
        erased = self._rows.forget_examples(update.id, signals, salt, manifest)
        body: dict[str, JsonValue] = {
            "signals": sorted(signals),
            "examples_erased": erased,
            "examples_count": len(kept),
            "examples_sha256": examples_digest(salt, kept),
            "adapter_sha256": None if hashes is None else hashes[0],
            "manifest_sha256": manifest,
        }
        self._ledger.append(FORGOTTEN_EVENT, actor=actor, subject=update.id, body=body)
        if hashes is not None:
            self._discard_after_commit(hashes)
        outcome: Outcome = "marked" if update.state is State.ACTIVE else "removed"
        return ReachedUpdate(update.id, update.state, outcome, erased)

    def _redacted(self, update: Update, hashes: tuple[str, str], signals: Collection[str]) -> str:
        """Writes the manifest anew without the lessons of `signals`; returns its hash.

        It has its place before the database names it, like every file; the former one goes after the commit.
        """
        adapter, manifest = hashes
        try:
            told = self._adapters.manifest(adapter, manifest)
        except IntegrityError:
            # Damaged: such an update does not answer. What it was is in the ledger; its text is not kept either way.
            told = {"update": update.id, "base_sha256": update.base_sha256, "adapter_sha256": adapter, "damaged": True}
        return self._adapters.add_manifest(adapter, _without(told, signals))

    def _discard_after_commit(self, hashes: tuple[str, str]) -> None:
        def discard() -> None:
            named = {kept for row in self._rows.all() if (kept := hashes_of(row)) is not None}
            try:
                self._adapters.discard(*hashes, named=named)
            except EdgeSealError as error:
                # It is done already; `recover` removes what nobody names.
                log.warning("a file of what was forgotten was not removed yet: %s", error.message)

        self._database.after_commit(discard)


def _without(manifest: Mapping[str, JsonValue], signals: Collection[str]) -> dict[str, JsonValue]:
    """The manifest without what goes back to `signals`, under a new salt."""

    def kept(key: str, field: str) -> list[JsonValue]:
        listed = cast("Sequence[JsonValue]", manifest.get(key) or ())
        return [item for item in listed if not isinstance(item, Mapping) or item.get(field) not in signals]

    gate = manifest.get("gate")
    if isinstance(gate, Mapping) and "outcomes" in gate:
        manifest = {**manifest, "gate": {**gate, "outcomes": _outcomes_without(gate["outcomes"], signals)}}
    forgotten = {str(signal) for signal in cast("Sequence[JsonValue]", manifest.get("forgotten") or ())}
    return {
        **manifest,
        "salt": secrets.token_hex(SALT_BYTES),
        "signals": kept("signals", "id"),
        "examples": kept("examples", "signal"),
        "forgotten": sorted(forgotten | set(signals)),
    }


def _outcomes_without(outcomes: JsonValue, signals: Collection[str]) -> list[JsonValue]:
    """What the gate measured, without the questions of `signals`, and without every real answer.

    An answer to any question may repeat any lesson of this update or of one below it, so all of them go.
    """
    kept = [
        outcome
        for outcome in cast("Sequence[JsonValue]", outcomes or ())
        if isinstance(outcome, Mapping) and outcome.get("signal") not in signals
    ]
    return [{**outcome, "said_before": None, "said_after": None} for outcome in kept]
