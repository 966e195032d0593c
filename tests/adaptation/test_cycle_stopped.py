"""Ctrl-C at every stage, and between the rows of every record: the state from before, and a record that says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from edge_seal.records import Progress, SignalState, State
from tests.adaptation.world import DOG, HOME, World, with_settings
from tests.updates.scene import HandClock

BEFORE_ACTIVE = {State.ABANDONED, State.REJECTED}


class StoppingClock(HandClock):
    """Ctrl-C when the time is asked for the n-th time from now, as every entry of the ledger does."""

    stop_at: int = -1

    def now(self) -> datetime:
        if self.stop_at >= 0:
            self.stop_at -= 1
            if self.stop_at < 0:
                raise KeyboardInterrupt
        return super().now()


@pytest.fixture
def stopping(tmp_path: Path, tiny_model: Path, general_cache: Path) -> World:
    world = World(tmp_path, tiny_model, general_cache, StoppingClock())
    world.settings = with_settings(limits={"steps_per_update": 3})
    return world


def moment(progress: Progress) -> tuple[str, str, bool]:
    return progress.stage, progress.note, progress.done > 0


def stop_and_compare(world: World, run: Callable[[], object]) -> None:
    """After Ctrl-C in `run` all is as it was, but for a record of an update that was abandoned."""
    active, answers = world.releases.active(), [world.answer(DOG[0]), world.answer(HOME[0])]
    pending, updates = world.signals.pending(), world.releases.list()
    with pytest.raises(KeyboardInterrupt):
        run()
    assert [world.answer(DOG[0]), world.answer(HOME[0])] == answers
    assert world.releases.active() == active
    assert world.signals.pending() == pending
    assert not world.database.in_transaction
    new = world.releases.list()[len(updates) :]
    assert {update.state for update in new} <= BEFORE_ACTIVE
    assert len(new) <= 1
    for update in new:
        assert update.reason == "stopped by the user"
        assert update.adapter_sha256 is None
        assert world.releases.examples(update.id) == ()
    assert world.releases.audit().intact
    assert world.releases.recover() == ()
    assert world.stored_adapters() == {update.adapter_sha256 for update in [active] if update is not None}
    world.clock.pass_by(hours=1)


def test_at_every_stage_everything_is_as_before(stopping: World) -> None:
    """One after the other in one home, on top of an active update: nothing of a stopped cycle disturbs the next."""
    stopping.learned(DOG)
    stopping.teach(HOME)
    seen: set[tuple[str, str, bool]] = set()
    while True:
        at: list[tuple[str, str, bool]] = []

        def stop(progress: Progress, at: list[tuple[str, str, bool]] = at) -> None:
            if moment(progress) not in seen:
                seen.add(moment(progress))
                at.append(moment(progress))
                raise KeyboardInterrupt

        if {stage for stage, _, _ in seen} >= {"activate"}:
            break
        stop_and_compare(stopping, lambda stop=stop: stopping.run(on_progress=stop))
        assert len(at) == 1
    stages = [stage for stage, _, _ in seen]
    assert set(stages) == {"propose", "score", "guard", "train", "gate", "record", "activate"}
    assert len(seen) >= 10, seen
    assert stopping.learned().parent_id == "u1"
    assert not stopping.signals.pending()
    stopping.close()


def test_in_the_middle_of_every_record_everything_is_as_before(stopping: World) -> None:
    """The time is asked inside the transactions: Ctrl-C there finds a row without its entry."""
    clock = stopping.clock
    assert isinstance(clock, StoppingClock)
    stopping.learned(DOG)
    stopping.teach(HOME)
    stops = 0
    # The first two times of a run are the limit's; an update has at least six entries and a manifest.
    for call in range(40):
        clock.stop_at = call
        try:
            stop_and_compare(stopping, stopping.run)
        except BaseException:
            if stopping.releases.active() is not None and not stopping.signals.pending():
                break
            raise
        stops += 1
    clock.stop_at = -1
    assert stops >= 8
    active = stopping.releases.active()
    assert active is not None
    assert active.parent_id == "u1"
    assert [signal.state for signal in map(stopping.signals.get, ("s1", "s2"))] == [SignalState.LEARNED] * 2
    assert stopping.releases.audit().intact
    stopping.close()


def test_an_error_is_recorded_by_its_kind_and_without_its_words(stopping: World) -> None:
    stopping.teach(DOG)

    def fail(progress: Progress) -> None:
        if progress.stage == "train":
            raise RuntimeError(f"while learning {DOG[1]}")

    with pytest.raises(RuntimeError):
        stopping.run(on_progress=fail)
    (update,) = stopping.releases.list()
    assert (update.state, update.reason) == (State.ABANDONED, "an error: RuntimeError")
    assert len(stopping.signals.pending()) == 1
    stopping.close()
