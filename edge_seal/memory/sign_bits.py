"""The sign bits of vectors, kept in memory and scanned first: 48 bytes a vector instead of 1,536.

Two rounds name the candidates whose vectors are then compared exactly. The first counts the components of unlike sign
(Hamming distance), the second knows the question's components and the signs of the others':
cos(q, v) ~ sum of q_i * sign(v_i), the asymmetric distance of Gordo, Perronnin, Gong and Lazebnik 2014 ("Asymmetric
distances for binary embeddings", IEEE TPAMI 36(1)). Figures: docs/log.md.

Invariant: after `refresh` the codes are those of the last commit that the database shows. What is read inside a
transaction is not kept: it may be rolled back, and its version given to something else.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final, cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from edge_seal.engines.engine import FloatArray
from edge_seal.storage.database import Database

Codes = NDArray[np.uint64]
Numbers = NDArray[np.int64]

BLOCK: Final = 256
# Fits the second-level cache with its temporaries: 10 ms for a million codes, against 15 ms row by row.
_SCANNED_AT_ONCE: Final = 16_384
_ROOM_AT_FIRST: Final = 64 * BLOCK
# The eight bits of each byte `(8, 256)`, the lowest first.
_BYTES: Final = np.arange(256, dtype=np.uint8)
_SIGNS_OF_BYTE: Final = np.unpackbits(_BYTES[None], axis=0, bitorder="little").astype(np.float32)


class SignBits:
    """The codes of one embedder's vectors in the tables of one kind (`memory`, `turn`). May be shared by threads."""

    def __init__(self, kind: str, embedder_sha256: str) -> None:
        # A column of words for each 64 components, so that the scan runs along memory.
        self._codes: Codes = np.zeros((0, 0), dtype=np.uint64)
        self._rows = 0
        self._version = 0
        self._lock = threading.Lock()
        self._embedder_sha256 = embedder_sha256
        self._changed = f"""
            SELECT block, version, bits FROM {kind}_vector_bits WHERE version > ? AND embedder = (
                SELECT embedder FROM {kind}_vector_state WHERE embedder_sha256 = ?
            ) ORDER BY block
        """  # noqa: S608  # our own names

    def refresh(self, database: Database) -> None:
        """Takes in what was committed since the last call, by whichever process."""
        if database.in_transaction:
            return
        with self._lock:
            self._take_in(database)

    def nearest(self, database: Database, question: FloatArray, count: int) -> Numbers:
        """The numbers of `count` rows whose signs are most like those of `question` `(D,)`, best first.

        Places without a vector are among them where there are few rows; the caller looks at what is there anyway.
        """
        with self._lock:
            kept = self._codes, self._rows, self._version
            uncommitted = database.in_transaction
            if uncommitted:
                self._codes, self._rows, self._version = np.zeros((0, 0), dtype=np.uint64), 0, 0
            try:
                self._take_in(database)
                return self._scanned(question, count)
            finally:
                if uncommitted:
                    self._codes, self._rows, self._version = kept

    def __len__(self) -> int:
        """How many places there are, with a vector or without."""
        return self._rows

    def _take_in(self, database: Database) -> None:
        changed = database.rows(self._changed, (self._version, self._embedder_sha256))
        if not changed:
            return
        blocks = np.array([row[0] for row in changed], dtype=np.int64)
        content = b"".join(cast("bytes", row[2]) for row in changed)
        words = len(content) // (len(changed) * BLOCK * 8)
        codes = np.frombuffer(content, dtype="<u8").reshape(len(changed), BLOCK, words)
        self._make_room(words, (int(blocks[-1]) + 1) * BLOCK)
        by_block = self._codes.reshape(words, -1, BLOCK)
        by_block[:, blocks] = codes.transpose(2, 0, 1)
        self._version = max(cast("int", row[1]) for row in changed)

    def _make_room(self, words: int, rows: int) -> None:
        if rows > self._codes.shape[1] or self._codes.shape[0] != words:
            room = -(-max(rows, _ROOM_AT_FIRST, self._rows * 5 // 4) // BLOCK) * BLOCK
            grown = np.zeros((words, room), dtype=np.uint64)
            grown[: len(self._codes), : self._rows] = self._codes[:, : self._rows]
            self._codes = grown
        self._rows = max(self._rows, rows)

    def _scanned(self, question: FloatArray, count: int) -> Numbers:
        if self._rows == 0 or count <= 0:
            return np.zeros(0, dtype=np.int64)
        asked = np.packbits(question > 0, bitorder="little").view("<u8")
        chosen = _smallest(self._distances(asked), count)
        # sum of q_i * (2 b_i - 1), without what is the same for all: a byte of signs is worth what the table says.
        worth = (question.reshape(-1, 8) @ _SIGNS_OF_BYTE).ravel()
        content = np.ascontiguousarray(self._codes[:, chosen].T).view(np.uint8)
        estimates = worth[content + 256 * np.arange(content.shape[1])].sum(axis=1)
        return chosen[np.lexsort((-chosen, -estimates))]

    def _distances(self, asked: Sequence[np.uint64] | Codes) -> NDArray[np.uint16]:
        """The Hamming distance of every place to `asked` `(D / 64,)`."""
        distances = np.zeros(self._rows, dtype=np.uint16)
        unlike = np.empty(_SCANNED_AT_ONCE, dtype=np.uint64)
        counted = np.empty(_SCANNED_AT_ONCE, dtype=np.uint8)
        for start in range(0, self._rows, _SCANNED_AT_ONCE):
            part = distances[start : start + _SCANNED_AT_ONCE]
            size = len(part)
            for word, asked_word in zip(self._codes, asked, strict=True):
                np.bitwise_xor(word[start : start + size], asked_word, out=unlike[:size])
                np.bitwise_count(unlike[:size], out=counted[:size])
                np.add(part, counted[:size], out=part)
        return distances


def _smallest(distances: NDArray[np.uint16], count: int) -> Numbers:
    """The places of the `count` smallest; of those that are equally far as the last, the newest."""
    if count >= len(distances):
        return np.arange(len(distances))
    # Distances are few different numbers: counting them takes a third of the time of a partition.
    up_to = np.cumsum(np.bincount(distances))
    limit = int(np.searchsorted(up_to, count))
    nearer = np.flatnonzero(distances < limit)
    equal = np.flatnonzero(distances == limit)
    return np.concatenate((nearer, equal[len(equal) - (count - len(nearer)) :]))


_kept: WeakKeyDictionary[Database, dict[tuple[str, str], SignBits]] = WeakKeyDictionary()


def kept_for(database: Database, kind: str, embedder_sha256: str) -> SignBits:
    """The sign bits that all users of `database` share."""
    return _kept.setdefault(database, {}).setdefault((kind, embedder_sha256), SignBits(kind, embedder_sha256))


def refresh_after_commit(database: Database) -> None:
    """Lets what the running transaction takes out leave the memory too, as soon as it is committed."""
    for bits in _kept.get(database, {}).values():
        if len(bits):
            database.after_commit(lambda bits=bits: bits.refresh(database))
