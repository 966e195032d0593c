"""What the decoder families that training knows differ in, as data: one record for each architecture a GGUF can name.

The yardstick is what llama.cpp computes, since it serves what is trained here. So a key that llama.cpp does not read
for a family (such as `llama.attention.sliding_window`, with which Mistral's files come) means nothing here either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

PROJECTIONS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
"""The seven linear maps of a layer, as GGUF names them; all of them are adapted."""
QKV = PROJECTIONS[:3]


@dataclass(frozen=True, slots=True)
class Windows:
    """Layers that see only the last tokens of a path, where a family has them.

    Attributes:
        size: the window where the file states none; None: then there is none.
        period: of so many layers all but the last have it, where the file states no pattern.
        rope_base: these layers' RoPE base where the file states none; None: always the other layers' base and
            scaling.
    """

    size: int | None
    period: int
    rope_base: float | None


@dataclass(frozen=True, slots=True)
class Family:
    """One family of decoders.

    Attributes:
        name: the GGUF's `general.architecture`, and the beginning of its keys.
        rope: which dimensions RoPE turns together: neighbours ("interleaved") or i and i + d / 2 ("halves").
        scalings: the kinds of RoPE scaling llama.cpp computes for it, beside none.
        yarn_details: whether the file may state YaRN's own numbers.
        frequency_factors: whether the tensor `rope_freqs.weight` may be there (Llama 3).
        biases: the projections that may have one.
        head_norms: whether queries and keys are normalized, head by head.
        post_norms: whether the outputs of attention and feed-forward are normalized before they are added.
        gate: what the gate of the feed-forward goes through: "silu" (SwiGLU) or "gelu" (GeGLU, tanh form).
        scaled_embeddings: whether embeddings are multiplied by sqrt(width).
        windows: its sliding windows; None: every layer sees the whole path.
        wide_attention: with this number of layers, attention is scaled by sqrt(heads / width), not by the head size.
        final_cap: the logits' soft cap (`cap * tanh(x / cap)`) where the file states none, 0: none; None: never one.
        attention_cap: the same of attention scores.
    """

    name: str
    rope: Literal["interleaved", "halves"]
    scalings: frozenset[str] = frozenset({"linear", "yarn"})
    yarn_details: bool = False
    frequency_factors: bool = False
    biases: tuple[str, ...] = QKV
    head_norms: bool = False
    post_norms: bool = False
    gate: Literal["silu", "gelu"] = "silu"
    scaled_embeddings: bool = False
    windows: Windows | None = None
    wide_attention: int | None = None
    final_cap: float | None = None
    attention_cap: float | None = None


_LLAMA = Family("llama", rope="interleaved", frequency_factors=True, biases=PROJECTIONS)
_QWEN2 = Family("qwen2", rope="halves")
_GEMMA3 = Family(
    "gemma3",
    rope="halves",
    # YaRN's length would be undone in the layers with a window, which llama.cpp leaves unscaled.
    scalings=frozenset({"linear"}),
    head_norms=True,
    post_norms=True,
    gate="gelu",
    scaled_embeddings=True,
    windows=Windows(size=None, period=6, rope_base=10_000.0),
    wide_attention=62,
    final_cap=0.0,
)
_GEMMA2 = replace(
    _GEMMA3,
    name="gemma2",
    head_norms=False,
    windows=Windows(size=4096, period=2, rope_base=None),
    wide_attention=46,
    final_cap=30.0,
    attention_cap=50.0,
)
_ALL = (
    _LLAMA,
    replace(_LLAMA, name="mistral3", yarn_details=True),
    _QWEN2,
    replace(_QWEN2, name="qwen3", head_norms=True),
    _GEMMA2,
    _GEMMA3,
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})
