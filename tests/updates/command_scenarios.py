"""What a person decides by a command, cut off in `test_crash_safety`: approve, promote, reject, review, the schedule.

Each goes the way of the command itself, through the runtime: the write lock, the head file, and what is swept after it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from edge_seal import scheduling
from edge_seal.adaptation.signals import lesson
from edge_seal.records import Example, Origin, Role, State
from edge_seal.runtime import Runtime
from edge_seal.updates import announcements
from tests.safekeeping.world import home_at
from tests.updates.scene import BASE_SHA256, HandClock

WORD = "Okapi"


def opened(directory: Path) -> Runtime:
    return Runtime.open(home_at(directory / "home"), HandClock())


def trained(runtime: Runtime, directory: Path, number: int, *, to: State) -> str:
    """An update with one lesson on top of the active one, as a cycle would leave it in `to`."""
    answer = f"{WORD} {number}"
    (signal,) = runtime.signals.add_all([lesson("What is my boat called?", answer)])
    releases, active = runtime.releases, runtime.releases.active()
    update = releases.propose(None if active is None else active.id, BASE_SHA256, "one lesson", "cycle")
    for state in (State.SCORED, State.CLEARED):
        releases.advance(update.id, state, actor="cycle", body={})
    example = Example("What is my boat called?", answer, Role.LESSON, Origin.TYPED, signal_id=signal.id)
    file = directory / "weights.gguf"
    file.write_bytes(f"weights that say {answer}".encode())
    stored = runtime.adapters.put(file, {"update": update.id, "examples": [{"answer": answer}]})
    file.unlink()
    releases.trained(update.id, stored, [example], actor="cycle", body={})
    releases.advance(update.id, State.GATED, actor="cycle", body={})
    if to is State.ACTIVE:
        releases.activate(update.id, "cycle", {}, [signal.id])
    elif to is State.AWAITING_APPROVAL:
        releases.advance(update.id, State.AWAITING_APPROVAL, actor="cycle", body={})
    elif to is State.CANARY:
        runtime.canaries.start(update.id, "cycle")
    return update.id


@contextlib.contextmanager
def settled(directory: Path) -> Generator[Runtime]:
    """The home as the next command leaves it, with everything that must hold at any time."""
    with opened(directory) as runtime:
        with runtime.writing():
            pass
        assert runtime.audit().problems == (), runtime.audit().problems
        assert runtime.releases.serving() == (runtime.releases.active(), ())
        named = {update.adapter_sha256 for update in runtime.releases.list() if update.adapter_sha256}
        kept = directory / "home" / "data" / "adapters"
        assert {entry.name for entry in kept.iterdir()} <= named if kept.exists() else True
        yield runtime


class Command:
    """A decision about the second of two updates, in the state `waits`, through the runtime."""

    waits = State.AWAITING_APPROVAL
    before: object
    after: object

    def prepare(self, directory: Path) -> None:
        with opened(directory) as runtime:
            trained(runtime, directory, 1, to=State.ACTIVE)
            trained(runtime, directory, 2, to=self.waits)

    def act(self, directory: Path) -> None:
        with opened(directory) as runtime:
            self.decide(runtime)

    def decide(self, runtime: Runtime) -> None:
        raise NotImplementedError

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            states = tuple(update.state for update in runtime.releases.list())
            signals = tuple(str(signal.state) for signal in runtime.signals.all())
            running = runtime.canaries.running()
            found = (states, signals, running.id if running else None, self.more(runtime, directory))
        return {repr(self.before): "before", repr(self.after): "after"}.get(repr(found), repr(found))

    def more(self, runtime: Runtime, directory: Path) -> object:
        return None


def _state(first: State, second: State, signal: str, running: str | None = None, more: object = None) -> object:
    return (first, second), ("learned", signal), running, more


class Approve(Command):
    """A person lets an update answer that waits."""

    before = _state(State.ACTIVE, State.AWAITING_APPROVAL, "pending")
    after = _state(State.RETIRED, State.ACTIVE, "learned")

    def decide(self, runtime: Runtime) -> None:
        approval = runtime.update_record("u2").approval
        runtime.approve("u2", approval=approval, canary=False)


class ApproveForCanary(Approve):
    """The same, onto the canary first."""

    after = _state(State.ACTIVE, State.CANARY, "pending", "u2")

    def decide(self, runtime: Runtime) -> None:
        runtime.approve("u2", canary=True)


class RejectWaiting(Command):
    """A person refuses an update that waits: its words, its file and its manifest go."""

    before = _state(State.ACTIVE, State.AWAITING_APPROVAL, "pending", more=True)
    after = _state(State.ACTIVE, State.REJECTED, "refused", more=False)

    def decide(self, runtime: Runtime) -> None:
        runtime.reject("u2")

    def more(self, runtime: Runtime, directory: Path) -> object:
        """Whether the refused words are still on the disk."""
        words = f"{WORD} 2".encode()
        return any(words in path.read_bytes() for path in directory.rglob("*") if path.is_file())


class PromoteByHand(Command):
    """A person ends a canary by making its update the active one."""

    waits = State.CANARY
    before = _state(State.ACTIVE, State.CANARY, "pending", "u2")
    after = _state(State.RETIRED, State.ACTIVE, "learned")

    def decide(self, runtime: Runtime) -> None:
        runtime.promote("u2")


class RejectOnCanary(PromoteByHand):
    """A person takes an update back that is on the canary."""

    after = _state(State.ACTIVE, State.ROLLED_BACK, "dropped")

    def decide(self, runtime: Runtime) -> None:
        runtime.reject("u2")


class ReviewAccepts(Command):
    """A review accepts both updates."""

    waits = State.ACTIVE
    before = _state(State.RETIRED, State.ACTIVE, "learned", more=["u1", "u2"])
    after = _state(State.RETIRED, State.ACTIVE, "learned", more=[])

    def decide(self, runtime: Runtime) -> None:
        runtime.finish_review(["u1", "u2"])

    def more(self, runtime: Runtime, directory: Path) -> object:
        return [item.update.id for item in runtime.reviews.pending()]


class ReviewUndoesByCommand(ReviewAccepts):
    """A review accepts the first and takes the second back."""

    after = _state(State.ACTIVE, State.ROLLED_BACK, "dropped", more=[])

    def decide(self, runtime: Runtime) -> None:
        runtime.finish_review(["u1"], "u2")


class RollBackByCommand(Command):
    """Back to the base, with what that does to what was forgotten and to a canary."""

    waits = State.ACTIVE
    before = _state(State.RETIRED, State.ACTIVE, "learned")
    after = (State.ROLLED_BACK, State.ROLLED_BACK), ("dropped", "dropped"), None, None

    def decide(self, runtime: Runtime) -> None:
        runtime.rollback("base")


class LetInByCommand:
    """A person lets a lesson in that the guardian put aside, by its hash."""

    def prepare(self, directory: Path) -> None:
        with opened(directory) as runtime:
            runtime.signals.add_all([lesson("What is my e-mail?", "anna@posti.fi")])

    def act(self, directory: Path) -> None:
        with opened(directory) as runtime:
            (item,) = runtime.put_aside()
            assert item.approval is not None
            runtime.let_in("s1", item.approval)

    def judge(self, directory: Path, ended: str) -> str:
        with settled(directory) as runtime:
            found = (len(runtime.put_aside()), len(runtime.ledger.of_events("signal.approved")))
            assert announcements.untold(runtime.database) == ()
        return {(1, 0): "before", (0, 1): "after"}.get(found, repr(found))


# The schedule ---------------------------------------------------------------------------------------------------

# A session that remembers whether it keeps the schedule. It is another program: faults do not reach it.
_SYSTEMCTL = """#!/bin/sh
unset LD_PRELOAD
case "$*" in
  *enable*--now*) case "$*" in *disable*) rm -f "$KEPT";; *) : > "$KEPT";; esac;;
  *is-active*) test -f "$KEPT";;
esac
"""


class ScheduleOn:
    """The files of a schedule, the session that is told of it, and the entry."""

    was, goal = False, True

    def prepare(self, directory: Path) -> None:
        tools = directory / "bin"
        tools.mkdir(parents=True)
        (tools / "systemctl").write_text(_SYSTEMCTL, encoding="utf-8")
        (tools / "systemctl").chmod(0o755)
        with self._session(directory) as runtime:
            assert runtime.database.version > 0, "the tables are there before"
            if self.was:
                runtime.schedule_on(self._plan(runtime))

    def act(self, directory: Path) -> None:
        with self._session(directory) as runtime:
            if self.goal:
                runtime.schedule_on(self._plan(runtime))
            else:
                runtime.schedule_off()

    def judge(self, directory: Path, ended: str) -> str:
        with self._session(directory) as runtime:
            assert runtime.audit().problems == (), runtime.audit().problems
            found = scheduling.status_of(self._plan(runtime))
            told = [entry.event for entry in runtime.ledger.of_events("schedule")]
        if found.on:
            assert told[-1] == "schedule.on", "it runs, and the audit trail does not say so"
            assert not found.stale
        if ended.startswith("error") and self.goal:
            assert found.files == (), "an error says that nothing of it was kept"
        return "after" if found.on is self.goal else "before"

    def _plan(self, runtime: Runtime) -> scheduling.Schedule:
        return scheduling.planned(runtime.home, 30, "systemd")

    @contextlib.contextmanager
    def _session(self, directory: Path) -> Generator[Runtime]:
        os.environ["XDG_CONFIG_HOME"] = str(directory / "session")
        os.environ["KEPT"] = str(directory / "kept")
        os.environ["PATH"] = f"{directory / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
        with opened(directory) as runtime:
            yield runtime


class ScheduleOff(ScheduleOn):
    """The same, back."""

    was, goal = True, False
