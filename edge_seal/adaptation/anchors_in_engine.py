"""The anchors' answers as an engine computes them: how far another file, or an adapter, moves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_seal.adaptation.example_network import encode
from edge_seal.adaptation.gate import divergence_nats
from edge_seal.engines.engine import Engine, FloatArray
from edge_seal.records import Example


@dataclass(frozen=True, slots=True)
class Divergence:
    """Of another computation from the reference: mean nats a token, and how often the likeliest token is the same."""

    nats: float
    top_1_agreement: float


class AnchorLogits:
    """The reference's logits at every position of the anchors' answers."""

    def __init__(self, engine: Engine, anchors: Sequence[Example]) -> None:
        """Computes them with `engine` as it serves now."""
        self._asked: list[tuple[tuple[int, ...], range]] = []
        for anchor in anchors:
            sequence = encode(anchor, engine)
            positions = range(sequence.supervised_from - 1, len(sequence.tokens) - 1)
            self._asked.append((tuple(sequence.tokens), positions))
        self._logits: list[FloatArray] = [engine.logits(tokens, positions) for tokens, positions in self._asked]

    def divergence(self, engine: Engine) -> Divergence:
        """Of `engine`, which has the same vocabulary, as it serves now."""
        nats, same, count = 0.0, 0, 0
        for (tokens, positions), reference in zip(self._asked, self._logits, strict=True):
            found = engine.logits(tokens, positions)
            nats += divergence_nats(reference, found) * len(positions)
            same += int((found.argmax(axis=1) == reference.argmax(axis=1)).sum())
            count += len(positions)
        return Divergence(float(nats / count), float(np.float64(same) / count))
