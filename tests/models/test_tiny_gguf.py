"""The tiny model that other tests stand on: llama.cpp loads it, and it is the same each time."""

from __future__ import annotations

from pathlib import Path

import llama_cpp
import numpy as np
import pytest

from tests.support.tiny_gguf import IM_END, IM_START, TinyLlama, vocabulary, write_tiny_gguf


@pytest.mark.parametrize("quantization", ["F32", "F16", "Q8_0", "Q4_0", "Q4_1"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_llama_cpp_evaluates_the_tiny_model(tmp_path: Path, quantization: str, tied: bool) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", TinyLlama(quantization=quantization, tied=tied))
    model = llama_cpp.Llama(str(path), n_ctx=64, logits_all=True, verbose=False)
    text = "the cat, ünïcode\n"
    tokens = model.tokenize(f"<|im_start|>{text}<|im_end|>".encode(), add_bos=False, special=True)
    assert (tokens[0], tokens[-1]) == (IM_START, IM_END)
    assert model.detokenize(tokens[1:-1]).decode() == text
    assert " the" not in model.detokenize(tokens[2:]).decode()
    model.eval(tokens)
    logits = np.array(model.scores[: len(tokens)])
    assert logits.shape == (len(tokens), len(vocabulary()))
    assert np.isfinite(logits).all()
    assert logits.std() > 0.5
    model.close()


def test_the_same_shape_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    first = write_tiny_gguf(tmp_path / "a.gguf", TinyLlama(quantization="Q4_1")).read_bytes()
    assert write_tiny_gguf(tmp_path / "b.gguf", TinyLlama(quantization="Q4_1")).read_bytes() == first
    assert write_tiny_gguf(tmp_path / "c.gguf", TinyLlama(quantization="Q4_1", seed=2)).read_bytes() != first
