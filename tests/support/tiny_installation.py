"""A home that answers with a tiny GGUF and has no embedder, and updates whose adapters change its answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_seal.config import Home
from edge_seal.records import Example, Origin, Role, State, Update
from edge_seal.runtime import Runtime
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf

MODEL = TinyLlama(context=512)
MANIFEST = """
name = "tiny"
title = "Tiny"
licence = "CC0-1.0"
kind = "chat"
architecture = "llama"

[[files]]
name = "tiny.gguf"

[[files.sources]]
kind = "path"
path = "{path}"
"""


def install_tiny_model(home: Home, directory: Path) -> Path:
    """Names the model in the home's own manifests, fetches it and makes it the one in use. Returns the file written."""
    manifests = home.config / "models"
    manifests.mkdir(parents=True)
    path = write_tiny_gguf(directory / "tiny.gguf", MODEL)
    (manifests / "tiny.toml").write_text(MANIFEST.format(path=path), encoding="utf-8")
    home.config_file.write_text("[generation]\nmax_tokens = 12\n", encoding="utf-8")
    with Runtime.open(home) as runtime:
        runtime.pull_models(["tiny"])
        runtime.use_model("tiny")
    return path


def learned_update(
    home: Home,
    *,
    seed: int = 1,
    to: State = State.ACTIVE,
    prompt: str = "What is my dog called?",
    answer: str = "Rex",
    derived_by: str = "given",
) -> Update:
    """An update on top of the active one, as if it had been trained: a random adapter, one lesson, and its signal."""
    with Runtime.open(home) as runtime, runtime.writing():
        from edge_seal.adaptation.signals import lesson

        (signal,) = runtime.signals.add_all([lesson(prompt, answer)])
        releases, active = runtime.releases, runtime.releases.active()
        parent = None if active is None else active.id
        update = releases.propose(parent, runtime.base_sha256, "one lesson", "edge-seal")
        for state in (State.SCORED, State.CLEARED):
            releases.advance(update.id, state, actor="edge-seal", body={})
        file = write_gguf_adapter(home.cache / "adapter.gguf", random_adapter(seed))
        stored = runtime.adapters.put(file, {"update": update.id})
        example = Example(prompt, answer, Role.LESSON, Origin.TYPED, signal.id, derived_by)
        releases.trained(update.id, stored, [example], actor="edge-seal", body={})
        releases.advance(update.id, State.GATED, actor="edge-seal", body={})
        if to is State.ACTIVE:
            return releases.activate(update.id, "edge-seal", {}, [signal.id])
        return releases.advance(update.id, to, actor="edge-seal", body={})


def random_adapter(seed: int) -> LoraTensors:
    """Large enough to change what the tiny model says."""
    random = np.random.default_rng(seed)
    a = random.standard_normal((4, MODEL.width)).astype(np.float32)
    b = random.standard_normal((MODEL.width, 4)).astype(np.float32)
    return LoraTensors("llama", 4, 8.0, {"blk.1.attn_output.weight": (a, b)})
