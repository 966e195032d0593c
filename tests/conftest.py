"""What every test stands on: a home of its own, no network, and the real models where they have been fetched.

Sockets are blocked. A test that serves something to itself asks for the loopback address, and gets that alone:

    @pytest.mark.allow_hosts(["127.0.0.1"])
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from edge_models.errors import NotPulled
from edge_models.store import ModelStore
from edge_seal.config import Home, ModelSettings, locate_home, shared_models


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own data, not even one that forgets to ask for `home`."""
    monkeypatch.setenv("EDGE_SEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    # Nor the keychain of who runs the tests.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def home() -> Home:
    """The test's own home, with its directories made."""
    home = locate_home()
    home.create()
    return home


@pytest.fixture(scope="session")
def default_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF file of the default chat model, verified."""
    return next(path for name, path in _fetched("model", tmp_path_factory).items() if name.endswith(".gguf"))


@pytest.fixture(scope="session")
def default_embedder(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The verified files of the default embedder by their names: model.onnx and tokenizer.json."""
    return _fetched("embedder", tmp_path_factory)


def _fetched(which: Literal["model", "embedder"], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    settings = ModelSettings()
    name = settings.name if which == "model" else settings.embedder
    try:
        return ModelStore(tmp_path_factory.mktemp("models"), shared_models()).locate(name)
    except NotPulled as error:
        if os.environ.get("EDGE_SEAL_REQUIRE_MODELS"):
            raise
        pytest.skip(f"{error.message}; `make test` fetches it")
