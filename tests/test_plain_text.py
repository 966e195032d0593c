from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.plain_text import PlainTextStream, escaped_in_json, plain, plain_line

NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b[]();\\\x07\x9b\x9c\x9d\x90P_^X\r\n\t\u202e\u2066\u200b\ufeff\u2028\U000e0041\x7f0m"),
    )
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, with ümläuts, 日本語 and 👩‍💻", "plain, with ümläuts, 日本語 and 👩‍💻"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("windows\r\nline", "windows\nline"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;a new title\x07after", "after"),
        ("\x1b]52;c;c2VjcmV0\x1b\\after", "after"),
        ("\x9d8;;https://example.org\x9clink", "link"),
        ("\x1bP+q544e\x1b\\after", "after"),
        ("\x1b(0line", "line"),
        ("\x1b]never closed\nnext line", "\nnext line"),
        ("abc\x08\x08\x08xyz", "abcxyz"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("hidden\U000e0041\U000e0042", "hidden"),
        ("zero\u200bwidth", "zerowidth"),
        ("para\u2029graph", "para\ngraph"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("\x1b[12\x1b[31mred", "red"),
        ("نمی‌خواهم", "نمی‌خواهم"),
    ],
)
def test_text_is_shown_without_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(NASTY)
def test_nothing_is_left_that_a_terminal_obeys_or_hides(text: str) -> None:
    shown = plain(text)
    assert not any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in shown)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\ufeff\ud800-\udfff]", shown)
    assert plain(shown) == shown


@given(st.lists(NASTY))
def test_pieces_give_what_the_whole_gives(pieces: list[str]) -> None:
    stream = PlainTextStream()
    assert "".join(stream.feed(piece) for piece in pieces) == plain("".join(pieces))


@given(st.recursive(st.one_of(NASTY, st.integers(), st.none()), st.lists))
def test_json_keeps_its_values_and_loses_what_a_terminal_obeys(value: object) -> None:
    document = escaped_in_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert json.loads(document) == json.loads(json.dumps(value))
    assert plain(document) == document


def test_a_line_stays_one_line() -> None:
    assert plain_line("a\n b\t\x1b[2Jc ") == "a b c"
