"""The Monitor screen on a real runtime: figures, limits, the machine, and the check of what is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from textual_plotext import PlotextPlot

from edge_seal.config import Home
from edge_seal.records import Alert, Gauge, MachineState, MonitoringReport
from edge_seal.runtime import Ask, Runtime
from edge_seal.tui.monitor_text import machine_words, state_text
from tests.support.tiny_installation import install_tiny_model, learned_update
from tests.tui.screens_scene import on_screen
from tests.updates.scene import HandClock


@pytest.fixture(autouse=True)
def no_shared_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that were fetched on this machine change nothing here: there is no embedder."""
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))


async def test_figures_limits_and_a_check_that_finds_damage(home: Home, tmp_path: Path) -> None:
    install_tiny_model(home, tmp_path)
    for days in (5, 3):
        with Runtime.open(home, HandClock(datetime.now(UTC) - timedelta(days=days))) as runtime:
            runtime.ask(Ask("Hello", use_memory=False))
    update = learned_update(home)
    async with on_screen(home, "monitor") as stage:
        await stage.says("updates_per_hour")
        await stage.says("1 of 4")
        await stage.says("the next update is allowed at")
        plots = stage.app.screen.query(PlotextPlot)
        await stage.until(lambda: any(plot.display and plot.size.height > 2 for plot in plots), "a plot")
        await stage.says("1.00┤")
        await stage.press("G")
        await stage.says("seconds to the first word of an answer: ")
        await stage.press("g")
        await stage.press("v")
        await stage.says("1 adapter as they were written")
        with Runtime.open(home) as runtime:
            runtime.adapters.path(str(update.adapter_sha256)).write_bytes(b"changed")
        await stage.click("Verify (v)")
        await stage.says("DAMAGED: update u1")


def test_what_the_system_does_not_tell_is_said_so() -> None:
    assert machine_words(MachineState()) == [
        "power: not told",
        "idle: not told",
        "load: not told",
        "temperature: not told",
    ]
    told = machine_words(MachineState(on_mains=False, battery_share=0.5, celsius=60.0, load=0.25, idle_s=180.0))
    assert told == ["on battery, 50% full", "idle for 3 min", "load 0.25 a core", "60 °C"]


def test_open_alerts_come_first_and_seen_ones_are_marked() -> None:
    alerts = tuple(
        Alert(f"a{number}", "2025-03-01T12:00:00.000000Z", "latency", 2.0, 20, 1.0, 1.5, "slower\x1b[2J", seen)
        for number, seen in ((1, "2025-03-02T12:00:00.000000Z"), (2, None))
    )
    gauge = Gauge("updates_per_hour", 3, 4, None)
    report = MonitoringReport("", (), (gauge,), None, ("on battery",), MachineState(), alerts)
    lines = state_text(report).plain.splitlines()
    assert lines[0] == "1 open alert"
    assert lines[1].startswith("! a2")
    assert lines[2].endswith("(seen)")
    assert any("███████████████░░░░░ 3 of 4" in line for line in lines)
    assert "· it waits: on battery" in lines
    assert "\x1b" not in "".join(lines)
