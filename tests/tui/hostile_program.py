"""The interface on the terminal it is started on, walked through everything that shows text of others.

`python -m tests.tui.hostile_program ROOT ANSWERS REPORT`: ROOT holds the home (`hostile_home`), ANSWERS is a JSON list
of what the model says. REPORT gets what was shown; after `CONTROL` in the output the sanitizer is out of action.
"""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.pilot import Pilot

from edge_seal import plain_text
from edge_seal.adaptation.work import CycleReport
from edge_seal.errors import EdgeSealError, Refused
from edge_seal.records import Progress, Proposal, Turn
from edge_seal.runtime import Runtime
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.dialogs import AskDialog, ChoiceDialog, LineDialog
from edge_seal.tui.edit_dialog import EditDialog, TeachDialog
from edge_seal.tui.messages import LearningEnded, LearningProgress
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.welcome_screen import WelcomeScreen
from tests.support.scripted_engine import ScriptedEngine
from tests.tui.chat_scene import Scene
from tests.tui.hostile_home import hostile_home
from tests.tui.hostile_texts import MARK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from edge_seal.engines.engine import Piece, Sampling
    from edge_seal.runtime import Ask

CONTROL = "\x1b[0m" * 7
"""Written where the control begins; the interface writes no such thing."""
TOLD = f"told \x1b]52;c;{MARK}\x07\x1b[{MARK}A\x9b{MARK}A\u202e end"


class Saying(ScriptedEngine):
    """Says sequences a character at a time, so that each is cut everywhere, and other texts in longer pieces."""

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, reuse_prefix: bool = False) -> Iterator[Piece]:
        self._cut = 1 if self._answers[0].startswith("begin0 ") else 24
        return super().generate(prompt, sampling, reuse_prefix=reuse_prefix)


class HostileApp(EdgeSealApp):
    """Everything of the application, its model saying what it is told to, each answer with hostile notices."""

    def __init__(self, root: Path, answers: list[str]) -> None:
        super().__init__(hostile_home(root), None)
        self._answers = answers
        asked = self.desk.ask

        async def ask(ask: Ask, on_piece: Callable[[str], object]) -> Turn:
            turn = await asked(ask, on_piece)
            return replace(turn, notices=(f"notice {TOLD}",), proposed=(Proposal("p9", f"noted {TOLD}", "", None, ""),))

        self.desk.ask = ask  # what the runtime says beside an answer

    async def _begin(self) -> None:
        def scripted(runtime: Runtime) -> None:
            runtime.__dict__["engine"] = Saying(self._answers)

        await self.desk.call(scripted)
        await super()._begin()


class Walk(Scene):
    """One walk through the screens. `shown` are the words that were on the screen."""

    def __init__(self, app: EdgeSealApp, pilot: Pilot[None]) -> None:
        super().__init__(app, pilot)
        self.shown: list[str] = []

    async def sees(self, *words: str) -> None:
        for word in words:
            await self.says(word)
            self.shown.append(word)

    async def screen(self, mode: str) -> None:
        self.app.action_go(mode)
        await self.until(lambda: isinstance(self.app.screen, DeskScreen) and mode == self.app.screen.MODE, mode)

    async def dialog(self, kind: type[object], *words: str) -> None:
        """Waits for a dialog that says `words`, and leaves it."""
        await self.until(lambda: isinstance(self.app.screen, kind), kind.__name__)
        await self.sees(*words)
        await self.press("escape")
        await self.until(lambda: isinstance(self.app.screen, DeskScreen), "the screen below")

    async def reads(self, *words: str) -> None:
        """Goes through the detail pane until each of the words was on the screen."""
        await self.press("l")
        left = list(words)
        for _ in range(40):
            found = [word for word in left if word in self.text()]
            self.shown += found
            left = [word for word in left if word not in found]
            if not left:
                break
            await self.press("pagedown")
            await asyncio.sleep(0.02)
        assert not left, f"{left} of\n{self.detail}"
        await self.press("escape")


async def walk(app: HostileApp, pilot: Pilot[None]) -> list[str]:
    """Looks at every widget that shows text of others; gives the words by which each was known."""
    on = Walk(app, pilot)
    await on.sees("called", "theme0")
    await on.until(lambda: isinstance(app.screen, ChatScreen) and app.screen.model_state == "ready", "a model")
    await _chat(on, len(app._answers))
    await _updates(on)
    await on.screen("review")
    await on.sees("why")
    await on.press("G")
    await on.until(lambda: "rule" in on.detail, "what was said in passing")
    await on.sees("proposal", "rule")
    await on.press("k")
    await on.until(lambda: "contradict" in on.detail, "two memories")
    await on.sees("memory")
    await on.press("a")
    await on.dialog(ChoiceDialog, "memory")
    await _memory(on)
    await on.screen("monitor")
    await on.sees("alert0")
    await on.screen("models")
    await on.says("other")
    for _ in range(4):
        if "title" not in on.text():
            await on.press("j")
    await on.sees("title", "licence")
    await on.screen("settings")
    await on.sees("home ")
    app.push_screen(WelcomeScreen(app.desk.home, (f"model {TOLD}",)))
    await on.dialog(WelcomeScreen, "model told", "home ")
    await _told(on)
    return on.shown


async def _chat(on: Walk, answers: int) -> None:
    for number in range(answers):
        view = await on.send(f"say it {number}")
        await on.sees("notice told", "noted told")
        assert view.turn is not None
        # Nothing that follows a sequence is swallowed by it, whatever it was cut into.
        written = view.answer_text
        for at in range(written.count("begin") if written.startswith("begin0 ") else 0):
            assert f"begin{at} " in written, f"begin{at} of answer {number}:\n{written}"
            assert f"·end{at}" in written, f"end{at} of answer {number}:\n{written}"
        await on.press("escape", "y", "c")
        await on.dialog(EditDialog, "What it should have said", f"say it {number}")
        await on.press("i")
        # Else every answer is arranged together with all before it.
        on.chat.action_new()
        await on.until(lambda: not on.turns, "an empty conversation")
    on.prompt.put(type(on.prompt.written)(f"/teach lesson {TOLD}", on.prompt.origin))
    await on.press("enter")
    await on.dialog(TeachDialog, "lesson told")
    for number in range(3):
        await on.press("f12", "end", *["up"] * number, "enter")
        await on.until(lambda: bool(on.turns) and "You, pasted: asked" in on.text(), "a conversation")
        await on.sees("asked", "answer", "title")
    await on.press("f12", "r")
    await on.dialog(LineDialog, "title")
    await on.press("d")
    await on.dialog(AskDialog, "title")


async def _updates(on: Walk) -> None:
    await on.screen("updates")
    await on.sees("why")
    await on.until(lambda: "Audit trail" in on.detail, "the detail")
    await on.reads(
        "why", "risk", "measure", "probe", "before", "after", "wanted", "example", "maker", "verdict", "setting",
        "value", "limit", "trail",
    )  # fmt: skip
    await on.press("e")
    await on.dialog(ChoiceDialog, "Export")
    on.app.tell(LearningProgress(Progress("train", 1, 2, f"note {TOLD}", 0.5), (0.7, 0.5), 1.0))
    await on.sees("note told")
    on.app.tell(LearningEnded(error=EdgeSealError(f"ended {TOLD}", next_step=f"step {TOLD}")))
    await on.sees("ended told", "step told")
    on.app.tell(LearningEnded(report=CycleReport(None, None, reasons=(f"reason {TOLD}",))))
    await on.sees("reason told")


async def _memory(on: Walk) -> None:
    await on.screen("memory")
    await on.sees("memory")
    await on.until(lambda: "Where it comes from" in on.detail, "the detail")
    await on.reads("memory", "source")
    await on.press("e")
    await on.dialog(EditDialog, "memory")
    await on.press("d")
    await on.dialog(AskDialog, "memory")
    await on.press("s")
    await on.dialog(ChoiceDialog, "source")
    await on.press("p")
    await on.dialog(ChoiceDialog, "proposal")
    await on.press("t")
    await on.dialog(ChoiceDialog, "memory")


async def _told(on: Walk) -> None:
    """What the screens say of errors and in passing."""
    screen = on.app.screen
    assert isinstance(screen, DeskScreen)
    screen.tell_error(Refused(f"refused {TOLD}", reasons=(f"because {TOLD}",), next_step=f"then {TOLD}"))
    screen.tell_note(f"noted {TOLD}\nline {TOLD}")
    on.app.tell_problem(EdgeSealError(f"problem {TOLD}", next_step=f"after {TOLD}"))
    await on.sees("refused told", "because told", "then told", "noted told", "line told", "problem told", "after told")


async def control(app: HostileApp, pilot: Pilot[None]) -> None:
    """The same without the sanitizer, in little: what is told, and what is stored."""
    app.clear_notifications()
    plain_text.__dict__["_shown"] = lambda text, **_: (text, "")
    on = Walk(app, pilot)
    assert app._driver is not None
    app._driver.write(CONTROL)
    await on.screen("memory")
    await on.press("v")
    await on.sees("memory")
    assert isinstance(app.screen, DeskScreen)
    app.screen.tell_note(f"noted {TOLD}")
    await on.sees("noted told")


def main() -> None:
    """Walks, and says how it was."""
    root, answers, report = (Path(argument) for argument in sys.argv[1:4])
    app = HostileApp(root, json.loads(answers.read_text(encoding="utf-8")))
    told: dict[str, object] = {}

    async def pilot(pilot: Pilot[None]) -> None:
        try:
            told["shown"] = await walk(app, pilot)
            await control(app, pilot)
        except Exception:  # noqa: BLE001  # whatever it is, the other process has to be told
            told["problem"] = traceback.format_exc()
        app.exit()

    app.run(auto_pilot=pilot)  # pyright: ignore[reportArgumentType]  # the pilot of any application
    if app.crash is not None:
        told["problem"] = "".join(traceback.format_exception(app.crash))
    report.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
