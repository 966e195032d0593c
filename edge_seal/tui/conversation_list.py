"""The list of conversations beside the chat: newest first, searched as you type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from edge_seal.tui.foreign import one_line

TITLE_CELLS: Final = 19


@dataclass(frozen=True, slots=True)
class Listed:
    """A conversation in the list: `day` is when something was said in it last."""

    id: str
    title: str
    day: str


class ConversationList(Vertical):
    """Conversations by title. Posts what the user wants; whoever owns it does it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "want('new')", "New", id="conversations.new"),
        Binding("r", "want('rename')", "Rename", id="conversations.rename"),
        Binding("d,delete", "want('delete')", "Delete", id="conversations.delete"),
        Binding("slash", "search", "Search", id="conversations.search"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
        Binding("l", "want('open')", "Open", show=False),
    ]

    @dataclass
    class Wanted(Message):
        """`open`, `rename` or `delete` a conversation, or begin a `new` one."""

        does: str
        id: str | None

    @dataclass
    class Searched(Message):
        """What is typed into the search field changed."""

        query: str

    def compose(self) -> ComposeResult:
        yield Input(placeholder="search…", compact=True, id="conversation-search")
        yield OptionList(id="conversation-options", markup=False, compact=True)

    def show(self, conversations: Sequence[Listed], current: str | None) -> None:
        """Lists `conversations`, the current one marked."""
        options = self.query_one(OptionList)
        # Who is not in the list finds the cursor at what is open: that is what a key there is meant for.
        highlighted = self.highlighted if options.has_focus else None
        highlighted = highlighted or current or self.highlighted
        options.clear_options()
        options.add_options([Option(_line(item, current=item.id == current), id=item.id) for item in conversations])
        ids = [item.id for item in conversations]
        if highlighted in ids:
            options.highlighted = ids.index(highlighted)
        elif ids:
            options.highlighted = 0

    @property
    def highlighted(self) -> str | None:
        """The conversation under the cursor."""
        options = self.query_one(OptionList)
        return None if options.highlighted is None else options.get_option_at_index(options.highlighted).id

    @property
    def query_text(self) -> str:
        """What is searched for."""
        return self.query_one(Input).value

    def focus_list(self) -> None:
        """Puts the cursor into the list."""
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Wanted("open", event.option_id))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Searched(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_list()

    def action_want(self, does: str) -> None:
        """Says what the user wants of the conversation under the cursor."""
        self.post_message(self.Wanted(does, self.highlighted))

    def action_search(self) -> None:
        """Goes to the search field."""
        self.query_one(Input).focus()

    def action_move(self, rows: int) -> None:
        """Moves the cursor."""
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()


def _line(item: Listed, *, current: bool) -> Content:
    # By cells, not characters: a title of wide ones keeps the days in one column.
    words = one_line(item.title) or "(no title)"
    title = set_cell_size(words, TITLE_CELLS)
    if cell_len(words) > TITLE_CELLS:
        title = f"{set_cell_size(words, TITLE_CELLS - 1)}…"
    return Content.assemble("▸ " if current else "  ", title, (f" {item.day}", "dim"))
