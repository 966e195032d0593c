"""Memories as a whole: page by page, out to a file and back in."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

from edge_seal.clock import timestamp
from edge_seal.errors import NotFound
from edge_seal.memory import ends, interchange, listing, markdown, rows
from edge_seal.memory.listing import Filter
from edge_seal.memory.memories import Imported
from edge_seal.records import FORGOTTEN_TEXT, Memory, Turn
from edge_seal.runtime.telling import Telling

Form = Literal["jsonl", "markdown"]


@dataclass(frozen=True, slots=True)
class Given:
    """What an answer was given: the memory `m3`, or what was said in the turn `t5`. `text` None: it is gone since."""

    id: str
    text: str | None


class Browsing(Telling):
    """Shows what is remembered, and carries it elsewhere."""

    def given(self, turn: Turn) -> tuple[Given, ...]:
        """What the answer of `turn` was given, as it reads now."""
        return tuple(Given(given_id, self._text_of(given_id)) for given_id in turn.memories)

    def _text_of(self, given_id: str) -> str | None:
        try:
            if given_id.startswith("t"):
                text = self.conversations.turn(given_id).prompt
                return None if text == FORGOTTEN_TEXT else text
            return self.stored_memories.get(given_id).text
        except NotFound:
            return None

    def memory_page(self, wanted: Filter, limit: int | None = None) -> tuple[Memory, ...]:
        """The newest `limit` memories (all, if None) that are `wanted`, oldest first.

        Raises:
            NotFound: `wanted.before` is no memory's id.
            IntegrityError: one of them is not what was written.
        """
        return listing.newest(self.database, wanted, timestamp(self.clock.now()), limit)

    def export_memories(self, stream: BinaryIO, form: Form = "jsonl") -> int:
        """Writes every memory, those that no longer hold too; gives how many. One page is in memory at a time."""
        if form == "jsonl":
            return self.stored_memories.export_to(stream)
        stream.write(markdown.HEADING.encode())
        count = 0
        for memory in listing.each(self.database):
            stream.write(markdown.section(memory, ends.of(self.database, rows.number_of(memory.id))))
            count += 1
        return count

    def import_memories(
        self,
        stream: BinaryIO,
        *,
        source: str | None,
        form: Form = "jsonl",
        backup: bool = False,
        confirmed: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Imported:
        """Adds the memories of a file, all of them or none; refused as in `remember`.

        `progress` gets how many were read. What is embedded after that goes on at the next start if it is interrupted.
        """
        content = stream.read()
        if form == "jsonl":
            lines = list(interchange.parsed(io.BytesIO(content)))
            numbers = [number for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]
        else:
            read = list(markdown.parsed(io.BytesIO(content)))
            lines, numbers = [line for _, line in read], [number for number, _ in read]
        texts = [f"{line.text}\n{line.source or ''}" for line in lines]
        self._admit_memories(texts, places=[f"line {number}" for number in numbers], confirmed=confirmed)
        return self.keeping_memories.import_lines(lines, source=source, backup=backup, progress=progress)
