"""What was said in passing and waits for the user's yes. It is not a memory yet: nothing recalls it.

Invariants: a proposal goes with the conversation that it was said in; one that is rejected leaves no byte; the audit
keeps salted digests, as for memories; a row that was changed by other hands is an error that names it.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final, cast

from edge_seal.clock import Clock, timestamp
from edge_seal.errors import IntegrityError, NotFound
from edge_seal.memory import rows, words
from edge_seal.memory.facts import Audit
from edge_seal.records import Memory, Origin, Proposal
from edge_seal.storage import erasure
from edge_seal.storage.database import Database

_COLUMNS: Final = "id, text, created_at, turn_id, found_by, digest, salt"


class Proposals:
    """The table of proposals."""

    def __init__(self, database: Database, audit: Audit, clock: Clock) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock

    def add(self, text: str, turn_id: str | None, found_by: str) -> Proposal | None:
        """Keeps a proposal; None where one says the same already."""
        form = words.normalized(text)
        created_at, salt = timestamp(self._clock.now()), secrets.token_hex(16)
        digest = _digest(text, created_at, salt)
        with self._database.transaction():
            if any(words.normalized(waiting.text) == form for waiting in self.list()):
                return None
            turn = None if turn_id is None else int(turn_id[1:])
            self._database.execute(
                "INSERT INTO proposals (created_at, text, turn_id, found_by, digest, salt) VALUES (?, ?, ?, ?, ?, ?)",
                (created_at, text, turn, found_by, digest, salt),
            )
            number = self._database.last_row_id
            self._audit("memory.proposed", f"p{number}", {"digest": digest})
        return Proposal(f"p{number}", text, created_at, turn_id, found_by)

    def list(self) -> tuple[Proposal, ...]:
        """Those that wait, oldest first."""
        found = self._database.rows(f"SELECT {_COLUMNS} FROM proposals ORDER BY id")  # noqa: S608  # our own names
        return tuple(_proposal(row) for row in found)

    def get(self, proposal_id: str) -> Proposal:
        """The proposal `p1`.

        Raises:
            NotFound: none with this id waits.
        """
        row = self._database.row(f"SELECT {_COLUMNS} FROM proposals WHERE id = ?", (_number(proposal_id),))  # noqa: S608
        if row is None:
            raise NotFound(f"no proposal {proposal_id} waits", next_step="edge-seal memory proposed")
        return _proposal(row)

    def accepted(self, proposal_id: str, memory: Memory) -> None:
        """Takes out a proposal that has become `memory`. Runs inside the caller's transaction."""
        self._database.execute("DELETE FROM proposals WHERE id = ?", (_number(proposal_id),))
        self._audit("memory.accepted", proposal_id, {"memory": memory.id})

    def reject(self, proposal_id: str) -> None:
        """Takes a proposal out for good.

        Raises:
            NotFound: none with this id waits.
        """
        number = _number(proposal_id)
        with erasure.erasing(self._database):
            if self._database.row("SELECT 1 FROM proposals WHERE id = ?", (number,)) is None:
                raise NotFound(f"no proposal {proposal_id} waits", next_step="edge-seal memory proposed")
            self._database.execute("DELETE FROM proposals WHERE id = ?", (number,))
            self._audit("memory.rejected", proposal_id, {})


def _number(proposal_id: str) -> int:
    digits = proposal_id.removeprefix("p")
    if not proposal_id.startswith("p") or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise NotFound(f"{proposal_id!r} is no proposal's id; p1 would be one", next_step="edge-seal memory proposed")
    return int(digits)


def _digest(text: str, created_at: str, salt: str) -> str:
    return rows.digest_of(Memory("", text, Origin.TYPED, None, created_at, created_at), salt)


def _proposal(row: rows.Row) -> Proposal:
    number, text, created_at, turn, found_by, digest, salt = row
    proposal = Proposal(
        f"p{number}",
        cast("str", text),
        cast("str", created_at),
        None if turn is None else f"t{turn}",
        cast("str", found_by),
    )
    if not hmac.compare_digest(_digest(proposal.text, proposal.created_at, str(salt)), str(digest)):
        raise IntegrityError(
            f"proposal {proposal.id} is not what was written", next_step=f"edge-seal memory reject {proposal.id}"
        )
    return proposal
