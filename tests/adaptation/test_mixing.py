"""How much an update is trained: steps by what it teaches, within the limits."""

from __future__ import annotations

import pytest

from edge_seal.adaptation import mixing
from edge_seal.adaptation.work import DRAWN_OF_8, DRAWN_WITHOUT_SCOPE
from edge_seal.config import LearningSettings, LimitSettings, Settings


@pytest.mark.parametrize(("lessons", "steps"), [(1, 16), (6, 19), (8, 24), (16, 44), (48, 124)])
def test_each_lesson_is_drawn_as_often_however_many_there_are(lessons: int, steps: int) -> None:
    assert mixing.budget(Settings(), lessons, DRAWN_OF_8, quick=True).steps == steps


@pytest.mark.parametrize(("lessons", "steps"), [(1, 19), (8, 36), (16, 56)])
def test_on_top_of_others_or_without_a_scope_more_steps_are_made(lessons: int, steps: int) -> None:
    assert mixing.budget(Settings(), lessons, DRAWN_OF_8, quick=False).steps == steps


def test_where_training_alone_draws_the_boundary_a_step_draws_fewer_lessons_and_more_are_made() -> None:
    assert mixing.budget(Settings(), 8, DRAWN_WITHOUT_SCOPE, quick=False).steps == 16 + 8 * 20 // 5


def test_from_the_base_the_rate_is_lower_and_stays_before_it_falls() -> None:
    settings = Settings(learning=LearningSettings(rate=1e-3))
    within, without = (mixing.budget(settings, 8, DRAWN_OF_8, quick=quick) for quick in (True, False))
    assert (within.rate, within.stable) == (pytest.approx(8e-4), 0.6)
    assert (without.rate, without.stable) == (1e-3, 0.0)


def test_larger_steps_are_fewer() -> None:
    settings = Settings(learning=LearningSettings(batch_examples=16))
    assert mixing.budget(settings, 8, DRAWN_OF_8, quick=False).steps == 26


def test_the_limit_is_a_ceiling() -> None:
    limited = Settings(limits=LimitSettings(steps_per_update=7))
    assert mixing.budget(limited, 8, DRAWN_OF_8, quick=True).steps == 7
