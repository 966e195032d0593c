"""A schedule that the user's own session keeps: a systemd user timer, or a launchd agent on macOS.

These are the only files that are ever written outside the home, in the places where the session looks for them, and
the command that writes them names each first. Invariant: a schedule is on, or nothing of it is there: where the
session cannot be told of it, the files are taken back.
"""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge_seal.config import DEFAULT_PROFILE, Home
from edge_seal.errors import ConfigError, EngineError
from edge_seal.storage.durable_file import write_durably

_TIMEOUT_S: Final = 30.0
# What the session does not pass on by itself, and the program needs to find the same home, models and code.
_PASSED_ON: Final = ("EDGE_SEAL_HOME", "EDGE_SEAL_MODELS", "PYTHONPATH")
_HINT: Final = "`edge-seal schedule on --dry-run` prints the files and what they run, for another scheduler"

Kind = Literal["systemd", "launchd"]


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file of a schedule, as it is to be."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """What makes the session run `edge-seal learn --when-idle` every `every_minutes`.

    `starts`, `stops` and `asks` are the session's own commands; the last one exits 0 where the schedule is running.
    """

    kind: Kind
    files: tuple[UnitFile, ...]
    command: tuple[str, ...]
    every_minutes: int
    starts: tuple[tuple[str, ...], ...]
    stops: tuple[tuple[str, ...], ...]
    asks: tuple[str, ...]

    @property
    def tool(self) -> str:
        """The program that the session is told with."""
        return "systemctl" if self.kind == "systemd" else "launchctl"


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """`on`: the session keeps it. `files` are there; `stale`: not as this installation would write them."""

    on: bool
    files: tuple[Path, ...]
    stale: bool
    kind: Kind


def planned(home: Home, every_minutes: int, kind: Kind | None = None) -> Schedule:
    """The schedule of `home`, for this system if no `kind` is given. Touches nothing.

    Raises:
        ConfigError: a path in it cannot be written into such a file.
    """
    profile = [] if home.profile == DEFAULT_PROFILE else ["--profile", home.profile]
    command = (sys.executable, "-m", "edge_seal", *profile, "learn", "--when-idle")
    # A home is where it is now, whatever directory the session runs it in.
    environment = {name: _absolute(value) for name in _PASSED_ON if (value := os.environ.get(name))}
    for text in (*command, *environment.values()):
        if any(ord(character) < 32 for character in text):
            raise ConfigError(f"{text!r} has characters that no schedule can hold", next_step="rename that directory")
    name = "edge-seal-learn" + ("" if home.profile == DEFAULT_PROFILE else f"-{home.profile}")
    if (kind or ("launchd" if sys.platform == "darwin" else "systemd")) == "launchd":
        return _launchd(name, command, environment, every_minutes)
    return _systemd(name, command, environment, every_minutes)


def switch_on(schedule: Schedule) -> None:
    """Writes the files and has the session keep the schedule.

    Raises:
        EngineError: the session cannot be told; then no file is left of it.
    """
    if shutil.which(schedule.tool) is None:
        raise EngineError(f"{schedule.tool} is not here, so nothing was written: nothing would run it", next_step=_HINT)
    try:
        for file in schedule.files:
            file.path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(file.path, file.text.encode())
        for command in schedule.starts:
            _tell(command)
    except BaseException as error:
        # Ctrl-C too: on, or nothing of it.
        _remove(schedule)
        if isinstance(error, OSError):
            raise EngineError(f"the schedule cannot be written: {error}", next_step=_HINT) from error
        raise


def switch_off(schedule: Schedule) -> tuple[Path, ...]:
    """Takes the schedule out of the session and removes its files; gives those that were there.

    Raises:
        EngineError: a file cannot be removed; the session runs it no more.
    """
    there = tuple(file.path for file in schedule.files if file.path.exists())
    _remove(schedule)
    return there


def status_of(schedule: Schedule) -> ScheduleStatus:
    """Whether the session keeps the schedule, and whether its files are those that would be written now."""
    there = tuple(file.path for file in schedule.files if file.path.exists())
    stale = bool(there) and any(_text_of(file.path) != file.text for file in schedule.files)
    on = len(there) == len(schedule.files) and shutil.which(schedule.tool) is not None and _succeeds(schedule.asks)
    return ScheduleStatus(on, there, stale, schedule.kind)


def _remove(schedule: Schedule) -> None:
    written = any(file.path.exists() for file in schedule.files)
    if written and shutil.which(schedule.tool) is not None:
        _succeeds(schedule.stops[0])
    kept: list[tuple[Path, OSError]] = []
    for file in schedule.files:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            kept.append((file.path, error))
    if written and shutil.which(schedule.tool) is not None:
        for command in schedule.stops[1:]:
            _succeeds(command)
    if kept:
        named = ", ".join(f"{path}: {error.strerror}" for path, error in kept)
        raise EngineError(
            f"the session runs the schedule no more, and its files cannot be removed ({named})",
            next_step="edge-seal schedule off, once they can be",
        )


def _tell(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        told = bytes(error.stderr or b"").decode("utf-8", "replace").strip().splitlines()
        raise EngineError(
            f"`{' '.join(command)}` failed, so nothing of the schedule was kept"
            + (f": {told[-1]}" if told else f" (exit code {error.returncode})"),
            next_step=_HINT,
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(
            f"`{' '.join(command)}` did not answer, so nothing of the schedule was kept", next_step=_HINT
        ) from error


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=_TIMEOUT_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _absolute(value: str) -> str:
    return os.pathsep.join(str(Path(part).expanduser().absolute()) for part in value.split(os.pathsep) if part)


# systemd ------------------------------------------------------------------------------------------------------


def _systemd(name: str, command: Sequence[str], environment: dict[str, str], every_minutes: int) -> Schedule:
    root = os.environ.get("XDG_CONFIG_HOME")
    directory = (Path(root) if root else Path.home() / ".config") / "systemd" / "user"
    service = "\n".join(
        (
            "[Unit]",
            "Description=Edge Seal learns while nobody uses the machine",
            "",
            "[Service]",
            "Type=oneshot",
            f"ExecStart={' '.join(_in_command(word) for word in command)}",
            *(f"Environment={_quoted(f'{key}={value}')}" for key, value in environment.items()),
            "# 3: the guardian or the gate said no; 4: a limit holds, or somebody uses the machine.",
            "SuccessExitStatus=3 4",
            "Nice=10",
            "IOSchedulingClass=idle",
            "NoNewPrivileges=yes",
            "",
        )
    )
    timer = "\n".join(
        (
            "[Unit]",
            f"Description=Edge Seal looks every {every_minutes} minutes whether it may learn",
            "",
            "[Timer]",
            f"OnActiveSec={every_minutes}min",
            f"OnUnitInactiveSec={every_minutes}min",
            "AccuracySec=1min",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
        )
    )
    unit, reload = f"{name}.timer", ("systemctl", "--user", "daemon-reload")
    return Schedule(
        kind="systemd",
        files=(UnitFile(directory / f"{name}.service", service), UnitFile(directory / unit, timer)),
        command=tuple(command),
        every_minutes=every_minutes,
        starts=(reload, ("systemctl", "--user", "enable", "--now", unit)),
        stops=(("systemctl", "--user", "disable", "--now", unit), reload),
        asks=("systemctl", "--user", "is-active", "--quiet", unit),
    )


def _quoted(word: str) -> str:
    """A word of a unit file: in quotes, with what systemd would replace written so that it does not."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _in_command(word: str) -> str:
    # Only there a dollar sign begins a variable.
    return _quoted(word.replace("$", "$$"))


# launchd ------------------------------------------------------------------------------------------------------


def _launchd(name: str, command: Sequence[str], environment: dict[str, str], every_minutes: int) -> Schedule:
    path = Path.home() / "Library" / "LaunchAgents" / f"{name}.plist"
    told: dict[str, object] = {
        "Label": name,
        "ProgramArguments": list(command),
        "EnvironmentVariables": environment,
        "StartInterval": 60 * every_minutes,
        "ProcessType": "Background",
        "LowPriorityIO": True,
        "Nice": 10,
    }
    domain = f"gui/{os.getuid()}"
    return Schedule(
        kind="launchd",
        files=(UnitFile(path, plistlib.dumps(told, sort_keys=False).decode()),),
        command=tuple(command),
        every_minutes=every_minutes,
        starts=(("launchctl", "bootstrap", domain, str(path)),),
        stops=(("launchctl", "bootout", f"{domain}/{name}"),),
        asks=("launchctl", "print", f"{domain}/{name}"),
    )
