"""What the tests of screens share: an application on a real home, and waiting without sleeping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

from textual.pilot import Pilot

from edge_seal.config import Home
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.paged_list import PagedList
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.two_panes import DetailPane

MOST_S: Final = 90.0
"""How long anything may take, on a machine that has other work to do."""


class Stage:
    """One application under test, on one of its screens."""

    def __init__(self, app: EdgeSealApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, holds: Callable[[], bool], what: str = "", most_s: float = MOST_S) -> None:
        """Lets the application work until `holds`."""
        # Not by the pilot's pause: it asks every widget whether it is idle, which costs more than what is waited for.
        end = time.monotonic() + most_s
        while not holds():
            if time.monotonic() > end or self.app.crash is not None:
                raise AssertionError(f"it did not come to this: {what or 'the condition'}\n{self.text()}")
            await asyncio.sleep(0.02)
        await self.pilot.pause()

    async def says(self, words: str) -> None:
        """Waits until `words` are on the screen."""
        await self.until(lambda: words in self.text(), f"{words!r} on the screen")

    async def told(self, words: str) -> None:
        """Waits until a notification says `words`; under test none of them is drawn."""
        told = self.app._notifications
        await self.until(lambda: any(words in note.message for note in told), f"{words!r} in a notification")

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)

    async def type(self, text: str) -> None:
        await self.press(*("space" if character == " " else character for character in text))

    async def click(self, words: str) -> None:
        """Moves the mouse to where `words` begin on the screen, and clicks there."""
        await self.pilot.hover(offset=self._place(words))
        await self.pilot.pause()  # what the mouse is over may show more, and move
        await self.pilot.click(offset=self._place(words))

    def _place(self, words: str) -> tuple[int, int]:
        for y, line in enumerate(self.text().splitlines()):
            x = line.find(words)
            if x >= 0:
                return x, y
        raise AssertionError(f"{words!r} is not on the screen\n{self.text()}")

    def text(self) -> str:
        """What is on the screen, without colours; a wide character takes two columns of it."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in strips)

    @property
    def rows(self) -> PagedList[object]:
        """The list of the screen."""
        return self.app.screen_stack[0].query_one(PagedList)

    @property
    def detail(self) -> str:
        """What the detail pane says, all of it."""
        panes = self.app.screen_stack[0].query(DetailPane)
        return panes.first().text if panes and panes.first().children else ""


@asynccontextmanager
async def on_screen(home: Home, mode: str, size: tuple[int, int] = (120, 40)) -> AsyncGenerator[Stage]:
    """The application of `home` on the screen `mode`, its list read."""
    app = EdgeSealApp(home, None)
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot)
        await stage.until(lambda: isinstance(app.screen, ChatScreen) and app.screen.model_state == "ready", "a model")
        app.action_go(mode)
        await stage.until(lambda: isinstance(app.screen, DeskScreen) and mode == app.screen.MODE, mode)
        await pilot.pause()
        yield stage
