from __future__ import annotations

from datetime import timedelta

import pytest

from edge_seal.clock import SystemClock
from edge_seal.config import Home
from edge_seal.records import State
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def three(home: Home) -> None:
    for number in range(3):
        learned_update(home, seed=number + 1, prompt=f"What is box {number}?", answer=f"Crate {number}")


def test_it_lists_and_changes_nothing_until_it_is_told(tiny: CommandLine, home: Home) -> None:
    assert "nothing was learned" in tiny("review").err
    three(home)
    listed = tiny("review")
    assert listed.out.index("u1:") < listed.out.index("u2:") < listed.out.index("u3:")
    assert "Crate 1" in listed.out
    told = tiny("review", "--json").json
    assert [item["update"]["id"] for item in told["waiting"]] == ["u1", "u2", "u3"]
    assert told["waiting"][1]["undo"]["waiting"] == ["s3"]
    assert tiny("review", "--accept-all", "--json").json["accepted"] == ["u1", "u2", "u3"]
    assert tiny("review", "--json").json["waiting"] == []


def test_one_in_the_middle_is_undone_with_what_was_built_on_it(tiny: CommandLine, home: Home) -> None:
    three(home)
    done = tiny("review", "--undo", "u2", "--json").json
    assert (done["accepted"], done["undo"]["taken_back"], done["undo"]["waiting"]) == (["u1"], ["u2", "u3"], ["s3"])
    states = {item["id"]: item["state"] for item in tiny("updates", "list", "--json").json["updates"]}
    assert states == {"u1": State.ACTIVE, "u2": State.ROLLED_BACK, "u3": State.ROLLED_BACK}
    assert tiny("audit", "verify", "--json").json["intact"]
    tiny("review", "--undo", "u2", code=1)
    tiny("review", "--undo", "u1", "--accept-all", code=2)


def test_a_terminal_asks_about_each_and_says_what_undoing_does(
    tiny: CommandLine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    three(home)
    asked: list[str] = []

    def yes(question: str, *, yes: bool) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr("edge_seal.cli.reviewing.asks_a_person", lambda: True)
    monkeypatch.setattr("edge_seal.cli.reviewing.confirmed", yes)
    ran = tiny("review", stdin="a\nu\n")
    assert "u3 was built on it and go with it" in asked[0] or "u3 was built on it" in asked[0]
    assert "accepted: u1" in ran.err
    assert tiny("updates", "list", "--json").json["updates"][0]["state"] == State.ACTIVE


def test_after_a_week_it_is_reminded_of(tiny: CommandLine, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    three(home)
    assert "reminder" not in tiny("ask", "Hello there").err
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda self: now(self) + timedelta(days=8))
    assert "u1, u2, u3 not reviewed yet, the oldest for 8 days: edge-seal review" in tiny("ask", "Hello there").err
    assert "reminder: u1, u2, u3 not reviewed yet" in tiny("learn", "--dry-run").err
    assert any("not reviewed yet" in text for text in tiny("doctor", "--json", code=1).json["notices"])
    tiny("review", "--accept-all")
    assert "reminder" not in tiny("ask", "Hello there").err
