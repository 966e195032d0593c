from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.cli.conftest import CommandLine
from tests.safekeeping.world import holding

PASSPHRASE = "four words like these"


@pytest.fixture
def passphrase_file(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n")
    return str(path)


@pytest.fixture
def no_keychain() -> Iterator[None]:
    from keyring.backends import fail

    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


def test_a_day_with_a_passphrase(cli: CommandLine, no_keychain: None, passphrase_file: str, tmp_path: Path) -> None:
    root = cli.home.data.parent
    cli("remember", "Zebulon is my sister")
    refused = cli("encrypt", "--json", code=2)
    assert "--passphrase-file" in refused.json["error"]["next_step"]
    assert holding(root)
    told = cli("--passphrase-file", passphrase_file, "encrypt", "--json").json
    assert told["protection"]["holder"] == "passphrase"
    assert holding(root) == []
    known = ("--passphrase-file", passphrase_file)
    assert "Zebulon" in cli(*known, "memory", "list").out
    assert cli("memory", "list", "--json", code=2).json["error"]["kind"] == "ConfigError"
    other = tmp_path / "other"
    other.write_text("not the passphrase")
    wrong = cli("--passphrase-file", str(other), "memory", "list", code=2)
    assert "not the right one" in wrong.err
    assert "not the passphrase" not in wrong.err
    assert "encrypted already" in cli(*known, "encrypt", code=2).err
    assert cli(*known, "audit", "verify", "--json").json["intact"]
    path = cli(*known, "backup", "--json").json["backup"]["path"]
    (listed,) = cli("backup", "--list", "--json").json["backups"]
    assert (listed["path"], listed["encrypted"]) == (path, True)
    # A new passphrase never comes from where the old one does.
    assert "--new-passphrase-file" in cli(*known, "encrypt", "--change-passphrase", code=2).err
    cli(*known, "encrypt", "--change-passphrase", "--new-passphrase-file", str(other))
    cli(*known, "memory", "list", code=2)
    known = ("--passphrase-file", str(other))
    cli(*known, "remember", "Later")
    # The backup still has the old one.
    restored = cli(*known, "restore", path, "--json").json["restored"]
    assert restored["info"]["reason"] == "asked for"
    assert "Later" not in cli(*known, "memory", "list").out
    cli(*known, "decrypt")
    assert "Zebulon" in cli("memory", "list").out
    assert "not encrypted" in cli("decrypt", code=2).err


def test_the_variable_and_a_passphrase_that_is_too_short(
    cli: CommandLine, no_keychain: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_SEAL_PASSPHRASE", "short")
    assert "at least 8" in cli("encrypt", code=2).err
    assert not cli.home.key_file.exists()
    monkeypatch.setenv("EDGE_SEAL_PASSPHRASE", PASSPHRASE)
    cli("encrypt")
    cli("remember", "by the variable")


def test_a_day_with_a_keychain(cli: CommandLine, keychain: Path) -> None:
    root = cli.home.data.parent
    cli("remember", "Zebulon is my sister")
    told = cli("encrypt", "--json").json
    assert told["protection"]["place"] == "FileKeyring"
    assert holding(root) == []
    assert "Zebulon" in cli("memory", "list").out
    entries = keychain.read_text()
    key_id = told["protection"]["key_id"]
    # Beside it lies the audit trail's head.
    assert [name for name in json.loads(entries) if "ledger-head" not in name] == [f"edge-seal/{key_id}"]
    assert json.loads(entries)[f"edge-seal/{key_id}"] not in cli("doctor", "--json", code=1).out
    keychain.write_text("{}")
    missing = cli("memory", "list", "--json", code=1).json["error"]
    assert missing["kind"] == "NotFound"
    assert key_id in missing["message"]
    keychain.write_text(json.dumps({f"edge-seal/{key_id}": "00" * 32}))
    assert "is not the key of this home" in cli("memory", "list", code=5).err
    keychain.write_text("no keyring at all")
    assert "did not answer" in cli("memory", "list", code=1).err
    keychain.write_text(entries)
    assert "Zebulon" in cli("memory", "list").out
    cli("decrypt")
    # Backups that were made meanwhile still need it.
    assert keychain.read_text() == entries
    cli("encrypt")
    cli("decrypt", "--forget-key")
    assert keychain.read_text() == entries


def test_a_keyring_that_keeps_no_secret_is_no_keychain(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends import fail, null

    before = keyring.get_keyring()
    try:
        for backend in (fail.Keyring(), null.Keyring()):
            keyring.set_keyring(backend)
            monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
            assert "no keychain that keeps a secret" in cli("encrypt", "--keychain", code=1).err
        from tests.support.file_keyring import FileKeyring

        monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
        keyring.set_keyring(FileKeyring())
        assert "no keychain that keeps a secret" in cli("encrypt", "--keychain", code=1).err
    finally:
        keyring.set_keyring(before)


def test_doctor_says_what_protects_the_home(cli: CommandLine, keychain: Path) -> None:
    assert cli("doctor", "--json", code=1).json["encryption"] == "none: edge-seal encrypt"
    cli("encrypt")
    found = cli("doctor", "--json", code=1).json
    assert found["encryption"].startswith("chacha20, the key ")
    assert found["encryption"].endswith(" is in FileKeyring")
    assert (found["profile"], found["backups"]) == ("default", 0)


def test_profiles_know_nothing_of_each_other(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("remember", "at home")
    cli("--profile", "work", "remember", "at work")
    assert cli("memory", "list").out.split("  ")[-1] == "at home\n"
    assert cli("--profile", "work", "memory", "list").out.split("  ")[-1] == "at work\n"
    path = cli("--profile", "work", "config", "path", "--json").json
    assert path["profile"] == "work"
    assert path["path"].endswith("/home/profiles/work/config/config.toml")
    monkeypatch.setenv("EDGE_SEAL_PROFILE", "work")
    assert "at work" in cli("memory", "list").out
    assert "at home" in cli("--profile", "default", "memory", "list").out
    listed = cli("profiles", "list", "--json").json["profiles"]
    assert [(item["name"], item["used"], item["exists"]) for item in listed] == [
        ("default", False, True),
        ("work", True, True),
    ]
    for name in ("../up", "Work", "", "a" * 33, ".hidden", "a/b"):
        if name:
            assert "cannot name a profile" in cli("--profile", name, "memory", "list", code=2).err
    assert sorted(entry.name for entry in cli.home.data.parent.iterdir()) == [
        "cache", "config", "data", "profiles", "state",
    ]  # fmt: skip


def test_conversations_behind_a_passphrase_are_read_in_any_home(
    cli: CommandLine, no_keychain: None, passphrase_file: str, tmp_path: Path
) -> None:
    known = ("--passphrase-file", passphrase_file)
    cli("ask", "remember that Zebulon \u202e is my\nsister \x1b[31m 🦊")
    export = ("conversations", "export", "--format", "markdown")
    plain = cli.bytes_of(*export)
    assert b"Zebulon" in plain
    path, other = tmp_path / "export", ("--profile", "new")
    assert "--passphrase-file" in cli(*export, "--encrypt", code=2).err
    path.write_bytes(cli.bytes_of(*known, *export, "--encrypt"))
    assert b"Zebulon" not in path.read_bytes()
    assert cli.bytes_of(*other, *known, "conversations", "decrypt", str(path)) == plain
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase\n")
    assert "passphrase" in cli("--passphrase-file", str(wrong), "conversations", "decrypt", str(path), code=2).err
    path.write_bytes(path.read_bytes()[:-1])
    assert "was changed" in cli(*known, "conversations", "decrypt", str(path), code=5).err
    path.write_bytes(plain)
    assert "no encrypted export" in cli(*known, "conversations", "decrypt", str(path), code=1).err


def test_an_export_behind_a_passphrase_is_read_by_another_home(
    cli: CommandLine, no_keychain: None, passphrase_file: str, tmp_path: Path
) -> None:
    known = ("--passphrase-file", passphrase_file)
    cli("remember", "Zebulon is my sister")
    plain = cli("memory", "export")
    assert "not encrypted" not in plain.err
    cli(*known, "encrypt")
    told = cli(*known, "memory", "export")
    assert told.out == plain.out
    assert "this copy is not encrypted" in told.err
    path = tmp_path / "export"
    path.write_bytes(cli.bytes_of(*known, "memory", "export", "--encrypt"))
    assert b"Zebulon" not in path.read_bytes()
    assert "--passphrase-file" in cli("--profile", "new", "memory", "import", str(path), code=2).err
    cli("--profile", "new", *known, "memory", "import", str(path))
    assert "Zebulon" in cli("--profile", "new", "memory", "list").out
    path.write_bytes(path.read_bytes()[:-1])
    assert "was changed" in cli("--profile", "new", *known, "memory", "import", str(path), code=5).err


def test_typed_on_a_terminal_it_is_not_shown(cli: CommandLine, tmp_path: Path) -> None:
    cli("remember", "Zebulon is my sister")
    program = [sys.executable, "-m", "edge_seal", "encrypt", "--passphrase", "--yes"]
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(program, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    for _ in range(2):
        while not shown.endswith(b": "):
            shown += os.read(leader, 4096)
        os.write(leader, f"{PASSPHRASE}\n".encode())
        shown += os.read(leader, 1)
    try:
        while chunk := os.read(leader, 4096):
            shown += chunk
    except OSError:  # the terminal is gone with the program
        pass
    assert process.wait() == 0, shown
    os.close(leader)
    assert b"encrypted (chacha20)" in shown
    assert PASSPHRASE.encode() not in shown
    assert holding(cli.home.data.parent) == []
