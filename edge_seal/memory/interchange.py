"""Memories as JSON Lines: one object a line, UTF-8, the same keys in the same order.

Invariants: what `line` writes, `parsed` reads back to an equal value; a line that is not exactly such an object is
refused with its number, and nothing after it is looked at. Numbers (`m3`) belong to one installation and are left out.
`ended` stands only where something has ended, see `ends`.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, BinaryIO, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from edge_seal.clock import parse_timestamp, timestamp
from edge_seal.config import describe
from edge_seal.errors import ConfigError
from edge_seal.memory.ends import End
from edge_seal.records import Memory, Origin

MAXIMUM_TEXT_CHARACTERS: Final = 8_000
MAXIMUM_SOURCE_CHARACTERS: Final = 1_000
# Every character of the longest text and source as a \uXXXX pair, and the rest of the object.
# What has ended of a text is named in its own words once more.
MAXIMUM_LINE_BYTES: Final = 12 * (2 * MAXIMUM_TEXT_CHARACTERS + MAXIMUM_SOURCE_CHARACTERS) + 8_192
MAXIMUM_LINES: Final = 100_000


@dataclass(frozen=True, slots=True)
class Line:
    """A memory as it travels. Times that a file does not give are None."""

    text: str
    origin: Origin
    source: str | None
    created_at: str | None
    valid_from: str | None
    valid_to: str | None
    ended: tuple[End, ...] = ()


class _Ended(BaseModel):
    """One end from outside."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    at: str
    learned_at: str | None = None
    by: str | None = None
    fact: Annotated[list[str], Field(min_length=3, max_length=3)] | None = None

    @field_validator("at", "learned_at", "by")
    @classmethod
    def _is_timestamp(cls, text: str | None) -> str | None:
        return _checked_time(text)

    @field_validator("fact")
    @classmethod
    def _fact_fits(cls, fact: list[str] | None) -> list[str] | None:
        return fact if fact is None else [_storable(part) for part in fact]


class _Outside(BaseModel):
    """One line from outside, before it is believed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str
    # Not strict: in JSON an enumeration is its text.
    origin: Origin = Field(default=Origin.FILE, strict=False)
    source: str | None = None
    created_at: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    ended: Annotated[list[_Ended], Field(max_length=100)] = []

    @field_validator("text")
    @classmethod
    def _text_is_kept_as_it_is(cls, text: str) -> str:
        if checked_text(text) != text:
            raise ValueError("starts or ends with white space")
        return text

    @field_validator("source")
    @classmethod
    def _source_fits(cls, source: str | None) -> str | None:
        return checked_source(source)

    @field_validator("created_at", "valid_from", "valid_to")
    @classmethod
    def _is_timestamp(cls, text: str | None) -> str | None:
        return _checked_time(text)


def _checked_time(text: str | None) -> str | None:
    if text is not None and timestamp(parse_timestamp(text)) != text:
        raise ValueError("is no time like 2026-01-31T08:30:00.000000Z")
    return text


def checked_text(text: str) -> str:
    """`text` without white space around it.

    Raises:
        ValueError: nothing is left, it is too long, or it holds what cannot be stored; in words.
    """
    kept = text.strip()
    if not kept:
        raise ValueError("is empty")
    if len(kept) > MAXIMUM_TEXT_CHARACTERS:
        raise ValueError(f"is {len(kept)} characters long; at most {MAXIMUM_TEXT_CHARACTERS} are kept")
    return _storable(kept)


def checked_source(source: str | None) -> str | None:
    """`source` as it is.

    Raises:
        ValueError: it is too long, or it holds what cannot be stored; in words.
    """
    if source is None:
        return None
    if len(source) > MAXIMUM_SOURCE_CHARACTERS:
        raise ValueError(f"is {len(source)} characters long; at most {MAXIMUM_SOURCE_CHARACTERS} are kept")
    return _storable(source)


def line(memory: Memory, ended: Sequence[End] = ()) -> bytes:
    """`memory` as one line, the line's end included; with what was learned of the memory's own ends."""
    record: dict[str, object] = {
        "text": memory.text,
        "origin": memory.origin.value,
        "source": memory.source,
        "created_at": memory.created_at,
        "valid_from": memory.valid_from,
        "valid_to": memory.valid_to,
    }
    if ended:
        record["ended"] = records_of(ended)
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def records_of(ended: Sequence[End]) -> list[dict[str, object]]:
    """Ends as JSON has them: what is None is left out."""
    return [{key: value for key, value in asdict(end).items() if value is not None} for end in ended]


def parsed(stream: BinaryIO) -> Iterator[Line]:
    """The memories in `stream`; empty lines are passed over.

    Raises:
        ConfigError: a line is not UTF-8, not JSON, not such an object or too long; the message gives its number.
    """
    number = 0
    while content := stream.readline(MAXIMUM_LINE_BYTES + 1):
        number += 1
        if number > MAXIMUM_LINES:
            raise _refused(number, f"a file may have at most {MAXIMUM_LINES} lines")
        if len(content) > MAXIMUM_LINE_BYTES:
            raise _refused(number, f"is longer than {MAXIMUM_LINE_BYTES} bytes")
        # Some editors put a byte order mark before the first line.
        content = content.removeprefix(BOM_UTF8) if number == 1 else content
        if content.strip():
            yield _parsed(number, content)


def _parsed(number: int, content: bytes) -> Line:
    try:
        return _line(content)
    except ValidationError as error:
        raise _refused(number, describe(error)) from error
    except RecursionError as error:
        raise _refused(number, "is nested too deeply") from error
    except ValueError as error:
        raise _refused(number, str(error)) from error


def line_of(number: int, record: object) -> Line:
    """The memory in a record from elsewhere, checked as a line of JSON Lines is.

    Raises:
        ConfigError: it is no such record; the message gives `number`.
    """
    try:
        return _checked_line(record)
    except ValidationError as error:
        raise _refused(number, describe(error)) from error
    except ValueError as error:
        raise _refused(number, str(error)) from error


def _line(content: bytes) -> Line:
    try:
        record = json.loads(content.decode("utf-8"), object_pairs_hook=_without_doubles)
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at character {error.pos + 1}") from error
    return _checked_line(record)


def _checked_line(record: object) -> Line:
    if not isinstance(record, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004 - what a file holds, and not an argument's type
    given = _Outside.model_validate(record)
    if given.valid_from is not None and given.valid_to is not None and given.valid_to < given.valid_from:
        raise ValueError("valid_to lies before valid_from")
    ended = tuple(
        End(end.at, end.learned_at, end.by, None if end.fact is None else (end.fact[0], end.fact[1], end.fact[2]))
        for end in given.ended
    )
    return Line(given.text, given.origin, given.source, given.created_at, given.valid_from, given.valid_to, ended)


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("names a key twice")
    return record


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("holds half a surrogate pair, which is no character") from error
    return text


def _refused(number: int, why: str) -> ConfigError:
    return ConfigError(
        f"line {number}: {why[:300]}; nothing was imported",
        next_step='correct the line: {"text": "...", "origin"?, "source"?, "created_at"?, "valid_from"?, "valid_to"?, '
        '"ended"?}',
    )
