"""The key file: which key a home is encrypted with, and how to come by it. It holds nothing that opens anything alone.

`key.json` in the data directory, and a copy in every backup. The key lies in the keychain under its id, or in this
file, encrypted under a passphrase; so a new passphrase rewrites this file and nothing else.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from edge_seal.errors import ConfigError, EngineError, IntegrityError
from edge_seal.storage.sealing import Cost, DataKey, unwrapped, wrapped

FORMAT: Final = "edge-seal key v1"
LEAST_CHARACTERS: Final = 8
CIPHER: Final = "chacha20"

Holder = Literal["keychain", "passphrase"]


class _Kdf(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Literal["argon2id"]
    memory_kib: int
    passes: int
    lanes: int
    salt: str


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["edge-seal key v1"]
    key_id: str
    holder: Holder
    kdf: _Kdf | None = None
    wrapped: str | None = None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The content of a key file. `cost`, `salt` and `wrapped` belong to a passphrase and are None without one."""

    key_id: str
    holder: Holder
    cost: Cost | None = None
    salt: bytes | None = None
    wrapped: bytes | None = None

    @classmethod
    def for_keychain(cls, key: DataKey) -> KeyFile:
        return cls(key.id, "keychain")

    @classmethod
    def for_passphrase(cls, key: DataKey, passphrase: str, cost: Cost | None = None) -> KeyFile:
        """`key` behind `passphrase`, with a salt of its own.

        Raises:
            ConfigError: the passphrase is too short.
        """
        if len(passphrase) < LEAST_CHARACTERS:
            raise ConfigError(
                f"a passphrase has at least {LEAST_CHARACTERS} characters; nothing was changed",
                next_step="several words that do not belong together are easy to keep and hard to guess",
            )
        cost, salt = cost or Cost(), secrets.token_bytes(16)
        label = _label(key.id, cost, salt)
        return cls(key.id, "passphrase", cost, salt, wrapped(key.secret, passphrase, salt, cost, label))

    def opened_with(self, passphrase: str) -> DataKey:
        """The key.

        Raises:
            ConfigError: the passphrase is not the one it was encrypted under.
            IntegrityError: the file holds no key behind a passphrase.
        """
        if self.wrapped is None or self.salt is None or self.cost is None:
            raise IntegrityError("the key file holds no key behind a passphrase", next_step="edge-seal doctor")
        secret = unwrapped(self.wrapped, passphrase, self.salt, self.cost, _label(self.key_id, self.cost, self.salt))
        if secret is None or DataKey(secret).id != self.key_id:
            raise ConfigError(
                "the passphrase is not the right one (or the key file was changed); nothing was changed",
                next_step="try again; without the passphrase nobody can read this home, nor its backups",
            )
        return DataKey(secret)

    def content(self) -> bytes:
        """The file, the same bytes for the same values."""
        stored: dict[str, object] = {"format": FORMAT, "key_id": self.key_id, "holder": self.holder}
        if self.cost is not None and self.salt is not None:
            stored["kdf"] = {
                "name": "argon2id",
                "memory_kib": self.cost.memory_kib,
                "passes": self.cost.passes,
                "lanes": self.cost.lanes,
                "salt": self.salt.hex(),
            }
        if self.wrapped is not None:
            stored["wrapped"] = self.wrapped.hex()
        return json.dumps(stored, sort_keys=True).encode() + b"\n"

    @classmethod
    def parsed(cls, content: bytes, name: str) -> KeyFile:
        """The inverse of `content`; `name` is for the message.

        Raises:
            IntegrityError: it is no such file.
        """
        try:
            stored = _Stored.model_validate_json(content)
            if len(bytes.fromhex(stored.key_id)) != 8:
                raise ValueError("a key id has 16 digits")
            kdf = stored.kdf
            cost = None if kdf is None else Cost(kdf.memory_kib, kdf.passes, kdf.lanes)
            salt = None if kdf is None else bytes.fromhex(kdf.salt)
            hidden = None if stored.wrapped is None else bytes.fromhex(stored.wrapped)
        except (ValidationError, ValueError, ConfigError) as error:
            raise IntegrityError(
                f"the key file {name} is damaged ({type(error).__name__})",
                next_step="take it from a backup",
            ) from None
        return cls(stored.key_id, stored.holder, cost, salt, hidden)

    @classmethod
    def read(cls, path: Path) -> KeyFile | None:
        """The key file at `path`; None where there is none: nothing is encrypted.

        Raises:
            IntegrityError: it is damaged.
            EngineError: it cannot be read.
        """
        try:
            return cls.parsed(path.read_bytes(), str(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EngineError(f"cannot read {path}: {error.strerror or error}") from error


def _label(key_id: str, cost: Cost, salt: bytes) -> bytes:
    """What the encryption of the key covers beside the key: all else that the file says."""
    return KeyFile(key_id, "passphrase", cost, salt).content()
