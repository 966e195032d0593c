from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_seal.errors import ConfigError, EdgeSealError, EngineError, IntegrityError, NotFound
from edge_seal.records import Origin
from edge_seal.runtime import Runtime
from edge_seal.safekeeping import backups, snapshot
from edge_seal.safekeeping.snapshot import Info, Member
from edge_seal.storage.database import Database
from edge_seal.storage.schema import MIGRATIONS
from tests.safekeeping.world import WORD, encrypted_cheaply, furnished, holding, home_at, learned, opened, texts
from tests.updates.scene import HandClock

SISTER = f"My sister is called {WORD}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home"


def test_what_is_restored_is_what_was_backed_up_and_the_audit_trail_says_so(root: Path, tmp_path: Path) -> None:
    clock = HandClock()
    with furnished(root, clock=clock) as runtime:
        kept = runtime.releases.active()
        made = runtime.back_up(tmp_path / "a copy.tar")
        assert (made.adapters, made.encrypted, made.problems) == (1, False, ())
        clock.pass_by(hours=1)
        runtime.stored_memories.remember("Later", Origin.TYPED)
        learned(runtime, root, b"later weights")
        head = runtime.ledger.head()
        done = runtime.restore(made.path)
        assert texts(runtime) == [SISTER]
        assert runtime.releases.active() == kept
        assert runtime.releases.serving() == (kept, ())
        # An older copy that somebody slips in is a cut-off end; this one was put there on purpose.
        assert runtime.audit().problems == ()
        (entry,) = runtime.ledger.of_events("home.restored")
        assert f'"replaced_seq":{head[0]}' in entry.body
        assert head[1] in entry.body
        # And what it replaced can be had back.
        assert done.replaced is not None
        clock.pass_by(hours=1)
        runtime.restore(done.replaced)
        assert texts(runtime) == [SISTER, "Later"]
        assert runtime.audit().problems == ()
        with runtime.writing():  # clears up: the adapters that are named stay
            pass
        assert runtime.audit().problems == ()
        assert [backup.reason for backup in runtime.backups()] == ["before restore", "before restore"]


def test_a_backup_moves_to_another_machine(root: Path, tmp_path: Path) -> None:
    with furnished(root) as runtime:
        path = runtime.back_up(tmp_path / "copy").path
    with opened(tmp_path / "new") as new:
        done = new.restore(path)
        assert (done.replaced, texts(new), new.audit().problems) == (None, [SISTER], ())


def test_of_an_encrypted_home_the_backup_is_encrypted_and_carries_what_opens_it(root: Path, tmp_path: Path) -> None:
    furnished(root).close()
    encrypted_cheaply(root)
    with opened(root) as runtime:
        path = runtime.back_up(tmp_path / "copy").path
    assert WORD.encode() not in path.read_bytes()
    shutil.rmtree(root)
    with opened(tmp_path / "stranger", "no such words") as stranger, pytest.raises(ConfigError):
        stranger.restore(path)
    assert not home_at(tmp_path / "stranger").database.exists()
    with opened(tmp_path / "new") as new:
        assert new.restore(path).encrypted
        assert texts(new) == [SISTER]
        assert new.audit().problems == ()
    assert holding(tmp_path / "new") == []


def test_an_encrypted_home_stays_encrypted_whatever_is_restored(root: Path, tmp_path: Path) -> None:
    with furnished(root) as runtime:
        path = runtime.back_up(tmp_path / "plain").path
    key = encrypted_cheaply(root)
    with opened(root) as runtime:
        runtime.stored_memories.remember(f"{WORD} again", Origin.TYPED)
        runtime.restore(path)
        assert texts(runtime) == [SISTER]
        assert runtime.audit().problems == ()
        assert runtime.key == key
    assert holding(root) == []


def test_a_plain_home_becomes_encrypted_with_its_backups_when_the_backup_is(root: Path, tmp_path: Path) -> None:
    furnished(root).close()
    encrypted_cheaply(root)
    with opened(root) as runtime:
        path = runtime.back_up(tmp_path / "sealed").path
        runtime.decrypt()
        assert holding(root)
        runtime.back_up()
        runtime.clock.pass_by(hours=1)  # type: ignore[attr-defined]
        done = runtime.restore(path)
        assert done.encrypted
        assert texts(runtime) == [SISTER]
    # What it replaced was backed up plain before it was clear that the home would be encrypted: it is not left so.
    assert holding(root) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b"Zebulon", b"Zebulun"),
        lambda content: b"no archive" * 100,
        lambda content: b"",
    ],
    ids=["cut off", "a word changed", "something else", "empty"],
)
def test_a_damaged_backup_is_refused_and_changes_nothing(
    root: Path, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    with furnished(root) as runtime:
        path = runtime.back_up(tmp_path / "copy").path
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(IntegrityError, match="backup"):
            runtime.restore(path)
        with pytest.raises(EdgeSealError, match="could not read"):
            runtime.restore(tmp_path / "none")
        assert texts(runtime) == [SISTER]
        assert runtime.audit().problems == ()
        assert runtime.backups() == ()
    assert not list(root.rglob(".tmp-*"))


def test_a_backup_whose_chain_was_changed_is_refused_though_its_hashes_fit(root: Path, tmp_path: Path) -> None:
    with furnished(root) as runtime:
        path = runtime.back_up(tmp_path / "copy").path
        unpacked = tmp_path / "unpacked"
        info = snapshot.extract(path, unpacked)
        with contextlib.closing(Database.open(unpacked / snapshot.DATABASE_NAME, migrations=())) as forged:
            forged.execute("DROP TRIGGER ledger_no_update")
            forged.execute("UPDATE ledger SET actor = 'nobody' WHERE seq = 2")
            forged.stand_alone()
        members = [Member(str(file.relative_to(unpacked)), path=file) for file in unpacked.rglob("*") if file.is_file()]
        snapshot.write(tmp_path / "forged", info, members)
        with pytest.raises(IntegrityError, match="entry 2"):
            runtime.restore(tmp_path / "forged")
        assert texts(runtime) == [SISTER]


@pytest.mark.parametrize("name", ["../escaped", "/escaped", "adapters/../../escaped", "edge-seal.db-wal", "link"])
def test_an_archive_with_anything_else_in_it_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    info = Info(
        made_at="",
        reason="",
        schema_version=1,
        ledger_entries=0,
        ledger_head="",
        encrypted=False,
        files={name: "0" * 64},
    )
    with tarfile.open(tmp_path / "evil", "w") as archive:
        (tmp_path / "info").write_text(info.model_dump_json())
        archive.add(tmp_path / "info", snapshot.INFO_NAME)
        member = tarfile.TarInfo(snapshot.DATABASE_NAME if name == "link" else name)
        if name == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with opened(root) as runtime, pytest.raises(IntegrityError, match="a member that a backup does not have"):
        runtime.restore(tmp_path / "evil")
    assert not (tmp_path / "escaped").exists()


def test_a_backup_of_a_newer_version_is_refused(root: Path, tmp_path: Path) -> None:
    with furnished(root) as runtime:
        runtime.database.execute(
            "INSERT INTO migrations (number, name, sqlite_version) VALUES (?, 'later', '')",
            (MIGRATIONS[-1].number + 1,),
        )
        path = runtime.back_up(tmp_path / "copy").path
    with opened(tmp_path / "old") as old, pytest.raises(IntegrityError, match="newer Edge Seal"):
        old.restore(path)


def test_a_home_too_damaged_to_open_is_replaced_and_its_bytes_are_kept(root: Path, tmp_path: Path) -> None:
    with furnished(root) as runtime:
        path = runtime.back_up(tmp_path / "copy").path
    home_at(root).database.write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)
    with opened(root) as runtime:
        done = runtime.restore(path)
        assert done.replaced is not None
        assert done.replaced.read_bytes().endswith(b"\xff" * 9000)
        assert texts(runtime) == [SISTER]
        assert runtime.audit().problems == ()


def test_what_is_damaged_is_not_backed_up_as_if_it_were_sound(root: Path) -> None:
    with furnished(root) as runtime:
        (adapter,) = home_at(root).adapters.glob("*/adapter.gguf")
        adapter.write_bytes(b"other weights")
        with pytest.raises(IntegrityError, match="was changed"):
            runtime.back_up()
        assert runtime.backups() == ()


def test_an_existing_file_is_never_overwritten_and_removing_names_one_backup(root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with furnished(root) as runtime:
        with pytest.raises(ConfigError, match="exists already"):
            runtime.back_up(tmp_path / "mine")
        with pytest.raises(NotFound):
            runtime.remove_backup("../mine")
        made = runtime.back_up()
        assert made.path.stat().st_mode & 0o777 == 0o600
        assert runtime.remove_backup(made.path.name) == made.path
        assert runtime.backups() == ()


def test_before_a_migration_there_is_a_backup_of_what_was_and_the_last_five_are_kept(root: Path) -> None:
    home = home_at(root)
    home.create()
    clock = HandClock()
    for number in range(7):
        with contextlib.closing(Database.open(root / f"{number}.db", migrations=MIGRATIONS[:1])) as older:
            older.execute("INSERT INTO settings (key, value) VALUES ('written', 'by the first version')")
        (root / f"{number}.db").replace(home.database)
        with Runtime.open(home, clock) as runtime:
            assert runtime.database.version == MIGRATIONS[-1].number
        clock.pass_by(hours=1)
    made = backups.listed(home)
    assert [(backup.reason, backup.schema_version) for backup in made] == [("before migration 2", 1)] * 5
    with Runtime.open(home, clock) as runtime:
        runtime.restore(made[-1].path)
        # Restored, it is brought up to date again like any older home, and what was in it is there.
        assert runtime.database.row("SELECT value FROM settings WHERE key = 'written'") == ("by the first version",)
        assert runtime.database.version == MIGRATIONS[-1].number


def test_a_migration_without_room_for_its_backup_does_not_begin(root: Path) -> None:
    home = home_at(root)
    home.create()
    Database.open(home.database, migrations=MIGRATIONS[:1]).close()
    home.backups.write_text("a file where the directory should be")
    with Runtime.open(home, HandClock()) as runtime, pytest.raises(EdgeSealError, match="backups"):
        _ = runtime.database
    with contextlib.closing(Database.open(home.database, migrations=())) as unchanged:
        assert unchanged.version == 1


def test_what_a_backup_was_unpacked_into_has_to_go_before_anything_is_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, **_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with furnished(root) as runtime:
        runtime.back_up()
        monkeypatch.setattr("edge_seal.safekeeping.backups.shutil.rmtree", refuses)
        with pytest.raises(EngineError, match="cannot remove"):
            runtime.encrypt("passphrase")
        monkeypatch.undo()
        assert runtime.protection().cipher is None
        runtime.encrypt("passphrase")
    assert holding(root) == []
