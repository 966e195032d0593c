"""All benchmarks, one after the other: `python -m bench`."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "bench.bearing",
    "bench.capture",
    "bench.guardian",
    "bench.learning",
    "bench.generation",
    "bench.recall",
    "bench.rules",
    "bench.train_speed",
)


def main() -> int:
    """Runs each in a process of its own; returns the worst exit code."""
    worst = 0
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", name], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
