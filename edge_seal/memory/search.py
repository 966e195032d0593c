"""Which memories fit a question: words and meaning, each ranked by itself, fused by their ranks.

Two questions are answered apart. `ranked` orders what comes nearest, whatever its distance: it is what a search shows.
`bears` decides whether a memory says anything about the question: it is what recall lets into the prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from edge_seal.engines.engine import FloatArray
from edge_seal.memory import word_index, words
from edge_seal.memory.vectors import Neighbour, VectorIndex
from edge_seal.storage.database import Database

Mode = Literal["hybrid", "keyword", "vector", "off"]

# Cormack, Clarke and Büttcher 2009, "Reciprocal rank fusion outperforms Condorcet and individual rank learning
# methods", SIGIR, section 2: score(d) = sum over rankings of 1 / (k + rank(d)), with k = 60.
FUSION_K: Final = 60
# How far down each ranking is read at least; vec0 takes 0.3 ms for each vector whose digest is then checked.
MINIMUM_DEPTH: Final = 20

# Figures for the next three: docs/memory.md.
# Without a vector, a memory bears on a question with at least this share of the question's content words ...
MINIMUM_COVERAGE: Final = 0.5
# ... and with this share, and two words, half the similarity is enough: numbers and names mean little to the embedder.
STRONG_COVERAGE: Final = 0.66
RELAXED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Hit:
    """A memory's number, its fused score, its cosine where known, and what of the question's words it has.

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


def fused(rankings: Iterable[Sequence[int]], k: int = FUSION_K) -> dict[int, float]:
    """Reciprocal rank fusion: each number in any of `rankings` (best first) to its score."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking, start=1):
            scores[number] = scores.get(number, 0.0) + 1.0 / (k + rank)
    return scores


def ranked(
    database: Database, index: VectorIndex | None, question: str, vector: FloatArray | None, depth: int, now: str
) -> tuple[Hit, ...]:
    """The memories that hold at `now` and are in one of the two rankings or in both, best first.

    The first `depth` by the words of `question`, unless it is empty, and by `vector`, where there is one.
    """
    asked = words.content_words(question)
    by_words = word_index.by_words(database, asked or words.words(question), depth, now)
    neighbours: dict[int, Neighbour] = {}
    by_meaning: tuple[int, ...] = ()
    if index is not None and vector is not None:
        nearest = index.nearest(vector, depth, now)
        by_meaning = tuple(neighbour.number for neighbour in nearest)
        neighbours = index.similarities(vector, by_words) | {item.number: item for item in nearest}
    scores = fused((by_words, by_meaning))
    matched = word_index.matched(database, asked, scores)
    hits = (
        Hit(
            number,
            score,
            neighbours[number].similarity if number in neighbours else None,
            matched.get(number, 0),
            len(asked),
        )
        for number, score in scores.items()
    )
    return tuple(sorted(hits, key=_best_first))


def with_answers(hits: Sequence[Hit], numbers: Sequence[int]) -> tuple[Hit, ...]:
    """`hits` with the memories that have the very attribute that is asked for, `numbers`, before all others."""
    known = {hit.number: hit for hit in hits}
    most = max((hit.score for hit in hits), default=1.0 / (FUSION_K + 1))
    first = (replace(known.get(number, Hit(number, 0.0, None, 0, 0)), score=most, answers=True) for number in numbers)
    return (*first, *(hit for hit in hits if hit.number not in set(numbers)))


def bears(hit: Hit, minimum_similarity: float) -> bool:
    """Whether the memory says anything about the question, judged by its cosine and by shared words."""
    if hit.answers:
        return True
    if hit.similarity is None:
        return hit.matched_words > 0 and hit.coverage >= MINIMUM_COVERAGE
    if hit.matched_words >= 2 and hit.coverage >= STRONG_COVERAGE:
        return hit.similarity >= minimum_similarity * RELAXED
    return hit.similarity >= minimum_similarity


def _best_first(hit: Hit) -> tuple[float, float, int]:
    # Equal ranks in both rankings are common with few memories; then the cosine says more than the order of arrival.
    return (-hit.score, -(hit.similarity if hit.similarity is not None else 0.0), hit.number)
