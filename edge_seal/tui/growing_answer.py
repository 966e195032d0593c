"""An answer on the screen while it is written, however long it becomes.

Invariant: what a frame costs does not grow with what stands above. A Markdown widget is carried on in another after
every few thousand characters, where Markdown may begin anew; what stands above is drawn from lines that are kept, in
one widget; its blocks are hidden, and are neither arranged nor parsed again until the answer is whole.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Final

from rich.style import Style
from textual._compositor import Compositor  # what a widget looks like beyond the screen is told nowhere else
from textual.events import Resize
from textual.strip import Strip
from textual.theme import Theme
from textual.widget import Widget

from edge_seal.plain_text import PlainTextStream
from edge_seal.tui.answer_markdown import AnswerMarkdown

_PART_CHARACTERS: Final = 1200
_TABLE_CHARACTERS: Final = 500
"""A cell is a widget, and they are all arranged again with each new row."""
_FENCE: Final = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})(?P<info>.*)")
_ITEM: Final = re.compile(r"(?:(?P<bullet>[-*+])|(?P<number>[0-9]{1,9})(?P<delimiter>[.)])) ")
_RULED: Final = re.compile(r"\|(?:[ \t]*:?-+:?[ \t]*\|)+[ \t]*\n?")


class GrowingAnswer:
    """Feeds a text into Markdown widgets as it arrives, at most once a frame.

    Args:
        first: the widget to begin with, empty.
    """

    def __init__(self, first: AnswerMarkdown) -> None:
        self._widget = first
        self._clean = PlainTextStream()
        self._waiting = ""
        self._in_widget = ""
        self._number: int | None = None
        self._text: list[str] = []
        self._above: list[AnswerMarkdown] = []
        self._lines: KeptLines | None = None
        self._table: _CutTable | None = None
        self._tables: list[_CutTable] = []
        self._finished = False
        self._lock = asyncio.Lock()

    @property
    def text(self) -> str:
        """All that was shown or waits to be."""
        return "".join(self._text)

    def feed(self, piece: str) -> None:
        """Takes the next part of the raw text."""
        self._take(self._clean.feed(piece))

    def finish(self) -> None:
        """No more comes: after the next `show` every part is blocks again, which can be selected."""
        self._take(self._clean.finish())
        self._finished = True
        self._above.clear()
        self._lines = None
        parent = self._widget.parent
        for lines in () if parent is None else parent.query_children(KeptLines):
            lines.give_way()

    async def show(self) -> bool:
        """Puts what waits on the screen; gives whether there was anything."""
        async with self._lock:
            self._keep_lines()
            waiting, self._waiting = self._waiting, ""
            if waiting:
                await self._add(waiting)
            if self._finished:
                await self._join_tables()
            return bool(waiting)

    async def _add(self, waiting: str) -> None:
        whole = self._in_widget + waiting
        cut = place_to_cut(whole, len(self._in_widget), self._number)
        # A list is made anew as a whole with each word, of several widgets an entry, so an entry has a widget.
        least = 0 if cut is None or cut.in_list else _TABLE_CHARACTERS if cut.in_table else _PART_CHARACTERS
        if cut is None or len(whole) <= least:
            await self._widget.append(waiting)
            self._in_widget = whole
        else:
            await self._carry_on(whole, cut)

    async def _carry_on(self, whole: str, cut: Cut) -> None:
        """Ends the widget at the cut, and begins another with what stands behind it."""
        before = self._widget
        await before.append(whole[len(self._in_widget) : cut.at])
        after = AnswerMarkdown(classes="answer", first_number=cut.number)
        before.add_class("apart" if cut.apart else "ends-open")
        after.set_class(not cut.apart, "begins-open")
        await before.parent.mount(after, after=before)  # type: ignore[union-attr]  # it is on the screen
        self._above.append(before)
        self._note_table(before, after, whole, cut)
        self._widget, self._in_widget, self._number = after, cut.opening + whole[cut.at :], cut.number
        await after.append(self._in_widget)

    def _note_table(self, before: AnswerMarkdown, after: AnswerMarkdown, whole: str, cut: Cut) -> None:
        """Keeps in mind which parts are one table."""
        if self._table is not None:
            self._table.text += whole[len(self._table.head) : cut.at]
        elif cut.in_table:
            self._table = _CutTable(before, cut.opening, whole[: cut.at])
            self._tables.append(self._table)
        if self._table is not None and cut.in_table:
            self._table.others.append(after)
        else:
            self._table = None

    async def _join_tables(self) -> None:
        """Makes one table of each that was cut: its columns are as wide as all of its rows ask for."""
        if self._table is not None:
            self._table.text += self._in_widget[len(self._table.head) :]
            self._table = None
        for table in self._tables:
            for name in ("apart", "ends-open"):
                table.first.set_class(table.others[-1].has_class(name), name)
            await table.first.update(table.text)
            for other in table.others:
                await other.remove()
        self._tables.clear()

    def _keep_lines(self) -> None:
        """Puts kept lines in place of the parts above that have been laid out since."""
        if self._lines is not None and self._lines.has_given_way:
            self._above[:0] = self._lines.parts  # at another width they are kept anew
            self._lines = None
        while self._above and (lines := lines_of(self._above[0])) is not None:
            part = self._above.pop(0)
            part.display = False
            if self._lines is None or not self._lines.takes(part, lines):
                self._lines = KeptLines(part, lines)
                part.parent.mount(self._lines, after=part)  # type: ignore[union-attr]  # it is on the screen

    def _take(self, shown: str) -> None:
        if shown:
            self._waiting += shown
            self._text.append(shown)


@dataclass(slots=True)
class _CutTable:
    """A table in several widgets, each with its head.

    Attributes:
        text: what stands in them, with the head once.
    """

    first: AnswerMarkdown
    head: str
    text: str
    others: list[AnswerMarkdown] = field(default_factory=list[AnswerMarkdown])


class KeptLines(Widget):
    """What parts that follow each other, and are hidden meanwhile, looked like: one widget for them all."""

    DEFAULT_CSS = "KeptLines { width: 1fr; }"

    def __init__(self, part: AnswerMarkdown, lines: list[Strip]) -> None:
        super().__init__()
        self.parts = [part]
        self.has_given_way = False
        self._lines = lines
        self._width = part.size.width
        self._blank = Strip.blank(self._width, Style())
        self.styles.height = len(lines)
        self.styles.margin = part.styles.margin

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)  # pyright: ignore[reportUnknownMemberType]

    def on_resize(self, event: Resize) -> None:
        if event.size.width != self._width:
            self.give_way()

    def _theme_changed(self, _: Theme) -> None:
        self.give_way()

    def takes(self, part: AnswerMarkdown, lines: list[Strip]) -> bool:
        """Adds the part that follows; gives whether it could."""
        if self.has_given_way or part.size.width != self._width:
            return False
        self._lines += [self._blank] * self.styles.margin.bottom
        self._lines += lines
        self.parts.append(part)
        self.styles.height = len(self._lines)
        self.styles.margin = part.styles.margin
        return True

    def give_way(self) -> None:
        """The blocks are shown again; these lines hold no more."""
        if self.has_given_way:
            return
        self.has_given_way = True
        for part in self.parts:
            part.display = True
        self.remove()

    def render_line(self, y: int) -> Strip:
        return self._lines[y] if y < len(self._lines) else self._blank


def lines_of(part: AnswerMarkdown) -> list[Strip] | None:
    """`part` as it looks now; None while it is not laid out as it is."""
    size = part.size
    if not part.is_mounted or size.width == 0:
        return None
    height = part.get_content_height(part.container_size, part.screen.size, size.width)
    if height != size.height:
        return None
    compositor = Compositor()
    compositor.reflow(part, size)
    return compositor.render_strips(size)


# Where a text may be cut ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """A place in a Markdown text behind which a new document may begin and look like the old one carried on.

    Attributes:
        at: the character it lies before.
        opening: what the new document has to begin with: the line that opens the code that is cut.
        apart: an empty line stands there.
        in_list: it lies before an entry of a list.
        number: of that entry, whatever is written before it; None where the entries have none, or it is the first.
        in_table: it lies before a row of a table, which is one until it is joined again.
    """

    at: int
    opening: str = ""
    apart: bool = False
    in_list: bool = False
    number: int | None = None
    in_table: bool = False


def place_to_cut(text: str, least: int, number: int | None = None) -> Cut | None:
    """The last place behind `least` where `text` may be cut: between blocks, entries, rows, or lines of code.

    `number` is that of the entry that `text` begins with, where it is not the one that is written there.
    """
    best: Cut | None = None
    reader = _Reader(number)
    at = 0
    for line in text.splitlines(keepends=True):
        if at > least:
            best = reader.cut_before(line, at) or best
        reader.take(line)
        at += len(line)
    return best


class _Reader:
    """Goes through the lines of a Markdown text, and knows what the next one may belong to."""

    def __init__(self, number: int | None) -> None:
        self._previous = ""
        # Of the list that is open: what its entries begin with, and the number of the last one.
        self._list, self._number = "", None
        self._first_number = number
        # Of the code that is open: the line that opens it, and its marks.
        self._opening, self._marks = "", ""
        self._table_head = ""

    def cut_before(self, line: str, at: int) -> Cut | None:
        """The cut before `line`, which begins at the character `at`; None where it may not be cut."""
        previous = self._previous
        empty_before = not previous.strip()
        if self._marks:
            is_code = not self._closes(line) and self._opening[:1] in "`~" and previous != self._opening
            return Cut(at, self._opening) if is_code else None
        if self._table_head and line[:1] == "|":
            return None if _RULED.fullmatch(previous) else Cut(at, self._table_head, in_table=True)
        if (entry := _ITEM.match(line)) is not None:
            # Between entries, or behind an empty line; a line that only looks like one may go on a paragraph.
            if not (empty_before or _ITEM.match(previous) is not None or previous[:1] == " "):
                return None
            if _kind(entry) != self._list:
                return Cut(at, apart=True, in_list=True)
            return Cut(at, in_list=True, number=None if self._number is None else self._number + 1)
        begins = empty_before and bool(line.strip()) and line[0] not in " \t>|`~-*+0123456789"
        return Cut(at, apart=True) if begins else None

    def take(self, line: str) -> None:
        """Goes past `line`."""
        fence = _FENCE.match(line)
        if self._closes(line):
            self._opening, self._marks = "", ""
        elif fence is not None and not self._marks:
            self._opening, self._marks = line, fence["marks"]
        if line[:1] != "|":
            self._table_head = ""
        elif not (self._marks or self._table_head) and self._previous[:1] == "|" and _RULED.fullmatch(line) is not None:
            self._table_head = self._previous + line
        if not self._marks:
            self._take_entry(line)
        self._previous = line

    def _take_entry(self, line: str) -> None:
        entry = _ITEM.match(line)
        if entry is not None and _kind(entry) == self._list:
            self._number = None if self._number is None else self._number + 1
        elif entry is not None:
            self._list = _kind(entry)
            self._number = None if entry["number"] is None else self._first_number or int(entry["number"])
            self._first_number = None
        elif not self._previous.strip() and line.strip() and line[:1] not in " \t":
            self._list, self._number = "", None

    def _closes(self, line: str) -> bool:
        fence = _FENCE.match(line)
        is_end = fence is not None and fence["marks"].startswith(self._marks) and not fence["info"].strip()
        return bool(self._marks) and is_end


def _kind(entry: re.Match[str]) -> str:
    """What makes entries those of one list."""
    return str(entry["bullet"] or entry["delimiter"])
