"""LoRA tensors written as a GGUF adapter do in llama.cpp what merging them into the weights does."""

from __future__ import annotations

import ctypes
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import numpy.typing as npt
import pytest

from edge_models.adapter import LoraTensors, read_gguf_adapter, write_gguf_adapter
from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from tests.support.tiny_gguf import TinyLlama, tiny_weights, write_tiny_gguf

FloatArray = npt.NDArray[np.float32]
TOKENS = [1, 40, 90, 263, 120, 7, 2]


def random_lora(model: TinyLlama, *, rank: int = 3, alpha: float = 5.0, seed: int = 3) -> LoraTensors:
    """Factors for every projection of every layer: no two tensors have the same shape by design alone."""
    random = np.random.default_rng(seed)
    tensors: dict[str, tuple[FloatArray, FloatArray]] = {}
    for name, weight in tiny_weights(model).items():
        if name.startswith("blk.") and weight.ndim == 2:
            outputs, inputs = weight.shape
            a = (random.standard_normal((rank, inputs)) * 0.2).astype(np.float32)
            tensors[name] = a, (random.standard_normal((outputs, rank)) * 0.2).astype(np.float32)
    return LoraTensors("llama", rank, alpha, tensors)


def logits(model_path: Path, adapter: Path | None = None) -> FloatArray:
    model = llama_cpp.Llama(str(model_path), n_ctx=32, logits_all=True, verbose=False)
    if adapter:
        handle = llama_cpp.llama_adapter_lora_init(model.model, str(adapter).encode())
        assert handle
        adapters = (llama_cpp.llama_adapter_lora_p_ctypes * 1)(handle)
        assert llama_cpp.llama_set_adapters_lora(model.ctx, adapters, 1, (ctypes.c_float * 1)(1.0)) == 0
    model.eval(TOKENS)
    found = np.array(model.scores[: len(TOKENS)], dtype=np.float32)
    model.close()
    return found


def test_llama_cpp_serves_the_adapter_as_if_it_were_merged(tmp_path: Path) -> None:
    model = TinyLlama()
    lora = random_lora(model)
    base = write_tiny_gguf(tmp_path / "base.gguf", model)
    weights = tiny_weights(model)
    merged_weights = {
        name: (weights[name] + lora.scale * (b @ a)).astype(np.float32) for name, (a, b) in lora.tensors.items()
    }
    merged = write_tiny_gguf(tmp_path / "merged.gguf", model, weights=merged_weights)
    adapter = write_gguf_adapter(tmp_path / "adapter.gguf", lora)
    served, expected, before = logits(base, adapter), logits(merged), logits(base)
    assert np.abs(expected - before).max() > 0.5
    # llama.cpp keeps K and V in half precision, so merged and added weights differ by their rounding.
    assert np.abs(served - expected).max() < 0.02


def test_an_adapter_comes_back_exactly(tmp_path: Path) -> None:
    lora = random_lora(TinyLlama(), alpha=0.1)
    path = write_gguf_adapter(tmp_path / "adapter.gguf", lora)
    back = read_gguf_adapter(path)
    assert (back.architecture, back.rank, back.alpha) == (lora.architecture, lora.rank, lora.alpha)
    assert list(back.tensors) == list(lora.tensors)
    for name, (a, b) in lora.tensors.items():
        assert back.tensors[name][0].tobytes() == a.tobytes()
        assert back.tensors[name][1].tobytes() == b.tobytes()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_same_tensors_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    lora = random_lora(TinyLlama())
    turned = LoraTensors(lora.architecture, lora.rank, lora.alpha, dict(reversed(tuple(lora.tensors.items()))))
    first = write_gguf_adapter(tmp_path / "a.gguf", lora).read_bytes()
    assert write_gguf_adapter(tmp_path / "b.gguf", turned).read_bytes() == first


def test_factors_that_do_not_fit_are_refused() -> None:
    a, b = np.zeros((2, 8), np.float32), np.zeros((4, 2), np.float32)
    name = "blk.0.attn_q.weight"
    LoraTensors("llama", 2, 4.0, {name: (a, b)})
    nan = a.copy()
    nan[0, 0] = np.nan
    for rank, alpha, tensors in (
        (0, 4.0, {name: (a, b)}),
        (3, 4.0, {name: (a, b)}),
        (2, 0.0, {name: (a, b)}),
        (2, float("inf"), {name: (a, b)}),
        (2, 4.0, {}),
        (2, 4.0, {name: (a.T, b)}),
        (2, 4.0, {name: (nan, b)}),
        (2, 4.0, {"token_embd.weight": (a, b)}),
        (2, 4.0, {"../escape.weight": (a, b)}),
        (2, 4.0, {f"{'x' * 60}.weight": (a, b)}),
    ):
        with pytest.raises(UnsupportedModel):
            LoraTensors("llama", rank, alpha, tensors)


def write_raw(path: Path, tensors: dict[str, FloatArray], *, kind: str = "adapter") -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(kind)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_stored_factors_that_contradict_each_other_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "adapter.gguf"
    a, b = np.zeros((2, 8), np.float32), np.zeros((4, 2), np.float32)
    name = "blk.0.attn_q.weight"
    assert read_gguf_adapter(write_raw(path, {f"{name}.lora_a": a, f"{name}.lora_b": b})).rank == 2
    for tensors in (
        {f"{name}.lora_a": a},
        {f"{name}.lora_a": a, f"{name}.lora_b": b.T.copy()},
        {f"{name}.lora_a": a, f"{name}.lora_b": np.full((4, 2), np.inf, np.float32)},
        {},
    ):
        with pytest.raises(DamagedFile, match=r"adapter\.gguf"):
            read_gguf_adapter(write_raw(path, tensors))


def test_a_model_is_no_adapter(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="not a LoRA adapter"):
        read_gguf_adapter(write_tiny_gguf(tmp_path / "tiny.gguf"))


def test_an_adapter_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot write the adapter"):
        write_gguf_adapter(tmp_path / "absent" / "adapter.gguf", random_lora(TinyLlama()))
    assert list(tmp_path.iterdir()) == []
