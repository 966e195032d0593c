"""The base model's own answers: made once, kept, and made anew where what is kept does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_seal.adaptation.general_answers import ANCHOR_TOKENS, ANSWER_TOKENS, SHIPPED, general_answers
from edge_seal.adaptation.general_prompts import ANCHORS, REPLAYED
from edge_seal.engines.engine import Message, Sampling
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.records import Example, Origin, Role


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[LlamaCppEngine]:
    with LlamaCppEngine(tiny_model, threads=1) as engine:
        yield engine


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def asked(engine: LlamaCppEngine, cache: Path) -> tuple[int, tuple[Example, ...], tuple[Example, ...]]:
    """How many prompts had to be asked, and what came of it."""
    done: list[tuple[int, int]] = []
    general, anchors = general_answers(engine, cache, lambda made, total: done.append((made, total)))
    assert done == [(place + 1, len(REPLAYED) + len(ANCHORS)) for place in range(len(done))]
    return len(done), general, anchors


def test_no_anchor_is_trained_on() -> None:
    assert not {prompt.casefold() for prompt in REPLAYED} & {prompt.casefold() for prompt in ANCHORS}


def test_they_are_the_models_own_and_asked_for_once(engine: LlamaCppEngine, cache: Path) -> None:
    count, general, anchors = asked(engine, cache)
    assert count == len(REPLAYED) + len(ANCHORS)
    assert [example.prompt for example in general] == list(REPLAYED)
    assert [example.prompt for example in anchors] == list(ANCHORS)
    assert {example.role for example in general} == {Role.GENERAL}
    assert {example.role for example in anchors} == {Role.ANCHOR}
    assert {(example.origin, example.signal_id) for example in (*general, *anchors)} == {(Origin.MODEL, None)}
    prompt = engine.render([Message("user", REPLAYED[0])])
    said = "".join(piece.text for piece in engine.generate(prompt, Sampling(ANSWER_TOKENS)))
    assert general[0].answer == said
    assert asked(engine, cache) == (0, general, anchors)


def test_an_answer_that_was_cut_is_not_closed(engine: LlamaCppEngine, cache: Path) -> None:
    _, general, anchors = asked(engine, cache)
    for example in (*general, *anchors):
        prompt = engine.render([Message("user", example.prompt)])
        tokens = ANSWER_TOKENS if example.role is Role.GENERAL else ANCHOR_TOKENS
        list(engine.generate(prompt, Sampling(tokens)))
        timing = engine.last_timing()
        assert timing is not None
        assert example.closed == (timing.answer_tokens < tokens)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"model_sha256": "x"}', "\x00\x01", "halved", "other tokens", "other anchors", "less"]
)
def test_a_file_that_does_not_fit_is_made_anew(engine: LlamaCppEngine, cache: Path, damage: str) -> None:
    made = asked(engine, cache)[1:]
    (file,) = cache.iterdir()
    kept = json.loads(file.read_bytes())
    if damage == "halved":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    elif damage == "other tokens":
        file.write_text(json.dumps({**kept, "tokens": ANSWER_TOKENS + 1}), encoding="utf-8")
    elif damage == "other anchors":
        file.write_text(json.dumps({**kept, "anchor_tokens": ANCHOR_TOKENS + 1}), encoding="utf-8")
    elif damage == "less":
        file.write_text(json.dumps({**kept, "answers": kept["answers"][1:]}), encoding="utf-8")
    else:
        file.write_text(damage, encoding="utf-8")
    count, *again = asked(engine, cache)
    assert count == len(REPLAYED) + len(ANCHORS)
    assert tuple(again) == made
    assert asked(engine, cache)[0] == 0


def test_another_model_has_answers_of_its_own(engine: LlamaCppEngine, cache: Path, tiny_model: Path) -> None:
    asked(engine, cache)
    with LlamaCppEngine(tiny_model, threads=1, sha256="f" * 64) as other:
        assert asked(other, cache)[0] == len(REPLAYED) + len(ANCHORS)
    assert asked(engine, cache)[0] == 0
    assert len(list(cache.iterdir())) == 2


def test_only_the_owner_may_read_them(engine: LlamaCppEngine, cache: Path) -> None:
    asked(engine, cache)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in cache.iterdir()} == {0o600}


def test_those_that_come_with_the_program_are_to_the_present_prompts_and_are_not_made_again(
    engine: LlamaCppEngine, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shipped,) = SHIPPED.glob("general-answers-*.json")
    kept = json.loads(shipped.read_bytes())
    assert shipped.name == f"general-answers-{kept['model_sha256'][:16]}.json"
    assert [answer["prompt"] for answer in kept["answers"]] == [*REPLAYED, *ANCHORS]
    assert all(answer["answer"].strip() for answer in kept["answers"])
    monkeypatch.setattr(LlamaCppEngine, "model_sha256", kept["model_sha256"])
    count, general, anchors = asked(engine, cache)
    assert (count, len(general), len(anchors)) == (0, len(REPLAYED), len(ANCHORS))
    assert general[0].answer == kept["answers"][0]["answer"]
    assert not list(cache.glob("*")), "what comes with the program needs no copy"
