"""The one way of text from anywhere (models, memories, files, errors) to a terminal: what is printed is what is read.

Taken out: escape sequences, control characters but newline and tab, characters that reorder a line, and characters
that cannot be seen. Two things hold, whatever the text: nothing that remains makes a terminal act, and a sequence that
is not finished loses its first character only, so that it can hide nothing of what follows. A stream gives, all
together, what the whole text gives, wherever it was cut.
"""

from __future__ import annotations

import re

_LONGEST_STRING = 1024
"""Characters of an OSC, DCS, SOS, PM or APC string that are taken for one; terminals' own limits are of this order."""

# Each is ESC and a letter, or one character of C1 (ECMA-48). A string ends with BEL, ST, or the C1 form of ST.
_CONTROL_SEQUENCE = r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"
_STRING_BODY = rf"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x00-\x08\x0a-\x1f\x7f-\x9f]{{0,{_LONGEST_STRING}}}"
_SHORT_ESCAPE = r"\x1b[ -/]{0,8}[0-OQ-WYZ\\`-~]"
_SEQUENCE = re.compile(rf"{_CONTROL_SEQUENCE}|{_STRING_BODY}(?:\x07|\x1b\\|\x9c)|{_SHORT_ESCAPE}")
_UNFINISHED = re.compile(
    rf"(?:\x1b\[|\x9b)[0-?]{{0,64}}[ -/]{{0,8}}\Z|{_STRING_BODY}\x1b?\Z|\x1b[ -/]{{0,8}}\Z",
)
_INTRODUCER = re.compile(r"[\x1b\x90\x98\x9b\x9d\x9e\x9f]")

_UNSEEN = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what reorders a line
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\u2028\u2029"  # line ends that only some programs see
    "\ufe00-\ufe0d\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # hidden text
    "]"
)
_HALF_PAIR = re.compile("[\ud800-\udfff]")


class PlainTextStream:
    """Cleans a text that arrives in parts. Holds back an unfinished sequence until it is known what it is."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, delta: str) -> str:
        """What of the text so far is certain and was not given yet."""
        shown, self._held = _shown(self._held + delta, final=False)
        return shown

    def finish(self) -> str:
        """What was held back: no sequence after all."""
        shown, self._held = _shown(self._held, final=True)
        return shown


def plain_text(text: str) -> str:
    """`text` as it may be printed."""
    return _shown(text, final=True)[0]


def _shown(text: str, *, final: bool) -> tuple[str, str]:
    """What of `text` may be printed, and its end that may become a sequence yet; empty where this is `final`."""
    shown: list[str] = []
    at = 0
    held = ""
    while introducer := _INTRODUCER.search(text, at):
        start = introducer.start()
        shown.append(text[at:start])
        sequence = _SEQUENCE.match(text, start)
        if sequence:
            at = sequence.end()
        elif not final and _UNFINISHED.match(text, start):
            held = text[start:]
            at = len(text)
        else:
            at = start + 1
    shown.append(text[at:])
    return _HALF_PAIR.sub("\ufffd", _UNSEEN.sub("", "".join(shown))), held
