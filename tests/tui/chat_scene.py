"""An application on a real home with a tiny model, and waiting without sleeping."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager

from textual.widgets import OptionList

from edge_seal.config import Home, load_settings
from edge_seal.engines.engine import Engine, Piece, Sampling
from edge_seal.runtime import Runtime
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.prompt_area import PromptArea
from edge_seal.tui.turn_view import TurnView
from tests.tui.screens_scene import MOST_S, Stage


class Scene(Stage):
    """One application under test, on the chat."""

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

    async def send(self, text: str) -> TurnView:
        """Puts `text` into the prompt as if typed, sends it, and waits for its answer."""
        before = len(self.turns)
        self.prompt.focus()
        await self.until(lambda: self.prompt.has_focus, "the prompt")
        self.prompt.insert(text)
        await self.press("enter")
        await self.until(lambda: len(self.turns) == before + 1 and self.turns[-1].turn is not None, f"answer to {text}")
        return self.turns[-1]


@asynccontextmanager
async def chatting(home: Home, size: tuple[int, int] = (110, 34)) -> AsyncGenerator[Scene]:
    """The application on the chat, its model ready."""
    app = EdgeSealApp(home, None, theme=load_settings(home.config_file).interface.theme)
    async with app.run_test(size=size) as pilot:
        scene = Scene(app, pilot)
        await scene.until(lambda: isinstance(app.screen, ChatScreen) and app.screen.model_state == "ready", "a model")
        yield scene
    assert app.crash is None


class HeldEngine:
    """An engine that stops in the midst of an answer until it is told to go on: so that a key can come in between."""

    def __init__(self, engine: Engine, pieces: int) -> None:
        self._engine = engine
        self._pieces = pieces
        self.holds = threading.Event()
        self.goes_on = threading.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, reuse_prefix: bool = False) -> Iterator[Piece]:
        for number, piece in enumerate(self._engine.generate(prompt, sampling, reuse_prefix=reuse_prefix)):
            if number == self._pieces:
                self.holds.set()
                assert self.goes_on.wait(MOST_S)
            yield piece


async def hold(scene: Scene, pieces: int) -> HeldEngine:
    """From now on the model holds its breath after so many pieces of an answer."""

    def held(runtime: Runtime) -> HeldEngine:
        engine = HeldEngine(runtime.engine, pieces)
        runtime.__dict__["engine"] = engine
        return engine

    return await scene.app.desk.call(held)


async def begun(scene: Scene, pieces: int = 5) -> HeldEngine:
    """Asks, and waits until so many pieces of the answer were written, with more to come."""
    held = await hold(scene, pieces)
    scene.prompt.insert("Hello there")
    await scene.press("enter")
    await scene.until(held.holds.is_set, "the first words")
    return held


def long_answers(home: Home) -> None:
    """Lets the tiny model answer in some hundred tokens."""
    settings = home.config_file.read_text(encoding="utf-8")
    home.config_file.write_text(settings.replace("max_tokens = 12", "max_tokens = 400"), encoding="utf-8")


async def in_dialog(scene: Scene, kind: type[object]) -> None:
    """Waits until a dialog of that kind is open."""
    await scene.until(lambda: isinstance(scene.app.screen, kind), kind.__name__)
    await scene.pilot.pause()
