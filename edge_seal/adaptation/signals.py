"""What the user does, as evidence: taught examples, corrections, thumbs; checked, and kept until a cycle takes them.

Invariants: a stored text is normalized (NFC, line feeds as line ends), not empty, bounded, and without control
characters; the origin of a signal is that of its least trusted part.

What stands in the words of a `teach` counts as typed. A file of lessons is a file: it waits for approval, unless the
user says that they wrote it (`teach --mine`); what comes through a pipe counts as pasted. An item with a `source` says
by itself that it comes from elsewhere, whoever wrote the file around it.
A thumb vouches for nothing: the words under it are the model's, and stay so. Whatever is derived carries the union of
the origins of what it is derived from.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from edge_seal.clock import Clock, timestamp
from edge_seal.errors import ConfigError, IntegrityError, NotFound
from edge_seal.records import FORGOTTEN_TEXT, Actor, Origin, Signal, SignalKind, SignalState, Turn, mixed
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.lesson_records import LessonRecords

MAXIMUM_PROMPT_CHARACTERS = 4_000
MAXIMUM_ANSWER_CHARACTERS = 8_000
MAXIMUM_SOURCE_CHARACTERS = 400
MAXIMUM_LESSONS = 10_000


# Lessons --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lesson:
    """For `prompt`, `answer` is meant. `source` names where it comes from, if not from the user.

    `origin` is that of its least trusted part, `also_from` the other origins that went into it.
    """

    prompt: str
    answer: str
    origin: Origin
    source: str | None = None
    also_from: tuple[Origin, ...] = ()

    def made_from(self, *origins: Origin) -> Lesson:
        """The lesson, where texts of these origins went into it too."""
        origin, also_from = mixed((self.origin, *self.also_from, *origins))
        return replace(self, origin=origin, also_from=also_from)


def lesson(prompt: str, answer: str, *, source: str | None = None) -> Lesson:
    """A lesson given by the user: typed, or of a file's origin where it names its `source`.

    Raises:
        ConfigError: a text is empty, too long, or holds characters that cannot be seen or stored.
    """
    return Lesson(
        _checked(prompt, "prompt", MAXIMUM_PROMPT_CHARACTERS),
        _checked(answer, "answer", MAXIMUM_ANSWER_CHARACTERS),
        Origin.TYPED if source is None else Origin.FILE,
        None if source is None else checked_source(source),
    )


def lesson_of_document(prompt: str, answer: str, *, source: str, by_model: bool = False) -> Lesson:
    """A lesson that was derived from the document named `source`; `by_model`: the model worded its question.

    Raises:
        ConfigError: a text is empty, too long, or holds characters that cannot be seen or stored.
    """
    derived = Lesson(
        _checked(prompt, "prompt", MAXIMUM_PROMPT_CHARACTERS),
        _checked(answer, "answer", MAXIMUM_ANSWER_CHARACTERS),
        Origin.DOCUMENT,
        checked_source(source),
    )
    return derived.made_from(Origin.MODEL) if by_model else derived


def checked_source(source: str) -> str:
    """`source` as it may be kept.

    Raises:
        ConfigError: it is empty, too long, or holds characters that cannot be seen or stored.
    """
    return _checked(source, "source", MAXIMUM_SOURCE_CHARACTERS)


def correction(turn: Turn, answer: str, origin: Origin = Origin.TYPED) -> Lesson:
    """What should have been said in `turn`, with the origins of `answer`, of the prompt and of what it corrects.

    Raises:
        ConfigError: `answer` is empty, too long, or holds characters that cannot be seen or stored; or the words of
            the turn were forgotten.
    """
    if turn.prompt == FORGOTTEN_TEXT:
        raise ConfigError(f"the words of {turn.id} were forgotten", next_step="edge-seal teach")
    checked = _checked(answer, "correction", MAXIMUM_ANSWER_CHARACTERS)
    return Lesson(turn.prompt, checked, origin).made_from(*turn.origins)


def said_in(turn: Turn) -> Lesson:
    """What was said in `turn`, as a thumb points at it: the words are the model's."""
    return Lesson(turn.prompt, turn.answer, Origin.MODEL).made_from(*turn.origins)


def parse_lessons(text: str, origin: Origin = Origin.TYPED, source: str | None = None) -> list[Lesson]:
    """The lessons in `text`: JSON Lines, `{"prompt": …, "answer": …, "source"?: …}`; blank lines are skipped.

    `origin` and `source` are those of lines that name no source themselves.

    Raises:
        ConfigError: a line is no such object; the message gives its number. Or there are none, or too many.
    """
    lessons: list[Lesson] = []
    named = None if source is None else _checked(source, "source", MAXIMUM_SOURCE_CHARACTERS)
    # Only line feeds end a line: JSON strings may hold U+2028 and its like as they are.
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            item = _lesson_of_line(line)
            lessons.append(item if item.source is not None else replace(item, origin=origin, source=named))
        except ConfigError as error:
            raise ConfigError(
                f"line {number}: {error.message}",
                next_step='each line has to be like {"prompt": "…", "answer": "…"}',
            ) from error
        if len(lessons) > MAXIMUM_LESSONS:
            raise ConfigError(f"there are more than {MAXIMUM_LESSONS} lessons", next_step="split the file")
    if not lessons:
        raise ConfigError("there is no lesson in it", next_step='write lines like {"prompt": "…", "answer": "…"}')
    return lessons


def _lesson_of_line(line: str) -> Lesson:
    try:
        parsed: object = json.loads(line, object_pairs_hook=_fields)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ConfigError("nested too deeply") from error
    if not isinstance(parsed, dict):
        raise ConfigError("not a JSON object")
    fields = cast("dict[str, object]", parsed)
    unknown = sorted(set(fields) - {"prompt", "answer", "source"})
    if unknown:
        raise ConfigError(f"unknown field {unknown[0]!r}")
    source = fields.get("source")
    return lesson(
        _text_field(fields, "prompt"),
        _text_field(fields, "answer"),
        source=None if source is None else _text_field(fields, "source"),
    )


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        # One reader would take the first, another the last: what was checked must be what is learned.
        raise ConfigError("a field is given twice")
    return fields


def _text_field(fields: dict[str, object], name: str) -> str:
    if name not in fields:
        raise ConfigError(f"{name!r} is missing")
    value = fields[name]
    if not isinstance(value, str):
        raise ConfigError(f"{name!r} is not a text")
    return value


def _checked(text: str, name: str, most: int) -> str:
    unified = unicodedata.normalize("NFC", re.sub(r"\r\n?", "\n", text)).strip()
    # Text of format characters alone (zero-width spaces and the like) is as empty as none.
    if all(c.isspace() or unicodedata.category(c) == "Cf" for c in unified):
        raise ConfigError(f"the {name} is empty")
    if len(unified) > most:
        raise ConfigError(f"the {name} has {len(unified)} characters; at most {most} are allowed")
    for c in unified:
        category = unicodedata.category(c)
        if category == "Cs" or (category == "Cc" and c not in "\n\t"):
            raise ConfigError(f"the {name} holds the control character U+{ord(c):04X}", next_step="remove it")
    return unified


# Kept signals ---------------------------------------------------------------------------------------------

_COLUMNS = "id, kind, prompt, answer, origin, source, turn_id, created_at, state, also_from"


class SignalBox:
    """The signals table. Every method is one transaction, or a part of the caller's; what is kept is in the ledger."""

    def __init__(self, database: Database, clock: Clock, ledger: Ledger) -> None:
        self._database = database
        self._clock = clock
        self._records = LessonRecords(database, ledger)

    def add(
        self, kind: SignalKind, lesson: Lesson, *, turn_id: str | None = None, memory_id: str | None = None
    ) -> Signal:
        """Keeps one signal, pending. With `memory_id` it comes from that memory, and is forgotten with it.

        Raises:
            NotFound: there is no turn `turn_id`.
        """
        turn = None if turn_id is None else _number(turn_id, "t", "turn")
        memory = None if memory_id is None else _number(memory_id, "m", "memory")
        created_at = timestamp(self._clock.now())
        with self._database.transaction():
            if turn is not None and self._database.row("SELECT 1 FROM turns WHERE id = ?", (turn,)) is None:
                raise NotFound(f"there is no turn {turn_id}")
            self._database.execute(
                "INSERT INTO signals (created_at, kind, prompt, answer, origin, source, turn_id, state, memory_id,"
                " also_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    created_at,
                    kind.value,
                    lesson.prompt,
                    lesson.answer,
                    lesson.origin.value,
                    lesson.source,
                    turn,
                    SignalState.PENDING.value,
                    memory,
                    ",".join(lesson.also_from),
                ),
            )
            kept = self.get(f"s{self._database.last_row_id}")
            self._records.record(kept, Actor.USER)
            return kept

    def foreign(self, signals: Sequence[Signal]) -> frozenset[str]:
        """Those that came, or were changed, by other hands than ours, by id: they may not be learned."""
        return self._records.foreign(signals)

    def problems(self) -> tuple[str, ...]:
        """What `audit verify` has to say about lessons."""
        try:
            return self._records.problems(self.all())
        except IntegrityError as error:
            return (error.message,)

    def add_all(self, lessons: Iterable[Lesson], *, memory_id: str | None = None) -> list[Signal]:
        """Keeps taught lessons, all of them or none."""
        with self._database.transaction():
            return [self.add(SignalKind.TAUGHT, item, memory_id=memory_id) for item in lessons]

    def get(self, signal_id: str) -> Signal:
        """The signal of this id.

        Raises:
            NotFound: there is none.
        """
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM signals WHERE id = ?",  # noqa: S608  # names of columns only
            (_number(signal_id, "s", "signal"),),
        )
        if row is None:
            raise NotFound(f"there is no signal {signal_id}")
        return _signal(row)

    def pending(self) -> list[Signal]:
        """The signals that wait for a cycle, oldest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM signals WHERE state = ? ORDER BY id",  # noqa: S608  # names of columns only
            (SignalState.PENDING.value,),
        )
        return [_signal(row) for row in rows]

    def own_answers(self, signals: Iterable[Signal], *, base_sha256: str | None = None) -> dict[str, str]:
        """By signal, what the model said in the turn that the signal is about; absent where the turn is gone.

        With `base_sha256` also where another model file answered.
        """
        said: dict[str, str] = {}
        for signal in signals:
            if signal.turn_id is not None:
                row = self._database.row(
                    "SELECT answer FROM turns WHERE id = ? AND base_sha256 = coalesce(?, base_sha256)",
                    (_number(signal.turn_id, "t", "turn"), base_sha256),
                )
                if row is not None and row[0] != FORGOTTEN_TEXT:
                    said[signal.id] = str(row[0])
        return said

    def all(self) -> list[Signal]:
        """Every signal, oldest first; those that were refused without their words."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM signals ORDER BY id")  # noqa: S608  # names of columns only
        return [_signal(row) for row in rows]

    def of_memory(self, memory_id: str) -> frozenset[str]:
        """The signals, by id, that were kept as coming from the memory."""
        rows = self._database.rows("SELECT id FROM signals WHERE memory_id = ?", (_number(memory_id, "m", "memory"),))
        return frozenset(f"s{row[0]}" for row in rows)

    def forget(self, ids: Iterable[str]) -> None:
        """Deletes signals, row and all; their examples have to be gone before (`updates.forgetting`).

        Raises:
            NotFound: one of them does not exist.
        """
        with self._database.transaction():
            for signal_id in ids:
                self.get(signal_id)
                self._database.execute("DELETE FROM signals WHERE id = ?", (_number(signal_id, "s", "signal"),))

    def mark(self, ids: Iterable[str], state: SignalState) -> None:
        """Puts the signals into `state`, all of them or none.

        Raises:
            NotFound: one of them does not exist.
        """
        with self._database.transaction():
            for signal_id in ids:
                self.get(signal_id)
                self._database.execute(
                    "UPDATE signals SET state = ? WHERE id = ?", (state.value, _number(signal_id, "s", "signal"))
                )

    def refuse(self, ids: Iterable[str]) -> None:
        """Marks the signals refused and takes their words out of the database: what may not be learned is not kept.

        Raises:
            NotFound: one of them does not exist.
        """
        refused = tuple(ids)
        with self._database.transaction():
            self.mark(refused, SignalState.REFUSED)
            for signal_id in refused:
                self._database.execute(
                    "UPDATE signals SET prompt = '', answer = '', source = NULL WHERE id = ?",
                    (_number(signal_id, "s", "signal"),),
                )


def _number(public_id: str, letter: str, thing: str) -> int:
    if re.fullmatch(rf"{letter}[1-9][0-9]{{0,17}}", public_id) is None:
        raise NotFound(f"there is no {thing} {public_id!r}", next_step=f"a {thing}'s id is like {letter}1")
    return int(public_id[1:])


def _signal(row: tuple[SqlValue, ...]) -> Signal:
    number, kind, prompt, answer, origin, source, turn, created_at, state, also_from = row
    try:
        return Signal(
            id=f"s{number}",
            kind=SignalKind(kind),
            prompt=str(prompt),
            answer=str(answer),
            origin=Origin(origin),
            source=None if source is None else str(source),
            turn_id=None if turn is None else f"t{turn}",
            created_at=str(created_at),
            state=SignalState(state),
            also_from=tuple(Origin(name) for name in str(also_from).split(",") if name),
        )
    except ValueError as error:
        raise IntegrityError(
            f"lesson s{number} is damaged ({error})", next_step="restore the database from a backup: edge-seal restore"
        ) from error
