"""Runs a piece of the real program again and again, failing it at its first change to a file, its second, and so on.

The failing is done below everything, by `faults.c`, so that Python and SQLite meet the same operating system and
nothing of ours is replaced. Each attempt starts from a copy of the same directory, in a process of its own, and is
judged by another process that opens what is left. Linux only: the other systems load libraries differently.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

Fault = Literal["kill", "torn", "error", "full"]
FAULTS: Sequence[Fault] = ("kill", "torn", "error", "full")

_ROOT = Path(__file__).resolve().parents[2]

linux_with_compiler = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="preloads a C library, compiled here"
)


@dataclass(frozen=True)
class Attempt:
    """One run: the step it was failed at, how it ended, and what the judge found afterwards."""

    step: int
    ended: str
    found: str


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled layer."""
    library = tmp_path_factory.mktemp("faults") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return library


@pytest.fixture
def quick_directory() -> Iterator[Path]:
    """A directory in memory where there is one: a real disk would spend minutes on the syncs."""
    memory = Path("/dev/shm")  # noqa: S108  # one directory of our own is made in it
    directory = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield directory
    shutil.rmtree(directory)


def exhaust(library: Path, directory: Path, scenario: str, fault: Fault, *, every: int = 1) -> list[Attempt]:
    """Fails `scenario` (`module:Class`, see `fault_runner`) at each `every`-th step; the last attempt met no fault."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.storage.fault_runner", str(library), str(directory), scenario, fault, str(every)],
        env={
            **os.environ,
            "LD_PRELOAD": str(library),
            "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "kernels"), str(_ROOT / "models")]),
        },
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Attempt(**json.loads(line)) for line in done.stdout.splitlines()]


def assert_before_or_after(attempts: Sequence[Attempt]) -> None:
    """Every attempt left the state before or the state after; both came, and what said that it was done is done."""
    assert attempts[-1].ended == "met no fault"
    for attempt in attempts:
        allowed = {"after"} if attempt.ended in {"done", "met no fault"} else {"before", "after"}
        assert attempt.found in allowed, attempt
        assert attempt.ended in {"done", "met no fault", "error", "killed"}, attempt
    assert {attempt.found for attempt in attempts} == {"before", "after"}
