"""A canary as its user sees it: conversations in two arms, what is said of them, and how it ends."""

from __future__ import annotations

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from edge_seal.runtime import Runtime
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def approved(tiny: CommandLine, home: Home, *options: str) -> str:
    update = learned_update(home, to=State.AWAITING_APPROVAL).id
    approval = tiny("updates", "show", update, "--json").json["approval"]
    done = tiny("updates", "approve", update, "--hash", approval, *options, "--json").json
    assert done["update"]["state"] == (State.ACTIVE if "--no-canary" in options else State.CANARY)
    return update


def with_canary(home: Home, settings: str) -> None:
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write(f"\n[canary]\n{settings}\n")


def test_conversations_are_answered_by_both_arms_and_each_stays_in_its_own(tiny: CommandLine, home: Home) -> None:
    base = tiny("ask", "Hello there", "--json").json
    update = approved(tiny, home)
    asked = [tiny("ask", "Hello there", "--json").json for _ in range(12)]
    answered = {turn["conversation"]: turn["adapter"] for turn in asked}
    assert set(answered.values()) == {None, update}
    assert all((turn["text"] == base["text"]) is (turn["adapter"] is None) for turn in asked)
    for conversation, adapter in answered.items():
        again = tiny("ask", "And then?", "--conversation", conversation, "--json").json
        assert again["adapter"] == adapter
    # What began before, and what is private, has what answered before.
    assert tiny("ask", "Well?", "--conversation", base["conversation"], "--json").json["adapter"] is None
    assert {tiny("ask", "Hello there", "--private", "--json").json["adapter"] for _ in range(6)} == {None}
    shown = tiny("updates", "show", update)
    assert "canary: since" in shown.out
    assert "no difference yet" in shown.out
    assert "canary 1" in tiny("updates", "list").out
    assert tiny("updates", "list", "--json").json["canary"]["update"] == update


def test_thumbs_down_take_it_back_and_the_user_is_told_once(tiny: CommandLine, home: Home) -> None:
    with_canary(home, "minimum_pairs = 2\nfalse_rollback = 0.45")
    update = approved(tiny, home)
    notices: list[str] = []
    for _ in range(30):
        turn = tiny("ask", "Hello there", "--json").json
        notices += turn["notices"]
        if turn["adapter"] == update:
            notices += tiny("feedback", turn["turn"], "--bad", "--json").json["notices"]
        if tiny("updates", "show", update, "--json").json["update"]["state"] == State.ROLLED_BACK:
            break
    record = tiny("updates", "show", update, "--json").json
    assert record["update"]["state"] == State.ROLLED_BACK
    assert record["entries"][-1]["actor"] == "canary"
    assert record["entries"][-1]["body"]["canary"]["finding"] == "worse"
    assert len([notice for notice in notices if "was taken back by the canary" in notice]) == 1
    after = tiny("ask", "Hello there", "--json").json
    assert (after["adapter"], [n for n in after["notices"] if "canary" in n]) == (None, [])
    assert tiny("audit", "verify", "--json").json["intact"]


def test_it_is_promoted_or_taken_back_by_hand(tiny: CommandLine, home: Home) -> None:
    first = approved(tiny, home)
    assert tiny("updates", "promote", first, "--json").json["update"]["state"] == State.ACTIVE
    assert tiny("ask", "Hello there", "--json").json["adapter"] == first
    tiny("updates", "promote", first, code=1)
    second = approved(tiny, home)
    assert tiny("updates", "reject", second, "--json").json["update"]["state"] == State.ROLLED_BACK
    assert tiny("ask", "Hello there", "--json").json["adapter"] == first


def test_a_rollback_ends_it(tiny: CommandLine, home: Home) -> None:
    approved(tiny, home, "--no-canary")
    second = approved(tiny, home)
    tiny("rollback", "base", "--yes")
    assert tiny("updates", "show", second, "--json").json["update"]["state"] == State.ABANDONED
    assert {tiny("ask", "Hello there", "--json").json["adapter"] for _ in range(4)} == {None}


def test_learning_meanwhile_is_refused_with_the_way_on(tiny: CommandLine, home: Home) -> None:
    update = approved(tiny, home)
    tiny("limits", "set", "minutes_between_updates", "0")
    tiny("teach", "--prompt", "What is my cat called?", "--answer", "Tom")
    ran = tiny("learn", "--now", "--json", code=4)
    assert f"updates promote {update}" in ran.json["error"]["next_step"]


def test_a_candidate_that_was_changed_answers_nobody(tiny: CommandLine, home: Home) -> None:
    with_canary(home, "share = 0.99")
    update = approved(tiny, home)
    (adapter,) = home.adapters.glob("*/adapter.gguf")
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"\x07")
    turn = tiny("ask", "Hello there", "--json").json
    assert turn["adapter"] is None
    assert any(f"{update} is on the canary and cannot answer" in notice for notice in turn["notices"])
    tiny("updates", "promote", update, code=5)
    tiny("updates", "reject", update, "--yes")


def test_an_answer_that_fails_counts_against_its_arm(
    tiny: CommandLine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
    from edge_seal.errors import EngineError

    update = approved(tiny, home)

    def failing(*_: object, **__: object) -> None:
        raise EngineError("the model could not go on")

    monkeypatch.setattr(LlamaCppEngine, "generate", failing)
    tiny("ask", "Hello there", code=1)
    with Runtime.open(home) as runtime:
        report = runtime.canaries.report(update)
    assert report is not None
    assert report.candidate.errors + report.incumbent.errors == 1
