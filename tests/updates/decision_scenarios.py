"""Decisions about updates and lessons that are cut off in `test_crash_safety`: a canary's, a review's, a watch's.

Each is one transaction, so what is found afterwards is all of the state before or all of the state after: rows, ledger,
signals, and what the user is told.
"""

from __future__ import annotations

from pathlib import Path

from edge_seal.adaptation.signals import SignalBox
from edge_seal.config import CanarySettings, RollbackSettings
from edge_seal.records import State
from edge_seal.updates import announcements
from edge_seal.updates.lesson_approvals import LessonApprovals
from edge_seal.updates.review import Reviews
from tests.updates.crash_scenarios import settled
from tests.updates.scene import Scene
from tests.updates.test_canary import Day
from tests.updates.test_watch import Watched

CANARY = CanarySettings(minimum_pairs=3, maximum_conversations=400)
WATCH = RollbackSettings(turns=32)


class CanaryStarts:
    """An update goes on the canary."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        scene.learned()
        scene.brought_to(State.GATED, signal=scene.signal())
        # A cycle would be abandoned by the next start; what a person approves is not.
        scene.releases.advance("u2", State.AWAITING_APPROVAL, actor="cycle", body={})
        scene.close()

    def act(self, directory: Path) -> None:
        scene = Scene(directory)
        Day.canaries_of(scene, CANARY).start("u2", "user")

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        canaries = Day.canaries_of(scene, CANARY)
        running, report = canaries.running(), canaries.report("u2")
        found = (scene.releases.get("u2").state, running is not None, report is not None)
        scene.close()
        return {
            (State.AWAITING_APPROVAL, False, False): "before",
            (State.CANARY, True, True): "after",
        }.get(found, repr(found))


class CanaryTakesBack:
    """The conversations show that the candidate is worse."""

    kinds = {"candidate": "bad"}  # noqa: RUF012  # read, never changed
    after = (State.ACTIVE, State.ROLLED_BACK, "dropped", 1)

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        scene.learned()
        day = Day(scene, CANARY)
        while not day.canaries.due():
            day.talk(1, **self.kinds)
        scene.close()

    def act(self, directory: Path) -> None:
        scene = Scene(directory)
        decision = Day.canaries_of(scene, CANARY).settle()
        assert decision is not None

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        first, second = scene.states().values()
        found = (first, second, scene.signal_state("s2"), len(announcements.untold(scene.database)))
        due = Day.canaries_of(scene, CANARY).due()
        scene.close()
        before = (State.ACTIVE, State.CANARY, "pending", 0)
        return {(*before, True): "before", (*self.after, False): "after"}.get((*found, due), repr((found, due)))


class CanaryPromotes(CanaryTakesBack):
    """The conversations show that the candidate is better."""

    kinds = {"candidate": "good", "incumbent": "bad"}  # noqa: RUF012  # as above
    after = (State.RETIRED, State.ACTIVE, "learned", 1)


class ReviewUndoes:
    """A review accepts the first of three updates and undoes the second, with the third built on it."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        for _ in range(3):
            scene.learned()
        scene.close()

    def act(self, directory: Path) -> None:
        scene = Scene(directory)
        self._reviews(scene).done(["u1"], "u2", "user")

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        pending = [item.update.id for item in self._reviews(scene).pending()]
        signals = [scene.signal_state(f"s{number}") for number in (1, 2, 3)]
        found = repr((list(scene.states().values()), signals, pending))
        scene.close()
        before = ([State.RETIRED, State.RETIRED, State.ACTIVE], ["learned"] * 3, ["u1", "u2", "u3"])
        after = ([State.ACTIVE, *[State.ROLLED_BACK] * 2], ["learned", "dropped", "pending"], [])
        return {repr(before): "before", repr(after): "after"}.get(found, found)

    def _reviews(self, scene: Scene) -> Reviews:
        return Reviews(scene.database, scene.ledger, scene.releases, scene.clock)


class WatchTakesBack:
    """The answers of the active update have left their control limits."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        watched = Watched(scene, WATCH)
        watched.turns(60, bad=3)
        watched.learned()
        watched.turns(8, bad=8)
        scene.close()

    def act(self, directory: Path) -> None:
        assert Watched(Scene(directory), WATCH).watch.act() is not None

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        alarmed = len(scene.ledger.of_events("watch.alarmed"))
        told, due = len(announcements.untold(scene.database)), Watched(scene, WATCH).watch.due()
        found = (scene.releases.get("u1").state, scene.signal_state("s4"), alarmed, told, due)
        scene.close()
        return {
            (State.ACTIVE, "learned", 0, 0, True): "before",
            (State.ROLLED_BACK, "dropped", 1, 1, False): "after",
        }.get(found, repr(found))


class LetLessonIn:
    """A person lets a lesson in that the guardian put aside."""

    def prepare(self, directory: Path) -> None:
        scene = Scene(directory)
        scene.signal("What is my e-mail?", "anna@posti.fi")
        scene.close()

    def act(self, directory: Path) -> None:
        scene = Scene(directory)
        (signal,) = SignalBox(scene.database, scene.clock, scene.ledger).all()
        self._approvals(scene).let_in(signal, ["personal.email"], "user")

    def judge(self, directory: Path, ended: str) -> str:
        scene = settled(directory)
        rules = self._approvals(scene).rules_of(SignalBox(scene.database, scene.clock, scene.ledger).all())
        found = (rules, len(scene.ledger.of_events("signal.approved")))
        scene.close()
        return {
            repr(({}, 0)): "before",
            repr(({"s1": frozenset({"personal.email"})}, 1)): "after",
        }.get(repr(found), repr(found))

    def _approvals(self, scene: Scene) -> LessonApprovals:
        return LessonApprovals(scene.database, scene.ledger, scene.clock)
