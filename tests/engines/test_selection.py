"""Which engine answers and what trains: as set, by the machine, and never MLX unasked."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_kernels.backend import default_backend, mlx_version
from edge_seal.config import ModelSettings, TrainingBackend
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.engines.selection import (
    MlxUnavailable,
    chosen_engine,
    engine_in_use,
    open_engine,
    require_mlx,
    training_backend,
    training_in_use,
)
from tests.engines.tiny_engines import TINY, with_a_strange_tensor
from tests.support.tiny_gguf import write_tiny_gguf

needs_mlx = pytest.mark.skipif(mlx_version() is None, reason="MLX is not on this machine: install the extra `dev`")

OPEN_AND_ANSWER = """
import sys
from pathlib import Path
from edge_seal.config import ModelSettings
from edge_seal.engines.engine import Sampling
from edge_seal.engines.selection import open_engine, training_backend
engine = open_engine(Path(sys.argv[1]), ModelSettings(engine="llama.cpp", threads=1))
list(engine.generate((5, 6), Sampling(2)))
training_backend("numpy")
import edge_seal.adaptation.cycle
print(type(engine).__name__, "mlx.core" in sys.modules)
"""


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf", TINY)


def another_machine(
    monkeypatch: pytest.MonkeyPatch, *, system: str = "darwin", chip: str = "arm64", mlx: str | None = "0.30.0"
) -> None:
    """What the standard library says of the machine, and of what is installed on it."""

    def version(name: str, real: Callable[[str], str] = importlib.metadata.version) -> str:
        if name != "mlx":
            return real(name)
        if mlx is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return mlx

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: chip)
    monkeypatch.setattr(importlib.metadata, "version", version)


@pytest.mark.parametrize(
    ("system", "chip", "mlx", "backend"),
    [
        ("darwin", "arm64", "0.30.0", "mlx"),
        ("darwin", "arm64", None, "numpy"),
        ("darwin", "x86_64", "0.30.0", "numpy"),
        ("linux", "aarch64", "0.30.0", "numpy"),
        ("linux", "x86_64", None, "numpy"),
    ],
)
def test_mlx_computes_by_default_on_apple_silicon_that_has_it(
    monkeypatch: pytest.MonkeyPatch, system: str, chip: str, mlx: str | None, backend: str
) -> None:
    another_machine(monkeypatch, system=system, chip=chip, mlx=mlx)
    assert default_backend() == backend
    if backend == "numpy":
        assert chosen_engine(None, ModelSettings()) == "llama.cpp"
        assert training_backend("auto") == "numpy"


@needs_mlx
def test_on_apple_silicon_what_mlx_does_not_know_is_answered_by_llama_cpp(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    another_machine(monkeypatch)
    assert chosen_engine(tiny_model, ModelSettings()) == "mlx"
    assert training_backend("auto") == "mlx"
    strange = with_a_strange_tensor(tiny_model)
    assert chosen_engine(strange, ModelSettings()) == "llama.cpp"
    assert engine_in_use(strange, ModelSettings()) == "llama.cpp"
    with pytest.raises(MlxUnavailable, match="MLX cannot answer with"):
        chosen_engine(strange, ModelSettings(engine="mlx"))


@needs_mlx
def test_mlx_answers_where_it_is_asked_for(tiny_model: Path) -> None:
    settings = ModelSettings(engine="mlx", context_tokens=256)
    engine = open_engine(tiny_model, settings, sha256="ab")
    assert type(engine).__name__ == "MlxEngine"
    assert (engine.model_sha256, engine.context_tokens) == ("ab", 256)
    assert engine_in_use(tiny_model, settings) == f"mlx on {require_mlx('', '')}"
    assert training_in_use("mlx") == engine_in_use(tiny_model, settings)
    engine.close()


def test_llama_cpp_answers_and_numpy_trains_where_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    another_machine(monkeypatch)
    assert chosen_engine(tiny_model, ModelSettings(engine="llama.cpp")) == "llama.cpp"
    assert training_in_use("numpy") == "numpy"
    monkeypatch.undo()
    engine = open_engine(tiny_model, ModelSettings(engine="llama.cpp", threads=1))
    assert isinstance(engine, LlamaCppEngine)
    engine.close()


def test_mlx_that_is_not_installed_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    another_machine(monkeypatch, mlx=None)
    with pytest.raises(MlxUnavailable, match="MLX is not installed") as caught:
        open_engine(tiny_model, ModelSettings(engine="mlx"))
    assert caught.value.next_step == ("pip install 'edge-seal[mlx]', or set model.engine to llama.cpp in config.toml")
    with pytest.raises(MlxUnavailable) as caught:
        training_backend("mlx")
    assert caught.value.next_step == ("pip install 'edge-seal[mlx]', or set learning.backend to numpy in config.toml")


def test_mlx_that_does_not_load_is_an_error_by_name_and_another_engine_by_default(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    another_machine(monkeypatch)
    monkeypatch.delitem(sys.modules, "edge_kernels.mlx_kernels", raising=False)
    monkeypatch.setitem(sys.modules, "mlx.core", None)
    with pytest.raises(MlxUnavailable, match="does not load"):
        chosen_engine(tiny_model, ModelSettings(engine="mlx"))
    assert chosen_engine(tiny_model, ModelSettings()) == "llama.cpp"
    choices: tuple[TrainingBackend, ...] = ("auto", "numpy")
    assert [training_backend(choice) for choice in choices] == ["numpy", "numpy"]


def test_mlx_is_not_loaded_where_it_was_not_chosen(tiny_model: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", OPEN_AND_ANSWER, str(tiny_model)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["LlamaCppEngine", "False"]
