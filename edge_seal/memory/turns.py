"""Past turns, found again: what the user said about themselves in an earlier conversation, with what stands beside it.

Invariants: only what the user typed is looked for, and only turns in which they state something of themselves are
recalled (a question asked before answers nothing); an answer goes along as what the model said, never as a fact. What
is deleted leaves the index with its row (triggers and cascades, see `storage.vector_tables`); a conversation that was
never kept was never here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

from edge_seal.engines.engine import Embedder, FloatArray
from edge_seal.memory import outdated, reembedding, search, sign_bits, vectors, word_index, words
from edge_seal.memory.bearing import bearing
from edge_seal.memory.chat_commands import parsed
from edge_seal.memory.kinds import TURN
from edge_seal.memory.outdated import Said
from edge_seal.memory.search import Hit, Query
from edge_seal.memory.vectors import VectorIndex
from edge_seal.records import FORGOTTEN_TEXT, Origin, RecalledTurn, Turn
from edge_seal.storage.database import Database

# A turn is longer and vaguer than a memory: it has to be nearer. Figures: docs/log.md.
NEARER: Final = 0.05
# Of an answer so much goes along: it says what was talked about.
_ANSWER_CHARACTERS: Final = 160
# So many turns without a vector are embedded at a time, the newest first: 0.6 s at most.
EMBEDDED_AT_ONCE: Final = 64

_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?]*")
# English; what is said in other languages about oneself is not told apart from a request, and not recalled.
_FIRST_PERSON: Final = re.compile(r"\b(?:i|my|mine|me|we|our|ours|us)\b", re.IGNORECASE)
_REQUEST: Final = re.compile(
    r"\s*(?:please\b|(?:can|could|would|will) you\b|what\b|who\b|where\b|when\b|why\b|how\b|which\b|whose\b"
    r"|do i\b|am i\b|is my\b|are my\b|tell me\b|give me\b|show me\b|help me\b|write\b|explain\b|suggest\b|remind me\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A past turn that bears on a question, without its neighbours yet. `said`: what was typed."""

    number: int
    hit: Hit
    said: str


class PastTurns:
    """The turns of all kept conversations. Without an embedder they are found by their words alone."""

    def __init__(self, database: Database, embedder: Embedder | None) -> None:
        self._database = database
        self._embedder = embedder
        self._index = (
            VectorIndex(database, embedder.model_sha256, TURN, dimension=embedder.dimension)
            if embedder is not None
            else None
        )

    def index(self, turn: Turn, vector: FloatArray | None) -> None:
        """Keeps the vector of what was typed; without one the turn is found by its words until `embed_missing`."""
        if self._index is not None and vector is not None and turn.origin is Origin.TYPED and states(turn.prompt):
            with self._database.transaction():
                if self._database.row("SELECT 1 FROM turns WHERE id = ?", (number_of(turn.id),)):
                    self._index.store(number_of(turn.id), vector)

    def embed_missing(self, limit: int = EMBEDDED_AT_ONCE) -> int:
        """Embeds at most `limit` of the newest turns that state something and have no vector yet; gives how many."""
        if self._index is None or self._embedder is None:
            return 0
        row = self._database.row("SELECT max(id) FROM turns")
        newest = cast("int", row[0] or 0) if row is not None else 0
        missing = [
            (number, text)
            for number, text in self._index.missing(16 * limit, after=max(newest - 16 * limit, 0))
            if states(text)
        ][-limit:]
        if not missing:
            return 0
        made = reembedding.embedded_each(self._embedder, [text for _, text in missing])
        with self._database.transaction():
            for (number, text), vector in zip(missing, made, strict=True):
                unchanged = self._database.row("SELECT 1 FROM turns WHERE id = ? AND prompt = ?", (number, text))
                if vector is not None and unchanged:
                    self._index.store(number, vector)
        return sum(vector is not None for vector in made)

    def bearing(self, question: str, query: Query, least: float, besides: str | None) -> list[Candidate]:
        """The past turns that bear on `question`, looked for as `query`, best first, none of those `besides`.

        For a question about the present, none that states what is known to be otherwise now.
        """
        hits = search.ranked(self._database, self._index, query, TURN)
        wanted = bearing(question, hits, least + NEARER)
        rows = self._rows([hit.number for hit in wanted])
        asked = words.normalized(question)
        stale = frozenset[int]() if query.ended else self._outdated(rows, query.now)
        return [
            Candidate(hit.number, hit, rows[hit.number].prompt)
            for hit in wanted
            if hit.number in rows
            and hit.number not in stale
            and rows[hit.number].conversation_id != besides
            and states(rows[hit.number].prompt)
            and words.normalized(rows[hit.number].prompt) != asked
        ]

    def recalled(
        self, candidate: Candidate, left: int, count_tokens: Callable[[str], int], now: str | None
    ) -> tuple[RecalledTurn, int] | None:
        """The turn with as many of its neighbours as fit into `left` tokens, and what it costs; None if it does not.

        `now` leaves out neighbours that state what is otherwise by then; None: the question is about the past.
        """
        row = self._database.row(
            """
            SELECT (SELECT max(id) FROM turns AS b WHERE b.conversation_id = t.conversation_id AND b.id < t.id
                        AND NOT b.set_aside),
                   (SELECT min(id) FROM turns AS a WHERE a.conversation_id = t.conversation_id AND a.id > t.id
                        AND NOT a.set_aside)
            FROM turns AS t WHERE id = ?
            """,
            (candidate.number,),
        )
        if row is None:
            return None
        before, after = cast("tuple[int | None, int | None]", row)
        rows = self._rows([number for number in (before, candidate.number, after) if number is not None])
        alone = rows.get(candidate.number)
        if alone is None:
            return None
        recalled = replace(alone, score=candidate.hit.score, similarity=candidate.hit.similarity)
        best: tuple[RecalledTurn, int] | None = None
        # Each form is tried, the shortest first; a neighbour is worth its tokens only where there is room.
        stale = frozenset[int]() if now is None else self._outdated(rows, now)
        beside = [
            rows[number].prompt
            for number in (before, after)
            if number in rows
            and number not in stale
            and rows[number].prompt != FORGOTTEN_TEXT
            and parsed(rows[number].prompt) is None
        ]
        for answer, neighbours in (("", ()), (alone.answer, ()), (alone.answer, tuple(beside))):
            form = replace(recalled, answer=answer, neighbours=neighbours)
            cost = count_tokens(text_of(form))
            if cost > left:
                break
            best = form, cost
        return best

    def _outdated(self, rows: Mapping[int, RecalledTurn], now: str) -> frozenset[int]:
        return outdated.outdated(
            self._database, {number: Said(turn.prompt, turn.created_at) for number, turn in rows.items()}, now
        )

    def _rows(self, numbers: Sequence[int]) -> dict[int, RecalledTurn]:
        found: dict[int, RecalledTurn] = {}
        for number in numbers:
            row = self._database.row(
                "SELECT conversation_id, created_at, prompt, answer FROM turns"
                " WHERE id = ? AND origin = 'typed' AND NOT set_aside",
                (number,),
            )
            if row is not None:
                conversation, created_at, prompt, answer = row
                found[number] = RecalledTurn(
                    f"t{number}", f"c{conversation}", str(created_at), str(prompt), _shortened(str(answer))
                )
        return found


def text_of(turn: RecalledTurn) -> str:
    """The turn as it stands in a prompt: data of one line each, the model's part marked as such."""
    lines = [f"- (from an earlier conversation, {turn.turn_id}) I said: {_line(turn.prompt)}"]
    lines += [f"- (beside it) I said: {_line(neighbour)}" for neighbour in turn.neighbours]
    if turn.answer:
        lines.append(f"- (you answered then, unchecked): {_line(turn.answer)}")
    return "\n".join(lines)


def states(prompt: str) -> bool:
    """Whether a sentence of `prompt` says something about who typed it, and is neither question nor request.

    A command to the memory says nothing that is not in the memory, or is to be forgotten.
    """
    return parsed(prompt) is None and any(
        _FIRST_PERSON.search(sentence) is not None
        and not sentence.rstrip().endswith("?")
        and not _REQUEST.match(sentence)
        for sentence in cast("list[str]", _SENTENCE.findall(prompt[:4000]))
    )


def number_of(turn_id: str) -> int:
    """The number in `t12`, an id that the database gave."""
    return int(turn_id.removeprefix("t"))


def purge(database: Database, texts: Sequence[str]) -> None:
    """To be called in the transaction that deletes turns, after it, with each one's prompt and answer.

    Rows, vectors and entries are gone with the rows by themselves; this takes out what the word index may still keep,
    and lets the sign bits leave the memory of this process at the commit.
    """
    for text in texts:
        word_index.purge(database, text, TURN)
    sign_bits.refresh_after_commit(database)


def problems(database: Database) -> tuple[str, ...]:
    """What does not fit between turns, their words in the index and their vectors, in words."""
    return (*word_index.problems(database, TURN), *vectors.problems(database, TURN))


def rebuild(database: Database) -> int:
    """Makes words and sign bits anew, takes out damaged vectors; gives how many. Runs inside a transaction."""
    word_index.rebuild(database, TURN)
    return vectors.rebuild(database, TURN)


def _line(text: str) -> str:
    return " ".join(text.split())


def _shortened(answer: str) -> str:
    text = _line(answer) if answer != FORGOTTEN_TEXT else ""
    return text if len(text) <= _ANSWER_CHARACTERS else text[: _ANSWER_CHARACTERS - 1].rstrip() + "…"
