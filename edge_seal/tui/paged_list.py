"""A list of as many rows as there are, of which only those on the screen are read and drawn.

The owner gives `fetch`, which gives rows by place; pages that come into view are asked for, drawn when they are there,
and thrown away when the list is reloaded. Every cell passes the sanitizer, and the row of the cursor is marked by a
sign, not by its colour alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from edge_seal.tui.foreign import one_line

Item = TypeVar("Item")

PAGE: Final = 100
"""Rows that are asked for at once."""
STOPPED_S: Final = 0.1
"""So long the cursor has to stay before an owner reads more about its row."""
_MARK: Final = "▶ "
_NO_MARK: Final = "  "
_MOST_CHARACTERS: Final = 400


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column: its title, its width in cells (0: what the others leave), and what it shows of an item."""

    title: str
    width: int
    text: Callable[[Item], str]


class PagedList(ScrollView, Generic[Item], can_focus=True, inherit_bindings=False):
    """Rows with a cursor.

    Args:
        columns: from left to right.
        fetch: gives the items from `offset` on, at most `limit`; None where they could not be read (it was told then).
    """

    DEFAULT_CSS = """
    PagedList {
        height: 1fr;
        background: $surface;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
    }
    PagedList > .paged-list--head { text-style: bold; color: $text-muted; }
    PagedList > .paged-list--cursor { text-style: bold; background: $primary-muted; }
    PagedList:focus > .paged-list--cursor { text-style: bold reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"paged-list--head", "paged-list--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="list.up", show=False),
        Binding("down,j", "move(1)", "Down", id="list.down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", id="list.page_up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", id="list.page_down", show=False),
        Binding("home,g", "go_to(0)", "First", id="list.first", show=False),
        Binding("end,G", "go_to(-1)", "Last", id="list.last", show=False),
        Binding("enter", "open", "Open", id="list.open", show=False),
    ]

    cursor: reactive[int] = reactive(0, init=False)

    class Moved(Message):
        """The cursor is on another row, or on another item: see `current`."""

        def __init__(self, source: PagedList[Item]) -> None:
            super().__init__()
            self.source = source

        @property
        def control(self) -> PagedList[Item]:
            return self.source

    class Opened(Moved):
        """The row of the cursor was chosen by enter or a second click."""

    def __init__(
        self,
        columns: Sequence[Column[Item]],
        fetch: Callable[[int, int], Awaitable[Sequence[Item] | None]],
        *,
        empty: str,
        id: str | None = None,  # noqa: A002  # Textual's name
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._fetch = fetch
        self._empty = empty
        self._total = 0
        self._is_read = False  # until then it does not say that there is nothing
        self._pages: dict[int, tuple[Item, ...]] = {}
        self._asked: set[int] = set()
        self._generation = 0

    # What it holds --------------------------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many rows there are."""
        return self._total

    @property
    def current(self) -> Item | None:
        """The item under the cursor; None where there is none or it is not read yet."""
        return self.item(self.cursor)

    def item(self, index: int) -> Item | None:
        """The item in this place; None where it is not read yet."""
        page = self._pages.get(index // PAGE)
        place = index % PAGE
        return page[place] if page is not None and place < len(page) else None

    def reload(self, total: int, *, to_top: bool = False) -> None:
        """Reads everything anew that is looked at; there are `total` rows now."""
        self._generation += 1
        self._total = total
        self._is_read = True
        self._pages.clear()
        self._asked.clear()
        self.virtual_size = Size(0, total + 1)
        if to_top:
            self.scroll_to(y=0, animate=False, immediate=True)
        self.set_reactive(PagedList.cursor, 0 if to_top else max(0, min(self.cursor, total - 1)))
        self.refresh()
        if total == 0:
            self.post_message(self.Moved(self))
        else:
            self._want(self.cursor // PAGE)

    def show_columns(self, columns: Sequence[Column[Item]]) -> None:
        """Draws other columns of the same items."""
        self._columns = tuple(columns)
        self.refresh()

    def _want(self, page: int) -> None:
        if page in self._pages or page in self._asked or not 0 <= page * PAGE < self._total:
            return
        self._asked.add(page)
        self.run_worker(partial(self._read, page, self._generation), group="pages", exit_on_error=True)

    async def _read(self, page: int, generation: int) -> None:
        items = await self._fetch(page * PAGE, PAGE)
        if generation != self._generation or items is None:
            return
        self._pages[page] = tuple(items)
        self.refresh()
        if self.cursor // PAGE == page:
            self.post_message(self.Moved(self))

    # Moving ---------------------------------------------------------------------------------------------------

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self._total - 1))

    def watch_cursor(self, before: int, now: int) -> None:
        if before == now:
            return
        self.scroll_to_region(Region(0, now, 1, 2), animate=False, immediate=True, force=True)
        self.refresh()
        self._want(now // PAGE)
        if self.item(now) is not None:
            self.post_message(self.Moved(self))

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        self.cursor += pages * max(1, self.scrollable_content_region.height - 2)

    def action_go_to(self, index: int) -> None:
        self.cursor = index if index >= 0 else self._total - 1

    def action_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened(self))

    def on_click(self, event: events.Click) -> None:
        """The row under the pointer gets the cursor; clicked again it is opened."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0:
            return
        index = int(self.scroll_offset.y) + offset.y - 1
        if index >= self._total:
            return
        if index == self.cursor and event.chain > 1:
            self.action_open()
        self.cursor = index

    # Drawing --------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if y == 0:
            return self._strip([column.title for column in self._columns], self._style("paged-list--head"), width)
        index = int(self.scroll_offset.y) + y - 1
        plain = self.rich_style
        if index >= self._total:
            words = "" if self._total or y != 1 else self._empty if self._is_read else "reading …"
            return Strip([Segment(set_cell_size(f"{_NO_MARK}{words}", width), plain)])
        item = self.item(index)
        is_current = index == self.cursor
        style = self._style("paged-list--cursor") if is_current else plain
        if item is None:
            self._want(index // PAGE)
            return Strip([Segment(set_cell_size(f"{_NO_MARK}…", width), style)])
        cells = [one_line(column.text(item)[:_MOST_CHARACTERS]) for column in self._columns]
        return self._strip(cells, style, width, _MARK if is_current else _NO_MARK)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(name)

    def _strip(self, cells: Sequence[str], style: Style, width: int, mark: str = _NO_MARK) -> Strip:
        taken = sum(column.width for column in self._columns) + len(self._columns) - 1 + len(_MARK)
        rest = max(8, width - taken)
        parts = [_fitted(cell, column.width or rest) for cell, column in zip(cells, self._columns, strict=True)]
        return Strip([Segment(set_cell_size(mark + " ".join(parts), width), style)])


def _fitted(text: str, width: int) -> str:
    """`text` over exactly `width` cells, cut with an ellipsis."""
    return set_cell_size(text, width) if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"
