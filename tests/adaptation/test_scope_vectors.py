"""A lesson's vectors: made once, gone with the lesson, never used when damaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_seal.adaptation.scope import untold_wordings
from edge_seal.adaptation.scope_vectors import keep, scope_before_learning, scope_of, vectors_before_learning
from edge_seal.config import Home
from edge_seal.engines.engine import FloatArray
from edge_seal.storage.database import Database
from tests.memory.word_embedder import WordEmbedder

DOG = "What is my dog's name?"


class Counting(WordEmbedder):
    """Tells which texts it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.asked.extend(texts)
        return super().embed(texts)


@pytest.fixture
def database(home: Home) -> Database:
    database = Database.open(home.database)
    database.execute(
        "INSERT INTO updates (id, created_at, state, base_sha256)"
        " VALUES (1, '2026-01-01T00:00:00.000000Z', 'active', 'b')"
    )
    database.execute(
        "INSERT INTO examples (id, update_id, role, prompt, answer, origin, derived_by, weight, closed)"
        " VALUES (7, 1, 'lesson', ?, 'Rex.', 'typed', 'given', 1.0, 1)",
        (DOG,),
    )
    return database


def test_what_was_embedded_is_not_embedded_again(database: Database, tmp_path: Path) -> None:
    embedder = Counting()
    scope_of([(7, DOG)], database, embedder, tmp_path)
    assert DOG in embedder.asked
    assert untold_wordings()[0][0] in embedder.asked
    embedder.asked.clear()
    again = scope_of([(7, DOG)], database, embedder, tmp_path)
    assert embedder.asked == []
    assert again.judge(DOG, np.zeros(embedder.dimension, np.float32)).inside


def test_what_was_embedded_before_learning_is_kept_with_the_lesson(database: Database, tmp_path: Path) -> None:
    embedder, cat = Counting(), "What is my cat's name?"
    made = vectors_before_learning([DOG, cat, DOG], database, embedder)
    assert list(made) == [DOG, cat]
    before = scope_before_learning(made, embedder, tmp_path)
    keep([(7, DOG), (8, "What is never asked?")], made, database, embedder)
    assert database.rows("SELECT example_id FROM scope_vectors") == [(7,)], "the cat is no example yet"
    embedder.asked.clear()
    after = scope_of([(7, DOG)], database, embedder, tmp_path)
    again = vectors_before_learning([DOG], database, embedder)
    assert embedder.asked == []
    np.testing.assert_array_equal(again[DOG], made[DOG])
    question = "How is my dog called?"
    vector = embedder.embed([question])[0]
    assert after.judge(question, vector).inside == before.judge(question, vector).inside
    # Damaged, or of another embedder: made anew.
    database.execute("UPDATE scope_vectors SET embedder_sha256 = 'another'")
    embedder.asked.clear()
    vectors_before_learning([DOG], database, embedder)
    assert DOG in embedder.asked


def test_vectors_go_with_the_lesson(database: Database, tmp_path: Path) -> None:
    scope_of([(7, DOG)], database, Counting(), tmp_path)
    assert database.row("SELECT count(*) FROM scope_vectors") == (1,)
    database.execute("DELETE FROM examples WHERE id = 7")
    assert database.row("SELECT count(*) FROM scope_vectors") == (0,)
    # Forgotten by another process between reading and embedding: nothing of it is kept.
    scope_of([(7, DOG)], database, Counting(), tmp_path)
    assert database.row("SELECT count(*) FROM scope_vectors") == (0,)


def test_damaged_bytes_are_made_anew(database: Database, tmp_path: Path) -> None:
    embedder = Counting()
    scope_of([(7, DOG)], database, embedder, tmp_path)
    row = database.row("SELECT vectors FROM scope_vectors")
    assert row is not None
    assert isinstance(row[0], bytes)
    database.execute("UPDATE scope_vectors SET vectors = ?", (row[0][:-1] + bytes([row[0][-1] ^ 1]),))
    kept = next(tmp_path.glob("untold-*"))
    kept.write_bytes(kept.read_bytes()[:100])
    embedder.asked.clear()
    scope_of([(7, DOG)], database, embedder, tmp_path)
    assert DOG in embedder.asked
    assert untold_wordings()[0][0] in embedder.asked
    assert database.row("SELECT vectors FROM scope_vectors") == row


def test_another_lesson_text_in_the_row_is_noticed(database: Database, tmp_path: Path) -> None:
    embedder = Counting()
    scope_of([(7, DOG)], database, embedder, tmp_path)
    embedder.asked.clear()
    scope_of([(7, "Where do I live?")], database, embedder, tmp_path)
    assert "Where do I live?" in embedder.asked
