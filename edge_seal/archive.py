"""Kept conversations: listed, searched, exported, renamed, and deleted down to their bytes.

Invariants: lists have one order (the newest conversation first, the turns of one oldest first), so that paging through
them misses nothing; a deleted conversation takes its turns, their words, their vectors and what was proposed from them
with it, in one transaction; lists and exports hold one page of rows in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from edge_seal.conversation import Conversations, number_of
from edge_seal.errors import ConfigError, NotFound
from edge_seal.memory import same_fact, words
from edge_seal.memory import turns as past_turns
from edge_seal.records import FORGOTTEN_TEXT, Memory, SignalKind, Turn
from edge_seal.storage import erasure
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates import comparisons

MAXIMUM_TITLE_CHARACTERS: Final = 200
_PAGE: Final = 500
# "2" and "Al" stand in too many turns to tell anything.
_SHORTEST_NAME: Final = 3


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation in a list. `last_at` is the time of its last turn."""

    id: str
    title: str
    created_at: str
    last_at: str
    turns: int


@dataclass(frozen=True, slots=True)
class Found:
    """A turn that a search found, with its conversation's title."""

    turn: Turn
    title: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went with a conversation. `lessons` are signals taught from its turns that stay, with their words."""

    id: str
    turns: int
    thumbs: int
    lessons: tuple[str, ...]


class Archive:
    """What was said, for the user to see and to delete."""

    def __init__(self, database: Database, conversations: Conversations) -> None:
        self._database = database
        self._conversations = conversations

    # Reading ----------------------------------------------------------------------------------------------

    def list(self, *, limit: int | None = None, before: str | None = None) -> tuple[Conversation, ...]:
        """The newest `limit` conversations (all, if None), newest first; of those older than `before`, if given."""
        rows = self._database.rows(
            _LIST + " WHERE conversations.id < ? GROUP BY conversations.id ORDER BY conversations.id DESC LIMIT ?",
            (2**62 if before is None else _number(before), -1 if limit is None else limit),
        )
        return tuple(_conversation(row) for row in rows)

    def get(self, conversation_id: str) -> Conversation:
        """One conversation.

        Raises:
            NotFound: there is none.
        """
        row = self._database.row(
            _LIST + " WHERE conversations.id = ? GROUP BY conversations.id", (_number(conversation_id),)
        )
        if row is None:
            raise NotFound(f"there is no conversation {conversation_id}", next_step="edge-seal conversations list")
        return _conversation(row)

    def search(self, query: str, *, limit: int = 20, offset: int = 0) -> tuple[Found, ...]:
        """The turns with all words of `query` on either side; where there are none, with any of them. Newest first."""
        sought = words.words(query)
        if not sought:
            return ()
        for match in (words.all_of(sought), words.any_of(sought)):
            rows = self._database.rows(
                "SELECT rowid FROM turns_fts WHERE turns_fts MATCH ? AND NOT EXISTS (SELECT 1 FROM turns WHERE"
                " turns.id = turns_fts.rowid AND set_aside) ORDER BY rowid DESC LIMIT ? OFFSET ?",
                (match, limit, offset),
            )
            if rows or offset:
                return tuple(self._found(f"t{row[0]}") for row in rows)
        return ()

    def find(self, query: str, *, limit: int = 200) -> tuple[Conversation, ...]:
        """The conversations whose title holds `query`, or in which a turn was found for it; newest first."""
        ids = {_number(found.turn.conversation_id) for found in self.search(query, limit=limit)}
        titled = self._database.rows(
            "SELECT id FROM conversations WHERE instr(lower(title), lower(?)) ORDER BY id DESC LIMIT ?",
            (query.strip(), limit),
        )
        ids |= {cast("int", row[0]) for row in titled}
        return tuple(self.get(f"c{number}") for number in sorted(ids, reverse=True)[:limit])

    def each(self, conversation_ids: Iterable[str] | None = None) -> Iterator[tuple[Conversation, tuple[Turn, ...]]]:
        """Each conversation (those named, or all, oldest first) with its turns."""
        for conversation_id in self._every() if conversation_ids is None else conversation_ids:
            yield self.get(conversation_id), self._conversations.turns(conversation_id)

    def feedback(self, conversation_id: str) -> Mapping[str, tuple[SignalKind, ...]]:
        """What the user said of the answers of a conversation: the kinds of signals by turn, oldest first."""
        found: dict[str, tuple[SignalKind, ...]] = {}
        for turn, kind in self._database.rows(
            "SELECT turn_id, kind FROM signals JOIN turns ON turns.id = turn_id WHERE conversation_id = ?"
            " ORDER BY signals.id",
            (_number(conversation_id),),
        ):
            found[f"t{turn}"] = (*found.get(f"t{turn}", ()), SignalKind(str(kind)))
        return found

    # Changing ---------------------------------------------------------------------------------------------

    def rename(self, conversation_id: str, title: str) -> Conversation:
        """Gives a conversation another title.

        Raises:
            ConfigError: the title is empty or too long, or cannot be stored.
            NotFound: there is no such conversation.
        """
        kept = " ".join(title.split())
        if not kept or len(kept) > MAXIMUM_TITLE_CHARACTERS or "\0" in kept:
            raise ConfigError(f"a title has 1 to {MAXIMUM_TITLE_CHARACTERS} characters, and no NUL")
        with erasure.erasing(self._database):
            self.get(conversation_id)
            number = _number(conversation_id)
            self._database.execute("UPDATE conversations SET title = ? WHERE id = ?", (kept, number))
            return self.get(conversation_id)

    def lessons_of(self, conversation_id: str) -> tuple[str, ...]:
        """The signals, by id, that were taught or corrected in the conversation's turns, and thumbs that were learned.

        Other thumbs are none.
        """
        rows = self._database.rows(
            "SELECT signals.id FROM signals JOIN turns ON turns.id = turn_id"
            " WHERE conversation_id = ? AND signals.prompt <> '' AND (kind IN ('taught', 'correction')"
            " OR signals.id IN (SELECT signal_id FROM examples)) ORDER BY 1",
            (_number(conversation_id),),
        )
        return tuple(f"s{row[0]}" for row in rows)

    def delete(self, conversation_id: str, record: Callable[[int], object]) -> Deleted:
        """Takes a conversation out with all its turns, and the bytes of both; `record` writes its audit entry.

        Thumbs go with it: their words are the turn's. Lessons taught in it, and thumbs that an update was made of, stay
        and are named (`runtime.forgetting`).

        Raises:
            NotFound: there is none.
            Busy: it is deleted, but another process keeps its bytes in the write-ahead log until it is done.
        """
        number = _number(conversation_id)
        with erasure.erasing(self._database):
            self.get(conversation_id)
            turns = self._conversations.turns(conversation_id, set_aside=True)
            lessons = self.lessons_of(conversation_id)
            thumbs = self._database.rows(
                "DELETE FROM signals WHERE kind IN ('good', 'bad') AND id NOT IN (SELECT signal_id FROM examples"
                " WHERE signal_id IS NOT NULL) AND turn_id IN (SELECT id FROM turns WHERE conversation_id = ?)"
                " RETURNING id",
                (number,),
            )
            self._database.execute("DELETE FROM turns WHERE conversation_id = ?", (number,))
            self._database.execute("DELETE FROM conversations WHERE id = ?", (number,))
            self._purge_words([text for turn in turns for text in (turn.prompt, turn.answer)])
            record(len(turns))
        return Deleted(conversation_id, len(turns), len(thumbs), lessons)

    # What tells a memory ----------------------------------------------------------------------------------

    def turns_telling(self, memory: Memory) -> tuple[str, ...]:
        """The turns, by id, in which somebody said what `memory` says, or that were answered with it."""
        return tuple(f"t{number}" for number, _, _ in self._telling(memory))

    def turns_naming(self, text: str, *, limit: int = 20) -> tuple[str, ...]:
        """The newest turns, by id, in which a name or a number of `text` stands on either side; oldest first."""
        named = [word for word in same_fact.names_and_numbers(text) if len(word) >= _SHORTEST_NAME]
        if not named:
            return ()
        rows = self._database.rows(
            "SELECT rowid FROM turns_fts WHERE turns_fts MATCH ? ORDER BY rowid DESC LIMIT ?",
            (words.any_of(named), limit),
        )
        return tuple(f"t{row[0]}" for row in reversed(rows))

    def erase_telling(self, memory: Memory) -> tuple[str, ...]:
        """Takes the words of `memory` out of the turns, their titles and what was proposed from them.

        A side of a turn that tells it is replaced as a whole. Runs inside the caller's transaction, which has to
        promise the erasure.
        """
        erased = tuple(self._telling(memory))
        gone: list[str] = []
        for number, prompt, answer in erased:
            for column, tells in (("prompt", prompt), ("answer", answer)):
                if tells is not None:
                    gone.append(tells)
                    self._database.execute(f"UPDATE turns SET {column} = ? WHERE id = ?", (FORGOTTEN_TEXT, number))  # noqa: S608
            if prompt is not None:
                self._database.execute("DELETE FROM turn_vectors WHERE turn_id = ?", (number,))
        self._erase_titles(memory)
        numbers = {number for number, _, _ in erased}
        comparisons.erase_telling(self._database, partial(same_fact.turn_tells, memory.text), numbers)
        for proposal, text in self._database.rows("SELECT id, text FROM proposals"):
            if same_fact.text_tells(memory.text, cast("str", text)):
                self._database.execute("DELETE FROM proposals WHERE id = ?", (proposal,))
        if gone:
            self._purge_words(gone)
        return tuple(f"t{number}" for number, _, _ in erased)

    def _erase_titles(self, memory: Memory) -> None:
        for number, title in self._database.rows("SELECT id, title FROM conversations WHERE title <> ''"):
            if same_fact.text_tells(memory.text, cast("str", title)):
                self._database.execute("UPDATE conversations SET title = ? WHERE id = ?", (FORGOTTEN_TEXT, number))

    def _telling(self, memory: Memory) -> Iterator[tuple[int, str | None, str | None]]:
        """Numbers of the turns that tell `memory`, with prompt and answer where they do."""
        sought = words.words(memory.text)
        candidates = self._database.rows(
            "SELECT id, prompt, answer, memories FROM turns WHERE id IN (SELECT rowid FROM turns_fts WHERE turns_fts"
            " MATCH ?) OR EXISTS (SELECT 1 FROM json_each(memories) WHERE value = ?) ORDER BY id"
            if sought
            else "SELECT id, prompt, answer, memories FROM turns WHERE ? = '' AND ? <> '' ORDER BY id",
            (words.any_of(sought), memory.id),
        )
        for number, prompt, answer, given in candidates:
            asked, said = cast("str", prompt), cast("str", answer)
            was_given = f'"{memory.id}"' in cast("str", given)
            in_prompt = same_fact.text_tells(memory.text, asked)
            in_answer = same_fact.answer_tells(memory.text, asked, said, given=was_given)
            if in_prompt or in_answer:
                yield cast("int", number), asked if in_prompt else None, said if in_answer else None

    # Inside -----------------------------------------------------------------------------------------------

    def _purge_words(self, texts: Iterable[str]) -> None:
        """What the word index may still keep of the deleted texts, which are looked at as one."""
        past_turns.purge(self._database, [" ".join(texts)])

    def _found(self, turn_id: str) -> Found:
        turn = self._conversations.turn(turn_id)
        return Found(turn, self.get(turn.conversation_id).title)

    def _every(self) -> Iterator[str]:
        last = 0
        while rows := self._database.rows(
            "SELECT id FROM conversations WHERE id > ? ORDER BY id LIMIT ?", (last, _PAGE)
        ):
            for row in rows:
                last = cast("int", row[0])
                yield f"c{last}"


_LIST: Final = """
    SELECT conversations.id, title, conversations.created_at, coalesce(max(turns.created_at), conversations.created_at),
        coalesce(sum(NOT turns.set_aside), 0)
    FROM conversations LEFT JOIN turns ON turns.conversation_id = conversations.id
"""


def _conversation(row: tuple[SqlValue, ...]) -> Conversation:
    number, title, created_at, last_at, turns = row
    return Conversation(f"c{number}", str(title), str(created_at), str(last_at), cast("int", turns))


def _number(conversation_id: str) -> int:
    return number_of(conversation_id, "c", "conversation")
