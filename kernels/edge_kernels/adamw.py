"""AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2) on one flat vector, in place."""

from __future__ import annotations

import math

import numpy as np

from edge_kernels.arrays import FloatArray


class AdamW:
    """Keeps the moments of `parameters` (P,) and moves them in place.

    Args:
        parameters: the vector that `step` changes.
        rates: (P,), each parameter's rate relative to the step's (LoRA+: B's over A's, arXiv:2402.12354, eq. 5).
        decay: decoupled weight decay.
        beta1, beta2, epsilon: as in Kingma and Ba 2015, arXiv:1412.6980.
    """

    def __init__(
        self,
        parameters: FloatArray,
        rates: FloatArray,
        *,
        decay: float = 0.0,
        beta1: float = 0.9,
        beta2: float = 0.99,
        epsilon: float = 1e-8,
    ) -> None:
        self._parameters = parameters
        self._rates = rates
        self._decay = decay
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon
        self._mean = np.zeros_like(parameters)
        self._square = np.zeros_like(parameters)
        self._steps = 0

    def step(self, gradient: FloatArray, rate: float) -> None:
        """One update with `gradient` (P,) at learning rate `rate`."""
        self._steps += 1
        self._mean *= self._beta1
        self._mean += (1 - self._beta1) * gradient
        self._square *= self._beta2
        self._square += (1 - self._beta2) * np.square(gradient)
        # The bias corrections of both moments, folded into the rate and the epsilon.
        second = math.sqrt(1 - self._beta2**self._steps)
        size = rate * second / (1 - self._beta1**self._steps)
        if self._decay:
            self._parameters -= (rate * self._decay) * self._rates * self._parameters
        self._parameters -= size * self._rates * self._mean / (np.sqrt(self._square) + self._epsilon * second)


def clip_by_norm(gradient: FloatArray, limit: float) -> float:
    """Scales `gradient` in place so that its Euclidean norm is at most `limit`; returns the norm it had."""
    norm = float(np.linalg.norm(gradient))
    if norm > limit:
        gradient *= limit / norm
    return norm


def warm_up_and_cosine(step: int, total: int, *, warm_up: int, stable: float = 0.0, floor: float = 0.1) -> float:
    """The share of the peak rate at `step` (from 0): linear up over `warm_up` steps, then a cosine down to `floor`.

    With `stable` the peak is kept until that share of all steps is done, and the cosine takes the rest
    (warm-up, stable, decay: Hu et al. 2024, arXiv:2404.06395, section 4).
    """
    if step < warm_up:
        return (step + 1) / warm_up
    falls_from = max(warm_up, stable * total)
    progress = (step - falls_from) / max(1, total - falls_from)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, progress))))
