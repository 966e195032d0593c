"""Which file of one model is the fastest here, and how far its answers are from the file as it was shipped.

Speeds are medians over rounds in which each file has its turn, so that a busy moment hits all of them; divergence is
measured on the anchors. Nothing is chosen that is further from the original than the bound.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_seal.adaptation.anchors_in_engine import AnchorLogits, Divergence
from edge_seal.adaptation.general_answers import general_answers
from edge_seal.adaptation.general_prompts import REPLAYED
from edge_seal.engines.engine import Engine, Message, Sampling
from edge_seal.errors import EngineError

ROUNDS: Final = 3
PROMPT_TOKENS: Final = 256
ANSWER_TOKENS: Final = 48
TURN_PROMPT_TOKENS: Final = 256
TURN_ANSWER_TOKENS: Final = 64
MINIMUM_GAIN: Final = 1.05
"""How many times as fast a turn has to be for the change to be worth retraining what was learned."""


@dataclass(frozen=True, slots=True)
class TunedFile:
    """One file's figures. `name` is its type, or `original`."""

    name: str
    size: int
    prefill_tokens_s: float
    decode_tokens_s: float
    divergence: Divergence

    @property
    def turn_s(self) -> float:
        """Seconds of a turn with 256 new tokens in the prompt and 64 in the answer."""
        return TURN_PROMPT_TOKENS / self.prefill_tokens_s + TURN_ANSWER_TOKENS / self.decode_tokens_s


ORIGINAL: Final = "original"


def measure(
    files: Mapping[str, Path],
    open_engine: Callable[[Path], Engine],
    cache: Path,
    on_turn: Callable[[int, int, str], None] = lambda _done, _total, _name: None,
) -> tuple[TunedFile, ...]:
    """The figures of `files` by name; the one named `ORIGINAL` is the reference.

    One model is in memory at a time. `on_turn(done, total, name)` is called after each turn of a file.
    """
    with closing(open_engine(files[ORIGINAL])) as engine:
        _, anchors = general_answers(engine, cache)
        reference = AnchorLogits(engine, anchors)
    names = list(files)
    prefill: dict[str, list[float]] = {name: [] for name in names}
    decode: dict[str, list[float]] = {name: [] for name in names}
    divergence: dict[str, Divergence] = {}
    done = 0
    for number in range(ROUNDS):
        turn = number % len(names)
        for name in (*names[turn:], *names[:turn]):
            with closing(open_engine(files[name])) as engine:
                if name not in divergence:
                    divergence[name] = reference.divergence(engine)
                prefill[name].append(_prefill_tokens_s(engine))
                decode[name].append(_decode_tokens_s(engine))
            done += 1
            on_turn(done, ROUNDS * len(names), name)
    return tuple(
        TunedFile(
            name=name,
            size=files[name].stat().st_size,
            prefill_tokens_s=statistics.median(prefill[name]),
            decode_tokens_s=statistics.median(decode[name]),
            divergence=divergence[name],
        )
        for name in names
    )


def fastest(measured: Sequence[TunedFile], bound_nats: float) -> TunedFile:
    """The file with the shortest turn within the bound; the original, unless another is clearly faster."""
    original = next(one for one in measured if one.name == ORIGINAL)
    within = [one for one in measured if one is not original and one.divergence.nats <= bound_nats]
    best = min(within, key=lambda one: one.turn_s, default=original)
    return best if best.turn_s * MINIMUM_GAIN <= original.turn_s else original


def _prefill_tokens_s(engine: Engine) -> float:
    words = " ".join(REPLAYED) * 8
    tokens = engine.tokenize(words)[: min(PROMPT_TOKENS, engine.context_tokens - 1)]
    engine.logits(tokens[:32], [31])  # pages of a mapped file come in with the first use
    began = time.perf_counter()
    engine.logits(tokens, [len(tokens) - 1])
    return len(tokens) / (time.perf_counter() - began)


def _decode_tokens_s(engine: Engine) -> float:
    """Over several prompts until enough tokens are drawn: an answer may end early."""
    tokens, seconds = 0, 0.0
    for prompt in REPLAYED:
        if tokens >= ANSWER_TOKENS:
            break
        for _ in engine.generate(engine.render([Message("user", prompt)]), Sampling(ANSWER_TOKENS)):
            pass
        timing = engine.last_timing()
        if timing is not None and timing.answer_tokens > 1:
            tokens += timing.answer_tokens - 1
            seconds += timing.total_s - timing.first_token_s
    if not tokens:
        raise EngineError("the model ends every answer at once, so its speed cannot be measured")
    return tokens / seconds
