"""A list above and what is under its cursor below, which takes all the room of a short terminal when it is read."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static


class DetailPane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """A text that is longer than the screen."""

    DEFAULT_CSS = """
    DetailPane { height: 1fr; border-top: solid $primary-muted; padding: 0 1; scrollbar-size-vertical: 1; }
    DetailPane:focus { border-top: solid $primary; }
    DetailPane > Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", id="detail.up", show=False),
        Binding("down,j", "scroll_down", "Down", id="detail.down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", id="detail.page_up", show=False),
        Binding("pagedown,ctrl+f,space", "page_down", "Page down", id="detail.page_down", show=False),
        Binding("home,g", "scroll_home", "Top", id="detail.top", show=False),
        Binding("end,G", "scroll_end", "Bottom", id="detail.bottom", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._shown = Static("", markup=False)  # made at once: what is read may come before this is composed

    def compose(self) -> ComposeResult:
        yield self._shown

    def show(self, content: Content, *, keep_place: bool = False) -> None:
        """Shows another text, from its beginning unless `keep_place`."""
        self._shown.update(content)
        if not keep_place:
            self.scroll_home(animate=False)

    @property
    def text(self) -> str:
        """What is shown, without its styles."""
        content = self._shown.content
        return content.plain if isinstance(content, Content) else str(content)


class TwoPanes(Vertical):
    """`first` above `detail`. `open_detail` gives the detail all the room of a short terminal; escape takes it back.

    The screen has the breakpoints `-short` and `-tall`.
    """

    SCOPED_CSS = False  # its breakpoints are the screen's
    DEFAULT_CSS = """
    TwoPanes { height: 1fr; }
    TwoPanes > .first { height: 2fr; }
    TwoPanes > DetailPane { height: 3fr; }
    .-short TwoPanes > .first { height: 1fr; }
    .-short TwoPanes > DetailPane { height: 1fr; }
    .-short TwoPanes.detailed > .first { display: none; }
    .-short TwoPanes.detailed > DetailPane { border-top: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l,right", "open_detail", "Detail", id="panes.detail", show=False),
        Binding("h,left,escape", "close_detail", "Back", id="panes.back", show=False),
    ]

    def __init__(self, first: Widget, focus: Widget) -> None:
        super().__init__()
        self._first = first
        self._focus = focus
        self.detail = DetailPane()

    def compose(self) -> ComposeResult:
        self._first.add_class("first")
        yield self._first
        yield self.detail

    def action_open_detail(self) -> None:
        """Gives the keys to the detail, and the room where there is little."""
        self.add_class("detailed")
        self.detail.focus()

    def action_close_detail(self) -> None:
        """Goes back to the list."""
        self.remove_class("detailed")
        self._focus.focus()
