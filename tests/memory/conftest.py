"""Memories on a real database with a real ledger; the embedder is the model only where meaning is the point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_seal.clock import Uptime
from edge_seal.config import MemorySettings
from edge_seal.engines.engine import Embedder
from edge_seal.engines.onnx_embedder import OnnxEmbedder
from edge_seal.memory.memories import Memories
from edge_seal.storage.database import Database
from edge_seal.updates.ledger import Ledger
from tests.memory.word_embedder import WordEmbedder


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def uptime(self) -> Uptime:
        return Uptime("hand", self.moment.timestamp())

    def pass_time(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


class Shelf:
    """One home's memories with all that they stand on."""

    def __init__(self, path: Path, clock: HandClock) -> None:
        self.path = path
        self.clock = clock
        self.database = Database.open(path)
        self.ledger = Ledger(self.database, clock)
        self.embedder: Embedder | None = WordEmbedder()

    def memories(self, **settings: object) -> Memories:
        def audit(event: str, subject: str, body: Mapping[str, str]) -> object:
            return self.ledger.append(event, actor="user", subject=subject, body=body)

        return Memories(self.database, audit, self.embedder, self.clock, MemorySettings.model_validate(settings))

    def events(self) -> list[tuple[str, str]]:
        return [(entry.event, entry.subject) for entry in self.ledger.entries()]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shelf(tmp_path: Path, clock: HandClock) -> Iterator[Shelf]:
    opened = Shelf(tmp_path / "edge-seal.db", clock)
    yield opened
    opened.database.close()


@pytest.fixture
def memories(shelf: Shelf) -> Memories:
    return shelf.memories()


@pytest.fixture(scope="session")
def minilm(default_embedder: Mapping[str, Path]) -> OnnxEmbedder:
    """The default embedder, real weights."""
    return OnnxEmbedder.open(default_embedder["model.onnx"], default_embedder["tokenizer.json"])
