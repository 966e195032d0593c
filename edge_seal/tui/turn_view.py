"""One question and its answer on the screen, with the mark of what answered and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click, Focus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from edge_seal.labels import Origin, SignalKind
from edge_seal.tui.foreign import foreign, one_line
from edge_seal.wording import counted

if TYPE_CHECKING:
    from edge_seal.records import Proposal, Turn
    from edge_seal.runtime.browsing import Given
    from edge_seal.tui.answer_markdown import AnswerMarkdown
    from edge_seal.tui.growing_answer import GrowingAnswer

SAID: dict[SignalKind, str] = {
    SignalKind.GOOD: "✓ good",
    SignalKind.BAD: "✗ bad",
    SignalKind.CORRECTION: "✎ corrected",
    SignalKind.TAUGHT: "✎ taught",
}

# The action, its words and the key that does the same while the turn has the focus.
DOINGS: tuple[tuple[str, str], ...] = (
    ("good", "+ good"),
    ("bad", "- bad"),
    ("correct", "c correct"),
    ("again", "r again"),
    ("edit", "e edit"),
    ("copy", "y copy"),
    ("memories", "m memories"),
)


class Doing(Static):
    """Words that do something when they are clicked."""

    ALLOW_SELECT = False

    @dataclass
    class Chosen(Message):
        """It was clicked; `about` is the id of what it is about."""

        does: str
        about: str
        doing: Widget | None = None

    def __init__(self, does: str, words: str, about: str) -> None:
        super().__init__(Content(words), markup=False, classes="doing")
        self._does = does
        self._about = about

    def on_click(self, event: Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self._does, self._about, self))


class GivenView(Widget, can_focus=True):
    """One memory that was given to the answer, with what can be done about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "about('edit_memory')", "Edit memory", id="given.edit"),
        Binding("d,delete", "about('forget_memory')", "Forget memory", id="given.forget"),
        Binding("escape", "leave", "Back to the answer", id="given.leave", show=False),
        Binding("up,k", "step(-1)", "Memory above", show=False, id="given.up"),
        Binding("down,j", "step(1)", "Memory below", show=False, id="given.down"),
    ]

    def __init__(self, given: Given) -> None:
        super().__init__()
        self._given = given

    @property
    def _can_be_changed(self) -> bool:
        return self._given.text is not None and self._given.id.startswith("m")

    def compose(self) -> ComposeResult:
        text = "(forgotten since)" if self._given.text is None else one_line(self._given.text)
        with Horizontal():
            yield Static(Content(f"{self._given.id}: {text}"), markup=False, classes="given")
            if self._can_be_changed:
                yield Doing("edit_memory", "e edit", self._given.id)
                yield Doing("forget_memory", "d forget", self._given.id)

    def action_about(self, does: str) -> None:
        """Does something about the memory."""
        if self._can_be_changed:
            self.post_message(Doing.Chosen(does, self._given.id, self))

    def action_step(self, rows: int) -> None:
        """Goes to the memory above or below; beyond them to the answer."""
        all_given = [] if self.parent is None else list(self.parent.query_children(GivenView))
        at = all_given.index(self) + rows
        if 0 <= at < len(all_given):
            all_given[at].focus()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Goes to the answer."""
        next(node for node in self.ancestors if isinstance(node, TurnView)).focus()


class TurnView(Vertical, can_focus=True):
    """A turn: the question, the answer (whole, or as it grows), and its mark."""

    BORDER_TITLE: ClassVar[str] = ""

    def __init__(self, prompt: str, origin: Origin, turn: Turn | None = None, said: Sequence[SignalKind] = ()) -> None:
        super().__init__()
        self._prompt = prompt
        self._origin = origin
        self.turn = turn
        self.said = said_last(said)
        self._answer: AnswerMarkdown | None = None
        self._growing: GrowingAnswer | None = None

    def compose(self) -> ComposeResult:
        from edge_seal.tui.answer_markdown import AnswerMarkdown  # the first frame waits for no Markdown

        who = "You" if self._origin is Origin.TYPED else f"You, {self._origin.value}"
        with Horizontal(classes="asked"):
            yield Static(Content(f"{who}: "), markup=False, classes="who")
            yield Static(foreign(self._prompt), markup=False, classes="prompt")
        self._answer = AnswerMarkdown(self.turn.answer if self.turn is not None else "", classes="answer")
        yield self._answer
        yield Static("", markup=False, classes="mark")
        yield Vertical(classes="below")
        with Horizontal(classes="doings"):
            for does, words in DOINGS:
                yield Doing(does, words, "")

    def on_mount(self) -> None:
        self._mark()

    def on_focus(self, _: Focus) -> None:
        self.scroll_visible(animate=False)

    @property
    def answer_text(self) -> str:
        """The answer as it is shown so far."""
        if self.turn is not None:
            return foreign(self.turn.answer).plain
        return self._growing.text if self._growing is not None else ""

    # An answer that grows -------------------------------------------------------------------------------------

    def feed(self, piece: str) -> None:
        """Takes the next part of the answer, raw; `show` puts it on the screen."""
        if self._growing is None:
            if self._answer is None:
                return
            from edge_seal.tui.growing_answer import GrowingAnswer

            self._growing = GrowingAnswer(self._answer)
        self._growing.feed(piece)

    async def show(self) -> bool:
        """Puts what was fed on the screen; gives whether there was anything new."""
        return self._growing is not None and await self._growing.show()

    async def finish(self, turn: Turn) -> None:
        """The answer is whole: `turn` is what was kept of it."""
        if self._growing is None:
            self.feed(turn.answer)
        if self._growing is not None:
            self._growing.finish()
            await self._growing.show()
        self.turn = turn
        self._mark()
        await self._tell_notices(turn)

    async def tell_failed(self, words: str) -> None:
        """The answer could not be given; `words` say why, and nothing of it was kept."""
        if self._growing is not None:
            self._growing.finish()
            await self._growing.show()
        self.query_one(".mark", Static).update(Content(words))
        self.add_class("failed")

    # Below the answer -----------------------------------------------------------------------------------------

    def add_said(self, kind: SignalKind) -> None:
        """The user said this of the answer."""
        self.said = said_last((*self.said, kind))
        self._mark()

    async def show_given(self, given: Sequence[Given] | None) -> None:
        """Unfolds what the answer was given; None folds it away."""
        below = self.query_one(".below", Vertical)
        had_focus = any(view.has_focus for view in below.query(GivenView))
        await below.query(GivenView).remove()
        if given is not None:
            await below.mount_all([GivenView(item) for item in given])
            if (self.has_focus or had_focus) and given:
                below.query(GivenView).first().focus()
        elif had_focus:
            self.focus()
        below.refresh(layout=True)  # Textual keeps the height that it had

    @property
    def shows_given(self) -> bool:
        """Whether what it was given is unfolded."""
        return bool(self.query(GivenView))

    async def take_out_proposal(self, proposal_id: str) -> None:
        """The proposal was accepted or refused."""
        await self.query(f"#proposal-{proposal_id}").remove()
        self.query_one(".below").refresh(layout=True)  # Textual keeps the height that it had

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """What was noted in it and may wait to be accepted."""
        return () if self.turn is None else self.turn.proposed

    async def _tell_notices(self, turn: Turn) -> None:
        below = self.query_one(".below", Vertical)
        for notice in turn.notices:
            await below.mount(Static(Content(f"! {one_line(notice)}"), markup=False, classes="notice"))
        for item in turn.proposed:
            row = Horizontal(
                Static(Content(f"Remember this? {one_line(item.text)}"), markup=False, classes="given"),
                Doing("accept", "a yes", item.id),
                Doing("dismiss", "x no", item.id),
                id=f"proposal-{item.id}",
                classes="proposal",
            )
            await below.mount(row)

    def _mark(self) -> None:
        if self.turn is not None:
            self.query_one(".mark", Static).update(mark(self.turn, self.said))


def said_last(said: Sequence[SignalKind]) -> tuple[SignalKind, ...]:
    """What was said of an answer, each once; of good and bad what was said last."""
    thumbs = [kind for kind in said if kind in {SignalKind.GOOD, SignalKind.BAD}]
    kept = [kind for kind in said if kind not in thumbs or kind is thumbs[-1]]
    return tuple(dict.fromkeys(kept))


def mark(turn: Turn, said: Sequence[SignalKind]) -> Content:
    """What answered, with what, how fast, and what the user said of it, in one line."""
    parts = [turn.update_id or "base"]
    if turn.taught_as:
        parts.append(f"read as “{one_line(turn.taught_as, 60)}”")
    memories = sum(given.startswith("m") for given in turn.memories)
    turns = len(turn.memories) - memories
    if memories:
        parts.append(counted(memories, "memory", "memories"))
    if turns:
        parts.append(counted(turns, "earlier turn"))
    speed = tokens_a_second(turn)
    if speed is not None:
        parts.append(f"{speed:.0f} tokens/s")
    if turn.stopped:
        parts.append("stopped: kept as far as it goes")
    if turn.id == "private":
        parts.append("private: kept nowhere")
    parts += [SAID[kind] for kind in said]
    return Content(" · ".join(parts))


def tokens_a_second(turn: Turn) -> float | None:
    """How fast the answer was written, after its first token; None where nothing was."""
    seconds = turn.timing.total_s - turn.timing.first_token_s
    if turn.timing.answer_tokens < 2 or seconds <= 0:
        return None
    return (turn.timing.answer_tokens - 1) / seconds
