from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from edge_seal.config import Home
from tests.cli.conftest import CommandLine

KEY = "ghp_" + "9f3Kd81mQz7LwX2cVb5nTy4uRs6pAe0hGjKq"


def lines(*lessons: tuple[str, str]) -> str:
    return "".join(json.dumps({"prompt": prompt, "answer": answer}) + "\n" for prompt, answer in lessons)


def stored_bytes(home: Home) -> bytes:
    return b"".join(path.read_bytes() for path in home.data.parent.rglob("*") if path.is_file())


def test_one_lesson_and_a_file_of_them_are_kept(cli: CommandLine, tmp_path: Path) -> None:
    one = cli("teach", "--prompt", "What is my dog called?", "--answer", "Biscuit", "--json").json
    file = tmp_path / "lessons.jsonl"
    file.write_text(lines(("a?", "b"), ("c?", "d")), encoding="utf-8")
    several = cli("teach", str(file), "--json").json
    stdin = cli("teach", "-", "--json", stdin=lines(("e?", "f"))).json
    assert [s["id"] for s in (*one["signals"], *several["signals"], *stdin["signals"])] == ["s1", "s2", "s3", "s4"]
    assert {(s["origin"], s["source"]) for s in several["signals"]} == {("file", "lessons.jsonl")}
    assert [(s["origin"], s["source"]) for s in stdin["signals"]] == [("pasted", None)]
    assert all(any("origin.unapproved" in reason for reason in told["waiting"]) for told in (several, stdin))


def test_a_file_of_ones_own_teaches_like_what_is_typed_but_for_what_names_a_source(
    cli: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "lessons.jsonl"
    file.write_text(lines(("a?", "b")) + json.dumps({"prompt": "c?", "answer": "d", "source": "a page"}) + "\n")
    told = cli("teach", str(file), "--mine", "--json").json
    assert [(s["origin"], s["source"]) for s in told["signals"]] == [("typed", None), ("file", "a page")]
    cli("teach", "--mine", "--prompt", "a?", "--answer", "b", code=2)


def test_a_taught_key_is_refused_with_its_reason_and_leaves_no_trace(cli: CommandLine, home: Home) -> None:
    ran = cli("teach", "--prompt", "What is my token?", "--answer", f"It is {KEY}", "--json", code=3)
    assert ran.json["error"]["kind"] == "Refused"
    assert any("secret.github_token" in reason for reason in ran.json["error"]["reasons"])
    assert KEY not in ran.out + ran.err
    assert KEY.encode() not in stored_bytes(home)
    (entry,) = [json.loads(line) for line in cli("audit", "export").out.splitlines()]
    assert entry["event"] == "signal.refused"
    assert json.loads(entry["body"])["rules"] == ["secret.github_token"]


def test_a_file_with_one_refused_line_is_kept_in_no_part(cli: CommandLine, tmp_path: Path, home: Home) -> None:
    file = tmp_path / "lessons.jsonl"
    file.write_text(lines(("a?", "b")) + "\n" + lines(("My key?", KEY), ("c?", "d")), encoding="utf-8")
    ran = cli("teach", str(file), code=3)
    assert "line 3: secret.github_token" in ran.err
    with sqlite3.connect(home.database) as database:
        assert database.execute("SELECT count(*) FROM signals").fetchone() == (0,)
    database.close()


def test_a_corrected_key_is_refused_too(tiny: CommandLine, home: Home) -> None:
    turn = tiny("ask", "Hello there", "--json").json["turn"]
    tiny("feedback", turn, "--correction", f"The key is {KEY}", code=3)
    assert KEY.encode() not in stored_bytes(home)


def test_what_waits_for_approval_says_so(cli: CommandLine) -> None:
    told = cli("teach", "--prompt", "a?", "--answer", "b", "--source", "a web page", "--json")
    assert told.json["signals"][0]["origin"] == "file"
    assert any("origin.unapproved" in reason for reason in told.json["waiting"])
    assert "needs your approval" in told.err


@pytest.mark.parametrize(
    "arguments", [[], ["--prompt", "a"], ["--answer", "b"], ["file.jsonl", "--prompt", "a", "--answer", "b"]]
)
def test_half_a_lesson_is_a_question_of_usage(cli: CommandLine, arguments: list[str]) -> None:
    assert "give --prompt and --answer, a --rule, a --document, or a FILE" in cli("teach", *arguments, code=2).err


def test_a_rule_is_kept_in_its_own_words_and_what_is_none_is_refused_with_examples(cli: CommandLine) -> None:
    kept = cli("teach", "--rule", "answer without commas", "--json").json
    assert [(signal["prompt"], signal["answer"]) for signal in kept["signals"]] == [
        ("answer without commas", "every answer has no commas")
    ]
    refused = cli("teach", "--rule", "be nice", code=2).err
    assert "no rule of style or format is read in 'be nice'" in refused
    assert "end every answer with a smiley" in refused
    assert "--rule stands by itself" in cli("teach", "--rule", "no commas", "--prompt", "a", code=2).err


def test_a_bad_line_is_named(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "lessons.jsonl"
    file.write_text(lines(("a?", "b")) + "{nonsense\n", encoding="utf-8")
    assert "line 2" in cli("teach", str(file), code=2).err
    assert "cannot read" in cli("teach", str(tmp_path / "absent.jsonl"), code=1).err
    assert "not UTF-8" in cli("teach", "-", stdin=b"\xff\xfe", code=1).err


def test_a_limit_that_holds_exits_4_and_names_the_time(tiny: CommandLine, home: Home) -> None:
    from tests.support.tiny_installation import learned_update

    learned_update(home)
    ran = tiny("learn", "--now", "--json", code=4)
    assert ran.json["error"]["kind"] == "LimitReached"
    assert ran.json["error"]["allowed_at"].endswith("Z")
    assert "allowed at: " in ran.err


def test_nothing_to_learn_is_no_failure(tiny: CommandLine) -> None:
    told = tiny("learn", "--now", "--json").json
    assert (told["update"], told["state"]) == (None, None)
    assert told["reasons"]


def test_a_busy_machine_is_left_in_peace(tiny: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (64.0, 64.0, 64.0))
    ran = tiny("learn", code=4)
    assert "the machine is busy" in ran.err
    assert "--now" in ran.err


def test_a_tiny_cycle_runs_to_its_end_and_what_was_refused_leaves_its_record_only(
    tiny: CommandLine, home: Home
) -> None:
    tiny("limits", "set", "steps_per_update", "4")
    tiny("teach", "--prompt", "What is my dog called?", "--answer", "Your dog is called Biscuit.")
    before = tiny("ask", "Hello there", "--json").json["text"]
    ran = tiny("learn", "--now", "--json", code=3)
    told = ran.json
    assert (told["update"], told["state"]) == ("u1", "rejected")
    assert told["reasons"]
    assert "total" in told["seconds"]
    assert "training" in ran.err
    after = tiny("ask", "Hello there", "--json").json
    assert (after["adapter"], after["text"]) == (None, before)
    shown = tiny("updates", "show", "u1", "--json").json
    assert (shown["examples"], shown["manifest"]) == ([], None)
    assert tiny("audit", "verify", "--json").json["intact"] is True


def test_ctrl_c_while_learning_leaves_the_state_from_before_and_says_so(
    tiny: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_seal.adaptation import cycle

    tiny("teach", "--prompt", "What is my dog called?", "--answer", "Your dog is called Biscuit.")
    before = tiny("ask", "Hello there", "--json").json["text"]

    def interrupted(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cycle, "train", interrupted)
    ran = tiny("learn", "--now", code=130)
    assert "nothing changed: the answers are as before, what is not learned yet is kept: 1 lesson" in ran.err
    assert tiny("ask", "Hello there", "--json").json["text"] == before
    assert [item["state"] for item in tiny("updates", "list", "--json").json["updates"]] == ["abandoned"]


DOCUMENT = "# Notes\n\nFernworks was founded in 1987 by Mira Osk. It has 23 machines.\n"


def test_a_document_is_shown_first_and_kept_once(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text(DOCUMENT, encoding="utf-8")
    shown = cli("teach", "--document", str(file), "--dry-run", "--json").json
    assert [one["prompt"] for one in shown["proposals"]] == [
        "When was Fernworks founded?",
        "Who founded Fernworks?",
        "How many machines does Fernworks have?",
    ]
    assert shown["signals"] == []
    kept = cli("teach", "--document", str(file), "--json")
    assert {(signal["origin"], signal["source"]) for signal in kept.json["signals"]} == {("document", "notes.md")}
    assert [(one["line"], one["by"]) for one in kept.json["proposals"]] == [(3, "rule")] * 3
    assert "needs your approval" in kept.err
    again = cli("teach", "--document", str(file), "--json").json
    assert (again["signals"], again["dropped"]) == ([], {"told before": 3})


def test_a_password_in_a_document_is_left_out_with_its_line_and_leaves_no_trace(
    cli: CommandLine, tmp_path: Path, home: Home
) -> None:
    file = tmp_path / "notes.txt"
    secret = "Tulip7Canary93"
    file.write_text(f"Fernworks has 23 machines.\n\nThe password of Fernworks is {secret}.\n", encoding="utf-8")
    ran = cli("teach", "--document", str(file))
    assert "line 3: secret." in ran.err
    assert "How many machines does Fernworks have?" in ran.out
    assert secret not in ran.out + ran.err
    assert secret.encode() not in stored_bytes(home)
    file.write_text(f"The password of Fernworks is {secret}.\n", encoding="utf-8")
    assert cli("teach", "--document", str(file), "--json", code=3).json["error"]["kind"] == "Refused"


def test_a_document_from_stdin_needs_a_name(cli: CommandLine) -> None:
    assert "--source NAME" in cli("teach", "--document", "-", code=2, stdin=DOCUMENT).err
    kept = cli("teach", "--document", "-", "--source", "a mail", "--json", stdin=DOCUMENT).json
    assert {signal["source"] for signal in kept["signals"]} == {"a mail"}


def test_a_document_that_says_nothing_plainly_keeps_nothing(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("Perhaps it may rain. Who knows?\n", encoding="utf-8")
    assert "nothing was kept" in cli("teach", "--document", str(file)).err
    assert "not UTF-8" in cli("teach", "--document", "-", "--source", "x", stdin=b"\xff\xfe\x00a", code=2).err
    assert "cannot read" in cli("teach", "--document", str(tmp_path / "none.txt"), code=1).err


@pytest.mark.parametrize(
    "arguments", [["--document", "x", "--prompt", "a"], ["--document", "x", "y.jsonl"], ["--dry-run", "y.jsonl"]]
)
def test_what_does_not_go_with_a_document_is_a_question_of_usage(cli: CommandLine, arguments: list[str]) -> None:
    assert "--document" in cli("teach", *arguments, code=2).err
