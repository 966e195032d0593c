"""What the user tells: lessons, corrections, memories. Everything is judged before a byte of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

from edge_seal.adaptation import admission, signals
from edge_seal.adaptation.admission import Admission
from edge_seal.adaptation.guardian import redacted
from edge_seal.adaptation.signals import Lesson
from edge_seal.errors import ConfigError, Refused
from edge_seal.memory.search import Mode
from edge_seal.records import Action, Actor, Memory, Origin, Recalled, SignalKind
from edge_seal.runtime.trialling import Trialling
from edge_seal.runtime.values import Kept
from edge_seal.updates.canonical import JsonValue


class Telling(Trialling):
    """Keeps what is told, and finds it again."""

    def teach(
        self, lessons: Sequence[Lesson], *, places: Sequence[str] | None = None, memory_id: str | None = None
    ) -> Kept:
        """Keeps lessons for the next cycle, all of them or none. `places` name them in a refusal (`line 3`).

        With `memory_id` they come from that memory, carry its origin too, and are forgotten with it.

        Raises:
            Refused: the guardian blocks one; nothing of any of them is kept.
            NotFound: there is no such memory.
        """
        if memory_id is not None:
            origin = self.stored_memories.get(memory_id).origin
            lessons = [item.made_from(origin) for item in lessons]
        admitted = self._admitted(
            admission.of_lessons(lessons, places, policy=self.data_policy), "signal.refused", "taught"
        )
        return Kept(tuple(self.signals.add_all(lessons, memory_id=memory_id)), admitted.reasons(Action.QUARANTINE))

    def teach_lines(self, text: str, origin: Origin = Origin.TYPED, source: str | None = None) -> Kept:
        """Keeps the lessons of a JSON Lines text; as `teach`. Lines that name no source have this origin and source."""
        lessons = signals.parse_lessons(text, origin, source)
        return self.teach(lessons, places=admission.lines_with_text(text))

    def teach_rule(self, statement: str) -> Kept:
        """Keeps a rule of style or format that is stated in words; as `teach`.

        Raises:
            ConfigError: no rule is read in it.
        """
        from edge_seal.adaptation.style_rules import examples_of_statements, read_rule

        stated = signals.lesson(statement, statement)
        rule = read_rule(stated.prompt)
        if rule is None:
            raise ConfigError(
                f"no rule of style or format is read in {statement!r}",
                next_step=f"state it like: {'; '.join(examples_of_statements())}. Or correct three answers or more",
            )
        return self.teach([signals.lesson(statement, rule.words)])

    def thumb(self, turn_id: str, kind: SignalKind) -> Kept:
        """Keeps that the answer of a turn was good or bad."""
        turn = self.conversations.turn(turn_id)
        kept = self.signals.add(kind, signals.said_in(turn), turn_id=turn.id)
        return Kept((kept,), (), self._after_answer())

    def correct(self, turn_id: str, answer: str, origin: Origin = Origin.TYPED) -> Kept:
        """Keeps what should have been said in a turn; `origin` is that of `answer`.

        Raises:
            Refused: the guardian blocks it; nothing of it is kept.
        """
        turn = self.conversations.turn(turn_id)
        lesson = signals.correction(turn, answer, origin)
        admitted = self._admitted(
            admission.of_lessons([lesson], policy=self.data_policy), "signal.refused", "correction"
        )
        signal = self.signals.add(SignalKind.CORRECTION, lesson, turn_id=turn.id)
        return Kept((signal,), admitted.reasons(Action.QUARANTINE), self._after_answer())

    def _admitted(self, judged: Admission, event: str, subject: str) -> Admission:
        """`judged`, if none of it is blocked; otherwise the refusal is recorded, without the text or its digest."""
        if not judged.is_blocked:
            return judged
        rules = judged.rules(Action.BLOCK)
        body: dict[str, JsonValue] = {"rules": rules, "refused": judged.count(Action.BLOCK)}
        with self.database.transaction():
            self.ledger.append(event, actor=Actor.GUARDIAN, subject=subject, body=body)
        raise Refused(
            "the guardian refused it; nothing was kept",
            reasons=judged.reasons(Action.BLOCK),
            next_step="take it out and try again; `edge-seal guard scan` shows what is found in a text",
        )

    # Memory ---------------------------------------------------------------------------------------------------

    def remember(self, text: str, origin: Origin, *, source: str | None = None, confirmed: bool = False) -> Memory:
        """Keeps `text` as a memory. What the guardian would rather ask about is kept only if `confirmed`.

        Raises:
            Refused: it holds a secret, or something to be asked about; nothing of it is kept.
        """
        # A file's name is kept with its text, and travels as far.
        text, *_ = self._admit_memories([text, *([source] if source else [])], confirmed=confirmed)
        return self.keeping_memories.remember(text, origin, source)

    def edit_memory(
        self, memory_id: str, text: str, origin: Origin = Origin.TYPED, *, confirmed: bool = False
    ) -> Memory:
        """Puts `text`, which is of `origin`, in place of what the memory said; refused as in `remember`."""
        self.stored_memories.get(memory_id)
        (text,) = self._admit_memories([text], confirmed=confirmed)
        return self.keeping_memories.edit(memory_id, text, origin)

    def search_memories(self, query: str, count: int, mode: Mode | None = None) -> tuple[Recalled, ...]:
        """The memories nearest to `query`, best first."""
        by_words = mode == "keyword" or (mode is None and self.settings.memory.mode == "keyword")
        return (self.stored_memories if by_words else self.memories).search(query, count, mode)

    def search_notices(self) -> tuple[str, ...]:
        """What the user should know of a search by meaning that was made: see `embedder_notices`."""
        return () if self.settings.memory.mode == "keyword" else self.embedder_notices()

    def _admit_memories(
        self, texts: Sequence[str], *, confirmed: bool, places: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        """The texts as they may be kept: with what the policy masks masked. Lines of a file are asked about instead."""
        judged = self._admitted(
            admission.of_memories(texts, places, policy=self.data_policy), "memory.refused", "memory"
        )
        doubts = judged.reasons(Action.QUARANTINE) + (judged.reasons(Action.REDACT) if places is not None else ())
        self._record_doubts(judged, asked=bool(doubts) and not confirmed)
        if doubts and not confirmed:
            raise Refused(
                "the guardian asks before this is kept; nothing was kept",
                reasons=doubts,
                next_step="if you want it remembered, run the command again with --yes",
                may_insist=True,
            )
        masked = zip(texts, judged.verdicts, strict=True)
        return tuple(redacted(text, verdict, only=Action.REDACT) for text, verdict in masked)

    def _record_doubts(self, judged: Admission, *, asked: bool) -> None:
        """That something was asked about, or is kept with what was found in it masked."""
        action = Action.QUARANTINE if asked else Action.REDACT
        event = "memory.asked" if asked else "memory.masked"
        rules = judged.rules(action) or (judged.rules(Action.REDACT) if asked else ())
        if rules:
            body: dict[str, JsonValue] = {"rules": rules}
            with self.database.transaction():
                self.ledger.append(event, actor=Actor.GUARDIAN, subject="memory", body=body)
