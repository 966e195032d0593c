"""Candidates beside the incumbent: which of them answers a conversation, and what their conversations lead to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from edge_seal.errors import Busy, EdgeSealError, EngineError
from edge_seal.records import Actor, Update
from edge_seal.runtime.construction import Construction
from edge_seal.updates import announcements
from edge_seal.updates.canary import Arm, Decision
from edge_seal.updates.watch import Taken


@dataclass(frozen=True, slots=True)
class Trial:
    """The arm that a question is in, and its conversation; None: a new one.

    `bears`: the question bears on what the candidate learned; judged by the question alone, so alike on both arms.
    """

    candidate: Update
    arm: Arm
    conversation_id: str | None
    bears: bool = True


class Trialling(Construction):
    """Runs canaries while questions are answered."""

    # The update that the engine serves with its adapter; None: not known, so the next answer sets it anew.
    _served: tuple[str | None, Path | None] | None = (None, None)

    def _trial(self, conversation_id: str | None) -> tuple[Trial | None, tuple[str, ...]]:
        """The arm of a question in `conversation_id`, if it is in one; a notice where the canary cannot run."""
        candidate = self.canaries.running()
        if candidate is None:
            return None, ()
        problem = self.releases.trial_problem(candidate, self.base_sha256)
        if problem is not None:
            told = f"update {candidate.id} is on the canary and cannot answer: {problem}"
            return None, (f"{told}; `edge-seal updates reject {candidate.id}` ends it",)
        arm = self.canaries.arm(candidate, conversation_id)
        return (None if arm is None else Trial(candidate, arm, conversation_id)), ()

    def _joining(self, trial: Trial | None) -> Callable[[str], None] | None:
        """What keeps the arm of a new conversation with its first turn, and with every turn whether it counts."""
        if trial is None:
            return None
        if trial.conversation_id is None:
            return lambda conversation_id: self.canaries.joined(
                trial.candidate, conversation_id, trial.arm, bears=trial.bears
            )
        return (lambda conversation_id: self.canaries.bore(trial.candidate, conversation_id)) if trial.bears else None

    @contextlib.contextmanager
    def _counting_errors(self, trial: Trial | None) -> Generator[None]:
        """Counts an answer that the engine could not give against its arm."""
        try:
            yield
        except EngineError:
            if trial is not None:
                self.canaries.failed(trial.candidate, trial.conversation_id, trial.arm, bears=trial.bears)
            raise

    def settle(self) -> Decision | None:
        """Ends a canary whose conversations show enough; None: there is none, or it goes on.

        Where another process is learning nothing is done: the next answer asks again.
        """
        if not self.canaries.due():
            return None
        with contextlib.suppress(Busy), self.writing():
            decision = self.canaries.settle()
            self._served = None
            return decision
        return None

    def guard_answers(self) -> Taken | None:
        """Takes the active update back, if its answers have left their control limits; None: it goes on answering."""
        if not self.watch.due():
            return None
        with contextlib.suppress(Busy), self.writing():
            active = self.releases.active()
            clean = None
            if active is not None and active.parent_id in self.forgetting.marked():
                # What is under it learned what was forgotten, and may not answer again.
                clean = self.forgetting.clean_ancestor(active)
            taken = self.watch.act(clean)
            if taken is not None:
                self._served = None
                self.forgetting.purge(Actor.CANARY)
                self.canaries.end_stale(Actor.CANARY)
            return taken
        return None

    def reminders(self) -> tuple[str, ...]:
        """What waits for the user, a line each: a review that is overdue, a canary to be decided."""
        found: list[str] = []
        days = self.settings.review.remind_after_days
        age = self.reviews.overdue(timedelta(days=days)) if days else None
        if age is not None:
            waiting = ", ".join(item.update.id for item in self.reviews.pending())
            found.append(f"{waiting} not reviewed yet, the oldest for {age.days} days: edge-seal review")
        running = self.canaries.running()
        report = None if running is None else self.canaries.report(running.id)
        if running is not None and report is not None and report.is_over:
            found.append(
                f"the canary of {running.id} found no difference; you decide: edge-seal updates show {running.id}"
            )
        return tuple(found)

    def recent_action(self) -> str | None:
        """What was done to updates without being asked for in the last seven days."""
        last = announcements.recent(self.database, self.clock.now())
        return None if last is None else last.words

    def announcements(self) -> tuple[str, ...]:
        """What was done to updates without being asked for since the user was last told; it is told hereby."""
        waiting = announcements.untold(self.database)
        if waiting:
            announcements.told(self.database)
        return tuple(item.words for item in waiting)

    def _after_answer(self) -> tuple[str, ...]:
        """Looks at what the conversations show by now, and says what the user was not told yet.

        An answer that was given stays given, whatever is wrong here.
        """
        try:
            self.settle()
            self.guard_answers()
            return self.announcements()
        except EdgeSealError as error:
            return (f"what was learned could not be watched: {error.message}",)
