"""Text that a terminal shows and does not obey: the one sanitizer between text from anywhere and the screen.

Invariants: what comes out holds no control character but line feed and tab, no escape sequence or part of one, no
character that reorders or hides its neighbours, and no lone surrogate; text without such characters comes out as it
went in; a text gives the same whether it comes at once or in pieces. What is left has its order and its words, so a
forged prompt or a hidden instruction is seen as the text it is.

The joiners U+200C and U+200D stay (Persian, Indic scripts and emoji are spelled with them), and so do the variation
selectors that choose an emoji's form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

# Characters as they are written in the classes below: control codes, then what reorders, then what is not seen.
_CONTROLS: Final = "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"
_REORDERS: Final = "\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069"
_INVISIBLE: Final = (
    "\\u00ad\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u2060-\\u2065\\u206a-\\u206f\\u3164\\ufeff"
    "\\uffa0\\ufff0-\\ufffb\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
_SEPARATORS: Final = "\\u2028\\u2029"
_SURROGATES: Final = "\\ud800-\\udfff"
_UNWANTED: Final = re.compile(f"[{_CONTROLS}{_REORDERS}{_INVISIBLE}{_SEPARATORS}{_SURROGATES}]")
_REMOVED: Final = re.compile(f"[{_CONTROLS}{_REORDERS}{_INVISIBLE}]")

_ESCAPE, _CSI = "\x1b", "\x9b"
# Device control, start of string, operating system command, privacy message, application command: a text follows them.
_OPENS_STRING: Final = frozenset("\x90\x98\x9d\x9e\x9f")
_OPENS_STRING_AFTER_ESCAPE: Final = frozenset("PX]^_")


class _State(Enum):
    TEXT = auto()
    ESCAPE = auto()
    SEQUENCE = auto()
    """Between `ESC [` and the letter that ends it."""
    STRING = auto()
    """Inside a string for the terminal, until its terminator or the end of the line."""


class PlainTextStream:
    """Sanitizes a text that comes in pieces; a sequence may be cut anywhere between them."""

    def __init__(self) -> None:
        self._state = _State.TEXT

    def feed(self, text: str) -> str:
        """What of the next piece may be shown."""
        if self._state is _State.TEXT and _UNWANTED.search(text) is None:
            return text
        return "".join(self._shown(text))

    def _shown(self, text: str) -> Iterator[str]:
        for character in text:
            if self._state is not _State.TEXT and self._continues(character):
                continue
            if character == _ESCAPE:
                self._state = _State.ESCAPE
            elif character == _CSI:
                self._state = _State.SEQUENCE
            elif character in _OPENS_STRING:
                self._state = _State.STRING
            elif character in "\u2028\u2029":
                yield "\n"
            elif "\ud800" <= character <= "\udfff":
                yield "\ufffd"
            elif _REMOVED.match(character) is None:
                yield character

    def _continues(self, character: str) -> bool:
        """Whether `character` belongs to the sequence that is under way; sets the state that follows it."""
        state = self._state
        self._state = _State.TEXT
        if state is _State.ESCAPE:
            if character == "[":
                self._state = _State.SEQUENCE
            elif character in _OPENS_STRING_AFTER_ESCAPE:
                self._state = _State.STRING
            elif " " <= character <= "/":
                self._state = _State.ESCAPE
            return " " <= character <= "~"
        if state is _State.SEQUENCE:
            if " " <= character <= "?":
                self._state = _State.SEQUENCE
            return " " <= character <= "~"
        if character in "\x07\x9c":
            return True
        if character in "\n\x1b":
            # An escape ends the string too: `ESC \` is its usual terminator. A line's end does, so that a string that
            # is never closed hides one line and not the rest of the text.
            return False
        self._state = _State.STRING
        return True


def plain(text: str) -> str:
    """What of `text` may be shown, its lines and tabs kept."""
    return PlainTextStream().feed(text)


def plain_line(text: str) -> str:
    """`plain` text in one line: each run of white space is a space."""
    return " ".join(plain(text).split())


def escaped_in_json(document: str) -> str:
    r"""A JSON document with every unwanted character in its strings written as `\uXXXX`: the same values, safe to show.

    Line feeds and tabs between the values stay; inside strings JSON has escaped them already.
    """

    def escape(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))

    return _UNWANTED.sub(escape, document)
