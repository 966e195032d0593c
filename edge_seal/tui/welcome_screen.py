"""The first start: what this is, what is stored where, and the model fetched with progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, ProgressBar, Static

from edge_seal.errors import EdgeSealError
from edge_seal.tui.bars import app_of
from edge_seal.tui.foreign import foreign, one_line

if TYPE_CHECKING:
    from edge_models.store import PullProgress
    from edge_seal.home import Home


def size_words(progress: PullProgress) -> str:
    """How much of a file is here, in MiB or for a small one in KiB."""
    small = max(progress.total_bytes or 0, progress.done_bytes) < 1 << 20
    shift, unit = (10, "KiB") if small else (20, "MiB")
    of = f" of {progress.total_bytes >> shift}" if progress.total_bytes else ""
    return f"{progress.done_bytes >> shift}{of} {unit}"


class WelcomeScreen(ModalScreen[bool]):
    """Says what there is to know, and fetches `missing` models if the user wants. True: they are here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        Binding("enter", "go", "Go on", show=False),
    ]

    def __init__(self, home: Home, missing: Sequence[str]) -> None:
        super().__init__()
        self._home = home
        self._missing = tuple(missing)
        self._fetching = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content("Welcome to Edge Seal"), markup=False, classes="dialog-title")
            with VerticalScroll(classes="dialog-told"):
                yield Static(foreign(self._words()), markup=False)
            yield Static("", markup=False, id="fetching")
            yield ProgressBar(show_eta=False, id="fetched")
            with Horizontal(classes="buttons"):
                words = "Fetch the model (enter)" if self._missing else "Begin (enter)"
                yield Button(Content(words), id="go", compact=True)
                yield Button(Content("Later (escape)" if self._missing else "Close (escape)"), id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one(ProgressBar).display = False
        self.query_one("#go", Button).focus()

    def _words(self) -> str:
        about = (
            "An assistant that lives on this machine. It remembers what you tell it, and learns from what you correct. "
            "What it learned can be seen and taken back."
        )
        lines = [
            about,
            "",
            "Nothing leaves this machine."
            + (
                f" Only fetching a model opens a connection, once: {', '.join(self._missing)}." if self._missing else ""
            ),
            "",
            f"conversations, memory  {self._home.data}",
            f"settings, keys         {self._home.config}",
            f"locks and logs         {self._home.state}",
            f"can be made anew       {self._home.cache}",
            "",
            "Deleting these directories deletes all of it; `edge-seal encrypt` encrypts it.",
        ]
        return "\n".join(lines)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "go":
            self.action_go()
        else:
            self.action_leave()

    def action_go(self) -> None:
        """Fetches what is missing, or begins."""
        if not self._missing:
            self.dismiss(True)
        elif not self._fetching:
            self._fetching = True
            self.run_worker(self._fetch)

    def action_leave(self) -> None:
        """Closes it; what is being fetched stops, and goes on from there another time."""
        if self._fetching:
            app_of(self).desk.stop_long()
        self.dismiss(not self._missing)

    async def _fetch(self) -> None:
        self.query_one(ProgressBar).display = True
        try:
            await app_of(self).desk.long(
                lambda runtime, heard: runtime.pull_models(self._missing, heard), self._show_progress
            )
        except EdgeSealError as error:
            self._fetching = False
            if self.is_attached:
                self.query_one(ProgressBar).display = False
                words = one_line(error.message) + (f" · next: {one_line(error.next_step)}" if error.next_step else "")
                self._tell(words, failed=True)
        else:
            if self.is_attached:
                self.dismiss(True)

    def _tell(self, words: str, *, failed: bool = False) -> None:
        line = self.query_one("#fetching", Static)
        line.set_class(failed, "failed")
        line.update(Content(words))

    def _show_progress(self, model: str, progress: PullProgress) -> None:
        if not self.is_attached:
            return
        words = f"{progress.phase} {size_words(progress)} · {one_line(model)}: {one_line(progress.file)}"
        self._tell(words)
        self.query_one(ProgressBar).update(total=progress.total_bytes, progress=progress.done_bytes)
