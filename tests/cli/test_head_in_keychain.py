"""The head of the ledger in the keychain: a place that no copy of the home takes along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge_seal.config import Home
from tests.cli.conftest import CommandLine


def entries_of(keychain: Path) -> dict[str, str]:
    return json.loads(keychain.read_text()) if keychain.exists() else {}


def test_it_follows_every_process_that_wrote_and_is_told(cli: CommandLine, keychain: Path) -> None:
    cli("memory", "list")
    assert entries_of(keychain) == {}
    cli("remember", "I live in Turku")
    cli("remember", "I like tea")
    ((name, text),) = entries_of(keychain).items()
    assert name.startswith("edge-seal/ledger-head-")
    told = cli("audit", "head", "--json").json
    assert text.splitlines()[0] == f"{told['seq']} {told['head']} {told['root']}"
    assert any("FileKeyring (entry edge-seal/ledger-head-" in place for place in told["kept_in"])
    assert "FileKeyring" in cli("audit", "head").err
    assert cli("audit", "verify", "--json").json["intact"]
    assert "not compared" not in cli("audit", "verify").err


def test_a_whole_older_home_put_back_is_noticed(cli: CommandLine, home: Home, keychain: Path, tmp_path: Path) -> None:
    cli("remember", "I live in Turku")
    shutil.copytree(home.data.parent, tmp_path / "copy")
    cli("remember", "I live in Oulu")
    shutil.rmtree(home.data.parent)
    shutil.copytree(tmp_path / "copy", home.data.parent)
    told = cli("audit", "verify", code=5)
    assert "older copy" in told.out
    assert "FileKeyring" in told.out
    before = entries_of(keychain)
    # It goes on by itself: two histories, and what is known of the other one stays as evidence.
    for number in range(9):
        cli("remember", f"My lucky number was {number} then")
    assert entries_of(keychain) == before
    assert cli("audit", "verify", "--json", code=5).json["flaw"] == "fork"
    # Who did it on purpose says so.
    cli("audit", "head", "--keep")
    assert cli("audit", "verify", "--json").json["intact"]
    assert entries_of(keychain) != before


def test_restoring_a_backup_moves_it(cli: CommandLine, home: Home, keychain: Path) -> None:
    cli("remember", "I live in Turku")
    cli("backup")
    for number in range(9):
        cli("remember", f"My lucky number was {number} then")
    (backup,) = [path for path in home.backups.iterdir() if path.suffix != ".db"]
    cli("restore", str(backup), "--yes")
    assert cli("audit", "verify", "--json").json["intact"]
    assert len(entries_of(keychain)) == 1
    cli("remember", "I like tea")
    assert cli("audit", "verify", "--json").json["intact"]


@pytest.mark.parametrize("text", ["", "nonsense", "7 " + "a" * 64])
def test_a_changed_entry_is_named_and_not_overwritten(cli: CommandLine, keychain: Path, text: str) -> None:
    cli("remember", "I live in Turku")
    ((name, _),) = entries_of(keychain).items()
    keychain.write_text(json.dumps({name: text}))
    assert "FileKeyring" in cli("audit", "verify", code=5).out
    cli("remember", "I like tea")
    assert entries_of(keychain) == {name: text}
    cli("audit", "head", "--keep")
    cli("audit", "verify")


def test_a_keychain_that_does_not_answer_fails_nothing(
    cli: CommandLine, keychain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("remember", "I live in Turku")
    monkeypatch.delenv("TEST_KEYRING")
    cli("remember", "I like tea")
    told = cli("audit", "verify", "--json").json
    assert told["intact"]
    # Intact, and it says what that rests on.
    assert ["FileKeyring did not answer" in why for why in told["not_compared"]] == [True]
    assert "was not compared: FileKeyring did not answer" in cli("audit", "verify").err
    assert not any("FileKeyring" in place for place in cli("audit", "head", "--json").json["kept_in"])


def test_it_can_be_switched_off(cli: CommandLine, home: Home, keychain: Path) -> None:
    home.config_file.write_text("[audit]\nkeychain = false\n", encoding="utf-8")
    cli("remember", "I live in Turku")
    cli("audit", "head", "--keep")
    assert entries_of(keychain) == {}
