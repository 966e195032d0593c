"""The chat: conversations beside, turns above, the prompt below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from edge_seal.errors import EdgeSealError
from edge_seal.labels import Origin, SignalKind
from edge_seal.plain_text import plain_text
from edge_seal.tui.conversation_list import ConversationList, Listed
from edge_seal.tui.dialogs import AskDialog, LineDialog
from edge_seal.tui.edit_dialog import EditDialog, TeachDialog
from edge_seal.tui.insisting import insisted
from edge_seal.tui.messages import Changed, LearningEnded, LearningProgress, LearningStarted, ModelLoading
from edge_seal.tui.prompt_area import PromptArea, Written
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.slash_commands import COMMANDS, SENT_ON, SlashCommand, slash_command
from edge_seal.tui.turn_view import Doing, TurnView
from edge_seal.wording import counted

if TYPE_CHECKING:
    from edge_seal.records import Turn
    from edge_seal.runtime import Ask, Runtime

LISTED: Final = 200
FRAME_S: Final = 0.08
"""How long what arrives is gathered before it is shown: a dozen times a second is smooth, and costs as often."""
SHOWN_AT_ONCE: Final = 12
"""Turns of a long conversation that are put on the screen at once; earlier ones when they are asked for."""
_WIDE: Final = 100


@dataclass(frozen=True, slots=True)
class _Opened:
    """A conversation as it is read from the runtime."""

    id: str
    turns: tuple[Turn, ...]
    said: dict[str, tuple[SignalKind, ...]]
    system_prompt: str


class ChatScreen(DeskScreen):
    """Talks with the model in one conversation at a time."""

    MODE: ClassVar[str] = "chat"
    AUTO_FOCUS: ClassVar[str | None] = "#prompt"
    HELP: ClassVar[str | None] = """
# Chat

Write below and press **enter**; **ctrl+j** or **alt+enter** begins a new line, **↑** brings back what you sent.
**escape** stops an answer (what is written of it is kept), or leaves the prompt for the answers above.

On an answer (the last one, or the one you went to with **↑ ↓**):
**+** good, **-** bad, **c** correct it, **r** another answer, **e** edit your question and send it again,
**y** copy, **m** the memories it was given (on one of them **e** edits it, **d** forgets it). From the prompt:
**ctrl+g** good, **ctrl+n** bad, **ctrl+r** correct, **ctrl+o** another answer, **ctrl+t** edit, **ctrl+l** memories.

What you paste is marked as pasted: it commands nothing, and is learned only with your approval.
Under each answer stands what answered: `base` or an update, memories it was given, and how fast it was written.

""" + "\n".join(f"- `{words}`" for words in COMMANDS.values())
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop_or_leave", "Stop", id="chat.stop"),
        # These come before what is written, so that on a busy machine no letter typed after one overtakes it.
        Binding("ctrl+r", "do('correct')", "Correct", id="chat.correct", priority=True),
        Binding("ctrl+g", "do('good')", "Good", id="chat.good", priority=True),
        Binding("ctrl+n", "do('bad')", "Bad", id="chat.bad", priority=True),
        Binding("ctrl+o", "do('again')", "Again", id="chat.again", priority=True),
        Binding("ctrl+t", "do('edit')", "Edit", id="chat.edit", priority=True),
        Binding("ctrl+l", "do('memories')", "Memories", id="chat.memories", priority=True),
        Binding("f12", "toggle_conversations", "List", id="chat.conversations", priority=True),
        Binding("plus,equals_sign", "do('good')", "Good", id="chat.turn_good", show=False),
        Binding("minus", "do('bad')", "Bad", id="chat.turn_bad", show=False),
        Binding("c", "do('correct')", "Correct", id="chat.turn_correct", show=False),
        Binding("r", "do('again')", "Another answer", id="chat.turn_again", show=False),
        Binding("e", "do('edit')", "Edit and send again", id="chat.turn_edit", show=False),
        Binding("y", "do('copy')", "Copy", id="chat.turn_copy", show=False),
        Binding("m", "do('memories')", "Memories", id="chat.turn_memories", show=False),
        Binding("a", "do('accept')", "Remember what was noted", id="chat.turn_accept", show=False),
        Binding("x", "do('dismiss')", "Do not remember it", id="chat.turn_dismiss", show=False),
        Binding("o", "earlier", "Earlier turns", id="chat.earlier", show=False),
        Binding("up,k", "step(-1)", "Answer above", show=False, id="chat.up"),
        Binding("down,j", "step(1)", "Answer below", show=False, id="chat.down"),
        Binding("i", "focus_prompt", "Write", show=False, id="chat.write"),
        Binding("h", "toggle_conversations", "Conversations", show=False, id="chat.left"),
    ]

    @dataclass
    class Piece(Message):
        """The next part of the answer that is being written, raw."""

        text: str

    @dataclass
    class Answered(Message):
        """The answer is whole, or could not be given."""

        turn: Turn | None
        error: EdgeSealError | None = None

    def __init__(self) -> None:
        super().__init__()
        self._conversation: str | None = None
        self._private: list[Turn] | None = None
        self._system_prompt = ""
        self._system_changed = False
        self._answering: TurnView | None = None
        self._asked: Written | None = None
        self._replaced: tuple[TurnView, ...] = ()
        self._hidden: tuple[Turn, ...] = ()
        self._said: dict[str, tuple[SignalKind, ...]] = {}
        self._model = "loading"
        self._learning = ""
        self._listed_by_user: bool | None = None

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="chat"):
            yield ConversationList(id="conversations")
            with Vertical(id="talk"):
                with VerticalScroll(id="turns", can_focus=False):
                    yield Static(Content(_GREETING), markup=False, id="greeting")
                yield Static("", markup=False, id="chat-state")
                yield PromptArea(id="prompt")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(FRAME_S, self._show_pieces)
        self.query_one("#turns", VerticalScroll).anchor()
        self.query_one(PromptArea).focus()
        self._lay_out(self.size.width)
        self._tell_state()
        self.call_after_refresh(self._read_list)

    @property
    def model_state(self) -> str:
        """`loading`, `ready` or `failed`."""
        return self._model

    # What is told ---------------------------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        self._lay_out(event.size.width)

    def on_changed(self, event: Changed) -> None:
        if event.kind == "conversations":
            self._read_list()

    def on_model_loading(self, event: ModelLoading) -> None:
        self._model = event.state
        self._tell_state()
        if event.error is not None:
            self.tell_error(event.error)

    def on_learning_started(self, _: LearningStarted) -> None:
        self._learning = "learning: begins"
        self._tell_state()

    def on_learning_progress(self, event: LearningProgress) -> None:
        progress = event.progress
        steps = f" {progress.done} of {progress.total}" if progress.total else ""
        self._learning = f"learning: {progress.stage}{steps}"
        self._tell_state()

    def on_learning_ended(self, event: LearningEnded) -> None:
        update = None if event.report is None else event.report.update
        self._learning = "" if update is None else f"learned: {update.id} is {update.state.replace('_', ' ')} (F3)"
        self._tell_state()

    # Sending --------------------------------------------------------------------------------------------------

    def on_prompt_area_sent(self, event: PromptArea.Sent) -> None:
        event.stop()
        if self._answering is not None:
            self.tell_note("wait for the answer, or stop it with escape", warning=True)
            return
        prompt = self.query_one(PromptArea)
        command = slash_command(event.written.text) if event.written.origin is Origin.TYPED else None
        if command is not None and command.name not in COMMANDS:
            self.tell_note(f"there is no /{command.name}; a space before it sends it as text", warning=True)
            return
        if self._private is None:
            prompt.remember(event.written)
        prompt.put(Written("", Origin.TYPED))
        if command is not None and command.name not in SENT_ON:
            self._obey(command)
            return
        self._send(event.written)

    def _send(self, written: Written, instead_of: str | None = None) -> None:
        """Asks `written`; `instead_of` is the turn whose place it takes."""
        self.run_worker(
            partial(self._answer, lambda _: self._asking(written, instead_of), written, instead_of), name="answer"
        )

    def _asking(self, written: Written, instead_of: str | None) -> Ask:
        from edge_seal.runtime import Ask

        return Ask(
            written.text,
            written.origin,
            conversation=None if self._private is not None or instead_of is not None else self._conversation,
            private=self._private is not None,
            before=() if self._private is None else tuple(self._private),
            system_prompt=self._system_prompt if self._system_changed or self._private is not None else None,
            instead_of=instead_of,
        )

    async def _answer(self, asking: Callable[[Runtime], Ask], written: Written, instead_of: str | None) -> None:
        """Asks, and posts what comes. The place for the answer is on the screen before the model is asked."""
        await self._make_room(written, instead_of)
        try:
            ask = await self.desk.call(asking)
            turn = await self.desk.ask(ask, lambda piece: self.post_message(self.Piece(piece)))
        except EdgeSealError as error:
            self.post_message(self.Answered(None, error))
        else:
            self.post_message(self.Answered(turn))

    async def _make_room(self, written: Written, instead_of: str | None) -> None:
        turns = self.query_one("#turns", VerticalScroll)
        await self.query("#greeting").remove()
        views = list(self.query(TurnView))
        ids = [None if view.turn is None else view.turn.id for view in views]
        self._replaced = tuple(views[ids.index(instead_of) :]) if instead_of in ids else ()
        was_there = self.focused in self._replaced
        for view in self._replaced:
            view.display = False
        self._asked = written
        if not self.desk.is_learning:
            self._learning = ""
        self._answering = TurnView(written.text, written.origin)
        await turns.mount(self._answering)
        turns.anchor()
        if was_there:
            self._answering.focus()
        self._tell_state()

    def on_chat_screen_piece(self, event: Piece) -> None:
        if self._answering is not None:
            self._answering.feed(event.text)

    async def _show_pieces(self) -> None:
        if self._answering is not None:
            await self._answering.show()

    async def on_chat_screen_answered(self, event: Answered) -> None:
        view, replaced = self._answering, self._replaced
        self._answering, self._replaced = None, ()
        if view is None:
            return
        if event.turn is None:
            await self._failed(view, replaced, event.error)
        else:
            for old in replaced:
                await old.remove()
            await view.finish(event.turn)
            if self._private is not None:
                self._private.append(event.turn)
            else:
                self._conversation = event.turn.conversation_id
                self._read_list()  # it may have been read before this was known
                self._system_changed = False
        self._tell_state()

    async def _failed(self, view: TurnView, replaced: Sequence[TurnView], error: EdgeSealError | None) -> None:
        """Puts everything back as it was before the question, and the question into the prompt."""
        await view.remove()
        for old in replaced:
            old.display = True
        prompt = self.query_one(PromptArea)
        if self._asked is not None and not prompt.text:
            prompt.put(self._asked)
        if error is not None:
            self.tell_error(error)

    # Commands -------------------------------------------------------------------------------------------------

    def _obey(self, command: SlashCommand) -> None:
        if command.name == "help":
            self.app.action_help()
        elif command.name == "learn":
            self.app.start_learning()
        elif command.name == "new":
            self.action_new()
        elif command.name == "private":
            self.action_private()
        elif command.name == "system":
            self._set_system(command.text)
        elif command.name == "teach":
            self.action_teach(command.text)

    def _set_system(self, text: str) -> None:
        if text:
            self._take_system(Written(text, Origin.TYPED))
            return
        told = "Said before everything else in this conversation. Empty it with /system none."
        self.app.push_screen(EditDialog("How to answer here", self._system_prompt, told=told), self._take_system)

    def _take_system(self, written: Written | None) -> None:
        if written is None:
            return
        self._system_prompt = "" if written.text.strip().lower() == "none" else written.text.strip()
        self._system_changed = True
        self.tell_note("it holds from your next question on")
        self._tell_state()

    def action_teach(self, prompt: str = "") -> None:
        """Asks for a lesson and keeps it for the next cycle."""
        self.run_worker(partial(self._teach, prompt))

    async def _teach(self, prompt: str) -> None:
        lesson = await self.app.push_screen_wait(TeachDialog(prompt))
        if lesson is None:
            return

        def taught(runtime: Runtime) -> tuple[str, ...]:
            from edge_seal.adaptation.signals import lesson as lesson_of

            given = lesson_of(lesson.prompt.text, lesson.answer.text)
            return runtime.teach([given.made_from(lesson.prompt.origin, lesson.answer.origin)]).waiting

        waiting = await self.called(taught, "signals")
        if waiting is not None:
            self._tell_kept(waiting)

    def _tell_kept(self, waiting: Sequence[str]) -> None:
        self.tell_note("kept as a lesson; /learn learns it now")
        for reason in waiting:
            self.tell_note(f"needs your approval: {reason}", warning=True)

    def action_new(self) -> None:
        """Begins a conversation."""
        self._private = None
        self.run_worker(partial(self._show, None), exclusive=True, group="open")

    def action_private(self) -> None:
        """Begins a conversation of which nothing is kept, or leaves it."""
        self._private = [] if self._private is None else None
        self.run_worker(partial(self._show, None), exclusive=True, group="open")

    # What is done with an answer ------------------------------------------------------------------------------

    def on_doing_chosen(self, event: Doing.Chosen) -> None:
        event.stop()
        if event.does == "earlier":
            self.action_earlier()
            return
        above = () if event.doing is None else event.doing.ancestors
        view = next((node for node in above if isinstance(node, TurnView)), self._current())
        self._do(event.does, view, event.about)

    def action_do(self, does: str) -> None:
        """Does something with the answer that has the focus, or the last one."""
        self._do(does, self._current(), "")

    def _current(self) -> TurnView | None:
        focused = self.focused
        while focused is not None and not isinstance(focused, TurnView):
            focused = focused.parent if isinstance(focused.parent, Static | TurnView | Vertical | Horizontal) else None
        if isinstance(focused, TurnView):
            return focused
        views = [view for view in self.query(TurnView) if view.display]
        return views[-1] if views else None

    def _do(self, does: str, view: TurnView | None, about: str) -> None:
        if view is None or view.turn is None:
            words = "there is no answer yet" if view is None else "wait for the answer, or stop it with escape"
            self.tell_note(words, warning=True)
            return
        turn = view.turn
        if does == "copy":
            self.app.copy_to_clipboard(plain_text(turn.answer))
            self.tell_note("copied")
        elif does == "memories":
            self.run_worker(partial(self._fold_memories, view, turn))
        elif does in {"good", "bad"}:
            self.run_worker(partial(self._thumb, view, turn, SignalKind.GOOD if does == "good" else SignalKind.BAD))
        elif does == "correct":
            self._correct(view, turn)
        elif does in {"again", "edit"}:
            self._ask_again(does, turn)
        elif does in {"accept", "dismiss"}:
            self.run_worker(partial(self._settle, does, view, about))
        elif does == "edit_memory":
            self.run_worker(partial(self._edit_memory, view, turn, about))
        elif does == "forget_memory":
            self.run_worker(partial(self._forget_memory, view, turn, about))

    async def _thumb(self, view: TurnView, turn: Turn, kind: SignalKind) -> None:
        if kind in view.said:
            return
        if await self.called(lambda runtime: runtime.thumb(turn.id, kind), "signals") is not None:
            view.add_said(kind)

    def _correct(self, view: TurnView, turn: Turn) -> None:
        def keep(written: Written | None) -> None:
            if written is not None and written.text.strip() != turn.answer.strip():
                self.run_worker(partial(self._keep_correction, view, turn, written))

        dialog = EditDialog("What it should have said", turn.answer, told=turn.prompt)
        self.app.push_screen(dialog, keep)

    async def _keep_correction(self, view: TurnView, turn: Turn, written: Written) -> None:
        kept = await self.called(lambda runtime: runtime.correct(turn.id, written.text, written.origin), "signals")
        if kept is not None:
            view.add_said(SignalKind.CORRECTION)
            self._tell_kept(kept.waiting)

    def _ask_again(self, does: str, turn: Turn) -> None:
        if self._answering is not None:
            self.tell_note("wait for the answer, or stop it with escape", warning=True)
        elif self._private is not None:
            self.tell_note("a private answer is kept nowhere, so nothing can take its place", warning=True)
        elif does == "again":
            written = Written(turn.prompt, turn.origin)
            self.run_worker(partial(self._answer, lambda runtime: runtime.asked_again(turn.id), written, turn.id))
        else:

            def send(written: Written | None) -> None:
                if written is not None:
                    origin = written.origin if turn.origin is Origin.TYPED else turn.origin
                    self._send(Written(written.text, origin), turn.id)

            told = "This question and what came after it are set aside."
            self.app.push_screen(EditDialog("Edit and send again", turn.prompt, told=told, keep="Send"), send)

    async def _settle(self, does: str, view: TurnView, proposal_id: str) -> None:
        """Accepts or refuses what was noted in a turn; without an id the first that waits."""
        waiting = [item.id for item in view.proposals if view.query(f"#proposal-{item.id}")]
        if not waiting:
            return
        chosen = proposal_id or waiting[0]
        if does == "accept":
            done = await self.called(lambda runtime: runtime.accept([chosen]), "memories")
        else:
            done = await self.called(lambda runtime: (runtime.proposals.reject(chosen), True)[1], "memories")
        if done is not None:
            await view.take_out_proposal(chosen)
            self.tell_note("remembered; F5 shows all that is" if does == "accept" else "it is not remembered")

    # Memories of an answer ------------------------------------------------------------------------------------

    async def _fold_memories(self, view: TurnView, turn: Turn, *, keep_open: bool = False) -> None:
        if view.shows_given and not keep_open:
            await view.show_given(None)
            return
        if not turn.memories:
            self.tell_note("it was given no memories")
            return
        given = await self.called(lambda runtime: runtime.given(turn))
        if given is not None:
            await view.show_given(given)

    async def _edit_memory(self, view: TurnView, turn: Turn, memory_id: str) -> None:
        memory = await self.called(lambda runtime: runtime.stored_memories.get(memory_id))
        if memory is None:
            return
        written = await self.app.push_screen_wait(EditDialog(f"Edit {memory_id}", memory.text, selected=False))
        if written is not None and await insisted(
            self,
            lambda runtime, sure: runtime.edit_memory(memory_id, written.text, written.origin, confirmed=sure),
            "memories",
        ):
            await self._fold_memories(view, turn, keep_open=True)

    async def _forget_memory(self, view: TurnView, turn: Turn, memory_id: str) -> None:
        reach = await self.called(lambda runtime: runtime.reach(memory_id))
        if reach is None:
            return
        updates = ", ".join(reached.id for reached in reach.updates)
        told = "Its text goes for good, with lessons and turns that say the same."
        if updates:
            told += f"\nUpdates that learned it: {updates}. The next learning retrains without it."
        if await self.app.push_screen_wait(AskDialog(f"Forget {memory_id}?", told, yes="Forget")) and (
            await self.called(lambda runtime: runtime.forget(memory_id), "memories", "conversations")
        ):
            await self._fold_memories(view, turn, keep_open=True)

    # Conversations --------------------------------------------------------------------------------------------

    def on_conversation_list_searched(self, event: ConversationList.Searched) -> None:
        event.stop()
        self._read_list()

    def on_conversation_list_wanted(self, event: ConversationList.Wanted) -> None:
        event.stop()
        if event.does == "new":
            self.action_new()
        elif event.id is not None:
            doing = {"open": self._open, "rename": self._rename, "delete": self._delete}[event.does]
            self.run_worker(partial(doing, event.id), exclusive=event.does == "open", group="open")

    def _read_list(self) -> None:
        self.run_worker(self._list, exclusive=True, group="list")

    async def _list(self) -> None:
        query = self.query_one(ConversationList).query_text

        def listed(runtime: Runtime) -> tuple[Listed, ...]:
            found = runtime.archive.find(query) if query.strip() else runtime.archive.list(limit=LISTED)
            return tuple(Listed(item.id, item.title, _day(item.last_at)) for item in found)

        found = await self.called(listed)
        if found is not None:
            self.query_one(ConversationList).show(found, self._conversation)

    async def _open(self, conversation_id: str) -> None:
        def opened(runtime: Runtime) -> _Opened:
            return _Opened(
                conversation_id,
                runtime.conversations.turns(conversation_id),
                dict(runtime.archive.feedback(conversation_id)),
                runtime.conversations.system_prompt(conversation_id),
            )

        found = await self.called(opened)
        if found is not None:
            self._private = None
            await self._show(found)

    async def _show(self, opened: _Opened | None) -> None:
        """Puts a conversation on the screen; None: an empty one."""
        if self._answering is not None:
            self.tell_note("wait for the answer, or stop it with escape", warning=True)
            return
        self._conversation = None if opened is None else opened.id
        self._system_prompt = "" if opened is None else opened.system_prompt
        self._system_changed = False
        self._said = {} if opened is None else opened.said
        prompt = self.query_one(PromptArea)
        for turn in () if opened is None else opened.turns:
            prompt.remember(Written(turn.prompt, turn.origin))
        if opened is not None and self.size.width < _WIDE:
            self._listed_by_user = None  # it was opened to be read, and there is no room for both
            self._lay_out(self.size.width)
        turns = self.query_one("#turns", VerticalScroll)
        await turns.remove_children()
        self._hidden = () if opened is None else opened.turns[:-SHOWN_AT_ONCE]
        shown = () if opened is None else opened.turns[-SHOWN_AT_ONCE:]
        if opened is None:
            greeting = _PRIVATE_GREETING if self._private is not None else _GREETING
            await turns.mount(Static(Content(greeting), markup=False, id="greeting"))
        await self._mount_earlier()
        await turns.mount_all([self._view(turn) for turn in shown])
        turns.anchor()
        prompt.focus()
        self._tell_state()
        self._read_list()

    def _view(self, turn: Turn) -> TurnView:
        return TurnView(turn.prompt, turn.origin, turn, self._said.get(turn.id, ()))

    async def _mount_earlier(self) -> None:
        turns = self.query_one("#turns", VerticalScroll)
        await self.query("#earlier").remove()
        if self._hidden:
            row = Horizontal(Doing("earlier", f"… {counted(len(self._hidden), 'earlier turn')} (o)", ""), id="earlier")
            await turns.mount(row, before=0)

    def action_earlier(self) -> None:
        """Puts earlier turns of a long conversation on the screen."""
        self.run_worker(self._show_earlier, exclusive=True, group="open")

    async def _show_earlier(self) -> None:
        if not self._hidden:
            return
        some, self._hidden = self._hidden[-SHOWN_AT_ONCE:], self._hidden[:-SHOWN_AT_ONCE]
        turns = self.query_one("#turns", VerticalScroll)
        turns.release_anchor()
        first = self.query(TurnView).first()
        await turns.mount_all([self._view(turn) for turn in some], before=first)
        await self._mount_earlier()

    async def _rename(self, conversation_id: str) -> None:
        found = await self.called(lambda runtime: runtime.archive.get(conversation_id))
        if found is None:
            return
        title = await self.app.push_screen_wait(LineDialog("Rename the conversation", value=plain_text(found.title)))
        if title is not None:
            await self.called(lambda runtime: runtime.archive.rename(conversation_id, title), "conversations")

    async def _delete(self, conversation_id: str) -> None:
        def asked(runtime: Runtime) -> tuple[str, int, tuple[str, ...]]:
            found = runtime.archive.get(conversation_id)
            return found.title, found.turns, runtime.archive.lessons_of(conversation_id)

        found = await self.called(asked)
        if found is None:
            return
        title, count, lessons = found
        turns = counted(count, "turn goes", "turns go")
        told = f"“{title}”: {turns} for good, with their bytes on the disk."
        if lessons:
            told += f"\nLessons taught in it stay: {', '.join(lessons)}."
        dialog = AskDialog("Delete this conversation?", told, yes="Delete")
        if not await self.app.push_screen_wait(dialog):
            return
        done = await self.called(
            lambda runtime: (runtime.delete_conversation(conversation_id), True)[1], "conversations"
        )
        if done and conversation_id == self._conversation:
            await self._show(None)

    # Moving about ---------------------------------------------------------------------------------------------

    def action_stop_or_leave(self) -> None:
        """Stops the answer that is being written; without one, goes from the prompt to the answers and back."""
        if self._answering is not None:
            self.desk.stop_answer()
            return
        views = [view for view in self.query(TurnView) if view.display]
        if isinstance(self.focused, PromptArea) and views:
            views[-1].focus()
        else:
            self.action_focus_prompt()

    def action_focus_prompt(self) -> None:
        """Goes to the prompt."""
        self.query_one(PromptArea).focus()

    def action_step(self, rows: int) -> None:
        """Goes to the answer above or below; from the last one to the prompt."""
        views = [view for view in self.query(TurnView) if view.display]
        current = self._current()
        if current is None or not views:
            self.action_focus_prompt()
            return
        at = views.index(current) + rows if isinstance(self.focused, TurnView) else len(views) - 1
        if at >= len(views):
            self.action_focus_prompt()
        elif at >= 0:
            views[at].focus()

    def action_toggle_conversations(self) -> None:
        """Shows the conversations and goes there, or hides them."""
        listing = self.query_one(ConversationList)
        inside = self.focused is not None and listing in self.focused.ancestors
        if listing.display and not inside:
            listing.focus_list()
            return
        self._listed_by_user = not listing.display
        self._lay_out(self.size.width)
        if listing.display:
            listing.focus_list()
        else:
            self.action_focus_prompt()

    def _lay_out(self, width: int) -> None:
        wanted = self._listed_by_user if self._listed_by_user is not None else width >= _WIDE
        self.query_one(ConversationList).display = wanted

    def on_prompt_area_origin_changed(self, event: PromptArea.OriginChanged) -> None:
        event.stop()
        self._tell_state()

    def _tell_state(self) -> None:
        """The line over the prompt: what is going on, in words."""
        parts: list[str] = []
        if self._private is not None:
            parts.append("PRIVATE: nothing is kept")
        if self.query_one(PromptArea).origin is not Origin.TYPED:
            parts.append("PASTED: commands nothing, learned only if you approve")
        if self._system_prompt:
            parts.append("with a system prompt")
        if self._answering is not None:
            parts.append("answering… escape stops" if self._model == "ready" else "the model is loading, then answers…")
        elif self._model == "loading":
            parts.append("the model is loading; you can write already")
        elif self._model == "failed":
            parts.append("there is no model: F7")
        if self._learning:
            parts.append(self._learning)
        self.query_one("#chat-state", Static).update(Content(" · ".join(parts)))


_GREETING: Final = """\
Ask something. What you tell about yourself can be remembered, what you
correct can be learned, and all of it can be seen and taken back (F3).

enter sends · ctrl+j new line · F1 help · ctrl+p commands"""
_PRIVATE_GREETING: Final = """\
A private conversation: nothing of it is kept, found again or learned from.
/private leaves it, and it is gone."""


def _day(stored: str) -> str:
    from edge_seal.clock import parse_timestamp

    try:
        return parse_timestamp(stored).astimezone().strftime("%d %b")
    except ValueError:
        return ""
