"""Each engine on a tiny model, and what tests ask of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from edge_models.adapter import LoraTensors
from edge_seal.engines.decoding import DecodingEngine
from edge_seal.engines.engine import Engine, FloatArray, Sampling
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.errors import EngineError
from tests.support.tiny_gguf import TinyLlama

TINY = TinyLlama(context=256)
Q = "blk.1.attn_q.weight"


class Opener(Protocol):
    """Opens an engine on the model at `path`."""

    def __call__(self, path: Path, *, context_tokens: int = 2048) -> DecodingEngine: ...


def _llama_cpp() -> Opener:
    return lambda path, *, context_tokens=2048: LlamaCppEngine(path, threads=1, context_tokens=context_tokens)


def _mlx() -> Opener:
    pytest.importorskip("mlx.core", reason="MLX is not on this machine: install the extra `dev`")
    from edge_seal.engines.mlx_engine import MlxEngine

    return lambda path, *, context_tokens=2048: MlxEngine(path, context_tokens=context_tokens)


OPENERS: Mapping[str, Callable[[], Opener]] = {"llama.cpp": _llama_cpp, "mlx": _mlx}


def lora(seed: int = 1, *, size: float = 0.3, architecture: str = "llama", inputs: int = 64) -> LoraTensors:
    random = np.random.default_rng(seed)
    a = random.standard_normal((4, inputs)).astype(np.float32)
    b = (size * random.standard_normal((64, 4))).astype(np.float32)
    return LoraTensors(architecture, 4, 8.0, {Q: (a, b)})


def answer(engine: Engine, prompt: tuple[int, ...], sampling: Sampling, *, reuse_prefix: bool = False) -> str:
    return "".join(piece.text for piece in engine.generate(prompt, sampling, reuse_prefix=reuse_prefix))


def next_logits(engine: Engine, tokens: tuple[int, ...]) -> FloatArray:
    return engine.logits(tokens, [len(tokens) - 1])[0]


def refused(engine: DecodingEngine, path: Path, words: str, scale: float = 1.0) -> None:
    base = next_logits(engine, (5, 6, 7))
    with pytest.raises(EngineError, match=words):
        engine.use_adapter(path, scale)
    np.testing.assert_array_equal(next_logits(engine, (5, 6, 7)), base)


def with_a_strange_tensor(model: Path) -> Path:
    """A copy of `model` with a tensor that no family has in the place of one that every family has."""
    path = model.parent / "strange.gguf"
    path.write_bytes(model.read_bytes().replace(b"blk.0.attn_q.weight", b"blk.0.attn_x.weight"))
    return path
