"""From typing `edge-seal` to the first frame on the terminal: `python -m bench.tui_start [--rounds N]`.

The program is started on a pseudo-terminal of 80x24, in turn with its peer, a bare Textual application with the same
kinds of widgets, and what they write is read until the words at the top, in the middle and at the bottom of the first
screen are there. Printed: wall milliseconds from the start of the process, processor milliseconds of it (Linux), and
how many times the peer's they are. Times depend on the machine and its load; the ratio does less. Bytecode is written
beforehand, as an installation has it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PEER = """
from textual.app import App
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, OptionList, Static, TextArea

class Peer(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        with Horizontal():
            yield OptionList("one", "two")
            with Vertical():
                yield Static("first frame")
                yield Input()
                yield TextArea()
        yield Footer()

Peer().run()
"""
LONGEST_S = 60


@dataclass(frozen=True, slots=True)
class Start:
    """One start: wall and processor milliseconds until the first frame (the latter NaN where they are not told)."""

    wall_ms: float
    processor_ms: float


def started(command: Sequence[str], words: Sequence[str], environment: Mapping[str, str]) -> Start:
    """Starts `command` on a terminal of its own, waits until all of `words` were written on it, and ends it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    began = time.perf_counter()
    process = subprocess.Popen(  # our own program
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(environment), start_new_session=True
    )
    os.close(theirs)
    seen = b""
    try:
        while not all(word.encode() in seen for word in words):
            if time.perf_counter() - began > LONGEST_S or not select.select([ours], [], [], LONGEST_S)[0]:
                raise TimeoutError(f"{command} did not say {words!r}; it said {seen[-500:]!r}")
            seen += os.read(ours, 65536)
        return Start(1000 * (time.perf_counter() - began), processor_ms(process.pid))
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def processor_ms(pid: int) -> float:
    """What a process has used so far."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        environment = {
            **os.environ,
            "EDGE_SEAL_HOME": str(home),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PYTHONPYCACHEPREFIX": str(Path(directory) / "bytecode"),
            "TERM": "xterm-256color",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        commands = {
            "edge-seal": ([sys.executable, "-m", "edge_seal"], ("Settings", "enter sends", "Correct")),
            "bare Textual": ([sys.executable, "-c", PEER], ("first frame", "Quit")),
        }
        found: dict[str, list[Start]] = {name: [] for name in commands}
        for at in range(rounds + 1):
            for name, (command, words) in commands.items():
                start = started(command, words, environment)
                if at:  # the first one writes the bytecode
                    found[name].append(start)
    results: dict[str, dict[str, float]] = {}
    print(f"{'':<14}{'wall ms':>9}{'best':>7}{'processor ms':>14}{'best':>7}   (medians and best of {rounds})")
    for name, starts in found.items():
        walls, processors = zip(*map(_pair, starts), strict=True)
        results[name] = {
            "wall_ms": statistics.median(walls), "wall_best_ms": min(walls),
            "processor_ms": statistics.median(processors), "processor_best_ms": min(processors),
        }  # fmt: skip
        one = results[name]
        print(f"{name:<14}{one['wall_ms']:>9.0f}{one['wall_best_ms']:>7.0f}{one['processor_ms']:>14.0f}"
              f"{one['processor_best_ms']:>7.0f}")  # fmt: skip
    ours, peer = results["edge-seal"], results["bare Textual"]
    times = {key: ours[key] / peer[key] for key in ours}
    print(f"{'times':<14}{times['wall_ms']:>9.2f}{times['wall_best_ms']:>7.2f}{times['processor_ms']:>14.2f}"
          f"{times['processor_best_ms']:>7.2f}")  # fmt: skip
    print(json.dumps(results))


def _pair(start: Start) -> tuple[float, float]:
    return start.wall_ms, start.processor_ms


if __name__ == "__main__":
    main()
