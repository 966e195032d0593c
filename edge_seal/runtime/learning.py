"""Learning and taking it back. Everything here happens under the write lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from edge_seal.errors import EdgeSealError, IntegrityError, LimitReached
from edge_seal.records import Progress, State, Update
from edge_seal.runtime.asking import Asking
from edge_seal.runtime.metering import Meter
from edge_seal.runtime.values import SCHEDULER, USER, RolledBack, UpdateRecord
from edge_seal.updates import comparisons
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.conditions import blocking
from edge_seal.updates.review import UndoPlan
from edge_seal.updates.risk import risk_of

if TYPE_CHECKING:
    from edge_seal.adaptation.work import CycleReport

# Of a hash that is given by its beginning: so few that they can be typed, too many to fit by chance.
LEAST_HASH_DIGITS: Final = 12


# Of the newest memories so many are looked at for what may not be trained on.
REMEMBERED: Final = 500


class Learning(Asking):
    """Makes updates, shows them, lets them answer, and takes them back."""

    def learn(
        self,
        *,
        now: bool = False,
        dry_run: bool = False,
        when_idle: bool = False,
        consolidate: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> CycleReport:
        """One cycle over what waits to be learned. Without `now` it does not start where a condition is not met.

        `consolidate`: over what was learned and still holds instead, from the base (`Cycle.run`).

        `when_idle`: it is the scheduler that asks; nobody may be using the machine, and where nothing waits no model
        is loaded.

        Raises:
            LimitReached: a limit holds, or (without `now`) the machine is not fit for it.
            Busy: another process is learning.
        """
        from edge_seal.adaptation.cycle import ACTOR, Cycle, CycleReport

        hear = on_progress or _hear_nothing
        if when_idle and not self.signals.pending():
            return CycleReport(None, None, reasons=("nothing waits to be learned",))
        if not dry_run:
            # A limit is told first: it says when, and --now does not lift it.
            self.spending.require(self.settings.limits)
            if not now:
                self._require_fit(idle=when_idle)
        with self.writing():
            cycle = Cycle(
                database=self.database,
                ledger=self.ledger,
                releases=self.releases,
                adapters=self.adapters,
                signals=self.signals,
                engine=self.engine,
                model_path=self.model_path,
                settings=self.settings,
                cache=self.home.cache,
                clock=self.clock,
                remembered=lambda: [memory.text for memory in self.stored_memories.list(limit=REMEMBERED)],
                actor=SCHEDULER if when_idle else ACTOR,
                embedder=self.judging_embedder,
                policy=self.data_policy,
            )
            self._served = None  # the cycle sets adapters of its own
            if dry_run:
                return cycle.run(dry_run=True, consolidate=consolidate, on_progress=hear)
            # Anew, under the lock: another process may have learned since.
            allowed = self.spending.require(self.settings.limits)
            actor = SCHEDULER if when_idle else USER
            with Meter(self.spending, self.machine, self.clock, self.settings.limits, allowed, actor, hear) as meter:
                report = cycle.run(consolidate=consolidate, on_progress=meter.progress)
                meter.ended(report)
            if report.update is not None and report.state is State.ACTIVE:
                # Here rather than before the next answer, which somebody waits for.
                self.know_scope(report.update)
            return report

    def _require_fit(self, *, idle: bool) -> None:
        limits = self.settings.limits
        holding = blocking(self.conditions(idle=idle or limits.idle_only), limits)
        if holding:
            until = [condition.until for condition in holding]
            raise LimitReached(
                "; ".join(condition.words for condition in holding),
                allowed_at=max(filter(None, until)) if all(until) else None,
                next_step="edge-seal learn --now starts anyway",
            )

    # Updates --------------------------------------------------------------------------------------------------

    def update_record(self, update_id: str) -> UpdateRecord:
        """Everything that is stored about the update.

        Raises:
            NotFound: there is none.
        """
        update = self.releases.get(update_id)
        manifest: Mapping[str, JsonValue] | None = None
        if update.adapter_sha256 is not None:
            with contextlib.suppress(IntegrityError):  # `audit verify` is who says so
                manifest = self.adapters.manifest(update.adapter_sha256, update.manifest_sha256)
        entries = tuple(entry for entry in self.ledger.of_events("update") if entry.subject == update.id)
        approval: str | None = None
        if update.state is State.AWAITING_APPROVAL:
            with contextlib.suppress(IntegrityError):
                approval = self.releases.approval_hash(update.id)
        return UpdateRecord(
            update,
            self.releases.examples(update.id),
            manifest,
            entries,
            risk=None if manifest is None else risk_of(manifest.get("risk")),
            approval=approval,
            canary=self.canaries.report(update.id),
            comparisons=comparisons.of(self.database, update.id),
        )

    def approve(
        self,
        update_id: str,
        *,
        approval: str | None = None,
        adapter_sha256: str | None = None,
        canary: bool | None = None,
    ) -> Update:
        """Lets an update answer that waits for a person. What is applied is hashed anew, files and examples.

        It is on the canary first, unless `canary.mode` is off; `canary` says otherwise for this one.

        `approval` is the approval hash of what the person was shown, or its beginning (`Releases.approval_hash`); of
        an adapter that came as a file, `adapter_sha256` may be compared instead.

        Raises:
            EdgeSealError: it does not wait, or has other hashes.
            IntegrityError: it is not what was trained.
        """
        with self.writing():
            update, found = self._as_shown(update_id, approval, adapter_sha256)
            body: dict[str, JsonValue] = {"approved": found}
            if self.settings.canary.mode != "off" if canary is None else canary:
                return self.canaries.start(update.id, USER, body, approved=found)
            done = self.releases.activate(update.id, USER, body, self._signals_of(update), approved=found)
            self.canaries.end_stale(USER)
            return done

    def promote(self, update_id: str) -> Update:
        """Makes an update that is on the canary the active one, whatever its conversations show by now.

        Raises:
            EdgeSealError: it is not on the canary.
            IntegrityError: it is not what was trained.
        """
        with self.writing():
            return self.canaries.promote(self.releases.get(update_id).id, USER)

    def reject(self, update_id: str, *, approval: str | None = None) -> Update:
        """Ends an update that waits for a person, or is on the canary.

        Of one that waits, the words of its lessons are erased with it: somebody else wrote them. One on the canary is
        taken back like any other: its lessons are dropped, and keep their words.

        Raises:
            EdgeSealError: it does neither, or has another approval hash than `approval`.
        """
        with self.writing():
            if self.releases.get(update_id).state is State.CANARY:
                return self.canaries.take_back(update_id, USER)
            update = self._waiting(update_id)
            if approval is not None:
                self._as_shown(update_id, approval, None)
            return self.releases.refuse(
                update.id,
                actor=USER,
                reasons=("the user rejected it",),
                body={"adapter_sha256": update.adapter_sha256, "manifest_sha256": update.manifest_sha256},
                signals_refused=self._signals_of(update),
            )

    def _as_shown(self, update_id: str, approval: str | None, adapter_sha256: str | None) -> tuple[Update, str]:
        """The update, if it waits and is what was shown, with its approval hash."""
        update = self._waiting(update_id)
        found = self.releases.approval_hash(update.id)
        for name, has, given in (
            ("approval hash", found, approval),
            ("adapter's hash", update.adapter_sha256 or "", adapter_sha256),
        ):
            if given is not None and (len(given) < LEAST_HASH_DIGITS or not has.startswith(given.lower())):
                raise EdgeSealError(
                    f"the {name} of {update.id} is {has}, not {given}: look at it again before you decide",
                    next_step=f"edge-seal updates show {update.id}",
                )
        return update, found

    def _signals_of(self, update: Update) -> tuple[str, ...]:
        found = (example.signal_id for example in self.releases.examples(update.id))
        return tuple(dict.fromkeys(signal for signal in found if signal is not None))

    def _waiting(self, update_id: str) -> Update:
        update = self.releases.get(update_id)
        if update.state is not State.AWAITING_APPROVAL:
            raise EdgeSealError(
                f"update {update.id} is {update.state}; only one that is {State.AWAITING_APPROVAL} waits for you",
                next_step="edge-seal updates list",
            )
        return update

    def finish_review(self, accepted: Sequence[str], undone: str | None = None) -> UndoPlan | None:
        """Records a review; `undone` and what was built on it are taken back. Gives what that did.

        Raises:
            EdgeSealError: one of the updates is not there to be reviewed; nothing is changed.
        """
        with self.writing(), self.database.transaction():
            plan = self.reviews.done(accepted, undone, USER)
            if plan is not None:
                self.forgetting.purge(USER)
                self.canaries.end_stale(USER)
            return plan

    def rollback(self, target: str | None) -> RolledBack:
        """Goes back to the parent (None), to an earlier update, or to `base`.

        From an update that learned what was forgotten, None goes to the newest one that did not.
        """
        with self.writing():
            before = {update.id: update.state for update in self.releases.list()}
            was = self.releases.active()
            if target is None and was is not None and self.forgetting.notice(was) is not None:
                target = self.forgetting.clean_ancestor(was)
            with self.database.transaction():
                active = self.releases.rollback(target, USER)
                self.forgetting.purge(USER)
                self.canaries.end_stale(USER)
            taken_back = tuple(
                update.id
                for update in self.releases.list()
                if update.state is State.ROLLED_BACK and before.get(update.id) is not State.ROLLED_BACK
            )
            return RolledBack(was, active, taken_back)


def _hear_nothing(_: Progress) -> None:
    """Takes progress that nobody asked for."""
