"""One clean adapter from everything that still holds, in place of the chain that learned it."""

from __future__ import annotations

import pytest

from edge_models.adapter import read_gguf_adapter
from edge_seal.errors import LimitReached
from edge_seal.records import Role, SignalState, State, Update
from edge_seal.updates.forgetting import Forgetting
from tests.adaptation.world import DOG, HOME, World, with_settings


def lessons_of(world: World, update: Update) -> set[tuple[str, str]]:
    return {(e.prompt, e.answer) for e in world.releases.examples(update.id) if e.role is Role.LESSON}


def states(world: World) -> list[SignalState]:
    return [signal.state for signal in world.signals.all()]


def consolidated(world: World) -> Update:
    report = world.cycle.run(consolidate=True)
    assert report.update is not None
    assert report.state is State.ACTIVE, report.reasons
    world.clock.pass_by(hours=1)
    return report.update


def test_learns_all_of_the_chain_from_the_base_and_leaves_what_waits(world: World) -> None:
    world.learned(DOG)
    world.learned(HOME)
    world.teach(("What is my favourite tea?", "Mint."))
    update = consolidated(world)
    assert (update.id, update.parent_id, update.reason) == ("u3", "u2", "consolidation of 2 lessons")
    assert lessons_of(world, update) == {DOG, HOME}
    assert not any(e.role is Role.REPLAY for e in world.releases.examples("u3"))
    assert states(world) == [SignalState.LEARNED, SignalState.LEARNED, SignalState.PENDING]
    assert world.releases.audit().intact
    # The same lessons taught at once to the base give the same bytes: nothing of the chain is in it.
    assert update.adapter_sha256 is not None
    assert read_gguf_adapter(world.adapters.path(update.adapter_sha256)).rank > 0


def test_is_what_the_base_learns_from_the_same_lessons_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is given again weighs more, and here it is given again to be compared.
    monkeypatch.setattr("edge_seal.adaptation.scoring.confirmed", lambda examples, _signals: tuple(examples))
    world.learned(DOG)
    world.learned(HOME)
    anew = consolidated(world)
    world.releases.rollback("base", "user")
    world.teach(DOG, HOME)
    report = world.run()
    assert report.update is not None
    assert report.update.adapter_sha256 == anew.adapter_sha256


def test_a_rollback_gives_the_chain_back_with_its_lessons(world: World) -> None:
    world.learned(DOG)
    before = world.learned(HOME)
    said = world.answer(DOG[0])
    consolidated(world)
    world.releases.rollback(None, "user")
    active = world.releases.active()
    assert active is not None
    assert (active.id, active.adapter_sha256) == (before.id, before.adapter_sha256)
    assert states(world) == [SignalState.LEARNED, SignalState.LEARNED]
    world.engine.use_adapter(world.adapters.path(before.adapter_sha256 or ""))
    assert world.answer(DOG[0]) == said
    world.releases.rollback("base", "user")
    assert states(world) == [SignalState.DROPPED, SignalState.DROPPED]


def test_leaves_out_what_was_told_anew_and_what_was_forgotten(world: World) -> None:
    world.learned(DOG)
    world.learned(HOME, ("What is my cat's name?", "Tom."))
    world.learned((DOG[0], "Odin."))
    Forgetting(world.database, world.ledger, world.adapters, world.releases).forget(["s3"], "user")
    world.signals.forget(["s3"])
    # The next cycle goes back to before the cat; what is still valid of it waits.
    world.run()
    world.clock.pass_by(hours=1)
    update = consolidated(world)
    assert lessons_of(world, update) == {HOME, (DOG[0], "Odin.")}


def test_one_that_the_gate_refuses_leaves_the_active_one(world: World) -> None:
    before = world.learned(DOG)
    world.settings = with_settings(gate={"minimum_probe_gain_nats": 1e9})
    report = world.cycle.run(consolidate=True)
    assert report.state is State.REJECTED
    active = world.releases.active()
    assert active is not None
    assert active.id == before.id
    assert states(world) == [SignalState.LEARNED]


def test_without_anything_learned_it_says_so(world: World) -> None:
    world.teach(DOG)
    report = world.cycle.run(consolidate=True)
    assert report.update is None
    assert report.reasons == ("nothing that was learned for this model holds",)
    assert states(world) == [SignalState.PENDING]


def test_what_does_not_fit_into_one_update_is_an_error_and_not_left_out(world: World) -> None:
    world.learned(DOG, HOME)
    world.settings = with_settings(limits={"examples_per_update": 5})
    with pytest.raises(LimitReached, match="examples_per_update is 5"):
        world.cycle.run(consolidate=True)
