"""The same training on MLX and in numpy: no objective knows which of them it is computed with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_kernels.backend import Backend
from edge_seal.adaptation.step_terms import Pair, PairObjective, Thumb, Weighing
from edge_seal.adaptation.training import Mixture, Trained, TrainingBudget, train
from tests.adaptation.networks import fresh_adapter, network_of, sequence

pytest.importorskip("mlx.core", reason="MLX is not on this machine: install the extra `dev`")

EXAMPLES = [
    sequence((1, 40, 41), (50, 51, 2)),
    sequence((1, 43, 41), (60, 61, 62, 2)),
    sequence((1, 45), (70, 71, 2)),
    sequence((1, 46, 47), (83, 84)),
    sequence((1, 40, 48), (50, 51, 2)),
    sequence((1, 43, 41), (63, 64, 2)),
    sequence((1, 45), (72, 2)),
]
MIXTURE = Mixture(
    kinds={"lessons": [0, 1], "contrasts": [2], "general": [3]},
    drawn={"lessons": 2, "contrasts": 1, "general": 1, "pairs": 1, "thumbs": 2},
    settled=[0, 2],
    validation=[4],
    held=[3],
    weights=np.ones(len(EXAMPLES)),
    pairs=[Pair(1, 5)],
    thumbs=[Thumb(2, liked=True), Thumb(6, liked=False)],
)
BUDGET = TrainingBudget(steps=10, seconds=1e9, memory_bytes=2**30, rate=1e-2, rate_b_ratio=4.0, weighing=Weighing())


@pytest.mark.parametrize("objective", ["orpo", "simpo"])
def test_the_training_curve_and_what_comes_of_it_are_those_of_numpy(tiny_model: Path, objective: PairObjective) -> None:
    def trained(backend: Backend) -> tuple[Trained, float]:
        with network_of(tiny_model, EXAMPLES, layers=2, backend=backend) as network:
            weighing = Weighing(first_token=2.0, pair_objective=objective, pair_weight=0.3, thumb_weight=0.3)
            result = train(
                network, MIXTURE, fresh_adapter(network), replace(BUDGET, weighing=weighing), monotonic=lambda: 0.0
            )
            return result, network.drift_nats([3, 4], None, result.adapter)

    (expected, expected_drift), (found, drift) = trained("numpy"), trained("mlx")
    assert expected.report.losses[-1] < 0.5 * expected.report.losses[0]
    # AdamW divides by the gradient's size: where that is rounding alone, a step may go the other way.
    np.testing.assert_allclose(found.report.losses, expected.report.losses, rtol=2e-3)
    assert found.report.tokens == expected.report.tokens
    assert drift == pytest.approx(expected_drift, rel=5e-3)
    change = np.linalg.norm(expected.adapter.values)
    assert np.linalg.norm(found.adapter.values - expected.adapter.values) < 1e-2 * change
