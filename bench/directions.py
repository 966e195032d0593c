"""Facts whose value is a name, taught in one direction and in both: what each way of asking gets then.

    python -m bench.directions [--seeds 1] [--facts 8] [--json FILE]

The same facts are learned twice, from the base, with `learning.both_directions` off and on. Asked are: the facts as in
`bench.learning` (forward), who or what each name is in words that the trainer does not use (converse), the same of
names that were never told, and of people whom everybody knows. "served" is what a user gets, with the scope on; the
rest is the adapter everywhere. Memory is off.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

from bench.drift import GENERAL, asked_of, is_right
from bench.learning_home import LearningHome, opened, passes_by_default, share
from bench.personas import VALUES, Fact, persona
from edge_seal.adaptation.converse import Converse, converse
from edge_seal.adaptation.question_forms import read_form
from edge_seal.config import shared_models
from edge_seal.runtime import Ask

ALL_FACTS = 48
ASKED_WHO = ("who is {n}, please?", "{n}. Who is that?", "Say, who was {n} again?")
ASKED_WHAT = ("what is {n}, please?", "{n}. What is that?", "Say, what was {n} again?")
EVERYBODY_KNOWS = (
    ("Who is Albert Einstein?", "physicist"),
    ("Who is William Shakespeare?", "playwright"),
    ("Who is Mozart?", "composer"),
    ("Who was Napoleon?", "French"),
    ("Who was Cleopatra?", "Egypt"),
    ("Who is Pablo Picasso?", "Spanish"),
    ("What is Amazon?", "company"),
    ("What is Microsoft?", "company"),
)


def main() -> None:
    """Measures both settings for each seed, prints them and keeps all answers."""
    parser = argparse.ArgumentParser(description="Facts in one direction and in both, on the default model.")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--facts", type=int, default=8)
    parser.add_argument("--json", type=Path, default=Path("directions.json"))
    arguments = parser.parse_args()
    os.environ.setdefault("EDGE_SEAL_MODELS", str(shared_models()))
    measured: dict[str, dict[str, object]] = {}
    for seed in arguments.seeds:
        named = [fact for fact in persona(seed, ALL_FACTS).facts if _other(fact) is not None][: arguments.facts]
        for both in (False, True):
            extra = f"\n[learning]\nboth_directions = {str(both).lower()}\n"
            with opened(arguments.json.with_suffix(".cache"), extra) as home:
                figures = _measured(home, named)
            measured[f"seed {seed}, {'both directions' if both else 'one direction'}"] = figures
            arguments.json.write_text(json.dumps(measured, indent=1), encoding="utf-8")
            told = {key: round(value, 3) for key, value in figures.items() if isinstance(value, (int, float))}
            print(f"seed {seed} both={both}: {told}", flush=True)


def _other(fact: Fact) -> Converse | None:
    return converse(read_form(fact.question), fact.answer)


def _measured(home: LearningHome, facts: Sequence[Fact]) -> dict[str, object]:
    def served(question: str) -> str:
        return home.runtime.ask(Ask(question, use_memory=False, max_tokens=20, private=True)).answer

    base = [(question, home.said(question)) for question, _ in GENERAL]
    report, seconds = home.learn(facts)
    same, new, near = home.same_words(facts), home.held_out(facts), home.neighbours(facts)
    asked = [(turned, wording.replace("{n}", turned.name)) for turned, wording in _converses(facts)]
    told = {word for turned, _ in asked for word in turned.name.split()}
    names = [name for name in VALUES["pets"] if name not in told][: len(facts)]
    unknown = [f"Who is {name}?" for name in names]
    answers = {question: (home.said(question), served(question)) for _, question in asked}
    untold = {question: (home.said(question), served(question)) for question in unknown}
    known = {question: (home.said(question), served(question)) for question, _ in EVERYBODY_KNOWS}
    general = {question: home.said(question) for question in asked_of(base)}

    def says(turned: Converse, answer: str) -> bool:
        return turned.answer.removesuffix(".").split(" is ", 1)[1].casefold() in answer.casefold()

    def is_untold(answer: str) -> bool:
        return not any(
            f"is your {fact.question.split('my ', 1)[-1].rstrip('?').split(chr(39))[0]}" in answer for fact in facts
        )

    return {
        "gate_passed": passes_by_default(report),
        "seconds": seconds,
        "steps": 0 if report.training is None else report.training.steps,
        "same_words": share(same),
        "held_out": share(new),
        "neighbours_untouched": share(near),
        "converse": _mean([says(turned, answers[question][0]) for turned, question in asked]),
        "converse_served": _mean([says(turned, answers[question][1]) for turned, question in asked]),
        "unknown_untold": _mean([is_untold(answer) for answer, _ in untold.values()]),
        "unknown_untold_served": _mean([is_untold(answer) for _, answer in untold.values()]),
        "everybody_right": _mean([word.casefold() in known[q][0].casefold() for q, word in EVERYBODY_KNOWS]),
        "everybody_right_served": _mean([word.casefold() in known[q][1].casefold() for q, word in EVERYBODY_KNOWS]),
        "general_right": sum(is_right(question, answer) for question, answer in general.items()),
        "wrong_forward": [(one.question, one.answer) for one in (*same, *new, *near) if not one.right],
        "answers": {**answers, **untold, **known},
    }


def _converses(facts: Sequence[Fact]) -> list[tuple[Converse, str]]:
    turned = [other for fact in facts if (other := _other(fact)) is not None]
    return [(one, wording) for one in turned for wording in (ASKED_WHAT if one.word == "what" else ASKED_WHO)]


def _mean(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else float("nan")


if __name__ == "__main__":
    main()
