"""The audit trail, the limits, the models, and the doctor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge_models.store import FileCheck, PullProgress, StoredFile
from edge_seal import scheduling, settings_file
from edge_seal.engines import selection
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.memory.reembedding import EmbedderState
from edge_seal.records import ChainReport
from edge_seal.runtime.construction import models_as_ours
from edge_seal.runtime.embedding import Embedding
from edge_seal.runtime.recorded import memory_problems
from edge_seal.runtime.trialling import Trialling
from edge_seal.runtime.values import SCHEDULER, USER, KnownModel, Limits
from edge_seal.safekeeping import backups, kept_head
from edge_seal.safekeeping.unlocking import protection_of
from edge_seal.scheduling import Schedule, ScheduleStatus
from edge_seal.settings_file import SettingChange
from edge_seal.storage.database import Database
from edge_seal.storage.key_file import KeyFile
from edge_seal.updates import write_lock
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.heads import KeptHead, noted_head
from edge_seal.updates.ledger import body_of
from edge_seal.updates.spending import RunRecord

if TYPE_CHECKING:
    from edge_seal.doctor import Diagnosis


# Changing a setting takes milliseconds.
SETTINGS_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Keychained:
    """What the keychain said of the ledger's head; `not_asked` is why it said nothing."""

    heads: tuple[KeptHead, ...] = ()
    problems: tuple[str, ...] = ()
    not_asked: tuple[str, ...] = ()


class Upkeep(Embedding, Trialling):
    """Looks after the installation."""

    def audit(self, noted: Sequence[str] = ()) -> ChainReport:
        """Checks the chain, the updates, their files, and the memories; `noted` are heads as `audit head` printed them.

        Raises:
            ConfigError: one of `noted` is no head.
        """
        keychain = self._kept_in_keychain()
        report = self.releases.audit([noted_head(text) for text in noted], keychain.heads)
        beside = (
            *self.signals.problems(),
            *self.canaries.problems(),
            *self.stored_memories.problems(),
            # After a break the trail no longer says how its story ends.
            *(memory_problems(self.database, self.ledger) if report.first_bad_seq is None else ()),
        )
        problems = (*report.problems, *keychain.problems, *beside)
        return replace(report, problems=problems, not_compared=keychain.not_asked)

    def head_places(self) -> tuple[str, ...]:
        """Where the head of the ledger is kept outside the database, in words."""
        in_file = (str(self.home.head_file),) if self.home.head_file.exists() else ()
        return (*in_file, *(head.place for head in self._kept_in_keychain().heads))

    def keep_head(self) -> tuple[str, ...]:
        """Keeps the head of the ledger as it is now, whatever was kept before; gives where.

        For who put an older database there by hand, on purpose.

        Raises:
            IntegrityError: the chain is broken.
            EngineError: a place cannot be written to.
        """
        self.ledger.keep_head_anyway()
        if self.settings.audit.keychain:
            kept_head.keep(self.home, self.ledger, anyway=True)
        return self.head_places()

    def _kept_in_keychain(self) -> _Keychained:
        """The head that the keychain has, if it has one and can be asked; what is wrong with it, or why not."""
        if not self.settings.audit.keychain:
            return _Keychained()
        try:
            found = kept_head.read(self.home)
        except IntegrityError as error:
            return _Keychained(problems=(error.message,))
        except EdgeSealError as error:
            return _Keychained(not_asked=(error.message,))
        return _Keychained() if found is None else _Keychained((found,))

    def limits(self) -> Limits:
        """The limits, what is left of them now, and what the machine has to be like for learning."""
        with contextlib.suppress(EdgeSealError):  # a home that cannot be written to can still be looked at
            self.spending.marks.mark()
        limits = self.settings.limits
        return Limits(limits, self.spending.allowance(limits), self.conditions())

    def set_limit(self, name: str, value: str) -> SettingChange:
        """Changes one limit in the settings file, and records that it was changed.

        Raises:
            ConfigError: there is no such limit, or the value does not fit it.
        """
        return self._set("limits.set", "limits", name.removeprefix("limits."), value)

    # The schedule ---------------------------------------------------------------------------------------------

    def planned_schedule(self, every_minutes: int) -> Schedule:
        """The schedule that `schedule_on` would start. Touches nothing."""
        return scheduling.planned(self.home, every_minutes)

    def schedule_on(self, schedule: Schedule) -> tuple[str, ...]:
        """Writes the files of the schedule, outside the home, and starts it; gives what the user should know of it.

        It is recorded first: what a crash leaves running is in the audit trail. One that failed is recorded as off.

        Raises:
            EngineError: the session cannot be told of it; then no file stays.
        """
        body: dict[str, JsonValue] = {"kind": schedule.kind, "every_minutes": schedule.every_minutes}
        self._record_schedule("schedule.on", body)
        try:
            scheduling.switch_on(schedule)
        except BaseException:
            self._record_schedule("schedule.off", {"files": 0, "reason": "it could not be started"})
            raise
        notice = self._schedule_notice()
        return () if notice is None else (notice,)

    def _schedule_notice(self) -> str | None:
        """Why a schedule could not open the home, if it could not: it has nobody to ask for a passphrase."""
        key_file = KeyFile.read(self.home.key_file)
        if key_file is None or key_file.holder != "passphrase":
            return None
        return "the home is behind a passphrase, for which the schedule has nobody to ask: it will do nothing"

    def schedule_off(self) -> tuple[Path, ...]:
        """Stops the schedule and removes its files; gives those that were there.

        It is recorded last: the audit trail never says off of one that runs.
        """
        removed = scheduling.switch_off(scheduling.planned(self.home, 15))
        if removed:
            self._record_schedule("schedule.off", {"files": len(removed)})
        return removed

    def _record_schedule(self, event: str, body: dict[str, JsonValue]) -> None:
        with self.database.transaction():
            self.ledger.append(event, actor=USER, subject=self.home.profile, body=body)

    def schedule_status(self) -> ScheduleStatus:
        """Whether the schedule is on."""
        return scheduling.status_of(scheduling.planned(self.home, self._every_minutes()))

    def _every_minutes(self) -> int:
        for entry in reversed(self.ledger.of_events("schedule.on")):
            minutes = body_of(entry).get("every_minutes")
            if isinstance(minutes, int):
                return minutes
        return 15

    def last_scheduled(self) -> RunRecord | None:
        """The last cycle that the schedule asked for."""
        return next((run for run in reversed(self.spending.runs()) if run.actor == SCHEDULER), None)

    def change_setting(self, section: str, name: str, value: str) -> SettingChange:
        """Changes one setting in the settings file, and records that it was changed.

        A model has to be here to be set. What is open goes on with the former settings until it is opened anew.

        Raises:
            ConfigError: there is no such setting, or the value does not fit it.
        """
        if section == "limits":
            return self.set_limit(name, value)
        if section == "model" and name in {"name", "embedder"}:
            return self.use_model(value)
        return self._set("settings.set", section, name, value)

    def _set(
        self, event: str, section: str, name: str, value: str, told: Mapping[str, JsonValue] | None = None
    ) -> SettingChange:
        """Changes a setting and records it; `told` is recorded with it."""
        self.home.create()
        journal = self.home.settings_journal
        with write_lock.hold(self.home.settings_lock, wait_s=SETTINGS_WAIT_S):
            settings_file.take_back(self.home.config_file, journal, self.ledger.has)
            change = settings_file.planned_change(self.home.config_file, section, name, value)
            body: dict[str, JsonValue] = {"before": change.before, "after": change.after, **(told or {})}
            try:
                with self.database.transaction():
                    entry = self.ledger.append(event, actor=USER, subject=change.key, body=body)
                    # The file and its record go together: what was not recorded does not hold.
                    change.note(journal, entry.entry_hash)
                    change.write()
            finally:
                settings_file.take_back(self.home.config_file, journal, self.ledger.has)
        self.__dict__.pop("settings", None)
        return change

    # Models ---------------------------------------------------------------------------------------------------

    def models(self) -> tuple[KnownModel, ...]:
        """Every model of the catalog."""
        used = self._used_models()
        with models_as_ours():
            return tuple(KnownModel(listing, listing.manifest.name in used) for listing in self.store.list())

    def pull_models(
        self, names: Sequence[str], on_progress: Callable[[str, PullProgress], None] | None = None
    ) -> dict[str, tuple[StoredFile, ...]]:
        """Fetches models (those in use, if none is named). The one place that may open a connection."""
        pulled: dict[str, tuple[StoredFile, ...]] = {}
        with models_as_ours():
            for name in names or self._used_models():
                pulled[name] = self.store.pull(name, None if on_progress is None else partial(on_progress, name))
        return pulled

    def verify_models(self, names: Sequence[str]) -> dict[str, tuple[FileCheck, ...]]:
        """Hashes every file of the models (those in use, if none is named) anew."""
        with models_as_ours():
            return {name: self.store.verify(name) for name in names or self._used_models()}

    def use_model(self, name: str) -> SettingChange:
        """Makes a fetched model the one that answers or embeds, by its kind, from the next time the runtime is opened.

        Raises:
            NotFound: there is no such model.
            EngineError: it was not fetched.
        """
        with models_as_ours():
            kind = self.store.catalog.manifest(name).kind
            self.store.locate(name)
        return self._set("models.used", "model", "name" if kind == "chat" else "embedder", name)

    def learned_elsewhere(self, base_sha256: str) -> tuple[str, ...]:
        """What the user should know where what was learned belongs to another model file than `base_sha256`."""
        active = self.releases.active()
        if active is None or active.base_sha256 == base_sha256:
            return ()
        words = f"{active.id} was learned on another model file: the base answers until `edge-seal learn` has retrained"
        return (f"{words} its lessons for this one",)

    def _used_models(self) -> tuple[str, ...]:
        if self.settings.embedder.sends_to is not None:
            return (self.settings.model.name,)
        return self.settings.model.name, self.settings.model.embedder

    # The installation -----------------------------------------------------------------------------------------

    def rebuild(self) -> int:
        """Makes word indexes, sign bits and damaged vectors anew from the rows; gives how many vectors were damaged.

        Without an embedder damaged vectors are taken out, and their memories found by their words until one is here.
        """
        with self.writing():
            memories = self.stored_memories if self.embedder is None else self.memories
            return memories.rebuild()

    def doctor(self) -> Diagnosis:
        """Looks at the whole installation and measures it; see `edge_seal.doctor`."""
        from edge_seal.doctor import CheckedModel, Computing, Problem, Stored, diagnosis

        problems: list[Problem] = []
        models: list[CheckedModel] = []
        seq, head, active = 0, "", None

        def told(error: EdgeSealError) -> None:
            problems.append(Problem(error.message, error.next_step, damaged=isinstance(error, IntegrityError)))

        try:
            models = [CheckedModel(name, checks) for name, checks in self.verify_models(()).items()]
        except EdgeSealError as error:
            told(error)
        database: Database | None = None
        try:
            database = self.database
            seq, head = self.ledger.head()
            audit = self.audit()
            problems.extend(Problem(text, "edge-seal audit verify", damaged=True) for text in audit.problems)
            update = self.releases.active()
            active = None if update is None else update.id
        except EdgeSealError as error:
            told(error)
        encryption = "not known"
        try:
            encryption = protection_of(KeyFile.read(self.home.key_file)).words()
        except EdgeSealError as error:
            told(error)
        embedder: EmbedderState | None = None
        try:
            embedder = self.embedder_state()
            if embedder.problem is not None:
                told(embedder.problem)
        except EdgeSealError as error:
            told(error)
        kept = len(backups.listed(self.home))
        notices: tuple[str, ...] = ()
        if database is not None:
            recent = self.recent_action()
            notices = (*((recent,) if recent is not None else ()), *self.reminders())
        stored = Stored(tuple(models), seq, head, active, tuple(problems), encryption, kept, embedder, notices)
        return diagnosis(self.home, database, stored, Computing(self._engine_in_use, self._training_in_use))

    def _engine_in_use(self) -> str:
        try:
            path = self.model_path
        except EdgeSealError:
            path = None  # told with the models
        return selection.engine_in_use(path, self.settings.model)

    def _training_in_use(self) -> str:
        return selection.training_in_use(self.settings.learning.backend)
