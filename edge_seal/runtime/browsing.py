"""Memories as a whole: page by page, out to a file and back in."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from edge_seal.clock import timestamp
from edge_seal.errors import EdgeSealError, NotFound
from edge_seal.memory import ends, interchange, listing, markdown, rows
from edge_seal.memory.listing import Filter
from edge_seal.memory.memories import Imported
from edge_seal.records import FORGOTTEN_TEXT, Contradiction, Era, Memory, Turn
from edge_seal.runtime.telling import Telling
from edge_seal.safekeeping import exports
from edge_seal.storage.durable_file import temporary_beside

Form = Literal["jsonl", "markdown"]


@dataclass(frozen=True, slots=True)
class MemoryChoices:
    """What memories can be filtered by: the attributes that were read in them, and their sources."""

    kinds: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemoryDetail:
    """A memory, the values its fact had before and after, and what contradicts it."""

    memory: Memory
    history: tuple[Era, ...]
    contradictions: tuple[Contradiction, ...]


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

    def memory_count(self, wanted: Filter) -> int:
        """How many memories are `wanted`."""
        return listing.count(self.database, wanted, timestamp(self.clock.now()))

    def memory_slice(self, wanted: Filter, offset: int, limit: int) -> tuple[Memory, ...]:
        """Of the memories that are `wanted`, newest first, the `limit` that follow the first `offset`.

        What is damaged is given as it stands; `audit` names it.
        """
        return listing.slice_of(self.database, wanted, timestamp(self.clock.now()), offset, limit)

    def memory_choices(self) -> MemoryChoices:
        """What memories can be filtered by."""
        return MemoryChoices(listing.kinds(self.database), listing.sources(self.database))

    def memory_detail(self, memory_id: str) -> MemoryDetail:
        """A memory with its history and what contradicts it.

        Raises:
            NotFound: there is none.
        """
        memory = self.stored_memories.get(memory_id)
        facts = self.stored_memories.facts
        return MemoryDetail(memory, facts.history(memory_id), facts.contradictions(memory_id))

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

    # Files ----------------------------------------------------------------------------------------------------

    def export_memory_file(self, path: Path, form: Form = "jsonl") -> int:
        """Writes every memory into a new file, readable by its owner only; gives how many.

        Raises:
            EdgeSealError: there is something already, or it cannot be written; nothing of it stays.
        """
        path = path.expanduser()
        staged = temporary_beside(path)
        try:
            if path.exists():
                raise EdgeSealError(f"{path} exists already", next_step="name another file")
            descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                count = self.export_memories(stream, form)
            # A link is made only where nothing is: what came there meanwhile is not overwritten.
            path.hardlink_to(staged)
        except OSError as error:
            raise EdgeSealError(f"cannot write {path}: {error.strerror or error}") from error
        finally:
            staged.unlink(missing_ok=True)
        return count

    def import_memory_file(self, path: Path, *, confirmed: bool = False) -> Imported:
        """Adds the memories of a file, whose name says its form and is their source; as `import_memories`.

        Raises:
            EdgeSealError: it cannot be read, or is encrypted.
        """
        path = path.expanduser()
        try:
            content = path.read_bytes()
        except OSError as error:
            raise EdgeSealError(f"cannot read {path}: {error.strerror or error}") from error
        if exports.is_sealed_export(path):
            raise EdgeSealError(f"{path} is encrypted", next_step=f"edge-seal memory import {path}")
        form: Form = "markdown" if path.suffix in {".md", ".markdown"} else "jsonl"
        return self.import_memories(io.BytesIO(content), source=path.name, form=form, confirmed=confirmed)
