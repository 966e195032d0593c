"""What the interface does and says when it starts."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

import pytest
from textual.css.model import RuleSet
from textual.css.parse import parse

from edge_seal.clock import SystemClock
from edge_seal.config import Home
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.bars import TABS, KeyBar, ScreenTabs
from edge_seal.tui.screen import DeskScreen
from tests.support.tiny_installation import learned_update
from tests.tui.chat_scene import chatting


async def test_an_overdue_review_is_reminded_of(tiny: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    learned_update(tiny)
    async with chatting(tiny) as scene:
        assert not [note for note in scene.app._notifications if note.title == "reminder"]
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda self: now(self) + timedelta(days=8))
    async with chatting(tiny) as scene:
        told = [note.message for note in scene.app._notifications if note.title == "reminder"]
    assert told == ["u1 not reviewed yet, the oldest for 8 days: edge-seal review"]


async def test_a_style_is_parsed_once_however_many_screens_are_opened(
    tiny: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[tuple[str, object, object, str]] = Counter()

    def counted(scope: str, css: str, read_from: object, **more: object) -> Iterable[RuleSet]:
        parsed[scope, read_from, more["tie_breaker"], css] += 1
        return parse(scope, css, read_from, **more)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr("textual.css.stylesheet.parse", counted)
    async with chatting(tiny, size=(80, 24)) as scene:
        first = len(parsed)
        for tab in TABS:
            await scene.press(tab.key)
            await scene.until(lambda: isinstance(scene.app.screen, DeskScreen), tab.name)
        assert len(parsed) > first
        assert set(parsed.values()) == {1}
        before = len(parsed)
        scene.app.theme = "edge-light"
        await scene.pilot.pause()
        assert max(parsed.values()) == 2, "its colours are others"
        assert len(parsed) == before


async def test_the_garbage_collector_is_on_once_there_is_something_on_the_screen(tiny: Home) -> None:
    gc.disable()
    try:
        async with chatting(tiny):
            assert gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


async def test_settings_that_cannot_be_used_end_it_and_are_told(tiny: Home) -> None:
    settings = tiny.config_file.read_text(encoding="utf-8")
    tiny.config_file.write_text(f'{settings}\n[interface]\ntheme = "edge-light"\ncolour = 1\n', encoding="utf-8")
    app = EdgeSealApp(tiny, None, theme="edge-light")
    await app.run_async(headless=True)
    assert app.unusable is not None
    assert "interface.colour" in app.unusable.message
    assert app.crash is None


async def test_the_keymap_holds_and_the_bars_show_its_keys(tiny: Home) -> None:
    (tiny.config / "keymap.toml").write_text('"app.help" = "f11"\n"chat.correct" = "ctrl+y"\n', encoding="utf-8")
    async with chatting(tiny) as scene:
        await scene.says("f11 Help")
        await scene.says("^y Correct")
        tabs = scene.chat.query_one(ScreenTabs)
        await scene.click("Help")
        await scene.says("chat.correct")
        assert "f11 Help" in tabs.line().plain, "under the dialog too"


async def test_the_last_line_shows_whole_keys_and_a_click_on_one_does_what_it_does(tiny: Home) -> None:
    async with chatting(tiny, size=(60, 18)) as scene:
        bar = scene.chat.query_one(KeyBar)
        words = {active.binding.description for active in scene.chat.active_bindings.values()}
        shown = bar.line().plain
        assert len(shown) <= 60
        assert shown.split(" ")[-1] in words
        assert shown == scene.text().splitlines()[-1].rstrip()
        await scene.pilot.hover(KeyBar, offset=(shown.index("Good"), 0))
        await scene.until(lambda: any("$boost" in str(span.style) for span in bar.line().spans), "what the mouse is on")
        await scene.click("Good")
        await scene.told("there is no answer yet")
        await scene.pilot.hover("#prompt")
        await scene.until(lambda: not any("$boost" in str(span.style) for span in bar.line().spans), "nothing marked")
