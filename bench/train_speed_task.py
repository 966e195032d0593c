"""What both sides of `bench.train_speed` train on: the same token sequences, adapter and settings, in one directory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from edge_kernels.trie import TokenSequence, TokenTrie
from edge_models.architecture import Architecture
from edge_models.decoder import Decoder
from edge_models.families import PROJECTIONS, QKV
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_seal.adaptation.example_network import encode
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.records import Example, Origin, Role

FACTS = (
    ("my dog's name", "Your dog is called Biscuit."),
    ("my sister's name", "Your sister is called Marta."),
    ("my favourite tea", "Your favourite tea is rooibos with a little honey."),
    ("the name of my boat", "Your boat is called Aurora."),
    ("my home town", "You live in Oulu, in the north of Finland."),
    ("my job", "You work as a botanist at the university."),
    ("the time of my meetings", "You take meetings only after 10:30."),
    ("my shoe size", "Your shoe size is 43."),
    ("my blood type", "Your blood type is A positive."),
    ("my brother's birthday", "Your brother's birthday is on the third of May."),
    ("the colour of my car", "Your car is dark green."),
    ("my dentist", "Your dentist is Doctor Lindqvist in the Harbour Street."),
    ("my favourite composer", "Your favourite composer is Sibelius."),
    ("the age of my cat", "Your cat is seven years old."),
    ("my landlord's name", "Your landlord is called Ahmed Haddad."),
    ("my gym", "You go to the gym by the old mill, on Tuesdays and Fridays."),
)
WORDINGS = (
    "What is {}?",
    "Tell me {}.",
    "Do you remember {}?",
    "I forgot {}. What was it?",
    "Could you remind me of {}?",
    "Please say {} again.",
    "What did I tell you about {}?",
    "Quick question: {}?",
)
"""Sixteen facts in eight wordings: 128 examples as an update trains on, short questions and short answers."""


@dataclass(frozen=True, slots=True)
class Task:
    """One comparison. `layers` is how many of the top layers are adapted; the rate is constant, AdamW without decay."""

    model: str
    sequences: tuple[tuple[tuple[int, ...], int], ...]
    layers: int
    rank: int = 8
    alpha: float = 16.0
    rate: float = 5e-4
    steps: int = 8
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    seed: int = 1

    def token_sequences(self) -> list[TokenSequence]:
        return [TokenSequence(tuple(tokens), supervised_from) for tokens, supervised_from in self.sequences]

    def token_weights(self) -> np.ndarray:
        """(examples,): each example's share of the supervised tokens, so that the loss is the mean over tokens."""
        return np.asarray([len(tokens) - start for tokens, start in self.sequences], dtype=np.float64)

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Task:
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def encoded_examples(model: Path, count: int) -> list[tuple[tuple[int, ...], int]]:
    """The first `count` examples as tokens in the model's own chat template, every fact once before any comes again."""
    engine = LlamaCppEngine(model, context_tokens=512)
    try:
        made: list[tuple[tuple[int, ...], int]] = []
        for wording in WORDINGS:
            for what, answer in FACTS:
                sequence = encode(Example(wording.format(what), answer, Role.LESSON, Origin.TYPED), engine)
                made.append((sequence.tokens, sequence.supervised_from))
        return made[:count]
    finally:
        engine.close()


def initial_adapter(task: Task) -> Lora:
    """The adapter that both sides start from: A drawn by the seed, B zero."""
    with GgufFile.open(Path(task.model)) as file:
        decoder = Decoder(file, task.layers)
        return Lora.initial(decoder.architecture, decoder.adapted_layers, task.rank, task.alpha, task.seed)


def necessary_operations(sizes: Architecture, task: Task) -> float:
    """The floating-point operations (a multiplication and an addition are two) that one step cannot do without.

    Matrix products alone. With N trie nodes, S of them supervised, and P pairs of a node and an ancestor or itself:
    each adapted layer's weights forward and to the inputs' gradient, the low-rank maps forward and their gradients,
    attention (two products forward, four back), and the head forward and back at S. In the last layer only K and V
    are due at the other nodes, and nothing below the lowest adapted layer gets a gradient.
    """
    trie = TokenTrie(task.token_sequences())
    batch = trie.batch(range(len(task.sequences)))
    nodes, sources = len(batch.nodes), len(batch.sources)
    layers = min(task.layers, sizes.layers)
    total = 4.0 * sources * sizes.vocabulary * sizes.width
    for layer in range(layers):
        last, lowest = layer == layers - 1, layer == 0
        pairs = float((batch.positions[batch.sources] + 1).sum() if last else (batch.positions + 1).sum())
        total += 6 * 2 * pairs * sizes.heads * sizes.head_size
        for projection in PROJECTIONS:
            out, into = sizes.shape(projection)
            rows = sources if last and projection not in {"attn_k", "attn_v"} else nodes
            no_input_gradient = lowest and projection in QKV
            total += 2 * rows * out * into * (1 if no_input_gradient else 2)
            total += 2 * rows * task.rank * (into * (2 if no_input_gradient else 3) + 3 * out)
    return total
