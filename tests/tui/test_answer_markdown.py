"""What is made of hostile Markdown: nothing that acts, nothing that is hidden."""

from __future__ import annotations

import random

import pytest
from markdown_it.token import Token

from edge_seal.plain_text import PlainTextStream, plain_text
from edge_seal.tui.answer_markdown import parser
from tests.tui.hostile_texts import FORBIDDEN, carried, families, injections


def leaves(markdown: str) -> list[Token]:
    return [leaf for token in parser().parse(markdown) for leaf in (token, *(token.children or ()))]


def shown(markdown: str) -> str:
    return "".join(leaf.content for leaf in leaves(markdown) if leaf.type != "inline")


def corpus(family: str) -> list[str]:
    """Texts of a family of sequences, or those that were written to inject where they are there."""
    return carried(families()[family]) if family != "injections" else injections(random.Random(7), 20)


@pytest.mark.parametrize("family", [*families(), "injections"])
def test_nothing_that_acts_is_left(family: str) -> None:
    for text in corpus(family):
        for leaf in leaves(plain_text(text)):
            assert leaf.type not in {"link_open", "link_close", "image", "html_inline", "html_block"}, repr(text)
            assert not FORBIDDEN.search(leaf.content), repr(text)
            assert leaf.info == plain_text(leaf.info), repr(text)


@pytest.mark.parametrize("cut", [1, 2, 3, 7])
def test_a_stream_cut_anywhere_gives_what_the_whole_gives(cut: int) -> None:
    whole = "\n\n".join(text for family in families() for text in corpus(family))
    stream = PlainTextStream()
    parts = [stream.feed(whole[at : at + cut]) for at in range(0, len(whole), cut)]
    assert "".join((*parts, stream.finish())) == plain_text(whole)


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("[a link](https://example.org/x)", "a link (https://example.org/x)"),
        ("![a picture](https://example.org/x.png)", "[picture: a picture] (https://example.org/x.png)"),
        ("[a link](file:///etc/passwd)", "[a link](file:///etc/passwd)"),
        ("[a link](javascript:alert)", "[a link](javascript:alert)"),
        ("<https://example.org>", "https://example.org"),
        ("https://example.org", "https://example.org"),
        ("<b>bold</b> <!-- hidden -->", "<b>bold</b> <!-- hidden -->"),
        ("<div onclick=x>\nhidden\n</div>", "<div onclick=x>hidden</div>"),
        ("a&#x202e;b&#x200b;c", "abc"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
    ],
)
def test_what_a_reader_sees(markdown: str, words: str) -> None:
    assert shown(markdown) == words
