"""The one database: opened safely, migrated, and reached only through transactions.

Invariants: a transaction is on the disk when `transaction` returns, or it never happened; errors of SQLite leave
this module only as errors of ours; the file and its companions are readable by their owner alone.

This is the only module that knows `apsw` and `sqlite_vec`. The `sqlite3` module of many Python builds cannot load
extensions, so SQLite comes from `apsw-sqlite3mc`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

import apsw
import sqlite_vec  # pyright: ignore[reportMissingTypeStubs]  # one function, used below

from edge_seal.errors import Busy, EdgeSealError, EngineError, IntegrityError
from edge_seal.storage.schema import APPLICATION_ID, MIGRATIONS, Migration

log = logging.getLogger(__name__)

SqlValue = None | int | float | str | bytes
Parameters = Sequence[SqlValue] | Mapping[str, SqlValue]

BUSY_TIMEOUT_S: Final = 10.0


class _Cursor(Protocol):
    """What we use of `apsw.Cursor`, whose own annotations need a newer Python to be complete."""

    def __iter__(self) -> Iterator[tuple[SqlValue, ...]]: ...
    def fetchone(self) -> tuple[SqlValue, ...] | None: ...
    def fetchall(self) -> list[tuple[SqlValue, ...]]: ...
    def close(self) -> None: ...


class _Execute(Protocol):
    """`apsw.Connection.execute`, as far as we use it."""

    def __call__(self, statements: str, bindings: Parameters, /) -> _Cursor: ...


_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    # On macOS fsync leaves the bytes in the drive's own cache; elsewhere these two do nothing.
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    # Without it INSERT OR REPLACE deletes the row it replaces without firing the triggers that guard it.
    "PRAGMA recursive_triggers = ON",
    # A schema that someone else wrote into our file must not run functions with side effects.
    "PRAGMA trusted_schema = OFF",
)

_RECORD_OF_MIGRATIONS: Final = """
    CREATE TABLE IF NOT EXISTS migrations (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        sqlite_version TEXT NOT NULL
    ) STRICT
"""


class Database:
    """One connection. Safe to share between threads: a transaction keeps the other threads waiting."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._execute = cast("_Execute", getattr(connection, "execute"))  # noqa: B009  # see _Cursor
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._after_commit: list[Callable[[], None]] = []

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        migrations: Sequence[Migration] = MIGRATIONS,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Database:
        """Opens the database at `path`, making it (owner only, 0600) and bringing its tables up to date.

        Raises:
            IntegrityError: the file is damaged, is no database of ours, or was written by a newer version.
            Busy: another process holds it for longer than `busy_timeout_s`.
            EngineError: it cannot be opened or written, or the disk is full.
        """
        with _foreign_errors(path):
            _create_private(path)
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        database = cls(connection, path)
        try:
            with _foreign_errors(path):
                connection.set_busy_timeout(round(busy_timeout_s * 1000))
                _load_vector_extension(connection)
                # Refuses what could damage the file from SQL: writes to schema and shadow tables.
                connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            database._check_is_ours()
            for pragma in _PRAGMAS:
                database.execute(pragma)
            database._migrate(migrations)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Closes the file; a second call does nothing. The last to close folds the write-ahead log into it."""
        with self._lock, _foreign_errors(self._path):
            self._connection.close()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def in_transaction(self) -> bool:
        """Whether the calling code runs inside `transaction`."""
        return self._depth > 0

    @property
    def last_row_id(self) -> int:
        """The id of the row that the last INSERT on this connection made."""
        return self._connection.last_insert_rowid()

    @contextlib.contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """All of the block or nothing of it, whatever ends it; nested blocks are savepoints.

        Takes the write lock at its start, so that what it reads still holds when it writes.
        """
        with self._lock:
            depth = self._depth
            begin, commit, undo = _boundaries(depth)
            callbacks_before = len(self._after_commit)
            self._depth = depth + 1
            try:
                self.execute(begin)
                yield
                self.execute(commit)
            except BaseException:
                del self._after_commit[callbacks_before:]
                self._undo(undo)
                raise
            finally:
                self._depth = depth
            if depth == 0:
                self._run_after_commit()

    @contextlib.contextmanager
    def snapshot(self) -> Generator[None, None, None]:
        """All that the block reads is one state of the database, whatever other processes commit meanwhile.

        The state is that of the first read in the block. Nothing may be written in it, except where it is inside a
        `transaction`, which is a snapshot already.
        """
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                self._undo("ROLLBACK")

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Runs `callback` once the outermost transaction is on the disk; forgotten if it is rolled back.

        Raises:
            EdgeSealError: there is no transaction.
        """
        if not self.in_transaction:
            raise EdgeSealError("after_commit was called outside a transaction")
        self._after_commit.append(callback)

    def execute(self, sql: str, params: Parameters = ()) -> None:
        """Runs one statement, or several separated by semicolons, for their effect."""
        with self._lock, _foreign_errors(self._path):
            for _ in self._execute(sql, params):
                pass

    def rows(self, sql: str, params: Parameters = ()) -> list[tuple[SqlValue, ...]]:
        """All rows that the statement gives."""
        with self._lock, _foreign_errors(self._path):
            return self._execute(sql, params).fetchall()

    def row(self, sql: str, params: Parameters = ()) -> tuple[SqlValue, ...] | None:
        """The first row that the statement gives, or None."""
        with self._lock, _foreign_errors(self._path):
            cursor = self._execute(sql, params)
            found = cursor.fetchone()
            cursor.close()
            return found

    def scrub(self) -> None:
        """Folds the write-ahead log into the file and empties it, so that deleted text is in neither.

        `secure_delete` overwrites what is deleted in the file itself; the log still has the older pages until then.

        Raises:
            Busy: another process reads an older state, or a transaction is open here.
        """
        if self.in_transaction:
            raise Busy("the write-ahead log cannot be emptied inside a transaction")
        row = self.row("PRAGMA wal_checkpoint(TRUNCATE)")
        if row is not None and row[0] != 0:
            raise Busy(
                f"another process is reading {self._path}, so deleted text may remain in its write-ahead log",
                next_step="close the other edge-seal and run the command again",
            )

    def problems(self) -> tuple[str, ...]:
        """What SQLite's own check of the file finds, in its words; empty when all is well."""
        try:
            found = [str(row[0]) for row in self.rows("PRAGMA quick_check")]
            broken_links = self.rows("PRAGMA foreign_key_check")
        except IntegrityError as error:
            return (error.message,)
        found.extend(f"row {row[1]} of {row[0]} names a row of {row[2]} that does not exist" for row in broken_links)
        return tuple(text for text in found if text != "ok")

    def _undo(self, statement: str) -> None:
        # A full disk makes SQLite roll back by itself: then there is nothing left to undo.
        if not self._connection.in_transaction:
            return
        try:
            self.execute(statement)
        except EdgeSealError:
            # The error that brought us here is the one to report; closing the connection undoes the rest.
            log.exception("rolling back failed")

    def _run_after_commit(self) -> None:
        callbacks, self._after_commit = self._after_commit, []
        for callback in callbacks:
            callback()

    def _check_is_ours(self) -> None:
        """Looks at the file before anything is written to it."""
        identity = self.row("PRAGMA application_id")
        has_tables = self.row("SELECT 1 FROM sqlite_schema LIMIT 1") is not None
        if identity == (APPLICATION_ID,) or (identity == (0,) and not has_tables):
            return
        raise IntegrityError(
            f"{self._path} is a database of another program",
            next_step="move it away, or set EDGE_SEAL_HOME to another directory",
        )

    def _migrate(self, migrations: Sequence[Migration]) -> None:
        newest = migrations[-1].number
        if self.row("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'") is None:
            with self.transaction():
                self.execute(_RECORD_OF_MIGRATIONS)
                self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        if self._migration() == newest:
            return
        for migration in migrations:
            with self.transaction():
                # Read again inside: another process may have done it while we waited for the lock.
                if migration.number <= self._migration():
                    continue
                for statement in migration.statements:
                    self.execute(statement)
                self.execute(
                    "INSERT INTO migrations (number, name, sqlite_version) VALUES (?, ?, sqlite_version())",
                    (migration.number, migration.name),
                )
        reached = self._migration()
        if reached > newest:
            raise IntegrityError(
                f"{self._path} was written by a newer Edge Seal (its tables are version {reached}, "
                f"this program knows {newest})",
                next_step="install the newer version again: pip install --upgrade edge-seal",
            )

    def _migration(self) -> int:
        row = self.row("SELECT coalesce(max(number), 0) FROM migrations")
        return row[0] if row is not None and isinstance(row[0], int) else 0


def _boundaries(depth: int) -> tuple[str, str, str]:
    """The statements that begin, keep and undo a transaction at this nesting depth."""
    if depth == 0:
        return "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
    name = f"nested_{depth}"
    return f"SAVEPOINT {name}", f"RELEASE {name}", f"ROLLBACK TO {name}; RELEASE {name}"


def _create_private(path: Path) -> None:
    """Makes an empty file with mode 0600 unless there is one; SQLite gives its companions the same mode."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _load_vector_extension(connection: apsw.Connection) -> None:
    connection.enable_load_extension(True)
    try:
        connection.load_extension(sqlite_vec.loadable_path())
    finally:
        connection.enable_load_extension(False)


@contextlib.contextmanager
def _foreign_errors(path: Path) -> Generator[None, None, None]:
    """Turns the errors of SQLite and of the operating system into ours."""
    try:
        yield
    except apsw.Error as error:
        raise _translated(error, path) from error
    except UnicodeDecodeError as error:
        raise IntegrityError(
            f"{path} holds text that is not valid UTF-8", next_step="restore it from a backup"
        ) from error
    except UnicodeEncodeError as error:
        raise EdgeSealError("a text with unpaired surrogates cannot be stored") from error
    except OSError as error:
        raise EngineError(
            f"cannot open {path}: {error.strerror or error}",
            next_step="check that its directory exists and that you may write to it",
        ) from error


@dataclass(frozen=True, slots=True)
class _Explanation:
    """How errors of these `kinds` are said: `message` is filled with the path and SQLite's own words."""

    kinds: tuple[type[apsw.Error], ...]
    ours: type[EdgeSealError]
    message: str
    next_step: str | None


_EXPLANATIONS: Final = (
    _Explanation(
        (apsw.NotADBError, apsw.CorruptError, apsw.FormatError),
        IntegrityError,
        "{path} is damaged or is not a database ({error})",
        "restore it from a backup, or move it away to start anew",
    ),
    _Explanation(
        (apsw.BusyError, apsw.LockedError),
        Busy,
        "another process is using {path} and did not finish in time",
        "wait until it has finished, or close it, and run the command again",
    ),
    _Explanation(
        (apsw.FullError,),
        EngineError,
        "the disk is full: nothing was changed in {path}",
        "free some space and run the command again",
    ),
    _Explanation(
        (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError),
        EngineError,
        "{path} cannot be opened for writing ({error})",
        "check the rights of the file and of its directory",
    ),
    _Explanation(
        (apsw.IOError, apsw.NoMemError),
        EngineError,
        "the system could not read or write {path} ({error})",
        "check the disk and its free space, then run the command again",
    ),
    _Explanation(
        (apsw.ConstraintError,),
        IntegrityError,
        "{path} refused a change that breaks a rule of its tables ({error})",
        None,
    ),
)


def _translated(error: apsw.Error, path: Path) -> EdgeSealError:
    """The error of ours that says who can act on `error`."""
    for explanation in _EXPLANATIONS:
        if isinstance(error, explanation.kinds):
            message = explanation.message.format(path=path, error=error)
            return explanation.ours(message, next_step=explanation.next_step)
    return EdgeSealError(f"{path} could not run a statement ({error})")
