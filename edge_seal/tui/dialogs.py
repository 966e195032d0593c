"""What asks before something is done: yes or no, a line to type, one of several.

Each is answered by keys alone, by the mouse alone, and left by escape, which is always the harmless answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from edge_seal.tui.foreign import foreign, foreign_line

_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{
    width: 90%; max-width: 100; height: auto; max-height: 90%;
    border: round $primary; padding: 0 1; background: $surface;
}}
{name} #title {{ text-style: bold; }}
{name} #told {{ height: auto; max-height: 16; }}
{name} Horizontal {{ height: auto; }}
{name} Button {{ margin: 0 1 0 0; height: 1; min-width: 12; border: none; }}
{name} OptionList {{ height: auto; max-height: 12; border: none; }}
"""


class AskDialog(ModalScreen[bool]):
    """Asks whether to go on: `title` is the question, `told` (foreign text) what it would do."""

    DEFAULT_CSS = _CSS.format(name="AskDialog")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="ask.yes"),
        Binding("n,escape", "answer(False)", "No", id="ask.no"),
    ]

    def __init__(self, title: str, told: str = "", *, yes: str = "Yes") -> None:
        super().__init__()
        self._question = title
        self._told = told
        self._yes = yes

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign_line(self._question), id="title", markup=False)
            with VerticalScroll(id="told", can_focus=False):
                yield Static(foreign(self._told), markup=False)
            with Horizontal():
                yield Button(Content(f"{self._yes} (y)"), id="yes", compact=True)
                yield Button(Content("No (n)"), id="no", compact=True)

    def on_mount(self) -> None:
        # Enter on a question that was not read does nothing.
        self.query_one("#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:  # noqa: FBT001  # from the binding
        self.dismiss(answer)


class LineDialog(ModalScreen[str | None]):
    """Asks for one line, a file name above all; None: the user left."""

    DEFAULT_CSS = _CSS.format(name="LineDialog")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Cancel", id="ask.leave")]

    def __init__(self, title: str, told: str = "", *, value: str = "") -> None:
        super().__init__()
        self._question = title
        self._told = told
        self._value = value

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign_line(self._question), id="title", markup=False)
            if self._told:
                yield Static(foreign(self._told), markup=False)
            yield Input(self._value, compact=True)
            yield Static("enter: go on · escape: leave it", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        self.dismiss(None)


class ChoiceDialog(ModalScreen[str | None]):
    """Asks for one of `choices`, each an id and its words; None: the user left."""

    DEFAULT_CSS = _CSS.format(name="ChoiceDialog")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", id="ask.leave"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._question = title
        self._choices = tuple(choices)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(foreign_line(self._question), id="title", markup=False)
            yield OptionList(*(Option(foreign_line(words)) for _, words in self._choices), markup=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index][0])

    def action_move(self, rows: int) -> None:
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_leave(self) -> None:
        self.dismiss(None)
