"""`limits`, `learn --when-idle` and `schedule`, as a user meets them."""

from __future__ import annotations

import json
import os
import plistlib
import shlex
from pathlib import Path

import pytest

from edge_seal import scheduling
from edge_seal.config import DEFAULT_PROFILE, Home, locate_home
from edge_seal.errors import LimitReached
from edge_seal.records import MachineState
from edge_seal.runtime import Runtime
from tests.cli.conftest import CommandLine


class StagedMachine:
    """Says what the test wants; uses `cpu_a_look` processor seconds between two looks."""

    told = MachineState(on_mains=True, celsius=40.0, load=0.0, idle_s=3600.0)
    cpu_a_look = 0.0

    def __init__(self, cores: int) -> None:
        self.used = 0.0

    def state(self) -> MachineState:
        return type(self).told

    def cpu_s(self) -> float:
        self.used += type(self).cpu_a_look
        return self.used

    def energy_j(self) -> float | None:
        return None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> type[StagedMachine]:
    staged = type("Staged", (StagedMachine,), {})
    monkeypatch.setattr("edge_seal.runtime.construction.SystemMachine", staged)
    return staged


def test_limits_show_tells_used_left_and_the_conditions(cli: CommandLine, machine: type[StagedMachine]) -> None:
    cli("limits", "set", "quiet_hours", "00:00-00:01")
    shown = cli("limits", "show").out
    assert "updates_per_week" in shown
    assert "on mains" in shown
    told = cli("limits", "show", "--json").json
    assert told["allowed"] is True
    assert {c["name"] for c in told["conditions"]} == {"quiet_hours", "power", "temperature", "load"}
    assert {use["name"] for use in told["used"]} >= {"updates_per_week", "cpu_seconds_per_day"}


def test_with_nothing_to_learn_the_schedule_loads_no_model(cli: CommandLine, machine: type[StagedMachine]) -> None:
    told = cli("learn", "--when-idle", "--json").json
    assert told["update"] is None
    assert told["reasons"] == ["nothing waits to be learned"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (MachineState(on_mains=False, battery_share=0.2), "on battery"),
        (MachineState(celsius=99.0), "99 °C"),
        (MachineState(load=3.0), "busy"),
        (MachineState(idle_s=10.0), "last used"),
    ],
)
def test_a_machine_that_is_not_fit_is_a_limit_that_says_why(
    tiny: CommandLine, machine: type[StagedMachine], state: MachineState, reason: str
) -> None:
    tiny("teach", "--prompt", "What is my boat called?", "--answer", "Skua.")
    machine.told = state
    ran = tiny("learn", "--when-idle", code=4)
    assert reason in ran.err
    assert "learn --now" in ran.err
    waited = tiny("learn", "--when-idle", "--wait", "0.001", code=4)
    assert "waiting: " in waited.err


def test_options_that_exclude_each_other_are_usage(cli: CommandLine) -> None:
    cli("learn", "--now", "--when-idle", code=2)
    cli("learn", "--wait", "3", code=2)


def test_a_cycle_is_stopped_where_its_energy_is_used_up_and_its_books_are_kept(
    tiny: CommandLine, machine: type[StagedMachine], home: Home
) -> None:
    tiny("teach", "--prompt", "What is my boat called?", "--answer", "Skua.")
    machine.cpu_a_look = 100.0  # each look is 1 kJ at 10 W
    ran = tiny("learn", "--when-idle", "--json", code=4)
    assert "energy_wh_per_update" in ran.json["error"]["message"]
    assert "estimated, at 10 W a core" in ran.json["error"]["message"]
    with Runtime.open(home) as runtime:
        (record,) = runtime.spending.runs()
        assert (record.actor, record.outcome, record.cost.measured) == ("scheduler", "limit", False)
        assert record.cost.cpu_s > 1000
        used = runtime.limits().allowance
        assert used.left("cpu_seconds_per_day") == 7200 - record.cost.cpu_s
        assert {entry.actor for entry in runtime.ledger.of_events("update.proposed")} <= {"scheduler"}
        assert runtime.audit().intact


def test_a_day_without_processor_seconds_left_stops_a_cycle_and_the_next_one_does_not_begin(
    tiny: CommandLine, machine: type[StagedMachine], home: Home
) -> None:
    tiny("limits", "set", "cpu_seconds_per_day", "50")
    tiny("teach", "--prompt", "What is my boat called?", "--answer", "Skua.")
    machine.cpu_a_look = 30.0
    assert "used up" in tiny("learn", "--now", code=4).err
    assert "processor seconds of this day are used" in tiny("learn", "--now", code=4).err
    with Runtime.open(home) as runtime, pytest.raises(LimitReached):
        runtime.learn(now=True)


# The schedule -------------------------------------------------------------------------------------------------

SYSTEMCTL = """#!/bin/sh
echo "$*" >> "$FAKE_TOLD"
case "$*" in *"$FAKE_FAILS"*) echo "Failed to connect to bus" >&2; exit 1;; esac
exit 0
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session of the test's own: its directories, and a systemctl that writes down what it is told. Its log."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "systemctl").write_text(SYSTEMCTL, encoding="utf-8")
    (tools / "systemctl").chmod(0o755)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "person" / "a % b"))
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("FAKE_TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("FAKE_FAILS", "never")
    return tmp_path / "told"


def units(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "person").rglob("*") if path.is_file())


def test_a_schedule_is_named_written_started_told_of_and_removed(
    cli: CommandLine, session: Path, tmp_path: Path
) -> None:
    assert cli("schedule", "status", "--json").json["on"] is False
    ran = cli("schedule", "on", "--every", "30")
    directory = tmp_path / "person" / "a % b" / "systemd" / "user"
    assert f"outside the home: {directory / 'edge-seal-learn.service'}" in ran.err
    assert units(tmp_path) == ["edge-seal-learn.service", "edge-seal-learn.timer"]
    assert session.read_text().splitlines()[:2] == [
        "--user daemon-reload", "--user enable --now edge-seal-learn.timer",
    ]  # fmt: skip
    assert "OnUnitInactiveSec=30min" in (directory / "edge-seal-learn.timer").read_text(encoding="utf-8")
    found = cli("schedule", "status", "--json").json
    assert (found["on"], found["stale"]) == (True, False)
    assert cli("audit", "verify").code == 0
    assert len(cli("schedule", "off", "--json").json["removed"]) == 2
    assert units(tmp_path) == []
    assert "--user disable --now edge-seal-learn.timer" in session.read_text()
    assert "off already" in cli("schedule", "off").out
    events = [json.loads(line)["event"] for line in cli("audit", "export").out.splitlines()]
    assert events == ["schedule.on", "schedule.off"]


def test_what_the_service_runs_is_this_program_on_this_home(cli: CommandLine, session: Path, home: Home) -> None:
    files = {
        Path(file["path"]).suffix: file["text"] for file in cli("schedule", "on", "--dry-run", "--json").json["files"]
    }
    lines = dict(line.split("=", 1) for line in files[".service"].splitlines() if "=" in line)
    command = shlex.split(lines["ExecStart"])
    assert command[1:] == ["-m", "edge_seal", "learn", "--when-idle"]
    root = str(home.data.parent)
    assert f'Environment="EDGE_SEAL_HOME={root}"' in files[".service"]
    assert not session.exists(), "a dry run tells nobody"


def test_where_the_session_refuses_nothing_stays(
    cli: CommandLine, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAILS", "enable")
    ran = cli("schedule", "on", "--yes", code=1)
    assert "Failed to connect to bus" in ran.err
    assert units(tmp_path) == []
    events = [json.loads(line)["event"] for line in cli("audit", "export").out.splitlines()]
    assert events == ["schedule.on", "schedule.off"]


def test_without_systemctl_nothing_is_written_and_it_says_so(
    cli: CommandLine, session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    ran = cli("schedule", "on", "--yes", code=1)
    assert "systemctl is not here" in ran.err
    assert "--dry-run" in ran.err
    assert units(tmp_path) == []


def test_words_that_systemd_would_replace_are_written_so_that_it_does_not() -> None:
    assert scheduling._in_command('a"b\\c%d$e') == '"a\\"b\\\\c%%d$$e"'
    assert scheduling._quoted("x=$y %z") == '"x=$y %%z"'


def test_an_agent_for_macos_is_a_property_list_of_the_same_command(
    session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = scheduling.planned(locate_home("work"), 15, "launchd")
    (file,) = plan.files
    assert file.path.parts[-3:] == ("Library", "LaunchAgents", "edge-seal-learn-work.plist")
    told = plistlib.loads(file.text.encode())
    assert told["ProgramArguments"][1:] == ["-m", "edge_seal", "--profile", "work", "learn", "--when-idle"]
    assert told["StartInterval"] == 900
    assert DEFAULT_PROFILE not in file.path.name
