"""Editors over the chat: one text that knows whether something was pasted into it, and a lesson of two texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from edge_seal.labels import Origin
from edge_seal.tui.foreign import foreign
from edge_seal.tui.prompt_area import PromptArea, Written

_KEYS: list[BindingType] = [
    Binding("ctrl+s,f10", "keep", "Keep", id="edit.keep", priority=True),
    Binding("escape", "leave", "Cancel", id="edit.leave", priority=True),
]
_PASTED = "pasted: it will need your approval before it is learned"


class EditDialog(ModalScreen[Written | None]):
    """Asks for a text, with `text` (foreign) to begin with; None: the user left.

    Args:
        told: what it answers, shown above; foreign.
        keep: what keeping it does, in a word.
        selected: typing takes the place of `text`, an arrow key begins to edit it; else it is carried on at its end.
    """

    BINDINGS: ClassVar[list[BindingType]] = _KEYS

    def __init__(self, title: str, text: str, *, told: str = "", keep: str = "Keep", selected: bool = True) -> None:
        super().__init__()
        self._selected = selected
        self._heading = title
        self._text = text
        self._told = told
        self._keep = keep

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content(self._heading), markup=False, classes="dialog-title")
            if self._told:
                yield Static(foreign(self._told), markup=False, classes="dialog-told")
            yield PromptArea(self._text, sends=False, id="edited")
            yield Static("", markup=False, id="edited-origin")
            with Horizontal(classes="buttons"):
                yield Button(Content(f"{self._keep} (ctrl+s)"), id="keep", compact=True)
                yield Button(Content("Cancel (escape)"), id="leave", compact=True)

    def on_mount(self) -> None:
        area = self.query_one(PromptArea)
        area.focus()
        if self._selected:
            area.select_all()
        else:
            area.move_cursor(area.document.end)

    def on_prompt_area_origin_changed(self, event: PromptArea.OriginChanged) -> None:
        self.query_one("#edited-origin", Static).update(Content("" if event.origin is Origin.TYPED else _PASTED))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "keep":
            self.action_keep()
        else:
            self.action_leave()

    def action_keep(self) -> None:
        """Gives the text, if there is one."""
        written = self.query_one(PromptArea).written
        self.dismiss(written if written.text.strip() else None)

    def action_leave(self) -> None:
        """Gives nothing."""
        self.dismiss(None)


@dataclass(frozen=True, slots=True)
class WrittenLesson:
    """A question and the answer wanted for it."""

    prompt: Written
    answer: Written


class TeachDialog(ModalScreen[WrittenLesson | None]):
    """Asks for a lesson; None: the user left."""

    BINDINGS: ClassVar[list[BindingType]] = _KEYS

    def __init__(self, prompt: str = "") -> None:
        super().__init__()
        self._prompt = prompt

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Content("Teach"), markup=False, classes="dialog-title")
            yield Static(Content("When I ask:"), markup=False)
            yield PromptArea(self._prompt, sends=False, id="lesson-prompt")
            yield Static(Content("answer:"), markup=False)
            yield PromptArea(sends=False, id="lesson-answer")
            with Horizontal(classes="buttons"):
                yield Button(Content("Teach (ctrl+s)"), id="keep", compact=True)
                yield Button(Content("Cancel (escape)"), id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#lesson-answer" if self._prompt else "#lesson-prompt", PromptArea).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "keep":
            self.action_keep()
        else:
            self.action_leave()

    def action_keep(self) -> None:
        """Gives the lesson, if both texts are there."""
        prompt = self.query_one("#lesson-prompt", PromptArea).written
        answer = self.query_one("#lesson-answer", PromptArea).written
        if prompt.text.strip() and answer.text.strip():
            self.dismiss(WrittenLesson(prompt, answer))

    def action_leave(self) -> None:
        """Gives nothing."""
        self.dismiss(None)
