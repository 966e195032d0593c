"""An answer that grows: cut where it may be, cheap above, and in the end what the whole would have been."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll

from edge_seal.records import Origin, Timing, Turn
from edge_seal.tui.answer_markdown import AnswerMarkdown
from edge_seal.tui.growing_answer import KeptLines, place_to_cut
from edge_seal.tui.turn_view import TurnView

PROSE = "\n\n".join(
    f"## Part {at}\n\nThe heron stands in *shallow* water, part {at}, and waits."
    if at % 5 == 0
    else f"Paragraph {at}. " * 9
    for at in range(18)
)
CODE = "A program:\n\n```python\n" + "".join(f"heron_{at} = {at}\n" for at in range(150)) + "```\n\nThat was it.\n"
TIGHT = "A list:\n\n" + "".join(f"{at}. entry **{at}**\n" for at in range(1, 45)) + "\nThe end.\n"
LOOSE = "A list:\n\n" + "".join(f"- entry {at}\n\n  and more of it\n\n" for at in range(1, 20)) + "The end.\n"
NESTED = "".join(f"1. entry {at}\n   - one below\n   - **another**\n" for at in range(1, 13))
TABLE = "A table:\n\n| bird | where it is | seen |\n|---|:-:|--:|\n" + "".join(
    f"| heron {at} | {'by the lake' if at % 3 else 'away'} | {at} |\n" for at in range(26)
)
TEXTS = {
    "prose": PROSE, "code": CODE, "list": TIGHT, "loose": LOOSE, "nested": NESTED,
    "table": f"{TABLE}\nThat was it.\n\n{TABLE}",
}  # fmt: skip


class Chat(App[None]):
    """One turn as the chat shows it, without the chat."""

    CSS_PATH = "../../edge_seal/tui/app.tcss"

    def __init__(self, turns: list[TurnView]) -> None:
        super().__init__()
        self._turns = turns

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="turns"):
            yield from self._turns


def turn(answer: str) -> Turn:
    return Turn("t1", "c1", "", "Tell me", answer, Origin.TYPED, None, (), Timing(1, 0, 4, 0.1, 1.0))


def seen(view: TurnView) -> list[str]:
    """The lines of the answer, on the screen and beyond."""
    compositor = type(view.screen._compositor)()
    compositor.reflow(view, view.size)
    return [strip.text.rstrip() for strip in compositor.render_strips(view.size)]


@pytest.mark.parametrize("shape", TEXTS)
async def test_what_stands_above_is_one_widget_and_the_end_looks_like_the_whole(shape: str) -> None:
    text = TEXTS[shape]
    growing, whole = TurnView("Tell me", Origin.TYPED), TurnView("Tell me", Origin.TYPED, turn(text))
    app = Chat([growing, whole])
    async with app.run_test(size=(80, 24)) as pilot:
        most = 0
        for at in range(0, len(text), 200):
            growing.feed(text[at : at + 200])
            await growing.show()
            await pilot.pause()
            shown = [node for node in growing.query("*") if all(up.display for up in (node, *node.ancestors_with_self))]
            most = max(most, len(shown))
        assert len(growing.query(KeptLines)) == 1, "it is long enough for that, and follows each other"
        assert most < 0.8 * len(whole.query("*"))
        before = seen(growing)
        await growing.finish(turn(text))
        await pilot.pause()
        assert not growing.query(KeptLines)
        assert all(part.display for part in growing.query(AnswerMarkdown))
        assert seen(growing) == seen(whole)
        if "table" not in shape:  # whose columns are as wide as the rows ask for that are there
            assert [line for line in before if line] == [line for line in seen(whole) if line][:-1], "all but the mark"


async def test_another_width_draws_anew_what_stands_above() -> None:
    growing = TurnView("Tell me", Origin.TYPED)
    app = Chat([growing])
    async with app.run_test(size=(80, 24)) as pilot:
        for at in range(0, len(PROSE), 400):
            growing.feed(PROSE[at : at + 400])
            await growing.show()
            await pilot.pause()
        assert growing.query(KeptLines)
        await pilot.resize_terminal(50, 24)
        await pilot.pause()
        assert not growing.query(KeptLines)
        assert all(len(line) <= 50 for line in seen(growing))
        growing.feed("\n\nAnd more.")
        await growing.show()
        await pilot.pause()
        assert len(growing.query(KeptLines)) == 1, "it is kept again at that width"
        assert all(len(line) <= 50 for line in seen(growing))


@pytest.mark.parametrize(
    ("text", "tail", "opening"),
    [
        ("one\n\ntwo\n\nthr", "thr", ""),
        ("one\ntwo\nthr", None, ""),
        ("- a\n- b\n- c", "- c", ""),
        ("- a\n  - b\n  - c", None, ""),
        ("a line\n- that goes on", None, ""),
        ("- a\n\n      code\n\n      more", None, ""),
        ("```py\na\nb\nc", "c", "```py\n"),
        ("```py\n# a\n\nb\n```", "b\n```", "```py\n"),
        ("````\n```\nx", "x", "````\n"),
        ("  ```\na\nb", None, ""),
        ("- a\n\n- b", "- b", ""),
        ("| a |\n|---|\n| 1 |", None, ""),
        ("| a |\n|---|\n| 1 |\n| 2", "| 2", "| a |\n|---|\n"),
        ("| a |\n| 1 |\n| 2 |", None, ""),
        ("```\n| a |\n|---|\n| 1 |\n| 2", "| 2", "```\n"),
        ("|---|\n| 1 |\n| 2", None, ""),
        ("> a\n\n> b", None, ""),
    ],
)
def test_it_is_cut_where_a_document_may_begin(text: str, tail: str | None, opening: str) -> None:
    cut = place_to_cut(text, 0)
    assert (None if cut is None else text[cut.at :]) == tail
    if cut is not None:
        assert cut.opening == opening


@pytest.mark.parametrize(
    ("text", "number", "apart"),
    [
        ("3. a\n3. b", 4, False),
        ("1. a\n\n1. b\n\n1. c", 3, False),
        ("1. a\n   1. below\n   2. below\n1. c", 2, False),
        ("- a\n- b", None, False),
        ("1. a\n\n1) b", None, True),
        ("- a\n\n* b", None, True),
        ("1. a\n\nBetween.\n\n1. b", None, True),
        ("7. a\n```\n8. b\n```\n9. c", None, False),
    ],
)
def test_an_entry_keeps_its_number_when_it_is_cut_off(text: str, number: int | None, apart: bool) -> None:
    cut = place_to_cut(text, 0)
    if cut is not None:
        assert (cut.in_list, cut.number, cut.apart) == (True, number, apart)
    else:
        assert number is None
