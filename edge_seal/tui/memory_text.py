"""A memory, and what forgetting it would reach, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from edge_seal.records import Signal
from edge_seal.tui.written import FAINT, Written, local_time

if TYPE_CHECKING:
    from edge_seal.runtime import Reach
    from edge_seal.runtime.browsing import MemoryDetail


def memory_text(detail: MemoryDetail) -> Content:
    """Everything there is to see of a memory."""
    memory = detail.memory
    written = Written().head(memory.id).text(memory.text)
    written.head("Where it comes from")
    written.pair("origin", memory.origin.value).pair("source", memory.source or "–")
    written.pair("kept", local_time(memory.created_at))
    written.pair("true from", local_time(memory.valid_from))
    written.pair("true until", local_time(memory.valid_to) if memory.valid_to else "it holds")
    if len(detail.history) > 1:
        written.head("Its history: what was true, and when that was told")
        for era in detail.history:
            is_this = "▶" if era.memory.id == memory.id else " "
            until = local_time(era.memory.valid_to, "%Y-%m-%d") if era.memory.valid_to else "now"
            since = local_time(era.memory.valid_from, "%Y-%m-%d")
            ended = f" (ended by {era.ended_by})" if era.ended_by else ""
            written.line(f"{is_this} {era.memory.id:<6} {since} to {until:<10}  {era.memory.text}{ended}")
    for item in detail.contradictions:
        other = item.second if item.first.id == memory.id else item.first
        sure = "contradicts it" if item.similarity is None else "may contradict it"
        written.head(f"{other.id} {sure}" + (f", about {item.about}" if item.about else ""))
        written.text(other.text).line("t decides which one holds", FAINT)
    return written.content()


def reach_text(reach: Reach) -> str:
    """What forgetting would do and what it would leave, a line each."""
    lines = [f"“{reach.memory.text}”"] if reach.memory is not None else []
    lines += [f"also learned from {_lesson(item)}" for item in reach.lessons]
    if reach.updates:
        lines.append(f"updates that learned it: {', '.join(f'{item.id} ({item.state})' for item in reach.updates)}")
    if reach.turns:
        lines.append(f"turns whose words go with it: {', '.join(reach.turns)}")
    lines += [f"left, though it may teach the same: {_lesson(item)}" for item in reach.near]
    if reach.also:
        lines.append(f"left, though they say the same: {', '.join(reach.also)}")
    if reach.naming:
        lines.append(f"left, though a name or a number of it stands in them: {', '.join(reach.naming)}")
    if reach.backups:
        lines.append(f"left: {len(reach.backups)} backups from before still have it")
    lines.append("It cannot be brought back.")
    return "\n".join(lines)


def _lesson(signal: Signal) -> str:
    return f"{signal.id}: “{signal.prompt}” → “{signal.answer}”"
