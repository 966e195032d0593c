"""MLX behind the `Engine` protocol: the network of `edge_models` on MLX's arrays, the texts of llama.cpp's tokenizer.

On Apple silicon MLX computes on the GPU; elsewhere it is a slow second opinion. The tokenizer is llama.cpp's for both
engines: it is a run-time dependency anyway, it reads every vocabulary a GGUF can hold, and adapters and kept
conversations depend on both engines giving the same tokens for the same words.

How bits move: the same tokens from a cleared cache, in the same chunks, give the same logits bit for bit. A kept prefix
makes other chunks of the same tokens, whose sums may be taken in another order: two tokens that are nearly as likely
can change places.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge_models.adapter import read_gguf_adapter
from edge_models.errors import UnsupportedModel
from edge_models.gguf_file import GgufFile
from edge_seal.engines.decoding import DecodingEngine, open_adapter
from edge_seal.engines.engine import FloatArray
from edge_seal.engines.gguf_vocabulary import GgufVocabulary
from edge_seal.engines.selection import mlx_model_errors, require_mlx
from edge_seal.errors import EngineError

if TYPE_CHECKING:
    from edge_models.mlx_sequence import MlxSequence


class MlxEngine(DecodingEngine):
    """One GGUF model in MLX's memory. See `engine.Engine` for what the methods promise."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int = 2048,
        sha256: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
    ) -> None:
        """Reads the model at `path`; arguments as `LlamaCppEngine` takes them.

        Raises:
            MlxUnavailable: MLX is not here, or the model is not of a family that `edge_models` computes.
            EngineError: the file cannot be read, or there is not enough memory.
            IntegrityError: the file is damaged.
        """
        require_mlx("model.engine", "llama.cpp")
        self._sequence: MlxSequence | None = None
        text = GgufVocabulary.open(path, now)
        try:
            self._sequence, context_tokens = _load(path, context_tokens)
            super().__init__(path, text, context_tokens, sha256)
            self._remember_base()
        except BaseException:
            text.close()
            raise

    def close(self) -> None:
        """Lets go of the weights; may be called twice."""
        self._sequence = None
        self._text.close()
        self._cached = []

    @property
    def _open(self) -> MlxSequence:
        if self._sequence is None:
            raise EngineError("the engine is closed")
        return self._sequence

    def _compute(self, tokens: list[int], wanted: list[int]) -> Sequence[FloatArray]:
        with _mlx_errors(f"compute {len(tokens)} tokens"):
            return list(self._open.compute(tokens, wanted))

    def _empty(self, *, zeroed: bool) -> None:
        _ = zeroed  # nothing of the old keys and values stays either way
        self._open.empty()

    def _drop_beyond(self, kept: int) -> bool:
        self._open.drop_beyond(kept)
        return True

    def _unset_adapter(self) -> None:
        self._open.use(None)
        self._clear()

    def _set_adapter(self, path: Path, scale: float) -> None:
        with open_adapter(path, self._open.architecture.family.name):
            adapter = read_gguf_adapter(path)
        with _mlx_errors(f"use the adapter {path}"):
            try:
                self._open.use(adapter, scale)
            except UnsupportedModel as error:
                raise EngineError(f"the adapter {path} does not fit this model: {error.message}") from error
        self._clear()


def _load(path: Path, context_tokens: int) -> tuple[MlxSequence, int]:
    """The weights in memory, and how many tokens the context has."""
    from edge_models.mlx_sequence import MlxSequence

    with mlx_model_errors(path), GgufFile.open(path) as file, _mlx_errors(f"load {path}"):
        key = f"{file.text('general.architecture')}.context_length"
        context_tokens = min(context_tokens, file.integer(key, context_tokens, minimum=1))
        return MlxSequence(file, context_tokens), context_tokens


@contextmanager
def _mlx_errors(doing: str) -> Generator[None]:
    """MLX's own errors, of memory and of the device, as ours."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        raise EngineError(f"MLX cannot {doing}: {error}") from error
