"""Everything a cycle runs on, below one directory: real tables, files, ledger, and llama.cpp on the tiny model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from edge_seal.adaptation.cycle import Cycle, CycleReport
from edge_seal.adaptation.signals import SignalBox, lesson
from edge_seal.config import GateSettings, LearningSettings, LimitSettings, Settings
from edge_seal.engines.engine import Embedder, Message, Sampling
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.records import Progress, Signal, Update
from edge_seal.storage.database import Database
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.canary import Canaries
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases
from tests.adaptation.networks import ALPHA, LAYERS, RANK
from tests.updates.scene import HandClock

DOG = ("What is my dog's name?", "Rex.")
HOME = ("Where do I live?", "Oulu.")
SETTINGS = Settings(
    learning=LearningSettings(rank=RANK, alpha=ALPHA, layers=LAYERS, rate=1e-2),
    limits=LimitSettings(steps_per_update=12, updates_per_hour=1000, updates_per_day=10000),
    # What a tiny random model can keep: it has to get better, and the file has to be what was trained.
    gate=GateSettings(
        minimum_probe_gain_nats=0,
        minimum_probe_hits=0,
        maximum_neighbour_leaks=1,
        maximum_anchor_drift_nats=1e9,
        maximum_overwritten_certainty=1,
        minimum_fit_chance=0,
        loss_chance=0,
        entropy_ratio=1e9,
        length_ratio=1e9,
        maximum_stray_answers=1,
        maximum_broken_answers=1,
        sudden_change="off",
    ),
)


def with_settings(**sections: Mapping[str, object]) -> Settings:
    """`SETTINGS` with some keys of some sections changed."""
    return SETTINGS.model_copy(
        update={name: getattr(SETTINGS, name).model_copy(update=dict(keys)) for name, keys in sections.items()}
    )


class World:
    """One installation's parts; `settings` and `clock` may be changed between runs."""

    def __init__(self, root: Path, model_path: Path, cache: Path, clock: HandClock | None = None) -> None:
        self.root = root
        self.model_path = model_path
        self.cache = cache
        self.clock = clock or HandClock()
        self.settings = SETTINGS
        self.database_file = root / "edge-seal.db"
        self.adapters_directory = root / "adapters"
        self.database = Database.open(self.database_file)
        self.ledger = Ledger(self.database, self.clock, root / "ledger-head")
        self.adapters = AdapterStore(self.adapters_directory)
        self.releases = Releases(self.database, self.ledger, self.adapters, self.clock)
        self.signals = SignalBox(self.database, self.clock, self.ledger)
        self.engine = LlamaCppEngine(model_path, threads=1)
        self.embedder: Embedder | None = None

    @property
    def canaries(self) -> Canaries:
        return Canaries(self.database, self.releases, self.clock, self.settings.canary)

    def close(self) -> None:
        self.engine.close()
        self.database.close()

    @property
    def cycle(self) -> Cycle:
        return Cycle(
            database=self.database, ledger=self.ledger, releases=self.releases, adapters=self.adapters,
            signals=self.signals, engine=self.engine, model_path=self.model_path, settings=self.settings,
            cache=self.cache, clock=self.clock, embedder=self.embedder,
        )  # fmt: skip

    def teach(self, *lessons: tuple[str, str], source: str | None = None) -> list[Signal]:
        """As a door without a guardian would: some lessons here have to reach the cycle's own."""
        return self.signals.add_all([lesson(prompt, answer, source=source) for prompt, answer in lessons])

    def run(self, *, dry_run: bool = False, on_progress: Callable[[Progress], None] = lambda _: None) -> CycleReport:
        return self.cycle.run(dry_run=dry_run, on_progress=on_progress)

    def learned(self, *lessons: tuple[str, str]) -> Update:
        """An update that passed, and an hour after it."""
        self.teach(*lessons)
        report = self.run()
        assert report.update is not None
        assert report.state is not None
        assert report.state.value == "active", report.reasons
        self.clock.pass_by(hours=1)
        return report.update

    def answer(self, prompt: str) -> bytes:
        """What is said now, by the engine as it was left."""
        tokens = self.engine.render([Message("user", prompt)])
        return "".join(piece.text for piece in self.engine.generate(tokens, Sampling(16))).encode()

    def stored_adapters(self) -> set[str]:
        """Everything in the adapters' directory, half-made things too."""
        return {path.name for path in self.adapters_directory.iterdir()} if self.adapters_directory.exists() else set()

    def rows(self, table: str) -> list[tuple[object, ...]]:
        query = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608  # names of tables only
        return [tuple(row) for row in self.database.rows(query)]

    def events(self) -> list[str]:
        return [entry.event for entry in self.ledger.entries()]

    def stored_bytes(self) -> bytes:
        """Every byte of the database: the file, and the log beside it."""
        return b"".join(path.read_bytes() for path in self.root.glob("edge-seal.db*") if path.is_file())
