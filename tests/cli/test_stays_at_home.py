"""Without a network, and without a file outside the home: every main path, watched from within and from without.

One process runs the commands one after the other. An audit hook refuses sockets and notes every file that Python opens
for writing, makes, renames or removes, and every program that it starts. What native code writes (SQLite, llama.cpp) no
hook sees: so everything that is not the home (a user's directory, the place for temporary files, the working directory,
the model store) is compared before and after, by name, size and time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.adaptation.networks import write_tiny_model
from tests.updates.kill_process import MANIFEST, SETTINGS

ROOT = Path(__file__).resolve().parents[2]
DRIVER = r"""
import json, os, sys

home, seen = os.environ["EDGE_SEAL_HOME"], {"outside": [], "inside": 0, "programs": [], "sockets": []}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
           "os.utime", "shutil.copyfile", "shutil.move", "shutil.rmtree"}
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn")
SOCKETS = ("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "socket.bind")

def note(path, directory=-1):
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    below = os.readlink(f"/proc/self/fd/{directory}") if directory not in (-1, None) else os.getcwd()
    place = os.path.abspath(os.path.join(below, os.fsdecode(path)))
    if place.startswith(home + os.sep) or place == home:
        seen["inside"] += 1
    elif place != os.devnull:
        seen["outside"].append(place)

def hook(event, arguments):
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES:
        note(arguments[0])
    elif event in CHANGES:
        relative = event in ("os.remove", "os.rmdir", "os.mkdir")
        note(arguments[0], arguments[-1] if relative else -1)
        if event in ("os.rename", "os.link", "os.symlink", "shutil.copyfile", "shutil.move"):
            note(arguments[1])
    elif event.startswith(STARTS):
        seen["programs"].append(str(arguments[:2]))
    elif event.startswith(SOCKETS):
        seen["sockets"].append(event)
        raise OSError("there is no network here")

sys.dont_write_bytecode = True
sys.addaudithook(hook)

from click.testing import CliRunner
from edge_seal.cli import edge_seal

codes = {}
for line in sys.stdin:
    arguments = json.loads(line)
    result = CliRunner().invoke(edge_seal, arguments)
    codes[" ".join(arguments)] = result.exit_code if result.exit_code == 0 else [result.exit_code, result.output]
print(json.dumps({"codes": codes, **seen}))
"""
COMMANDS = (
    ("models", "pull", "tiny"),
    ("remember", "I live in Turku"),
    ("ask", "Where do I live?", "--json"),
    ("feedback", "t1", "--correction", "In Turku."),
    ("teach", "--prompt", "What is my dog called?", "--answer", "Rex"),
    ("learn", "--now", "--json"),
    ("ask", "What is my dog called?"),
    ("updates", "list"),
    ("adapters", "export", "u1", "--format", "gguf", "--output", "HOME/exported.gguf"),
    ("rollback", "base"),
    ("memory", "search", "Turku"),
    ("memory", "export"),
    ("limits", "set", "updates_per_day", "99"),
    ("backup",),
    ("forget", "m1", "--yes"),
    ("audit", "verify"),
    ("audit", "head"),
    ("audit", "prove", "consistency", "1"),
    ("guard", "scan", "HOME/config/config.toml"),
    ("conversations", "list"),
    ("monitor", "--json"),
)


def listed(places: list[Path], home: Path) -> dict[str, tuple[int, int]]:
    """Every file that is not in the home: size and time of change."""
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for place in places
        for path in sorted(place.rglob("*"))
        if home not in (path, *path.parents)
    }


@pytest.mark.skipif(sys.platform != "linux", reason="names what is open by /proc")
def test_no_socket_is_used_and_nothing_is_written_outside_the_home(tmp_path: Path) -> None:
    user, temporary, working = tmp_path / "user", tmp_path / "temporary", tmp_path / "working"
    home, store = user / "edge-seal", tmp_path / "store"
    for place in (temporary, working, store, home / "config" / "models"):
        place.mkdir(parents=True)
    model = write_tiny_model(store / "tiny.gguf")
    (home / "config" / "models" / "tiny.toml").write_text(MANIFEST.format(path=model), encoding="utf-8")
    (home / "config" / "config.toml").write_text(SETTINGS, encoding="utf-8")
    outside = [tmp_path]
    before = listed(outside, home)

    commands = [[part.replace("HOME", str(home)) for part in command] for command in COMMANDS]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EDGE_SEAL", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input="\n".join(json.dumps(command) for command in commands),
        env={
            **environment,
            "EDGE_SEAL_HOME": str(home),
            "EDGE_SEAL_MODELS": str(store),
            "HOME": str(user),
            "TMPDIR": str(temporary),
            "PYTHONPATH": os.pathsep.join(str(place) for place in (ROOT, ROOT / "kernels", ROOT / "models")),
        },
        cwd=working, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert {command: code for command, code in told["codes"].items() if code != 0} == {}
    assert told["sockets"] == []
    assert told["outside"] == []
    # The hook saw something: otherwise it would not have seen what it should not either.
    assert told["inside"] > 50
    assert listed(outside, home) == before
