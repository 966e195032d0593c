"""Code against its unit tests, in a process that can reach nothing: see `sandboxed_run.py`.

Invariants: bounded in processor time, wall time, memory and in what is read of its output; no network, no writing, no
other process. Where the kernel cannot promise that, nothing is run. Nothing that the code says comes out but the name
of the error's class. Code that hunts for the token in its own process can call itself right; it harms nothing but its
own reward.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_seal.adaptation.verifiers.sandboxed_run import UNAVAILABLE
from edge_seal.errors import EngineError

WALL_S: Final = 10.0
CPU_S: Final = 4
MEMORY_BYTES: Final = 512 * 2**20
MAXIMUM_CODE_CHARACTERS: Final = 100_000
_RUNNER: Final = Path(__file__).with_name("sandboxed_run.py")
_FENCE: Final = re.compile(r"```(?:python|py)?[ \t]*\n(?P<code>.*?)\n?```", re.DOTALL | re.IGNORECASE)
_RESULT_BYTES: Final = 200
_ERROR_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")


class TestsUnavailable(EngineError):
    """This system has no way to run foreign code safely, so it is not run."""

    __test__ = False  # not a class of tests


@dataclass(frozen=True, slots=True)
class TestRun:
    """Whether all tests passed; if not, `reason` in words."""

    __test__ = False  # not a class of tests

    passed: bool
    reason: str = ""


def code_of(answer: str) -> str:
    """The Python code in `answer`: what stands in its code fences, or all of it where there are none."""
    fenced = [match["code"] for match in _FENCE.finditer(answer)]
    return "\n\n".join(fenced) if fenced else answer


def run_unit_tests(
    answer: str, tests: str, *, wall_s: float = WALL_S, cpu_s: int = CPU_S, memory_bytes: int = MEMORY_BYTES
) -> TestRun:
    """Runs the code in `answer`, then `tests` (Python with assertions) in the same names.

    Raises:
        TestsUnavailable: the system cannot confine it.
    """
    code = code_of(answer)
    if len(code) + len(tests) > MAXIMUM_CODE_CHARACTERS:
        return TestRun(False, f"the code and its tests have more than {MAXIMUM_CODE_CHARACTERS} characters")
    if sys.platform != "linux":
        raise TestsUnavailable("unit tests are run on Linux only, where the kernel can confine them")
    token = secrets.token_hex(16)
    reading, writing = os.pipe()
    try:
        with tempfile.TemporaryDirectory(prefix="edge-seal-tests-") as empty:
            process = subprocess.Popen(  # the program is ours, the code only data to it
                [sys.executable, "-I", "-S", "-B", str(_RUNNER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[writing],
                cwd=empty,
                env={"PATH": "", "PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
            told = {
                "code": code,
                "tests": tests,
                "token": token,
                "result": writing,
                "cpu_s": cpu_s,
                "memory_bytes": memory_bytes,
            }
            late = False
            try:
                process.communicate(json.dumps(told).encode(), timeout=wall_s)
            except subprocess.TimeoutExpired:
                late = True
            finally:
                _end(process)
        os.close(writing)
        writing = -1
        said = os.read(reading, _RESULT_BYTES).decode("utf-8", errors="replace")
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    return _verdict(process.returncode, said, token, late=late, wall_s=wall_s)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of it; its whole session, though it cannot have made another process."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin,):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    deadline = time.monotonic() + 5
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def _verdict(code: int | None, said: str, token: str, *, late: bool, wall_s: float) -> TestRun:
    if code == UNAVAILABLE:
        raise TestsUnavailable("this kernel cannot confine the tests, so they were not run")
    if late:
        return TestRun(False, f"they were not done after {wall_s:g} s")
    if code == 0 and said == token:
        return TestRun(True)
    if code is not None and code < 0:
        ended = signal.Signals(-code).name if -code in {item.value for item in signal.Signals} else str(-code)
        return TestRun(False, f"the process was ended by {ended}")
    if _ERROR_NAME.fullmatch(said):
        return TestRun(False, f"they failed with {said}")
    return TestRun(False, "the code ended the process before its tests were through")
