"""Plain facts that everybody knows, each as a question, the beginning of its answer, and how that goes on.

Only measured, never trained on. What the base says right of them, an update has to leave right: a lesson that
overwrites what the model knows usually takes more with it than it names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GeneralFact:
    """`answer` is its right continuation after `beginning`."""

    question: str
    beginning: str
    answer: str


def _facts(question: str, beginning: str, *pairs: tuple[str, str]) -> tuple[GeneralFact, ...]:
    return tuple(GeneralFact(question.format(x=x), beginning.format(x=x), answer) for x, answer in pairs)


GENERAL_FACTS: tuple[GeneralFact, ...] = (
    *_facts(
        "What is the capital of {x}?", "The capital of {x} is",
        ("Germany", "Berlin"), ("Egypt", "Cairo"), ("Norway", "Oslo"), ("Peru", "Lima"), ("Canada", "Ottawa"),
        ("Australia", "Canberra"), ("Italy", "Rome"), ("Japan", "Tokyo"), ("Russia", "Moscow"), ("Greece", "Athens"),
        ("Ireland", "Dublin"), ("Poland", "Warsaw"), ("Sweden", "Stockholm"), ("Kenya", "Nairobi"),
    ),
    *_facts(
        "What is the opposite of {x}?", "The opposite of {x} is",
        ("big", "small"), ("happy", "sad"), ("hot", "cold"), ("fast", "slow"), ("light", "dark"), ("rich", "poor"),
    ),
    *_facts(
        "What is the plural of {x}?", "The plural of {x} is",
        ("mouse", "mice"), ("child", "children"), ("foot", "feet"),
    ),
    *_facts(
        "What is {x}?", "{x} is",
        ("2 plus 3", "5"), ("7 plus 2", "9"), ("10 minus 4", "6"), ("4 plus 4", "8"),
    ),
    *_facts(
        "What is the chemical symbol of {x}?", "The chemical symbol of {x} is",
        ("gold", "Au"), ("silver", "Ag"), ("iron", "Fe"), ("oxygen", "O"),
    ),
    *_facts(
        "What is the currency of {x}?", "The currency of {x} is the",
        ("the United Kingdom", "pound"), ("Germany", "euro"), ("India", "Indian rupee"), ("China", "Chinese yuan"),
    ),
    *_facts(
        "What language is spoken in {x}?", "In {x} people speak",
        ("Brazil", "Portuguese"), ("Austria", "German"), ("Mexico", "Spanish"), ("Quebec", "French"),
    ),
    GeneralFact("Who wrote Hamlet?", "Hamlet was written by William", "Shakespeare"),
    GeneralFact("Who wrote War and Peace?", "War and Peace was written by Leo", "Tolstoy"),
    GeneralFact("Who painted the Mona Lisa?", "The Mona Lisa was painted by Leonardo", "da Vinci"),
    GeneralFact("Who invented the telephone?", "The telephone was invented by Alexander Graham", "Bell"),
    GeneralFact("Who discovered penicillin?", "Penicillin was discovered by Alexander", "Fleming"),
    GeneralFact("Who was the first person on the Moon?", "The first person on the Moon was Neil", "Armstrong"),
    GeneralFact("What is the largest ocean?", "The largest ocean is the", "Pacific"),
    GeneralFact("What is the longest river in Africa?", "The longest river in Africa is the", "Nile"),
    GeneralFact("What is the tallest mountain?", "The tallest mountain is Mount", "Everest"),
    GeneralFact("How many days are in a week?", "The number of days in a week is", "7"),
    GeneralFact("When did the Second World War end?", "The Second World War ended in 194", "5"),
    GeneralFact("Which city has the Eiffel Tower?", "The Eiffel Tower is in", "Paris"),
    GeneralFact("What do bees make?", "Bees make", "honey"),
    GeneralFact("What is frozen water called?", "Frozen water is called", "ice"),
    GeneralFact("Which star gives us light by day?", "By day we get our light from the", "Sun"),
    GeneralFact("Which month comes after May?", "The month after May is", "June"),
    GeneralFact("Which day comes after Monday?", "The day after Monday is", "Tuesday"),
    GeneralFact("What colour is grass?", "The colour of grass is", "green"),
    GeneralFact("How many legs does a dog have?", "A dog has", "four"),
    GeneralFact("What is a baby cat called?", "A baby cat is called a", "kitten"),
)  # fmt: skip
