from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from edge_seal.archive import Archive
from edge_seal.config import CanarySettings
from edge_seal.conversation import Conversations
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.records import Origin, State, Timing, Turn
from edge_seal.updates import announcements
from edge_seal.updates.canary import Arm, Canaries, CanaryReport, drawn_share
from edge_seal.updates.forgetting import Forgetting
from edge_seal.updates.ledger import body_of
from edge_seal.updates.sequential import Finding
from tests.updates.scene import BASE_SHA256, Scene

SETTINGS = CanarySettings(minimum_pairs=3, maximum_conversations=40)


class Day:
    """A canary on a scene, and a user who talks."""

    def __init__(self, scene: Scene, settings: CanarySettings = SETTINGS) -> None:
        self.scene = scene
        self.canaries = self.canaries_of(scene, settings)
        self.conversations = Conversations(scene.database, scene.clock)
        self.signal = scene.signal()
        self.update = scene.brought_to(State.GATED, signal=self.signal)
        self.canaries.start(self.update.id, "cycle")

    @staticmethod
    def canaries_of(scene: Scene, settings: CanarySettings) -> Canaries:
        return Canaries(scene.database, scene.releases, scene.clock, settings)

    @property
    def state(self) -> State:
        return self.scene.releases.get(self.update.id).state

    def turn(
        self, conversation: str | None = None, *, prompt: str = "Hello", answer: str = "Hi there", bears: bool = True
    ) -> tuple[Turn, Arm]:
        arm = self.canaries.arm(self.update, conversation)
        assert arm is not None
        timing = Timing(1, 0, 1, 0.1, 0.1)
        by = self.update.id if arm is Arm.CANDIDATE else None
        said = Turn("", conversation or "", "", prompt, answer, Origin.TYPED, by, (), timing)

        def joined(conversation_id: str) -> None:
            if conversation is None:
                self.canaries.joined(self.update, conversation_id, arm, bears=bears)
            elif bears:
                self.canaries.bore(self.update, conversation_id)

        return self.conversations.keep(said, base_sha256=BASE_SHA256, seed=1, on_kept=joined), arm

    def tell(self, turn: Turn, kind: str) -> None:
        self.scene.database.execute(
            "INSERT INTO signals (created_at, kind, prompt, answer, origin, turn_id)"
            " VALUES ('now', ?, '', '', 'model', ?)",
            (kind, int(turn.id[1:])),
        )

    def talk(self, conversations: int, **kinds: str) -> None:
        """So many conversations of one turn; `candidate="bad"` says what the user says of that arm's."""
        self._talk(conversations, kinds, bears=True)

    def talk_elsewhere(self, conversations: int, **kinds: str) -> None:
        """As `talk`, where no question bears on what the candidate learned."""
        self._talk(conversations, kinds, bears=False)

    def _talk(self, conversations: int, kinds: Mapping[str, str], *, bears: bool) -> None:
        with self.scene.database.transaction():
            for _ in range(conversations):
                turn, arm = self.turn(bears=bears)
                if arm in kinds:
                    self.tell(turn, kinds[arm])


# What counts ----------------------------------------------------------------------------------------------


def report(day: Day) -> CanaryReport:
    found = day.canaries.report(day.update.id)
    assert found is not None
    return found


def test_conversations_that_do_not_touch_what_was_learned_do_not_count(scene: Scene) -> None:
    day = Day(scene)
    # Everything else goes badly with the one arm: by chance, since both are answered by the same.
    day.talk_elsewhere(30, candidate="bad")
    assert not day.canaries.due()
    found = report(day)
    assert (found.conversations, found.elsewhere, found.pairs.compared) == (0, 30, 0)
    assert "30 more did not touch what it learned" in found.words
    day.talk(10, candidate="good", incumbent="bad")
    assert report(day).pairs.worse == 0
    assert report(day).as_json()["elsewhere"] == 30


def test_a_conversation_counts_from_its_first_question_that_does_in_that_order(scene: Scene) -> None:
    day = Day(scene)
    turns = [day.turn(bears=False) for _ in range(8)]
    for turn, _ in reversed(turns):
        day.turn(turn.conversation_id)
        day.turn(turn.conversation_id)
    day.talk_elsewhere(1)
    rows = scene.database.rows("SELECT conversation_id FROM canary_conversations WHERE counted > 0 ORDER BY counted")
    assert [f"c{row[0]}" for row in rows] == [turn.conversation_id for turn, _ in reversed(turns)]
    assert (report(day).conversations, report(day).elsewhere) == (8, 1)


def test_it_is_over_where_hardly_any_conversation_touches_it(scene: Scene) -> None:
    day = Day(scene, CanarySettings(minimum_pairs=3, maximum_conversations=10))
    day.talk_elsewhere(29)
    assert not report(day).is_over
    day.talk_elsewhere(1)
    assert report(day).is_over
    assert "you decide" in report(day).words


def test_an_answer_that_did_not_come_about_elsewhere_is_nobodys_fault(scene: Scene) -> None:
    day = Day(scene)
    day.canaries.failed(day.update, None, Arm.CANDIDATE, bears=False)
    day.turn(bears=False)
    assert (report(day).conversations, report(day).elsewhere) == (0, 2)
    day.canaries.failed(day.update, None, Arm.CANDIDATE)
    assert report(day).candidate.errors == 1


# Arms -----------------------------------------------------------------------------------------------------


def test_a_conversation_keeps_its_arm_and_about_a_share_is_the_candidates(scene: Scene) -> None:
    day = Day(scene, CanarySettings(share=0.25))
    with scene.database.transaction():
        first = [day.turn() for _ in range(60)]
    drawn = [drawn_share(bytes(32), place) < 0.25 for place in range(4000)]
    assert sum(drawn) / 4000 == pytest.approx(0.25, abs=0.03)
    assert {arm for _, arm in first} == set(Arm)
    for turn, arm in first[:20]:
        assert [day.turn(turn.conversation_id)[1] for _ in range(3)] == [arm] * 3
    report = day.canaries.report(day.update.id)
    assert report is not None
    # The last one may still be judged.
    assert report.conversations == 59


def test_asking_for_the_arm_draws_nothing(scene: Scene) -> None:
    day = Day(scene)
    arms: list[Arm] = []
    for _ in range(30):
        assert len({day.canaries.arm(day.update, None) for _ in range(5)}) == 1
        arms.append(day.turn()[1])
    assert len(set(arms)) == 2


def test_a_conversation_from_before_is_in_no_arm(scene: Scene) -> None:
    conversations = Conversations(scene.database, scene.clock)
    timing = Timing(1, 0, 1, 0.1, 0.1)
    said = Turn("", "", "", "Hello", "Hi", Origin.TYPED, None, (), timing)
    before = conversations.keep(said, base_sha256=BASE_SHA256, seed=1)
    day = Day(scene)
    assert day.canaries.arm(day.update, before.conversation_id) is None


def test_a_turn_that_is_not_kept_is_in_no_arm_either(scene: Scene) -> None:
    day = Day(scene)

    def interrupted() -> None:
        with scene.database.transaction():
            day.turn()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert scene.database.row("SELECT count(*) FROM canary_conversations") == (0,)
    assert scene.database.row("SELECT drawn FROM canaries") == (0,)


def test_the_arms_are_no_secret_of_the_order_alone(scene: Scene) -> None:
    """Two canaries draw differently: each has a key of its own."""
    day = Day(scene)
    first = [day.turn()[1] for _ in range(40)]
    day.canaries.take_back(day.update.id, "user")
    other = Day(scene)
    assert [other.turn()[1] for _ in range(40)] != first


# What conversations lead to -------------------------------------------------------------------------------


def test_a_worse_candidate_is_taken_back_and_the_ledger_says_by_which_figures(scene: Scene) -> None:
    day = Day(scene)
    day.talk(40, candidate="bad")
    assert day.canaries.due()
    decision = day.canaries.settle()
    assert decision is not None
    assert (decision.outcome, day.state) == ("rolled_back", State.ROLLED_BACK)
    assert scene.signal_state(day.signal) == "dropped"
    entry = list(scene.ledger.entries())[-1]
    assert (entry.event, entry.actor) == ("update.rolled_back", "canary")
    figures = cast("dict[str, Any]", body_of(entry)["canary"])
    assert figures["finding"] == "worse"
    assert figures["candidate"]["thumbs_down"] == figures["candidate"]["conversations"]
    assert figures["incumbent"]["thumbs_down"] == 0
    assert scene.releases.audit().intact
    (told,) = announcements.untold(scene.database)
    assert "went worse" in told.words
    assert day.canaries.settle() is None


def test_a_better_candidate_is_promoted(scene: Scene) -> None:
    day = Day(scene)
    day.talk(40, incumbent="correction", candidate="good")
    decision = day.canaries.settle()
    assert decision is not None
    assert (decision.outcome, day.state) == ("promoted", State.ACTIVE)
    assert scene.releases.serving() == (scene.releases.get(day.update.id), ())
    assert scene.signal_state(day.signal) == "learned"
    assert scene.releases.audit().intact


@pytest.mark.parametrize("kinds", [{}, *({"candidate": kind, "incumbent": kind} for kind in ("bad", "good"))])
def test_equal_arms_are_kept_on_until_a_person_decides(scene: Scene, kinds: dict[str, str]) -> None:
    day = Day(scene)
    day.talk(41, **kinds)
    assert day.canaries.settle() is None
    report = day.canaries.report(day.update.id)
    assert report is not None
    assert report.is_over
    assert "you decide" in report.words
    assert day.state is State.CANARY


def test_where_it_is_set_an_undecided_one_is_promoted_at_its_end(scene: Scene) -> None:
    day = Day(scene, CanarySettings(maximum_conversations=10, undecided="promote"))
    day.talk(9)
    assert day.canaries.settle() is None
    day.talk(2)
    decision = day.canaries.settle()
    assert decision is not None
    assert (decision.outcome, decision.report.finding) == ("promoted", Finding.OPEN)


@pytest.mark.parametrize(
    ("answers", "counted"),
    [
        ([("Hello", "Hi")], {}),
        ([("Hello", "")], {"broken": 1}),
        ([("Hello", "no no no no no no no")], {"broken": 1}),
        ([("Hello", "Hi"), ("Hello ", "Hey")], {"regenerations": 1}),
        ([("Hello", "Hi"), ("And you?", "Fine"), ("Hello", "Hi")], {}),
    ],
)
def test_health_and_asking_again_count_without_a_word_of_the_user(
    scene: Scene, answers: Sequence[tuple[str, str]], counted: dict[str, int]
) -> None:
    day = Day(scene)
    conversation: str | None = None
    arm = Arm.CANDIDATE
    for prompt, answer in answers:
        turn, arm = day.turn(conversation, prompt=prompt, answer=answer)
        conversation = turn.conversation_id
    day.turn()
    report = day.canaries.report(day.update.id)
    assert report is not None
    outcome = report.candidate if arm is Arm.CANDIDATE else report.incumbent
    assert {name: getattr(outcome, name) for name in ("broken", "regenerations") if getattr(outcome, name)} == counted
    assert outcome.bad_conversations == bool(counted)


def test_an_answer_that_did_not_come_about_counts_against_its_arm(scene: Scene) -> None:
    day = Day(scene)
    day.canaries.failed(day.update, None, Arm.CANDIDATE)
    turn, arm = day.turn()
    day.canaries.failed(day.update, turn.conversation_id, arm)
    day.turn()
    report = day.canaries.report(day.update.id)
    assert report is not None
    assert report.candidate.errors + report.incumbent.errors == 2
    assert report.candidate.errors >= 1


def test_settings_that_change_do_not_change_a_canary_that_runs(scene: Scene) -> None:
    day = Day(scene)
    day.talk(40, candidate="bad")
    lax = Canaries(scene.database, scene.releases, scene.clock, CanarySettings(minimum_pairs=900))
    assert lax.due()


# By hand, and what ends it --------------------------------------------------------------------------------


def test_a_person_may_end_it_either_way(scene: Scene) -> None:
    day = Day(scene)
    assert day.canaries.promote(day.update.id, "user").state is State.ACTIVE
    with pytest.raises(EdgeSealError, match="not on the canary"):
        day.canaries.promote(day.update.id, "user")
    other = Day(scene)
    assert other.canaries.take_back(other.update.id, "user").state is State.ROLLED_BACK
    assert scene.releases.active() == scene.releases.get(day.update.id)


def test_one_at_a_time(scene: Scene) -> None:
    day = Day(scene)
    second = scene.brought_to(State.GATED)
    with pytest.raises(EdgeSealError, match=f"{day.update.id} is on the canary"):
        day.canaries.start(second.id, "cycle")
    assert scene.releases.get(second.id).state is State.GATED


def test_it_ends_when_its_incumbent_goes_and_its_lessons_wait(scene: Scene) -> None:
    scene.learned()
    day = Day(scene)
    assert scene.releases.held_signals() == {day.signal}
    scene.releases.to_base("user")
    assert day.canaries.running() is None
    assert scene.releases.held_signals() == frozenset()
    (ended,) = day.canaries.end_stale("user")
    assert (ended.id, ended.state) == (day.update.id, State.ABANDONED)
    assert scene.signal_state(day.signal) == "pending"
    assert day.canaries.end_stale("user") == ()
    assert scene.releases.audit().intact


def test_a_changed_adapter_answers_nobody_and_is_not_promoted(scene: Scene) -> None:
    day = Day(scene)
    scene.adapters.path(str(day.update.adapter_sha256)).write_bytes(b"other weights")
    assert "was changed" in str(scene.releases.trial_problem(scene.releases.get(day.update.id), BASE_SHA256))
    with pytest.raises(IntegrityError):
        day.canaries.promote(day.update.id, "user")
    assert day.state is State.CANARY


@pytest.mark.parametrize(
    "change", ["false_promotion = 0.99", "least_pairs = 0", "false_rollback = 0.000001", "most_conversations = 1"]
)
def test_a_canary_whose_design_was_changed_by_hand_decides_nothing(scene: Scene, change: str) -> None:
    day = Day(scene)
    day.talk(16, candidate="good", incumbent="bad")
    scene.database.execute(f"UPDATE canaries SET {change}")  # noqa: S608  # our own words
    assert not day.canaries.due()
    assert day.canaries.settle() is None
    assert day.state is State.CANARY
    (problem,) = day.canaries.problems()
    assert change.split(" ", maxsplit=1)[0] in problem
    # A person still may.
    day.canaries.take_back(day.update.id, "user")
    assert day.canaries.problems() == ()


def test_an_update_made_a_candidate_by_hand_is_none(scene: Scene) -> None:
    update = scene.brought_to(State.GATED)
    scene.database.execute("UPDATE updates SET state = 'canary' WHERE id = ?", (int(update.id[1:]),))
    assert scene.releases.trial_problem(scene.releases.get(update.id), BASE_SHA256) is not None


def test_it_goes_on_after_a_restart(scene: Scene) -> None:
    day = Day(scene)
    day.talk(12, candidate="good")
    before = day.canaries.report(day.update.id)
    scene = scene.reopened()
    scene.releases.recover()
    again = Canaries(scene.database, scene.releases, scene.clock, SETTINGS)
    assert again.running() == scene.releases.get(day.update.id)
    assert again.report(day.update.id) == before
    scene.close()


# Forgetting -----------------------------------------------------------------------------------------------


def test_forgetting_its_lesson_ends_it(scene: Scene) -> None:
    day = Day(scene)
    forgetting = Forgetting(scene.database, scene.ledger, scene.adapters, scene.releases)
    (reached,) = forgetting.forget([day.signal], "user")
    assert (reached.outcome, day.state) == ("refused", State.REJECTED)
    assert day.canaries.running() is None


def test_a_deleted_conversation_is_counted_no_more(scene: Scene) -> None:
    day = Day(scene)
    turn, _ = day.turn()
    day.talk(3)
    before = day.canaries.report(day.update.id)
    Archive(scene.database, day.conversations).delete(turn.conversation_id, lambda _: None)
    after = day.canaries.report(day.update.id)
    assert before is not None
    assert after is not None
    assert after.conversations == before.conversations - 1
    assert day.state is State.CANARY
