"""The Updates and Review screens on a real runtime: each key does what it says, by keys and by mouse."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from edge_seal.runtime import Runtime
from edge_seal.tui.messages import LearningEnded
from tests.support.tiny_installation import install_tiny_model, learned_update
from tests.tui.screens_scene import on_screen


@pytest.fixture(autouse=True)
def no_shared_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that were fetched on this machine change nothing here: there is no embedder."""
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))


@pytest.fixture
def learned(home: Home, tmp_path: Path) -> Home:
    """u1 retired, u2 active, u3 waits for a person."""
    install_tiny_model(home, tmp_path)
    learned_update(home)
    learned_update(home, seed=2, prompt="Where do I live?", answer="Oulu")
    learned_update(home, seed=3, to=State.AWAITING_APPROVAL, prompt="Which colour?", answer="Teal \u202e[b]x[/b]")
    return home


def states(home: Home) -> dict[str, str]:
    with Runtime.open(home) as runtime:
        return {update.id: update.state.value for update in runtime.releases.list()}


async def test_a_rollback_asks_once_takes_effect_and_is_undone_by_another(learned: Home) -> None:
    async with on_screen(learned, "updates") as stage:
        await stage.says("u2 answers now")
        await stage.press("G")
        await stage.until(lambda: "u1" in stage.detail, "u1 under the cursor")
        await stage.press("b")
        await stage.says("Roll back to u1?")
        await stage.press("escape")
        assert states(learned)["u2"] == "active"
        stage.app.tell(LearningEnded(cancelled=True))
        await stage.says("learning was cancelled")
        await stage.press("b")
        await stage.says("Roll back to u1?")
        await stage.press("y")
        await stage.says("u1 answers now")
        assert "learning was cancelled" not in stage.text(), "it is no longer how things are"
        assert states(learned) == {"u1": "active", "u2": "rolled_back", "u3": "awaiting_approval"}
        await stage.press("k", "b")
        await stage.says("Roll back to u2?")
        await stage.press("y")
        await stage.says("u2 answers now")
        assert states(learned) == {"u1": "retired", "u2": "active", "u3": "awaiting_approval"}
        await stage.press("B")
        await stage.says("the base model?")
        await stage.press("y")
        await stage.says("The base model answers now")
    assert states(learned) == {"u1": "rolled_back", "u2": "rolled_back", "u3": "awaiting_approval"}


async def test_approving_shows_the_hash_and_approves_that_hash(learned: Home) -> None:
    with Runtime.open(learned) as runtime:
        approval = runtime.releases.approval_hash("u3")
    async with on_screen(learned, "review", (80, 24)) as stage:
        await stage.says("1 thing waits for you")
        await stage.press("a")
        await stage.says("Approve u3?")
        assert approval in stage.text()
        await stage.press("y")
        await stage.says("Nothing waits for you.")
        assert states(learned) == {"u1": "retired", "u2": "active", "u3": "canary"}
        stage.app.action_go("updates")
        await stage.until(lambda: "On the canary" in stage.detail, "the canary in the detail")
        await stage.press("p")
        await stage.says("Promote u3?")
        await stage.press("y")
        await stage.says("u3 answers now")
    assert states(learned) == {"u1": "retired", "u2": "retired", "u3": "active"}
    with Runtime.open(learned) as runtime:
        entry = next(entry for entry in runtime.update_record("u3").entries if entry.event == "update.canary")
        assert approval in entry.body


async def test_the_same_by_mouse(learned: Home) -> None:
    async with on_screen(learned, "updates") as stage:
        await stage.says("awaiting approval")
        await stage.click("u1 ")
        await stage.until(lambda: "What is my dog called?" in stage.detail, "u1 in the detail")
        await stage.click("Roll back here")
        await stage.says("Roll back to u1?")
        await stage.click("Roll back (y)")
        await stage.says("u1 answers now")
    assert states(learned)["u1"] == "active"


async def test_rejecting_ends_the_update(learned: Home) -> None:
    async with on_screen(learned, "updates", (80, 24)) as stage:
        await stage.until(lambda: "u3" in stage.detail, "u3 under the cursor")
        await stage.press("x")
        await stage.says("Reject u3?")
        await stage.press("y")
        await stage.until(lambda: "rejected" in stage.detail, "u3 rejected")
    assert states(learned)["u3"] == "rejected"


async def test_what_cannot_be_done_asks_nothing(learned: Home) -> None:
    async with on_screen(learned, "updates") as stage:
        await stage.until(lambda: "u3" in stage.detail, "u3 under the cursor")
        await stage.press("b")
        await stage.pilot.pause()
        assert len(stage.app.screen_stack) == 1
        await stage.press("j")
        await stage.until(lambda: "u2  active" in stage.detail, "u2 under the cursor")
        await stage.press("a", "x")
        await stage.pilot.pause()
        assert len(stage.app.screen_stack) == 1


async def test_the_detail_shows_all_of_an_update_and_no_control_characters(learned: Home) -> None:
    async with on_screen(learned, "updates") as stage:
        await stage.until(lambda: "u3" in stage.detail, "u3 under the cursor")
        for words in ("Waits for you", "Which colour?", "[b]x[/b]", "Hashes", "Audit trail", "update.trained"):
            assert words in stage.detail
        for shown in (stage.detail, stage.text()):
            assert not {"\x1b", "\u202e"} & set(shown)


async def test_export_writes_the_adapter_with_its_manifest(learned: Home, tmp_path: Path) -> None:
    target = tmp_path / "mine.gguf"
    async with on_screen(learned, "updates") as stage:
        await stage.until(lambda: "u3" in stage.detail, "u3 under the cursor")
        await stage.press("e")
        await stage.says("Export u3 as")
        await stage.press("enter")
        await stage.says("Export u3 to")
        await stage.press("home", "ctrl+k")
        await stage.type(str(target))
        await stage.press("enter")
        await stage.until(target.exists, "the file")
        await stage.told("written:")
    assert (tmp_path / "mine.gguf.manifest.json").exists()
