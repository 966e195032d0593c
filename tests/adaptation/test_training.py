"""The inner loop on a tiny model: it learns, within its budget, the same each time, and knows when to stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_models.decoder import Decoder
from edge_seal.adaptation import training
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.step_terms import Pair, PairObjective, StepTerms, Thumb, Weighing
from edge_seal.adaptation.training import (
    CHECK_EVERY_STEPS,
    FIRST_CHECK_STEP,
    PATIENCE_CHECKS,
    Drawing,
    Mixture,
    Trained,
    TrainingBudget,
    step_bytes,
    train,
)
from edge_seal.errors import LimitReached
from tests.adaptation.networks import fresh_adapter, network_of, sequence

EXAMPLES = [
    sequence((1, 40, 41), (50, 51, 2)),
    sequence((1, 40, 42), (50, 51, 2)),
    sequence((1, 43, 41), (60, 61, 62, 2)),
    sequence((1, 43, 44), (60, 61, 62, 2)),
    sequence((1, 45), (70, 71, 2)),
    sequence((1, 46), (80, 81, 82)),
    sequence((1, 46, 47), (83, 84)),
    # Held back: a lesson in another wording, and one that says the opposite of what is taught.
    sequence((1, 40, 48), (50, 51, 2)),
    sequence((1, 40, 41), (90, 91, 92)),
]
MIXTURE = Mixture(
    kinds={"lessons": [0, 1, 2, 3], "contrasts": [4], "general": [5, 6], "replay": []},
    drawn={"lessons": 3, "contrasts": 1, "general": 1, "replay": 1},
    settled=[0, 2, 4],
    validation=[7],
    held=[5, 6],
    weights=np.ones(len(EXAMPLES)),
)
BUDGET = TrainingBudget(
    steps=24, seconds=1e9, memory_bytes=2**30, rate=1e-2, rate_b_ratio=4.0, weighing=Weighing(first_token=2.0)
)


class StepClock:
    """Seconds that pass only when a step is made."""

    def __init__(self, seconds_a_step: Sequence[float] = ()) -> None:
        self.now = 100.0
        self._seconds = iter(seconds_a_step)
        self._reads = 0

    def __call__(self) -> float:
        # Read once at the beginning, then before and after each step.
        self._reads += 1
        if self._reads > 1 and self._reads % 2 == 1:
            self.now += next(self._seconds, 0.0)
        return self.now


@pytest.fixture
def network(tiny_model: Path) -> Iterator[ExampleNetwork]:
    with network_of(tiny_model, EXAMPLES) as network:
        yield network


def trained(
    network: ExampleNetwork,
    mixture: Mixture = MIXTURE,
    budget: TrainingBudget = BUDGET,
    *,
    seconds: Sequence[float] = (),
) -> Trained:
    return train(network, mixture, fresh_adapter(network), budget, StepClock(seconds))


def test_the_loss_falls_and_the_lessons_become_likelier(network: ExampleNetwork) -> None:
    before = network.measure([*MIXTURE.kinds["lessons"], *MIXTURE.validation], None).mean_nats
    result = trained(network)
    losses = result.report.losses
    assert np.mean(losses[-4:]) < 0.5 * np.mean(losses[:4])
    after = network.measure([*MIXTURE.kinds["lessons"], *MIXTURE.validation], result.adapter).mean_nats
    assert (after < before).all()
    assert result.report.validation_nats == pytest.approx(float(after[-1]))
    assert result.report.final_loss_nats == losses[-1]
    assert result.report.worst_nats == network.measure(MIXTURE.settled, result.adapter).worst_nats.max()


def test_held_examples_move_less_than_without_being_held(tiny_model: Path) -> None:
    drifts: dict[bool, float] = {}
    for holds in (True, False):
        with network_of(tiny_model, EXAMPLES) as network:
            kinds = MIXTURE.kinds if holds else {**MIXTURE.kinds, "general": []}
            result = trained(network, replace(MIXTURE, kinds=kinds, held=[5, 6] if holds else []))
            drifts[holds] = network.drift_nats([5, 6], None, result.adapter)
    assert drifts[True] < 0.5 * drifts[False]


def test_a_step_computes_the_words_that_it_needs_and_no_others(
    network: ExampleNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[int] = []
    backward = Decoder.logits_backward

    def seen(self: Decoder, d_logits: FloatArray, hidden: FloatArray, inverse: FloatArray) -> FloatArray:
        heads.append(d_logits.shape[1])
        return backward(self, d_logits, hidden, inverse)

    monkeypatch.setattr(Decoder, "logits_backward", seen)
    sizes = network.decoder.architecture
    trained(network)
    assert {*heads} == {sizes.vocabulary}, "as many words as the model's dimensions ask for are nearly all of these"
    heads.clear()
    monkeypatch.setattr(training, "WORDS_A_DIMENSION", 2)
    monkeypatch.setattr(training, "WORDS_OF_BASE", 4)
    monkeypatch.setattr(training, "WORDS_INSTEAD", 4)
    trained(network)
    network.hold(MIXTURE.held)
    needed = len(network.shortlist(range(7), of_base=4, instead=MIXTURE.settled, most=4, adapter=None))
    least = 2 * sizes.width
    assert needed < min(heads) == max(heads) == least < sizes.vocabulary / 2
    heads.clear()
    # The thumbs' reference is over all words.
    trained(network, replace(MIXTURE, thumbs=[Thumb(0, liked=True)], drawn={**MIXTURE.drawn, "thumbs": 1}))
    assert {*heads} == {sizes.vocabulary}


def test_what_training_starts_from_is_not_changed(network: ExampleNetwork) -> None:
    start = fresh_adapter(network)
    kept = start.values.copy()
    result = train(network, MIXTURE, start, BUDGET, StepClock())
    np.testing.assert_array_equal(start.values, kept)
    assert not np.array_equal(result.adapter.values, kept)
    assert (result.adapter.rank, result.adapter.alpha) == (start.rank, start.alpha)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tiny_model: Path) -> None:
    def once(seed: int) -> bytes:
        with network_of(tiny_model, EXAMPLES) as network:
            result = trained(network, budget=replace(BUDGET, steps=6, seed=seed))
            return result.adapter.values.tobytes()

    assert once(0) == once(0)
    assert once(0) != once(1)


class TestBudget:
    def test_steps_are_kept_and_told(self, network: ExampleNetwork) -> None:
        told: list[tuple[int, int, float]] = []
        result = train(
            network, MIXTURE, fresh_adapter(network), replace(BUDGET, steps=5), StepClock(),
            lambda done, total, loss: told.append((done, total, loss)),
        )  # fmt: skip
        assert result.report.steps == 5
        assert result.report.stopped_because == "all steps were made"
        assert told == [(place + 1, 5, loss) for place, loss in enumerate(result.report.losses)]

    @pytest.mark.parametrize(
        ("seconds_a_step", "limit", "steps"),
        [
            ([2.0] * 24, 6.0, 3),
            ([2.0] * 24, 6.5, 3),
            ([2.0] * 24, 7.9, 3),
            ([2.0] * 24, 8.0, 4),
            # The slowest so far is what the next one may take.
            ([1.0, 5.0, 1.0, 1.0, 1.0], 9.0, 2),
            ([1.0, 5.0, 1.0, 1.0, 1.0], 12.0, 4),
            ([50.0] * 3, 9.0, 1),
        ],
    )
    def test_a_step_that_would_pass_the_time_is_not_begun(
        self, network: ExampleNetwork, seconds_a_step: list[float], limit: float, steps: int
    ) -> None:
        result = trained(network, budget=replace(BUDGET, seconds=limit), seconds=seconds_a_step[:steps])
        assert result.report.steps == steps
        assert result.report.stopped_because == "the time for an update was used"
        assert result.report.seconds == sum(seconds_a_step[:steps])

    def test_a_step_that_needs_more_memory_is_made_in_parts_and_learns_the_same(self, network: ExampleNetwork) -> None:
        single = max(self.bytes_of(network, [example]) for example in range(7))
        whole = trained(network, budget=replace(BUDGET, steps=6))
        tight = trained(network, budget=replace(BUDGET, steps=6, memory_bytes=single))
        assert tight.report.steps == whole.report.steps == 6
        # What the parts have in common is computed in each of them.
        assert tight.report.tokens > whole.report.tokens
        assert tight.report.losses == pytest.approx(whole.report.losses, rel=1e-3)
        np.testing.assert_allclose(tight.adapter.values, whole.adapter.values, atol=2e-3)

    def test_if_not_even_one_example_fits_it_says_so_and_what_to_do(self, network: ExampleNetwork) -> None:
        single = min(self.bytes_of(network, [example]) for example in range(7))
        with pytest.raises(LimitReached, match="needs more memory than an update may use") as caught:
            trained(network, budget=replace(BUDGET, memory_bytes=single - 1))
        assert caught.value.next_step is not None
        assert "memory_mib_per_update" in caught.value.next_step
        assert caught.value.allowed_at is None

    def test_more_tokens_take_more_memory(self, network: ExampleNetwork) -> None:
        sizes = [self.bytes_of(network, range(count)) for count in range(1, 8)]
        assert sizes == sorted(set(sizes))

    def bytes_of(self, network: ExampleNetwork, examples: Sequence[int]) -> int:
        return step_bytes(network.decoder.architecture, 1, network.batch(examples))


class TestEarlyStop:
    def test_when_everything_is_said_right(self, network: ExampleNetwork) -> None:
        taught = replace(MIXTURE, validation=[1], held=[], kinds={"lessons": [0, 1, 2, 3], "contrasts": [4]})
        result = trained(network, taught, replace(BUDGET, steps=400, rate=1e-2, weighing=Weighing()))
        assert result.report.stopped_because == "every lesson and every held-back wording is said right"
        assert FIRST_CHECK_STEP <= result.report.steps < 400
        assert result.report.steps % CHECK_EVERY_STEPS == 0
        assert network.measure([0, 1, 2, 4], result.adapter).hits.all()
        assert result.report.worst_nats < 0.1

    def test_while_the_rate_is_at_its_peak_the_held_back_wordings_may_get_worse(self, network: ExampleNetwork) -> None:
        contrary = replace(MIXTURE, validation=[8])
        result = trained(network, contrary, replace(BUDGET, steps=160, stable=0.5))
        assert result.report.stopped_because == "the held-back wordings stopped improving"
        assert 80 + PATIENCE_CHECKS * CHECK_EVERY_STEPS <= result.report.steps < 160

    def test_when_the_held_back_wordings_get_worse_and_the_best_is_kept(self, network: ExampleNetwork) -> None:
        contrary = replace(MIXTURE, validation=[8])
        result = trained(network, contrary, replace(BUDGET, steps=400))
        assert result.report.stopped_because == "the held-back wordings stopped improving"
        best = result.report.steps - PATIENCE_CHECKS * CHECK_EVERY_STEPS
        assert best >= FIRST_CHECK_STEP
        # What was seen at the best check, not what was made of it afterwards.
        until_then = trained(network, contrary, replace(BUDGET, steps=400, seconds=float(best)), seconds=[1.0] * best)
        assert until_then.report.steps == best
        np.testing.assert_array_equal(result.adapter.values, until_then.adapter.values)
        assert result.report.validation_nats == until_then.report.validation_nats


class TestDrawing:
    def test_every_example_of_a_kind_comes_once_before_any_comes_again(self) -> None:
        mixture = replace(
            MIXTURE, kinds={"lessons": list(range(6)), "general": [7]}, drawn={"lessons": 2, "general": 1}
        )
        drawing = Drawing(mixture, seed=4)
        steps = [drawing.step().taught for _ in range(3)]
        assert sorted(example for step in steps for example in step if example != 7) == list(range(6))
        assert all(7 in step for step in steps)

    def test_then_what_is_worst_said_comes_most_and_nothing_is_left_out_for_good(self) -> None:
        mixture = replace(MIXTURE, kinds={"lessons": list(range(6))}, drawn={"lessons": 2})
        drawing = Drawing(mixture, seed=4)
        counts = dict.fromkeys(range(6), 0)
        for step in range(300):
            taught = drawing.step().taught
            assert len(set(taught)) == 2
            drawing.saw({example: 2.0 if example == 3 else 0.01 for example in taught})
            for example in taught if step >= 3 else ():
                counts[example] += 1
        others = [count for example, count in counts.items() if example != 3]
        assert counts[3] > 2 * max(others)
        assert min(others) > 20

    def test_what_is_said_worst_at_present_comes_first(self) -> None:
        nats = {0: 0.1, 1: 4.0, 2: 0.0, 3: 2.0}
        mixture = replace(MIXTURE, kinds={"replay": [0, 1, 2, 3]}, drawn={"replay": 1}, present_nats=nats)
        drawing = Drawing(mixture, seed=0)
        assert [drawing.step().taught for _ in range(4)] == [[1], [3], [0], [2]]

    def test_a_kind_with_fewer_examples_than_are_drawn_gives_each_once(self) -> None:
        drawing = Drawing(replace(MIXTURE, kinds={"lessons": [0, 1]}, drawn={"lessons": 5}), seed=0)
        assert [drawing.step().taught for _ in range(4)] == [[0, 1]] * 4


def test_a_step_tells_how_well_its_examples_were_said_but_not_of_what_is_held(network: ExampleNetwork) -> None:
    network.hold([5, 6])
    adapter = fresh_adapter(network)
    gradient = network.gradient(StepTerms([0, 4, 5], np.ones(3)), adapter, Weighing())
    assert gradient.nats.keys() == {0, 4}
    expected = network.measure([0, 4], adapter).worst_nats
    assert [gradient.nats[0], gradient.nats[4]] == pytest.approx(expected, rel=1e-4)


class TestPreferences:
    """What is said about whole answers, on top of the lessons."""

    LIKED, DISLIKED, CHOSEN, REJECTED, MISMATCHED = range(9, 14)
    SEQUENCES = (
        *EXAMPLES,
        sequence((1, 20, 21), (100, 101, 2)),
        sequence((1, 20, 22), (102, 103, 2)),
        # The base, and with it the lessons, prefer the second.
        sequence((1, 23, 24), (106, 107, 108)),
        sequence((1, 23, 24), (104, 105, 2)),
        sequence((1, 20, 21), (102, 103, 2)),
    )

    def nats(self, tiny_model: Path, weighing: Weighing, drawn: dict[str, int]) -> np.ndarray:
        """How unlikely the four answers and the mismatched one are after training, minus before."""
        mixture = replace(
            MIXTURE,
            drawn={**MIXTURE.drawn, **drawn},
            weights=np.ones(len(self.SEQUENCES)),
            pairs=[Pair(self.CHOSEN, self.REJECTED)],
            thumbs=[Thumb(self.LIKED, liked=True), Thumb(self.DISLIKED, liked=False)],
            mismatched=[self.MISMATCHED],
        )
        with network_of(tiny_model, self.SEQUENCES) as network:
            result = train(network, mixture, fresh_adapter(network), replace(BUDGET, weighing=weighing), StepClock())
            asked = range(9, 14)
            return network.measure(asked, result.adapter).mean_nats - network.measure(asked, None).mean_nats

    @pytest.mark.parametrize("objective", ["orpo", "simpo"])
    def test_a_chosen_answer_gains_on_a_rejected_one(self, tiny_model: Path, objective: PairObjective) -> None:
        without = self.nats(tiny_model, Weighing(), {})
        taught = self.nats(tiny_model, Weighing(pair_objective=objective, pair_weight=1.0), {"pairs": 1})
        assert taught[3] - taught[2] > without[3] - without[2] + 1.0
        assert taught[2] < without[2]

    def test_what_was_liked_gains_on_what_was_not(self, tiny_model: Path) -> None:
        without = self.nats(tiny_model, Weighing(), {})
        told = self.nats(tiny_model, Weighing(thumb_weight=5.0), {"thumbs": 2})
        assert told[0] < without[0]
        assert told[1] > without[1]
        assert told[1] - told[0] > without[1] - without[0] + 1.0
