"""What the user told us to remember: kept exactly, found by words and meaning, and gone when forgotten.

Invariants:
- A memory, its words in the index, its vector and its audit entry change in one transaction.
- The audit keeps a digest made with a random salt that lies in the memory's row alone: once the memory is forgotten,
  nobody can find out its text by trying texts.
- A memory whose row or vector is not what was written is reported, never used.
- A vector belongs to the embedder that made it. Vector search sees those of the present embedder only; the others wait
  for `embed_missing`, and until then their memories are found by their words. So they are where the embedder lies
  elsewhere and cannot be used: `embedder_problem` says why, and no other embedder steps in.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import BinaryIO, Final, cast

from edge_seal.clock import Clock, timestamp
from edge_seal.config import MemorySettings
from edge_seal.engines.engine import Embedder, EmbedderUnavailable, FloatArray
from edge_seal.errors import Busy, ConfigError, EngineError, NotFound
from edge_seal.memory import (
    ends,
    facts,
    interchange,
    likeness,
    listing,
    periods,
    reembedding,
    rows,
    search,
    things,
    turns,
    vectors,
    word_index,
    words,
)
from edge_seal.memory.bearing import bearing
from edge_seal.memory.ends import End
from edge_seal.memory.facts import Audit
from edge_seal.memory.interchange import Line
from edge_seal.memory.meanwhile import begun
from edge_seal.memory.reembedding import EMBEDDED_AT_ONCE, Enough, never
from edge_seal.memory.search import Hit, Mode, Query
from edge_seal.memory.turns import PastTurns
from edge_seal.memory.vectors import VectorIndex
from edge_seal.records import Memory, Origin, Recalled, RecalledTurn, Recollection, Turn
from edge_seal.storage import erasure
from edge_seal.storage.database import Database

# Near memories that a new one is compared with.
LIKELY_CONTRADICTIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Imported:
    """How many memories an import added, and how many were known already."""

    added: int
    known: int


class Memories:
    """The memories of one installation. Without an embedder they are found by their words alone."""

    def __init__(
        self, database: Database, audit: Audit, embedder: Embedder | None, clock: Clock, settings: MemorySettings
    ) -> None:
        self._database = database
        self._audit = audit
        self._embedder = embedder
        self._index = (
            VectorIndex(database, embedder.model_sha256, dimension=embedder.dimension) if embedder is not None else None
        )
        self.embedder_problem: EmbedderUnavailable | None = None
        self._past = PastTurns(database, embedder)
        self._last_embedded: tuple[str, FloatArray] | None = None
        self._clock = clock
        self._settings = settings
        self.facts = facts.Facts(database, audit, clock)

    # Keeping --------------------------------------------------------------------------------------------------

    def remember(self, text: str, origin: Origin, source: str | None = None, *, said_at: str | None = None) -> Memory:
        """Keeps `text`; where a memory that holds says the same already, gives that one and changes nothing.

        What it states about the user ends what they stated before, see `facts`; `said_at` (None: now) is when it was
        said.

        Raises:
            ConfigError: the text is empty, too long, or holds NUL or half a surrogate pair.
        """
        text, source = _checked(text, source)
        vector = self._embedded(text)
        with self._database.transaction():
            now = self._now()
            valid_from, valid_to = facts.placed(text, said_at or now)
            known = self._saying(text, ended=valid_to is not None)
            if known is not None:
                is_news = origin is Origin.TYPED and known.origin is not Origin.TYPED
                return self.facts.confirm(known, said_at or now) if is_news else known
            memory = self._insert(Memory("", text, origin, source, now, valid_from, valid_to))
            self._store_vector(memory, vector)
            self.facts.note(memory, said_at or now, may_end=True)
            self._compare_by_meaning(memory, vector)
            return memory

    def edit(self, memory_id: str, text: str, origin: Origin = Origin.TYPED) -> Memory:
        """Puts `text` in place of what the memory said, which is then gone; its vector is made anew in any case.

        A typed memory that `origin` says was not typed now counts as that from here on; no edit makes one typed.

        Raises:
            NotFound: there is no such memory.
            ConfigError: as for `remember`, or another memory says this already.
        """
        text, _ = _checked(text, None)
        vector = self._embedded(text)
        with self._gone_from_disk(memory_id):
            number = rows.number_of(memory_id)
            row = self._row(number)
            before = rows.memory_of(row, damaged=True)
            same = self._saying(text)
            if same is not None and same.id != memory_id:
                raise ConfigError(f"{same.id} says this already", next_step=f"edge-seal forget {memory_id}")
            now_from = origin if before.origin is Origin.TYPED else before.origin
            memory, salt = replace(before, text=text, origin=now_from), secrets.token_hex(16)
            digest = rows.digest_of(memory, salt)
            self._database.execute(
                "UPDATE memories SET text = ?, origin = ?, digest = ?, salt = ? WHERE id = ?",
                (text, now_from.value, digest, salt, number),
            )
            word_index.purge(self._database, before.text)
            vectors.remove(self._database, number)
            self._store_vector(memory, vector)
            self.facts.reread(memory)
            self._audit("memory.edited", memory.id, {"digest": digest, "previous_digest": cast("str", row[7])})
        return memory

    def forget(self, memory_id: str) -> Memory:
        """Takes the memory out: row, words, vector, and their bytes on the disk. Gives what it was.

        Turns that quoted it and updates that learned it are not memories and stay.

        Raises:
            NotFound: there is no such memory.
            Busy: it is forgotten, but another process keeps its bytes in the write-ahead log until it is done.
        """
        with self._gone_from_disk(memory_id):
            number = rows.number_of(memory_id)
            row = self._row(number)
            vectors.remove(self._database, number)
            self._database.execute("DELETE FROM memories WHERE id = ?", (number,))
            word_index.purge(self._database, cast("str", row[1]))
            self._audit("memory.forgotten", memory_id, {"digest": cast("str", row[7])})
        # A damaged memory can be forgotten like any other.
        return rows.memory_of(row, damaged=True)

    # Reading --------------------------------------------------------------------------------------------------

    def get(self, memory_id: str) -> Memory:
        """The memory with this id.

        Raises:
            NotFound: there is none.
            IntegrityError: its row is not what was written.
        """
        return rows.memory_of(self._row(rows.number_of(memory_id)))

    def list(self, *, limit: int | None = None, ended: bool = False) -> tuple[Memory, ...]:
        """The newest `limit` memories (all, if None), oldest first; those that no longer hold only with `ended`."""
        found = self._database.rows(
            rows.SELECT + " WHERE ? OR valid_to IS NULL OR valid_to > ? ORDER BY id DESC LIMIT ?",
            (int(ended), self._now(), -1 if limit is None else limit),
        )
        return tuple(rows.memory_of(row) for row in reversed(found))

    def says(self, text: str) -> Memory | None:
        """The memory that holds and says the same as `text`, if there is one."""
        return self._saying(text)

    def search(self, query: str, k: int = 10, mode: Mode | None = None) -> tuple[Recalled, ...]:
        """The `k` memories nearest to `query`, best first, however far they are. `mode` None: as set.

        Raises:
            EngineError: `vector` was asked for and there is no embedder.
            IntegrityError: a memory or a vector that was found is not what was written.
        """
        hits = self._hits(query, k, mode or self._settings.mode)[: max(k, 0)]
        return self._former_first(query, tuple(self._recalled(hit) for hit in hits))

    def recall(
        self, query: str, token_budget: int, count_tokens: Callable[[str], int], *, mode: Mode | None = None
    ) -> tuple[Recalled, ...]:
        """The memories that bear on `query`, best first: those of `recollect`, without past turns."""
        return self._recollected(query, token_budget, count_tokens, mode or self._settings.mode).memories

    def recollect(
        self, query: str, token_budget: int, count_tokens: Callable[[str], int], *, conversation_id: str | None = None
    ) -> Recollection:
        """What bears on `query`, best first: at most as many as set, together within `token_budget`.

        `count_tokens` says what a text costs in the prompt. One that no longer fits is passed over, so that a shorter
        one after it may still go in. Nothing bears on a general question: then nothing is recalled. Past turns, where
        they are wanted, come from other conversations than `conversation_id`; at equal rank a memory goes first.
        """
        past = self._past if self._settings.turns else None
        return self._recollected(query, token_budget, count_tokens, self._settings.mode, past, conversation_id)

    def keep_findable(self, turn: Turn) -> None:
        """Lets a kept turn be found by its meaning later on."""
        if self._settings.turns and self._settings.mode in {"hybrid", "vector"}:
            self._past.index(turn, self._embedded(turn.prompt))

    # Interchange ----------------------------------------------------------------------------------------------

    def export_to(self, stream: BinaryIO) -> int:
        """Writes every memory as JSON Lines, those that no longer hold too; gives how many."""
        count = 0
        for memory in listing.each(self._database):
            stream.write(interchange.line(memory, ends.of(self._database, rows.number_of(memory.id))))
            count += 1
        return count

    def import_from(self, stream: BinaryIO, *, source: str | None = None, backup: bool = False) -> Imported:
        """`import_lines` with those of a JSON Lines file."""
        return self.import_lines(interchange.parsed(stream), source=source, backup=backup)

    def import_lines(
        self,
        lines: Iterable[Line],
        *,
        source: str | None = None,
        backup: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Imported:
        """Adds the memories of a file: all of them, or none if one line is refused. `progress` gets how many were read.

        What a file says of itself is not believed: its memories get the origin `file`, the time of now and, where
        they name no source of their own, `source`. With `backup` (an export of the user's own) every field is taken
        as it stands, so that an export of an empty home after it has the same bytes.

        Raises:
            ConfigError: a line is refused; the message gives its number.
        """
        kept: list[tuple[Memory, tuple[End, ...]]] = []
        known = 0
        now = self._now()
        with self._database.transaction():
            present = {_sameness(memory) for memory in listing.each(self._database)}
            for number, line in enumerate(lines, start=1):
                if progress is not None and number % EMBEDDED_AT_ONCE == 0:
                    progress(number)
                memory = _from_backup(line, now) if backup else _from_file(line, now, source)
                if _sameness(memory) in present:
                    known += 1
                    continue
                present.add(_sameness(memory))
                kept.append((self._insert(memory), line.ended if backup else ()))
            for memory, ended in kept:
                # What a file says ends nothing, and a backup says itself what had ended.
                self.facts.note(memory, memory.created_at, may_end=False, ended=ended)
        # After the commit: it takes ~10 ms a memory, and what is interrupted here goes on at the next call.
        self._embed_what_can_be()
        return Imported(len(kept), known)

    # Vectors --------------------------------------------------------------------------------------------------

    def missing_vectors(self) -> int:
        """How many memories vector search does not see, because another embedder or none has embedded them."""
        return self._index.count_missing() if self._index is not None else 0

    def embed_missing(
        self,
        progress: Callable[[int], None] | None = None,
        *,
        enough: Enough = never,
        at_once: int = EMBEDDED_AT_ONCE,
    ) -> reembedding.Done:
        """Embeds what the present embedder has not embedded yet, until `enough()`; see `reembedding`.

        Raises:
            EmbedderUnavailable: it fails for all texts alike; the batches before are kept.
        """
        if self._index is None or self._embedder is None or self._index.count_missing() == 0:
            return reembedding.Done(0, ())
        return reembedding.embed_missing(
            self._database, self._index, self._embedder, at_once=at_once, enough=enough, progress=progress
        )

    def _embed_what_can_be(self) -> None:
        """`embed_missing` after something that is done whether it works or not."""
        try:
            self.embed_missing()
            self.embed_turns()
        except EmbedderUnavailable as error:
            self.embedder_problem = error

    def embed_turns(self, limit: int = turns.EMBEDDED_AT_ONCE) -> int:
        """Embeds at most `limit` of the past turns that have no vector yet, the newest first; gives how many."""
        return self._past.embed_missing(limit) if self._settings.turns else 0

    def count(self) -> int:
        """How many memories there are, those that no longer hold too."""
        row = self._database.row("SELECT memories FROM memory_count")
        return cast("int", row[0]) if row is not None else 0

    def problems(self) -> tuple[str, ...]:
        """What is not as it was written, in words, each with its memory's id: rows, words in the index, vectors."""
        every = self._database.rows(rows.SELECT)
        found = [problem for row in every for problem in rows.problems(row)]
        indexed = (*word_index.problems(self._database), *vectors.problems(self._database))
        return (*found, *indexed, *turns.problems(self._database))

    def rebuild(self) -> int:
        """Makes word indexes, sign bits and damaged vectors anew from the rows; gives how many vectors were damaged.

        Rows that are not what was written stay as they are: there is nothing to make them from.
        """
        with self._database.transaction():
            word_index.rebuild(self._database)
            damaged = vectors.rebuild(self._database) + turns.rebuild(self._database)
        self._embed_what_can_be()
        return damaged

    # Inside ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _gone_from_disk(self, memory_id: str) -> Generator[None]:
        """A transaction after which nothing of what it deleted is left in the files."""
        with self._database.transaction():
            yield
            erasure.promise(self._database)
            self._database.after_commit(partial(self._scrub, memory_id))

    def _scrub(self, memory_id: str) -> None:
        try:
            erasure.finish(self._database)
        except Busy as error:
            raise Busy(
                f"{memory_id} is changed, but another process is reading: until it is closed, the former text stays "
                f"in the write-ahead log",
                next_step="close the other edge-seal: the last to close empties the log",
            ) from error

    def _hits(self, query: str, wanted: int, mode: Mode) -> tuple[Hit, ...]:
        if mode == "off" or wanted <= 0:
            return ()
        if mode == "vector" and self._embedder is None:
            raise EngineError("there is no embedder to search with", next_step="edge-seal models pull")
        looked_for = self._query(query, wanted, mode)
        by_meaning_alone = mode == "vector" and looked_for.vector is not None and looked_for.vector() is None
        if by_meaning_alone and self.embedder_problem is not None:
            raise self.embedder_problem
        ranked = search.ranked(self._database, self._index, looked_for)
        # "I moved to Oulu" answers "Where do I live?", however far apart their words and vectors are.
        return search.with_answers(ranked, self.facts.answering(query, looked_for.since))

    def _query(self, query: str, wanted: int, mode: Mode) -> Query:
        by_vector = mode != "keyword" and query.strip() != ""
        vector = self._being_embedded(query) if by_vector else None
        question, depth = query if mode != "vector" else "", max(wanted, search.MINIMUM_DEPTH)
        # What has ended is an answer to "where did I live before?", and to nothing that is asked of the present.
        return Query(question, vector, depth, self._now(), ended=periods.asks_about_past(query))

    def _recollected(
        self,
        query: str,
        token_budget: int,
        count_tokens: Callable[[str], int],
        mode: Mode,
        past: PastTurns | None = None,
        besides: str | None = None,
    ) -> Recollection:
        memories: tuple[Recalled, ...] = ()
        recalled_turns: tuple[RecalledTurn, ...] = ()
        wanted, left = self._settings.recalled, token_budget
        if mode == "off" or wanted <= 0 or left <= 0:
            return Recollection()
        least = self._settings.minimum_similarity
        hits = bearing(query, self._hits(query, wanted, mode), least)
        is_of_another = self._of_another_thing(query, mode)
        if is_of_another is not None:
            texts = word_index.found(self._database, (), [hit.number for hit in hits])
            hits = tuple(hit for hit in hits if hit.answers or not is_of_another(texts[hit.number].text))
        # The same was so twice: for a question about the past these are two answers.
        hits = hits if periods.asks_about_past(query) else self._distinct(hits)
        found = past.bearing(query, self._query(query, wanted, mode), least, besides) if past is not None else ()
        if is_of_another is not None:
            found = tuple(candidate for candidate in found if not is_of_another(candidate.said))
        present = None if periods.asks_about_past(query) else self._now()
        for hit, candidate in itertools.zip_longest(hits, found):
            if hit is not None and len(memories) + len(recalled_turns) < wanted:
                recalled = self._recalled(hit)
                cost = count_tokens(f"{recalled.memory.text} {recalled.note}".strip())
                if cost <= left:
                    memories, left = (*memories, recalled), left - cost
            if past is not None and candidate is not None and len(memories) + len(recalled_turns) < wanted:
                turn = past.recalled(candidate, left, count_tokens, present)
                if turn is not None:
                    recalled_turns, left = (*recalled_turns, turn[0]), left - turn[1]
        return Recollection(self._former_first(query, memories), recalled_turns)

    def _of_another_thing(self, question: str, mode: Mode) -> Callable[[str], bool] | None:
        """Tells whether a text states another thing of the asker's than `question` asks for; None: it asks for none."""
        asked = things.asked_for(question)
        if asked is None:
            return None
        return partial(things.is_of_another, asked, question, likeness=None if mode == "keyword" else self._likeness())

    def _likeness(self) -> things.Likeness | None:
        embedder = self._embedder
        if embedder is None:
            return None

        @cache
        def vector(text: str) -> FloatArray:
            return embedder.embed([text])[0]

        def cosine(one: str, other: str) -> float:
            try:
                return float(vector(one) @ vector(other))
            except EmbedderUnavailable as error:
                self.embedder_problem = error
                return 1.0  # what cannot be told apart counts as the same

        return cosine

    def _distinct(self, hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """`hits` without near duplicates."""
        numbers = [hit.number for hit in hits]
        known = self._index.vectors(numbers) if self._index is not None else {}
        return search.merged(self._database, hits, word_index.found(self._database, (), numbers), known)

    def _recalled(self, hit: Hit) -> Recalled:
        memory = rows.memory_of(self._row(hit.number))
        return Recalled(memory, hit.score, hit.similarity, self.facts.note_on(memory))

    def _former_first(self, query: str, found: tuple[Recalled, ...]) -> tuple[Recalled, ...]:
        """What has ended before what holds, where the question is about the past."""
        if not periods.asks_about_past(query):
            return found
        now = self._now()
        return tuple(sorted(found, key=lambda item: item.memory.valid_to is None or item.memory.valid_to > now))

    def _embedded(self, text: str) -> FloatArray | None:
        """The vector of `text`; None where there is no embedder or it cannot be used now: see `embedder_problem`."""
        if self._embedder is None:
            return None
        # Within one turn the same question is looked for among memories and turns, and then kept.
        if self._last_embedded is None or self._last_embedded[0] != text:
            try:
                self._last_embedded = text, self._embedder.embed([text])[0]
            except EmbedderUnavailable as error:
                self.embedder_problem = error
                return None
            self.embedder_problem = None
        return self._last_embedded[1]

    def _being_embedded(self, text: str) -> Callable[[], FloatArray | None]:
        """`_embedded` of `text`, begun now beside what the caller does until it asks for it."""
        if self._embedder is None or (self._last_embedded is not None and self._last_embedded[0] == text):
            return partial(self._embedded, text)
        return begun(partial(self._embedded, text))

    def _insert(self, memory: Memory) -> Memory:
        """Adds the row and its audit entry; gives the memory with its id."""
        salt = secrets.token_hex(16)
        row = self._database.row(rows.INSERT, rows.parameters(memory, salt))
        kept = rows.memory_of(cast("rows.Row", row))
        digest = rows.digest_of(kept, salt)
        self._audit("memory.remembered", kept.id, {"digest": digest, "origin": kept.origin.value})
        return kept

    def _compare_by_meaning(self, memory: Memory, vector: FloatArray | None) -> None:
        """Shows as possible contradictions what is near `memory` and differs in one place, where no rule reads it."""
        if self._index is None or vector is None or self.facts.are_read(memory):
            return
        for near in self._index.nearest(vector, LIKELY_CONTRADICTIONS + 1, self._now()):
            if near.number == rows.number_of(memory.id) or near.similarity < likeness.MINIMUM_COSINE:
                continue
            other = rows.memory_of(self._row(near.number))
            if likeness.differ_in_one_place(memory.text, other.text):
                self.facts.possibly_contradicts(memory, other, near.similarity)

    def _store_vector(self, memory: Memory, vector: FloatArray | None) -> None:
        if self._index is not None and vector is not None:
            self._index.store(rows.number_of(memory.id), vector)

    def _saying(self, text: str, *, ended: bool = False) -> Memory | None:
        """The memory that holds now (or, with `ended`, held) and says the same as `text`, if there is one."""
        form = words.normalized(text)
        sought = words.words(form)
        # Texts with the same form have the same words; one without words (a row of emoji) is compared with all.
        having = "id IN (SELECT rowid FROM memories_fts WHERE memories_fts MATCH ?)" if sought else "? = ''"
        found = self._database.rows(
            f"{rows.SELECT} WHERE {having} AND (valid_to IS NULL OR valid_to > ?) ORDER BY id",
            (words.all_of(sought), self._since(ended=ended)),
        )
        same = (row for row in found if words.normalized(cast("str", row[1])) == form)
        return next((rows.memory_of(row) for row in same), None)

    def _row(self, number: int) -> rows.Row:
        row = self._database.row(rows.SELECT + " WHERE id = ?", (number,))
        if row is None:
            raise NotFound(f"there is no memory m{number}", next_step="edge-seal memory list")
        return row

    def _since(self, *, ended: bool) -> str:
        """What `valid_to` has to be later than: now, or anything at all."""
        return "" if ended else self._now()

    def _now(self) -> str:
        return timestamp(self._clock.now())


def _checked(text: str, source: str | None) -> tuple[str, str | None]:
    try:
        text = interchange.checked_text(text)
    except ValueError as error:
        raise ConfigError(f"the text {error}; nothing was changed") from error
    try:
        return text, interchange.checked_source(source)
    except ValueError as error:
        raise ConfigError(f"the source {error}; nothing was changed") from error


def _from_file(line: Line, now: str, source: str | None) -> Memory:
    return Memory("", line.text, Origin.FILE, line.source or source, now, line.valid_from or now, line.valid_to)


def _from_backup(line: Line, now: str) -> Memory:
    created_at = line.created_at or now
    return Memory("", line.text, line.origin, line.source, created_at, line.valid_from or created_at, line.valid_to)


def _sameness(memory: Memory) -> tuple[str, str | None]:
    """Memories that are equal in this are one: what holds once is not kept twice."""
    return words.normalized(memory.text), memory.valid_to
