"""Copies of a home in one file each: made while it is used, verified, and put back.

Invariants: what has a backup's name was verified after it was written; before the tables of a home are changed by a
migration, and before a backup takes the home's place, there is a backup of what was; an encrypted home gives encrypted
backups and none of its text is written plain on the way.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_seal.clock import Clock, timestamp
from edge_seal.config import Home
from edge_seal.errors import ConfigError, EdgeSealError, EngineError, IntegrityError
from edge_seal.safekeeping import snapshot
from edge_seal.safekeeping.snapshot import Info, Member
from edge_seal.storage.database import Database
from edge_seal.storage.durable_file import sync_file, temporary_beside
from edge_seal.storage.key_file import KeyFile
from edge_seal.storage.schema import MIGRATIONS
from edge_seal.storage.sealing import DataKey
from edge_seal.updates.adapters import PURPOSE, AdapterStore
from edge_seal.updates.ledger import Ledger

SUFFIX: Final = ".edge-seal-backup.tar"
KEPT_AUTOMATIC: Final = 5

MANUAL: Final = "asked for"
BEFORE_MIGRATION: Final = "before migration"
BEFORE_RESTORE: Final = "before restore"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup file and what it says of itself."""

    path: Path
    made_at: str
    reason: str
    size_bytes: int
    encrypted: bool
    schema_version: int
    ledger_entries: int
    ledger_head: str
    adapters: int
    problems: tuple[str, ...]


def make(
    home: Home,
    database: Database,
    key: DataKey | None,
    clock: Clock,
    *,
    reason: str = MANUAL,
    target: Path | None = None,
    damaged_too: bool = False,
) -> Backup:
    """Writes a backup of the home whose open database is `database`, to `target` or among the home's backups.

    Raises:
        IntegrityError: what is to be backed up is damaged (not raised if `damaged_too`: then the backup says so).
        EngineError: the system refused.
        ConfigError: `target` exists.
    """
    made_at = timestamp(clock.now())
    path = (target or _unused(home.backups / _name(made_at, reason))).absolute()
    if path.exists():
        raise ConfigError(f"{path} exists already; nothing was written", next_step="name another file")
    if target is None:
        _make_directory(path.parent)
    staged, copy = temporary_beside(path), temporary_beside(path)
    try:
        database.back_up_to(copy, None if key is None else key.for_database)
        info, adapters = _examined(copy, AdapterStore(home.adapters, key), key, clock, made_at, reason)
        if info.problems and not damaged_too:
            raise IntegrityError(
                f"no backup was made of what is damaged: {info.problems[0]}", next_step="edge-seal audit verify"
            )
        key_content = () if key is None else (Member(snapshot.KEY_NAME, home.key_file.read_bytes()),)
        snapshot.write(staged, info, [*key_content, Member(snapshot.DATABASE_NAME, path=copy), *adapters])
        staged.replace(path)
        sync_file(path.parent)
    except OSError as error:
        raise EngineError(
            f"cannot write the backup {path}: {error.strerror or error}",
            next_step="free some space, or back up to another place",
        ) from error
    finally:
        for leftover in (staged, copy):
            with contextlib.suppress(OSError):  # the next start sweeps it
                leftover.unlink(missing_ok=True)
    return described(path)


def before_migration(home: Home, older: Database, key: DataKey | None, clock: Clock) -> Backup:
    """The backup that is taken before the tables of `older` are changed; old automatic ones go."""
    made = make(home, older, key, clock, reason=f"{BEFORE_MIGRATION} {older.version + 1}", damaged_too=True)
    prune(home)
    return made


def listed(home: Home) -> tuple[Backup, ...]:
    """The home's own backups, oldest first; those that cannot be read say so in `problems`."""
    found = sorted(home.backups.glob(f"*{SUFFIX}")) if home.backups.is_dir() else []
    return tuple(sorted((described(path) for path in found), key=lambda backup: (backup.made_at, backup.path.name)))


def described(path: Path) -> Backup:
    """What the backup says of itself."""
    size = path.stat().st_size
    try:
        info = snapshot.read_info(path)
    except EdgeSealError as error:
        return Backup(path, "", "", size, encrypted=False, schema_version=0, ledger_entries=0, ledger_head="",
                      adapters=0, problems=(error.message,))  # fmt: skip
    adapters = {name.split("/")[1] for name in info.files if name.startswith("adapters/")}
    return Backup(
        path, info.made_at, info.reason, size, info.encrypted, info.schema_version, info.ledger_entries,
        info.ledger_head, len(adapters), info.problems,
    )  # fmt: skip


def prune(home: Home, *, kept: int = KEPT_AUTOMATIC) -> tuple[Path, ...]:
    """Removes all but the newest `kept` of the backups that nobody asked for."""
    automatic = [backup for backup in listed(home) if backup.reason.startswith((BEFORE_MIGRATION, BEFORE_RESTORE))]
    doomed = tuple(backup.path for backup in automatic[: max(0, len(automatic) - kept)])
    for path in doomed:
        with contextlib.suppress(OSError):  # one too many is harmless, and goes the next time
            path.unlink(missing_ok=True)
    return doomed


def remove_unpacked(directory: Path) -> None:
    """Removes what a backup was unpacked into, before anything is replaced.

    It may hold plain words: an encrypted home with it beside would not be what it says.

    Raises:
        EngineError: it cannot be removed; the next start tries again.
    """
    try:
        shutil.rmtree(directory)
    except OSError as error:
        raise EngineError(
            f"cannot remove {directory}: {error.strerror or error}; nothing was changed",
            next_step="check the disk, then run the command again",
        ) from error


def encrypted_copies(home: Home, key: DataKey, key_file: KeyFile) -> Iterator[tuple[Path, Path]]:
    """Each plain backup of the home, and an encrypted one that is to take its place, under a temporary name."""
    for backup in listed(home):
        if backup.encrypted or not backup.made_at:
            continue
        directory = temporary_beside(backup.path)
        info = snapshot.extract(backup.path, directory)
        sealed = temporary_beside(backup.path)
        database = directory / "sealed.db"
        with contextlib.closing(Database.open(directory / snapshot.DATABASE_NAME, migrations=())) as plain:
            plain.copy_to(database, key.for_database)
        adapters = [
            Member(name, key.seal((directory / name).read_bytes(), PURPOSE))
            for name in info.files
            if name.startswith("adapters/")
        ]
        members = [Member(snapshot.KEY_NAME, key_file.content()), Member(snapshot.DATABASE_NAME, path=database)]
        snapshot.write(sealed, info.model_copy(update={"encrypted": True}), [*members, *adapters])
        remove_unpacked(directory)
        yield backup.path, sealed


def _examined(
    copy: Path, store: AdapterStore, key: DataKey | None, clock: Clock, made_at: str, reason: str
) -> tuple[Info, list[Member]]:
    """What the copied database is, with all that is wrong with it, and the files of the adapters that it names."""
    problems: list[str] = []
    members: list[Member] = []
    with contextlib.closing(Database.open(copy, migrations=(), key=None if key is None else key.for_database)) as found:
        if not found.is_sound():
            problems.append("SQLite's own check finds damage in the database")
        check = Ledger(found, clock).verify()
        if check.reason is not None:
            problems.append(check.reason)
        for adapter, manifest in named_adapters(found):
            problem = store.verify(adapter, manifest)
            if problem is not None:
                problems.append(problem)
        for adapter in dict.fromkeys(adapter for adapter, _ in named_adapters(found)):
            members.extend(Member(f"adapters/{adapter}/{path.name}", path=path) for path in store.files(adapter))
        info = Info(
            made_at=made_at,
            reason=reason,
            schema_version=found.version,
            ledger_entries=check.entries,
            ledger_head=check.head,
            encrypted=key is not None,
            problems=tuple(problems),
            files={},
        )
        found.stand_alone()
    sync_file(copy)
    return info, members


def named_adapters(database: Database) -> Sequence[tuple[str, str]]:
    """The hashes of adapter and manifest of every update that has them, whatever the version of the tables."""
    rows = database.rows(
        "SELECT adapter_sha256, manifest_sha256 FROM updates WHERE adapter_sha256 IS NOT NULL ORDER BY id"
    )
    return tuple((str(adapter), str(manifest)) for adapter, manifest in rows)


def newest_schema() -> int:
    """The number of the newest migration that this program knows."""
    return MIGRATIONS[-1].number


def _unused(path: Path) -> Path:
    """`path`, or with a number where there is such a backup already."""
    number = 2
    found = path
    while found.exists():
        found = path.with_name(f"{path.name.removesuffix(SUFFIX)}-{number}{SUFFIX}")
        number += 1
    return found


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise EngineError(
            f"cannot make the directory {path}: {error.strerror or error}", next_step="check the space and its rights"
        ) from error


def _name(made_at: str, reason: str) -> str:
    """A name that sorts by time: `2026-01-31T083000.123456Z-before-migration-3.edge-seal-backup.tar`."""
    return f"{made_at.replace(':', '')}-{reason.replace(' ', '-')}{SUFFIX}"
