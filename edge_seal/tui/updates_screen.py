"""The Updates screen: what was learned, why, how it was measured, and the keys that take it back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from edge_seal.records import State
from edge_seal.runtime.interchange import AdapterFormat
from edge_seal.runtime.pace import Pace
from edge_seal.runtime.timeline import Choice, TimelineEntry, UpdateDetail
from edge_seal.tui.decisions import approve_update, promote_update, reject_update
from edge_seal.tui.dialogs import AskDialog, ChoiceDialog, LineDialog
from edge_seal.tui.list_screen import ListScreen
from edge_seal.tui.messages import LearningEnded, LearningProgress, LearningStarted
from edge_seal.tui.paged_list import Column
from edge_seal.tui.running import RunningPane
from edge_seal.tui.update_text import state_words, update_text
from edge_seal.tui.written import figure, local_time
from edge_seal.wording import counted

_FORMS = (
    ("gguf", "gguf: a file for llama.cpp, its manifest beside it"),
    ("peft", "peft: a directory for transformers with PEFT"),
    ("mlx", "mlx: a directory for mlx-lm"),
)


def _state(entry: TimelineEntry) -> str:
    return f"{'*' if entry.update.state is State.ACTIVE else ' '}{state_words(entry.update.state)}"


def _why(entry: TimelineEntry) -> str:
    return f"learned what you forgot; {entry.update.reason}" if entry.learned_forgotten else entry.update.reason


_COLUMNS: tuple[Column[TimelineEntry], ...] = (
    Column("ID", 6, lambda entry: entry.update.id),
    Column("STATE", 17, _state),
    Column("WHEN", 16, lambda entry: local_time(entry.changed_at)),
    Column("EX", 3, lambda entry: "–" if entry.examples is None else str(entry.examples)),
    Column("PROBES", 6, lambda entry: figure(entry.after("probe_hits"))),
    Column("DRIFT", 6, lambda entry: figure(entry.after("anchor_drift"))),
    Column("RISK", 4, lambda entry: "–" if entry.risk is None else str(entry.risk.score)),
    Column("WHY", 0, _why),
)


class UpdatesScreen(ListScreen[TimelineEntry]):
    """All updates, newest first, and the one under the cursor in full."""

    MODE: ClassVar[str] = "updates"
    HELP: ClassVar[str | None] = """
# Updates

Everything that was learned, newest first. `*` marks the one that answers now.

- **PROBES**: the share of lessons that were said in words that were never trained. **DRIFT**: how far general answers
  moved, in nats a token. **RISK**: points of 100.
- **Roll back here** makes the update under the cursor answer, at once; one that was taken back can be taken forward
  again in the same way. **Back to base** takes everything back.
- **Approve** lets an update answer that waits for you: exactly the one whose hash is shown. It is on the canary first,
  where that is set: **Promote** ends that early.
"""
    SHOWS: ClassVar[frozenset[str]] = frozenset({"updates", "signals", "memories"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="updates.approve"),
        Binding("x", "reject", "Reject", id="updates.reject"),
        Binding("p", "promote", "Promote", id="updates.promote"),
        Binding("b", "roll_back", "Roll back here", id="updates.roll_back"),
        Binding("B", "to_base", "Back to base", id="updates.to_base"),
        Binding("e", "export", "Export", id="updates.export"),
        Binding("n", "learn", "Learn now", id="updates.learn"),
        Binding("c", "cancel", "Cancel", id="updates.cancel"),
    ]

    def __init__(self) -> None:
        super().__init__(_COLUMNS, empty="Nothing was learned yet. Correct an answer in the chat, then press n.")
        self._entries: tuple[TimelineEntry, ...] = ()
        self._shown: UpdateDetail | None = None
        self._pace = Pace()

    def compose_head(self) -> ComposeResult:
        yield Static("", id="serving", markup=False)
        yield RunningPane()

    def on_mount(self) -> None:
        super().on_mount()
        if self.desk.is_learning:
            self.query_one(RunningPane).started()
            if self.desk.last_progress is not None:
                self.on_learning_progress(self.desk.last_progress)

    # Reading --------------------------------------------------------------------------------------------------

    async def _read_all(self) -> None:
        entries = await self.called(lambda runtime: runtime.timeline())
        if entries is None:
            return
        chosen = self._list.current
        self._entries = entries
        self._list.reload(len(entries))
        ids = [entry.update.id for entry in entries]
        if chosen is not None and chosen.update.id in ids:
            # What was looked at stays under the cursor when another comes above it.
            self._list.cursor = ids.index(chosen.update.id)
        self._say_serving()
        self.refresh_bindings()

    async def _slice(self, offset: int, limit: int) -> Sequence[TimelineEntry]:
        return self._entries[offset : offset + limit]

    def _say_serving(self) -> None:
        active = next((entry.update.id for entry in self._entries if entry.update.state is State.ACTIVE), None)
        waiting = sum(entry.update.state is State.AWAITING_APPROVAL for entry in self._entries)
        count = len(self._entries)
        words = f" {active or 'The base model'} answers now · {counted(count, 'update')}"
        told = f" · {counted(waiting, 'waits', 'wait')} for you" if waiting else ""
        self.query_one("#serving", Static).update(Content(words + told))

    async def _read_detail(self) -> None:
        entry = self._list.current
        if entry is None:
            self._shown = None
            self._panes.detail.show(Content(""))
            return
        detail = await self.called(lambda runtime: runtime.update_detail(entry.update.id))
        if detail is None:
            return
        same = self._shown is not None and self._shown.entry.update.id == detail.entry.update.id
        self._shown = detail
        self._panes.detail.show(update_text(detail), keep_place=same)

    # What is running ------------------------------------------------------------------------------------------

    def on_learning_started(self, _: LearningStarted) -> None:
        self.query_one(RunningPane).started()
        self.run_worker(self._new_pace, group="pace", exclusive=True)
        self.refresh_bindings()

    async def _new_pace(self) -> None:
        self._pace = Pace(await self.called(lambda runtime: runtime.last_stage_seconds()))

    def on_learning_progress(self, told: LearningProgress) -> None:
        self.query_one(RunningPane).shows(told, self._pace.hear(told.progress, told.seconds))

    def on_learning_ended(self, told: LearningEnded) -> None:
        self.query_one(RunningPane).ended(told)
        self.refresh_bindings()

    def action_learn(self) -> None:
        """Learns what waits; its progress is shown above the list."""
        self.app.start_learning()

    def action_cancel(self) -> None:
        """Lets the running cycle stop at its next step; else takes the last one's ending away."""
        if self.desk.is_learning:
            self.desk.cancel_learning()
            self.query_one(RunningPane).stopping()
            self.tell_note("it stops at its next step")
        else:
            self.query_one(RunningPane).dismiss()

    # Deciding -------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's form
        """Keys that do nothing for the update under the cursor are shown as such, and left out where they never fit."""
        entry = self._list.current
        choices = frozenset[Choice]() if entry is None else entry.choices
        wanted = {
            "approve": Choice.APPROVE, "reject": Choice.REJECT, "roll_back": Choice.ROLL_BACK, "export": Choice.EXPORT,
        }  # fmt: skip
        if action == "promote":
            return Choice.PROMOTE in choices  # rare: shown only where it is something
        if action in wanted:
            return True if wanted[action] in choices else None
        if action == "to_base":
            return True if any(one.update.state is State.ACTIVE for one in self._entries) else None
        if action == "learn":
            return None if self.desk.is_learning else True
        if action == "cancel":
            return self.desk.is_learning or self.query_one(RunningPane).has_class("shown")
        return True

    def action_approve(self) -> None:
        self.do(self._approve)

    def action_reject(self) -> None:
        self.do(self._reject)

    def action_promote(self) -> None:
        self.do(self._promote)

    def action_roll_back(self) -> None:
        self.do(self._roll_back)

    def action_to_base(self) -> None:
        self.do(self._to_base)

    def action_export(self) -> None:
        self.do(self._export)

    async def _approve(self) -> None:
        detail = await self._current_detail()
        if detail is not None:
            await approve_update(self, detail)

    async def _reject(self) -> None:
        detail = await self._current_detail()
        if detail is not None:
            await reject_update(self, detail)

    async def _promote(self) -> None:
        detail = await self._current_detail()
        if detail is not None:
            await promote_update(self, detail)

    async def _roll_back(self) -> None:
        entry = self._list.current
        if entry is not None:
            await self._go_to(entry.update.id, f"Roll back to {entry.update.id}?", entry.update.id)

    async def _to_base(self) -> None:
        await self._go_to("base", "Roll back to the base model?", "the base model")

    async def _go_to(self, target: str, question: str, name: str) -> None:
        active = next((entry.update.id for entry in self._entries if entry.update.state is State.ACTIVE), None)
        again = f"{active} can be made to answer again in the same way." if active else ""
        told = f"The next answer is that of {name}, word for word. {again}"
        if not await self.app.push_screen_wait(AskDialog(question, told, yes="Roll back")):
            return
        done = await self.called(lambda runtime: runtime.rollback(target), "updates")
        if done is not None:
            if not self.desk.is_learning:
                self.query_one(RunningPane).dismiss()  # how the last one ended is no longer how it is
            taken = f"; taken back: {', '.join(done.taken_back)}" if done.taken_back else ""
            self.tell_note(f"{done.active.id if done.active else 'the base model'} answers now{taken}")

    async def _export(self) -> None:
        entry = self._list.current
        if entry is None:
            return
        update_id = entry.update.id
        form = await self.app.push_screen_wait(ChoiceDialog(f"Export {update_id} as", _FORMS))
        if form is None:
            return
        default = Path.cwd() / (f"edge-seal-{update_id}.gguf" if form == "gguf" else f"edge-seal-{update_id}-{form}")
        told = "The manifest goes with it, and holds the lessons it was trained on. Nothing is overwritten."
        path = await self.app.push_screen_wait(LineDialog(f"Export {update_id} to", told, value=str(default)))
        if path is None:
            return
        done = await self.called(
            lambda runtime: runtime.export_adapter(update_id, Path(path).expanduser(), cast("AdapterFormat", form))
        )
        if done is not None:
            self.tell_note(f"written: {done[0]}\nits manifest: {done[1]}")

    async def _current_detail(self) -> UpdateDetail | None:
        """What is on the screen of the update under the cursor: that is what a person says yes to."""
        entry = self._list.current
        if entry is None:
            return None
        if self._shown is None or self._shown.entry.update.id != entry.update.id:
            await self._read_detail()
        return self._shown
