"""A decoder of the llama family, assembled from kernels, with LoRA on its top layers.

The layers below the lowest adapted one never change, so their output for a token trie is a constant: `frozen` computes
it once, `forward` and `backward` start from it. Weights stay as the GGUF stores them, Q and K permuted for interleaved
RoPE, and adapters refer to them by their GGUF names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray, IntArray
from edge_kernels.branch_attention import Branches, branch_attention, branch_attention_backward
from edge_kernels.linear_lora import lora, lora_backward
from edge_kernels.rms_norm import rms_norm, rms_norm_backward
from edge_kernels.rope import rope, rope_table
from edge_kernels.swiglu import swiglu, swiglu_backward
from edge_kernels.trie import TokenTrie, TrieBatch
from edge_models.errors import UnsupportedModel
from edge_models.gguf_file import GgufFile

PROJECTIONS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The seven linear maps of a layer, as GGUF names them; all of them are adapted."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The sizes of a decoder. `rope_base` is the base of the angles, `rms_epsilon` the norm's."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocabulary: int
    rope_base: float
    rms_epsilon: float

    def shape(self, projection: str) -> tuple[int, int]:
        """(out, in) of one of `PROJECTIONS`."""
        query, shared = self.heads * self.head_size, self.kv_heads * self.head_size
        return {
            "attn_q": (query, self.width),
            "attn_k": (shared, self.width),
            "attn_v": (shared, self.width),
            "attn_output": (self.width, query),
            "ffn_gate": (self.feed_forward, self.width),
            "ffn_up": (self.feed_forward, self.width),
            "ffn_down": (self.width, self.feed_forward),
        }[projection]


def read_architecture(file: GgufFile) -> Architecture:
    """The sizes that `file` states, checked against its tensors.

    Raises:
        UnsupportedModel: another architecture, or a feature that `forward` does not compute.
        DamagedFile: a size is not a number that a size can be.
    """
    name = file.text("general.architecture")
    if name != "llama":
        raise UnsupportedModel(f"training knows the architecture llama, this file is {name}")
    for key in file.metadata:
        if key.startswith(("llama.rope.scal", "llama.expert")):
            raise UnsupportedModel(f"training does not know {key}")
    if not file.flag("llama.attention.causal", default=True):
        raise UnsupportedModel("training does not know attention that looks ahead (attention.causal is false)")
    heads = _size(file, "llama.attention.head_count")
    width = _size(file, "llama.embedding_length")
    head_size = _size(file, "llama.attention.key_length", width // heads)
    architecture = Architecture(
        layers=_size(file, "llama.block_count"),
        width=width,
        heads=heads,
        kv_heads=_size(file, "llama.attention.head_count_kv", heads),
        head_size=head_size,
        feed_forward=_size(file, "llama.feed_forward_length"),
        vocabulary=file.tensors["token_embd.weight"].shape[0] if "token_embd.weight" in file.tensors else 0,
        rope_base=file.number("llama.rope.freq_base", 10000.0),
        rms_epsilon=file.number("llama.attention.layer_norm_rms_epsilon"),
    )
    if _size(file, "llama.rope.dimension_count", head_size) != head_size or head_size % 2:
        raise UnsupportedModel("training does not know partial RoPE (rope.dimension_count is not the head size)")
    if _size(file, "llama.attention.value_length", head_size) != head_size:
        raise UnsupportedModel("training does not know values that are wider than keys, or narrower (value_length)")
    if heads % architecture.kv_heads:
        raise UnsupportedModel(f"{heads} heads cannot share {architecture.kv_heads} key and value heads evenly")
    if architecture.layers > len(file.tensors):
        raise UnsupportedModel(f"{architecture.layers} layers are stated, {len(file.tensors)} tensors are there")
    _check_tensors(file, architecture)
    return architecture


def _size(file: GgufFile, key: str, default: int | None = None) -> int:
    if isinstance(file.metadata.get(key), tuple):
        raise UnsupportedModel(f"training does not know a {key} that differs from layer to layer")
    return file.integer(key, default, minimum=1)


def _check_tensors(file: GgufFile, architecture: Architecture) -> None:
    """Exactly the tensors that `Decoder` computes with: one that it would leave out changes what the model says."""
    width, table = (architecture.width,), (architecture.vocabulary, architecture.width)
    expected: dict[str, tuple[int, ...]] = {"token_embd.weight": table, "output_norm.weight": width}
    for layer in range(architecture.layers):
        expected |= {f"blk.{layer}.{norm}.weight": width for norm in ("attn_norm", "ffn_norm")}
        expected |= {f"blk.{layer}.{name}.weight": architecture.shape(name) for name in PROJECTIONS}
    for name in expected:
        if name not in file.tensors:
            raise UnsupportedModel(f"{name} is missing")
    for name, tensor in file.tensors.items():
        if name == "rope_freqs.weight":
            raise UnsupportedModel("training does not know scaled RoPE frequencies (rope_freqs.weight)")
        if name.endswith(".bias"):
            raise UnsupportedModel(f"training does not know biases ({name})")
        if name not in expected and name != "output.weight":
            raise UnsupportedModel(f"training does not know the tensor {name}")
        if tuple(tensor.shape) != expected.get(name, table):
            raise UnsupportedModel(f"{name} is not of the stated shape")


@dataclass(slots=True)
class Lora:
    """The trainable tensors as views on one flat vector, in the order layer, projection, A before B.

    Attributes:
        values: (P,) float32; what an optimizer moves.
        a, b: by base tensor name (`blk.29.attn_q.weight`): (r, in) and (out, r).
        rank: r.
        alpha: the low-rank product is scaled by alpha / r.
    """

    values: FloatArray
    a: dict[str, FloatArray]
    b: dict[str, FloatArray]
    rank: int
    alpha: float

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    @classmethod
    def zeros(
        cls,
        architecture: Architecture,
        layers: Sequence[int],
        rank: int,
        alpha: float,
        dtype: np.dtype | type = np.float32,
    ) -> Lora:
        """All zero tensors for `layers`."""
        shapes = [
            (f"blk.{layer}.{projection}.weight", *architecture.shape(projection))
            for layer in layers
            for projection in PROJECTIONS
        ]
        values = np.zeros(sum(rank * (rows + columns) for _, rows, columns in shapes), dtype=dtype)
        a: dict[str, FloatArray] = {}
        b: dict[str, FloatArray] = {}
        at = 0
        for name, rows, columns in shapes:
            a[name] = values[at : at + rank * columns].reshape(rank, columns)
            at += rank * columns
            b[name] = values[at : at + rows * rank].reshape(rows, rank)
            at += rows * rank
        return cls(values, a, b, rank, alpha)

    @classmethod
    def initial(cls, architecture: Architecture, layers: Sequence[int], rank: int, alpha: float, seed: int) -> Lora:
        """B zero and A uniform in +-sqrt(3 / in) (Kaiming with slope sqrt(5), as Hu et al.'s code does), by `seed`."""
        made = cls.zeros(architecture, layers, rank, alpha)
        generator = np.random.default_rng(seed)
        for tensor in made.a.values():
            bound = (1.0 / tensor.shape[1]) ** 0.5
            tensor[...] = generator.uniform(-bound, bound, tensor.shape)
        return made

    @classmethod
    def from_tensors(
        cls,
        architecture: Architecture,
        tensors: Mapping[str, tuple[FloatArray, FloatArray]],
        *,
        rank: int,
        alpha: float,
    ) -> Lora:
        """A copy of an adapter's (A, B) by base tensor name.

        Raises:
            UnsupportedModel: they are not exactly the seven projections of some of this model's layers, or of other
                shapes.
        """
        layers = [layer for layer in range(architecture.layers) if f"blk.{layer}.{PROJECTIONS[0]}.weight" in tensors]
        made = cls.zeros(architecture, layers, rank, alpha)
        if made.a.keys() != tensors.keys():
            raise UnsupportedModel("the adapter does not adapt the seven projections of each of its layers")
        for name, (a, b) in tensors.items():
            if a.shape != made.a[name].shape or b.shape != made.b[name].shape:
                raise UnsupportedModel(f"the adapter's {name} is not of this model's shape")
            made.a[name][...] = a
            made.b[name][...] = b
        return made

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers it adapts, ascending."""
        return tuple(sorted({int(name.split(".")[1]) for name in self.a}))

    def is_b(self) -> BoolArray:
        """(P,), true where a value belongs to a B."""
        mask = np.zeros(len(self.values), dtype=np.bool_)
        at = 0
        for name, a in self.a.items():
            at += a.size
            mask[at : at + self.b[name].size] = True
            at += self.b[name].size
        return mask


@dataclass(slots=True)
class _Layer:
    """The weights of one layer, float32: `qkv` and `gate_up` are stacked by rows."""

    attention_gain: FloatArray
    qkv: FloatArray
    output: FloatArray
    feed_forward_gain: FloatArray
    gate_up: FloatArray
    down: FloatArray


@dataclass(slots=True)
class _Tape:
    """What one adapted layer's backward needs of its forward."""

    x: FloatArray
    normed: FloatArray
    inverse: FloatArray
    query: FloatArray
    key: FloatArray
    value: FloatArray
    weights: FloatArray
    mixed: FloatArray
    middle: FloatArray
    middle_normed: FloatArray
    middle_inverse: FloatArray
    gate_up: FloatArray
    sigmoid: FloatArray
    product: FloatArray
    down: dict[str, FloatArray]
    wanted: IntArray | None


@dataclass(slots=True)
class Pass:
    """One forward pass: `hidden` (S, D) before the last norm at the batch's sources, and what `backward` needs."""

    hidden: FloatArray
    batch: TrieBatch
    tapes: list[_Tape]
    turns: tuple[FloatArray, FloatArray]


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
        stacked = [self._tensor(f"{block}{name}.weight") for name in PROJECTIONS]
        return _Layer(
            attention_gain=self._tensor(f"{block}attn_norm.weight"),
            qkv=np.concatenate(stacked[:3]),
            output=stacked[3],
            feed_forward_gain=self._tensor(f"{block}ffn_norm.weight"),
            gate_up=np.concatenate(stacked[4:6]),
            down=stacked[6],
        )

    def frozen(self, trie: TokenTrie, *, chunk_tokens: int = 1024) -> Iterator[tuple[int, FloatArray]]:
        """Computes the input of the lowest adapted layer for every node of `trie`.

        Yields (layers done, hidden) after each layer so that a caller can show progress or stop; the array (N, D) is
        the same one each time and is finished with the last yield. Each layer's weights are in memory one at a time.
        """
        hidden = self._embedding[trie.tokens]
        chunks = [trie.batch(examples) for examples in trie.chunks(chunk_tokens)]
        yield 0, hidden
        for layer in range(self.first_adapted):
            weights = self._load(layer)
            # A shared prefix stands in several chunks: all of them must read it as it was before this layer.
            done = np.empty_like(hidden)
            for chunk in chunks:
                tape = self._layer_forward(
                    weights, layer, hidden[chunk.nodes], self._turns(chunk.positions), chunk.branches, None
                )
                done[chunk.nodes] = tape[0]
            hidden[...] = done
            yield layer + 1, hidden

    def forward(self, hidden: FloatArray, batch: TrieBatch, adapter: Lora | None, *, for_backward: bool = True) -> Pass:
        """The adapted layers on `hidden` (n, D), the frozen output at the batch's nodes.

        The last layer computes nothing but keys and values where no edge starts. Without `for_backward` nothing is
        kept that only the backward needs.

        Raises:
            ValueError: `adapter` also adapts layers that were frozen: without them it would say something else.
        """
        if adapter is not None and not set(adapter.layers) <= set(self.adapted_layers):
            raise ValueError(f"the adapter is for layers {adapter.layers}, layers {self.adapted_layers} are adapted")
        turns = self._turns(batch.positions)
        tapes: list[_Tape] = []
        for layer in self.adapted_layers:
            hidden, tape = self._layer_forward(
                self._layers[layer], layer, hidden, turns, batch.branches, adapter,
                batch.sources if layer == self.architecture.layers - 1 else None,
            )  # fmt: skip
            if for_backward:
                tapes.append(tape)
        return Pass(hidden if self.adapted_layers else hidden[batch.sources], batch, tapes, turns)

    def logits(self, hidden: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(S, V) logits of rows `hidden` (S, D), and the last norm's inverse for `logits_backward`."""
        normed, inverse = rms_norm(hidden, self._final_gain, self.architecture.rms_epsilon)
        return normed @ self._head.T, inverse

    def logits_backward(self, d_logits: FloatArray, hidden: FloatArray, inverse: FloatArray) -> FloatArray:
        """The gradient to the rows that `logits` was given, (S, D)."""
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

    def _turns(self, positions: IntArray) -> tuple[FloatArray, FloatArray]:
        cosines, sines = rope_table(positions, self.architecture.head_size, self.architecture.rope_base)
        return cosines.astype(self._dtype), sines.astype(self._dtype)

    def _layer_forward(
        self,
        weights: _Layer,
        layer: int,
        x: FloatArray,
        turns: tuple[FloatArray, FloatArray],
        branches: Branches,
        adapter: Lora | None,
        wanted: IntArray | None = None,
    ) -> tuple[FloatArray, _Tape]:
        sizes = self.architecture
        epsilon = sizes.rms_epsilon
        rows, split = len(x), sizes.heads * sizes.head_size
        shared = sizes.kv_heads * sizes.head_size
        downs: dict[str, FloatArray] = {}

        def add_lora(projection: str, given: FloatArray, out: FloatArray) -> None:
            name = f"blk.{layer}.{projection}.weight"
            if adapter is not None and name in adapter.a:
                low_rank, downs[projection] = lora(given, adapter.a[name], adapter.b[name], adapter.scale)
                out += low_rank

        normed, inverse = rms_norm(x, weights.attention_gain, epsilon)
        qkv = normed @ weights.qkv.T
        add_lora("attn_q", normed, qkv[:, :split])
        add_lora("attn_k", normed, qkv[:, split : split + shared])
        add_lora("attn_v", normed, qkv[:, split + shared :])
        query = rope(qkv[:, :split].reshape(rows, sizes.heads, sizes.head_size), *turns)
        key = rope(qkv[:, split : split + shared].reshape(rows, sizes.kv_heads, sizes.head_size), *turns)
        value = qkv[:, split + shared :].reshape(rows, sizes.kv_heads, sizes.head_size)
        mixed_heads, attention_weights = branch_attention(query, key, value, branches)
        mixed = mixed_heads.reshape(rows, split)
        if wanted is not None:
            mixed = mixed[wanted]
        middle = mixed @ weights.output.T
        add_lora("attn_output", mixed, middle)
        middle += x if wanted is None else x[wanted]
        middle_normed, middle_inverse = rms_norm(middle, weights.feed_forward_gain, epsilon)
        gate_up = middle_normed @ weights.gate_up.T
        add_lora("ffn_gate", middle_normed, gate_up[:, : sizes.feed_forward])
        add_lora("ffn_up", middle_normed, gate_up[:, sizes.feed_forward :])
        product, sigmoid = swiglu(gate_up[:, : sizes.feed_forward], gate_up[:, sizes.feed_forward :])
        out = product @ weights.down.T
        add_lora("ffn_down", product, out)
        out += middle
        return out, _Tape(
            x, normed, inverse, query, key, value, attention_weights, mixed,
            middle, middle_normed, middle_inverse, gate_up, sigmoid, product, downs, wanted,
        )  # fmt: skip

    def _layer_backward(
        self, layer: int, tape: _Tape, d_out: FloatArray, done: Pass, adapter: Lora, gradients: Lora
    ) -> FloatArray:
        """The gradient to the layer's input; for the lowest adapted layer, which needs none, something unused."""
        sizes, weights = self.architecture, self._layers[layer]
        cosines, sines = done.turns
        rows, split = len(tape.x), sizes.heads * sizes.head_size
        shared = sizes.kv_heads * sizes.head_size

        def through(projection: str, given: FloatArray, d_projection: FloatArray) -> FloatArray:
            name = f"blk.{layer}.{projection}.weight"
            d_given, d_a, d_b = lora_backward(
                d_projection, given, tape.down[projection], adapter.a[name], adapter.b[name], adapter.scale
            )
            gradients.a[name][...] = d_a
            gradients.b[name][...] = d_b
            return d_given

        d_product = d_out @ weights.down
        d_product += through("ffn_down", tape.product, d_out)
        half = sizes.feed_forward
        d_gate_up = np.concatenate(
            swiglu_backward(d_product, tape.gate_up[:, :half], tape.gate_up[:, half:], tape.sigmoid), axis=1
        )
        d_normed = d_gate_up @ weights.gate_up
        d_normed += through("ffn_gate", tape.middle_normed, d_gate_up[:, :half])
        d_normed += through("ffn_up", tape.middle_normed, d_gate_up[:, half:])
        d_middle = rms_norm_backward(d_normed, tape.middle, weights.feed_forward_gain, tape.middle_inverse)
        d_middle += d_out
        d_mixed = d_middle @ weights.output
        d_mixed += through("attn_output", tape.mixed, d_middle)
        if tape.wanted is not None:
            d_mixed, d_middle = _spread(d_mixed, tape.wanted, rows), _spread(d_middle, tape.wanted, rows)
        d_query, d_key, d_value = branch_attention_backward(
            d_mixed.reshape(rows, sizes.heads, sizes.head_size),
            tape.query, tape.key, tape.value, tape.weights, done.batch.branches,
        )  # fmt: skip
        d_qkv = np.concatenate(
            (
                rope(d_query, cosines, -sines).reshape(rows, split),
                rope(d_key, cosines, -sines).reshape(rows, shared),
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
        d_x = rms_norm_backward(d_input_normed, tape.x, weights.attention_gain, tape.inverse)
        d_x += d_middle
        return d_x


def _spread(rows: FloatArray, at: IntArray, count: int) -> FloatArray:
    """(count, …) with `rows` at the places `at`, and zeros elsewhere."""
    spread = np.zeros((count, *rows.shape[1:]), dtype=rows.dtype)
    spread[at] = rows
    return spread


def lora_tensors(adapter: Lora) -> Mapping[str, tuple[FloatArray, FloatArray]]:
    """The adapter's (A, B) by base tensor name, as `edge_models.adapter` writes them."""
    return {name: (a, adapter.b[name]) for name, a in adapter.a.items()}
