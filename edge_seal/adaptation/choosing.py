"""What a cycle begins with: the signals that are learned next, and what was learned before and still holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edge_seal.adaptation import self_edit, thumbs
from edge_seal.adaptation.guardian import Policy, judge_lesson, put_aside_by
from edge_seal.adaptation.question_forms import first_person
from edge_seal.adaptation.signals import SignalBox
from edge_seal.clock import Clock
from edge_seal.config import Settings
from edge_seal.memory.facts import Facts
from edge_seal.records import Example, Origin, Role, Signal, SignalKind, SignalState, Update
from edge_seal.storage.database import Database
from edge_seal.updates.lesson_approvals import LessonApprovals
from edge_seal.updates.release import Releases
from edge_seal.wording import counted


class Choosing:
    """Reads signals and updates, for the model with the hash `model_sha256`; changes nothing.

    Args:
        policy: the guardian's.
    """

    def __init__(
        self,
        *,
        database: Database,
        releases: Releases,
        signals: SignalBox,
        approvals: LessonApprovals,
        clock: Clock,
        settings: Settings,
        policy: Policy,
        model_sha256: str,
    ) -> None:
        self._database = database
        self._releases = releases
        self._signals = signals
        self._approvals = approvals
        self._clock = clock
        self._settings = settings
        self._policy = policy
        self._model_sha256 = model_sha256

    def incumbent(self) -> Update | None:
        """The active update, if it was trained for the model file that is to learn."""
        active = self._releases.active()
        return None if active is None or active.base_sha256 != self._model_sha256 else active

    def _carried(self) -> list[Signal]:
        """What the active update and its ancestors learned, where they were trained for another model file."""
        update = self._releases.active()
        if update is None or update.base_sha256 == self._model_sha256:
            return []
        kept = self._signals_below(update)
        # A thumb is about the words of the model that was: of another model's it says nothing.
        return [
            s
            for s in self._ours(self._signals.all())
            if s.id in kept and s.state in {SignalState.LEARNED, SignalState.DROPPED} and s.kind not in thumbs.THUMBS
        ]

    def held(self) -> list[Signal]:
        """What the active update and its ancestors learned and what still holds, oldest first.

        Forgotten lessons are gone; what was told anew since replaces what was said before.
        """
        kept = self._signals_below(self.incumbent())
        learned = [s for s in self._ours(self._signals.all()) if s.id in kept and s.state is SignalState.LEARNED]
        return [
            signal
            for place, signal in enumerate(learned)
            if self_edit.still_valid(
                [Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id)],
                [later for later in learned[place + 1 :] if later.kind not in thumbs.THUMBS],
            )
        ]

    def _signals_below(self, update: Update | None) -> set[str]:
        """What `update` and its ancestors go back to, by id."""
        return {example.signal_id for example in self._examples_below(update) if example.signal_id is not None}

    def _examples_below(self, update: Update | None) -> Iterator[Example]:
        """What `update` and its ancestors were made of, newest first."""
        for one in self._releases.with_ancestors(update):
            yield from self._releases.examples(one.id)

    def chosen(self) -> tuple[list[Signal], int]:
        """What a cycle may begin with, and how many lessons wait for a person's word."""
        held = self._releases.held_signals()
        teaching = [
            signal
            for signal in self._ours(self._signals.pending())
            if signal.kind in {SignalKind.TAUGHT, SignalKind.CORRECTION} and signal.id not in held
        ]
        aside = self._put_aside(teaching)
        teaching = [signal for signal in teaching if signal.id not in aside]
        carried = self._carried()
        if carried:
            # All of it at once: once the new update is active, nothing leads to the old file's lessons any more.
            return [*carried, *(signal for signal in teaching if signal.origin is Origin.TYPED)], len(aside)
        typed = [signal for signal in teaching if signal.origin is Origin.TYPED]
        return typed or teaching or self._enough_thumbs(), len(aside)

    def _ours(self, signals: Sequence[Signal]) -> list[Signal]:
        """Those that the audit trail has as they are: what other hands wrote into the database teaches nothing."""
        foreign = self._signals.foreign(signals)
        return [signal for signal in signals if signal.id not in foreign]

    def _waiting_thumbs(self) -> list[Signal]:
        every = self._ours(self._signals.all())
        judged = [signal for signal in every if signal.kind in thumbs.THUMBS]
        said = self._signals.own_answers(judged, base_sha256=self._model_sha256)
        return thumbs.waiting(every, said, self._releases.held_signals())

    def _enough_thumbs(self) -> list[Signal]:
        """The thumbs that wait, if an update can be made of them; as many of the newest as it may have examples."""
        waiting = self._waiting_thumbs()[-self._settings.limits.examples_per_update :]
        return waiting if thumbs.are_enough(waiting, self._settings.learning.minimum_thumbs) else []

    def _put_aside(self, signals: Sequence[Signal]) -> frozenset[str]:
        """Those that a person is to be asked about, by id: there is no use in trying them before the answer."""
        let_in = self._approvals.rules_of(signals)
        return frozenset(
            signal.id
            for signal in signals
            if put_aside_by(
                judge_lesson(
                    Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id),
                    signal.source,
                    let_in=let_in.get(signal.id, ()),
                    policy=self._policy,
                )
            )
        )

    def not_overruled(self, signals: Sequence[Signal]) -> tuple[list[Signal], list[Signal]]:
        """`signals` in two parts: those that may be taught, and those that memory says otherwise of since.

        What was said last holds, wherever it was said: weights must not tell what memory has seen end.
        """
        facts = Facts(self._database, _nothing_to_audit, self._clock)
        parts: tuple[list[Signal], list[Signal]] = ([], [])
        for signal in signals:
            # A thumb down on what memory says otherwise agrees with memory.
            disliked = signal.kind is SignalKind.BAD
            over = not disliked and facts.overrules(first_person(signal.answer), signal.created_at)
            parts[over].append(signal)
        return parts

    def why_nothing(self, aside: int) -> tuple[str, ...]:
        held = self._releases.held_signals()
        if held:
            return (f"{counted(len(held), 'lesson')} in an update that waits: `edge-seal updates list` names it",)
        if aside:
            return ("nothing else to learn",)
        waiting, least = self._waiting_thumbs(), self._settings.learning.minimum_thumbs
        rest = ""
        if waiting:
            stand = "1 thumb waits" if len(waiting) == 1 else f"{len(waiting)} thumbs wait"
            rest = f" ({stand}; {least} or more, some up and some down, make an update)"
        return (f"nothing new to learn{rest}: teach with `edge-seal teach` or correct an answer",)

    def earlier_examples(self, incumbent: Update | None, signals: Sequence[Signal]) -> tuple[Example, ...]:
        """What the incumbent and its ancestors were taught, newest first, without what `signals` tell anew."""
        kept = [e for e in self._examples_below(incumbent) if e.role in self_edit.TAUGHT_ROLES]
        told = {example.signal_id for example in kept if example.role is Role.LESSON}
        _, overruled = self.not_overruled([signal for signal in self._signals.all() if signal.id in told])
        gone = {signal.id for signal in overruled}
        kept = [e for e in kept if e.signal_id not in gone or e.role is Role.CONTRAST]
        return self_edit.still_valid(kept, signals)


def _nothing_to_audit(event: str, subject: str, body: Mapping[str, str]) -> None:
    """Facts are only read here; what would be changed has no place to be written to."""
    raise RuntimeError(f"{event} of {subject}: a cycle changes no memory ({len(body)} fields)")
