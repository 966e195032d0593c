"""What an installation is made of, each part constructed when it is first asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Self

from edge_models import errors as model_errors
from edge_models.catalog import Catalog
from edge_models.store import ModelStore
from edge_seal.adaptation import admission
from edge_seal.adaptation.guardian import Policy
from edge_seal.adaptation.signals import SignalBox
from edge_seal.clock import Clock, SystemClock
from edge_seal.config import Home, Settings, load_settings, locate_home, shared_models
from edge_seal.conversation import Conversations
from edge_seal.engines.cores import physical_cores
from edge_seal.engines.engine import Embedder, EmbedderUnavailable, Engine
from edge_seal.errors import Busy, ConfigError, EdgeSealError, EngineError, IntegrityError, NotFound
from edge_seal.machine import Machine, SystemMachine
from edge_seal.memory.memories import Memories
from edge_seal.runtime.values import PROGRAM, USER
from edge_seal.safekeeping import backups, kept_head
from edge_seal.safekeeping.possession import clear_up
from edge_seal.safekeeping.unlocking import Passphrases, unlocked
from edge_seal.settings_file import take_back
from edge_seal.storage import erasure, occupancy
from edge_seal.storage.database import Database
from edge_seal.storage.sealing import DataKey
from edge_seal.updates import write_lock
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.canary import Canaries
from edge_seal.updates.conditions import Condition, conditions
from edge_seal.updates.forgetting import Forgetting
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases
from edge_seal.updates.review import Reviews
from edge_seal.updates.spending import Spending
from edge_seal.updates.watch import Watch


class Construction:
    """The parts of one installation, and their end. Opened with `open()`, as a context manager."""

    def __init__(self, home: Home, clock: Clock, passphrases: Passphrases | None = None) -> None:
        self.home = home
        self.clock = clock
        self.passphrases = passphrases
        self._closing = contextlib.ExitStack()

    @classmethod
    def open(cls, home: Home | None = None, clock: Clock | None = None, passphrases: Passphrases | None = None) -> Self:
        """The runtime of `home` (the user's own, if None). Touches no file yet.

        `passphrases` is asked when something is behind one; None: there is nobody to ask.
        """
        return cls(home or locate_home(), clock or SystemClock(), passphrases)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes what was opened; may be called twice."""
        self._closing.close()

    def leave(self) -> None:
        """Closes what was opened and forgets it: what is asked for next is opened anew."""
        self.close()
        self._closing = contextlib.ExitStack()
        for name in self.__dict__.keys() - {"home", "clock", "passphrases", "_closing"}:
            del self.__dict__[name]

    # What is constructed, each when it is first asked for -----------------------------------------------------

    @cached_property
    def settings(self) -> Settings:
        if self.home.settings_journal.exists():
            # Somebody changes them just now, or a crash cut that off.
            with contextlib.suppress(Busy), write_lock.hold(self.home.settings_lock):
                take_back(self.home.config_file, self.home.settings_journal, self.ledger.has)
        return load_settings(self.home.config_file)

    @cached_property
    def data_policy(self) -> Policy:
        """What may be remembered and trained on, as it is set.

        Raises:
            ConfigError: there is no such recognizer of names.
            EngineError: it cannot be loaded.
        """
        return admission.policy_from(self.settings.data_policy)

    @cached_property
    def key(self) -> DataKey | None:
        """What the home is encrypted with; None: it is not. From here on no other process can change that.

        Raises:
            ConfigError: it is behind a passphrase, and what was given is not it.
            NotFound: the keychain has no such key.
        """
        self.home.create()
        self._closing.enter_context(occupancy.inside(self.home.occupancy_file, lambda: clear_up(self.home)))
        return unlocked(self.home, self.passphrases)

    @cached_property
    def database(self) -> Database:
        key = self.key
        database = Database.open(
            self.home.database,
            key=None if key is None else key.for_database,
            before_migration=lambda older: backups.before_migration(self.home, older, key, self.clock),
        )
        self._closing.callback(database.close)
        erasure.resume(database)
        return database

    @cached_property
    def ledger(self) -> Ledger:
        ledger = Ledger(self.database, self.clock, self.home.head_file)
        self._closing.callback(self._keep_head, ledger)
        return ledger

    def _keep_head(self, ledger: Ledger) -> None:
        """At the end: once a process, because a keychain takes its time."""
        if ledger.has_written and self.settings.audit.keychain:
            kept_head.keep_if_possible(self.home, ledger)

    @cached_property
    def adapters(self) -> AdapterStore:
        store = AdapterStore(self.home.adapters, self.key)
        self._closing.callback(store.close)
        return store

    @cached_property
    def releases(self) -> Releases:
        return Releases(self.database, self.ledger, self.adapters, self.clock)

    @cached_property
    def forgetting(self) -> Forgetting:
        return Forgetting(self.database, self.ledger, self.adapters, self.releases)

    @cached_property
    def spending(self) -> Spending:
        return Spending(self.database, self.ledger, self.clock)

    @cached_property
    def machine(self) -> Machine:
        """What the machine tells of itself."""
        return SystemMachine(physical_cores())

    def conditions(self, *, idle: bool | None = None) -> tuple[Condition, ...]:
        """What the machine has to be like for learning, and is; `idle` None: as `limits.idle_only` says."""
        limits = self.settings.limits
        asks_idle = limits.idle_only if idle is None else idle
        most = self.settings.learning.maximum_load
        return conditions(limits, most, self.machine.state(), self.clock.now(), idle=asks_idle)

    @cached_property
    def signals(self) -> SignalBox:
        return SignalBox(self.database, self.clock, self.ledger)

    @cached_property
    def conversations(self) -> Conversations:
        return Conversations(self.database, self.clock)

    @cached_property
    def store(self) -> ModelStore:
        with models_as_ours():
            catalog = Catalog.load([self.home.config / "models"])
        return ModelStore(self.home.models, shared_models(self.home.profile), catalog=catalog)

    @cached_property
    def model_path(self) -> Path:
        """The verified GGUF file of the model in use."""
        name = self.settings.model.name
        with models_as_ours():
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
        path = self.model_path
        from edge_seal.engines.selection import open_engine

        engine = open_engine(path, self.settings.model, sha256=self.base_sha256)
        self._closing.callback(engine.close)
        return engine

    @property
    def embedder(self) -> Embedder | None:
        """The embedder that is set, or None where it cannot be used: then words alone are searched.

        Its files were not fetched, or its server has not told yet how long its vectors are; `embedder_notices` says
        which. What fails is tried again later on, what works is kept.
        """
        if self._embedder is None:
            self._embedder = self._opened_embedder()
        return self._embedder

    # Written by `embedder`; `leave` takes them from the instance.
    _embedder: Embedder | None = None
    _embedder_failed: tuple[float, EmbedderUnavailable] | None = None

    def _opened_embedder(self) -> Embedder | None:
        if self.settings.embedder.sends_to is not None:
            return self._opened_endpoint()
        try:
            with models_as_ours():
                files = self.store.locate(self.settings.model.embedder)
        except _NotHere:
            return None
        from edge_seal.engines.onnx_embedder import OnnxEmbedder

        embedder = OnnxEmbedder.open(files["model.onnx"], files["tokenizer.json"])
        self._closing.callback(embedder.close)
        return embedder

    def _opened_endpoint(self) -> Embedder | None:
        from edge_seal.engines.endpoint_embedder import RETRY_S, EndpointEmbedder, configuration_sha256

        if self._embedder_failed is not None and self.clock.monotonic() < self._embedder_failed[0] + RETRY_S:
            return None
        # Which vectors are its own is known by their length too; it is asked once and then remembered.
        key = f"embedder.dimension.{configuration_sha256(self.settings.embedder)}"
        row = self.database.row("SELECT value FROM settings WHERE key = ?", (key,))
        try:
            embedder = EndpointEmbedder.open(self.settings.embedder, int(str(row[0])) if row is not None else 0)
        except EmbedderUnavailable as error:
            self._embedder_failed = self.clock.monotonic(), error
            return None
        self._embedder_failed = None
        if row is None:
            self.database.execute(
                "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, str(embedder.dimension))
            )
        return embedder

    def _forget_embedder(self) -> None:
        """Lets the embedder be opened anew, and a server be asked again how long its vectors are."""
        self.database.execute("DELETE FROM settings WHERE key GLOB 'embedder.dimension.*'")
        self._embedder = None
        self.__dict__.pop("_embedding_memories", None)

    @property
    def _embedding_lock(self) -> Path:
        return self.home.state / "embedding.lock"

    def embedder_notices(self) -> tuple[str, ...]:
        """What the user should know of the embedder: that texts leave, why it cannot be used, what it has not seen."""
        notices: list[str] = []
        sends_to = self.settings.embedder.sends_to
        if sends_to is not None:
            notices.append(f"text leaves this process: {self.embedder_name} embeds questions and memories")
        if self.embedder is None:
            notices.append(self.no_embedder_notice)
            return tuple(notices)
        problem, missing = self.memories.embedder_problem, self.memories.missing_vectors()
        if problem is not None:
            notices.append(_by_words_alone(problem))
        elif missing:
            notices.append(
                f"{missing} memories are found by their words alone until {self.embedder_name} has embedded them: "
                f"some after each answer, all at once with `edge-seal memory reembed`"
            )
        return tuple(notices)

    @property
    def embedder_name(self) -> str:
        """The embedder that is set, in words: its model, and where it is if not here."""
        settings = self.settings.embedder
        if settings.sends_to is None:
            return self.settings.model.embedder
        return f"{settings.model} ({settings.kind} at {settings.sends_to})"

    @property
    def no_embedder_notice(self) -> str:
        """What the user should know where `embedder` is None."""
        if self._embedder_failed is not None:
            return _by_words_alone(self._embedder_failed[1])
        name = self.settings.model.embedder
        return f"memories are found by their words alone: {name} is not here; run `edge-seal models pull {name}`"

    @property
    def memories(self) -> Memories:
        """The memories; found by their words alone where there is no embedder."""
        return self.stored_memories if self.embedder is None else self._embedding_memories

    @property
    def keeping_memories(self) -> Memories:
        """The memories for what keeps or changes them: an embedder is loaded only where search by meaning is set.

        What has no vector gets one where it is needed, see `Memories.embed_missing`.
        """
        return self.stored_memories if self.settings.memory.mode in ("keyword", "off") else self.memories

    @cached_property
    def _embedding_memories(self) -> Memories:
        return self._memories(self.embedder)

    @cached_property
    def stored_memories(self) -> Memories:
        """The memories for what needs no embedder: listing, showing, forgetting."""
        return self._memories(None)

    def _memories(self, embedder: Embedder | None) -> Memories:
        def audit(event: str, subject: str, body: Mapping[str, str]) -> None:
            self.ledger.append(event, actor=USER, subject=subject, body=body)

        return Memories(self.database, audit, embedder, self.clock, self.settings.memory)

    @property
    def reviews(self) -> Reviews:
        """What there is to review, and the record of reviews."""
        return Reviews(self.database, self.ledger, self.releases, self.clock)

    @property
    def watch(self) -> Watch:
        """The watch over what answers."""
        return Watch(self.database, self.ledger, self.releases, self.clock, self.settings.rollback, self.settings.gate)

    @property
    def canaries(self) -> Canaries:
        """The canary, with the design that is set now for the next one."""
        return Canaries(self.database, self.releases, self.clock, self.settings.canary)

    @contextlib.contextmanager
    def writing(self) -> Generator[None]:
        """Holds the write lock, after clearing up what a crash left.

        Raises:
            Busy: another process holds it.
        """
        self.home.create()
        with write_lock.hold(self.home.lock_file):
            self.releases.recover()
            self.forgetting.recover()
            self.canaries.end_stale(PROGRAM)
            yield


def _by_words_alone(problem: EmbedderUnavailable) -> str:
    next_step = f"; next: {problem.next_step}" if problem.next_step else ""
    return f"memories are found by their words alone: {problem.message}{next_step}"


class _NotHere(EngineError):
    """A model's file was not fetched yet."""


@contextlib.contextmanager
def models_as_ours() -> Generator[None]:
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
