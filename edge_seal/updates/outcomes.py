"""How conversations went, as far as the user and the answers themselves say: counts, and one score a conversation.

A conversation is bad (-1) if an answer in it got a thumb down or a correction, was asked for again in the same words,
was empty or repeated itself, or did not come about; good (+1) if it has a thumb up and nothing of that; else it says
nothing (0). Reads rows, changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final, cast

from edge_seal.answer_health import is_broken
from edge_seal.records import FORGOTTEN_TEXT
from edge_seal.storage.database import Database, SqlValue


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened in some conversations: in one, or in all of an arm."""

    conversations: int = 0
    turns: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    corrections: int = 0
    regenerations: int = 0
    broken: int = 0
    errors: int = 0
    bad_conversations: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def complaints(self) -> int:
        return self.thumbs_down + self.corrections + self.regenerations + self.broken + self.errors

    @property
    def score(self) -> int:
        """Of a single conversation: -1 bad, 0 says nothing, +1 good."""
        return -1 if self.complaints else int(self.thumbs_up > 0)

    @property
    def words(self) -> str:
        """In one line: `12 conversations, 3 bad (2 thumbs down, 1 correction); 4 thumbs up`."""
        parts = (
            (self.thumbs_down, "thumbs down"),
            (self.corrections, "corrections"),
            (self.regenerations, "asked again"),
            (self.broken, "broken answers"),
            (self.errors, "errors"),
        )
        told = ", ".join(f"{count} {name}" for count, name in parts if count)
        bad = f"{self.bad_conversations} bad{f' ({told})' if told else ''}"
        return f"{self.conversations} conversations, {bad}, {self.thumbs_up} thumbs up"


@dataclass(frozen=True, slots=True)
class SaidTurn:
    """A turn, as far as its outcome depends on it, with the kinds of the signals about it.

    `set_aside`: another answer was asked for in its place. `stopped`: the user ended it, so that it is short is no
    fault of the model.
    """

    prompt: str
    answer: str
    kinds: tuple[str, ...] = ()
    set_aside: bool = False
    stopped: bool = False

    @property
    def is_broken(self) -> bool:
        return is_broken(self.answer) and not self.stopped


def outcome_of(turns: Sequence[SaidTurn], errors: int = 0) -> Outcome:
    """The outcome of one conversation with these turns, oldest first."""
    kinds = [kind for turn in turns for kind in turn.kinds]
    found = Outcome(
        conversations=1,
        turns=len(turns),
        thumbs_up=kinds.count("good"),
        thumbs_down=kinds.count("bad"),
        corrections=kinds.count("correction"),
        regenerations=sum(a.set_aside or _same(a.prompt, b.prompt) for a, b in pairwise(turns)),
        broken=sum(turn.is_broken for turn in turns),
        errors=errors,
    )
    return found + Outcome(bad_conversations=int(found.score < 0))


def _same(one: str, other: str) -> bool:
    return one != FORGOTTEN_TEXT and one.split() == other.split()


SAID_COLUMNS: Final = (
    "prompt, answer, set_aside, stopped, (SELECT group_concat(kind) FROM signals WHERE signals.turn_id = turns.id)"
)
"""What `said_turn` reads of a row of `turns`."""


def said_turn(row: Sequence[SqlValue]) -> SaidTurn:
    """The turn in a row of `SAID_COLUMNS`."""
    prompt, answer, set_aside, stopped, kinds = row
    said = () if kinds is None else tuple(str(kinds).split(","))
    return SaidTurn(str(prompt), str(answer), said, bool(set_aside), bool(stopped))


def turns_of(database: Database, conversations: Collection[int]) -> Mapping[int, tuple[SaidTurn, ...]]:
    """The turns of conversations, by number, oldest first, with what was said about each."""
    rows = database.rows(
        f"SELECT conversation_id, {SAID_COLUMNS} FROM turns"  # noqa: S608  # our own words
        " WHERE conversation_id IN (SELECT value FROM json_each(?)) ORDER BY turns.id",
        (json.dumps(sorted(conversations)),),
    )
    found: dict[int, list[SaidTurn]] = {}
    for conversation, *row in rows:
        found.setdefault(cast("int", conversation), []).append(said_turn(row))
    return {number: tuple(said) for number, said in found.items()}
