"""The sanitizer, against what terminals act on."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.plain_text import PlainTextStream, plain_text

PARTS = st.sampled_from(
    [
        "\x1b", "\x1b[", "\x1b]", "\x1bP", "\x9b", "\x9d", "\x9c", "\x1b\\", "\x07", "31", ";", "m", "H", "0;", "a",
        "é", "日", "\n", "\t", "\r", "\u202e", "\u200b", "\U000e0041", "\ud83d", "😀", "👩\u200d🔬", " ", "52;c;",
        "\x00", "\x85", "(", "B", "c", "^", "_", "X",
    ]
)  # fmt: skip
TEXTS = st.lists(PARTS, max_size=24).map("".join) | st.text()


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain\n\ttext, as it is: é 日本 😀", "plain\n\ttext, as it is: é 日本 😀"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hcleared", "cleared"),
        ("\x9b31mred", "red"),
        ("\x1b]52;c;cm0gLXJm\x07copied", "copied"),
        ("\x1b]8;;http://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9d0;title\x9cbody", "body"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x1b(0line\x1b(B", "line"),
        ("\x1bcreset", "reset"),
        ("right\r\nwrong\rover", "right\nwrongover"),
        ("back\x08\x08\x7f", "back"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("a\u200bb\u2060c\ufeffd\u00ade", "abcde"),
        ("tag\U000e0068\U000e0069", "tag"),
        ("\u0645\u06cc\u200c\u062e 👩\u200d🔬 ❤\ufe0f", "\u0645\u06cc\u200c\u062e 👩\u200d🔬 ❤\ufe0f"),
        ("half \ud83d", "half \ufffd"),
    ],
)
def test_what_a_terminal_would_act_on_is_gone_and_the_rest_stays(given_text: str, shown: str) -> None:
    assert plain_text(given_text) == shown


@pytest.mark.parametrize("opening", ["\x1b]0;", "\x1bP", "\x1b_", "\x9d", "\x1b[", "\x1b[12;", "\x1b", "\x9b", "\x1bX"])
def test_a_sequence_that_never_ends_hides_nothing_of_what_follows(opening: str) -> None:
    following = "日本 and all of this\nand a second line"
    assert plain_text(opening + following).endswith(following)
    assert plain_text(opening + "日" * 5000).endswith("日" * 5000)


def test_a_string_too_long_to_be_one_is_shown() -> None:
    assert plain_text("\x1b]0;" + "x" * 5000 + "\x07") == "]0;" + "x" * 5000


@given(TEXTS)
def test_nothing_that_remains_makes_a_terminal_act(text: str) -> None:
    shown = plain_text(text)
    assert all(character in "\n\t" or unicodedata.category(character) not in {"Cc", "Cs"} for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    assert plain_text(shown) == shown


@given(st.lists(TEXTS, max_size=8), st.integers(min_value=1, max_value=3))
def test_a_stream_gives_what_the_whole_gives_wherever_it_is_cut(parts: list[str], size: int) -> None:
    text = "".join(parts)
    for deltas in (parts, [text[at : at + size] for at in range(0, len(text), size)]):
        stream = PlainTextStream()
        assert "".join(stream.feed(delta) for delta in deltas) + stream.finish() == plain_text(text)


def test_plain_text_of_a_stream_is_not_held_back() -> None:
    stream = PlainTextStream()
    assert stream.feed("now") == "now"
    assert stream.feed("\x1b[3") == ""
    assert stream.feed("1mred") == "red"
    assert stream.feed("\x1b]0;ti") == ""
    assert stream.feed("tle\n") == "]0;title\n"
