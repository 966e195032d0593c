"""Memories against the audit trail: one that other hands wrote, changed or deleted in the database.

A row's own digest tells that its fields belong together; whoever writes a row can write a fitting one. The entry that
the program leaves with each change has the same digest, and that one is in the chain.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge_seal.storage.database import Database
from edge_seal.updates.ledger import Ledger, body_of

_FORGOTTEN = "memory.forgotten"


def memory_problems(database: Database, ledger: Ledger) -> tuple[str, ...]:
    """What `audit verify` has to say about memories that do not stand in the trail as they are, or are missing."""
    return tuple(_problems(database, ledger))


def _problems(database: Database, ledger: Ledger) -> Iterator[str]:
    told: dict[str, str | None] = {}
    for entry in ledger.of_events("memory"):
        digest = body_of(entry).get("digest")
        if entry.subject.startswith("m") and isinstance(digest, str):
            told[entry.subject] = None if entry.event == _FORGOTTEN else digest
    kept = {f"m{number}": digest for number, digest in database.rows("SELECT id, digest FROM memories ORDER BY id")}
    for memory_id, digest in kept.items():
        if told.get(memory_id) is None:
            yield f"memory {memory_id} was written by other hands: the audit trail does not have it"
        elif told[memory_id] != digest:
            yield f"memory {memory_id} was changed by other hands: the audit trail has it otherwise"
    for memory_id, digest in told.items():
        if digest is not None and memory_id not in kept:
            yield f"memory {memory_id} was deleted by other hands: the audit trail does not say that it was forgotten"
