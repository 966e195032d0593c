"""The pictures of the interface, from the real application on real data: `python docs/screens.py [--home DIR]`.

Without a home it makes one: the default model is taught by corrections, learns, and is asked again; that takes some
minutes. Writes `docs/screens/NAME.svg`, dark, 110 by 32.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
from pathlib import Path

from textual.pilot import Pilot

from edge_seal.adaptation.signals import lesson
from edge_seal.home import locate_home
from edge_seal.records import Origin, SignalKind
from edge_seal.runtime import Ask, Runtime
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.prompt_area import PromptArea
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.turn_view import GivenView, TurnView

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
TAUGHT = ("Which tea do I drink in the morning?", "You drink lapsang souchong in the morning.")
PASTED = ("Where is the key to the boathouse?", "The key to the boathouse hangs behind the noticeboard.")
ASKED = ("What is the name of my dog?", "What is the name of my boat?")


def made_home() -> None:
    """Teaches and learns, as a user would; what the second update learned was pasted, so it waits for approval."""
    with Runtime.open() as runtime:
        runtime.change_setting("limits", "minutes_between_updates", "0")
        runtime.change_setting("limits", "seconds_per_update", "3600")  # a picture may be made on a busy machine
        for text in REMEMBERED:
            runtime.remember(text, Origin.TYPED)
        turn = runtime.ask(Ask(CORRECTED[0]))
        runtime.correct(turn.id, CORRECTED[1])
        runtime.teach([lesson(*TAUGHT)])
        runtime.learn(now=True)
        runtime.teach([lesson(*PASTED).made_from(Origin.PASTED)])
        runtime.learn(now=True)


async def pictures(directory: Path) -> None:
    """Asks in the chat, goes through the screens, and writes a picture of each into `directory`."""
    app = EdgeSealApp(locate_home(), None)
    async with app.run_test(size=SIZE) as pilot:
        while not (isinstance(app.screen, ChatScreen) and app.screen.model_state == "ready"):
            await pilot.pause(0.2)
        chat = app.screen
        for number, prompt in enumerate(ASKED, start=1):
            chat.query_one("#prompt", PromptArea).insert(prompt)
            await pilot.press("enter")
            while len(views := list(chat.query(TurnView))) < number or views[-1].turn is None:
                await pilot.pause(0.2)
        await pilot.press("ctrl+l")  # the memories of the last answer
        while not chat.query(GivenView):
            await pilot.pause(0.2)
        await settled(app, pilot)
        write(app, directory / "chat.svg")
        await pilot.press("f12", "end", "enter")  # the conversation that was corrected before
        while not any(SignalKind.CORRECTION in view.said for view in chat.query(TurnView)):
            await pilot.pause(0.2)
        await pilot.press("escape")
        await settled(app, pilot)
        write(app, directory / "correction.svg")
        for key, name, then in (
            ("f3", "updates", ("j",)),
            ("f4", "review", ()),
            ("f5", "memory", ()),
            ("f6", "monitor", ()),
        ):
            await pilot.press(key)
            while not (isinstance(app.screen, DeskScreen) and name == app.screen.MODE):
                await pilot.pause(0.2)
            await pilot.pause(1.0)
            await pilot.press(*then)
            await settled(app, pilot)
            write(app, directory / f"{name}.svg")


async def settled(app: EdgeSealApp, pilot: Pilot[None]) -> None:
    """Waits until what is shown no longer changes."""
    before, now = "", picture(app)
    while before != now:
        await pilot.pause(1.0)
        before, now = now, picture(app)


def picture(app: EdgeSealApp) -> str:
    """The screen as it is now, with the fonts of whoever looks at it: a picture fetches nothing."""
    drawn = app.export_screenshot(title="Edge Seal")
    drawn = drawn.replace("<text ", '<text xml:space="preserve" ')  # some viewers drop what a part begins with
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)


def write(app: EdgeSealApp, path: Path) -> None:
    """Keeps the screen as it is now."""
    path.write_text(picture(app), encoding="utf-8")
    print(path.name)


def main() -> None:
    """Makes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="an existing home; it is asked, and nothing else is changed in it")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    os.environ.pop("NO_COLOR", None)
    with tempfile.TemporaryDirectory() as directory:
        os.environ["EDGE_SEAL_HOME"] = options.home or directory
        if options.home is None:
            made_home()
        options.out.mkdir(exist_ok=True)
        asyncio.run(pictures(options.out))


if __name__ == "__main__":
    main()
