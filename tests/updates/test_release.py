from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest

from edge_seal.errors import EdgeSealError, IntegrityError, NotFound
from edge_seal.records import State
from edge_seal.updates.adapters import StoredAdapter
from edge_seal.updates.ledger import body_of
from tests.updates.scene import BASE_SHA256, Scene, examples_of


def events(scene: Scene) -> list[tuple[str, str]]:
    return [(entry.event, entry.subject) for entry in scene.ledger.entries()]


def bytes_on_disk(scene: Scene) -> bytes:
    return b"".join(path.read_bytes() for path in scene.root.rglob("*") if path.is_file())


# A cycle --------------------------------------------------------------------------------------------------


def test_every_step_of_an_update_is_one_entry(scene: Scene) -> None:
    signal = scene.signal()
    update = scene.brought_to(State.CANARY, signal=signal)
    scene.releases.activate(update.id, "edge-seal", {"scale": 0.75}, [signal])
    steps = ("proposed", "scored", "cleared", "trained", "gated", "awaiting_approval", "canary", "active")
    assert events(scene) == [(f"update.{step}", "u1") for step in steps]
    activation = body_of(list(scene.ledger.entries())[-1])
    assert activation["scale"] == 0.75
    assert activation["adapter_sha256"] == hashlib.sha256(b"adapter of u1").hexdigest()
    assert scene.signal_state(signal) == "learned"
    assert scene.releases.audit().problems == ()


def test_training_keeps_examples_and_names_the_adapter(scene: Scene) -> None:
    signal = scene.signal()
    update = scene.brought_to(State.TRAINED, signal=signal)
    assert scene.releases.examples(update.id) == examples_of(signal)
    assert update.adapter_sha256 is not None
    assert scene.adapters.verify(update.adapter_sha256, str(update.manifest_sha256)) is None


def test_the_ledger_holds_no_text_of_a_conversation(scene: Scene) -> None:
    scene.learned()
    scene.releases.refuse(scene.brought_to(State.GATED).id, actor="gate", reasons=["neighbours moved"], body={})
    scene.releases.to_base("user")
    told = "".join(scene.ledger.export())
    assert all(word not in told for example in examples_of(None) for word in (example.prompt, example.answer))


def test_an_adapter_that_is_not_on_the_disk_cannot_be_named(scene: Scene) -> None:
    update = scene.brought_to(State.CLEARED)
    missing = StoredAdapter("a" * 64, "c" * 64, scene.adapters.path("a" * 64))
    with pytest.raises(IntegrityError, match="is missing"):
        scene.releases.trained(update.id, missing, examples_of(None), actor="edge-seal", body={})
    assert scene.releases.get(update.id).state is State.CLEARED


def test_activating_retires_the_update_before(scene: Scene) -> None:
    first, second = scene.learned(), scene.learned()
    assert second.parent_id == first.id
    assert scene.states() == {"u1": State.RETIRED, "u2": State.ACTIVE}
    assert events(scene)[-2:] == [("update.retired", "u1"), ("update.active", "u2")]


@pytest.mark.parametrize("to", [State.PROPOSED, State.TRAINED, State.ACTIVE, State.RETIRED, State.REJECTED], ids=str)
def test_advance_does_not_do_what_needs_more_than_a_word(scene: Scene, to: State) -> None:
    update = scene.brought_to(State.GATED)
    with pytest.raises(EdgeSealError, match="by itself"):
        scene.releases.advance(update.id, to, actor="edge-seal", body={})


def test_a_stage_cannot_be_skipped(scene: Scene) -> None:
    update = scene.proposed()
    with pytest.raises(EdgeSealError, match="proposed cannot become gated"):
        scene.releases.advance(update.id, State.GATED, actor="edge-seal", body={})
    with pytest.raises(IntegrityError, match="it has no adapter"):
        scene.releases.activate(update.id, "edge-seal", {}, [])
    assert events(scene) == [("update.proposed", "u1")]


def test_an_update_that_waited_while_another_was_activated_cannot_undo_it(scene: Scene) -> None:
    waiting = scene.brought_to(State.AWAITING_APPROVAL)
    scene.learned()
    with pytest.raises(EdgeSealError, match="builds on base, but u2 is active"):
        scene.releases.activate(waiting.id, "user", {}, [])
    with pytest.raises(EdgeSealError, match="builds on u1, but u2 is active"):
        scene.releases.propose("u1", BASE_SHA256, "asked for", "user")


def test_with_another_model_file_an_update_starts_from_its_base(scene: Scene) -> None:
    scene.learned()
    update = scene.releases.propose(None, "e" * 64, "asked for", "user")
    assert (update.parent_id, update.base_sha256) == (None, "e" * 64)
    assert scene.releases.serving("e" * 64)[0] is None
    assert "another model file" in scene.releases.serving("e" * 64)[1][0]


def test_a_damaged_adapter_cannot_be_activated(scene: Scene) -> None:
    update = scene.brought_to(State.GATED)
    scene.adapters.path(str(update.adapter_sha256)).write_bytes(b"wreckage")
    with pytest.raises(IntegrityError, match="was changed"):
        scene.releases.activate(update.id, "edge-seal", {}, [])
    assert scene.releases.active() is None


@pytest.mark.parametrize("name", ["u9", "9", "u", "u-1", "s1", "u1; --", "u\u0661", "u" + "9" * 40])
def test_what_names_no_update_is_not_found(scene: Scene, name: str) -> None:
    scene.proposed()
    for ask in (scene.releases.get, scene.releases.examples, lambda name: scene.releases.to(name, "user")):
        with pytest.raises(NotFound):
            ask(name)


# No -------------------------------------------------------------------------------------------------------


def test_a_refused_update_leaves_its_row_and_its_entries_and_nothing_else(scene: Scene) -> None:
    kept = scene.learned()
    signal = scene.signal("My key is hunter2-Zebra", "sk-Quagga-4711")
    update = scene.brought_to(State.GATED, signal=signal, adapter=b"weights that say Okapi")
    assert all(word in bytes_on_disk(scene) for word in (b"hunter2-Zebra", b"sk-Quagga-4711", b"Okapi"))
    (scene.root / "trained.gguf").unlink()

    refused = scene.releases.refuse(
        update.id,
        actor="guardian",
        reasons=["secret.api_key: looks like a key", "too close to a neighbour"],
        body={"findings": 1},
        signals_refused=[signal],
    )

    assert (refused.state, refused.adapter_sha256, refused.manifest_sha256) == (State.REJECTED, None, None)
    assert refused.reason == "secret.api_key: looks like a key; too close to a neighbour"
    assert scene.releases.examples(update.id) == ()
    assert scene.signal_state(signal) == "refused"
    assert [path.name for path in scene.adapters.path(str(kept.adapter_sha256)).parents[1].iterdir()] == [
        kept.adapter_sha256
    ]
    assert not any(word in bytes_on_disk(scene) for word in (b"Zebra", b"Quagga", b"Okapi"))
    assert scene.releases.active() == kept
    assert scene.releases.audit().problems == ()


def test_refusing_one_of_two_updates_with_the_same_adapter_keeps_the_other(scene: Scene) -> None:
    first = scene.learned(adapter=b"same")
    second = scene.brought_to(State.GATED, adapter=b"same")
    assert first.adapter_sha256 == second.adapter_sha256
    scene.releases.refuse(second.id, actor="gate", reasons=["drift"], body={})
    assert scene.releases.serving() == (first, ())
    assert scene.releases.audit().problems == ()


def test_an_abandoned_update_leaves_its_signals_waiting(scene: Scene) -> None:
    signal = scene.signal()
    update = scene.brought_to(State.TRAINED, signal=signal)
    abandoned = scene.releases.abandon(update.id, actor="user", reason="interrupted")
    assert (abandoned.state, abandoned.adapter_sha256) == (State.ABANDONED, None)
    assert scene.signal_state(signal) == "pending"
    assert scene.releases.examples(update.id) == ()
    with pytest.raises(EdgeSealError, match="after abandoned comes nothing"):
        scene.releases.refuse(update.id, actor="gate", reasons=["late"], body={})


def test_an_active_update_is_rolled_back_not_refused(scene: Scene) -> None:
    update = scene.learned()
    with pytest.raises(EdgeSealError, match="active cannot become rejected"):
        scene.releases.refuse(update.id, actor="user", reasons=["no"], body={})
    assert scene.releases.serving() == (update, ())


# Taking it back -------------------------------------------------------------------------------------------


def test_rolling_back_to_the_parent_drops_what_was_learned_since(scene: Scene) -> None:
    first, second = scene.learned(), scene.learned()
    now = scene.releases.rollback(None, "user")
    assert now is not None
    assert (now.id, scene.states()) == ("u1", {"u1": State.ACTIVE, "u2": State.ROLLED_BACK})
    assert [scene.signal_state(signal) for signal in scene.signals_of(first)] == ["learned"]
    assert [scene.signal_state(signal) for signal in scene.signals_of(second)] == ["dropped"]
    told = [body_of(entry) for entry in scene.ledger.of_events("update.rolled_back")]
    assert told == [{"to": "u1", "signals_dropped": list(scene.signals_of(second))}]
    assert scene.releases.audit().problems == ()


def test_rolling_back_past_an_update_takes_it_back_too(scene: Scene) -> None:
    for _ in range(3):
        scene.learned()
    scene.releases.rollback("u1", "user")
    assert scene.states() == {"u1": State.ACTIVE, "u2": State.ROLLED_BACK, "u3": State.ROLLED_BACK}


def test_rolling_back_to_the_base_takes_everything_back(scene: Scene) -> None:
    scene.learned()
    scene.learned()
    assert scene.releases.rollback("base", "user") is None
    assert scene.releases.serving() == (None, ())
    assert set(scene.states().values()) == {State.ROLLED_BACK}
    count = scene.ledger.head()[0]
    scene.releases.rollback("base", "user")
    assert scene.ledger.head()[0] == count
    with pytest.raises(NotFound, match="no update is active"):
        scene.releases.rollback(None, "user")


def test_a_rollback_can_be_undone(scene: Scene) -> None:
    updates = [scene.learned() for _ in range(3)]
    scene.releases.to_base("user")
    scene.releases.to("u3", "user")
    assert scene.states() == {"u1": State.RETIRED, "u2": State.RETIRED, "u3": State.ACTIVE}
    assert {scene.signal_state(signal) for update in updates for signal in scene.signals_of(update)} == {"learned"}
    scene.releases.to("u2", "user")
    scene.releases.to("u3", "user")
    assert scene.states() == {"u1": State.RETIRED, "u2": State.RETIRED, "u3": State.ACTIVE}
    assert scene.releases.serving()[0] == scene.releases.get("u3")
    assert scene.releases.audit().problems == ()


def test_a_branch_that_was_left_can_be_gone_back_to(scene: Scene) -> None:
    scene.learned()
    scene.learned()
    scene.releases.to("u1", "user")
    scene.learned()
    assert scene.releases.get("u3").parent_id == "u1"
    scene.releases.to("u2", "user")
    assert scene.states() == {"u1": State.RETIRED, "u2": State.ACTIVE, "u3": State.ROLLED_BACK}
    scene.releases.to_parent("user")
    assert scene.releases.active() == scene.releases.get("u1")


def test_going_to_what_is_active_changes_nothing(scene: Scene) -> None:
    update = scene.learned()
    count = scene.ledger.head()[0]
    assert scene.releases.to(update.id, "user") == update
    assert scene.ledger.head()[0] == count


def test_what_never_answered_cannot_be_gone_back_to(scene: Scene) -> None:
    scene.learned()
    waiting = scene.brought_to(State.CANARY)
    refused = scene.releases.refuse(scene.brought_to(State.SCORED).id, actor="guardian", reasons=["no"], body={})
    for update in (waiting, refused):
        with pytest.raises(EdgeSealError, match="never answered"):
            scene.releases.to(update.id, "user")
    scene.releases.advance(waiting.id, State.ROLLED_BACK, actor="canary", body={})
    with pytest.raises(EdgeSealError, match="no entry that made it active"):
        scene.releases.to(waiting.id, "user")
    assert scene.releases.active() == scene.releases.get("u1")


def test_a_damaged_update_cannot_be_gone_back_to_but_the_base_can(scene: Scene) -> None:
    first = scene.learned()
    scene.learned()
    scene.adapters.path(str(first.adapter_sha256)).write_bytes(b"wreckage")
    with pytest.raises(IntegrityError, match="cannot go back to u1"):
        scene.releases.to_parent("user")
    assert scene.states() == {"u1": State.RETIRED, "u2": State.ACTIVE}
    scene.releases.to_base("user")
    assert scene.releases.active() is None


# At start -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.PROPOSED, State.SCORED, State.CLEARED, State.TRAINED, State.GATED], ids=str)
def test_a_cycle_that_was_cut_off_is_abandoned_at_the_next_start(scene: Scene, state: State) -> None:
    kept = scene.learned()
    cut_off = scene.brought_to(state)
    assert [update.id for update in scene.releases.recover()] == [cut_off.id]
    assert scene.releases.get(cut_off.id).state is State.ABANDONED
    assert scene.releases.serving() == (kept, ())
    assert events(scene)[-1] == ("update.abandoned", cut_off.id)
    assert scene.releases.audit().problems == ()
    assert scene.releases.recover() == ()


@pytest.mark.parametrize("state", [State.AWAITING_APPROVAL, State.CANARY], ids=str)
def test_what_waits_is_still_waiting_after_a_start(scene: Scene, state: State) -> None:
    waiting = scene.brought_to(state)
    assert scene.releases.recover() == ()
    assert scene.releases.get(waiting.id) == waiting
    assert scene.adapters.verify(str(waiting.adapter_sha256), str(waiting.manifest_sha256)) is None


def test_files_that_nobody_names_go_at_the_next_start(scene: Scene) -> None:
    kept = scene.learned()
    orphan = scene.adapters.put(scene.adapter_file(b"orphan"), {})
    leftover = orphan.path.parents[1] / ".tmp-0123"
    leftover.mkdir()
    scene.releases.recover()
    assert [entry.name for entry in leftover.parent.iterdir()] == [kept.adapter_sha256]


def test_a_row_that_was_changed_by_hand_does_not_cost_its_adapter(scene: Scene) -> None:
    update = scene.learned()
    scene.database.execute("UPDATE updates SET adapter_sha256 = NULL, manifest_sha256 = NULL")
    scene.releases.recover()
    assert scene.adapters.verify(str(update.adapter_sha256), str(update.manifest_sha256)) is None


def test_everything_is_still_there_after_closing_and_opening(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "reopened")
    scene.learned()
    update = scene.learned()
    scene = scene.reopened()
    assert scene.releases.serving() == (update, ())
    assert scene.releases.audit().problems == ()
    scene.close()


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_answers_are_not_disturbed_by_updates_that_another_process_makes(tmp_path: Path) -> None:
    Scene(tmp_path / "shared").close()
    child = os.fork()
    if child == 0:
        try:
            writing = Scene(tmp_path / "shared")
            for _ in range(8):
                writing.learned()
                writing.releases.to_base("user")
        except BaseException:  # noqa: BLE001  # a child must not run the rest of the tests
            os._exit(1)
        os._exit(0)
    reading = Scene(tmp_path / "shared")
    answered: set[str | None] = set()
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        serving, notices = reading.releases.serving()
        assert notices == ()
        assert reading.releases.audit().problems == ()
        answered.add(None if serving is None else serving.id)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert len(answered) > 1
    reading.close()
