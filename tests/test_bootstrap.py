"""The set-up driver: steps that are done once, go on where they stopped, and show that they are alive."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from setup import bootstrap
from setup.bootstrap import SetupError, Step

ROOT = Path(__file__).parent.parent


def do_nothing() -> None:
    return


def fail() -> None:
    raise SetupError("no disk")


def recorded(done: list[str], *names: str, key: str = "1") -> list[Step]:
    def run(name: str) -> Callable[[], None]:
        return lambda: done.append(name)

    return [Step(name, name, key, run(name)) for name in names]


def test_a_finished_step_is_not_done_again(tmp_path: Path) -> None:
    done: list[str] = []
    bootstrap.perform(recorded(done, "one", "two"), tmp_path)
    bootstrap.perform(recorded(done, "one", "two", "three"), tmp_path)
    assert done == ["one", "two", "three"]


def test_a_step_is_done_again_when_what_it_depends_on_changed(tmp_path: Path) -> None:
    done: list[str] = []
    bootstrap.perform(recorded(done, "one"), tmp_path)
    bootstrap.perform(recorded(done, "one", key="2"), tmp_path)
    assert done == ["one", "one"]


def test_a_failed_set_up_goes_on_at_the_step_that_failed(tmp_path: Path) -> None:
    done: list[str] = []
    first, second = recorded(done, "one", "two")
    with pytest.raises(SetupError):
        bootstrap.perform([first, Step("two", "two", "1", fail)], tmp_path)
    bootstrap.perform([first, second], tmp_path)
    assert done == ["one", "two"]


def test_a_step_that_failed_half_way_loses_its_old_stamp(tmp_path: Path) -> None:
    done: list[str] = []
    bootstrap.perform([Step("one", "one", "old", do_nothing)], tmp_path)
    with pytest.raises(SetupError):
        bootstrap.perform([Step("one", "one", "new", fail)], tmp_path)
    bootstrap.perform(recorded(done, "one", key="old"), tmp_path)
    assert done == ["one"]


def test_making_the_environment_anew_does_everything_after_it_anew(tmp_path: Path) -> None:
    done: list[str] = []
    bootstrap.perform(recorded(done, "venv", "runtime"), tmp_path)

    def clear() -> None:
        for stamp in tmp_path.iterdir():
            stamp.unlink()

    bootstrap.perform([Step("venv", "venv", "2", clear), *recorded(done, "runtime")], tmp_path)
    assert done == ["venv", "runtime", "runtime"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  [41/83] /usr/bin/g++ -O3 -c sampler.cpp\n", "compiling [41/83]"),
        ("  [ 49%] Building CXX object\n", "compiling [49%]"),
        ("Collecting llama-cpp-python==0.3.36 (from -r native.txt (line 1))\n", "collecting llama-cpp-python"),
        ("  Downloading numpy-2.4.6-cp311-cp311-linux_x86_64.whl (16.0 MB)\n", "downloading numpy"),
        ("  Building wheel for llama-cpp-python (pyproject.toml): started\n", "building wheel for llama-cpp-python"),
        ("Installing collected packages: numpy\n", "installing"),
        ("note: [1/2] of something else\n", None),
    ],
)
def test_output_is_read_for_how_far_things_are(line: str, said: str | None) -> None:
    assert bootstrap.describe(line) == said


def test_a_command_is_followed_with_heartbeats_and_its_output_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "_HEARTBEAT_S", 0.05)
    program = "import time; print('[1/2] cc', flush=True); time.sleep(1.0); print('[2/2] cc'); raise SystemExit(3)"
    log = tmp_path / "log"
    assert bootstrap.follow([sys.executable, "-c", program], log) == 3
    assert log.read_text() == "[1/2] cc\n[2/2] cc\n"
    beats = capsys.readouterr().out.splitlines()
    assert len(beats) >= 3
    assert any(beat.endswith("compiling [1/2]") for beat in beats)


def test_an_interrupt_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # A shell's background command ignores Ctrl-C, as a compiler may; it holds the pipe open as long as it lives.
    command = ["sh", "-c", f"sleep 60 > {shlex.quote(str(pipe))} & wait"]
    program = (
        "import pathlib, signal; from setup import bootstrap; signal.signal(signal.SIGTERM, bootstrap._interrupt)\n"
        f"try: bootstrap.follow({command!r}, pathlib.Path({str(tmp_path / 'log')!r}))\n"
        "except KeyboardInterrupt: raise SystemExit(130)"
    )
    with (
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.DEVNULL) as process,
        pipe.open("rb") as held,
    ):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 130
        assert held.read() == b""


def test_the_natively_compiled_library_is_pinned_with_its_hash() -> None:
    lock = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    block = bootstrap.locked_block(lock, bootstrap.NATIVE_PACKAGE).splitlines()
    assert block[0].startswith("llama-cpp-python==")
    assert block[1:]
    assert all(line.strip().startswith("--hash=sha256:") for line in block[1:])


def test_a_library_that_is_not_locked_is_an_error() -> None:
    with pytest.raises(SetupError, match="does not name"):
        bootstrap.locked_block("numpy==2.4.6 \\\n    --hash=sha256:00\n", "llama-cpp-python")


def test_an_old_python_is_refused_with_what_to_do() -> None:
    with pytest.raises(SetupError, match=r"is Python 3\.9; Edge Seal needs 3\.11 or newer"):
        bootstrap.check_python((3, 9))


def pins(name: str) -> set[str]:
    lines = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines()
    return {line.removesuffix(" \\") for line in lines if not line.startswith(" ")}


@pytest.mark.parametrize("name", ["pip", *bootstrap.PROFILES])
def test_locks_hold_pins_with_hashes_and_no_addresses(name: str) -> None:
    for line in (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?|[a-z][a-z0-9.-]*==[^@:]+ \\", line)


@pytest.mark.parametrize("profile", ["dev", "bench"])
def test_one_environment_can_hold_what_every_lock_pins(profile: str) -> None:
    def versions(name: str) -> set[str]:
        return {pin.partition(" ")[0] for pin in pins(name)}

    assert versions("runtime") <= versions(profile)
