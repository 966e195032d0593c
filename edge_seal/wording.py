"""Numbers and times as a person reads them."""

from __future__ import annotations

from datetime import datetime


def counted(count: int, one: str, many: str = "") -> str:
    """`1 lesson`, `2 lessons`; `many` where the plural is not made with an s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def by_the_clock(moment: datetime) -> str:
    """A time by this machine's clock, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
