"""How much an update is trained: steps by what it teaches, within the limits, and how its rate falls."""

from __future__ import annotations

import pytest

from edge_seal.adaptation import mixing
from edge_seal.adaptation.work import Stopwatch, Work
from edge_seal.clock import SystemClock
from edge_seal.config import LimitSettings, Settings
from edge_seal.records import Origin, Signal, SignalKind


def work(lessons: int, *, scoped: bool) -> Work:
    signals = [
        Signal(f"s{n}", SignalKind.TAUGHT, f"What is {n}?", f"It is {n}.", Origin.TYPED, None, None, "2026-11-26")
        for n in range(lessons)
    ]
    return Work(signals, Stopwatch(SystemClock()), lambda _: None, scoped=scoped)


@pytest.mark.parametrize(("lessons", "steps"), [(1, 16), (4, 16), (6, 19), (8, 24), (16, 44), (48, 124)])
def test_within_a_scope_each_lesson_is_drawn_as_often_and_few_take_the_least_steps(lessons: int, steps: int) -> None:
    budget = mixing.budget(Settings(), work(lessons, scoped=True))
    assert budget.steps == steps
    assert budget.stable > 0


def test_where_training_alone_draws_the_boundary_it_takes_longer() -> None:
    within, without = (mixing.budget(Settings(), work(8, scoped=scoped)) for scoped in (True, False))
    assert without.steps == 16 + 8 * 20 // 5 > within.steps
    assert without.stable == 0.0


def test_the_limit_is_a_ceiling() -> None:
    limits = LimitSettings(steps_per_update=7)
    assert mixing.budget(Settings(limits=limits), work(8, scoped=True)).steps == 7
