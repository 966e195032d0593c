"""What the program did to updates by itself, until the user was told, and the last of it for who looks later.

Words of the program's own: ids, counts and figures, no text of a conversation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from edge_seal.clock import parse_timestamp
from edge_seal.storage.database import Database

_UNTOLD: Final = "release.untold"
_LAST: Final = "release.last_automatic"
SHOWN_FOR: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something that was done without being asked for, and when."""

    at: str
    words: str


def announce(database: Database, words: str, at: str) -> None:
    """Keeps `words` to be told; in the transaction that did what they say."""
    with database.transaction():
        listed = [*_listed(database, _UNTOLD), {"at": at, "words": words}]
        _store(database, _UNTOLD, listed)
        _store(database, _LAST, listed[-1:])


def untold(database: Database) -> tuple[Announcement, ...]:
    """What the user was not told yet, oldest first."""
    return tuple(Announcement(item["at"], item["words"]) for item in _listed(database, _UNTOLD))


def told(database: Database) -> None:
    """The user has been told all of it."""
    database.execute("DELETE FROM settings WHERE key = ?", (_UNTOLD,))


def recent(database: Database, now: datetime) -> Announcement | None:
    """The last of it, for a week."""
    for item in _listed(database, _LAST):
        if now - parse_timestamp(item["at"]) <= SHOWN_FOR:
            return Announcement(item["at"], item["words"])
    return None


def _listed(database: Database, key: str) -> list[dict[str, str]]:
    row = database.row("SELECT value FROM settings WHERE key = ?", (key,))
    return [] if row is None else cast("list[dict[str, str]]", json.loads(str(row[0])))


def _store(database: Database, key: str, listed: list[dict[str, str]]) -> None:
    database.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, json.dumps(listed)))
