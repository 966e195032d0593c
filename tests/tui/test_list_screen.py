"""What the screens with a list and a detail have in common, on each of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.records import Origin
from edge_seal.runtime import Runtime
from edge_seal.tui.list_screen import ListScreen
from edge_seal.tui.messages import Changed
from edge_seal.tui.two_panes import DetailPane
from tests.support.tiny_installation import install_tiny_model, learned_update
from tests.tui.screens_scene import on_screen

# In each of the lists: what the detail says of the first row and of the third, and a change that concerns it.
SCREENS = {
    "updates": ("u3", "u1", "updates"),
    "review": ("s4: put aside", "s6: put aside", "signals"),
    "memory": ("Tea is green", "Anna likes rowing", "memories"),
}


@pytest.fixture
def three_of_each(home: Home, tmp_path: Path) -> Home:
    install_tiny_model(home, tmp_path)
    for seed, prompt in enumerate(("Who am I?", "Where am I?", "What am I?"), start=1):
        learned_update(home, seed=seed, prompt=prompt, answer="Here")
    with Runtime.open(home) as runtime:
        for text in ("Anna likes rowing", "Boats are slow", "Tea is green"):
            runtime.remember(text, Origin.TYPED)
        for name in ("anna", "berta", "cilla"):
            runtime.teach([lesson(f"What is the e-mail of {name}?", f"It is {name}.virta@posti.fi.")])
    return home


@pytest.mark.parametrize("mode", SCREENS)
async def test_the_detail_is_that_of_the_row_where_the_cursor_stops(three_of_each: Home, mode: str) -> None:
    first, third, kind = SCREENS[mode]
    async with on_screen(three_of_each, mode, (80, 24)) as stage:
        screen = stage.app.screen
        assert isinstance(screen, ListScreen)
        await stage.until(lambda: first in stage.detail, "the first row in the detail")
        read: list[object] = []
        read_detail = screen._read_detail

        async def noted() -> None:
            read.append(stage.rows.current)
            await read_detail()

        screen._read_detail = noted
        stage.rows.cursor = 1
        stage.rows.cursor = 2
        await stage.until(lambda: third in stage.detail, "the third row in the detail")
        assert read == [stage.rows.current], "not that of the row that was passed"
        # The detail takes the room of a short terminal, and gives it back.
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.focused, DetailPane), "the detail")
        assert not stage.rows.region.area
        await stage.press("escape")
        await stage.until(lambda: stage.rows.has_focus, "the list")
        assert stage.rows.region.area
        # What changed elsewhere is read anew, and the cursor stays.
        reloads: list[int] = []
        reload = stage.rows.reload
        stage.rows.reload = lambda total, **more: (reloads.append(total), reload(total, **more))[1]
        stage.app.tell(Changed("settings"))
        stage.app.tell(Changed(kind))  # type: ignore[arg-type]
        await stage.until(lambda: bool(reloads), "the list read anew")
        await stage.until(lambda: third in stage.detail, "the same row")
        assert reloads == [3]
        assert not screen.query(Input) or not screen.query_one(Input).has_focus
