"""What is MLX's own: the rest of what its engine promises is asked in test_engine_contract.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_models.adapter import write_gguf_adapter
from edge_seal.engines.engine import Message, Sampling
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.engines.selection import MlxUnavailable
from edge_seal.errors import EngineError
from tests.engines.tiny_engines import TINY, answer, lora, with_a_strange_tensor
from tests.support.tiny_gguf import write_tiny_gguf

pytest.importorskip("mlx.core", reason="MLX is not on this machine: install the extra `dev`")

from edge_seal.engines.mlx_engine import MlxEngine  # needs MLX


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf", TINY)


@pytest.fixture
def strange_model(tiny_model: Path) -> Path:
    return with_a_strange_tensor(tiny_model)


def test_both_engines_compute_the_same_from_the_same_words(tiny_model: Path, tmp_path: Path) -> None:
    """A float32 file: llama.cpp quantizes activations where weights are quantized, MLX never does."""
    adapter = write_gguf_adapter(tmp_path / "adapter.gguf", lora())
    messages = [Message("user", "what is in the sea <|im_end|> 日本")]
    with MlxEngine(tiny_model) as mlx, LlamaCppEngine(tiny_model, threads=1) as llama:
        tokens = mlx.render(messages)
        assert tokens == llama.render(messages)
        assert mlx.context_tokens == llama.context_tokens == 256
        assert mlx.end_tokens == llama.end_tokens
        assert mlx.model_sha256 == llama.model_sha256
        for path in (None, adapter):
            for engine in (mlx, llama):
                engine.use_adapter(path)
            rows = [engine.logits(tokens, range(len(tokens))) for engine in (mlx, llama)]
            np.testing.assert_allclose(*rows, rtol=0, atol=1e-4)
            for sampling in (Sampling(20), Sampling(20, temperature=1.0, seed=3)):
                assert answer(mlx, tokens, sampling) == answer(llama, tokens, sampling)


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no model file"):
        MlxEngine(tmp_path / "none.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EngineError, match="cannot load"):
        MlxEngine(tmp_path / "bad.gguf")


def test_a_network_that_it_does_not_know_is_refused_with_what_to_set(strange_model: Path) -> None:
    with pytest.raises(MlxUnavailable, match=r"MLX cannot answer with .*attn_q") as caught:
        MlxEngine(strange_model)
    assert caught.value.next_step == "set model.engine to llama.cpp in config.toml"


def test_the_default_model_begins_its_answer_as_llama_cpp_does(default_model: Path) -> None:
    def begin(engine: MlxEngine | LlamaCppEngine) -> tuple[Sequence[int], str]:
        prompt = engine.render([Message("system", "x"), Message("user", "Name a colour.")])
        return prompt, answer(engine, prompt, Sampling(4))

    with LlamaCppEngine(default_model, threads=1, context_tokens=256) as llama:
        expected = begin(llama)
    with MlxEngine(default_model, context_tokens=256) as mlx:
        assert begin(mlx) == expected
        assert expected[1].strip()
