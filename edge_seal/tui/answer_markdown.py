"""Markdown of a text that this program did not write: formatted, with nothing in it that acts.

Invariants: no link can be clicked, a link is its words and its address; no picture is loaded, its words and its address
are shown; HTML is text; what a character reference stands for passes the sanitizer like everything else.
"""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from textual.widgets import Markdown

from edge_seal.plain_text import plain_text

FRAME_S: Final = 0.08
"""How long what arrives is gathered before it is shown: a dozen times a second is smooth, and costs as often."""


def parser() -> MarkdownIt:
    """GitHub's Markdown, less what acts."""
    made = MarkdownIt("gfm-like", {"html": False, "linkify": False}).disable("linkify")
    made.core.ruler.push("inert", _inert)
    return made


class AnswerMarkdown(Markdown):
    """One text, shown whole or as it grows. What it is given has passed the sanitizer; what is made of it does here."""

    def __init__(self, markdown: str = "", *, classes: str | None = None) -> None:
        super().__init__(plain_text(markdown), parser_factory=parser, open_links=False, classes=classes)


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
