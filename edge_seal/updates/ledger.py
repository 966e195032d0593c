"""The append-only record of everything that changed what the assistant knows or how it answers.

Invariants: entries are numbered from 1 without a gap; each carries the hash of the one before, and a hash over all
its own fields; an entry is written in the same transaction as what it records. So whoever changes, removes or
reorders an entry breaks every hash after it. The number and hash of the last entry are kept in a second file too:
a cut-off tail leaves no gap in the numbers, but it contradicts that file.

Bodies hold identifiers, hashes, counts and figures, never the text of a conversation or a memory: the ledger is
kept for ever, and the user may want the text forgotten. The format is described in docs/ledger.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from edge_seal.clock import Clock, parse_timestamp, timestamp
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.records import Actor, ActorName, ChainFlaw, LedgerEntry
from edge_seal.storage.database import Database, SqlValue
from edge_seal.storage.durable_file import write_durably
from edge_seal.storage.schema import COUNTED_SINCE
from edge_seal.updates.canonical import JsonValue, canonical
from edge_seal.updates.heads import GENESIS_HASH, Head, KeptHead, NotedHead, checkpoint_seqs, read_kept
from edge_seal.updates.merkle import HASH_BYTES, Frontier, leaf_hash

log = logging.getLogger(__name__)

__all__ = ["ENTRY_DOMAIN", "GENESIS_HASH", "ChainCheck", "Ledger", "body_of", "entry_hash", "hashed_bytes"]

ENTRY_DOMAIN: Final = "edge-seal ledger entry v1"

_COLUMNS: Final = "seq, at, actor, event, subject, body, previous_hash, entry_hash"
# Text is read as bytes: a damaged one has to be named, and would otherwise stop the reading.
_SELECTED: Final = "seq, " + ", ".join(f"CAST({name} AS BLOB)" for name in _COLUMNS.split(", ")[1:])
_SELECT: Final = f"SELECT {_SELECTED} FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?"  # noqa: S608  # our own words
# From "update." up to but without "update/", the next text after all that begin with "update.".
_SELECT_EVENTS: Final = (
    f"SELECT {_SELECTED} FROM ledger WHERE event = :event OR (event >= :from AND event < :to) ORDER BY seq"  # noqa: S608
)
_BATCH: Final = 500
# How many numbers are tried for an entry that was moved; trying is a hash each.
_SEARCHED: Final = 100_000
_ACTORS: Final = frozenset(Actor)


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """What `Ledger.verify` found: entries below `first_bad_seq` are sound (all of them, where it is None).

    `head` and `root` are of the entries that follow each other from the start. `flaw` says of what kind the first bad
    thing is, `reason` the same in words; `beside` are other contradictions.
    """

    entries: int
    head: str
    first_bad_seq: int | None = None
    reason: str | None = None
    flaw: ChainFlaw | None = None
    root: str = ""
    beside: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        return self.first_bad_seq is None

    def covers(self, seq: int) -> bool:
        """Whether the chain is unbroken from its start through entry `seq`."""
        return seq <= self.entries and (self.first_bad_seq is None or seq < self.first_bad_seq)


@dataclass(frozen=True, slots=True)
class _Found:
    """Something that is not as it was written, first at entry `seq`."""

    seq: int
    flaw: ChainFlaw
    reason: str


@dataclass(frozen=True, slots=True)
class _Walked:
    """The entries that follow each other from the start: their head, and the roots and hashes asked for by number."""

    head: Head
    heads: Mapping[int, Head] = field(default_factory=dict[int, Head])
    frontier: Frontier = field(default_factory=Frontier)
    found: _Found | None = None


@dataclass(frozen=True, slots=True)
class _Counted:
    """The count that the database keeps beside the entries, with the tree's frontier; `frontier` None: damaged."""

    entries: int
    entry_hash: str
    frontier: Frontier | None


class Ledger:
    """The chain in `database`. `head_file` is where the last entry's number and hash are kept a second time."""

    def __init__(self, database: Database, clock: Clock, head_file: Path | None = None) -> None:
        self._database = database
        self._clock = clock
        self._head_file = head_file
        self._has_written = False

    @property
    def has_written(self) -> bool:
        """Whether an entry was written through this object and is on the disk."""
        return self._has_written

    def append(self, event: str, *, actor: ActorName, subject: str, body: Mapping[str, JsonValue]) -> LedgerEntry:
        """Adds an entry to the transaction that is under way.

        Raises:
            EdgeSealError: there is no transaction, nobody of that name acts, or `body` has no canonical form.
        """
        if not self._database.in_transaction:
            raise EdgeSealError(f"the ledger entry {event} of {subject} was to be written outside a transaction")
        if actor not in _ACTORS:
            raise EdgeSealError(f"the ledger entry {event} of {subject} names {actor!r}, and nobody of that name acts")
        previous_seq, previous_hash = self.head()
        unsealed = LedgerEntry(
            seq=previous_seq + 1,
            at=timestamp(self._clock.now()),
            actor=Actor(actor),
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
        self._count(entry)
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

    def newest_head(self) -> Head:
        """The head with its Merkle root; not verified. The root is None where the chain is broken."""
        with self._database.snapshot():
            seq, last = self.head()
            counted = self._counted()
            if counted is not None and (counted.entries, counted.entry_hash) == (seq, last) and counted.frontier:
                return Head(seq, last, counted.frontier.root().hex())
            walked = self._walked(())
            return walked.head if walked.found is None else Head(seq, last)

    def has(self, digest: str) -> bool:
        """Whether an entry with this hash is stored; not verified."""
        return self._database.row("SELECT 1 FROM ledger WHERE entry_hash = ?", (digest,)) is not None

    def hash_of(self, seq: int) -> str | None:
        """The stored hash of entry `seq`, None where there is no such entry; not verified."""
        return self._hashes_of((seq,)).get(seq)

    def leaves(self) -> list[bytes]:
        """The hash of each entry as a leaf of the tree, in order; not verified."""
        return [leaf_hash(hashed_bytes(entry)) for entry in self.entries()]

    def verify(self, noted: Sequence[NotedHead] = (), kept: Sequence[KeptHead] = ()) -> ChainCheck:
        """Recomputes the whole chain and its tree, and compares them with what was counted and kept of them.

        `kept` are records of the head from elsewhere, beside the head file; `noted` are heads that a person has.
        """
        # The file first: what another process commits after that is in the rows, and never only in the file.
        in_file, unreadable = self._kept_head()
        remembered = [*(() if in_file is None else (in_file,)), *kept]
        with self._database.snapshot():
            counted = self._counted()
            asked = {record.head.seq for record in remembered} | {head.seq for head in noted}
            walked = self._walked(asked if counted is None else asked | {counted.entries})
            if walked.found is not None:
                return _check(self._number_of_rows(), Head(0, self.head()[1]), [walked.found])
            found = [*self._miscounted(walked, counted)]
            last = walked.head.seq
            if unreadable is not None:
                found.append(_Found(last + 1, ChainFlaw.HEAD_FILE, unreadable))
            for record in remembered:
                found.extend(self._contradiction(record, walked, counted))
            found.extend(_not_as_noted(head, walked) for head in noted if not _as_noted(head, walked))
            return _check(last, walked.head, found)

    def export(self) -> Iterator[str]:
        """Every entry as one line of canonical JSON, for a copy that is kept elsewhere and checked there."""
        for entry in self.entries():
            yield canonical(_fields(entry)).decode()

    def keep_head_anyway(self) -> None:
        """Writes the head file, whatever it holds now: for who put an older database there on purpose.

        Raises:
            IntegrityError: the chain is broken.
            EngineError: it cannot be written.
        """
        if self.newest_head().root is None:
            raise IntegrityError("the chain is broken, so it has no head", next_step="edge-seal audit verify")
        if self._head_file is not None:
            write_durably(self._head_file, self.kept_head(str(self._head_file)).text.encode())

    def kept_head(self, place: str) -> KeptHead:
        """The newest head with its checkpoints, to be kept at `place`."""
        with self._database.snapshot():
            head = self.newest_head()
            return KeptHead(head, place, self._hashes_of(checkpoint_seqs(head.seq)))

    def _walked(self, asked: Collection[int]) -> _Walked:
        """Follows the entries from the start as far as each fits onto the one before it."""
        expected, previous_hash, frontier = 1, GENESIS_HASH, Frontier()
        heads = {0: Head(0, GENESIS_HASH, frontier.root().hex())} if 0 in asked else {}
        for entry in self.entries(start=-(2**62)):
            hashed = hashed_bytes(entry)
            found = self._flaw(entry, expected, previous_hash, hashlib.sha256(hashed).hexdigest())
            if found is not None:
                head = Head(expected - 1, previous_hash, frontier.root().hex())
                return _Walked(head, heads, frontier, found)
            frontier.add(leaf_hash(hashed))
            if expected in asked:
                heads[expected] = Head(expected, entry.entry_hash, frontier.root().hex())
            expected, previous_hash = expected + 1, entry.entry_hash
        return _Walked(Head(expected - 1, previous_hash, frontier.root().hex()), heads, frontier)

    def _flaw(self, entry: LedgerEntry, expected: int, previous_hash: str, computed: str) -> _Found | None:
        """What is wrong with `entry` as the one that has the number `expected` and follows `previous_hash`."""
        named = f"entry {entry.seq} ({entry.event} {entry.subject})"
        if entry.seq < expected:
            reason = f"an entry with the number {entry.seq} stands where the ledger has none"
            return _Found(entry.seq, ChainFlaw.ADDED, reason)
        if entry.seq > expected:
            return _Found(expected, ChainFlaw.MISSING, f"entry {expected} is missing")
        fits = entry.previous_hash == previous_hash
        if fits and entry.entry_hash == computed:
            return None
        moved_from = None if entry.entry_hash == computed else self._written_as(entry)
        if moved_from is not None:
            reason = f"{named} was written as entry {moved_from}: entries were put into another order"
            return _Found(expected, ChainFlaw.REORDERED, reason)
        if not fits:
            return _Found(expected, ChainFlaw.FOREIGN, f"{named} does not follow the entry before it")
        return _Found(expected, ChainFlaw.CHANGED, f"{named} was changed after it was written")

    def _written_as(self, entry: LedgerEntry) -> int | None:
        """The number under which the hash of `entry` fits, if it was moved from there."""
        row = self._database.row("SELECT seq FROM ledger WHERE entry_hash = ?", (entry.previous_hash,))
        last = self.head()[0]
        # Most likely where the entry before it stands, or stood.
        likely = () if row is None else (_integer(row[0]) + 1,)
        for seq in (*likely, *range(1, min(last, _SEARCHED) + 1)):
            if seq != entry.seq and entry_hash(replace(entry, seq=seq)) == entry.entry_hash:
                return seq
        return None

    def _count(self, entry: LedgerEntry) -> None:
        """Counts `entry` and puts it into the tree, unless the count contradicts the chain: then it is evidence."""
        if not self._counts():
            return
        counted = self._counted()
        if counted is None:
            before = self._walked(())
            if before.found is not None:
                return
            frontier = before.frontier
        elif counted.frontier is None or (counted.entries, counted.entry_hash) != (entry.seq - 1, entry.previous_hash):
            log.warning("the ledger contradicts its own count, which is kept as it is")
            return
        else:
            frontier = counted.frontier
            frontier.add(leaf_hash(hashed_bytes(entry)))
        self._database.execute(
            "INSERT INTO ledger_count (id, entries, entry_hash, peaks) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
            " SET entries = excluded.entries, entry_hash = excluded.entry_hash, peaks = excluded.peaks",
            (frontier.size, entry.entry_hash, b"".join(frontier.peaks)),
        )

    def _counts(self) -> bool:
        """Whether there is a place for the count: a backup of an earlier version has none."""
        return self._database.row("SELECT 1 FROM sqlite_schema WHERE name = 'ledger_count'") is not None

    def _counted(self) -> _Counted | None:
        """The count; None of a database in which nothing was written since there is a count."""
        if not self._counts():
            return _Counted(-1, "", None) if self._database.version >= COUNTED_SINCE else None
        rows = self._database.rows("SELECT id, entries, CAST(entry_hash AS BLOB), peaks FROM ledger_count")
        if not rows:
            return None
        number, entries, last, peaks = rows[0]
        frontier: Frontier | None = None
        if number == 1 and len(rows) == 1 and isinstance(peaks, bytes) and isinstance(entries, int):
            parts = [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]
            try:
                frontier = Frontier(entries, parts)
            except ValueError:
                frontier = None
        return _Counted(entries if isinstance(entries, int) else -1, _text(last), frontier)

    def _miscounted(self, walked: _Walked, counted: _Counted | None) -> Iterator[_Found]:
        """Where the count and the entries contradict each other."""
        if counted is None:
            return
        last = walked.head.seq
        if counted.frontier is None:
            yield _Found(last + 1, ChainFlaw.COUNT, "the count that is kept beside the ledger is damaged")
        elif counted.entries > last:
            reason = f"the entries {last + 1} to {counted.entries} were cut off the end of the ledger"
            yield _Found(last + 1, ChainFlaw.CUT_OFF, f"{reason}: the database counted {counted.entries}")
        elif walked.heads[counted.entries].entry_hash != counted.entry_hash:
            reason = f"entry {counted.entries} is not the one that the database counted as its last"
            yield _Found(max(1, counted.entries), ChainFlaw.FORK, reason)
        elif walked.heads[counted.entries].root != counted.frontier.root().hex():
            yield _Found(
                last + 1, ChainFlaw.COUNT, "the tree that is kept beside the ledger is not that of its entries"
            )
        elif counted.entries < last:
            reason = f"the entries {counted.entries + 1} to {last} were not counted: another program wrote them"
            yield _Found(counted.entries + 1, ChainFlaw.FOREIGN, reason)

    def _contradiction(self, kept: KeptHead, walked: _Walked, counted: _Counted | None) -> Iterator[_Found]:
        """Where the entries and a kept record of their head contradict each other."""
        last, seq = walked.head.seq, kept.head.seq
        remedy = "if you restored an older copy on purpose: edge-seal audit head --keep"
        parted = kept.parted(self._hashes_of((seq, *kept.checkpoints)))
        if parted is not None:
            common, first = parted
            # Without checkpoints nothing is known of what came before.
            bad = common + 1 if kept.checkpoints else first
            reason = (
                f"two histories: the ledger and {kept.place} agree up to entry {common}, but entry {first} is not "
                f"the one that it remembers"
                if kept.checkpoints
                else f"entry {first} is not the one that {kept.place} remembers"
            )
            yield _Found(bad, ChainFlaw.FORK, f"{reason}; an older copy of the database went on by itself, or entries "
                         f"were written anew; {remedy}")  # fmt: skip
        elif seq > last and counted is not None and counted.entries > last:
            reason = f"the entries {last + 1} to {seq} were cut off the end of the ledger: {kept.place} remembers them"
            yield _Found(last + 1, ChainFlaw.CUT_OFF, f"{reason}; {remedy}")
        elif seq > last:
            as_it_was = " exactly as it was then" if last in kept.checkpoints else ""
            reason = (
                f"the database is an older copy, or its end was cut off: it and its count end at entry {last}"
                f"{as_it_was}, and {kept.place} remembers {seq} entries"
            )
            yield _Found(last + 1, ChainFlaw.OLDER_COPY, f"{reason}; {remedy}")
        elif kept.head.root is not None and kept.head.root != walked.heads[seq].root:
            reason = f"the Merkle root in {kept.place} is not that of the entries 1 to {seq}"
            yield _Found(last + 1, ChainFlaw.HEAD_FILE, reason)

    def _keep_head(self) -> None:
        """Writes the head file, unless it contradicts the chain: then it is evidence, and stays."""
        self._has_written = True
        if self._head_file is None:
            return
        try:
            kept, newest = read_kept(self._head_file), self.head()
            if kept is not None and (kept.head.seq, kept.head.entry_hash) == newest and kept.head.root is not None:
                return
            if kept is not None and self.hash_of(kept.head.seq) != kept.head.entry_hash:
                log.warning("the ledger contradicts %s, which is kept as it is", self._head_file)
                return
            write_durably(self._head_file, self.kept_head(str(self._head_file)).text.encode())
        except EdgeSealError as error:
            # What the entry records is on the disk already; a head file that lags behind is allowed for.
            log.warning("the ledger's head file was not written: %s", error.message)

    def _kept_head(self) -> tuple[KeptHead | None, str | None]:
        """What the head file holds, or why it cannot be believed."""
        try:
            return (None if self._head_file is None else read_kept(self._head_file)), None
        except IntegrityError as error:
            return None, error.message

    def _number_of_rows(self) -> int:
        row = self._database.row("SELECT count(*) FROM ledger")
        return 0 if row is None else _integer(row[0])

    def _hashes_of(self, seqs: Sequence[int]) -> dict[int, str]:
        """The stored hashes of the entries that are there, by number; entry 0 has the one that the first follows."""
        found = self._database.rows(
            "SELECT seq, CAST(entry_hash AS BLOB) FROM ledger WHERE seq IN (SELECT value FROM json_each(?))",
            (json.dumps(list(seqs)),),
        )
        hashes = {_integer(seq): _text(digest) for seq, digest in found}
        return {**hashes, 0: GENESIS_HASH} if 0 in seqs else hashes


def _check(entries: int, head: Head, found: Sequence[_Found]) -> ChainCheck:
    if not found:
        return ChainCheck(entries, head.entry_hash, root=head.root or "")
    first = min(found, key=lambda one: one.seq)
    beside = tuple(one.reason for one in found if one is not first)
    return ChainCheck(entries, head.entry_hash, first.seq, first.reason, first.flaw, head.root or "", beside)


def _as_noted(noted: NotedHead, walked: _Walked) -> bool:
    head = walked.heads.get(noted.seq)
    return head is not None and noted.fits(head)


def _not_as_noted(noted: NotedHead, walked: _Walked) -> _Found:
    last = walked.head.seq
    if noted.seq > last:
        reason = (
            f"the head that you noted has {noted.seq} entries, and the ledger has {last}: it is older, or was cut off"
        )
        return _Found(last + 1, ChainFlaw.OLDER_COPY, reason)
    reason = f"the ledger did not grow out of the head that you noted: its entries 1 to {noted.seq} are other ones"
    return _Found(max(1, noted.seq), ChainFlaw.FORK, reason)


def hashed_bytes(entry: LedgerEntry) -> bytes:
    """What `entry_hash` is the SHA-256 of, and what the entry is as a leaf of the tree: all fields but that hash.

    The canonical JSON of an object of texts and one whole number, as `canonical` gives it (see the tests), by the
    standard library's encoder: a long ledger is hashed often.
    """
    fields = _fields(entry)
    del fields["entry_hash"]
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{ENTRY_DOMAIN}\n{text}".encode()


def entry_hash(entry: LedgerEntry) -> str:
    """The hash that belongs to `entry`: over all its fields but `entry_hash` itself."""
    return hashlib.sha256(hashed_bytes(entry)).hexdigest()


def body_of(entry: LedgerEntry) -> dict[str, JsonValue]:
    """The body as values; empty where a stored body is no JSON object."""
    try:
        body: object = json.loads(entry.body)
    except ValueError:
        return {}
    return cast("dict[str, JsonValue]", body) if isinstance(body, dict) else {}


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
