"""A conversation in the model's own chat template, in which no message can speak for the template.

The template writes text, and some texts are control tokens ("end of turn", "the assistant speaks"). A message may
hold the same text. So before the template runs, the characters that control tokens begin and end with are exchanged
in every message for private characters that occur nowhere else; control tokens are then looked for in what was
written, which finds those of the template alone; and last the characters are put back, into text that is tokenized as
plain text. A message without such a text gives the very tokens of plain rendering: text between two control tokens
stays in one piece, so that merges across the edge of a message are as they would be.

A template that looks inside a message for a text with those characters (such as `</think>`) does not find it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from edge_seal.engines.engine import Message
from edge_seal.engines.template_sandbox import MAX_LENGTH, SandboxedTemplate
from edge_seal.errors import EngineError

_ROLES = frozenset({"system", "user", "assistant"})
_WHITE_SPACE = " \t\n\v\f\r"
_PRIVATE_USE = range(0xF0000, 0xFFFFE)


@dataclass(frozen=True, slots=True)
class ControlToken:
    """A token that has a meaning to the model beyond its text."""

    id: int
    text: str
    strips_before: bool = False
    """White space before it belongs to it."""
    strips_after: bool = False


class ChatTemplate:
    """One model's template and control tokens."""

    def __init__(self, source: str, control_tokens: Sequence[ControlToken], *, bos: str = "", eos: str = "") -> None:
        """Checks the template; `bos` and `eos` are the texts it knows as `bos_token` and `eos_token`.

        Raises:
            EngineError: the template is not one that is let run.
        """
        self._template = SandboxedTemplate(source)
        # The longest first, as llama.cpp looks for them: one control token may be a part of another.
        self._control_tokens = sorted((t for t in control_tokens if t.text), key=lambda token: -len(token.text))
        self._edges = sorted({edge for token in self._control_tokens for edge in (token.text[0], token.text[-1])})
        self._bos, self._eos = bos, eos
        self._source_characters = frozenset(source)

    def render(
        self, messages: Sequence[Message], *, add_generation_prompt: bool, now: datetime
    ) -> tuple[ControlToken | str, ...]:
        """The conversation as control tokens and the plain texts between them, none of them empty.

        Raises:
            EngineError: no message, an unknown role, too long, or the template refuses the conversation.
        """
        _check(messages)
        hidden = self._hiding_places(messages)
        text = self._template.render(
            {
                "messages": [{"role": m.role, "content": m.content.translate(hidden)} for m in messages],
                "add_generation_prompt": add_generation_prompt,
                "bos_token": self._bos,
                "eos_token": self._eos,
                "tools": None,
                "documents": None,
            },
            now=now,
        )
        shown = {ord(place): chr(character) for character, place in hidden.items()}
        return tuple(
            part if isinstance(part, ControlToken) else part.translate(shown)
            for part in split_at_control_tokens(text, self._control_tokens)
        )

    def _hiding_places(self, messages: Sequence[Message]) -> dict[int, str]:
        taken = self._source_characters.union(*(message.content for message in messages))
        free = (chr(code) for code in _PRIVATE_USE if chr(code) not in taken)
        return {ord(edge): place for edge, place in zip(self._edges, free, strict=False)}


def _check(messages: Sequence[Message]) -> None:
    if not messages:
        raise EngineError("a conversation needs at least one message")
    for message in messages:
        if message.role not in _ROLES:
            raise EngineError(f"a message has the role {message.role!r}; the roles are {', '.join(sorted(_ROLES))}")
    length = sum(len(message.content) for message in messages)
    if length > MAX_LENGTH // 2:
        raise EngineError(f"the conversation has {length} characters, more than {MAX_LENGTH // 2}")


def split_at_control_tokens(text: str, control_tokens: Sequence[ControlToken]) -> tuple[ControlToken | str, ...]:
    """`text` as llama.cpp's tokenizer parts it: each token is looked for, in the order given, in what is still text."""
    parts: list[ControlToken | str] = [text] if text else []
    for token in control_tokens:
        if token.text in text:
            parts = [piece for part in parts for piece in _split(part, token)]
    return tuple(parts)


def _split(part: ControlToken | str, token: ControlToken) -> Iterator[ControlToken | str]:
    if isinstance(part, ControlToken):
        yield part
        return
    pieces = part.split(token.text)
    if token.strips_after:
        pieces[1:] = [piece.lstrip(_WHITE_SPACE) for piece in pieces[1:]]
    if token.strips_before:
        pieces[:-1] = [piece.rstrip(_WHITE_SPACE) for piece in pieces[:-1]]
    for index, piece in enumerate(pieces):
        if index:
            yield token
        if piece:
            yield piece
