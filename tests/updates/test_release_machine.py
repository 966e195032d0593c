"""Anything a person, a cycle and a crash can do, in any order: what must hold, holds after every step."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_seal.errors import EdgeSealError
from edge_seal.records import State
from edge_seal.updates.audit import replay
from edge_seal.updates.lifecycle import IN_CYCLE
from tests.updates.scene import Scene

picks = st.integers(0, 30)


class Releases(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.scene = Scene(self.root)
        self.signals: dict[str, str] = {}

    def teardown(self) -> None:
        if hasattr(self, "scene"):
            self.scene.close()
            shutil.rmtree(self.root)

    def picked(self, pick: int, *states: State) -> str | None:
        found = [name for name, state in self.scene.states().items() if state in states]
        return found[pick % len(found)] if found else None

    @rule(state=st.sampled_from([State.PROPOSED, State.CLEARED, State.TRAINED, State.GATED, State.CANARY]))
    def begin(self, state: State) -> None:
        signal = self.scene.signal()
        update = self.scene.brought_to(state, signal=signal, adapter=f"of {signal}".encode())
        self.signals[update.id] = signal

    @rule()
    def learn(self) -> None:
        """Both in one step: a chain of several updates is where going back can go wrong, and chance makes few."""
        signal = self.scene.signal()
        update = self.scene.brought_to(State.GATED, signal=signal, adapter=f"of {signal}".encode())
        self.signals[update.id] = signal
        self.scene.releases.activate(update.id, "edge-seal", {}, [signal])

    @rule(pick=picks)
    def activate(self, pick: int) -> None:
        name = self.picked(pick, State.GATED, State.AWAITING_APPROVAL, State.CANARY)
        if name is None:
            return
        active = self.scene.releases.active()
        stale = self.scene.releases.get(name).parent_id != (None if active is None else active.id)
        if stale:
            with pytest.raises(EdgeSealError, match="builds on"):
                self.scene.releases.activate(name, "edge-seal", {}, [self.signals[name]])
        else:
            self.scene.releases.activate(name, "edge-seal", {}, [self.signals[name]])
            assert self.scene.releases.serving()[0] == self.scene.releases.get(name)

    @rule(pick=picks, by_hand=st.booleans())
    def stop(self, pick: int, by_hand: bool) -> None:
        name = self.picked(pick, *IN_CYCLE, State.AWAITING_APPROVAL, State.CANARY)
        if name is not None and by_hand:
            self.scene.releases.refuse(
                name, actor="user", reasons=["no"], body={}, signals_refused=[self.signals[name]]
            )
        elif name is not None:
            self.scene.releases.abandon(name, actor="user", reason="interrupted")

    @rule(pick=picks)
    def go_to(self, pick: int) -> None:
        name = self.picked(pick, State.ACTIVE, State.RETIRED, State.ROLLED_BACK)
        if name is not None:
            assert self.scene.releases.rollback(name, "user") == self.scene.releases.get(name)
            assert self.scene.releases.active() == self.scene.releases.get(name)

    @precondition(lambda self: self.scene.releases.active() is not None)
    @rule()
    def go_to_the_parent(self) -> None:
        active = self.scene.releases.active()
        assert active is not None
        now = self.scene.releases.rollback(None, "user")
        assert (None if now is None else now.id) == active.parent_id

    @rule()
    def go_to_the_base(self) -> None:
        assert self.scene.releases.rollback("base", "user") is None
        assert self.scene.releases.active() is None

    @rule()
    def start_again(self) -> None:
        self.scene = self.scene.reopened()
        self.scene.releases.recover()
        assert not IN_CYCLE & set(self.scene.states().values())

    @invariant()
    def at_most_one_is_active(self) -> None:
        assert list(self.scene.states().values()).count(State.ACTIVE) <= 1

    @invariant()
    def the_ledger_tells_the_table(self) -> None:
        told = replay(self.scene.ledger.entries())
        assert told.problems == ()
        assert [recorded.update for recorded in told.updates.values()] == list(self.scene.releases.list())
        assert self.scene.releases.audit().problems == ()

    @invariant()
    def what_is_active_answers_and_the_way_down_ends_at_the_base(self) -> None:
        active = self.scene.releases.active()
        assert self.scene.releases.serving() == (active, ())
        seen = set[str]()
        while active is not None:
            assert active.id not in seen
            seen.add(active.id)
            below = None if active.parent_id is None else self.scene.releases.get(active.parent_id)
            assert below is None or below.state is State.RETIRED
            active = below
        for name, state in self.scene.states().items():
            assert (state in {State.ACTIVE, State.RETIRED}) is (name in seen)

    @invariant()
    def a_signal_is_learned_while_its_update_answers(self) -> None:
        expected = {
            State.ACTIVE: "learned",
            State.RETIRED: "learned",
            State.ROLLED_BACK: "dropped",
            State.REJECTED: "refused",
        }
        for name, state in self.scene.states().items():
            assert self.scene.signal_state(self.signals[name]) == expected.get(state, "pending")


TestReleases = Releases.TestCase
TestReleases.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
