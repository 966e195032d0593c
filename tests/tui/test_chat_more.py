"""More of the chat: conversations, commands, memories, errors, keys."""

from __future__ import annotations

from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.widgets import Input

from edge_seal.config import Home
from edge_seal.records import Origin
from edge_seal.runtime import Ask, Runtime
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.conversation_list import ConversationList
from edge_seal.tui.dialogs import AskDialog
from edge_seal.tui.edit_dialog import EditDialog, TeachDialog
from edge_seal.tui.messages import Changed
from edge_seal.tui.prompt_area import PromptArea
from edge_seal.tui.turn_view import GivenView
from tests.tui.chat_scene import chatting, in_dialog


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
        await scene.press("d")
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
        await scene.press("up", "up")
        assert scene.prompt.text == "/private"
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
        await scene.told("there is no /fly")
        scene.prompt.clear()
        scene.prompt.insert("/teach Who is it?")
        await scene.press("enter")
        await in_dialog(scene, TeachDialog)
        await scene.press("M", "e", "ctrl+s")
        await scene.told("kept as a lesson")
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
        await scene.click("e edit ")
        await in_dialog(scene, EditDialog)
        scene.app.screen.query_one(PromptArea).load_text("My boat is called Tern.")
        await scene.press("ctrl+s")
        await scene.says("m1: My boat is called Tern.")
        # And by keys alone, from the answer.
        await scene.press("escape")
        await scene.until(lambda: scene.turns[0].has_focus, "the answer")
        await scene.press("m")
        await scene.until(lambda: not scene.turns[0].shows_given, "the memories folded")
        await scene.press("m")
        await scene.until(lambda: isinstance(scene.app.focused, GivenView), "the memory")
        await scene.press("up")
        await scene.until(lambda: scene.turns[0].has_focus, "the answer above")
        await scene.press("tab", "d")
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
        await scene.told("next: ")
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
        await scene.told("there is nothing called")


async def test_help_names_the_keys_and_the_palette_does_what_they_do(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        await scene.send("Hello there")
        await scene.press("f1")
        await scene.says("escape closes")
        await scene.press("escape", "f9")
        await scene.press(*"good")
        await scene.says("chat.good")
        await scene.press("enter")
        await scene.says("✓ good")


async def test_what_was_said_in_passing_is_offered_under_the_answer_and_kept_by_a_key(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        await scene.send("Hello! I live in Oulu and I like it.")
        await scene.says("Remember this?")
        await scene.press("escape", "a")
        await scene.until(lambda: "Remember this?" not in scene.text(), "accepted")
    with Runtime.open(tiny) as runtime:
        assert ["Oulu" in memory.text for memory in runtime.stored_memories.list()] == [True]
        assert runtime.proposals.list() == ()


async def test_alt_enter_begins_a_line_as_most_terminals_send_it(tiny: Home) -> None:
    keys = [message for message in XTermParser().feed("a\x1b\rb") if isinstance(message, Key)]
    assert [key.key for key in keys] == ["a", "ctrl+j", "b"]
    async with chatting(tiny) as scene:
        for key in ("a", "ctrl+j", "b", "alt+enter", "c", "shift+\r", "d"):
            scene.prompt.post_message(Key(key, key if len(key) == 1 else None))
        await scene.until(lambda: scene.prompt.text == "a\nb\nc\nd", "four lines")


async def test_the_cursor_of_the_list_is_at_the_conversation_that_is_open(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        listing = scene.chat.query_one(ConversationList)
        await scene.send("The first one")
        await scene.until(lambda: listing.highlighted == "c1", "the first in the list")
        scene.chat.action_new()
        await scene.until(lambda: not scene.turns, "an empty one")
        await scene.send("The second one")
        await scene.until(lambda: listing.highlighted == "c2", "the second under the cursor")
        # In the list the cursor is the user's.
        await scene.press("f12", "down")
        await scene.until(lambda: listing.highlighted == "c1", "the first under the cursor")
        scene.app.tell(Changed("conversations"))
        await scene.pilot.pause(0.2)
        assert listing.highlighted == "c1"
        await scene.press("enter")
        await scene.until(lambda: len(scene.turns) == 1 and "The first one" in scene.text(), "the first one open")
