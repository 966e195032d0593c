"""A home of its own for one measurement: taught, learned and asked as a user would, with the bounds out of the way.

What the gate refuses is measured all the same, with its verdict at the bounds that are set by default: an adapter that
does not exist tells nothing.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.aspects_set import ASPECTS
from bench.personas import Fact, leaked, says
from edge_models.adapter import read_gguf_adapter
from edge_models.lora import Lora
from edge_models.network import Network
from edge_seal.adaptation.signals import lesson
from edge_seal.adaptation.work import CycleReport
from edge_seal.clock import SystemClock
from edge_seal.config import GateSettings, Home
from edge_seal.engines.engine import Message, Sampling
from edge_seal.engines.taught_words import in_words_taught
from edge_seal.runtime import Runtime
from edge_seal.runtime.scoping import Bearing

ANSWER_TOKENS = 20
SETTINGS = """
[limits]
updates_per_hour = 1000
updates_per_day = 10000
minutes_between_updates = 0.0
seconds_per_update = 86400.0
cpu_seconds_per_day = 10000000.0
energy_wh_per_update = 10000.0
updates_per_week = 70000
examples_per_update = 100000

[gate]
minimum_probe_hits = 0.0
minimum_probe_gain_nats = 0.0
maximum_neighbour_leaks = 1.0
maximum_anchor_drift_nats = 1000000000.0
maximum_overwritten_certainty = 1.0
minimum_fit_chance = 0.0
loss_chance = 0.0
entropy_ratio = 1000000.0
length_ratio = 1000000.0
maximum_stray_answers = 1.0
maximum_broken_answers = 1.0
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and what was answered.

    `right` (of a neighbour: untouched) is of the answer that is served, by the adapter or by the base; `unaided` of the
    same without the words of the lesson beside the question; `everywhere` of the adapter's own to the question alone,
    whatever it is.
    """

    key: str
    question: str
    answer: str
    right: bool
    unaided: bool
    everywhere: bool


def share(asked: Sequence[Asked], how: Literal["right", "unaided", "everywhere"] = "right") -> float:
    """The share of `asked` that is right as it is served, `unaided`, or with the adapter `everywhere`."""
    right = [getattr(one, how) for one in asked]
    return sum(right) / len(right) if right else float("nan")


class LearningHome:
    """One home and its runtime; opened with `opened`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def learn(self, facts: Sequence[Fact]) -> tuple[CycleReport, float]:
        """Teaches `facts` and runs one cycle; the report, and the seconds from the signal to the active update."""
        self.runtime.teach([lesson(fact.question, fact.answer) for fact in facts])
        began = time.monotonic()
        report = self.runtime.learn(now=True)
        return report, time.monotonic() - began

    def bears_on(self, question: str) -> bool:
        """Whether the active update answers `question`, as it is served; where there is none, no."""
        return self._bearing(question).bears

    def _bearing(self, question: str) -> Bearing:
        active = self.runtime.releases.active()
        return Bearing(bears=False) if active is None else self.runtime.bearing(active, question, None)

    def said(self, question: str) -> str:
        """What is answered, as it is served, without memory and without history."""
        bearing = self._bearing(question)
        return self._said(in_words_taught(question, bearing.taught_as), adapted=bearing.bears)

    def said_everywhere(self, question: str) -> str:
        """What the active update answers to `question` alone, whether a lesson bears on it or not."""
        return self._said(question, adapted=True)

    def _said(self, question: str, *, adapted: bool) -> str:
        engine = self.runtime.engine
        active = self.runtime.releases.active()
        # A cycle leaves the engine with what serves; a question without memory needs nothing else of the runtime.
        if active is None or active.adapter_sha256 is None or not adapted:
            engine.use_adapter(None)
        else:
            engine.use_adapter(self.runtime.adapters.path(active.adapter_sha256))
        tokens = engine.render([Message("user", question)])
        return "".join(
            piece.text for piece in engine.generate(tokens, Sampling(ANSWER_TOKENS), reuse_prefix=True)
        ).strip()

    def same_words(self, facts: Sequence[Fact]) -> list[Asked]:
        """Each fact asked for as it was taught."""
        return [self._asked(fact, fact.question, facts) for fact in facts]

    def held_out(self, facts: Sequence[Fact], most: int | None = None) -> list[Asked]:
        """Each fact asked for in the wordings that are kept for reports, `most` of each."""
        return [self._asked(fact, question, facts) for fact in facts for question in fact.held_out[:most]]

    def neighbours(self, facts: Sequence[Fact]) -> list[Asked]:
        """Something near each fact that was never told; right where no telling word of any fact is said."""
        return [self._asked(fact, fact.neighbour, facts, near=True) for fact in facts]

    def beside(self, facts: Sequence[Fact]) -> list[Asked]:
        """What is asked of the same things and of their kind; right where no telling word of any fact is said."""
        return [self._asked(fact, question, facts, near=True) for fact in facts for question in ASPECTS[fact.key]]

    def _asked(self, fact: Fact, question: str, facts: Sequence[Fact], *, near: bool = False) -> Asked:
        def right(answer: str) -> bool:
            return leaked(answer, question, facts) is None if near else says(answer, fact)

        bearing = self._bearing(question)
        own = self._said(question, adapted=True)
        unaided = own if bearing.bears else self._said(question, adapted=False)
        put = in_words_taught(question, bearing.taught_as)
        served = unaided if put == question else self._said(put, adapted=bearing.bears)
        # What is kept to be read is what went wrong, wherever it did.
        kept = own if right(served) else served
        return Asked(fact.key, question, kept, right(served), right(unaided), right(own))

    def adapter(self, decoder: Network) -> Lora | None:
        """The active update's tensors as they are served."""
        active = self.runtime.releases.active()
        if active is None or active.adapter_sha256 is None:
            return None
        stored = read_gguf_adapter(self.runtime.adapters.path(active.adapter_sha256))
        return Lora.from_tensors(decoder.architecture, stored.tensors, rank=stored.rank, alpha=stored.alpha)


@contextmanager
def opened(cache: Path, extra: str = "") -> Generator[LearningHome]:
    """A new home with the bench's settings and `extra` ones; what is made once per model is kept in `cache`."""
    with tempfile.TemporaryDirectory(prefix="edge-seal-bench-") as scratch:
        root = Path(scratch)
        home = Home(root / "data", root / "config", root / "state", root / "cache")
        home.create()
        home.config_file.parent.mkdir(parents=True, exist_ok=True)
        home.config_file.write_text(SETTINGS + extra, encoding="utf-8")
        if cache.exists():
            shutil.copytree(cache, home.cache, dirs_exist_ok=True)
        with Runtime.open(home, SystemClock()) as runtime:
            yield LearningHome(runtime)
            shutil.copytree(home.cache, cache, dirs_exist_ok=True)


def passes_by_default(report: CycleReport) -> bool:
    """Whether the gate would have let the update through at the bounds that are set by default."""
    if report.gate is None:
        return False
    figures = {measure.name: measure.after for measure in report.gate.measures}
    bounds = GateSettings()
    return (
        report.gate.passed
        and figures["probe_hits"] >= bounds.minimum_probe_hits
        and figures["probe_gain"] >= bounds.minimum_probe_gain_nats
        and figures["anchor_drift"] <= bounds.maximum_anchor_drift_nats
        and figures["neighbour_leaks"] <= bounds.maximum_neighbour_leaks
    )
