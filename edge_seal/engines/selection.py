"""Which engine answers and what trains: as set, or what suits the machine. MLX is loaded only once it was chosen."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from edge_kernels.backend import Backend, default_backend, mlx_version
from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from edge_models.gguf_file import GgufFile
from edge_seal.config import ModelSettings, TrainingBackend
from edge_seal.engines.engine import Engine
from edge_seal.errors import EngineError, IntegrityError

_INSTALL = "pip install 'edge-seal[mlx]', or set {setting} to {other} in config.toml"


class MlxUnavailable(EngineError):
    """MLX is not here, or does not know the model: something else has to compute."""


def chosen_engine(path: Path | None, settings: ModelSettings) -> Literal["llama.cpp", "mlx"]:
    """The engine that `settings` ask for, for the model at `path` (None: whichever).

    With `auto`, what MLX cannot answer with is answered by llama.cpp.

    Raises:
        MlxUnavailable: MLX is asked for by name, and is not here or does not know the model.
        EngineError, IntegrityError: the model's file cannot be read.
    """
    if settings.engine == "llama.cpp" or (settings.engine == "auto" and default_backend() == "numpy"):
        return "llama.cpp"
    try:
        require_mlx("model.engine", "llama.cpp")
        if path is not None:
            _require_known(path)
    except MlxUnavailable:
        if settings.engine == "mlx":
            raise
        return "llama.cpp"
    return "mlx"


def _require_known(path: Path) -> None:
    from edge_models.architecture import read_architecture

    with mlx_model_errors(path), GgufFile.open(path) as file:
        read_architecture(file)


@contextmanager
def mlx_model_errors(path: Path) -> Generator[None]:
    """Errors of the model at `path` as errors of ours."""
    try:
        yield
    except DamagedFile as error:
        raise IntegrityError(error.message, next_step=error.next_step) from error
    except UnsupportedModel as error:
        raise MlxUnavailable(
            f"MLX cannot answer with {path}: {error.message}", next_step="set model.engine to llama.cpp in config.toml"
        ) from error
    except ModelError as error:
        raise EngineError(error.message, next_step=error.next_step) from error


def open_engine(path: Path, settings: ModelSettings, *, sha256: str | None = None) -> Engine:
    """The engine that `chosen_engine` names, on the model at `path`. Raises as it does, or as the engine does."""
    if chosen_engine(path, settings) == "mlx":
        from edge_seal.engines.mlx_engine import MlxEngine

        return MlxEngine(path, context_tokens=settings.context_tokens, sha256=sha256)
    from edge_seal.engines.llama_cpp_engine import LlamaCppEngine

    return LlamaCppEngine(path, context_tokens=settings.context_tokens, threads=settings.threads, sha256=sha256)


def engine_in_use(path: Path | None, settings: ModelSettings) -> str:
    """What answers, in words: `llama.cpp`, or `mlx on gpu`. Raises as `chosen_engine`."""
    if chosen_engine(path, settings) == "mlx":
        return f"mlx on {require_mlx('model.engine', 'llama.cpp')}"
    return "llama.cpp"


def training_in_use(setting: TrainingBackend) -> str:
    """What trains, in words: `numpy`, or `mlx on gpu`. Raises as `training_backend`."""
    if training_backend(setting) == "mlx":
        return f"mlx on {require_mlx('learning.backend', 'numpy')}"
    return "numpy"


def training_backend(setting: TrainingBackend) -> Backend:
    """What training computes with.

    Raises:
        MlxUnavailable: MLX is asked for by name, and is not here.
    """
    backend = default_backend() if setting == "auto" else setting
    if backend == "mlx":
        try:
            require_mlx("learning.backend", "numpy")
        except MlxUnavailable:
            if setting == "mlx":
                raise
            return "numpy"
    return backend


def require_mlx(setting: str, other: str) -> str:
    """Loads MLX, because `setting` says so and not `other`; where it computes: `gpu` or `cpu`.

    Raises:
        MlxUnavailable: it is not installed, or does not load.
    """
    next_step = _INSTALL.format(setting=setting, other=other)
    if mlx_version() is None:
        raise MlxUnavailable("MLX is not installed here", next_step=next_step)
    try:
        from edge_kernels.mlx_kernels import device
    except ImportError as error:
        raise MlxUnavailable(f"MLX is installed and does not load: {error}", next_step=next_step) from error
    return device()
