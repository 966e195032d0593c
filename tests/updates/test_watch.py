from __future__ import annotations

import random

import pytest

from edge_seal.config import GateSettings, RollbackSettings
from edge_seal.conversation import Conversations
from edge_seal.records import Origin, State, Timing, Turn, Update
from edge_seal.updates import announcements
from edge_seal.updates.watch import TurnCounts, Watch, alarms
from tests.updates.scene import BASE_SHA256, Scene

SETTINGS = RollbackSettings(turns=32)


class Watched:
    def __init__(self, scene: Scene, settings: RollbackSettings = SETTINGS) -> None:
        self.scene = scene
        self.watch = Watch(scene.database, scene.ledger, scene.releases, scene.clock, settings, GateSettings())
        self.conversations = Conversations(scene.database, scene.clock)

    def turns(self, count: int, *, bad: int = 0, answer: str = "Hi there", kind: str = "bad") -> None:
        """So many turns of what answers now, the first `bad` of them with a thumb down."""
        active = self.scene.releases.active()
        timing = Timing(1, 0, 1, 0.1, 0.1)
        by = None if active is None else active.id
        with self.scene.database.transaction():
            for place in range(count):
                self.scene.clock.pass_by(seconds=1)
                said = Turn("", "", "", f"Question {place}", answer, Origin.TYPED, by, (), timing)
                kept = self.conversations.keep(said, base_sha256=BASE_SHA256, seed=1)
                if place < bad:
                    self.scene.database.execute(
                        "INSERT INTO signals (created_at, kind, prompt, answer, origin, turn_id)"
                        " VALUES ('now', ?, '', '', 'model', ?)",
                        (kind, int(kept.id[1:])),
                    )

    def learned(self) -> Update:
        self.scene.clock.pass_by(seconds=1)
        return self.scene.learned()


def test_an_update_that_gets_thumbs_down_is_taken_back_and_the_user_is_told(scene: Scene) -> None:
    watched = Watched(scene)
    watched.turns(60, bad=3)
    update = watched.learned()
    watched.turns(7, bad=7)
    assert not watched.watch.due()
    watched.turns(1, bad=1)
    taken = watched.watch.act()
    assert taken is not None
    assert (taken.update.id, taken.active) == (update.id, None)
    assert scene.states() == {update.id: State.ROLLED_BACK}
    assert [alarm.name for alarm in taken.alarms] == ["thumbs down"]
    events = [(entry.event, entry.actor) for entry in scene.ledger.entries()][-2:]
    assert events == [("watch.alarmed", "canary"), ("update.rolled_back", "canary")]
    (told,) = announcements.untold(scene.database)
    assert f"edge-seal rollback {update.id}" in told.words
    assert scene.releases.audit().intact


@pytest.mark.parametrize(("kind", "name"), [("correction", "corrections"), ("bad", "thumbs down")])
def test_it_is_the_kind_that_left_its_limits_that_is_named(scene: Scene, kind: str, name: str) -> None:
    watched = Watched(scene)
    watched.turns(60)
    watched.learned()
    watched.turns(8, bad=6, kind=kind)
    taken = watched.watch.act()
    assert taken is not None
    assert [alarm.name for alarm in taken.alarms] == [name]


def test_a_clock_set_back_after_the_activation_hides_no_answer(scene: Scene) -> None:
    watched = Watched(scene)
    watched.turns(60, bad=3)
    scene.clock.pass_by(days=300)
    update = watched.learned()
    scene.clock.pass_by(days=-300)
    watched.turns(8, bad=8)
    taken = watched.watch.act()
    assert taken is not None
    assert taken.update.id == update.id
    # Nor does an alarm that lies ahead keep the next one from being acted on.
    scene.clock.pass_by(days=-2)
    watched.learned()
    watched.turns(8, bad=8)
    assert watched.watch.act() is not None


def test_broken_answers_need_no_history(scene: Scene) -> None:
    watched = Watched(scene)
    watched.learned()
    watched.turns(8, answer="no no no no no no no")
    taken = watched.watch.act()
    assert taken is not None
    assert [alarm.name for alarm in taken.alarms] == ["broken answers"]


def test_without_history_thumbs_take_nothing_back(scene: Scene) -> None:
    watched = Watched(scene)
    watched.turns(5)
    watched.learned()
    watched.turns(16, bad=16)
    assert watched.watch.act() is None


def test_as_good_as_before_stays(scene: Scene) -> None:
    watched = Watched(scene)
    watched.turns(60, bad=12)
    update = watched.learned()
    for _ in range(4):
        watched.turns(8, bad=2)
        assert watched.watch.act() is None
    assert scene.releases.active() == scene.releases.get(update.id)


def test_each_place_is_looked_at_once_and_none_after_the_last(scene: Scene) -> None:
    watched = Watched(scene)
    watched.learned()
    looks = 0
    for _ in range(70):
        watched.turns(1)
        if watched.watch.due():
            looks += 1
            watched.watch.act()
            assert not watched.watch.due()
    assert looks == 3  # after 8, 16 and 32


def test_what_a_user_brings_back_stays_and_nothing_flaps(scene: Scene) -> None:
    watched = Watched(scene, RollbackSettings(turns=32, hours_between=0))
    watched.turns(60)
    first = watched.learned()
    watched.turns(8)
    second = watched.learned()
    watched.turns(8, bad=8)
    taken = watched.watch.act()
    assert taken is not None
    assert taken.active == scene.releases.get(first.id)
    # What was under it is not watched anew, whatever is said of it now.
    for _ in range(5):
        watched.turns(8, bad=8)
        assert watched.watch.act() is None
    scene.releases.to(second.id, "user")
    for _ in range(5):
        watched.turns(8, bad=8)
        assert watched.watch.act() is None
    assert scene.releases.active() == scene.releases.get(second.id)


def test_after_one_there_is_none_for_a_while(scene: Scene) -> None:
    watched = Watched(scene)
    watched.turns(60)
    watched.learned()
    watched.turns(8, bad=8)
    assert watched.watch.act() is not None
    second = watched.learned()
    watched.turns(8, bad=8)
    assert watched.watch.act() is None
    scene.clock.pass_by(hours=25)
    watched.turns(8, bad=8)
    taken = watched.watch.act()
    assert taken is not None
    assert taken.update.id == second.id


def test_switched_off_it_does_nothing(scene: Scene) -> None:
    watched = Watched(scene, RollbackSettings(automatic=False))
    watched.turns(60)
    watched.learned()
    watched.turns(16, bad=16)
    assert not watched.watch.due()


def test_drift_beyond_the_bound_that_is_set_now_is_an_alarm() -> None:
    fine = TurnCounts(turns=8)
    assert alarms(fine, fine, false_alarm=0.00135, drift=0.2, drift_bound=0.3) == ()
    (alarm,) = alarms(fine, fine, false_alarm=0.00135, drift=0.4, drift_bound=0.3)
    assert alarm.name == "drift"


@pytest.mark.parametrize("share", [0.02, 0.15, 0.4])
def test_false_alarms_of_a_whole_watch_are_few(share: float) -> None:
    """800 watches of an update that is as good as what was before: 200 turns before, looks after 8, 16, 32 and 64."""
    generator = random.Random(5)

    def counted(turns: int) -> TurnCounts:
        said = [generator.random() for _ in range(turns)]
        down = sum(value < share for value in said)
        return TurnCounts(turns, thumbs_down=down, thumbs_up=sum(share <= value < 2 * share for value in said))

    alarmed = 0
    for _ in range(800):
        before, parts = counted(200), [counted(count) for count in (8, 8, 16, 32)]
        after = TurnCounts()
        for part in parts:
            after = TurnCounts(
                after.turns + part.turns, after.thumbs_up + part.thumbs_up, after.thumbs_down + part.thumbs_down
            )
            if alarms(before, after, false_alarm=0.00135):
                alarmed += 1
                break
    assert alarmed / 800 < 0.025
