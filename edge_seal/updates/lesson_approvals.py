"""Lessons that the guardian put aside, and that a person let in all the same.

A lesson that holds what the policy quarantines (an e-mail address, say) is kept and not learned. A person who is shown
it with the rules that stood against it may let *that hash* in: from then on these rules, and no others, put neither the
lesson aside nor what is derived of it.

Invariants: what is let in is this text with these origins, for these rules; whatever is changed afterwards is not let
in. A rule that blocks is never among them, and one that the policy blocks later on blocks. Each yes is an entry of the
ledger, and a row without its entry lets nothing in. The ledger's hash is salted; the salt goes with the lesson.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from edge_seal.clock import Clock, timestamp
from edge_seal.records import ActorName, Signal
from edge_seal.storage.database import Database
from edge_seal.updates.canonical import JsonValue, digest
from edge_seal.updates.ledger import Ledger, body_of
from edge_seal.updates.lesson_records import said_by
from edge_seal.updates.rows import number_of

APPROVED_EVENT: Final = "signal.approved"

_SHOWN_DOMAIN: Final = "edge-seal lesson approval v1"
_KEPT_DOMAIN: Final = "edge-seal lesson approval, kept v1"
_SALT_BYTES: Final = 32


def approval_hash(signal: Signal, rules: Collection[str]) -> str:
    """What a person approves who lets the lesson in: its words, where it comes from, and the rules against it."""
    return digest(_SHOWN_DOMAIN, {**said_by(signal), "rules": sorted(set(rules))})


class LessonApprovals:
    """What was let in, by signal."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock

    def let_in(self, signal: Signal, rules: Collection[str], actor: ActorName) -> str:
        """Lets the lesson in for `rules`, in one transaction with its entry; gives the hash that was approved."""
        approved, salt = approval_hash(signal, rules), secrets.token_hex(_SALT_BYTES)
        named = sorted(set(rules))
        body: dict[str, JsonValue] = {"rules": named, "approved_sha256": _kept(salt, approved)}
        with self._database.transaction():
            self._database.execute(
                "INSERT OR REPLACE INTO lesson_approvals (signal_id, approved_at, salt, rules) VALUES (?, ?, ?, ?)",
                (number_of(signal.id, letter="s"), timestamp(self._clock.now()), salt, ",".join(named)),
            )
            self._ledger.append(APPROVED_EVENT, actor=actor, subject=signal.id, body=body)
        return approved

    def rules_of(self, signals: Sequence[Signal]) -> Mapping[str, frozenset[str]]:
        """By signal, the rules for which it was let in; none where its words or its entry are not what they were."""
        rows = self._database.rows("SELECT signal_id, salt, rules FROM lesson_approvals")
        if not rows:
            return {}
        kept = {f"s{number}": (str(salt), str(rules).split(",")) for number, salt, rules in rows}
        entries = self._ledger.of_events(APPROVED_EVENT)
        recorded = {(entry.subject, str(body_of(entry).get("approved_sha256"))) for entry in entries}
        found: dict[str, frozenset[str]] = {}
        for signal in signals:
            if signal.id not in kept:
                continue
            salt, rules = kept[signal.id]
            if (signal.id, _kept(salt, approval_hash(signal, rules))) in recorded:
                found[signal.id] = frozenset(rules)
        return found


def _kept(salt: str, approved: str) -> str:
    return digest(_KEPT_DOMAIN, {"salt": salt, "approved": approved})
