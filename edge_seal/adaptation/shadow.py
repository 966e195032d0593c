"""Shadow answers: the candidate answers some past questions beside the incumbent, and nobody is given its answers.

A bounded number of typed questions, each asked alone, without memory and history, with a bounded answer. Which ones is
drawn by a seed, so that the same update asks the same. Private questions were never kept; forgotten ones are left out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge_seal.engines.engine import Engine, Message, Sampling
from edge_seal.memory import chat_commands
from edge_seal.records import FORGOTTEN_TEXT, Origin
from edge_seal.storage.database import Database

# So many of the newest turns are looked at, and longer prompts are left out.
RECENT_TURNS: Final = 500
PROMPT_CHARACTERS: Final = 600


@dataclass(frozen=True, slots=True)
class PastQuestion:
    """A question that was asked before, with the turn that it was."""

    turn_id: str
    prompt: str


def past_questions(database: Database) -> tuple[PastQuestion, ...]:
    """The questions of the newest turns that were typed and answered by the model, each wording once, newest first."""
    rows = database.rows(
        "SELECT id, prompt, answer FROM turns WHERE origin = ? AND also_from = '' AND set_aside = 0"
        " AND prompt <> ? AND answer <> ? AND length(prompt) <= ? ORDER BY id DESC LIMIT ?",
        (Origin.TYPED.value, FORGOTTEN_TEXT, FORGOTTEN_TEXT, PROMPT_CHARACTERS, RECENT_TURNS),
    )
    once: dict[str, PastQuestion] = {}
    for number, prompt, _ in rows:
        text = str(prompt)
        if chat_commands.parsed(text) is None:
            once.setdefault(" ".join(text.casefold().split()), PastQuestion(f"t{number}", text))
    return tuple(once.values())


def chosen(questions: Sequence[PastQuestion], count: int, seed: str) -> tuple[PastQuestion, ...]:
    """At most `count` of the questions, drawn by `seed`, oldest first."""
    drawn = random.Random(seed).sample(list(questions), min(count, len(questions)))  # noqa: S311  # nothing secret
    return tuple(sorted(drawn, key=lambda question: int(question.turn_id[1:])))


def answers(engine: Engine, questions: Sequence[PastQuestion], max_tokens: int) -> list[str]:
    """What the engine, as it is, says to each question alone."""
    rendered = [engine.render([Message("user", question.prompt)]) for question in questions]
    fitting = [place for place, tokens in enumerate(rendered) if len(tokens) + max_tokens <= engine.context_tokens]
    answered = engine.answers([rendered[place] for place in fitting], [Sampling(max_tokens)] * len(fitting))
    said = dict(zip(fitting, (one.text.strip() for one in answered), strict=True))
    return [said.get(place, "") for place in range(len(questions))]
