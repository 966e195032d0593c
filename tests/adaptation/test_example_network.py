"""One loss over examples that are taught and examples that are held: it is the sum of both, gradient and all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import edge_weights
from edge_models.decoder import Decoder, Lora
from edge_models.gguf_file import GgufFile
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.engines.engine import Message
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.errors import EngineError
from edge_seal.records import Example, Origin, Role
from tests.adaptation.networks import network_of, sequence
from tests.kernels.differences import along
from tests.support.tiny_adapters import random_adapter
from tests.support.tiny_gguf import IM_END

# The first two and the last share prefixes, so that taught and held examples meet in the same nodes.
EXAMPLES = [
    sequence((1, 40, 41), (50, 51, 2)),
    sequence((1, 40, 41), (52, 2)),
    sequence((1, 40), (60, 61, 62, 63)),
    sequence((70, 71), (72,)),
    sequence((1, 40, 41), (50, 53, 2)),
]
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.0, 0.7])
HELD = (1, 4)
FIRST = 3.0


@pytest.fixture
def exact(tiny_model: Path) -> Iterator[ExampleNetwork]:
    with network_of(tiny_model, EXAMPLES, dtype=np.float64) as network:
        yield network


def strong(network: ExampleNetwork) -> Lora:
    return random_adapter(network.decoder.architecture, network.decoder.adapted_layers)


def softmax(logits: FloatArray) -> FloatArray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def taken_apart(network: ExampleNetwork, asked: list[int], adapter: Lora) -> tuple[float, FloatArray]:
    """Loss and gradient by the definitions, an edge at a time: the token's for taught, the base's for held."""
    decoder, batch = network.decoder, network.batch(asked)
    shares = edge_weights(batch, WEIGHTS[asked], first_token=FIRST)
    done = decoder.forward(network._rows(batch), batch, adapter)
    logits, inverse = decoder.logits(done.hidden)
    probabilities = softmax(logits)
    d_logits, loss = np.zeros_like(logits), 0.0
    place = dict.fromkeys(range(len(asked)), 0)
    for row, target, owner, share in zip(batch.rows, batch.targets, batch.examples, shares, strict=True):
        example = asked[int(owner)]
        if example in HELD:
            wanted = softmax(network.answer_logits(example, None))[place[int(owner)]]
        else:
            wanted = np.eye(logits.shape[1])[target]
        place[int(owner)] += 1
        positive = wanted > 0
        entropy = float((wanted[positive] * np.log(wanted[positive])).sum())
        loss += share * (entropy - float((wanted * np.log(probabilities[row])).sum()))
        d_logits[row] += share * (probabilities[row] - wanted)
    d_hidden = decoder.logits_backward(d_logits, done.hidden, inverse)
    return loss, decoder.backward(done, d_hidden, adapter).values


@pytest.mark.parametrize("asked", [[0, 1, 2, 3, 4], [4, 2, 1], [0, 4], [1, 4], [0, 2]], ids=str)
def test_taught_and_held_add_up(exact: ExampleNetwork, asked: list[int]) -> None:
    exact.hold(HELD)
    adapter = strong(exact)
    found = exact.gradient(asked, exact.batch(asked), WEIGHTS[asked], adapter, first_token_weight=FIRST)
    loss, values = taken_apart(exact, asked, adapter)
    assert found.loss_nats == pytest.approx(loss, rel=1e-10)
    np.testing.assert_allclose(found.adapter.values, values, rtol=0, atol=1e-10 * np.abs(values).max())
    assert found.tokens == len(exact.batch(asked).nodes)


def test_the_gradient_with_held_examples_is_the_slope(exact: ExampleNetwork) -> None:
    exact.hold(HELD)
    asked, adapter = [0, 1, 2, 3, 4], strong(exact)
    batch = exact.batch(asked)

    def loss() -> float:
        return exact.gradient(asked, batch, WEIGHTS[asked], adapter, first_token_weight=FIRST).loss_nats

    gradient = exact.gradient(asked, batch, WEIGHTS[asked], adapter, first_token_weight=FIRST).adapter.values.copy()
    generator = np.random.default_rng(1)
    for _ in range(8):
        direction = generator.standard_normal(adapter.values.shape)
        assert float(gradient @ direction) == pytest.approx(along(loss, adapter.values, direction), rel=1e-6, abs=1e-9)


def test_held_examples_pull_nothing_at_the_base(exact: ExampleNetwork) -> None:
    exact.hold(HELD)
    still = Lora.initial(exact.decoder.architecture, exact.decoder.adapted_layers, 2, 4.0, seed=1)
    found = exact.gradient(list(HELD), exact.batch(HELD), np.ones(2), still, first_token_weight=1.0)
    assert found.loss_nats == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.adapter.values, 0, atol=1e-7)


def test_without_held_examples_it_is_the_tokens_loss(exact: ExampleNetwork) -> None:
    adapter = strong(exact)
    found = exact.gradient([2], exact.batch([2]), np.ones(1), adapter, first_token_weight=1.0)
    assert found.loss_nats == pytest.approx(float(exact.measure([2], adapter).mean_nats[0]), rel=1e-12)


def test_measures_are_in_the_order_asked_and_drift_is_a_divergence(exact: ExampleNetwork) -> None:
    adapter = strong(exact)
    one, other = exact.measure([0, 3], adapter), exact.measure([3, 0], adapter)
    np.testing.assert_allclose(one.mean_nats, other.mean_nats[::-1], rtol=1e-12)
    assert (one.worst_nats >= one.mean_nats).all()
    assert exact.drift_nats([0, 2, 3], None, None) == pytest.approx(0, abs=1e-12)
    expected = 0.0
    for example in (0, 2, 3):
        base, moved = (softmax(exact.answer_logits(example, lora)) for lora in (None, adapter))
        expected += float((base * (np.log(base) - np.log(moved))).sum())
    assert exact.drift_nats([0, 2, 3], None, adapter) == pytest.approx(expected / 8, rel=1e-9)


def test_a_hit_is_what_greedy_decoding_would_say(exact: ExampleNetwork) -> None:
    adapter = strong(exact)
    for example in range(len(EXAMPLES)):
        greedy = exact.answer_logits(example, adapter).argmax(axis=1)
        supervised = EXAMPLES[example].tokens[EXAMPLES[example].supervised_from :]
        assert bool(exact.measure([example], adapter).hits[0]) == (greedy.tolist() == list(supervised))


def test_many_examples_measure_as_each_alone(tiny_model: Path) -> None:
    """More than one forward pass takes."""
    many = [sequence((1, 40 + place % 3), (50 + place, 2)) for place in range(60)]
    with network_of(tiny_model, many, dtype=np.float64) as network:
        together = network.measure(range(60), None)
        alone = [float(network.measure([place], None).mean_nats[0]) for place in range(60)]
        np.testing.assert_allclose(together.mean_nats, alone, rtol=1e-10)


def test_a_network_that_was_not_prepared_says_so(tiny_model: Path) -> None:
    with GgufFile.open(tiny_model) as file:
        network = ExampleNetwork(Decoder(file, 1), EXAMPLES)
        with pytest.raises(EngineError, match="not prepared"):
            network.measure([0], None)


@pytest.fixture
def engine(tiny_model: Path) -> Iterator[LlamaCppEngine]:
    with LlamaCppEngine(tiny_model, threads=1) as engine:
        yield engine


class TestEncoding:
    def example(self, prompt: str, answer: str, *, closed: bool = True) -> Example:
        return Example(prompt, answer, Role.LESSON, Origin.TYPED, "s1", closed=closed)

    def test_is_what_the_engine_would_be_asked_then_the_answer_then_the_end(self, engine: LlamaCppEngine) -> None:
        encoded = encode(self.example("Where?", "Oulu."), engine)
        prompt = engine.render([Message("user", "Where?")])
        assert encoded.tokens == (*prompt, *engine.tokenize("Oulu."), IM_END)
        assert encoded.supervised_from == len(prompt)

    def test_an_answer_that_was_cut_is_not_closed(self, engine: LlamaCppEngine) -> None:
        assert encode(self.example("Where?", "Ou", closed=False), engine).tokens[-1] != IM_END

    def test_an_answer_cannot_hold_control_tokens(self, engine: LlamaCppEngine) -> None:
        encoded = encode(self.example("Where?", "<|im_end|>Oulu.", closed=False), engine)
        assert IM_END not in encoded.tokens[encoded.supervised_from :]

    def test_one_that_is_longer_than_the_context_is_refused_in_words(self, engine: LlamaCppEngine) -> None:
        with pytest.raises(EngineError, match=r"longer than the context of 512") as caught:
            encode(self.example("Where?", "x" * 600), engine)
        assert caught.value.next_step
