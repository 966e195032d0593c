"""The chat on a real runtime with a tiny model: by keys, and by mouse."""

from __future__ import annotations

import pytest
from textual.events import Paste

from edge_seal.config import Home
from edge_seal.plain_text import plain_text
from edge_seal.records import Origin, SignalKind
from edge_seal.runtime import Runtime
from edge_seal.tui.edit_dialog import EditDialog
from edge_seal.tui.slash_commands import SlashCommand, slash_command
from tests.tui.chat_scene import begun, chatting, in_dialog, long_answers


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
        held = await begun(scene)
        await scene.says("escape stops")
        await scene.press("escape")
        held.goes_on.set()
        await scene.says("stopped: kept as far as it goes")
        turn = scene.turns[-1].turn
        assert turn is not None
        assert turn.stopped
        assert turn.timing.answer_tokens < 20
        assert turn.answer
    with Runtime.open(tiny) as runtime:
        assert runtime.conversations.turn(turn.id).answer == turn.answer


async def test_ctrl_c_stops_an_answer_and_leaves_the_program_running(tiny: Home) -> None:
    long_answers(tiny)
    async with chatting(tiny) as scene:
        held = await begun(scene)
        await scene.press("ctrl+c")
        await scene.told("ctrl+q leaves")
        held.goes_on.set()
        await scene.says("stopped: kept as far as it goes")
        await scene.press("ctrl+c", "ctrl+c")
        await scene.send("And then?")


async def test_another_answer_and_an_edited_question_take_the_place_of_the_old(tiny: Home) -> None:
    async with chatting(tiny) as scene:
        first = (await scene.send("Hello there")).turn
        await scene.send("And then?")
        await scene.press("escape", "up", "r")
        await scene.until(lambda: len(scene.turns) == 1 and scene.turns[0].turn not in {None, first}, "another answer")
        again = scene.turns[0].turn
        assert again is not None
        assert (again.prompt, again.answer != first.answer if first else None) == ("Hello there", True)
        await scene.press("e")
        await in_dialog(scene, EditDialog)
        await scene.press("H", "i", "ctrl+s")
        await scene.until(lambda: bool(scene.turns) and (t := scene.turns[-1].turn) is not None and t.prompt == "Hi")
    with Runtime.open(tiny) as runtime:
        (only,) = runtime.conversations.turns("c1")
        assert only.prompt == "Hi"


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
