"""What is deleted leaves the file, the gaps between its rows too, whatever ends the process in between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_seal.errors import Busy
from edge_seal.storage import erasure
from edge_seal.storage.database import Database

ROWS = 600


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge-seal.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database.open(path, busy_timeout_s=0.1)
    yield opened
    opened.close()


def token(number: int) -> str:
    return f"zq{number:05}{number * 2654435761 % 2**32:08x}"


def filled(database: Database) -> list[int]:
    """Turns of many sizes, most of which grow or shrink, so that they move; returns the numbers of a random half."""
    draw = random.Random(1)
    with database.transaction():
        database.execute("INSERT INTO conversations (created_at) VALUES ('x')")
        for number in range(ROWS):
            database.execute(
                "INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, base_sha256)"
                " VALUES (1, 'x', ?, 'typed', ?, 'b')",
                (f"{token(number)} {'w' * draw.choice([30, 200, 900])}", "a" * draw.choice([3, 200, 900])),
            )
            if draw.random() < 0.9:
                answer = "s" * draw.choice([3, 60, 400, 2000])
                database.execute("UPDATE turns SET answer = ? WHERE id = ?", (answer, draw.randint(1, number + 1)))
    return draw.sample(range(ROWS), ROWS // 2)


def left(path: Path, numbers: list[int]) -> list[str]:
    content = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    return [token(number) for number in numbers if token(number).encode() in content]


def delete(database: Database, numbers: list[int]) -> None:
    for number in numbers:
        database.execute("UPDATE turns SET prompt = '[forgotten]' WHERE id = ?", (number + 1,))


def test_gaps_between_rows_keep_nothing_that_was_deleted(database: Database, path: Path) -> None:
    doomed = filled(database)
    with database.transaction():
        delete(database, doomed)
    database.scrub()
    assert left(path, doomed) != [], "secure_delete alone would do, or this shows nothing"
    with erasure.erasing(database):
        pass
    assert left(path, doomed) == []
    assert len(left(path, list(range(ROWS)))) == ROWS - len(doomed)
    assert not erasure.pending(database)


def test_what_was_promised_is_done_at_the_next_start(database: Database, path: Path) -> None:
    doomed = filled(database)
    with database.transaction():
        delete(database, doomed)
        erasure.promise(database)
    database.close()
    opened = Database.open(path)
    assert left(path, doomed) != []
    erasure.resume(opened)
    assert left(path, doomed) == []
    assert not erasure.pending(opened)
    opened.close()


def test_a_reader_in_the_way_is_named_and_the_promise_stands(database: Database, path: Path) -> None:
    doomed = filled(database)
    reader = Database.open(path)
    reader.execute("BEGIN")
    reader.rows("SELECT count(*) FROM turns")
    with pytest.raises(Busy, match="it is deleted, but another process is reading"), erasure.erasing(database):
        delete(database, doomed)
    assert erasure.pending(database)
    reader.execute("ROLLBACK")
    reader.close()
    erasure.resume(database)
    assert left(path, doomed) == []


def test_nothing_is_written_anew_for_what_was_rolled_back(database: Database) -> None:
    def stopped() -> None:
        with erasure.erasing(database):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not erasure.pending(database)
