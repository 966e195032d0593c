"""Ten rules of format and style, what is corrected to show them, and unseen prompts of every kind.

Invariants: no prompt is one of the trainer's own (`prompt_kinds`, `general_prompts`), and none is both corrected and
asked. The corrections are made from the model's own answer as a person would: by hand, so to speak, and not with the
trainer's rewritings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge_seal.adaptation import prompt_kinds as kinds
from edge_seal.adaptation.general_prompts import ANCHORS, REPLAYED
from edge_seal.adaptation.style_rules import EVERY
from edge_seal.adaptation.verifiers import Verifier, ifeval_verifier, verifier

OPENING, CLOSING = "In short:", "Hope that helps!"


@dataclass(frozen=True, slots=True)
class Rule:
    """`corrected` makes the answer that its user wants of the one that was given.

    `kind` is that of the prompts that it is for. `ifeval` is the instruction of IFEval with the same check, if there
    is one that needs no arguments.
    """

    name: str
    kind: str
    check: Verifier
    corrected: Callable[[str], str]
    ifeval: str | None = None


def _sentences(answer: str) -> list[str]:
    flat = " ".join(line.strip(" -*#") for line in answer.splitlines() if line.strip())
    return [part for part in re.split(r"(?<=[.!?])\s+(?=[\"A-Z])", flat) if part]


def _whole(answer: str) -> str:
    """The first two sentences: nobody types out more, and an answer that was cut ends in half of one."""
    return " ".join(_sentences(answer)[:2])


def _items(answer: str) -> list[str]:
    lines = [re.sub(r"^\s*(?:[-*•]|\d+[.)])\s*", "", line).strip() for line in answer.splitlines()]
    lines = [line for line in lines if line]
    return (lines if len(lines) > 1 else _sentences(answer))[:4]


def _instruction(name: str) -> Verifier:
    found = ifeval_verifier(name)
    if found is None:
        raise ValueError(f"IFEval has no instruction {name}")
    return found


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "no commas", EVERY, _instruction("punctuation:no_comma"),
        lambda said: _whole(said).replace(",", ""), "punctuation:no_comma",
    ),
    Rule(
        "small letters", EVERY, _instruction("change_case:english_lowercase"),
        lambda said: _whole(said).lower(), "change_case:english_lowercase",
    ),
    Rule("opening phrase", EVERY, verifier("starts_with", phrase=OPENING), lambda said: f"{OPENING} {_whole(said)}"),
    Rule("closing phrase", EVERY, verifier("ends_with", phrase=CLOSING), lambda said: f"{_whole(said)} {CLOSING}"),
    Rule(
        "one sentence", EVERY, verifier("sentence_count", relation="at most", count=1),
        lambda said: _sentences(said)[0],
    ),
    Rule(
        "bullets for lists", kinds.LIST, verifier("bullet_list"),
        lambda said: "\n".join(f"- {item}" for item in _items(said)),
    ),
    Rule(
        "numbers for how-to", kinds.HOW_TO, verifier("numbered_list"),
        lambda said: "\n".join(f"{place}. {item}" for place, item in enumerate(_items(said), 1)),
    ),
    Rule("smiley for greetings", kinds.GREETING, verifier("smiley_at_the_end"), lambda said: f"{_whole(said)} 🙂"),
    Rule(
        "quotes for translations", kinds.TRANSLATION, _instruction("startend:quotation"),
        lambda said: '"' + _whole(said).replace('"', "") + '"', "startend:quotation",
    ),
    Rule(
        "capitals for definitions", kinds.DEFINITION, _instruction("change_case:english_capital"),
        lambda said: _whole(said).upper(), "change_case:english_capital",
    ),
)  # fmt: skip

CORRECTED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        EVERY: (
            "Why is the grass green?",
            "Name three animals that live in the forest.",
            "How do I store fresh bread?",
            "What is a telescope?",
            "Tell me about the Roman Empire.",
        ),
        kinds.LIST: (
            "Name three animals that live in the forest.",
            "List four vegetables that grow in spring.",
            "Give me three reasons to go for a walk.",
            "Name five things to take to school.",
            "List three famous rivers.",
        ),
        kinds.HOW_TO: (
            "How do I store fresh bread?",
            "How can I remove a stain from a shirt?",
            "How do I repair a flat bicycle tyre?",
            "How do I prepare for an exam?",
            "How can I get up earlier?",
        ),
        kinds.GREETING: (
            "Hello, nice to see you again.",
            "Good morning, dear computer.",
            "Hi, how are you doing?",
            "Hey, good to have you here.",
            "Good evening, how was your day?",
        ),
        kinds.TRANSLATION: (
            "Translate 'the sun is shining' into French.",
            "How do you say 'apple' in German?",
            "Translate 'where is the station' into Spanish.",
            "How do you say 'thank you very much' in Italian?",
            "Translate 'my sister' into German.",
        ),
        kinds.DEFINITION: (
            "What is a telescope?",
            "What is a parliament?",
            "What is an adjective?",
            "Describe a rainforest.",
            "What is a mortgage?",
        ),
    }
)

ASKED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        kinds.GREETING: (
            "Hello!", "Hi there, old friend.", "Good morning!", "Hey, what's up?", "Good evening to you.",
            "Hello again.", "Hi, I hope you are well.", "Greetings, machine.", "Hey there!", "Good day, how are you?",
        ),
        kinds.TRANSLATION: (
            "Translate 'good luck' into French.", "How do you say 'mountain' in Spanish?",
            "Translate 'I am tired' into German.", "How do you say 'window' in French?",
            "Translate 'the black cat' into Italian.", "How do you say 'happy birthday' in German?",
            "Translate 'we are going home' into Spanish.", "What is 'butter' in French?",
            "Please translate 'I love music' into Italian.", "How would you say 'rain' in Spanish?",
        ),
        kinds.JOKE: ("Tell me a joke about a lawyer.", "Do you know a good riddle about time?"),
        kinds.LIST: (
            "List three insects.", "Name four musical styles.", "Give me five ideas for a school project.",
            "List four parts of a car.", "Name three dishes from Italy.", "Give me three tips for a healthy back.",
            "List some board games.", "Write down three questions for a guest.", "Name six professions.",
            "Give me a list of three gemstones.",
        ),
        kinds.HOW_TO: (
            "How do I clean a coffee machine?", "How can I learn to swim?", "How do I write an application?",
            "How do I cook rice?", "How can I make my room brighter?", "How do I change a password?",
            "How should I water a cactus?", "How do I fold a paper plane?", "How can I calm a crying baby?",
            "How do I sharpen a knife?",
        ),
        kinds.WHY: ("Why do leaves fall?", "Why is milk white?"),
        kinds.WRITING: ("Write a sentence about a lighthouse keeper.", "Write a short note to a plumber."),
        kinds.ADVICE: ("What should I plant on my balcony?", "Can you recommend a sport for the evening?"),
        kinds.DEFINITION: (
            "What is a comet?", "What is a contract?", "Explain what a harvest is.", "Tell me about penguins.",
            "What is a proverb?", "Describe a castle.", "What is oxygen?", "What is a symphony?",
            "What is an eclipse?", "Tell me about the Sahara.",
        ),
        kinds.FACT: ("Who discovered America?", "How many teeth does a grown person have?"),
    }
)  # fmt: skip
EVERYWHERE: Final = tuple(prompt for prompts in ASKED.values() for prompt in prompts[:2])
"""Two prompts of every kind."""


def of_kind(kind: str) -> tuple[str, ...]:
    """The unseen prompts that a rule for `kind` is for."""
    return EVERYWHERE if kind == EVERY else ASKED[kind]


def elsewhere(kind: str) -> tuple[str, ...]:
    """The unseen prompts that it is not for."""
    return () if kind == EVERY else tuple(prompt for prompt in EVERYWHERE if prompt not in ASKED[kind])


def require_unseen() -> None:
    """Returns if no prompt that is asked is corrected, or one of the trainer's.

    Raises:
        ValueError: one is.
    """
    seen = {prompt for group in CORRECTED.values() for prompt in group} | {*REPLAYED, *ANCHORS}
    seen |= {prompt for pools in (kinds.TRIED, kinds.HELD) for pool in pools.values() for prompt in pool}
    known = sorted(seen & {prompt for group in ASKED.values() for prompt in group})
    if known:
        raise ValueError(f"seen in training: {known}")
