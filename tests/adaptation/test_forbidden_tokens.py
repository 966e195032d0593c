"""Rules that forbid tokens: which tokens, and an answer of the model's own without them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_seal.adaptation import prompt_kinds as kinds
from edge_seal.adaptation.forbidden_tokens import forbidden_tokens, forbids_tokens
from edge_seal.adaptation.general_prompts import ANCHORS
from edge_seal.adaptation.own_answers import SHIPPED, own_answers
from edge_seal.adaptation.trial import asked_in_general
from edge_seal.adaptation.verifiers import verifier
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from tests.adaptation.networks import LAYERS, network_of, sequence


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[LlamaCppEngine]:
    with LlamaCppEngine(tiny_model) as engine:
        yield engine


@pytest.mark.parametrize(("name", "mark"), [("no_commas", ","), ("no_exclamation_marks", "!")])
def test_every_token_with_the_mark_is_forbidden_and_no_other(engine: LlamaCppEngine, name: str, mark: str) -> None:
    forbidden = forbidden_tokens(verifier(name), engine)
    pieces = {token: engine.detokenize([token]) for token in range(engine.vocabulary)}
    assert forbidden
    assert set(forbidden) == {token for token, piece in pieces.items() if mark in piece} - engine.end_tokens


def test_a_form_of_the_whole_forbids_no_token() -> None:
    assert not forbids_tokens(verifier("bullet_list"))
    assert not forbids_tokens(verifier("lower_case"))


def test_own_answers_without_tokens_are_kept_apart(engine: LlamaCppEngine, tmp_path: Path) -> None:
    plain = own_answers(engine, tmp_path, ["hello"])["hello"].answer
    forbidden = tuple(sorted(set(engine.tokenize(plain)) - engine.end_tokens))
    without = own_answers(engine, tmp_path, ["hello"], forbidden=forbidden)["hello"].answer
    assert without != plain
    assert own_answers(engine, tmp_path, ["hello"])["hello"].answer == plain
    made: list[int] = []
    again = own_answers(engine, tmp_path, ["hello"], lambda done, _: made.append(done), forbidden=forbidden)
    assert (again["hello"].answer, made) == (without, [])


def test_held_without_tokens_is_pulled_off_them_alone(tiny_model: Path) -> None:
    """At the base the gradient is that of the base's distribution without them: others' ratios stay."""
    examples = [sequence((1, 40, 41), (50, 51, 2))]
    with network_of(tiny_model, examples, layers=LAYERS) as network:
        base = network.answer_logits(0, None).astype(np.float64)
        forbidden = (int(base[0].argmax()), 7)
        kept = network.hold([], forbidden={0: forbidden})
        assert kept is not None
        allowed = np.exp(base - base.max(axis=1, keepdims=True))
        allowed[:, forbidden] = 0
        allowed /= allowed.sum(axis=1, keepdims=True)
        at = np.flatnonzero(network.batch([0]).nodes == kept.nodes[0])
        assert at.size
        np.testing.assert_allclose(
            np.take_along_axis(allowed, kept.distributions.tokens, axis=1),
            kept.distributions.probabilities, rtol=0, atol=1e-5,
        )  # fmt: skip
        assert not np.isin(kept.distributions.tokens[kept.distributions.probabilities > 0], forbidden).any()


def test_the_default_models_own_answers_come_with_the_program() -> None:
    prompts = {prompt for pool in (kinds.TRIED, kinds.HELD) for group in pool.values() for prompt in group}
    shipped = [json.loads(path.read_text(encoding="utf-8")) for path in SHIPPED.glob("own-answers-*.json")]
    assert [bool(kept["forbidden"]) for kept in sorted(shipped, key=lambda kept: kept["forbidden"])] == [False, True]
    for kept in shipped:
        assert set(kept["answers"]) == (prompts if kept["forbidden"] else prompts | set(asked_in_general(ANCHORS)))
        commas = sum("," in said["answer"] for said in kept["answers"].values())
        assert commas == 0 if kept["forbidden"] else commas > 0
