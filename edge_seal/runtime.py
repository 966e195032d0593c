"""The one place that constructs engines, databases and clocks, and what every command of Edge Seal does with them.

Invariants: nothing is opened before it is needed (listing memories loads no model, showing a path makes no file); what
is taught, corrected or remembered is judged before a byte of it is kept; what changes updates is done under the write
lock, after what a crash left was cleared up; errors of models leave as errors of ours.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from edge_models import errors as model_errors
from edge_models.catalog import Catalog
from edge_models.store import FileCheck, ModelListing, ModelStore, PullProgress, StoredFile
from edge_seal import settings_file
from edge_seal.adaptation import admission, signals
from edge_seal.adaptation.admission import Admission
from edge_seal.adaptation.signals import Lesson, SignalBox
from edge_seal.clock import Clock, SystemClock
from edge_seal.config import Home, LimitSettings, Settings, load_settings, locate_home, shared_models
from edge_seal.conversation import Answering, Conversations, Question, checked_prompt, take_turn
from edge_seal.engines.cores import physical_cores
from edge_seal.engines.engine import Embedder, Engine, Sampling
from edge_seal.errors import (
    ConfigError,
    EdgeSealError,
    EngineError,
    IntegrityError,
    LimitReached,
    NotFound,
    Refused,
)
from edge_seal.memory import interchange
from edge_seal.memory.memories import Imported, Memories
from edge_seal.memory.search import Mode
from edge_seal.records import (
    Action,
    ChainReport,
    Example,
    LedgerEntry,
    Memory,
    Origin,
    Progress,
    Recalled,
    Signal,
    SignalKind,
    State,
    Turn,
    Update,
)
from edge_seal.settings_file import SettingChange
from edge_seal.storage.database import Database
from edge_seal.storage.durable_file import sha256_of, write_durably
from edge_seal.updates import write_lock
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.budget import COUNTED_EVENT, Allowance, allowance
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases

if TYPE_CHECKING:
    from edge_seal.adaptation.cycle import CycleReport
    from edge_seal.doctor import Diagnosis

USER = "user"
ACTIVE, NONE = "active", "none"
LAST = "last"


# What the commands give back ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as it was put. `adapter` is `active`, `none` or an update; None means: as it is set.

    `conversation` is None for a new one, `last`, or the id of one.
    """

    prompt: str
    origin: Origin = Origin.TYPED
    adapter: str = ACTIVE
    use_memory: bool = True
    max_tokens: int | None = None
    seed: int | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Signals that were kept. `waiting` says, rule by rule, why some will need a person's approval to be learned."""

    signals: tuple[Signal, ...]
    waiting: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What answered before a rollback and what answers after it; None is the base."""

    before: Update | None
    active: Update | None
    taken_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """Everything that is stored about an update: its manifest (where it was trained) and its ledger entries."""

    update: Update
    examples: tuple[Example, ...]
    manifest: Mapping[str, JsonValue] | None
    entries: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits as they are set, and what is left of them."""

    settings: LimitSettings
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of the catalog, and whether it is the one in use."""

    listing: ModelListing
    in_use: bool


class Runtime:
    """One installation. Open it with `Runtime.open()`, as a context manager."""

    def __init__(self, home: Home, clock: Clock) -> None:
        self.home = home
        self.clock = clock
        self._closing = contextlib.ExitStack()
        self._served: tuple[str | None, Path | None] | None = None

    @classmethod
    def open(cls, home: Home | None = None, clock: Clock | None = None) -> Runtime:
        """The runtime of `home` (the user's own, if None). Touches no file yet."""
        return cls(home or locate_home(), clock or SystemClock())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what was opened; may be called twice."""
        self._closing.close()

    # What is constructed, each when it is first asked for -----------------------------------------------------

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.home.config_file)

    @cached_property
    def database(self) -> Database:
        self.home.create()
        database = Database.open(self.home.database)
        self._closing.callback(database.close)
        return database

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.database, self.clock, self.home.state / "ledger-head")

    @cached_property
    def adapters(self) -> AdapterStore:
        return AdapterStore(self.home.adapters)

    @cached_property
    def releases(self) -> Releases:
        return Releases(self.database, self.ledger, self.adapters, self.clock)

    @cached_property
    def signals(self) -> SignalBox:
        return SignalBox(self.database, self.clock)

    @cached_property
    def conversations(self) -> Conversations:
        return Conversations(self.database, self.clock)

    @cached_property
    def store(self) -> ModelStore:
        with _model_errors():
            catalog = Catalog.load([self.home.config / "models"])
        return ModelStore(self.home.models, shared_models(), catalog=catalog)

    @cached_property
    def model_path(self) -> Path:
        """The verified GGUF file of the model in use."""
        name = self.settings.model.name
        with _model_errors():
            gguf = self.store.catalog.manifest(name).gguf_name
            if gguf is None:
                raise ConfigError(f"{name} does not answer questions", next_step="edge-seal models list")
            return self.store.locate(name)[gguf]

    @property
    def base_sha256(self) -> str:
        """The hash of the model file in use: the store keeps each file in a directory of that name."""
        return self.model_path.parent.name

    @cached_property
    def engine(self) -> Engine:
        path, settings = self.model_path, self.settings.model
        from edge_seal.engines.llama_cpp_engine import LlamaCppEngine

        engine = LlamaCppEngine(
            path, context_tokens=settings.context_tokens, threads=settings.threads, sha256=self.base_sha256
        )
        self._closing.callback(engine.close)
        return engine

    @cached_property
    def embedder(self) -> Embedder | None:
        """The embedder in use, or None where its files were not fetched: then words alone are searched."""
        try:
            with _model_errors():
                files = self.store.locate(self.settings.model.embedder)
        except _NotHere:
            return None
        from edge_seal.engines.onnx_embedder import OnnxEmbedder

        embedder = OnnxEmbedder.open(files["model.onnx"], files["tokenizer.json"])
        self._closing.callback(embedder.close)
        return embedder

    @cached_property
    def memories(self) -> Memories:
        """The memories, those without a vector of the present embedder embedded first."""
        memories = self._memories(self.embedder)
        memories.embed_missing()
        return memories

    @cached_property
    def stored_memories(self) -> Memories:
        """The memories for what needs no embedder: listing, showing, forgetting."""
        return self._memories(None)

    def _memories(self, embedder: Embedder | None) -> Memories:
        def audit(event: str, subject: str, body: Mapping[str, str]) -> None:
            self.ledger.append(event, actor=USER, subject=subject, body=body)

        return Memories(self.database, audit, embedder, self.clock, self.settings.memory)

    # Asking ---------------------------------------------------------------------------------------------------

    def ask(self, ask: Ask, on_piece: Callable[[str], None] | None = None) -> Turn:
        """Answers and keeps the turn; `on_piece` gets the answer's text as it is drawn.

        Raises:
            NotFound: no such update or conversation.
            ConfigError: the prompt is empty.
            IntegrityError: the update that was named is damaged.
        """
        checked_prompt(ask.prompt)
        conversation = self.conversations.latest() if ask.conversation == LAST else ask.conversation
        generation = self.settings.generation
        sampling = Sampling(
            max_tokens=ask.max_tokens or generation.max_tokens,
            temperature=generation.temperature,
            top_p=generation.top_p,
            seed=generation.seed if ask.seed is None else ask.seed,
        )
        update, notices = self._chosen(ask.adapter)
        memories, memory_notices = self._recalling(use_memory=ask.use_memory)
        self._serve(update)
        answering = Answering(
            self.engine,
            None if update is None else update.id,
            memories,
            self.settings.memory.budget_tokens,
            (*notices, *memory_notices),
        )
        question = Question(ask.prompt, ask.origin, sampling, conversation)
        return take_turn(question, answering, self.conversations, on_piece or _ignore)

    def _chosen(self, adapter: str) -> tuple[Update | None, tuple[str, ...]]:
        """The update that is to answer, with notices where it is not the one that was meant to."""
        if adapter == NONE:
            return None, ()
        if adapter == ACTIVE:
            return self.releases.serving(self.base_sha256)
        update = self.releases.get(adapter)
        if update.adapter_sha256 is None or update.manifest_sha256 is None:
            raise EdgeSealError(
                f"update {update.id} is {update.state} and has no adapter", next_step="edge-seal updates list"
            )
        problem = self.adapters.verify(update.adapter_sha256, update.manifest_sha256)
        if problem is not None:
            raise IntegrityError(f"update {update.id} cannot answer: {problem}", next_step="edge-seal audit verify")
        if update.base_sha256 != self.base_sha256:
            raise EdgeSealError(
                f"update {update.id} was trained for another model file", next_step="edge-seal models list"
            )
        return update, ()

    def _serve(self, update: Update | None) -> None:
        path = None if update is None or update.adapter_sha256 is None else self.adapters.path(update.adapter_sha256)
        served = (None if update is None else update.id, path)
        # A fresh engine serves the base; swapping anyway would throw away a conversation's KV cache.
        if served != (self._served or (None, None)):
            self._served = None
            self.engine.use_adapter(path)
            self._served = served

    def _recalling(self, *, use_memory: bool) -> tuple[Memories | None, tuple[str, ...]]:
        """The memories to recall from: none where there are none, so that no embedder is loaded for nothing."""
        if not use_memory or self.settings.memory.mode == "off" or not self.stored_memories.list(limit=1):
            return None, ()
        if self.settings.memory.mode == "keyword":
            return self.stored_memories, ()
        if self.embedder is None:
            return self.stored_memories, (self._no_embedder(),)
        return self.memories, ()

    def _no_embedder(self) -> str:
        name = self.settings.model.embedder
        return f"memories are found by their words alone: {name} is not here; run `edge-seal models pull {name}`"

    # Signals --------------------------------------------------------------------------------------------------

    def teach(self, lessons: Sequence[Lesson], *, places: Sequence[str] | None = None) -> Kept:
        """Keeps lessons for the next cycle, all of them or none. `places` name them in a refusal (`line 3`).

        Raises:
            Refused: the guardian blocks one; nothing of any of them is kept.
        """
        admitted = self._admitted(admission.of_lessons(lessons, places), "signal.refused", "taught")
        return Kept(tuple(self.signals.add_all(lessons)), admitted.reasons(Action.QUARANTINE))

    def teach_lines(self, text: str) -> Kept:
        """Keeps the lessons of a JSON Lines text; as `teach`."""
        lessons = signals.parse_lessons(text)
        return self.teach(lessons, places=admission.lines_with_text(text))

    def thumb(self, turn_id: str, kind: SignalKind) -> Kept:
        """Keeps that the answer of a turn was good or bad."""
        turn = self.conversations.turn(turn_id)
        return Kept((self.signals.add(kind, signals.said_in(turn), turn_id=turn.id),), ())

    def correct(self, turn_id: str, answer: str) -> Kept:
        """Keeps what should have been said in a turn.

        Raises:
            Refused: the guardian blocks it; nothing of it is kept.
        """
        turn = self.conversations.turn(turn_id)
        lesson = signals.correction(turn, answer)
        admitted = self._admitted(admission.of_lessons([lesson]), "signal.refused", "correction")
        signal = self.signals.add(SignalKind.CORRECTION, lesson, turn_id=turn.id)
        return Kept((signal,), admitted.reasons(Action.QUARANTINE))

    def _admitted(self, judged: Admission, event: str, subject: str) -> Admission:
        """`judged`, if none of it is blocked; otherwise the refusal is recorded, without the text or its digest."""
        if not judged.is_blocked:
            return judged
        rules = judged.rules(Action.BLOCK)
        body: dict[str, JsonValue] = {"rules": rules, "refused": judged.count(Action.BLOCK)}
        with self.database.transaction():
            self.ledger.append(event, actor="guardian", subject=subject, body=body)
        raise Refused(
            "the guardian refused it; nothing was kept",
            reasons=judged.reasons(Action.BLOCK),
            next_step="take it out and try again; `edge-seal guard scan` shows what is found in a text",
        )

    # Memory ---------------------------------------------------------------------------------------------------

    def remember(self, text: str, origin: Origin, *, source: str | None = None, confirmed: bool = False) -> Memory:
        """Keeps `text` as a memory. What the guardian would rather ask about is kept only if `confirmed`.

        Raises:
            Refused: it holds a secret, or something to be asked about; nothing of it is kept.
        """
        self._admit_memories([text], confirmed=confirmed)
        return self.memories.remember(text, origin, source)

    def edit_memory(self, memory_id: str, text: str, *, confirmed: bool = False) -> Memory:
        """Puts `text` in place of what the memory said; refused as in `remember`."""
        self.stored_memories.get(memory_id)
        self._admit_memories([text], confirmed=confirmed)
        return self.memories.edit(memory_id, text)

    def import_memories(
        self, stream: BinaryIO, *, source: str | None, backup: bool = False, confirmed: bool = False
    ) -> Imported:
        """Adds the memories of a JSON Lines file, all of them or none; refused as in `remember`."""
        content = stream.read()
        texts = [f"{line.text}\n{line.source or ''}" for line in interchange.parsed(io.BytesIO(content))]
        places = tuple(f"line {number}" for number, line in enumerate(content.split(b"\n"), start=1) if line.strip())
        self._admit_memories(texts, places=places, confirmed=confirmed)
        return self.memories.import_from(io.BytesIO(content), source=source, backup=backup)

    def search_memories(self, query: str, count: int, mode: Mode | None = None) -> tuple[Recalled, ...]:
        """The memories nearest to `query`, best first."""
        by_words = mode == "keyword" or (mode is None and self.settings.memory.mode == "keyword")
        return (self.stored_memories if by_words else self.memories).search(query, count, mode)

    def search_notices(self) -> tuple[str, ...]:
        """What the user should know of a search: that it was by words alone."""
        return (self._no_embedder(),) if self.embedder is None else ()

    def forget(self, memory_id: str) -> Memory:
        """Takes a memory out for good; gives what it was."""
        return self.stored_memories.forget(memory_id)

    def _admit_memories(self, texts: Sequence[str], *, confirmed: bool, places: Sequence[str] | None = None) -> None:
        judged = self._admitted(admission.of_memories(texts, places), "memory.refused", "memory")
        doubts = judged.reasons(Action.QUARANTINE)
        if doubts and not confirmed:
            raise Refused(
                "the guardian asks before this is kept; nothing was kept",
                reasons=doubts,
                next_step="if you want it remembered, run the command again with --yes",
            )

    # Learning -------------------------------------------------------------------------------------------------

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
        if not now and not dry_run:
            self._require_idle()
        with self.writing():
            from edge_seal.adaptation.cycle import Cycle

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
            self._served = ("", None)  # the cycle sets adapters of its own: the next answer swaps anew
            return cycle.run(dry_run=dry_run, on_progress=on_progress or _ignore)

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

    @contextlib.contextmanager
    def writing(self) -> Generator[None]:
        """Holds the write lock, after clearing up what a crash left.

        Raises:
            Busy: another process holds it.
        """
        self.home.create()
        with write_lock.hold(self.home.lock_file):
            self.releases.recover()
            yield

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
        """Goes back to the parent (None), to an earlier update, or to `base`."""
        with self.writing():
            before = {update.id: update.state for update in self.releases.list()}
            was = self.releases.active()
            active = self.releases.rollback(target, USER)
            taken_back = tuple(
                update.id
                for update in self.releases.list()
                if update.state is State.ROLLED_BACK and before.get(update.id) is not State.ROLLED_BACK
            )
            return RolledBack(was, active, taken_back)

    def export_adapter(self, update_id: str, path: Path) -> tuple[Path, Path]:
        """Copies the adapter of an update to `path`, its manifest beside it; gives both paths.

        Raises:
            EdgeSealError: it has no adapter, or a file is there already.
            IntegrityError: the stored adapter is damaged.
        """
        update = self.releases.get(update_id)
        if update.adapter_sha256 is None or update.manifest_sha256 is None:
            raise EdgeSealError(f"update {update.id} has no adapter", next_step="edge-seal updates list")
        problem = self.adapters.verify(update.adapter_sha256, update.manifest_sha256)
        if problem is not None:
            raise IntegrityError(f"{update.id} cannot be exported: {problem}", next_step="edge-seal audit verify")
        manifest = path.with_name(f"{path.name}.manifest.json")
        for target in (path, manifest):
            if target.exists():
                raise EdgeSealError(f"{target} exists already", next_step="name another file with --output")
        stored = self.adapters.path(update.adapter_sha256)
        write_durably(path, stored.read_bytes(), mode=0o644)
        for candidate in stored.parent.glob("manifest*.json"):
            if sha256_of(candidate) == update.manifest_sha256:
                write_durably(manifest, candidate.read_bytes(), mode=0o644)
        return path, manifest

    # The audit trail and the limits -----------------------------------------------------------------------------

    def audit(self) -> ChainReport:
        """Checks the chain, the updates, their files, and the memories."""
        report = self.releases.audit()
        return replace(report, problems=(*report.problems, *self.stored_memories.problems()))

    def limits(self) -> Limits:
        """The limits and what is left of them now."""
        limits = self.settings.limits
        return Limits(limits, allowance(limits, self.ledger.times_of(COUNTED_EVENT), self.clock.now()))

    def set_limit(self, name: str, value: str) -> SettingChange:
        """Changes one limit in the settings file, and records that it was changed.

        Raises:
            ConfigError: there is no such limit, or the value does not fit it.
        """
        return self._set("limits.set", "limits", name.removeprefix("limits."), value)

    def _set(self, event: str, section: str, name: str, value: str) -> SettingChange:
        self.home.create()
        change = settings_file.planned_change(self.home.config_file, section, name, value)
        body: dict[str, JsonValue] = {"before": change.before, "after": change.after}
        try:
            with self.database.transaction():
                self.ledger.append(event, actor=USER, subject=change.key, body=body)
                change.write()
        except BaseException:
            # The file and its record go together: what was not recorded does not hold.
            change.undo()
            raise
        self.__dict__.pop("settings", None)
        return change

    # Models ---------------------------------------------------------------------------------------------------

    def models(self) -> tuple[KnownModel, ...]:
        """Every model of the catalog."""
        used = self._used_models()
        with _model_errors():
            return tuple(KnownModel(listing, listing.manifest.name in used) for listing in self.store.list())

    def pull_models(
        self, names: Sequence[str], on_progress: Callable[[str, PullProgress], None] | None = None
    ) -> dict[str, tuple[StoredFile, ...]]:
        """Fetches models (those in use, if none is named). The one place that may open a connection."""
        pulled: dict[str, tuple[StoredFile, ...]] = {}
        with _model_errors():
            for name in names or self._used_models():
                pulled[name] = self.store.pull(name, None if on_progress is None else partial(on_progress, name))
        return pulled

    def verify_models(self, names: Sequence[str]) -> dict[str, tuple[FileCheck, ...]]:
        """Hashes every file of the models (those in use, if none is named) anew."""
        with _model_errors():
            return {name: self.store.verify(name) for name in names or self._used_models()}

    def use_model(self, name: str) -> SettingChange:
        """Makes a fetched model the one that answers or embeds, by its kind.

        Raises:
            NotFound: there is no such model.
            EngineError: it was not fetched.
        """
        with _model_errors():
            kind = self.store.catalog.manifest(name).kind
            self.store.locate(name)
        return self._set("models.used", "model", "name" if kind == "chat" else "embedder", name)

    def _used_models(self) -> tuple[str, ...]:
        return self.settings.model.name, self.settings.model.embedder

    # The installation -----------------------------------------------------------------------------------------

    def doctor(self) -> Diagnosis:
        """Looks at the whole installation and measures it; see `edge_seal.doctor`."""
        from edge_seal.doctor import CheckedModel, Problem, Stored, diagnosis

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
        return diagnosis(self.home, database, Stored(tuple(models), seq, head, active, tuple(problems)))


# Inside ---------------------------------------------------------------------------------------------------


class _NotHere(EngineError):
    """A model's file was not fetched yet."""


@contextlib.contextmanager
def _model_errors() -> Generator[None]:
    """Errors of models as errors of ours, by who acts."""
    try:
        yield
    except model_errors.ModelError as error:
        raise _ours(error)(error.message, next_step=error.next_step) from error


def _ours(error: model_errors.ModelError) -> type[EdgeSealError]:
    if isinstance(error, model_errors.DamagedFile):
        return IntegrityError
    if isinstance(error, model_errors.UnknownModel):
        return NotFound
    if isinstance(error, model_errors.BadManifest):
        return ConfigError
    return _NotHere if isinstance(error, model_errors.NotPulled) else EngineError


def _ignore(_: object) -> None:
    """Takes what nobody asked to hear."""
