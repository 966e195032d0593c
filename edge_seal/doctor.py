"""What this installation is and whether it works, measured where words would not do.

Changes nothing that is kept: the tables it tries are temporary. Each finding that needs someone to act is a `Problem`
with the next command to type.
"""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from edge_kernels.backend import mlx_version
from edge_models.store import FileCheck
from edge_seal.config import Home
from edge_seal.errors import EdgeSealError
from edge_seal.memory.reembedding import EmbedderState
from edge_seal.storage.database import Database

GEMM_SECONDS: Final = 0.3
_GEMM_SIZE: Final = 512
_LOW_DISK_BYTES: Final = 512 << 20
_PACKAGES: Final = (
    "edge-seal", "llama-cpp-python", "numpy", "onnxruntime", "tokenizers", "apsw-sqlite3mc", "sqlite-vec", "gguf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that someone has to act on. `damaged`: stored bytes are not what they should be."""

    message: str
    next_step: str | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """A model that is set to be used, each of its files hashed anew."""

    name: str
    files: tuple[FileCheck, ...]


@dataclass(frozen=True, slots=True)
class BlasLibrary:
    """A library that multiplies matrices in this process."""

    name: str
    version: str
    threads: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings. `gemm_gflops` is the rate of 512 x 512 float32 products in numpy.

    `engine` is what answers (`llama.cpp`, `mlx on gpu`) and `training` what trains (`numpy`, `mlx on gpu`); `embedder`
    is None where what embeds could not be found out.
    """

    python: str
    platform: str
    versions: Mapping[str, str]
    llama_cpp: str
    engine: str
    training: str
    sqlite: Mapping[str, str]
    blas: tuple[BlasLibrary, ...]
    gemm_gflops: float
    home: Mapping[str, str]
    profile: str
    encryption: str
    backups: int
    free_disk_bytes: int
    models: tuple[CheckedModel, ...]
    ledger_seq: int
    ledger_head: str
    active_update: str | None
    embedder: EmbedderState | None
    problems: tuple[Problem, ...]
    notices: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        if any(problem.damaged for problem in self.problems):
            return 5
        return 1 if self.problems else 0


@dataclass(frozen=True, slots=True)
class Stored:
    """What the runtime knows of what is stored: models, the end of the ledger, the update that answers."""

    models: tuple[CheckedModel, ...]
    ledger_seq: int
    ledger_head: str
    active_update: str | None
    problems: tuple[Problem, ...]
    encryption: str = "none"
    backups: int = 0
    embedder: EmbedderState | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Computing:
    """How to ask what answers and what trains as it is set; asking raises where that is not here."""

    engine: Callable[[], str]
    training: Callable[[], str]


def diagnosis(home: Home, database: Database | None, stored: Stored, computing: Computing) -> Diagnosis:
    """Looks at everything; takes about a second."""
    problems = [*stored.problems, *(problem for model in stored.models for problem in _of_model(model))]

    def tried(what: str, look: Callable[[], str]) -> str:
        try:
            return look()
        except (EdgeSealError, ImportError, OSError) as error:
            next_step = error.next_step if isinstance(error, EdgeSealError) else None
            problems.append(Problem(f"{what} does not work: {error}", next_step or "install it again: make setup"))
            return f"does not work: {error}"

    free = shutil.disk_usage(_existing(home.data)).free
    if free < _LOW_DISK_BYTES:
        problems.append(Problem(f"{home.data} has {free >> 20} MiB of free disk left", "free some space"))
    gflops, blas = _gemm()
    return Diagnosis(
        python=f"{platform.python_version()} ({sys.executable})",
        platform=platform.platform(),
        versions=_versions(problems),
        llama_cpp=tried("llama.cpp", _llama_cpp),
        engine=tried("the engine that is set", computing.engine),
        training=tried("the training that is set", computing.training),
        sqlite={} if database is None else {name: tried(name, look) for name, look in _sqlite(database)},
        blas=blas,
        gemm_gflops=gflops,
        home={
            "data": str(home.data),
            "config": str(home.config),
            "state": str(home.state),
            "cache": str(home.cache),
        },
        profile=home.profile,
        encryption=stored.encryption,
        backups=stored.backups,
        free_disk_bytes=free,
        models=stored.models,
        ledger_seq=stored.ledger_seq,
        ledger_head=stored.ledger_head,
        active_update=stored.active_update,
        embedder=stored.embedder,
        problems=tuple(problems),
        notices=stored.notices,
    )


def _of_model(model: CheckedModel) -> Iterator[Problem]:
    for file in model.files:
        if file.problem is not None:
            yield Problem(file.problem, f"edge-seal models pull {model.name}", damaged=file.state == "damaged")


def _versions(problems: list[Problem]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
            if name != "edge-seal":  # run from its sources it needs no installation
                problems.append(Problem(f"{name} is not installed", "install it: make setup"))
    if (version := mlx_version()) is not None:
        found["mlx"] = version
    return found


def _llama_cpp() -> str:
    from edge_seal.engines.llama_cpp_engine import system_info

    return system_info()


def _sqlite(database: Database) -> Sequence[tuple[str, Callable[[], str]]]:
    def fts5() -> str:
        database.execute("CREATE VIRTUAL TABLE temp.doctor_words USING fts5 (text)")
        try:
            database.execute("INSERT INTO temp.doctor_words VALUES ('the quick brown fox')")
            found = database.row("SELECT count(*) FROM temp.doctor_words WHERE doctor_words MATCH 'quick'")
        finally:
            database.execute("DROP TABLE temp.doctor_words")
        return _works(found, (1,))

    def vec0() -> str:
        database.execute("CREATE VIRTUAL TABLE temp.doctor_vectors USING vec0 (v float[2])")
        try:
            database.execute("INSERT INTO temp.doctor_vectors (rowid, v) VALUES (1, '[1, 0]'), (2, '[0, 1]')")
            found = database.row("SELECT rowid FROM temp.doctor_vectors WHERE v MATCH '[0.1, 0.9]' AND k = 1")
        finally:
            database.execute("DROP TABLE temp.doctor_vectors")
        return _works(found, (2,))

    return (
        ("SQLite", lambda: _text(database.row("SELECT sqlite_version()"))),
        ("sqlite-vec", lambda: _text(database.row("SELECT vec_version()"))),
        ("FTS5", fts5),
        ("vec0", vec0),
    )


def _works(found: object, expected: object) -> str:
    if found != expected:
        raise EdgeSealError(f"a search gave {found} instead of {expected}")
    return "works"


def _text(row: tuple[object, ...] | None) -> str:
    return "" if row is None else str(row[0])


def _gemm() -> tuple[float, tuple[BlasLibrary, ...]]:
    """The rate in GFLOP/s, the best round of `GEMM_SECONDS`, and the libraries that did it."""
    import numpy as np
    import threadpoolctl  # pyright: ignore[reportMissingTypeStubs]  # one function, used below

    left = np.random.default_rng(1).standard_normal((_GEMM_SIZE, _GEMM_SIZE), dtype=np.float32)
    product = left @ left  # the first one starts the threads
    best_s = float("inf")
    end = time.perf_counter() + GEMM_SECONDS
    while (started := time.perf_counter()) < end:
        np.matmul(left, left, out=product)
        best_s = min(best_s, time.perf_counter() - started)
    pools = cast("list[dict[str, object]]", threadpoolctl.threadpool_info())
    libraries = tuple(
        BlasLibrary(str(pool["internal_api"]), str(pool["version"]), cast("int", pool["num_threads"]))
        for pool in pools
        if pool.get("user_api") == "blas"
    )
    return 2 * _GEMM_SIZE**3 / best_s / 1e9, libraries


def _existing(path: Path) -> Path:
    """The nearest directory on the way up that exists."""
    return path if path.exists() else _existing(path.parent)
