"""A process that uses everything is killed at random moments: what it acknowledged is there, and nothing is half there.

`EDGE_SEAL_KILLS=500` sets how often; the figure is in docs/log.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.storage.faults import quick_directory

__all__ = ["quick_directory"]  # a fixture

KILLS = int(os.environ.get("EDGE_SEAL_KILLS", "20"))
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="forks and kills")
@pytest.mark.timeout(240 + 30 * KILLS)
def test_a_kill_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done(quick_directory: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.updates.kill_process", str(quick_directory), str(KILLS), "7"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(place) for place in (ROOT, ROOT / "kernels", ROOT / "models")),
            "OPENBLAS_NUM_THREADS": "1",
        },
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report for report in reports if report["wrong"]] == []
    killed = Counter(str(report["during"]) for report in reports if report["killed"])
    assert killed.total() == KILLS
    # It was killed in the middle of several things, and it had got several things done.
    assert len(killed.keys() - {"None"}) >= 3
    assert sum(report["acknowledged"] for report in reports) >= KILLS / 4


@pytest.mark.skipif(sys.platform == "win32", reason="forks and kills")
@pytest.mark.timeout(400)
def test_a_cycle_killed_at_any_of_its_stages_leaves_what_was_and_can_be_run_again(quick_directory: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.updates.kill_process", str(quick_directory), "stages"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "kernels", ROOT / "models")))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *killed, finished = [json.loads(line) for line in done.stdout.splitlines()]
    assert [report for report in (*killed, finished) if report["wrong"]] == []
    assert all(report["killed"] for report in killed)
    stages = dict.fromkeys(report["stage"] for report in killed)
    assert list(stages) == ["propose", "score", "guard", "train", "gate", "record", "activate"]
    # Each left what answered before, and nothing half learned; the last one learned it.
    assert {report["found"]["active"] for report in killed} == {"u1"}
    assert finished["found"]["active"] == f"u{max(int(name[1:]) for name in finished['found']['updates'])}" != "u1"
    states = [state for name, state in finished["found"]["updates"].items() if name != "u1"]
    assert states == [*["abandoned"] * (len(states) - 1), "active"]
