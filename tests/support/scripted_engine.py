"""An engine that says what it is told to, piece by piece: for what a model could say, and seldom does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from edge_seal.engines.engine import FloatArray, Message, Piece, Sampling
from edge_seal.records import Timing


class ScriptedEngine:
    """Answers every prompt with the next of `answers`, cut into pieces of `cut` characters.

    Args:
        pause_s: between two pieces, as a model needs it.
    """

    model_sha256 = "0" * 64
    context_tokens = 2048
    vocabulary = 256
    end_tokens = frozenset({0})

    def __init__(self, answers: Sequence[str], cut: int = 3, pause_s: float = 0.0) -> None:
        self._answers = list(answers)
        self._cut = cut
        self._pause_s = pause_s
        self._timing: Timing | None = None

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> tuple[int, ...]:
        return self.tokenize("".join(message.content for message in messages))[-64:]

    def tokenize(self, text: str) -> tuple[int, ...]:
        return tuple(text.encode("utf-8", "replace"))

    def detokenize(self, tokens: Sequence[int]) -> str:
        return bytes(tokens).decode("utf-8", "replace")

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, reuse_prefix: bool = False) -> Iterator[Piece]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        self._timing = Timing(len(prompt), 0, max(len(answer) // self._cut, 1), 0.01, 0.02)
        for at in range(0, len(answer), self._cut):
            if self._pause_s:
                time.sleep(self._pause_s)
            yield Piece(answer[at : at + self._cut], 1)

    def last_timing(self) -> Timing | None:
        return self._timing

    def log_probabilities(self, prompt: Sequence[int], continuation: Sequence[int]) -> FloatArray:
        return np.zeros(len(continuation), dtype=np.float32)

    def logits(self, tokens: Sequence[int], positions: Sequence[int]) -> FloatArray:
        return np.zeros((len(positions), self.vocabulary), dtype=np.float32)

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """Has none."""

    def close(self) -> None:
        """Holds nothing."""
