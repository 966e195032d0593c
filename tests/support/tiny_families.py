"""Tiny random models of every family as GGUF files, which llama.cpp really loads and evaluates.

What a file must hold is written down here a second time, from llama.cpp's loaders and not from `edge_models.families`:
llama.cpp refuses a file that lacks a tensor or has one too many.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import gguf
import numpy as np

from tests.support.tiny_gguf import FloatArray, add_tokenizer, vocabulary

Setting = float | int | bool | str | list[bool]


@dataclass(frozen=True, slots=True)
class TinyModel:
    """A tiny model; `settings` are further keys without the architecture's name before them."""

    architecture: str
    layers: int = 3
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    head_size: int = 16
    feed_forward: int = 96
    tied: bool = True
    biases: tuple[str, ...] = ()
    head_norms: bool = False
    post_norms: bool = False
    frequency_factors: tuple[float, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict[str, Setting])
    quantization: str = "F32"
    seed: int = 3


QWEN2 = TinyModel("qwen2", biases=("attn_q", "attn_k", "attn_v"), settings={"rope.freq_base": 1_000_000.0})
# Heads that together are wider than the model, as in Qwen3 0.6B.
QWEN3 = TinyModel("qwen3", head_size=32, head_norms=True, tied=False, settings={"rope.freq_base": 1_000_000.0})
GEMMA3 = TinyModel(
    "gemma3",
    layers=4,
    heads=4,
    kv_heads=1,
    head_size=32,
    head_norms=True,
    post_norms=True,
    settings={"attention.sliding_window": 5, "attention.sliding_window_pattern": 3, "rope.freq_base": 500.0},
)
GEMMA2 = replace(
    GEMMA3,
    architecture="gemma2",
    head_norms=False,
    settings={"attention.sliding_window": 6, "attn_logit_softcapping": 1.5, "final_logit_softcapping": 4.0},
)


def family_weights(model: TinyModel) -> dict[str, FloatArray]:
    """The weights before quantization, by GGUF tensor name; matrices are (out_features, in_features)."""
    random = np.random.default_rng(model.seed)
    query, shared = model.heads * model.head_size, model.kv_heads * model.head_size
    shapes = {
        "attn_q": (query, model.width),
        "attn_k": (shared, model.width),
        "attn_v": (shared, model.width),
        "attn_output": (model.width, query),
        "ffn_gate": (model.feed_forward, model.width),
        "ffn_up": (model.feed_forward, model.width),
        "ffn_down": (model.width, model.feed_forward),
    }
    norms = {"attn_norm": model.width, "ffn_norm": model.width}
    if model.head_norms:
        norms |= {"attn_q_norm": model.head_size, "attn_k_norm": model.head_size}
    if model.post_norms:
        norms |= {"post_attention_norm": model.width, "post_ffw_norm": model.width}

    def matrix(outputs: int, inputs: int, size: float = 1.5) -> FloatArray:
        return (random.standard_normal((outputs, inputs)) * (size / np.sqrt(inputs))).astype(np.float32)

    def gains(count: int) -> FloatArray:
        return random.uniform(0.6, 1.4, count).astype(np.float32)

    weights = {"token_embd.weight": matrix(len(vocabulary()), model.width)}
    if model.frequency_factors:
        weights["rope_freqs.weight"] = np.asarray(model.frequency_factors, dtype=np.float32)
    for layer in range(model.layers):
        block = f"blk.{layer}."
        weights |= {f"{block}{name}.weight": gains(count) for name, count in norms.items()}
        weights |= {f"{block}{name}.weight": matrix(*shape) for name, shape in shapes.items()}
        weights |= {f"{block}{name}.bias": gains(shapes[name][0]) - 1 for name in model.biases}
    weights["output_norm.weight"] = gains(model.width)
    if not model.tied:
        weights["output.weight"] = matrix(len(vocabulary()), model.width)
    return weights


def write_tiny_model(path: Path, model: TinyModel) -> Path:
    """Writes the model to `path` and returns it."""
    writer = gguf.GGUFWriter(path, model.architecture)
    writer.add_type("model")
    writer.add_block_count(model.layers)
    writer.add_embedding_length(model.width)
    writer.add_feed_forward_length(model.feed_forward)
    writer.add_head_count(model.heads)
    writer.add_head_count_kv(model.kv_heads)
    writer.add_key_length(model.head_size)
    writer.add_value_length(model.head_size)
    writer.add_layer_norm_rms_eps(1e-6)
    if "context_length" not in model.settings:
        writer.add_context_length(512)
    for ending, value in model.settings.items():
        _add(writer, f"{model.architecture}.{ending}", value)
    add_tokenizer(writer)
    stored = gguf.GGMLQuantizationType[model.quantization]
    for name, weight in family_weights(model).items():
        kind = stored if weight.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: Setting) -> None:
    if isinstance(value, list):
        writer.add_array(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    else:
        writer.add_float32(key, value)
