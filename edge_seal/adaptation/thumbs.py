"""Thumbs as evidence: which of them may teach, and what they say of an answer (KTO, arXiv:2402.01306).

Invariants: pure; a turn counts once, by its last thumb; what was corrected too is learned from the correction, which
says more; words that are gone from their turn teach nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from edge_seal.adaptation.self_edit import beginning
from edge_seal.records import Example, Origin, Role, Signal, SignalKind, SignalState

THUMBS = frozenset({SignalKind.GOOD, SignalKind.BAD})
JUDGED_CHARACTERS = 320
"""Of a longer answer its beginning is judged: a sum over hundreds of tokens says little of any of them."""


def waiting(signals: Sequence[Signal], said: Mapping[str, str], held: Collection[str] = ()) -> list[Signal]:
    """The thumbs that may teach, oldest first.

    Args:
        signals: all of them, oldest first.
        said: by signal, the answer that stands in its turn; absent where the turn, or its words, are gone.
        held: signals that are in an update which waits.
    """
    corrected = {signal.turn_id for signal in signals if signal.kind is SignalKind.CORRECTION}
    last = {
        signal.turn_id: signal
        for signal in signals
        if signal.kind in THUMBS
        and signal.state is SignalState.PENDING
        and signal.id not in held
        and signal.id in said
        and signal.turn_id not in corrected
    }
    return sorted(last.values(), key=lambda signal: int(signal.id[1:]))


def are_enough(thumbs: Sequence[Signal], least: int) -> bool:
    """Whether an update can be made of them: `least` of them, and of both kinds, or all would be pushed one way."""
    return len(thumbs) >= least and {signal.kind for signal in thumbs} >= THUMBS


def examples(thumbs: Sequence[Signal]) -> tuple[Example, ...]:
    """What each thumb points at, never closed: an answer may have been cut, and its end was not what was judged.

    Both kinds weigh the same in sum: the paper keeps the ratio of desirable to undesirable near one.
    """
    counts = {kind: sum(signal.kind is kind for signal in thumbs) for kind in THUMBS}
    return tuple(
        Example(
            signal.prompt,
            beginning(signal.answer, JUDGED_CHARACTERS),
            Role.LIKED if signal.kind is SignalKind.GOOD else Role.DISLIKED,
            Origin.MODEL,
            signal.id,
            "thumb",
            weight=len(thumbs) / (2 * counts[signal.kind]),
            closed=False,
        )
        for signal in thumbs
    )


def mismatched(judged: Sequence[Example], most: int = 8) -> tuple[Example, ...]:
    """The answers of some of `judged`, each after another's prompt: KTO's reference point is estimated from them."""
    return tuple(
        replace(one, prompt=other.prompt)
        for one, other in zip(judged, (*judged[1:], *judged[:1]), strict=True)
        if one.prompt != other.prompt
    )[:most]
