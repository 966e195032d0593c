"""The Models screen on a real store: fetched with progress, stopped, verified, chosen; by keys."""

from __future__ import annotations

import threading
from pathlib import Path

from textual.widgets import OptionList

from edge_seal.config import Home, load_settings
from edge_seal.records import Origin
from edge_seal.runtime import Ask, Runtime
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf
from tests.support.tiny_installation import MANIFEST
from tests.tui.screens_scene import Stage, on_screen


class StoppedAtOnce(threading.Event):
    """The user presses escape before anything was fetched."""

    def is_set(self) -> bool:
        return True


async def at_model(stage: Stage, name: str) -> None:
    """Puts the cursor on a model."""
    options = stage.app.screen.query_one(OptionList)

    def place() -> int | None:
        lines = [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]
        return next((at for at, line in enumerate(lines) if f" {name} " in line), None)

    await stage.until(lambda: place() is not None, f"{name} in the list")
    options.highlighted = place()
    await stage.says(f"name          {name}")


async def test_a_model_is_fetched_verified_and_used(tiny: Home, tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "other.gguf", TinyLlama(context=512, seed=2))
    manifest = MANIFEST.format(path=path).replace('"tiny"', '"other"').replace('"Tiny"', '"Other"')
    (tiny.config / "models" / "other.toml").write_text(manifest, encoding="utf-8")
    async with on_screen(tiny, "models", (80, 24)) as stage:
        await at_model(stage, "other")
        await stage.says("not here")
        stop, stage.app.desk._stop_long = stage.app.desk._stop_long, StoppedAtOnce()
        await stage.press("p")
        await stage.told("stopped; what was there before is as it was")
        assert not [note for note in stage.app._notifications if note.severity == "error"]
        stage.app.desk._stop_long = stop
        await stage.press("p")
        await stage.told("other is here and verified")
        await stage.press("v")
        await stage.told("other: every file is what it should be")
        await stage.press("u")
        await stage.until(lambda: load_settings(tiny.config_file).model.name == "other", "the other one in use")
        await stage.says("● in use  other")
    with Runtime.open(tiny) as runtime:
        assert runtime.ask(Ask("Hello", Origin.TYPED)).answer
        runtime.use_model("tiny")
        (stored,) = runtime.store.locate("other").values()
    stored.chmod(0o600)
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    async with on_screen(tiny, "models", (80, 24)) as stage:
        await at_model(stage, "other")
        await stage.press("v")
        await stage.told("tiny.gguf")
        await stage.press("p")
        await stage.told("other is here and verified")
