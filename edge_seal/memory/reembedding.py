"""All rows embedded by the present embedder: batch by batch, and the vectors of former ones removed at the end.

Invariants: a batch is one transaction, so whatever ends the process leaves whole batches, and the next run goes on
after them; a vector is stored only for the text that it was made from; vectors of former embedders are removed only
once every row has one of the present embedder, or is refused by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from edge_seal.engines.engine import Embedder, EmbedderUnavailable, FloatArray, TextNotEmbedded
from edge_seal.memory import vectors
from edge_seal.memory.kinds import MEMORY, TURN, Kind
from edge_seal.memory.vectors import VectorIndex
from edge_seal.storage import erasure
from edge_seal.storage.database import Database

EMBEDDED_AT_ONCE: Final = 64
REMOVED_AT_ONCE: Final = 512

Progress = Callable[[int], None]
Enough = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Done:
    """How many rows were embedded, and the numbers of those that the embedder refuses."""

    embedded: int
    refused: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EmbedderState:
    """What embeds, and how far it is.

    Attributes:
        sends_to: host and port that every text is sent to; None: texts stay in this process.
        dimension: the length of a vector; None where the embedder cannot be used.
        memories: how many there are; `missing` of them have no vector of this embedder.
        former: vectors of former embedders, which are removed when nothing is missing.
        problem: why it cannot be used now.
    """

    name: str
    kind: str
    sends_to: str | None
    dimension: int | None
    memories: int
    missing: int
    former: int
    problem: EmbedderUnavailable | None = None


def never() -> bool:
    """There is time for everything."""
    return False


def embed_missing(
    database: Database,
    index: VectorIndex,
    embedder: Embedder,
    *,
    at_once: int = EMBEDDED_AT_ONCE,
    enough: Enough = never,
    progress: Progress | None = None,
) -> Done:
    """Embeds the memories that have no vector of `embedder`, until `enough()`; `progress` gets how many are done.

    Raises:
        EmbedderUnavailable: it fails for all texts alike; the batches before are kept.
    """
    embedded, refused, last = 0, list[int](), 0
    while not enough() and (batch := index.missing(at_once, after=last)):
        made = embedded_each(embedder, [text for _, text in batch])
        with database.transaction():
            for (number, text), vector in zip(batch, made, strict=True):
                if vector is None:
                    refused.append(number)
                # Another process may have changed or taken out the memory since it was read.
                elif database.row("SELECT 1 FROM memories WHERE id = ? AND text = ?", (number, text)):
                    index.store(number, vector)
        last = batch[-1][0]
        embedded += sum(vector is not None for vector in made)
        if progress is not None:
            progress(embedded)
    return Done(embedded, tuple(refused))


def embedded_each(embedder: Embedder, texts: Sequence[str]) -> list[FloatArray | None]:
    """A vector for each of the texts; None where the embedder refuses that one alone."""
    try:
        return list(embedder.embed(texts))
    except TextNotEmbedded:
        made: list[FloatArray | None] = []
        for text in texts:
            try:
                made.append(embedder.embed([text])[0])
            except TextNotEmbedded:
                made.append(None)
        if all(vector is None for vector in made):
            raise
        return made


def former(database: Database, embedder: Embedder) -> int:
    """How many vectors of former embedders are still there, of memories and of turns."""
    return sum(vectors.others(database, embedder.model_sha256, kind) for kind in (MEMORY, TURN))


def remove_former(database: Database, embedder: Embedder, *, enough: Enough = never) -> int:
    """Removes the vectors of former embedders, until `enough()`, then their bytes; gives how many.

    Raises:
        Busy: another process is reading; the bytes go at the next start.
        EngineError: there is no room to write the file anew; the same.
    """
    removed = sum(_removed(database, embedder.model_sha256, kind, enough) for kind in (MEMORY, TURN))
    if removed and former(database, embedder) == 0:
        erasure.finish(database)
    return removed


def _removed(database: Database, embedder_sha256: str, kind: Kind, enough: Enough) -> int:
    removed = 0
    while not enough():
        with database.transaction():
            batch = vectors.remove_others(database, embedder_sha256, REMOVED_AT_ONCE, kind)
            if batch:
                erasure.promise(database)
        if not batch:
            break
        removed += batch
    return removed
