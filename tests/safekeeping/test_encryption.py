from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_seal.errors import Busy, ConfigError, EngineError, IntegrityError
from edge_seal.records import Origin
from edge_seal.runtime import Runtime
from edge_seal.storage.database import Database
from edge_seal.storage.key_file import KeyFile
from tests.safekeeping.world import (
    PASSPHRASE,
    WORD,
    encrypted_cheaply,
    furnished,
    holding,
    home_at,
    learned,
    opened,
    texts,
)
from tests.updates.scene import HandClock


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "a home"


def test_after_encrypting_no_file_holds_a_word_of_it_and_all_is_there(root: Path) -> None:
    with furnished(root) as runtime:
        runtime.back_up()
        adapter = runtime.releases.active()
        assert len(holding(root)) >= 4  # the database, the adapter, its manifest, the backup: the search finds them
        protection, done = runtime.encrypt("passphrase")
        assert (protection.cipher, protection.holder, done.backups, done.left) == ("chacha20", "passphrase", 1, ())
        assert holding(root) == []
        # Not the old state only: what is written from now on, while the write-ahead log is open.
        learned(runtime, root, f"more weights of {WORD}".encode())
        runtime.clock.pass_by(minutes=1)  # type: ignore[attr-defined]  # it is the clock of the test
        runtime.back_up()
        runtime.stored_memories.remember(f"{WORD} lives in Oulu", Origin.TYPED)
        assert (root / "data" / "edge-seal.db-wal").stat().st_size > 0
        assert holding(root) == []
        assert runtime.audit().problems == ()
        assert texts(runtime) == [f"My sister is called {WORD}", f"{WORD} lives in Oulu"]
        assert [found.memory.text for found in runtime.stored_memories.search("Oulu", 3, "keyword")] == [
            f"{WORD} lives in Oulu"
        ]
        assert adapter is not None
        assert adapter.adapter_sha256 is not None
        # What reads an adapter by its path gets the plain bytes, and no name of it lies on the disk.
        path = runtime.adapters.path(adapter.adapter_sha256)
        assert path.read_bytes() == path.read_bytes() == f"weights that say {WORD}".encode() * 5000
        assert not path.resolve().is_relative_to(root)
        runtime.decrypt()
        assert texts(runtime) == [f"My sister is called {WORD}", f"{WORD} lives in Oulu"]
        assert runtime.audit().problems == ()
        assert not home_at(root).key_file.exists()
    events = opened(root).ledger.of_events("home")
    assert [entry.event for entry in events] == ["home.encrypted", "home.decrypted"]
    assert not list(root.rglob(".tmp-*"))


def test_a_wrong_passphrase_and_a_missing_key_are_clear_and_change_nothing(root: Path) -> None:
    furnished(root).close()
    encrypted_cheaply(root)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with opened(root, "not the words") as wrong, pytest.raises(ConfigError, match="not the right one"):
        wrong.stored_memories.list()
    with Runtime.open(home_at(root), HandClock()) as nobody, pytest.raises(ConfigError, match="nobody to ask"):
        nobody.stored_memories.list()
    assert {path: path.read_bytes() for path in before} == before
    key_file = home_at(root).key_file
    key_file.rename(root / "kept")
    with opened(root) as without, pytest.raises(IntegrityError, match=r"key.json beside it is gone"):
        without.stored_memories.list()
    (root / "kept").rename(key_file)
    with opened(root) as right:
        assert texts(right) == [f"My sister is called {WORD}"]


def test_a_plain_database_put_into_an_encrypted_home_is_refused(root: Path) -> None:
    with furnished(root) as runtime:
        runtime.database.back_up_to(root / "plain", None)
    encrypted_cheaply(root)
    (root / "plain").replace(home_at(root).database)
    with opened(root) as fooled, pytest.raises(IntegrityError, match="is not encrypted, but"):
        fooled.stored_memories.list()


def test_a_new_passphrase_rewrites_the_key_file_and_nothing_else(root: Path) -> None:
    furnished(root).close()
    encrypted_cheaply(root)
    salt = home_at(root).database.read_bytes()[:16]
    with opened(root) as runtime:
        runtime.passphrases = Changing(PASSPHRASE, "other words than those")
        runtime.move_key("passphrase")
    assert home_at(root).database.read_bytes()[:16] == salt
    with opened(root, "other words than those") as runtime:
        assert texts(runtime) == [f"My sister is called {WORD}"]
        assert runtime.audit().problems == ()
        assert runtime.ledger.of_events("home")[-1].event == "home.key_changed"
    with opened(root) as old, pytest.raises(ConfigError):
        old.stored_memories.list()


class Changing:
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def known(self, what: str) -> str:
        return self.old

    def chosen(self) -> str:
        return self.new


def test_who_has_the_home_open_is_not_left_writing_to_a_file_without_a_name(root: Path) -> None:
    with furnished(root) as runtime, opened(root) as second:
        assert texts(second)
        with pytest.raises(Busy, match="has this home open"):
            runtime.encrypt("passphrase")
        assert holding(root)
        second.close()
        runtime.encrypt("passphrase")
        assert holding(root) == []


def test_another_program_with_the_database_open_stops_it(root: Path) -> None:
    furnished(root).close()
    other = Database.open(home_at(root).database)
    other.rows("SELECT 1 FROM memories")
    try:
        with opened(root) as runtime, pytest.raises(Busy, match="another program"):
            runtime.encrypt("passphrase")
    finally:
        other.close()
    with opened(root) as runtime:
        assert texts(runtime) == [f"My sister is called {WORD}"]


def test_a_home_behind_a_link_is_encrypted_where_it_is(root: Path, tmp_path: Path) -> None:
    real = tmp_path / "another disk"
    furnished(real).close()
    root.symlink_to(real)
    encrypted_cheaply(root)
    assert root.is_symlink()
    assert holding(real) == []
    with opened(root) as runtime:
        assert texts(runtime) == [f"My sister is called {WORD}"]
        assert runtime.audit().problems == ()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_home_that_cannot_be_written_is_told(root: Path) -> None:
    furnished(root).close()
    home_at(root).data.chmod(0o500)
    try:
        with opened(root) as runtime, pytest.raises(EngineError):
            runtime.encrypt("passphrase")
    finally:
        home_at(root).data.chmod(0o700)
    assert holding(root)


def test_a_damaged_adapter_is_left_and_told_and_the_rest_is_encrypted(root: Path) -> None:
    with furnished(root) as runtime:
        runtime.encrypt("passphrase")
        active = runtime.releases.active()
        assert active is not None
        (sealed,) = (root / "data" / "adapters").glob("*/adapter.gguf")
        content = bytearray(sealed.read_bytes())
        content[-1] ^= 1
        sealed.write_bytes(content)
        assert any("was changed after it was encrypted" in problem for problem in runtime.audit().problems)
        done = runtime.decrypt()
        assert len(done.left) == 1
        assert texts(runtime) == [f"My sister is called {WORD}"]


def test_the_key_is_in_no_message_no_log_and_no_argument(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    furnished(root).close()
    key = encrypted_cheaply(root)
    seen = [repr(key), str(key), repr(KeyFile.read(home_at(root).key_file))]
    with opened(root) as runtime:
        for where in (root / "no directory" / "x.db", root):  # no such directory; a directory
            with pytest.raises(EngineError) as error:
                runtime.database.copy_to(where, key.for_database)
            seen.append("".join(_whole(error.value)))
    with pytest.raises(IntegrityError) as refused:
        Database.open(home_at(root).database, key=b"x" * 32)
    seen.extend((*_whole(refused.value), caplog.text))
    for secret in (key.secret, key.for_database, b"x" * 32):
        assert not any(secret.hex() in text or str(secret) in text for text in seen)


def _whole(error: BaseException) -> list[str]:
    import traceback

    return traceback.format_exception(error)


def test_a_hard_link_elsewhere_is_somebodys_copy_and_keeps_its_bytes(root: Path, tmp_path: Path) -> None:
    furnished(root).close()
    os.link(home_at(root).database, tmp_path / "snapshot")
    encrypted_cheaply(root)
    with contextlib.closing(Database.open(tmp_path / "snapshot")) as kept:
        assert kept.row("SELECT text FROM memories") == (f"My sister is called {WORD}",)


def test_the_plain_bytes_are_overwritten_before_their_name_goes(root: Path) -> None:
    furnished(root).close()
    with home_at(root).database.open("rb") as still_open:
        encrypted_cheaply(root)
        assert set(still_open.read()) == {0}


def test_vectors_keep_their_places_where_rows_were_deleted(root: Path) -> None:
    with furnished(root) as runtime:
        database = runtime.database
        with database.transaction():
            database.execute("CREATE VIRTUAL TABLE v USING vec0 (e float[4])")
            for number in range(1, 3001):
                database.execute("INSERT INTO v (rowid, e) VALUES (?, ?)", (number, f"[{number}, 1, 0, 0]"))
            database.execute("DELETE FROM v WHERE rowid <= 1100 OR rowid % 3 = 0")
        before = database.rows("SELECT rowid, e FROM v ORDER BY rowid")
        runtime.encrypt("passphrase")
        assert runtime.database.rows("SELECT rowid, e FROM v ORDER BY rowid") == before
        nearest = runtime.database.row("SELECT rowid FROM v WHERE e MATCH '[2000, 1, 0, 0]' AND k = 1")
        assert nearest == (2000,)


def test_nothing_is_imported_for_a_plain_home(root: Path) -> None:
    """Encryption costs nothing where it is not used: neither library is loaded."""
    program = (
        "import sys; from pathlib import Path; from tests.safekeeping.world import opened;"
        f"r = opened(Path({str(root)!r})); r.stored_memories.list(); r.close();"
        "print([m for m in ('keyring', 'cryptography') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "[]"


def test_a_database_that_is_a_link_would_stay_plain_where_it_is_and_is_refused(root: Path, tmp_path: Path) -> None:
    furnished(root).close()
    database = home_at(root).database
    database.replace(tmp_path / "moved.db")
    database.symlink_to(tmp_path / "moved.db")
    with opened(root) as runtime:
        with pytest.raises(EngineError, match="is a link"):
            runtime.encrypt("passphrase")
        assert runtime.protection().cipher is None
        assert f"My sister is called {WORD}" in texts(runtime)
    database.unlink()
    (tmp_path / "moved.db").replace(database)
    with opened(root) as runtime:
        runtime.encrypt("passphrase")
    assert holding(tmp_path) == []
