"""A cheap rank before training: what is said twice or known already is not trained, what was confirmed weighs more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from edge_seal.records import Example, Origin, Role, Signal, SignalKind

KNOWN_SHARE = 0.75
"""A lesson is known when at least this share of its wordings is already said word for word."""
SCORED_WORDINGS = 6
"""So many wordings of a lesson tell whether it is known; asking them all would cost more than it tells."""
SCORED_ROLES = frozenset({Role.LESSON, Role.REWORDING})
A_CONFIRMATION, MOST_CONFIRMED = 0.5, 2.0
"""What each time that a user said the same again adds to the weight of a lesson, and the most that it can weigh."""


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
        first.setdefault(_plain(example.prompt), example)
    return tuple(first.values())


def asked(examples: Sequence[Example]) -> list[int]:
    """The places of the wordings by which `score` is to judge: the lesson's own, and a few others, spread evenly."""
    of: dict[str | None, list[int]] = {}
    for place, example in enumerate(examples):
        if example.role in SCORED_ROLES:
            of.setdefault(example.signal_id, []).append(place)
    return sorted(place for places in of.values() for place in places[:: -(-len(places) // SCORED_WORDINGS)])


def score(examples: Sequence[Example], proposed: int, said_already: Mapping[int, bool]) -> Scored:
    """Drops the lessons that the present model already knows, with everything derived from them.

    Args:
        examples: without duplicates.
        proposed: how many there were before duplicates were dropped.
        said_already: for each example of `asked`, by its place, whether the present model says it word for word.
    """
    said: dict[str, list[bool]] = {}
    for place, hit in said_already.items():
        signal_id = examples[place].signal_id
        if signal_id is not None:
            said.setdefault(signal_id, []).append(hit)
    known = tuple(signal for signal, hits in said.items() if sum(hits) >= KNOWN_SHARE * len(hits))
    kept = tuple(example for example in examples if example.signal_id is None or example.signal_id not in known)
    return Scored(kept, known, proposed - len(examples))


def confirmed(examples: Sequence[Example], signals: Sequence[Signal]) -> tuple[Example, ...]:
    """`examples`, where a lesson weighs more that the user gave more than once: typed again, or liked when it was said.

    What comes from elsewhere confirms nothing: a page may say the same a hundred times.

    Args:
        examples: lessons with what was derived from them, and others, which stay as they are.
        signals: all there are, of any state.
    """
    said = Counter(_said(signal) for signal in signals if _is_the_users(signal))
    weight = {
        signal.id: min(MOST_CONFIRMED, 1.0 + A_CONFIRMATION * (said[_said(signal)] - 1))
        for signal in signals
        if said[_said(signal)] > 1 and signal.kind is not SignalKind.BAD
    }
    return tuple(
        replace(example, weight=example.weight * weight.get(example.signal_id or "", 1.0))
        if example.role in SCORED_ROLES
        else example
        for example in examples
    )


def _is_the_users(signal: Signal) -> bool:
    return signal.kind is SignalKind.GOOD or (
        signal.kind in {SignalKind.TAUGHT, SignalKind.CORRECTION} and signal.origins == frozenset({Origin.TYPED})
    )


def _said(signal: Signal) -> tuple[str, str]:
    return _plain(signal.prompt), _plain(signal.answer)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip("?!. ")
