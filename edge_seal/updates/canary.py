"""The canary: a candidate answers some conversations and the incumbent the others, until a test has seen enough.

Invariants:
- At most one update is on the canary, on top of what is active; where that changes, it ends and its lessons wait.
- Whole conversations: the arm is drawn at the first turn, by a keyed hash of how many were drawn before, stored in the
  transaction that stores the turn, and kept. Private questions and those to a named update are in no arm.
- Counted are conversations in which the candidate was asked something that it would answer otherwise (`bears`), on both
  arms alike, in the order in which they came to that; until then both arms are answered by the same.
- The test's error rates, the share and the most conversations are fixed when the canary starts.
- Each end is one transaction: the state, the ledger's entry with the figures that led to it, the signals.
- Nothing here holds a text: arms are numbers of conversations, outcomes are counted from the turns when asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, cast

from edge_seal.clock import Clock, timestamp
from edge_seal.config import CanarySettings
from edge_seal.errors import EdgeSealError
from edge_seal.records import Actor, ActorName, Example, SignalState, State, Update
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates.announcements import announce
from edge_seal.updates.audit import event_of
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import Ledger, body_of
from edge_seal.updates.outcomes import Outcome, outcome_of, turns_of
from edge_seal.updates.release import Releases
from edge_seal.updates.rows import UpdateRows, number_of
from edge_seal.updates.sequential import Finding, Pairs, SequentialTest, evidence, paired

ACTOR: Final = Actor.CANARY
_KEY_BYTES: Final = 32
PATIENCE: Final = 3
"""After so many times its most conversations a canary is over, however few of them count."""

_NEXT: Final = "(SELECT coalesce(max(counted), 0) + 1 FROM canary_conversations WHERE update_id = :update)"


class Arm(StrEnum):
    """Who answers a conversation."""

    CANDIDATE = "candidate"
    INCUMBENT = "incumbent"


@dataclass(frozen=True, slots=True)
class Design:
    """What a canary was started with: the share of the candidate, the test, and after how many a person is asked."""

    share: float
    test: SequentialTest
    most_conversations: int


@dataclass(frozen=True, slots=True)
class CanaryReport:
    """How a canary stands. `evidence_*` are the test's; it finds something at the inverse of its error rate.

    `elsewhere` are conversations that do not count, because no question in them bore on what the candidate learned.
    `is_over`: it has had its most conversations and found no difference, so a person decides; also where three times as
    many went by and most of them do not count.
    """

    update_id: str
    started_at: str
    design: Design
    candidate: Outcome
    incumbent: Outcome
    pairs: Pairs
    evidence_worse: float
    evidence_better: float
    finding: Finding
    elsewhere: int = 0

    @property
    def conversations(self) -> int:
        return self.candidate.conversations + self.incumbent.conversations

    @property
    def is_over(self) -> bool:
        most = self.design.most_conversations
        all_of_them = self.conversations + self.elsewhere
        return self.finding is Finding.OPEN and (self.conversations >= most or all_of_them >= PATIENCE * most)

    @property
    def words(self) -> str:
        """Why it goes on, or what it found, in one line."""
        worse, better = self.pairs.worse, self.pairs.better
        told = f"of {self.pairs.compared} pairs of conversations {worse} went worse and {better} better"
        test = self.design.test
        if self.finding is Finding.WORSE:
            return f"{told}: worse, with an error rate of {test.false_rollback:g}"
        if self.finding is Finding.BETTER:
            return f"{told}: better, with an error rate of {test.false_promotion:g}"
        if self.is_over:
            return f"{told}: no difference in {self.conversations} conversations{self._besides}; you decide"
        most = self.design.most_conversations
        return f"{told}: no difference yet, {self.conversations} of {most} conversations{self._besides}"

    @property
    def _besides(self) -> str:
        return f" ({self.elsewhere} more did not touch what it learned)" if self.elsewhere else ""

    def as_json(self) -> dict[str, JsonValue]:
        """The figures as the ledger keeps them."""
        return {
            "finding": self.finding.value,
            "reason": self.words,
            "pairs": {"worse": self.pairs.worse, "better": self.pairs.better, "equal": self.pairs.equal},
            "evidence_worse": f"{self.evidence_worse:.4g}",
            "evidence_better": f"{self.evidence_better:.4g}",
            "elsewhere": self.elsewhere,
            "candidate": _counts(self.candidate),
            "incumbent": _counts(self.incumbent),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What a canary led to: `promoted` or `rolled_back`, and why."""

    update: Update
    outcome: Literal["promoted", "rolled_back"]
    report: CanaryReport

    @property
    def words(self) -> str:
        done = "was promoted and answers now" if self.outcome == "promoted" else "was taken back by the canary"
        return f"{self.update.id} {done}: {self.report.words}"


class Canaries:
    """Starts canaries, draws arms, counts, decides. What changes a state is for who holds the write lock."""

    def __init__(self, database: Database, releases: Releases, clock: Clock, settings: CanarySettings) -> None:
        self._database = database
        self._ledger = Ledger(database, clock)  # only read here
        self._releases = releases
        self._clock = clock
        self._settings = settings
        self._rows = UpdateRows(database)

    # Reading ----------------------------------------------------------------------------------------------

    def running(self) -> Update | None:
        """The update on the canary, if what it is compared with still is what answers."""
        return next((u for u in self._on_canary() if self._is_current(u)), None)

    def report(self, update_id: str) -> CanaryReport | None:
        """How the canary of an update stands, or stood; None where it never was on one."""
        number = number_of(update_id)
        row = self._database.row(
            "SELECT started_at, share, false_rollback, false_promotion, least_pairs, most_conversations"
            " FROM canaries WHERE update_id = ?",
            (number,),
        )
        if row is None:
            return None
        started_at, share, rollback, promotion, least, most = row
        test = SequentialTest(cast("float", rollback), cast("float", promotion), cast("int", least))
        arms = self._outcomes(number)
        pairs = paired(
            [outcome.score for outcome in arms[Arm.CANDIDATE]], [outcome.score for outcome in arms[Arm.INCUMBENT]]
        )
        return CanaryReport(
            update_id=update_id,
            started_at=str(started_at),
            design=Design(cast("float", share), test, cast("int", most)),
            candidate=sum(arms[Arm.CANDIDATE], Outcome()),
            incumbent=sum(arms[Arm.INCUMBENT], Outcome()),
            pairs=pairs,
            evidence_worse=evidence(pairs.worse, pairs.better),
            evidence_better=evidence(pairs.better, pairs.worse),
            finding=test.finding(pairs),
            elsewhere=self._elsewhere(number),
        )

    def problem(self, update_id: str) -> str | None:
        """How the design of a canary was changed after it began, in words; None: it is as the ledger has it.

        One whose design was changed decides nothing by itself.
        """
        report = self.report(update_id)
        entries = [entry for entry in self._ledger.of_events(event_of(State.CANARY)) if entry.subject == update_id]
        if report is None or not entries:
            return None
        design, body = report.design, body_of(entries[-1])
        test = design.test
        now = _recorded(
            design.share, test.false_rollback, test.false_promotion, test.least_pairs, design.most_conversations
        )
        # Entries of earlier versions do not have all of it.
        changed = sorted(name for name, value in now.items() if name in body and body[name] != value)
        if not changed:
            return None
        return (
            f"the canary of {update_id} was changed after it began ({', '.join(changed)}): it decides nothing by itself"
        )

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the canaries that are running, in words."""
        found = (self.problem(update.id) for update in self._on_canary())
        return tuple(problem for problem in found if problem is not None)

    # Conversations ----------------------------------------------------------------------------------------

    def arm(self, update: Update, conversation_id: str | None) -> Arm | None:
        """Who answers a conversation while `update` is on the canary: drawn for a new one (None), else as it was.

        None: it is in no arm, because it began before.
        """
        number = number_of(update.id)
        if conversation_id is not None:
            row = self._database.row(
                "SELECT arm FROM canary_conversations WHERE update_id = ? AND conversation_id = ?",
                (number, number_of(conversation_id, letter="c")),
            )
            return None if row is None else Arm(str(row[0]))
        row = self._database.row("SELECT key, share, drawn FROM canaries WHERE update_id = ?", (number,))
        if row is None:
            return None
        key, share, drawn = bytes.fromhex(str(row[0])), cast("float", row[1]), cast("int", row[2])
        return Arm.CANDIDATE if drawn_share(key, drawn) < share else Arm.INCUMBENT

    def joined(self, update: Update, conversation_id: str, arm: Arm, *, bears: bool = True) -> None:
        """Keeps the arm of a conversation whose first turn is being kept: in that turn's transaction.

        `bears`: its question bears on what the candidate learned, so the conversation counts.
        """
        with self._database.transaction():
            self._database.execute(
                "INSERT INTO canary_conversations (update_id, conversation_id, arm) VALUES (?, ?, ?)",
                (number_of(update.id), number_of(conversation_id, letter="c"), arm.value),
            )
            self._drawn(update)
            if bears:
                self.bore(update, conversation_id)

    def bore(self, update: Update, conversation_id: str) -> None:
        """Lets a conversation of an arm count from now on: a question in it bears on what the candidate learned."""
        with self._database.transaction():
            self._count("conversation_id = :one AND counted IS NULL", update, number_of(conversation_id, letter="c"))

    def failed(self, update: Update, conversation_id: str | None, arm: Arm, *, bears: bool = True) -> None:
        """Counts an answer that did not come about; without a conversation it counts as one of its own.

        Where the question bears on nothing that the candidate learned, the same would have failed on either arm: it
        counts only in a conversation that does.
        """
        with self._database.transaction():
            if conversation_id is None:
                self._database.execute(
                    "INSERT INTO canary_conversations (update_id, arm, errors) VALUES (?, ?, 1)",
                    (number_of(update.id), arm.value),
                )
                if bears:
                    self._count("place = :one", update, self._database.last_row_id)
                self._drawn(update)
            else:
                self._database.execute(
                    "UPDATE canary_conversations SET errors = errors + 1 WHERE update_id = ? AND conversation_id = ?",
                    (number_of(update.id), number_of(conversation_id, letter="c")),
                )
                if bears:
                    self.bore(update, conversation_id)

    # Moving -----------------------------------------------------------------------------------------------

    def start(
        self,
        update_id: str,
        actor: ActorName,
        body: Mapping[str, JsonValue] | None = None,
        *,
        approved: str | None = None,
    ) -> Update:
        """Puts an update on the canary, with the design that is set now.

        Raises:
            EdgeSealError: another one is on it, or it was trained on something else than what is active now.
            IntegrityError: it is not what was trained, or not what was approved.
        """
        settings = self._settings
        with self._database.transaction():
            other = self.running()
            if other is not None:
                raise EdgeSealError(
                    f"{other.id} is on the canary, and only one update can be",
                    next_step=f"edge-seal updates promote {other.id}, or edge-seal updates reject {other.id}",
                )
            design = _recorded(
                settings.share,
                settings.false_rollback,
                settings.false_promotion,
                settings.minimum_pairs,
                settings.maximum_conversations,
            )
            started = self._releases.start_trial(update_id, actor, {**(body or {}), **design}, approved=approved)
            self._database.execute(
                "INSERT INTO canaries (update_id, started_at, key, share, false_rollback, false_promotion, least_pairs,"
                " most_conversations) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number_of(update_id),
                    timestamp(self._clock.now()),
                    secrets.token_hex(_KEY_BYTES),
                    settings.share,
                    settings.false_rollback,
                    settings.false_promotion,
                    settings.minimum_pairs,
                    settings.maximum_conversations,
                ),
            )
            return started

    def due(self) -> bool:
        """Whether `settle` would end a canary now."""
        update = self.running()
        report = None if update is None else self.report(update.id)
        return report is not None and self._verdict(report) is not None and self.problem(report.update_id) is None

    def settle(self) -> Decision | None:
        """Promotes the candidate or takes it back, if its conversations show enough; None: it goes on."""
        with self._database.transaction():
            update = self.running()
            report = None if update is None or self.problem(update.id) else self.report(update.id)
            verdict = None if report is None else self._verdict(report)
            if update is None or report is None or verdict is None:
                return None
            ended = self._promoted if verdict == "promoted" else self._taken_back
            decision = Decision(ended(update, ACTOR, report), verdict, report)
            announce(self._database, decision.words, timestamp(self._clock.now()))
            return decision

    def promote(self, update_id: str, actor: ActorName) -> Update:
        """Ends a canary by making its update the active one, whatever the conversations show.

        Raises:
            EdgeSealError: the update is not on the canary.
            IntegrityError: it is not what was trained.
        """
        with self._database.transaction():
            update, report = self._of_canary(update_id)
            return self._promoted(update, actor, report)

    def take_back(self, update_id: str, actor: ActorName) -> Update:
        """Ends a canary by taking its update back; its lessons are dropped, and keep their words.

        Raises:
            EdgeSealError: the update is not on the canary.
        """
        with self._database.transaction():
            update, report = self._of_canary(update_id)
            return self._taken_back(update, actor, report)

    def end_stale(self, actor: ActorName) -> tuple[Update, ...]:
        """Ends canaries whose incumbent does not answer any more; their lessons wait for the next cycle."""
        with self._database.transaction():
            return tuple(
                self._releases.abandon(
                    update.id,
                    actor=actor,
                    reason="what it was compared with does not answer any more; its lessons wait",
                )
                for update in self._on_canary()
                if not self._is_current(update)
            )

    # Inside -----------------------------------------------------------------------------------------------

    def _on_canary(self) -> tuple[Update, ...]:
        return tuple(update for update in self._rows.all() if update.state is State.CANARY)

    def _is_current(self, update: Update) -> bool:
        active = self._rows.active()
        current = active.id if active is not None and active.base_sha256 == update.base_sha256 else None
        return update.parent_id == current

    def _verdict(self, report: CanaryReport) -> Literal["promoted", "rolled_back"] | None:
        if report.finding is Finding.WORSE:
            return "rolled_back"
        undecided = report.is_over and self._settings.undecided == "promote"
        return "promoted" if report.finding is Finding.BETTER or undecided else None

    def _of_canary(self, update_id: str) -> tuple[Update, CanaryReport | None]:
        update = self._rows.get(update_id)
        if update.state is not State.CANARY:
            raise EdgeSealError(
                f"update {update.id} is {update.state}, not on the canary",
                next_step=f"edge-seal updates show {update.id}",
            )
        return update, self.report(update.id)

    def _promoted(self, update: Update, actor: ActorName, report: CanaryReport | None) -> Update:
        body: dict[str, JsonValue] = {} if report is None else {"canary": report.as_json()}
        return self._releases.activate(update.id, actor, body, signals_of(self._rows.examples(update.id)))

    def _taken_back(self, update: Update, actor: ActorName, report: CanaryReport | None) -> Update:
        signals = signals_of(self._rows.examples(update.id))
        dropped = self._rows.mark_signals(signals, SignalState.DROPPED, only=SignalState.PENDING)
        body: dict[str, JsonValue] = {} if report is None else {"canary": report.as_json()}
        return self._releases.advance(
            update.id,
            State.ROLLED_BACK,
            actor=actor,
            body={**body, "to": update.parent_id or "base", "signals_dropped": dropped},
        )

    def _count(self, which: str, update: Update, one: int) -> None:
        """Gives a conversation the next place among those that count."""
        self._database.execute(
            f"UPDATE canary_conversations SET counted = {_NEXT} WHERE update_id = :update AND {which}",  # noqa: S608  # our own words
            {"update": number_of(update.id), "one": one},
        )

    def _drawn(self, update: Update) -> None:
        self._database.execute("UPDATE canaries SET drawn = drawn + 1 WHERE update_id = ?", (number_of(update.id),))

    def _outcomes(self, number: int) -> dict[Arm, list[Outcome]]:
        """The outcomes of both arms in the order of their conversations, without the one that is still going on."""
        rows = self._database.rows(
            "SELECT conversation_id, arm, errors FROM canary_conversations"
            " WHERE update_id = ? AND counted IS NOT NULL ORDER BY counted",
            (number,),
        )
        listed = [(_number(conversation), Arm(str(arm)), cast("int", errors)) for conversation, arm, errors in rows]
        if listed and listed[-1][0] is not None:
            # The user may still have something to say about the last one.
            listed = listed[:-1] if self._is_newest(listed[-1][0]) else listed
        turns = turns_of(self._database, [conversation for conversation, _, _ in listed if conversation is not None])
        found: dict[Arm, list[Outcome]] = {Arm.CANDIDATE: [], Arm.INCUMBENT: []}
        for conversation, arm, errors in listed:
            found[arm].append(outcome_of(turns.get(conversation, ()) if conversation is not None else (), errors))
        return found

    def _elsewhere(self, number: int) -> int:
        row = self._database.row(
            "SELECT count(*) FROM canary_conversations WHERE update_id = ? AND counted IS NULL", (number,)
        )
        return 0 if row is None else cast("int", row[0])

    def _is_newest(self, conversation: int) -> bool:
        """Whether nothing was said about it yet, and nothing elsewhere since."""
        later = self._database.row("SELECT 1 FROM conversations WHERE id > ?", (conversation,))
        told = self._database.row(
            "SELECT 1 FROM signals JOIN turns ON turns.id = turn_id WHERE conversation_id = ?", (conversation,)
        )
        return later is None and told is None


def signals_of(examples: tuple[Example, ...]) -> tuple[str, ...]:
    """The signals that examples go back to, each once."""
    return tuple(dict.fromkeys(example.signal_id for example in examples if example.signal_id is not None))


def _recorded(share: float, rollback: float, promotion: float, least: int, most: int) -> dict[str, JsonValue]:
    """A design as the ledger keeps it."""
    return {
        "share": f"{share:g}",
        "false_rollback": f"{rollback:g}",
        "false_promotion": f"{promotion:g}",
        "least_pairs": least,
        "most_conversations": most,
    }


def drawn_share(key: bytes, place: int) -> float:
    """A number in [0, 1) that nobody can foretell without the key, the same whenever it is drawn again."""
    drawn = hmac.new(key, place.to_bytes(8, "big"), hashlib.sha256).digest()
    return int.from_bytes(drawn[:8], "big") / 2**64


def _number(value: SqlValue) -> int | None:
    return value if isinstance(value, int) else None


def _counts(outcome: Outcome) -> dict[str, JsonValue]:
    return {
        "conversations": outcome.conversations,
        "bad_conversations": outcome.bad_conversations,
        "thumbs_up": outcome.thumbs_up,
        "thumbs_down": outcome.thumbs_down,
        "corrections": outcome.corrections,
        "regenerations": outcome.regenerations,
        "broken": outcome.broken,
        "errors": outcome.errors,
    }
