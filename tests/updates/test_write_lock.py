from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_seal.errors import Busy, EngineError
from edge_seal.updates.write_lock import hold

HOLDER = """
import sys
from pathlib import Path
from edge_seal.updates.write_lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_is_told_which_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "write.lock"
    with holder(path) as process:
        for _ in range(2):
            with pytest.raises(Busy, match=rf"another edge-seal is writing \(process {process.pid}\)"), hold(path):
                pass
        process.communicate()
    with hold(path):
        pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "write.lock"
    with holder(path) as process:
        process.kill()
        process.wait()
    with hold(path):
        pass


def test_the_lock_is_let_go_whatever_ends_the_block(tmp_path: Path) -> None:
    path = tmp_path / "write.lock"

    def interrupted() -> None:
        with hold(path):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with hold(path), pytest.raises(Busy), hold(path):
        pass


def test_a_place_where_no_lock_can_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="cannot lock"), hold(tmp_path / "file" / "write.lock"):
        pass
