"""What is llama.cpp's own: the rest of what its engine promises is asked in test_engine_contract.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import gguf
import numpy as np
import pytest

from edge_models.adapter import write_gguf_adapter
from edge_seal.engines import together
from edge_seal.engines.cores import physical_cores
from edge_seal.engines.engine import FloatArray, Message, Sampling
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.engines.together import side_by_side
from edge_seal.errors import EngineError
from tests.engines.tiny_engines import TINY, Q, answer, lora, next_logits, refused
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf", TINY)


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[LlamaCppEngine]:
    with LlamaCppEngine(tiny_model, threads=1) as engine:
        yield engine


@pytest.mark.parametrize("quantization", ["F16", "Q8_0", "Q4_0", "Q4_1"])
def test_a_kept_prefix_moves_no_bit_of_a_quantized_base(tmp_path: Path, quantization: str) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", TinyLlama(context=256, quantization=quantization))
    with LlamaCppEngine(path, threads=1) as engine:
        tokens = engine.tokenize("the and in the sea, " * 20)[:120]
        whole = next_logits(engine, tokens)
        answer(engine, tokens[:77], Sampling(1))
        kept = engine._keep_prefix(list(tokens))
        assert kept == 77
        np.testing.assert_array_equal(engine._last_logits(list(tokens[kept:])), whole)


def test_how_many_answers_are_made_at_once_follows_from_the_context() -> None:
    prompts, samplings = [[1, 2, 3, at] for at in range(20)], [Sampling(20)] * 20
    assert side_by_side(prompts, samplings, 2048) == (8, 3 + 8 * 21)
    assert side_by_side(prompts[:3], samplings[:3], 2048) == (3, 3 + 3 * 21)
    assert side_by_side(prompts, samplings, 70) == (3, 3 + 3 * 21)
    assert side_by_side(prompts, samplings, 10)[0] == 1
    assert side_by_side([[1], [1]], [Sampling(5)] * 2, 64) == (2, 2 * 6)


def test_what_is_computed_at_once_is_bounded(engine: LlamaCppEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = [engine.render([Message("user", "what is in the sea " * (1 + at % 3))]) for at in range(7)]
    one_by_one = [answer(engine, prompt, Sampling(6)) for prompt in prompts]
    monkeypatch.setattr(together, "BATCH_TOKENS", 5)
    assert [said.text for said in engine.answers(prompts, [Sampling(6)] * 7)] == one_by_one


def test_many_adapters_are_not_all_kept(engine: LlamaCppEngine, tmp_path: Path) -> None:
    tokens = engine.tokenize("what is in the sea")
    paths = [write_gguf_adapter(tmp_path / f"{seed}.gguf", lora(seed)) for seed in range(7)]
    rows: list[FloatArray] = []
    for path in paths:
        engine.use_adapter(path)
        rows.append(next_logits(engine, tokens))
    assert len(engine._adapters) == 4
    engine.use_adapter(paths[0])
    np.testing.assert_array_equal(next_logits(engine, tokens), rows[0])


def test_adapters_on_which_llama_cpp_ends_the_process_are_refused(engine: LlamaCppEngine, tmp_path: Path) -> None:
    def written(name: str, alpha: str, *, kind: type[np.generic] = np.float32, width: int = 2) -> Path:
        writer = gguf.GGUFWriter(tmp_path / name, "llama")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        getattr(writer, f"add_{alpha}")("adapter.lora.alpha", 8)
        for end, shape in (("a", (4, 64)), ("b", (64, 4))):
            writer.add_tensor(f"{Q}.lora_{end}", np.ones(shape[:width] if width < 3 else (*shape, 2), kind))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return tmp_path / name

    refused(engine, written("1.gguf", "uint32"), "32-bit float")
    refused(engine, written("2.gguf", "float64"), "32-bit float")
    refused(engine, written("3.gguf", "float32", kind=np.int32), "no F32 or F16")
    refused(engine, written("4.gguf", "float32", width=3), "no F32 or F16")
    engine.use_adapter(written("5.gguf", "float32"))


def test_a_model_that_cannot_be_loaded_explains_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineError, match="no model file"):
        LlamaCppEngine(tmp_path / "none.gguf")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EngineError, match=r"cannot load .* \(llama.cpp: "):
        LlamaCppEngine(tmp_path / "bad.gguf")
    assert capfd.readouterr() == ("", "")


def test_llama_cpp_writes_nothing_to_the_terminal(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with LlamaCppEngine(tiny_model, threads=1) as engine:
        answer(engine, (5, 6), Sampling(3))
    assert capfd.readouterr() == ("", "")


def test_threads_are_what_this_process_may_use() -> None:
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)


# The default model ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def default_engine(default_model: Path) -> Iterator[LlamaCppEngine]:
    with LlamaCppEngine(
        default_model, threads=1, context_tokens=512, now=lambda: datetime(2025, 1, 1, tzinfo=UTC)
    ) as engine:
        yield engine


CONVERSATIONS = [
    [Message("user", "What is the capital of France?")],
    [Message("user", "\n\n  leading and trailing white space \n")],
    [Message("user", "a < b and b > c | d; <html>[INST]</html> \n1. x\n\n2. y")],
    [Message("user", "日本語 é 😀"), Message("assistant", "Oui.\n"), Message("user", "\nMore")],
    [Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", " Hello"), Message("user", "12345")],
]


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["plain", "spaces", "signs", "scripts", "turns"])
def test_rendering_gives_the_tokens_of_the_whole_text(default_engine: LlamaCppEngine, messages: list[Message]) -> None:
    system = (
        ""
        if messages[0].role == "system"
        else ("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n")
    )
    turns = "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages)
    text = system + turns + "<|im_start|>assistant\n"
    assert default_engine.render(messages) == tuple(parsed_by_llama_cpp(default_engine, text.encode()))


def parsed_by_llama_cpp(engine: LlamaCppEngine, text: bytes) -> list[int]:
    """The whole text with what looks like a control token taken for one."""
    from llama_cpp import llama_cpp as native

    vocab = cast("native.llama_vocab_p", engine._text.native)
    room = (native.llama_token * 1000)()
    return room[: native.llama_tokenize(vocab, text, len(text), room, 1000, False, True)]


def test_the_default_model_answers_a_second_turn_alike_with_and_without_its_kept_prefix(
    default_engine: LlamaCppEngine,
) -> None:
    first = [Message("user", "Name a colour.")]
    said = answer(default_engine, default_engine.render(first), Sampling(5))
    prompt = default_engine.render([*first, Message("assistant", said), Message("user", "Another.")])
    kept = answer(default_engine, prompt, Sampling(5), reuse_prefix=True)
    timing = default_engine.last_timing()
    assert timing is not None
    assert timing.cached_tokens > 20
    assert answer(default_engine, prompt, Sampling(5)) == kept


def test_the_default_model_answers_the_same_bytes_twice(default_engine: LlamaCppEngine) -> None:
    prompt = default_engine.render([Message("user", "Name a colour.")])
    for sampling in (Sampling(6), Sampling(6, temperature=0.8, seed=11)):
        first = answer(default_engine, prompt, sampling)
        assert first
        assert answer(default_engine, prompt, sampling) == first
