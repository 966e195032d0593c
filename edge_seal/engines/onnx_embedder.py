"""A sentence embedder on ONNX Runtime: mean of the last hidden states over the mask, then L2.

Invariants: a vector depends on its text alone, not on what is embedded beside it; it is finite and of unit length, or
there is an error; nothing in a text becomes a control token.

This is the only module that knows `onnxruntime` and `tokenizers`. The recipe is that of Sentence-BERT (Reimers and
Gurevych 2019, arXiv:1908.10084, section 3) as all-MiniLM-L6-v2 was trained with it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs] - it has none; see `_onnx`
from numpy.typing import NDArray
from tokenizers import Tokenizer

from edge_seal.engines.engine import FloatArray
from edge_seal.errors import EngineError

MAXIMUM_TOKENS: Final = 256
# Tokenizing takes ~5 s for a million words, and only the first 256 tokens count.
MAXIMUM_CHARACTERS: Final = 16_384
# Bounds the memory of one run: 8 texts of 256 tokens need ~150 MB for their attention maps and hidden states.
BATCH_TEXTS: Final = 8
# Short texts gain little from more, and the language model wants the other cores.
MAXIMUM_THREADS: Final = 4

_REQUIRED_INPUTS: Final = frozenset({"input_ids", "attention_mask"})
_KNOWN_INPUTS: Final = _REQUIRED_INPUTS | {"token_type_ids"}
_OUTPUT: Final = "last_hidden_state"
_RECIPE: Final = f"mean-l2-{MAXIMUM_TOKENS}"
_NEXT_STEP: Final = "edge-seal models verify, or models use with another embedder"

Tokens = NDArray[np.int64]


# Both libraries are untyped or half typed; what comes out of them is cast to the Protocols below.
_onnx = cast("Any", onnxruntime)


class _Node(Protocol):
    name: str
    type: str


class _Session(Protocol):
    """The part of `onnxruntime.InferenceSession` that is used here; the library has no types of its own."""

    def get_inputs(self) -> list[_Node]: ...
    def get_outputs(self) -> list[_Node]: ...
    def run(self, output_names: list[str], input_feed: Mapping[str, Tokens]) -> list[FloatArray]: ...


class OnnxEmbedder:
    """Text to unit vectors; may be shared between threads."""

    def __init__(self, session: _Session, tokenizer: Tokenizer, model_sha256: str, name: str) -> None:
        self._session: _Session | None = session
        self._tokenizer = tokenizer
        self._model_sha256 = model_sha256
        self._name = name
        self._inputs = _checked_inputs(session, name)
        self._dimension = int(self._hidden_states([""])[0].shape[2])
        self.embed(["A sentence that shows whether this file embeds at all."])

    @classmethod
    def open(cls, model: Path, tokenizer: Path, *, threads: int = 0) -> OnnxEmbedder:
        """Loads `model` (ONNX) with its `tokenizer` (`tokenizer.json`). `threads` 0: up to four of the cores to use.

        Raises:
            EngineError: a file cannot be read or is not what it should be, or the model's inputs, outputs or first
                vector do not fit; the message names the file.
        """
        model_bytes, tokenizer_bytes = _read(model), _read(tokenizer)
        digest = hashlib.sha256(_RECIPE.encode())
        for part in (model_bytes, tokenizer_bytes):
            digest.update(hashlib.sha256(part).digest())
        session = _open_session(model_bytes, model, threads)
        return cls(session, _open_tokenizer(tokenizer_bytes, tokenizer), digest.hexdigest(), model.name)

    @property
    def model_sha256(self) -> str:
        """Names the vectors: a hash over the model file, its tokenizer and the pooling, which all decide them."""
        return self._model_sha256

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        return self._dimension

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """One unit vector a text: `(len(texts), dimension)` float32. Only the first 256 tokens of a text count.

        Raises:
            EngineError: the model fails, gives NaN or infinity or a vector without direction, or was closed.
        """
        vectors = np.empty((len(texts), self._dimension), dtype=np.float32)
        # Texts of like length share a run, so that little of it is padding.
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(by_length), BATCH_TEXTS):
            chosen = by_length[start : start + BATCH_TEXTS]
            hidden, mask = self._hidden_states([texts[index] for index in chosen])
            vectors[chosen] = self._pooled(hidden, mask)
        return vectors

    def close(self) -> None:
        """Frees the model; may be called twice."""
        self._session = None

    def _hidden_states(self, texts: Sequence[str]) -> tuple[FloatArray, Tokens]:
        """The last hidden states `(B, T, D)` and the mask `(B, T)` of at most `BATCH_TEXTS` texts."""
        if self._session is None:
            raise EngineError(f"the embedder {self._name} was closed")
        ids, mask = self._tokens(texts)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        try:
            (hidden,) = self._session.run([_OUTPUT], {name: feeds[name] for name in self._inputs})
        except Exception as error:  # the library's error classes have no common base but this
            raise EngineError(f"the embedder {self._name} failed: {_words(error)}", next_step=_NEXT_STEP) from error
        if hidden.ndim != 3 or hidden.shape[:2] != ids.shape or hidden.shape[2] == 0:
            raise EngineError(
                f"the embedder {self._name} gives {_OUTPUT} of shape {hidden.shape} for tokens of shape {ids.shape}",
                next_step=_NEXT_STEP,
            )
        return hidden, mask

    def _tokens(self, texts: Sequence[str]) -> tuple[Tokens, Tokens]:
        """Token ids and mask, both `(B, T)`, padded on the right with zeros."""
        # A lone surrogate, which a shell can pass in, has no UTF-8 form.
        readable = [text[:MAXIMUM_CHARACTERS].encode("utf-8", "replace").decode("utf-8") for text in texts]
        encodings = self._tokenizer.encode_batch(readable)
        length = max(len(encoding.ids) for encoding in encodings)
        ids = np.zeros((len(texts), length), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
            mask[row, : len(encoding.ids)] = 1
        return ids, mask

    def _pooled(self, hidden: FloatArray, mask: Tokens) -> FloatArray:
        """`(B, T, D)` and `(B, T)` to unit rows `(B, D)`."""
        # Not `hidden * mask`: NaN and infinity times zero would spread from the padding.
        kept = np.where(mask[..., None] == 1, hidden, 0.0)
        mean = kept.sum(axis=1, dtype=np.float64) / mask.sum(axis=1, keepdims=True)
        norm = np.linalg.norm(mean, axis=1, keepdims=True)
        if not np.isfinite(norm).all() or (norm < np.finfo(np.float32).tiny).any():
            raise EngineError(
                f"the embedder {self._name} gives vectors that are not finite or have no direction",
                next_step=_NEXT_STEP,
            )
        return (mean / norm).astype(np.float32)


def usable_cores() -> int:
    """How many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EngineError(
            f"cannot read {path}: {error.strerror or error}", next_step="edge-seal models pull"
        ) from error


def _open_session(model: bytes, path: Path, threads: int) -> _Session:
    options = _onnx.SessionOptions()
    options.intra_op_num_threads = threads or min(MAXIMUM_THREADS, usable_cores())
    options.inter_op_num_threads = 1
    # The arena would keep the memory of the largest run for ever: +120 MB after one batch.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Waiting threads that spin would take the cores from the language model, which runs right after.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Failures arrive as exceptions; the library would print them too.
    options.log_severity_level = 4
    try:
        session = _onnx.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library's error classes have no common base but this
        raise EngineError(f"{path} is not an ONNX model: {_words(error)}", next_step=_NEXT_STEP) from error
    return cast("_Session", session)


def _open_tokenizer(content: bytes, path: Path) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except ValueError as error:
        raise EngineError(f"{path} is not a tokenizer: {_words(error)}", next_step=_NEXT_STEP) from error
    # The file asks for 128 tokens always, padded; the model was made for up to 256.
    tokenizer.no_padding()
    cast("Any", tokenizer).enable_truncation(MAXIMUM_TOKENS)
    # "[SEP]" in a text is four letters and two brackets, not the end of a sentence.
    tokenizer.encode_special_tokens = True
    return tokenizer


def _checked_inputs(session: _Session, name: str) -> tuple[str, ...]:
    """The names of the model's inputs, all known to us, all int64, and the output there."""
    inputs = {node.name: node.type for node in session.get_inputs()}
    outputs = {node.name: node.type for node in session.get_outputs()}
    if not _REQUIRED_INPUTS <= inputs.keys() <= _KNOWN_INPUTS:
        raise EngineError(
            f"the embedder {name} wants the inputs {', '.join(inputs) or 'none'}; "
            f"an embedder has input_ids, attention_mask and perhaps token_type_ids",
            next_step=_NEXT_STEP,
        )
    for node, kind in inputs.items():
        if kind != "tensor(int64)":
            raise EngineError(f"the embedder {name} wants {node} as {kind}, not int64", next_step=_NEXT_STEP)
    if outputs.get(_OUTPUT) != "tensor(float)":
        found = ", ".join(f"{node} {kind}" for node, kind in outputs.items()) or "none"
        raise EngineError(
            f"the embedder {name} gives {found}; an embedder gives {_OUTPUT} tensor(float)", next_step=_NEXT_STEP
        )
    return tuple(inputs)


def _words(error: Exception) -> str:
    """The library's message in one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]
