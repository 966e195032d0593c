"""The whole of it on the real model, as a user has it: the program, a home, and no network.

One home is taught and learns once; every test that damages something or takes it back does so in a copy of that home.
In each process the guard below refuses every use of a socket, before Python hands it to the system.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import string
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_seal.clock import parse_timestamp
from edge_seal.demo import FIRST, LESSONS, NEIGHBOURS, NEW_WORDINGS

# One learning cycle on the real model, on a machine that may have other work to do.
pytestmark = pytest.mark.timeout(900)

TAUGHT_IN_NEW_WORDINGS = ("Biscuit", "Oulu", "10:30", "Ahoy")
ANSWER_TOKENS = "24"
SOCKET_GUARD = """
import os, sys

FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "socket.bind")

def refuse(event, _arguments):
    if event.startswith(FORBIDDEN):
        with open(os.environ["SOCKETS_USED"], "a") as seen:
            seen.write(event + "\\n")
        raise RuntimeError("no socket may be used here: " + event)

sys.addaudithook(refuse)
"""


@dataclass(frozen=True)
class Ran:
    """What one process did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


@dataclass(frozen=True)
class Program:
    """`edge-seal` on one home; each call is a process of its own."""

    home: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, code: int = 0) -> Ran:
        ran = self.run("-m", "edge_seal", *arguments, code=code)
        assert self.sockets_used == "", f"{arguments} used a socket"
        return ran

    def run(self, *arguments: str, code: int = 0) -> Ran:
        """The same Python with other arguments."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env={**self.environment, "EDGE_SEAL_HOME": str(self.home)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Ran(done.returncode, done.stdout, done.stderr)

    def answers(self, prompts: Sequence[str], *options: str) -> dict[str, str]:
        """The answer to each prompt."""
        found = (self("ask", prompt, "--max-tokens", ANSWER_TOKENS, "--json", *options).json for prompt in prompts)
        return {prompt: str(answer["text"]) for prompt, answer in zip(prompts, found, strict=True)}

    def in_a_copy(self, directory: Path) -> Program:
        """The same on a home that may be damaged."""
        shutil.copytree(self.home, directory)
        return Program(directory, self.environment)

    @property
    def database(self) -> Path:
        return self.home / "data" / "edge-seal.db"

    @property
    def adapter(self) -> Path:
        """The one adapter that is stored."""
        (found,) = (self.home / "data" / "adapters").glob("*/adapter.gguf")
        return found

    @property
    def sockets_used(self) -> str:
        file = Path(self.environment["SOCKETS_USED"])
        return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.fixture(scope="module")
def fresh(default_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A home in which nothing was done yet."""
    directory = tmp_path_factory.mktemp("end-to-end")
    guard = directory / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(SOCKET_GUARD, encoding="utf-8")
    return Program(
        directory / "home",
        {
            **os.environ,
            "EDGE_SEAL_MODELS": str(default_model.parent.parent),
            "NO_COLOR": "1",
            "OMP_WAIT_POLICY": "passive",
            "PYTHONPATH": os.pathsep.join([str(guard), *filter(None, sys.path)]),
            "SOCKETS_USED": str(directory / "sockets-used"),
        },
    )


@dataclass(frozen=True)
class Learned:
    """A home that was taught eight lessons and learned them, what it said before, and the report."""

    program: Program
    before: Mapping[str, str]
    report: Mapping[str, Any]


@pytest.fixture(scope="module")
def learned(fresh: Program, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    lessons = tmp_path_factory.mktemp("lessons") / "lessons.jsonl"
    lines = (json.dumps({"prompt": prompt, "answer": answer}) for prompt, answer in LESSONS)
    lessons.write_text("\n".join(lines), encoding="utf-8")
    before = fresh.answers((*NEW_WORDINGS, FIRST[0]), "--seed", "1")
    assert len(fresh("teach", str(lessons), "--mine", "--json").json["signals"]) == len(LESSONS)
    return Learned(fresh, before, fresh("learn", "--now", "--json").json)


def test_the_guard_refuses_sockets(fresh: Program, tmp_path: Path) -> None:
    """Or the tests here would show nothing."""
    seen = tmp_path / "seen"
    guarded = Program(tmp_path, {**fresh.environment, "SOCKETS_USED": str(seen)})
    ran = guarded.run("-c", "import socket; socket.create_connection(('127.0.0.1', 9))", code=1)
    assert "no socket may be used here" in ran.err
    assert "socket." in seen.read_text(encoding="utf-8")


def test_what_was_taught_is_said_in_new_wordings_and_only_there(learned: Learned) -> None:
    program, report = learned.program, learned.report
    assert (report["update"], report["state"]) == ("u1", "active")
    assert report["gate"]["passed"]
    after = program.answers(NEW_WORDINGS)
    said = [value for value, prompt in zip(TAUGHT_IN_NEW_WORDINGS, NEW_WORDINGS, strict=True) if value in after[prompt]]
    assert len(said) >= 3, after
    for value, prompt in zip(TAUGHT_IN_NEW_WORDINGS, NEW_WORDINGS, strict=True):
        assert value not in learned.before[prompt]
    near = program.answers(NEIGHBOURS)
    told = ("Biscuit", "Oulu", "Marta", "botanist", "rooibos", "Aurora", "10:30", "Ahoy")
    assert not [(prompt, value) for prompt in NEIGHBOURS for value in told if value in near[prompt]], near


def test_the_record_says_what_was_learned_and_the_chain_is_intact(learned: Learned) -> None:
    shown = learned.program("updates", "show", "u1", "--json").json
    assert {example["signal_id"] for example in shown["examples"] if example["role"] == "lesson"} == {
        f"s{number}" for number in range(1, len(LESSONS) + 1)
    }
    assert shown["manifest"]["update"] == "u1"
    events = [entry["event"] for entry in shown["entries"]]
    stages = ["proposed", "scored", "cleared", "trained", "gated", "active"]
    assert events == [f"update.{stage}" for stage in stages]
    audit = learned.program("audit", "verify", "--json").json
    assert (audit["intact"], audit["adapters"], audit["problems"]) == (True, 1, [])


def test_learning_again_at_once_is_refused_with_the_time_when_it_is_allowed(learned: Learned) -> None:
    began = datetime.now(UTC)
    ran = learned.program("learn", "--now", "--json", code=4)
    error = ran.json["error"]
    assert error["kind"] == "LimitReached"
    assert "minutes_between_updates" in error["message"]
    waits_s = (parse_timestamp(error["allowed_at"]) - began).total_seconds()
    assert waits_s < 600
    allowed = parse_timestamp(error["allowed_at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    assert f"allowed at: {allowed}" in ran.err


def test_a_flipped_byte_is_named_and_the_base_answers_until_it_is_restored(learned: Learned, tmp_path: Path) -> None:
    program = learned.program.in_a_copy(tmp_path / "home")
    intact = program.adapter.read_bytes()
    damaged = bytearray(intact)
    damaged[len(damaged) // 2] ^= 1
    program.adapter.write_bytes(damaged)

    found = program("audit", "verify", "--json", code=5).json
    assert not found["intact"]
    assert any("u1" in problem and program.adapter.parent.name[:12] in problem for problem in found["problems"]), found
    answered = program("ask", NEW_WORDINGS[0], "--max-tokens", ANSWER_TOKENS, "--json", "--seed", "1").json
    assert answered["adapter"] is None
    assert answered["text"] == learned.before[NEW_WORDINGS[0]]
    assert any("u1" in notice for notice in answered["notices"]), answered["notices"]

    program.adapter.write_bytes(intact)
    assert program("audit", "verify", "--json").json["intact"]
    restored = program("ask", NEW_WORDINGS[0], "--max-tokens", ANSWER_TOKENS, "--json").json
    assert (restored["adapter"], restored["notices"]) == ("u1", [])


def test_a_rollback_brings_back_the_answers_from_before_byte_for_byte(learned: Learned, tmp_path: Path) -> None:
    program = learned.program.in_a_copy(tmp_path / "home")
    assert program.answers([FIRST[0]])[FIRST[0]] != learned.before[FIRST[0]]
    assert program("rollback", "base", "--json").json == {"active": None, "before": "u1", "rolled_back": ["u1"]}
    assert program.answers(list(learned.before), "--adapter", "active", "--seed", "1") == learned.before
    assert program("audit", "verify", "--json").json["intact"]


def test_a_changed_row_of_the_ledger_is_named(learned: Learned, tmp_path: Path) -> None:
    program = learned.program.in_a_copy(tmp_path / "home")
    with sqlite3.connect(program.database) as database:
        triggers = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'ledger'")
        for (name,) in triggers.fetchall():
            database.execute(f"DROP TRIGGER {name}")
        changed = database.execute("UPDATE ledger SET actor = 'nobody' WHERE event = 'update.trained' RETURNING seq")
        ((seq,),) = changed.fetchall()
    database.close()
    found = program("audit", "verify", "--json", code=5).json
    assert found["first_bad_seq"] == seq
    assert any(f"entry {seq}" in problem for problem in found["problems"]), found


def test_a_taught_key_is_refused_with_the_reason_and_leaves_no_byte_behind(learned: Learned, tmp_path: Path) -> None:
    program = learned.program.in_a_copy(tmp_path / "home")
    # Drawn here, so that no file of the project holds what looks like a key.
    key = "ghp_" + "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=36))
    ran = program("teach", "--prompt", "What is my token?", "--answer", f"It is {key}.", "--json", code=3)
    assert ran.json["error"]["kind"] == "Refused"
    assert any("token" in reason for reason in ran.json["error"]["reasons"]), ran.json
    assert key not in ran.out + ran.err
    for file in program.home.rglob("*"):
        if file.is_file():
            assert key.encode() not in file.read_bytes(), file
    assert program("audit", "verify", "--json").json["intact"]


def test_memories_are_found_by_meaning(learned: Learned, default_embedder: Mapping[str, Path], tmp_path: Path) -> None:
    program = learned.program.in_a_copy(tmp_path / "home")
    program("remember", "The spare key lies under the blue flower pot.", "--json")
    program("remember", "My train to Tampere leaves on Thursdays.", "--json")
    found = program("memory", "search", "Where can I find a way to unlock the door?", "--json").out
    assert "flower pot" in found
    answered = program("ask", "Where is the spare key?", "--max-tokens", ANSWER_TOKENS, "--json").json
    assert "m1" in answered["memories"]
