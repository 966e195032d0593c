"""Facts with two clocks: when something was true, when it was learned, and what happens when two statements disagree.

The rule, in one sentence: what the user typed later wins; everything else is shown and waits for the user.

Invariants:
- A fact that ends is closed, never erased: its memory keeps its text and gets a `valid_to`, and `memory_ends` says when
  the end was learned, and from which memory.
- Only a typed memory ends others, and only what was learned before it was said. A disagreement with anything else is a
  contradiction, in which both sides hold until the user resolves it.
- The table of facts is derived from the memories' texts and goes with them.
- Every end, reopening and resolution has its audit entry, in its own transaction, with digests and never the text.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol, cast

from edge_seal.clock import Clock, parse_timestamp, timestamp
from edge_seal.errors import ConfigError, NotFound
from edge_seal.memory import attributes, ends, periods, questions, rows
from edge_seal.memory.attributes import Reading
from edge_seal.memory.ends import End
from edge_seal.memory.sentences import clauses
from edge_seal.records import Contradiction, Era, Memory, Origin
from edge_seal.storage.database import Database

# A file with a thousand values of one attribute is one problem, not half a million pairs.
MAXIMUM_CONTRADICTIONS_OF_ONE: Final = 3
READ_AT_ONCE: Final = 500


class Audit(Protocol):
    """Writes one audit entry; it is called inside the transaction of what it records."""

    def __call__(self, event: str, subject: str, body: Mapping[str, str]) -> object: ...


@dataclass(frozen=True, slots=True)
class _Stored:
    """A fact that holds now, as it is in the table."""

    memory_id: int
    attribute: str
    value: str
    holds: bool


class Facts:
    """What the memories state, read by rules. Made and called by `Memories`; every change runs in its transaction."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    # Taking in ------------------------------------------------------------------------------------------------

    def note(self, memory: Memory, said_at: str, *, may_end: bool, ended: tuple[End, ...] = ()) -> None:
        """Takes in what `memory`, just kept, states; ends what it replaces, or records that they disagree.

        `said_at` is when it was said. Without `may_end` nothing is ended, whoever typed it. What is known to have
        `ended` of it is taken in as that.
        """
        self.catch_up()
        readings = attributes.read(memory.text, parse_timestamp(said_at))
        self._store(memory, readings)
        ends.restore(self._database, rows.number_of(memory.id), ended)
        over = {end.fact for end in ended}
        readings = tuple(item for item in readings if (item.subject, item.attribute, item.value) not in over)
        if memory.valid_to is not None and memory.valid_to <= self._now() and not any(r.is_past for r in readings):
            return
        for reading in readings:
            self._compare(memory, reading, said_at, may_end=may_end and memory.origin is Origin.TYPED)

    def reread(self, memory: Memory) -> None:
        """Takes in what `memory` states now that its text was changed."""
        number = rows.number_of(memory.id)
        self._database.execute("DELETE FROM facts WHERE memory_id = ?", (number,))
        self._database.execute("DELETE FROM contradictions WHERE first_id = ? OR second_id = ?", (number, number))
        if memory.valid_to is None or memory.valid_to > self._now():
            self.note(memory, memory.created_at, may_end=False)

    def confirm(self, memory: Memory, said_at: str) -> Memory:
        """A memory from elsewhere that the user has now typed too: it is theirs from here on."""
        confirmed = replace(memory, origin=Origin.TYPED)
        self._rewrite(confirmed, "memory.confirmed", {"origin": confirmed.origin.value})
        for reading in attributes.read(memory.text, parse_timestamp(said_at)):
            self._compare(confirmed, reading, said_at, may_end=True)
        return confirmed

    def catch_up(self) -> None:
        """Reads the memories that are older than this table; disagreements among them are shown, nothing is ended."""
        while batch := self._database.rows("SELECT memory_id FROM facts_unread LIMIT ?", (READ_AT_ONCE,)):
            for (number,) in batch:
                self._database.execute("DELETE FROM facts_unread WHERE memory_id = ?", (number,))
                memory = self._memory(cast("int", number))
                readings = attributes.read(memory.text, parse_timestamp(memory.created_at))
                self._store(memory, readings)
                if memory.valid_to is None:
                    for reading in readings:
                        self._compare(memory, reading, memory.created_at, may_end=False)

    def possibly_contradicts(self, memory: Memory, other: Memory, similarity: float) -> None:
        """Records that two memories are near in meaning where no rule could tell."""
        self._disagree(rows.number_of(memory.id), rows.number_of(other.id), similarity)

    # Reading --------------------------------------------------------------------------------------------------

    def knows(self, text: str, now: datetime) -> bool:
        """Whether everything that the rules read in `text` is a fact that holds already."""
        readings = attributes.read(text, now)
        return bool(readings) and all(
            any(
                stored.holds == reading.holds and attributes.same_value(stored.value, reading.value)
                for stored in self._holding(reading)
            )
            for reading in readings
        )

    def overrules(self, text: str, said_at: str) -> bool:
        """Whether a memory that was kept after `said_at` says otherwise than the statement `text`.

        What the rules do not read is overruled by nothing.
        """
        self.catch_up()
        return any(
            _disagrees(reading, stored) and self._memory(stored.memory_id).created_at > said_at
            for reading in attributes.read(text, parse_timestamp(said_at))
            for stored in self._holding(reading)
        )

    def answering(self, question: str, since: str) -> tuple[int, ...]:
        """Numbers of the memories with the attribute that `question` asks for, newest first, denials last.

        Only of facts that hold later than `since`; at most ten, so that a list of friends does not fill the prompt.
        """
        wanted = questions.asked(question)
        if wanted is None:
            return ()
        found = self._database.rows(_ANSWERING, (wanted.subject, json.dumps(wanted.attributes), since, since))
        return tuple(cast("int", row[0]) for row in found)

    def are_read(self, memory: Memory) -> bool:
        """Whether the rules read anything in `memory`."""
        return self._database.row("SELECT 1 FROM facts WHERE memory_id = ?", (rows.number_of(memory.id),)) is not None

    def note_on(self, memory: Memory) -> str:
        """What goes with the memory's text wherever it is offered; mostly nothing."""
        notes = [*periods.dates(memory)]
        number = rows.number_of(memory.id)
        if memory.valid_to is None:
            ended = self._database.rows(
                "SELECT value FROM facts WHERE memory_id = ? AND valid_to <= ?",
                (number, self._now()),
            )
            clauses_of_ended = self._clauses(memory, {cast("str", row[0]) for row in ended})
            notes += [f"no longer: {clause}" for clause in clauses_of_ended]
            notes += [f"contradicts {other}" for other in self._open_against(number)]
        return "; ".join(notes)

    def ended_by(self, memory_id: str) -> tuple[str, ...]:
        """The ids of the memories that this one ended, wholly or in part."""
        number = rows.number_of(memory_id)
        found = self._database.rows(
            "SELECT memory_id FROM memory_ends WHERE ended_by = ? UNION SELECT memory_id FROM facts WHERE ended_by = ?",
            (number, number),
        )
        return tuple(f"m{row[0]}" for row in found if row[0] != number)

    def contradictions(self, memory_id: str | None = None) -> tuple[Contradiction, ...]:
        """The open ones whose two sides still hold, oldest first; of one memory, or of all."""
        with self._database.transaction():
            self.catch_up()
        number = None if memory_id is None else rows.number_of(memory_id)
        found = self._database.rows(_OPEN, (self._now(), self._now(), number, number, number))
        return tuple(
            Contradiction(
                self._memory(cast("int", first)),
                self._memory(cast("int", second)),
                self._shared_attribute(cast("int", first), cast("int", second)),
                cast("str", found_at),
                cast("float | None", similarity),
            )
            for first, second, found_at, similarity in found
        )

    def history(self, memory_id: str) -> tuple[Era, ...]:
        """The values that the fact of this memory had, in the order in which they were true.

        Raises:
            NotFound: there is no such memory.
        """
        with self._database.transaction():
            self.catch_up()
        memory = self._memory(rows.number_of(memory_id))
        chain = self._linked(rows.number_of(memory.id)) | self._of_the_same(memory)
        eras = (self._era(number) for number in chain)
        return tuple(
            sorted(
                eras,
                key=lambda era: (_truly_from(era.memory), era.memory.created_at, len(era.memory.id), era.memory.id),
            )
        )

    # Deciding -------------------------------------------------------------------------------------------------

    def resolve(self, first_id: str, second_id: str, keep: str | None) -> None:
        """Ends the contradiction of two memories: `keep` holds and the other one has ended; None: both hold.

        Raises:
            NotFound: these two do not contradict each other.
            ConfigError: `keep` is neither of them.
        """
        if keep not in {first_id, second_id, None}:
            raise ConfigError(
                f"{keep} is neither {first_id} nor {second_id}",
                next_step=f"--keep {first_id}, --keep {second_id} or --keep both",
            )
        with self._database.transaction():
            first, second = sorted((rows.number_of(first_id), rows.number_of(second_id)))
            open_one = self._database.row(
                "SELECT 1 FROM contradictions WHERE first_id = ? AND second_id = ? AND state = 'open'", (first, second)
            )
            if open_one is None:
                raise NotFound(
                    f"{first_id} and {second_id} do not contradict each other",
                    next_step="edge-seal memory contradictions",
                )
            self._database.execute(
                "UPDATE contradictions SET state = 'resolved' WHERE first_id = ? AND second_id = ?", (first, second)
            )
            self._audit(
                "memory.resolved", keep or f"m{first}", {"between": f"m{first} m{second}", "keep": keep or "both"}
            )
            if keep is not None:
                loser = second if rows.number_of(keep) == first else first
                self._database.execute(
                    "UPDATE facts SET valid_to = ? WHERE memory_id = ? AND valid_to IS NULL", (self._now(), loser)
                )
                self._end(loser, self._now(), rows.number_of(keep))

    def reopen(self, memory_id: str) -> Memory:
        """Says that a memory that had ended holds again; what it then disagrees with is shown.

        Raises:
            NotFound: there is no such memory.
            ConfigError: it holds.
        """
        with self._database.transaction():
            number = rows.number_of(memory_id)
            memory = self._memory(number)
            partly = self._database.row("SELECT 1 FROM facts WHERE memory_id = ? AND ended_by IS NOT NULL", (number,))
            if memory.valid_to is None and partly is None:
                raise ConfigError(
                    f"{memory_id} holds: there is no end to take back",
                    next_step=f"edge-seal memory history {memory_id}",
                )
            self._database.execute("DELETE FROM memory_ends WHERE memory_id = ?", (number,))
            self._database.execute("UPDATE facts SET valid_to = NULL, ended_by = NULL WHERE memory_id = ?", (number,))
            reopened = replace(memory, valid_to=None)
            self._rewrite(reopened, "memory.reopened", {})
            for reading in attributes.read(memory.text, parse_timestamp(memory.created_at)):
                self._compare(reopened, replace(reading, is_past=False), memory.created_at, may_end=False)
        return reopened

    # Inside: comparing ----------------------------------------------------------------------------------------

    def _store(self, memory: Memory, readings: Iterable[Reading]) -> None:
        for reading in readings:
            ended = memory.valid_to or (periods.stored(reading.end) if reading.is_past else None)
            self._database.execute(
                "INSERT OR IGNORE INTO facts (memory_id, subject, attribute, value, holds, valid_to)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    rows.number_of(memory.id),
                    reading.subject,
                    reading.attribute,
                    reading.value,
                    int(reading.holds),
                    ended,
                ),
            )

    def _compare(self, memory: Memory, reading: Reading, said_at: str, *, may_end: bool) -> None:
        number, when = rows.number_of(memory.id), periods.stored(reading.start) or said_at
        if reading.is_past:
            when = periods.stored(reading.end) or said_at
        compared = 0
        for stored in self._holding(reading):
            if stored.memory_id == number or not _disagrees(reading, stored):
                continue
            other = self._memory(stored.memory_id)
            if reading.is_past and other.valid_from != other.created_at and other.valid_from >= when:
                continue  # It began, as was told, after what is told now had ended.
            if reading.attribute == "?":
                self._database.execute(
                    "UPDATE OR IGNORE facts SET attribute = ? WHERE memory_id = ? AND attribute = '?'",
                    (stored.attribute, number),
                )
            if may_end and other.created_at <= said_at:
                self._end_fact(stored, when, number)
            elif not reading.is_past and compared < MAXIMUM_CONTRADICTIONS_OF_ONE:
                self._disagree(number, stored.memory_id, None)
                compared += 1

    def _holding(self, reading: Reading) -> tuple[_Stored, ...]:
        """The facts that hold now and are of the same attribute; newest first."""
        found = self._database.rows(
            """
            SELECT facts.memory_id, attribute, value, holds FROM facts JOIN memories ON memories.id = facts.memory_id
            WHERE subject = ? AND (attribute = ? OR (? = '?' AND value = ?))
            AND (facts.valid_to IS NULL OR facts.valid_to > ?) AND (memories.valid_to IS NULL OR memories.valid_to > ?)
            ORDER BY origin = 'typed' DESC, facts.memory_id DESC
            """,
            (reading.subject, reading.attribute, reading.attribute, reading.replaced, self._now(), self._now()),
        )
        return tuple(
            _Stored(cast("int", number), cast("str", attribute), cast("str", value), bool(holds))
            for number, attribute, value, holds in found
        )

    def _disagree(self, number: int, other: int, similarity: float | None) -> None:
        first, second = sorted((number, other))
        self._database.execute(
            "INSERT OR IGNORE INTO contradictions (first_id, second_id, found_at, similarity) VALUES (?, ?, ?, ?)",
            (first, second, self._now(), similarity),
        )

    # Inside: ending -------------------------------------------------------------------------------------------

    def _end_fact(self, stored: _Stored, when: str, by: int) -> None:
        """Closes one fact; with the last one that its memory states, the memory."""
        self._database.execute(
            "UPDATE facts SET valid_to = ?, ended_by = ? WHERE memory_id = ? AND attribute = ? AND value = ?",
            (when, by, stored.memory_id, stored.attribute, stored.value),
        )
        memory = self._memory(stored.memory_id)
        left = self._database.row("SELECT 1 FROM facts WHERE memory_id = ? AND valid_to IS NULL", (stored.memory_id,))
        if left is None and not _says_more(memory):
            self._end(stored.memory_id, when, by)
        else:
            self._audit("memory.ended_in_part", memory.id, {"by": f"m{by}"})

    def _end(self, number: int, when: str, by: int) -> None:
        memory = self._memory(number)
        # A start that nobody told is when it was told; it cannot lie after the end.
        ended = replace(memory, valid_from=min(memory.valid_from, when), valid_to=when)
        self._rewrite(ended, "memory.ended", {"by": f"m{by}"})
        self._database.execute(
            "INSERT OR REPLACE INTO memory_ends (memory_id, learned_at, ended_by) VALUES (?, ?, ?)",
            (number, self._now(), by),
        )

    def _rewrite(self, memory: Memory, event: str, body: Mapping[str, str]) -> None:
        """Changes all but the text of a memory, with its digest and its audit entry."""
        number, salt = rows.number_of(memory.id), secrets.token_hex(16)
        before = self._database.row("SELECT digest FROM memories WHERE id = ?", (number,))
        digest = rows.digest_of(memory, salt)
        self._database.execute(
            "UPDATE memories SET origin = ?, valid_from = ?, valid_to = ?, digest = ?, salt = ? WHERE id = ?",
            (memory.origin.value, memory.valid_from, memory.valid_to, digest, salt, number),
        )
        previous = cast("str", before[0]) if before is not None else ""
        self._audit(event, memory.id, {"digest": digest, "previous_digest": previous, **body})

    # Inside: reading ------------------------------------------------------------------------------------------

    def _linked(self, number: int) -> set[int]:
        """The memories that ended each other, from this one in both directions."""
        chain, new = {number}, {number}
        while new:
            among = json.dumps(sorted(new))
            found = self._database.rows(_LINKS, (among, among, among, among))
            new = {cast("int", row[0]) for row in found if row[0] is not None} - chain
            chain |= new
        return chain

    def _of_the_same(self, memory: Memory) -> set[int]:
        """The memories with a value of the same attribute, where it has one value at a time."""
        single = {
            (reading.subject, reading.attribute)
            for reading in attributes.read(memory.text, parse_timestamp(memory.created_at))
            if not reading.many
        }
        found = (
            row
            for pair in single
            for row in self._database.rows("SELECT memory_id FROM facts WHERE subject = ? AND attribute = ?", pair)
        )
        return {cast("int", row[0]) for row in found}

    def _era(self, number: int) -> Era:
        end = self._database.row("SELECT learned_at, ended_by FROM memory_ends WHERE memory_id = ?", (number,))
        if end is None:
            return Era(self._memory(number), None, None)
        return Era(self._memory(number), cast("str", end[0]), None if end[1] is None else f"m{end[1]}")

    def _open_against(self, number: int) -> tuple[str, ...]:
        found = self._database.rows(_OPEN_AGAINST, (number, number, number, self._now()))
        return tuple(f"m{row[0]}" for row in found)

    def _shared_attribute(self, first: int, second: int) -> str:
        shared = self._database.row(_SHARED, (first, second))
        if shared is None:
            return ""
        return str(shared[1]) if shared[0] == attributes.ME else f"{shared[0]}: {shared[1]}"

    def _clauses(self, memory: Memory, values: set[str]) -> tuple[str, ...]:
        if not values:
            return ()
        readings = attributes.read(memory.text, parse_timestamp(memory.created_at))
        # What is told as over needs no note; what has ended needs one even when that which ended it is forgotten.
        ended = (reading for reading in readings if reading.value in values and not reading.is_past)
        return tuple(dict.fromkeys(reading.clause.rstrip(".") for reading in ended))

    def _memory(self, number: int) -> Memory:
        row = self._database.row(rows.SELECT + " WHERE id = ?", (number,))
        if row is None:
            raise NotFound(f"there is no memory m{number}", next_step="edge-seal memory list")
        return rows.memory_of(row)

    def _now(self) -> str:
        return timestamp(self._clock.now())


def placed(text: str, said_at: str) -> tuple[str, str | None]:
    """From when and until when what `text` states is true; without words of time, from when it was said."""
    readings = attributes.read(text, parse_timestamp(said_at))
    starts = {periods.stored(reading.start) for reading in readings}
    ends = {periods.stored(reading.end) for reading in readings}
    # Several statements with several times are one memory: then only its facts have them.
    start = starts.pop() if len(starts) == 1 else None
    end = ends.pop() if len(ends) == 1 else None
    return min(start or said_at, end or start or said_at), end


def _disagrees(reading: Reading, stored: _Stored) -> bool:
    same = attributes.same_value(reading.value, stored.value)
    if reading.is_past:
        return reading.holds and stored.holds and same
    if reading.holds != stored.holds:
        if reading.holds:
            return same or attributes.says_when(reading.value, stored.value)
        return same or attributes.covers(reading.value, stored.value)
    if not reading.holds or same:
        return False
    if reading.replaced is not None:
        return attributes.same_value(reading.replaced, stored.value) or not reading.many
    # Another dog has another name, unless it is said that the name is another one now.
    return not reading.many or (reading.changed and reading.attribute == "name")


def _says_more(memory: Memory) -> bool:
    """Whether the memory states something about the user that the rules do not read."""
    now = parse_timestamp(memory.created_at)
    return any(
        clause.form.lower().startswith(("i ", "we ", "my ", "our ")) and not any(attributes.read_clause(clause, now))
        for clause in clauses(memory.text)
    )


def _truly_from(memory: Memory) -> str:
    return min(memory.valid_from, memory.valid_to or memory.valid_from)


_ANSWERING: Final = """
    SELECT memories.id FROM facts JOIN memories ON memories.id = facts.memory_id
    WHERE subject = ? AND attribute IN (SELECT value FROM json_each(?))
    AND (facts.valid_to IS NULL OR facts.valid_to > ?) AND (memories.valid_to IS NULL OR memories.valid_to > ?)
    GROUP BY memories.id ORDER BY origin = 'typed' DESC, max(holds) DESC, memories.id DESC LIMIT 10
"""

_OPEN: Final = """
    SELECT first_id, second_id, found_at, similarity FROM contradictions
    JOIN memories AS one ON one.id = first_id JOIN memories AS other ON other.id = second_id
    WHERE state = 'open'
    AND (one.valid_to IS NULL OR one.valid_to > ?) AND (other.valid_to IS NULL OR other.valid_to > ?)
    AND (? IS NULL OR first_id = ? OR second_id = ?)
    ORDER BY found_at, first_id, second_id
"""

_OPEN_AGAINST: Final = """
    SELECT memories.id FROM contradictions
    JOIN memories ON memories.id = CASE WHEN first_id = ? THEN second_id ELSE first_id END
    WHERE state = 'open' AND similarity IS NULL AND (first_id = ? OR second_id = ?)
    AND (valid_to IS NULL OR valid_to > ?)
"""

_LINKS: Final = """
    SELECT memory_id FROM memory_ends WHERE ended_by IN (SELECT value FROM json_each(?))
    UNION SELECT ended_by FROM memory_ends WHERE memory_id IN (SELECT value FROM json_each(?))
    UNION SELECT memory_id FROM facts WHERE ended_by IN (SELECT value FROM json_each(?))
    UNION SELECT ended_by FROM facts WHERE memory_id IN (SELECT value FROM json_each(?))
"""

_SHARED: Final = """
    SELECT one.subject, one.attribute FROM facts AS one JOIN facts AS other USING (subject, attribute)
    WHERE one.memory_id = ? AND other.memory_id = ? LIMIT 1
"""
