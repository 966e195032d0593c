from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from edge_models.adapter import read_gguf_adapter
from edge_seal.config import Home, Settings, load_settings
from tests.cli.conftest import CommandLine
from tests.cli.test_teaching import KEY
from tests.support.tiny_installation import learned_update

# Limits -------------------------------------------------------------------------------------------------------


def test_a_limit_is_set_in_the_file_and_in_the_audit_trail(cli: CommandLine, home: Home) -> None:
    home.config_file.write_text("# mine\n[limits]\nupdates_per_day = 3  # few\n", encoding="utf-8")
    told = cli("limits", "set", "updates_per_hour", "2", "--json").json
    assert told == {"key": "limits.updates_per_hour", "before": 4, "after": 2}
    text = home.config_file.read_text(encoding="utf-8")
    assert "# mine" in text
    assert "# few" in text
    assert load_settings(home.config_file).limits.updates_per_hour == 2
    (entry,) = [json.loads(line) for line in cli("audit", "export").out.splitlines()]
    assert (entry["event"], entry["subject"]) == ("limits.set", "limits.updates_per_hour")
    assert json.loads(entry["body"]) == {"before": 4, "after": 2}
    shown = cli("limits", "show", "--json").json
    assert (shown["allowed"], shown["limits"]["updates_per_hour"], shown["limits"]["updates_per_day"]) == (True, 2, 3)


@pytest.mark.parametrize(
    ("key", "value"), [("updates_per_hour", "-1"), ("updates_per_hour", "many"), ("nonsense", "1"), ("gate.x", "1")]
)
def test_a_limit_that_does_not_fit_changes_nothing(cli: CommandLine, home: Home, key: str, value: str) -> None:
    cli("limits", "set", "--", key, value, code=2)
    assert not home.config_file.exists()
    assert cli("audit", "export").out == ""


def test_limits_say_when_the_next_update_is_allowed(tiny: CommandLine, home: Home) -> None:
    learned_update(home)
    shown = tiny("limits", "show", "--json").json
    assert (shown["allowed"], shown["allowed_at"][-1]) == (False, "Z")
    assert {use["name"]: use["used"] for use in shown["used"]}["updates_per_hour"] == 1
    assert "allowed at" in tiny("limits", "show").out


# The audit trail ------------------------------------------------------------------------------------------------


def test_an_edited_row_of_the_ledger_is_found_and_named(cli: CommandLine, home: Home) -> None:
    cli("remember", "I live in Bergen.")
    cli("remember", "I am a nurse.")
    intact = cli("audit", "verify", "--json").json
    seq, head = cli("audit", "head").out.split()[:2]
    assert (intact["intact"], intact["entries"], intact["head"]) == (True, 2, head)
    told = cli("audit", "head", "--json").json
    assert (told["seq"], told["head"]) == (int(seq), head)
    database = sqlite3.connect(home.database)
    database.execute("DROP TRIGGER ledger_no_update")
    database.execute("UPDATE ledger SET actor = 'someone' WHERE seq = 1")
    database.commit()
    database.close()
    found = cli("audit", "verify", "--json", code=5).json
    assert (found["intact"], found["first_bad_seq"]) == (False, 1)
    assert "entry 1" in cli("audit", "verify", code=5).out


def test_a_memory_changed_behind_our_back_is_found(cli: CommandLine, home: Home) -> None:
    cli("remember", "I live in Bergen.")
    database = sqlite3.connect(home.database)
    database.execute("UPDATE memories SET digest = 'x' WHERE id = 1")
    database.commit()
    database.close()
    assert "memory m1" in cli("audit", "verify", code=5).out


# Updates --------------------------------------------------------------------------------------------------------


def test_rollback_steps_back_by_one_or_to_a_named_update(tiny: CommandLine, home: Home) -> None:
    for seed in (1, 2, 3):
        learned_update(home, seed=seed, prompt=f"question {seed}?")
    assert tiny("rollback", "--json").json == {"active": "u2", "before": "u3", "rolled_back": ["u3"]}
    assert tiny("rollback", "u3", "--json").json["active"] == "u3"
    assert tiny("rollback", "u1", "--json").json == {"active": "u1", "before": "u3", "rolled_back": ["u2", "u3"]}
    assert tiny("rollback", "base", "--yes").err == "the base model answers now; taken back: u1\n"
    tiny("rollback", code=1)
    tiny("rollback", "u9", code=1)
    states = {item["id"]: item["state"] for item in tiny("updates", "list", "--json").json["updates"]}
    assert states == dict.fromkeys(("u1", "u2", "u3"), "rolled_back")


def test_an_update_is_shown_with_all_that_is_known_of_it(tiny: CommandLine, home: Home) -> None:
    update = learned_update(home)
    shown = tiny("updates", "show", update.id, "--json").json
    assert shown["update"]["state"] == "active"
    assert shown["examples"][0]["answer"] == "Rex"
    assert shown["manifest"]["adapter_sha256"] == update.adapter_sha256
    assert [entry["event"] for entry in shown["entries"]][-1] == "update.active"
    words = tiny("updates", "show", update.id).out
    assert "What is my dog called? → Rex" in words
    tiny("updates", "show", "u9", code=1)


def test_an_adapter_is_exported_with_its_manifest_and_overwrites_nothing(
    tiny: CommandLine, home: Home, tmp_path: Path
) -> None:
    update = learned_update(home)
    target = tmp_path / "mine.gguf"
    told = tiny("adapters", "export", update.id, "--format", "gguf", "-o", str(target), "--json").json
    assert read_gguf_adapter(target).rank == 4
    assert json.loads(Path(told["manifest"]).read_text(encoding="utf-8"))["adapter_sha256"] == update.adapter_sha256
    assert "exists already" in tiny("adapters", "export", update.id, "-o", str(target), code=1).err


# The guardian -----------------------------------------------------------------------------------------------------


def test_a_scan_gives_a_finding_a_line_and_quotes_none(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(f"hello\nmy token is {KEY}\nwrite to ingrid@solberg.no\n", encoding="utf-8")
    ran = cli("guard", "scan", str(file), "--json")
    findings = [json.loads(line) for line in ran.out.splitlines()]
    assert {item["rule"]: item["action"] for item in findings} == {
        "secret.github_token": "block",
        "personal.email": "quarantine",
    }
    assert KEY not in ran.out
    words = cli("guard", "scan", "-", stdin=file.read_text(encoding="utf-8"))
    assert "line 2: block: secret.github_token" in words.out
    assert cli("guard", "scan", "-", "--json", stdin="nothing of note").out == ""


# Models -----------------------------------------------------------------------------------------------------------


def test_models_are_listed_used_and_verified(tiny: CommandLine, home: Home) -> None:
    listed = {item["name"]: item for item in tiny("models", "list", "--json").json["models"]}
    assert (listed["tiny"]["in_use"], listed["tiny"]["complete"]) == (True, True)
    assert listed["smollm2-135m-instruct"]["complete"] is False
    (pulled,) = tiny("models", "pull", "tiny", "--json").json["models"]
    assert (pulled["name"], pulled["licence"]) == ("tiny", "CC0-1.0")
    tiny("models", "verify", "tiny")
    assert "models pull" in tiny("models", "use", "smollm2-135m-instruct", code=1).err
    tiny("models", "use", "nonsense", code=1)
    path = Path(pulled["files"][0]["path"])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    (checked,) = tiny("models", "verify", "tiny", "--json", code=5).json["models"]
    assert checked["files"][0]["state"] == "damaged"
    assert tiny("ask", "Hello there", "--json", code=5).json["error"]["kind"] == "IntegrityError"
    assert "tiny" in home.config_file.read_text(encoding="utf-8")


def test_missing_models_are_missing_and_not_damaged(cli: CommandLine) -> None:
    assert "not on this machine" in cli("models", "verify", code=1).out


# The installation -------------------------------------------------------------------------------------------------


def test_the_doctor_names_what_needs_someone(tiny: CommandLine) -> None:
    told = tiny("doctor", "--json", code=1).json
    assert (told["sqlite"]["FTS5"], told["sqlite"]["vec0"]) == ("works", "works")
    assert told["gemm_gflops"] > 0.1
    assert told["blas"]
    assert told["versions"]["llama-cpp-python"]
    assert told["llama_cpp"]
    (tiny_model, embedder) = told["models"]
    assert [item["state"] for item in tiny_model["files"]] == ["verified"]
    assert {item["state"] for item in embedder["files"]} == {"missing"}
    assert {problem["next_step"] for problem in told["problems"]} == {"edge-seal models pull all-minilm-l6-v2"}


def test_the_doctor_finds_damage(tiny: CommandLine, home: Home) -> None:
    update = learned_update(home)
    adapter = home.adapters / str(update.adapter_sha256) / "adapter.gguf"
    adapter.write_bytes(b"damaged")
    ran = tiny("doctor", code=5)
    assert "was changed" in ran.err
    assert update.id in ran.out


def test_a_database_of_something_else_is_told_and_not_touched(cli: CommandLine, home: Home) -> None:
    home.database.write_bytes(b"not a database at all" * 100)
    assert cli("memory", "list", "--json", code=5).json["error"]["kind"] == "IntegrityError"
    assert cli("doctor", "--json", code=5).json["sqlite"] == {}
    assert home.database.read_bytes() == b"not a database at all" * 100


def test_settings_are_shown_with_their_defaults_and_errors_name_the_key(cli: CommandLine, home: Home) -> None:
    import tomllib

    assert cli("config", "path").out == f"{home.config_file}\n"
    assert Settings.model_validate(tomllib.loads(cli("config", "show").out)) == Settings()
    home.config_file.write_text("[limits]\nupdates_per_our = 1\n", encoding="utf-8")
    assert "limits.updates_per_our" in cli("config", "show", code=2).err
    assert cli("config", "path", "--json").json["exists"] is True


def test_looking_at_paths_makes_no_files(cli: CommandLine, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = home.data.parent.parent / "elsewhere"
    monkeypatch.setenv("EDGE_SEAL_HOME", str(elsewhere))
    cli("config", "path")
    cli("config", "show")
    cli("models", "list")
    assert not elsewhere.exists()
