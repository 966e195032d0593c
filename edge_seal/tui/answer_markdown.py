"""Markdown of a text that this program did not write: formatted, with nothing in it that acts.

Invariants: no link can be clicked, a link is its words and its address; no picture is loaded, its words and its address
are shown; HTML is text; what a character reference stands for passes the sanitizer like everything else.
"""

from __future__ import annotations

import asyncio
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.widgets import Markdown

from edge_seal.plain_text import PlainTextStream, plain_text

FRAME_S: Final = 0.08
"""How long what arrives is gathered before it is shown: a dozen times a second is smooth, and costs as often."""
_SEGMENT_CHARACTERS: Final = 3000


def parser() -> MarkdownIt:
    """GitHub's Markdown, less what acts."""
    made = MarkdownIt("gfm-like", {"html": False, "linkify": False}).disable("linkify")
    made.core.ruler.push("inert", _inert)
    return made


class AnswerMarkdown(Markdown):
    """One text, shown whole or as it grows. What it is given has passed the sanitizer; what is made of it does here."""

    def __init__(self, markdown: str = "", *, classes: str | None = None) -> None:
        super().__init__(plain_text(markdown), parser_factory=parser, open_links=False, classes=classes)


class GrowingAnswer:
    """Feeds a text into Markdown widgets as it arrives, at most once a frame.

    A long text is carried on in a widget of its own after every few thousand characters, at an empty line where
    Markdown begins anew: so what a frame costs does not grow with what stands above.

    Args:
        first: the widget to begin with, empty.
    """

    def __init__(self, first: AnswerMarkdown) -> None:
        self._widget = first
        self._clean = PlainTextStream()
        self._waiting = ""
        self._in_widget = ""
        self._text: list[str] = []
        self._lock = asyncio.Lock()

    @property
    def text(self) -> str:
        """All that was shown or waits to be."""
        return "".join(self._text)

    def feed(self, piece: str) -> None:
        """Takes the next part of the raw text."""
        self._take(self._clean.feed(piece))

    def finish(self) -> None:
        """No more comes."""
        self._take(self._clean.finish())

    async def show(self) -> bool:
        """Puts what waits on the screen; gives whether there was anything."""
        async with self._lock:
            waiting, self._waiting = self._waiting, ""
            if not waiting:
                return False
            whole = self._in_widget + waiting
            cut = _place_to_cut(whole) if len(whole) > _SEGMENT_CHARACTERS else None
            if cut is None or cut <= len(self._in_widget):
                await self._widget.append(waiting)
                self._in_widget = whole
                return True
            await self._widget.append(whole[len(self._in_widget) : cut])
            after = AnswerMarkdown(classes=" ".join(self._widget.classes))
            await self._widget.parent.mount(after, after=self._widget)  # type: ignore[union-attr]  # it is on the screen
            self._widget, self._in_widget = after, whole[cut:]
            await after.append(self._in_widget)
            return True

    def _take(self, shown: str) -> None:
        if shown:
            self._waiting += shown
            self._text.append(shown)


def _place_to_cut(text: str) -> int | None:
    """Behind the last empty line of `text` that stands outside of code and lists, where a new document may begin."""
    best, at, fence = None, 0, False
    previous_empty = False
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        begins_afresh = bool(stripped) and not line[0].isspace() and stripped[0] not in "-*+>|`~0123456789"
        if previous_empty and begins_afresh and not fence:
            best = at
        if stripped.startswith(("```", "~~~")):
            fence = not fence
        previous_empty = not stripped
        at += len(line)
    return best


def _inert(state: StateCore) -> None:
    """Takes out of the parsed text what a widget would let act."""
    for token in state.tokens:
        token.content = plain_text(token.content)
        token.info = plain_text(token.info)
        if token.children is not None:
            token.children = _without_links(token.children)


def _without_links(children: list[Token]) -> list[Token]:
    kept: list[Token] = []
    addresses: list[tuple[str, int]] = []
    for child in children:
        child.content = plain_text(child.content)
        if child.type == "link_open":
            addresses.append((_address(child, "href"), len(kept)))
        elif child.type == "link_close":
            address, begun = addresses.pop()
            said = "".join(token.content for token in kept[begun:])
            if address and address.removeprefix("mailto:") != said:
                kept.append(_text(f" ({address})"))
        elif child.type == "image":
            said = "".join(token.content for token in child.children or ()) or child.content
            kept.append(_text(f"[picture: {plain_text(said)}] ({_address(child, 'src')})"))
        elif child.type == "html_inline":
            kept.append(_text(child.content))
        else:
            kept.append(child)
    return kept


def _address(token: Token, attribute: str) -> str:
    return plain_text(str(token.attrs.get(attribute, "")))


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
