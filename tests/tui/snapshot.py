"""What is on a screen as a small text file that can be kept, compared, and read when it differs.

The rows as they are; then, for each theme, the rows of styles: runs of a letter and a count, and what the letters are.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.style import Style
from textual.widgets import Input, TextArea

from edge_seal.tui.app import EdgeSealApp

KEPT: Final = Path(__file__).parent / "snapshots"
ANEW: Final = "EDGE_SEAL_WRITE_SNAPSHOTS"
"""Set: what is on the screen is written instead of compared. Set to a directory: pictures of it go there too."""

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HASH: Final = re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{16,64}\b")


def still(app: EdgeSealApp) -> None:
    """Lets no cursor blink; that of a text is not shown at all, for it may come late."""
    for area in app.screen.query(TextArea):
        area.cursor_blink = False
        area.show_cursor = False
    for field in app.screen.query(Input):
        field.cursor_blink = False


def rows(app: EdgeSealApp) -> list[list[tuple[str, Style]]]:
    """The screen: for each row its segments."""
    strips = app.screen._compositor.render_strips()
    return [[(segment.text, segment.style or Style()) for segment in strip] for strip in strips]


def text_of(screen: list[list[tuple[str, Style]]]) -> list[str]:
    """The rows without styles; hashes, which are drawn with a salt, in one form."""
    lines = ("".join(text for text, _ in row).rstrip() for row in screen)
    return [_HASH.sub(lambda found: "#" * len(found.group()), line) for line in lines]


def styles_of(screen: list[list[tuple[str, Style]]]) -> list[str]:
    """The styles of the rows: as `a12 b3`, and behind them what each letter is. Equal rows are counted."""
    letters: dict[str, str] = {}
    lines: list[str] = []
    for row in screen:
        cells = [letters.setdefault(_words(style), _LETTERS[len(letters)]) for text, style in row for _ in text]
        lines.append(" ".join(f"{letter}{len(list(run))}" for letter, run in groupby(cells)))
    counted = [f"{len(list(same))}x {line}" for line, same in groupby(lines)]
    return [*counted, *(f"{letter} = {words}" for words, letter in letters.items())]


def _words(style: Style) -> str:
    marks = [
        word for word in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, word) is True
    ]
    colours = [None if colour is None else _hex(colour.get_truecolor()) for colour in (style.color, style.bgcolor)]
    return " ".join([*marks, f"{colours[0]} on {colours[1]}"])


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def is_written_anew() -> bool:
    """Whether what is on the screen is to be kept."""
    return bool(os.environ.get(ANEW))


def compared(name: str, lines: Iterable[str], *, write: bool = True) -> str:
    """How `lines` differ from what is kept under `name`; empty: they do not, or they were written anew."""
    path, now = KEPT / f"{name}.txt", [f"{line}\n" for line in lines]
    if write and is_written_anew():
        path.write_text("".join(now), encoding="utf-8")
        return ""
    before = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return "".join(difflib.unified_diff(before, now, f"kept {name}", "now", n=1))
