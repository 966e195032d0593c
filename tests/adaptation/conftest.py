"""The tiny model's file, written once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adaptation.networks import write_tiny_model
from tests.adaptation.world import World


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")


@pytest.fixture(scope="session")
def general_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's general answers: the first cycle makes them, all others read them."""
    return tmp_path_factory.mktemp("general")


@pytest.fixture
def world(tmp_path: Path, tiny_model: Path, general_cache: Path) -> Iterator[World]:
    world = World(tmp_path, tiny_model, general_cache)
    yield world
    world.close()
