"""Foreign code against its tests: what passes, what fails, and that it reaches nothing."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from edge_seal.adaptation.verifiers import TestsUnavailable, run_unit_tests
from edge_seal.adaptation.verifiers.unit_tests import code_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel that confines the tests is Linux's")

ADD = "Here you are:\n```python\ndef add(a, b):\n    return a + b\n```\nIt adds."


def test_an_answer_with_its_code_in_a_fence_passes_its_tests() -> None:
    assert code_of(ADD) == "def add(a, b):\n    return a + b"
    assert run_unit_tests(ADD, "import math\nassert add(2, 3) == 5 and math.isfinite(add(1, 1))").passed


@pytest.mark.parametrize(
    ("code", "tests", "reason"),
    [
        (ADD, "assert add(2, 3) == 6", "they failed with AssertionError"),
        ("def add(a, b) return", "", "they failed with SyntaxError"),
        ("import os\nos._exit(0)", "assert False", "before its tests were through"),
        ("raise SystemExit(0)", "", "they failed with SystemExit"),
        ("x = [0] * 10**9", "", "they failed with MemoryError"),
        ("x = 1", "x = '" + "a" * 100_001 + "'", "more than 100000 characters"),
    ],
)
def test_what_does_not_pass_says_why_and_quotes_nothing(code: str, tests: str, reason: str) -> None:
    ran = run_unit_tests(code, tests)
    assert not ran.passed
    assert reason in ran.reason


def test_what_does_not_end_is_ended() -> None:
    assert "not done after 1 s" in run_unit_tests("import time\ntime.sleep(60)", "", wall_s=1).reason
    assert "ended by SIG" in run_unit_tests("while True: pass", "", cpu_s=1).reason


def test_it_can_write_rename_and_delete_nothing(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("still here", encoding="utf-8")
    for attempt in (
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"open({str(kept)!r}, 'a')",
        f"import os; os.remove({str(kept)!r})",
        f"import os; os.rename({str(kept)!r}, {str(tmp_path / 'moved')!r})",
        f"import os; os.truncate({str(kept)!r}, 0)",
        f"import os; os.chmod({str(kept)!r}, 0)",
        f"import os; os.mkdir({str(tmp_path / 'directory')!r})",
    ):
        assert run_unit_tests(attempt, "").reason == "they failed with PermissionError", attempt
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert kept.read_text(encoding="utf-8") == "still here"


def test_it_reaches_no_network_and_no_other_process() -> None:
    assert socket.AF_INET  # the test process has sockets; what follows is about the other one
    code = """
import os, subprocess, _thread, ctypes, _socket
def refused(attempt):
    try:
        attempt()
    except (PermissionError, RuntimeError):
        return True
    return False
assert refused(lambda: _socket.socket())
assert refused(lambda: os.fork())
assert refused(lambda: os.execv('/bin/true', ['true']))
assert refused(lambda: subprocess.run(['/bin/true']))
assert refused(lambda: os.kill(os.getppid(), 0))
assert refused(lambda: _thread.start_new_thread(print, ()))
# The same asked of the kernel directly, as a library's code could.
libc = ctypes.CDLL(None, use_errno=True)
assert libc.socket(2, 1, 0) == -1 and ctypes.get_errno() == 1
assert libc.prctl(38, 0, 0, 0, 0) == -1
"""
    ran = run_unit_tests(code, "assert True")
    assert ran.passed, ran.reason


def test_what_cannot_be_confined_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(TestsUnavailable, match="on Linux only"):
        run_unit_tests("x = 1", "")
