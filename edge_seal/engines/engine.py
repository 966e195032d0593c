"""What the runtime asks of an engine and of an embedder, and the values that go in and out.

Imports nothing heavy: the command line may import this module for its types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from edge_seal.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_seal.records import Timing

FloatArray: TypeAlias = "NDArray[np.float32]"


class NoNumbers(EngineError):
    """The model computes what are no numbers: its file is damaged, or the adapter's weights are too large for it."""


class EmbedderUnavailable(EngineError):
    """The embedder that is set cannot be used now. Words are searched in its place, never another embedder."""


class TextNotEmbedded(EmbedderUnavailable):
    """The embedder works and refuses these texts; others, or each by itself, may do."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. `content` is text, whatever it looks like: never control tokens."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is drawn. Temperature 0 is greedy and ignores `top_p` and `seed`.

    An answer ends before the first of `stop` that it would contain; the stop string is not part of it. The tokens
    `forbidden` are never drawn.
    """

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 0.95
    seed: int = 1
    stop: tuple[str, ...] = ()
    forbidden: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """The next part of a streamed answer: whole code points only. `tokens` is how many it took."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer; `ended`: it came to its end by itself, before its tokens were used."""

    text: str
    ended: bool


class Engine(Protocol):
    """A language model that answers, scores and takes adapters. One thread uses it at a time.

    Every method raises `EngineError` in words for what the model cannot take (a prompt longer than the context,
    a token outside the vocabulary, an adapter of another model); the engine stays usable after it.
    """

    @property
    def model_sha256(self) -> str:
        """The hash of the model file."""
        ...

    @property
    def context_tokens(self) -> int:
        """How many tokens prompt and answer may have together."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many tokens there are; ids are 0 to `vocabulary - 1`."""
        ...

    @property
    def end_tokens(self) -> frozenset[int]:
        """The tokens that end an answer."""
        ...

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> tuple[int, ...]:
        """The conversation in the model's own chat template, as tokens; contents never become control tokens."""
        ...

    def tokenize(self, text: str) -> tuple[int, ...]:
        """`text` as plain tokens: nothing in it is parsed as special, and no beginning token is added."""
        ...

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of `tokens`, control tokens included; bytes that are no UTF-8 become U+FFFD."""
        ...

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, reuse_prefix: bool = False) -> Iterator[Piece]:
        """The answer to `prompt`, as it is drawn. Closing the iterator cancels and leaves the engine usable.

        `reuse_prefix` false clears the KV cache first, so that the same prompt and sampling give the same bytes;
        true computes only what differs from the last prompt, which may move logits in their last bits.
        """
        ...

    def answers(
        self,
        prompts: Sequence[Sequence[int]],
        samplings: Sequence[Sampling],
        on_answer: Callable[[int], None] = lambda _done: None,
    ) -> list[Answered]:
        """The answer to each of `prompts`, side by side where the engine can: for many that nobody waits to read.

        Their logits may differ in their last bits from those of `generate`. `on_answer` is called with how many are
        done. The KV cache may be another one afterwards.
        """
        ...

    def last_timing(self) -> Timing | None:
        """The timing of the last generation, finished or closed; None before the first."""
        ...

    def log_probabilities(self, prompt: Sequence[int], continuation: Sequence[int]) -> FloatArray:
        """For each token of `continuation` its log probability in nats after all before it; `(len(continuation),)`."""
        ...

    def logits(self, tokens: Sequence[int], positions: Sequence[int]) -> FloatArray:
        """The logits after `tokens[position]` for each of `positions`; `(len(positions), vocabulary)` float32."""
        ...

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """Serves the base with the adapter at `path`, or the base alone; clears the KV cache.

        Raises:
            EngineError: it does not fit this model, or it did not take: the logits are not changed by the adapter,
                or are not bit for bit the base's without one. The engine then serves the base.
        """
        ...

    def close(self) -> None:
        """Frees the model; may be called twice."""
        ...


class Embedder(Protocol):
    """Text to unit vectors."""

    @property
    def model_sha256(self) -> str:
        """A hash of all that decides the vectors (model, tokenizer, pooling); others are not comparable."""
        ...

    @property
    def dimension(self) -> int:
        """The length of a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """One unit vector a text: `(len(texts), dimension)` float32.

        Raises:
            EmbedderUnavailable: it lies elsewhere and cannot be used now.
            EngineError: it does not work.
        """
        ...
