"""Which rows fit a question: words and meaning, each ranked by itself, fused by their ranks, then by small signals.

`ranked` orders what comes nearest, whatever its distance: it is what a search shows. Whether a memory says anything
about the question, and so is let into the prompt, is judged apart: see `bearing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from edge_seal.engines.engine import FloatArray
from edge_seal.memory import word_index, words
from edge_seal.memory.kinds import MEMORY, Kind
from edge_seal.memory.vectors import Neighbour, VectorIndex
from edge_seal.memory.word_index import Found
from edge_seal.storage.database import Database

Mode = Literal["hybrid", "keyword", "vector", "off"]

# Cormack, Clarke and Büttcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
# methods", SIGIR, section 2: score(d) = sum over rankings of 1 / (k + rank(d)). Their k is 60 and their weights are
# equal; these two were chosen on one half of the SQuAD passages (docs/log.md).
FUSION_K: Final = 10
WORDS_WEIGHT: Final = 0.6
# How far down each ranking is read at least.
MINIMUM_DEPTH: Final = 20

# Signals decide between near equals: from the first rank to the second a score falls by 8%, from 20 to 21 by 3%.
# What became true today counts this much more than what has long been true; half of it is left after `HALF_LIFE_DAYS`.
RECENCY: Final = 0.02
HALF_LIFE_DAYS: Final = 90.0
# What was not typed counts this much less, and so does what is not true yet.
NOT_TYPED: Final = 0.01
NOT_YET: Final = 0.02


@dataclass(frozen=True, slots=True)
class Hit:
    """A row's number, its fused score, its cosine where known, and what of the question's words it has.

    `answers`: rules say that it has the attribute that is asked for.
    """

    number: int
    score: float
    similarity: float | None
    matched_words: int
    asked_words: int
    answers: bool = False

    @property
    def coverage(self) -> float:
        return self.matched_words / self.asked_words if self.asked_words else 0.0


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: the words of `text`, unless it is empty, and what is near the vector, if there is one.

    `vector` is called only after the words have been ranked: it may be made meanwhile. Each ranking is read `depth`
    down; memories have to hold at `now`, unless those that `ended` are wanted too.
    """

    text: str
    vector: Callable[[], FloatArray | None] | None
    depth: int
    now: str
    ended: bool = False

    @property
    def since(self) -> str:
        """What a memory's end has to be later than."""
        return "" if self.ended else self.now


def fused(rankings: Iterable[tuple[Sequence[int], float]], k: int = FUSION_K) -> dict[int, float]:
    """Reciprocal rank fusion: each number in any of `rankings` (best first, each with its weight) to its score."""
    scores: dict[int, float] = {}
    for ranking, weight in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + weight / (k + rank)
    return scores


def ranked(database: Database, index: VectorIndex | None, query: Query, kind: Kind = MEMORY) -> tuple[Hit, ...]:
    """The usable rows that are in one of the two rankings or in both, best first."""
    asked = words.content_words(query.text)
    by_words = word_index.by_words(database, asked or words.words(query.text), query.depth, query.since, kind)
    # All that needs no vector is done before the question's is asked for: it may be made meanwhile.
    found = word_index.found(database, asked, by_words, kind)
    neighbours: dict[int, Neighbour] = {}
    by_meaning: tuple[int, ...] = ()
    if index is not None and query.vector is not None:
        beside = index.stored(by_words)
        vector = query.vector()
        if vector is not None:
            nearest = index.nearest(vector, query.depth, query.since)
            by_meaning = tuple(neighbour.number for neighbour in nearest)
            neighbours = {item.number: item for item in (*index.similarities(vector, beside), *nearest)}
            found |= word_index.found(database, asked, [number for number in by_meaning if number not in found], kind)
    scores = fused(((by_words, WORDS_WEIGHT), (by_meaning, 1.0)))
    hits = (
        Hit(
            number,
            score * signal(found[number], query.now),
            neighbours[number].similarity if number in neighbours else None,
            found[number].matched,
            len(asked),
        )
        for number, score in scores.items()
        if number in found
    )
    return tuple(sorted(hits, key=_best_first))


def with_answers(hits: Sequence[Hit], numbers: Sequence[int]) -> tuple[Hit, ...]:
    """`hits` with the memories that have the very attribute that is asked for, `numbers`, before all others."""
    known = {hit.number: hit for hit in hits}
    most = max((hit.score for hit in hits), default=1.0 / (FUSION_K + 1))
    first = (replace(known.get(number, Hit(number, 0.0, None, 0, 0)), score=most, answers=True) for number in numbers)
    return (*first, *(hit for hit in hits if hit.number not in set(numbers)))


def signal(found: Found, now: str) -> float:
    """What the fused score is multiplied by: recency, whether it is true yet, and where it came from."""
    try:
        age = (datetime.fromisoformat(now) - datetime.fromisoformat(found.since)).total_seconds() / 86400
    except (ValueError, TypeError):
        # A damaged row is reported where it is read.
        return 1.0
    factor = 1.0 + RECENCY * 0.5 ** (max(age, 0.0) / HALF_LIFE_DAYS)
    if age < 0:
        factor -= NOT_YET + RECENCY
    return factor if found.origin == "typed" else factor - NOT_TYPED


def _best_first(hit: Hit) -> tuple[float, float, int]:
    # Equal ranks in both rankings are common with few memories; then the cosine says more than the order of arrival.
    return (-hit.score, -(hit.similarity if hit.similarity is not None else 0.0), hit.number)


# Near duplicates ------------------------------------------------------------------------------------------

# Of two memories that are this near and of which one has no word of its own, the newer is kept. Figures: docs/log.md.
SAME: Final = 0.90
# Different ways to say what something is called.
_NAMING: Final = frozenset({"name", "call"})


def merged(
    database: Database, hits: Sequence[Hit], texts: Mapping[int, Found], vectors: Mapping[int, FloatArray]
) -> tuple[Hit, ...]:
    """`hits` without near duplicates: the newest of those that say the same stands in the first one's place."""
    kept: list[Hit] = []
    terms = {hit.number: _said(database, texts[hit.number].text) for hit in hits}
    for hit in hits:
        place = next((i for i, other in enumerate(kept) if _same(hit.number, other.number, terms, vectors)), None)
        if place is None:
            kept.append(hit)
        elif _age(texts, hit) > _age(texts, kept[place]):
            kept[place] = hit
    return tuple(kept)


def _said(database: Database, text: str) -> frozenset[str]:
    return frozenset(database.terms(" ".join(words.content_words(text)))) - _NAMING


def _same(one: int, other: int, terms: Mapping[int, frozenset[str]], vectors: Mapping[int, FloatArray]) -> bool:
    if not (terms[one] <= terms[other] or terms[other] <= terms[one]):
        return False
    if one in vectors and other in vectors:
        return float(vectors[one] @ vectors[other]) >= SAME
    return terms[one] == terms[other] != frozenset()


def _age(texts: Mapping[int, Found], hit: Hit) -> tuple[str, int]:
    return texts[hit.number].since, hit.number
