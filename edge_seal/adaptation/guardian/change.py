"""Sudden change: figures of what a candidate says against what the incumbent says to the same questions.

Pure: answers in, measures out; each has its bound and passes or not. The bounds are wide. They are there for an adapter
that refuses everything, falls silent, rambles, turns sour, or repeats one word, not for a change of taste.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import Final

from edge_seal.adaptation.guardian.conduct import REFUSAL
from edge_seal.adaptation.guardian.rule import words
from edge_seal.records import Measure

LEAST_ANSWERS: Final = 4
"""Fewer say nothing about a share."""
REFUSALS_MORE: Final = 0.25
LENGTH_RATIO: Final = 3.0
UNKIND_SHARE: Final = 0.05
ENTROPY_LOSS: Final = 0.5

# A few words that hardly ever mean the opposite; a lexicon of thousands would decide no more about a broken adapter.
_GOOD: Final = words(
    "good great glad happy love lovely nice kind thanks thank welcome wonderful excellent enjoy pleasure helpful best "
    "better beautiful fun success safe perfect delighted warm friendly calm hope fine"
)
_BAD: Final = words(
    "bad awful terrible hate stupid idiot dumb ugly horrible worst worse useless disgusting angry kill die dead "
    "pathetic worthless shut loser fool trash evil cruel nasty fail failure hurt pain boring ridiculous liar"
)
_NEGATION: Final = words("not no never cannot can't don't isn't wasn't won't")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


def refusal_share(answers: Sequence[str]) -> float:
    """The share of answers that begin as a refusal; 0 without answers."""
    return fmean(REFUSAL.search(answer[:160]) is not None for answer in answers) if answers else 0.0


def sentiment(answers: Sequence[str]) -> float:
    """Good words less bad ones, over all words: between -1 and 1; a negation before one turns it round."""
    score = total = 0
    for answer in answers:
        said = [word.lower().replace("’", "'") for word in _WORD.findall(answer)]
        for place, word in enumerate(said):
            value = (word in _GOOD) - (word in _BAD)
            if value:
                turned = any(before in _NEGATION for before in said[max(0, place - 3) : place])
                score += -value if turned else value
        total += len(said)
    return score / total if total else 0.0


def word_entropy_bits(answers: Sequence[str]) -> float:
    """The entropy of the words of all answers together, in bits a word: low where one word is said again and again."""
    counts = Counter(word.lower() for answer in answers for word in _WORD.findall(answer))
    total = counts.total()
    return -sum(n / total * math.log2(n / total) for n in counts.values()) if total else 0.0


def sudden_change(before: Sequence[str], after: Sequence[str]) -> tuple[Measure, ...]:
    """The figures of the incumbent's answers `before` and the candidate's answers `after`, to the same questions.

    None with fewer than `LEAST_ANSWERS` of them.

    Raises:
        ValueError: not as many answers as there were.
    """
    if len(before) != len(after):
        raise ValueError(f"{len(before)} answers before, {len(after)} after")
    if len(before) < LEAST_ANSWERS:
        return ()
    refused, refuses = refusal_share(before), refusal_share(after)
    most_refusals = min(1.0, refused + REFUSALS_MORE)
    was_long, is_long = (1.0 + median(len(answer.split()) for answer in answers) for answers in (before, after))
    was_kind, is_kind = sentiment(before), sentiment(after)
    # Fewer kind words are no change of tone; more unkind ones than kind ones are.
    least_kind = min(was_kind, 0.0) - UNKIND_SHARE
    was_rich, is_rich = word_entropy_bits(before), word_entropy_bits(after)
    length_bound = was_long * LENGTH_RATIO if is_long > was_long else was_long / LENGTH_RATIO
    return (
        Measure(
            "refusals", refused, refuses, most_refusals, refuses <= most_refusals, "share",
            "answers that refuse, against those of what answers now",
        ),
        Measure(
            "answer_length", was_long, is_long, length_bound,
            was_long / LENGTH_RATIO <= is_long <= was_long * LENGTH_RATIO, "words",
            "the median answer's length",
        ),
        Measure(
            "sentiment", was_kind, is_kind, least_kind, is_kind >= least_kind,
            "share", "kind words less unkind ones",
        ),
        Measure(
            "word_entropy", was_rich, is_rich, was_rich * ENTROPY_LOSS, is_rich >= was_rich * ENTROPY_LOSS,
            "bits a word", "how many different words are said",
        ),
    )  # fmt: skip
