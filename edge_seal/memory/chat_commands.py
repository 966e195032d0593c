"""`/remember`, `/forget`, "remember that ..." and "forget ..." in a prompt: told from questions by rule.

Invariant: pure; only a prompt that was typed may be passed in, so that no pasted text gives a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """What is to be remembered or forgotten, in the user's words; an id like `m3` may stand for it."""

    does: Literal["remember", "forget"]
    text: str


def parsed(prompt: str) -> ChatCommand | None:
    """The command that `prompt` gives; None: it is a question like any other. The text of a bare `/forget` is empty."""
    said = prompt.strip()
    slash = _SLASH.match(said)
    if slash is not None:
        return ChatCommand(
            "remember" if slash["does"].lower() == "remember" else "forget", (slash["text"] or "").strip()
        )
    polite = _POLITE.match(said)
    if said.endswith("?") and polite is None:
        return None
    said = said[polite.end() :].rstrip("? ") if polite is not None else said
    wanted = _REMEMBER.match(said)
    if wanted is not None:
        return ChatCommand("remember", _sentence(wanted["text"]))
    unwanted = _FORGET.match(said)
    text = (unwanted["a"] or unwanted["b"]).strip(" .!,") if unwanted is not None else ""
    return ChatCommand("forget", text) if text and not _IDLE.fullmatch(text) else None


_SLASH: Final = re.compile(r"^/(?P<does>remember|forget)(?:\s+(?P<text>.+))?$", re.IGNORECASE | re.DOTALL)
_POLITE: Final = re.compile(
    r"^(?:(?:please|hey|hi|ok|okay|also|and|now)[, ]+)*(?:(?:can|could|would|will) you (?:please |kindly )?|please )",
    re.IGNORECASE,
)
_REMEMBER: Final = re.compile(
    r"^(?:(?:also|and|now|ok|okay)[, ]+)*(?:remember|don['’]t forget|do not forget|never forget|keep in mind|"
    r"make a note|take note|note(?: down)?)(?:,? that\s+|:\s*|,\s+|\s+(?=(?:i|i['’]m|i['’]ve|i['’]d|my|we|"
    r"our)\b))(?P<text>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_FORGET: Final = re.compile(
    r"^(?:(?:also|and|now|ok|okay)[, ]+)*forget(?:\s+(?:that|about|everything about|all about|the fact that|"
    r"what (?:i|you) (?:said|told you|know|noted)(?: about)?)\s+(?P<a>.+)|\s+(?P<b>m\d+|(?:my|our|where|which|who|i|"
    r"i['’]m|we)\b.+))$",
    re.IGNORECASE | re.DOTALL,
)
# "Forget about it", "forget I asked": said to go on, not to lose a memory.
_IDLE: Final = re.compile(
    r"(?:it|that|this|those|these|me|him|her|them|everything|all|all of (?:it|that|this)|the (?:above|last|"
    r"previous)\b.*|"
    r"what i (?:just )?(?:said|asked|wrote)|i (?:just )?(?:asked|said|mentioned|wrote)\b.*|my (?:last|previous) "
    r"(?:question|message|prompt|request).*|i (?:ever )?(?:asked|said|mentioned)\b.*|my (?:question|bad))",
    re.IGNORECASE,
)


def _sentence(text: str) -> str:
    kept = text.strip()
    return kept[:1].upper() + kept[1:]
