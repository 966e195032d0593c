"""Text for a detail pane, written line by line; whatever is put into it passes the sanitizer."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from textual.content import Content

from edge_seal.clock import parse_timestamp
from edge_seal.tui.foreign import foreign, one_line

HEAD = "bold"
FAINT = "dim"
OK = "ok"
NO = "NO"


class Written:
    """Lines so far. Every method gives the object back, so that they can be chained."""

    def __init__(self) -> None:
        self._parts: list[Content] = []

    def head(self, title: str) -> Self:
        """A heading, after an empty line."""
        if self._parts:
            self._parts.append(Content(""))
        self._parts.append(Content(" ".join(foreign(title).plain.splitlines())).stylize(HEAD))
        return self

    def line(self, text: str, style: str = "") -> Self:
        """One line, however many `text` has; its spaces stay."""
        content = Content(" ".join(foreign(text).plain.splitlines()))
        self._parts.append(content.stylize(style) if style else content)
        return self

    def text(self, text: str, indent: str = "") -> Self:
        """All lines of `text`."""
        for line in foreign(text).plain.splitlines() or [""]:
            self._parts.append(Content(f"{indent}{line}"))
        return self

    def pair(self, name: str, value: str, width: int = 16) -> Self:
        """A name and its value in one line."""
        self._parts.append(Content.assemble((f"{one_line(name):<{width}} ", FAINT), one_line(value)))
        return self

    def content(self) -> Content:
        """Everything that was written."""
        return Content("\n").join(self._parts)


def local_time(stored: str | datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """A stored time by this machine's clock; as it stands where it is no time."""
    try:
        moment = parse_timestamp(stored) if isinstance(stored, str) else stored
        return moment.astimezone().strftime(form)
    except ValueError:
        return one_line(stored if isinstance(stored, str) else "", 20)


def figure(value: float | None) -> str:
    """A figure in few characters; a dash where it is not known."""
    return "–" if value is None or value != value else f"{value:.3g}"  # noqa: PLR0124  # NaN is not itself
