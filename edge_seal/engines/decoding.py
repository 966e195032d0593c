"""What engines that compute a token after the other have in common: everything but the computing.

An engine of ours differs from another in how logits come about. How an answer is drawn from them, what a kept prefix
is, when an answer was overtaken, what is refused and in which words stands here once, so that it is the same in all of
them. Invariants: `_cached` never names a token that the KV cache does not hold; after an error the cache is cleared.
"""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np

from edge_models.errors import DamagedFile, ModelError
from edge_models.gguf_file import GgufFile
from edge_seal.engines.engine import Answered, FloatArray, Message, NoNumbers, Piece, Sampling
from edge_seal.engines.gguf_vocabulary import GgufVocabulary
from edge_seal.engines.sampling import Drawer, TextStream
from edge_seal.errors import EngineError, IntegrityError
from edge_seal.records import Timing

CHUNK_TOKENS = 256
"""Tokens computed at once: enough to feed the matrix products, few enough that Ctrl-C is heard within seconds."""

CHUNK_OUTPUTS = 32
"""Rows of logits computed at once; each takes a float a token of the vocabulary."""

TAKE_BACK = "edge-seal rollback base"


class DecodingEngine(ABC):
    """The `engine.Engine` protocol on top of `_compute` and a KV cache of one sequence, but for adapters."""

    def __init__(self, path: Path, text: GgufVocabulary, context_tokens: int, sha256: str | None) -> None:
        """`sha256` is the file's hash where it is known; else it is computed when asked for."""
        self.path = path
        self._text = text
        self._context_tokens = context_tokens
        self._chunk = min(CHUNK_TOKENS, context_tokens)
        self._outputs = min(CHUNK_OUTPUTS, self._chunk)
        self._sha256 = sha256
        self._timing: Timing | None = None
        self._cached: list[int] = []
        self._turn = 0

    @abstractmethod
    def _compute(self, tokens: list[int], wanted: list[int]) -> Sequence[FloatArray]:
        """Adds `tokens` (at most `_chunk`) to the KV cache.

        Returns the logits (vocabulary,) after each of the places `wanted` in `tokens` (at most `_outputs`); they are
        valid until the next call. `_cached` is not this method's to change.

        Raises:
            EngineError: it cannot be computed.
        """

    @abstractmethod
    def _drop_beyond(self, kept: int) -> bool:
        """Takes all but the first `kept` tokens out of the KV cache; false where it cannot drop a part."""

    @abstractmethod
    def _empty(self, *, zeroed: bool) -> None:
        """Empties the KV cache; `zeroed`: it may hold what is no number, which must not stay."""

    @abstractmethod
    def close(self) -> None:
        """Frees the model; may be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # What it is -------------------------------------------------------------------------------------------

    @property
    def model_sha256(self) -> str:
        if self._sha256 is None:
            try:
                with self.path.open("rb") as file:
                    self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise EngineError(f"cannot read {self.path}: {error.strerror}") from error
        return self._sha256

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def vocabulary(self) -> int:
        return self._text.size

    @property
    def end_tokens(self) -> frozenset[int]:
        return self._text.end_tokens

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> tuple[int, ...]:
        return self._text.render(messages, add_generation_prompt=add_generation_prompt)

    def tokenize(self, text: str) -> tuple[int, ...]:
        return tuple(self._text.tokenize(text))

    def detokenize(self, tokens: Sequence[int]) -> str:
        return self._text.detokenize(tokens)

    # Computing --------------------------------------------------------------------------------------------

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, reuse_prefix: bool = False) -> Iterator[Piece]:
        return self._answer(self._prompt(prompt), sampling, Drawer(sampling), reuse_prefix=reuse_prefix)

    def answers(
        self,
        prompts: Sequence[Sequence[int]],
        samplings: Sequence[Sampling],
        on_answer: Callable[[int], None] = lambda _done: None,
    ) -> list[Answered]:
        done: list[Answered] = []
        for prompt, sampling in zip(prompts, samplings, strict=True):
            text = "".join(piece.text for piece in self.generate(prompt, sampling, reuse_prefix=True))
            used = 0 if self._timing is None else self._timing.answer_tokens
            done.append(Answered(text, used < sampling.max_tokens))
            on_answer(len(done))
        return done

    def _prompt(self, prompt: Sequence[int]) -> list[int]:
        tokens = self._text.checked(prompt)
        if not tokens:
            raise EngineError("the prompt is empty")
        if len(tokens) >= self._context_tokens:
            raise EngineError(
                f"the prompt has {len(tokens)} tokens; the context holds {self._context_tokens}, the answer included",
                next_step="shorten the prompt, or raise model.context_tokens in the settings",
            )
        return tokens

    def _answer(self, prompt: list[int], sampling: Sampling, drawer: Drawer, *, reuse_prefix: bool) -> Iterator[Piece]:
        started = time.perf_counter()
        turn = self._begin()
        kept = self._keep_prefix(prompt) if reuse_prefix else self._clear()
        stream = TextStream(sampling.stop)
        drawn = told = 0
        first_token_s = 0.0
        try:
            logits = self._last_logits(prompt[kept:])
            while True:
                token = drawer.draw(logits)
                first_token_s = first_token_s or time.perf_counter() - started
                if self._text.ends(token):
                    break
                drawn += 1
                text = stream.feed(self._text.piece(token))
                if text:
                    yield Piece(text, drawn - told)
                    told = drawn
                    self._require_turn(turn)
                if stream.stopped or drawn >= sampling.max_tokens or len(self._cached) >= self._context_tokens:
                    break
                logits = self._last_logits([token])
            rest = stream.finish()
            if rest:
                yield Piece(rest, drawn - told)
        except EngineError:
            if turn == self._turn:
                self._clear(zeroed=True)
            raise
        finally:
            if turn == self._turn:
                self._timing = Timing(len(prompt), kept, drawn, first_token_s, time.perf_counter() - started)

    def last_timing(self) -> Timing | None:
        return self._timing

    def log_probabilities(self, prompt: Sequence[int], continuation: Sequence[int]) -> FloatArray:
        before, after = self._text.checked(prompt), self._text.checked(continuation)
        if not before:
            raise EngineError("the prompt is empty: nothing says how likely a first token is")
        result = np.empty(len(after), np.float32)
        if not after:
            return result
        tokens = [*before, *after[:-1]]
        for index, row in self._rows(tokens, range(len(before) - 1, len(tokens))):
            # float64: the sum runs over the whole vocabulary.
            logits = row.astype(np.float64)
            highest = logits.max()
            normalizer = highest + np.log(np.exp(logits - highest).sum())
            result[index] = logits[after[index]] - normalizer
        if not np.isfinite(result).all():
            self._clear(zeroed=True)
            raise NoNumbers("the model computed probabilities that are no numbers", next_step=TAKE_BACK)
        return result

    def logits(self, tokens: Sequence[int], positions: Sequence[int]) -> FloatArray:
        checked = self._text.checked(tokens)
        wrong = [position for position in positions if not 0 <= position < len(checked)]
        if wrong:
            raise EngineError(f"logits are asked after token {wrong[0]} of {len(checked)}")
        result = np.empty((len(positions), self.vocabulary), np.float32)
        if not positions:
            return result
        wanted = sorted(set(positions))
        places: dict[int, list[int]] = {position: [] for position in wanted}
        for place, position in enumerate(positions):
            places[position].append(place)
        for index, row in self._rows(checked[: wanted[-1] + 1], wanted):
            result[places[wanted[index]]] = row
        return result

    def _rows(self, tokens: list[int], wanted: Sequence[int]) -> Iterator[tuple[int, FloatArray]]:
        """From a cleared cache: each of the ascending positions `wanted`, by its index, with a view of its logits."""
        if len(tokens) > self._context_tokens:
            raise EngineError(f"{len(tokens)} tokens do not fit; the context holds {self._context_tokens}")
        self._begin()
        self._clear()
        done, start = 0, 0
        while start < len(tokens):
            end = min(start + self._chunk, len(tokens))
            asked = [position for position in wanted[done : done + self._outputs + 1] if position < end]
            if len(asked) > self._outputs:
                end = asked[self._outputs]
                asked = asked[: self._outputs]
            rows = self._decode(tokens[start:end], [position - start for position in asked])
            for offset, row in enumerate(rows):
                yield done + offset, row
            done, start = done + len(asked), end

    def _last_logits(self, tokens: list[int]) -> FloatArray:
        """Adds `tokens` to the cache; a view of the logits after the last, valid until the next call."""
        for start in range(0, len(tokens) - self._chunk, self._chunk):
            self._decode(tokens[start : start + self._chunk], [])
        rest = tokens[(len(tokens) - 1) // self._chunk * self._chunk :]
        return self._decode(rest, [len(rest) - 1])[0]

    def _decode(self, tokens: list[int], wanted: list[int]) -> Sequence[FloatArray]:
        try:
            rows = self._compute(tokens, wanted)
        except BaseException:
            self._clear(zeroed=True)
            raise
        self._cached.extend(tokens)
        return rows

    # The KV cache -----------------------------------------------------------------------------------------

    def _begin(self) -> int:
        """Takes the engine over: an answer that is still being drawn may not go on."""
        self._require_open()
        self._turn += 1
        return self._turn

    def _require_open(self) -> None:
        _ = self._text.native  # closed is an error before anything changes

    def _require_turn(self, turn: int) -> None:
        if turn != self._turn:
            raise EngineError("the engine was used for something else while this answer was drawn")

    def _clear(self, *, zeroed: bool = False) -> int:
        """Forgets every token. Zeroing costs milliseconds and is for values that may be no numbers: 0 x NaN is NaN."""
        self._cached = []
        self._empty(zeroed=zeroed)
        return 0

    def _keep_prefix(self, prompt: list[int]) -> int:
        """Drops what the cache holds beyond its common beginning with `prompt`; how many tokens stay.

        The last token of the prompt is always computed anew, for its logits.
        """
        shared = 0
        for cached, token in zip(self._cached, prompt[:-1], strict=False):
            if cached != token:
                break
            shared += 1
        # Some architectures (recurrent, sliding window) cannot drop a part.
        if not shared or not self._drop_beyond(shared):
            return self._clear()
        del self._cached[shared:]
        return shared

    # Adapters ---------------------------------------------------------------------------------------------

    @abstractmethod
    def _unset_adapter(self) -> None:
        """Serves the base again, with an empty KV cache."""

    @abstractmethod
    def _set_adapter(self, path: Path, scale: float) -> None:
        """Serves the base with the adapter at `path`, with an empty KV cache.

        Raises:
            EngineError, IntegrityError: it cannot be used.
        """

    def _remember_base(self) -> None:
        """Called once, when the base can compute: what it says is what it has to say again."""
        self._base_logits = self._check_logits()

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """See `engine.Engine`. An adapter file whose bytes contradict each other is an `IntegrityError`."""
        self._begin()
        if path is None:
            self._serve_base()
            return
        try:
            if not (np.isfinite(scale) and scale != 0.0):
                raise EngineError(f"the scale of an adapter is {scale}; it is a number other than 0")
            self._set_adapter(path, scale)
            self._require_adapted(path)
        except BaseException:
            self._serve_base()
            raise

    def _serve_base(self) -> None:
        self._unset_adapter()
        if not np.array_equal(self._check_logits(), self._base_logits):
            self.close()
            raise EngineError("without an adapter the model does not compute what it did; the engine was closed")

    def _require_adapted(self, path: Path) -> None:
        logits = self._check_logits()
        if not np.isfinite(logits).all():
            raise NoNumbers(f"the adapter {path} makes the model compute what are no numbers")
        if np.array_equal(logits, self._base_logits):
            raise EngineError(f"the adapter {path} changes nothing")

    def _check_logits(self) -> FloatArray:
        """The logits after a fixed prompt: several tokens, so that Q and K matter, and few, for a quick swap."""
        count = min(4, self._context_tokens)
        logits = self.logits([(self.vocabulary * (i + 1)) // (count + 2) for i in range(count)], [count - 1])
        self._clear()
        return logits


@contextmanager
def open_adapter(path: Path, architecture: str) -> Generator[GgufFile]:
    """The file at `path`, checked to be a LoRA adapter for models of `architecture`; what it is used for included.

    Raises:
        IntegrityError: its bytes contradict each other.
        EngineError: it cannot be read, or is something else.
    """
    try:
        with GgufFile.open(path) as file:
            _require_lora(file, architecture)
            yield file
    except DamagedFile as error:
        raise IntegrityError(error.message, next_step=error.next_step) from error
    except ModelError as error:
        raise EngineError(error.message, next_step=error.next_step) from error


def _require_lora(file: GgufFile, architecture: str) -> None:
    """Refuses what llama.cpp takes for granted in an adapter, and ends the process on: the types inside it."""
    expected = {"general.type": "adapter", "adapter.type": "lora", "general.architecture": architecture}
    for key, wanted in expected.items():
        found = file.text(key)
        if found != wanted:
            raise EngineError(
                f"the adapter {file.path} does not fit this model: its {key} is {found!r}, not {wanted!r}"
            )
    if not file.tensors:
        raise EngineError(f"the adapter {file.path} holds no tensors")
    for name, tensor in file.tensors.items():
        is_matrix = len(tensor.shape) == 2 and tensor.type_name in {"F32", "F16"}
        if not (is_matrix and name.endswith((".lora_a", ".lora_b"))):
            raise EngineError(f"the adapter {file.path} holds {name}, which is no F32 or F16 LoRA matrix")
