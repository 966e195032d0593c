"""Prompts put to an engine each by itself, with no conversation around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge_seal.engines.engine import Answered, Engine, Message, Sampling


def asked_alone(
    engine: Engine,
    prompts: Sequence[str],
    samplings: Sequence[Sampling],
    on_answer: Callable[[int], None] = lambda _done: None,
) -> list[Answered]:
    """What the engine, as it is, says to each of `prompts`; see `Engine.answers`."""
    return engine.answers([engine.render([Message("user", prompt)]) for prompt in prompts], samplings, on_answer)
