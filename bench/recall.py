"""How long recall takes, what it finds, and what it costs: a table, and JSON with `--json`.

Homes of 10,000, 100,000 and (`--size 1000000`) a million memories, searched as `ask` searches them, the embedder's time
included; beside them, in the same run, sqlite-vec's float table and a product in numpy over the same vectors. Then the
quality: every SQuAD question has to find its passage among all. Texts: `bench.recall_corpus`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels"), str(ROOT / "models")]

import numpy as np  # noqa: E402  # run by path, from any directory

from bench.recall_corpus import Corpus, FloatArray, load  # noqa: E402
from edge_models.store import ModelStore  # noqa: E402
from edge_seal.clock import SystemClock, timestamp  # noqa: E402
from edge_seal.config import MemorySettings, ModelSettings, locate_home, shared_models  # noqa: E402
from edge_seal.engines.engine import Embedder  # noqa: E402
from edge_seal.engines.onnx_embedder import OnnxEmbedder  # noqa: E402
from edge_seal.memory import rows, search  # noqa: E402
from edge_seal.memory.memories import Memories  # noqa: E402
from edge_seal.memory.vectors import VectorIndex  # noqa: E402
from edge_seal.records import Memory, Origin  # noqa: E402
from edge_seal.storage.database import Database  # noqa: E402

HITS = 5
MODES: tuple[search.Mode, ...] = ("keyword", "vector", "hybrid")


@dataclass(frozen=True, slots=True)
class Speed:
    """One size. Milliseconds a question; `recall_at_10` against exact search in float."""

    memories: int
    p50_ms: float
    p95_ms: float
    mean_processor_ms: float
    embedding_p50_ms: float
    keyword_p50_ms: float
    vector_p50_ms: float
    first_ms: float
    recall_at_10: float
    vec0_float_p50_ms: float
    numpy_float_p50_ms: float
    inserts_a_second: float
    remembered_a_second: float
    disk_mib: float
    resident_mib: float


@dataclass(frozen=True, slots=True)
class Quality:
    """One mode: the share of questions whose passage is among the first five, on each half of the passages."""

    mode: str
    chosen_on: float
    reported_on: float
    first: float


def _audit(event: str, subject: str, body: object) -> None:
    """Takes the entries: the ledger has its own bench."""


def _memories(database: Database, embedder: Embedder) -> Memories:
    return Memories(database, _audit, embedder, SystemClock(), MemorySettings(turns=False))


def fill(database: Database, corpus: Corpus, size: int, embedder_sha256: str, seed: int) -> tuple[float, FloatArray]:
    """Writes rows, words, vectors and sign bits of `size` memories; gives inserts a second, and the vectors."""
    index, now = VectorIndex(database, embedder_sha256), timestamp(SystemClock().now())
    every = np.empty((size, corpus.vectors.shape[1]), dtype=np.float32)
    done, seconds = 0, 0.0
    for texts, vectors in corpus.grown(size, seed):
        started = time.perf_counter()
        with database.transaction():
            for text, vector in zip(texts, vectors, strict=True):
                row = database.row(rows.INSERT, rows.parameters(Memory("", text, Origin.TYPED, None, now, now), "salt"))
                index.store(int(row[0]), vector)  # pyright: ignore[reportArgumentType, reportOptionalSubscript]
        seconds += time.perf_counter() - started
        every[done : done + len(texts)] = vectors
        done += len(texts)
        print(f"\r{done:,} of {size:,} written", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return size / seconds, every


def _timed(ask: Callable[[int], object], questions: int, rounds: int = 1) -> list[float]:
    """Milliseconds a question: the least of `rounds`, in each of which all are asked in turn."""
    times = [float("inf")] * questions
    for _ in range(rounds):
        for number in range(questions):
            started = time.perf_counter()
            ask(number)
            times[number] = min(times[number], 1000 * (time.perf_counter() - started))
    return times


def _percentile(times: list[float], share: float) -> float:
    return round(float(np.percentile(times, 100 * share)), 1)


def _resident_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20 if statm.exists() else peak / 2**10


def speed(corpus: Corpus, embedder: Embedder, size: int, options: argparse.Namespace, folder: Path) -> Speed:
    """Everything that is measured on one home of `size` memories."""
    asked, seed, rounds = options.questions, options.seed, options.rounds
    path = folder / f"{size}.db"
    database = Database.open(path)
    inserts, vectors = fill(database, corpus, size, embedder.model_sha256, seed)
    order = np.random.default_rng(seed).permutation(len(corpus.questions))[:asked]
    questions, asked_vectors = [corpus.questions[i] for i in order], corpus.question_vectors[order]
    index, now = VectorIndex(database, embedder.model_sha256), timestamp(SystemClock().now())

    before = _resident_mib()
    memories = _memories(database, embedder)

    def recalled(number: int, mode: search.Mode = "hybrid") -> object:
        return memories.recall(questions[number], 256, lambda text: len(text.split()), mode=mode)

    first = _timed(recalled, 1)[0]
    resident = _resident_mib() - before
    whole = _timed(recalled, len(questions), rounds)
    started = time.process_time()
    _timed(recalled, len(questions))
    processor = 1000 * (time.process_time() - started) / len(questions)
    embedding = _timed(lambda number: embedder.embed([questions[number]]), len(questions), rounds)
    by_mode = {
        mode: _timed(lambda number, mode=mode: recalled(number, mode), len(questions), rounds)
        for mode in ("keyword", "vector")
    }
    exact = [set(_nearest(vectors, question, 10)) for question in asked_vectors]
    found = [{item.number - 1 for item in index.nearest(question, 10, now)} for question in asked_vectors]
    numpy_times = _timed(lambda number: _nearest(vectors, asked_vectors[number], 10), min(len(questions), 30), rounds)
    started = time.perf_counter()
    for number in range(50):
        memories.remember(f"remembered while measuring, {number}: {questions[number % len(questions)]}", Origin.TYPED)
    remembered = 50 / (time.perf_counter() - started)
    database.scrub()
    disk = path.stat().st_size / 2**20
    vec0 = _vec0_times(database, vectors, asked_vectors[:10], rounds)
    database.close()
    path.unlink()
    return Speed(
        memories=size,
        p50_ms=_percentile(whole, 0.5),
        p95_ms=_percentile(whole, 0.95),
        mean_processor_ms=round(processor, 1),
        embedding_p50_ms=_percentile(embedding, 0.5),
        keyword_p50_ms=_percentile(by_mode["keyword"], 0.5),
        vector_p50_ms=_percentile(by_mode["vector"], 0.5),
        first_ms=round(first, 1),
        recall_at_10=round(sum(len(a & b) for a, b in zip(exact, found, strict=True)) / (10 * len(exact)), 4),
        vec0_float_p50_ms=_percentile(vec0, 0.5),
        numpy_float_p50_ms=_percentile(numpy_times, 0.5),
        inserts_a_second=round(inserts),
        remembered_a_second=round(remembered, 1),
        disk_mib=round(disk, 1),
        resident_mib=round(resident, 1),
    )


def _nearest(vectors: FloatArray, question: FloatArray, count: int) -> list[int]:
    scores = vectors @ question
    return np.argpartition(-scores, count)[:count].tolist()


def _vec0_times(database: Database, vectors: FloatArray, questions: FloatArray, rounds: int) -> list[float]:
    database.execute("CREATE VIRTUAL TABLE temp.peer USING vec0 (embedding float[384] distance_metric=cosine)")
    for start in range(0, len(vectors), 20_000):
        with database.transaction():
            for number, vector in enumerate(vectors[start : start + 20_000], start=start):
                database.execute("INSERT INTO temp.peer (rowid, embedding) VALUES (?, ?)", (number, vector.tobytes()))
    query = "SELECT rowid FROM temp.peer WHERE embedding MATCH ? AND k = 10"
    times = _timed(lambda number: database.rows(query, (questions[number].tobytes(),)), len(questions), rounds)
    database.execute("DROP TABLE temp.peer")
    return times


def quality(corpus: Corpus, embedder: Embedder, folder: Path) -> list[Quality]:
    """Whether each question finds its passage among all passages, the first half of them chosen on."""
    database = Database.open(folder / "passages.db")
    index, now = VectorIndex(database, embedder.model_sha256), timestamp(SystemClock().now())
    with database.transaction():
        for passage, vector in zip(corpus.passages, corpus.passage_vectors, strict=True):
            kept = Memory("", passage.text, Origin.TYPED, None, now, now)
            row = database.row(rows.INSERT, rows.parameters(kept, "salt"))
            index.store(int(row[0]), vector)  # pyright: ignore[reportArgumentType, reportOptionalSubscript]
    ranks: dict[str, list[tuple[int, int]]] = {mode: [] for mode in MODES}
    number = 0
    for answer, passage in enumerate(corpus.passages, start=1):
        for question in passage.questions:
            for mode in MODES:
                text = question if mode != "vector" else ""
                vector = None if mode == "keyword" else partial(corpus.question_vectors.__getitem__, number)
                hits = search.ranked(database, index, search.Query(text, vector, 20, now))
                found = [hit.number for hit in hits]
                ranks[mode].append((answer, found.index(answer) + 1 if answer in found else 10**6))
            number += 1
    database.close()
    return [_quality(mode, ranks[mode], len(corpus.passages) // 2) for mode in MODES]


def _quality(mode: str, ranks: list[tuple[int, int]], half: int) -> Quality:
    def share(of: list[int], within: int) -> float:
        return round(sum(rank <= within for rank in of) / max(len(of), 1), 4)

    halves = [rank for answer, rank in ranks if answer <= half], [rank for answer, rank in ranks if answer > half]
    return Quality(mode, share(halves[0], HITS), share(halves[1], HITS), share([rank for _, rank in ranks], 1))


def _print_tables(speeds: list[Speed], qualities: list[Quality]) -> None:
    names = list(asdict(speeds[0])) if speeds else []
    for name in names:
        print(f"{name:22}" + "".join(f"{asdict(item)[name]:>14,}" for item in speeds))
    print(f"\n{'hit@5 on passages':22}{'chosen on':>14}{'reported on':>14}{'first, all':>14}")
    for item in qualities:
        print(f"{item.mode:22}{item.chosen_on:>14.1%}{item.reported_on:>14.1%}{item.first:>14.1%}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--size", type=int, action="append", help="memories; may be given again [10000, 100000]")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument(
        "--rounds", type=int, default=1, help="ask all so often; the least time of each question counts"
    )
    parser.add_argument("--sentences", type=int, default=50_000, help="real sentences to embed, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "bench-recall", help="where vectors are kept")
    options = parser.parse_args()
    data = Path(os.environ.get("EDGE_SEAL_DATA", ROOT.parent / "shared" / "data"))
    files = ModelStore(locate_home().models, shared_models()).locate(ModelSettings().embedder)
    embedder = OnnxEmbedder.open(files["model.onnx"], files["tokenizer.json"])
    corpus = load(data, options.cache, embedder, options.sentences)
    if corpus is None:
        print(f"skipped: {data / 'squad' / 'dev_120.json'} is absent (EDGE_SEAL_DATA names the development data)")
        return 0
    with tempfile.TemporaryDirectory(prefix="edge-seal-bench-") as folder:
        sizes = options.size or [10_000, 100_000]
        speeds = [speed(corpus, embedder, size, options, Path(folder)) for size in sizes]
        qualities = quality(corpus, embedder, Path(folder))
    if not options.json:
        _print_tables(speeds, qualities)
        print(f"\n{len(corpus.sentences):,} real sentences; embedder {embedder.model_sha256[:8]}, seed {options.seed}")
        return 0
    about: dict[str, Any] = {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "embedder_sha256": embedder.model_sha256,
        "seed": options.seed,
        "real_sentences": len(corpus.sentences),
    }
    print(
        json.dumps({**about, "speed": [asdict(s) for s in speeds], "quality": [asdict(q) for q in qualities]}, indent=2)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
