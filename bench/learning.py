"""Does it learn what it was told, say it in other words, keep it, and leave the rest alone: on the real default model.

    python -m bench.learning [--part facts …] [--seeds 1 2 3] [--json FILE] [--plots DIRECTORY]

Personas are made up by a seed (`bench.personas`); what is asked afterwards is written by hand, apart from the trainer
(`bench.held_out_wordings`). Memory is off but in `ways`. An answer is right when it holds all words that only who was
told would say; something near that was never told is untouched when its answer holds none of them.

Answers are those that are served: the adapter's where a lesson bears on the question, else the base's. With them
stands the same `unaided`, without the lesson's words below the question, and what the adapter says `everywhere`.
`beside` is what is asked of the same thing that was not told, and of its kind in the world (`bench.aspects_set`).

Each measurement is written to the JSON file as it ends; one that stands there for the same recipe is not made again.

    facts     16 and 48 facts in one cycle: same words, held-out wordings, neighbours; drift
    sequence  eight updates of six facts: after each, all facts so far; drift
    ways      memory only, LoRA only, both, on 8 facts
    seconds   from `learn --now` to active for 8 corrections
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench import learning_plots
from bench.drift import GENERAL, Drift, asked_of, is_right
from bench.learning_home import Asked, LearningHome, opened, passes_by_default, share
from bench.personas import Fact, leaked, persona, says
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_models.network import open_network
from edge_models.store import ModelStore
from edge_seal.adaptation.work import CycleReport
from edge_seal.adaptation.workers import Workers
from edge_seal.config import Settings, shared_models
from edge_seal.records import Origin
from edge_seal.runtime import Ask

Figures = dict[str, object]
DEFAULT_JSON = Path("learning.json")
SEEDS = (1, 2, 3)
FACTS = (16, 48)
UPDATES, FACTS_AN_UPDATE = 8, 6
FEW_FACTS = 8


@dataclass(frozen=True, slots=True)
class Workplace:
    """What all parts share: the model, what is made once for it, and the drift's sets, which are opened once."""

    model: Path
    cache: Path
    drift: Callable[[LearningHome], Drift]
    settings: str
    updates: int
    drifts: bool


def main() -> None:
    """Measures what was asked for, prints the table, writes JSON and plots."""
    parser = argparse.ArgumentParser(description="Learning, generalization, retention and drift on the default model.")
    parser.add_argument("--part", nargs="+", choices=sorted(PARTS), default=list(PARTS), help="which parts to measure")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="which personas")
    parser.add_argument(
        "--facts", nargs="+", type=int, default=list(FACTS), help="how many facts, for the part of that name"
    )
    parser.add_argument("--updates", type=int, default=UPDATES, help="how many updates in a row, for the part sequence")
    parser.add_argument("--json", type=Path, default=DEFAULT_JSON, help="where the figures are kept as they come")
    parser.add_argument("--no-drift", action="store_true", help="leave out drift, which is half of the time")
    parser.add_argument("--plots", type=Path, help="write plots into this directory (needs matplotlib)")
    parser.add_argument("--settings", default="", help="lines of a config.toml that differ from the defaults")
    arguments = parser.parse_args()
    os.environ.setdefault("EDGE_SEAL_MODELS", str(shared_models()))
    files = ModelStore(shared_models()).locate(Settings().model.name)
    model = next(path for name, path in files.items() if name.endswith(".gguf"))
    results = _Results(arguments.json, model, arguments.settings)
    with Workers.opened() as workers, GgufFile.open(model) as file:
        made: dict[str, Drift] = {}

        def drift(home: LearningHome) -> Drift:
            if "drift" not in made:
                decoder = open_network(file, home.runtime.settings.learning.layers, "numpy")
                made["drift"] = Drift(decoder, home.runtime.engine, workers)
            return made["drift"]

        cache = arguments.json.with_suffix(".cache")
        place = Workplace(model, cache, drift, arguments.settings, arguments.updates, not arguments.no_drift)
        for part in arguments.part:
            print(f"== {part}", flush=True)
            for seed in arguments.seeds:
                for name, measure in PARTS[part](place, seed, arguments.facts):
                    results.once(f"{part}/{name}/seed {seed}", measure)
    results.tell()
    if arguments.plots is not None:
        learning_plots.draw(results.measured, arguments.plots)


class _Results:
    """The figures by name, written to the file as they come."""

    def __init__(self, path: Path, model: Path, settings: str) -> None:
        self._path = path
        recipe = Settings().learning.model_dump_json() + Settings().limits.model_dump_json() + settings
        self._head = {
            "machine": f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores",
            "model_sha256": model.parent.name,
            "recipe": hashlib.sha256(recipe.encode()).hexdigest()[:16],
        }
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        same = all(kept.get(key) == value for key, value in self._head.items())
        self.measured: dict[str, Figures] = kept["measured"] if same else {}

    def once(self, name: str, measure: Callable[[], Figures]) -> None:
        if name not in self.measured:
            began = time.monotonic()
            figures = measure()
            self.measured[name] = {**figures, "measured_in_s": round(time.monotonic() - began, 1)}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({**self._head, "measured": self.measured}, indent=1), encoding="utf-8")
        print(f"{name:32} {_line(self.measured[name])}", flush=True)

    def tell(self) -> None:
        """The means over seeds."""
        print("== means over seeds")
        groups: dict[str, list[Figures]] = {}
        for name, figures in self.measured.items():
            groups.setdefault(name.rsplit("/", 1)[0], []).append(figures)
        for name, group in groups.items():
            means: Figures = {
                key: statistics.fmean(float(value) for one in group if isinstance(value := one[key], (int, float)))
                for key, example in group[0].items()
                if isinstance(example, (int, float)) and all(isinstance(one.get(key), (int, float)) for one in group)
            }
            print(f"{name:24} n={len(group)} {_line(means)}")


def _line(figures: Mapping[str, object]) -> str:
    return "  ".join(f"{key} {value:.3g}" for key, value in figures.items() if isinstance(value, (int, float)))


# Parts -------------------------------------------------------------------------------------------------------

Measurement = tuple[str, Callable[[], Figures]]


def _facts(place: Workplace, seed: int, sizes: Sequence[int]) -> list[Measurement]:
    return [(f"{size} facts", lambda size=size: _learned_at_once(place, seed, size)) for size in sizes]


def _learned_at_once(place: Workplace, seed: int, size: int) -> Figures:
    facts = persona(seed, size).facts
    with opened(place.cache, place.settings) as home:
        general = [(question, home.said(question)) for question, _ in GENERAL]
        report, seconds = home.learn(facts)
        same, new, near = home.same_words(facts), home.held_out(facts), home.neighbours(facts)
        beside = home.beside(facts)
        return {
            "same_words": share(same),
            "held_out": share(new),
            "neighbours_untouched": share(near),
            "beside_untouched": share(beside),
            "held_out_unaided": share(new, "unaided"),
            "neighbours_unaided": share(near, "unaided"),
            "same_words_everywhere": share(same, "everywhere"),
            "held_out_everywhere": share(new, "everywhere"),
            "neighbours_everywhere": share(near, "everywhere"),
            **_drifted(place, home, general),
            **_trained(report, seconds),
            "by_kind": _by_kind(facts, new),
            "wrong": [asdict(one) for one in (*same, *new, *near, *beside) if not (one.right and one.everywhere)],
        }


def _sequence(place: Workplace, seed: int, _sizes: Sequence[int]) -> list[Measurement]:
    return [(f"{place.updates} updates of six", lambda: _learned_in_a_row(place, seed))]


def _learned_in_a_row(place: Workplace, seed: int) -> Figures:
    # The same persona however many updates there are: fewer of them are its beginning.
    told = persona(seed, UPDATES * FACTS_AN_UPDATE).facts[: place.updates * FACTS_AN_UPDATE]
    groups = [told[at : at + FACTS_AN_UPDATE] for at in range(0, len(told), FACTS_AN_UPDATE)]
    matrix: list[list[float]] = []
    curve: list[Figures] = []
    with opened(place.cache, place.settings) as home:
        general = [(question, home.said(question)) for question, _ in GENERAL]
        before = share(home.held_out(told, 1))
        reports: list[Figures] = []
        for number, group in enumerate(groups):
            report, seconds = home.learn(group)
            reports.append(_trained(report, seconds))
            matrix.append([share(home.held_out(earlier, 1)) for earlier in groups[: number + 1]])
            curve.append({"facts": (number + 1) * FACTS_AN_UPDATE, "held_out": _mean(matrix[-1])})
            print(f"  update {number + 1}: " + " ".join(f"{cell:4.0%}" for cell in matrix[-1]), flush=True)
        same, near = home.same_words(told), home.neighbours(told)
        return {
            "just_learned": _mean([row[-1] for row in matrix]),
            "final": _mean(matrix[-1]),
            "base": before,
            "final_same_words": share(same),
            "final_neighbours_untouched": share(near),
            "final_neighbours_everywhere": share(near, "everywhere"),
            **_drifted(place, home, general),
            "gate_passed": sum(bool(one["gate_passed"]) for one in reports),
            "seconds_an_update": _mean([float(str(one["seconds"])) for one in reports]),
            "matrix": matrix,
            "curve": curve,
            "updates": reports,
            "wrong": [asdict(one) for one in (*same, *near) if not (one.right and one.everywhere)],
        }


def _ways(place: Workplace, seed: int, _sizes: Sequence[int]) -> list[Measurement]:
    return [("memory, LoRA, both", lambda: _three_ways(place, seed))]


def _three_ways(place: Workplace, seed: int) -> Figures:
    """The same facts asked in held-out wordings: from memory alone, from the adapter alone, from both."""
    facts = persona(seed, FEW_FACTS).facts
    with opened(place.cache, place.settings) as home:
        for fact in facts:
            home.runtime.remember(_statement(fact), Origin.TYPED, confirmed=True)

        def by(*, adapter: str, memory: bool) -> tuple[float, float]:
            def said(question: str) -> str:
                ask = Ask(question, adapter=adapter, use_memory=memory, max_tokens=20, private=True)
                return home.runtime.ask(ask).answer

            asked = [(fact, question, said(question)) for fact in facts for question in fact.held_out]
            near = [(fact, fact.neighbour, said(fact.neighbour)) for fact in facts]
            return (
                _mean([float(says(answer, fact)) for fact, _, answer in asked]),
                _mean([float(leaked(answer, question, facts) is None) for _, question, answer in near]),
            )

        memory = by(adapter="none", memory=True)
        home.learn(facts)
        lora, both = by(adapter="active", memory=False), by(adapter="active", memory=True)
    return {
        "memory_held_out": memory[0],
        "lora_held_out": lora[0],
        "both_held_out": both[0],
        "memory_neighbours": memory[1],
        "lora_neighbours": lora[1],
        "both_neighbours": both[1],
    }


def _statement(fact: Fact) -> str:
    """The fact as its user would state it: "Your dog is called Biscuit." becomes "My dog is called Biscuit."."""
    swapped = {"Your": "My", "You": "I", "your": "my", "you": "I", "are": "am"}
    return " ".join(swapped.get(word, word) for word in fact.answer.split(" "))


def _seconds(place: Workplace, seed: int, _sizes: Sequence[int]) -> list[Measurement]:
    return [("8 corrections", lambda: _signal_to_active(place, seed))]


def _signal_to_active(place: Workplace, seed: int) -> Figures:
    facts = persona(100 + seed, FEW_FACTS).facts
    with opened(place.cache, place.settings) as home:
        for fact in facts:
            turn = home.runtime.ask(Ask(fact.question, use_memory=False, max_tokens=20))
            home.runtime.correct(turn.id, fact.answer)
        began, processor = time.monotonic(), time.process_time()
        report = home.runtime.learn(now=True)
        seconds = time.monotonic() - began
        return {
            **_trained(report, seconds),
            "processor_seconds": time.process_time() - processor,
            "held_out": share(home.held_out(facts)),
            "stages": {stage: round(value, 2) for stage, value in report.seconds.items()},
        }


PARTS: Mapping[str, Callable[[Workplace, int, Sequence[int]], list[Measurement]]] = {
    "facts": _facts,
    "sequence": _sequence,
    "ways": _ways,
    "seconds": _seconds,
}
"""By name; a part gives its measurements of one seed, each made when it is asked for and not there yet."""


# What parts share --------------------------------------------------------------------------------------------


def _trained(report: CycleReport, seconds: float) -> Figures:
    if report.gate is None or report.training is None:
        raise RuntimeError(f"nothing was trained: {report.reasons}")
    figures = {measure.name: measure.after for measure in report.gate.measures}
    return {
        "anchor_drift": figures["anchor_drift"],
        "gate_passed": passes_by_default(report),
        "scale": report.gate.scale,
        "steps": report.training.steps,
        "training_s": report.training.seconds,
        "seconds": seconds,
    }


def _drifted(place: Workplace, home: LearningHome, general: Sequence[tuple[str, str]]) -> Figures:
    """Drift after learning; `general` are the base's own answers to plain questions."""
    asked = asked_of(general)
    answers = {question: home.said(question) for question in asked}
    still = [is_right(question, answer) for question, answer in answers.items()]
    everywhere = [is_right(question, home.said_everywhere(question)) for question in asked]
    figures: Figures = {
        "general_right": sum(still),
        "general_right_everywhere": sum(everywhere),
        "general_asked": len(asked),
        "general_wrong": {q: answer for q, answer in answers.items() if not is_right(q, answer)},
    }
    if not place.drifts:
        return figures
    drift = place.drift(home)
    adapter: Lora | None = home.adapter(drift.decoder)
    return {**figures, **asdict(drift.measure(adapter, home.bears_on))}


def _by_kind(facts: Sequence[Fact], asked: Sequence[Asked]) -> dict[str, float]:
    kinds = {fact.key: fact.kind for fact in facts}
    return {
        kind: share([one for one in asked if kinds[one.key] == kind]) for kind in sorted({fact.kind for fact in facts})
    }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


if __name__ == "__main__":
    main()
