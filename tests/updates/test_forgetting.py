"""What is forgotten leaves what was learned: examples, manifests, adapters, and at the next cycle the weights."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from edge_seal.errors import EdgeSealError
from edge_seal.records import Example, Origin, Role, State, Update
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.forgetting import Forgetting
from tests.updates.scene import BASE_SHA256, Scene

PLANTED = "Zanzibarese"


@pytest.fixture
def forgetting(scene: Scene) -> Forgetting:
    return Forgetting(scene.database, scene.ledger, scene.adapters, scene.releases)


def lessons(signal: str, answer: str, role: Role = Role.LESSON) -> tuple[Example, ...]:
    return (
        Example("What do I speak?", answer, role, Origin.TYPED, signal_id=signal),
        Example("Which language is mine?", answer, Role.PROBE, Origin.TYPED, signal_id=signal, derived_by="form:x"),
    )


def learned(
    scene: Scene,
    examples: Sequence[Example],
    new: Sequence[str],
    *,
    waits: bool = False,
    gate: dict[str, JsonValue] | None = None,
) -> Update:
    """An update whose manifest lists its examples, as a cycle writes it."""
    update = scene.proposed()
    for state in (State.SCORED, State.CLEARED):
        scene.releases.advance(update.id, state, actor="cycle", body={})
    manifest: dict[str, JsonValue] = {
        "update": update.id,
        "gate": gate or {},
        "signals": [{"id": signal, "source": None} for signal in new],
        "examples": [{"prompt": e.prompt, "answer": e.answer, "signal": e.signal_id} for e in examples],
    }
    stored = scene.adapters.put(scene.adapter_file(f"weights of {update.id}".encode()), manifest)
    scene.releases.trained(update.id, stored, examples, actor="cycle", body={})
    scene.releases.advance(update.id, State.GATED, actor="cycle", body={})
    if waits:
        return scene.releases.advance(update.id, State.AWAITING_APPROVAL, actor="cycle", body={})
    return scene.releases.activate(update.id, "cycle", {}, new)


def chain(scene: Scene) -> tuple[str, str, str]:
    """u1 learned s1; u2 s2, the planted one; u3 s3, with s2 not even replayed."""
    first, second, third = (scene.signal("q", a) for a in ("Finnish", PLANTED, "French"))
    learned(scene, lessons(first, "Finnish"), [first])
    learned(scene, (*lessons(second, PLANTED), *lessons(first, "Finnish", Role.REPLAY)), [second])
    learned(scene, (*lessons(third, "French"), *lessons(first, "Finnish", Role.REPLAY)), [third])
    return first, second, third


def on_disk(scene: Scene) -> bytes:
    scene.database.scrub()
    return b"".join(path.read_bytes() for path in sorted(scene.root.rglob("*")) if path.is_file())


def adapters_of(scene: Scene) -> set[str]:
    """The updates whose adapters are on the disk."""
    files = (scene.root / "adapters").rglob("*.gguf")
    return {file.read_bytes().decode().removeprefix("weights of ") for file in files}


def erase_signal(scene: Scene, signal: str) -> None:
    scene.database.execute("DELETE FROM signals WHERE id = ?", (int(signal[1:]),))


def test_forgotten_lesson_leaves_examples_and_manifests_at_once(scene: Scene, forgetting: Forgetting) -> None:
    signal = scene.signal("q", PLANTED)
    other = scene.signal("q", "Finnish")
    learned(scene, (*lessons(signal, PLANTED), *lessons(other, "Finnish")), [signal, other])
    assert on_disk(scene).count(PLANTED.encode()) >= 5
    (reached,) = forgetting.forget([signal], "user")
    erase_signal(scene, signal)
    assert (reached.id, reached.outcome, reached.examples) == ("u1", "marked", 2)
    assert PLANTED.encode() not in on_disk(scene)
    assert b"Finnish" in on_disk(scene)
    # It answers until the next cycle, and what is stored of it is still sound.
    assert scene.releases.audit().problems == ()
    serving, notices = scene.releases.serving(BASE_SHA256)
    assert serving is not None
    assert serving.id == "u1"
    assert notices == ()
    assert "learned what you forgot" in str(forgetting.notice(serving))
    manifest = scene.adapters.manifest(str(serving.adapter_sha256), serving.manifest_sha256)
    assert manifest["forgotten"] == [signal]
    assert len(json.loads(json.dumps(manifest["examples"]))) == 2


def test_real_answers_kept_by_the_gate_go_with_any_lesson_that_is_forgotten(
    scene: Scene, forgetting: Forgetting
) -> None:
    planted, other = scene.signal("q", PLANTED), scene.signal("q", "Finnish")
    said = {"said_before": f"I said {PLANTED}.", "said_after": "Finnish"}
    outcomes: list[JsonValue] = [
        {"prompt": f"Is it {PLANTED}?", "answer": PLANTED, "signal": planted, **said},
        {"prompt": "What do you speak?", "answer": "Finnish", "signal": other, "after_hit": True, **said},
    ]
    examples = (*lessons(planted, PLANTED), *lessons(other, "Finnish"))
    learned(scene, examples, [planted, other], gate={"scale": "1", "outcomes": outcomes})
    assert f"I said {PLANTED}".encode() in on_disk(scene)
    forgetting.forget([planted], "user")
    erase_signal(scene, planted)
    assert PLANTED.encode() not in on_disk(scene)
    update = scene.releases.get("u1")
    manifest = scene.adapters.manifest(str(update.adapter_sha256), update.manifest_sha256)
    assert manifest["gate"] == {
        "scale": "1",
        "outcomes": [
            {
                "prompt": "What do you speak?", "answer": "Finnish", "signal": other, "after_hit": True,
                "said_before": None, "said_after": None,
            }
        ],
    }  # fmt: skip
    assert scene.releases.audit().problems == ()


def test_what_was_trained_on_top_is_marked_and_what_does_not_answer_loses_its_adapter(
    scene: Scene, forgetting: Forgetting
) -> None:
    _, second, _ = chain(scene)
    reached = {item.id: item.outcome for item in forgetting.forget([second], "user")}
    assert reached == {"u2": "removed", "u3": "marked"}
    assert "u2" not in adapters_of(scene)
    assert "u3" in adapters_of(scene)
    assert scene.releases.get("u2").reason == "its lessons were forgotten"
    assert scene.releases.audit().problems == ()
    with pytest.raises(EdgeSealError, match="u2: its lessons were forgotten"):
        scene.releases.to("u2", "user")


def test_the_active_update_is_taken_back_to_the_newest_that_never_learned_it(
    scene: Scene, forgetting: Forgetting
) -> None:
    first, second, third = chain(scene)
    forgetting.forget([second], "user")
    erase_signal(scene, second)
    retired = forgetting.retire("cycle")
    assert retired is not None
    assert (retired.updates, retired.target, retired.signals) == (("u3", "u2"), "u1", (third,))
    assert [scene.signal_state(signal) for signal in (first, third)] == ["learned", "pending"]
    active = scene.releases.active()
    assert active is not None
    assert active.id == "u1"
    assert "u3" not in adapters_of(scene)
    assert scene.releases.audit().problems == ()
    assert forgetting.retire("cycle") is None
    with pytest.raises(EdgeSealError, match="its lessons were forgotten"):
        scene.releases.to("u3", "user")


def test_without_a_clean_ancestor_the_base_answers(scene: Scene, forgetting: Forgetting) -> None:
    first, _, _ = chain(scene)
    forgetting.forget([first], "user")
    retired = forgetting.retire("cycle")
    assert retired is not None
    assert retired.target == "base"
    assert scene.releases.active() is None
    assert adapters_of(scene) == set()
    assert scene.releases.audit().problems == ()


def test_an_update_that_waits_for_a_person_is_refused(scene: Scene, forgetting: Forgetting) -> None:
    signal = scene.signal("q", PLANTED)
    learned(scene, lessons(signal, PLANTED), [signal], waits=True)
    (reached,) = forgetting.forget([signal], "user")
    erase_signal(scene, signal)
    assert (reached.outcome, reached.state) == ("refused", State.REJECTED)
    assert PLANTED.encode() not in on_disk(scene)
    assert scene.releases.audit().problems == ()


def test_a_rolled_back_update_cannot_come_back(scene: Scene, forgetting: Forgetting) -> None:
    _, second, _ = chain(scene)
    scene.releases.to("u1", "user")
    assert {item.outcome for item in forgetting.forget([second], "user")} == {"removed"}
    assert forgetting.notice(scene.releases.active()) is None
    assert "u3" not in adapters_of(scene)
    assert scene.releases.audit().problems == ()


def test_the_ledger_cannot_be_searched_for_the_forgotten_text(scene: Scene, forgetting: Forgetting) -> None:
    signal = scene.signal("q", PLANTED)
    update = learned(scene, lessons(signal, PLANTED), [signal])
    row = scene.database.row("SELECT examples_salt FROM updates")
    assert row is not None
    forgetting.forget([signal], "user")
    erase_signal(scene, signal)
    told = "".join(scene.ledger.export())
    assert str(row[0]) not in on_disk(scene).decode("latin-1"), "the salt of the former digest has to go with the text"
    assert PLANTED not in told
    assert scene.releases.get(update.id).manifest_sha256 != update.manifest_sha256


def test_a_mark_that_was_taken_out_by_hand_is_noticed(scene: Scene, forgetting: Forgetting) -> None:
    signal = scene.signal("q", PLANTED)
    update = learned(scene, lessons(signal, PLANTED), [signal])
    forgetting.forget([signal], "user")
    scene.database.execute("UPDATE updates SET manifest_sha256 = ?", (update.manifest_sha256,))
    assert any("manifest hash" in problem for problem in scene.releases.audit().problems)
    scene.database.execute("DROP TRIGGER ledger_no_delete; DELETE FROM ledger WHERE event = 'update.forgotten'")
    assert not scene.releases.audit().intact


def test_a_manifest_that_a_crash_left_behind_goes_at_the_next_start(scene: Scene, forgetting: Forgetting) -> None:
    signal = scene.signal("q", PLANTED)
    update = learned(scene, lessons(signal, PLANTED), [signal])
    manifest = scene.adapters.path(str(update.adapter_sha256)).with_name("manifest.json")
    former = manifest.read_bytes()
    forgetting.forget([signal], "user")
    erase_signal(scene, signal)
    manifest.write_bytes(former)
    forgetting.recover()
    assert PLANTED.encode() not in on_disk(scene)
    assert scene.releases.audit().problems == ()


def test_forgetting_that_is_interrupted_changes_nothing(scene: Scene, forgetting: Forgetting) -> None:
    signal = scene.signal("q", PLANTED)
    learned(scene, lessons(signal, PLANTED), [signal])

    def forget_and_stop() -> None:
        with scene.database.transaction():
            forgetting.forget([signal], "user")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forget_and_stop()
    assert forgetting.marked() == frozenset()
    assert len(scene.releases.examples("u1")) == 2
    assert scene.releases.audit().problems == ()
