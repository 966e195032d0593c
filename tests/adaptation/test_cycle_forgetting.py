"""A cycle after something it had learned was forgotten: on the tiny model, with real training."""

from __future__ import annotations

from edge_seal.records import State
from edge_seal.updates.forgetting import Forgetting
from tests.adaptation.world import DOG, HOME, World


def test_the_next_cycle_learns_anew_without_what_was_forgotten(world: World) -> None:
    world.learned(DOG)
    world.learned(HOME)
    forgetting = Forgetting(world.database, world.ledger, world.adapters, world.releases)
    # u2 was trained on top of u1: its weights come from it, whatever its examples are.
    assert [(r.id, r.outcome) for r in forgetting.forget(["s1"], "user")] == [("u1", "removed"), ("u2", "marked")]
    world.database.execute("DELETE FROM signals WHERE id = 1")
    assert world.stored_adapters() == {str(world.releases.get("u2").adapter_sha256)}

    dry = world.run(dry_run=True)
    assert any("u2 learned what you forgot" in reason for reason in dry.reasons)
    assert world.releases.active() == world.releases.get("u2")

    report = world.run()
    assert report.update is not None
    assert (report.update.state, report.update.parent_id) == (State.ACTIVE, None)
    assert any("u2, u1 had learned what you forgot and was taken back to base" in reason for reason in report.reasons)
    assert {example.signal_id for example in report.examples} == {"s2", None}
    assert world.stored_adapters() == {str(report.update.adapter_sha256)}
    assert [(row.id, row.state, row.adapter_sha256 is None) for row in world.releases.list()] == [
        ("u1", State.ROLLED_BACK, True),
        ("u2", State.ROLLED_BACK, True),
        ("u3", State.ACTIVE, False),
    ]
    world.database.scrub()
    assert b"Rex" not in world.stored_bytes()
    assert world.releases.audit().problems == ()


def test_a_cycle_with_nothing_left_to_learn_leaves_the_base(world: World) -> None:
    base = world.answer(DOG[0])
    world.learned(DOG)
    Forgetting(world.database, world.ledger, world.adapters, world.releases).forget(["s1"], "user")
    world.database.execute("DELETE FROM signals WHERE id = 1")
    report = world.run()
    assert report.update is None
    assert "u1 had learned what you forgot and was taken back to base" in report.reasons[0]
    assert world.releases.active() is None
    assert world.stored_adapters() == set()
    assert world.answer(DOG[0]) == base
