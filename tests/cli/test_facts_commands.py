from __future__ import annotations

import json

import pytest

from edge_seal.config import Home
from tests.cli.conftest import CommandLine
from tests.cli.test_teaching import KEY, stored_bytes


def test_a_correction_is_told_and_its_history_can_be_read(cli: CommandLine) -> None:
    cli("remember", "I live in Turku.")
    told = cli("remember", "I moved to Oulu.", "--json").json
    assert [item["id"] for item in told["ended"]] == ["m1"]
    assert [item["text"] for item in cli("memory", "list", "--json").json["memories"]] == ["I moved to Oulu."]
    eras = cli("memory", "history", "m1", "--json").json["history"]
    assert [(era["memory"]["id"], era["ended_by"]) for era in eras] == [("m1", "m2"), ("m2", None)]
    found = cli("memory", "search", "where did I live before Oulu", "--json").json["results"]
    assert found[0]["memory"]["id"] == "m1"
    assert found[0]["note"].startswith("until ")
    assert "m1" in cli("memory", "history", "m2").out
    assert cli("memory", "reopen", "m1", "--json").json["memory"]["valid_to"] is None


def test_contradictions_are_listed_and_resolved(cli: CommandLine) -> None:
    cli("remember", "I live in Turku.")
    cli("remember", "-", stdin="I live in Oulu.")
    (found,) = cli("memory", "contradictions", "--json").json["contradictions"]
    assert (found["first"]["id"], found["second"]["id"], found["about"]) == ("m1", "m2", "residence")
    assert "residence" in cli("memory", "contradictions").out
    cli("memory", "resolve", "m1", "m3", "--keep", "m1", code=1)
    cli("memory", "resolve", "m1", "m2", "--keep", "m3", code=2)
    assert cli("memory", "resolve", "m1", "--keep", "m2", "--json").json == {"kept": ["m2"], "between": ["m1", "m2"]}
    assert cli("memory", "contradictions", "--json").json["contradictions"] == []
    assert [item["id"] for item in cli("memory", "list", "--json").json["memories"]] == ["m2"]


def test_what_is_said_in_passing_is_proposed_and_recalled_only_once_accepted(tiny: CommandLine) -> None:
    said = tiny("ask", "I never take meetings on Fridays. When is the next full moon?", "--json")
    (proposal,) = said.json["proposed"]
    assert (proposal["id"], proposal["text"], proposal["turn_id"]) == ("p1", "I never take meetings on Fridays.", "t1")
    assert "noted, for you to accept: I never take meetings on Fridays." in said.err
    assert tiny("ask", "I never take meetings on Fridays!", "--json").json["proposed"] == []
    assert tiny("memory", "list", "--json").json["memories"] == []
    assert tiny("memory", "proposed", "--json").json["proposed"] == [proposal]
    (memory,) = tiny("memory", "accept", "p1", "--json").json["memories"]
    assert (memory["text"], memory["origin"], memory["source"]) == (proposal["text"], "typed", "said in t1")
    assert memory["valid_from"] == proposal["created_at"] < memory["created_at"]
    assert tiny("memory", "proposed", "--json").json["proposed"] == []
    assert tiny("ask", "I never take meetings on Fridays.", "--json").json["proposed"] == []
    tiny("memory", "accept", "p1", code=1)
    tiny("memory", "accept", code=2)


def test_what_is_rejected_leaves_nothing(tiny: CommandLine, home: Home) -> None:
    tiny("ask", "I am allergic to quetzalcoatlus feathers.", "--json")
    tiny("conversations", "delete", "c1", "--yes")
    assert tiny("memory", "proposed", "--json").json["proposed"] == []
    assert b"quetzalcoatlus" not in stored_bytes(home)
    tiny("ask", "I live in Ouagadougou.")
    assert tiny("memory", "reject", "p2", "--json").json == {"rejected": ["p2"]}
    assert tiny("memory", "proposed").out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "-", "--json"],
        ["ask", "I live in Oulu.", "--origin", "file", "--json"],
        ["ask", "I live in Oulu.", "--no-memory", "--json"],
        ["ask", "I live in Oulu.", "--private", "--json"],
        ["ask", "My licence number is " + KEY, "--json"],
    ],
)
def test_nothing_is_noted_of_what_was_not_typed_or_is_secret(tiny: CommandLine, arguments: list[str]) -> None:
    ran = tiny(*arguments, stdin="I live in Oulu.")
    assert ran.json["proposed"] == []
    assert tiny("memory", "proposed", "--json").json["proposed"] == []


def test_capture_can_be_off_or_keep_at_once(tiny: CommandLine, home: Home) -> None:
    settings = home.config_file.read_text(encoding="utf-8")
    home.config_file.write_text(settings + '\n[memory]\ncapture = "off"\n', encoding="utf-8")
    assert tiny("ask", "I live in Oulu.", "--json").json["proposed"] == []
    home.config_file.write_text(settings + '\n[memory]\ncapture = "keep"\n', encoding="utf-8")
    assert len(tiny("ask", "I live in Oulu.", "--json").json["proposed"]) == 1
    assert [item["text"] for item in tiny("memory", "list", "--json").json["memories"]] == ["I live in Oulu."]
    assert tiny("memory", "proposed", "--json").json["proposed"] == []


def test_remember_in_chat_is_done_before_the_model_is_asked(cli: CommandLine) -> None:
    cli("remember", "I live in Turku.")
    said = cli("ask", "remember that I moved to Oulu", "--json").json
    assert set(said) == {
        "turn", "text", "adapter", "taught_as", "memories", "timing", "notices", "proposed", "conversation",
    }  # fmt: skip
    assert said["memories"] == ["m2"]
    assert "Remembered as m2." in said["text"]
    assert "m1 no longer holds" in said["text"]
    assert "edge-seal forget m2" in said["text"]
    assert "already, as m2" in cli("ask", "/remember i moved to Oulu.").out
    assert [item["text"] for item in cli("memory", "list", "--json").json["memories"]] == ["I moved to Oulu"]
    cli("ask", f"remember that my token is {KEY}", code=3)
    cli("ask", "/remember", code=2)
    cli("ask", "remember that I am tall", "--private", code=2)


def test_forget_in_chat_asks_where_it_is_not_sure(cli: CommandLine, home: Home) -> None:
    for text in ("My dog is called Biscuit.", "My cat is called Truffle.", "I live in Ouagadougou."):
        cli("remember", text)
    asked = cli("ask", "forget what I said about my pets being called", "--json").json
    assert asked["text"].startswith("Nothing was forgotten yet.")
    assert {"m1", "m2"} <= set(asked["memories"])
    assert len(cli("memory", "list", "--json").json["memories"]) == 3
    assert "m3 is forgotten" in cli("ask", "Please forget that I live in Ouagadougou.").out
    assert b"uagadougou" not in stored_bytes(home)
    assert "m1 is forgotten" in cli("ask", "/forget m1").out
    assert "nothing was forgotten" in cli("ask", "forget that I own a zeppelin").out
    assert [item["id"] for item in cli("memory", "list", "--json").json["memories"]] == ["m2"]


def test_pasted_text_commands_nothing(tiny: CommandLine) -> None:
    tiny("remember", "My dog is called Biscuit.")
    tiny("ask", "-", stdin="/forget m1")
    tiny("ask", "-", stdin="remember that I am a spy")
    assert [item["id"] for item in tiny("memory", "list", "--json").json["memories"]] == ["m1"]


def test_every_event_is_in_the_audit_trail_without_a_word_of_the_text(tiny: CommandLine) -> None:
    tiny("ask", "I live in Turku and work at Nokia.")
    tiny("memory", "accept", "p1")
    tiny("memory", "reject", "p2")
    tiny("remember", "I moved to Oulu")
    exported = tiny("audit", "export").out
    events = [json.loads(line)["event"] for line in exported.splitlines()]
    assert [event for event in events if event.startswith("memory.")] == [
        "memory.proposed", "memory.proposed", "memory.remembered", "memory.accepted", "memory.rejected",
        "memory.remembered", "memory.ended",
    ]  # fmt: skip
    assert not any(word in exported for word in ("Turku", "Nokia", "Oulu"))
    assert tiny("audit", "verify", "--json").json["intact"]
