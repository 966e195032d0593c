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
