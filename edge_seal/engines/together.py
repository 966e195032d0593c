"""Several answers at once from llama.cpp: sequences side by side, in a context of their own.

A token of one answer and a token of eight read the same weights once, so that eight answers take about half of the
time. What all prompts begin with is computed once. Rows of a batch may be added up in another order than a row alone:
where two tokens are nearly as likely, an answer may go another way than `Engine.generate`'s.
"""

# See llama_cpp_engine: the bindings are typed in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from llama_cpp import llama_cpp as native

from edge_seal.engines.engine import Answered, FloatArray, Sampling
from edge_seal.engines.sampling import Drawer, TextStream
from edge_seal.errors import EngineError

if TYPE_CHECKING:
    from edge_seal.engines.gguf_vocabulary import GgufVocabulary, NativeLog

TOGETHER: Final = 8
BATCH_TOKENS: Final = 256


def may_answer_together(model: int) -> bool:
    """Whether sequences of the native `model` may share what they begin with: not those whose state is one whole."""
    return not (native.llama_model_is_recurrent(model) or native.llama_model_is_hybrid(model))


@dataclass(slots=True)
class _Answer:
    """One that is being drawn: `pending` tokens stand at `position` and after, and were not computed yet."""

    place: int
    sequence: int
    pending: list[int]
    position: int
    sampling: Sampling
    drawer: Drawer
    stream: TextStream
    drawn: int = 0
    text: str = ""
    ended: bool = False

    def takes(self, logits: FloatArray, vocabulary: GgufVocabulary, context_tokens: int) -> bool:
        """Draws the next token; whether the answer goes on."""
        token = self.drawer.draw(logits)
        self.ended = vocabulary.ends(token)
        if not self.ended:
            self.drawn += 1
            self.text += self.stream.feed(vocabulary.piece(token))
            self.ended = self.stream.stopped
        self.pending = [token]
        return not self.ended and self.drawn < self.sampling.max_tokens and self.position < context_tokens


class Together:
    """Answers side by side in one native context.

    Args:
        context: the native context, for the caller to free.
        sequences: how many answers it holds side by side.
        vocabulary: the model's.
        context_tokens: how many tokens a prompt and its answer may have.
        log: what llama.cpp says.
    """

    def __init__(
        self, context: int, sequences: int, vocabulary: GgufVocabulary, context_tokens: int, log: NativeLog
    ) -> None:
        self._context = context
        self._sequences = sequences
        self._memory = native.llama_get_memory(context)
        self._vocabulary = vocabulary
        self._context_tokens = context_tokens
        self._log = log

    def answers(
        self, prompts: Sequence[list[int]], samplings: Sequence[Sampling], on_answer: Callable[[int], None]
    ) -> list[Answered]:
        """The answers, in the order of the prompts; see `Engine.answers`."""
        shared = common_beginning(prompts)
        self._share(prompts[0][:shared])
        waiting = [
            (place, prompt[shared:], sampling)
            for place, (prompt, sampling) in reversed(list(enumerate(zip(prompts, samplings, strict=True))))
        ]
        free, drawing, done = list(range(self._sequences)), list[_Answer](), dict[int, Answered]()
        while waiting or drawing:
            while waiting and free:
                place, tokens, sampling = waiting.pop()
                begun = Drawer(sampling), TextStream(sampling.stop)
                drawing.append(_Answer(place, free.pop(), tokens, shared, sampling, *begun))
            for answer, logits in self._computed(drawing):
                if not answer.takes(logits, self._vocabulary, self._context_tokens):
                    done[answer.place] = Answered(answer.text + answer.stream.finish(), answer.ended)
                    native.llama_memory_seq_rm(self._memory, answer.sequence, shared, -1)
                    free.append(answer.sequence)
                    on_answer(len(done))
            drawing = [answer for answer in drawing if answer.place not in done]
        return [done[place] for place in range(len(prompts))]

    def _share(self, tokens: Sequence[int]) -> None:
        """Computes what all sequences begin with, once."""
        for start in range(0, len(tokens), BATCH_TOKENS):
            part = tokens[start : start + BATCH_TOKENS]
            self._decode([(token, start + at, 0, False) for at, token in enumerate(part)])
        for sequence in range(1, self._sequences):
            native.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)

    def _computed(self, drawing: Sequence[_Answer]) -> Iterator[tuple[_Answer, FloatArray]]:
        """Of each answer what is pending, as far as one batch holds it; those that are through, with their logits."""
        batch, through = list[tuple[int, int, int, bool]](), dict[int, _Answer]()
        for answer in drawing:
            room = BATCH_TOKENS - len(batch)
            taken, answer.pending = answer.pending[:room], answer.pending[room:]
            last = answer.position + len(taken) - 1
            for position, token in enumerate(taken, answer.position):
                batch.append((token, position, answer.sequence, position == last and not answer.pending))
            answer.position += len(taken)
            if taken and not answer.pending:
                through[len(batch) - 1] = answer
        for place, logits in self._decode(batch).items():
            yield through[place], logits

    def _decode(self, tokens: Sequence[tuple[int, int, int, bool]]) -> Mapping[int, FloatArray]:
        """The logits after those tokens (id, position, sequence, wanted) that are wanted, by their place."""
        with _batch() as batch:
            for place, (token, position, sequence, wanted) in enumerate(tokens):
                batch.token[place], batch.pos[place], batch.logits[place] = token, position, wanted
                batch.n_seq_id[place], batch.seq_id[place][0] = 1, sequence
            batch.n_tokens = len(tokens)
            self._log.clear()
            failure = int(native.llama_decode(self._context, batch))
        if failure:
            raise EngineError(f"llama.cpp could not compute {len(tokens)} tokens: error {failure}{self._log.words()}")
        size = self._vocabulary.size
        return {
            place: logits_of(self._context, place, size, self._log)
            for place, (*_, wanted) in enumerate(tokens)
            if wanted
        }


def logits_of(context: int, place: int, vocabulary: int, log: NativeLog) -> FloatArray:
    """The logits (vocabulary,) after a wanted place of the last batch of `context`; valid until its next.

    Raises:
        EngineError: there are none.
    """
    pointer = native.llama_get_logits_ith(context, place)
    if not pointer:
        raise EngineError(f"llama.cpp gave no logits for place {place}{log.words()}")
    return np.ctypeslib.as_array(pointer, (vocabulary,))


def common_beginning(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all `prompts` begin with; each keeps one of its own, for its logits."""
    most = min(map(len, prompts)) - 1
    differ = (place for place in range(most) if len({prompt[place] for prompt in prompts}) > 1)
    return next(differ, most)


def side_by_side(
    prompts: Sequence[Sequence[int]], samplings: Sequence[Sampling], context_tokens: int
) -> tuple[int, int]:
    """How many answers are made at once, and how many tokens their KV cache holds: about `context_tokens` at most."""
    shared = common_beginning(prompts)
    longest = max(len(prompt) - shared + one.max_tokens for prompt, one in zip(prompts, samplings, strict=True))
    sequences = min(TOGETHER, len(prompts), max(1, context_tokens // longest))
    return sequences, shared + sequences * longest


@contextmanager
def _batch() -> Generator[native.llama_batch]:
    batch = native.llama_batch_init(BATCH_TOKENS, 0, 1)
    try:
        yield batch
    finally:
        native.llama_batch_free(batch)
