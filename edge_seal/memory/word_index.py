"""The word index (FTS5): which rows have which words, by its own stemming, and that nothing forgotten stays in it.

Triggers keep the index in step with the rows, in the same transaction. Texts go in as they are; what comes from a
question goes in as quoted words only, see `words`.

FTS5's own bm25 reads every row of every word: 0.6 s where a million rows share one. Here a word's list is read up to
`LISTED` rows, the newest; the rows with the rarest words are then ranked by BM25 over their own texts.
"""

# ruff: noqa: S608 - the names that are put into statements are our own

from __future__ import annotations

import itertools
import json
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from edge_seal.errors import IntegrityError
from edge_seal.memory import words
from edge_seal.memory.kinds import MEMORY, Kind
from edge_seal.storage.database import Database

# A word in more rows than this is common. Reading this many takes 0.4 ms; figures in docs/log.md.
LISTED: Final = 2000
# How many of the rows with the rarest words are ranked by their texts.
RANKED: Final = 128
# Of the words that are common, this many are looked for together.
_TOGETHER: Final = 4

# Robertson and Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond", section 3.4, the usual values.
_K1: Final = 1.2
_B: Final = 0.75

# A shorter beginning of a word says nothing: it is one of many thousands.
_TELLING_BYTES: Final = 3

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Posting:
    """Rows that have a word, the newest first, and what having it is worth. `whole`: there are no others."""

    numbers: Numbers
    worth: float
    whole: bool


def by_words(database: Database, sought: Sequence[str], depth: int, now: str, kind: Kind = MEMORY) -> tuple[int, ...]:
    """Numbers of the first `depth` usable rows that have any of the words, by BM25, best first; then the newest."""
    if not sought:
        return ()
    newest = _newest(database, kind)
    postings = {word: _posting(database, kind, word, newest) for word in sought}
    lists = [posting for posting in postings.values() if len(posting.numbers)]
    lists += _together(database, kind, {word: posting for word, posting in postings.items() if not posting.whole})
    candidates = _most_promising(lists)
    texts = _usable_texts(database, kind, candidates, max(RANKED, 3 * depth), now)
    each = zip(sought, database.terms_of(sought), strict=True)
    worth = {term: postings[word].worth for word, terms in each for term in terms}
    scores = _bm25(database, texts, worth)
    return tuple(sorted(scores, key=lambda number: (-scores[number], -number))[:depth])


@dataclass(frozen=True, slots=True)
class Found:
    """What a row says, where it came from, since when it is so, and how many of the asked words it has."""

    text: str
    origin: str
    since: str
    matched: int


def found(database: Database, asked: Sequence[str], numbers: Iterable[int], kind: Kind = MEMORY) -> dict[int, Found]:
    """The rows with these numbers, as far as they exist, each with how many of the words it has."""
    sought = [frozenset(terms) for terms in database.terms_of(asked) if terms]
    rows = database.rows(
        f"SELECT id, {kind.text}, origin, {kind.since} FROM {kind.table} WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(numbers)),),
    )
    found_rows = cast("list[tuple[int, str, str, str]]", rows)
    # Nobody asks: then no text is taken apart.
    every = database.terms_of(row[1] for row in found_rows) if sought else [()] * len(found_rows)
    read: dict[int, Found] = {}
    for (number, text, origin, since), terms in zip(found_rows, map(frozenset, every), strict=True):
        read[number] = Found(text, origin, since, sum(1 for of_word in sought if of_word <= terms))
    return read


# Lists of rows ---------------------------------------------------------------------------------------------


def _newest(database: Database, kind: Kind) -> int:
    row = database.row(f"SELECT max(id) FROM {kind.table}")
    return cast("int", row[0] or 0) if row is not None else 0


def _listed(database: Database, kind: Kind, query: str) -> Numbers:
    found = database.rows(
        f"SELECT rowid FROM {kind.words} WHERE {kind.words} MATCH ? ORDER BY rowid DESC LIMIT ?",
        (f"{kind.text} : ({query})", LISTED),
    )
    return np.array([row[0] for row in found], dtype=np.int64)


def _posting(database: Database, kind: Kind, word: str, newest: int) -> _Posting:
    numbers = _listed(database, kind, words.any_of((word,)))
    whole = len(numbers) < LISTED
    # How dense the newest rows with it are says how many there will be in all.
    rows = float(len(numbers)) if whole else newest * LISTED / (newest - float(numbers[-1]) + 1)
    # Robertson and Zaragoza 2009, equation 3.3, with one added so that a word that all have counts for a little.
    return _Posting(numbers, math.log1p((max(newest - rows, 0.0) + 0.5) / (rows + 0.5)), whole)


def _together(database: Database, kind: Kind, common: Mapping[str, _Posting]) -> list[_Posting]:
    """Lists for common words together: what has several of them need not be among the newest that have one."""
    rarest = sorted(common, key=lambda word: -common[word].worth)[:_TOGETHER]
    lists: list[_Posting] = []
    for size in range(len(rarest), 1, -1):
        for chosen in itertools.combinations(rarest, size):
            numbers = _listed(database, kind, words.all_of(chosen))
            if len(numbers):
                # No more than what the single lists leave out of these rows.
                lists.append(_Posting(numbers, sum(common[word].worth for word in chosen), whole=False))
        if sum(len(posting.numbers) for posting in lists) >= RANKED:
            break
    return lists


def _most_promising(lists: Sequence[_Posting]) -> list[int]:
    """The rows in any list, those with the most worth first, then the newest."""
    if not lists:
        return []
    every = np.concatenate([posting.numbers for posting in lists])
    worth = np.concatenate([np.full(len(posting.numbers), posting.worth) for posting in lists])
    numbers, place = np.unique(every, return_inverse=True)
    total = np.bincount(place, weights=worth)
    return cast("list[int]", numbers[np.lexsort((-numbers, -total))].tolist())


# Texts ------------------------------------------------------------------------------------------------------


def _usable_texts(
    database: Database, kind: Kind, candidates: Sequence[int], wanted: int, now: str
) -> list[tuple[int, str]]:
    """Numbers and texts of the first `wanted` candidates that may be found."""
    texts: list[tuple[int, str]] = []
    for start in range(0, len(candidates), wanted):
        rows = database.rows(
            f"""
            SELECT {kind.table}.id, {kind.text} FROM json_each(:numbers)
            CROSS JOIN {kind.table} ON {kind.table}.id = value WHERE {kind.usable}
            """,
            {"numbers": json.dumps(candidates[start : start + wanted]), "now": now},
        )
        texts += cast("list[tuple[int, str]]", rows)
        if len(texts) >= wanted:
            break
    return texts


def _bm25(database: Database, texts: Sequence[tuple[int, str]], worth: Mapping[str, float]) -> dict[int, float]:
    """The score of each text; the mean length is that of these texts."""
    every = dict(zip((number for number, _ in texts), database.terms_of(text for _, text in texts), strict=True))
    mean = sum(map(len, every.values())) / max(len(every), 1)
    scores: dict[int, float] = {}
    for number, terms in every.items():
        length = _K1 * (1 - _B + _B * len(terms) / mean) if mean else 0.0
        counted = ((value, terms.count(term)) for term, value in worth.items())
        scores[number] = sum(value * count * (_K1 + 1) / (count + length) for value, count in counted if count)
    return scores


# Nothing forgotten stays ------------------------------------------------------------------------------------


def purge(database: Database, text: str, kind: Kind = MEMORY) -> None:
    """Takes out what the index may still keep of a deleted `text`. Runs inside the caller's transaction.

    With its option secure-delete the index drops the entries of a deleted row, but a deleted word that began a page
    leaves its beginning behind as that page's boundary ("flowerp" where "flower" stands before it). Where no word that
    is left begins so, the index is made anew, which takes ~50 ms for a thousand long memories.
    """
    boundaries = {
        cast("bytes", row[0])[1:] for row in database.rows(f"SELECT DISTINCT term FROM {kind.words}_idx") if row[0]
    }
    # Stemming changes the last letter of some words: "happy" is in the index as "happi".
    by_form = {form: boundary for boundary in boundaries for form in (boundary, boundary[:-1])}
    suspects: set[bytes] = set()
    for word in set(_folded(text).split()):
        content = word.encode("utf-8", "replace")
        beginnings = (content[:length] for length in range(_TELLING_BYTES, len(content) + 1))
        suspects |= {by_form[beginning] for beginning in beginnings if beginning in by_form}
    if suspects and not _all_begin_a_word(database, kind, suspects):
        database.execute(f"INSERT INTO {kind.words} ({kind.words}) VALUES ('rebuild')")


def rebuild(database: Database, kind: Kind = MEMORY) -> None:
    """Makes the index anew from the rows. Runs inside the caller's transaction."""
    database.execute(f"INSERT INTO {kind.words} ({kind.words}) VALUES ('rebuild')")


def problems(database: Database, kind: Kind = MEMORY) -> tuple[str, ...]:
    """What does not fit between the index and the rows, in words."""
    try:
        database.execute(f"INSERT INTO {kind.words} ({kind.words}, rank) VALUES ('integrity-check', 1)")
    except IntegrityError:
        return (f"the word index does not fit the {kind.table}",)
    return ()


def _all_begin_a_word(database: Database, kind: Kind, beginnings: Iterable[bytes]) -> bool:
    """Whether words that are left begin with each of these: then they say nothing of what is gone."""
    database.execute(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{kind.words}_words USING fts5vocab('main', '{kind.words}', 'row')"
    )
    for beginning in beginnings:
        text = beginning.decode("utf-8", "replace")
        row = database.row(f"SELECT term FROM temp.{kind.words}_words WHERE term >= ? LIMIT 1", (text,))
        if row is None or not cast("str", row[0]).startswith(text):
            return False
    return True


def _folded(text: str) -> str:
    """`text` as the index folds it: lower case, no accents, spaces between words."""
    plain = (sign for sign in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(sign))
    return "".join(sign if sign.isalnum() else " " for sign in plain)
