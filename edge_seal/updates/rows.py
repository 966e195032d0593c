"""The tables `updates`, `examples` and the states of `signals`, as values: SQL and nothing that decides.

Public identifiers are a letter and a number (`u12`, `s4`); the tables hold the number.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Final, cast

from edge_seal.errors import IntegrityError, NotFound
from edge_seal.records import GIVEN_ROLES, TRAINED_ROLES, Example, Origin, Role, SignalState, State, Update, rule_kind
from edge_seal.storage.database import Database, SqlValue

_COLUMNS: Final = "id, state, created_at, parent_id, base_sha256, adapter_sha256, manifest_sha256, reason"
_CONVERSE: Final = ":converse"
_EXAMPLE_COLUMNS: Final = "role, prompt, answer, origin, signal_id, derived_by, weight, closed, also_from"


class UpdateRows:
    """Reads and writes the rows. What it changes is in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Updates ----------------------------------------------------------------------------------------------

    def get(self, update_id: str) -> Update:
        """The update `u12`.

        Raises:
            NotFound: there is none.
        """
        found = self._select("WHERE id = ?", (number_of(update_id),))
        if not found:
            raise NotFound(f"there is no update {update_id}", next_step="edge-seal updates list")
        return found[0]

    def all(self) -> tuple[Update, ...]:
        """Every update, oldest first."""
        return self._select("ORDER BY id")

    def active(self) -> Update | None:
        """The update whose row says that it is active."""
        found = self._select("WHERE state = 'active'")
        return found[0] if found else None

    def with_ancestors(self, update: Update | None) -> Iterator[Update]:
        """The update, its parent, and so on, down to the one on the base."""
        seen: set[str] = set()
        while update is not None and update.id not in seen:
            yield update
            seen.add(update.id)
            parents = () if update.parent_id is None else self._select("WHERE id = ?", (number_of(update.parent_id),))
            update = parents[0] if parents else None

    def last_turn(self) -> int:
        """The number of the newest turn; 0 where there is none."""
        row = self._database.row("SELECT max(id) FROM turns")
        return row[0] if row is not None and isinstance(row[0], int) else 0

    def insert(self, *, created_at: str, parent_id: str | None, base_sha256: str, reason: str) -> str:
        """A new row in state proposed; returns its id."""
        self._database.execute(
            "INSERT INTO updates (created_at, state, parent_id, base_sha256, reason) VALUES (?, ?, ?, ?, ?)",
            (created_at, State.PROPOSED, _number_or_none(parent_id), base_sha256, reason),
        )
        return f"u{self._database.last_row_id}"

    def restore(self, update: Update) -> None:
        """Makes the row be `update`, whatever it was."""
        self._database.execute(
            f"INSERT INTO updates ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608  # our own words
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, created_at = excluded.created_at,"
            " parent_id = excluded.parent_id, base_sha256 = excluded.base_sha256,"
            " adapter_sha256 = excluded.adapter_sha256, manifest_sha256 = excluded.manifest_sha256,"
            " reason = excluded.reason",
            (
                number_of(update.id),
                update.state,
                update.created_at,
                _number_or_none(update.parent_id),
                update.base_sha256,
                update.adapter_sha256,
                update.manifest_sha256,
                update.reason,
            ),
        )

    def set_state(self, update_id: str, state: State) -> None:
        self._database.execute("UPDATE updates SET state = ? WHERE id = ?", (state, number_of(update_id)))

    # Examples ---------------------------------------------------------------------------------------------

    def examples(self, update_id: str) -> tuple[Example, ...]:
        """The examples of an update, in the order in which they were given."""
        rows = self._database.rows(
            f"SELECT {_EXAMPLE_COLUMNS} FROM examples WHERE update_id = ? ORDER BY id",  # noqa: S608  # our own words
            (number_of(update_id),),
        )
        return tuple(_example(row) for row in rows)

    def lessons(self, update: Update) -> tuple[tuple[int, str], ...] | None:
        """What `update` and those below it were taught: the row's number of each lesson and thumb, and its prompt.

        What shows a rule is not among them: see `rule_kinds`. None where one of them has no examples, because its
        adapter came from elsewhere: nobody knows what it learned.
        """
        found: list[tuple[int, str]] = []
        for ancestor in self.with_ancestors(update):
            rows = self._database.rows(
                "SELECT id, role, prompt, derived_by FROM examples WHERE update_id = ? ORDER BY id",
                (number_of(ancestor.id),),
            )
            if not rows:
                return None
            # A fact's other direction is asked in words that no form of the lesson holds.
            found += [
                (cast("int", number), str(prompt))
                for number, role, prompt, derived_by in rows
                if (role in GIVEN_ROLES and rule_kind(str(derived_by)) is None)
                or (role == Role.REWORDING and str(derived_by).endswith(_CONVERSE))
            ]
        return tuple(found)

    def rule_kinds(self, update: Update) -> frozenset[str]:
        """The kinds of prompts that the rules of `update` and of those below it are for; `every`: all prompts."""
        rows = self._database.rows(
            "SELECT DISTINCT derived_by FROM examples WHERE role = ? AND update_id IN (SELECT value FROM json_each(?))",
            (Role.LESSON, json.dumps([number_of(ancestor.id) for ancestor in self.with_ancestors(update)])),
        )
        return frozenset(kind for row in rows if (kind := rule_kind(str(row[0]))) is not None)

    def examples_salt(self, update_id: str) -> str:
        """The random value that went into the digest of the examples; empty where there is none."""
        row = self._database.row("SELECT examples_salt FROM updates WHERE id = ?", (number_of(update_id),))
        return "" if row is None or row[0] is None else str(row[0])

    def set_trained(
        self, update_id: str, adapter_sha256: str, manifest_sha256: str, salt: str, examples: Sequence[Example]
    ) -> None:
        """Names the adapter and keeps the examples."""
        number = number_of(update_id)
        self._database.execute(
            "UPDATE updates SET adapter_sha256 = ?, manifest_sha256 = ?, examples_salt = ? WHERE id = ?",
            (adapter_sha256, manifest_sha256, salt, number),
        )
        for example in examples:
            self._database.execute(
                f"INSERT INTO examples (update_id, {_EXAMPLE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    number,
                    example.role,
                    example.prompt,
                    example.answer,
                    example.origin,
                    None if example.signal_id is None else number_of(example.signal_id, letter="s"),
                    example.derived_by,
                    example.weight,
                    int(example.closed),
                    ",".join(example.also_from),
                ),
            )

    def clear(self, update_id: str, reason: str) -> None:
        """Lets go of the examples and of the adapter's name, and says why."""
        number = number_of(update_id)
        self._database.execute("DELETE FROM examples WHERE update_id = ?", (number,))
        self._database.execute("DELETE FROM comparisons WHERE update_id = ?", (number,))
        self._database.execute(
            "UPDATE updates SET adapter_sha256 = NULL, manifest_sha256 = NULL, examples_salt = NULL, reason = ?"
            " WHERE id = ?",
            (reason, number),
        )

    def trained_on(self, signals: Collection[str]) -> frozenset[str]:
        """The updates that have an example of one of the signals."""
        numbers = json.dumps([number_of(signal, letter="s") for signal in signals])
        found = self._database.rows(
            "SELECT DISTINCT update_id FROM examples WHERE signal_id IN (SELECT value FROM json_each(?))", (numbers,)
        )
        return frozenset(f"u{row[0]}" for row in found)

    def contributions(self, since: str) -> tuple[tuple[str | None, Origin, int], ...]:
        """For each source that is not typed alone: its name, its origin, and how many examples of it were trained on.

        Counted in updates since that time that were not said no to.
        """
        found = self._database.rows(
            "SELECT signals.source, signals.origin, count(*) FROM examples JOIN signals ON signals.id = signal_id"
            " JOIN updates ON updates.id = update_id WHERE signals.origin != ? AND updates.created_at >= ?"
            " AND role IN (SELECT value FROM json_each(?)) AND updates.state NOT IN (SELECT value FROM json_each(?))"
            " GROUP BY signals.source, signals.origin",
            (
                Origin.TYPED.value,
                since,
                json.dumps(sorted(TRAINED_ROLES - {Role.REPLAY})),
                json.dumps([State.REJECTED, State.ROLLED_BACK, State.ABANDONED]),
            ),
        )
        return tuple(
            (None if source is None else str(source), Origin(str(origin)), int(cast("int", count)))
            for source, origin, count in found
        )

    def forget_examples(self, update_id: str, signals: Collection[str], salt: str, manifest_sha256: str | None) -> int:
        """Deletes the examples of the signals, under a new salt and manifest for what is left; gives how many.

        What the update said to other prompts goes too: it may say what the signals taught.
        """
        number = number_of(update_id)
        self._database.execute("DELETE FROM comparisons WHERE update_id = ?", (number,))
        numbers = json.dumps([number_of(signal, letter="s") for signal in signals])
        deleted = self._database.rows(
            "DELETE FROM examples WHERE update_id = ? AND signal_id IN (SELECT value FROM json_each(?)) RETURNING id",
            (number, numbers),
        )
        self._database.execute(
            "UPDATE updates SET examples_salt = ?, manifest_sha256 = ? WHERE id = ?", (salt, manifest_sha256, number)
        )
        return len(deleted)

    def purge(self, update_id: str, reason: str) -> None:
        """Lets go of the adapter's name and says why; the examples stay."""
        self._database.execute(
            "UPDATE updates SET adapter_sha256 = NULL, manifest_sha256 = NULL, reason = ? WHERE id = ?",
            (reason, number_of(update_id)),
        )

    # Signals ----------------------------------------------------------------------------------------------

    def mark_signals(
        self, signals: Sequence[str], state: SignalState, *, only: SignalState | None = None
    ) -> tuple[str, ...]:
        """Sets the state of the signals (of those in state `only`, if given) and returns which were set."""
        marked: list[str] = []
        for signal in signals:
            number = number_of(signal, letter="s")
            row = self._database.row("SELECT state FROM signals WHERE id = ?", (number,))
            if row is not None and (only is None or row[0] == only):
                self._database.execute("UPDATE signals SET state = ? WHERE id = ?", (state, number))
                marked.append(signal)
        return tuple(marked)

    def erase_signals(self, signals: Sequence[str]) -> tuple[str, ...]:
        """Marks the signals refused and takes their text out of their rows."""
        for signal in signals:
            self._database.execute(
                "UPDATE signals SET prompt = '', answer = '', source = NULL WHERE id = ?",
                (number_of(signal, letter="s"),),
            )
        return self.mark_signals(signals, SignalState.REFUSED)

    def _select(self, clause: str, params: Sequence[SqlValue] = ()) -> tuple[Update, ...]:
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM updates {clause}", params)  # noqa: S608  # our own words
        return tuple(_update(row) for row in rows)


def hashes_of(update: Update) -> tuple[str, str] | None:
    """The hashes of adapter and manifest, where the update has them."""
    if update.adapter_sha256 is None or update.manifest_sha256 is None:
        return None
    return update.adapter_sha256, update.manifest_sha256


def number_of(public_id: str, *, letter: str = "u") -> int:
    """The number in a public id.

    Raises:
        NotFound: it is no such id.
    """
    digits = public_id.removeprefix(letter)
    if digits == public_id or not (digits.isascii() and digits.isdecimal()) or len(digits) > 18:
        kind = "an update" if letter == "u" else "a signal"
        raise NotFound(f"{public_id!r} does not name {kind}: they are called {letter}1, {letter}2, …")
    return int(digits)


def _number_or_none(public_id: str | None) -> int | None:
    return None if public_id is None else number_of(public_id)


def _update(row: tuple[SqlValue, ...]) -> Update:
    number, state, created_at, parent, base, adapter, manifest, reason = row
    try:
        return Update(
            id=f"u{number}",
            state=State(str(state)),
            created_at=str(created_at),
            parent_id=None if parent is None else f"u{parent}",
            base_sha256=str(base),
            adapter_sha256=None if adapter is None else str(adapter),
            manifest_sha256=None if manifest is None else str(manifest),
            reason=str(reason),
        )
    except ValueError as error:
        raise IntegrityError(f"the row of update u{number} is damaged ({error})") from error


def _example(row: tuple[SqlValue, ...]) -> Example:
    role, prompt, answer, origin, signal, derived_by, weight, closed, also_from = row
    try:
        return Example(
            prompt=str(prompt),
            answer=str(answer),
            role=Role(str(role)),
            origin=Origin(str(origin)),
            signal_id=None if signal is None else f"s{signal}",
            derived_by=str(derived_by),
            weight=float(weight if isinstance(weight, (int, float)) else "nan"),
            closed=bool(closed),
            also_from=tuple(Origin(name) for name in str(also_from).split(",") if name),
        )
    except ValueError as error:
        raise IntegrityError(f"an example is damaged ({error})", next_step="edge-seal audit verify") from error
