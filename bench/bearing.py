"""Whether recall lets in what bears on a question and nothing else: by mode, on both halves of the set; `--json`.

The set is `bench/bearing_set.py`. Every question is asked of every person of its half, whose memories are all that the
home holds. `--show` names what a half gets wrong; `--minimum` tries another `memory.minimum_similarity`. Then the
pairs: a home with one memory is asked for the thing that it states in another word, or for another thing.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels"), str(ROOT / "models")]

from bench.bearing_set import ANOTHER_THING, HELD_OUT, SAME_THING, TUNED_ON, Half, Person  # noqa: E402  # run by path, from any directory
from edge_models.store import ModelStore  # noqa: E402
from edge_seal.clock import SystemClock  # noqa: E402
from edge_seal.config import MemorySettings, ModelSettings, locate_home, shared_models  # noqa: E402
from edge_seal.engines.engine import Embedder, FloatArray  # noqa: E402
from edge_seal.engines.onnx_embedder import OnnxEmbedder  # noqa: E402
from edge_seal.memory.memories import Memories  # noqa: E402
from edge_seal.memory.search import Mode  # noqa: E402
from edge_seal.records import Origin  # noqa: E402
from edge_seal.storage.database import Database  # noqa: E402

MODES: tuple[Mode, ...] = ("hybrid", "vector", "keyword")
BUDGET_TOKENS = 256

Recall = Callable[[str], list[str]]


@dataclass(slots=True)
class Figures:
    """One mode on one half. Memories are counted per question; `quiet` are general questions that get none."""

    mode: str
    half: str
    bearing: int = 0
    bearing_found: int = 0
    beside: int = 0
    along_general: int = 0
    easy: int = 0
    easy_quiet: int = 0
    hard: int = 0
    hard_quiet: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def shares(self) -> dict[str, float]:
        """Precision over the person's own questions and over all, recall, and the quiet share of general questions."""
        let_in = self.bearing_found + self.beside
        return {
            "precision": self.bearing_found / max(let_in, 1),
            "precision_all": self.bearing_found / max(let_in + self.along_general, 1),
            "recall": self.bearing_found / self.bearing,
            "easy_without_memory": self.easy_quiet / self.easy,
            "hard_without_memory": self.hard_quiet / self.hard,
        }


class KeptEmbedder:
    """Embeds each text once: every question is asked of several people and in several modes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._kept: dict[str, FloatArray] = {}

    @property
    def model_sha256(self) -> str:
        """As the embedder's."""
        return self._embedder.model_sha256

    @property
    def dimension(self) -> int:
        """As the embedder's."""
        return self._embedder.dimension

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """The vectors of `texts`."""
        for text in texts:
            if text not in self._kept:
                self._kept[text] = self._embedder.embed([text])[0]
        return np.array([self._kept[text] for text in texts]).reshape(-1, self.dimension)


def count(figures: Figures, person: Person, half: Half, recalled: Recall) -> None:
    """Adds what `recalled` gives for every question of the half to `figures`."""
    for question, numbers in person.questions:
        answers = {person.memories[number] for number in numbers}
        got = set(recalled(question))
        figures.bearing += len(answers)
        figures.bearing_found += len(got & answers)
        figures.beside += len(got - answers)
        figures.wrong += [f"{person.name}: {question} -- missed: {text}" for text in sorted(answers - got)]
    for question in (*half.easy, *half.hard):
        got = recalled(question)
        figures.along_general += len(got)
        figures.wrong += [f"{person.name}: {question} -- recalled: {text}" for text in got]
        if question in half.easy:
            figures.easy, figures.easy_quiet = figures.easy + 1, figures.easy_quiet + (not got)
        else:
            figures.hard, figures.hard_quiet = figures.hard + 1, figures.hard_quiet + (not got)


def _audit(event: str, subject: str, body: object) -> None:
    """Takes the entries: the ledger has its own bench."""


def _recalled(memories: Memories, mode: Mode, question: str) -> list[str]:
    found = memories.recall(question, BUDGET_TOKENS, lambda text: len(text.split()), mode=mode)
    return [item.memory.text for item in found]


@contextmanager
def remembering(embedder: Embedder, texts: Sequence[str], minimum: float) -> Generator[Memories]:
    """The memories of a home that holds `texts`."""
    with tempfile.TemporaryDirectory(prefix="edge-seal-bench-") as folder:
        database = Database.open(Path(folder) / "edge-seal.db")
        settings = MemorySettings(minimum_similarity=minimum, turns=False)
        memories = Memories(database, _audit, embedder, SystemClock(), settings)
        for text in texts:
            memories.remember(text, Origin.TYPED)
        yield memories
        database.close()


def measure(embedder: Embedder, name: str, half: Half, minimum: float) -> list[Figures]:
    """The figures of every mode on one half."""
    every: dict[Mode, Figures] = {mode: Figures(mode, name) for mode in MODES}
    for person in half.people:
        with remembering(embedder, person.memories, minimum) as memories:
            for mode in MODES:
                count(every[mode], person, half, partial(_recalled, memories, mode))
    return list(every.values())


def recalled_of_pairs(embedder: Embedder, pairs: Sequence[tuple[str, str]], minimum: float) -> list[tuple[str, str]]:
    """The pairs of a memory and a question whose memory is recalled on the question, as the only one there is."""
    found: list[tuple[str, str]] = []
    for memory, question in pairs:
        with remembering(embedder, (memory,), minimum) as memories:
            if _recalled(memories, "hybrid", question):
                found.append((memory, question))
    return found


def _print_table(every: list[Figures]) -> None:
    print("mode     half        recall        precision  over all  easy without a memory  hard without a memory")
    for item in every:
        share = item.shares()
        print(
            f"{item.mode:8} {item.half:9} {item.bearing_found:>3} of {item.bearing:<3} {share['recall']:4.0%}"
            f" {share['precision']:>9.0%} {share['precision_all']:>9.0%}"
            f" {item.easy_quiet:>9} of {item.easy:<3} {share['easy_without_memory']:>6.1%}"
            f" {item.hard_quiet:>9} of {item.hard:<3} {share['hard_without_memory']:>6.1%}"
        )


def main() -> int:
    """Prints the figures of both halves."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--show", choices=("tuned on", "held out"), help="name what hybrid gets wrong on this half")
    parser.add_argument("--minimum", type=float, default=MemorySettings().minimum_similarity)
    options = parser.parse_args()
    files = ModelStore(locate_home().models, shared_models()).locate(ModelSettings().embedder)
    embedder = KeptEmbedder(OnnxEmbedder.open(files["model.onnx"], files["tokenizer.json"]))
    halves = (("tuned on", TUNED_ON), ("held out", HELD_OUT))
    every = [item for name, half in halves for item in measure(embedder, name, half, options.minimum)]
    same, other = (recalled_of_pairs(embedder, pairs, options.minimum) for pairs in (SAME_THING, ANOTHER_THING))
    if options.json:
        figures = [{**asdict(item), **item.shares()} for item in every]
        about = {"machine": platform.machine(), "embedder_sha256": embedder.model_sha256, "minimum": options.minimum}
        pairs = {"same_thing_recalled": len(same), "of": len(SAME_THING), "another_thing_recalled": len(other)}
        print(json.dumps({**about, "figures": figures, "pairs": {**pairs, "of_another": len(ANOTHER_THING)}}, indent=2))
        return 0
    _print_table(every)
    print(f"the same thing in another word: {len(same)} of {len(SAME_THING)} recalled")
    print(f"another thing: {len(other)} of {len(ANOTHER_THING)} recalled", *map(" | ".join, other), sep="\n  ")
    for item in every:
        if item.half == options.show and item.mode == "hybrid":
            print(*item.wrong, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
