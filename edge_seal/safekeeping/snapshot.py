"""A backup as one file: a tar archive of a database copy and the adapters that it names.

    backup.json                      what it is: when, why, schema, ledger head, and the SHA-256 of every other member
    key.json                         of an encrypted home: how to come by its key
    edge-seal.db                     encrypted, where the home is
    adapters/<sha256>/<file>         sealed, where the home is

Invariants: under its final name a backup is complete and was read back; what is taken out of one has a name that is
in the table above and the hash that `backup.json` says.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tarfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_seal.errors import EngineError, IntegrityError
from edge_seal.storage.durable_file import sha256_of, sync_file

INFO_NAME: Final = "backup.json"
KEY_NAME: Final = "key.json"
DATABASE_NAME: Final = "edge-seal.db"

_ADAPTER_FILE: Final = re.compile(r"adapters/[0-9a-f]{64}/(adapter\.gguf|manifest(-[0-9a-f]{64})?\.json)")
_CHUNK_BYTES: Final = 1 << 20
_MOST_INFO_BYTES: Final = 16 << 20


class Info(BaseModel):
    """`backup.json`. `files` are the SHA-256 of the other members as they lie in the archive."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["edge-seal backup v1"] = "edge-seal backup v1"
    made_at: str
    reason: str
    schema_version: int
    ledger_entries: int
    ledger_head: str
    encrypted: bool
    problems: tuple[str, ...] = ()
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """A file that goes into a backup under `name`: its content, or where it lies."""

    name: str
    content: bytes | None = None
    path: Path | None = None

    def sha256(self) -> str:
        if self.path is not None:
            return sha256_of(self.path)
        return hashlib.sha256(self.content or b"").hexdigest()


def write(target: Path, info: Info, members: list[Member]) -> None:
    """Writes the archive to the new file `target` and reads it back; the bytes are on the disk when it returns.

    Raises:
        EngineError: the system refused.
        IntegrityError: what was read back is not what was written.
    """
    told = info.model_copy(update={"files": {member.name: member.sha256() for member in members}})
    with _system_errors("write", target):
        with target.open("xb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            target.chmod(0o600)
            content = told.model_dump_json(indent=1).encode()
            for member in (Member(INFO_NAME, content), *members):
                if member.path is None:
                    _add(archive, member.name, io.BytesIO(member.content or b""), len(member.content or b""))
                else:
                    with member.path.open("rb") as source:
                        _add(archive, member.name, source, member.path.stat().st_size)
        sync_file(target)
    verify(target)


def read_info(path: Path) -> Info:
    """What the backup says of itself: only its beginning is read, nothing is verified.

    Raises:
        IntegrityError: it is no backup.
        EngineError: it cannot be read.
    """
    with _opened(path) as archive:
        return _info(archive, path)


def verify(path: Path) -> Info:
    """Reads the whole backup and compares every member with its hash.

    Raises:
        IntegrityError: it is no backup, a member is missing, or one is not what it was.
    """
    with _opened(path) as archive:
        info = _info(archive, path)
        found: dict[str, str] = {}
        for name, file in _members(archive, path):
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
            found[name] = digest.hexdigest()
    _require_same(info, found, path)
    return info


def extract(path: Path, directory: Path) -> Info:
    """Takes every member out into the new `directory`; raises as `verify`."""
    with _opened(path) as archive, _system_errors("unpack", path):
        info = _info(archive, path)
        found: dict[str, str] = {}
        directory.mkdir(mode=0o700)
        for name, file in _members(archive, path):
            place = directory / name
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with place.open("xb") as target:
                place.chmod(0o600)
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    target.write(chunk)
            found[name] = digest.hexdigest()
    _require_same(info, found, path)
    return info


def _add(archive: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> None:
    # Nothing of the machine goes in: no owner, no time, no mode of its own.
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    archive.addfile(member, source)


def _info(archive: tarfile.TarFile, path: Path) -> Info:
    first = archive.next()
    file = None if first is None or not first.isreg() else archive.extractfile(first)
    if first is None or file is None or first.name != INFO_NAME or first.size > _MOST_INFO_BYTES:
        raise _no_backup(path, f"it does not begin with {INFO_NAME}")
    try:
        return Info.model_validate_json(file.read())
    except ValidationError as error:
        raise _no_backup(path, f"its {INFO_NAME} is damaged or of a newer version") from error


def _members(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """The other members; each is a plain file with a name that a backup has, or the whole is refused."""
    seen: set[str] = set()
    while (member := archive.next()) is not None:
        name = member.name
        known = name in {KEY_NAME, DATABASE_NAME} or _ADAPTER_FILE.fullmatch(name) is not None
        file = archive.extractfile(member) if known and member.isreg() and name not in seen else None
        if file is None:
            raise _no_backup(path, "it holds a member that a backup does not have")
        seen.add(name)
        yield name, file


def _require_same(info: Info, found: Mapping[str, str], path: Path) -> None:
    missing = sorted(info.files.keys() - found.keys())
    changed = sorted(name for name, sha256 in found.items() if info.files.get(name) != sha256)
    if missing or changed or DATABASE_NAME not in found:
        told = f"{(missing or changed or [DATABASE_NAME])[0]} is {'missing' if missing else 'not what was written'}"
        raise IntegrityError(
            f"the backup {path} is damaged: {told}", next_step="use another one: edge-seal backup --list"
        )


def _no_backup(path: Path, why: str) -> IntegrityError:
    return IntegrityError(f"{path} is no backup of Edge Seal: {why}", next_step="edge-seal backup --list")


@contextlib.contextmanager
def _opened(path: Path) -> Generator[tarfile.TarFile]:
    with _system_errors("read", path):
        try:
            # Uncompressed only: what a few bytes unpack to is bounded by their number.
            with tarfile.open(path, mode="r:") as archive:
                yield archive
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise _no_backup(path, f"it cannot be read as an archive ({type(error).__name__})") from error


@contextlib.contextmanager
def _system_errors(action: str, path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"could not {action} {path}: {error.strerror or error}",
            next_step="check its path, rights and space",
        ) from error
