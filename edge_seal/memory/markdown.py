"""Memories as Markdown that a person can read and edit, and that comes back as exactly what was written.

    ## 2026-03-01T09:30:00.000000Z

    > I live in Oulu.

    - origin: typed
    - source: "chat"
    - valid from: 2026-03-01T09:30:00.000000Z
    - valid to: 2026-04-01T00:00:00.000000Z
    - ended: [{"at": "2026-04-01T00:00:00.000000Z", "learned_at": …, "by": …}]

A section is a memory: its title says when it was kept, the quote is its text. Where a quote could not hold the text
exactly (carriage returns, control and format characters, spaces at the ends of lines), the text is a JSON string:
`- text: "…"`. Everything is optional but the text. Read by the same rules as a line of JSON Lines.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from edge_seal.errors import ConfigError
from edge_seal.memory.ends import End
from edge_seal.memory.interchange import MAXIMUM_LINE_BYTES, MAXIMUM_LINES, Line, line_of, records_of
from edge_seal.records import Memory

HEADING: Final = "# Memories\n"

_KEYS: Final = {
    "origin": "origin",
    "source": "source",
    "valid from": "valid_from",
    "valid to": "valid_to",
    "ended": "ended",
    "text": "text",
}
# Their values are JSON strings: they can hold anything.
_QUOTED: Final = frozenset({"source", "text"})


def section(memory: Memory, ended: Sequence[End] = ()) -> bytes:
    """`memory` as one section, an empty line before it; with what was learned of its ends."""
    told = [f"- origin: {memory.origin.value}"]
    if memory.source is not None:
        told.append(f"- source: {json.dumps(memory.source)}")
    told.append(f"- valid from: {memory.valid_from}")
    if memory.valid_to is not None:
        told.append(f"- valid to: {memory.valid_to}")
    if ended:
        told.append(f"- ended: {json.dumps(records_of(ended))}")
    quote = [f"> {line}" if line else ">" for line in memory.text.split("\n")]
    if not _fits_a_quote(memory.text):
        quote, told = [], [f"- text: {json.dumps(memory.text)}", *told]
    body = "\n\n".join("\n".join(part) for part in (quote, told) if part)
    return f"\n## {memory.created_at}\n\n{body}\n".encode()


def parsed(stream: BinaryIO) -> Iterator[tuple[int, Line]]:
    """The memories in `stream`, each with the number of the line it begins at.

    Raises:
        ConfigError: a line is not UTF-8 or not of such a section; the message gives its number.
    """
    section_read: _Section | None = None
    number = sections = 0
    while content := stream.readline(MAXIMUM_LINE_BYTES + 1):
        number += 1
        line = _decoded(content, number)
        if line.startswith("## "):
            if section_read is not None:
                yield section_read.began, section_read.finished()
            sections += 1
            if sections > MAXIMUM_LINES:
                raise _refused(number, f"a file may have at most {MAXIMUM_LINES} memories")
            section_read = _Section(number, {"created_at": line[3:].strip()}, [])
        elif not line.strip() or (section_read is None and line.startswith("# ")):
            continue
        elif section_read is None:
            raise _refused(number, "stands before the first section")
        else:
            section_read.add(line, number)
    if section_read is not None:
        yield section_read.began, section_read.finished()


@dataclass(slots=True)
class _Section:
    """A section as far as it was read: the number of its first line, what its items say, and the lines of its quote."""

    began: int
    items: dict[str, object]
    quote: list[str]

    def add(self, line: str, number: int) -> None:
        if line.startswith(">"):
            self.quote.append(line[1:].removeprefix(" "))
            return
        name, colon, value = line.removeprefix("- ").partition(":")
        key = _KEYS.get(name.strip()) if line.startswith("- ") and colon else None
        if key is None:
            raise _refused(number, "is no quote and none of " + ", ".join(f"`- {known}:`" for known in _KEYS))
        if key in self.items:
            raise _refused(number, f"gives {name.strip()!r} twice")
        self.items[key] = _read(key, value.strip(), number)

    def finished(self) -> Line:
        if self.quote and "text" in self.items:
            raise _refused(self.began, "has a quote and a text")
        record = {key: value for key, value in self.items.items() if value or key in _QUOTED}
        return line_of(self.began, record | ({"text": "\n".join(self.quote)} if self.quote else {}))


def _read(key: str, value: str, number: int) -> object:
    if key != "ended":
        return _unquoted(value, number) if key in _QUOTED else value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise _refused(number, "is no JSON") from error


def _unquoted(value: str, number: int) -> str:
    try:
        given: object = json.loads(value)
    except ValueError as error:
        raise _refused(number, "is no JSON string") from error
    if not isinstance(given, str):
        raise _refused(number, "is no JSON string")
    return given


def _fits_a_quote(text: str) -> bool:
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Cs") for sign in text.replace("\n", "")):
        return False
    return all(line == line.strip() for line in text.split("\n"))


def _decoded(content: bytes, number: int) -> str:
    if len(content) > MAXIMUM_LINE_BYTES:
        raise _refused(number, f"is longer than {MAXIMUM_LINE_BYTES} bytes")
    try:
        # Some editors put a byte order mark before the first line.
        text = content.decode("utf-8-sig" if number == 1 else "utf-8")
        return text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise _refused(number, "is not UTF-8") from error


def _refused(number: int, why: str) -> ConfigError:
    return ConfigError(
        f"line {number}: {why}; nothing was imported",
        next_step="write each memory as `## time`, then its text as a quote (`> …`), then `- origin: …` and the like",
    )
