"""MLX answers and trains where the settings say so, from the command line to the gate."""

from __future__ import annotations

import pytest

from tests.cli.conftest import CommandLine

pytest.importorskip("mlx.core", reason="MLX is not on this machine: install the extra `dev`")


def settings(tiny: CommandLine, engine: str, backend: str) -> None:
    tiny.home.config_file.write_text(
        f'[model]\nname = "tiny"\nengine = "{engine}"\n[learning]\nbackend = "{backend}"\nlayers = 1\n'
        "[generation]\nmax_tokens = 6\n[limits]\nsteps_per_update = 3\nminutes_between_updates = 0\n",
        encoding="utf-8",
    )


def test_a_question_is_answered_and_a_lesson_trained_and_judged(tiny: CommandLine) -> None:
    settings(tiny, "llama.cpp", "numpy")
    words = tiny("ask", "what is in the sea", "--json").json["text"]
    settings(tiny, "mlx", "mlx")
    assert tiny("ask", "what is in the sea", "--json").json["text"] == words
    found = tiny("doctor", "--json", code=1).json
    assert found["engine"].startswith("mlx on ")
    assert found["training"] == found["engine"]
    tiny("teach", "--prompt", "What is my dog called?", "--answer", "Rex")
    # Three steps teach a random model nothing, and the gate says so; what it was asked is the engine and the network.
    gate = tiny("learn", "--now", "--json", code=3).json["gate"]
    agreement = next(measure for measure in gate["measures"] if measure["name"] == "engine_agreement")
    assert agreement["passed"]
    assert 0 <= agreement["after"] < 1e-5
