"""The chat on a real runtime with a tiny model: by keys, and by mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input

from edge_seal.config import Home
from edge_seal.plain_text import plain_text
from edge_seal.records import Origin, SignalKind
from edge_seal.runtime import Ask, Runtime
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.dialogs import AskDialog
from edge_seal.tui.edit_dialog import EditDialog, TeachDialog
from edge_seal.tui.prompt_area import PromptArea
from edge_seal.tui.slash_commands import SlashCommand, slash_command
from tests.support.tiny_installation import install_tiny_model
from tests.tui.chat_scene import Scene, chatting


@pytest.fixture
def tiny(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "shared"))
    install_tiny_model(home, tmp_path)
    with Runtime.open(home) as runtime:
        assert runtime.database  # not the first start
    return home


def long_answers(home: Home) -> None:
    settings = home.config_file.read_text(encoding="utf-8")
    home.config_file.write_text(settings.replace("max_tokens = 12", "max_tokens = 400"), encoding="utf-8")


async def in_dialog(scene: Scene, kind: type[object]) -> None:
    await scene.until(lambda: isinstance(scene.app.screen, kind), kind.__name__)
    await scene.pilot.pause()


async def test_an_answer_is_shown_kept_judged_and_corrected_by_keys(tiny: Home) -> None:
    async with chatting(tiny, (80, 24)) as scene:
        view = await scene.send("Hello there")
        turn = view.turn
        assert turn is not None
        assert view.answer_text == plain_text(turn.answer)
        await scene.says("base")
        await scene.press("ctrl+g")
        await scene.says("✓ good")
        await scene.press("escape", "minus")
        await scene.says("✗ bad")
        await scene.press("c")
        await in_dialog(scene, EditDialog)
        await scene.press("P", "a", "r", "i", "s", "ctrl+s")
        await scene.says("✎ corrected")
    with Runtime.open(tiny) as runtime:
        kept = [(signal.kind, signal.turn_id) for signal in runtime.signals.all()]
        assert kept == [(kind, turn.id) for kind in (SignalKind.GOOD, SignalKind.BAD, SignalKind.CORRECTION)]
        assert runtime.signals.all()[-1].answer == "Paris"


async def test_the_same_by_mouse(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        await scene.send("Hello there")
        await scene.click("You:")
        await scene.says("+ good")
        await scene.click("+ good")
        await scene.says("✓ good")
        await scene.click("c correct")
        await in_dialog(scene, EditDialog)
        await scene.press("P", "a", "r", "i", "s")
        await scene.click("Keep (ctrl+s)")
        await scene.says("✎ corrected")
        await scene.click(" Settings")
        await scene.says("generation")


async def test_what_is_pasted_is_marked_and_stays_pasted_until_it_is_gone(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        prompt = scene.prompt
        prompt.insert("Look: ")
        prompt.post_message(Paste("/forget everything \x1b]52;c;eA==\x07\u202e"))
        await scene.says("PASTED")
        assert prompt.text == "Look: /forget everything "
        await scene.press("backspace", "backspace")
        assert prompt.origin is Origin.PASTED
        await scene.press("enter")
        await scene.until(lambda: bool(scene.turns) and scene.turns[-1].turn is not None)
        turn = scene.turns[-1].turn
        assert turn is not None
        assert turn.origin is Origin.PASTED
        await scene.says("You, pasted")
        assert prompt.origin is Origin.TYPED


async def test_undo_does_not_bring_pasted_text_back_as_typed(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        prompt = scene.prompt
        prompt.post_message(Paste("from elsewhere"))
        await scene.until(lambda: prompt.origin is Origin.PASTED)
        prompt.clear()
        await scene.until(lambda: prompt.origin is Origin.TYPED)
        await scene.press("ctrl+z")
        assert not prompt.text
        prompt.post_message(Paste("from elsewhere"))
        await scene.until(lambda: prompt.origin is Origin.PASTED)
        await scene.press("enter")
        await scene.until(lambda: bool(scene.turns) and scene.turns[-1].turn is not None)
        await scene.press("up")
        assert (prompt.text, prompt.origin) == ("from elsewhere", Origin.PASTED)


async def test_escape_stops_an_answer_and_says_what_is_kept(tiny: Home) -> None:
    long_answers(tiny)
    async with chatting(tiny) as scene:
        scene.prompt.insert("Hello there")
        await scene.press("enter")
        await scene.until(lambda: bool(scene.turns) and bool(scene.turns[-1].answer_text), "the first words")
        await scene.press("escape")
        await scene.until(lambda: scene.turns[-1].turn is not None)
        turn = scene.turns[-1].turn
        assert turn is not None
        assert turn.stopped
        await scene.says("stopped: kept as far as it goes")
    with Runtime.open(tiny) as runtime:
        assert runtime.conversations.turn(turn.id).answer == turn.answer


async def test_another_answer_and_an_edited_question_take_the_place_of_the_old(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        first = (await scene.send("Hello there")).turn
        await scene.send("And then?")
        await scene.press("escape", "up", "r")
        await scene.until(lambda: len(scene.turns) == 1 and scene.turns[0].turn not in {None, first}, "another answer")
        again = scene.turns[0].turn
        assert again is not None
        assert (again.prompt, again.answer != first.answer if first else None) == ("Hello there", True)
        await scene.press("escape", "e")
        await in_dialog(scene, EditDialog)
        await scene.press("H", "i", "ctrl+s")
        await scene.until(lambda: bool(scene.turns) and (t := scene.turns[-1].turn) is not None and t.prompt == "Hi")
    with Runtime.open(tiny) as runtime:
        (only,) = runtime.conversations.turns("c1")
        assert only.prompt == "Hi"


async def test_conversations_are_found_opened_renamed_and_deleted(tiny: Home) -> None:
    with Runtime.open(tiny) as runtime:
        runtime.ask(Ask("Where do herons sleep?"))
        runtime.ask(Ask("How old is the moon?"))
    async with chatting(tiny) as scene:
        await scene.until(lambda: len(scene.listed) == 2)
        await scene.press("f12", "down", "enter")
        await scene.until(lambda: bool(scene.turns))
        assert scene.turns[0].turn is not None
        assert scene.turns[0].turn.prompt == "Where do herons sleep?"
        await scene.press("f12", "slash", "m", "o", "o", "n")
        await scene.until(lambda: len(scene.listed) == 1)
        await scene.press("enter", "r")
        await scene.says("Rename the conversation")
        scene.app.screen.query_one(Input).value = "Sky \x1b[2J\u202e"
        await scene.press("enter")
        await scene.until(lambda: isinstance(scene.app.screen, ChatScreen))
        scene.chat.query_one("#conversation-search", Input).value = ""
        await scene.until(lambda: any("Sky" in line for line in scene.listed) and len(scene.listed) == 2)
        await scene.press("f12", "d")
        await in_dialog(scene, AskDialog)
        await scene.press("y")
        await scene.until(lambda: isinstance(scene.app.screen, ChatScreen) and len(scene.listed) == 1, "one left")


async def test_nothing_of_a_private_conversation_is_kept(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        scene.prompt.insert("/private")
        await scene.press("enter")
        await scene.says("PRIVATE")
        first = await scene.send("a secret word")
        second = await scene.send("and another")
        assert first.turn is not None
        assert second.turn is not None
        assert second.turn.timing.prompt_tokens > first.turn.timing.prompt_tokens
        await scene.says("private: kept nowhere")
        await scene.press("up")
        assert not scene.prompt.text
    with Runtime.open(tiny) as runtime:
        assert runtime.archive.list() == ()


async def test_slash_commands(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        view = await scene.send("/remember My boat is called Skua.")
        assert view.turn is not None
        assert view.turn.memories == ("m1",)
        scene.prompt.insert("/system Answer like a heron.")
        await scene.press("enter")
        await scene.says("with a system prompt")
        view = await scene.send("What is the name of my boat?")
        assert view.turn is not None
        assert "m1" in view.turn.memories
        conversation = view.turn.conversation_id
        scene.prompt.insert("/fly")
        await scene.press("enter")
        await scene.says("there is no /fly")
        scene.prompt.clear()
        scene.prompt.insert("/teach Who is it?")
        await scene.press("enter")
        await in_dialog(scene, TeachDialog)
        await scene.press("M", "e", "ctrl+s")
        await scene.says("kept as a lesson")
    with Runtime.open(tiny) as runtime:
        assert runtime.conversations.system_prompt(conversation) == "Answer like a heron."
        assert [(signal.prompt, signal.answer) for signal in runtime.signals.all()] == [("Who is it?", "Me")]


async def test_the_memories_of_an_answer_can_be_edited_and_forgotten(tiny: Home) -> None:
    with Runtime.open(tiny) as runtime:
        runtime.remember("My boat is called Skua.", Origin.TYPED)
    async with chatting(tiny) as scene:
        await scene.send("What is the name of my boat?")
        await scene.says("1 memory")
        await scene.press("ctrl+l")
        await scene.says("m1: My boat is called Skua.")
        await scene.click("edit ")
        await in_dialog(scene, EditDialog)
        scene.app.screen.query_one(PromptArea).load_text("My boat is called Tern.")
        await scene.press("ctrl+s")
        await scene.says("m1: My boat is called Tern.")
        await scene.click("forget")
        await in_dialog(scene, AskDialog)
        await scene.press("y")
        await scene.says("forgotten since")
    with Runtime.open(tiny) as runtime:
        assert runtime.stored_memories.list() == ()


async def test_an_error_is_told_and_gives_the_question_back(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        await scene.app.desk.call(lambda runtime: runtime.leave())
        for file in tiny.models.rglob("*.gguf"):
            file.unlink()
        scene.prompt.insert("Hello there")
        await scene.press("enter")
        await scene.says("next: ")
        assert scene.prompt.text == "Hello there"
        assert not scene.turns


async def test_keys_of_the_keymap_file_hold_and_a_wrong_one_is_told(tiny: Home) -> None:
    keymap = tiny.config / "keymap.toml"
    keymap.write_text('"chat.good" = "f10"\n', encoding="utf-8")
    async with chatting(tiny) as scene:
        await scene.send("Hello there")
        await scene.press("f10")
        await scene.says("✓ good")
    keymap.write_text('"chat.nothing" = "f10"\n', encoding="utf-8")
    async with chatting(tiny) as scene:
        await scene.says("there is nothing called")


async def test_help_names_the_keys_and_the_palette_does_what_they_do(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        await scene.send("Hello there")
        await scene.press("f1")
        await scene.says("escape closes")
        await scene.press("escape", "f9")
        await scene.press(*"chat.good")
        await scene.says("chat.good")
        await scene.press("enter", "enter")
        await scene.says("✓ good")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/learn", SlashCommand("learn", "")),
        ("/System be brief ", SlashCommand("system", "be brief")),
        ("/etc/hosts says what?", None),
        (" /learn", None),
        ("what is /learn", None),
        ("/", None),
    ],
)
def test_what_is_a_slash_command(text: str, command: SlashCommand | None) -> None:
    assert slash_command(text) == command
