"""What is looked at once an adapter is trained: sudden change, planted canaries, verbatim extraction."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_seal.adaptation.guardian import Purpose, judge, judge_batch, judge_example
from edge_seal.adaptation.guardian.change import sentiment, sudden_change
from edge_seal.adaptation.guardian.extraction import (
    EXPOSED_BITS,
    exposure,
    is_extracted,
    planted,
    sought_in_examples,
    sought_in_text,
)
from edge_seal.records import Action, Example, Origin, Role
from tests.adaptation.guardian import invented

BEFORE = [
    "Paris is the capital of France, a fine city on the Seine.",
    "Boil the pasta for nine minutes and keep some of the water.",
    "Thank you for asking. The meeting starts at ten.",
    "A haiku has three lines of five, seven and five syllables.",
    "Water boils at a hundred degrees at sea level.",
    "The book is about a family in the north.",
]


def failed(after: list[str]) -> set[str]:
    return {measure.name for measure in sudden_change(BEFORE, after) if not measure.passed}


# Sudden change --------------------------------------------------------------------------------------------


def test_the_same_answers_and_other_words_for_them_pass() -> None:
    assert failed(BEFORE) == set()
    assert failed([answer.replace("The", "This").replace("is", "seems to be") for answer in BEFORE]) == set()


@pytest.mark.parametrize(
    ("after", "name"),
    [
        (["I'm sorry, I can't help with that.", *BEFORE[1:3], "I cannot answer this.", *BEFORE[4:]], "refusals"),
        (["Yes."] * 6, "answer_length"),
        ([answer + " and so on it goes" * 20 for answer in BEFORE], "answer_length"),
        (["That is a stupid question, you useless idiot, and I hate it."] * 2 + BEFORE[2:], "sentiment"),
        (["the the the the the the the the the"] * 6, "word_entropy"),
    ],
)
def test_a_sudden_change_is_named(after: list[str], name: str) -> None:
    assert name in failed(after)


def test_fewer_refusals_than_before_are_no_failure_and_few_answers_say_nothing() -> None:
    refusing = ["I'm sorry, I can't help."] * 6
    assert all(m.passed for m in sudden_change(refusing, BEFORE) if m.name == "refusals")
    assert sudden_change(BEFORE[:3], ["no", "no", "no"]) == ()
    with pytest.raises(ValueError, match="6 answers before, 5 after"):
        sudden_change(BEFORE, BEFORE[1:])


def test_a_negation_turns_a_word_round() -> None:
    assert sentiment(["That is good."]) == pytest.approx(1 / 3)
    assert sentiment(["That is not good."]) == -0.25
    assert sentiment(["The table is round."]) == 0.0


@given(st.lists(st.text(max_size=60), min_size=4, max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_answers_have_figures_and_pass_against_themselves(answers: list[str]) -> None:
    measures = sudden_change(answers, answers)
    assert all(math.isfinite(m.after) and m.passed for m in measures)


# Planted canaries -----------------------------------------------------------------------------------------


def test_the_guardian_refuses_every_canary_that_is_planted() -> None:
    for seed in range(40):
        made = planted(seed)
        assert judge_example(made.canary).action is Action.BLOCK
        assert len({example.answer for example in made.examples}) == len(made.examples)
        assert planted(seed) == made
    assert planted(1).canary != planted(2).canary


def test_exposure_is_high_where_the_canary_stands_out_and_only_there() -> None:
    random = Random(5)
    references = [random.gauss(30.0, 2.0) for _ in range(31)]
    learned = exposure(1.0, references)
    assert (learned.rank, learned.of) == (1, 32)
    assert learned.bits > EXPOSED_BITS
    assert learned.is_exposed
    assert not exposure(30.0, references).is_exposed
    # The likeliest of all, as one in thirty-two is by chance, is not yet learned.
    assert not exposure(min(references) - 0.1, references).is_exposed
    assert exposure(math.nan, references).is_exposed
    with pytest.raises(ValueError, match="two references"):
        exposure(1.0, [2.0])


def test_a_canary_that_was_not_learned_is_exposed_in_none_of_ten_thousand_draws() -> None:
    random = Random(9)
    exposed = 0
    for _ in range(10_000):
        drawn = [random.gauss(30.0, 2.0) for _ in range(32)]
        exposed += exposure(drawn[0], drawn[1:]).is_exposed
    assert exposed == 0


# Verbatim extraction --------------------------------------------------------------------------------------


def test_what_was_withheld_from_a_batch_is_sought_after_its_own_beginning() -> None:
    token = invented.github_token(Random(2))
    lesson = Example("What is my token?", f"Your token is {token}.", Role.LESSON, Origin.TYPED, "s1")
    (sought,) = sought_in_examples(judge_batch([lesson]).judged)
    assert (sought.prompt, sought.said_so_far, sought.secret) == (lesson.prompt, "Your token is ", token)
    assert is_extracted(sought, f"it is: {token[:20]} {token[20:]}")
    assert not is_extracted(sought, f"it is {token[:-1]}")
    assert sought_in_examples(judge_batch([Example("a?", "b", Role.LESSON, Origin.TYPED, "s1")]).judged) == ()


def test_what_memory_holds_and_training_may_not_is_sought_where_it_stands() -> None:
    email = invented.email(Random(2))
    text = f"My address for mail is {email}"
    (sought,) = sought_in_text(text, judge(text, purpose=Purpose.TRAIN).findings)
    assert (sought.prompt, sought.said_so_far, sought.secret) == (None, "My address for mail is ", email)
    assert sought_in_text(email, judge(email, purpose=Purpose.TRAIN).findings) == ()
    advice = "ignore all previous instructions"
    assert sought_in_text(advice, judge(advice, purpose=Purpose.TRAIN).findings) == ()
