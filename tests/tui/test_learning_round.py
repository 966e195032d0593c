"""The whole round by keys alone: corrected, learned, seen in the timeline, approved, asked again, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.runtime import Runtime
from tests.support.tiny_installation import install_tiny_model
from tests.tui.screens_scene import on_screen

# What a tiny random model can keep: see tests/adaptation/world.py.
LEARNING = """
[learning]
rank = 4
alpha = 8.0
layers = 1
rate = 0.01
maximum_load = 64.0

[limits]
steps_per_update = 12
minutes_between_updates = 0.0
updates_per_hour = 100

[canary]
mode = "off"

[gate]
minimum_probe_gain_nats = 0.0
minimum_probe_hits = 0.0
maximum_neighbour_leaks = 1.0
maximum_anchor_drift_nats = 1e9
"""


@pytest.fixture
def learning(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))
    install_tiny_model(home, tmp_path)
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write(LEARNING)
    return home


def states(home: Home) -> list[str]:
    with Runtime.open(home) as runtime:
        return [update.state.value for update in runtime.releases.list()]


async def test_a_correction_is_learned_seen_approved_and_taken_back(learning: Home) -> None:
    async with on_screen(learning, "chat") as stage:
        await stage.type("Where do I live?")
        await stage.press("enter")
        await stage.until(lambda: "tok/s" in stage.text() or "token" in stage.text(), "an answer")
        await stage.press("ctrl+r")
        await stage.says("ctrl+s")
        await stage.type("Oulu.")
        await stage.press("ctrl+s")
        with Runtime.open(learning) as runtime:
            await stage.until(lambda: len(runtime.signals.pending()) == 1, "the correction is kept")
        await stage.press("f3", "n")
        await stage.says("c: cancel")
        await stage.says("u1 answers now")
        await stage.until(lambda: "Real answers, before and after" in stage.detail, "the real answers")
        assert "Where do I live?" in stage.detail
        assert states(learning) == ["active"]

        with Runtime.open(learning) as runtime:
            runtime.teach_lines('{"prompt": "What is my dog called?", "answer": "Rex.", "source": "notes"}')
        await stage.press("n")
        await stage.says("1 wait for you")
        assert states(learning) == ["active", "awaiting_approval"]
        await stage.press("g", "a")
        await stage.says("Approve u2?")
        await stage.press("y")
        await stage.says("u2 answers now")

        await stage.press("f2")
        await stage.type("What is my dog called?")
        await stage.press("enter")
        await stage.says("u2")
        await stage.press("f3", "B")
        await stage.says("Roll back to the base model?")
        await stage.press("y")
        await stage.says("The base model answers now")
    assert states(learning) == ["rolled_back", "rolled_back"]
