"""The door for text that this program did not write: models, memories, documents, file names, adapters, errors.

What comes out holds no character that makes a terminal act, and no widget reads markup or links in it.
"""

from __future__ import annotations

from textual.content import Content

from edge_seal.plain_text import plain_text


def foreign(text: str) -> Content:
    """`text` as it may be shown, over as many lines as it has."""
    return Content(plain_text(text).expandtabs(4))


def foreign_line(text: str, most: int | None = None) -> Content:
    """`text` as it may be shown in one line of at most `most` characters."""
    return Content(one_line(text, most))


def one_line(text: str, most: int | None = None) -> str:
    """`text` without what may not be shown, in one line, cut with an ellipsis after `most` characters."""
    line = " ".join(plain_text(text).split())
    return line if most is None or len(line) <= most else f"{line[: most - 1]}…"
