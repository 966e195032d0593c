"""The guardian's decisions as events, in a form modelled on the Agent Control Standard's hooks (docs/governance.md).

A view of the ledger, and nothing kept beside it: what was decided is an entry of the chain, so an event can be neither
left out nor made up later without breaking a hash. Events hold rules, reasons, counts and ids; never a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast

from edge_seal.records import Action, LedgerEntry
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import body_of

FORMAT: Final = "edge-seal-guardian-event/1"

Hook = Literal["memoryStore", "x-trainingExampleAdmit", "x-trainingBatchClear", "x-adapterPromote"]
"""`memoryStore` is the standard's own; the others extend it, since it knows no agent that trains itself."""

Disposition = Literal["allow", "modify", "ask", "deny"]

_FAILED_RULES: Final = ("guardian.failed", "guardian.too_long")


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. `verdict` is the guardian's own word for it, `decision` the standard's.

    Attributes:
        rules: the ids of the rules that led to it, and of advisory ones.
        fail_closed: the answer is no because a check could not be finished.
        seq, entry_hash: the entry of the ledger that it is read from.
    """

    hook: Hook
    decision: Disposition
    verdict: Action
    subject: str
    actor: str
    at: str
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    fail_closed: bool
    seq: int
    entry_hash: str
    format: str = FORMAT


# For each event of the ledger: the hook at which it was decided, and what was decided.
_DECIDED: Final[Mapping[str, tuple[Hook, Disposition, Action]]] = {
    "memory.remembered": ("memoryStore", "allow", Action.ALLOW),
    "memory.asked": ("memoryStore", "ask", Action.QUARANTINE),
    "memory.masked": ("memoryStore", "modify", Action.REDACT),
    "memory.refused": ("memoryStore", "deny", Action.BLOCK),
    "signal.refused": ("x-trainingExampleAdmit", "deny", Action.BLOCK),
    # A person let in what the guardian had put aside, for the rules that are named.
    "signal.approved": ("x-trainingExampleAdmit", "allow", Action.QUARANTINE),
    "update.cleared": ("x-trainingBatchClear", "allow", Action.ALLOW),
    "update.gated": ("x-adapterPromote", "allow", Action.ALLOW),
    "update.awaiting_approval": ("x-adapterPromote", "ask", Action.QUARANTINE),
    "update.canary": ("x-adapterPromote", "modify", Action.QUARANTINE),
    "update.active": ("x-adapterPromote", "allow", Action.ALLOW),
    "update.rejected": ("x-adapterPromote", "deny", Action.BLOCK),
    "update.rolled_back": ("x-adapterPromote", "deny", Action.BLOCK),
}


def decisions(entries: Iterable[LedgerEntry]) -> Iterator[Decision]:
    """The decisions that `entries` record, in their order; entries that record none are passed over."""
    for entry in entries:
        decided = _DECIDED.get(entry.event)
        if decided is None:
            continue
        hook, decision, verdict = decided
        body = body_of(entry)
        told = [text for key in ("findings", "advisories", "reasons") for text in _texts(body.get(key))]
        rules = [*_texts(body.get("rules")), *(text.partition(":")[0] for text in told if _names_a_rule(text))]
        if entry.event == "update.cleared" and (body.get("signals_refused") or body.get("findings")):
            decision, verdict = "modify", Action.REDACT
        if entry.event == "update.rejected" and entry.actor == "guardian":
            hook = "x-trainingBatchClear"
        unique = tuple(dict.fromkeys(rules))
        yield Decision(
            hook=hook,
            decision=decision,
            verdict=verdict,
            subject=entry.subject,
            actor=entry.actor,
            at=entry.at,
            rules=unique,
            reasons=tuple(dict.fromkeys(told)),
            fail_closed=any(rule in _FAILED_RULES for rule in unique),
            seq=entry.seq,
            entry_hash=entry.entry_hash,
        )


def _texts(value: JsonValue | object) -> list[str]:
    return [item for item in cast("Sequence[object]", value) if isinstance(item, str)] if _is_list(value) else []


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _names_a_rule(text: str) -> bool:
    name = text.partition(":")[0]
    return name.partition(".")[0] in {"secret", "personal", "policy", "injection", "origin", "guardian"} and "." in name
