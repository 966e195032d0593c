"""An answer on the screen while it is written, however long it becomes.

Invariant: what a frame costs does not grow with what stands above. A Markdown widget is carried on in another after
every few thousand characters, where Markdown may begin anew; what stands above is drawn from lines that are kept, one
widget for each part, whose blocks are hidden and are neither arranged nor parsed again until the answer is whole.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from textual._compositor import Compositor  # what a widget looks like beyond the screen is told nowhere else
from textual.events import Resize
from textual.strip import Strip
from textual.theme import Theme
from textual.widget import Widget

from edge_seal.plain_text import PlainTextStream
from edge_seal.tui.answer_markdown import AnswerMarkdown

_PART_CHARACTERS: Final = 1200
_LIST_CHARACTERS: Final = 300
"""A list is made anew as a whole with each word, of several widgets an entry; where it is cut cannot be seen."""
_FENCE: Final = re.compile(r" {0,3}(?P<marks>`{3,}|~{3,})(?P<info>.*)")
_ITEM: Final = re.compile(r"(?:[-*+]|[0-9]{1,9}[.)]) ")


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
        self._text: list[str] = []
        self._above: list[AnswerMarkdown] = []
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
        parent = self._widget.parent
        self._above.clear()
        for lines in () if parent is None else parent.query_children(KeptLines):
            lines.give_way()

    async def show(self) -> bool:
        """Puts what waits on the screen; gives whether there was anything."""
        async with self._lock:
            self._keep_lines()
            waiting, self._waiting = self._waiting, ""
            if not waiting:
                return False
            whole = self._in_widget + waiting
            cut = place_to_cut(whole, len(self._in_widget)) if len(whole) > _LIST_CHARACTERS else None
            if cut is None or (len(whole) <= _PART_CHARACTERS and not cut.in_list):
                await self._widget.append(waiting)
                self._in_widget = whole
            else:
                await self._carry_on(whole, cut)
            return True

    async def _carry_on(self, whole: str, cut: Cut) -> None:
        """Ends the widget at the cut, and begins another with what stands behind it."""
        before = self._widget
        await before.append(whole[len(self._in_widget) : cut.at])
        after = AnswerMarkdown(classes="answer")
        before.add_class("apart" if cut.apart else "ends-open")
        after.set_class(not cut.apart, "begins-open")
        await before.parent.mount(after, after=before)  # type: ignore[union-attr]  # it is on the screen
        self._above.append(before)
        self._widget, self._in_widget = after, cut.opening + whole[cut.at :]
        await after.append(self._in_widget)

    def _keep_lines(self) -> None:
        """Puts kept lines in place of the parts above that have been laid out since."""
        while self._above and (lines := kept_lines(self._above[0])) is not None:
            part = self._above.pop(0)
            part.display = False
            part.parent.mount(lines, after=part)  # type: ignore[union-attr]  # it is on the screen

    def _take(self, shown: str) -> None:
        if shown:
            self._waiting += shown
            self._text.append(shown)


class KeptLines(Widget):
    """What `part`, which is hidden meanwhile, looked like: one widget, however many blocks that has."""

    DEFAULT_CSS = "KeptLines { width: 1fr; }"

    def __init__(self, part: AnswerMarkdown, lines: list[Strip], width: int) -> None:
        super().__init__()
        self._part = part
        self._lines = lines
        self._width = width
        self.styles.height = len(lines)
        self.styles.margin = part.styles.margin

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._theme_changed)  # pyright: ignore[reportUnknownMemberType]

    def on_resize(self, event: Resize) -> None:
        if event.size.width != self._width:
            self.give_way()

    def _theme_changed(self, _: Theme) -> None:
        self.give_way()

    def give_way(self) -> None:
        """The blocks are shown again; these lines hold no more."""
        self._part.display = True
        self.remove()

    def render_line(self, y: int) -> Strip:
        return self._lines[y] if y < len(self._lines) else Strip.blank(self._width)


def kept_lines(part: AnswerMarkdown) -> KeptLines | None:
    """`part` as it looks now; None while it is not laid out as it is."""
    size = part.size
    if not part.is_mounted or size.width == 0:
        return None
    height = part.get_content_height(part.container_size, part.screen.size, size.width)
    if height != size.height:
        return None
    compositor = Compositor()
    compositor.reflow(part, size)
    return KeptLines(part, compositor.render_strips(size), size.width)


# Where a text may be cut ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cut:
    """A place in a Markdown text behind which a new document may begin and look like the old one carried on.

    Attributes:
        at: the character it lies before.
        opening: what the new document has to begin with: the line that opens the code that is cut.
        apart: an empty line stands there.
        in_list: it lies before an entry of a list.
    """

    at: int
    opening: str = ""
    apart: bool = False
    in_list: bool = False


def place_to_cut(text: str, least: int) -> Cut | None:
    """The last place behind `least` where `text` may be cut: between blocks, entries of a list, or lines of code."""
    best: Cut | None = None
    at = 0
    opening, marks = "", ""
    previous = ""
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        closes = fence is not None and bool(marks) and fence["marks"].startswith(marks) and not fence["info"].strip()
        if at > least:
            empty_before = not previous.strip()
            if marks:
                can = not closes and opening[:1] in "`~" and previous != opening
                best = Cut(at, opening) if can else best
            elif _ITEM.match(line) is not None:
                # Between entries, or behind an empty line; a line that only looks like one may go on a paragraph.
                is_list = empty_before or _ITEM.match(previous) is not None or previous[:1] == " "
                best = Cut(at, apart=empty_before, in_list=True) if is_list else best
            elif empty_before and line.strip() and line[0] not in " \t>|`~-*+0123456789":
                best = Cut(at, apart=True)
        if closes:
            opening, marks = "", ""
        elif fence is not None and not marks:
            opening, marks = line, fence["marks"]
        previous = line
        at += len(line)
    return best
