"""Where the default embedder's two files are on this machine, told by their bytes and not by their names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_seal.config import shared_models

_MODEL = (22_928_619, "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6")
_TOKENIZER = (466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037")


@dataclass(frozen=True, slots=True)
class EmbedderFiles:
    """The ONNX model and its tokenizer."""

    model: Path
    tokenizer: Path


def located_embedder() -> EmbedderFiles:
    """The files of all-MiniLM-L6-v2 (int8) under the shared models; skips the test where they were not fetched."""
    model, tokenizer = _located(*_MODEL), _located(*_TOKENIZER)
    if model is None or tokenizer is None:
        pytest.skip(f"the embedder's files are not under {shared_models()}: run `edge-seal models pull`")
    return EmbedderFiles(model, tokenizer)


def _located(size: int, sha256: str) -> Path | None:
    for path in _files(shared_models()):
        if path.stat().st_size == size and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return path
    return None


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())
