"""The whole network against one written with MLX, which differentiates it by itself.

The oracle knows no trie and no frozen layers: it takes a sequence at a time through every layer with a causal mask,
from the weights the file was written with.

MLX adds and multiplies in float64 here, but its exponentials and roots keep float32's digits (measured: 4e-7 of their
value) whatever they are given. Some twenty of them stand in a row from a factor to the loss, which gives `AGREES`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TokenSequence
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from tests.kernels.differences import assert_close
from tests.support.tiny_adapters import all_logits, random_adapter, trie_loss
from tests.support.tiny_gguf import TinyLlama, tiny_weights, write_tiny_gguf

if TYPE_CHECKING:
    import mlx.core as mx
else:
    mx = pytest.importorskip("mlx.core", reason="the oracle MLX is not on this machine: install the extra `dev`")

EXAMPLES = [
    TokenSequence((1, 40, 41, 50, 51, 2), 3),
    TokenSequence((1, 40, 41, 52, 2), 3),
    TokenSequence((1, 40, 60, 61, 62, 63), 2),
    TokenSequence((70, 71), 1),
]
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.0])
AGREES = 8e-6
Tensors = Mapping[str, "mx.array"]


@pytest.fixture(autouse=True)
def on_the_cpu() -> None:
    mx.set_default_device(mx.cpu)  # float64 is for the CPU only


class Oracle:
    """A llama of the tiny model's shape in MLX, float64; LoRA is added to the weights themselves."""

    def __init__(self, model: TinyLlama) -> None:
        self.model = model
        self.weights = {name: self.wide(weight) for name, weight in tiny_weights(model).items()}

    @staticmethod
    def wide(array: FloatArray) -> mx.array:
        return mx.array(array.astype(np.float64), dtype=mx.float64)

    def logits(self, tokens: Sequence[int], lora: Tensors, scale: float) -> mx.array:
        """(tokens, V); `lora` holds the factors by weight name and `.a` or `.b`."""
        weights = dict(self.weights)
        for name in {key[:-2] for key in lora}:
            weights[name] = weights[name] + scale * (lora[f"{name}.b"] @ lora[f"{name}.a"])
        x = weights["token_embd.weight"][mx.array(list(tokens))]
        for layer in range(self.model.layers):
            block = {name.split(".", 2)[2]: w for name, w in weights.items() if name.startswith(f"blk.{layer}.")}
            x = x + self.attend(self.norm(x, block["attn_norm.weight"]), block) @ block["attn_output.weight"].T
            normed = self.norm(x, block["ffn_norm.weight"])
            gate = normed @ block["ffn_gate.weight"].T
            x = x + (gate * mx.sigmoid(gate) * (normed @ block["ffn_up.weight"].T)) @ block["ffn_down.weight"].T
        head = weights["token_embd.weight" if self.model.tied else "output.weight"]
        return self.norm(x, weights["output_norm.weight"]) @ head.T

    def norm(self, x: mx.array, gain: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, gain, self.model.rms_epsilon)

    def attend(self, x: mx.array, block: Tensors) -> mx.array:
        def heads(name: str, count: int) -> mx.array:
            return (x @ block[f"{name}.weight"].T).reshape(1, len(x), count, self.model.head_width).swapaxes(1, 2)

        query = self.turned(heads("attn_q", self.model.heads))
        key = self.turned(heads("attn_k", self.model.kv_heads))
        value = heads("attn_v", self.model.kv_heads)
        scale = self.model.head_width**-0.5
        mixed = mx.fast.scaled_dot_product_attention(query, key, value, scale=scale, mask="causal")
        return mixed[0].swapaxes(0, 1).reshape(len(x), -1)

    def turned(self, x: mx.array) -> mx.array:
        # Written out as a rotation matrix a pair: MLX's own operation makes its angles in float32.
        places, pairs = x.shape[2], self.model.head_width // 2
        speeds = self.model.rope_base ** (-np.arange(pairs) / pairs)
        angles = np.arange(places)[:, None] * speeds
        turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 3, 0, 1)
        split = x.reshape(*x.shape[:3], pairs, 2, 1)
        return (self.wide(turns) @ split).reshape(x.shape)

    def loss(self, lora: Tensors, scale: float) -> mx.array:
        """The mean over the examples, each the mean over its tokens, weighted."""
        total = self.wide(np.zeros(()))
        for example, weight in zip(EXAMPLES, WEIGHTS / WEIGHTS.sum(), strict=True):
            begin = example.supervised_from
            logits = self.logits(example.tokens[:-1], lora, scale)[begin - 1 :]
            said = mx.array(list(example.tokens[begin:]))[:, None]
            nats = mx.logsumexp(logits, axis=1) - mx.take_along_axis(logits, said, axis=1)[:, 0]
            total = total + float(weight) * nats.mean()
        return total


def in_mlx(adapter: Lora) -> dict[str, mx.array]:
    pairs = {f"{name}.a": Oracle.wide(a) for name, a in adapter.a.items()}
    return pairs | {f"{name}.b": Oracle.wide(b) for name, b in adapter.b.items()}


@pytest.mark.parametrize("adapted", [1, 2], ids=["top layer", "all layers"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_loss_and_lora_gradients(tmp_path: Path, adapted: int, tied: bool) -> None:
    model = TinyLlama(width=64, heads=4, kv_heads=2, feed_forward=96, tied=tied, rope_base=500.0)
    oracle = Oracle(model)
    with GgufFile.open(write_tiny_gguf(tmp_path / "tiny.gguf", model)) as file:
        decoder = Decoder(file, adapted, np.float64)
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers)
        loss, gradients = mx.value_and_grad(oracle.loss)(in_mlx(adapter), adapter.scale)
        expected = {name: np.array(gradient) for name, gradient in gradients.items()}
        found = trie_loss(decoder, EXAMPLES, WEIGHTS, adapter)
        assert found.nats == pytest.approx(float(loss), rel=AGREES)
        for name in adapter.a:
            assert_close(found.gradient.a[name], expected[f"{name}.a"], AGREES)
            assert_close(found.gradient.b[name], expected[f"{name}.b"], AGREES)
        narrow = random_adapter(decoder.architecture, decoder.adapted_layers, dtype=np.float32)
        trained = trie_loss(Decoder(file, adapted), EXAMPLES, WEIGHTS, narrow).gradient
        for name in adapter.a:
            # And about twenty products of up to 96 terms in a row, each off by up to 10 * 6e-8.
            assert_close(trained.a[name], expected[f"{name}.a"], AGREES + 1.2e-5)
            assert_close(trained.b[name], expected[f"{name}.b"], AGREES + 1.2e-5)


def test_logits(tmp_path: Path) -> None:
    model = TinyLlama(layers=3, heads=4, kv_heads=1, tied=False)
    tokens = list(range(40, 60))
    with GgufFile.open(write_tiny_gguf(tmp_path / "tiny.gguf", model)) as file:
        decoder = Decoder(file, 2, np.float64)
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers)
        expected = np.array(Oracle(model).logits(tokens, in_mlx(adapter), adapter.scale))
        assert_close(all_logits(decoder, tokens, adapter), expected, AGREES)
