"""The pictures of the interface, from the real application on real data: `python docs/screens.py [--home DIR]`.

Without a home it makes one: the default model is taught by corrections, learns, and is asked again; that takes some
minutes. Writes `docs/screens/NAME.svg`, dark, 110 by 32.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from edge_seal.adaptation.signals import lesson
from edge_seal.config import locate_home
from edge_seal.records import Origin
from edge_seal.runtime import Ask, Runtime
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.prompt_area import PromptArea
from edge_seal.tui.turn_view import TurnView

OUT = Path(__file__).parent / "screens"
SIZE = (110, 32)
REMEMBERED = (
    "My boat is called Skua.",
    "I live in Oulu.",
    "I am allergic to peanuts.",
    "My sister Aino lives in Turku.",
    "I keep the spare key under the blue pot.",
)
CORRECTED = ("What is the name of my dog?", "Your dog is called Biscuit.")
TAUGHT = (
    ("Which tea do I drink in the morning?", "You drink lapsang souchong in the morning."),
    ("On which day do I go rowing?", "You go rowing on Thursdays."),
)
PASTED = ("Where is the key to the boathouse?", "The key to the boathouse hangs behind the noticeboard.")
ASKED = ("What is the name of my dog?", "What is the name of my boat?")


def made_home() -> None:
    """Teaches and learns three times, as a user would; the third update was pasted, so it waits for approval."""
    with Runtime.open() as runtime:
        runtime.change_setting("limits", "minutes_between_updates", "0")
        for text in REMEMBERED:
            runtime.remember(text, Origin.TYPED)
        turn = runtime.ask(Ask(CORRECTED[0]))
        runtime.correct(turn.id, CORRECTED[1])
        runtime.learn(now=True)
        runtime.teach([lesson(*one) for one in TAUGHT])
        runtime.learn(now=True)
        runtime.teach([lesson(*PASTED).made_from(Origin.PASTED)])
        runtime.learn(now=True)


async def pictures() -> None:
    """Asks in the chat, goes through the screens, and writes a picture of each."""
    OUT.mkdir(exist_ok=True)
    app = EdgeSealApp(locate_home(), None)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        while not (isinstance(app.screen, ChatScreen) and app.screen.model_state == "ready"):
            await pilot.pause(0.2)
        chat = app.screen
        for number, prompt in enumerate(ASKED, start=1):
            chat.query_one("#prompt", PromptArea).insert(prompt)
            await pilot.press("enter")
            while len(views := list(chat.query(TurnView))) < number or views[-1].turn is None:
                await pilot.pause(0.2)
        await pilot.press("ctrl+l", "escape")
        await pilot.pause(1.0)
        write(app, "chat")
        for key, name in (("f3", "updates"), ("f5", "memory"), ("f6", "monitor"), ("f7", "models"), ("f8", "settings")):
            await pilot.press(key)
            await pilot.pause(2.0)
            write(app, name)


def write(app: EdgeSealApp, name: str) -> None:
    """The screen as it is now."""
    path = OUT / f"{name}.svg"
    path.write_text(app.export_screenshot(title="Edge Seal"), encoding="utf-8")
    print(path)


def main() -> None:
    """Makes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="an existing home; it is asked, and nothing else is changed in it")
    options = parser.parse_args()
    os.environ.pop("NO_COLOR", None)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["EDGE_SEAL_HOME"] = options.home or directory
        if options.home is None:
            made_home()
        asyncio.run(pictures())


if __name__ == "__main__":
    main()
