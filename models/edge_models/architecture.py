"""What one GGUF file's decoder computes: its family's record and the file's own sizes, checked against its tensors.

Everything that the network would compute otherwise than llama.cpp does is refused here, before anything is computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge_kernels.rope import Rope, rope_frequencies, yarn_frequencies
from edge_models.errors import UnsupportedModel
from edge_models.families import FAMILIES, PROJECTIONS, Family
from edge_models.gguf_file import GgufFile

YARN_BETAS = (32.0, 1.0)
_OTHER_NETWORKS = (
    "attention.clamp_kqv",
    "attention.max_alibi_bias",
    "attention.scale",
    "attention.temperature_scale",
    "embedding_scale",
    "expert_count",
    "logit_scale",
    "nextn_predict_layers",
    "residual_scale",
    "rope.dimension_sections",
)
"""Keys of networks that are none of the families', whatever the file calls itself; 0 says that there is none."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One decoder.

    Attributes:
        family: what it shares with its kind.
        layers, width, heads, kv_heads, head_size, feed_forward, vocabulary: sizes.
        rms_epsilon: the norms'.
        rope: how the layers that see the whole path turn queries and keys.
        local_rope: how those with a window do.
        windows: for each layer how many tokens it sees, itself counted; 0: the whole path.
        embedding_scale: what embeddings are multiplied by.
        attention_scale: what products of queries and keys are multiplied by.
        attention_cap, final_cap: of attention scores and of logits; 0: none.
    """

    family: Family
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    feed_forward: int
    vocabulary: int
    rms_epsilon: float
    rope: Rope
    local_rope: Rope
    windows: tuple[int, ...]
    embedding_scale: float
    attention_scale: float
    attention_cap: float
    final_cap: float

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
    """What `file` states, checked against its tensors.

    Raises:
        UnsupportedModel: another architecture, or a feature that `Decoder` does not compute.
        DamagedFile: a size is not a number that a size can be.
    """
    name = file.text("general.architecture")
    family = FAMILIES.get(name)
    if family is None:
        raise UnsupportedModel(f"training knows the architectures {', '.join(FAMILIES)}, this file is {name}")
    _check_keys(file, name)
    layers = _size(file, f"{name}.block_count")
    if layers > len(file.tensors):
        raise UnsupportedModel(f"{layers} layers are stated, {len(file.tensors)} tensors are there")
    heads = _size(file, f"{name}.attention.head_count")
    width = _size(file, f"{name}.embedding_length")
    kv_heads = _size(file, f"{name}.attention.head_count_kv", heads)
    head_size = _head_size(file, name, width // heads)
    if heads % kv_heads:
        raise UnsupportedModel(f"{heads} heads cannot share {kv_heads} key and value heads evenly")
    rope = _read_rope(file, family, head_size)
    architecture = Architecture(
        family=family,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads,
        head_size=head_size,
        feed_forward=_size(file, f"{name}.feed_forward_length"),
        vocabulary=file.tensors["token_embd.weight"].shape[0] if "token_embd.weight" in file.tensors else 0,
        rms_epsilon=file.number(f"{name}.attention.layer_norm_rms_epsilon"),
        rope=rope,
        local_rope=_local_rope(file, family, head_size, rope),
        windows=_read_windows(file, family, layers),
        embedding_scale=math.sqrt(width) if family.scaled_embeddings else 1.0,
        attention_scale=(width // heads if layers == family.wide_attention else head_size) ** -0.5,
        attention_cap=_cap(file, f"{name}.attn_logit_softcapping", family.attention_cap),
        final_cap=_cap(file, f"{name}.final_logit_softcapping", family.final_cap),
    )
    _check_tensors(file, architecture)
    return architecture


def _check_keys(file: GgufFile, name: str) -> None:
    for key in (f"{name}.{ending}" for ending in _OTHER_NETWORKS):
        if file.metadata.get(key, 0) != 0:
            raise UnsupportedModel(f"training does not know {key}")
    if not file.flag(f"{name}.attention.causal", default=True):
        raise UnsupportedModel("training does not know attention that looks ahead (attention.causal is false)")


def _size(file: GgufFile, key: str, default: int | None = None) -> int:
    if isinstance(file.metadata.get(key), tuple):
        raise UnsupportedModel(f"training does not know a {key} that differs from layer to layer")
    return file.integer(key, default, minimum=1)


def _head_size(file: GgufFile, name: str, default: int) -> int:
    size = _size(file, f"{name}.attention.key_length", default)
    if size % 2 or any(
        _size(file, f"{name}.rope.{key}", size) != size for key in ("dimension_count", "dimension_count_swa")
    ):
        raise UnsupportedModel("training does not know partial RoPE (rope.dimension_count is not the head size)")
    for key in ("value_length", "key_length_swa", "value_length_swa"):
        if _size(file, f"{name}.attention.{key}", size) != size:
            raise UnsupportedModel(f"training does not know heads of several sizes (attention.{key})")
    return size


def _cap(file: GgufFile, key: str, default: float | None) -> float:
    cap = file.number(key, default or 0.0)
    if cap < 0 or (default is None and cap):
        raise UnsupportedModel(f"training does not know {key}")
    return cap


def _read_windows(file: GgufFile, family: Family, layers: int) -> tuple[int, ...]:
    """For each layer its window, 0 for none, as llama.cpp decides it."""
    windows = family.windows
    if windows is None:
        return (0,) * layers
    key = f"{family.name}.attention.sliding_window"
    size = file.integer(key, windows.size or 0)
    pattern = file.metadata.get(f"{key}_pattern", windows.period)
    if isinstance(pattern, tuple):
        if len(pattern) != layers:
            raise UnsupportedModel(f"{key}_pattern speaks of {len(pattern)} layers, there are {layers}")
        return tuple(size if local else 0 for local in pattern)
    period = file.integer(f"{key}_pattern", windows.period)
    return tuple(size if period == 0 or layer % period < period - 1 else 0 for layer in range(layers))


def _read_rope(file: GgufFile, family: Family, head_size: int) -> Rope:
    """The turns of the layers that see the whole path, with whatever scaling the file states."""
    keys = f"{family.name}.rope."
    base = _positive(file, keys + "freq_base", 10000.0)
    frequencies = rope_frequencies(head_size, base)
    if "rope_freqs.weight" in file.tensors and family.frequency_factors:
        if file.tensors["rope_freqs.weight"].shape != (head_size // 2,):
            raise UnsupportedModel("rope_freqs.weight is not of the stated shape")
        factors = file.tensor("rope_freqs.weight")
        if not (np.isfinite(factors) & (factors > 0)).all():
            raise UnsupportedModel("rope_freqs.weight holds a number that is not above 0")
        frequencies = frequencies / factors
    _check_scaling_keys(file, family)
    # llama.cpp takes a factor without a type for a linear one, and an older key for the factor.
    kind = file.text(keys + "scaling.type", "linear")
    factor = file.number(keys + "scaling.factor", file.number(keys + "scale_linear", 0.0)) or 1.0
    gain = _positive(file, keys + "scaling.attn_factor", 1.0)
    if kind == "none":
        return Rope(tuple(frequencies.tolist()), gain)
    if kind not in family.scalings:
        raise UnsupportedModel(f"training does not know {keys}scaling.type {kind} in {family.name}")
    if factor <= 0:
        raise UnsupportedModel(f"{keys}scaling.factor {factor:g} is not above 0")
    if kind == "yarn":
        trained = _size(file, keys + "scaling.original_context_length", _size(file, f"{family.name}.context_length"))
        betas = (
            _positive(file, keys + "scaling.yarn_beta_fast", YARN_BETAS[0]),
            _positive(file, keys + "scaling.yarn_beta_slow", YARN_BETAS[1]),
        )
        share = file.number(keys + "scaling.yarn_log_multiplier", 0.0)
        frequencies, own_gain = yarn_frequencies(frequencies, base, factor, trained, betas, share)
        return Rope(tuple(frequencies.tolist()), gain * own_gain)
    return Rope(tuple((frequencies / factor).tolist()), gain)


def _check_scaling_keys(file: GgufFile, family: Family) -> None:
    known = {"type", "factor", "attn_factor", "original_context_length", "finetuned"}
    if family.yarn_details:
        known |= {"yarn_beta_fast", "yarn_beta_slow", "yarn_log_multiplier"}
    beginning = f"{family.name}.rope.scaling."
    for key in file.metadata:
        if key.startswith(beginning) and key.removeprefix(beginning) not in known:
            raise UnsupportedModel(f"training does not know {key}")


def _local_rope(file: GgufFile, family: Family, head_size: int, rope: Rope) -> Rope:
    windows, key = family.windows, f"{family.name}.rope.freq_base_swa"
    if windows is None or windows.rope_base is None:
        if windows is not None and key in file.metadata:
            raise UnsupportedModel(f"training does not know {key} in {family.name}")
        return rope
    base = _positive(file, key, windows.rope_base)
    return Rope(Rope.unscaled(head_size, base).frequencies, rope.gain)


def _positive(file: GgufFile, key: str, default: float | None) -> float:
    value = file.number(key, default)
    if value <= 0:
        raise UnsupportedModel(f"{key} {value:g} is not above 0")
    return value


def _check_tensors(file: GgufFile, architecture: Architecture) -> None:
    """Exactly the tensors that `Decoder` computes with: one that it would leave out changes what the model says."""
    required, optional = dict(_required(architecture)), dict(_optional(architecture))
    for name in required:
        if name not in file.tensors:
            raise UnsupportedModel(f"{name} is missing")
    for name, tensor in file.tensors.items():
        shape = required.get(name) or optional.get(name)
        if shape is None:
            known = "this bias" if name.endswith(".bias") else "the tensor"
            raise UnsupportedModel(f"training does not know {known} {name} in {architecture.family.name}")
        if tuple(tensor.shape) != shape:
            raise UnsupportedModel(f"{name} is not of the stated shape")


def _required(architecture: Architecture) -> Iterator[tuple[str, tuple[int, ...]]]:
    family, width = architecture.family, (architecture.width,)
    yield "token_embd.weight", (architecture.vocabulary, architecture.width)
    yield "output_norm.weight", width
    norms = {"attn_norm": width, "ffn_norm": width}
    if family.head_norms:
        norms |= dict.fromkeys(("attn_q_norm", "attn_k_norm"), (architecture.head_size,))
    if family.post_norms:
        norms |= dict.fromkeys(("post_attention_norm", "post_ffw_norm"), width)
    for layer in range(architecture.layers):
        for name, shape in norms.items():
            yield f"blk.{layer}.{name}.weight", shape
        for name in PROJECTIONS:
            yield f"blk.{layer}.{name}.weight", architecture.shape(name)


def _optional(architecture: Architecture) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "output.weight", (architecture.vocabulary, architecture.width)
    if architecture.family.frequency_factors:
        yield "rope_freqs.weight", (architecture.head_size // 2,)
    for layer in range(architecture.layers):
        for name in architecture.family.biases:
            yield f"blk.{layer}.{name}.bias", architecture.shape(name)[:1]
