"""What a running cycle is doing: its stages, how far it is, the loss so far, and the time left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Sparkline, Static

from edge_seal.runtime.pace import STAGES, Estimate
from edge_seal.tui.foreign import one_line

if TYPE_CHECKING:
    from edge_seal.tui.messages import LearningEnded, LearningProgress

_BAR: Final = 24


class RunningPane(Vertical):
    """Hidden while nothing runs and nothing has ended that was not looked at."""

    DEFAULT_CSS = """
    RunningPane { height: auto; display: none; padding: 0 1; border-bottom: solid $primary-muted; }
    RunningPane.shown { display: block; }
    RunningPane > Static { height: auto; }
    RunningPane > Sparkline { height: 2; display: none; }
    RunningPane.losses > Sparkline { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        # Made at once: a cycle that runs already tells its progress before this is composed.
        self._end = "c: cancel"
        self._stages = Static("", id="stages", markup=False)
        self._curve = Sparkline([], id="curve")
        self._loss = Static("", id="loss", markup=False)

    def compose(self) -> ComposeResult:
        yield self._stages
        yield self._curve
        yield self._loss

    def started(self) -> None:
        """A cycle began."""
        self._end = "c: cancel"
        self.add_class("shown")
        self.remove_class("losses")
        self._say("learning begins …", "c stops it; what answers stays as it is")

    def stopping(self) -> None:
        """It was told to stop, and does so at its next step."""
        self._end = "stops at its next step"
        self._loss.update(Content(self._end))

    def shows(self, told: LearningProgress, estimate: Estimate) -> None:
        """How far it is."""
        self.add_class("shown")
        stages = " ".join(_stage(stage, estimate) for stage in STAGES)
        progress = told.progress
        bar = "" if estimate.share is None else _bar(estimate.share)
        steps = f"{progress.done} of {progress.total}" if progress.total else ""
        left = "" if estimate.seconds_left is None else f"about {_seconds(estimate.seconds_left)} left"
        words = (f"{bar} {steps}".strip(), one_line(progress.note or "", 40), f"{_seconds(told.seconds)} so far", left)
        line = " · ".join(filter(None, (*words, self._end)))
        self._say(stages, line)
        if len(told.losses) > 1:
            self.add_class("losses")
            self._curve.data = list(told.losses)
            lowest = min(told.losses)
            first, last = told.losses[0], told.losses[-1]
            loss = f"loss in nats, step by step: {first:.3f} at first, {last:.3f} now, {lowest:.3f} at the lowest"
            self._loss.update(Content(f"{line}\n{loss}"))

    def ended(self, told: LearningEnded) -> None:
        """How it ended; stays until the next one begins or `dismiss`."""
        self.add_class("shown")
        self.remove_class("losses")
        self._say(ending_words(told), "")

    def dismiss(self) -> None:
        """Goes away."""
        self.remove_class("shown")

    def _say(self, first: str, second: str) -> None:
        self._stages.update(Content(first))
        self._loss.display = bool(second)
        self._loss.update(Content(second))


def ending_words(told: LearningEnded) -> str:
    """How a cycle ended, in one line."""
    if told.cancelled:
        return "learning was cancelled: the answers are as before, and the lessons still wait"
    if told.error is not None:
        next_step = f"; next: {told.error.next_step}" if told.error.next_step else ""
        return one_line(f"nothing was learned: {told.error.message}{next_step}")
    report = told.report
    if report is None or report.update is None:
        reasons = "; ".join(report.reasons) if report is not None else ""
        return one_line(f"nothing was learned: {reasons}")
    state = report.update.state.value.replace("_", " ")
    reasons = f": {'; '.join(report.reasons)}" if report.reasons else ""
    return one_line(f"{report.update.id} is {state}{reasons}")


def _stage(stage: str, estimate: Estimate) -> str:
    if stage in estimate.finished:
        return f"✓{stage}"
    return f"[{stage}]" if stage == estimate.stage else f"·{stage}"


def _bar(share: float) -> str:
    full = round(share * _BAR)
    return f"{'█' * full}{'░' * (_BAR - full)}"


def _seconds(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"
