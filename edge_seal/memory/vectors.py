"""The vectors of memories and of past turns, each with its own digest; their sign bits are searched first.

Invariants: a stored vector is finite and of unit length; it, its digest and its sign bits change in one transaction
(triggers, see `storage.vector_tables`); a vector whose bytes do not fit its digest is never ranked by: it is an
`IntegrityError` that names whose it is.
"""

# ruff: noqa: S608 - the names that are put into statements are our own

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from edge_seal.engines.engine import FloatArray
from edge_seal.errors import EngineError, IntegrityError
from edge_seal.memory import sign_bits
from edge_seal.memory.kinds import MEMORY, Kind
from edge_seal.memory.sign_bits import BLOCK
from edge_seal.storage.database import Database
from edge_seal.storage.schema import EMBEDDING_DIMENSION

UNIT_TOLERANCE: Final = 1e-3
# How many come out of each round of the search, chosen by figures in docs/log.md: the scan of sign bits, and what is
# then compared exactly. A search for more than a sixth of the latter compares more.
SCANNED: Final = 4096
COMPARED: Final = 256
# Among so few places half as many of both do: 0.997 of the exact ten nearest, in half of the time (docs/log.md).
FEW: Final = 2**18
# Sign bits are read 64 at a time.
WORD_COMPONENTS: Final = 64


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A row's number and the cosine of its vector with the question's."""

    number: int
    similarity: float


# Numbers of rows, and their vectors `(N, D)`, filled up as stored.
Stored = tuple[list[int], FloatArray]


class VectorIndex:
    """The vectors that one embedder made. Those of another embedder are left alone and never found."""

    def __init__(
        self,
        database: Database,
        embedder_sha256: str,
        kind: Kind = MEMORY,
        *,
        dimension: int = EMBEDDING_DIMENSION,
    ) -> None:
        self._database = database
        self._dimension = dimension
        self._stored_dimension = dimension + -dimension % WORD_COMPONENTS
        self._embedder_sha256 = embedder_sha256
        self._kind = kind
        self._bits = sign_bits.kept_for(database, kind.name, embedder_sha256)

    def store(self, number: int, vector: FloatArray) -> None:
        """Puts `vector` `(dimension,)` in place of what the row had. Runs inside the caller's transaction.

        A vector of another embedder stays beside it: see `remove_others`.

        Raises:
            EngineError: it has another length, is not finite, or is not of unit length.
        """
        content = self._checked(vector, f"{self._kind.name} {self._kind.letter}{number}").astype("<f4").tobytes()
        kind, embedder = self._kind.name, self._embedder()
        if embedder is None:
            self._database.execute(
                f"INSERT INTO {kind}_vector_state (embedder_sha256) VALUES (?)", (self._embedder_sha256,)
            )
            embedder = self._embedder()
        self._database.execute(f"DELETE FROM {kind}_vectors WHERE {kind}_id = ? AND embedder = ?", (number, embedder))
        sign_bits.refresh_after_commit(self._database)
        self._database.execute(
            f"INSERT INTO {kind}_vectors ({kind}_id, embedder, vector_sha256, embedding) VALUES (?, ?, ?, ?)",
            (number, embedder, hashlib.sha256(content).hexdigest(), content),
        )

    def nearest(self, question: FloatArray, count: int, now: str) -> tuple[Neighbour, ...]:
        """The `count` usable rows nearest to `question`, nearest first; memories that hold at `now`.

        Raises:
            IntegrityError: the bytes of a vector that was compared do not fit their digest.
        """
        question = self._checked(question, "the question")
        with self._database.snapshot():
            self._bits.refresh(self._database)
            part = 1 if len(self._bits) > FEW else 2
            scanned, compared = SCANNED // part, max(COMPARED // part, 6 * count)
            while True:
                candidates = self._bits.nearest(self._database, question, scanned)
                found = self._compared(question, candidates, compared, now)
                # Rows that must not be found took places; then the scan goes further down.
                if len(found) >= count or len(candidates) < scanned:
                    break
                scanned *= 16
        # Ties by number, so that the same question always gives the same order.
        return tuple(sorted(found, key=lambda neighbour: (-neighbour.similarity, neighbour.number))[:count])

    def stored(self, numbers: Iterable[int]) -> Stored:
        """What is stored of those of the rows that have a vector of this embedder.

        Raises:
            IntegrityError: the bytes of one of them do not fit their digest.
        """
        return self._read(list(numbers), "TRUE", "")

    def similarities(self, question: FloatArray, stored: Stored) -> list[Neighbour]:
        """The cosines of `question` with what is `stored`."""
        return _cosines(self._checked(question, "the question"), stored)

    def vectors(self, numbers: Iterable[int]) -> dict[int, FloatArray]:
        """The vectors of those of the rows that have one of this embedder.

        Raises:
            IntegrityError: the bytes of one of them do not fit their digest.
        """
        read, matrix = self.stored(numbers)
        return {number: vector[: self._dimension] for number, vector in zip(read, matrix, strict=True)}

    def missing(self, limit: int, *, after: int = 0) -> tuple[tuple[int, str], ...]:
        """Numbers and texts of at most `limit` rows beyond `after` without a vector of this embedder."""
        kind = self._kind
        usable = "TRUE" if kind is MEMORY else kind.usable
        rows = self._database.rows(
            f"""
            SELECT id, {kind.text} FROM {kind.table} WHERE id > ? AND {usable} AND NOT EXISTS (
                SELECT 1 FROM {kind.name}_vectors INDEXED BY {kind.name}_vectors_embedder
                WHERE embedder = ? AND {kind.name}_id = {kind.table}.id
            ) ORDER BY id LIMIT ?
            """,
            (after, self._embedder() or 0, limit),
        )
        return tuple((cast("int", number), cast("str", text)) for number, text in rows)

    def count_missing(self) -> int:
        """How many memories have no vector of this embedder: vector search does not see them."""
        row = self._database.row(
            """
            SELECT memories - coalesce((SELECT vectors FROM memory_vector_state WHERE embedder_sha256 = ?), 0)
            FROM memory_count
            """,
            (self._embedder_sha256,),
        )
        return cast("int", row[0]) if row is not None else 0

    def _checked(self, vector: FloatArray, whose: str) -> FloatArray:
        """`vector`, filled up with zeros to whole words of sign bits, which changes no length and no cosine."""
        if vector.shape != (self._dimension,):
            raise EngineError(f"the vector of {whose} has shape {vector.shape}, not ({self._dimension},)")
        if not _is_unit(vector):
            raise EngineError(
                f"the vector of {whose} has length {float(np.linalg.norm(vector)):.4g}, not 1; it is not stored"
            )
        room = self._stored_dimension - self._dimension
        # Padding by nothing takes a tenth of an insert.
        return np.pad(vector, (0, room)) if room else vector

    def _embedder(self) -> int | None:
        row = self._database.row(
            f"SELECT embedder FROM {self._kind.name}_vector_state WHERE embedder_sha256 = ?", (self._embedder_sha256,)
        )
        return cast("int", row[0]) if row is not None else None

    def _compared(self, question: FloatArray, candidates: sign_bits.Numbers, wanted: int, now: str) -> list[Neighbour]:
        """The first `wanted` of the candidates that may be found, compared exactly."""
        found: list[Neighbour] = []
        start = 0
        while len(found) < wanted and start < len(candidates):
            part = candidates[start : start + wanted - len(found)]
            found += _cosines(question, self._read(cast("list[int]", part.tolist()), self._kind.usable, now))
            start += len(part)
        return found

    def _read(self, numbers: list[int], usable: str, now: str) -> Stored:
        """Those of `numbers` that may be found, and their vectors `(N, D)`, filled up as stored."""
        kind = self._kind
        rows = self._database.rows(
            f"""
            SELECT {kind.name}_id, vector_sha256, embedding FROM json_each(:numbers)
            CROSS JOIN {kind.name}_vectors ON {kind.name}_id = value
            CROSS JOIN {kind.table} ON {kind.table}.id = value
            WHERE embedder = :embedder AND {usable}
            """,
            {"numbers": json.dumps(numbers), "embedder": self._embedder() or 0, "now": now},
        )
        for number, digest, content in rows:
            if not isinstance(content, bytes) or hashlib.sha256(content).hexdigest() != digest:
                raise IntegrityError(
                    f"the stored vector of {kind.name} {kind.letter}{number} is not the one that was written",
                    next_step="edge-seal doctor --rebuild makes it anew",
                )
        matrix = np.frombuffer(b"".join(cast("list[bytes]", [row[2] for row in rows])), dtype="<f4")
        return [cast("int", row[0]) for row in rows], matrix.reshape(len(rows), self._stored_dimension)


def _cosines(question: FloatArray, stored: Stored) -> list[Neighbour]:
    numbers, matrix = stored
    # One product for all; einsum gives each row the same sum in whatever company it stands.
    cosines = cast("list[float]", np.einsum("nd,d->n", matrix, question).tolist())
    return [Neighbour(number, cosine) for number, cosine in zip(numbers, cosines, strict=True)]


def others(database: Database, embedder_sha256: str, kind: Kind = MEMORY) -> int:
    """How many vectors other embedders have made."""
    row = database.row(
        f"SELECT coalesce(sum(vectors), 0) FROM {kind.name}_vector_state WHERE embedder_sha256 <> ?", (embedder_sha256,)
    )
    return cast("int", row[0]) if row is not None else 0


def remove_others(database: Database, embedder_sha256: str, limit: int, kind: Kind = MEMORY) -> int:
    """Takes out at most `limit` vectors that other embedders made; gives how many. Runs inside a transaction.

    Their bytes are in the file until the caller, who has to promise it, has the file written anew.
    """
    doomed = database.rows(
        f"""
        SELECT v.embedder, v.{kind.name}_id FROM {kind.name}_vector_state AS s
        CROSS JOIN {kind.name}_vectors AS v INDEXED BY {kind.name}_vectors_embedder ON v.embedder = s.embedder
        WHERE s.embedder_sha256 <> ? LIMIT ?
        """,
        (embedder_sha256, limit),
    )
    for key in doomed:
        database.execute(f"DELETE FROM {kind.name}_vectors WHERE embedder = ? AND {kind.name}_id = ?", key)
    sign_bits.refresh_after_commit(database)
    return len(doomed)


def remove(database: Database, number: int, kind: Kind = MEMORY) -> None:
    """Takes out the row's vector and its sign bits, whoever made it. Runs inside the caller's transaction."""
    database.execute(f"DELETE FROM {kind.name}_vectors WHERE {kind.name}_id = ?", (number,))
    sign_bits.refresh_after_commit(database)


# Checked and made anew ------------------------------------------------------------------------------------


def problems(database: Database, kind: Kind = MEMORY) -> Iterator[str]:
    """What does not fit between vectors, their digests and their sign bits, in words."""
    for block in _blocks(database, kind):
        yield from (problem for _, problem in block.damaged)
        if not block.fits:
            these = f"{kind.letter}{block.first} to {kind.letter}{block.first + BLOCK - 1}"
            yield f"the sign bits of {these} are not those of their vectors"
    yield from (f"{wrong} is not {right}" for wrong, right in _wrong_counts(database, kind))


def rebuild(database: Database, kind: Kind = MEMORY) -> int:
    """Takes out the vectors that are not what was written and makes all sign bits anew; gives how many were taken out.

    Runs inside the caller's transaction. The caller then embeds what is missing.
    """
    removed = 0
    for block in _blocks(database, kind):
        for number, _ in block.damaged:
            remove(database, number, kind)
            removed += 1
        if block.damaged or not block.fits:
            _write_codes(database, kind, block)
    _count_anew(database, kind)
    sign_bits.refresh_after_commit(database)
    return removed


@dataclass(frozen=True, slots=True)
class _Block:
    """One embedder's vectors of one block: which are damaged, the codes of the others, and whether they are stored."""

    embedder: int
    number: int
    damaged: tuple[tuple[int, str], ...]
    codes: bytes
    fits: bool

    @property
    def first(self) -> int:
        return self.number * BLOCK


def _blocks(database: Database, kind: Kind) -> Iterator[_Block]:
    """Every block that has vectors or codes, one after the other: a million vectors are 1.5 GB."""
    name = kind.name
    keys = database.rows(
        f"""
        SELECT embedder, {name}_id >> 8 AS block FROM {name}_vectors INDEXED BY {name}_vectors_embedder
        UNION SELECT embedder, block FROM {name}_vector_bits ORDER BY 1, 2
        """
    )
    for embedder, block in cast("list[tuple[int, int]]", keys):
        rows = database.rows(
            f"SELECT {name}_id, vector_sha256, embedding FROM {name}_vectors"
            f" WHERE embedder = ? AND {name}_id BETWEEN ? AND ?",
            (embedder, block * BLOCK, block * BLOCK + BLOCK - 1),
        )
        yield _checked_block(database, kind, (embedder, block), cast("list[tuple[int, str, bytes]]", rows))


def _checked_block(database: Database, kind: Kind, key: tuple[int, int], rows: list[tuple[int, str, bytes]]) -> _Block:
    stored = database.row(f"SELECT bits FROM {kind.name}_vector_bits WHERE embedder = ? AND block = ?", key)
    bits = stored[0] if stored is not None and isinstance(stored[0], bytes) else b""
    size = len(rows[0][2]) // 32 if rows else len(bits) // BLOCK
    codes = np.zeros((BLOCK, size), dtype=np.uint8)
    damaged: list[tuple[int, str]] = []
    for number, digest, content in rows:
        # What an unsound vector's bits are is no second problem.
        whole = len(content) == 32 * size
        vector = np.frombuffer(content, dtype="<f4") if whole else np.zeros(0, dtype=np.float32)
        if whole:
            codes[number % BLOCK] = np.packbits(vector > 0, bitorder="little")
        named = f"{kind.name} {kind.letter}{number}"
        if hashlib.sha256(content).hexdigest() != digest:
            damaged.append((number, f"the stored vector of {named} is not the one that was written"))
        elif not _is_unit(vector):
            damaged.append((number, f"the stored vector of {named} is not finite and of unit length"))
    return _Block(*key, tuple(damaged), codes.tobytes(), bits == codes.tobytes())


def _write_codes(database: Database, kind: Kind, block: _Block) -> None:
    codes = np.frombuffer(block.codes, dtype=np.uint8).reshape(BLOCK, -1).copy()
    codes[[number % BLOCK for number, _ in block.damaged]] = 0
    name = kind.name
    database.execute(f"UPDATE {name}_vector_state SET version = version + 1 WHERE embedder = ?", (block.embedder,))
    database.execute(
        f"""
        INSERT INTO {name}_vector_bits (embedder, block, version, bits)
        SELECT embedder, ?2, version, ?3 FROM {name}_vector_state WHERE embedder = ?1
        ON CONFLICT (embedder, block) DO UPDATE SET version = excluded.version, bits = excluded.bits
        """,
        (block.embedder, block.number, codes.tobytes()),
    )


def _wrong_counts(database: Database, kind: Kind) -> Iterator[tuple[str, int]]:
    counted = database.rows(
        f"""
        SELECT vectors, (SELECT count(*) FROM {kind.name}_vectors AS v WHERE v.embedder = s.embedder)
        FROM {kind.name}_vector_state AS s
        """
    )
    if kind is MEMORY:
        counted += database.rows("SELECT memories, (SELECT count(*) FROM memories) FROM memory_count")
    for kept, there in cast("list[tuple[int, int]]", counted):
        if kept != there:
            yield f"a count that is kept of {kind.table}, {kept},", there


def _count_anew(database: Database, kind: Kind) -> None:
    database.execute(
        f"""
        UPDATE {kind.name}_vector_state AS s SET vectors = (
            SELECT count(*) FROM {kind.name}_vectors AS v WHERE v.embedder = s.embedder
        )
        """
    )
    if kind is MEMORY:
        database.execute("UPDATE memory_count SET memories = (SELECT count(*) FROM memories)")


def _is_unit(vector: FloatArray) -> bool:
    # Written so that NaN fails it too.
    return bool(abs(float(np.linalg.norm(vector)) - 1.0) <= UNIT_TOLERANCE)
