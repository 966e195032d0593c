"""One loss over examples that are taught and examples that are held: it is the sum of both, gradient and all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_kernels.arrays import FloatArray
from edge_kernels.kto import kto
from edge_kernels.orpo import orpo
from edge_kernels.top_k import top_k, top_k_distillation
from edge_kernels.trie import TokenSequence, TrieBatch, edge_weights
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_seal.adaptation import example_network
from edge_seal.adaptation.example_network import BASE_TOKENS, ExampleNetwork, encode
from edge_seal.adaptation.step_terms import Pair, PairObjective, StepTerms, Thumb, Weighing
from edge_seal.engines.engine import Message
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.errors import EngineError, LimitReached
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
    # Said only in pairs and thumbs.
    sequence((1, 40, 41), (55, 56, 57, 2)),
    sequence((70, 71), (73, 74)),
]
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.0, 0.7, 1.0, 1.0])
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
        example, at = asked[int(owner)], place[int(owner)]
        if example in HELD:
            base = network.answer_logits(example, None)[at : at + 1]
            pull, slope = top_k_distillation(logits[row : row + 1].copy(), top_k(base, BASE_TOKENS), np.array([share]))
            loss += pull
            d_logits[row] += slope[0]
        else:
            loss -= share * float(np.log(probabilities[row, target]))
            d_logits[row] += share * probabilities[row]
            d_logits[row, target] -= share
        place[int(owner)] += 1
    d_hidden = decoder.logits_backward(d_logits, done.hidden, inverse)
    return loss, decoder.backward(done, d_hidden, adapter).values


def taught(asked: Sequence[int]) -> StepTerms:
    return StepTerms(asked, WEIGHTS[list(asked)])


@pytest.mark.parametrize("asked", [[0, 1, 2, 3, 4], [4, 2, 1], [0, 4], [1, 4], [0, 2]], ids=str)
@pytest.mark.parametrize("rows_at_once", [1000, 2])
def test_taught_and_held_add_up(
    exact: ExampleNetwork, asked: list[int], rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact.hold(HELD)
    adapter = strong(exact)
    loss, values = taken_apart(exact, asked, adapter)
    vocabulary = exact.decoder.architecture.vocabulary
    monkeypatch.setattr(example_network, "LOGITS_BYTES", 4 * vocabulary * rows_at_once)
    found = exact.gradient(taught(asked), adapter, Weighing(FIRST))
    assert found.loss_nats == pytest.approx(loss, rel=1e-10)
    np.testing.assert_allclose(found.adapter.values, values, rtol=0, atol=1e-10 * np.abs(values).max())
    assert found.tokens == len(exact.batch(asked).nodes)


EVERYTHING = StepTerms(
    [0, 1, 2, 4],
    WEIGHTS[[0, 1, 2, 4]],
    pairs=(Pair(0, 5), Pair(3, 6, 0.5), Pair(0, 3, 2.0)),
    thumbs=(Thumb(2, liked=True), Thumb(6, liked=False, weight=3.0)),
)


@pytest.mark.parametrize("objective", ["orpo", "simpo"])
def test_the_gradient_of_all_terms_together_is_the_slope(exact: ExampleNetwork, objective: PairObjective) -> None:
    exact.hold(HELD)
    exact.reference([2, 6])
    adapter = strong(exact)
    weighing = Weighing(FIRST, objective, pair_weight=0.7, thumb_weight=5.0, reference_point=0.3)

    def loss() -> float:
        return exact.gradient(EVERYTHING, adapter, weighing).loss_nats

    gradient = exact.gradient(EVERYTHING, adapter, weighing).adapter.values.copy()
    generator = np.random.default_rng(1)
    for _ in range(8):
        direction = generator.standard_normal(adapter.values.shape)
        assert float(gradient @ direction) == pytest.approx(along(loss, adapter.values, direction), rel=1e-6, abs=1e-9)


def test_the_terms_of_whole_answers_are_their_equations(exact: ExampleNetwork) -> None:
    exact.reference([2, 6])
    adapter, weighing = strong(exact), Weighing(FIRST, pair_weight=0.7, thumb_weight=5.0, reference_point=0.3)
    means = -exact.measure(range(7), adapter).mean_nats
    base = -exact.measure(range(7), None).mean_nats
    tokens = np.array([len(example.tokens) - example.supervised_from for example in EXAMPLES])
    pairs, _, _ = orpo(means[[0, 3, 0]], means[[5, 6, 3]])
    thumbs, _ = kto(
        (means * tokens)[[2, 6]], (base * tokens)[[2, 6]], np.array([True, False]), reference_point=0.3
    )  # fmt: skip
    answers_only = StepTerms([], np.zeros(0), EVERYTHING.pairs, EVERYTHING.thumbs)
    expected = 0.7 * float(pairs @ [1.0, 0.5, 2.0]) / 3.5 + 5.0 * float(thumbs @ [1.0, 3.0]) / 4.0
    assert exact.gradient(answers_only, adapter, weighing).loss_nats == pytest.approx(expected, rel=1e-9)
    both = exact.gradient(EVERYTHING, adapter, weighing).loss_nats
    lessons = exact.gradient(taught(EVERYTHING.taught), adapter, weighing).loss_nats
    assert both == pytest.approx(lessons + expected, rel=1e-9)


def test_a_pair_shares_its_prompt(exact: ExampleNetwork) -> None:
    found = exact.gradient(StepTerms([], np.zeros(0), (Pair(0, 1),)), strong(exact), Weighing())
    # Of each answer all but its last token, after which nothing is asked.
    answers = [len(one.tokens) - 1 - one.supervised_from for one in EXAMPLES[:2]]
    assert found.tokens == EXAMPLES[0].supervised_from + sum(answers)


@pytest.mark.parametrize("most", [1, 8, 10, 13])
def test_micro_batches_add_up_to_the_whole(exact: ExampleNetwork, most: int) -> None:
    exact.hold(HELD)
    exact.reference([2, 6])
    adapter, weighing = strong(exact), Weighing(FIRST, pair_weight=0.7, thumb_weight=5.0)
    whole = exact.gradient(EVERYTHING, adapter, weighing)
    asked: list[int] = []

    def fits(batch: TrieBatch) -> bool:
        asked.append(len(batch.nodes))
        return len(batch.nodes) <= most or set(batch.nodes) <= set(
            exact.batch([0, 3, 5, 6]).nodes  # one unit: the pairs join them
        )

    if most == 1:
        with pytest.raises(LimitReached, match="needs more memory"):
            exact.gradient(EVERYTHING, adapter, weighing, lambda batch: len(batch.nodes) <= 1)
        return
    parts = exact.gradient(EVERYTHING, adapter, weighing, fits)
    assert parts.tokens > whole.tokens
    assert max(asked) == whole.tokens
    assert parts.loss_nats == pytest.approx(whole.loss_nats, rel=1e-10)
    np.testing.assert_allclose(
        parts.adapter.values, whole.adapter.values, rtol=0, atol=1e-10 * np.abs(whole.adapter.values).max()
    )


tokens = st.lists(st.integers(40, 42), min_size=1, max_size=5)
weighted = st.lists(st.tuples(tokens, tokens, st.floats(0.1, 3)), min_size=2, max_size=6)
plainly = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(examples=weighted)
@plainly
def test_any_tries_gradient_is_the_padded_batchs(
    tiny_model: Path, examples: list[tuple[list[int], list[int], float]]
) -> None:
    """In a padded batch every example stands alone: the oracle is a network for each."""
    sequences = [sequence((1, *prompt), answer) for prompt, answer, _ in examples]
    weights = np.array([weight for _, _, weight in examples])
    with network_of(tiny_model, sequences, dtype=np.float64) as network:
        adapter = strong(network)
        found = network.gradient(StepTerms(range(len(sequences)), weights), adapter, Weighing(FIRST))
    loss, values = 0.0, np.zeros_like(adapter.values)
    for one, share in zip(sequences, weights / weights.sum(), strict=True):
        with network_of(tiny_model, [one], dtype=np.float64) as alone:
            padded = alone.gradient(StepTerms([0], np.ones(1)), adapter, Weighing(FIRST))
            loss += share * padded.loss_nats
            values += share * padded.adapter.values
    assert found.loss_nats == pytest.approx(loss, rel=1e-10)
    np.testing.assert_allclose(found.adapter.values, values, rtol=0, atol=1e-10 * np.abs(values).max())


@given(examples=weighted, most=st.integers(2, 30), data=st.data())
@plainly
def test_any_tries_micro_batches_are_the_whole(
    tiny_model: Path, examples: list[tuple[list[int], list[int], float]], most: int, data: st.DataObject
) -> None:
    sequences = [sequence((1, *prompt), answer) for prompt, answer, _ in examples]
    weights = np.array([weight for _, _, weight in examples])
    sides = data.draw(st.lists(st.permutations(range(len(examples))), max_size=2))
    terms = StepTerms(range(len(sequences)), weights, tuple(Pair(one, other) for one, other, *_ in sides))
    with network_of(tiny_model, sequences, dtype=np.float64) as network:
        adapter, weighing = strong(network), Weighing(FIRST, pair_weight=0.6)
        whole = network.gradient(terms, adapter, weighing)
        least = max(len(network.batch(unit).nodes) for unit in terms.units())
        parts = network.gradient(terms, adapter, weighing, lambda batch: len(batch.nodes) <= max(most, least))
    assert parts.tokens >= whole.tokens
    assert parts.loss_nats == pytest.approx(whole.loss_nats, rel=1e-10)
    np.testing.assert_allclose(
        parts.adapter.values, whole.adapter.values, rtol=0, atol=1e-10 * np.abs(whole.adapter.values).max()
    )


def test_held_examples_pull_nothing_at_the_base(exact: ExampleNetwork) -> None:
    exact.hold(HELD)
    still = Lora.initial(exact.decoder.architecture, exact.decoder.adapted_layers, 2, 4.0, seed=1)
    found = exact.gradient(StepTerms(HELD, np.ones(2)), still, Weighing())
    assert found.loss_nats == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.adapter.values, 0, atol=1e-7)


def test_without_held_examples_it_is_the_tokens_loss(exact: ExampleNetwork) -> None:
    adapter = strong(exact)
    found = exact.gradient(StepTerms([2], np.ones(1)), adapter, Weighing())
    assert found.loss_nats == pytest.approx(float(exact.measure([2], adapter).mean_nats[0]), rel=1e-12)


def test_nothing_with_a_weight_is_nothing_to_learn(exact: ExampleNetwork) -> None:
    with pytest.raises(ValueError, match="nothing to learn"):
        exact.gradient(StepTerms([2], np.zeros(1)), strong(exact), Weighing())


def test_the_reference_point_is_how_much_likelier_mismatched_answers_became(exact: ExampleNetwork) -> None:
    adapter = strong(exact)
    tokens = np.array([len(EXAMPLES[place].tokens) - EXAMPLES[place].supervised_from for place in (5, 6)])
    gained = (exact.measure([5, 6], None).mean_nats - exact.measure([5, 6], adapter).mean_nats) * tokens
    assert exact.reference_point([5, 6], adapter) == pytest.approx(max(0.0, float(gained.mean())), abs=1e-12)


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


class TestShortlist:
    """The gradient with some of the words alone."""

    def test_it_is_what_is_said_and_what_the_base_says_where_it_is_held_to(self, exact: ExampleNetwork) -> None:
        base = exact.hold(HELD)
        assert base is not None
        words = exact.shortlist([0, 2, 5], of_base=3, instead=[], most=1, adapter=None)
        said = {token for place in (0, 2, 5) for token in EXAMPLES[place].tokens[EXAMPLES[place].supervised_from :]}
        order = np.argsort(-base.distributions.probabilities, axis=1)[:, :3]
        likely = np.take_along_axis(base.distributions.tokens, order, axis=1)
        assert words.tolist() == sorted(said | set(likely.ravel().tolist()))
        logits = np.concatenate([exact.answer_logits(place, strong(exact)) for place in (3, 6)])
        instead = set(np.argsort(-logits, axis=1)[:, :4].ravel().tolist())
        more = exact.shortlist([0, 2, 5], of_base=3, instead=[3, 6], most=4, adapter=strong(exact))
        assert more.tolist() == sorted({*words.tolist(), *instead})
        assert (
            exact.narrowed(exact.shortlist(range(7), of_base=3, instead=[], most=1, adapter=None)).hold(HELD)
            is not None
        )

    def test_of_all_words_it_is_the_gradient(self, exact: ExampleNetwork) -> None:
        exact.hold(HELD)
        exact.reference([2, 6])
        adapter, weighing = strong(exact), Weighing(FIRST, pair_weight=0.7)
        narrow = exact.narrowed(np.arange(exact.decoder.architecture.vocabulary))
        narrow.reference([2, 6])
        whole = exact.gradient(EVERYTHING, adapter, weighing)
        found = narrow.gradient(EVERYTHING, adapter, weighing)
        assert found.loss_nats == pytest.approx(whole.loss_nats, rel=1e-12)
        np.testing.assert_allclose(found.adapter.values, whole.adapter.values, rtol=0, atol=1e-12)

    def test_of_some_words_it_is_that_of_the_distributions_among_them(self, exact: ExampleNetwork) -> None:
        exact.hold(HELD)
        words, adapter, asked = (
            exact.shortlist([0, 1, 2, 3, 4], of_base=5, instead=[], most=1, adapter=None),
            strong(exact),
            [0, 1, 2, 3, 4],
        )
        assert len(words) < exact.decoder.architecture.vocabulary / 2
        narrow = exact.narrowed(words)
        of_all, of_some = exact.answer_logits(2, adapter), narrow.answer_logits(2, adapter)
        np.testing.assert_allclose(of_some, of_all[:, words], rtol=0, atol=1e-12)
        loss, values = taken_apart(narrow, asked, adapter)
        found = narrow.gradient(taught(asked), adapter, Weighing(FIRST))
        assert found.loss_nats == pytest.approx(loss, rel=1e-10)
        np.testing.assert_allclose(found.adapter.values, values, rtol=0, atol=1e-10 * np.abs(values).max())
        # And the whole network is as it was, though both share what the adapter stands in.
        again = exact.gradient(taught(asked), adapter, Weighing(FIRST))
        assert again.loss_nats == pytest.approx(taken_apart(exact, asked, adapter)[0], rel=1e-10)
        assert again.loss_nats > found.loss_nats

    def test_what_is_held_pulls_nothing_at_the_base(self, exact: ExampleNetwork) -> None:
        exact.hold(HELD)
        narrow = exact.narrowed(exact.shortlist(HELD, of_base=2, instead=[], most=1, adapter=None))
        nothing = strong(exact)
        nothing.values[...] = 0
        found = narrow.gradient(StepTerms(HELD, WEIGHTS[list(HELD)]), nothing, Weighing())
        assert found.loss_nats == pytest.approx(0.0, abs=1e-12)
        np.testing.assert_allclose(found.adapter.values, 0.0, atol=1e-12)

    def test_an_adapter_is_bound_once_for_both(self, exact: ExampleNetwork) -> None:
        """The layers are shared: what the one network puts into them, the other must not take for its own."""
        narrow = exact.narrowed(exact.shortlist(range(7), of_base=2, instead=[], most=1, adapter=None))
        one, other = strong(exact), strong(exact)
        other.values[...] *= -1
        expected = exact.answer_logits(0, one)
        narrow.answer_logits(0, other)
        np.testing.assert_array_equal(exact.answer_logits(0, one), expected)

    def test_a_word_that_is_not_there_cannot_be_said(self, exact: ExampleNetwork) -> None:
        narrow = exact.narrowed(exact.shortlist([0, 1], of_base=1, instead=[], most=1, adapter=None))
        with pytest.raises(ValueError, match=r"\[60, 61, 62, 63\] are to be said, and not among the words"):
            narrow.gradient(taught([2]), strong(exact), Weighing())

    def test_where_a_form_alone_is_taught_all_words_are_needed(self, exact: ExampleNetwork) -> None:
        exact.hold(HELD, forbidden={0: (50,)})
        assert exact.holds_form_alone
        with pytest.raises(ValueError, match="needs all words"):
            exact.narrowed(np.arange(exact.decoder.architecture.vocabulary))
        exact.hold(HELD)
        assert not exact.holds_form_alone


def test_many_examples_measure_as_each_alone(tiny_model: Path) -> None:
    """More than one forward pass takes."""
    many = [sequence((1, 40 + place % 3), (50 + place, 2)) for place in range(60)]
    with network_of(tiny_model, many, dtype=np.float64) as network:
        together = network.measure(range(60), None)
        alone = [float(network.measure([place], None).mean_nats[0]) for place in range(60)]
        np.testing.assert_allclose(together.mean_nats, alone, rtol=1e-10)


def test_what_stands_in_a_ready_network_is_not_computed_again(tiny_model: Path) -> None:
    with network_of(tiny_model, EXAMPLES[:3]) as ready, network_of(tiny_model, EXAMPLES) as whole:
        ready.hold([0, 2])
        whole.hold([0, 2])
        beside = ExampleNetwork(ready.decoder, EXAMPLES)
        beside.prepare(ready=ready)
        np.testing.assert_allclose(beside.frozen_activations, whole.frozen_activations, rtol=0, atol=1e-5)
        shared = whole.batch([0, 1, 2]).nodes
        computed: list[int] = []
        only = ExampleNetwork(ready.decoder, EXAMPLES[:3])
        only.prepare(lambda done, _total: computed.append(done), ready=ready)
        assert not computed
        assert np.array_equal(only.frozen_activations, ready.frozen_activations)
        assert np.array_equal(beside.frozen_activations[shared], ready.frozen_activations)
        # The base's distributions are the ready network's own where it has them, and computed where it has not.
        kept, here = ready.hold([0, 2]), only.hold([0, 2])
        assert kept is not None
        assert here is not None
        assert np.array_equal(here.nodes, kept.nodes)
        assert np.array_equal(here.distributions.probabilities, kept.distributions.probabilities)
        more, all_of_it = beside.hold([0, 4]), whole.hold([0, 4])
        assert more is not None
        assert all_of_it is not None
        np.testing.assert_allclose(more.distributions.rest, all_of_it.distributions.rest, rtol=0, atol=1e-5)


def test_what_the_base_says_right_is_known_without_computing(tiny_model: Path) -> None:
    with network_of(tiny_model, EXAMPLES) as network:
        said = [
            TokenSequence(
                (*one.tokens[: one.supervised_from], int(network.answer_logits(place, None)[0].argmax())),
                one.supervised_from,
            )
            for place, one in enumerate(EXAMPLES)
        ]
    with network_of(tiny_model, [*EXAMPLES, *said]) as network:
        network.hold(range(network.examples))
        hits = network.base_hits()
        assert hits.tolist() == network.measure(range(network.examples), None).hits.tolist()
        assert hits[len(EXAMPLES) :].all()
        assert not hits.all()


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


def test_what_the_base_would_say_anyway_is_held_to_what_it_says(tiny_model: Path, exact: ExampleNetwork) -> None:
    """Of an answer in which one token is the base's, that one is distilled, and the others are taught."""
    said = int(exact.answer_logits(0, None)[0].argmax())
    with network_of(tiny_model, [sequence((1, 40, 41), (said, 51, 2))], dtype=np.float64) as network:
        adapter = strong(network)
        nats, _ = network._edges(network.batch([0]), adapter)
        base, own = (network.answer_logits(0, one)[0:1] for one in (None, adapter))
        pull, _ = top_k_distillation(own.copy(), top_k(base.copy(), BASE_TOKENS), np.ones(1))
        network.foresee([0])
        assert network.holds_form_alone
        network.hold([])
        found = network.gradient(StepTerms([0], np.array([2.0])), adapter, Weighing())
        assert found.loss_nats == pytest.approx((pull + float(nats[1:].sum())) / 3, rel=1e-9)
        network.foresee([])
        assert not network.holds_form_alone
        network.hold([])
        plain = network.gradient(StepTerms([0], np.array([2.0])), adapter, Weighing())
        assert plain.loss_nats == pytest.approx(float(nats.mean()), rel=1e-9)
        assert plain.loss_nats != pytest.approx(found.loss_nats, rel=1e-3)
