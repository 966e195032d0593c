"""A whole home encrypted, or decrypted: database, adapters, manifests, backups.

Everything is written anew beside what is there, read back, compared, and then takes its place in one step
(storage/replacement.py). Until then nothing that is there has changed, and an error or a crash leaves the state before.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from edge_seal.clock import Clock
from edge_seal.config import Home
from edge_seal.errors import IntegrityError
from edge_seal.records import Actor
from edge_seal.safekeeping import backups
from edge_seal.safekeeping.possession import real
from edge_seal.storage.database import Database
from edge_seal.storage.durable_file import sync_file, temporary_beside, write_durably
from edge_seal.storage.key_file import CIPHER, KeyFile
from edge_seal.storage.replacement import Move, Replacement
from edge_seal.storage.sealing import DataKey
from edge_seal.updates.adapters import PURPOSE, AdapterStore
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.heads import KeptHead
from edge_seal.updates.ledger import Ledger

ENCRYPTED = "home.encrypted"
DECRYPTED = "home.decrypted"


@dataclass(frozen=True, slots=True)
class Converted:
    """What was rewritten, and what could not be and stays as it was, in words."""

    rows: int
    adapter_files: int
    backups: int
    left: tuple[str, ...]


def encrypt(home: Home, clock: Clock, replacement: Replacement, key: DataKey, key_file: KeyFile) -> Converted:
    """Encrypts the plain home with `key`; only for who is alone in it.

    Raises:
        IntegrityError: the database is damaged; nothing was changed.
        EngineError: the system refused; nothing was changed, or the next start goes on.
    """
    body: dict[str, JsonValue] = {"cipher": CIPHER, "key_id": key.id, "holder": key_file.holder}
    rows, moves = _converted_database(home, clock, (None, key), (ENCRYPTED, body))
    files, left = _adapter_files(home, None, key)
    copies = [Move(path, copy, wipe=True) for path, copy in backups.encrypted_copies(home, key, key_file)]
    place = real(home.data) / home.key_file.name
    replacement.replace([*moves, *files, *copies, staged(place, key_file.content())])
    return Converted(rows, len(files), len(copies), left)


def decrypt(home: Home, clock: Clock, replacement: Replacement, key: DataKey) -> Converted:
    """Decrypts the home; backups stay as they are. Only for who is alone in it; raises as `encrypt`."""
    rows, moves = _converted_database(home, clock, (key, None), (DECRYPTED, {"key_id": key.id}))
    files, left = _adapter_files(home, key, None)
    replacement.replace([*moves, *files, Move(real(home.data) / home.key_file.name)])
    return Converted(rows, len(files), 0, left)


def staged(final: Path, content: bytes, *, wipes: bool = False) -> Move:
    """`content` under a temporary name beside `final`, whose place it is to take."""
    path = temporary_beside(final)
    write_durably(path, content)
    return Move(final, path, wipe=wipes)


def _converted_database(
    home: Home, clock: Clock, keys: tuple[DataKey | None, DataKey | None], entry: tuple[str, dict[str, JsonValue]]
) -> tuple[int, list[Move]]:
    """The database under the second key, complete and verified beside the one under the first; how many rows."""
    before, after = (None if key is None else key.for_database for key in keys)
    place = real(home.data) / home.database.name
    copy_place = temporary_beside(place)
    with contextlib.closing(
        Database.open(
            place, key=before, before_migration=lambda older: backups.before_migration(home, older, keys[0], clock)
        )
    ) as source:
        source.stand_alone()
        if not source.is_sound():
            raise IntegrityError(
                f"{place} is damaged; nothing was changed", next_step="edge-seal audit verify, or restore a backup"
            )
        source.copy_to(copy_place, after)
        contents, chain = source.contents(), Ledger(source, clock, home.head_file).verify()
    with contextlib.closing(Database.open(copy_place, key=after)) as copy:
        ledger = Ledger(copy, clock)
        if copy.contents() != contents or ledger.head()[1] != chain.head or not copy.is_sound():
            raise IntegrityError(
                f"the copy of {place} is not what was copied; nothing was changed", next_step="check the disk"
            )
        with copy.transaction():
            ledger.append(entry[0], actor=Actor.USER, subject="home", body=entry[1])
        head = ledger.kept_head(str(home.head_file))
        copy.stand_alone()
    sync_file(copy_place)
    moves = [Move(place, copy_place, wipe=after is not None), *without_companions(place)]
    if chain.intact:  # a head file that contradicts the chain is evidence, and stays
        moves.append(staged_head(home, head))
    return sum(contents.values()), moves


def without_companions(place: Path) -> list[Move]:
    """The removal of what SQLite may have left beside the database at `place`, which must not meet the new one."""
    return [Move(place.with_name(place.name + end), wipe=True) for end in ("-wal", "-shm", "-journal")]


def staged_head(home: Home, head: KeptHead) -> Move:
    """The ledger's head file as it is to be."""
    return staged(real(home.state) / home.head_file.name, head.text.encode())


def _adapter_files(home: Home, before: DataKey | None, after: DataKey | None) -> tuple[list[Move], tuple[str, ...]]:
    """Every file of every adapter under the second key; what cannot be read stays, and is told."""
    moves: list[Move] = []
    left: list[str] = []
    store = AdapterStore(real(home.data) / home.adapters.name)
    for path in (path for sha256 in store.stored() for path in store.files(sha256)):
        try:
            content = path.read_bytes()
            plain = content if before is None else before.unseal(content, PURPOSE, str(path))
        except OSError as error:
            left.append(f"{path} cannot be read: {error.strerror or error}")
        except IntegrityError as error:
            left.append(error.message)
        else:
            told = plain if after is None else after.seal(plain, PURPOSE)
            moves.append(staged(path, told, wipes=after is not None))
    return moves, tuple(left)
