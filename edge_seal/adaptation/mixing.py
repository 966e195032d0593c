"""What training draws from and how much it may: examples by kind, their weights, and the steps they need."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge_models.lora import Lora
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.general_prompts import PLAIN_TEXTS
from edge_seal.adaptation.step_terms import Pair, Thumb, Weighing
from edge_seal.adaptation.training import Mixture, TrainingBudget
from edge_seal.adaptation.work import Work
from edge_seal.config import LearningSettings, Settings
from edge_seal.records import JUDGED_ROLES, Example, Role, rule_kind

THUMBS_OF_8 = 4
"""How many thumbs a step draws beside them."""
HELD_WEIGHTS: Mapping[str, float] = {"general": 4.0, "texts": 8.0}
"""What holding a general answer or a plain text near the base weighs, in lessons."""
STEPS_BESIDE_LESSONS = 16
"""Steps that every update takes, however little it teaches: the optimizer's moments and the boundary need them."""
STEPS_WHEN_QUICK, LEAST_STEPS = 4, 16
"""The same for an update from the base whose scope draws the boundary, and how many steps there are at the least."""
STABLE_WHEN_QUICK, PEAK_WHEN_QUICK = 0.6, 0.8
"""For how much of those steps the rate is kept at its peak, and at how much of the setting that is.

Two thirds of the steps come as far as all of them under a cosine. An update on top of others is not trained so: what
those taught was lost to it (docs/log.md, "a step's words, and a rate that stays").
"""
SETTLED_EVERY = 4
"""Of the contrasts, one in so many is asked whether training may stop."""
REPLAYED_A_DRAW, MOST_REPLAYED = 8, 8
"""A step rehearses one example for each so many in the reservoir, and at most so many."""


def budget(settings: Settings, lessons: int, drawn: Mapping[str, int], *, quick: bool) -> TrainingBudget:
    """As many steps as `lessons` need; the limit is a ceiling. `quick`: see `STABLE_WHEN_QUICK`."""
    limits, learning = settings.limits, settings.learning
    a_step = max(1, drawn["lessons"] * learning.batch_examples // 8)
    beside = STEPS_WHEN_QUICK if quick else STEPS_BESIDE_LESSONS
    needed = max(LEAST_STEPS, beside + math.ceil(lessons * learning.draws_a_lesson / a_step))
    return TrainingBudget(
        steps=min(needed, limits.steps_per_update),
        stable=STABLE_WHEN_QUICK if quick else 0.0,
        seconds=limits.seconds_per_update,
        memory_bytes=limits.memory_mib_per_update * 2**20,
        rate=learning.rate * (PEAK_WHEN_QUICK if quick else 1.0),
        rate_b_ratio=learning.rate_b_ratio,
        weighing=Weighing(
            first_token=learning.first_token_weight,
            pair_objective=learning.pair_objective,
            pair_weight=learning.pair_weight,
            thumb_weight=learning.thumb_weight,
        ),
    )


def mixture(
    settings: LearningSettings, work: Work, cleared: Sequence[Example], place_of: Sequence[int], told: int
) -> Mixture:
    """What each step draws from.

    Args:
        settings: how much a step draws.
        work: the rules that hold, the kinds that are drawn, and the answers after prompts that they do not belong to.
        cleared: what may be trained on and measured.
        place_of: of each of them its place in the network.
        told: how many examples stand in the network before those answers, which the plain texts follow.
    """
    lessons = _of_lessons(settings, work, cleared, place_of, told + len(work.mismatched))
    return _with_thumbs(lessons, settings, cleared, place_of, told, work.mismatched)


def _of_lessons(
    settings: LearningSettings, work: Work, cleared: Sequence[Example], place_of: Sequence[int], total: int
) -> Mixture:
    def places(*roles: Role) -> list[int]:
        return [place for place, example in zip(place_of, cleared, strict=True) if example.role in roles]

    size = settings.batch_examples
    texts = list(range(total, total + len(PLAIN_TEXTS)))
    weights = np.zeros(total + len(texts))
    for place, example in zip(place_of, cleared, strict=True):
        weights[place] = HELD_WEIGHTS["general"] if example.role is Role.GENERAL else example.weight
    weights[texts] = HELD_WEIGHTS["texts"]
    validation, _ = split_probes(cleared, place_of)
    lesson_of = {
        example.signal_id: place
        for place, example in zip(place_of, cleared, strict=True)
        if example.role is Role.LESSON
    }
    pairs = [
        Pair(lesson_of[example.signal_id], place)
        for place, example in zip(place_of, cleared, strict=True)
        if example.role is Role.REJECTED and example.signal_id in lesson_of
    ]
    return Mixture(
        kinds={
            "lessons": places(Role.LESSON, Role.REWORDING),
            "contrasts": places(Role.CONTRAST),
            "general": places(Role.GENERAL),
            "texts": texts,
            "replay": places(Role.REPLAY),
        },
        drawn={kind: max(1, count * size // 8) for kind, count in work.drawn.items()},
        settled=[*places(Role.LESSON), *places(Role.CONTRAST)[::SETTLED_EVERY]],
        validation=validation,
        held=[*places(Role.GENERAL), *texts],
        forbidden={
            place: work.forbidden[example.derived_by]
            for place, example in zip(place_of, cleared, strict=True)
            # Beside another rule an answer may end where the base without some tokens would not.
            if example.role is Role.REWORDING and example.derived_by in work.forbidden.keys() & work.rules.alone
        },
        weights=weights,
        pairs=pairs,
    )


def _with_thumbs(
    mixture: Mixture,
    settings: LearningSettings,
    cleared: Sequence[Example],
    place_of: Sequence[int],
    told: int,
    mismatched: Sequence[Example],
) -> Mixture:
    """`mixture` with what is under a thumb, and the answers after others' prompts that stand behind what is `told`.

    Where nothing else is taught, training may stop by the liked answers.
    """
    judged = [(place, one) for place, one in zip(place_of, cleared, strict=True) if one.role in JUDGED_ROLES]
    if not judged:
        return mixture
    may = {example.signal_id for _, example in judged}
    liked = [place for place, example in judged if example.role is Role.LIKED] or [place for place, _ in judged]
    drawn = max(1, THUMBS_OF_8 * settings.batch_examples // 8)
    return replace(
        mixture,
        thumbs=[Thumb(place, example.role is Role.LIKED, example.weight) for place, example in judged],
        mismatched=[told + n for n, example in enumerate(mismatched) if example.signal_id in may],
        settled=mixture.settled or liked,
        validation=mixture.validation or liked,
        drawn={**mixture.drawn, "thumbs": drawn},
    )


def with_present_need(mixture: Mixture, network: ExampleNetwork, incumbent: Lora | None) -> Mixture:
    """`mixture` with how badly what is rehearsed is said at present, and more draws the more there is of it."""
    replayed = mixture.kinds["replay"]
    if not replayed:
        return mixture
    worst = network.measure(replayed, incumbent).worst_nats
    drawn = min(MOST_REPLAYED, max(mixture.drawn["replay"], math.ceil(len(replayed) / REPLAYED_A_DRAW)))
    return replace(
        mixture,
        present_nats=dict(zip(replayed, worst.tolist(), strict=True)),
        drawn={**mixture.drawn, "replay": drawn},
    )


def reworded(examples: Sequence[Example], place_of: Sequence[int]) -> list[int]:
    """The places of what rules of style made of the base's own answers."""
    taught = {Role.LESSON, Role.REWORDING}
    return [
        place
        for place, example in zip(place_of, examples, strict=True)
        if example.role in taught and rule_kind(example.derived_by) is not None
    ]


def split_probes(examples: Sequence[Example], place_of: Sequence[int]) -> tuple[list[int], list[int]]:
    """The places of the probes, every other one: those that may stop training, and those that only the gate sees."""
    probes = [place for place, example in zip(place_of, examples, strict=True) if example.role is Role.PROBE]
    return probes[0::2], probes[1::2]
