from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_seal.errors import Busy, IntegrityError
from edge_seal.storage import occupancy
from edge_seal.storage.durable_file import temporary_beside
from edge_seal.storage.replacement import Move, Replacement


@pytest.mark.parametrize(
    "move",
    [
        {"root": "data", "final": "../outside", "staged": None, "wipe": True},
        {"root": "data", "final": "/etc/passwd", "staged": None, "wipe": True},
        {"root": "data", "final": "a/../../outside", "staged": None, "wipe": True},
        {"root": "elsewhere", "final": "outside", "staged": None, "wipe": False},
        {"root": "data", "final": "file", "staged": "not-temporary", "wipe": False},
    ],
)
def test_a_journal_leads_nowhere_out_of_the_home(tmp_path: Path, move: dict[str, object]) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "outside").write_text("kept")
    (data / "not-temporary").write_text("kept")
    (data / "journal").write_text(json.dumps({"format": "edge-seal replacement v1", "moves": [move]}))
    with pytest.raises(IntegrityError):
        Replacement(data / "journal", {"data": data}).finish()
    assert (tmp_path / "outside").read_text() == "kept"
    assert not (data / "file").exists()


def test_a_home_that_was_moved_between_the_crash_and_the_next_start(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    (old / "file").write_text("before")
    staged = temporary_beside(old / "file")
    staged.write_text("after")
    names = {"final": "file", "staged": staged.name, "root": "data", "wipe": False}
    (old / "journal").write_text(json.dumps({"format": "edge-seal replacement v1", "moves": [names]}))
    new = old.rename(tmp_path / "new")
    assert Replacement(new / "journal", {"data": new}).finish()
    assert [(path.name, path.read_text()) for path in new.iterdir()] == [("file", "after")]
    assert not Replacement(new / "journal", {"data": new}).finish()


def test_a_replacement_outside_the_home_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(ValueError, match="none of the directories"):
        Replacement(tmp_path / "journal", {"data": tmp_path / "data"}).replace([Move(tmp_path / "elsewhere")])


def test_alone_means_no_other_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    cleared: list[str] = []
    holding = "import sys, time; from pathlib import Path; from edge_seal.storage import occupancy\n"
    holding += f"with occupancy.inside(Path({str(lock)!r}), lambda: None): print('in', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "in\n"
    with pytest.raises(Busy), occupancy.alone(lock, wait_s=0.1):
        pass
    with occupancy.inside(lock, lambda: cleared.append("by the second")):
        pass
    assert cleared == []
    other.kill()  # its lock goes with it, however it ends
    other.wait()
    other.stdin.close()
    other.stdout.close()
    with occupancy.alone(lock, wait_s=1.0):
        with pytest.raises(Busy), occupancy.inside(lock, lambda: None, wait_s=0.1):
            pass
        waited = threading.Thread(target=lambda: cleared.append(_came_in(lock)))
        waited.start()
    waited.join()
    assert cleared == ["in"]


def _came_in(lock: Path) -> str:
    with occupancy.inside(lock, lambda: None, wait_s=5.0):
        return "in"
