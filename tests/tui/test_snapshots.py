"""Every screen at two sizes in two themes, compared with what is kept: `EDGE_SEAL_WRITE_SNAPSHOTS=1` writes it anew."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import Input

from edge_models.adapter import write_gguf_adapter
from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.records import Example, MachineState, Origin, Role, State
from edge_seal.runtime import Ask, Runtime
from edge_seal.tui.help_screen import HelpScreen
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.welcome_screen import WelcomeScreen
from tests.cli.test_limits_commands import StagedMachine
from tests.support.scripted_engine import ScriptedEngine
from tests.support.tiny_installation import install_tiny_model, random_adapter
from tests.tui import snapshot
from tests.tui.chat_scene import Scene, chatting
from tests.updates.scene import HandClock

SIZES = ((80, 24), (120, 40))
THEMES = ("edge-dark", "edge-light")
ANSWER = """\
Two things help:

1. **Sleep** before midnight.
2. A walk, `30 minutes` or more.

```python
print("good night")
```
"""
AT_HOME = Home(Path("/home/you/data"), Path("/home/you/config"), Path("/home/you/state"), Path("/home/you/cache"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Always the same, at the same time, on the same machine, below no directory with a name of its own."""
    clock = HandClock(datetime(2025, 3, 1, 12, tzinfo=UTC))
    for name, value in (("TZ", "UTC"), ("EDGE_SEAL_MODELS", str(tmp_path / "none"))):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.chdir(tmp_path)
    time.tzset()
    staged = type("Staged", (StagedMachine,), {"told": MachineState(True, 1.0, 40.0, 0.25, 3600.0)})
    monkeypatch.setattr("edge_seal.runtime.construction.SystemMachine", staged)
    monkeypatch.setattr("edge_seal.runtime.construction.SystemClock", lambda: clock)
    home = Home(Path("data"), Path("config"), Path("state"), Path("cache"))
    home.create()
    install_tiny_model(home, tmp_path)
    engine = ScriptedEngine(["Herons sleep standing, on one leg.", ANSWER, "Your boat is called Skua."])
    monkeypatch.setattr(Runtime, "engine", property(lambda _: engine))
    with Runtime.open(home) as runtime:
        _talk(runtime, clock)
        _learn(runtime, home, clock)
    yield home
    monkeypatch.undo()
    time.tzset()


def _talk(runtime: Runtime, clock: HandClock) -> None:
    runtime.ask(Ask("Where do herons sleep?", use_memory=False))
    clock.pass_by(hours=1)
    runtime.ask(Ask("I live in Oulu. How do I sleep better?", use_memory=False))
    clock.pass_by(hours=1)
    for text in ("My boat is called Skua.", "I am allergic to peanuts.", "I work in Turku.", "I moved to Turku."):
        runtime.remember(text, Origin.TYPED)
    runtime.remember("Aino likes rowing.", Origin.FILE, source="letter.txt")


def _learn(runtime: Runtime, home: Home, clock: HandClock) -> None:
    """u1 retired, u2 answers, u3 waits."""
    taught = (
        ("What is my dog called?", "Your dog is called Biscuit.", State.RETIRED),
        ("Which tea do I drink?", "You drink rooibos.", State.ACTIVE),
        ("When do I take meetings?", "You take meetings after 10:30.", State.AWAITING_APPROVAL),
    )
    for seed, (prompt, answer, to) in enumerate(taught, start=1):
        clock.pass_by(days=1)
        with runtime.writing():
            _update(runtime, home, seed, lesson_of=(prompt, answer), to=to)


def _update(runtime: Runtime, home: Home, seed: int, *, lesson_of: tuple[str, str], to: State) -> None:
    prompt, answer = lesson_of
    (signal,) = runtime.signals.add_all([lesson(prompt, answer)])
    active = runtime.releases.active()
    parent = None if active is None else active.id
    update = runtime.releases.propose(parent, runtime.base_sha256, "1 lesson", "edge-seal")
    for state in (State.SCORED, State.CLEARED):
        runtime.releases.advance(update.id, state, actor="edge-seal", body={})
    outcome = {
        "prompt": f"Tell me: {prompt.lower()}", "answer": answer, "role": "probe", "before_nats": "2.5",
        "after_nats": "0.1", "before_hit": False, "after_hit": True, "said_before": "I do not know.",
        "said_after": answer,
    }  # fmt: skip
    manifest = {
        "update": update.id,
        "gate": {"outcomes": [outcome]},
        "training": {"steps": 40, "rank": 16},
        "limits": {"steps_per_update": "400", "examples_per_update": "2048"},
    }
    file = write_gguf_adapter(home.cache / "adapter.gguf", random_adapter(seed))
    stored = runtime.adapters.put(file, manifest)
    examples = [
        Example(prompt, answer, role, Origin.TYPED, signal.id, derived_by="edge-seal")
        for role in (Role.LESSON, Role.PROBE)
    ]
    measures = [
        {"name": name, "before": before, "after": after, "bound": bound, "passed": True}
        for name, before, after, bound in (("probe_hits", "0", "1", "0.5"), ("anchor_drift", "0", "0.02", "0.3"))
    ]
    told = {"measures": measures, "scale": "1", "examples_count": 24, "risk": {"score": 12, "factors": []}}
    runtime.releases.trained(update.id, stored, examples, actor="edge-seal", body={})
    runtime.releases.advance(update.id, State.GATED, actor="edge-seal", body=told)
    if to is State.AWAITING_APPROVAL:
        runtime.releases.advance(update.id, to, actor="edge-seal", body={})
    else:
        runtime.releases.activate(update.id, "edge-seal", {}, [signal.id])


async def _chat(scene: Scene) -> None:
    if not scene.turns:
        await scene.press("f12")
        await scene.until(lambda: len(scene.listed) == 2, "the conversations")
        await scene.press("home", "enter")
        await scene.until(lambda: len(scene.turns) == 1, "the conversation")
        await scene.send("What is my boat called?")
        await scene.press("ctrl+g")
        await scene.says("✓ good")
    await scene.until(lambda: scene.prompt.has_focus, "the prompt")


async def _walk(scene: Scene, name: str) -> None:
    """Goes to a screen, until all of it is there."""
    words = {
        "updates": "Audit trail", "review": "awaiting approval", "memory": "Where it comes from",
        "monitor": "The last 30 days", "models": "CC0-1.0", "settings": "interface.theme =",
    }  # fmt: skip
    below = {"help": "review", "welcome": "chat"}.get(name, name)
    scene.app.action_go(below)
    await scene.until(lambda: getattr(scene.app.screen, "MODE", "") == below, below)
    if below == "chat":
        await _chat(scene)
    elif name == "models":
        await scene.until(lambda: "tiny" in scene.text(), "the models")
        await scene.press("end")
    elif name == "settings":
        # All of them are a long list, which grows.
        scene.app.screen.query_one(Input).value = "interface.theme"
    if below in words:
        await scene.until(lambda: words[below] in (scene.text(), scene.detail)[below in _DETAILED], words[below])
    if name == "help":
        scene.app.action_help()
        await scene.until(lambda: isinstance(scene.app.screen, HelpScreen), "the help")
    if name == "welcome":
        scene.app.push_screen(WelcomeScreen(AT_HOME, ("tiny", "tiny-embedder")))
        await scene.until(lambda: isinstance(scene.app.screen, WelcomeScreen), "the welcome")
    # What is told of the model that is missing goes by itself.
    scene.app.clear_notifications()
    snapshot.still(scene.app)
    await scene.pilot.pause()
    await scene.pilot.wait_for_scheduled_animations()


_DETAILED = {"updates", "review", "memory"}
SCREENS = ("chat", "updates", "review", "memory", "monitor", "models", "settings", "help", "welcome")


@pytest.mark.timeout(900)
async def test_every_screen_looks_as_it_is_kept(home: Home) -> None:
    differences: list[str] = []
    async with chatting(home, SIZES[0]) as scene:
        for columns, height in SIZES:
            await scene.pilot.resize_terminal(columns, height)
            for screen in SCREENS:
                await _walk(scene, screen)
                name = f"{screen}-{columns}x{height}"
                differences.append(snapshot.compared(name, await _settled(scene, name)))
                if screen in {"help", "welcome"}:
                    await scene.press("escape")
                    await scene.until(lambda: isinstance(scene.app.screen, DeskScreen), "the screen below")
    assert not any(differences), "\n" + "\n".join(filter(None, differences))


async def _settled(scene: Scene, name: str) -> list[str]:
    """The screen as it is when nothing changes it any more: at once where it is as it is kept."""
    before: list[str] | None = None
    end = time.monotonic() + 20.0
    while True:
        lines = await _in_both_themes(scene, name)
        may_differ = snapshot.is_written_anew() or time.monotonic() > end
        if lines is not None and (not snapshot.compared(name, lines, write=False) or (may_differ and lines == before)):
            return lines
        before = lines
        assert time.monotonic() < end + 60, f"{name} does not come to rest\n{scene.text()}"


async def _in_both_themes(scene: Scene, name: str) -> list[str] | None:
    """The screen in each theme; None where it was still being drawn."""
    lines: list[str] = []
    for theme in THEMES:
        scene.app.theme = theme
        await scene.pilot.pause(0.05)
        seen = snapshot.rows(scene.app)
        lines = lines or snapshot.text_of(seen)
        if snapshot.text_of(seen) != lines[: len(seen)]:
            return None
        lines += [f"--- {theme}", *snapshot.styles_of(seen)]
        _picture(scene, f"{name}-{theme}")
    return lines


def _picture(scene: Scene, name: str) -> None:
    directory = Path(os.environ.get(snapshot.ANEW, ""))
    if directory.is_absolute():
        (directory / f"{name}.svg").write_text(scene.app.export_screenshot(), encoding="utf-8")


def test_a_difference_is_told_by_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "KEPT", tmp_path)
    monkeypatch.delenv(snapshot.ANEW, raising=False)
    (tmp_path / "one.txt").write_text("same\nbefore\nsame\n", encoding="utf-8")
    assert snapshot.compared("one", ["same", "before", "same"]) == ""
    told = snapshot.compared("one", ["same", "after", "same"])
    assert "-before\n+after\n" in told
    assert snapshot.compared("none", ["new"])


def test_hashes_are_kept_in_one_form_and_words_are_not() -> None:
    from rich.style import Style

    said = "a deadbeefdeadbeefdeadbeef 0123456789abcdef0123456789abcdef"
    assert snapshot.text_of([[(said, Style())]]) == ["a deadbeefdeadbeefdeadbeef " + "#" * 32]
