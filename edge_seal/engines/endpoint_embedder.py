"""Embedders behind a server that the user named: Ollama's `/api/embed`, and `/embeddings` as OpenAI shaped it.

Invariants: what a server answers is believed only after it was checked (as many vectors as texts, all of the one
length, finite, with a direction); vectors leave here with unit length; the key is in no message.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlsplit

import numpy as np

from edge_seal.config import EmbedderSettings
from edge_seal.engines import json_over_http
from edge_seal.engines.engine import EmbedderUnavailable, FloatArray, TextNotEmbedded
from edge_seal.engines.json_over_http import Answer

MAXIMUM_DIMENSION: Final = 16_384
# So long a server that failed is not asked again: every use would wait for it anew.
RETRY_S: Final = 30.0
SAMPLE: Final = "A sentence that shows whether this model embeds at all."

# Of these a single text may be the cause: too long, or one that the model makes NaN of, which Ollama reports as 500.
_OF_THE_TEXT: Final = frozenset({400, 413, 422, 500})


class EndpointEmbedder:
    """Text to unit vectors, made by a server. Every text that is embedded leaves this process."""

    def __init__(self, settings: EmbedderSettings, dimension: int, *, timeout_s: float | None = None) -> None:
        """`dimension` is the length that its vectors must have; 0: any."""
        self._settings = settings
        self._dimension = dimension
        self._timeout_s = timeout_s or settings.timeout_s
        self._url = _address(settings)
        self._called = f"{settings.model} at {settings.sends_to}"
        self._failed: tuple[float, EmbedderUnavailable] | None = None

    @classmethod
    def open(cls, settings: EmbedderSettings, dimension: int = 0) -> EndpointEmbedder:
        """The embedder; a `dimension` of 0, with none set, is found out with a sample sentence.

        Raises:
            EmbedderUnavailable: the sample could not be embedded.
        """
        known = settings.dimension or dimension
        return cls(settings, known or cls(settings, 0).measured())

    @property
    def model_sha256(self) -> str:
        """Names the vectors: kind, address, model, how much of a text counts, and the length of a vector."""
        return hashlib.sha256(f"{configuration_sha256(self._settings)} {self._dimension}".encode()).hexdigest()

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    def measured(self) -> int:
        """The length of the vectors that the server makes now; asks it.

        Raises:
            EmbedderUnavailable: it could not be asked.
        """
        return self._embedded([SAMPLE], 0).shape[1]

    def hurried(self, timeout_s: float) -> EndpointEmbedder:
        """The same, with at most that much time for each answer."""
        return EndpointEmbedder(self._settings, self._dimension, timeout_s=min(timeout_s, self._timeout_s))

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """One unit vector a text: `(len(texts), dimension)` float32. Of a long text only the beginning counts.

        Raises:
            EmbedderUnavailable: the server failed, or did so a moment ago; or it gives other vectors than it gave.
            TextNotEmbedded: it refuses these texts.
        """
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        if self._failed is not None and time.monotonic() < self._failed[0] + RETRY_S:
            raise self._failed[1]
        size = self._settings.texts_per_request
        try:
            for start in range(0, len(texts), size):
                vectors[start : start + size] = self._embedded(texts[start : start + size], self._dimension)
        except TextNotEmbedded:
            raise
        except EmbedderUnavailable as error:
            self._failed = time.monotonic(), error
            raise
        self._failed = None
        return vectors

    def _embedded(self, texts: Sequence[str], dimension: int) -> FloatArray:
        settings = self._settings
        # An empty text is refused by some; a lone surrogate, which a shell can pass in, has no UTF-8 form.
        sent = [
            text[: settings.characters_per_text].encode("utf-8", "replace").decode("utf-8") or " " for text in texts
        ]
        body: dict[str, object] = {"model": settings.model, "input": sent}
        body |= {"truncate": True} if settings.kind == "ollama" else {"encoding_format": "float"}
        answer = json_over_http.post(self._url, body, key=self._key(), timeout_s=self._timeout_s)
        if answer.status != 200:
            raise self._refusal(answer)
        try:
            said = answer.json()
        except ValueError as error:
            raise EmbedderUnavailable(
                f"{settings.sends_to} answered with something that is no JSON: {_line(str(error))}",
                next_step=f"check embedder.url: is it {settings.kind} that listens there?",
            ) from error
        rows = _ollama_rows(said) if settings.kind == "ollama" else _openai_rows(said)
        return self._checked(rows, len(texts), dimension)

    def _checked(self, rows: Sequence[object] | None, count: int, dimension: int) -> FloatArray:
        """The vectors `(count, dimension)`, of any one length where `dimension` is 0, as unit vectors."""
        if rows is None or len(rows) != count:
            found = "no vectors" if rows is None else f"{len(rows)} vectors"
            raise EmbedderUnavailable(
                f"{self._called} gave {found} for {count} texts",
                next_step=f"check embedder.kind: is it {self._settings.kind} that listens there?",
            )
        lengths = {len(_numbers(row)) for row in rows}
        length = max(lengths)
        if len(lengths) != 1 or not 0 < length <= MAXIMUM_DIMENSION:
            raise EmbedderUnavailable(
                f"{self._called} gave what is no vectors of one length", next_step="use another model"
            )
        if dimension and length != dimension:
            wanted = f"embedder.dimension is {dimension}" if self._settings.dimension else f"it was {dimension} before"
            step = "correct embedder.dimension" if self._settings.dimension else "edge-seal memory reembed"
            raise EmbedderUnavailable(
                f"{self._called} gives vectors of length {length}; {wanted}: it is another model", next_step=step
            )
        try:
            vectors = np.array(rows, dtype=np.float64)
        except OverflowError:
            vectors = np.full((count, length), np.inf)
        with np.errstate(over="ignore"):
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms < np.finfo(np.float32).tiny).any():
            raise TextNotEmbedded(
                f"{self._called} gave a vector that is not finite or has no direction", next_step="use another model"
            )
        return (vectors / norms).astype(np.float32)

    def _key(self) -> str | None:
        name = self._settings.api_key_env
        if not name:
            return None
        key = os.environ.get(name, "").strip()
        if not key or not (key.isascii() and key.isprintable()):
            raise EmbedderUnavailable(
                f"the environment variable {name} (embedder.api_key_env) holds no key for {self._settings.sends_to}",
                next_step=f"export {name}=…",
            )
        return key

    def _refusal(self, answer: Answer) -> EmbedderUnavailable:
        """The answer with another status than 200, in words."""
        settings, host, status = self._settings, self._settings.sends_to, answer.status
        told = self._told(answer)
        if 300 <= status < 400:
            return EmbedderUnavailable(
                f"{host} sends us to {_line(answer.location) or 'another place'}; redirects are not followed",
                next_step="set embedder.url to that place, if you trust it with your texts",
            )
        if status in {401, 403}:
            does = "does not accept the key" if settings.api_key_env else "wants a key"
            step = (
                f"check {settings.api_key_env}" if settings.api_key_env else "name its variable: embedder.api_key_env"
            )
            return EmbedderUnavailable(f"{host} {does} (status {status}){told}", next_step=step)
        if status == 404:
            step = f"ollama pull {settings.model}" if settings.kind == "ollama" else "check embedder.model"
            return EmbedderUnavailable(
                f"{host} does not know the model {settings.model}, or {urlsplit(self._url).path}{told}",
                next_step=f"{step}; check embedder.url",
            )
        if status in _OF_THE_TEXT:
            return TextNotEmbedded(
                f"{self._called} did not embed it (status {status}){told}", next_step="see the server's log"
            )
        step = "wait a while" if status == 429 else "see the server's log"
        return EmbedderUnavailable(f"{self._called} failed with status {status}{told}", next_step=step)

    def _told(self, answer: Answer) -> str:
        """What the server says of it: `{"error": "…"}`, or `{"error": {"message": "…"}}`."""
        try:
            error = _member(answer.json(), "error")
        except ValueError:
            return ""
        message = _member(error, "message") or error
        if not isinstance(message, str):
            return ""
        key = os.environ.get(self._settings.api_key_env, "") if self._settings.api_key_env else ""
        return f": {_line(message.replace(key, '***') if key else message)}"


def configuration_sha256(settings: EmbedderSettings) -> str:
    """Names a configuration, apart from the length of its vectors."""
    parts = (settings.kind, _address(settings), settings.model, settings.characters_per_text)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _address(settings: EmbedderSettings) -> str:
    """Where to post: below Ollama's address, or below the base that OpenAI's clients are given (`/v1` if none)."""
    url = urlsplit(settings.url)
    path = url.path.rstrip("/")
    tail = "/api/embed" if settings.kind == "ollama" else "/embeddings"
    if settings.kind == "openai" and not path:
        path = "/v1"
    return f"{url.scheme}://{url.netloc}{path}{tail}"


def _ollama_rows(said: object) -> Sequence[object] | None:
    rows = _member(said, "embeddings")
    return cast("list[object]", rows) if isinstance(rows, list) else None


def _openai_rows(said: object) -> Sequence[object] | None:
    """The vectors in the order of their `index`, which need not be the order of the list."""
    data = _member(said, "data")
    if not isinstance(data, list):
        return None
    placed: dict[int, object] = {}
    for item in cast("list[object]", data):
        index = _member(item, "index")
        if isinstance(index, int):
            placed[index] = _member(item, "embedding")
    count = len(cast("list[object]", data))
    return [placed[index] for index in range(count)] if placed.keys() == set(range(count)) else None


def _member(value: object, name: str) -> object:
    return cast("Mapping[str, object]", value).get(name) if isinstance(value, dict) else None


def _numbers(row: object) -> Sequence[object]:
    """`row`, if it is a list of numbers; otherwise nothing."""
    if not isinstance(row, list):
        return ()
    items = cast("list[object]", row)
    return items if all(type(item) in (int, float) for item in items) else ()


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
