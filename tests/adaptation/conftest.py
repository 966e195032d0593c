"""The tiny model's file, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adaptation.networks import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf")
