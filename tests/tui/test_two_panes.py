"""The detail beside a list: what is read may come before the pane is built."""

from __future__ import annotations

from textual.app import App
from textual.content import Content

from edge_seal.records import Progress
from edge_seal.runtime.pace import Pace
from edge_seal.tui.messages import LearningProgress
from edge_seal.tui.running import RunningPane
from edge_seal.tui.two_panes import DetailPane


async def test_what_comes_before_the_panes_are_built_is_shown_when_they_are() -> None:
    pane, running = DetailPane(), RunningPane()
    app = App[None]()
    async with app.run_test() as pilot:
        pane.show(Content("read early"))
        told = LearningProgress(Progress("train", 1, 4, loss_nats=0.5), (0.9, 0.5), 2.0)
        running.shows(told, Pace().hear(told.progress, told.seconds))
        await app.mount(pane, running)
        await pilot.pause()
        assert pane.text == "read early"
        shown = "\n".join("".join(part.text for part in strip) for strip in app.screen._compositor.render_strips())
        assert "read early" in shown
        assert "0.500 now" in shown
