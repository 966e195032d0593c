"""The terminal that the program was started on. Loads nothing, because every start asks it."""

from __future__ import annotations

import os
import sys


def shows_interface() -> bool:
    """Whether an interface can be shown: a terminal on both sides, and one that can move its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}
