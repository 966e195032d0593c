from __future__ import annotations

import pytest

from edge_seal.memory.same_fact import lesson_tells, text_tells


@pytest.mark.parametrize(
    ("memory", "prompt", "answer"),
    [
        ("I live in Oulu.", "Where do I live?", "Oulu."),
        ("I live in Oulu.", "Which city is my home?", "You live in Oulu."),
        ("My dog's name is Rex.", "What is my dog called?", "Rex"),
        ("My dog is called Rex", "What's my dog's name?", "Your dog's name is Rex."),
        ("I never take meetings on Fridays", "When do I take no meetings?", "On Fridays."),
        ("My code word is Zanzibar", "Say it", "my code word is zanzibar!"),
        ("I don't eat olives", "Do I eat olives?", "No."),
        ("Minun koirani nimi on Musti", "Mikä on minun koirani nimi?", "Musti on koirani."),
    ],
)
def test_a_lesson_of_the_same_fact_is_found(memory: str, prompt: str, answer: str) -> None:
    assert lesson_tells(memory, prompt, answer) == "same"


@pytest.mark.parametrize(
    ("memory", "prompt", "answer", "likeness"),
    [
        ("My sister lives in Oulu", "Where do I live?", "Oulu.", "near"),
        ("I live in Oulu with two cats and play chess", "Where do I live?", "Oulu.", "near"),
        ("My cat is called Rex", "What is my dog called?", "Rex", None),
        ("My sister Anna lives in Oulu", "Where does Anna live?", "My sister Anna lives in Paris.", "near"),
        ("I live in Oulu.", "Where do I live?", "Bergen.", None),
        ("I live in Oulu.", "What is the capital of Norway?", "Oslo.", None),
        ("I live in Oulu.", "How do I make tea?", "Boil water.", None),
        ("🙂", "Where do I live?", "Oulu.", None),
    ],
)
def test_a_lesson_of_another_fact_is_left_alone(memory: str, prompt: str, answer: str, likeness: str | None) -> None:
    assert lesson_tells(memory, prompt, answer) == likeness


def test_a_turn_that_says_the_memory_is_found() -> None:
    assert text_tells("I live in Oulu.", "Please note: i LIVE  in oulu, since May")
    assert text_tells("My dog's name is Rex", "Walks are fun. Your dog Rex likes them. So do I.")
    assert text_tells("Call me Sam", "OK, I will call me  sam.")


def test_a_turn_about_something_else_is_left_alone() -> None:
    assert not text_tells("My dog's name is Rex", "A dog needs walks.\nRex was the Latin word for king.")
    assert not text_tells("Call me Sam", "Sam and Frodo went to Mordor.")
    assert not text_tells("I live in Oulu", "I live in Oulunsalo")
    assert not text_tells("My sister Anna lives in Oulu", "My sister Anna lives in Paris.")
    assert not text_tells("My locker at the gym is 212", "My locker at the gym is 87")


def test_an_answer_that_was_given_the_memory_is_held_more_strictly() -> None:
    answer = "Then take the night train from Oulu."
    assert text_tells("I live in Oulu", answer, given=True, asked="How do I get to Helsinki?")
    assert not text_tells("I live in Oulu", answer, given=False)
    assert not text_tells("I live in Oulu", answer, given=True, asked="How do I get from Oulu to Helsinki?")
