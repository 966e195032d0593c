"""The vectors of memories in vec0, each with its own digest.

Invariants: a stored vector is finite and of unit length; it and its digest change in one transaction; a vector whose
bytes do not fit its digest is never ranked by: it is an `IntegrityError` that names the memory.

vec0 itself takes NaN and infinity (a NaN row then ranks first) and does not notice changed bytes in its chunks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from edge_seal.engines.engine import FloatArray
from edge_seal.errors import EngineError, IntegrityError
from edge_seal.storage.database import Database, SqlValue
from edge_seal.storage.schema import EMBEDDING_DIMENSION

UNIT_TOLERANCE: Final = 1e-3
# vec0 refuses to look for more neighbours.
MAXIMUM_NEIGHBOURS: Final = 4096


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A memory's number and the cosine of its vector with the question's."""

    number: int
    similarity: float


class VectorIndex:
    """The vectors that one embedder made. Rows of another embedder are left alone and never found."""

    def __init__(self, database: Database, embedder_sha256: str) -> None:
        self._database = database
        self._embedder_sha256 = embedder_sha256

    def store(self, number: int, vector: FloatArray) -> None:
        """Puts `vector` `(384,)` in place of what the memory had. Runs inside the caller's transaction.

        Raises:
            EngineError: it has another length, is not finite, or is not of unit length.
        """
        content = _checked(vector, number)
        remove(self._database, number)
        self._database.execute("INSERT INTO memory_vectors (rowid, embedding) VALUES (?, ?)", (number, content))
        self._database.execute(
            "INSERT INTO memory_embeddings (memory_id, embedder_sha256, vector_sha256) VALUES (?, ?, ?)",
            (number, self._embedder_sha256, hashlib.sha256(content).hexdigest()),
        )

    def nearest(self, question: FloatArray, count: int, now: str) -> tuple[Neighbour, ...]:
        """The `count` memories nearest to `question` that hold at `now`, nearest first."""
        content, count = _checked(question, None), min(count, MAXIMUM_NEIGHBOURS)
        numbers = self._neighbours(_NEAREST, (content, count))
        usable = {row[0] for row in self._database.rows(_USABLE, (self._embedder_sha256, now, json.dumps(numbers)))}
        if len(usable) < len(numbers):
            # Rows that must not be found took places. Leaving them out beforehand takes three times as long.
            numbers = self._neighbours(_NEAREST_USABLE, (content, count, self._embedder_sha256, now))
        # Ties by number, so that the same question always gives the same order.
        found = self.similarities(question, numbers).values()
        return tuple(sorted(found, key=lambda neighbour: (-neighbour.similarity, neighbour.number)))

    def similarities(self, question: FloatArray, numbers: Iterable[int]) -> dict[int, Neighbour]:
        """The cosines of `question` with those of the memories that have a vector of this embedder.

        Raises:
            IntegrityError: the bytes of one of them do not fit their digest.
        """
        return {
            number: Neighbour(number, float(np.dot(vector, question)))
            for number, vector in ((number, self._vector(number)) for number in numbers)
            if vector is not None
        }

    def missing(self, limit: int) -> tuple[tuple[int, str], ...]:
        """Numbers and texts of at most `limit` memories without a vector of this embedder."""
        rows = self._database.rows(
            "SELECT memories.id, memories.text " + _WITHOUT_VECTOR + " ORDER BY memories.id LIMIT ?",
            (self._embedder_sha256, limit),
        )
        return tuple((cast("int", number), cast("str", text)) for number, text in rows)

    def count_missing(self) -> int:
        """How many memories have no vector of this embedder: vector search does not see them."""
        row = self._database.row("SELECT count(*) " + _WITHOUT_VECTOR, (self._embedder_sha256,))
        return cast("int", row[0]) if row is not None else 0

    def _neighbours(self, query: str, parameters: Sequence[SqlValue]) -> tuple[int, ...]:
        return tuple(cast("int", row[0]) for row in self._database.rows(query, parameters))

    def _vector(self, number: int) -> FloatArray | None:
        row = self._database.row(
            """
            SELECT vector_sha256, (SELECT embedding FROM memory_vectors WHERE rowid = memory_id)
            FROM memory_embeddings WHERE memory_id = ? AND embedder_sha256 = ?
            """,
            (number, self._embedder_sha256),
        )
        if row is None:
            return None
        digest, content = row
        if not isinstance(content, bytes) or hashlib.sha256(content).hexdigest() != digest:
            raise IntegrityError(
                f"the stored vector of memory m{number} is not the one that was written",
                next_step=f"edge-seal memory edit m{number} with its text stores a new one; edge-seal forget m{number}",
            )
        return np.frombuffer(content, dtype="<f4")


_NEAREST: Final = "SELECT rowid FROM memory_vectors WHERE embedding MATCH ? AND k = ? ORDER BY distance"

# The memories that hold and whose vectors this embedder made.
_USABLE: Final = """
    SELECT memory_id FROM memory_embeddings JOIN memories ON memories.id = memory_id
    WHERE embedder_sha256 = ? AND (valid_to IS NULL OR valid_to > ?)
    AND memory_id IN (SELECT value FROM json_each(?))
"""

_NEAREST_USABLE: Final = """
    SELECT rowid FROM memory_vectors WHERE embedding MATCH ? AND k = ? AND rowid IN (
        SELECT memory_id FROM memory_embeddings JOIN memories ON memories.id = memory_id
        WHERE embedder_sha256 = ? AND (valid_to IS NULL OR valid_to > ?)
    )
    ORDER BY distance
"""

_WITHOUT_VECTOR: Final = """
    FROM memories LEFT JOIN memory_embeddings ON memory_id = memories.id AND embedder_sha256 = ?
    WHERE memory_id IS NULL
"""


def remove(database: Database, number: int) -> None:
    """Takes out the memory's vector, whoever made it. Runs inside the caller's transaction."""
    database.execute("DELETE FROM memory_vectors WHERE rowid = ?", (number,))
    database.execute("DELETE FROM memory_embeddings WHERE memory_id = ?", (number,))


def problems(database: Database) -> Iterator[str]:
    """What does not fit between vectors, their digests and the memories, in words."""
    digests = {
        cast("int", number): cast("str", digest)
        for number, digest in database.rows("SELECT memory_id, vector_sha256 FROM memory_embeddings")
    }
    stored = {cast("int", row[0]) for row in database.rows("SELECT rowid FROM memory_vectors")}
    for number in sorted(stored - digests.keys()):
        yield f"a vector is stored for m{number}, which has no digest"
    for number, digest in digests.items():
        row = database.row("SELECT embedding FROM memory_vectors WHERE rowid = ?", (number,))
        if row is None:
            yield f"the vector of memory m{number} is missing"
        elif not isinstance(row[0], bytes) or hashlib.sha256(row[0]).hexdigest() != digest:
            yield f"the stored vector of memory m{number} is not the one that was written"


def _checked(vector: FloatArray, number: int | None) -> bytes:
    """The bytes of `vector` as vec0 stores them."""
    of = "the question" if number is None else f"memory m{number}"
    if vector.shape != (EMBEDDING_DIMENSION,):
        raise EngineError(f"the vector of {of} has shape {vector.shape}, not ({EMBEDDING_DIMENSION},)")
    norm = float(np.linalg.norm(vector))
    # Written so that NaN fails it too.
    if not abs(norm - 1.0) <= UNIT_TOLERANCE:
        raise EngineError(f"the vector of {of} has length {norm:.4g}, not 1; it is not stored")
    return vector.astype("<f4").tobytes()
