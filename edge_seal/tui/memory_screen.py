"""The Memory screen: what is remembered, found as you type, changed and forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from edge_seal.memory.listing import Filter
from edge_seal.records import Memory, State
from edge_seal.runtime.browsing import Form, MemoryDetail
from edge_seal.tui.decisions import decide_contradiction, decide_proposal
from edge_seal.tui.dialogs import AskDialog, ChoiceDialog, LineDialog
from edge_seal.tui.edit_dialog import EditDialog
from edge_seal.tui.foreign import one_line
from edge_seal.tui.insisting import insisted
from edge_seal.tui.list_screen import ListScreen
from edge_seal.tui.memory_text import memory_text, reach_text
from edge_seal.tui.paged_list import Column
from edge_seal.tui.written import local_time
from edge_seal.wording import counted

_TYPING_S: Final = 0.15
"""So long after the last key a search begins."""
_NEAREST: Final = 50


@dataclass(frozen=True, slots=True)
class Row:
    """A memory in the list; `near` says how near it is to what was asked, where that was asked."""

    memory: Memory
    near: str = ""


_COLUMNS: tuple[Column[Row], ...] = (
    Column("ID", 7, lambda row: row.memory.id),
    Column("KEPT", 10, lambda row: local_time(row.memory.created_at, "%Y-%m-%d")),
    Column("FROM", 8, lambda row: row.memory.origin.value),
    Column("HOLDS", 10, lambda row: local_time(row.memory.valid_to, "%Y-%m-%d") if row.memory.valid_to else "yes"),
    Column("TEXT", 0, lambda row: row.memory.text),
)
_NEAR: Column[Row] = Column("NEAR", 5, lambda row: row.near)
_NEAR_COLUMNS = (*_COLUMNS[:1], _NEAR, *_COLUMNS[3:])


class MemoryScreen(ListScreen[Row]):
    """All memories, newest first, or those that are looked for."""

    MODE: ClassVar[str] = "memory"
    HELP: ClassVar[str | None] = """
# Memory

What you told Edge Seal to remember, newest first, exactly as it was told.

- `/` searches: while you type, the memories with these letters in them; **enter** looks for the nearest by meaning.
- The second line says what is shown: **f** the kind, **s** the source, **v** what has ended too.
- **Forget** says first which lessons, turns and updates it reaches.
- **Proposed** are things you said in passing: they are memories once you accept them.
"""
    SHOWS: ClassVar[frozenset[str]] = frozenset({"memories"})
    DEFAULT_CSS = """
    MemoryScreen #search { height: 1; }
    MemoryScreen #search > Static { width: 9; }
    MemoryScreen #search > Input { width: 1fr; }
    MemoryScreen #filters { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Find", key_display="/", id="memory.search", priority=True),
        Binding("n", "remember", "New", id="memory.new"),
        Binding("e", "edit", "Edit", id="memory.edit"),
        Binding("d,delete", "forget", "Forget", id="memory.forget"),
        Binding("p", "proposed", "Proposed", id="memory.proposed"),
        Binding("t", "contradictions", "Disagree", id="memory.contradictions"),
        Binding("r", "reopen", "Holds again", id="memory.reopen"),
        Binding("f", "kind", "Kind", id="memory.kind"),
        Binding("s", "source", "Source", id="memory.source"),
        Binding("v", "valid", "Ended", id="memory.valid"),
        Binding("i", "import", "Import", id="memory.import"),
        Binding("w", "export", "Export", id="memory.export"),
    ]

    def __init__(self) -> None:
        super().__init__(_COLUMNS, empty="Nothing here.")
        self._filter = Filter()
        self._nearest: tuple[Row, ...] | None = None
        self._typing: Timer | None = None
        self._proposed = 0
        self._disagree = 0
        self._to_top = False

    def compose_head(self) -> ComposeResult:
        with Horizontal(id="search"):
            yield Static(" search: ", markup=False)
            yield Input(placeholder="/ and type; enter: nearest by meaning", compact=True)
        yield Static("", id="filters", markup=False)

    # Reading --------------------------------------------------------------------------------------------------

    def _read_others(self) -> None:
        """Reads what other words or filters ask for, from the first on."""
        self._to_top = True
        self.read_anew()

    async def _read_all(self) -> None:
        query, wanted = self.query_one(Input).value.strip(), self._filter
        if self._nearest is not None:
            found = await self.called(lambda runtime: runtime.search_memories(query, _NEAREST))
            if found is None:
                return
            self._nearest = tuple(
                Row(item.memory, "" if item.similarity is None else f"{item.similarity:.2f}") for item in found
            )
            total = len(self._nearest)
        else:
            matching = await self.called(lambda runtime: runtime.memory_count(wanted))
            if matching is None:
                return
            total = matching
        waiting = await self.called(
            lambda runtime: (len(runtime.proposals.list()), len(runtime.stored_memories.facts.contradictions()))
        )
        self._proposed, self._disagree = waiting or (0, 0)
        self._list.show_columns(_COLUMNS if self._nearest is None else _NEAR_COLUMNS)
        self._list.reload(total, to_top=self._to_top)
        self._to_top = False
        self._say_filters(total)
        self.refresh_bindings()

    async def _slice(self, offset: int, limit: int) -> Sequence[Row] | None:
        if self._nearest is not None:
            return self._nearest[offset : offset + limit]
        wanted = self._filter
        found = await self.called(lambda runtime: runtime.memory_slice(wanted, offset, limit))
        return None if found is None else [Row(memory) for memory in found]

    def _say_filters(self, total: int) -> None:
        wanted = self._filter
        if self._nearest is not None:
            words = f" the {total} nearest by meaning, best first"
        else:
            kinds = f"kind: {wanted.kind or 'any'} · source: {wanted.source or 'any'}"
            count = counted(total, "memory", "memories")
            words = f" {count} · {kinds} · {'ended ones too' if wanted.ended else 'only what holds now'}"
        waiting = f" · p: {self._proposed} proposed" if self._proposed else ""
        disagree = f" · t: {self._disagree} contradictions" if self._disagree else ""
        self.query_one("#filters", Static).update(Content(f" {one_line(words + waiting + disagree)}"))

    async def _read_detail(self) -> None:
        row = self._list.current
        if row is None:
            self._panes.detail.show(Content(""))
            return
        found: MemoryDetail | None = await self.called(lambda runtime: runtime.memory_detail(row.memory.id))
        if found is not None:
            self._panes.detail.show(memory_text(found))

    # Looking for ----------------------------------------------------------------------------------------------

    def action_search(self) -> None:
        """Goes to the search field, before the next key is looked at."""
        self.set_focus(self.query_one(Input))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(_TYPING_S, self._typed)

    def _typed(self) -> None:
        self._nearest = None
        text = self.query_one(Input).value.strip()
        self._filter = replace(self._filter, text=text or None)
        self._read_others()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._typing is not None:
            self._typing.stop()
        self._nearest = () if event.value.strip() else None
        self._filter = replace(self._filter, text=None)
        self._read_others()
        self._list.focus()

    def key_escape(self) -> None:
        """Out of the search: the list again."""
        if self.query_one(Input).has_focus:
            self._list.focus()

    def action_valid(self) -> None:
        self._change_filter(replace(self._filter, ended=not self._filter.ended))

    def action_kind(self) -> None:
        self.do(partial(self._choose_filter, "kind"))

    def action_source(self) -> None:
        self.do(partial(self._choose_filter, "source"))

    async def _choose_filter(self, name: str) -> None:
        choices = await self.called(lambda runtime: runtime.memory_choices())
        if choices is None:
            return
        listed = choices.kinds if name == "kind" else choices.sources
        options = [("", f"any {name}"), *((one, one) for one in listed)]
        chosen = await self.app.push_screen_wait(ChoiceDialog(f"Show which {name}?", options))
        if chosen is not None:
            value = chosen or None
            self._change_filter(
                replace(self._filter, kind=value) if name == "kind" else replace(self._filter, source=value)
            )

    def _change_filter(self, wanted: Filter) -> None:
        self._filter = wanted
        self._nearest = None
        self._read_others()

    # Changing -------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's
        """What needs a memory under the cursor, or something that waits, is shown so."""
        if action == "search":
            return not isinstance(self.focused, Input)  # in the field it is a letter
        row = self._list.current
        if action in {"edit", "forget"}:
            return True if row is not None else None
        if action == "reopen":
            return row is not None and row.memory.valid_to is not None
        if action == "proposed":
            return self._proposed > 0
        if action == "contradictions":
            return self._disagree > 0
        return True

    def action_remember(self) -> None:
        self.do(self._remember)

    def action_edit(self) -> None:
        self.do(self._edit)

    def action_forget(self) -> None:
        self.do(self._forget)

    def action_reopen(self) -> None:
        self.do(self._reopen)

    def action_proposed(self) -> None:
        self.do(self._decide_proposals)

    def action_contradictions(self) -> None:
        self.do(self._decide_contradictions)

    def action_import(self) -> None:
        self.do(self._import)

    def action_export(self) -> None:
        self.do(self._export)

    async def _remember(self) -> None:
        written = await self.app.push_screen_wait(EditDialog("Remember, in your words", ""))
        if written is None:
            return
        text, origin = written.text.strip(), written.origin
        kept = await insisted(self, lambda runtime, sure: runtime.remember(text, origin, confirmed=sure), "memories")
        if kept is None:
            return
        done = await self.called(lambda runtime: runtime.consequences(kept))
        ended = [] if done is None else [f"{old.id} no longer holds, and stays as history" for old in done.ended]
        disagree = ["it contradicts what is remembered: t decides"] if done is not None and done.contradictions else []
        self.tell_note("\n".join([f"remembered as {kept.id}", *ended, *disagree]))

    async def _edit(self) -> None:
        row = self._list.current
        if row is None:
            return
        memory = row.memory
        written = await self.app.push_screen_wait(
            EditDialog(f"Edit {memory.id}", memory.text, told="What it said is then gone.", selected=False)
        )
        if written is None or (text := written.text.strip()) == memory.text.strip():
            return
        origin = written.origin
        await insisted(
            self, lambda runtime, sure: runtime.edit_memory(memory.id, text, origin, confirmed=sure), "memories"
        )

    async def _forget(self) -> None:
        row = self._list.current
        if row is None:
            return
        memory_id = row.memory.id
        reach = await self.called(lambda runtime: runtime.reach(memory_id))
        if reach is None:
            return
        if not await self.app.push_screen_wait(AskDialog(f"Forget {memory_id}?", reach_text(reach), yes="Forget")):
            return
        now = False
        if any(update.state is State.ACTIVE for update in reach.updates):
            chosen = await self.app.push_screen_wait(
                ChoiceDialog(
                    "The update that answers now learned it",
                    [("later", "leave it until the next learning trains anew without it"), ("now", "take it back now")],
                )
            )
            if chosen is None:
                return
            now = chosen == "now"
        done = await self.called(lambda runtime: runtime.forget(memory_id, now=now), "memories", "updates", "signals")
        if done is not None:
            lessons = f", with the lessons {', '.join(done.lessons)}" if done.lessons else ""
            self.tell_note("\n".join([f"{memory_id} is forgotten{lessons}", *done.notices]), warning=bool(done.notices))

    async def _reopen(self) -> None:
        row = self._list.current
        if row is None:
            return
        memory_id = row.memory.id
        done = await self.called(lambda runtime: runtime.stored_memories.facts.reopen(memory_id), "memories")
        if done is not None:
            self.tell_note(f"{memory_id} holds again")

    # What waits -----------------------------------------------------------------------------------------------

    async def _decide_proposals(self) -> None:
        """One after the other until none is left or the user leaves."""
        while waiting := await self.called(lambda runtime: runtime.proposals.list()):
            chosen = await self.app.push_screen_wait(
                ChoiceDialog(
                    f"{len(waiting)} proposed. You said: {waiting[0].text}",
                    [("accept", "remember it"), ("dismiss", "dismiss it, for good")],
                )
            )
            if chosen is None or not await decide_proposal(self, waiting[0], accept=chosen == "accept"):
                return

    async def _decide_contradictions(self) -> None:
        while found := await self.called(lambda runtime: runtime.stored_memories.facts.contradictions()):
            if not await decide_contradiction(self, found[0]):
                return

    # Files ----------------------------------------------------------------------------------------------------

    async def _import(self) -> None:
        told = "JSON Lines or Markdown, as export writes it. All of it is added, or none."
        path = await self.app.push_screen_wait(LineDialog("Import memories from", told))
        if path is None:
            return
        done = await insisted(
            self, lambda runtime, sure: runtime.import_memory_file(Path(path), confirmed=sure), "memories"
        )
        if done is not None:
            self.tell_note(f"{done.added} added, {done.known} known already")

    async def _export(self) -> None:
        forms: list[tuple[Form, str]] = [
            ("jsonl", "JSON Lines: can be imported as it was"),
            ("markdown", "Markdown: to read"),
        ]
        form = await self.app.push_screen_wait(ChoiceDialog("Export all memories as", forms))
        if form is None:
            return
        default = "memories.md" if form == "markdown" else "memories.jsonl"
        path = await self.app.push_screen_wait(LineDialog("Export to", "Nothing is overwritten.", value=default))
        if path is None:
            return
        count = await self.called(
            lambda runtime: runtime.export_memory_file(Path(path), "markdown" if form == "markdown" else "jsonl")
        )
        if count is not None:
            self.tell_note(f"{count} memories written to {path}")
