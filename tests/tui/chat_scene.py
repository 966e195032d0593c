"""An application on a real home with a tiny model, and waiting without sleeping."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot
from textual.widgets import OptionList

from edge_seal.config import Home, load_settings
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.prompt_area import PromptArea
from edge_seal.tui.turn_view import TurnView


class Scene:
    """One application under test."""

    def __init__(self, app: EdgeSealApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def chat(self) -> ChatScreen:
        screen = self.app.screen
        assert isinstance(screen, ChatScreen)
        return screen

    @property
    def prompt(self) -> PromptArea:
        return self.chat.query_one("#prompt", PromptArea)

    @property
    def turns(self) -> list[TurnView]:
        return [view for view in self.chat.query(TurnView) if view.display]

    @property
    def listed(self) -> list[str]:
        options = self.chat.query_one("#conversation-options", OptionList)
        return [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]

    def text(self) -> str:
        """What is on the screen, without colours."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip) for strip in lines)

    async def until(self, holds: Callable[[], bool], what: str = "the condition") -> None:
        for _ in range(400):
            if holds():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"it did not come to this: {what}\n{self.text()}")

    async def says(self, words: str) -> None:
        await self.until(lambda: words in self.text(), f"{words!r} on the screen")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def send(self, text: str) -> TurnView:
        """Puts `text` into the prompt as if typed, sends it, and waits for its answer."""
        before = len(self.turns)
        self.prompt.focus()
        self.prompt.insert(text)
        await self.press("enter")
        await self.until(lambda: len(self.turns) == before + 1 and self.turns[-1].turn is not None, f"answer to {text}")
        return self.turns[-1]

    async def click(self, words: str) -> None:
        for y, line in enumerate(self.text().splitlines()):
            x = line.find(words)
            if x >= 0:
                await self.pilot.click(offset=(x, y))
                return
        raise AssertionError(f"{words!r} is not on the screen\n{self.text()}")


@asynccontextmanager
async def chatting(home: Home, size: tuple[int, int] = (110, 34)) -> AsyncGenerator[Scene]:
    """The application on the chat, its model ready."""
    app = EdgeSealApp(home, None, theme=load_settings(home.config_file).interface.theme)
    async with app.run_test(size=size) as pilot:
        scene = Scene(app, pilot)
        await scene.until(lambda: isinstance(app.screen, ChatScreen) and app.screen.model_state == "ready", "a model")
        yield scene
    assert app.crash is None


def long_answers(home: Home) -> None:
    """Lets the tiny model answer for about a second."""
    settings = home.config_file.read_text(encoding="utf-8")
    home.config_file.write_text(settings.replace("max_tokens = 12", "max_tokens = 400"), encoding="utf-8")


async def in_dialog(scene: Scene, kind: type[object]) -> None:
    """Waits until a dialog of that kind is open."""
    await scene.until(lambda: isinstance(scene.app.screen, kind), kind.__name__)
    await scene.pilot.pause()
