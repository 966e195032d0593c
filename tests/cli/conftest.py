"""The command line in this process, on a home with a tiny model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keyring
import pytest
from click.testing import CliRunner

from edge_seal.cli import edge_seal
from edge_seal.config import Home
from tests.support.tiny_installation import install_tiny_model


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Stdout as one JSON object."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


class CommandLine:
    """Runs commands: `cli("ask", "…", code=0)`; another exit code fails the test with what was printed."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def __call__(self, *arguments: str, code: int = 0, stdin: str | bytes | None = None) -> Ran:
        result = CliRunner().invoke(edge_seal, arguments, input=stdin)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == code, f"{arguments}: exit {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return Ran(result.exit_code, result.stdout, result.stderr)

    def bytes_of(self, *arguments: str) -> bytes:
        """What the command writes to stdout, where it is no text."""
        result = CliRunner().invoke(edge_seal, arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout_bytes


@pytest.fixture
def cli(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A home without a model: for what needs none."""
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "shared"))
    return CommandLine(home)


@pytest.fixture
def tiny(cli: CommandLine, tmp_path: Path) -> CommandLine:
    """A home that answers with a tiny model, and remembers by words."""
    install_tiny_model(cli.home, tmp_path)
    return cli


@pytest.fixture
def keychain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A keychain of the test's own; its file."""
    from tests.support.file_keyring import FileKeyring

    monkeypatch.setenv("TEST_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.support.file_keyring.FileKeyring")
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield tmp_path / "keyring.json"
    keyring.set_keyring(before)
