"""What reads adapters by a path reads sealed ones too: llama.cpp computes the same with them, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_models.adapter import LoraTensors, read_gguf_adapter, write_gguf_adapter
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.errors import IntegrityError
from edge_seal.storage.sealing import DataKey
from edge_seal.updates.adapters import AdapterStore
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf


def test_llama_cpp_loads_a_sealed_adapter(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    a, b = random.standard_normal((4, 64)), random.standard_normal((64, 4))
    tensors = {"blk.1.attn_q.weight": (a.astype(np.float32), b.astype(np.float32))}
    plain = write_gguf_adapter(tmp_path / "adapter.gguf", LoraTensors("llama", 4, 8.0, tensors))
    store = AdapterStore(tmp_path / "adapters", DataKey(b"k" * 32))
    stored = store.put(plain, {"update": "u1"})
    assert store.verify(stored.sha256, stored.manifest_sha256) is None
    assert plain.read_bytes()[:200] not in stored.path.read_bytes()
    model = write_tiny_gguf(tmp_path / "tiny.gguf", TinyLlama(context=64))
    with LlamaCppEngine(model, threads=1) as engine:
        tokens = engine.tokenize("what is in the sea")
        engine.use_adapter(plain)
        expected = engine.logits(tokens, [len(tokens) - 1]).copy()
        engine.use_adapter(None)
        for _ in range(2):  # the second time from the path that was given out before
            engine.use_adapter(store.path(stored.sha256))
            assert np.array_equal(engine.logits(tokens, [len(tokens) - 1]), expected)
            engine.use_adapter(None)
    assert set(read_gguf_adapter(store.path(stored.sha256)).tensors) == set(tensors)
    store.close()
    with pytest.raises(IntegrityError, match="another key"):
        AdapterStore(tmp_path / "adapters", DataKey(b"o" * 32)).path(stored.sha256)
