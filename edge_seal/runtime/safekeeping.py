"""The home as a whole: encrypted, decrypted, backed up, restored. All but a backup need it to themselves."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from edge_seal.errors import ConfigError, EngineError, NotFound
from edge_seal.runtime.construction import Construction
from edge_seal.runtime.values import USER
from edge_seal.safekeeping import backups, conversion, exports, kept_head, restoring
from edge_seal.safekeeping.backups import Backup
from edge_seal.safekeeping.conversion import Converted
from edge_seal.safekeeping.possession import alone_in
from edge_seal.safekeeping.restoring import Restored
from edge_seal.safekeeping.unlocking import Protection, protection_of, unlocked
from edge_seal.storage.database import Database
from edge_seal.storage.durable_file import write_durably
from edge_seal.storage.key_file import KeyFile
from edge_seal.storage.keychain import Keychain
from edge_seal.storage.sealing import DataKey
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import Ledger

Place = Literal["keychain", "passphrase"]

KEY_CHANGED = "home.key_changed"


class Safekeeping(Construction):
    """Looks after the home as a whole."""

    def protection(self) -> Protection:
        """How the home is protected. Opens nothing.

        Raises:
            IntegrityError: the key file is damaged.
        """
        return protection_of(KeyFile.read(self.home.key_file))

    def encrypt(self, place: Place | None = None) -> tuple[Protection, Converted]:
        """Encrypts the whole home. `place` None: the key goes to the keychain, or behind a passphrase without one.

        Raises:
            ConfigError: it is encrypted already, or there is no new passphrase.
            EngineError: there is no keychain where one is wanted; the system refused.
            Busy: another process is in the home.
        """
        self.leave()
        with alone_in(self.home) as replacement:
            if KeyFile.read(self.home.key_file) is not None:
                raise ConfigError(
                    "this home is encrypted already", next_step="edge-seal encrypt --change-passphrase, or --keychain"
                )
            key = DataKey.random()
            key_file = self._key_file(key, place)
            return protection_of(key_file), conversion.encrypt(self.home, self.clock, replacement, key, key_file)

    def decrypt(self, *, forget_key: bool = False) -> Converted:
        """Decrypts the whole home. Backups stay encrypted, so the key stays in the keychain unless `forget_key`.

        Raises:
            ConfigError: it is not encrypted, or the passphrase is another one.
            Busy: another process is in the home.
        """
        self.leave()
        with alone_in(self.home) as replacement:
            key = unlocked(self.home, self.passphrases)
            if key is None:
                raise ConfigError("this home is not encrypted")
            done = conversion.decrypt(self.home, self.clock, replacement, key)
            if forget_key and (keychain := Keychain.found()) is not None:
                keychain.forget(key.id)
            return done

    def move_key(self, place: Place, *, forget_key: bool = False) -> Protection:
        """Puts the key of the encrypted home behind a new passphrase, or into the keychain; nothing else is rewritten.

        With `forget_key` its entry in the keychain goes, and with it the backups that only this entry opens.

        Raises:
            ConfigError: the home is not encrypted, or a passphrase is missing or wrong.
        """
        self.leave()
        with alone_in(self.home):
            key = unlocked(self.home, self.passphrases)
            if key is None:
                raise ConfigError("this home is not encrypted", next_step="edge-seal encrypt")
            key_file = self._key_file(key, place)
            # With the key in hand: from here on the old passphrase opens nothing, and nobody is asked again.
            with contextlib.closing(Database.open(self.home.database, key=key.for_database)) as database:
                ledger = Ledger(database, self.clock, self.home.head_file)
                with database.transaction():
                    body: dict[str, JsonValue] = {"key_id": key.id, "holder": place}
                    ledger.append(KEY_CHANGED, actor=USER, subject="home", body=body)
                    write_durably(self.home.key_file, key_file.content())
            if forget_key and place == "passphrase" and (keychain := Keychain.found()) is not None:
                keychain.forget(key.id)
        return protection_of(key_file)

    def back_up(self, target: Path | None = None) -> Backup:
        """Writes a backup, to `target` or among the home's own.

        Raises:
            Busy: an update is being learned just now.
            IntegrityError: what is to be backed up is damaged.
            ConfigError: `target` exists.
        """
        with self.writing():
            return backups.make(self.home, self.database, self.key, self.clock, target=target)

    def backups(self) -> tuple[Backup, ...]:
        """The home's own backups, oldest first. Opens nothing."""
        return backups.listed(self.home)

    def remove_backup(self, name: str) -> Path:
        """Removes one of the home's own backups, named by its file or the whole path.

        Raises:
            NotFound: there is none.
        """
        for backup in self.backups():
            if name in {backup.path.name, str(backup.path)}:
                backup.path.unlink()
                return backup.path
        raise NotFound(f"this home has no backup {name}", next_step="edge-seal backup --list")

    def restore(self, path: Path) -> Restored:
        """Puts a backup in the place of what is there, which is kept as a backup itself; see `restoring.restore`."""
        self.leave()
        with alone_in(self.home) as replacement:
            done = restoring.restore(self.home, path.absolute(), self.clock, replacement, self.passphrases)
        if self.settings.audit.keychain:
            kept_head.follow_head_file(self.home)
        return done

    def sealed_export(self, content: bytes) -> bytes:
        """An export behind a new passphrase; `opened_export` reads it, in any home.

        Raises:
            ConfigError: nobody gave a passphrase, or it is too short.
        """
        if self.passphrases is None:
            raise ConfigError("there is nobody to ask for a passphrase")
        return exports.sealed_export(content, self.passphrases.chosen())

    def opened_export(self, content: bytes, name: str) -> bytes:
        """What was exported, decrypted if it is encrypted; see `exports.opened_export`."""
        return exports.opened_export(content, self.passphrases, name)

    def _key_file(self, key: DataKey, place: Place | None) -> KeyFile:
        """The key file for `key`, which is in the keychain when this returns, if it is to be there."""
        keychain = None if place == "passphrase" else Keychain.found()
        if keychain is not None:
            if place is None:
                # A keychain that is there and does not answer (a locked one, over SSH) is as good as none.
                with contextlib.suppress(EngineError):
                    keychain.keep(key)
                    return KeyFile.for_keychain(key)
            else:
                keychain.keep(key)
                return KeyFile.for_keychain(key)
        if place == "keychain":
            raise EngineError(
                "this login has no keychain that keeps a secret", next_step="edge-seal encrypt --passphrase"
            )
        if self.passphrases is None:
            raise ConfigError(
                "there is no keychain, and nobody to ask for a passphrase",
                next_step="set EDGE_SEAL_PASSPHRASE, or give --passphrase-file before the command",
            )
        return KeyFile.for_passphrase(key, self.passphrases.chosen())
