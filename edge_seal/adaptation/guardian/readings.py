"""The ways in which one text can be read: as it stands, with its lines joined, and decoded.

A secret that is written in full-width letters, with invisible characters in it, over two lines, or in base64 inside
a URL is still that secret. Every reading knows which part of the given text each of its characters comes from.

Invariant: what could not be read within the bounds raises `Unreadable`; nothing is left out in silence.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from edge_seal.errors import EdgeSealError

MAXIMUM_DEPTH = 2
MAXIMUM_DECODED_PARTS = 4096
_LEAST_PRINTABLE_SHARE = 0.85


class Unreadable(EdgeSealError):
    """A text holds more encoded parts than the guardian reads."""


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is one way to read the given text.

    `starts[i]` and `ends[i]` bound what `text[i]` stands for in the given text; without them each character stands
    for itself. `within` is set where all of `text` was decoded out of one part.
    """

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None
    within: tuple[int, int] | None = None
    lines_joined: bool = False

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The bounds in the given text of `text[start:end]`, which is not empty."""
        if self.within is not None:
            return self.within
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def readings(text: str) -> list[Reading]:
    """Every reading of `text`, the plain one first.

    Raises:
        Unreadable: more than `MAXIMUM_DECODED_PARTS` encoded parts.
    """
    plain = _folded(text)
    found = [plain]
    found.extend(_hidden_in_tags(text))
    found.extend(joined for way in (_BREAK_IN_TOKEN, _BREAK_IN_SPELLING) if (joined := _with_joined(plain, way)))
    layer = list(found)
    for _ in range(MAXIMUM_DEPTH):
        layer = [deeper for reading in layer for deeper in _decoded(reading)]
        found.extend(layer)
        if len(found) > MAXIMUM_DECODED_PARTS:
            raise Unreadable(f"the text holds more than {MAXIMUM_DECODED_PARTS} encoded parts")
    return found


# Characters -----------------------------------------------------------------------------------------------

_NEEDS_FOLDING = re.compile(r"[^\t\n\r\x20-\x7e]")
# Fillers and joiners that are neither format characters nor variation selectors, and draw nothing.
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_FIRST_TAG, _LAST_TAG = 0xE0020, 0xE007E


def _is_invisible(c: str) -> bool:
    category = unicodedata.category(c)
    # Marks that are set on a letter too: one on each hides a word from a rule and from no reader.
    if category in {"Cf", "Cs", "Cn", "Co", "Mn", "Me"} or c in _BLANK_LETTERS:
        return True
    if category == "Cc":
        return c not in "\t\n\r"
    return "\ufe00" <= c <= "\ufe0f" or "\U000e0100" <= c <= "\U000e01ef"


def _folded(text: str) -> Reading:
    """`text` in NFKC, a character at a time so that places are kept, without what cannot be seen."""
    if _NEEDS_FOLDING.search(text) is None:
        return Reading(text)
    text = _in_one_script(text)
    characters: list[str] = []
    starts: list[int] = []
    folded: dict[str, str] = {}
    for place, c in enumerate(text):
        form = folded.get(c)
        if form is None:
            form = folded[c] = "" if _is_invisible(c) else unicodedata.normalize("NFKC", c)
        for part in form:
            characters.append(part)
            starts.append(place)
    return Reading("".join(characters), starts, [start + 1 for start in starts])


# Letters that are drawn as a Latin one: Cyrillic, Greek, Armenian, phonetic.
_LOOKALIKES = str.maketrans(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0423\u0406\u0408"
    "\u0405\u03bf\u03b1\u03bd\u03c1\u03b9\u03ba\u03c5\u0391\u0392\u0395\u0396\u0397\u0399"
    "\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0585\u057d\u0578\u0131\u0261\u0251"
    "\u2010\u2212",
    "aceopxyijshdqwABEKMHOPCTXYIJSoavpikuABEZHIKMNOPTYXouniga--",
)
_MIXED_TOKEN = re.compile(r"[^\s\u4e00-\u9fff]{2,512}")


def _in_one_script(text: str) -> str:
    """`text` with lookalikes written as what they look like, in tokens that have Latin letters or digits too."""
    if text.translate(_LOOKALIKES) == text:
        return text

    def latin(found: re.Match[str]) -> str:
        token = found[0]
        return token.translate(_LOOKALIKES) if any(c.isascii() and c.isalnum() for c in token) else token

    return _MIXED_TOKEN.sub(latin, text)


def _hidden_in_tags(text: str) -> Iterator[Reading]:
    """The ASCII that tag characters (U+E0020 to U+E007E) spell: shown by no font, read by many tokenizers."""
    if text.isascii():
        return
    places = [place for place, c in enumerate(text) if _FIRST_TAG <= ord(c) <= _LAST_TAG]
    if places:
        spelled = "".join(chr(ord(text[place]) - 0xE0000) for place in places)
        yield Reading(spelled, within=(places[0], places[-1] + 1))


# Lines ----------------------------------------------------------------------------------------------------

# Line breaks inside tokens, with the quotes, `+` and indents around them. Where a token begins anew after one, joining
# would hide its beginning.
_BREAK_IN_TOKEN = re.compile(
    r"(?<=[\w+/=.-])[ \t\"'`+\\,]{0,8}\r?\n[ \t>\"'`+#*|]{0,12}"
    r"(?=[\w+/=.-])(?!sk[-_]|rk_|gh[pousr]_|github_pat_|A[KS]IA|xox[a-z]-|AIza|eyJ|glpat-|npm_|pypi-|hf_|SG\.|-----)"
)


# A token that is spelled out, one character after the other: `A K I A …`, `A-K-I-A-…`.
_BREAK_IN_SPELLING = re.compile(r"(?:(?<=(?<!\S)[\w+/=])|(?<=[ .,_-][\w+/=]))[ .,_-](?=[\w+/=](?:[ .,_-]|(?!\S)))")


def _with_joined(plain: Reading, between: re.Pattern[str]) -> Reading | None:
    """The plain reading without what `between` matches, of which each knows why it stands there; None: nothing does."""
    kept: list[slice] = []
    last = 0
    for found in between.finditer(plain.text):
        kept.append(slice(last, found.start()))
        last = found.end()
    if not kept:
        return None
    kept.append(slice(last, len(plain.text)))
    places: Sequence[int] = range(len(plain.text))
    starts, ends = plain.starts or places, plain.ends or range(1, len(plain.text) + 1)
    return Reading(
        "".join(plain.text[part] for part in kept),
        [place for part in kept for place in starts[part]],
        [place for part in kept for place in ends[part]],
        lines_joined=True,
    )


# Encodings ------------------------------------------------------------------------------------------------

_PERCENT_RUN = re.compile(r"(?:%[0-9A-Fa-f]{2})++")
_ESCAPE = re.compile(
    r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt\"'/])|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
)
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9A-Fa-f]{2}){8,}+|(?:[0-9A-Fa-f]{2}[ :]){7,}+[0-9A-Fa-f]{2}"
    r"|(?:[0-9A-Fa-f]{2},[ \n]{0,4}0x){7,}+[0-9A-Fa-f]{2})(?![0-9A-Za-z])"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}+(?:\r?\n[ \t]{0,8}[A-Za-z0-9+/_-]{4,}+)*+={0,2}")
_TO_STANDARD_BASE64 = str.maketrans("-_", "+/", "= \t\r\n")


def _decoded(reading: Reading) -> Iterator[Reading]:
    if not reading.lines_joined:  # the encodings below span lines by themselves
        yield from _with_runs_decoded(reading, _PERCENT_RUN, _from_percent)
        yield from _with_runs_decoded(reading, _ESCAPE, _from_escape)
        for found in _HEX.finditer(reading.text):
            yield from _as_text(bytes.fromhex(re.sub(r":|,\s*0x", " ", found[1])), reading.span(*found.span()))
        for found in _BASE64.finditer(reading.text):
            yield from _as_text(_from_base64(found[0]), reading.span(*found.span()))


def _with_runs_decoded(
    reading: Reading, encoded: re.Pattern[str], decoded: Callable[[re.Match[str]], str]
) -> Iterator[Reading]:
    """The reading with what `encoded` matches written as what it stands for; none where nothing does."""
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def keep(first: int, behind: int) -> None:
        for place in range(first, behind):
            start, end = reading.span(place, place + 1)
            characters.append(reading.text[place])
            starts.append(start)
            ends.append(end)

    last = 0
    for found in encoded.finditer(reading.text):
        keep(last, found.start())
        start, end = reading.span(*found.span())
        run = decoded(found)
        characters.extend(run)
        starts.extend([start] * len(run))
        ends.extend([end] * len(run))
        last = found.end()
    if last:
        keep(last, len(reading.text))
        yield Reading("".join(characters), starts, ends)


def _from_percent(found: re.Match[str]) -> str:
    return unquote_to_bytes(found[0]).decode("utf-8", "replace")


_SHORT_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def _from_escape(found: re.Match[str]) -> str:
    """What an escape of JSON and most languages, or of HTML, stands for."""
    text = found[0]
    if text.startswith("&"):
        return html.unescape(text)
    return chr(int(f"0x{text[2:]}", 0)) if text[1] in "ux" else _SHORT_ESCAPES.get(text[1], text[1])


def _from_base64(blob: str) -> bytes:
    letters = blob.translate(_TO_STANDARD_BASE64)
    if len(letters) % 4 == 1:  # no encoder writes such a length: the last letter belongs to what follows
        letters = letters[:-1]
    try:
        return base64.b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        return b""


def _as_text(decoded: bytes, span: tuple[int, int]) -> Iterator[Reading]:
    text = decoded.decode("utf-8", "replace")
    readable = sum(1 for c in text if " " <= c <= "~" or c in "\t\n\r" or (c > "\xa0" and c != "\ufffd"))
    if len(text) >= 6 and readable >= _LEAST_PRINTABLE_SHARE * len(text):
        yield Reading(_folded(text).text, within=span)
