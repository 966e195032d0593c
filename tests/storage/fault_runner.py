"""The process in which the attempts of `faults.exhaust` are forked.

A scenario is a class with three methods:
`prepare(directory)` makes the state before; `act(directory)` is what is failed; `judge(directory, ended)` opens what
is left and says in a word what it is, or raises.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from edge_seal.errors import EdgeSealError

MODES = {"kill": 1, "torn": 2, "error": 3, "full": 4}
MOST_STEPS = 5000


class Scenario(Protocol):
    def prepare(self, directory: Path) -> None: ...
    def act(self, directory: Path) -> None: ...
    def judge(self, directory: Path, ended: str) -> str: ...


def in_a_process_of_its_own(work: Callable[[], str]) -> str:
    """What `work` returns, `error` if it raised an error of ours, `killed`, or the traceback of anything else."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            said = work()
        except EdgeSealError as error:
            said = f"error: {error.message}"
        except BaseException:  # noqa: BLE001  # said by its parent
            said = f"crashed: {traceback.format_exc()}"
        with os.fdopen(writer, "w") as pipe:
            pipe.write(said)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else said


def main(library: str, directory: str, scenario_name: str, fault: str, every: str = "1") -> None:
    logging.disable()
    faults = ctypes.CDLL(library)
    faults.fault_steps.restype = ctypes.c_long
    module, _, name = scenario_name.partition(":")
    scenario = cast("Scenario", getattr(importlib.import_module(module), name)())
    before, work = Path(directory) / "before", Path(directory) / "work"
    before.mkdir()
    prepared = in_a_process_of_its_own(lambda: str(scenario.prepare(before)))
    if prepared != "None":
        sys.exit(prepared)

    for step in range(1, MOST_STEPS, int(every)):
        shutil.copytree(before, work)

        def attempt(step: int = step) -> str:
            faults.fault_arm(ctypes.c_long(step), MODES[fault])
            try:
                scenario.act(work)
                return "done" if faults.fault_steps() >= step else "met no fault"
            finally:
                faults.fault_arm(ctypes.c_long(0), 0)

        ended = in_a_process_of_its_own(attempt)
        found = in_a_process_of_its_own(lambda ended=ended: scenario.judge(work, ended))
        print(json.dumps({"step": step, "ended": ended.partition(":")[0], "found": found}), flush=True)  # noqa: T201
        shutil.rmtree(work)
        if ended == "met no fault":
            return
    sys.exit(f"still failing after {MOST_STEPS} steps")


if __name__ == "__main__":
    main(*sys.argv[1:])
