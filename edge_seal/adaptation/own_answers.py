"""The base model's own answers to plain prompts, made when they are first needed and kept as a file in the cache.

A rule of style is taught with them: what the model says anyway, rewritten, so that the rule alone is new; or what it
says where the rule leaves it no other words. Those of the default model come with the program. A file that does not fit
the model is made anew; nothing but time is lost with it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_seal.adaptation.asking import asked_alone
from edge_seal.engines.engine import Engine, Sampling
from edge_seal.storage.durable_file import write_durably

log = logging.getLogger(__name__)

ANSWER_TOKENS = 40
SHIPPED = Path(__file__).parent / "base_answers"
"""Made by this module with the model of that hash; any machine's own would differ in a word at most."""


class OwnAnswer(BaseModel):
    """What the base says to a prompt; `closed`: it came to its end by itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: str
    closed: bool


class _Answers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    model_sha256: str
    tokens: int
    forbidden: str = ""
    answers: Mapping[str, OwnAnswer]


def own_answers(
    engine: Engine,
    cache: Path,
    prompts: Sequence[str],
    on_prompt: Callable[[int, int], None] = lambda _done, _total: None,
    *,
    forbidden: tuple[int, ...] = (),
) -> Mapping[str, OwnAnswer]:
    """The answers by prompt, without the tokens that are `forbidden`.

    The engine must serve the base where one has to be made; `on_prompt(done, total)` then.
    """
    without = hashlib.sha256(repr(forbidden).encode()).hexdigest()[:16] if forbidden else ""
    name = "-".join(filter(None, ("own-answers", engine.model_sha256[:16], without)))
    path = cache / f"{name}.json"
    shipped = _read(SHIPPED / f"{name}.json", engine.model_sha256, without)
    kept = {**shipped, **_read(path, engine.model_sha256, without)}
    missing = [prompt for prompt in dict.fromkeys(prompts) if prompt not in kept]
    samplings = [Sampling(ANSWER_TOKENS, forbidden=forbidden)] * len(missing)
    answered = asked_alone(engine, missing, samplings, lambda done: on_prompt(done, len(missing)))
    for prompt, said in zip(missing, answered, strict=True):
        kept[prompt] = OwnAnswer(answer=said.text.strip(), closed=said.ended)
    if missing:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        told = _Answers(model_sha256=engine.model_sha256, tokens=ANSWER_TOKENS, forbidden=without, answers=kept)
        write_durably(path, told.model_dump_json(indent=1).encode())
    return {prompt: kept[prompt] for prompt in prompts}


def _read(path: Path, model_sha256: str, without: str) -> Mapping[str, OwnAnswer]:
    try:
        kept = _Answers.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, ValidationError) as error:
        log.warning("the own answers in %s are made anew: %s", path, type(error).__name__)
        return {}
    fits = (kept.model_sha256, kept.tokens, kept.forbidden) == (model_sha256, ANSWER_TOKENS, without)
    return kept.answers if fits else {}
