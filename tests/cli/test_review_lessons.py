"""`review` and lessons that the guardian put aside."""

from __future__ import annotations

import secrets
import string

import pytest

from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.runtime import Runtime
from tests.cli.conftest import CommandLine

MAIL = "anna.virta@posti.fi"


def taught(cli: CommandLine) -> str:
    told = cli("teach", "--prompt", "What is my e-mail address?", "--answer", f"It is {MAIL}.", "--json")
    assert "personal.email" in told.err
    assert "edge-seal review" in told.err
    signal = told.json["signals"][0]["id"]
    assert isinstance(signal, str)
    return signal


def test_it_is_listed_with_its_rule_and_let_in_by_its_hash_alone(cli: CommandLine) -> None:
    signal = taught(cli)
    listed = cli("review")
    (item,) = cli("review", "--json").json["put_aside"]
    assert (item["signal"]["id"], item["rules"]) == (signal, ["personal.email"])
    assert f"hash: {item['approval']}" in listed.out
    assert "personal.email: " in listed.out
    assert "--let-in ID --hash HASH" in listed.err
    cli("review", "--let-in", signal, code=2)
    assert "look at it again" in cli("review", "--let-in", signal, "--hash", "0" * 64, code=1).err
    assert "look at it again" in cli("review", "--let-in", signal, "--hash", item["approval"][:11], code=1).err
    assert len(cli("review", "--json").json["put_aside"]) == 1
    assert cli("review", "--let-in", signal, "--hash", item["approval"][:12], "--json").json["let_in"] == signal
    assert cli("review", "--json").json["put_aside"] == []
    assert "was not put aside" in cli("review", "--let-in", signal, "--hash", item["approval"], code=1).err
    assert cli("audit", "verify", "--json").json["intact"]


def test_usage(cli: CommandLine) -> None:
    cli("review", "--hash", "0" * 64, code=2)
    cli("review", "--let-in", "s1", "--accept-all", code=2)
    assert "no signal s9" in cli("review", "--let-in", "s9", "--hash", "0" * 64, code=1).err


def test_a_secret_is_let_in_by_nobody(cli: CommandLine, home: Home) -> None:
    # No door keeps one; here it comes by a door without a guardian.
    key = "ghp_" + "".join(secrets.choice(string.ascii_letters) for _ in range(36))
    with Runtime.open(home) as runtime:
        runtime.signals.add_all([lesson("What is my password?", f"It is {key}, and {MAIL}.")])
    (item,) = cli("review", "--json").json["put_aside"]
    assert item["approval"] is None
    assert "nobody can let it in" in cli("review").out
    assert "cannot be let in" in cli("review", "--let-in", "s1", "--hash", "0" * 64, code=3).err
    assert "cannot be let in" in cli("review", "--let-in", "s1", code=3).err


@pytest.mark.parametrize(("answer", "left"), [("l", 0), ("f", 0), ("s", 1)])
def test_a_terminal_asks(cli: CommandLine, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    signal = taught(cli)
    monkeypatch.setattr("edge_seal.cli.reviewing.asks_a_person", lambda: True)
    told = cli("review", stdin=f"{answer}\n").err
    assert {"l": "is let in", "f": "is forgotten", "s": "skip"}[answer] in told
    assert len(cli("review", "--json").json["put_aside"]) == left
    entries = cli("audit", "export").out
    assert ('"signal.approved","previous_hash"' in entries or '"event":"signal.approved"' in entries) is (answer == "l")
    assert MAIL not in entries
    assert signal == "s1"
