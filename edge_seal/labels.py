"""The two labels that go with a text everywhere: where it came from, and what the user said of it.

They stand apart from the other records because the first frame of the interface needs them, and those not.
"""

from __future__ import annotations

from enum import StrEnum


class Origin(StrEnum):
    """Where a text came from, most trusted first. Only what was typed may teach without a person's approval."""

    TYPED = "typed"
    PASTED = "pasted"
    FILE = "file"
    DOCUMENT = "document"
    TOOL = "tool"
    MODEL = "model"


class SignalKind(StrEnum):
    """What the user did."""

    TAUGHT = "taught"
    CORRECTION = "correction"
    GOOD = "good"
    BAD = "bad"
