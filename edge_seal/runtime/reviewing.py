"""What waits for a person: updates, lessons that were put aside, things said in passing, memories that disagree."""

from __future__ import annotations

from dataclasses import dataclass

from edge_seal.adaptation import admission
from edge_seal.adaptation.guardian import put_aside_by
from edge_seal.adaptation.signals import Lesson
from edge_seal.errors import EdgeSealError, Refused
from edge_seal.records import Action, Contradiction, Proposal, Signal, SignalKind, State
from edge_seal.runtime.chatting import Chatting
from edge_seal.runtime.learning import LEAST_HASH_DIGITS
from edge_seal.runtime.timeline import Timeline, TimelineEntry
from edge_seal.runtime.values import USER
from edge_seal.updates.lesson_approvals import LessonApprovals, approval_hash


@dataclass(frozen=True, slots=True)
class PutAside:
    """A lesson that the guardian put aside: it is kept, and learned only if a person lets it in.

    `rules` are those that stand against it, `reasons` the same in words. `approval` is the hash that a person approves;
    None: a rule refuses it by now, and nobody can let it in.
    """

    signal: Signal
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    approval: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits.

    Exactly one of `update`, `lesson`, `proposal` and `contradiction` is there. `risk` is the update's score of 100;
    None: what waits changes nothing by itself, or is from before there were scores.
    """

    id: str
    since: str
    words: str
    risk: int | None
    update: TimelineEntry | None = None
    lesson: PutAside | None = None
    proposal: Proposal | None = None
    contradiction: Contradiction | None = None


class Reviewing(Chatting, Timeline):
    """Shows what waits for a person."""

    # Lessons that were put aside ------------------------------------------------------------------------------

    @property
    def lesson_approvals(self) -> LessonApprovals:
        """What was let in."""
        return LessonApprovals(self.database, self.ledger, self.clock)

    def put_aside(self) -> tuple[PutAside, ...]:
        """The lessons that wait for a person's word by themselves, before any update is made of them; oldest first."""
        signals = [item for item in self.signals.pending() if item.kind in (SignalKind.TAUGHT, SignalKind.CORRECTION)]
        let_in = self.lesson_approvals.rules_of(signals)
        judged = (self._judged_alone(signal, let_in.get(signal.id, frozenset())) for signal in signals)
        return tuple(item for item in judged if item is not None)

    def _judged_alone(self, signal: Signal, let_in: frozenset[str]) -> PutAside | None:
        lesson = Lesson(signal.prompt, signal.answer, signal.origin, signal.source, signal.also_from)
        verdict = admission.of_content(lesson, let_in, policy=self.data_policy)
        if verdict.allowed:
            return None
        against = [finding for finding in verdict.findings if finding.action is not Action.ALLOW]
        reasons = tuple(dict.fromkeys(f"{finding.rule}: {finding.reason}" for finding in against))
        rules = put_aside_by(verdict)
        # What was let in before stays let in: the hash is over all of it.
        whole = tuple(sorted({*rules, *let_in}))
        return PutAside(signal, whole, reasons, approval_hash(signal, whole) if rules else None)

    def let_in(self, signal_id: str, approval: str) -> PutAside:
        """Lets a lesson be learned that the guardian put aside: what has the hash `approval`, or one that begins so.

        Raises:
            NotFound: there is no such lesson.
            EdgeSealError: it was not put aside, or has another hash.
            Refused: a rule blocks it; nobody can let it in.
        """
        self.signals.get(signal_id)
        with self.database.transaction():
            item = next((item for item in self.put_aside() if item.signal.id == signal_id), None)
            if item is None:
                raise EdgeSealError(
                    f"{signal_id} was not put aside by the guardian", next_step="edge-seal review lists what was"
                )
            if item.approval is None:
                raise Refused(
                    f"{signal_id} cannot be let in",
                    reasons=item.reasons,
                    next_step=f"edge-seal forget {signal_id}, or change [data_policy] in the settings",
                )
            if len(approval) < LEAST_HASH_DIGITS or not item.approval.startswith(approval.lower()):
                raise EdgeSealError(
                    f"the approval hash of {signal_id} is {item.approval}, not {approval}: look at it again",
                    next_step="edge-seal review",
                )
            self.lesson_approvals.let_in(item.signal, item.rules, USER)
        return item

    # Everything that waits ------------------------------------------------------------------------------------

    def waiting(self) -> tuple[Waiting, ...]:
        """All that waits: updates by their risk, lessons that were put aside, memories that disagree, what was said.

        Within these the oldest is first. An update without a score comes before those that have one.
        """
        updates = [entry for entry in self.timeline() if entry.update.state is State.AWAITING_APPROVAL]
        updates.sort(key=lambda entry: (-_score(entry), entry.changed_at))
        return (
            *(
                Waiting(
                    entry.update.id,
                    entry.changed_at,
                    entry.update.reason,
                    None if entry.risk is None else entry.risk.score,
                    update=entry,
                )
                for entry in updates
            ),
            *(
                Waiting(
                    item.signal.id,
                    item.signal.created_at,
                    f"{item.signal.prompt} / {item.signal.answer}",
                    None,
                    lesson=item,
                )
                for item in self.put_aside()
            ),
            *(
                Waiting(
                    f"{item.first.id} {item.second.id}",
                    item.found_at,
                    f"{item.first.text} / {item.second.text}",
                    None,
                    contradiction=item,
                )
                for item in self.stored_memories.facts.contradictions()
            ),
            *(Waiting(item.id, item.created_at, item.text, None, proposal=item) for item in self.proposals.list()),
        )


def _score(entry: TimelineEntry) -> int:
    # What was not scored is not known to be harmless.
    return 101 if entry.risk is None else entry.risk.score
