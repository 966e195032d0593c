from __future__ import annotations

import json
from pathlib import Path

from edge_seal.config import Home
from tests.cli.conftest import CommandLine
from tests.cli.test_teaching import KEY, stored_bytes

SSN = "My social security number is 536-22-8726."


def test_a_memory_from_remember_to_forget(cli: CommandLine, home: Home) -> None:
    kept = cli("remember", "My daughter studies marine biology.", "--json").json["memory"]
    assert (kept["id"], kept["origin"]) == ("m1", "typed")
    assert cli("memory", "list", "--json").json["memories"] == [kept]
    assert cli("memory", "show", "m1").out == "My daughter studies marine biology.\n"
    found = cli("memory", "search", "what does my daughter study", "-k", "3", "--json").json
    assert [item["memory"]["id"] for item in found["results"]] == ["m1"]
    changed = cli("memory", "edit", "m1", "My daughter studies law.", "--json").json["memory"]
    assert changed["text"] == "My daughter studies law."
    assert cli("forget", "m1", "--json").json["memory"]["text"] == "My daughter studies law."
    assert cli("memory", "list", "--json").json["memories"] == []
    assert b"marine biology" not in stored_bytes(home)
    assert b"studies law" not in stored_bytes(home)
    cli("forget", "m1", code=1)
    cli("memory", "show", "m1", code=1)


def test_remembering_twice_keeps_one(cli: CommandLine) -> None:
    first = cli("remember", "I live in Bergen.", "--json").json
    assert cli("remember", "i live in bergen", "--json").json == first


def test_a_secret_is_not_remembered(cli: CommandLine, home: Home) -> None:
    assert "secret.github_token" in cli("remember", f"My token is {KEY}", "--yes", code=3).err
    assert KEY.encode() not in stored_bytes(home)
    events = [json.loads(line)["event"] for line in cli("audit", "export").out.splitlines()]
    assert events == ["memory.refused"]


def test_what_the_guardian_asks_about_is_kept_only_with_yes(cli: CommandLine) -> None:
    assert "--yes" in cli("remember", SSN, code=3).err
    assert cli("memory", "list", "--json").json["memories"] == []
    assert cli("remember", SSN, "--yes", "--json").json["memory"]["text"] == SSN


def test_a_pasted_memory_says_so(cli: CommandLine) -> None:
    assert cli("remember", "-", "--json", stdin="I live in Bergen.\n").json["memory"]["origin"] == "pasted"


def test_an_import_is_all_or_nothing_and_an_export_comes_back_whole(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "memories.jsonl"
    file.write_text('{"text": "I live in Bergen."}\n\n{"text": "My key is ' + KEY + '"}\n', encoding="utf-8")
    assert "line 3: secret.github_token" in cli("memory", "import", str(file), code=3).err
    assert cli("memory", "list", "--json").json["memories"] == []
    file.write_text('{"text": "I live in Bergen."}\n{"text": "I am a nurse."}\n', encoding="utf-8")
    assert cli("memory", "import", str(file), "--json").json == {"added": 2, "known": 0}
    memories = cli("memory", "list", "--json").json["memories"]
    assert {(item["origin"], item["source"]) for item in memories} == {("file", "memories.jsonl")}
    exported = cli("memory", "export").out
    assert cli("memory", "import", "-", "--backup", "--json", stdin=exported).json == {"added": 0, "known": 2}
    assert cli("memory", "export").out == exported


def test_a_bad_line_is_named(cli: CommandLine) -> None:
    assert "line 2" in cli("memory", "import", "-", stdin='{"text": "a"}\n{"txt": "b"}\n', code=2).err


def test_memories_reach_the_terminal_without_what_it_would_obey(cli: CommandLine) -> None:
    nasty = "call me \x1b]0;owned\x07 \u202eevil"
    cli("remember", nasty)
    shown = cli("memory", "list").out + cli("memory", "show", "m1").out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    as_json = cli("memory", "list", "--json")
    assert "\x1b" not in as_json.out
    assert "\u202e" not in as_json.out
    assert as_json.json["memories"][0]["text"] == nasty
