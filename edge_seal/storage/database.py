"""The one database: opened safely, migrated, and reached only through transactions.

Invariants: a transaction is on the disk when `transaction` returns, or it never happened; errors of SQLite leave
this module only as errors of ours; the file and its companions are readable by their owner alone.

This is the only module that knows `apsw` and `sqlite_vec`. The `sqlite3` module of many Python builds cannot load
extensions, so SQLite comes from `apsw-sqlite3mc`, which also encrypts: with a key every page of the file and of its
write-ahead log is ChaCha20-Poly1305, and what SQLite would put into temporary files stays in memory.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import urllib.parse
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

import apsw
import sqlite_vec  # pyright: ignore[reportMissingTypeStubs]  # one function, used below

from edge_seal.errors import Busy, EdgeSealError, EngineError, IntegrityError
from edge_seal.storage.durable_file import sync_file
from edge_seal.storage.schema import APPLICATION_ID, MIGRATIONS, Migration

log = logging.getLogger(__name__)

SqlValue = None | int | float | str | bytes
Parameters = Sequence[SqlValue] | Mapping[str, SqlValue]

BUSY_TIMEOUT_S: Final = 10.0

_PLAIN_HEADER: Final = b"SQLite format 3\0"


_CIPHER: Final = "chacha20"
_OPEN_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
_BACKUP_PAGES: Final = 4096
_ENCRYPTED_CACHE_KIB: Final = 64 * 1024


class _Cursor(Protocol):
    """What we use of `apsw.Cursor`, whose own annotations need a newer Python to be complete."""

    def __iter__(self) -> Iterator[tuple[SqlValue, ...]]: ...
    def fetchone(self) -> tuple[SqlValue, ...] | None: ...
    def fetchall(self) -> list[tuple[SqlValue, ...]]: ...
    def close(self) -> None: ...


class _Tokenizer(Protocol):
    """`apsw.FTS5Tokenizer`, as far as we use it."""

    def __call__(
        self, text: bytes, reason: int, locale: None, /, *, include_offsets: bool, include_colocated: bool
    ) -> list[str]: ...


class _Execute(Protocol):
    """`apsw.Connection.execute`, as far as we use it."""

    def __call__(self, statements: str, bindings: Parameters, /) -> _Cursor: ...


# The tokenizer of every word index, see `schema`.
_TOKENIZER: Final = ("porter", ["unicode61", "remove_diacritics", "2"])

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
        # Asked for when it is needed: getting it reads the file, which may be damaged or held by another process.
        self._tokenizer: _Tokenizer | None = None
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
        key: bytes | None = None,
        before_migration: Callable[[Database], object] | None = None,
    ) -> Database:
        """Opens the database at `path`, making it (owner only, 0600) and bringing its tables up to date.

        `key` (32 bytes) is what it is encrypted with, None: not at all. `before_migration` is called with a database
        that has rows of an older version, before anything in it is changed; what it raises stops the opening. With no
        `migrations` the tables are taken as they are, whatever their version.

        Raises:
            IntegrityError: the file is damaged, is no database of ours, or was written by a newer version; it is
                encrypted and there is no `key`, or the other way round.
            Busy: another process holds it for longer than `busy_timeout_s`.
            EngineError: it cannot be opened or written, or the disk is full.
        """
        with _foreign_errors(path):
            _create_private(path)
            _check_encryption(path, encrypted=key is not None)
            connection = apsw.Connection(str(path), flags=_OPEN_FLAGS)
        database = cls(connection, path)
        try:
            if key is not None:
                database._use_key(key)
            with _foreign_errors(path):
                connection.set_busy_timeout(round(busy_timeout_s * 1000))
                _load_vector_extension(connection)
                # Refuses what could damage the file from SQL: writes to schema and shadow tables.
                connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            database._check_is_ours()
            for pragma in _PRAGMAS:
                database.execute(pragma)
            if migrations:
                database._migrate(migrations, before_migration)
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

    def terms(self, text: str) -> tuple[str, ...]:
        """The words of `text` in their order, as the word indexes keep them: folded and stemmed."""
        return self.terms_of((text,))[0]

    def terms_of(self, texts: Iterable[str]) -> list[tuple[str, ...]]:
        """`terms` of each text."""
        contents, reason = [text.encode("utf-8", "replace") for text in texts], apsw.FTS5_TOKENIZE_DOCUMENT
        with self._lock, _foreign_errors(self._path):
            tokenizer = self._tokenizer or cast("_Tokenizer", self._connection.fts5_tokenizer(*_TOKENIZER))
            self._tokenizer = tokenizer
            return [
                tuple(tokenizer(content, reason, None, include_offsets=False, include_colocated=False))
                for content in contents
            ]

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

    def compact(self) -> None:
        """Writes the file anew with what it holds and nothing else, and empties the write-ahead log.

        `secure_delete` overwrites the place of a deleted row; but a page that was split or moved keeps older copies of
        its rows in the gaps between those it has now, one in two hundred of them by measure. Here they end.

        Raises:
            Busy: another process uses the file, or a transaction is open here.
            EngineError: the disk has no room for a second copy of it.
        """
        if self.in_transaction:
            raise Busy("the database cannot be written anew inside a transaction")
        self.execute("VACUUM")
        self.scrub()

    def problems(self) -> tuple[str, ...]:
        """What SQLite's own check of the file finds, in its words; empty when all is well."""
        try:
            found = [str(row[0]) for row in self.rows("PRAGMA quick_check")]
            broken_links = self.rows("PRAGMA foreign_key_check")
        except IntegrityError as error:
            return (error.message,)
        found.extend(f"row {row[1]} of {row[0]} names a row of {row[2]} that does not exist" for row in broken_links)
        return tuple(text for text in found if text != "ok")

    @property
    def version(self) -> int:
        """The number of the newest migration that its tables went through; 0 of an empty file."""
        has_record = self.row("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'") is not None
        return self._migration() if has_record else 0

    def contents(self) -> Mapping[str, int]:
        """How many rows each table has: what two copies of a database have to agree on."""
        names = [str(row[0]) for row in self.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        counted: dict[str, int] = {}
        for name in names:
            quoted = name.replace('"', '""')
            row = self.row(f'SELECT count(*) FROM "{quoted}"')  # noqa: S608  # a name from the schema, quoted
            counted[name] = row[0] if row is not None and isinstance(row[0], int) else -1
        return counted

    def is_sound(self) -> bool:
        """Whether SQLite's thorough check of every page and index finds nothing."""
        try:
            return self.rows("PRAGMA integrity_check") == [("ok",)]
        except IntegrityError:
            return False

    def copy_to(self, target: Path, key: bytes | None) -> None:
        """Writes the database as it is now to the new file `target`, encrypted with `key` or (None) plain.

        Rows and nothing else: pages that were freed are not copied. The bytes are on the disk when it returns.

        Raises:
            EngineError: it could not be written.
        """
        with _foreign_errors(target):
            _create_private(target)
        # A parameter of the URI, because a statement that changes the key of the copy has to read it back.
        secret = "" if key is None else f"raw:{key.hex()}"
        place = f"file:{urllib.parse.quote(str(target.absolute()))}?cipher={_CIPHER}&key={secret}"
        with self._lock:
            try:
                self._execute("VACUUM INTO ?", (place,)).fetchall()
            except apsw.Error as error:
                # SQLite's own words quote the URI, and with it the key.
                full = isinstance(error, apsw.FullError)
                raise EngineError(
                    f"could not copy {self._path} to {target}: {'the disk is full' if full else type(error).__name__}",
                    next_step="free some space and run the command again" if full else "edge-seal doctor",
                ) from None
        sync_file(target)

    def back_up_to(self, target: Path, key: bytes | None) -> None:
        """Writes a page by page copy of one state of the database to the new file `target`, while others go on.

        `key` is the database's own: its pages are copied as they are.

        Raises:
            EngineError: it could not be written.
        """
        with self._lock, _foreign_errors(target):
            _create_private(target)
            connection = apsw.Connection(str(target), flags=_OPEN_FLAGS)
            copy = Database(connection, target)
            try:
                if key is not None:
                    copy._use_key(key)
                with connection.backup("main", self._connection, "main") as backup:
                    while not backup.done:
                        backup.step(_BACKUP_PAGES)
                # The copy says of itself that it has a write-ahead log; a single file has none.
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                connection.close()
            sync_file(target)

    def stand_alone(self) -> None:
        """Folds the write-ahead log into the file, does away with it, and lets nobody else in until it is closed.

        Raises:
            Busy: another program has the database open.
        """
        others = Busy(
            f"another program has {self._path} open", next_step="close every other edge-seal and run the command again"
        )
        try:
            mode = self.row("PRAGMA journal_mode = DELETE")
        except Busy:
            raise others from None
        if mode != ("delete",):
            raise others
        self.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.execute("BEGIN EXCLUSIVE; COMMIT")

    def _use_key(self, key: bytes) -> None:
        # Not as a passphrase: SQLite would then spend 64,007 rounds of hashing on what is random already.
        try:
            for statement in (f"PRAGMA cipher = {_CIPHER}", f"PRAGMA key = 'raw:{key.hex()}'"):
                self._execute(statement, ()).fetchall()
        except apsw.Error as error:
            raise EngineError(f"this SQLite cannot encrypt ({type(error).__name__})", next_step="make setup") from None
        # Otherwise sorting and rebuilding would leave plain text in temporary files.
        self.execute("PRAGMA temp_store = MEMORY")
        # A page that is not in the cache is decrypted anew; the default of 2 MiB makes each scan of vectors do that to
        # all of them (docs/log.md).
        self.execute(f"PRAGMA cache_size = -{_ENCRYPTED_CACHE_KIB}")

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

    def _migrate(
        self, migrations: Sequence[Migration], before_migration: Callable[[Database], object] | None = None
    ) -> None:
        newest = migrations[-1].number
        if self.row("SELECT 1 FROM sqlite_schema WHERE name = 'migrations'") is None:
            with self.transaction():
                self.execute(_RECORD_OF_MIGRATIONS)
                self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        reached = self._migration()
        if reached == newest:
            return
        if 0 < reached < newest and before_migration is not None:
            before_migration(self)
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


def _check_encryption(path: Path, *, encrypted: bool) -> None:
    """Refuses a plain file where an encrypted one is expected, and the other way round; an empty one is neither."""
    with path.open("rb") as file:
        header = file.read(len(_PLAIN_HEADER))
    is_plain = header == _PLAIN_HEADER
    if not header or is_plain != encrypted:
        return
    if encrypted:
        # Never taken silently: whoever puts a plain database there would read all that is written from now on.
        raise IntegrityError(
            f"{path} is not encrypted, but the key file beside it says that it is",
            next_step="restore a backup, or delete key.json if you put a plain database there yourself",
        )
    raise IntegrityError(
        f"{path} is damaged or is not a database, or it is encrypted and key.json beside it is gone",
        next_step="put key.json back from a backup of this home, or restore a backup: edge-seal restore FILE",
    )


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
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise EngineError(
            f"cannot open {path}: {error.strerror or error}",
            next_step="free some space and run the command again"
            if is_full
            else "check that its directory exists and that you may write to it",
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
        (apsw.ReadOnlyError, apsw.PermissionsError),
        EngineError,
        "{path} cannot be opened for writing ({error})",
        "check the rights of the file and of its directory",
    ),
    _Explanation(
        # SQLite says the same where the file beside it cannot be made, on a full disk too.
        (apsw.CantOpenError,),
        EngineError,
        "{path} cannot be opened for writing ({error})",
        "check the rights of the file and of its directory, and the free space of the disk",
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
