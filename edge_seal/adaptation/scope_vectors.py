"""The vectors that a scope is made of: those of lessons in the database, those of the untold in the cache.

Invariants: a lesson's vectors go with the row of its example, so what is forgotten leaves none; bytes that do not fit
their digest are never used, they are made anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from edge_seal.adaptation.scope import Judged, Scope, beside, untold_wordings, wordings
from edge_seal.engines.engine import Embedder, FloatArray
from edge_seal.storage import digested
from edge_seal.storage.database import Database

_BATCH: Final = 32


def scope_of(examples: Sequence[tuple[int, str]], database: Database, embedder: Embedder, cache: Path) -> Scope:
    """The scope of lessons, each given as the number of its example's row and its prompt; at least one.

    What was not embedded yet is embedded and kept.

    Raises:
        EmbedderUnavailable: something has to be embedded, and the embedder cannot be used now.
    """
    made = [_kept_or_made(number, prompt, database, embedder) for number, prompt in examples]
    return _scope([prompt for _, prompt in examples], made, embedder, cache)


def vectors_before_learning(lessons: Sequence[str], database: Database, embedder: Embedder) -> dict[str, FloatArray]:
    """By their prompts, the vectors of lessons: of those learned before what is kept, the others' for `keep`.

    Raises:
        EmbedderUnavailable: the embedder cannot be used now.
    """
    found: dict[str, FloatArray] = {}
    for prompt in dict.fromkeys(lessons):
        texts = _texts(prompt)
        kept = _kept("prompt = ?", prompt, texts, database, embedder)
        found[prompt] = _embedded(texts, embedder) if kept is None else kept
    return found


def scope_before_learning(vectors: Mapping[str, FloatArray], embedder: Embedder, cache: Path) -> Scope:
    """The scope that lessons (at least one) will have once they were learned.

    Raises:
        EmbedderUnavailable: the embedder cannot be used now.
    """
    return _scope(list(vectors), list(vectors.values()), embedder, cache)


def keep(
    examples: Sequence[tuple[int, str]], vectors: Mapping[str, FloatArray], database: Database, embedder: Embedder
) -> None:
    """Keeps the `vectors` of `examples`, as `scope_of` names them, so that it need not make them."""
    with database.transaction():
        kept = {number for (number,) in database.rows("SELECT example_id FROM scope_vectors")}
        for number, prompt in examples:
            if number not in kept and prompt in vectors:
                _store(number, _texts(prompt), vectors[prompt], database, embedder)


def _scope(lessons: Sequence[str], vectors: Sequence[FloatArray], embedder: Embedder, cache: Path) -> Scope:
    """The scope of `lessons`, of each the vectors of `_texts`."""
    told = [len(wordings(prompt)) for prompt in lessons]
    return Scope(
        lessons,
        np.concatenate([own[:count] for own, count in zip(vectors, told, strict=True)]),
        np.concatenate([own[count:] for own, count in zip(vectors, told, strict=True)]),
        _untold(embedder, cache),
    )


def _texts(prompt: str) -> tuple[str, ...]:
    """What is embedded of a lesson."""
    return (*wordings(prompt), *beside(prompt))


def judged(scope: Scope, questions: Sequence[str], embedder: Embedder) -> list[Judged]:
    """What the scope says of each question.

    Raises:
        EmbedderUnavailable: the embedder cannot be used now.
    """
    if not questions:
        return []
    vectors = _embedded(questions, embedder)
    return [scope.judge(question, vector) for question, vector in zip(questions, vectors, strict=True)]


def _kept_or_made(number: int, prompt: str, database: Database, embedder: Embedder) -> FloatArray:
    texts = _texts(prompt)
    kept = _kept("example_id = ?", number, texts, database, embedder)
    if kept is not None:
        return kept
    made = _embedded(texts, embedder)
    with database.transaction():
        _store(number, texts, made, database, embedder)
    return made


def _kept(
    where: str, value: int | str, texts: Sequence[str], database: Database, embedder: Embedder
) -> FloatArray | None:
    """What is kept of `texts` with an example where that is so, by this embedder and undamaged."""
    rows = database.rows(
        "SELECT vectors FROM scope_vectors JOIN examples ON examples.id = example_id"  # noqa: S608  # our own words
        f" WHERE {where} AND embedder_sha256 = ?",
        (value, embedder.model_sha256),
    )
    read = (
        _read(digested.undigested(row[0], _about(texts)), texts, embedder.dimension)
        for row in rows
        if isinstance(row[0], bytes)
    )
    return next((vectors for vectors in read if vectors is not None), None)


def _store(number: int, texts: Sequence[str], made: FloatArray, database: Database, embedder: Embedder) -> None:
    database.execute("DELETE FROM scope_vectors WHERE example_id = ?", (number,))
    # The example may have been forgotten by another process meanwhile: then nothing of it is kept either.
    database.execute(
        "INSERT INTO scope_vectors (example_id, embedder_sha256, vectors) SELECT id, ?, ? FROM examples WHERE id = ?",
        (embedder.model_sha256, digested.digested(_payload(made), _about(texts)), number),
    )


def _untold(embedder: Embedder, cache: Path) -> FloatArray:
    texts = tuple(text for group in untold_wordings() for text in group)
    path = cache / f"untold-{embedder.model_sha256[:16]}.bin"
    kept = _read(digested.kept(path, _about(texts)), texts, embedder.dimension)
    if kept is None:
        kept = _embedded(texts, embedder)
        digested.keep(path, _payload(kept), _about(texts))
    return kept


def _embedded(texts: Sequence[str], embedder: Embedder) -> FloatArray:
    parts = [embedder.embed(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
    return np.concatenate(parts).astype(np.float32)


def _payload(vectors: FloatArray) -> bytes:
    return vectors.astype("<f4").tobytes()


def _read(payload: bytes | None, texts: Sequence[str], dimension: int) -> FloatArray | None:
    """The vectors, if there are those of just these texts."""
    if payload is None or len(payload) != 4 * len(texts) * dimension:
        return None
    return np.frombuffer(payload, "<f4").reshape(len(texts), dimension)


def _about(texts: Sequence[str]) -> bytes:
    return "\0".join(texts).encode() + b"\0\0"
