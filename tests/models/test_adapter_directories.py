"""An adapter goes out to other programs and comes back bit for bit; what comes from elsewhere is checked first."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import numpy as np
import numpy.typing as npt
import pytest

from edge_models.adapted_base import AdaptedBase, read_base
from edge_models.adapter import LoraTensors
from edge_models.adapter_directories import (
    CONFIG,
    WEIGHTS,
    DirectoryFormat,
    read_adapter_directory,
    write_adapter_directory,
)
from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from edge_models.gguf_file import GgufFile
from edge_models.safetensors_file import read_safetensors, write_safetensors
from tests.support.tiny_gguf import TinyLlama, tiny_weights, write_tiny_gguf

FloatArray = npt.NDArray[np.float32]
MODEL = TinyLlama(width=64, heads=4, kv_heads=2, feed_forward=96)
PEFT, MLX = WEIGHTS["peft"], WEIGHTS["mlx"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> AdaptedBase:
    path = write_tiny_gguf(tmp_path_factory.mktemp("base") / "base.gguf", MODEL)
    with GgufFile.open(path) as file:
        return read_base(file)


def random_lora(*, architecture: str = "llama", alpha: float = 5.1, only: str = "blk.") -> LoraTensors:
    random = np.random.default_rng(3)

    def factor(*shape: int) -> FloatArray:
        return random.standard_normal(shape).astype(np.float32)

    tensors = {
        name: (factor(3, weight.shape[1]), factor(weight.shape[0], 3))
        for name, weight in tiny_weights(MODEL).items()
        if name.startswith(only) and weight.ndim == 2
    }
    return LoraTensors(architecture, 3, alpha, tensors)


def same_bits(left: LoraTensors, right: LoraTensors) -> bool:
    return (left.architecture, left.rank, left.alpha, list(left.tensors)) == (
        right.architecture, right.rank, right.alpha, list(right.tensors),
    ) and all(
        a.tobytes() == right.tensors[name][0].tobytes() and b.tobytes() == right.tensors[name][1].tobytes()
        for name, (a, b) in left.tensors.items()
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["peft", "mlx"])
@pytest.mark.parametrize("only", ["blk.", "blk.1.", "blk.1.attn_k"], ids=["all", "the top layer", "one matrix"])
def test_an_adapter_comes_back_exactly(tmp_path: Path, base: AdaptedBase, kind: DirectoryFormat, only: str) -> None:
    lora = random_lora(only=only)
    written = write_adapter_directory(tmp_path, kind, lora, base)
    assert written.stat().st_mode & 0o777 == 0o600
    found, back = read_adapter_directory(tmp_path, base)
    assert found == kind
    assert same_bits(back, lora)
    first = written.read_bytes()
    assert write_adapter_directory(tmp_path, kind, back, base).read_bytes() == first


def interleaved_rope(rows: FloatArray, position: int) -> FloatArray:
    """`rows` (heads, size): neighbours turn together, as llama.cpp computes the llama family."""
    angles = position * 10000.0 ** (-np.arange(0, rows.shape[1], 2) / rows.shape[1])
    even, odd = rows[:, 0::2], rows[:, 1::2]
    turned = np.empty_like(rows)
    turned[:, 0::2] = even * np.cos(angles) - odd * np.sin(angles)
    turned[:, 1::2] = odd * np.cos(angles) + even * np.sin(angles)
    return turned


def halves_rope(rows: FloatArray, position: int) -> FloatArray:
    """`rows` (heads, size): the two halves of a head turn together, as transformers computes it."""
    half = rows.shape[1] // 2
    angles = np.tile(position * 10000.0 ** (-np.arange(0, rows.shape[1], 2) / rows.shape[1]), 2)
    rotated = np.concatenate((-rows[:, half:], rows[:, :half]), axis=1)
    return (rows * np.cos(angles) + rotated * np.sin(angles)).astype(np.float32)


def test_reordered_rows_give_the_same_attention_with_the_other_rope(base: AdaptedBase) -> None:
    """Scores q.k of every head, with fewer key heads than query heads: a wrong head count would mix heads."""
    lora, random = random_lora(), np.random.default_rng(4)
    x, y = (random.standard_normal(MODEL.width).astype(np.float32) for _ in range(2))

    def scores(
        turn: Callable[[FloatArray, int], FloatArray], order: Callable[[str, FloatArray], FloatArray]
    ) -> FloatArray:
        def heads(name: str, count: int, given: FloatArray, position: int) -> FloatArray:
            a, b = lora.tensors[name]
            rows = order(name, b) @ (a @ given)
            return turn(rows.reshape(count, -1).astype(np.float32), position)

        query = heads("blk.0.attn_q.weight", MODEL.heads, x, 9).reshape(MODEL.kv_heads, 2, -1)
        return np.einsum("ghd,gd->gh", query, heads("blk.0.attn_k.weight", MODEL.kv_heads, y, 4))

    expected = scores(interleaved_rope, lambda _, b: b)
    assert np.allclose(scores(halves_rope, base.to_halves), expected, rtol=1e-4, atol=1e-3)
    assert not np.allclose(scores(halves_rope, lambda _, b: b), expected, rtol=1e-2, atol=1e-1)


def test_families_that_turn_halves_are_stored_as_they_are(base: AdaptedBase) -> None:
    qwen = AdaptedBase("qwen3", False, base.layers, base.heads, base.kv_heads, base.shapes)
    for name, (_, b) in random_lora(architecture="qwen3").tensors.items():
        assert qwen.to_halves(name, b) is b
        assert qwen.to_interleaved(name, b) is b


def test_another_programs_reader_finds_the_same_tensors(tmp_path: Path, base: AdaptedBase) -> None:
    lora = random_lora()
    write_adapter_directory(tmp_path, "mlx", lora, base)
    loaded = mx.load(str(tmp_path / MLX))
    assert isinstance(loaded, dict)
    a, b = lora.tensors["blk.1.ffn_down.weight"]
    assert np.array_equal(np.array(loaded["model.layers.1.mlp.down_proj.lora_a"]), a.T)
    assert np.array_equal(np.array(loaded["model.layers.1.mlp.down_proj.lora_b"]), b.T)
    config = json.loads((tmp_path / CONFIG).read_text())
    assert config["num_layers"] == MODEL.layers
    assert config["lora_parameters"]["scale"] == lora.scale
    assert len(config["lora_parameters"]["keys"]) == 7


def test_half_precision_written_elsewhere_is_taken_over_exactly(tmp_path: Path) -> None:
    values = mx.array(np.random.default_rng(1).standard_normal((5, 7)).astype(np.float32))
    for dtype in (mx.float16, mx.bfloat16, mx.float32):
        mx.save_safetensors(str(tmp_path / "other.safetensors"), {"x": values.astype(dtype)})
        found = read_safetensors(tmp_path / "other.safetensors")["x"]
        assert np.array_equal(found, np.array(values.astype(dtype).astype(mx.float32)))


def test_rslora_keeps_its_strength(tmp_path: Path, base: AdaptedBase) -> None:
    lora = random_lora(alpha=6.0)
    write_adapter_directory(tmp_path, "peft", lora, base)
    changed(tmp_path, use_rslora=True)
    _, back = read_adapter_directory(tmp_path, base)
    assert back.scale == pytest.approx(6.0 / 3**0.5)


def changed(directory: Path, **keys: object) -> None:
    config = json.loads((directory / CONFIG).read_text())
    (directory / CONFIG).write_text(json.dumps({**config, **keys}))


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"peft_type": "LOHA"}, "peft_type"),
        ({"bias": "all"}, "biases"),
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["embed_tokens"]}, "modules_to_save"),
        ({"rank_pattern": {"q_proj": 4}}, "rank_pattern"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"something_of_next_year": 1}, "something_of_next_year"),
        ({"init_lora_weights": "pissa"}, "base model"),
        ({"r": 4}, "rank 4"),
        ({"r": "3"}, "no whole number"),
        ({"lora_alpha": float("nan")}, "no number"),
        ({"lora_alpha": 0}, "above 0"),
        ({"lora_alpha": 10**400}, "no number"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_would_compute_something_else_is_refused(
    tmp_path: Path, base: AdaptedBase, keys: dict[str, object], reason: str
) -> None:
    write_adapter_directory(tmp_path, "peft", random_lora(), base)
    changed(tmp_path, **keys)
    with pytest.raises(UnsupportedModel, match=reason):
        read_adapter_directory(tmp_path, base)


def test_tensors_that_are_not_the_models_are_refused(tmp_path: Path, base: AdaptedBase) -> None:
    lora = random_lora()
    write_adapter_directory(tmp_path, "peft", lora, base)
    good = read_safetensors(tmp_path / PEFT)
    prefix = "base_model.model.model.layers"
    a, b = f"{prefix}.0.mlp.up_proj.lora_A.weight", f"{prefix}.0.mlp.up_proj.lora_B.weight"
    for tensors, reason in (
        ({name: values for name, values in good.items() if name != b}, "one factor of two"),
        ({**good, "base_model.model.model.embed_tokens.lora_embedding_A": good[a]}, "no LoRA factor"),
        ({**good, f"{prefix}.0.mlp.up_proj.lora_magnitude_vector": good[a]}, "no LoRA factor"),
        ({**good, f"{prefix}.9.mlp.up_proj.lora_A.weight": good[a], f"{prefix}.9.mlp.up_proj.lora_B.weight": good[b]},
         "no matrix blk.9.ffn_up.weight"),
        ({**good, f"{prefix}.0.mlp.experts.lora_A.weight": good[a]}, "no linear map"),
        ({**good, b: good[b][:5]}, "in the model, the adapter is for"),
        ({**good, b: np.full_like(good[b], np.inf)}, "not finite"),
        ({**good, b: good[b][:, :2]}, "do not have rank 3"),
        ({}, "without tensors"),
    ):  # fmt: skip
        write_safetensors(tmp_path / PEFT, tensors, {})
        with pytest.raises(ModelError, match=reason):
            read_adapter_directory(tmp_path, base)
    with pytest.raises(UnsupportedModel, match="the adapter is for qwen2"):
        write_adapter_directory(tmp_path, "peft", random_lora(architecture="qwen2"), base)


def test_a_pickle_is_not_opened(tmp_path: Path, base: AdaptedBase) -> None:
    (tmp_path / CONFIG).write_text('{"peft_type": "LORA", "r": 3, "lora_alpha": 3}')
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(UnsupportedModel, match="never opened"):
        read_adapter_directory(tmp_path, base)


def raw(header: object, values: bytes = b"", *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + values


def entry(dtype: str, shape: object, *offsets: object) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        raw({}, length=1 << 40),
        raw({}, length=0),
        raw(b"[1]     "),
        raw(b"{" * 5000),
        raw(b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
        raw({"a": entry("F32", [1], 0, 4)}),
        raw({"a": entry("F32", [1], 0, 4)}, b"12345"),
        raw({"a": entry("F32", [2], 0, 4)}, b"1234"),
        raw({"a": entry("F32", [1], 4, 0)}, b"1234"),
        raw({"a": entry("F32", [-1], 0, 4)}, b"1234"),
        raw({"a": entry("F32", [1.0], 0, 4)}, b"1234"),
        raw({"a": entry("F32", [True], 0, 4)}, b"1234"),
        raw({"a": entry("F32", [1 << 62, 1 << 62], 0, 4)}, b"1234"),
        raw({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, b"1234"),
        raw({"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 8, 12)}, b"123456789012"),
        raw({"a": {**entry("F32", [1], 0, 4), "more": 1}}, b"1234"),
        raw({"a": "F32"}, b""),
    ],
    ids=str,
)  # fmt: skip
def test_a_header_that_contradicts_the_bytes_is_damage(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(DamagedFile):
        read_safetensors(path)


def test_other_types_and_large_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(raw({"a": entry("I64", [1], 0, 8)}, b"12345678"))
    with pytest.raises(UnsupportedModel, match="I64"):
        read_safetensors(path)
    with pytest.raises(UnsupportedModel, match="larger"):
        read_safetensors(path, max_bytes=50)
