"""Deleted text leaves the file: promised in the transaction that deletes it, kept at once or at the next start.

Invariant: once such a transaction is on the disk, either the file was written anew since (`Database.compact`), or the
database says that it has to be, whatever ended the process in between.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator
from functools import partial
from typing import Final

from edge_seal.errors import Busy, EdgeSealError, EngineError
from edge_seal.storage.database import Database

log = logging.getLogger(__name__)

_KEY: Final = "erasure.pending"


def promise(database: Database) -> None:
    """Notes, in the caller's transaction, that text was deleted in it; `finish` has to follow after the commit."""
    database.execute("INSERT OR REPLACE INTO settings (key, value) VALUES (?, '1')", (_KEY,))


@contextlib.contextmanager
def erasing(database: Database) -> Generator[None]:
    """A transaction after which nothing of what it deleted is left in the files; errors as in `finish`."""
    with database.transaction():
        yield
        promise(database)
        database.after_commit(partial(_finish_now, database))


def pending(database: Database) -> bool:
    """Whether deleted text may still be in the file."""
    return database.row("SELECT 1 FROM settings WHERE key = ?", (_KEY,)) is not None


def finish(database: Database) -> None:
    """Writes the file anew if text was deleted since that was last done.

    Raises:
        Busy: another process keeps the log; the promise stands.
        EngineError: there is no room on the disk; the promise stands.
    """
    if not pending(database):
        return
    database.compact()
    database.execute("DELETE FROM settings WHERE key = ?", (_KEY,))


def _finish_now(database: Database) -> None:
    try:
        finish(database)
    except Busy as error:
        raise Busy(
            "it is deleted, but another process is reading: until it is closed, the text stays in the write-ahead log",
            next_step="close the other edge-seal: the next start removes it",
        ) from error
    except EngineError as error:
        raise EngineError(
            f"it is deleted, but its bytes may still lie in the gaps of the file: {error.message}",
            next_step="free some space; the next start removes them",
        ) from error


def resume(database: Database) -> None:
    """At a start: finishes what an earlier process promised, if nobody is in the way."""
    try:
        finish(database)
    except EdgeSealError as error:
        log.info("deleted text stays in the file for now: %s", error.message)
