"""Markdown of a text that this program did not write: formatted, with nothing in it that acts.

Invariants: no link can be clicked, a link is its words and its address; no picture is loaded, its words and its address
are shown; HTML is text; what a character reference stands for passes the sanitizer like everything else.
"""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Markdown
from textual.widgets._markdown import MarkdownBullet, MarkdownListItem, MarkdownOrderedList  # shown nowhere else
from textual.widgets.markdown import MarkdownBlock

from edge_seal.plain_text import plain_text

_NUMBER_CELLS: Final = len(" 99. ")
"""What an entry's number takes: the same for all of one digit or two, so that a list may be cut between them."""


def parser(first_number: int | None = None) -> MarkdownIt:
    """GitHub's Markdown, less what acts; a list that it begins with is counted from `first_number`."""
    made = MarkdownIt("gfm-like", {"html": False, "linkify": False}).disable("linkify")
    made.core.ruler.push("inert", _inert)
    if first_number is not None:
        made.core.ruler.push("counted", lambda state: _count_from(first_number, state.tokens))
    return made


class _Numbered(MarkdownOrderedList):
    """A list with numbers, each as wide as those of its other parts."""

    def compose(self) -> ComposeResult:
        entries = [block for block in self._blocks if isinstance(block, MarkdownListItem)]
        first = int(entries[0].bullet) if entries and entries[0].bullet.isdecimal() else 1
        numbers = [f"{number}. " for number in range(first, first + len(entries))]
        cells = max(_NUMBER_CELLS, *(len(number) + 1 for number in numbers)) if numbers else 0
        for number, entry in zip(numbers, entries, strict=True):
            bullet = MarkdownBullet()
            bullet.symbol = number.rjust(cells)
            yield Horizontal(bullet, Vertical(*entry._blocks))  # noqa: SLF001  # as its base does
        self._blocks.clear()


class AnswerMarkdown(Markdown):
    """One text, shown whole or as it grows. What it is given has passed the sanitizer; what is made of it does here.

    Args:
        first_number: of the entry that it begins with, where it goes on a list.
    """

    BLOCKS: dict[str, type[MarkdownBlock]] = {**Markdown.BLOCKS, "ordered_list_open": _Numbered}  # noqa: RUF012  # as in its base

    def __init__(self, markdown: str = "", *, classes: str | None = None, first_number: int | None = None) -> None:
        self._first_number = first_number
        super().__init__(plain_text(markdown), parser_factory=self._parser, open_links=False, classes=classes)

    def _parser(self) -> MarkdownIt:
        # What comes later is parsed from its last block on.
        return parser(self._first_number if self._last_parsed_line == 0 else None)


def _count_from(number: int, tokens: list[Token]) -> None:
    if tokens and tokens[0].type == "ordered_list_open":
        tokens[1].info = str(number)


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
