"""What incumbent and candidate said to the same prompts, kept beside an update for who is to judge it.

Texts: they go with the update when it is refused or abandoned, with a turn that is deleted, and with what is forgotten:
a lesson takes all of the updates that learned it, a memory every one that tells it (`updates.forgetting`, `archive`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_seal.storage.database import Database
from edge_seal.updates.rows import number_of

Kind = Literal["held_back", "past"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One prompt and what was said before and after. `held_back`: the gate's; `past`: a question of the user's."""

    kind: Kind
    prompt: str
    before: str
    after: str
    turn_id: str | None = None

    @property
    def differs(self) -> bool:
        return self.before != self.after


def keep(database: Database, update_id: str, comparisons: Sequence[Comparison]) -> None:
    """Keeps the comparisons of an update, in place of any before."""
    with database.transaction():
        erase(database, [update_id])
        for item in comparisons:
            turn = None if item.turn_id is None else number_of(item.turn_id, letter="t")
            database.execute(
                "INSERT INTO comparisons (update_id, kind, turn_id, prompt, before, after) VALUES (?, ?, ?, ?, ?, ?)",
                (number_of(update_id), item.kind, turn, item.prompt, item.before, item.after),
            )


def of(database: Database, update_id: str) -> tuple[Comparison, ...]:
    """The comparisons of an update, in the order in which they were kept."""
    rows = database.rows(
        "SELECT kind, prompt, before, after, turn_id FROM comparisons WHERE update_id = ? ORDER BY id",
        (number_of(update_id),),
    )
    return tuple(
        Comparison(
            "past" if kind == "past" else "held_back",
            str(prompt),
            str(before),
            str(after),
            None if turn is None else f"t{turn}",
        )
        for kind, prompt, before, after, turn in rows
    )


def erase(database: Database, update_ids: Collection[str]) -> None:
    """Deletes the comparisons of updates."""
    for update_id in update_ids:
        database.execute("DELETE FROM comparisons WHERE update_id = ?", (number_of(update_id),))


def erase_telling(database: Database, tells: Callable[[str, str], bool], turns: Collection[int]) -> int:
    """Deletes every comparison of one of `turns`, and those in which prompt and answer `tells`; gives how many."""
    rows = database.rows("SELECT id, turn_id, prompt, before, after FROM comparisons")
    gone = [row[0] for row in rows if row[1] in turns or any(tells(str(row[2]), str(text)) for text in row[3:])]
    for number in gone:
        database.execute("DELETE FROM comparisons WHERE id = ?", (number,))
    return len(gone)
