"""An embedder without weights, for tests in which the model is not the point: shared words point the same way."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_seal.engines.engine import FloatArray


class WordEmbedder:
    """Feature hashing: each word is a random direction drawn from its hash, a text the normed sum of its words'."""

    def __init__(self, name: str = "words", dimension: int = 384) -> None:
        self.model_sha256 = hashlib.sha256(name.encode()).hexdigest()
        self.dimension = dimension
        self.embedded = 0

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.embedded += len(texts)
        rows = [self._vector(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension)

    def _vector(self, text: str) -> FloatArray:
        total = np.zeros(self.dimension)
        for word in re.findall(r"\w+", text.lower()[:2000]) or [text]:
            total += _direction(self.model_sha256 + word, self.dimension)
        return (total / np.linalg.norm(total)).astype(np.float32)


@functools.lru_cache(maxsize=5000)
def _direction(of: str, dimension: int) -> NDArray[np.float64]:
    seed = hashlib.sha256(of.encode("utf-8", "replace")).digest()[:8]
    return np.random.default_rng(int.from_bytes(seed)).standard_normal(dimension)
