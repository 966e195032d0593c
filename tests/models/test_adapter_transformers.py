"""A PEFT export that transformers loads gives our logits. Runs where torch, transformers and peft are: `make bench`."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from bench.peft_agreement import TINY, measure
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf

TOKENS = [1, 40, 90, 263, 120, 7, 40, 90, 264, 33]


@pytest.mark.parametrize("shape", TINY, ids=["shared keys", "one key head, untied", "three key heads"])
def test_transformers_computes_our_logits_from_the_export(tmp_path: Path, shape: TinyLlama) -> None:
    agreement = measure(write_tiny_gguf(tmp_path / "tiny.gguf", shape), TOKENS, shape.layers)
    assert agreement.passed, agreement
