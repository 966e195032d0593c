"""Where the user writes: several lines, a history, and the mark of what was pasted.

Invariant: as soon as anything was pasted the whole text counts as pasted, however it is edited, until it is emptied;
emptying it also empties what undo could bring back. What the user writes teaches and commands; what was pasted does
neither by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS  # what a terminal sends is told nowhere else
from textual.binding import Binding, BindingType
from textual.events import Key, Paste
from textual.keys import Keys
from textual.message import Message
from textual.widgets import TextArea

from edge_seal.labels import Origin
from edge_seal.plain_text import plain_text

KEPT_PROMPTS: Final = 200
# The last three are the same keys as xterm tells them.
_NEW_LINE_KEYS: Final = frozenset({"ctrl+j", "shift+enter", "alt+enter", "ctrl+enter", "shift+\r", "alt+\r", "ctrl+\r"})
# What most terminals send for alt+enter; Textual takes it for escape and enter, which would send an unfinished text.
cast("dict[str, object]", ANSI_SEQUENCES_KEYS)["\x1b\r"] = (Keys.ControlJ,)


@dataclass(frozen=True, slots=True)
class Written:
    """A text and where it comes from."""

    text: str
    origin: Origin


class PromptArea(TextArea):
    """A text area that knows what was pasted into it. Enter sends; in an editor (`sends=False`) it begins a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+underscore", "undo", "Undo", id="text.undo", show=False),  # ctrl+z suspends, as in a shell
    ]

    @dataclass
    class Sent(Message):
        """The user pressed enter on a text that is not empty."""

        written: Written

    @dataclass
    class OriginChanged(Message):
        """From now on the text counts as this."""

        origin: Origin

    def __init__(self, text: str = "", *, sends: bool = True, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(plain_text(text), soft_wrap=True, compact=True, id=id, highlight_cursor_line=False)
        self._sends = sends
        self._origin = Origin.TYPED
        self._history: list[Written] = []
        self._at: int | None = None
        self._draft = Written("", Origin.TYPED)

    @property
    def origin(self) -> Origin:
        """`PASTED` as soon as anything was pasted, else `TYPED`."""
        return self._origin

    @property
    def written(self) -> Written:
        """What stands here."""
        return Written(self.text, self._origin)

    def put(self, written: Written) -> None:
        """Puts a text in place of what stands here; nothing of that can be brought back by undo."""
        self.load_text(plain_text(written.text))
        self.move_cursor(self.document.end)
        self._set_origin(written.origin)

    def remember(self, written: Written) -> None:
        """Adds to what the arrow keys bring back."""
        if not self._history or self._history[-1] != written:
            self._history.append(written)
            del self._history[:-KEPT_PROMPTS]
        self._at = None

    # Keys -----------------------------------------------------------------------------------------------------

    async def _on_key(self, event: Key) -> None:
        if event.key == "enter" and self._sends:
            event.stop()
            event.prevent_default()
            if self.text.strip():
                self.post_message(self.Sent(self.written))
            return
        if event.key in _NEW_LINE_KEYS:
            event.stop()
            event.prevent_default()
            self.insert("\n")
            return
        await super()._on_key(event)

    def action_cursor_up(self, select: bool = False) -> None:  # noqa: FBT001, FBT002  # Textual's form
        """Moves up; from the first line on into what was sent before."""
        if select or not self._sends or not self._steps_in_history("up"):
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:  # noqa: FBT001, FBT002  # the same
        """Moves down; from the last line on back to what was being written."""
        if select or not self._sends or not self._steps_in_history("down"):
            super().action_cursor_down(select)

    def _steps_in_history(self, key: str) -> bool:
        """Whether the key was used to go through what was sent before."""
        if key == "up" and self.cursor_at_first_line:
            if not self._history or self._at == 0:
                return self._at == 0
            if self._at is None:
                self._draft = self.written
            self._at = len(self._history) - 1 if self._at is None else self._at - 1
            self.put(self._history[self._at])
            return True
        if key == "down" and self.cursor_at_last_line and self._at is not None:
            self._at = self._at + 1 if self._at + 1 < len(self._history) else None
            self.put(self._draft if self._at is None else self._history[self._at])
            return True
        return False

    # What was pasted ------------------------------------------------------------------------------------------

    async def _on_paste(self, event: Paste) -> None:
        event.prevent_default()
        event.stop()
        self._paste(event.text)

    def action_paste(self) -> None:
        """Pastes what was copied here; it may be the model's words."""
        self._paste(self.app.clipboard)  # pyright: ignore[reportUnknownMemberType]  # generic in Textual

    def _paste(self, text: str) -> None:
        clean = plain_text(text.replace("\r\n", "\n").replace("\r", "\n"))
        if not clean or self.read_only:
            return
        self._set_origin(Origin.PASTED)
        result = self.replace(clean, *self.selection, maintain_selection_offset=False)
        self.move_cursor(result.end_location)
        self.focus()

    def on_text_area_changed(self) -> None:
        """An empty text was written by nobody."""
        if not self.text and self._origin is Origin.PASTED:
            self.history.clear()
            self._set_origin(Origin.TYPED)

    def _set_origin(self, origin: Origin) -> None:
        if origin is not self._origin:
            self._origin = origin
            self.set_class(origin is not Origin.TYPED, "pasted")
            self.post_message(self.OriginChanged(origin))
