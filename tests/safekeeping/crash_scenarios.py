"""What is cut off in `test_crashes`: each scenario with the two states that are allowed afterwards.

Every judge opens the home as the next command would, and holds what must hold whatever happened: the memories are
there, the audit trail is intact, the active update verifies, and no temporary file is left.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from edge_seal.records import Origin
from edge_seal.runtime import Runtime
from edge_seal.safekeeping import conversion
from edge_seal.safekeeping.possession import alone_in
from edge_seal.storage.database import Database
from edge_seal.storage.schema import MIGRATIONS
from edge_seal.storage.sealing import DataKey
from tests.safekeeping.world import (
    WORD,
    encrypted_cheaply,
    furnished,
    holding,
    home_at,
    opened,
)
from tests.updates.scene import HandClock

SISTER = f"My sister is called {WORD}"


def settled(directory: Path) -> Runtime:
    """The home as the next command finds it."""
    runtime = opened(directory / "home")
    assert SISTER in [memory.text for memory in runtime.stored_memories.list()]
    assert runtime.audit().problems == (), runtime.audit().problems
    active = runtime.releases.active()
    assert runtime.releases.serving() == (active, ())
    leftovers = [path.name for path in (directory / "home").rglob("*") if path.name.startswith(".tmp-")]
    assert leftovers == [], leftovers
    assert not (directory / "home" / "data" / "replacement.json").exists()
    return runtime


class Encrypt:
    """A plain home with a backup becomes an encrypted one."""

    def prepare(self, directory: Path) -> None:
        with furnished(directory / "home") as runtime:
            runtime.back_up()

    def act(self, directory: Path) -> None:
        encrypted_cheaply(directory / "home")

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            encrypted = runtime.key is not None
            told = [entry.event for entry in runtime.ledger.of_events("home")]
        plain = holding(directory / "home")
        return {(False, 4, 0): "before", (True, 0, 1): "after"}.get(
            (encrypted, len(plain), len(told)), repr((encrypted, plain, told))
        )


class Decrypt:
    """An encrypted home becomes a plain one."""

    def prepare(self, directory: Path) -> None:
        furnished(directory / "home").close()
        encrypted_cheaply(directory / "home")

    def act(self, directory: Path) -> None:
        home = home_at(directory / "home")
        with alone_in(home) as replacement:
            conversion.decrypt(home, HandClock(), replacement, DataKey(b"k" * 32))

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            encrypted = runtime.key is not None
        plain = holding(directory / "home")
        return {(True, 0): "before", (False, 3): "after"}.get((encrypted, len(plain)), repr((encrypted, plain)))


class Backup:
    """A backup is there and whole, or there is none."""

    def prepare(self, directory: Path) -> None:
        furnished(directory / "home").close()

    def act(self, directory: Path) -> None:
        with opened(directory / "home") as runtime:
            runtime.back_up()

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            made = runtime.backups()
            if not made:
                return "before"
            (backup,) = made
            runtime.clock.pass_by(hours=1)  # type: ignore[attr-defined]
            runtime.restore(backup.path)
        settled(directory).close()
        return "after"


class Restore:
    """A backup takes the place of a home that went on since."""

    def prepare(self, directory: Path) -> None:
        with furnished(directory / "home") as runtime:
            runtime.back_up(directory / "copy")
            runtime.stored_memories.remember("Later", Origin.TYPED)

    def act(self, directory: Path) -> None:
        with opened(directory / "home") as runtime:
            runtime.restore(directory / "copy")

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            later = "Later" in [memory.text for memory in runtime.stored_memories.list()]
            told = len(runtime.ledger.of_events("home.restored"))
            kept = ", ".join(backup.reason for backup in runtime.backups() if not backup.problems)
        # The backup of what is to be replaced is made first: it may be there and nothing else.
        if (later, told) == (True, 0):
            return "before"
        return {(False, 1, "before restore"): "after"}.get((later, told, kept), repr((later, told, kept)))


class Migrate:
    """A home of the first version is brought up to date, with its backup."""

    def prepare(self, directory: Path) -> None:
        home = home_at(directory / "home")
        home.create()
        with contextlib.closing(Database.open(home.database, migrations=MIGRATIONS[:1])) as older:
            older.execute("INSERT INTO settings (key, value) VALUES ('written', 'before')")

    def act(self, directory: Path) -> None:
        with opened(directory / "home") as runtime:
            assert runtime.database.version == MIGRATIONS[-1].number

    def judge(self, directory: Path, ended: str) -> str:
        home = home_at(directory / "home")
        with contextlib.closing(Database.open(home.database, migrations=())) as found:
            reached = found.version
            assert found.row("SELECT value FROM settings WHERE key = 'written'") == ("before",)
            assert found.is_sound()
        with opened(directory / "home") as runtime:
            assert runtime.database.version == MIGRATIONS[-1].number
            backups = runtime.backups()
            assert backups, "the tables were changed without a backup"
            # A start that died between two migrations leaves one more, of the version that it had reached.
            assert min(backup.schema_version for backup in backups) == 1
            assert runtime.audit().problems == ()
        return "after" if reached == MIGRATIONS[-1].number else "before"


class Import:
    """All memories of a file, or none."""

    def prepare(self, directory: Path) -> None:
        furnished(directory / "home").close()

    def act(self, directory: Path) -> None:
        lines = b"".join(b'{"text": "Fact number %d"}\n' % number for number in range(20))
        with opened(directory / "home") as runtime:
            runtime.stored_memories.import_from(io.BytesIO(lines))

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            count = len(runtime.stored_memories.list())
            words = len(runtime.stored_memories.search("fact", 50, "keyword"))
        return {(1, 0): "before", (21, 20): "after"}.get((count, words), repr((count, words)))
