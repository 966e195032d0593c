"""What the base thinks of what it is to be taught, before anything is trained: two marks of evidence gone wrong.

- An answer belongs to its question. The base, which knows neither, finds "You live in Oulu." likelier after "Where do I
  live?" than after "What is my dog's name?". Lessons whose answers were shuffled do not show that.
- A question that is not about the user and that the base answers with certainty is knowledge. A lesson that says
  something else there overwrites it, whether by mistake or on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TokenSequence
from edge_models.network import Network
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.adaptation.general_facts import GeneralFact
from edge_seal.adaptation.general_prompts import REPLAYED
from edge_seal.adaptation.workers import Workers
from edge_seal.engines.engine import Engine, Message
from edge_seal.records import Example, Role

EXAMINED_LESSONS: Final = 12
OTHER_QUESTIONS: Final = 3
ANSWER_TOKENS: Final = 24
_PERSONAL: Final = frozenset(
    {"i", "my", "me", "mine", "myself", "we", "our", "ours", "us", "i'm", "i've", "i'd", "you"}
)
_QUESTION: Final = re.compile(
    r"^(?:what|who|whom|whose|where|when|which|why|how|is|are|was|were|do|does|did|can|could|name|in which|on which)\b",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_FUNCTION_WORDS: Final = frozenset(
    [
        "a", "an", "and", "are", "as", "at", "be", "been", "by", "can", "did", "do", "does", "for", "from", "had",
        "has", "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no",
        "not", "of", "on", "or", "our", "out", "she", "so", "than", "that", "the", "their", "them", "then",
        "there", "these", "they", "this", "those", "to", "up", "was", "we", "were", "what", "when", "where",
        "which", "who", "will", "with", "would", "you", "your", "also", "about", "called", "known", "named",
        "located", "found", "made", "written",
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of some lessons, in their order.

    Attributes:
        fits: whether its answer is likelier after its own question than after each of some others.
        certainty: how much likelier than the taught word the base finds another one, at worst, as a difference of
            probabilities; 0 where the question is about the user or no question.
        lessons: the lessons that were examined.
    """

    lessons: tuple[Example, ...]
    fits: tuple[bool, ...]
    certainty: tuple[float, ...]


def examine(decoder: Network, lessons: Sequence[Example], engine: Engine, workers: Workers | None = None) -> Evidence:
    """Asks the base about `lessons`, some of them where they are many; nothing of an adapter is in it.

    Args:
        decoder: of the model that `engine` serves; what the engine serves at the moment does not matter.
        lessons: those that were given; what was derived from them is left out.
        engine: for the template and the tokens.
        workers: what computes; None: the caller's thread alone.
    """
    given = [example for example in lessons if example.role is Role.LESSON]
    step = max(1, -(-len(given) // EXAMINED_LESSONS))
    asked = tuple(given[::step])
    if not asked:
        return Evidence((), (), ())
    sequences: list[TokenSequence] = []
    for place, lesson in enumerate(asked):
        others = _other_prompts(asked, place)
        sequences += [_short(replace(lesson, prompt=prompt), engine) for prompt in (lesson.prompt, *others)]
    network = ExampleNetwork(decoder, sequences, workers)
    network.prepare()
    nats = network.measure(range(len(sequences)), None).mean_nats.reshape(len(asked), OTHER_QUESTIONS + 1)
    certainty = [
        _certainty(network, place * (OTHER_QUESTIONS + 1), engine) if _is_knowledge(lesson.prompt) else 0.0
        for place, lesson in enumerate(asked)
    ]
    return Evidence(asked, tuple(bool(row[0] < row[1:].min()) for row in nats), tuple(certainty))


def _other_prompts(asked: Sequence[Example], place: int) -> list[str]:
    own = asked[place].prompt.casefold()
    others = [asked[(place + offset) % len(asked)].prompt for offset in range(1, len(asked))]
    different = dict.fromkeys(prompt for prompt in (*others, *REPLAYED) if prompt.casefold() != own)
    return list(different)[:OTHER_QUESTIONS]


def _short(example: Example, engine: Engine) -> TokenSequence:
    whole = encode(example, engine)
    return TokenSequence(whole.tokens[: whole.supervised_from + ANSWER_TOKENS], whole.supervised_from)


def _is_knowledge(prompt: str) -> bool:
    words = {word.replace("’", "'").casefold() for word in _WORD.findall(prompt)}
    asks = prompt.rstrip().endswith("?") or _QUESTION.match(prompt.strip()) is not None
    return asks and not words & _PERSONAL


def _certainty(network: ExampleNetwork, place: int, engine: Engine) -> float:
    sequence = network.sequence(place)
    logits = network.answer_logits(place, None)
    taught = sequence.tokens[sequence.supervised_from :]
    probabilities = _softmax(logits)
    worst = 0.0
    # The first token opens the answer; which word does that is style.
    for row in range(1, len(taught)):
        likeliest = int(probabilities[row].argmax())
        if likeliest == taught[row]:
            continue
        pieces = [engine.detokenize([token]) for token in (likeliest, taught[row])]
        # Inside a word, and by its first letter alone, it is sure of a spelling: how a name goes on that it has never
        # seen is no knowledge.
        if not all(piece[:1].isdigit() or (piece[:1].isspace() and len(piece.strip()) > 1) for piece in pieces):
            continue
        said, wanted = (piece.strip().casefold() for piece in pieces)
        if _is_content(said) and _is_content(wanted) and not (said.startswith(wanted) or wanted.startswith(said)):
            worst = max(worst, float(probabilities[row, likeliest] - probabilities[row, taught[row]]))
    return worst


def _is_content(word: str) -> bool:
    return word.isalnum() and word not in _FUNCTION_WORDS


def _softmax(logits: FloatArray) -> FloatArray:
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def fact_sequence(fact: GeneralFact, engine: Engine) -> TokenSequence:
    """The fact as its question and the beginning of its answer; what is supervised is how that goes on."""
    prompt = engine.render([Message("user", fact.question)])
    beginning = engine.tokenize(fact.beginning)
    whole = engine.tokenize(f"{fact.beginning}{'' if fact.beginning[-1].isdigit() else ' '}{fact.answer}")
    # What the tokens of beginning and whole have in common; a tokenizer may join what stands at the border.
    shared = 0
    while shared < min(len(beginning), len(whole) - 1) and beginning[shared] == whole[shared]:
        shared += 1
    return TokenSequence((*prompt, *whole), len(prompt) + shared)
