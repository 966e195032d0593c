"""Passphrases for as long as the interface runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_seal.safekeeping.unlocking import Passphrases


class RememberedPassphrases:
    """Asks once, before the interface has the terminal; a second connection gets the same answer."""

    def __init__(self, asked: Passphrases) -> None:
        self._asker = asked
        self._known: dict[str, str] = {}

    @property
    def asked(self) -> Mapping[str, str]:
        """What was asked for so far, by what it opens; for a process that cannot ask."""
        return dict(self._known)

    def known(self, what: str) -> str:
        if what not in self._known:
            self._known[what] = self._asker.known(what)
        return self._known[what]

    def chosen(self) -> str:
        return self._asker.chosen()
