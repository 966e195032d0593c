"""The append-only record of everything that changed what the assistant knows or how it answers.

Invariants: entries are numbered from 1 without a gap; each carries the hash of the one before, and a hash over all
its own fields; an entry is written in the same transaction as what it records. So whoever changes, removes or
reorders an entry breaks every hash after it. The number and hash of the last entry are kept in a second file too:
a cut-off tail leaves no gap in the numbers, but it contradicts that file.

Bodies hold identifiers, hashes, counts and figures, never the text of a conversation or a memory: the ledger is
kept for ever, and the user may want the text forgotten. The format is described in docs/ledger.md.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from edge_seal.clock import Clock, parse_timestamp, timestamp
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.records import LedgerEntry
from edge_seal.storage.database import Database, SqlValue
from edge_seal.storage.durable_file import write_durably
from edge_seal.updates.canonical import JsonValue, canonical, digest

log = logging.getLogger(__name__)

ENTRY_DOMAIN: Final = "edge-seal ledger entry v1"
GENESIS_HASH: Final = "0" * 64

_COLUMNS: Final = "seq, at, actor, event, subject, body, previous_hash, entry_hash"
# Text is read as bytes: a damaged one has to be named, and would otherwise stop the reading.
_SELECTED: Final = "seq, " + ", ".join(f"CAST({name} AS BLOB)" for name in _COLUMNS.split(", ")[1:])
_SELECT: Final = f"SELECT {_SELECTED} FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?"  # noqa: S608  # our own words
# From "update." up to but without "update/", the next text after all that begin with "update.".
_SELECT_EVENTS: Final = (
    f"SELECT {_SELECTED} FROM ledger WHERE event = :event OR (event >= :from AND event < :to) ORDER BY seq"  # noqa: S608
)
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What `Ledger.verify` found: entries below `first_bad_seq` are sound (all of them, where it is None)."""

    entries: int
    head: str
    first_bad_seq: int | None = None
    reason: str | None = None

    @property
    def intact(self) -> bool:
        return self.first_bad_seq is None

    def covers(self, seq: int) -> bool:
        """Whether the chain is unbroken from its start through entry `seq`."""
        return seq <= self.entries and (self.first_bad_seq is None or seq < self.first_bad_seq)


class Ledger:
    """The chain in `database`. `head_file` is where the last entry's number and hash are kept a second time."""

    def __init__(self, database: Database, clock: Clock, head_file: Path | None = None) -> None:
        self._database = database
        self._clock = clock
        self._head_file = head_file

    def append(self, event: str, *, actor: str, subject: str, body: Mapping[str, JsonValue]) -> LedgerEntry:
        """Adds an entry to the transaction that is under way.

        Raises:
            EdgeSealError: there is no transaction, or `body` has no canonical form.
        """
        if not self._database.in_transaction:
            raise EdgeSealError(f"the ledger entry {event} of {subject} was to be written outside a transaction")
        previous_seq, previous_hash = self.head()
        unsealed = LedgerEntry(
            seq=previous_seq + 1,
            at=timestamp(self._clock.now()),
            actor=actor,
            event=event,
            subject=subject,
            body=canonical(body).decode(),
            previous_hash=previous_hash,
            entry_hash="",
        )
        entry = replace(unsealed, entry_hash=entry_hash(unsealed))
        self._database.execute(
            f"INSERT INTO ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608  # our own column names
            astuple(entry),
        )
        self._database.after_commit(self._keep_head)
        return entry

    def entries(self, start: int = 1) -> Iterator[LedgerEntry]:
        """The entries from number `start` on, as they are stored: not verified."""
        at_least = start
        while batch := self._database.rows(_SELECT, (at_least, _BATCH)):
            for row in batch:
                entry = _entry(row)
                yield entry
                at_least = entry.seq + 1

    def of_events(self, prefix: str) -> tuple[LedgerEntry, ...]:
        """The entries whose event is `prefix` or starts with it and a dot, oldest first; not verified."""
        rows = self._database.rows(_SELECT_EVENTS, {"event": prefix, "from": f"{prefix}.", "to": f"{prefix}/"})
        return tuple(_entry(row) for row in rows)

    def times_of(self, event: str) -> tuple[datetime, ...]:
        """When each entry of exactly this event was written, oldest first.

        Raises:
            IntegrityError: a stored time is not a time.
        """
        found: list[datetime] = []
        for entry in self.of_events(event):
            if entry.event != event:
                continue
            try:
                found.append(parse_timestamp(entry.at))
            except ValueError as error:
                raise IntegrityError(
                    f"entry {entry.seq} of the ledger has a damaged time", next_step="edge-seal audit verify"
                ) from error
        return tuple(found)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry; `(0, GENESIS_HASH)` of an empty ledger."""
        row = self._database.row("SELECT seq, entry_hash FROM ledger ORDER BY seq DESC LIMIT 1")
        return (0, GENESIS_HASH) if row is None else (_integer(row[0]), str(row[1]))

    def verify(self) -> ChainCheck:
        """Recomputes the whole chain, and compares it with the head file."""
        # The file first: what another process commits after that is in the rows, and never only in the file.
        kept, unreadable = self._kept_head()
        with self._database.snapshot():
            expected, previous_hash = 1, GENESIS_HASH
            for entry in self.entries(start=-(2**62)):
                reason = _flaw(entry, expected, previous_hash)
                if reason is not None:
                    return ChainCheck(self._count(), self.head()[1], min(entry.seq, expected), reason)
                expected, previous_hash = expected + 1, entry.entry_hash
            last = expected - 1
            if unreadable is not None:
                return ChainCheck(last, previous_hash, last + 1, unreadable)
            contradicted = None if kept is None else self._contradiction(kept, last)
            return ChainCheck(last, previous_hash, *(contradicted or (None, None)))

    def export(self) -> Iterator[str]:
        """Every entry as one line of canonical JSON, for a copy that is kept elsewhere and checked there."""
        for entry in self.entries():
            yield canonical(_fields(entry)).decode()

    def _keep_head(self) -> None:
        """Writes the head file, unless it contradicts the chain: then it is evidence, and stays."""
        if self._head_file is None:
            return
        seq, head = self.head()
        try:
            kept = _read_head(self._head_file)
            if kept == (seq, head):
                return
            if kept is not None and self._hash_of(kept[0]) != kept[1]:
                log.warning("the ledger contradicts %s, which is kept as it is", self._head_file)
                return
            write_durably(self._head_file, f"{seq} {head}\n".encode())
        except EdgeSealError as error:
            # What the entry records is on the disk already; a head file that lags behind is allowed for.
            log.warning("the ledger's head file was not written: %s", error.message)

    def _kept_head(self) -> tuple[tuple[int, str] | None, str | None]:
        """What the head file holds, or why it cannot be believed."""
        try:
            return (None if self._head_file is None else _read_head(self._head_file)), None
        except IntegrityError as error:
            return None, error.message

    def _contradiction(self, kept: tuple[int, str], last: int) -> tuple[int, str] | None:
        """The first entry that is not as the head file has it, and how; None if all are."""
        seq, head = kept
        if self._hash_of(seq) == head:
            return None
        remedy = f"if you restored an older copy on purpose, delete {self._head_file}"
        if seq > last:
            return last + 1, f"the entries {last + 1} to {seq} were cut off the end of the ledger; {remedy}"
        return seq, f"entry {seq} is not the one that {self._head_file} remembers; {remedy}"

    def _count(self) -> int:
        row = self._database.row("SELECT count(*) FROM ledger")
        return 0 if row is None else _integer(row[0])

    def _hash_of(self, seq: int) -> str | None:
        if seq == 0:
            return GENESIS_HASH
        row = self._database.row("SELECT entry_hash FROM ledger WHERE seq = ?", (seq,))
        return None if row is None else str(row[0])


def entry_hash(entry: LedgerEntry) -> str:
    """The hash that belongs to `entry`: over all its fields but `entry_hash` itself."""
    fields = _fields(entry)
    del fields["entry_hash"]
    return digest(ENTRY_DOMAIN, fields)


def body_of(entry: LedgerEntry) -> dict[str, JsonValue]:
    """The body as values; empty where a stored body is no JSON object."""
    try:
        body: object = json.loads(entry.body)
    except ValueError:
        return {}
    return cast("dict[str, JsonValue]", body) if isinstance(body, dict) else {}


def _flaw(entry: LedgerEntry, expected_seq: int, previous_hash: str) -> str | None:
    """What is wrong with `entry` as the one that follows `previous_hash`, in words."""
    if entry.seq < expected_seq:
        return f"an entry with the number {entry.seq} stands where the ledger has none"
    if entry.seq > expected_seq:
        return f"entry {expected_seq} is missing"
    if entry.previous_hash != previous_hash:
        return f"entry {entry.seq} ({entry.event} {entry.subject}) does not follow the entry before it"
    if entry.entry_hash != entry_hash(entry):
        return f"entry {entry.seq} ({entry.event} {entry.subject}) was changed after it was written"
    return None


def _fields(entry: LedgerEntry) -> dict[str, JsonValue]:
    """The fields in the order of the columns."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "event": entry.event,
        "subject": entry.subject,
        "body": entry.body,
        "previous_hash": entry.previous_hash,
        "entry_hash": entry.entry_hash,
    }


def _entry(row: tuple[SqlValue, ...]) -> LedgerEntry:
    return LedgerEntry(_integer(row[0]), *(_text(value) for value in row[1:]))


def _text(value: SqlValue) -> str:
    # Damaged bytes become U+FFFD, so that the entry can be read and named; its hash will not fit.
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _integer(value: SqlValue) -> int:
    if not isinstance(value, int):
        raise IntegrityError("the ledger has an entry without a number", next_step="edge-seal audit verify")
    return value


def _read_head(path: Path) -> tuple[int, str] | None:
    """Number and hash in the head file; None where there is no such file.

    Raises:
        IntegrityError: it holds something else.
    """
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IntegrityError(f"the ledger's head file {path} cannot be read ({error})") from error
    number, _, head = text.rstrip("\n").partition(" ")
    if not number.isdecimal() or len(head) != len(GENESIS_HASH):
        raise IntegrityError(f"the ledger's head file {path} was changed")
    return int(number), head
