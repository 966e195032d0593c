"""Which questions the adapter answers, and which the base: how often that is right.

    python -m bench.scope          the figures, on relations that the weights were not fitted on
    python -m bench.scope --fit    fits the weights anew on the other half and prints them for `adaptation/scope.py`

Inside: questions that a person asks about what was told, in wordings that no form of the trainer gives. Outside: a
question near each lesson that was never answered; what is asked beside it, of the same thing or of its kind in the
world; questions about oneself that were not told; general questions. No
network is run: what is measured is the decision alone. Half of the relations and half of the general questions are for
fitting.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.aspects_set import ASPECTS
from bench.bearing_set import HELD_OUT, TUNED_ON
from bench.held_out_wordings import RELATIONS
from bench.personas import Fact, persona
from edge_models.catalog import Catalog
from edge_models.store import ModelStore
from edge_seal.adaptation import scope
from edge_seal.config import ModelSettings, shared_models
from edge_seal.engines.engine import FloatArray
from edge_seal.engines.onnx_embedder import OnnxEmbedder

LESSONS = (1, 4, 16, 48)
SEEDS = (1, 2, 3, 4)
UNTOLD_QUESTIONS = 24
GENERAL_QUESTIONS = 200
INSIDE_KEPT = 0.91
RIDGE = 1e-6


@dataclass(frozen=True, slots=True)
class Asked:
    """One question put to the lessons of one person; no `figures` where none has an answer of the kind it wants."""

    group: str
    question: str
    figures: tuple[float, ...]
    log_odds: float
    fitted_on: bool
    lessons: int


class Vectors:
    """Unit vectors of texts, each embedded once."""

    def __init__(self) -> None:
        store = ModelStore(shared_models(), catalog=Catalog.load([]))
        files = store.locate(ModelSettings().embedder)
        self._embedder = OnnxEmbedder.open(files["model.onnx"], files["tokenizer.json"])
        self._known: dict[str, FloatArray] = {}

    def of(self, texts: tuple[str, ...] | list[str]) -> FloatArray:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(new), 32):
            batch = new[start : start + 32]
            self._known.update(zip(batch, self._embedder.embed(batch), strict=True))
        return np.stack([self._known[text] for text in texts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="fit the weights anew and print them")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    arguments = parser.parse_args()
    asked = list(_asked(Vectors()))
    if arguments.fit:
        _fit([item for item in asked if item.fitted_on and item.figures])
        return
    held = [item for item in asked if not item.fitted_on]
    rows = [_row(held, lessons) for lessons in LESSONS]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return
    print("lessons  asked in new words  near, never told  beside, of it  of its kind  other, never told  general")
    for row in rows:
        print(
            f"{row['lessons']:>7}  {row['inside']:>17.1%}   {row['near']:>15.1%}   {row['aspect']:>12.1%}  "
            f"{row['world']:>11.1%}   {row['untold']:>16.1%}  "
            f"{row['general']:>7.1%}"
        )
    print("the adapter answers (first column), the base answers (the others); held-out relations, "
          f"seeds {', '.join(map(str, SEEDS))}")  # fmt: skip


def _row(held: list[Asked], lessons: int) -> dict[str, float]:
    def share(group: str, *, inside: bool) -> float:
        of = [(item.log_odds > 0) == inside for item in held if item.group == group and item.lessons == lessons]
        return float(np.mean(of)) if of else float("nan")

    return {
        "lessons": lessons,
        "inside": share("inside", inside=True),
        "near": share("near", inside=False),
        "aspect": share("aspect", inside=False),
        "world": share("world", inside=False),
        "untold": share("untold", inside=False),
        "general": share("general", inside=False),
    }


def _asked(vectors: Vectors) -> Iterator[Asked]:
    keys = [relation.key for relation in RELATIONS]
    random.Random(0).shuffle(keys)  # noqa: S311  # halves of a set, not a secret
    fitted_on = frozenset(keys[: len(keys) // 2])
    untold = vectors.of([text for texts in scope.untold_wordings() for text in texts])
    general = _general()
    for seed in SEEDS:
        everything = persona(seed, len(RELATIONS)).facts
        for count in LESSONS:
            told = persona(seed, count).facts
            lessons = [fact.question for fact in told]
            judge = scope.Scope(
                lessons,
                vectors.of([text for lesson in lessons for text in scope.wordings(lesson)]),
                vectors.of([text for lesson in lessons for text in scope.beside(lesson)]),
                untold,
            )
            for group, question, fit in _questions(told, everything, general, fitted_on, seed):
                vector = vectors.of([question])[0]
                judged = judge.judge(question, vector)
                figures = () if judged.log_odds == -math.inf else judge.figures(question, vector)
                yield Asked(group, question, figures, judged.log_odds, fit, count)


def _questions(
    told: tuple[Fact, ...],
    everything: tuple[Fact, ...],
    general: list[tuple[str, bool]],
    fitted_on: frozenset[str],
    seed: int,
) -> Iterator[tuple[str, str, bool]]:
    keys = {fact.key for fact in told}
    generator = random.Random(seed)  # noqa: S311  # a sample, not a secret
    for fact in told:
        fit = fact.key in fitted_on
        yield from (("inside", question, fit) for question in (*fact.tuned_on, *fact.held_out))
        yield "near", fact.neighbour, fit
        *of_it, of_the_world = ASPECTS[fact.key]
        yield from (("aspect", question, fit) for question in of_it)
        yield "world", of_the_world, fit
    others = [fact for fact in everything if fact.key not in keys]
    for fact in generator.sample(others, min(len(others), UNTOLD_QUESTIONS)):
        yield from (("untold", question, fact.key in fitted_on) for question in (fact.question, fact.tuned_on[0]))
    yield from (("general", question, fit) for question, fit in generator.sample(general, GENERAL_QUESTIONS))


def _general() -> list[tuple[str, bool]]:
    data = Path(os.environ.get("EDGE_SEAL_DATA", "../shared/data"))
    found = [(question, True) for question in (*TUNED_ON.easy, *TUNED_ON.hard)]
    found += [(question, False) for question in (*HELD_OUT.easy, *HELD_OUT.hard)]
    if data.is_dir():
        lines = (data / "ifeval" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
        prompts = [str(json.loads(line)["prompt"]) for line in lines]
        benign = json.loads((data / "benign" / "piguard_wildguard.json").read_text(encoding="utf-8"))
        prompts += [str(item["prompt"]) for item in benign]
        found += [(prompt, place % 2 == 0) for place, prompt in enumerate(prompts)]
    return found


def _fit(asked: list[Asked]) -> None:
    """Logistic regression by Newton's method; the bias so that `INSIDE_KEPT` of the questions inside are kept."""
    figures = np.array([item.figures for item in asked])
    inside = np.array([item.group == "inside" for item in asked], float)
    groups = [(item.group, item.lessons) for item in asked]
    size = {group: groups.count(group) for group in set(groups)}
    # What is near counts a third, and so does what was never told of oneself: there is less harm in it.
    weight = np.array([(1.0 if group[0] in ("inside", "general") else 1 / 3) / size[group] for group in groups])
    weight /= weight.sum()
    columns = np.column_stack([figures, np.ones(len(figures))])
    found = np.zeros(columns.shape[1])
    ridge = RIDGE * np.diag([*np.ones(figures.shape[1]), 0.0])
    for _ in range(50):
        odds = 1 / (1 + np.exp(-columns @ found))
        slope = columns.T @ (weight * (odds - inside)) + ridge @ found
        bend = (columns.T * (weight * odds * (1 - odds))) @ columns + ridge
        found -= np.linalg.solve(bend, slope)
    weights = np.round(found[:-1], 2)
    scores = figures[inside == 1] @ weights
    print(f"WEIGHTS: Final = ({', '.join(f'{value:g}' for value in weights)})")
    print(f"BIAS: Final = {-np.quantile(scores, 1 - INSIDE_KEPT):.3f}")


if __name__ == "__main__":
    main()
