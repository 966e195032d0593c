"""Every family: logits are llama.cpp's, for the base and with an adapter, and the gradient is the slope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TokenSequence, TokenTrie, edge_weights
from edge_models import decoder_layer
from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_models.decoder import Decoder
from edge_models.decoder_layer import Gate
from edge_models.errors import UnsupportedModel
from edge_models.families import FAMILIES, PROJECTIONS
from edge_models.gguf_file import GgufFile
from edge_models.lora import lora_tensors
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from tests.kernels.differences import along
from tests.kernels.gates import geglu_of
from tests.support.tiny_adapters import all_logits, frozen_output, random_adapter, weighted_loss
from tests.support.tiny_families import GEMMA2, GEMMA3, QWEN2, QWEN3, Setting, TinyModel, write_tiny_model

TOKENS = [1, 40, 90, 263, 120, 7, 40, 90, 264, 33, 34, 35, 200, 201, 5, 2, 77, 78, 40, 90, 263, 11]
"""Four times as long as the windows of the tiny models."""
LLAMA = TinyModel("llama")
LLAMA3 = replace(LLAMA, frequency_factors=(1.0, 1.0, 1.3, 2.0, 4.0, 8.0, 8.0, 8.0))


def scaled(model: TinyModel, **settings: Setting) -> TinyModel:
    """`model` with further settings; `__` stands for a point."""
    return replace(model, settings={**model.settings, **{k.replace("__", "."): v for k, v in settings.items()}})


def yarn(model: TinyModel, **settings: Setting) -> TinyModel:
    # A small base and a small trained context, so that 22 positions reach all three kinds of pairs.
    base: dict[str, Setting] = {
        "rope__freq_base": 100.0,
        "rope__scaling__type": "yarn",
        "rope__scaling__factor": 4.0,
        "rope__scaling__original_context_length": 128,
    }
    return scaled(model, **{**base, **settings})


CASES = {
    "llama": LLAMA,
    "llama 3: frequency factors": LLAMA3,
    "llama: all biases": replace(LLAMA, biases=PROJECTIONS),
    "llama: linear": scaled(LLAMA, rope__scaling__type="linear", rope__scaling__factor=4.0),
    "llama: linear by the old key": scaled(LLAMA, rope__scale_linear=3.0),
    "llama: a factor that is not used": scaled(LLAMA, rope__scaling__type="none", rope__scaling__factor=4.0),
    "llama: yarn": yarn(LLAMA),
    "llama 3: yarn and attention factor": yarn(LLAMA3, rope__scaling__attn_factor=1.2),
    "mistral as llama: a window that llama.cpp does not use": scaled(LLAMA, attention__sliding_window=5),
    "mistral3: yarn with its own numbers": yarn(
        replace(LLAMA, architecture="mistral3"),
        rope__scaling__yarn_beta_fast=16.0, rope__scaling__yarn_beta_slow=2.0, rope__scaling__yarn_log_multiplier=0.5,
    ),
    "qwen2": QWEN2,
    "qwen2: yarn": yarn(QWEN2),
    "qwen2: no bias, own head": replace(QWEN2, biases=(), tied=False),
    "qwen3": QWEN3,
    "qwen3: yarn": yarn(QWEN3),
}  # fmt: skip
GEMMAS = {
    "gemma3": GEMMA3,
    "gemma3: the usual pattern": replace(
        GEMMA3, layers=7, settings={"attention.sliding_window": 4, "rope.freq_base": 300.0}
    ),
    "gemma3: no window": replace(GEMMA3, settings={}),
    "gemma3: scaled, capped, own local base": scaled(
        GEMMA3,
        rope__scaling__type="linear", rope__scaling__factor=8.0, rope__freq_base_swa=50.0, final_logit_softcapping=3.0,
    ),
    "gemma3: a pattern layer by layer": scaled(
        GEMMA3, attention__sliding_window_pattern=[False, True, True, False]
    ),
    "gemma2: small caps": GEMMA2,
    "gemma2: the usual caps and window, scaled": replace(
        GEMMA2, settings={"rope.scaling.type": "linear", "rope.scaling.factor": 2.0}
    ),
    "gemma3: 62 layers": replace(GEMMA3, layers=62, width=32, heads=4, head_size=16, feed_forward=32),
}  # fmt: skip


def apart(found: FloatArray, expected: FloatArray) -> float:
    """The largest difference of two sets of logits, in standard deviations of the expected ones."""
    return float(np.abs(found - expected).max() / expected.std())


def both(tmp_path: Path, model: TinyModel) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Our logits and llama.cpp's at every place, for the base and then with an adapter on all layers."""
    path = write_tiny_model(tmp_path / "tiny.gguf", model)
    with GgufFile.open(path) as file, LlamaCppEngine(path, context_tokens=64, threads=1) as engine:
        decoder = Decoder(file, model.layers)
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers, dtype=np.float32)
        tensors = LoraTensors(model.architecture, adapter.rank, adapter.alpha, lora_tensors(adapter))
        base = all_logits(decoder, TOKENS)
        yield base, engine.logits(TOKENS, range(len(TOKENS)))
        engine.use_adapter(write_gguf_adapter(tmp_path / "adapter.gguf", tensors))
        adapted = all_logits(decoder, TOKENS, adapter)
        assert apart(adapted, base) > 1
        yield adapted, engine.logits(TOKENS, range(len(TOKENS)))


@pytest.mark.parametrize("case", CASES)
def test_logits_are_llama_cpps(tmp_path: Path, case: str) -> None:
    """All in float32: what is left is the order of sums, and llama.cpp's angles, which it makes in float32."""
    for found, expected in both(tmp_path, CASES[case]):
        assert apart(found, expected) < 5e-5


def table_gelu(gate_up: FloatArray, product: FloatArray) -> FloatArray:
    """GeGLU as llama.cpp's CPU code computes it: by a table of half-precision numbers."""
    gate, up = np.split(gate_up, 2, axis=1)
    rounded, tanh = geglu_of(gate.astype(np.float16).astype(np.float32), np.ones_like(up))
    looked_up = rounded.astype(np.float16).astype(np.float32)
    product[...] = np.where(gate <= -10, 0, np.where(gate >= 10, gate, looked_up)) * up
    return tanh


@pytest.mark.parametrize("case", GEMMAS)
def test_gemma_logits_are_llama_cpps(tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its table of GELU they are its logits, and without it they differ by the table's 11 bits.

    A sum that differs in its last bit can fall on the other side of a rounding of the table: one value of 96 is then
    off by 5e-4. Measured: 4e-4, and 2e-3 after 62 layers.
    """
    bound = 1e-3 if GEMMAS[case].layers < 10 else 5e-3
    for found, expected in both(tmp_path, GEMMAS[case]):
        assert apart(found, expected) < 20 * bound
    exact = decoder_layer.GATES["gelu"]
    monkeypatch.setattr(decoder_layer, "GATES", {"gelu": Gate(table_gelu, exact.backward)})
    for found, expected in both(tmp_path, GEMMAS[case]):
        assert apart(found, expected) < bound


EXAMPLES = [
    TokenSequence((1, 40, 41, 50, 51, 52, 53, 54, 2), 3),
    TokenSequence((1, 40, 41, 50, 51, 52, 60, 2), 4),
    TokenSequence((70, 71), 1),
]


SLOPES = ["llama 3: yarn and attention factor", "llama: all biases", "qwen2", "qwen3"]
GEMMA_SLOPES = ["gemma2: small caps", "gemma3: scaled, capped, own local base", "gemma3: 62 layers"]


@pytest.mark.parametrize("case", [*SLOPES, *GEMMA_SLOPES])
def test_gradient_is_the_slope_along_every_tensor(tmp_path: Path, case: str) -> None:
    model = {**CASES, **GEMMAS}[case]
    adapted = min(model.layers, 2)
    with GgufFile.open(write_tiny_model(tmp_path / "tiny.gguf", model)) as file:
        decoder = Decoder(file, adapted, np.float64)
        _check_slopes(decoder)


def _check_slopes(decoder: Decoder) -> None:
    adapter = random_adapter(decoder.architecture, decoder.adapted_layers)
    trie = TokenTrie(EXAMPLES)
    batch = trie.batch(range(len(EXAMPLES)))
    hidden = frozen_output(decoder, trie)[batch.nodes]
    weights = edge_weights(batch, np.array([1.0, 2.0, 0.5]))

    def loss() -> float:
        return weighted_loss(decoder, hidden, batch, weights, adapter).nats

    gradient = weighted_loss(decoder, hidden, batch, weights, adapter).gradient
    generator = np.random.default_rng(1)
    assert len(adapter.a) == len(decoder.adapted_layers) * len(PROJECTIONS)
    for name in adapter.a:
        for values, slopes in ((adapter.a[name], gradient.a[name]), (adapter.b[name], gradient.b[name])):
            direction = generator.standard_normal(values.shape)
            assert float((slopes * direction).sum()) == pytest.approx(
                along(loss, values, direction), rel=1e-6, abs=1e-9
            ), name


@pytest.mark.parametrize("model", [LLAMA3, QWEN2, QWEN3, GEMMA3], ids=lambda model: model.architecture)
def test_frozen_layers_say_what_adapted_ones_do(tmp_path: Path, model: TinyModel) -> None:
    with GgufFile.open(write_tiny_model(tmp_path / "tiny.gguf", model)) as file:
        expected = all_logits(Decoder(file, model.layers, np.float64), TOKENS)
        found = all_logits(Decoder(file, 1, np.float64), TOKENS)
    assert apart(found, expected) < 1e-12


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (scaled(LLAMA, rope__scaling__type="longrope"), "longrope"),
        (yarn(GEMMA3), "yarn"),
        (scaled(QWEN2, rope__scaling__yarn_beta_fast=16.0), "yarn_beta_fast"),
        (replace(QWEN2, biases=("attn_output",)), r"attn_output\.bias"),
        (replace(QWEN2, frequency_factors=(1.0,) * 8), "rope_freqs"),
        (replace(LLAMA, frequency_factors=(1.0,) * 7), "shape"),
        (replace(LLAMA, frequency_factors=(0.0,) * 8), "not above 0"),
        (replace(QWEN3, head_norms=False), "attn_q_norm"),
        (replace(QWEN2, head_norms=True), r"attn_[qk]_norm\.weight in qwen2"),
        (replace(GEMMA3, post_norms=False), "post_attention_norm"),
        (scaled(GEMMA3, attn_logit_softcapping=50.0), "attn_logit_softcapping"),
        (scaled(GEMMA3, attention__sliding_window_pattern=[True]), "1 layers"),
        (scaled(GEMMA3, attention__key_length_swa=8), "key_length_swa"),
        (scaled(GEMMA2, rope__freq_base_swa=50.0), "freq_base_swa"),
        (scaled(LLAMA, attention__scale=0.5), r"attention\.scale"),
        (scaled(replace(LLAMA, architecture="mistral3"), attention__temperature_scale=0.1), "temperature_scale"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.architecture,
)
def test_what_is_not_computed_is_refused(tmp_path: Path, model: TinyModel, reason: str) -> None:
    with (
        GgufFile.open(write_tiny_model(tmp_path / "odd.gguf", model)) as file,
        pytest.raises(UnsupportedModel, match=reason),
    ):
        Decoder(file, 1)


def test_every_family_is_proven_here() -> None:
    assert {model.architecture for model in {**CASES, **GEMMAS}.values()} == set(FAMILIES)
