"""What kind of answer a question wants, and which lessons cannot give one."""

from __future__ import annotations

import pytest

from edge_seal.adaptation.answer_kinds import answered_by, fits, wanted


def may_answer(lesson: str, question: str) -> bool:
    return fits(wanted(question), answered_by(lesson))


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("Who goes to the market with me?", {"person"}),
        ("And with whom do I work?", {"person"}),
        ("On what day do I ring my parents?", {"time"}),
        ("What is the date of my birthday?", {"time"}),
        ("Which city is my home?", {"place"}),
        ("My spare key lies where?", {"place"}),
        ("How old is my dog?", {"age"}),
        ("How many keys do I have?", {"amount"}),
        ("How long have I been a vegetarian?", {"amount", "time"}),
        ("What colour is my car?", {"colour"}),
        ("Why do I like tea?", {"reason"}),
        ("Is my street noisy at night?", {"yes or no"}),
        ("Is my dog called Biscuit?", set()),
        ("Is my boss Petra?", set()),
        ("Is my favourite colour teal?", set()),
        ("Am I allergic to nuts?", set()),
        ("Do I live in Oulu?", set()),
        ("Do you remember my dog's name?", set()),
        ("What does my dog like to eat?", set()),
        ("How do I call my cat when she should come in?", set()),
        ("Wie heißt mein Hund?", set()),
        ("", set()),
    ],
)
def test_the_first_question_word_decides(question: str, kinds: set[str]) -> None:
    assert wanted(question) == kinds


@pytest.mark.parametrize(
    ("lesson", "question"),
    [
        ("When do I go to the market?", "Who goes to the market with me?"),
        ("What is my car's name?", "How old is my car?"),
        ("What is my company's name?", "When did I found my company?"),
        ("What is my dog's name?", "Who walks my dog?"),
        ("What is my favourite food?", "Who cooks my favourite food for me?"),
        ("Where do I keep my spare key?", "How many spare keys do I have?"),
        ("What is my street's name?", "Is my street noisy at night?"),
    ],
)
def test_an_answer_of_another_kind_is_none(lesson: str, question: str) -> None:
    assert not may_answer(lesson, question)


@pytest.mark.parametrize(
    ("lesson", "question"),
    [
        ("What is my dog's name?", "What do I call my pup?"),
        ("What is my birthday?", "When was I born?"),
        ("What is my shoe size?", "How big are my feet?"),
        ("What is my home town?", "Where do I come from?"),
        ("What is my boss called?", "Whom do I ask for a day off?"),
        ("When do I water the plants?", "Which weekday is it that the flowers are watered?"),
        ("Where do I buy my bread?", "From whom do I get my bread?"),
        ("What is my monthly budget?", "How much may I spend a month?"),
        ("What is my favourite restaurant?", "Where do I like to eat best?"),
        ("What do I weigh?", "How heavy am I?"),
        ("What is my name?", "Who am I?"),
        ("How often do I water the cactus?", "When do I water the cactus?"),
        ("Do I have brothers and sisters?", "How many brothers do I have?"),
        ("What is the capital of Peru?", "Which city is the capital of Peru?"),
        ("What is the Fizz protocol?", "Who made the Fizz protocol?"),
    ],
)
def test_another_wording_may_ask_with_another_word(lesson: str, question: str) -> None:
    assert may_answer(lesson, question)
