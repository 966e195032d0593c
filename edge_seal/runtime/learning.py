"""Learning and taking it back. Everything here happens under the write lock."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge_seal.engines.cores import physical_cores
from edge_seal.errors import EdgeSealError, IntegrityError, LimitReached
from edge_seal.records import Progress, State, Update
from edge_seal.runtime.asking import Asking
from edge_seal.runtime.values import USER, RolledBack, UpdateRecord
from edge_seal.updates.canonical import JsonValue

if TYPE_CHECKING:
    from edge_seal.adaptation.cycle import CycleReport


class Learning(Asking):
    """Makes updates, shows them, lets them answer, and takes them back."""

    def learn(
        self,
        *,
        now: bool = False,
        dry_run: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> CycleReport:
        """One cycle over what waits to be learned. Without `now` it does not start on a busy machine.

        Raises:
            LimitReached: a limit holds, or the machine is busy.
            Busy: another process is learning.
        """
        from edge_seal.adaptation.cycle import Cycle

        if not now and not dry_run:
            # A limit is told first: it says when, and --now does not lift it.
            self.spending.require(self.settings.limits)
            self._require_idle()
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
            )
            self._served = None  # the cycle sets adapters of its own
            return cycle.run(dry_run=dry_run, on_progress=on_progress or _hear_nothing)

    def _require_idle(self) -> None:
        try:
            load = os.getloadavg()[0] / physical_cores()
        except (OSError, AttributeError):
            return  # the system does not say
        most = self.settings.learning.maximum_load
        if load > most:
            raise LimitReached(
                f"the machine is busy: a load of {load:.2f} a core, and learning.maximum_load is {most:g}",
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
        return UpdateRecord(update, self.releases.examples(update.id), manifest, entries)

    def approve(self, update_id: str, *, adapter_sha256: str | None = None) -> Update:
        """Makes an update that waits for a person the active one.

        Raises:
            EdgeSealError: it does not wait, or `adapter_sha256` (or its beginning) is not its adapter's.
        """
        with self.writing():
            update = self._waiting(update_id)
            if adapter_sha256 is not None and not (update.adapter_sha256 or "").startswith(adapter_sha256):
                raise EdgeSealError(
                    f"the adapter of {update.id} has the hash {update.adapter_sha256}, not {adapter_sha256}",
                    next_step=f"edge-seal updates show {update.id}",
                )
            body: dict[str, JsonValue] = {"approved_sha256": update.adapter_sha256}
            return self.releases.activate(update.id, USER, body, self._signals_of(update))

    def reject(self, update_id: str) -> Update:
        """Ends an update that waits for a person; the words of its lessons are erased with it."""
        with self.writing():
            update = self._waiting(update_id)
            return self.releases.refuse(
                update.id,
                actor=USER,
                reasons=("the user rejected it",),
                body={},
                signals_refused=self._signals_of(update),
            )

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
            taken_back = tuple(
                update.id
                for update in self.releases.list()
                if update.state is State.ROLLED_BACK and before.get(update.id) is not State.ROLLED_BACK
            )
            return RolledBack(was, active, taken_back)


def _hear_nothing(_: Progress) -> None:
    """Takes progress that nobody asked for."""
