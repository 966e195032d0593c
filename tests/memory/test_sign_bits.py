"""The sign bits are in step with the vectors, whoever changes them, and find what exact search finds."""

from __future__ import annotations

import numpy as np
import pytest

from edge_seal.memory import vectors
from edge_seal.memory.memories import Memories
from edge_seal.memory.vectors import VectorIndex
from edge_seal.records import Origin
from edge_seal.storage.database import Database
from tests.memory.conftest import Shelf
from tests.memory.word_embedder import WordEmbedder

NOW = "2026-03-01T09:30:00.000000Z"


def test_bits_first_finds_what_exact_search_finds(shelf: Shelf, memories: Memories) -> None:
    with shelf.database.transaction():
        for number in range(600):
            memories.remember(f"note {number % 40} of garden {number % 7} and day {number}", Origin.TYPED)
    embedder = WordEmbedder()
    index = VectorIndex(shelf.database, embedder.model_sha256)
    stored = index.vectors(range(1, 601))
    question = embedder.embed(["note 12 of garden 3"])[0]
    exact = sorted(stored, key=lambda number: (-float(stored[number] @ question), number))[:10]
    assert [item.number for item in index.nearest(question, 10, NOW)] == exact


def test_another_process_is_seen_and_what_is_rolled_back_is_not(shelf: Shelf, memories: Memories) -> None:
    memories.remember("tea from the north", Origin.TYPED)
    assert [item.memory.id for item in memories.search("coffee from Peru", mode="vector")] == ["m1"]

    def search_and_fail() -> None:
        with shelf.database.transaction():
            memories.remember("coffee from Peru", Origin.TYPED)
            assert memories.search("coffee from Peru", mode="vector")[0].memory.id == "m2"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search_and_fail()
    other = Shelf(shelf.path, shelf.clock)
    other.memories().remember("cocoa from Peru", Origin.TYPED)
    other.database.close()
    found = memories.search("cocoa from Peru", mode="vector")[0]
    assert (found.memory.text, found.similarity) == ("cocoa from Peru", pytest.approx(1.0))


def test_forgotten_bits_are_gone_from_file_and_memory(shelf: Shelf, memories: Memories) -> None:
    memories.remember("tea from the north", Origin.TYPED)
    memories.remember("coffee from Peru", Origin.TYPED)
    memories.search("coffee", mode="vector")
    memories.forget("m2")
    ((bits,),) = shelf.database.rows("SELECT bits FROM memory_vector_bits")
    assert isinstance(bits, bytes)
    assert not any(bits[2 * 48 : 3 * 48])
    assert any(bits[48 : 2 * 48])


def test_wrong_bits_and_damaged_vectors_are_found_and_made_anew(shelf: Shelf, memories: Memories) -> None:
    for text in ("a dog called Biscuit", "a cat called Marzipan"):
        memories.remember(text, Origin.TYPED)
    shelf.database.execute("UPDATE memory_vector_bits SET bits = zeroblob(256 * 48)")
    row = shelf.database.rows("SELECT memory_id, embedder, 'broken', embedding FROM memory_vectors WHERE memory_id = 2")
    assert memories.problems() == ("the sign bits of m0 to m255 are not those of their vectors",)
    vectors.remove(shelf.database, 2)
    shelf.database.execute("INSERT INTO memory_vectors VALUES (?, ?, ?, ?)", row[0])
    assert any("stored vector of memory m2" in problem for problem in memories.problems())
    assert memories.rebuild() == 1
    assert memories.problems() == ()
    assert memories.search("a cat called Marzipan", mode="vector")[0].memory.id == "m2"


def test_database_of_the_first_version_keeps_its_vectors(shelf: Shelf) -> None:
    from edge_seal.storage.schema import MIGRATIONS

    path = shelf.path.with_name("old.db")
    old = Database.open(path, migrations=MIGRATIONS[:1])
    embedder = WordEmbedder()
    vector = embedder.embed(["a dog called Biscuit"])[0].tobytes()
    old.execute(
        "INSERT INTO memories (created_at, text, origin, valid_from, digest) VALUES (?, 'a dog', 'typed', ?, '')",
        (NOW, NOW),
    )
    old.execute("INSERT INTO memory_vectors (rowid, embedding) VALUES (1, ?)", (vector,))
    old.execute("INSERT INTO memory_embeddings VALUES (1, ?, 'digest')", (embedder.model_sha256,))
    old.close()
    new = Database.open(path)
    assert new.rows("SELECT memory_id, embedding FROM memory_vectors") == [(1, vector)]
    code = np.packbits(np.frombuffer(vector, dtype="<f4") > 0, bitorder="little").tobytes()
    assert new.rows("SELECT substr(bits, 49, 48) FROM memory_vector_bits") == [(code,)]
    new.close()
