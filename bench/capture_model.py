"""What the default model notices of the labelled prompts under a grammar, alone and beside the rules; `--json`.

Three ways, each measured on both halves of `tests/memory/capture_set.py`:
- `written`: the model writes the statements as JSON under llama.cpp's grammar; only what is word for word in the prompt
  counts (the faithfulness check).
- `chosen`: the grammar lets it write nothing but clauses of the prompt, so every statement is the user's own words.
- `asked`: for each clause it is asked whether it is a lasting statement; the log odds of "yes" over "no" decide, by the
  threshold with the best F1 on the first half.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels"), str(ROOT / "models")]

import numpy as np  # noqa: E402  # run by path, from any directory
from llama_cpp import Llama, LlamaGrammar  # noqa: E402

from edge_models.store import ModelStore  # noqa: E402
from edge_seal.config import ModelSettings, locate_home, shared_models  # noqa: E402
from edge_seal.memory.capture import noticed  # noqa: E402
from edge_seal.memory.sentences import clauses  # noqa: E402
from tests.memory.capture_set import HELD_OUT, TUNED_ON, Labelled  # noqa: E402

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
# As many with statements as without, none of them in the set.
SHOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("I live in Aarhus. Where can I buy a bike?", ("I live in Aarhus",)),
    ("How tall is the Eiffel Tower?", ()),
    ("my son is called Noor and he is allergic to milk", ("my son is called Noor", "he is allergic to milk")),
    ("I need help with my essay today.", ()),
    ("I never answer mail at weekends", ("I never answer mail at weekends",)),
    ("If I were a dentist, what would I earn?", ()),
)
TASK = (
    "List every lasting fact that the user states about themselves, in the user's own words. Questions, requests, "
    "wishes, stories, quotations and what is true today only are no facts; then the list is empty."
)
ASKED = "Does the user state a lasting fact about themselves here? Answer yes or no."
WRITTEN_GRAMMAR = r"""
root ::= "[" (item (", " item){0,3})? "]"
item ::= "\"" [^"\\\n]{1,120} "\""
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """Statements of one half by one way: `found` of `statements`, beside `false_alarms`."""

    way: str
    half: str
    statements: int
    found: int
    false_alarms: int
    unfaithful: int
    milliseconds_a_prompt: float
    wrong: tuple[str, ...]

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false_alarms) if self.found + self.false_alarms else 1.0

    @property
    def recall(self) -> float:
        return self.found / self.statements


Way = Callable[[str], "tuple[list[str], int]"]


class Reader:
    """The model, and the three ways to ask it. Each gives texts, and how many were refused as nobody's words."""

    def __init__(self, path: Path) -> None:
        self._model = Llama(str(path), n_ctx=2048, n_threads=1, n_threads_batch=1, logits_all=False, verbose=False)
        self._free = LlamaGrammar.from_string(WRITTEN_GRAMMAR, verbose=False)
        self.threshold = 0.0

    def written(self, prompt: str) -> tuple[list[str], int]:
        texts = self._listed(prompt, self._free)
        faithful = [text for text in texts if _plain(text) and _plain(text) in _plain(prompt)]
        return faithful, len(texts) - len(faithful)

    def chosen(self, prompt: str) -> tuple[list[str], int]:
        said = _clauses(prompt)
        if not said:
            return [], 0
        items = " | ".join(json.dumps(json.dumps(text, ensure_ascii=False), ensure_ascii=False) for text in said)
        grammar = f'root ::= "[" (item (", " item){{0,3}})? "]"\nitem ::= {items}\n'
        return list(dict.fromkeys(self._listed(prompt, LlamaGrammar.from_string(grammar, verbose=False)))), 0

    def asked(self, prompt: str) -> tuple[list[str], int]:
        return [text for text in _clauses(prompt) if self.log_odds(text) > self.threshold], 0

    def log_odds(self, text: str) -> float:
        messages: list[dict[str, str]] = []
        for shown, statements in SHOWN:
            messages += _exchange(f"{ASKED}\n\n{shown}", "yes" if statements else "no")
        logits = self._logits([*messages, {"role": "user", "content": f"{ASKED}\n\n{text}"}])
        yes, no = (self._model.tokenize(word.encode(), add_bos=False)[0] for word in ("yes", "no"))
        return float(logits[yes] - logits[no])

    def _listed(self, prompt: str, grammar: LlamaGrammar) -> list[str]:
        messages: list[dict[str, str]] = [{"role": "system", "content": TASK}]
        for shown, statements in SHOWN:
            messages += _exchange(shown, json.dumps(list(statements)))
        said = cast("Any", self._model).create_completion(
            self._rendered([*messages, {"role": "user", "content": prompt}]),
            max_tokens=64, temperature=0.0, grammar=grammar,
        )["choices"][0]["text"]  # fmt: skip
        try:
            read: object = json.loads(said)
        except ValueError:
            return []
        return [item for item in cast("list[object]", read) if isinstance(item, str)] if isinstance(read, list) else []

    def _logits(self, messages: Sequence[dict[str, str]]) -> np.ndarray:
        tokens = self._model.tokenize(self._rendered(messages).encode(), add_bos=False, special=True)
        kept = self._model.input_ids[: self._model.n_tokens]
        shorter = min(len(kept), len(tokens))
        same = next((place for place in range(shorter) if kept[place] != tokens[place]), shorter)
        self._model.n_tokens = min(same, len(tokens) - 1)
        cast("Any", self._model)._ctx.kv_cache_seq_rm(-1, self._model.n_tokens, -1)  # noqa: SLF001
        self._model.eval(tokens[self._model.n_tokens :])
        return np.array(cast("Any", self._model)._ctx.get_logits_ith(-1)[: self._model.n_vocab()])  # noqa: SLF001

    def _rendered(self, messages: Sequence[dict[str, str]]) -> str:
        turns = [f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages]
        return "".join(turns) + "<|im_start|>assistant\n"


def _exchange(asked: str, answered: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]


def _clauses(prompt: str) -> list[str]:
    return [clause.said for clause in clauses(prompt) if not clause.is_asked]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split()).strip(" .!,")


def measure(way: str, ask: Way, name: str, half: tuple[Labelled, ...]) -> Figures:
    """Each statement counts once; what has no statement of its own is a false alarm, as in `bench.capture`."""
    found = false_alarms = unfaithful = 0
    wrong: list[str] = []
    started = time.process_time()
    for prompt, keys in half:
        texts, refused = ask(prompt)
        unfaithful += refused
        met = [key for key in keys if any(key.lower() in text.lower() for text in texts)]
        without = [text for text in texts if not any(key.lower() in text.lower() for key in keys)]
        found += len(met)
        false_alarms += len(without)
        wrong += [f"missed {key!r} in {prompt!r}" for key in keys if key not in met]
        wrong += [f"false alarm {text!r} in {prompt!r}" for text in without]
    took = (time.process_time() - started) * 1000 / len(half)
    statements = sum(len(keys) for _, keys in half)
    return Figures(way, name, statements, found, false_alarms, unfaithful, took, tuple(wrong))


def _rules(prompt: str) -> tuple[list[str], int]:
    return [item.text for item in noticed(prompt, NOW)], 0


def _with_rules(ask: Way) -> Way:
    """The rules, and what the model notices besides."""

    def both(prompt: str) -> tuple[list[str], int]:
        (own, _), (more, refused) = _rules(prompt), ask(prompt)
        known = [_plain(text) for text in own]
        return [*own, *(t for t in more if not any(_plain(t) in k or k in _plain(t) for k in known))], refused

    return both


def _best_threshold(reader: Reader) -> float:
    """The log odds with the best F1 on the first half."""
    odds = [(reader.log_odds(text), text, keys) for prompt, keys in TUNED_ON for text in _clauses(prompt)]
    total = sum(len(keys) for _, keys in TUNED_ON)
    best = (-1.0, 0.0)
    for limit in sorted({odd for odd, _, _ in odds}):
        taken = [(text, keys) for odd, text, keys in odds if odd > limit]
        right = sum(any(key.lower() in text.lower() for key in keys) for text, keys in taken)
        score = 2 * right / (len(taken) + total) if taken else 0.0
        best = max(best, (score, limit))
    return best[1] if math.isfinite(best[1]) else 0.0


def main() -> int:
    """Prints the figures of every way on both halves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--model", type=Path, help="a GGUF file with a ChatML template [the default model]")
    parser.add_argument("--show", action="store_true", help="name each miss and false alarm of the held out half")
    options = parser.parse_args()
    path = options.model
    if path is None:
        files = ModelStore(locate_home().models, shared_models()).locate(ModelSettings().name)
        path = next(iter(files.values()))
    reader = Reader(path)
    reader.threshold = _best_threshold(reader)
    ways: dict[str, Way] = {"rules": _rules}
    for name in ("asked", "chosen", "written"):
        # What the model says is asked once, and counted alone and beside the rules.
        ways[name] = cache(getattr(reader, name))
        ways[f"rules, then {name}"] = _with_rules(ways[name])
    every: list[Figures] = []
    if not options.json:
        print(f"{path.name}, log odds of yes above {reader.threshold:.2f}")
        print("way                   half        found  false alarms  unfaithful  precision  recall  processor ms")
    for half, prompts in (("held out", HELD_OUT), ("tuned on", TUNED_ON)):
        for way, ask in ways.items():
            every.append(measure(way, ask, half, prompts))
            if not options.json:
                _print_line(every[-1], show=options.show and half == "held out")
    if options.json:
        rows = [{**asdict(item), "precision": item.precision, "recall": item.recall} for item in every]
        print(json.dumps({"model": path.name, "threshold": reader.threshold, "figures": rows}, indent=2))
    return 0


def _print_line(item: Figures, *, show: bool) -> None:
    print(
        f"{item.way:<21} {item.half:<10} {item.found:>3}/{item.statements:<3} {item.false_alarms:>11} "
        f"{item.unfaithful:>11} {item.precision:>10.2f} {item.recall:>7.2f} {item.milliseconds_a_prompt:>13.0f}",
        flush=True,
    )
    if show:
        print(*(f"  {line}" for line in item.wrong), sep="\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
