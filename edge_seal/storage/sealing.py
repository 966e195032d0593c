"""Files whose bytes say nothing without the key, and the keys for them.

Invariants: what was sealed is unsealed to the same bytes or not at all: a changed bit, a missing end, a chunk moved
or taken from another file is an `IntegrityError`; the bytes of a key are in no message, no `repr` and no log.

Two keys never do the same work: the data key of a home is 256 random bits, and what encrypts the database, what
encrypts one file, and what names the key are derived from it with HKDF-SHA256 (RFC 5869) under labels of their own.
The format is described in docs/security.md. This is the only module that knows `cryptography`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edge_seal.errors import ConfigError, EngineError, IntegrityError

KEY_BYTES: Final = 32
MAGIC: Final = b"edge-seal sealed"

_VERSION: Final = b"\x01"
_KEY_ID_BYTES: Final = 8
_SALT_BYTES: Final = 16
_HEADER_BYTES: Final = len(MAGIC) + len(_VERSION) + _KEY_ID_BYTES + _SALT_BYTES
_CHUNK_BYTES: Final = 1 << 16
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Cost:
    """What one guess of a passphrase costs: Argon2id (RFC 9106), whose second recommended choice is the default."""

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def __post_init__(self) -> None:
        # A key file is read before it can be believed: one that asks for a terabyte must not get it.
        if not (8 * self.lanes <= self.memory_kib <= 4 << 20 and 1 <= self.passes <= 64 and 1 <= self.lanes <= 64):
            raise ConfigError(f"{self} is no cost that a passphrase is guarded with")


@dataclass(frozen=True, slots=True)
class DataKey:
    """The key of one home. `secret` is 32 random bytes."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ConfigError(f"a key has {KEY_BYTES} bytes")

    @classmethod
    def random(cls) -> DataKey:
        return cls(secrets.token_bytes(KEY_BYTES))

    @property
    def id(self) -> str:
        """16 hexadecimal digits that tell this key from others, and nothing else of it."""
        return _derived(self.secret, b"edge-seal key id v1", length=_KEY_ID_BYTES).hex()

    @property
    def for_database(self) -> bytes:
        """The 32 bytes that the database is encrypted with."""
        return _derived(self.secret, b"edge-seal database v1")

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """`plain` as a sealed file. Under another `purpose` it cannot be unsealed.

        A key for this file alone (HKDF over a random salt), and ChaCha20-Poly1305 over 64 KiB chunks whose nonces
        count and mark the last one: STREAM of Hoang, Reyhanitabar, Rogaway and Vizár (2015), as in the age format.
        """
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        header = MAGIC + _VERSION + bytes.fromhex(self.id) + secrets.token_bytes(_SALT_BYTES)
        cipher = ChaCha20Poly1305(self._file_key(header, purpose))
        chunks = [plain[start : start + _CHUNK_BYTES] for start in range(0, len(plain), _CHUNK_BYTES)] or [b""]
        sealed = [cipher.encrypt(nonce, chunk, None) for nonce, chunk in zip(_nonces(len(chunks)), chunks, strict=True)]
        return b"".join((header, *sealed))

    def unseal(self, sealed: bytes, purpose: str, name: str) -> bytes:
        """The plain bytes; `name` is for the message where there are none.

        Raises:
            IntegrityError: sealed with another key or for another purpose, or not as it was written.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        header, body = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        key_id = header[len(MAGIC) + 1 : len(MAGIC) + 1 + _KEY_ID_BYTES].hex()
        if len(header) < _HEADER_BYTES or header[: len(MAGIC) + 1] != MAGIC + _VERSION:
            raise IntegrityError(f"{name} is no file that this version sealed", next_step="restore it from a backup")
        if key_id != self.id:
            raise IntegrityError(
                f"{name} was encrypted with another key ({key_id}) than this home's ({self.id})",
                next_step="restore it from a backup of this home",
            )
        size = _CHUNK_BYTES + _TAG_BYTES
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        cipher = ChaCha20Poly1305(self._file_key(header, purpose))
        try:
            plain = [cipher.decrypt(nonce, c, None) for nonce, c in zip(_nonces(len(chunks)), chunks, strict=True)]
        except InvalidTag:
            plain = []
        if not plain:
            raise IntegrityError(f"{name} was changed after it was encrypted", next_step="restore it from a backup")
        return b"".join(plain)

    def _file_key(self, header: bytes, purpose: str) -> bytes:
        return _derived(self.secret, b"edge-seal file v1\n" + purpose.encode() + b"\n" + header)


def is_sealed(content: bytes) -> bool:
    """Whether the bytes begin like a sealed file."""
    return content.startswith(MAGIC)


def file_is_sealed(path: Path) -> bool:
    """Whether the file begins like a sealed one.

    Raises:
        EngineError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return is_sealed(file.read(len(MAGIC)))
    except OSError as error:
        raise EngineError(f"could not read {path}: {error.strerror or error}") from error


def wrapped(secret: bytes, passphrase: str, salt: bytes, cost: Cost, label: bytes) -> bytes:
    """`secret` encrypted under `passphrase`: nonce and ChaCha20-Poly1305, which covers `label` too."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + ChaCha20Poly1305(_from_passphrase(passphrase, salt, cost)).encrypt(nonce, secret, label)


def unwrapped(content: bytes, passphrase: str, salt: bytes, cost: Cost, label: bytes) -> bytes | None:
    """The inverse of `wrapped`; None where the passphrase is another one, or the bytes or `label` were changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    key = _from_passphrase(passphrase, salt, cost)
    try:
        return ChaCha20Poly1305(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], label)
    except (InvalidTag, ValueError):
        return None


def _from_passphrase(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    import unicodedata

    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    # Keyboards differ in how they compose an umlaut; the passphrase is the same one.
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogateescape")
    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    return kdf.derive(text)


def _derived(secret: bytes, label: bytes, *, length: int = KEY_BYTES) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    # The secret is uniformly random already, so HKDF's extraction has nothing to do (RFC 5869, section 3.3).
    return HKDFExpand(algorithm=SHA256(), length=length, info=label).derive(secret)


def _nonces(count: int) -> Iterator[bytes]:
    """0, 1, 2, … in eleven bytes, then one byte that is 1 for the last chunk alone."""
    for number in range(count):
        yield number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([number == count - 1])
