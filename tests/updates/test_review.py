from __future__ import annotations

from datetime import timedelta

import pytest

from edge_seal.errors import EdgeSealError
from edge_seal.records import State
from edge_seal.updates.ledger import body_of
from edge_seal.updates.review import Reviews
from tests.updates.scene import Scene


@pytest.fixture
def reviews(scene: Scene) -> Reviews:
    return Reviews(scene.database, scene.ledger, scene.releases, scene.clock)


def ids(reviews: Reviews) -> list[str]:
    return [item.update.id for item in reviews.pending()]


def test_what_was_learned_since_the_last_one_comes_oldest_first(scene: Scene, reviews: Reviews) -> None:
    assert ids(reviews) == []
    scene.learned()
    scene.learned()
    scene.brought_to(State.AWAITING_APPROVAL)
    assert ids(reviews) == ["u1", "u2"]
    assert [lesson.answer for lesson in reviews.pending()[0].lessons] == ["Rex"]
    assert reviews.done(["u1"], None, "user") is None
    assert ids(reviews) == ["u2"]
    assert reviews.last() is not None
    entry = list(scene.ledger.entries())[-1]
    assert (entry.event, entry.actor, body_of(entry)["accepted"]) == ("review.done", "user", ["u1"])


def test_undoing_the_last_goes_back_to_its_parent(scene: Scene, reviews: Reviews) -> None:
    scene.learned()
    second = scene.learned()
    plan = reviews.plan(second.id)
    assert (plan.target, plan.taken_back, plan.waiting) == ("u1", ("u2",), ())
    assert reviews.done(["u1"], second.id, "user") == plan
    assert scene.states() == {"u1": State.ACTIVE, "u2": State.ROLLED_BACK}
    assert [scene.signal_state(s) for s in ("s1", "s2")] == ["learned", "dropped"]
    assert ids(reviews) == []
    assert scene.releases.audit().intact


def test_undoing_one_in_the_middle_lets_the_lessons_of_later_ones_wait(scene: Scene, reviews: Reviews) -> None:
    for _ in range(4):
        scene.learned()
    plan = reviews.plan("u2")
    assert "u3, u4 were built on it and go with it: their 2 lessons wait" in plan.words
    reviews.done(["u1"], "u2", "user")
    active = scene.releases.active()
    assert active is not None
    assert active.id == "u1"
    assert [scene.signal_state(f"s{n}") for n in (1, 2, 3, 4)] == ["learned", "dropped", "pending", "pending"]
    assert scene.releases.audit().intact


def test_what_an_update_rehearsed_of_those_under_it_stays_learned_and_is_not_told(
    scene: Scene, reviews: Reviews
) -> None:
    scene.learned()
    for number in (2, 3):
        update = scene.brought_to(State.GATED, signal=scene.signal())
        # A person approved them: what they name as learned are the lessons of all their examples.
        scene.releases.activate(update.id, "user", {}, [f"s{n}" for n in range(1, number + 1)])
    plan = reviews.plan("u2")
    assert (plan.dropped, plan.waiting) == (("s2",), ("s3",))
    assert reviews.done([], "u2", "user") == plan
    assert [scene.signal_state(f"s{n}") for n in (1, 2, 3)] == ["learned", "dropped", "pending"]
    assert scene.releases.audit().intact


def test_undoing_the_first_goes_to_the_base(scene: Scene, reviews: Reviews) -> None:
    scene.learned()
    assert reviews.plan("u1").target == "base"
    reviews.done([], "u1", "user")
    assert scene.releases.active() is None


def test_what_cannot_be_is_refused_and_changes_nothing(scene: Scene, reviews: Reviews) -> None:
    scene.learned()
    scene.learned()
    waiting = scene.brought_to(State.AWAITING_APPROVAL)
    before = list(scene.ledger.entries())
    for accepted, undone in ((["u9"], None), (["u2"], "u1"), ([], waiting.id), ([waiting.id], None)):
        with pytest.raises(EdgeSealError):
            reviews.done(accepted, undone, "user")
    assert list(scene.ledger.entries()) == before


def test_what_was_taken_back_by_other_means_is_not_there_to_be_reviewed(scene: Scene, reviews: Reviews) -> None:
    scene.learned()
    scene.learned()
    scene.releases.to("u1", "user")
    assert ids(reviews) == ["u1"]


def test_it_is_overdue_by_the_age_of_the_oldest(scene: Scene, reviews: Reviews) -> None:
    week = timedelta(days=7)
    scene.learned()
    scene.clock.pass_by(days=6)
    scene.learned()
    assert reviews.overdue(week) is None
    scene.clock.pass_by(days=1)
    assert reviews.overdue(week) == week
    reviews.done(["u1"], None, "user")
    assert reviews.overdue(week) is None
    scene.clock.pass_by(days=6)
    assert reviews.overdue(week) == week


def test_a_clock_set_back_postpones_no_reminder(scene: Scene, reviews: Reviews) -> None:
    scene.clock.pass_by(days=300)
    scene.learned()
    scene.clock.pass_by(days=-300)
    assert reviews.overdue(timedelta(days=7)) == timedelta(days=7)
    reviews.done(["u1"], None, "user")
    assert reviews.overdue(timedelta(days=7)) is None
