"""A cheap rank before training: what is said twice or known already is not trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_kernels.arrays import FloatArray
from edge_seal.adaptation.example_network import Measurement
from edge_seal.records import Example, Role

KNOWN_SHARE = 0.75
"""A lesson is known when at least this share of its wordings is already said word for word."""


@dataclass(frozen=True, slots=True)
class Scored:
    """`kept` in their order; `known_signals` teach nothing new; `duplicates` is how many examples were dropped."""

    kept: tuple[Example, ...]
    known_signals: tuple[str, ...]
    duplicates: int


def without_duplicates(examples: Iterable[Example]) -> tuple[Example, ...]:
    """The first of each prompt. Lessons win over rewordings, rewordings over contrasts, those over the rest."""
    order = {Role.LESSON: 0, Role.REWORDING: 1, Role.CONTRAST: 2, Role.REPLAY: 3, Role.GENERAL: 4}
    first: dict[str, Example] = {}
    for example in sorted(examples, key=lambda example: order[example.role]):
        first.setdefault(" ".join(example.prompt.casefold().split()).rstrip("?!. "), example)
    return tuple(first.values())


def score(examples: Sequence[Example], proposed: int, measured: Measurement) -> Scored:
    """Drops the lessons that the present model already knows, with everything derived from them.

    Args:
        examples: without duplicates.
        proposed: how many there were before duplicates were dropped.
        measured: `examples` under the present model, in the same order.
    """
    said: dict[str, list[bool]] = {}
    for example, hit in zip(examples, measured.hits, strict=True):
        if example.role in {Role.LESSON, Role.REWORDING} and example.signal_id is not None:
            said.setdefault(example.signal_id, []).append(bool(hit))
    known = tuple(signal for signal, hits in said.items() if sum(hits) >= KNOWN_SHARE * len(hits))
    kept = tuple(example for example in examples if example.signal_id is None or example.signal_id not in known)
    return Scored(kept, known, proposed - len(examples))


def weights(examples: Sequence[Example]) -> FloatArray:
    """(number of examples,) rewards, as training takes them."""
    import numpy as np  # the only use, and the module is otherwise plain

    return np.asarray([example.weight for example in examples], dtype=np.float64)
