"""What the ledger says the updates are, and where the tables say something else: pure rules over stored values.

Invariant: the ledger is the truth. Replaying its entries gives every update's state, parent and hashes; a row that
differs was changed by something other than `updates.release`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edge_seal.records import Example, LedgerEntry, State, Update
from edge_seal.updates.canonical import JsonValue, digest
from edge_seal.updates.ledger import body_of
from edge_seal.updates.lifecycle import IllegalTransition, check_transition

EVENT_PREFIX: Final = "update"
EXAMPLES_DOMAIN: Final = "edge-seal examples v1"

# Beside the moves from state to state: lessons of an update were forgotten (its examples and manifest have other hashes
# from then on), and its adapter was deleted for it. See `updates.forgetting`.
FORGOTTEN_EVENT: Final = f"{EVENT_PREFIX}.forgotten"
PURGED_EVENT: Final = f"{EVENT_PREFIX}.purged"
LESSONS_FORGOTTEN: Final = "its lessons were forgotten"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One update as the ledger tells it. `examples_sha256` is salted, see `examples_digest`.

    `purged`: its adapter was deleted, because its lessons were forgotten.
    """

    update: Update
    examples_sha256: str | None = None
    activated_with: tuple[tuple[str, str], ...] = ()
    signals_learned: tuple[str, ...] = ()
    purged: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """All updates that the ledger knows, and what in it makes no sense."""

    updates: Mapping[str, Recorded]
    problems: tuple[str, ...]

    @property
    def active(self) -> tuple[str, ...]:
        """The updates that are active at the end; more than one is a problem, named in `problems`."""
        return tuple(name for name, recorded in self.updates.items() if recorded.update.state is State.ACTIVE)


def event_of(state: State) -> str:
    """The event of the entry that records that an update came into `state`."""
    return f"{EVENT_PREFIX}.{state}"


# An adapter that was trained elsewhere is where a trained one would be, and the ledger does not say that we trained it.
IMPORTED_EVENT: Final = f"{EVENT_PREFIX}.imported"

_STATE_OF_EVENT: Final = {**{event_of(state): state for state in State}, IMPORTED_EVENT: State.TRAINED}


def replay(entries: Iterable[LedgerEntry]) -> Replay:
    """The updates after all `entries` (those of other events are passed over)."""
    updates: dict[str, Recorded] = {}
    problems: list[str] = []
    active: frozenset[str] = frozenset()
    for entry in entries:
        state = _STATE_OF_EVENT.get(entry.event)
        known = updates.get(entry.subject)
        if entry.event in (FORGOTTEN_EVENT, PURGED_EVENT):
            if known is None:
                problems.append(f"entry {entry.seq} forgets lessons of {entry.subject}, which was never proposed")
            else:
                updates[entry.subject] = _forgotten(known, entry)
        if state is None:
            continue
        if state is State.PROPOSED:
            if known is not None:
                problems.append(f"entry {entry.seq} proposes {entry.subject}, which exists already")
                continue
            updates[entry.subject] = Recorded(_proposed(entry))
            continue
        if known is None:
            problems.append(f"entry {entry.seq} moves {entry.subject}, which was never proposed, to {state}")
            continue
        try:
            check_transition(known.update.state, state)
        except IllegalTransition as error:
            problems.append(f"entry {entry.seq} moves {entry.subject} where it cannot go: {error}")
        updates[entry.subject] = _moved(known, state, entry)
        active = active | {entry.subject} if state is State.ACTIVE else active - {entry.subject}
        if state is State.ACTIVE and len(active) > 1:
            others = ", ".join(name for name in updates if name in active)
            problems.append(f"after entry {entry.seq} more than one update is active: {others}")
    return Replay(updates, tuple(problems))


def differences(replayed: Replay, rows: Sequence[Update]) -> tuple[str, ...]:
    """Where the rows of the updates table say something else than the ledger, in words."""
    found: list[str] = []
    stored = {row.id: row for row in rows}
    for name, recorded in replayed.updates.items():
        row = stored.get(name)
        if row is None:
            found.append(f"the row of update {name} is missing, but the ledger has it as {recorded.update.state}")
            continue
        for label, told, kept in _compared(recorded.update, row):
            if told != kept:
                found.append(f"update {name} was changed: its {label} is {kept}, the ledger says {told}")
    found.extend(
        f"the ledger knows no update {name}, but there is a row of it"
        for name in stored.keys() - replayed.updates.keys()
    )
    active = [row.id for row in rows if row.state is State.ACTIVE]
    if len(active) > 1:
        found.append(f"more than one update is active: {', '.join(active)}")
    return tuple(found)


def examples_digest(salt: str, examples: Sequence[Example]) -> str:
    """The hash under which the ledger knows an update's examples.

    Salted with a random value that lies beside the update and goes with its examples, so that a ledger that is kept
    for ever cannot be searched for a text that was deleted.
    """
    listed: list[JsonValue] = [
        {
            "role": example.role,
            "prompt": example.prompt,
            "answer": example.answer,
            "origin": example.origin,
            "signal_id": example.signal_id,
            "derived_by": example.derived_by,
            "weight": example.weight,
            "closed": example.closed,
            # Left out where there is one origin only, so that older entries keep their hashes.
            **({"also_from": list(example.also_from)} if example.also_from else {}),
        }
        for example in examples
    ]
    return digest(EXAMPLES_DOMAIN, {"salt": salt, "examples": listed})


def _proposed(entry: LedgerEntry) -> Update:
    body = body_of(entry)
    return Update(
        id=entry.subject,
        state=State.PROPOSED,
        created_at=_string(body, "created_at") or entry.at,
        parent_id=_string(body, "parent_id"),
        base_sha256=_string(body, "base_sha256") or "",
        reason=_string(body, "reason") or "",
    )


def _moved(recorded: Recorded, state: State, entry: LedgerEntry) -> Recorded:
    """`recorded` after the entry that brings it into `state`."""
    body = body_of(entry)
    update = replace(recorded.update, state=state)
    adapter, manifest = _string(body, "adapter_sha256"), _string(body, "manifest_sha256")
    if state is State.TRAINED:
        update = replace(update, adapter_sha256=adapter, manifest_sha256=manifest)
        return replace(recorded, update=update, examples_sha256=_string(body, "examples_sha256"))
    if state in (State.REJECTED, State.ABANDONED):
        # What was learned for it is gone, and so are its names.
        update = replace(update, adapter_sha256=None, manifest_sha256=None, reason=_string(body, "reason") or "")
        return replace(recorded, update=update, examples_sha256=None)
    if state is State.ACTIVE and adapter is not None and manifest is not None:
        learned = _strings(body, "signals_learned")
        return replace(
            recorded,
            update=update,
            activated_with=(*recorded.activated_with, (adapter, manifest)),
            signals_learned=tuple(dict.fromkeys((*recorded.signals_learned, *learned))),
        )
    return replace(recorded, update=update)


def _forgotten(recorded: Recorded, entry: LedgerEntry) -> Recorded:
    """`recorded` after lessons of it were forgotten, or after its adapter was deleted for that."""
    body = body_of(entry)
    if entry.event == PURGED_EVENT:
        reason = _string(body, "reason") or LESSONS_FORGOTTEN
        update = replace(recorded.update, adapter_sha256=None, manifest_sha256=None, reason=reason)
        return replace(recorded, update=update, purged=True)
    adapter, manifest = recorded.update.adapter_sha256, _string(body, "manifest_sha256")
    examples = _string(body, "examples_sha256")
    if adapter is None or manifest is None:
        return replace(recorded, examples_sha256=examples)
    # It may answer with the manifest it has now where it answered with the one before.
    answered = (*recorded.activated_with, (adapter, manifest)) if recorded.activated_with else ()
    update = replace(recorded.update, manifest_sha256=manifest)
    return replace(recorded, update=update, examples_sha256=examples, activated_with=answered)


def _compared(told: Update, kept: Update) -> tuple[tuple[str, object, object], ...]:
    return (
        ("state", told.state, kept.state),
        ("time", told.created_at, kept.created_at),
        ("parent", told.parent_id or "base", kept.parent_id or "base"),
        ("model file", told.base_sha256, kept.base_sha256),
        ("adapter hash", told.adapter_sha256, kept.adapter_sha256),
        ("manifest hash", told.manifest_sha256, kept.manifest_sha256),
        ("reason", repr(told.reason), repr(kept.reason)),
    )


def _string(body: Mapping[str, JsonValue], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) else None


def _strings(body: Mapping[str, JsonValue], key: str) -> tuple[str, ...]:
    value = body.get(key)
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, str))
