"""An export behind a passphrase of its own: readable wherever the passphrase is known, whatever home it came from.

One line, `edge-seal export v1` and a key file (storage/key_file.py) in JSON; then a sealed file with that key.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import Final

from edge_seal.errors import ConfigError, IntegrityError
from edge_seal.safekeeping.unlocking import Passphrases
from edge_seal.storage.key_file import KeyFile
from edge_seal.storage.sealing import Cost, DataKey

MAGIC: Final = b"edge-seal export v1 "
PURPOSE: Final = "export"


def sealed_export(content: bytes, passphrase: str, cost: Cost | None = None) -> bytes:
    """`content` behind `passphrase`.

    Raises:
        ConfigError: the passphrase is too short.
    """
    key = DataKey.random()
    return MAGIC + KeyFile.for_passphrase(key, passphrase, cost).content() + key.seal(content, PURPOSE)


def is_sealed_export(path: Path) -> bool:
    """Whether the file at `path` begins as `sealed_export` does; False where there is none that can be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def packed(directory: Path) -> bytes:
    """The files below `directory` as one tar archive."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(path for path in directory.rglob("*") if path.is_file()):
            archive.add(file, file.relative_to(directory).as_posix(), recursive=False)
    return content.getvalue()


def unpack(content: bytes, directory: Path, name: str) -> None:
    """Writes the files that `packed` put together below `directory`.

    Raises:
        IntegrityError: it is no such archive, or names something that is no file below `directory`.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                inside = PurePosixPath(member.name)
                source = archive.extractfile(member) if member.isfile() else None
                if source is None or inside.is_absolute() or ".." in inside.parts:
                    raise IntegrityError(f"{name} holds something that no export holds: {member.name[:80]!r}")
                target = directory / inside
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                target.write_bytes(source.read())
    except (tarfile.TarError, OSError, ValueError) as error:
        raise IntegrityError(f"{name} is damaged: {error}", next_step="export it again") from error


def opened_export(content: bytes, passphrases: Passphrases | None, name: str) -> bytes:
    """What was exported; `content` itself, if it is not encrypted. `name` is for people.

    Raises:
        ConfigError: nobody knows the passphrase, or it is another one.
        IntegrityError: the file is damaged.
    """
    if not content.startswith(MAGIC):
        return content
    line, end, sealed = content[len(MAGIC) :].partition(b"\n")
    if not end:
        raise IntegrityError(f"{name} is damaged: it is cut off", next_step="export it again")
    key_file = KeyFile.parsed(line, name)
    if passphrases is None:
        raise ConfigError(f"{name} is encrypted, and there is nobody to ask for the passphrase")
    return key_file.opened_with(passphrases.known(name)).unseal(sealed, PURPOSE, name)
