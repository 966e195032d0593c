"""The base model's own answers to the general prompts: made once per model, kept as a file in the cache.

They are what training rehearses and what the gate's anchors are measured on. Those of the default model come with the
program, so that the first update does not wait for them. A file that does not fit the model or the prompts is made
anew; nothing but time is lost with it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_seal.adaptation.asking import asked_alone
from edge_seal.adaptation.general_prompts import ANCHORS, REPLAYED
from edge_seal.engines.engine import Engine, Sampling
from edge_seal.records import Example, Origin, Role
from edge_seal.storage.durable_file import write_durably

log = logging.getLogger(__name__)

ANSWER_TOKENS = 8
ANCHOR_TOKENS = 8
"""Answers are many and short: what an update moves, it moves in the first words."""


SHIPPED = Path(__file__).parent / "base_answers"
"""Made by this module with the model of that hash; any machine's own would differ in a word at most."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: str
    answer: str
    closed: bool


class _Answers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model_sha256: str
    tokens: int
    anchor_tokens: int
    answers: tuple[_Answer, ...]


def general_answers(
    engine: Engine, cache: Path, on_prompt: Callable[[int, int], None] = lambda _done, _total: None
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Examples to rehearse and anchors, in the order of the prompts.

    The engine must serve the base when they have to be made; `on_prompt(done, total)` is called for each that is.
    """
    name = f"general-answers-{engine.model_sha256[:16]}.json"
    path = cache / name
    kept = _read(path, engine.model_sha256) or _read(SHIPPED / name, engine.model_sha256)
    if kept is None:
        prompts = (*REPLAYED, *ANCHORS)
        samplings = [Sampling(ANSWER_TOKENS if prompt in REPLAYED else ANCHOR_TOKENS) for prompt in prompts]
        answered = asked_alone(engine, prompts, samplings, lambda done: on_prompt(done, len(prompts)))
        # An answer that used all its tokens was cut: training must not close it.
        made = [
            _Answer(prompt=prompt, answer=said.text, closed=said.ended)
            for prompt, said in zip(prompts, answered, strict=True)
        ]
        kept = _Answers(
            model_sha256=engine.model_sha256, tokens=ANSWER_TOKENS, anchor_tokens=ANCHOR_TOKENS, answers=tuple(made)
        )
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, kept.model_dump_json(indent=1).encode())
    examples = tuple(_example(answer) for answer in kept.answers)
    return examples[: len(REPLAYED)], examples[len(REPLAYED) :]


def _example(kept: _Answer) -> Example:
    role = Role.ANCHOR if kept.prompt in ANCHORS else Role.GENERAL
    return Example(kept.prompt, kept.answer, role, Origin.MODEL, None, "base-answer", closed=kept.closed)


def _read(path: Path, model_sha256: str) -> _Answers | None:
    try:
        kept = _Answers.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ValidationError) as error:
        log.warning("the general answers in %s are made anew: %s", path, type(error).__name__)
        return None
    fits = (kept.model_sha256, kept.tokens, kept.anchor_tokens) == (model_sha256, ANSWER_TOKENS, ANCHOR_TOKENS)
    return kept if fits and tuple(answer.prompt for answer in kept.answers) == (*REPLAYED, *ANCHORS) else None
