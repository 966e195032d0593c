"""A small ledger with each byte changed and each prefix cut: noticed, or refused by SQLite.

In rows: every byte of every field of every entry and of the count (of the head file: `test_heads`). In the file: every
byte of the pages that hold them, and every prefix. By default some of these: `EDGE_SEAL_EVERY_BYTE=1` does all of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge_seal.clock import SystemClock
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.records import State
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates.ledger import Ledger
from tests.storage.faults import quick_directory
from tests.updates.scene import BASE_SHA256, Scene

__all__ = ["quick_directory"]  # a fixture

EVERY = "EDGE_SEAL_EVERY_BYTE" in os.environ
FIELDS = ("seq", "at", "actor", "event", "subject", "body", "previous_hash", "entry_hash")
COUNTED = ("entries", "entry_hash", "peaks")
Rows = tuple[list[tuple[SqlValue, ...]], list[tuple[SqlValue, ...]]]


def written(root: Path) -> Scene:
    """A ledger of five entries: an update that was proposed, went on, and was abandoned, and one more."""
    scene = Scene(root)
    update = scene.releases.propose(None, BASE_SHA256, "asked for", "user")
    scene.releases.advance(update.id, State.SCORED, actor="cycle", body={"kept": 3})
    scene.releases.abandon(update.id, actor="user", reason="changed my mind")
    with scene.database.transaction():
        for number in range(2):
            scene.ledger.append("memory.remembered", actor="user", subject=f"m{number}", body={"digest": "0" * 8})
    return scene


def flips(value: SqlValue) -> Iterator[SqlValue]:
    """`value` with one bit of one of its bytes changed, for each of its bytes; numbers as their neighbours."""
    if isinstance(value, int):
        yield from (value ^ 1, value + 8, -value, None)
    elif isinstance(value, bytes):
        for place in range(len(value)):
            yield value[:place] + bytes([value[place] ^ 1 << place % 8]) + value[place + 1 :]
    elif isinstance(value, str):
        for place, character in enumerate(value):
            # Of the low six bits one, so that it stays a character of one byte.
            yield value[:place] + chr(ord(character) ^ 1 << place % 6) + value[place + 1 :]


def prefixes(value: SqlValue) -> Iterator[SqlValue]:
    if isinstance(value, str | bytes):
        yield from (value[:end] for end in range(len(value)))


def test_every_byte_and_every_prefix_of_every_field_is_noticed(tmp_path: Path) -> None:
    scene = written(tmp_path / "home")
    database = scene.database
    database.execute(
        "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete;"
        "DROP TRIGGER ledger_count_goes_up; DROP TRIGGER ledger_count_stays"
    )
    # Nothing of it has to last, and a transaction saves the syncs.
    database.execute("BEGIN")
    changed = 0
    for table, key, fields in (("ledger", "seq", FIELDS), ("ledger_count", "id", COUNTED)):
        for row in database.rows(f"SELECT {key}, {', '.join(fields)} FROM {table}"):  # noqa: S608  # our own names
            for field, value in zip(fields, row[1:], strict=True):
                put = f"UPDATE {table} SET {field} = ? WHERE {key} = ?"  # noqa: S608  # as above
                for other in (*flips(value), *prefixes(value)):
                    if not _put(database, put, other, row[0]):
                        continue  # the table's own rules refuse it: NULL, a number that is taken
                    assert not scene.ledger.verify().intact, (table, row[0], field, other)
                    changed += 1
                    assert _put(database, put, value, other if field == key else row[0])
    assert changed > 2500
    assert scene.ledger.verify().intact
    # Every prefix of the entries themselves.
    for last in range(5):
        database.execute("SAVEPOINT cut")
        database.execute("DELETE FROM ledger WHERE seq > ?", (last,))
        assert not scene.ledger.verify().intact
        database.execute("ROLLBACK TO cut; RELEASE cut")
    assert scene.ledger.verify().intact
    database.execute("ROLLBACK")
    print(f"{changed} changes of fields")  # noqa: T201
    scene.close()


def _put(database: Database, statement: str, value: SqlValue, key: SqlValue) -> bool:
    try:
        database.execute(statement, (value, key))
    except EdgeSealError:
        return False
    return True


# The file -----------------------------------------------------------------------------------------------------


def judged(path: Path, head_file: Path, whole: Rows) -> str:
    """`refused` by SQLite, `noticed` by us, `same`: every row is as it was written; else `missed`."""
    try:
        with closing(Database.open(path, migrations=())) as database:
            if not Ledger(database, SystemClock(), head_file).verify().intact or database.problems():
                return "noticed"
            return "same" if _rows(database) == whole else "missed"
    except IntegrityError:
        return "noticed"
    except EdgeSealError:
        return "refused"


def _rows(database: Database) -> Rows:
    return (
        database.rows(f"SELECT {', '.join(FIELDS)} FROM ledger ORDER BY seq"),  # noqa: S608  # our own names
        database.rows(f"SELECT {', '.join(COUNTED)} FROM ledger_count"),  # noqa: S608  # as above
    )


def test_every_byte_of_the_pages_and_every_prefix_of_the_file(quick_directory: Path) -> None:
    scene = written(quick_directory / "home")
    page_size, *roots = (
        int(str(row[0]))
        for query in (
            "SELECT page_size FROM pragma_page_size",
            "SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('ledger', 'ledger_count') AND rootpage > 0",
        )
        for row in scene.database.rows(query)
    )
    whole = _rows(scene.database)
    scene.database.stand_alone()
    scene.close()
    content = (quick_directory / "home" / "edge-seal.db").read_bytes()
    assert judged(quick_directory / "home" / "edge-seal.db", scene.head_file, whole) == "same"
    copy = quick_directory / "copy.db"

    def with_content(changed: bytes) -> str:
        copy.write_bytes(changed)
        found = judged(copy, scene.head_file, whole)
        for beside in quick_directory.glob("copy.db-*"):
            beside.unlink()
        return found

    found: Counter[str] = Counter()
    # The ledger's own leaf pages: small as it is, each of its tables and indexes is one.
    for root in roots:
        start = (root - 1) * page_size
        places = [place for place in range(start, start + page_size) if EVERY or content[place]]
        for place in places[:: 1 if EVERY else 23]:
            flipped = bytearray(content)
            flipped[place] ^= 1 << place % 8
            one = with_content(bytes(flipped))
            found[one] += 1
            assert one != "missed", place
    cut: Counter[str] = Counter()
    step = 16 if EVERY else 8 * page_size - 1
    for end in sorted({*range(0, len(content), step), *range(0, len(content), page_size), len(content) - 1}):
        if not EVERY and end % page_size == 0 and end // page_size % 9:
            continue
        one = with_content(content[:end])
        cut[one] += 1
        # The zeros at the end of a page are read as such where they are missing.
        assert one in ({"noticed", "refused"} if end <= len(content) - page_size else {"noticed", "refused", "same"}), (
            end
        )
    print(f"{len(roots)} pages of {page_size}: {dict(found)}; {len(content)} bytes cut: {dict(cut)}")  # noqa: T201
    assert found["noticed"] + found["refused"] > 0
    assert cut["noticed"] + cut["refused"] > 5
