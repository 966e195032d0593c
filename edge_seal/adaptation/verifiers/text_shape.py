"""What counts as a word, a sentence, a paragraph, a list item: one meaning for every check and every rewriting.

Invariants: pure, time linear in the text; nothing here knows a language's vocabulary but the abbreviations whose stop
ends no sentence.
"""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_ABBREVIATIONS: Final = (
    "dr", "mr", "mrs", "ms", "st", "prof", "no", "vs", "e.g", "i.e", "etc", "approx", "u.s", "a.m", "p.m", "jr", "sr",
)  # fmt: skip
# A stop, what closes after it, then white space or the end: "3.5" and "10:30" have none.
_SENTENCE_END: Final = re.compile(r"[.!?…。\uff01\uff1f]+[\"'”’)\]*_]*(?=\s|$)")
_LIST_NUMBER: Final = re.compile(r"(?:^|\n)\s*\d{1,3}[.)]$")
_ITEM: Final = re.compile(r"^[ \t]*(?P<mark>[-*•+]|\d{1,3}[.)])[ \t]+(?P<text>\S.*)$")
_EMOJI: Final = "[\U0001f300-\U0001faff\u2600-\u27bf\U0001f1e6-\U0001f1ff]"
_SMILEY: Final = re.compile(rf"(?:{_EMOJI}[\ufe0f\u200d]*)+|(?<!\w)[:;=8]-?[)(DPp3](?!\w)|(?<!\w)\^_?\^(?!\w)")


def words(text: str) -> list[str]:
    """The words of `text`: letters and digits, held together by a hyphen or an apostrophe."""
    return _WORD.findall(text)


def sentences(text: str) -> list[str]:
    """The sentences of `text`, each with its mark, in order. A line break between blocks ends one too.

    An abbreviation's stop and a list number's end none. What is marks and smileys alone belongs to the one before.
    """
    found: list[str] = []
    for block in re.split(r"\n\s*\n|\n(?=[ \t]*(?:[-*•+]|\d{1,3}[.)])[ \t]+\S)", text):
        start = 0
        for match in _SENTENCE_END.finditer(block):
            before = block[start : match.start()]
            last = before.rsplit(None, 1)[-1].lstrip("(\"'“‘").casefold() if before.strip() else ""
            stop = match.group().startswith(".") and not match.group().startswith("..")
            if stop and (last in _ABBREVIATIONS or _LIST_NUMBER.search(block[: match.end()])):
                continue
            _add(found, block[start : match.end()])
            start = match.end()
        _add(found, block[start:])
    return found


def _add(found: list[str], part: str) -> None:
    part = part.strip()
    if not part:
        return
    if found and not words(part):
        found[-1] += f" {part}"
    else:
        found.append(part)


def paragraphs(text: str) -> list[str]:
    """The blocks of `text` between empty lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def list_items(text: str, *, numbered: bool = False) -> list[str]:
    """The texts of the list items in `text`: those with a bullet, or those with a number."""
    matches = (_ITEM.match(line) for line in text.splitlines())
    return [match["text"].strip() for match in matches if match and match["mark"][0].isdigit() == numbered]


def is_all_list(text: str, *, numbered: bool = False) -> bool:
    """Whether every line is a list item, but for one line before them and blank ones; at least two items."""
    lines = [line for line in text.splitlines() if line.strip()]
    items = [bool((match := _ITEM.match(line)) and match["mark"][0].isdigit() == numbered) for line in lines]
    return sum(items) >= 2 and all(items[1:])  # one item is no list


def ends_with_smiley(text: str) -> bool:
    """Whether an emoji or a smiley of characters is the last thing said."""
    end = 0
    for match in _SMILEY.finditer(text):
        end = match.end()
    return bool(end) and not text[end:].strip().strip(".!")


def has_smiley(text: str) -> bool:
    """Whether there is an emoji or a smiley of characters anywhere."""
    return _SMILEY.search(text) is not None


def cased(text: str) -> str:
    """The characters of `text` that have a case."""
    return "".join(c for c in text if c.upper() != c.lower())
