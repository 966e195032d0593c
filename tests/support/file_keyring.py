"""A keyring that lasts for one test, named in PYTHON_KEYRING_BACKEND as a user would name one of another package."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keyring.backend


class FileKeyring(keyring.backend.KeyringBackend):
    """Keeps its entries in the file that TEST_KEYRING names; without one it is locked."""

    priority = 1  # type: ignore[assignment]  # the library's own backends set it the same way

    def get_password(self, service: str, username: str) -> str | None:
        return self._entries().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        entries = {**self._entries(), f"{service}/{username}": password}
        self._path().write_text(json.dumps(entries))

    def delete_password(self, service: str, username: str) -> None:
        entries = self._entries()
        del entries[f"{service}/{username}"]
        self._path().write_text(json.dumps(entries))

    def _entries(self) -> dict[str, str]:
        return json.loads(self._path().read_text()) if self._path().exists() else {}

    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])
