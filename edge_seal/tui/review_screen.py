"""The Review screen: what waits for a person, the riskiest first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from edge_seal.runtime.reviewing import Waiting
from edge_seal.tui.decisions import (
    approve_update,
    decide_contradiction,
    decide_lesson,
    decide_proposal,
    reject_update,
)
from edge_seal.tui.list_screen import ListScreen
from edge_seal.tui.paged_list import Column
from edge_seal.tui.update_text import update_text
from edge_seal.tui.written import FAINT, Written, local_time
from edge_seal.wording import counted

if TYPE_CHECKING:
    from edge_seal.runtime.timeline import UpdateDetail


def _what(item: Waiting) -> str:
    if item.update is not None:
        return "update"
    if item.lesson is not None:
        return "lesson"
    return "said in passing" if item.proposal is not None else "disagree"


_COLUMNS: tuple[Column[Waiting], ...] = (
    Column("RISK", 4, lambda item: "–" if item.risk is None else str(item.risk)),
    Column("WHAT", 15, _what),
    Column("ID", 9, lambda item: item.id),
    Column("SINCE", 16, lambda item: local_time(item.since)),
    Column("", 0, lambda item: item.words),
)


class ReviewScreen(ListScreen[Waiting]):
    """What waits, and all there is to see of it."""

    MODE: ClassVar[str] = "review"
    HELP: ClassVar[str | None] = """
# Review

What waits for you, the riskiest first.

- **update**: it learned from something you did not type, or its risk is high. Approving lets exactly the update
  answer whose hash is shown; it is hashed anew before it does.
- **lesson**: the guardian put it aside, because of the rule that is named. Letting it in lets exactly this text be
  learned, for this rule; what a rule blocks nobody can let in. x forgets it.
- **disagree**: two memories that cannot both be true. Both hold until you say which one does.
- **said in passing**: what you said of yourself in a chat. It is remembered once you accept it.
"""
    SHOWS: ClassVar[frozenset[str]] = frozenset({"updates", "memories", "conversations", "signals"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="review.approve"),
        Binding("x", "reject", "Reject", id="review.reject"),
    ]

    def __init__(self) -> None:
        super().__init__(_COLUMNS, empty="Nothing waits for you.")
        self._items: tuple[Waiting, ...] = ()
        self._shown: UpdateDetail | None = None

    def compose_head(self) -> ComposeResult:
        yield Static("", id="waiting", markup=False)

    async def _read_all(self) -> None:
        items = await self.called(lambda runtime: runtime.waiting())
        if items is None:
            return
        self._items = items
        self._list.reload(len(items))
        waits = counted(len(items), "thing waits", "things wait")
        self.query_one("#waiting", Static).update(Content(f" {waits} for you"))
        self.refresh_bindings()

    async def _slice(self, offset: int, limit: int) -> Sequence[Waiting]:
        return self._items[offset : offset + limit]

    async def _read_detail(self) -> None:
        item = self._list.current
        self._shown = None
        if item is None:
            self._panes.detail.show(Content(""))
        elif item.update is not None:
            update_id = item.update.update.id
            self._shown = await self.called(lambda runtime: runtime.update_detail(update_id))
            if self._shown is not None:
                self._panes.detail.show(update_text(self._shown))
        else:
            self._panes.detail.show(_text(item))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's form
        """There is nothing to decide where nothing waits."""
        return None if action in {"approve", "reject"} and self._list.current is None else True

    def action_approve(self) -> None:
        self.do(partial(self._decide, yes=True))

    def action_reject(self) -> None:
        self.do(partial(self._decide, yes=False))

    async def _decide(self, *, yes: bool) -> None:
        item = self._list.current
        if item is None:
            return
        if item.contradiction is not None:
            await decide_contradiction(self, item.contradiction)
        elif item.lesson is not None:
            await decide_lesson(self, item.lesson, let_in=yes)
        elif item.proposal is not None:
            await decide_proposal(self, item.proposal, accept=yes)
        elif item.update is not None:
            if self._shown is None or self._shown.entry.update.id != item.update.update.id:
                await self._read_detail()
            if self._shown is not None:
                await (approve_update if yes else reject_update)(self, self._shown)


def _text(item: Waiting) -> Content:
    written = Written()
    if item.lesson is not None:
        lesson = item.lesson
        written.head(f"{lesson.signal.id}: put aside by the guardian").text(lesson.signal.prompt)
        written.head("its answer").text(lesson.signal.answer)
        for reason in lesson.reasons:
            written.line(reason)
        written.pair("comes from", lesson.signal.source or lesson.signal.origin.value)
        if lesson.approval is not None:
            written.pair("hash", lesson.approval)
            written.line("a lets exactly this be learned, x forgets it for good", FAINT)
        else:
            written.line("nobody can let it in; x forgets it for good", FAINT)
    elif item.proposal is not None:
        proposal = item.proposal
        written.head(f"{proposal.id}: you said").text(proposal.text)
        written.pair("in", proposal.turn_id or "–").pair("found by", proposal.found_by)
        written.line("a remembers it, x dismisses it for good", FAINT)
    elif item.contradiction is not None:
        found = item.contradiction
        sure = "contradict each other" if found.similarity is None else "may contradict each other"
        written.head(f"{found.first.id} and {found.second.id} {sure}")
        for memory in (found.first, found.second):
            written.head(f"{memory.id}, kept {local_time(memory.created_at)}").text(memory.text)
        written.line("a decides which one holds; the other one then has ended, and stays as history", FAINT)
    return written.content()
