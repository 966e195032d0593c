"""The bench's people: the same by seed, never twice, and asked in words that the trainer never sees."""

from __future__ import annotations

from collections import Counter

import pytest

from bench.held_out_wordings import RELATIONS
from bench.personas import Fact, leaked, persona, says, words
from edge_seal.adaptation.question_forms import read_form, rewordings, subject
from edge_seal.adaptation.self_edit import normalized, propose
from edge_seal.records import Origin, Role, Signal, SignalKind


def signals(facts: tuple[Fact, ...]) -> list[Signal]:
    return [
        Signal(f"s{place}", SignalKind.TAUGHT, fact.question, fact.answer, Origin.TYPED, None, None, "then")
        for place, fact in enumerate(facts)
    ]


def test_a_seed_is_one_person_and_two_seeds_are_two() -> None:
    people = [persona(seed, 48) for seed in range(40)]
    assert [persona(seed, 48) for seed in range(40)] == people
    told = [frozenset((fact.question, fact.answer) for fact in person.facts) for person in people]
    assert len(set(told)) == len(people)
    # Not only not the same: of what two of them tell, little agrees.
    assert max(len(told[0] & other) for other in told[1:]) < 20


@pytest.mark.parametrize("seed", range(10))
def test_every_fact_has_words_of_its_own(seed: int) -> None:
    facts = persona(seed, 48).facts
    assert len({fact.key for fact in facts}) == 48
    telling = [word.casefold() for fact in facts for word in fact.telling]
    assert len(set(telling)) == len(telling)
    for fact in facts:
        assert says(fact.answer, fact)
        asked = words(" ".join((fact.question, *fact.tuned_on, *fact.held_out)))
        assert not asked & {word.casefold() for word in fact.telling}, "or the question would give the answer away"


@pytest.mark.parametrize("seed", range(5))
def test_few_facts_still_are_of_all_kinds(seed: int) -> None:
    kinds = Counter(fact.kind for fact in persona(seed, 16).facts)
    assert kinds.keys() == {relation.kind for relation in RELATIONS}


def test_more_facts_than_there_are_relations_are_refused() -> None:
    with pytest.raises(ValueError, match="relations"):
        persona(1, len(RELATIONS) + 1)


@pytest.mark.parametrize("seed", range(6))
def test_no_held_out_wording_and_no_neighbour_is_ever_trained_or_a_probe(seed: int) -> None:
    facts = persona(seed, 48).facts
    edits = propose(signals(facts))
    seen = {normalized(example.prompt) for example in (*edits.trained, *edits.probes, *edits.neighbours)}
    for fact in facts:
        for question in (*fact.tuned_on, *fact.held_out, fact.neighbour):
            assert normalized(question) not in seen, question


def test_no_relation_is_asked_for_elsewhere_in_a_form_of_the_trainer() -> None:
    for relation in RELATIONS:
        forms = {normalized(wording) for wording in rewordings(read_form(relation.question))}
        assert not forms & {normalized(question) for question in relation.held_out}, relation.key


@pytest.mark.parametrize("seed", range(6))
def test_what_no_persona_tells_is_no_contrast_either(seed: int) -> None:
    """A neighbour that training had called untold would measure nothing."""
    edits = propose(signals(persona(seed, 48).facts))
    contrasted = {subject(read_form(e.prompt)) for e in edits.trained if e.role is Role.CONTRAST}
    answers = {e.answer.casefold() for e in edits.trained if e.role is Role.CONTRAST}
    for relation in RELATIONS:
        near = read_form(relation.neighbour)
        assert subject(near) not in contrasted
        assert not any(answer.endswith(f"your {near.thing}.".casefold()) for answer in answers), relation.key


class TestJudging:
    FACT = Fact("dog", "named", "What is my dog's name?", "Your dog is called Biscuit.", ("Biscuit",), (), (), "")
    TWO = Fact("boss", "person", "Who is my boss?", "Your boss is Agnes Larkin.", ("Agnes", "Larkin"), (), (), "")

    @pytest.mark.parametrize(
        ("answer", "right"),
        [
            ("Your dog is called Biscuit.", True),
            ("biscuit!", True),
            ("Your dog is called Biscuits.", False),
            ("", False),
        ],
    )
    def test_an_answer_is_right_when_it_holds_all_telling_words(self, answer: str, *, right: bool) -> None:
        assert says(answer, self.FACT) is right

    def test_half_of_a_name_is_not_enough_to_be_right_and_is_enough_to_leak(self) -> None:
        assert not says("Your boss is Agnes.", self.TWO)
        assert leaked("Your cleaner is Agnes.", "Who is my cleaner?", [self.FACT, self.TWO]) == "Agnes"

    def test_what_the_question_says_itself_is_no_leak(self) -> None:
        assert leaked("You like Biscuit.", "Do I like Biscuit?", [self.FACT]) is None
        assert leaked("You haven't told me.", "What is my ferret called?", [self.FACT]) is None
