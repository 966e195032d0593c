"""An export behind a passphrase of its own: readable wherever the passphrase is known, whatever home it came from.

One line, `edge-seal export v1` and a key file (storage/key_file.py) in JSON; then a sealed file with that key.
"""

from __future__ import annotations

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
