"""Which state of an update may follow which: a table, and nothing that could be judged by it.

    proposed → scored → cleared → trained → gated → (awaiting_approval) → (canary) → active → retired

Beside them: `rejected` (a stage or a person said no), `abandoned` (the cycle did not finish), `rolled_back` (it
answered, and the user took it back).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from edge_seal.records import State

_STOPPED: Final = frozenset({State.REJECTED, State.ABANDONED})

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.PROPOSED: frozenset({State.SCORED}) | _STOPPED,
        State.SCORED: frozenset({State.CLEARED}) | _STOPPED,
        State.CLEARED: frozenset({State.TRAINED}) | _STOPPED,
        State.TRAINED: frozenset({State.GATED}) | _STOPPED,
        # Approval and canary are policy: where neither is asked for, the ledger must not claim that they happened.
        State.GATED: frozenset({State.AWAITING_APPROVAL, State.CANARY, State.ACTIVE}) | _STOPPED,
        State.AWAITING_APPROVAL: frozenset({State.CANARY, State.ACTIVE}) | _STOPPED,
        State.CANARY: frozenset({State.ACTIVE, State.ROLLED_BACK}) | _STOPPED,
        State.ACTIVE: frozenset({State.RETIRED, State.ROLLED_BACK}),
        # A rollback reaches past retired updates (they go with it) or to one of them (it answers again).
        State.RETIRED: frozenset({State.ACTIVE, State.ROLLED_BACK}),
        # A rollback can be undone: the update answers again, or lies under one that does.
        State.ROLLED_BACK: frozenset({State.ACTIVE, State.RETIRED}),
        State.REJECTED: frozenset[State](),
        State.ABANDONED: frozenset[State](),
    }
)

TERMINAL: Final = frozenset(state for state, following in TRANSITIONS.items() if not following)

# The states of a cycle at work. An update found in one of them when nobody works was left by a crash; one that
# waits for a person or is on the canary was not.
IN_CYCLE: Final = frozenset({State.PROPOSED, State.SCORED, State.CLEARED, State.TRAINED, State.GATED})

# An update in one of them has answered as the active one, and may again; a canary that was taken back has not.
REACHABLE: Final = frozenset({State.ACTIVE, State.RETIRED, State.ROLLED_BACK})


class IllegalTransition(ValueError):
    """An update was to go where its state does not lead."""

    def __init__(self, frm: State, to: State) -> None:
        following = ", ".join(sorted(TRANSITIONS[frm])) or "nothing"
        super().__init__(f"{frm} cannot become {to}: after {frm} comes {following}")
        self.frm = frm
        self.to = to


def check_transition(frm: State, to: State) -> None:
    """Returns if `to` may follow `frm`.

    Raises:
        IllegalTransition: it may not.
    """
    if to not in TRANSITIONS[frm]:
        raise IllegalTransition(frm, to)
