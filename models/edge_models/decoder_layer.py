"""One layer of a decoder: its weights, what it computes forward, and the way back through it.

A layer knows nothing of tries and of other layers. Each of its four linear maps (Q, K and V stacked; the output; gate
and up stacked; down) is a `BorderedLinear`, so an adapter is part of the same products as the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from edge_kernels.arrays import FloatArray, IntArray
from edge_kernels.bordered_linear import Border, BorderedLinear
from edge_kernels.branch_attention import Branches, branch_attention, branch_attention_backward
from edge_kernels.geglu import geglu, geglu_backward
from edge_kernels.rms_norm import rms_norm, rms_norm_backward
from edge_kernels.rope import rope, rope_halves
from edge_kernels.swiglu import swiglu, swiglu_backward
from edge_models.architecture import Architecture
from edge_models.families import QKV
from edge_models.lora import Lora

Turn = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
TURNS: Mapping[str, Turn] = MappingProxyType({"interleaved": rope, "halves": rope_halves})


@dataclass(frozen=True, slots=True)
class Gate:
    """A gated activation: `forward(gate_up, product)` fills the product and gives what `backward` needs of it."""

    forward: Callable[[FloatArray, FloatArray], FloatArray]
    backward: Callable[[FloatArray, FloatArray, FloatArray, FloatArray], None]


GATES: Mapping[str, Gate] = MappingProxyType(
    {"silu": Gate(swiglu, swiglu_backward), "gelu": Gate(geglu, geglu_backward)}
)

STACKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "qkv": QKV,
        "output": ("attn_output",),
        "gate_up": ("ffn_gate", "ffn_up"),
        "down": ("ffn_down",),
    }
)
"""The four linear maps of a layer and the projections that stand in each."""


@dataclass(slots=True)
class View:
    """What a layer sees of a batch, and how it turns queries and keys there; the same for all layers of one window."""

    branches: Branches
    cosines: FloatArray
    sines: FloatArray


@dataclass(slots=True)
class Norm:
    """What a norm's backward needs: its input (N, D), its gain (D,) and the rows' inverse root mean squares."""

    x: FloatArray
    gain: FloatArray
    inverse: FloatArray

    def backward(self, d_out: FloatArray) -> FloatArray:
        return rms_norm_backward(d_out, self.x, self.gain, self.inverse)


@dataclass(slots=True)
class Tape:
    """What a layer's backward needs of its forward; norms that the model does not have are None.

    `normed`, `mixed`, `middle_normed` and `product` are the inputs of the four maps, with the low-rank columns.
    """

    norm: Norm
    normed: FloatArray
    query_norm: Norm | None
    key_norm: Norm | None
    query: FloatArray
    key: FloatArray
    value: FloatArray
    weights: FloatArray
    mixed: FloatArray
    attention_out_norm: Norm | None
    middle_norm: Norm
    middle_normed: FloatArray
    gate_up: FloatArray
    gated: FloatArray
    product: FloatArray
    feed_forward_out_norm: Norm | None
    wanted: IntArray | None


class DecoderLayer:
    """The layer `number` of a model whose tensors `read` gives by name, None where the file has none."""

    def __init__(self, architecture: Architecture, number: int, read: Callable[[str], FloatArray | None]) -> None:
        self._sizes = architecture
        self._number = number
        self._turn = TURNS[architecture.family.rope]
        self._gate = GATES[architecture.family.gate]
        # The kernel scales by the head size; where a model scales otherwise, the queries make up for it.
        self._query_scale = architecture.attention_scale / architecture.head_size**-0.5
        block = f"blk.{number}."

        def gain(name: str) -> FloatArray | None:
            return read(f"{block}{name}.weight")

        def required(name: str) -> FloatArray:
            found = gain(name)
            if found is None:
                raise KeyError(f"{block}{name}.weight")
            return found

        def bias(names: Sequence[str]) -> FloatArray | None:
            parts = {name: read(f"{block}{name}.bias") for name in names}
            there = [part for part in parts.values() if part is not None]
            if not there:
                return None
            return np.concatenate(
                [
                    np.zeros(architecture.shape(name)[0], dtype=there[0].dtype) if part is None else part
                    for name, part in parts.items()
                ]
            )

        self._maps: dict[str, BorderedLinear] = {}
        for stack, names in STACKS.items():
            parts = [required(name) for name in names]
            self._maps[stack] = BorderedLinear(parts[0] if len(parts) == 1 else np.concatenate(parts))
        self._biases = {stack: bias(names) for stack, names in STACKS.items()}
        self._attention_gain, self._feed_forward_gain = required("attn_norm"), required("ffn_norm")
        self._query_gain, self._key_gain = gain("attn_q_norm"), gain("attn_k_norm")
        self._attention_out_gain, self._feed_forward_out_gain = gain("post_attention_norm"), gain("post_ffw_norm")

    # The adapter -----------------------------------------------------------------------------------------------

    def bind(self, adapter: Lora) -> None:
        """Puts the adapter's tensors of this layer into the maps; a map that it does not adapt is as in the base."""
        for stack, names in STACKS.items():
            adapted = [name for name in names if self._tensor(name) in adapter.a]
            borders = self._borders(stack, adapted, adapter.rank)
            if self._maps[stack].borders != borders:
                self._maps[stack] = BorderedLinear(self._maps[stack].weight, borders)
            for index, name in enumerate(adapted):
                tensor = self._tensor(name)
                self._maps[stack].bind(index, adapter.a[tensor], adapter.b[tensor], adapter.scale)

    def _tensor(self, projection: str) -> str:
        return f"blk.{self._number}.{projection}.weight"

    def _borders(self, stack: str, adapted: Sequence[str], rank: int) -> tuple[Border, ...]:
        borders: list[Border] = []
        start = 0
        for name in STACKS[stack]:
            rows = self._sizes.shape(name)[0]
            if name in adapted:
                ranks = len(borders) * rank
                borders.append(Border(slice(start, start + rows), slice(ranks, ranks + rank)))
            start += rows
        return tuple(borders)

    # Forward ---------------------------------------------------------------------------------------------------

    def forward(
        self, x: FloatArray, view: View, wanted: IntArray | None = None, *, adapted: bool = False
    ) -> tuple[FloatArray, Tape]:
        """The layer's output for `x` (N, D), or for the rows `wanted` alone, with what `backward` needs.

        `adapted`: with the adapter that was bound last; otherwise as the base.
        """
        sizes = self._sizes
        rows, split = len(x), sizes.heads * sizes.head_size
        shared = sizes.kv_heads * sizes.head_size
        normed = self._maps["qkv"].wide(rows)
        norm = self._norm(x, self._attention_gain, normed[:, : sizes.width])
        qkv = self._through("qkv", normed, adapted=adapted)
        query, query_norm = self._norm_if(_by_head(qkv[:, :split], sizes.head_size), self._query_gain)
        key, key_norm = self._norm_if(_by_head(qkv[:, split : split + shared], sizes.head_size), self._key_gain)
        query = self._turn(query.reshape(rows, sizes.heads, sizes.head_size), view.cosines, view.sines)
        key = self._turn(key.reshape(rows, sizes.kv_heads, sizes.head_size), view.cosines, view.sines)
        value = qkv[:, split + shared :].reshape(rows, sizes.kv_heads, sizes.head_size)
        if self._query_scale != 1.0:
            query *= query.dtype.type(self._query_scale)
        attended, weights = branch_attention(query, key, value, view.branches, cap=sizes.attention_cap)
        if wanted is not None:
            attended, x = attended[wanted], x[wanted]
        mixed = self._maps["output"].wide(len(x))
        mixed[:, :split] = attended.reshape(len(x), split)
        middle, attention_out_norm = self._norm_if(
            self._through("output", mixed, adapted=adapted), self._attention_out_gain
        )
        middle += x
        middle_normed = self._maps["gate_up"].wide(len(x))
        middle_norm = self._norm(middle, self._feed_forward_gain, middle_normed[:, : sizes.width])
        gate_up = self._through("gate_up", middle_normed, adapted=adapted)
        product = self._maps["down"].wide(len(x))
        gated = self._gate.forward(gate_up, product[:, : sizes.feed_forward])
        out, feed_forward_out_norm = self._norm_if(
            self._through("down", product, adapted=adapted), self._feed_forward_out_gain
        )
        out += middle
        return out, Tape(
            norm, normed, query_norm, key_norm, query, key, value, weights, mixed, attention_out_norm, middle_norm,
            middle_normed, gate_up, gated, product, feed_forward_out_norm, wanted,
        )  # fmt: skip

    def _through(self, stack: str, x: FloatArray, *, adapted: bool) -> FloatArray:
        linear, bias = self._maps[stack], self._biases[stack]
        out = linear.forward(x) if adapted else linear.frozen(x)
        if bias is not None:
            out += bias
        return out

    def _norm(self, x: FloatArray, gain: FloatArray, out: FloatArray | None = None) -> Norm:
        return Norm(x, gain, rms_norm(x, gain, self._sizes.rms_epsilon, out)[1])

    def _norm_if(self, x: FloatArray, gain: FloatArray | None) -> tuple[FloatArray, Norm | None]:
        if gain is None:
            return x, None
        normed, inverse = rms_norm(x, gain, self._sizes.rms_epsilon)
        return normed, Norm(x, gain, inverse)

    # Backward --------------------------------------------------------------------------------------------------

    def backward(self, tape: Tape, view: View, d_out: FloatArray, gradients: Lora, *, lowest: bool) -> FloatArray:
        """The gradient to the layer's input (N, D); for the `lowest` layer, below which none is needed, not that.

        Args:
            tape, view: of a forward pass with the adapter that is still bound.
            d_out: the loss's gradient to the layer's output.
            gradients: gets those of this layer's adapter.
        """
        sizes = self._sizes
        rows, split = len(tape.norm.x), sizes.heads * sizes.head_size
        shared = sizes.kv_heads * sizes.head_size
        d_down = self._maps["down"].wide_gradient(len(d_out))
        d_down[:, : sizes.width] = _backward_if(tape.feed_forward_out_norm, d_out)
        d_product = self._back("down", d_down, tape.product, gradients)
        d_gate_up = self._maps["gate_up"].wide_gradient(len(d_out))
        self._gate.backward(d_product, tape.gate_up, tape.gated, d_gate_up)
        d_middle = tape.middle_norm.backward(self._back("gate_up", d_gate_up, tape.middle_normed, gradients))
        d_middle += d_out
        d_attended = self._maps["output"].wide_gradient(len(d_out))
        d_attended[:, : sizes.width] = _backward_if(tape.attention_out_norm, d_middle)
        d_mixed = self._back("output", d_attended, tape.mixed, gradients)
        if tape.wanted is not None:
            d_mixed, d_middle = _spread(d_mixed, tape.wanted, rows), _spread(d_middle, tape.wanted, rows)
        d_query, d_key, d_value = branch_attention_backward(
            d_mixed.reshape(rows, sizes.heads, sizes.head_size),
            tape.query, tape.key, tape.value, tape.weights, view.branches, cap=sizes.attention_cap,
        )  # fmt: skip
        if self._query_scale != 1.0:
            d_query *= d_query.dtype.type(self._query_scale)
        d_query = self._turn(d_query, view.cosines, -view.sines).reshape(-1, sizes.head_size)
        d_key = self._turn(d_key, view.cosines, -view.sines).reshape(-1, sizes.head_size)
        d_qkv = self._maps["qkv"].wide_gradient(rows)
        d_qkv[:, :split] = _backward_if(tape.query_norm, d_query).reshape(rows, split)
        d_qkv[:, split : split + shared] = _backward_if(tape.key_norm, d_key).reshape(rows, shared)
        d_qkv[:, split + shared : split + 2 * shared] = d_value.reshape(rows, shared)
        if lowest:
            self._keep("qkv", d_qkv, tape.normed, gradients, bordered=False)
            return d_middle
        d_x = tape.norm.backward(self._back("qkv", d_qkv, tape.normed, gradients))
        d_x += d_middle
        return d_x

    def _back(self, stack: str, d_out: FloatArray, x: FloatArray, gradients: Lora) -> FloatArray:
        d_x = self._maps[stack].backward(d_out)
        self._keep(stack, d_out, x, gradients, bordered=True)
        return d_x

    def _keep(self, stack: str, d_out: FloatArray, x: FloatArray, gradients: Lora, *, bordered: bool) -> None:
        adapted = [self._tensor(name) for name in STACKS[stack] if self._tensor(name) in gradients.a]
        found = self._maps[stack].gradients(d_out, x, gradients.scale, bordered=bordered) if adapted else []
        for name, (d_a, d_b) in zip(adapted, found, strict=True):
            gradients.a[name][...] = d_a
            gradients.b[name][...] = d_b


def _by_head(x: FloatArray, head_size: int) -> FloatArray:
    """(N, H * d) -> (N * H, d)."""
    return x.reshape(-1, head_size)


def _backward_if(norm: Norm | None, d_out: FloatArray) -> FloatArray:
    return d_out if norm is None else norm.backward(d_out)


def _spread(rows: FloatArray, at: IntArray, count: int) -> FloatArray:
    """(count, …) with `rows` at the places `at`, and zeros elsewhere."""
    spread = np.zeros((count, *rows.shape[1:]), dtype=rows.dtype)
    spread[at] = rows
    return spread
