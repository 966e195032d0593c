"""The home that the chat is tested on."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.runtime import Runtime
from tests.support.tiny_installation import install_tiny_model


@pytest.fixture
def tiny(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with a tiny model, opened once before: not the first start."""
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "shared"))
    install_tiny_model(home, tmp_path)
    with Runtime.open(home) as runtime:
        assert runtime.database
    return home
