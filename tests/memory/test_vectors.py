"""Vectors: only sound ones go in, only those that still are come out, and their sign bits are in step with them."""

from __future__ import annotations

import numpy as np
import pytest

from edge_seal.errors import EngineError, IntegrityError
from edge_seal.memory.memories import Memories
from edge_seal.memory.vectors import VectorIndex
from edge_seal.records import Origin
from tests.memory.conftest import Shelf
from tests.memory.word_embedder import WordEmbedder

UNIT = np.eye(1, 384, dtype=np.float32)[0]
NOW = "2026-03-01T09:30:00.000000Z"


@pytest.mark.parametrize(
    "vector",
    [
        np.full(384, np.nan, dtype=np.float32),
        np.where(UNIT == 1, np.inf, UNIT).astype(np.float32),
        np.zeros(384, dtype=np.float32),
        2 * UNIT,
        UNIT[:383],
        UNIT.reshape(1, 384),
    ],
    ids=["NaN", "infinity", "zero", "too long", "too short", "two axes"],
)
def test_unsound_vector_is_refused(shelf: Shelf, memories: Memories, vector: np.ndarray) -> None:
    memories.remember("the old one stays", Origin.TYPED)
    index = VectorIndex(shelf.database, "e" * 64)
    with pytest.raises(EngineError, match="the vector of"), shelf.database.transaction():
        index.store(1, vector)
    with pytest.raises(EngineError, match="the vector of the question"):
        index.nearest(vector, 3, NOW)
    assert memories.problems() == ()
    assert [recalled.memory.id for recalled in memories.search("old one", mode="vector")] == ["m1"]


def test_storing_again_puts_the_new_vector_in_place_of_the_old(shelf: Shelf, memories: Memories) -> None:
    memories.remember("anything", Origin.TYPED)
    index = VectorIndex(shelf.database, "e" * 64)
    for axis in range(3):
        with shelf.database.transaction():
            index.store(1, np.roll(UNIT, axis))
    (found,) = index.nearest(np.roll(UNIT, 2), 5, NOW)
    assert found.similarity == pytest.approx(1.0)
    # That of the other embedder waits beside it.
    assert shelf.database.rows("SELECT embedder, count(*) FROM memory_vectors GROUP BY 1") == [(1, 1), (2, 1)]


def _changed(vector: bytes, kind: str) -> bytes:
    numbers = np.frombuffer(vector, dtype="<f4").copy()
    if kind == "bit":
        numbers.view(np.uint32)[17] ^= 1
    elif kind == "NaN":
        numbers[0] = np.nan
    return numbers.tobytes()


@pytest.mark.parametrize("kind", ["bit", "NaN"])
@pytest.mark.parametrize("mode", ["vector", "hybrid"])
def test_changed_vector_is_named_and_not_used(shelf: Shelf, memories: Memories, kind: str, mode: str) -> None:
    for text in ("a dog called Biscuit", "a cat called Marzipan", "a train at seven"):
        memories.remember(text, Origin.TYPED)
    (content,) = shelf.database.rows("SELECT embedding FROM memory_vectors WHERE rowid = 2")[0]
    assert isinstance(content, bytes)
    (digest,) = shelf.database.rows("SELECT vector_sha256 FROM memory_vectors WHERE rowid = 2")[0]
    shelf.database.execute("DELETE FROM memory_vectors WHERE rowid = 2")
    shelf.database.execute("INSERT INTO memory_vectors VALUES (2, 1, ?, ?)", (digest, _changed(content, kind)))

    with pytest.raises(IntegrityError, match="vector of memory m2") as raised:
        memories.search("a cat called Marzipan", mode=mode)  # pyright: ignore[reportArgumentType]
    assert raised.value.exit_code == 5
    with pytest.raises(IntegrityError, match="vector of memory m2"):
        memories.recall("a cat called Marzipan", 100, len)
    assert memories.problems() == ("the stored vector of memory m2 is not the one that was written",)
    assert [recalled.memory.id for recalled in memories.search("Marzipan", mode="keyword")] == ["m2"]


def test_editing_with_the_same_text_repairs_a_vector(shelf: Shelf, memories: Memories) -> None:
    memories.remember("a cat called Marzipan", Origin.TYPED)
    row = shelf.database.rows("SELECT memory_id, embedder, 'broken', embedding FROM memory_vectors")[0]
    shelf.database.execute("DELETE FROM memory_vectors")
    shelf.database.execute("INSERT INTO memory_vectors VALUES (?, ?, ?, ?)", row)
    assert memories.problems() != ()
    memories.edit("m1", "a cat called Marzipan")
    assert memories.problems() == ()
    assert memories.search("Marzipan", mode="vector")[0].similarity == pytest.approx(0.5, abs=0.1)


def test_vectors_of_another_embedder_are_ignored_until_made_anew(shelf: Shelf) -> None:
    texts = [f"memory number {number} about topic{number}" for number in range(100)]
    before = shelf.memories()
    for text in texts:
        before.remember(text, Origin.TYPED)

    shelf.embedder = other = WordEmbedder("another")
    after = shelf.memories()
    assert after.missing_vectors() == 100
    assert after.search("topic7", mode="vector") == ()
    by_words = after.search("topic7", mode="hybrid")
    assert [(recalled.memory.id, recalled.similarity) for recalled in by_words] == [("m8", None)]

    done: list[int] = []
    other.embedded = 0
    assert after.embed_missing(done.append).embedded == 100
    assert (other.embedded, done, after.missing_vectors()) == (100, [64, 100], 0)
    assert after.search("topic7", mode="vector")[0].memory.id == "m8"
    assert after.embed_missing().embedded == 0
    assert after.problems() == ()


def test_stale_neighbours_take_no_places_from_the_others(shelf: Shelf) -> None:
    first = shelf.memories()
    for number in range(40):
        first.remember(f"the same few words {number}", Origin.TYPED)
    shelf.embedder = WordEmbedder("another")
    second = shelf.memories()
    second.remember("something quite different", Origin.TYPED)
    assert [recalled.memory.id for recalled in second.search("the same few words", 5, "vector")] == ["m41"]


def test_interrupted_embedding_goes_on_where_it_was(shelf: Shelf) -> None:
    shelf.embedder = None
    without = shelf.memories()
    for number in range(150):
        without.remember(f"memory {number}", Origin.TYPED)

    class Interrupted(WordEmbedder):
        def embed(self, texts):  # noqa: ANN001, ANN202
            if self.embedded >= 64:
                raise KeyboardInterrupt
            return super().embed(texts)

    shelf.embedder = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        shelf.memories().embed_missing()
    shelf.embedder = WordEmbedder()
    assert shelf.memories().missing_vectors() == 86
    assert shelf.memories().embed_missing().embedded == 86
