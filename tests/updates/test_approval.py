"""A person approves a hash: whatever is swapped between the look and the yes is refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.records import State, Update
from edge_seal.updates.ledger import body_of
from tests.updates.scene import Scene


def swap_adapter_file(scene: Scene, waiting: Update) -> None:
    scene.adapters.path(str(waiting.adapter_sha256)).write_bytes(b"other weights")


def swap_manifest_file(scene: Scene, waiting: Update) -> None:
    path = scene.adapters.path(str(waiting.adapter_sha256)).with_name("manifest.json")
    told = json.loads(path.read_bytes())
    path.write_text(json.dumps({**told, "verdicts": []}), encoding="utf-8")


def swap_row(scene: Scene, waiting: Update) -> None:
    """Another adapter that is whole, named in its row."""
    other = scene.adapters.put(scene.adapter_file(b"other weights"), {"update": waiting.id})
    scene.database.execute(
        "UPDATE updates SET adapter_sha256 = ?, manifest_sha256 = ? WHERE id = ?",
        (other.sha256, other.manifest_sha256, int(waiting.id[1:])),
    )


def swap_examples(scene: Scene, waiting: Update) -> None:
    scene.database.execute("UPDATE examples SET answer = 'harmless' WHERE role = 'lesson'")


@pytest.mark.parametrize("swap", [swap_adapter_file, swap_manifest_file, swap_row, swap_examples])
def test_what_was_swapped_between_the_look_and_the_yes_does_not_answer(
    scene: Scene, swap: Callable[[Scene, Update], None]
) -> None:
    waiting = scene.brought_to(State.AWAITING_APPROVAL, signal=scene.signal())
    shown = scene.releases.approval_hash(waiting.id)
    swap(scene, waiting)
    with pytest.raises(IntegrityError, match="cannot be used"):
        scene.releases.activate(waiting.id, "user", {}, [], approved=shown)
    # Nor does anything else make it answer, asked or not.
    with pytest.raises(IntegrityError):
        scene.releases.activate(waiting.id, "user", {}, [])
    assert scene.states() == {waiting.id: State.AWAITING_APPROVAL}
    assert scene.releases.serving()[0] is None


def test_another_hash_than_its_own_activates_nothing(scene: Scene) -> None:
    waiting = scene.brought_to(State.AWAITING_APPROVAL)
    with pytest.raises(IntegrityError, match="is not what was approved"):
        scene.releases.activate(waiting.id, "user", {}, [], approved="0" * 64)
    assert scene.states() == {waiting.id: State.AWAITING_APPROVAL}


def test_the_hash_is_of_this_update_and_of_nothing_else(scene: Scene) -> None:
    first = scene.brought_to(State.AWAITING_APPROVAL, adapter=b"the same weights")
    second = scene.brought_to(State.AWAITING_APPROVAL, adapter=b"the same weights")
    assert scene.releases.approval_hash(first.id) == scene.releases.approval_hash(first.id)
    assert scene.releases.approval_hash(first.id) != scene.releases.approval_hash(second.id)


def test_what_was_approved_stands_in_the_audit_trail(scene: Scene) -> None:
    waiting = scene.brought_to(State.AWAITING_APPROVAL)
    shown = scene.releases.approval_hash(waiting.id)
    scene.releases.activate(waiting.id, "user", {"approved": shown}, [], approved=shown)
    activation = body_of(list(scene.ledger.entries())[-1])
    assert activation["approved"] == shown
    assert scene.releases.audit().intact


def test_an_update_that_was_never_trained_has_nothing_to_approve(scene: Scene) -> None:
    with pytest.raises(IntegrityError, match="it has no adapter"):
        scene.releases.approval_hash(scene.brought_to(State.CLEARED).id)
    with pytest.raises(EdgeSealError):
        scene.releases.approval_hash("u9")
