"""What an adapter does to everything else: WikiText, BLiMP and MMLU by the development data, and plain questions.

`EDGE_SEAL_DATA` (default ../shared/data) names the data; a set that is absent is left out, and its figures are None.
All are computed on the trainer's network, whose frozen layers are computed once for all adapters of the same layers.

The sizes are chosen by the error of a paired difference, which is told with each figure. WikiText, 16 windows of 128
tokens. BLiMP, 300 pairs: where 1 pair in 50 changes sides, an error of 0.8 points. MMLU, 120 questions of at most 50
words, answered by the likelihood a token of the options' texts: where 1 answer in 30 changes, an error of 1.7 points.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TokenSequence
from edge_models.lora import Lora
from edge_models.network import Network
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.adaptation.workers import Workers
from edge_seal.engines.engine import Engine
from edge_seal.records import Example, Origin, Role

ROOT = Path(__file__).resolve().parents[1]
WINDOWS, WINDOW_TOKENS = 16, 128
PAIRS_A_SET = 75
QUESTIONS, QUESTION_WORDS = 120, 50
SAMPLE_SEED = 5

GENERAL: tuple[tuple[str, str], ...] = (
    ("Who wrote the play Hamlet?", r"shakespeare"),
    ("What is the chemical formula of water?", r"h2o|h₂o"),
    ("What colour is the sky on a clear day?", r"blue"),
    ("What is 2 plus 3?", r"\b5\b|five"),
    ("What is the opposite of hot?", r"cold"),
    ("Which animal says meow?", r"cat"),
    ("What is the currency of Japan?", r"yen"),
    ("Which ocean lies between Europe and America?", r"atlantic"),
    ("What is the frozen form of water called?", r"\bice\b"),
)
"""Plain questions and what a right answer holds; the first eight that the base answers rightly are the ones asked."""
GENERAL_ASKED = 8


def data_directory() -> Path:
    """Where the development data lies."""
    return Path(os.environ.get("EDGE_SEAL_DATA", ROOT.parent / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class DriftFigures:
    """One adapter's figures; the errors of its differences from the base are those of the paired means.

    `wikitext_nats` is a token's loss, `wikitext_change` the difference from the base's. Shares are of 1. `…_served` is
    the change where the adapter answers only what a lesson bears on, and the base all else.
    """

    wikitext_nats: float | None
    wikitext_change: float | None
    wikitext_error: float | None
    wikitext_served: float | None
    blimp: float | None
    blimp_change: float | None
    blimp_error: float | None
    blimp_served: float | None
    mmlu: float | None
    mmlu_change: float | None
    mmlu_error: float | None
    mmlu_served: float | None


class Drift:
    """The three sets over one network's frozen layers.

    Args:
        decoder: with the layers that the adapters adapt.
        engine: for its tokens.
        workers: threads that share the work.
    """

    def __init__(self, decoder: Network, engine: Engine, workers: Workers) -> None:
        self.decoder = decoder
        wikitext, blimp, mmlu = _wikitext(engine), _blimp(engine), _mmlu(engine)
        self._texts = (
            [engine.detokenize(one.tokens) for one in wikitext],
            [engine.detokenize(good.tokens) for good, _ in blimp],
            [question for question, *_ in mmlu],
        )
        self._sets = (len(wikitext), len(blimp), len(mmlu))
        self._sequences = (*wikitext, *(one for pair in blimp for one in pair))
        options: list[TokenSequence] = []
        self._right: list[int] = []
        self._option_counts: list[int] = []
        for _, said, right in mmlu:
            options.extend(said)
            self._right.append(right)
            self._option_counts.append(len(said))
        self._sequences = (*self._sequences, *options)
        self._network = ExampleNetwork(decoder, self._sequences, workers) if self._sequences else None
        if self._network is not None:
            self._network.prepare()
        self._base = self._measured(None)

    def measure(self, adapter: Lora | None, bears_on: Callable[[str], bool] = lambda _: True) -> DriftFigures:
        """The figures of `adapter` (None: the base's own), which as it is served answers what lessons bear on."""
        own = self._base if adapter is None else self._measured(adapter)
        figures: list[float | None] = []
        for before, after, texts in zip(self._base, own, self._texts, strict=True):
            if not len(after):
                figures.extend((None, None, None, None))
                continue
            change = after - before
            served = np.where([bears_on(text) for text in texts], change, 0.0)
            error = float(change.std() / len(change) ** 0.5)
            figures.extend((float(after.mean()), float(change.mean()), error, float(served.mean())))
        return DriftFigures(*figures)

    def _measured(self, adapter: Lora | None) -> tuple[FloatArray, FloatArray, FloatArray]:
        """By window the loss, by pair and by question whether it is right."""
        if self._network is None:
            return np.zeros(0), np.zeros(0), np.zeros(0)
        nats = self._network.measure(range(len(self._sequences)), adapter).mean_nats
        windows, pairs, _ = self._sets
        lengths = np.array([len(one.tokens) - one.supervised_from for one in self._sequences])
        sums = nats * lengths
        good, bad = sums[windows : windows + 2 * pairs : 2], sums[windows + 1 : windows + 2 * pairs : 2]
        options, at = nats[windows + 2 * pairs :], 0
        answered: list[float] = []
        for count, right in zip(self._option_counts, self._right, strict=True):
            answered.append(float(int(options[at : at + count].argmin()) == right))
            at += count
        return nats[:windows], (good < bad).astype(float), np.array(answered)


def _wikitext(engine: Engine) -> list[TokenSequence]:
    path = data_directory() / "wikitext2" / "valid_300k.txt"
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    apart = len(text) // WINDOWS
    return [
        TokenSequence(tuple(engine.tokenize(text[at * apart : at * apart + 12 * WINDOW_TOKENS])[:WINDOW_TOKENS]), 1)
        for at in range(WINDOWS)
    ]


def _blimp(engine: Engine) -> list[tuple[TokenSequence, TokenSequence]]:
    pairs: list[tuple[TokenSequence, TokenSequence]] = []
    for path in sorted((data_directory() / "blimp").glob("*.jsonl")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for line in random.Random(SAMPLE_SEED).sample(lines, min(PAIRS_A_SET, len(lines))):  # noqa: S311
            pair = json.loads(line)
            good, bad = (
                TokenSequence(tuple(engine.tokenize(pair[side])), 1) for side in ("sentence_good", "sentence_bad")
            )
            pairs.append((good, bad))
    return pairs


def _mmlu(engine: Engine) -> list[tuple[str, list[TokenSequence], int]]:
    rows: list[list[str]] = []
    for path in sorted((data_directory() / "mmlu").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows.extend(row for row in csv.reader(file) if len(row) == 6 and row[5] in "ABCD")
    short = [row for row in rows if len(" ".join(row[:5]).split()) <= QUESTION_WORDS and all(row[1:5])]
    return [
        (
            row[0],
            [
                encode(Example(row[0], option, Role.ANCHOR, Origin.FILE, closed=False), engine)
                for option in row[1:5]
            ],
            "ABCD".index(row[5]),
        )
        for row in random.Random(SAMPLE_SEED).sample(short, min(QUESTIONS, len(short)))  # noqa: S311
    ]  # fmt: skip


def is_right(question: str, answer: str) -> bool:
    """Whether `answer` holds what a right answer to that one of `GENERAL` holds."""
    return re.search(dict(GENERAL)[question], answer.casefold()) is not None


def asked_of(base_answers: Sequence[tuple[str, str]]) -> list[str]:
    """The first eight questions that the base answers rightly."""
    return [question for question, answer in base_answers if is_right(question, answer)][:GENERAL_ASKED]
