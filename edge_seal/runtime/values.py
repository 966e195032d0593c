"""What goes into the runtime and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_models.store import ModelListing
from edge_seal.config import LimitSettings
from edge_seal.records import Actor, Example, LedgerEntry, Origin, Signal, Turn, Update
from edge_seal.updates.budget import Allowance
from edge_seal.updates.canary import CanaryReport
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.comparisons import Comparison
from edge_seal.updates.conditions import Condition
from edge_seal.updates.risk import Risk

USER: Final = Actor.USER
"""Who acts, in the audit trail, where a command was given."""

SCHEDULER: Final = Actor.SCHEDULER
"""The same, where it was the schedule that asked."""
PROGRAM: Final = Actor.PROGRAM
"""Who acts where nobody was asked."""

ACTIVE: Final = "active"
NONE: Final = "none"
LAST: Final = "last"


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as it was put. `adapter` is `active`, `none` or an update; None means: as it is set.

    `conversation` is None for a new one, `last`, or the id of one. `private`: nothing of it is kept; `before` is what
    was said so far in a private conversation. `system_prompt` becomes the conversation's own (None: it stays as it is).
    `instead_of`: the turn whose place this one takes; it and what came after it are set aside.
    """

    prompt: str
    origin: Origin = Origin.TYPED
    adapter: str = ACTIVE
    use_memory: bool = True
    max_tokens: int | None = None
    seed: int | None = None
    conversation: str | None = None
    private: bool = False
    before: tuple[Turn, ...] = ()
    system_prompt: str | None = None
    instead_of: str | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """Signals that were kept. `waiting` says, rule by rule, why some will need a person's approval to be learned.

    `notices` say what was done to updates because of what was told by now.
    """

    signals: tuple[Signal, ...]
    waiting: tuple[str, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What answered before a rollback and what answers after it; None is the base."""

    before: Update | None
    active: Update | None
    taken_back: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """Everything that is stored about an update: its manifest (where it was trained) and its ledger entries.

    `approval` is the hash to approve it by, where it waits for a person and is what was trained.
    """

    update: Update
    examples: tuple[Example, ...]
    manifest: Mapping[str, JsonValue] | None
    entries: tuple[LedgerEntry, ...]
    risk: Risk | None = None
    approval: str | None = None
    canary: CanaryReport | None = None
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits as they are set, what is left of them, and what the machine has to be like."""

    settings: LimitSettings
    allowance: Allowance
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of the catalog, and whether it is the one in use."""

    listing: ModelListing
    in_use: bool
