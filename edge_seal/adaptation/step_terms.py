"""What one training step learns from: taught examples, pairs and thumbs, and how their terms are weighed.

    loss = sum_i w_i * cross-entropy_i / sum_i w_i                  over taught examples (divergence where held)
         + pair_weight * sum_p w_p * (ORPO or SimPO)_p / sum_p w_p  over pairs of a chosen and a rejected answer
         + thumb_weight * sum_u w_u * KTO_u / sum_u w_u             over answers that were liked or not

The terms on whole answers depend on the network through the answers' log-probabilities alone, so their gradient is a
weight on each edge of the answer: `d loss / d log p` of its tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edge_kernels import kto as kto_kernel
from edge_kernels import simpo as simpo_kernel
from edge_kernels.arrays import FloatArray
from edge_kernels.orpo import orpo

PairObjective = Literal["orpo", "simpo"]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one prompt, as indices of the network: `chosen` is to be likelier than `rejected`."""

    chosen: int
    rejected: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Thumb:
    """One answer, as an index of the network, that was liked or not."""

    example: int
    liked: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class StepTerms:
    """A step's examples, as indices of the network. `weights` (number of taught,) are rewards; not all of it empty."""

    taught: Sequence[int]
    weights: FloatArray
    pairs: Sequence[Pair] = ()
    thumbs: Sequence[Thumb] = ()

    def units(self) -> list[list[int]]:
        """The examples in groups that have to be in one batch: what a pair joins is not parted. Each example once."""
        unit_of: dict[int, list[int]] = {}
        for example in (*self.taught, *(thumb.example for thumb in self.thumbs)):
            unit_of.setdefault(example, [example])
        for pair in self.pairs:
            one, other = (unit_of.setdefault(side, [side]) for side in (pair.chosen, pair.rejected))
            if one is not other:
                one.extend(other)
                unit_of |= dict.fromkeys(other, one)
        return list({id(unit): unit for unit in unit_of.values()}.values())


@dataclass(frozen=True, slots=True)
class Weighing:
    """How the terms of a step are weighed.

    `orpo` is the default on pairs: its pull is bounded, it was made to stand beside a cross-entropy of the chosen
    answer, which a lesson always has here, and it has no margin that would have to be chosen for each model.
    `pair_weight` is the paper's lambda; `reference_point` is KTO's z.
    """

    first_token: float = 1.0
    pair_objective: PairObjective = "orpo"
    pair_weight: float = 0.1
    thumb_weight: float = 0.1
    thumb_beta: float = kto_kernel.BETA
    reference_point: float = 0.0


@dataclass(frozen=True, slots=True)
class AnswerTerms:
    """The loss of some pairs and thumbs, and its slope along each answer's log-probability (by example)."""

    loss: float
    slopes: Mapping[int, float]


def answer_terms(
    whole: StepTerms,
    here: Sequence[int],
    answers: Mapping[int, tuple[float, int]],
    base: Mapping[int, float],
    weighing: Weighing,
) -> AnswerTerms:
    """The part of the pairs' and thumbs' terms of the step `whole` that lies in `here`.

    Args:
        here: the examples of one micro-batch; a pair is in it whole or not at all.
        answers: for each of them that a pair or thumb needs, the log-probability of its answer, and its tokens.
        base: the answers' log-probabilities under the base, for the thumbs'.
    """
    loss, slopes = 0.0, dict.fromkeys(answers, 0.0)
    present = set(here)
    pairs = [pair for pair in whole.pairs if pair.chosen in present]
    if pairs:
        weights = _shares([pair.weight for pair in pairs], [pair.weight for pair in whole.pairs], weighing.pair_weight)
        means = [
            np.array([answers[example][0] / answers[example][1] for example in side])
            for side in ([pair.chosen for pair in pairs], [pair.rejected for pair in pairs])
        ]
        losses, d_chosen, d_rejected = (orpo if weighing.pair_objective == "orpo" else simpo_kernel.simpo)(*means)
        loss += float(losses @ weights)
        for place, pair in enumerate(pairs):
            slopes[pair.chosen] += float(weights[place] * d_chosen[place]) / answers[pair.chosen][1]
            slopes[pair.rejected] += float(weights[place] * d_rejected[place]) / answers[pair.rejected][1]
    thumbs = [thumb for thumb in whole.thumbs if thumb.example in present]
    if thumbs:
        weights = _shares(
            [thumb.weight for thumb in thumbs], [thumb.weight for thumb in whole.thumbs], weighing.thumb_weight
        )
        losses, d_policy = kto_kernel.kto(
            np.array([answers[thumb.example][0] for thumb in thumbs]),
            np.array([base[thumb.example] for thumb in thumbs]),
            np.array([thumb.liked for thumb in thumbs]),
            reference_point=weighing.reference_point,
            beta=weighing.thumb_beta,
        )
        loss += float(losses @ weights)
        for place, thumb in enumerate(thumbs):
            slopes[thumb.example] += float(weights[place] * d_policy[place])
    return AnswerTerms(loss, slopes)


def _shares(own: Sequence[float], of_all: Sequence[float], term: float) -> FloatArray:
    return np.asarray(own) * (term / sum(of_all))
