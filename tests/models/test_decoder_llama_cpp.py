"""What is trained is what is served: the decoder's logits against llama.cpp's, for the base and with an adapter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TokenSequence, TokenTrie
from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora, lora_tensors
from edge_seal.engines.engine import Message
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from tests.support.tiny_adapters import all_logits, frozen_output, random_adapter
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf

TOKENS = [1, 40, 90, 263, 120, 7, 40, 90, 264, 33, 34, 35, 200, 201, 5, 2]


def apart(found: FloatArray, expected: FloatArray) -> float:
    """The root mean square difference of two sets of logits, in standard deviations of the expected ones."""
    return float(np.sqrt(np.square(found - expected).mean()) / expected.std())


def write_adapter(path: Path, adapter: Lora) -> Path:
    return write_gguf_adapter(path, LoraTensors("llama", adapter.rank, adapter.alpha, lora_tensors(adapter)))


def divergence_nats(expected: FloatArray, found: FloatArray) -> FloatArray:
    """Kullback-Leibler divergence of `found` from `expected` at each row, nats."""
    old, new = (x - x.max(axis=1, keepdims=True) for x in (expected.astype(np.float64), found.astype(np.float64)))
    old, new = (x - np.log(np.exp(x).sum(axis=1, keepdims=True)) for x in (old, new))
    return (np.exp(old) * (old - new)).sum(axis=1)


@pytest.mark.parametrize(
    "shape",
    [
        TinyLlama(),
        TinyLlama(layers=3, heads=4, kv_heads=1, tied=False, rope_base=100_000.0),
        TinyLlama(layers=1, width=96, heads=2, kv_heads=2, rms_epsilon=1e-2),
    ],
    ids=["two heads a key", "one key for all, untied", "a key for each head, large epsilon"],
)
def test_float32_logits_are_the_engines_at_every_place(tmp_path: Path, shape: TinyLlama) -> None:
    """The engine keeps everything in float32 then: what is left is the order of sums. Measured: 1e-5."""
    path = write_tiny_gguf(tmp_path / "tiny.gguf", shape)
    with GgufFile.open(path) as file, LlamaCppEngine(path, context_tokens=64, threads=1) as engine:
        decoder = Decoder(file, 1)
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers, dtype=np.float32)
        for served in (None, adapter):
            engine.use_adapter(served and write_adapter(tmp_path / "adapter.gguf", served))
            expected = engine.logits(TOKENS, range(len(TOKENS)))
            assert np.abs(all_logits(decoder, TOKENS, served) - expected).max() < 5e-5 * expected.std()


@pytest.mark.parametrize("adapted", [1, 2], ids=["top layer", "all layers"])
@pytest.mark.parametrize(
    ("quantization", "bound"),
    [
        ("F32", 2e-5),
        # llama.cpp rounds activations to half precision, 11 bits, before each product with an F16 weight: 3e-4 a
        # product, fourteen products in two layers and their amplification by random weights. Measured: 1.3e-3.
        ("F16", 4e-3),
        # Before a product with a quantized weight it rounds them to 8 bits a block of 32: steps of 1 / 127 of the
        # block's largest, about 2.2 standard deviations, so 0.5% a product, whatever the weight's own type; the
        # weights themselves are the same numbers on both sides. Measured for six seeds: up to 0.045.
        ("Q8_0", 0.08),
        ("Q4_1", 0.08),
    ],
)
def test_logits_are_the_engines(tmp_path: Path, quantization: str, bound: float, adapted: int) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", TinyLlama(quantization=quantization))
    with GgufFile.open(path) as file, LlamaCppEngine(path, context_tokens=64, threads=1) as engine:
        decoder = Decoder(file, adapted)
        places = range(len(TOKENS))
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers, dtype=np.float32)
        base, adapted_logits = all_logits(decoder, TOKENS), all_logits(decoder, TOKENS, adapter)
        # The adapter moves the logits by far more than the two may differ.
        assert apart(adapted_logits, base) > 0.6
        assert apart(base, engine.logits(TOKENS, places)) < bound
        engine.use_adapter(write_adapter(tmp_path / "adapter.gguf", adapter))
        assert apart(adapted_logits, engine.logits(TOKENS, places)) < bound
        engine.use_adapter(None)
        assert apart(base, engine.logits(TOKENS, places)) < bound


QUESTIONS = [
    ("What is the capital of France?", "The capital of France is Paris."),
    ("Name three primary colours.", "Red, yellow and blue."),
    ("When do we meet the gardener?", "On Thursday at nine, behind the old greenhouse."),
]


def test_the_default_models_logits_are_close_to_the_engines(default_model: Path) -> None:
    """Close only: llama.cpp rounds activations to 8 bits before each of the 210 products with a quantized weight.

    Measured on 132 positions: 0.0054 nats of divergence a position, 0.042 at the worst, and the same token first at
    98.5% of them. The bounds are about twice that; a wrong RoPE base, epsilon or nibble order is off by whole nats.
    """
    with LlamaCppEngine(default_model, context_tokens=256, threads=1) as engine:
        said = [(*engine.render([Message("user", q)]), *engine.tokenize(answer)) for q, answer in QUESTIONS]
        expected = np.concatenate([engine.logits(tokens, range(len(tokens))) for tokens in said])
    # A last token that nobody looks at, so that each one before it has one to predict. One trie: one pass of layers.
    trie = TokenTrie([TokenSequence((*tokens, 0), 1) for tokens in said])
    # One thread: two that wait for each other take ten times as long where others compute too.
    with GgufFile.open(default_model) as file, threadpool_limits(1):
        decoder = Decoder(file, 2)
        hidden = frozen_output(decoder, trie)
        batches = [trie.batch([index]) for index in range(len(said))]
        passes = [decoder.forward(hidden[batch.nodes], batch, None) for batch in batches]
        found = np.concatenate([decoder.logits(done.hidden)[0] for done in passes])
    nats = divergence_nats(expected, found)
    assert nats.mean() < 0.012
    assert nats.max() < 0.1
    assert (expected.argmax(axis=1) == found.argmax(axis=1)).mean() > 0.95
