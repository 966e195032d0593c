"""What one run of the cycle carries through its stages, and what it reports in the end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge_models.gguf_file import GgufFile
from edge_seal.adaptation import style_edits, thumbs
from edge_seal.adaptation.evidence import Evidence
from edge_seal.adaptation.guardian import Verdicts
from edge_seal.adaptation.training import TrainingReport
from edge_seal.adaptation.workers import Workers
from edge_seal.clock import Clock
from edge_seal.engines.engine import FloatArray
from edge_seal.records import Example, GateReport, Progress, Signal, Stage, State, Update, Verdict
from edge_seal.updates.comparisons import Comparison
from edge_seal.updates.risk import Risk
from edge_seal.wording import counted

DRAWN_OF_8: Mapping[str, int] = {
    "lessons": 8,
    "contrasts": 1,
    "general": 2,
    "texts": 1,
    "replay": 3,
    "pairs": 1,
}
"""How many examples of each kind a step of "8" draws, and replayed ones beside them; absent kinds are not replaced."""
DRAWN_WITHOUT_SCOPE: Mapping[str, int] = {**DRAWN_OF_8, "lessons": 5, "contrasts": 5, "texts": 2}
"""The same where the adapter will answer everything: all that is near a lesson has to be told apart by training."""


@dataclass(frozen=True, slots=True)
class ExampleVerdict:
    """The guardian's verdict on one example, where it is not a plain yes."""

    signal_id: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did. `update` is None where there was nothing to learn, and for a dry run.

    Attributes:
        examples: what was trained on and what was held back, general examples included; not the anchors.
        seconds: by stage, and `total`.
        reasons: in words, why it was refused or why there was nothing; also what was left for later.
    """

    update: Update | None
    state: State | None
    examples: tuple[Example, ...] = ()
    verdicts: tuple[ExampleVerdict, ...] = ()
    gate: GateReport | None = None
    training: TrainingReport | None = None
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    reasons: tuple[str, ...] = ()
    risk: Risk | None = None


@dataclass(slots=True)
class Work:
    """What one run carries through its stages.

    Attributes:
        outside: neighbours that no lesson bears on: the base answers them.
        vectors: of the lessons, by their prompts, what their scope was judged by.
        put: how what is held back is put to an adapter when it is served, where that is known.
        forbidden: by key of a rule that forbids tokens, those tokens.
        general_said: what the base and what the candidate says to the gate's general prompts.
    """

    signals: list[Signal]
    stopwatch: Stopwatch
    on_progress: Callable[[Progress], None]
    notes: list[str] = field(default_factory=list[str])
    anchors: tuple[Example, ...] = ()
    mismatched: tuple[Example, ...] = ()
    file: GgufFile | None = None
    workers: Workers = field(default_factory=Workers)
    risk: Risk = field(default_factory=lambda: Risk(0))
    compared: list[Comparison] = field(default_factory=list[Comparison])
    anew: bool = False
    rules: style_edits.Rules = field(default_factory=style_edits.Rules)
    scoped: bool = False
    outside: set[str] = field(default_factory=set[str])
    vectors: Mapping[str, FloatArray] = field(default_factory=dict[str, FloatArray])
    put: Mapping[str, str] = field(default_factory=dict[str, str])
    forbidden: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    evidence: Evidence = field(default_factory=lambda: Evidence((), (), ()))
    general_said: tuple[Sequence[str], Sequence[str]] = ((), ())

    @property
    def drawn(self) -> Mapping[str, int]:
        """How many examples of each kind a step of "8" draws."""
        return DRAWN_OF_8 if self.scoped else DRAWN_WITHOUT_SCOPE

    @property
    def teaching(self) -> list[Signal]:
        """The signals that say what is wanted: all but thumbs."""
        return [signal for signal in self.signals if signal.kind not in thumbs.THUMBS]

    @property
    def plain(self) -> list[Signal]:
        """Those of them that state or show no rule."""
        return [signal for signal in self.teaching if signal.id not in self.rules.of_signal]

    @property
    def lessons(self) -> int:
        """How many lessons there are to be learned; a rule is as many, whether it was stated once or shown often."""
        others = len(self.signals) - len(self.rules.of_signal)
        return others + style_edits.LESSONS_A_RULE * len(self.rules.distinct)

    @property
    def told(self) -> str:
        """What it learns from, in words."""
        judged = len(self.signals) - len(self.teaching)
        parts = [counted(len(self.teaching), "lesson")] if self.teaching or not judged else []
        return " and ".join([*parts, *([counted(judged, "thumb")] if judged else [])])

    def stepped(self, done: int, total: int, loss_nats: float) -> None:
        """After a training step: tells of it."""
        self.tell("train", done, total, loss_nats=loss_nats)

    def open_file(self, path: Path) -> GgufFile:
        """The checked model file, open until `close`."""
        self.file = GgufFile.open(path)
        return self.file

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    @property
    def seconds(self) -> dict[str, float]:
        return self.stopwatch.seconds

    @contextmanager
    def stage(self, stage: Stage) -> Generator[None]:
        self.tell(stage, 0, 0)
        with self.stopwatch.running(stage):
            yield

    def tell(self, stage: Stage, done: int, total: int, note: str = "", loss_nats: float | None = None) -> None:
        self.on_progress(Progress(stage, done, total, note, loss_nats))

    def report(
        self,
        update: Update | None,
        examples: Sequence[Example],
        verdicts: Verdicts,
        gate_report: GateReport | None = None,
        training: TrainingReport | None = None,
        reasons: Sequence[str] = (),
    ) -> CycleReport:
        return CycleReport(
            update=update,
            state=None if update is None else update.state,
            examples=tuple(examples),
            verdicts=tuple(
                ExampleVerdict(judged.example.signal_id, judged.verdict)
                for judged in verdicts.judged
                if not judged.verdict.allowed
            ),
            gate=gate_report,
            training=training,
            seconds={**self.seconds, "total": sum(self.seconds.values())},
            reasons=(*reasons, *self.notes),
            risk=None if training is None else self.risk,
        )


class Stopwatch:
    """Seconds by stage."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def running(self, stage: str) -> Generator[None]:
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self._clock.monotonic() - began
