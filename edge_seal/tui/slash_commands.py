"""What a line that begins with a slash asks for. `/remember` and `/forget` are sent on: the runtime obeys them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

COMMANDS: Final[dict[str, str]] = {
    "remember": "/remember TEXT keeps it in memory",
    "forget": "/forget TEXT or m3 takes a memory out for good",
    "teach": "/teach [QUESTION] opens a lesson to be learned",
    "learn": "/learn learns now from what was taught and corrected",
    "private": "/private begins a conversation of which nothing is kept; again: leaves it",
    "system": "/system [TEXT] says how to answer in this conversation; alone it opens an editor",
    "new": "/new begins a conversation",
    "help": "/help shows this and the keys",
}
SENT_ON: Final = frozenset({"remember", "forget"})
_COMMAND: Final = re.compile(r"/(?P<name>[a-zA-Z]+)(?:\s+(?P<text>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command by name, known or not, and what stands behind it."""

    name: str
    text: str


def slash_command(text: str) -> SlashCommand | None:
    """The command that a typed text gives; None: it is no command (`/etc/hosts` is none)."""
    match = _COMMAND.fullmatch(text.rstrip())
    return None if match is None else SlashCommand(match["name"].lower(), (match["text"] or "").strip())
