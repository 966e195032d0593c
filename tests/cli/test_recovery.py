"""What goes wrong around the program, through the program: said in words, with the next step, and nothing is lost.

What another process does is done by one; a full disk is met by a process of its own, as a user starts it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge_seal.cli import edge_seal
from edge_seal.config import Home
from edge_seal.storage.database import Database
from tests.storage.faults import fault_library, linux_with_compiler
from tests.support.tiny_installation import install_tiny_model, learned_update

__all__ = ["fault_library"]  # a fixture

ROOT = Path(__file__).resolve().parents[2]
PATHS = os.pathsep.join(str(place) for place in (ROOT, ROOT / "kernels", ROOT / "models"))


@dataclass(frozen=True)
class Program:
    """`edge-seal` on one home."""

    home: Home

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What it prints, both ways together; fails with it at another exit code."""
        result = CliRunner().invoke(edge_seal, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, f"{arguments}: exit {result.exit_code}\n{result.output}"
        return result.output

    def in_a_process(self, *arguments: str, code: int, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "edge_seal", *arguments],
            env={**os.environ, "PYTHONPATH": PATHS, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def memories(self) -> list[str]:
        told: dict[str, Any] = json.loads(self("memory", "list", "--json"))
        return sorted(memory["text"] for memory in told["memories"])


@pytest.fixture
def program(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A home with a tiny model, a memory, and two learned updates."""
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "shared"))
    install_tiny_model(home, tmp_path)
    with home.config_file.open("a") as config:
        config.write('\n[memory]\nmode = "keyword"\n')
    learned_update(home)
    learned_update(home, seed=2, prompt="What is my cat called?", answer="Tom")
    program = Program(home)
    program("remember", "I live in Turku")
    return program


@contextlib.contextmanager
def another_process(code: str, path: Path) -> Iterator[None]:
    """A process that runs `code` on `path` (`sys.argv[1]`) and keeps what it holds for the block."""
    held = f"import sys\n{code}\nprint('held', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": PATHS},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("")


WRITING = """
import contextlib, pathlib
from edge_seal.updates.write_lock import hold
stack = contextlib.ExitStack()
stack.enter_context(hold(pathlib.Path(sys.argv[1])))
"""
IN_A_TRANSACTION = """
import sqlite3
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
"""


def test_while_one_process_writes_another_reads_and_says_so_when_it_would_write(program: Program) -> None:
    with another_process(WRITING, program.home.lock_file):
        told = program("rollback", "base", code=1)
        assert re.search(r"another edge-seal is writing \(process \d+\)", told)
        assert "wait until it has finished" in told
        told = program("review", "--accept-all", code=1)
        assert "another edge-seal is writing" in told
        assert program.memories() == ["I live in Turku"]
        assert "intact" in program("audit", "verify")
        program("ask", "Hello there")
        # One transaction of its own needs no more than the database's lock.
        program("remember", "I like tea")
    assert program.memories() == ["I like tea", "I live in Turku"]
    program("rollback", "base")


def test_a_transaction_that_does_not_end_is_waited_for_and_then_told(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(getattr(Database.open, "__func__").__kwdefaults__, "busy_timeout_s", 0.3)  # noqa: B009
    with another_process(IN_A_TRANSACTION, program.home.database):
        assert program.memories() == ["I live in Turku"]
        told = program("remember", "I like tea", code=1)
        assert "another process is using" in told
        assert "next: wait until it has finished" in told
        assert program.memories() == ["I live in Turku"]
    program("remember", "I like tea")


@linux_with_compiler
def test_a_full_disk_is_told_and_nothing_is_lost(program: Program, fault_library: Path, tmp_path: Path) -> None:
    # The first change to a file that this process makes, and all after it, meet a full disk.
    full = tmp_path / "full"
    full.mkdir()
    (full / "sitecustomize.py").write_text(
        "import ctypes, os, sys\n"
        "if '-m' in sys.orig_argv:\n"
        f"    library = ctypes.CDLL({str(fault_library)!r})\n"
        "    library.fault_arm(ctypes.c_long(int(os.environ['FULL_AT'])), 4)\n"
    )
    path = os.pathsep.join((str(full), PATHS))
    for step in ("1", "9"):
        told = program.in_a_process(
            "remember", "I like tea", code=1, LD_PRELOAD=str(fault_library), PYTHONPATH=path, FULL_AT=step,
            PYTHONDONTWRITEBYTECODE="1",
        )  # fmt: skip
        assert re.search("No space left|disk is full|free space", told), told
        assert "next:" in told
        assert program.memories() == ["I live in Turku"]
    assert "intact" in program("audit", "verify")


def test_a_home_that_cannot_be_written_is_told(program: Program) -> None:
    for directory in (program.home.data, program.home.state):
        directory.chmod(0o500)
    try:
        if os.access(program.home.data, os.W_OK):
            pytest.skip("root may write anywhere")
        told = program("remember", "I like tea", code=1)
    finally:
        for directory in (program.home.data, program.home.state):
            directory.chmod(0o700)
    assert "next:" in told
    assert program.memories() == ["I live in Turku"]


def test_a_place_that_can_hold_no_home_is_told(home: Home) -> None:
    shutil.rmtree(home.data.parent)
    home.data.parent.write_text("in the way")
    told = Program(home)("remember", "I like tea", code=2)
    assert "Not a directory" in told
    assert "EDGE_SEAL_HOME" in told


def test_a_missing_and_a_damaged_model_are_told(program: Program) -> None:
    (model,) = program.home.models.rglob("*.gguf")
    content = model.read_bytes()
    model.chmod(0o600)
    model.write_bytes(b"\0" * len(content))
    told = program("ask", "Hello there", code=5)
    assert "edge-seal models" in told
    model.unlink()
    told = program("ask", "Hello there", code=1)
    assert "edge-seal models pull" in told
    # What needs no model goes on.
    assert program.memories() == ["I live in Turku"]
    program("models", "pull", "tiny")
    program("ask", "Hello there")


def test_a_damaged_adapter_is_told_its_parent_answers_and_a_rollback_ends_the_notice(program: Program) -> None:
    adapters = {path.stat().st_mtime_ns: path for path in program.home.adapters.glob("*/adapter.gguf")}
    newest = adapters[max(adapters)]
    content = newest.read_bytes()
    newest.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told = program("audit", "verify", code=5)
    assert re.search(r"damaged: update u2: the adapter .* was changed", told)
    assert "next:" in told
    told = program("ask", "Hello there", "--json")
    assert "u1 answers instead" in told
    # For good: from then on it answers without a notice, and what was damaged is still named.
    program("rollback", "u1")
    assert "answers instead" not in program("ask", "Hello there", "--json")
    assert "update u2" in program("audit", "verify", code=5)


def test_a_damaged_database_is_told_and_a_backup_brings_it_back(program: Program) -> None:
    program("backup")
    (backup,) = program.home.backups.iterdir()
    for companion in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            program.home.database.with_name(f"edge-seal.db{companion}").unlink()
    content = program.home.database.read_bytes()
    program.home.database.write_bytes(b"not a database" + content[14:])
    told = program("memory", "list", code=5)
    assert str(program.home.database) in told
    assert "next:" in told
    program("restore", str(backup), "--yes")
    assert program.memories() == ["I live in Turku"]
    assert "intact" in program("audit", "verify")


def test_an_emptied_database_is_told_by_the_head_file(program: Program) -> None:
    for path in program.home.data.glob("edge-seal.db*"):
        path.unlink()
    told = program("audit", "verify", "--json", code=5)
    assert json.loads(told[: told.rindex("}") + 1])["flaw"] == "older-copy"
