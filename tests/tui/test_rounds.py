"""The main job in the interface, end to end: taught by a correction, learned, approved, asked again, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from edge_seal.runtime import Runtime
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.dialogs import AskDialog
from edge_seal.tui.edit_dialog import EditDialog
from edge_seal.tui.running import RunningPane
from tests.adaptation.networks import write_tiny_model
from tests.tui.chat_scene import Scene, chatting
from tests.tui.screens_scene import MOST_S
from tests.updates.kill_process import MANIFEST, SETTINGS

QUESTION = "What is my dog's name?"


@pytest.fixture
def learning(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose tiny model can learn: a gate that a random one can pass, and every update waits for a person."""
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))
    path = write_tiny_model(tmp_path / "tiny.gguf")
    (home.config / "models").mkdir(parents=True)
    (home.config / "models" / "tiny.toml").write_text(MANIFEST.format(path=path), encoding="utf-8")
    home.config_file.write_text(f"{SETTINGS}\n[approval]\nrisk = 1\n[generation]\nmax_tokens = 12\n", encoding="utf-8")
    with Runtime.open(home) as runtime:
        runtime.pull_models(["tiny"])
        assert runtime.database  # not the first start
    return home


class Round(Scene):
    """The steps of a round by keys."""

    async def asks(self, who: str, question: str = QUESTION) -> str:
        """Begins a conversation with the question; gives the answer, which has to be of `who`."""
        await self.goes("f2", ChatScreen.MODE)
        self.chat.action_new()
        await self.until(lambda: not self.turns, "an empty conversation")
        await self.type(question)
        await self.press("enter")
        await self.until(lambda: len(self.turns) == 1 and self.turns[0].turn is not None, "the answer")
        await self.says(f"{who} ·")
        turn = self.turns[0].turn
        assert turn is not None
        assert turn.update_id == (None if who == "base" else who)
        return turn.answer

    async def goes(self, key: str, mode: str) -> None:
        await self.press(key)
        await self.until(lambda: getattr(self.app.screen, "MODE", "") == mode, mode)

    async def corrects(self, answer: str) -> None:
        await self.press("ctrl+r")
        await self.until(lambda: isinstance(self.app.screen, EditDialog), "the editor")
        await self.type(answer)
        await self.press("ctrl+s")
        await self.says("✎ corrected")

    async def does(self, key: str, question: str, said: str) -> None:
        """Presses a key that asks, says yes, and waits for what is then said."""
        await self.press(key)
        await self.until(lambda: isinstance(self.app.screen, AskDialog), question)
        await self.says(question)
        await self.press("y")
        await self.says(said)

    async def learns(self, most_s: float = MOST_S) -> None:
        """Begins a cycle on the Updates screen and watches it to its end."""
        pane = self.app.screen.query_one(RunningPane)
        await self.press("n")
        await self.until(lambda: pane.has_class("shown"), "what runs")
        await self.says("c: cancel")
        await self.until(lambda: not self.app.desk.is_learning, "the end of the cycle", most_s)


def states(home: Home) -> dict[str, State]:
    with Runtime.open(home) as runtime:
        assert runtime.audit().intact
        return {update.id: update.state for update in runtime.releases.list()}


async def test_the_whole_round_by_keys(learning: Home) -> None:
    async with chatting(learning, (80, 24)) as scene:
        on = Round(scene.app, scene.pilot)
        first = await on.asks("base")
        await on.corrects("Rex.")
        await on.goes("f3", "updates")
        await on.says("Nothing was learned yet")
        await on.learns()
        await on.says("awaiting approval")
        with Runtime.open(learning) as runtime:
            approval = runtime.releases.approval_hash("u1")
        await on.press("a")
        await on.says(approval)
        await on.press("y")
        await on.says("u1 answers now")
        learned = await on.asks("u1")
        assert learned != first
        await on.goes("f3", "updates")
        await on.does("B", "Roll back to the base model?", "The base model answers now")
        assert await on.asks("base") == first
        await on.goes("f3", "updates")
        await on.does("b", "Roll back to u1?", "u1 answers now")
        assert await on.asks("u1") == learned
    assert states(learning) == {"u1": State.ACTIVE}


async def test_the_whole_round_by_mouse(learning: Home) -> None:
    async with chatting(learning, (120, 36)) as scene:
        on = Round(scene.app, scene.pilot)
        first = await on.asks("base")
        await on.click("You:")
        await on.says("c correct")
        await on.click("c correct")
        await on.until(lambda: isinstance(on.app.screen, EditDialog), "the editor")
        await on.type("Rex.")
        await on.click("Keep (ctrl+s)")
        await on.says("✎ corrected")
        await on.click(" Updates")
        await on.says("Nothing was learned yet")
        await on.click("Learn now")
        await on.says("u1 is awaiting approval")
        await on.click(" Review")
        await on.says("1 thing waits for you")
        await on.says("Approve")
        await on.click("Approve")
        await on.says("Approve u1?")
        await on.click("Approve (y)")
        await on.says("Nothing waits for you.")
        await on.click(" Updates")
        await on.says("u1 answers now")
        await on.click("Back to base")
        await on.says("Roll back to the base model?")
        await on.click("Roll back (y)")
        await on.says("The base model answers now")
        assert await on.asks("base") == first
        await on.click(" Updates")
        await on.click("u1 ")
        await on.says("rolled back")
        await on.click("Roll back here")
        await on.says("Roll back to u1?")
        await on.click("Roll back (y)")
        await on.says("u1 answers now")
        assert await on.asks("u1") != first
    assert states(learning) == {"u1": State.ACTIVE}


async def test_a_cycle_is_cancelled_by_a_key_and_the_lesson_waits_on(learning: Home) -> None:
    async with chatting(learning) as scene:
        on = Round(scene.app, scene.pilot)
        first = await on.asks("base")
        await on.corrects("Rex.")
        await on.goes("f3", "updates")
        await on.press("n")
        await on.until(lambda: on.app.desk.last_progress is not None, "progress")
        await on.says("c: cancel")
        await on.press("c")
        await on.says("learning was cancelled")
        assert await on.asks("base") == first
    assert set(states(learning).values()) <= {State.ABANDONED}
    with Runtime.open(learning) as runtime:
        assert len(runtime.signals.pending()) == 1


async def test_ctrl_c_and_leaving_while_a_cycle_runs_change_nothing(learning: Home) -> None:
    async with chatting(learning) as scene:
        on = Round(scene.app, scene.pilot)
        await on.asks("base")
        await on.corrects("Rex.")
        await on.goes("f3", "updates")
        await on.press("n")
        await on.until(lambda: on.app.desk.last_progress is not None, "progress")
        await on.press("ctrl+c", "ctrl+c")
        assert on.app.desk.is_learning
        assert on.app.is_running
    assert set(states(learning).values()) <= {State.ABANDONED}
    with Runtime.open(learning) as runtime:
        assert len(runtime.signals.pending()) == 1
        assert runtime.releases.active() is None


@pytest.mark.timeout(900)
async def test_the_whole_round_on_the_default_model(
    home: Home, default_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the user corrects is said in other words afterwards, and taken back word for word."""
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(default_model.parent.parent))
    settings = '[generation]\nmax_tokens = 24\n[approval]\nrisk = 1\n[canary]\nmode = "off"\n[shadow]\nquestions = 0\n'
    home.config_file.write_text(settings, encoding="utf-8")
    with Runtime.open(home) as runtime:
        assert runtime.database
    async with chatting(home, (80, 24)) as scene:
        on = Round(scene.app, scene.pilot)
        first = await on.asks("base")
        assert "Biscuit" not in first
        await on.corrects("Your dog is called Biscuit.")
        await on.goes("f3", "updates")
        await on.learns(most_s=600)
        await on.says("awaiting approval")
        await on.does("a", "Approve u1?", "u1 answers now")
        learned = await on.asks("u1")
        assert "Biscuit" in learned
        assert "Biscuit" in await on.asks("u1", "Could you tell me what my dog is called?")
        await on.goes("f3", "updates")
        await on.does("B", "Roll back to the base model?", "The base model answers now")
        assert await on.asks("base") == first
        await on.goes("f3", "updates")
        await on.does("b", "Roll back to u1?", "u1 answers now")
        assert await on.asks("u1") == learned
    assert states(home) == {"u1": State.ACTIVE}
