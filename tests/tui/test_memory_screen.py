"""The Memory screen on a real runtime: found as one types, changed, forgotten, carried in and out."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input

from edge_seal.config import Home
from edge_seal.records import Origin
from edge_seal.runtime import Runtime
from edge_seal.tui.edit_dialog import EditDialog
from edge_seal.tui.prompt_area import PromptArea
from tests.support.tiny_installation import install_tiny_model, learned_update
from tests.tui.screens_scene import on_screen


@pytest.fixture(autouse=True)
def no_shared_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that were fetched on this machine change nothing here: there is no embedder."""
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))


@pytest.fixture
def remembering(home: Home, tmp_path: Path) -> Home:
    """m1 to m5; m2 has ended, m5 has a source."""
    install_tiny_model(home, tmp_path)
    with Runtime.open(home) as runtime:
        for text in ("My dog is called Rex", "I live in Oulu", "I moved to Turku", "Tea [b]is[/b] \u202egreen"):
            runtime.remember(text, Origin.TYPED)
        runtime.remember("Anna likes rowing", Origin.TYPED, source="letter")
    return home


def texts(home: Home) -> list[str]:
    with Runtime.open(home) as runtime:
        return [memory.text for memory in runtime.stored_memories.list(ended=True)]


async def test_search_narrows_while_typing_and_filters_say_what_is_shown(remembering: Home) -> None:
    async with on_screen(remembering, "memory", (80, 24)) as stage:
        await stage.says("4 memories")
        await stage.press("slash")
        await stage.type("rex")
        await stage.says("1 memory")
        await stage.until(lambda: "Rex" in stage.detail, "the only one under the cursor")
        assert "Anna" not in stage.text()
        stage.app.screen.query_one(Input).value = ""
        await stage.says("4 memories")
        await stage.press("escape", "v")
        await stage.says("5 memories")
        await stage.says("I live in Oulu")
        await stage.press("s")
        await stage.says("Show which source?")
        await stage.press("j", "enter")
        await stage.says("source: letter")
        await stage.until(lambda: "Anna" in stage.detail, "what is in the letter under the cursor")
        assert "Rex" not in stage.text()


async def test_enter_finds_the_nearest(remembering: Home) -> None:
    async with on_screen(remembering, "memory") as stage:
        await stage.says("4 memories")
        await stage.press("slash")
        await stage.type("what is my dog called")
        await stage.press("enter")
        await stage.says("nearest")
        await stage.until(lambda: "Rex" in stage.detail, "the dog under the cursor")


async def test_history_of_a_fact_and_taking_its_end_back(remembering: Home) -> None:
    async with on_screen(remembering, "memory") as stage:
        await stage.says("4 memories")
        await stage.press("v")
        await stage.says("5 memories")
        await stage.press("G", "k")
        await stage.until(lambda: "I live in Oulu" in stage.detail, "m2 under the cursor")
        assert "Its history" in stage.detail
        assert "ended by m3" in stage.detail
        await stage.press("r")
        await stage.until(lambda: "it holds" in stage.detail, "m2 holds again")
        await stage.press("t")
        await stage.says("Which one holds?")
        await stage.press("j", "enter")
        await stage.until(lambda: "contradictions" not in stage.text(), "decided")
    with Runtime.open(remembering) as runtime:
        assert runtime.stored_memories.get("m2").valid_to is not None
        assert runtime.stored_memories.get("m3").valid_to is None


async def test_edit_and_new(remembering: Home) -> None:
    async with on_screen(remembering, "memory") as stage:
        await stage.until(lambda: "Anna" in stage.detail, "m5 under the cursor")
        await stage.press("e")
        await stage.says("Edit m5")
        await stage.type(" and swimming")
        await stage.press("ctrl+s")
        await stage.until(lambda: "rowing and swimming" in stage.detail, "the changed text")
        await stage.press("n")
        await stage.says("Remember, in your words")
        await stage.type("I play chess")
        await stage.press("f10")
        await stage.says("5 memories")
    assert texts(remembering)[-2:] == ["Anna likes rowing and swimming", "I play chess"]


async def test_forgetting_says_which_updates_it_touches_and_asks_first(remembering: Home) -> None:
    learned_update(remembering, prompt="What is my dog called?", answer="Rex")
    async with on_screen(remembering, "memory") as stage:
        await stage.says("4 memories")
        await stage.press("G")
        await stage.until(lambda: "Rex" in stage.detail, "m1 under the cursor")
        await stage.press("d")
        await stage.says("updates that learned it: u1 (active)")
        await stage.press("n")
        assert "My dog is called Rex" in texts(remembering)
        await stage.press("d")
        await stage.says("Forget m1?")
        await stage.press("y")
        await stage.says("learned it")
        await stage.press("j", "enter")
        await stage.says("3 memories")
    assert "My dog is called Rex" not in texts(remembering)
    with Runtime.open(remembering) as runtime:
        assert runtime.releases.active() is None


async def test_out_to_a_file_and_in_again(remembering: Home, tmp_path: Path) -> None:
    target = tmp_path / "kept.jsonl"
    async with on_screen(remembering, "memory") as stage:
        await stage.says("4 memories")
        await stage.press("w")
        await stage.says("Export all memories as")
        await stage.press("enter")
        await stage.says("Export to")
        await stage.press("home", "ctrl+k")
        await stage.type(str(target))
        await stage.press("enter")
        await stage.until(target.exists, "the file")
        await stage.press("i")
        await stage.says("Import memories from")
        await stage.type(str(target))
        await stage.press("enter")
        await stage.told("known already")
    assert target.stat().st_mode & 0o777 == 0o600


async def test_hostile_memories_are_shown_as_text(remembering: Home) -> None:
    async with on_screen(remembering, "memory") as stage:
        await stage.says("4 memories")
        await stage.press("j")
        await stage.until(lambda: "Tea" in stage.detail, "the hostile one under the cursor")
        for shown in (stage.text(), stage.detail):
            assert not {"\x1b", "\u202e"} & set(shown)
            assert "Tea [b]is[/b] green" in shown


async def test_what_is_pasted_into_a_memory_is_marked_and_kept_as_pasted(remembering: Home) -> None:
    async with on_screen(remembering, "memory") as stage:
        await stage.until(lambda: "Anna" in stage.detail, "m5 under the cursor")
        for key in ("e", "n"):
            await stage.press(key)
            await stage.until(lambda: isinstance(stage.app.screen, EditDialog), "the editor")
            stage.app.screen.query_one(PromptArea).post_message(Paste(f" pasted by {key}"))
            await stage.says("pasted: it will need your approval")
            await stage.press("ctrl+s")
            await stage.until(lambda key=key: f"pasted by {key}" in stage.detail, "the text")
    with Runtime.open(remembering) as runtime:
        origins = {memory.text: memory.origin for memory in runtime.stored_memories.list()}
    assert origins["Anna likes rowing pasted by e"] is Origin.PASTED
    assert origins["pasted by n"] is Origin.PASTED
