"""What waits for a person: updates, things said in passing, memories that disagree; the riskiest first."""

from __future__ import annotations

from dataclasses import dataclass

from edge_seal.records import Contradiction, Proposal, State
from edge_seal.runtime.chatting import Chatting
from edge_seal.runtime.timeline import Timeline, TimelineEntry


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits.

    Exactly one of `update`, `proposal` and `contradiction` is there. `risk` is the update's score of 100; None: what
    waits changes nothing by itself, or is from before there were scores.
    """

    id: str
    since: str
    words: str
    risk: int | None
    update: TimelineEntry | None = None
    proposal: Proposal | None = None
    contradiction: Contradiction | None = None


class Reviewing(Chatting, Timeline):
    """Shows what waits for a person."""

    def waiting(self) -> tuple[Waiting, ...]:
        """All that waits: updates by their risk, then memories that disagree, then what was said in passing.

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
