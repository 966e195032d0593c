"""Our engine against raw llama.cpp on the same file, in the same run: prefill, decode, time to the first token.

Three ways to the same tokens, each with the same threads and a context of its own, taken in turn in every round so
that a busy moment hits all of them: ours; `raw`, a bare loop over llama_decode with llama.cpp's own greedy sampler and
its default cache and attention; `bindings`, llama-cpp-python's `Llama`. Medians over the rounds. Every round clears
the caches first. The goals: ours at 97% or more of the faster peer's tokens a second, and to the first token from a
chat's messages within 25 ms of the faster peer.
"""

# The bindings are typed in part only.
# pyright: reportUnknownMemberType=false, reportArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import llama_cpp
import numpy as np
from llama_cpp import llama_cpp as native

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels"), str(ROOT / "models")]

from edge_models.store import ModelStore  # noqa: E402  # run by path, from any directory
from edge_seal.config import Settings, shared_models  # noqa: E402
from edge_seal.engines.cores import physical_cores  # noqa: E402
from edge_seal.engines.engine import Message, Sampling  # noqa: E402
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine  # noqa: E402

GOAL_SHARE = 0.97
GOAL_FIRST_TOKEN_S = 0.025
CONTEXT_TOKENS = 1024
QUESTION = "I have two hours free on Saturday morning and would like to see something new in town. What do you suggest?"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the same in the model's template for a way that has no templates of its own."""

    text: str
    rendered: str


class Way(Protocol):
    """One way to the tokens. Each call begins with an empty cache."""

    name: str

    def prefill(self, tokens: Sequence[int]) -> None:
        """Computes the prompt and draws one token."""
        ...

    def decode(self, prompt: Sequence[int], count: int) -> tuple[list[int], float]:
        """Draws `count` tokens greedily after the prompt; the tokens after the first, and seconds for those."""
        ...

    def first_token_s(self, question: Question) -> float:
        """Seconds from a chat's question to the first token of the answer."""
        ...

    def close(self) -> None: ...


class Ours:
    name = "ours"

    def __init__(self, path: Path, threads: int) -> None:
        self._engine = LlamaCppEngine(path, context_tokens=CONTEXT_TOKENS, threads=threads)
        self._first_token_s(QUESTION)  # the template is compiled once a process

    @property
    def engine(self) -> LlamaCppEngine:
        return self._engine

    def prefill(self, tokens: Sequence[int]) -> None:
        for _ in self._engine.generate(tokens, Sampling(1)):
            pass

    def decode(self, prompt: Sequence[int], count: int) -> tuple[list[int], float]:
        text = "".join(piece.text for piece in self._engine.generate(prompt, Sampling(count)))
        timing = self._engine.last_timing()
        if timing is None or timing.answer_tokens < count:
            raise RuntimeError(f"the answer ended early, after {timing and timing.answer_tokens} tokens")
        return list(self._engine.tokenize(text)), timing.total_s - timing.first_token_s

    def first_token_s(self, question: Question) -> float:
        return self._first_token_s(question.text)

    def _first_token_s(self, question: str) -> float:
        began = time.perf_counter()
        next(iter(self._engine.generate(self._engine.render([Message("user", question)]), Sampling(8))))
        return time.perf_counter() - began

    def close(self) -> None:
        self._engine.close()


class Raw:
    """llama.cpp alone: what any program around it could reach at best."""

    name = "raw"

    def __init__(self, path: Path, threads: int) -> None:
        self._model = native.llama_model_load_from_file(str(path).encode(), native.llama_model_default_params())
        settings = native.llama_context_default_params()
        settings.n_ctx = CONTEXT_TOKENS
        settings.n_threads = settings.n_threads_batch = threads
        self._context = native.llama_init_from_model(self._model, settings)
        self._vocab = native.llama_model_get_vocab(self._model)
        self._sampler = native.llama_sampler_init_greedy()

    def _begin(self, tokens: Sequence[int]) -> int:
        native.llama_memory_clear(native.llama_get_memory(self._context), False)
        self._step(tokens)
        return self._draw()

    def _step(self, tokens: Sequence[int]) -> None:
        array = (native.llama_token * len(tokens))(*tokens)
        if native.llama_decode(self._context, native.llama_batch_get_one(array, len(tokens))):
            raise RuntimeError("llama_decode failed")

    def _draw(self) -> int:
        return int(native.llama_sampler_sample(self._sampler, self._context, -1))

    def prefill(self, tokens: Sequence[int]) -> None:
        self._begin(tokens)

    def decode(self, prompt: Sequence[int], count: int) -> tuple[list[int], float]:
        drawn = [self._begin(prompt)]
        began = time.perf_counter()
        for _ in range(count - 1):
            self._step(drawn[-1:])
            drawn.append(self._draw())
        return drawn, time.perf_counter() - began

    def first_token_s(self, question: Question) -> float:
        began = time.perf_counter()
        text = question.rendered.encode()
        tokens = (native.llama_token * CONTEXT_TOKENS)()
        count = native.llama_tokenize(self._vocab, text, len(text), tokens, CONTEXT_TOKENS, False, True)
        self._begin(list(tokens[:count]))
        return time.perf_counter() - began

    def close(self) -> None:
        native.llama_sampler_free(self._sampler)
        native.llama_free(self._context)
        native.llama_model_free(self._model)


class Bindings:
    """llama-cpp-python as its users use it."""

    name = "bindings"

    def __init__(self, path: Path, threads: int) -> None:
        self._llama = llama_cpp.Llama(
            str(path), n_ctx=CONTEXT_TOKENS, n_threads=threads, n_threads_batch=threads, verbose=False
        )

    def prefill(self, tokens: Sequence[int]) -> None:
        self._llama.reset()
        next(self._llama.generate(list(tokens), temp=0.0, reset=False))

    def decode(self, prompt: Sequence[int], count: int) -> tuple[list[int], float]:
        self._llama.reset()
        stream = self._llama.generate(list(prompt), temp=0.0, repeat_penalty=1.0, reset=False)
        drawn = [int(next(stream))]
        began = time.perf_counter()
        drawn.extend(int(next(stream)) for _ in range(count - 1))
        return drawn, time.perf_counter() - began

    def first_token_s(self, question: Question) -> float:
        self._llama.reset()
        native.llama_memory_clear(native.llama_get_memory(self._llama.ctx), False)
        began = time.perf_counter()
        chunks = self._llama.create_chat_completion(
            [{"role": "user", "content": question.text}], stream=True, temperature=0.0, max_tokens=8
        )
        for chunk in chunks:
            if isinstance(chunk, dict) and "content" in chunk["choices"][0]["delta"]:
                break
        return time.perf_counter() - began

    def close(self) -> None:
        self._llama.close()


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of one way."""

    name: str
    prefill_tokens_s: float
    decode_tokens_s: float
    first_token_s: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ours against the faster peer: medians over the rounds of ratios and differences within a round."""

    decode_share: float
    prefill_share: float
    first_token_later_s: float

    @property
    def passed(self) -> bool:
        return (
            min(self.decode_share, self.prefill_share) >= GOAL_SHARE and self.first_token_later_s <= GOAL_FIRST_TOKEN_S
        )


def measure(
    path: Path, *, rounds: int, prompt_tokens: int, answer_tokens: int, threads: int
) -> tuple[list[Figures], Comparison]:
    """Runs all rounds."""
    ways: list[Way] = []
    makers: tuple[Callable[[Path, int], Way], ...] = (Ours, Raw, Bindings)
    ways.extend(make(path, threads) for make in makers)
    ours = ways[0]
    assert isinstance(ours, Ours)  # noqa: S101  # the first that was made
    prompt = list(ours.engine.render([Message("user", _long_text(ours.engine, prompt_tokens))]))
    question = Question(QUESTION, ours.engine.detokenize(ours.engine.render([Message("user", QUESTION)])))
    prefill: dict[str, list[float]] = {way.name: [] for way in ways}
    decode: dict[str, list[float]] = {way.name: [] for way in ways}
    first: dict[str, list[float]] = {way.name: [] for way in ways}
    for number in range(rounds + 1):  # the first warms up, and is not counted
        turn = number % len(ways)
        for way in (*ways[turn:], *ways[:turn]):
            began = time.perf_counter()
            way.prefill(prompt)
            prefill_s = time.perf_counter() - began
            _, decode_s = way.decode(prompt[-24:], answer_tokens)
            first_s = way.first_token_s(question)
            if number:
                prefill[way.name].append(len(prompt) / prefill_s)
                decode[way.name].append((answer_tokens - 1) / decode_s)
                first[way.name].append(first_s)
        if sys.stderr.isatty():
            print(f"\rround {number} of {rounds}", end="", file=sys.stderr, flush=True)
    for way in ways:
        way.close()
    median = statistics.median
    figures = [
        Figures(way.name, median(prefill[way.name]), median(decode[way.name]), median(first[way.name])) for way in ways
    ]
    peers = [way.name for way in ways[1:]]

    def least(found: dict[str, list[float]]) -> float:
        shares = ([a / b for a, b in zip(found["ours"], found[peer], strict=True)] for peer in peers)
        return min(median(share) for share in shares)

    later = max(median(a - b for a, b in zip(first["ours"], first[peer], strict=True)) for peer in peers)
    return figures, Comparison(least(decode), least(prefill), later)


def _long_text(engine: LlamaCppEngine, tokens: int) -> str:
    words = "The quick brown fox walks over the old bridge and tells the miller a long story about the sea. " * 200
    return engine.detokenize(engine.tokenize(words)[:tokens])


def default_model() -> Path:
    """The GGUF file of the model that answers by default."""
    files = ModelStore(shared_models()).locate(Settings().model.name)
    return next(path for name, path in files.items() if name.endswith(".gguf"))


def main() -> int:
    """Prints the table, and writes JSON where it is asked to; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, help="a GGUF file; the default model, if none is named")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--prompt-tokens", type=int, default=256)
    parser.add_argument("--answer-tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=0, help="0: one a physical core")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    path, threads = arguments.model or default_model(), arguments.threads or physical_cores()
    figures, comparison = measure(
        path,
        rounds=arguments.rounds,
        prompt_tokens=arguments.prompt_tokens,
        answer_tokens=arguments.answer_tokens,
        threads=threads,
    )
    print("way        prefill tok/s  decode tok/s  first token ms")
    for one in figures:
        print(
            f"{one.name:10} {one.prefill_tokens_s:13.1f} {one.decode_tokens_s:13.1f} {1000 * one.first_token_s:15.1f}"
        )
    print(
        f"ours against the faster peer: prefill {comparison.prefill_share:.1%}, decode {comparison.decode_share:.1%},"
        f" first token {1000 * comparison.first_token_later_s:+.1f} ms:"
        f" {'within the goals' if comparison.passed else 'NOT within the goals'}"
    )
    if arguments.json is not None:
        told = {
            "machine": f"{platform.machine()} {platform.system()}",
            "threads": threads,
            "rounds": arguments.rounds,
            "model_sha256": path.parent.name,
            "llama_cpp_python": llama_cpp.__version__,
            "numpy": np.__version__,
            "figures": [asdict(one) for one in figures],
            "comparison": asdict(comparison),
            "passed": comparison.passed,
        }
        arguments.json.write_text(json.dumps(told, indent=1), encoding="utf-8")
    return 0 if comparison.passed else 1


if __name__ == "__main__":
    sys.exit(main())
