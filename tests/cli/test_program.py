"""The program as a process, and rules that hold for every command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from edge_seal.cli import COMMANDS, edge_seal
from edge_seal.cli.output import escaped_in_json, jsonable
from edge_seal.config import Home
from edge_seal.updates import write_lock
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def every_command(group: click.Group = edge_seal, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_command_explains_itself(cli: CommandLine, path: tuple[str, ...]) -> None:
    short, long = cli(*path, "-h").out, cli(*path, "--help").out
    assert short == long
    assert short.startswith(f"Usage: edge-seal {' '.join(path)}")


def test_the_words_in_the_list_of_commands_are_there_for_each(cli: CommandLine) -> None:
    text = cli("--help").out
    for name, (_, words) in COMMANDS.items():
        assert name in text
        assert words in text


def test_without_a_command_the_help_is_printed(cli: CommandLine) -> None:
    assert cli().out == cli("--help").out


def test_ask_teach_remember_search_and_rollback_open_no_socket(tiny: CommandLine, home: Home) -> None:
    # Sockets are blocked in every test: one that is opened raises.
    tiny("ask", "Hello there")
    tiny("teach", "--prompt", "What is my dog called?", "--answer", "Biscuit")
    tiny("remember", "I live in Bergen.")
    tiny("memory", "search", "Where do I live?")
    learned_update(home)
    tiny("rollback")


def test_asking_goes_on_while_another_process_learns_and_learning_does_not(tiny: CommandLine, home: Home) -> None:
    with write_lock.hold(home.lock_file):
        tiny("ask", "Hello there")
        tiny("teach", "--prompt", "What is my dog called?", "--answer", "Biscuit")
        tiny("remember", "I live in Bergen.")
        ran = tiny("learn", "--now", "--json", code=1)
        tiny("rollback", "base", code=1)
    assert ran.json["error"]["kind"] == "Busy"
    assert str(os.getpid()) in ran.json["error"]["message"]


@pytest.fixture
def program(cli: CommandLine) -> list[str]:
    """How the program is started as a process, with the test's environment."""
    return [sys.executable, "-m", "edge_seal"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_as_a_process_data_goes_to_stdout_and_the_rest_to_stderr(program: list[str], tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments],
            env=environment(),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    kept = run("remember", "I live in Bergen.")
    assert (kept.returncode, kept.stdout, kept.stderr) == (0, "", "remembered as m1\n")
    failed = run("memory", "show", "m9", "--json")
    assert failed.returncode == 1
    assert '"kind": "NotFound"' in failed.stdout
    assert failed.stderr == "error: there is no memory m9\nnext: edge-seal memory list\n"
    assert run("memory", "forget").returncode == 2


def test_a_reader_that_has_enough_is_no_error(program: list[str], cli: CommandLine) -> None:
    lines = "".join(f'{{"text": "memory number {number} {"x" * 200}"}}\n' for number in range(1500))
    cli("memory", "import", "-", stdin=lines)
    writer = subprocess.Popen(
        [*program, "memory", "list"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.readline()
    writer.stdout.close()
    said = writer.stderr.read()
    writer.stderr.close()
    assert (writer.wait(), said) == (0, b"")


def test_json_is_lossless_and_shows_nothing_that_a_terminal_obeys() -> None:
    import json

    value = {"text": "a\x9b31m\u202e\u200b\x7f\ud800\U000e0041 ümläut 日本 👩‍💻\n\t"}
    document = json.dumps(value, ensure_ascii=False)
    shown = escaped_in_json(document)
    assert json.loads(shown) == value
    assert not set("\x9b\u202e\u200b\x7f\ud800\U000e0041") & set(shown)
    assert "ümläut 日本" in shown
    assert escaped_in_json('{"plain": "text"}') == '{"plain": "text"}'


def test_numbers_that_json_does_not_know_are_null() -> None:
    assert jsonable({"a": float("nan"), "b": float("inf"), "c": 1.5}) == {"a": None, "b": None, "c": 1.5}


def test_what_has_no_end_is_refused(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_seal.cli.output.MAXIMUM_INPUT_BYTES", 1 << 20)
    for command in (["guard", "scan", "/dev/zero"], ["teach", "/dev/zero"], ["memory", "import", "/dev/zero"]):
        ran = cli(*command, code=1)
        assert "/dev/zero holds more than 1 MiB" in ran.err
    assert "stdin holds more than 1 MiB" in cli("remember", "-", stdin="a" * (2 << 20), code=1).err
    assert cli("memory", "list", "--json").json["memories"] == []
