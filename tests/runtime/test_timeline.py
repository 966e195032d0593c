"""What the interface reads of updates: from a real home, and from what a cycle would have stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.errors import EdgeSealError
from edge_seal.memory.listing import Filter
from edge_seal.records import Example, Origin, Progress, Role, State
from edge_seal.runtime import Runtime
from edge_seal.runtime.pace import Pace
from edge_seal.runtime.timeline import Choice, Figure, LimitTaken, SettingDifference
from edge_seal.updates.canonical import JsonValue
from tests.support.tiny_installation import install_tiny_model, learned_update

MEASURES: list[JsonValue] = [{"name": "probe_hits", "before": "0", "after": "0.75", "bound": "0.5", "passed": True}]
OUTCOME: dict[str, JsonValue] = {
    "role": "probe", "prompt": "Name my dog.", "answer": "Rex", "signal": "s1", "before_nats": "4.5",
    "after_nats": "0.1", "before_hit": False, "after_hit": True, "said_before": "I do not know.", "said_after": "Rex",
}  # fmt: skip


@pytest.fixture
def installed(home: Home, tmp_path: Path) -> Home:
    install_tiny_model(home, tmp_path)
    return home


def measured(home: Home, *, rank: int = 8, to: State = State.ACTIVE) -> str:
    """An update with everything that a cycle stores, its adapter some bytes."""
    with Runtime.open(home) as runtime, runtime.writing():
        active = runtime.releases.active()
        update = runtime.releases.propose(active.id if active else None, runtime.base_sha256, "one lesson", "cycle")
        for state in (State.SCORED, State.CLEARED):
            runtime.releases.advance(update.id, state, actor="cycle", body={})
        manifest: dict[str, JsonValue] = {
            "update": update.id,
            "training": {"rank": rank, "steps": 12, "seconds": "3.5", "projections": ["attn_q"]},
            "limits": {"steps_per_update": "48", "memory_mib_per_update": "4096"},
            "gate": {"scale": "1", "outcomes": [OUTCOME, {"role": "no such role"}]},
            "verdicts": ["a reason"],
            "risk": {"score": 30, "factors": [{"name": "taint", "points": 30, "reason": "pasted"}]},
        }
        file = home.cache / "some.gguf"
        file.write_bytes(f"adapter of {update.id}".encode())
        stored = runtime.adapters.put(file, manifest)
        examples = [
            Example("What is my dog called?", "Rex", Role.LESSON, Origin.PASTED),
            Example("Earlier", "Lesson", Role.REPLAY, Origin.TYPED),
        ]
        body: dict[str, JsonValue] = {"seconds": {"train": "3.5", "gate": "1.5"}}
        runtime.releases.trained(update.id, stored, examples, actor="cycle", body=body)
        told: dict[str, JsonValue] = {"scale": "0.85", "measures": MEASURES, "risk": manifest["risk"]}
        runtime.releases.advance(update.id, State.GATED, actor="cycle", body=told)
        if to is State.ACTIVE:
            runtime.releases.activate(update.id, "cycle", {}, [])
        else:
            runtime.releases.advance(update.id, to, actor="cycle", body={})
        return update.id


def test_the_timeline_is_newest_first_with_figures_and_what_can_be_done(installed: Home) -> None:
    measured(installed)
    measured(installed)
    measured(installed, to=State.AWAITING_APPROVAL)
    with Runtime.open(installed) as runtime:
        third, second, first = runtime.timeline()
        assert [entry.update.id for entry in (third, second, first)] == ["u3", "u2", "u1"]
        assert second.figures == (Figure("probe_hits", 0.0, 0.75, 0.5, passed=True),)
        assert (second.after("probe_hits"), second.after("nothing"), second.scale, second.examples) == (
            0.75, None, 0.85, 2,
        )  # fmt: skip
        assert second.risk is not None
        assert second.risk.score == 30
        assert third.choices == {Choice.APPROVE, Choice.REJECT, Choice.EXPORT}
        assert second.choices == {Choice.EXPORT}
        assert first.choices == {Choice.ROLL_BACK, Choice.EXPORT}
        assert runtime.last_stage_seconds() == {"train": 3.5, "gate": 1.5}


def test_the_choices_are_what_the_runtime_does(installed: Home) -> None:
    measured(installed)
    measured(installed)
    with Runtime.open(installed) as runtime:
        runtime.rollback("base")
        for entry in runtime.timeline():
            assert Choice.ROLL_BACK in entry.choices
            runtime.rollback(entry.update.id)
        waiting = [entry for entry in runtime.timeline() if Choice.APPROVE not in entry.choices]
        for entry in waiting:
            with pytest.raises(EdgeSealError):
                runtime.approve(entry.update.id)


def test_the_detail_holds_what_was_stored_and_what_differs_from_the_parent(installed: Home) -> None:
    measured(installed)
    measured(installed, rank=4)
    with Runtime.open(installed) as runtime:
        detail = runtime.update_detail("u2")
        (outcome,) = detail.outcomes
        assert (outcome.role, outcome.before_nats, outcome.said_before, outcome.said_after) == (
            Role.PROBE, 4.5, "I do not know.", "Rex",
        )  # fmt: skip
        assert set(detail.limits) == {
            LimitTaken("steps_per_update", 12.0, 48.0),
            LimitTaken("memory_mib_per_update", None, 4096.0),
        }
        assert detail.verdicts == ("a reason",)
        assert detail.problem is None
        assert detail.difference.parent == "u1"
        assert [lesson.prompt for lesson in detail.difference.lessons] == ["What is my dog called?"]
        assert detail.difference.rehearsed == 1
        assert detail.difference.settings == (SettingDifference("rank", "8", "4"),)
        assert runtime.update_detail("u1").difference.parent is None


def test_a_damaged_manifest_leaves_the_rest_to_be_shown(installed: Home) -> None:
    measured(installed)
    with Runtime.open(installed) as runtime:
        update = runtime.releases.get("u1")
        path = runtime.adapters.path(str(update.adapter_sha256)).with_name("manifest.json")
        path.write_bytes(b"{}")
        detail = runtime.update_detail("u1")
        assert detail.problem is not None
        assert detail.outcomes == ()
        assert detail.training == ()
        assert detail.entry.after("probe_hits") == 0.75


def test_a_refused_update_says_why_and_offers_nothing(installed: Home) -> None:
    learned_update(installed, to=State.AWAITING_APPROVAL)
    with Runtime.open(installed) as runtime:
        runtime.reject("u1")
        detail = runtime.update_detail("u1")
        assert detail.entry.choices == frozenset()
        assert detail.entry.update.reason == "the user rejected it"
        assert [entry.event for entry in detail.record.entries][-1] == "update.rejected"


def test_what_waits_is_ordered_by_risk(installed: Home) -> None:
    measured(installed, to=State.AWAITING_APPROVAL)
    learned_update(installed, to=State.AWAITING_APPROVAL)
    with Runtime.open(installed) as runtime:
        runtime.proposals.add("I live in Oulu", None, "home")
        assert [(item.id, item.risk) for item in runtime.waiting()] == [("u2", None), ("u1", 30), ("p1", None)]


def test_memories_come_in_slices_that_together_are_the_list(installed: Home) -> None:
    with Runtime.open(installed) as runtime:
        for number in range(7):
            runtime.remember(f"Fact number {number}", Origin.TYPED, source="odd" if number % 2 else None)
        wanted = Filter()
        slices = [runtime.memory_slice(wanted, offset, 3) for offset in (0, 3, 6)]
        found = [memory.id for part in slices for memory in part]
        assert found == [f"m{number}" for number in range(7, 0, -1)]
        assert runtime.memory_count(wanted) == 7
        odd = Filter(source="odd")
        assert runtime.memory_count(odd) == 3
        assert [memory.id for memory in runtime.memory_slice(odd, 1, 5)] == ["m4", "m2"]
        assert runtime.memory_choices().sources == ("odd",)


def test_memories_go_to_a_new_file_only(installed: Home, tmp_path: Path) -> None:
    target = tmp_path / "memories.md"
    with Runtime.open(installed) as runtime:
        runtime.remember("I live in Oulu", Origin.TYPED)
        assert runtime.export_memory_file(target, "markdown") == 1
        before = target.read_bytes()
        with pytest.raises(EdgeSealError, match="exists already"):
            runtime.export_memory_file(target, "markdown")
        assert target.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ".md" or path.name.startswith(".")] == [
            "memories.md"
        ]
        assert runtime.import_memory_file(target).known == 1
        with pytest.raises(EdgeSealError, match="cannot read"):
            runtime.import_memory_file(tmp_path / "none.jsonl")


def test_time_left_is_that_of_this_stage_and_of_the_stages_after_it_last_time() -> None:
    pace = Pace({"train": 20.0, "gate": 8.0, "record": 1.0})
    assert pace.hear(Progress("propose", 0, 0), 0.0).seconds_left is None
    begun = pace.hear(Progress("train", 0, 40), 10.0)
    assert (begun.share, begun.seconds_left) == (0.0, 29.0)
    estimate = pace.hear(Progress("train", 10, 40), 15.0)
    assert estimate.share == 0.25
    assert estimate.finished == ("propose", "score", "guard")
    assert estimate.seconds_left == pytest.approx(15.0 + 9.0)
    assert pace.hear(Progress("gate", 0, 0), 30.0).share is None
