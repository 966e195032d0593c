from __future__ import annotations

from itertools import pairwise

import pytest

from edge_seal.records import State
from edge_seal.updates.lifecycle import IN_CYCLE, REACHABLE, TERMINAL, TRANSITIONS, IllegalTransition, check_transition

WHOLE_WAY = (
    State.PROPOSED,
    State.SCORED,
    State.CLEARED,
    State.TRAINED,
    State.GATED,
    State.AWAITING_APPROVAL,
    State.CANARY,
    State.ACTIVE,
    State.RETIRED,
)


def test_every_state_has_its_place_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


@pytest.mark.parametrize(("frm", "to"), list(pairwise(WHOLE_WAY)), ids=str)
def test_an_update_can_go_the_whole_way(frm: State, to: State) -> None:
    check_transition(frm, to)


def test_no_stage_before_the_gate_can_be_skipped() -> None:
    stages = WHOLE_WAY[:5]
    for index, frm in enumerate(stages):
        allowed = {stages[index + 1]} if index + 1 < len(stages) else set()
        assert TRANSITIONS[frm] & set(stages) == allowed
    assert all(State.ACTIVE not in TRANSITIONS[frm] for frm in stages[:-1])


@pytest.mark.parametrize("state", WHOLE_WAY[:7], ids=str)
def test_before_it_is_active_an_update_can_be_stopped(state: State) -> None:
    check_transition(state, State.REJECTED)
    check_transition(state, State.ABANDONED)


def test_what_was_stopped_never_comes_back() -> None:
    assert {State.REJECTED, State.ABANDONED} == TERMINAL


def test_what_answers_or_has_answered_can_be_taken_back_and_come_again() -> None:
    for frm, to in [
        (State.CANARY, State.ROLLED_BACK),
        (State.ACTIVE, State.ROLLED_BACK),
        (State.RETIRED, State.ACTIVE),
        (State.ROLLED_BACK, State.ACTIVE),
    ]:
        check_transition(frm, to)
    assert all(not REACHABLE & TRANSITIONS[state] for state in IN_CYCLE - {State.GATED})


def test_an_illegal_step_names_what_may_follow() -> None:
    with pytest.raises(IllegalTransition, match="gated cannot become scored: after gated comes abandoned, active"):
        check_transition(State.GATED, State.SCORED)
    with pytest.raises(ValueError, match="after rejected comes nothing"):
        check_transition(State.REJECTED, State.ACTIVE)
