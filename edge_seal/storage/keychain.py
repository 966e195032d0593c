"""The keychain of the operating system: where the key of a home lies if it is not behind a passphrase, and its head.

Invariant: a key is put only where other programs' secrets are safe too. A keyring that keeps nothing, or that keeps
it in a readable file, is no keychain. This is the only module that knows `keyring`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Protocol, cast

from edge_seal.errors import EngineError, IntegrityError, NotFound
from edge_seal.storage.sealing import DataKey

SERVICE: Final = "edge-seal"

# The keychains that the library brings and that keep a secret: by the module they are in, and what people call them.
_KEYCHAINS: Final = {
    "keyring.backends.macOS": "macOS Keychain",
    "keyring.backends.SecretService": "Secret Service",
    "keyring.backends.libsecret": "Secret Service (libsecret)",
    "keyring.backends.kwallet": "KWallet",
}
_NEVER: Final = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")


class _Backend(Protocol):
    """What we use of `keyring.backend.KeyringBackend`."""

    def get_password(self, service: str, username: str) -> str | None: ...
    def set_password(self, service: str, username: str, password: str) -> None: ...
    def delete_password(self, service: str, username: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Keychain:
    """One keychain that can be used; `name` is for people."""

    name: str
    _backend: _Backend

    @classmethod
    def found(cls) -> Keychain | None:
        """The keychain of this machine; None where there is none that keeps a secret."""
        if os.environ.get("PYTHON_KEYRING_BACKEND", "").startswith(_NEVER):
            return None
        import keyring

        chosen = cast("_Backend", keyring.get_keyring())
        # The chainer asks several in turn, and could fall through to one that is no keychain.
        candidates = cast("list[_Backend]", list(getattr(chosen, "backends", ()))) or [chosen]
        for backend in candidates:
            module = type(backend).__module__
            if module in _KEYCHAINS:
                return cls(_KEYCHAINS[module], backend)
            # Who names a keyring of another package answers for it.
            if os.environ.get("PYTHON_KEYRING_BACKEND") and not module.startswith(_NEVER):
                return cls(type(backend).__name__, backend)
        return None

    def keep(self, key: DataKey) -> None:
        """Puts the key into the keychain, and reads it back.

        Raises:
            EngineError: the keychain refused it, or does not give back what was put in.
        """
        with _refusals(self.name):
            self._backend.set_password(SERVICE, key.id, key.secret.hex())
        if self.get(key.id) != key:
            raise EngineError(f"{self.name} did not keep the key", next_step="edge-seal encrypt --passphrase")

    def get(self, key_id: str) -> DataKey:
        """The key that has this id.

        Raises:
            NotFound: there is no such entry.
            IntegrityError: the entry is another key, or none.
            EngineError: the keychain is locked or does not answer.
        """
        # The key is in there and nowhere else: a passphrase cannot take its place now.
        with _refusals(self.name, "log in to the desktop, or unlock it, and run the command again"):
            text = self._backend.get_password(SERVICE, key_id)
        if text is None:
            raise NotFound(
                f"{self.name} has no entry {SERVICE}/{key_id}, which is the key of this home",
                next_step="log in as the user who encrypted it, restore that keychain, or restore a backup whose "
                "passphrase you know",
            )
        key: DataKey | None = None
        with contextlib.suppress(ValueError):
            secret = bytes.fromhex(text)
            key = DataKey(secret) if len(secret) == 32 else None
        if key is None or key.id != key_id:
            raise IntegrityError(
                f"the entry {SERVICE}/{key_id} of {self.name} is not the key of this home",
                next_step="restore that keychain from its backup",
            )
        return key

    def text(self, name: str) -> str | None:
        """What `keep_text` has put under `name`; None where there is nothing.

        Raises:
            EngineError: the keychain is locked or does not answer.
        """
        with _refusals(self.name):
            return self._backend.get_password(SERVICE, name)

    def keep_text(self, name: str, text: str) -> None:
        """Puts a text that is no key under `name`, in the place of what was there.

        Raises:
            EngineError: the keychain refused it.
        """
        with _refusals(self.name):
            self._backend.set_password(SERVICE, name, text)

    def forget(self, key_id: str) -> None:
        """Takes the entry out; none is fine too."""
        with contextlib.suppress(EngineError), _refusals(self.name):
            self._backend.delete_password(SERVICE, key_id)


@contextlib.contextmanager
def _refusals(
    name: str,
    next_step: str = "unlock it and run the command again, or use a passphrase: edge-seal encrypt --passphrase",
) -> Generator[None]:
    """What a backend raises, as an error of ours that quotes no argument."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # backends raise their own libraries' errors: D-Bus, the Security framework
        raise EngineError(
            f"{name} did not answer ({type(error).__name__})",
            next_step=next_step,
        ) from None
