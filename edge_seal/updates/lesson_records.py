"""Lessons in the audit trail: each one that is kept leaves an entry, so that one from other hands is noticed.

Invariants: a lesson and its entry `signal.kept` are one transaction; the entry's hash is over what the lesson says and
where it comes from, salted, and the salt goes with the lesson. A lesson without its entry, or with other words, another
origin or source than its entry was made of, is not learned. What was refused has no words left to compare.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from edge_seal.records import ActorName, Signal, SignalState
from edge_seal.storage.database import Database
from edge_seal.updates.canonical import JsonValue, digest
from edge_seal.updates.ledger import Ledger, body_of
from edge_seal.updates.rows import number_of

KEPT_EVENT: Final = "signal.kept"
RECORDED_AFTER: Final = "lessons_recorded_after"
"""The setting that says which lesson was the last one before there were entries; the migration writes it, if any."""

_DOMAIN: Final = "edge-seal lesson kept v1"
_SALT_BYTES: Final = 32


class LessonRecords:
    """The entries of lessons, and which lessons have none."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    def record(self, signal: Signal, actor: ActorName) -> None:
        """Writes the entry of a lesson that was just kept, in the transaction that is under way."""
        salt = secrets.token_hex(_SALT_BYTES)
        number = number_of(signal.id, letter="s")
        self._database.execute("UPDATE signals SET salt = ? WHERE id = ?", (salt, number))
        body: dict[str, JsonValue] = {"kind": signal.kind.value, "kept_sha256": _kept(salt, signal)}
        self._ledger.append(KEPT_EVENT, actor=actor, subject=signal.id, body=body)

    def foreign(self, signals: Sequence[Signal]) -> frozenset[str]:
        """Those that the audit trail does not have as they are, by id."""
        return frozenset(self._foreign(signals)) if signals else frozenset()

    def problems(self, signals: Sequence[Signal]) -> tuple[str, ...]:
        """The same, in words for `audit verify`."""
        return tuple(
            f"lesson {signal_id} was written or changed by other hands than this program's: the audit trail does not"
            f" have it as it is, and it is not learned; `edge-seal forget {signal_id}` deletes it"
            for signal_id in sorted(self.foreign(signals), key=lambda name: number_of(name, letter="s"))
        )

    def _foreign(self, signals: Sequence[Signal]) -> Iterator[str]:
        entries = self._ledger.of_events(KEPT_EVENT)
        recorded = {entry.subject: str(body_of(entry).get("kept_sha256")) for entry in entries}
        salts = {f"s{row[0]}": str(row[1]) for row in self._database.rows("SELECT id, salt FROM signals")}
        before = self._recorded_after(recorded)
        for signal in signals:
            if signal.state is SignalState.REFUSED or number_of(signal.id, letter="s") <= before:
                continue
            if recorded.get(signal.id) != _kept(salts.get(signal.id, ""), signal):
                yield signal.id

    def _recorded_after(self, recorded: Collection[str]) -> int:
        """The number of the last lesson that may have no entry: never one behind the first that has one."""
        row = self._database.row("SELECT value FROM settings WHERE key = ?", (RECORDED_AFTER,))
        told = int(str(row[0])) if row is not None and str(row[0]).isdecimal() else 0
        numbers = [number_of(name, letter="s") for name in recorded]
        return min(told, min(numbers) - 1) if numbers else told


def said_by(signal: Signal) -> dict[str, JsonValue]:
    """What a lesson says and where it comes from: what its hashes in the audit trail are over."""
    return {
        "signal": signal.id,
        "kind": signal.kind.value,
        "prompt": signal.prompt,
        "answer": signal.answer,
        "origin": signal.origin.value,
        "also_from": list(signal.also_from),
        "source": signal.source,
    }


def _kept(salt: str, signal: Signal) -> str:
    return digest(_DOMAIN, {**said_by(signal), "salt": salt})
