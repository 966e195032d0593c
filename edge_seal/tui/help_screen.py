"""Help: what the screen is for, and its keys with the ids that the keymap file knows them by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from edge_seal.tui.answer_markdown import AnswerMarkdown


class KeyLine(NamedTuple):
    """A key as it is now, what it does, and the id it has in the keymap file."""

    key: str
    does: str
    id: str


class HelpScreen(ModalScreen[None]):
    """Shows `text` (Markdown) and the keys; any of the keys that open it closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1,question_mark,enter", "leave", "Close", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]

    def __init__(self, text: str, keys: Sequence[KeyLine]) -> None:
        super().__init__()
        self._text = text
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog help"):
            with VerticalScroll(id="help-body"):
                yield AnswerMarkdown(self._text)
                yield Static(self._table(), markup=False)
            yield Static(Content("escape closes"), markup=False, classes="dialog-foot")

    def on_mount(self) -> None:
        self.query_one("#help-body").focus()

    def _table(self) -> Content:
        width = max((len(line.key) for line in self._keys), default=0)
        does = max((len(line.does) for line in self._keys), default=0)
        lines = [
            Content.assemble((f"{line.key:<{width}}", "bold"), f"  {line.does:<{does}}  ", (line.id, "dim"))
            for line in self._keys
        ]
        return Content("\n").join(lines)

    def action_leave(self) -> None:
        """Closes the help."""
        self.dismiss(None)

    def action_scroll(self, rows: int) -> None:
        """Scrolls by rows."""
        self.query_one("#help-body").scroll_relative(y=rows, animate=False)
