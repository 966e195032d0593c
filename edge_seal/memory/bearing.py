"""Whether what was found bears on the question: what recall lets into the prompt, and what it leaves out.

Search ranks what comes nearest, whatever its distance; here it is judged. Two things tell more than the cosine alone: a
question about the asker ("Where is my flat?") is seldom meant in general, and one about the world ("Who invented the
croissant?") seldom means a memory, however near one lies. Figures, and where each number comes from: docs/memory.md and
`bench.bearing`.

Invariant: pure; English only where it is about the asker. In another language every question counts as one about the
world, which has to be nearer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from edge_seal.memory.search import Hit

# `memory.minimum_similarity` is for questions about the asker; any other needs this much more.
ABOUT_THE_WORLD: Final = 0.15
# What is much farther than the nearest only stands beside it.
OF_THE_NEAREST: Final = 0.7
# With this share of the question's content words, and two words, half the similarity is enough and the nearest does not
# count: numbers and names mean little to the embedder.
STRONG_COVERAGE: Final = 0.66
RELAXED: Final = 0.5
# Without a vector, this share of the question's content words is needed, about the asker and about the world.
COVERAGE: Final = 0.3
WORLD_COVERAGE: Final = 0.66

_ASKER: Final = re.compile(r"\b(?:i|my|mine|me|myself|we|our|ours|us)\b", re.IGNORECASE)
# Said to get something done and not about oneself: "give me a synonym", "how do I centre a div".
_MANNER: Final = re.compile(
    r"\b(?:give|tell|show|write|make|explain|help|teach|name|list|find|send|order|draw|read|let|remind|excuse|translate|get"
    r"|suggest|recommend|describe|convert)\s+(?:me|us)\b|\bto me\b|\bhow (?:do|can|could|should|would) (?:i|we)\b",
    re.IGNORECASE,
)


def about_asker(question: str) -> bool:
    """Whether `question` is about who asks it: it says "my", "I" or the like, and not only as a manner of asking."""
    return _ASKER.search(_MANNER.sub(" ", question)) is not None


def bearing(question: str, hits: Sequence[Hit], minimum_similarity: float) -> tuple[Hit, ...]:
    """Those of `hits` that say anything about `question`, judged by cosine and by shared words; in their order.

    `minimum_similarity` is for a question about the asker.
    """
    personal = about_asker(question)
    least = minimum_similarity if personal else minimum_similarity + ABOUT_THE_WORLD
    nearest = max((hit.similarity for hit in hits if hit.similarity is not None), default=0.0)
    coverage = COVERAGE if personal else WORLD_COVERAGE
    return tuple(hit for hit in hits if _bears(hit, least, OF_THE_NEAREST * nearest, coverage))


def _bears(hit: Hit, least: float, beside: float, coverage: float) -> bool:
    if hit.answers:
        return True
    if hit.similarity is None:
        return hit.matched_words > 0 and hit.coverage >= coverage
    if hit.matched_words >= 2 and hit.coverage >= STRONG_COVERAGE:
        return hit.similarity >= least * RELAXED
    return hit.similarity >= max(least, beside)
