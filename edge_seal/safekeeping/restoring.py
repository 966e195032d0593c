"""A backup in the place of a home: verified before, the replaced state kept, and told in the audit trail.

A restored database is older than the ledger's head file, which would rightly call it cut off. So the entry
`home.restored` is written into it, with the head of the backup and the head that was replaced, and the head file goes
to that entry in the same step as everything else.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge_seal.clock import Clock, timestamp
from edge_seal.config import Home
from edge_seal.errors import IntegrityError
from edge_seal.records import Actor
from edge_seal.safekeeping import backups, snapshot
from edge_seal.safekeeping.conversion import staged, staged_head, without_companions
from edge_seal.safekeeping.possession import real
from edge_seal.safekeeping.snapshot import Info
from edge_seal.safekeeping.unlocking import Passphrases, key_of, unlocked
from edge_seal.storage.database import Database
from edge_seal.storage.durable_file import sync_file, temporary_beside
from edge_seal.storage.key_file import KeyFile
from edge_seal.storage.replacement import Move, Replacement
from edge_seal.storage.sealing import DataKey
from edge_seal.updates.adapters import PURPOSE, AdapterStore
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.heads import KeptHead
from edge_seal.updates.ledger import Ledger

RESTORED = "home.restored"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, and where what it replaced is kept (None: there was nothing)."""

    info: Info
    replaced: Path | None
    adapters: int
    encrypted: bool


def restore(
    home: Home, path: Path, clock: Clock, replacement: Replacement, passphrases: Passphrases | None
) -> Restored:
    """Puts the backup at `path` in the place of the home's database and adapters; only for who is alone in it.

    An encrypted home stays encrypted, with its own key. A plain one becomes encrypted, if the backup is.

    Raises:
        IntegrityError: the backup is damaged, or of a newer version; nothing was changed.
        ConfigError, NotFound: there is no key to it; nothing was changed.
        EngineError: the system refused; nothing was changed, or the next start goes on.
    """
    unpacked = temporary_beside(real(home.data) / home.database.name)
    info = snapshot.extract(path, unpacked)
    if info.schema_version > backups.newest_schema():
        raise IntegrityError(
            f"{path} was made by a newer Edge Seal (its tables are version {info.schema_version}, this program knows "
            f"{backups.newest_schema()}); nothing was changed",
            next_step="install the newer version: pip install --upgrade edge-seal",
        )
    key_file = KeyFile.read(unpacked / snapshot.KEY_NAME)
    own_key = unlocked(home, passphrases)
    if key_file is None:
        its_key = None
    elif own_key is not None and own_key.id == key_file.key_id:
        its_key = own_key
    else:
        its_key = key_of(key_file, passphrases, f"the backup {path.name}")
    key = own_key or its_key
    _verify(unpacked, path, its_key, clock)
    replaced, replaced_head = _kept(home, own_key, clock)

    body: dict[str, JsonValue] = {
        "backup_made_at": info.made_at,
        "backup_seq": info.ledger_entries,
        "backup_head": info.ledger_head,
        "replaced_seq": replaced_head[0],
        "replaced_head": replaced_head[1],
    }
    place = real(home.data) / home.database.name
    copy, head = _staged_database(unpacked / snapshot.DATABASE_NAME, place, (its_key, key), body, clock, home.head_file)
    adapters = _staged_adapters(home, unpacked, (its_key, key))
    moves = [Move(place, copy), *without_companions(place), staged_head(home, head), *adapters]
    if own_key is None and key_file is not None:
        moves.append(staged(place.with_name(home.key_file.name), key_file.content()))
        # From here on the home is an encrypted one, and so is all that is kept in it.
        copies = backups.encrypted_copies(home, its_key, key_file) if its_key is not None else ()
        moves.extend(Move(plain, copy, wipe=True) for plain, copy in copies)
    backups.remove_unpacked(unpacked)
    replacement.replace(moves)
    backups.prune(home)
    return Restored(info, replaced, len({move.final.parent for move in adapters}), key is not None)


def _verify(unpacked: Path, path: Path, key: DataKey | None, clock: Clock) -> None:
    """Raises IntegrityError where the unpacked backup is not a sound home."""
    problems: list[str] = []
    store = AdapterStore(unpacked / "adapters", key)
    place = unpacked / snapshot.DATABASE_NAME
    with contextlib.closing(Database.open(place, migrations=(), key=_of_database(key))) as found:
        if found.version == 0 or not found.is_sound():
            problems.append("its database is damaged")
        else:
            check = Ledger(found, clock).verify()
            problems.extend(() if check.reason is None else (check.reason,))
            wrong = (store.verify(*hashes) for hashes in backups.named_adapters(found))
            problems.extend(problem for problem in wrong if problem is not None)
    if problems:
        raise IntegrityError(
            f"the backup {path} is damaged: {problems[0]}; nothing was changed",
            next_step="use another one: edge-seal backup --list",
        )


def _kept(home: Home, key: DataKey | None, clock: Clock) -> tuple[Path | None, tuple[int, str]]:
    """A backup of what is there now, or (if it is too damaged for one) a copy of its files; and its ledger's head."""
    if not home.database.exists() or home.database.stat().st_size == 0:
        return None, (0, "")
    try:
        with contextlib.closing(Database.open(home.database, migrations=(), key=_of_database(key))) as now:
            head = Ledger(now, clock).head()
            made = backups.make(home, now, key, clock, reason=backups.BEFORE_RESTORE, damaged_too=True)
            return made.path, head
    except IntegrityError:
        # Not a database any more: its bytes are kept as they are, for whoever can read more out of them.
        home.backups.mkdir(mode=0o700, exist_ok=True)
        kept = home.backups / f"{timestamp(clock.now()).replace(':', '')}-damaged.db"
        for end in ("", "-wal"):
            source = home.database.with_name(home.database.name + end)
            if source.exists():
                shutil.copyfile(source, kept.with_name(kept.name + end))
                kept.with_name(kept.name + end).chmod(0o600)
        return kept, (0, "")


def _staged_database(
    unpacked: Path,
    place: Path,
    keys: tuple[DataKey | None, DataKey | None],
    body: dict[str, JsonValue],
    clock: Clock,
    head_file: Path,
) -> tuple[Path, KeptHead]:
    """The backup's database under the home's key with the entry that it was restored; and its ledger's new head."""
    its_key, key = keys
    copy = temporary_beside(place)
    with contextlib.closing(Database.open(unpacked, migrations=(), key=_of_database(its_key))) as source:
        source.copy_to(copy, _of_database(key))
        contents = source.contents()
    with contextlib.closing(Database.open(copy, migrations=(), key=_of_database(key))) as restored:
        if restored.contents() != contents or not restored.is_sound():
            raise IntegrityError("the copy of the backup is not what was copied; nothing was changed")
        ledger = Ledger(restored, clock)
        with restored.transaction():
            ledger.append(RESTORED, actor=Actor.USER, subject="home", body=body)
        head = ledger.kept_head(str(head_file))
        restored.stand_alone()
    sync_file(copy)
    return copy, head


def _staged_adapters(home: Home, unpacked: Path, keys: tuple[DataKey | None, DataKey | None]) -> list[Move]:
    """The backup's adapter files under the home's key, each beside the place that it is to take."""
    its_key, key = keys
    moves: list[Move] = []
    for source in sorted((unpacked / "adapters").glob("*/*")):
        content = source.read_bytes()
        plain = content if its_key is None else its_key.unseal(content, PURPOSE, source.name)
        final = real(home.data) / home.adapters.name / source.parent.name / source.name
        final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        moves.append(staged(final, plain if key is None else key.seal(plain, PURPOSE)))
    return moves


def _of_database(key: DataKey | None) -> bytes | None:
    return None if key is None else key.for_database
