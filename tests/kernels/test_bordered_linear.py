"""The bordered map against the plain one: weights, updates and gradients of stacked projections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.bordered_linear import Border, BorderedLinear
from edge_kernels.linear_lora import lora, lora_backward
from tests.kernels.differences import assert_close

INTO, HEIGHTS, RANK, SCALE = 7, (5, 3, 3), 2, 1.5


@dataclass
class Stack:
    """Three projections of one input, of which those in `adapted` have an update."""

    linear: BorderedLinear
    weight: FloatArray
    rows: list[slice]
    updates: Mapping[int, tuple[FloatArray, FloatArray]]


def stacked(generator: np.random.Generator, adapted: tuple[int, ...]) -> Stack:
    weight = generator.normal(size=(sum(HEIGHTS), INTO))
    ends = np.cumsum(HEIGHTS).tolist()
    rows = [slice(end - height, end) for end, height in zip(ends, HEIGHTS, strict=True)]
    borders = [Border(rows[one], slice(at * RANK, (at + 1) * RANK)) for at, one in enumerate(adapted)]
    linear = BorderedLinear(weight, borders)
    updates = {
        one: (generator.normal(size=(RANK, INTO)), generator.normal(size=(HEIGHTS[one], RANK))) for one in adapted
    }
    for index, one in enumerate(adapted):
        linear.bind(index, *updates[one], SCALE)
    return Stack(linear, weight, rows, updates)


@pytest.mark.parametrize("adapted", [(), (0, 1, 2), (0, 2), (1,)], ids=["none", "all", "first and last", "middle"])
class TestBorderedLinear:
    def test_the_output_and_its_gradient_are_those_of_weight_and_update_apart(self, adapted: tuple[int, ...]) -> None:
        generator = np.random.default_rng(3)
        stack = stacked(generator, adapted)
        x, d_out = generator.normal(size=(6, INTO)), generator.normal(size=(6, sum(HEIGHTS)))
        wide, d_wide = stack.linear.wide(6), stack.linear.wide_gradient(6)
        wide[:, :INTO], d_wide[:, : sum(HEIGHTS)] = x, d_out
        expected, d_x = x @ stack.weight.T, d_out @ stack.weight
        gradients: list[tuple[FloatArray, FloatArray]] = []
        for one, (a, b) in stack.updates.items():
            part, down = lora(x, a, b, SCALE)
            expected[:, stack.rows[one]] += part
            d_part, d_a, d_b = lora_backward(d_out[:, stack.rows[one]], x, down, a, b, SCALE)
            d_x += d_part
            gradients.append((d_a, d_b))
        assert_close(stack.linear.forward(wide), expected, 1e-13)
        assert_close(stack.linear.backward(d_wide), d_x, 1e-13)
        for found, wanted in zip(stack.linear.gradients(d_wide, wide, SCALE), gradients, strict=True):
            assert_close(found[0], wanted[0], 1e-13)
            assert_close(found[1], wanted[1], 1e-13)

    def test_the_adapter_learns_where_no_input_gradient_is_needed(self, adapted: tuple[int, ...]) -> None:
        generator = np.random.default_rng(4)
        stack = stacked(generator, adapted)
        wide, d_wide = stack.linear.wide(6), stack.linear.wide_gradient(6)
        wide[:, :INTO], d_wide[:, : sum(HEIGHTS)] = generator.normal(size=(6, INTO)), generator.normal(size=(6, 11))
        stack.linear.forward(wide)
        alone = stack.linear.gradients(d_wide.copy(), wide, SCALE, bordered=False)
        stack.linear.backward(d_wide)
        for found, wanted in zip(alone, stack.linear.gradients(d_wide, wide, SCALE), strict=True):
            assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))

    def test_the_base_is_served_beside_the_update(self, adapted: tuple[int, ...]) -> None:
        generator = np.random.default_rng(5)
        stack = stacked(generator, adapted)
        x = generator.normal(size=(4, INTO))
        assert_close(stack.linear.frozen(x), x @ stack.weight.T, 1e-13)
        assert np.array_equal(stack.linear.weight, stack.weight)


def test_an_update_that_is_bound_again_replaces_the_last_one() -> None:
    generator = np.random.default_rng(6)
    stack = stacked(generator, (0, 1, 2))
    a, b = generator.normal(size=(RANK, INTO)), generator.normal(size=(HEIGHTS[1], RANK))
    stack.linear.bind(1, a, b, SCALE)
    x = generator.normal(size=(4, INTO))
    wide = stack.linear.wide(4)
    wide[:, :INTO] = x
    assert_close(
        stack.linear.forward(wide)[:, stack.rows[1]], x @ (stack.weight[stack.rows[1]] + SCALE * b @ a).T, 1e-13
    )
