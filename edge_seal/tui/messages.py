"""What the desk tells the screens. Each screen that is open gets its own copy; see `EdgeSealApp.tell`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.message import Message

if TYPE_CHECKING:
    from edge_seal.adaptation.work import CycleReport
    from edge_seal.errors import EdgeSealError
    from edge_seal.records import Progress

Kind = Literal["conversations", "memories", "models", "settings", "signals", "updates"]


@dataclass
class Changed(Message):
    """Something that is kept was changed; whoever shows such things reads them anew."""

    kind: Kind


@dataclass
class ModelLoading(Message):
    """The model is being opened (`state` loading), answers (ready), or cannot (failed, with `error`)."""

    state: Literal["loading", "ready", "failed"]
    error: EdgeSealError | None = None


@dataclass
class LearningStarted(Message):
    """A cycle began."""


@dataclass
class LearningProgress(Message):
    """How far the running cycle is. `losses` are all so far, in nats, one a step; `seconds` since it began."""

    progress: Progress
    losses: tuple[float, ...]
    seconds: float


@dataclass
class LearningEnded(Message):
    """The cycle is over: with a report, with an error, or stopped by the user."""

    report: CycleReport | None = None
    error: EdgeSealError | None = None
    cancelled: bool = False
