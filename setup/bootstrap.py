"""Makes `.venv` from the locked requirements, with nothing but Python's standard library.

    python3 setup/bootstrap.py runtime | dev | bench

The work is a row of steps. Each leaves a stamp, whose key is a hash of all that the step depends on, once it is
complete: what is stamped is not done again, and a set-up that was interrupted goes on at the step it was in. The
stamps lie inside `.venv`, so they can not outlive it.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

OLDEST_PYTHON = (3, 11)
NATIVE_PACKAGE = "llama-cpp-python"
PROFILES = ("runtime", "dev", "bench")

# What of llama.cpp is not used: the multimodal tools, and the support library of its command-line programs. 83
# compile steps instead of 193, 3 min 38 s on two cores.
LEAN_BUILD = "-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE={file}"

_HEARTBEAT_S = 5.0
_TERMINAL_HEARTBEAT_S = 0.5
_PATIENCE_AFTER_INTERRUPT_S = 10.0
_LOG_LINES_SHOWN = 30


class SetupError(Exception):
    """The set-up cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class Step:
    """One part of the work. `key` changes when it has to be done again; `run` does it or raises."""

    name: str
    title: str
    key: str
    run: Callable[[], None]


@dataclass(frozen=True)
class Layout:
    """Where things lie in a checkout."""

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def stamps(self) -> Path:
        return self.venv / ".edge-seal"

    @property
    def cache(self) -> Path:
        return self.root / ".cache"

    def lock(self, profile: str) -> Path:
        return self.root / "requirements" / f"{profile}.lock"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bootstrap.py", description="Makes .venv from the locked requirements.")
    parser.add_argument("profile", choices=PROFILES, help="runtime: to use it; dev: and to test it; bench: its peers")
    profile: str = parser.parse_args(arguments).profile
    signal.signal(signal.SIGTERM, _interrupt)
    layout = Layout(Path(__file__).resolve().parent.parent)
    try:
        check_python(sys.version_info[:2])
        with _alone(layout.cache / "setup.lock"):
            perform(plan(profile, layout), layout.stamps)
    except SetupError as error:
        _say(f"\nSet-up failed: {error}")
        return 1
    except KeyboardInterrupt:
        _say("\nSet-up interrupted. The finished steps are kept: type the same command to go on.")
        return 130
    return 0


def check_python(version: tuple[int, int]) -> None:
    """Passes a Python that is new enough.

    Raises:
        SetupError: it is too old; the message names newer ones on the path, if there are any.
    """
    if version >= OLDEST_PYTHON:
        return
    newer = [name for minor in range(OLDEST_PYTHON[1], 20) if shutil.which(name := f"python3.{minor}")]
    advice = f"make PYTHON={newer[-1]} …" if newer else "install a newer one, then: make PYTHON=/path/to/it …"
    needed = ".".join(map(str, OLDEST_PYTHON))
    raise SetupError(
        f"{sys.executable} is Python {version[0]}.{version[1]}; Edge Seal needs {needed} or newer. {advice}"
    )


def plan(profile: str, layout: Layout) -> list[Step]:
    """The steps of `profile` in their order.

    The installer comes first: a pip before 23.1 keeps what it compiled but does not take it back where hashes are asked
    for, and each new environment would compile llama.cpp again.
    """
    runtime_lock = _read(layout.lock("runtime"))
    native = locked_block(runtime_lock, NATIVE_PACKAGE)
    lean_file = layout.root / "requirements" / "llama_cpp_lean.cmake"
    build_flags = " ".join(
        flags
        for flags in (LEAN_BUILD.format(file=shlex.quote(str(lean_file))), os.environ.get("CMAKE_ARGS", ""))
        if flags
    )
    steps = [
        Step("venv", "Python environment", _key(sys.version, str(layout.venv)), lambda: _make_venv(layout)),
        Step("pip", "installer", _key(_read(layout.lock("pip"))), lambda: _install_locked(layout, "pip")),
        Step(
            "native",
            "llama.cpp, compiled for this machine",
            _key(native, os.environ.get("CMAKE_ARGS", ""), _read(lean_file)),
            lambda: _install_native(layout, native, build_flags),
        ),
        Step("runtime", "libraries", _key(runtime_lock), lambda: _install_locked(layout, "runtime")),
        Step("package", "Edge Seal itself", _key(_packaging(layout)), lambda: _install_self(layout)),
    ]
    if profile != "runtime":
        lock = _read(layout.lock(profile))
        steps.append(Step(profile, f"libraries for {profile}", _key(lock), lambda: _install_locked(layout, profile)))
    return steps


def perform(steps: Sequence[Step], stamps: Path) -> None:
    """Runs what is not stamped, in order.

    Raises:
        SetupError: a step failed; those before it keep their stamps.
    """
    begun = time.monotonic()
    worked = False
    for number, step in enumerate(steps, start=1):
        stamp = stamps / step.name
        if stamp.is_file() and stamp.read_text(encoding="ascii") == step.key:
            continue
        _say(f"[{number}/{len(steps)}] {step.title}")
        worked = True
        stamp.unlink(missing_ok=True)  # a step that stops half-way has undone what the old stamp vouched for
        step.run()
        stamps.mkdir(exist_ok=True)
        stamp.write_text(step.key, encoding="ascii")
    if worked:
        _say(f"Set-up complete in {_elapsed(begun)}.")


def locked_block(lock: str, package: str) -> str:
    """The lines of a lock file that pin `package`, with its hashes.

    Raises:
        SetupError: it is not in there.
    """
    block = re.search(rf"^{re.escape(package)}==(?:.*\\\n)*.*$", lock, re.MULTILINE)
    if block is None:
        raise SetupError(f"requirements/runtime.lock does not name {package}; restore the file")
    return block.group() + "\n"


def describe(line: str) -> str | None:
    """What a line of pip's or a compiler's output says about how far things are, or None."""
    if step := re.search(r"^\s*\[(\d+)/(\d+)\] ", line):
        return f"compiling [{step[1]}/{step[2]}]"
    if percent := re.search(r"^\s*\[ *(\d+)%\] ", line):
        return f"compiling [{percent[1]}%]"
    if doing := re.match(r"\s*(Collecting|Downloading|Building wheel for) ([A-Za-z]\w*(?:[-.][A-Za-z_]\w*)*)", line):
        return f"{doing[1].lower()} {doing[2]}"
    return "installing" if line.lstrip().startswith("Installing ") else None


def follow(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> int:
    """Runs a command with its output in `log`, shows that it is alive, and returns its exit code.

    It runs in a process group of its own, which is ended as a whole when this process is interrupted.
    """
    process: subprocess.Popen[bytes] | None = None
    with log.open("wb") as output, log.open(encoding="utf-8", errors="replace") as written:
        try:
            with _interrupts_held():
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,
                )
            return _watch(process, written)
        except KeyboardInterrupt:
            if process is not None:
                _end(process)
            raise


def _watch(process: subprocess.Popen[bytes], written: IO[str]) -> int:
    """Waits for the process; says every few seconds what it does, on a terminal always in the same line."""
    terminal = sys.stdout.isatty()
    begun = time.monotonic()
    status = "starting"
    while True:
        try:
            code = process.wait(_TERMINAL_HEARTBEAT_S if terminal else _HEARTBEAT_S)
        except subprocess.TimeoutExpired:
            status = next(filter(None, map(describe, reversed(written.readlines()))), status)
            line = f"    {_elapsed(begun)}  {status}"
            _say(f"\r{line[:79]:<79}" if terminal else line, end="" if terminal else "\n")
        else:
            if terminal:
                _say("\r" + " " * 79 + "\r", end="")
            return code


@contextmanager
def _interrupts_held() -> Generator[None]:
    """Interrupts wait until the end of the block, so that nothing is started without being known."""
    noted: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in handlers:
        signal.signal(number, lambda number, _frame: noted.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if noted:
        raise KeyboardInterrupt


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process group: first as Ctrl-C does, so that pip removes its temporary files, then what is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE_AFTER_INTERRUPT_S)
        os.killpg(process.pid, signal.SIGKILL)


def _make_venv(layout: Layout) -> None:
    _run(layout, "venv", [sys.executable, "-m", "venv", "--clear", str(layout.venv)])


def _install_native(layout: Layout, block: str, build_flags: str) -> None:
    requirement = layout.cache / "native.txt"
    requirement.write_text(block, encoding="utf-8")
    _say("    Once for this machine: about 4 minutes on two cores. pip keeps the result for later set-ups.")
    if not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
        _say("    No C++ compiler was found. If this fails: apt install build-essential, or xcode-select --install")
    environment = {**os.environ, "CMAKE_ARGS": build_flags}
    # --verbose: the compiler's step count is the sign of life.
    _pip(layout, "native", ["--verbose", "--no-deps", "--require-hashes", "-r", str(requirement)], environment)


def _install_locked(layout: Layout, profile: str) -> None:
    _pip(layout, profile, ["--require-hashes", "-r", str(layout.lock(profile))])


def _install_self(layout: Layout) -> None:
    # Editable: the checkout is what runs, and a pull needs no new installation.
    _pip(layout, "package", ["--no-deps", "--editable", str(layout.root)])


def _pip(layout: Layout, step: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_USER": "0"}
    command = [str(layout.python), "-m", "pip", "install", *arguments]
    _run(layout, step, command, {**(environment or os.environ), **quiet})


def _run(layout: Layout, step: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    layout.cache.mkdir(exist_ok=True)
    path = layout.cache / f"setup-{step}.log"
    code = follow(command, path, environment)
    if code == 0:
        return
    end = path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
    _say("\n".join(f"    | {line[:200]}" for line in end))
    advice = "\nOn Debian and Ubuntu: apt install python3-venv" if step == "venv" else ""
    raise SetupError(f"{shlex.join(command[:4])} … ended with {code}; all of its output is in {path}{advice}")


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Waits until no other set-up works in this checkout."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="ascii") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Another set-up is at work in this checkout; waiting for it.")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError(f"{path} is missing; restore it from the repository") from None


def _packaging(layout: Layout) -> str:
    """What an installation depends on in pyproject.toml; the rest of it is settings of the checks."""
    import tomllib  # an old Python has to get as far as being told so

    tables = tomllib.loads(_read(layout.root / "pyproject.toml"))
    return repr((tables["build-system"], tables["project"], tables["tool"]["hatch"]))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _elapsed(begun: float) -> str:
    minutes, seconds = divmod(int(time.monotonic() - begun), 60)
    return f"{minutes}:{seconds:02}"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _say(text: str, end: str = "\n") -> None:
    print(text, end=end, flush=True)


if __name__ == "__main__":
    sys.exit(main())
