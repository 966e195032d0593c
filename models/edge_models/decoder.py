"""A decoder assembled from kernels as its family's record says, with LoRA on its top layers.

The layers below the lowest adapted one never change, so their output for a token trie is a constant: `frozen` computes
it once, `forward` and `backward` start from it. Weights stay as the GGUF stores them, and adapters refer to them by
their GGUF names. Nothing here knows a family by its name: a layer has what `Architecture` and its weights say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray
from edge_kernels.branch_attention import Branches, branch_attention, branch_attention_backward, within
from edge_kernels.geglu import geglu, geglu_backward
from edge_kernels.linear_lora import lora, lora_backward
from edge_kernels.rms_norm import rms_norm, rms_norm_backward
from edge_kernels.rope import rope, rope_halves, rope_table
from edge_kernels.soft_cap import soft_cap, soft_cap_backward
from edge_kernels.swiglu import swiglu, swiglu_backward
from edge_kernels.trie import TokenTrie, TrieBatch
from edge_models.architecture import read_architecture
from edge_models.families import QKV
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora

Turn = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
TURNS: Mapping[str, Turn] = MappingProxyType({"interleaved": rope, "halves": rope_halves})


@dataclass(frozen=True, slots=True)
class Gate:
    """A gated activation: `forward(gate, up)` gives the product and what `backward` needs as its last argument."""

    forward: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
    backward: Callable[[FloatArray, FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


GATES: Mapping[str, Gate] = MappingProxyType(
    {"silu": Gate(swiglu, swiglu_backward), "gelu": Gate(geglu, geglu_backward)}
)


@dataclass(slots=True)
class _Layer:
    """The weights of one layer: `qkv` and `gate_up` are stacked by rows; what the model does not have is None."""

    attention_gain: FloatArray
    qkv: FloatArray
    qkv_bias: FloatArray | None
    query_gain: FloatArray | None
    key_gain: FloatArray | None
    output: FloatArray
    output_bias: FloatArray | None
    attention_out_gain: FloatArray | None
    feed_forward_gain: FloatArray
    gate_up: FloatArray
    gate_up_bias: FloatArray | None
    down: FloatArray
    down_bias: FloatArray | None
    feed_forward_out_gain: FloatArray | None


@dataclass(slots=True)
class _Norm:
    """What a norm's backward needs: its input (N, D), its gain (D,) and the rows' inverse root mean squares."""

    x: FloatArray
    gain: FloatArray
    inverse: FloatArray

    def backward(self, d_out: FloatArray) -> FloatArray:
        return rms_norm_backward(d_out, self.x, self.gain, self.inverse)


@dataclass(slots=True)
class _Tape:
    """What one adapted layer's backward needs of its forward; norms that the model does not have are None."""

    norm: _Norm
    normed: FloatArray
    query_norm: _Norm | None
    key_norm: _Norm | None
    query: FloatArray
    key: FloatArray
    value: FloatArray
    weights: FloatArray
    mixed: FloatArray
    attention_out_norm: _Norm | None
    middle_norm: _Norm
    middle_normed: FloatArray
    gate_up: FloatArray
    gated: FloatArray
    product: FloatArray
    feed_forward_out_norm: _Norm | None
    down: dict[str, FloatArray]
    wanted: IntArray | None


@dataclass(slots=True)
class View:
    """What a layer sees of a batch, and how it turns queries and keys there; the same for all layers of one window."""

    branches: Branches
    cosines: FloatArray
    sines: FloatArray


@dataclass(slots=True)
class Pass:
    """One forward pass: `hidden` (S, D) before the last norm at the batch's sources, and what `backward` needs."""

    hidden: FloatArray
    batch: TrieBatch
    tapes: list[_Tape]
    views: Mapping[int, View]


class Decoder:
    """The network of one GGUF file. Layers from `first_adapted` on are kept dequantized, those below are streamed.

    Args:
        file: checked; stays open as long as the decoder is used.
        adapted_layers: how many of the top layers carry LoRA; all of them if there are fewer.
        dtype: float32; float64 for checks on tiny models.

    Raises:
        UnsupportedModel: see `read_architecture`.
        ValueError: `adapted_layers` is below 0.
    """

    def __init__(self, file: GgufFile, adapted_layers: int, dtype: np.dtype | type = np.float32) -> None:
        if adapted_layers < 0:
            raise ValueError(f"{adapted_layers} layers cannot be adapted")
        self.architecture = read_architecture(file)
        self.first_adapted = max(0, self.architecture.layers - adapted_layers)
        self._file = file
        self._dtype = np.dtype(dtype)
        self._turn = TURNS[self.architecture.family.rope]
        self._gate = GATES[self.architecture.family.gate]
        # The kernel scales by the head size; where a model scales otherwise, the queries make up for it.
        self._query_scale = self.architecture.attention_scale / self.architecture.head_size**-0.5
        self._embedding = self._tensor("token_embd.weight")
        tied = "output.weight" not in file.tensors
        self._head = self._embedding if tied else self._tensor("output.weight")
        self._final_gain = self._tensor("output_norm.weight")
        self._layers = {layer: self._load(layer) for layer in self.adapted_layers}

    @property
    def adapted_layers(self) -> range:
        return range(self.first_adapted, self.architecture.layers)

    def _tensor(self, name: str) -> FloatArray:
        return np.ascontiguousarray(self._file.tensor(name), dtype=self._dtype)

    def _load(self, layer: int) -> _Layer:
        block = f"blk.{layer}."

        def weight(*names: str) -> FloatArray:
            parts = [self._tensor(f"{block}{name}.weight") for name in names]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)

        def gain(name: str) -> FloatArray | None:
            return weight(name) if f"{block}{name}.weight" in self._file.tensors else None

        def bias(*names: str) -> FloatArray | None:
            if not any(f"{block}{name}.bias" in self._file.tensors for name in names):
                return None
            return np.concatenate([self._bias(block, name) for name in names])

        return _Layer(
            attention_gain=weight("attn_norm"),
            qkv=weight(*QKV),
            qkv_bias=bias(*QKV),
            query_gain=gain("attn_q_norm"),
            key_gain=gain("attn_k_norm"),
            output=weight("attn_output"),
            output_bias=bias("attn_output"),
            attention_out_gain=gain("post_attention_norm"),
            feed_forward_gain=weight("ffn_norm"),
            gate_up=weight("ffn_gate", "ffn_up"),
            gate_up_bias=bias("ffn_gate", "ffn_up"),
            down=weight("ffn_down"),
            down_bias=bias("ffn_down"),
            feed_forward_out_gain=gain("post_ffw_norm"),
        )

    def _bias(self, block: str, name: str) -> FloatArray:
        if f"{block}{name}.bias" in self._file.tensors:
            return self._tensor(f"{block}{name}.bias")
        return np.zeros(self.architecture.shape(name)[0], dtype=self._dtype)

    def embed(self, tokens: IntArray) -> FloatArray:
        """The input (n, D) of the first layer."""
        rows = self._embedding[tokens]
        if self.architecture.embedding_scale != 1.0:
            rows *= self._dtype.type(self.architecture.embedding_scale)
        return rows

    def frozen(self, trie: TokenTrie, *, chunk_tokens: int = 1024) -> Iterator[tuple[int, FloatArray]]:
        """Computes the input of the lowest adapted layer for every node of `trie`.

        Yields (layers done, hidden) after each layer so that a caller can show progress or stop; the array (N, D) is
        the same one each time and is finished with the last yield. Each layer's weights are in memory one at a time.
        """
        hidden = self.embed(trie.tokens)
        chunks = [trie.batch(examples) for examples in trie.chunks(chunk_tokens)]
        views = [self._views(chunk, range(self.first_adapted)) for chunk in chunks]
        yield 0, hidden
        for layer in range(self.first_adapted):
            weights, window = self._load(layer), self.architecture.windows[layer]
            # A shared prefix stands in several chunks: all of them must read it as it was before this layer.
            done = np.empty_like(hidden)
            for chunk, view in zip(chunks, views, strict=True):
                done[chunk.nodes] = self._layer_forward(weights, layer, hidden[chunk.nodes], view[window], None)[0]
            hidden[...] = done
            yield layer + 1, hidden

    def forward(self, hidden: FloatArray, batch: TrieBatch, adapter: Lora | None, *, for_backward: bool = True) -> Pass:
        """The adapted layers on `hidden` (n, D), the frozen output at the batch's nodes.

        The last layer gives its output at the batch's sources only: its other rows are seen through their keys and
        values, and by nothing after it. Without `for_backward` nothing is kept that only the backward needs.

        Raises:
            ValueError: `adapter` also adapts layers that were frozen: without them it would say something else.
        """
        if adapter is not None and not set(adapter.layers) <= set(self.adapted_layers):
            raise ValueError(f"the adapter is for layers {adapter.layers}, layers {self.adapted_layers} are adapted")
        views = self._views(batch, self.adapted_layers)
        tapes: list[_Tape] = []
        for layer in self.adapted_layers:
            hidden, tape = self._layer_forward(
                self._layers[layer], layer, hidden, views[self.architecture.windows[layer]], adapter,
                batch.sources if layer == self.architecture.layers - 1 else None,
            )  # fmt: skip
            if for_backward:
                tapes.append(tape)
        return Pass(hidden if self.adapted_layers else hidden[batch.sources], batch, tapes, views)

    def logits(self, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(S, V) logits of rows `hidden` (S, D), and the last norm's inverse for `logits_backward`."""
        normed, inverse = rms_norm(hidden, self._final_gain, self.architecture.rms_epsilon)
        logits = normed @ self._head.T
        cap = self.architecture.final_cap
        return soft_cap(logits, cap) if cap else logits, inverse

    def logits_backward(self, d_logits: FloatArray, hidden: FloatArray, inverse: FloatArray) -> FloatArray:
        """The gradient to the rows that `logits` was given, (S, D)."""
        cap = self.architecture.final_cap
        if cap:
            # Computed again: the caller has made the logits into their gradient, and few models have a cap.
            d_logits = soft_cap_backward(d_logits, self.logits(hidden)[0], cap)
        return rms_norm_backward(d_logits @ self._head, hidden, self._final_gain, inverse)

    def backward(self, done: Pass, d_hidden: FloatArray, adapter: Lora) -> Lora:
        """The gradients of the adapter's tensors, in the adapter's own layout.

        Args:
            done: what `forward` gave for this adapter, which adapts each of the adapted layers.
            d_hidden: the loss's gradient to `done.hidden`, (S, D).
        """
        gradients = Lora.zeros(self.architecture, self.adapted_layers, adapter.rank, adapter.alpha, self._dtype)
        for layer, tape in zip(reversed(self.adapted_layers), reversed(done.tapes), strict=True):
            d_hidden = self._layer_backward(layer, tape, d_hidden, done, adapter, gradients)
        return gradients

    def _views(self, batch: TrieBatch, layers: range) -> dict[int, View]:
        """By window, what the `layers` need to know of `batch`."""
        views: dict[int, View] = {}
        for window in {self.architecture.windows[layer] for layer in layers}:
            turns = self.architecture.local_rope if window else self.architecture.rope
            cosines, sines = rope_table(batch.positions, turns)
            branches = within(batch.branches, window) if window else batch.branches
            views[window] = View(branches, cosines.astype(self._dtype), sines.astype(self._dtype))
        return views

    def _norm(self, x: FloatArray, gain: FloatArray) -> tuple[FloatArray, _Norm]:
        normed, inverse = rms_norm(x, gain, self.architecture.rms_epsilon)
        return normed, _Norm(x, gain, inverse)

    def _norm_if(self, x: FloatArray, gain: FloatArray | None) -> tuple[FloatArray, _Norm | None]:
        return (x, None) if gain is None else self._norm(x, gain)

    def _layer_forward(
        self,
        weights: _Layer,
        layer: int,
        x: FloatArray,
        view: View,
        adapter: Lora | None,
        wanted: IntArray | None = None,
    ) -> tuple[FloatArray, _Tape]:
        sizes, down = self.architecture, dict[str, FloatArray]()
        rows, split = len(x), sizes.heads * sizes.head_size
        shared, half = sizes.kv_heads * sizes.head_size, sizes.feed_forward

        def add_lora(projection: str, given: FloatArray, out: FloatArray) -> None:
            name = f"blk.{layer}.{projection}.weight"
            if adapter is not None and name in adapter.a:
                low_rank, down[projection] = lora(given, adapter.a[name], adapter.b[name], adapter.scale)
                out += low_rank

        normed, norm = self._norm(x, weights.attention_gain)
        qkv = _linear(normed, weights.qkv, weights.qkv_bias)
        add_lora("attn_q", normed, qkv[:, :split])
        add_lora("attn_k", normed, qkv[:, split : split + shared])
        add_lora("attn_v", normed, qkv[:, split + shared :])
        query, query_norm = self._norm_if(_by_head(qkv[:, :split], sizes.head_size), weights.query_gain)
        key, key_norm = self._norm_if(_by_head(qkv[:, split : split + shared], sizes.head_size), weights.key_gain)
        query = self._turn(query.reshape(rows, sizes.heads, sizes.head_size), view.cosines, view.sines)
        key = self._turn(key.reshape(rows, sizes.kv_heads, sizes.head_size), view.cosines, view.sines)
        value = qkv[:, split + shared :].reshape(rows, sizes.kv_heads, sizes.head_size)
        if self._query_scale != 1.0:
            query *= self._dtype.type(self._query_scale)
        mixed_heads, attention_weights = branch_attention(query, key, value, view.branches)
        mixed = mixed_heads.reshape(rows, split)
        if wanted is not None:
            mixed, x = mixed[wanted], x[wanted]
        middle = _linear(mixed, weights.output, weights.output_bias)
        add_lora("attn_output", mixed, middle)
        middle, attention_out_norm = self._norm_if(middle, weights.attention_out_gain)
        middle += x
        middle_normed, middle_norm = self._norm(middle, weights.feed_forward_gain)
        gate_up = _linear(middle_normed, weights.gate_up, weights.gate_up_bias)
        add_lora("ffn_gate", middle_normed, gate_up[:, :half])
        add_lora("ffn_up", middle_normed, gate_up[:, half:])
        product, gated = self._gate.forward(gate_up[:, :half], gate_up[:, half:])
        out = _linear(product, weights.down, weights.down_bias)
        add_lora("ffn_down", product, out)
        out, feed_forward_out_norm = self._norm_if(out, weights.feed_forward_out_gain)
        out += middle
        return out, _Tape(
            norm, normed, query_norm, key_norm, query, key, value, attention_weights, mixed, attention_out_norm,
            middle_norm, middle_normed, gate_up, gated, product, feed_forward_out_norm, down, wanted,
        )  # fmt: skip

    def _layer_backward(
        self, layer: int, tape: _Tape, d_out: FloatArray, done: Pass, adapter: Lora, gradients: Lora
    ) -> FloatArray:
        """The gradient to the layer's input; for the lowest adapted layer, which needs none, something unused."""
        sizes, weights = self.architecture, self._layers[layer]
        rows, split = len(tape.norm.x), sizes.heads * sizes.head_size
        shared, half = sizes.kv_heads * sizes.head_size, sizes.feed_forward
        view = done.views[sizes.windows[layer]]

        def through(projection: str, given: FloatArray, d_projection: FloatArray) -> FloatArray:
            name = f"blk.{layer}.{projection}.weight"
            d_given, d_a, d_b = lora_backward(
                d_projection, given, tape.down[projection], adapter.a[name], adapter.b[name], adapter.scale
            )
            gradients.a[name][...] = d_a
            gradients.b[name][...] = d_b
            return d_given

        d_down = _backward_if(tape.feed_forward_out_norm, d_out)
        d_product = d_down @ weights.down
        d_product += through("ffn_down", tape.product, d_down)
        d_gate_up = np.concatenate(
            self._gate.backward(d_product, tape.gate_up[:, :half], tape.gate_up[:, half:], tape.gated), axis=1
        )
        d_normed = d_gate_up @ weights.gate_up
        d_normed += through("ffn_gate", tape.middle_normed, d_gate_up[:, :half])
        d_normed += through("ffn_up", tape.middle_normed, d_gate_up[:, half:])
        d_middle = tape.middle_norm.backward(d_normed)
        d_middle += d_out
        d_attended = _backward_if(tape.attention_out_norm, d_middle)
        d_mixed = d_attended @ weights.output
        d_mixed += through("attn_output", tape.mixed, d_attended)
        if tape.wanted is not None:
            d_mixed, d_middle = _spread(d_mixed, tape.wanted, rows), _spread(d_middle, tape.wanted, rows)
        d_query, d_key, d_value = branch_attention_backward(
            d_mixed.reshape(rows, sizes.heads, sizes.head_size),
            tape.query, tape.key, tape.value, tape.weights, view.branches,
        )  # fmt: skip
        if self._query_scale != 1.0:
            d_query *= self._dtype.type(self._query_scale)
        d_query = self._turn(d_query, view.cosines, -view.sines).reshape(-1, sizes.head_size)
        d_key = self._turn(d_key, view.cosines, -view.sines).reshape(-1, sizes.head_size)
        d_qkv = np.concatenate(
            (
                _backward_if(tape.query_norm, d_query).reshape(rows, split),
                _backward_if(tape.key_norm, d_key).reshape(rows, shared),
                d_value.reshape(rows, shared),
            ),
            axis=1,
        )
        d_q = through("attn_q", tape.normed, d_qkv[:, :split])
        d_k = through("attn_k", tape.normed, d_qkv[:, split : split + shared])
        d_v = through("attn_v", tape.normed, d_qkv[:, split + shared :])
        if layer == self.first_adapted:
            return d_middle
        d_input_normed = d_qkv @ weights.qkv
        d_input_normed += d_q
        d_input_normed += d_k
        d_input_normed += d_v
        d_x = tape.norm.backward(d_input_normed)
        d_x += d_middle
        return d_x


def _linear(x: FloatArray, weight: FloatArray, bias: FloatArray | None) -> FloatArray:
    out = x @ weight.T
    if bias is not None:
        out += bias
    return out


def _by_head(x: FloatArray, head_size: int) -> FloatArray:
    """(N, H * d) -> (N * H, d)."""
    return x.reshape(-1, head_size)


def _backward_if(norm: _Norm | None, d_out: FloatArray) -> FloatArray:
    return d_out if norm is None else norm.backward(d_out)


def _spread(rows: FloatArray, at: IntArray, count: int) -> FloatArray:
    """(count, …) with `rows` at the places `at`, and zeros elsewhere."""
    spread = np.zeros((count, *rows.shape[1:]), dtype=rows.dtype)
    spread[at] = rows
    return spread
