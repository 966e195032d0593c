"""A tiny random llama-architecture model as a GGUF file, which llama.cpp really loads and evaluates.

The tokenizer is byte-level BPE laid out like SmolLM2's: three control tokens, one token a byte, a few merges. The
weights are drawn from a seed, so the same `TinyLlama` gives the same bytes. Q and K are taken as stored: random
weights need no permutation for interleaved RoPE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
END_OF_TEXT, IM_START, IM_END = range(len(CONTROL_TOKENS))
MERGES = (
    ("Ġ", "t"), ("h", "e"), ("i", "n"), ("Ġ", "a"), ("r", "e"), ("o", "n"), ("Ġt", "he"), ("e", "r"), ("Ġ", "s"),
    ("a", "t"), ("o", "u"), ("Ġ", "w"), ("n", "d"), ("i", "s"), ("e", "s"), ("in", "g"), ("a", "n"), ("l", "l"),
    ("Ġ", "i"), ("Ġa", "nd"),
)  # fmt: skip
CHAT_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' "
    "+ '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class TinyLlama:
    """The shape and the seed of a tiny model. Widths are multiples of 32, the block length of the quantized types."""

    layers: int = 2
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    feed_forward: int = 96
    context: int = 512
    rope_base: float = 10000.0
    rms_epsilon: float = 1e-5
    tied: bool = True
    quantization: str = "F32"
    """F32, F16, Q8_0, Q4_0 or Q4_1: how the matrices are stored. Norms are always F32."""
    seed: int = 1

    @property
    def head_width(self) -> int:
        return self.width // self.heads


def byte_tokens() -> list[str]:
    """GPT-2's printable stand-in for each byte value, in the order of the byte values."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    stand_ins = {value: chr(value) for value in printable}
    for value in range(256):
        if value not in stand_ins:
            stand_ins[value] = chr(256 + len(stand_ins) - len(printable))
    return [stand_ins[value] for value in range(256)]


def vocabulary() -> list[str]:
    """Every token, by its id."""
    return [*CONTROL_TOKENS, *byte_tokens(), *(left + right for left, right in MERGES)]


def tiny_weights(model: TinyLlama) -> dict[str, FloatArray]:
    """The model's weights before quantization, by GGUF tensor name; matrices are (out_features, in_features)."""
    random = np.random.default_rng(model.seed)
    kv_width = model.kv_heads * model.head_width

    def matrix(outputs: int, inputs: int) -> FloatArray:
        return (random.standard_normal((outputs, inputs)) * (1.5 / np.sqrt(inputs))).astype(np.float32)

    def norm() -> FloatArray:
        return random.uniform(0.6, 1.4, model.width).astype(np.float32)

    # Small beside what the blocks add, so that a tied head does not only repeat the last token.
    embeddings = 0.3 * random.standard_normal((len(vocabulary()), model.width))
    weights = {"token_embd.weight": embeddings.astype(np.float32)}
    for layer in range(model.layers):
        block = f"blk.{layer}"
        weights[f"{block}.attn_norm.weight"] = norm()
        weights[f"{block}.attn_q.weight"] = matrix(model.width, model.width)
        weights[f"{block}.attn_k.weight"] = matrix(kv_width, model.width)
        weights[f"{block}.attn_v.weight"] = matrix(kv_width, model.width)
        weights[f"{block}.attn_output.weight"] = matrix(model.width, model.width)
        weights[f"{block}.ffn_norm.weight"] = norm()
        weights[f"{block}.ffn_gate.weight"] = matrix(model.feed_forward, model.width)
        weights[f"{block}.ffn_up.weight"] = matrix(model.feed_forward, model.width)
        weights[f"{block}.ffn_down.weight"] = matrix(model.width, model.feed_forward)
    weights["output_norm.weight"] = norm()
    if not model.tied:
        weights["output.weight"] = matrix(len(vocabulary()), model.width)
    return weights


def write_tiny_gguf(
    path: Path, model: TinyLlama | None = None, *, weights: Mapping[str, FloatArray] | None = None
) -> Path:
    """Writes the model to `path` and returns it; `weights` replaces the random ones, name by name."""
    model = model or TinyLlama()
    writer = gguf.GGUFWriter(path, "llama")
    _add_hyperparameters(writer, model)
    add_tokenizer(writer)
    stored = gguf.GGMLQuantizationType[model.quantization]
    for name, weight in {**tiny_weights(model), **(weights or {})}.items():
        kind = stored if weight.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quants.quantize(weight, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_hyperparameters(writer: gguf.GGUFWriter, model: TinyLlama) -> None:
    writer.add_type("model")
    writer.add_name("tiny")
    writer.add_block_count(model.layers)
    writer.add_context_length(model.context)
    writer.add_embedding_length(model.width)
    writer.add_feed_forward_length(model.feed_forward)
    writer.add_head_count(model.heads)
    writer.add_head_count_kv(model.kv_heads)
    writer.add_rope_freq_base(model.rope_base)
    writer.add_rope_dimension_count(model.head_width)
    writer.add_layer_norm_rms_eps(model.rms_epsilon)
    writer.add_vocab_size(len(vocabulary()))


def add_tokenizer(writer: gguf.GGUFWriter) -> None:
    """The tokenizer section and the chat template, the same for every tiny model."""
    plain = len(vocabulary()) - len(CONTROL_TOKENS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(vocabulary())
    writer.add_token_types([gguf.TokenType.CONTROL] * len(CONTROL_TOKENS) + [gguf.TokenType.NORMAL] * plain)
    writer.add_token_merges([f"{left} {right}" for left, right in MERGES])
    writer.add_bos_token_id(IM_START)
    writer.add_eos_token_id(IM_END)
    writer.add_unk_token_id(END_OF_TEXT)
    writer.add_pad_token_id(IM_END)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)
