"""Candidates beside the incumbent: which of them answers a conversation, and what their conversations lead to."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from edge_seal.errors import Busy, EdgeSealError, EngineError
from edge_seal.records import Update
from edge_seal.runtime.construction import Construction
from edge_seal.updates import announcements
from edge_seal.updates.canary import Arm, Decision


@dataclass(frozen=True, slots=True)
class Trial:
    """The arm that a question is in, and its conversation; None: a new one."""

    candidate: Update
    arm: Arm
    conversation_id: str | None


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
        """What keeps the arm of a new conversation with its first turn."""
        if trial is None or trial.conversation_id is not None:
            return None
        return lambda conversation_id: self.canaries.joined(trial.candidate, conversation_id, trial.arm)

    @contextlib.contextmanager
    def _counting_errors(self, trial: Trial | None) -> Generator[None]:
        """Counts an answer that the engine could not give against its arm."""
        try:
            yield
        except EngineError:
            if trial is not None:
                self.canaries.failed(trial.candidate, trial.conversation_id, trial.arm)
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
            return self.announcements()
        except EdgeSealError as error:
            return (f"the canary could not be looked at: {error.message}",)
