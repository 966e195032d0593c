"""`edge-seal --help` answers at once, because it loads next to nothing.

A new entry in the list below has to be worth its milliseconds at every start.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_seal.config import Home
from tests.support.tiny_installation import install_tiny_model

HELP_MAY_LOAD = {
    "click",
    "edge_seal",
    "edge_seal.__main__",
    "edge_seal.cli",
    "edge_seal.errors",
    "edge_seal.plain_text",
    "edge_seal.records",
    "edge_seal.terminal",
}
HELP_OVER_CLICK = 2.2

# Prints the modules that the command leaves loaded, beyond what the interpreter starts with.
PROGRAM = """
import json, sys
before = set(sys.modules)
from edge_seal.__main__ import main
sys.argv = ["edge-seal", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
else:
    code = 0
print(json.dumps([code, sorted(set(sys.modules) - before)]), file=sys.stderr)
"""


def run_help(*command: str) -> tuple[str, set[str]]:
    """What `edge-seal COMMAND --help` prints, and the modules that are loaded afterwards."""
    return run(*command, "--help")


def run(*command: str) -> tuple[str, set[str]]:
    """What `edge-seal COMMAND` prints, and the modules that are loaded afterwards."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(ran.stderr.splitlines()[-1])
    assert code in {0, None}
    return ran.stdout, set(modules)


def test_help_loads_only_what_it_may() -> None:
    text, loaded = run_help()
    assert "Usage:" in text
    ours_and_foreign = {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names}
    unexpected = {name for name in ours_and_foreign if name not in HELP_MAY_LOAD and name.partition(".")[0] != "click"}
    assert not unexpected


@pytest.mark.parametrize("command", ["ask", "teach", "learn", "memory", "updates", "audit", "models", "doctor"])
def test_help_of_a_command_loads_nothing_heavy(command: str) -> None:
    _, loaded = run_help(command)
    heavy = {"apsw", "jinja2", "llama_cpp", "mlx", "numpy", "onnxruntime", "pydantic", "rich", "sqlite_vec", "textual"}
    assert not heavy & loaded


def test_help_takes_little_more_than_importing_click() -> None:
    def processor_s(*program: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, *program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # In turns, the best of five each: other work on the machine slows both.
    rounds = [(processor_s("-m", "edge_seal", "--help"), processor_s("-c", "import click")) for _ in range(5)]
    helps, peers = zip(*rounds, strict=True)
    assert min(helps) < HELP_OVER_CLICK * min(peers)


@pytest.mark.parametrize("command", [("memory", "search", "boat"), ("ask", "What is the name of my boat?", "--json")])
def test_memory_by_words_loads_no_embedder(
    command: tuple[str, ...], home: Home, tmp_path: Path, default_embedder: Mapping[str, Path]
) -> None:
    install_tiny_model(home, tmp_path)
    with home.config_file.open("a", encoding="utf-8") as settings:
        settings.write('\n[memory]\nmode = "keyword"\n')
    # The embedder is there, so that only the mode can be why it is left alone.
    assert default_embedder["model.onnx"].exists()
    run("remember", "My boat is called Skua.")
    printed, loaded = run(*command)
    assert "m1" in printed, "it was recalled"
    assert not {"onnxruntime", "tokenizers"} & loaded


def test_the_first_frame_of_the_interface_waits_for_nothing_heavy() -> None:
    program = (
        "import json, sys; import edge_seal.__main__, edge_seal.home, edge_seal.tui.start; "
        "from edge_seal.tui.app import screen_class; screen_class('chat'); print(json.dumps(sorted(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(ran.stdout))
    assert "textual.app" in loaded
    heavy = {
        "apsw",
        "click",
        "edge_seal.config",
        "edge_seal.records",
        "edge_seal.runtime",
        "llama_cpp",
        "markdown_it",
        "numpy",
        "onnxruntime",
        "plotext",
        "pydantic",
    }
    other_screens = {f"edge_seal.tui.{name}_screen" for name in ("updates", "memory", "monitor", "settings")}
    assert not (heavy | other_screens) & loaded
