from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.storage.faults import FAULTS, Fault, exhaust, fault_library, linux_with_compiler, quick_directory

__all__ = ["fault_library", "quick_directory"]  # fixtures

pytestmark = linux_with_compiler

CALLS = """
import ctypes, sys
from pathlib import Path
from edge_seal.storage.durable_file import write_durably
faults = ctypes.CDLL(sys.argv[1])
faults.fault_names.restype = ctypes.c_char_p
faults.fault_arm(ctypes.c_long(-1), 3)
write_durably(Path(sys.argv[2]) / "file", b"content")
print(faults.fault_names().decode())
"""


@pytest.mark.parametrize("scenario", ["Overwrite", "Publish", "Replace"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_is_what_it_was_or_what_it_should_be(
    fault_library: Path, quick_directory: Path, scenario: str, fault: Fault
) -> None:
    attempts = exhaust(fault_library, quick_directory, f"tests.storage.file_scenarios:{scenario}", fault)
    assert {attempt.found for attempt in attempts} == {"before", "after"}
    assert attempts[-1].found == "after"
    assert all(attempt.ended != "crashed" for attempt in attempts), attempts


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_the_return(
    fault_library: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALLS, str(fault_library), str(tmp_path)],
        env={**os.environ, "LD_PRELOAD": str(fault_library), "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    calls = [call.removesuffix("64").removesuffix("at") for call in done.stdout.split()]
    # The last unlink finds nothing: it is for the case that something failed before the rename.
    assert calls == ["open", "write", "fsync", "rename", "fsync", "unlink"]
