from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from edge_seal.config import Home
from edge_seal.records import Origin
from edge_seal.runtime import Runtime
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


def test_the_list_is_filtered_and_paged(cli: CommandLine) -> None:
    for number in range(5):
        cli("remember", f"note {number} about boats", "--source", "log" if number % 2 else "diary")
    first = cli("memory", "list", "-n", "2", "--json").json
    assert [item["id"] for item in first["memories"]] == ["m4", "m5"]
    second = cli("memory", "list", "-n", "2", "--before", first["next"], "--json").json
    assert [item["id"] for item in second["memories"]] == ["m2", "m3"]
    assert cli("memory", "list", "-n", "2", "--before", second["next"], "--json").json["next"] is None
    assert len(cli("memory", "list", "--source", "DIARY", "--text", "Boats").out.splitlines()) == 3
    assert cli("memory", "list", "--since", "2999-01-01").out == ""
    assert len(cli("memory", "list", "--until", "2999-01-01").out.splitlines()) == 5
    assert cli("memory", "list", "--origin", "file").out == ""
    cli("memory", "list", "--all", "--valid-now", code=2)
    cli("memory", "list", "--before", "x1", code=1)
    cli("memory", "list", "--since", "yesterday", code=2)


def test_markdown_goes_out_and_comes_back(cli: CommandLine, tmp_path: Path) -> None:
    cli("remember", "I like tea,\nblack")
    exported = cli("memory", "export", "--format", "markdown").out
    assert "> I like tea,\n> black\n" in exported
    file = tmp_path / "mine.md"
    file.write_text(exported, encoding="utf-8")
    cli("forget", "m1")
    assert cli("memory", "import", str(file), "--backup", "--json").json == {"added": 1, "known": 0}
    assert cli("memory", "export", "--format", "markdown").out == exported
    file.write_text(f"{exported}\n## \n> My key is {KEY}\n", encoding="utf-8")
    assert "line 11: secret.github_token" in cli("memory", "import", str(file), code=3).err


def test_an_import_that_is_killed_leaves_nothing_of_it(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "many.jsonl"
    file.write_text("".join(f'{{"text": "note {number} about boats"}}\n' for number in range(600)), encoding="utf-8")
    cli("remember", "the one that was there")
    killed_half_way = """
import os, signal, sys
from edge_seal.runtime import Runtime
with open(sys.argv[1], "rb") as file, Runtime.open() as runtime:
    runtime.import_memories(file, source=None, progress=lambda n: n < 300 or os.kill(os.getpid(), signal.SIGKILL))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", killed_half_way, str(file)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert len(cli("memory", "list", "--json").json["memories"]) == 1
    assert cli("audit", "verify", "--json").json["intact"] is True
    cli("memory", "import", str(file))
    assert len(cli("memory", "list", "--json").json["memories"]) == 601
    assert cli("audit", "verify", "--json").json["intact"] is True


def test_where_words_alone_are_searched_no_embedder_is_loaded_to_keep_something(
    home: Home, default_embedder: Mapping[str, Path]
) -> None:
    home.config_file.write_text('[memory]\nmode = "keyword"\n')
    line = b'{"text": "I play the cello"}\n'
    with Runtime.open(home) as runtime:
        runtime.remember("I live in Turku", Origin.TYPED)
        runtime.edit_memory("m1", "I live in Oulu")
        runtime.import_memories(io.BytesIO(line), source=None)
        assert runtime._embedder is None
        assert [item.memory.text for item in runtime.search_memories("cello", 1)] == ["I play the cello"]
        assert runtime._embedder is None
    home.config_file.unlink()
    with Runtime.open(home) as runtime:
        runtime.remember("I sing", Origin.TYPED)
        assert runtime._embedder is not None
        assert runtime.memories.missing_vectors() <= 2
