"""From the key file of a home to its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge_seal.config import Home
from edge_seal.errors import ConfigError, EngineError
from edge_seal.storage.key_file import CIPHER, Holder, KeyFile
from edge_seal.storage.keychain import Keychain
from edge_seal.storage.sealing import DataKey


class Passphrases(Protocol):
    """Who knows passphrases: the person at the terminal, a file, the environment."""

    def known(self, what: str) -> str:
        """The passphrase that opens `what`.

        Raises:
            ConfigError: there is nobody to ask.
        """
        ...

    def chosen(self) -> str:
        """A new passphrase.

        Raises:
            ConfigError: there is nobody to ask, or what was typed twice was not the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class Protection:
    """Whether a home is encrypted, and where its key is: `place` names the keychain, or says `a passphrase`."""

    cipher: str | None = None
    key_id: str | None = None
    holder: Holder | None = None
    place: str | None = None

    def words(self) -> str:
        """In one line, with the next step where there is one."""
        if self.cipher is None:
            return "none: edge-seal encrypt"
        return f"{self.cipher}, the key {self.key_id} is {'in' if self.holder == 'keychain' else 'behind'} {self.place}"


def protection_of(key_file: KeyFile | None) -> Protection:
    """What the key file says; None is a plain home."""
    if key_file is None:
        return Protection()
    keychain = Keychain.found() if key_file.holder == "keychain" else None
    name = "a keychain that this login does not have" if keychain is None else keychain.name
    place = "a passphrase" if key_file.holder == "passphrase" else name
    return Protection(CIPHER, key_file.key_id, key_file.holder, place)


def unlocked(home: Home, passphrases: Passphrases | None) -> DataKey | None:
    """The key of the home; None where nothing in it is encrypted.

    Raises:
        ConfigError: it is behind a passphrase, and nobody knows it, or it is another one.
        NotFound: the keychain has no such key.
        EngineError: the keychain does not answer, or this machine has none.
        IntegrityError: the key file is damaged.
    """
    key_file = KeyFile.read(home.key_file)
    return None if key_file is None else key_of(key_file, passphrases, "this home")


def key_of(key_file: KeyFile, passphrases: Passphrases | None, what: str) -> DataKey:
    """The key that the key file of `what` stands for; raises as `unlocked`."""
    if key_file.holder == "passphrase":
        if passphrases is None:
            raise ConfigError(
                f"{what} is encrypted, and there is nobody to ask for the passphrase",
                next_step="set EDGE_SEAL_PASSPHRASE, or give --passphrase-file before the command",
            )
        return key_file.opened_with(passphrases.known(what))
    keychain = Keychain.found()
    if keychain is None:
        raise EngineError(
            f"the key of {what} is in a keychain, and this login has none that can be used",
            next_step="log in to the desktop of the user who encrypted it, so that its keychain is unlocked",
        )
    return keychain.get(key_file.key_id)
