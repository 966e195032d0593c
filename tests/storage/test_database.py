from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_seal.errors import Busy, EdgeSealError, EngineError, IntegrityError
from edge_seal.storage.database import Database
from edge_seal.storage.schema import MIGRATIONS, Migration

SET_VALUE = "INSERT INTO settings (key, value) VALUES (?, ?)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge-seal.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database.open(path)
    yield database
    database.close()


def keys(database: Database) -> list[str]:
    return [str(row[0]) for row in database.rows("SELECT key FROM settings ORDER BY key")]


def test_only_the_owner_can_read_the_file_and_its_companions(database: Database, path: Path) -> None:
    with database.transaction():
        database.execute(SET_VALUE, ("a", "1"))
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.glob("edge-seal.db*")}
    assert modes == {"edge-seal.db": 0o600, "edge-seal.db-wal": 0o600, "edge-seal.db-shm": 0o600}


def test_it_is_set_up_to_survive_a_power_cut(database: Database) -> None:
    assert database.row("PRAGMA journal_mode") == ("wal",)
    assert database.row("PRAGMA synchronous") == (2,)
    assert database.row("PRAGMA fullfsync") == (1,)
    assert database.row("PRAGMA foreign_keys") == (1,)
    assert database.row("PRAGMA secure_delete") == (1,)


@pytest.mark.parametrize("ending", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_whatever_ends_a_transaction_undoes_it(database: Database, ending: type[BaseException]) -> None:
    def interrupted() -> None:
        with database.transaction():
            database.execute(SET_VALUE, ("a", "1"))
            raise ending

    with pytest.raises(ending):
        interrupted()
    assert keys(database) == []
    assert not database.in_transaction
    with database.transaction():
        database.execute(SET_VALUE, ("b", "1"))
    assert keys(database) == ["b"]


def test_a_nested_transaction_can_fail_alone(database: Database) -> None:
    def fails() -> None:
        with database.transaction():
            database.execute(SET_VALUE, ("inner", "1"))
            raise RuntimeError

    with database.transaction():
        database.execute(SET_VALUE, ("outer", "1"))
        with pytest.raises(RuntimeError):
            fails()
        with database.transaction():
            database.execute(SET_VALUE, ("second", "1"))
        assert database.in_transaction
    assert keys(database) == ["outer", "second"]


def test_an_outer_failure_undoes_nested_transactions_that_succeeded(database: Database) -> None:
    def fails() -> None:
        with database.transaction():
            with database.transaction():
                database.execute(SET_VALUE, ("inner", "1"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert keys(database) == []


def test_callbacks_run_after_the_commit_and_never_for_what_was_undone(database: Database) -> None:
    ran: list[str] = []

    def note(name: str) -> None:
        database.after_commit(lambda: ran.append(f"{name}, open: {database.in_transaction}"))

    def fails() -> None:
        with database.transaction():
            note("undone")
            raise RuntimeError

    with database.transaction():
        note("outer")
        with pytest.raises(RuntimeError):
            fails()
        with database.transaction():
            note("inner")
        assert ran == []
    assert ran == ["outer, open: False", "inner, open: False"]
    with pytest.raises(EdgeSealError, match="outside a transaction"):
        note("nowhere")


def test_threads_do_not_slip_into_each_others_transactions(database: Database) -> None:
    started, seen = threading.Event(), list[list[str]]()

    def other() -> None:
        started.set()
        seen.append(keys(database))

    thread = threading.Thread(target=other)
    with database.transaction():
        database.execute(SET_VALUE, ("a", "1"))
        thread.start()
        started.wait()
        database.execute(SET_VALUE, ("b", "1"))
    thread.join()
    assert seen == [["a", "b"]]


def test_a_snapshot_does_not_see_what_others_commit_meanwhile(database: Database, path: Path) -> None:
    other = Database.open(path)
    with database.snapshot():
        assert keys(database) == []
        with other.transaction():
            other.execute(SET_VALUE, ("a", "1"))
        with database.snapshot():
            assert keys(database) == []
    assert keys(database) == ["a"]
    with database.transaction():
        database.execute(SET_VALUE, ("b", "1"))
        with database.snapshot():
            assert keys(database) == ["a", "b"]
    assert keys(database) == ["a", "b"]
    other.close()


def test_a_locked_database_says_that_another_process_uses_it(database: Database, path: Path) -> None:
    other = Database.open(path, busy_timeout_s=0.05)
    with database.transaction(), pytest.raises(Busy, match="another process is using"), other.transaction():
        pass
    with other.transaction():
        other.execute(SET_VALUE, ("a", "1"))
    other.close()


def test_a_newer_file_is_refused_in_words_and_left_alone(path: Path) -> None:
    newer = (*MIGRATIONS, Migration(len(MIGRATIONS) + 1, "from the future", ("CREATE TABLE later (id INTEGER)",)))
    Database.open(path, migrations=newer).close()
    before = path.read_bytes()
    with pytest.raises(IntegrityError, match="newer Edge Seal"):
        Database.open(path)
    assert path.read_bytes() == before


def test_a_migration_that_fails_leaves_nothing_and_can_be_done_again(path: Path) -> None:
    number = len(MIGRATIONS) + 1
    bad = Migration(number, "half", ("CREATE TABLE added (id INTEGER)", "CREATE TABLE added (id INTEGER)"))
    Database.open(path).close()
    with pytest.raises(EdgeSealError, match="already exists"):
        Database.open(path, migrations=(*MIGRATIONS, bad))
    good = Migration(number, "whole", ("CREATE TABLE added (id INTEGER)",))
    database = Database.open(path, migrations=(*MIGRATIONS, good))
    assert database.row("SELECT max(number), name FROM migrations") == (number, "whole")
    database.close()


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_two_processes_can_open_a_new_file_at_the_same_time(path: Path) -> None:
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            try:
                Database.open(path).close()
            except BaseException:  # noqa: BLE001  # a child must not run the rest of the tests
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0, 0]


@pytest.mark.parametrize("content", [b"this is not a database at all" * 200, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_an_integrity_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged or is not a database"):
        Database.open(path)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_not_touched(path: Path) -> None:
    foreign = Database.open(path, migrations=(Migration(1, "theirs", ("CREATE TABLE theirs (id INTEGER)",)),))
    foreign.execute("PRAGMA application_id = 4711")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(IntegrityError, match="another program"):
        Database.open(path)
    assert path.read_bytes() == before


def test_a_missing_directory_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot open"):
        Database.open(tmp_path / "nowhere" / "edge-seal.db")


def test_invalid_text_in_the_file_is_an_integrity_error(database: Database) -> None:
    with database.transaction():
        database.execute("INSERT INTO settings (key, value) VALUES ('a', CAST(x'ff' AS TEXT))")
    with pytest.raises(IntegrityError, match="not valid UTF-8"):
        database.row("SELECT value FROM settings")


def test_text_that_cannot_be_stored_is_refused(database: Database) -> None:
    with pytest.raises(EdgeSealError, match="surrogates"), database.transaction():
        database.execute(SET_VALUE, ("a", "\ud800"))


def test_a_number_is_never_used_twice(database: Database) -> None:
    insert = "INSERT INTO conversations (created_at) VALUES ('now')"
    with database.transaction():
        database.execute(insert)
        database.execute(insert)
        second = database.last_row_id
        database.execute("DELETE FROM conversations")
        database.execute(insert)
    assert database.last_row_id == second + 1


def test_the_ledger_can_be_added_to_only(database: Database) -> None:
    with database.transaction():
        database.execute("INSERT INTO ledger VALUES (1, 'at', 'actor', 'event', 'subject', '{}', '0', '1')")
    for statement in (
        "UPDATE ledger SET body = '[]'",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger VALUES (1, 'at', 'other', 'event', 'subject', '{}', '0', '1')",
    ):
        with pytest.raises(IntegrityError, match="append-only"), database.transaction():
            database.execute(statement)
    assert database.rows("SELECT actor, body FROM ledger") == [("actor", "{}")]


def test_two_updates_cannot_be_active(database: Database) -> None:
    insert = "INSERT INTO updates (created_at, state, base_sha256) VALUES ('now', 'active', 'b')"
    with database.transaction():
        database.execute(insert)
    with pytest.raises(IntegrityError, match="breaks a rule"), database.transaction():
        database.execute(insert)


def remember(database: Database, text: str) -> int:
    with database.transaction():
        database.execute(
            "INSERT INTO memories (created_at, text, origin, valid_from, digest) VALUES ('a', ?, 'typed', 'a', 'd')",
            (text,),
        )
    return database.last_row_id


def test_the_word_index_follows_the_memories(database: Database) -> None:
    def found(word: str) -> list[object]:
        return [row[0] for row in database.rows("SELECT rowid FROM memories_fts WHERE memories_fts MATCH ?", (word,))]

    memory = remember(database, "The café opens at eight")
    assert found("cafe") == found("opening") == [memory]
    with database.transaction():
        database.execute("UPDATE memories SET text = 'The bakery closes' WHERE id = ?", (memory,))
    assert (found("cafe"), found("bakery")) == ([], [memory])
    with database.transaction():
        database.execute("DELETE FROM memories WHERE id = ?", (memory,))
    assert found("bakery") == []
    assert database.problems() == ()


def test_after_a_scrub_no_byte_of_a_deleted_text_is_on_the_disk(database: Database, path: Path) -> None:
    memory = remember(database, "Quetzalcoatlus")
    everything = [file.read_bytes().lower() for file in path.parent.iterdir()]
    assert any(b"quetzalcoatlus" in content for content in everything)
    with database.transaction():
        database.execute("DELETE FROM memories WHERE id = ?", (memory,))
    database.scrub()
    everything = [file.read_bytes().lower() for file in path.parent.iterdir()]
    assert not any(b"quetzalcoatlus" in content or b"uetzalcoatl" in content for content in everything)


def test_a_flipped_byte_in_a_table_is_found(path: Path) -> None:
    database = Database.open(path)
    remember(database, "x" * 20_000)
    database.scrub()
    page = database.row("SELECT rootpage FROM sqlite_schema WHERE name = 'memories'")
    database.close()
    assert page is not None
    content = bytearray(path.read_bytes())
    start = (int(str(page[0])) - 1) * 4096
    content[start : start + 12] = b"\xff" * 12
    path.write_bytes(content)
    damaged = Database.open(path)
    assert damaged.problems() != ()
    with pytest.raises(IntegrityError):
        damaged.rows("SELECT text FROM memories")
    damaged.close()
