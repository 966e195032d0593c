"""A document as evidence: read, proposed from, judged, and kept like any other lesson, of origin `document`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge_seal.adaptation import admission, signals
from edge_seal.errors import Refused
from edge_seal.records import Action, Actor, Signal, SignalState
from edge_seal.runtime.asking import Asking
from edge_seal.runtime.telling import Telling
from edge_seal.updates.canonical import JsonValue

if TYPE_CHECKING:
    from edge_seal.adaptation.documents import Document, Proposal


@dataclass(frozen=True, slots=True)
class TaughtDocument:
    """What a document gave.

    Attributes:
        source: the name that its lessons carry.
        sentences: how many were read.
        proposals: what was kept, or in a dry run what would be.
        signals: as they were kept, in the order of `proposals`; none in a dry run.
        dropped: how many proposals were not kept, by reason in words.
        refused: what the guardian blocked, with line and rule; nothing of it is kept.
        waiting: why what was kept needs a person's approval.
    """

    source: str
    sentences: int
    proposals: tuple[Proposal, ...]
    signals: tuple[Signal, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])
    refused: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()


def _hear_nothing(_done: int, _total: int) -> None:
    """Takes progress that nobody asked for."""


class Documenting(Asking, Telling):
    """Keeps what a document says."""

    def teach_document(
        self,
        content: bytes,
        source: str,
        *,
        dry_run: bool = False,
        is_markdown: bool = False,
        by_model: bool | None = None,
        on_sentence: Callable[[int, int], None] = _hear_nothing,
    ) -> TaughtDocument:
        """Keeps the lessons that a plain text or Markdown gives; they wait for approval whatever they say.

        Args:
            content: its bytes, UTF-8.
            source: the name that its lessons carry: caps are counted by it.
            dry_run: only say what would be kept.
            is_markdown: read it as Markdown.
            by_model: whether the model proposes beside the rules; None: as `documents.by_model` says.
            on_sentence: hears how many of how many sentences the model has read.

        Raises:
            ConfigError: it is no text, too large, or the source cannot be named so.
            Refused: all that it gives is blocked.
        """
        from edge_seal.adaptation import documents

        signals.checked_source(source)
        document = documents.read_document(content, source, is_markdown=is_markdown)
        proposed = documents.propose(document)
        if self.settings.documents.by_model if by_model is None else by_model:
            proposed = documents.checked(
                (*proposed.kept, *self._by_model(document, proposed.kept, on_sentence)), document, proposed.dropped
            )
        dropped = dict(proposed.dropped)
        fresh = self._untold(proposed.kept, dropped)
        allowed, refused, waiting = self._judged_document(fresh, source, record=not dry_run)
        chosen = documents.at_most(allowed, self.settings.documents.lessons)
        if len(chosen) < len(allowed):
            dropped["more than documents.lessons"] = len(allowed) - len(chosen)
        if not chosen and refused:
            raise Refused("the guardian refused all that the document gives; nothing was kept", reasons=refused)
        kept = () if dry_run else tuple(self.signals.add_all(_lesson(one, source) for one in chosen))
        return TaughtDocument(
            source, len(document.sentences), chosen, kept, dropped, refused, waiting if chosen else ()
        )

    def _by_model(
        self, document: Document, by_rule: Sequence[Proposal], on_sentence: Callable[[int, int], None]
    ) -> tuple[Proposal, ...]:
        from edge_seal.adaptation.document_questions import ask_model

        self._serve(None)
        return ask_model(self.engine, document, by_rule, on_sentence)

    def _untold(self, proposals: Sequence[Proposal], dropped: dict[str, int]) -> tuple[Proposal, ...]:
        """Those that were not told before, in the same words."""
        told = {
            (signal.prompt, signal.answer)
            for signal in self.signals.all()
            if signal.state in {SignalState.PENDING, SignalState.LEARNED}
        }
        fresh = tuple(one for one in proposals if (one.prompt, one.answer) not in told)
        if len(fresh) < len(proposals):
            dropped["told before"] = len(proposals) - len(fresh)
        return fresh

    def _judged_document(
        self, proposals: Sequence[Proposal], source: str, *, record: bool
    ) -> tuple[tuple[Proposal, ...], tuple[str, ...], tuple[str, ...]]:
        """What may be kept, what was blocked and why, and why the rest waits. One blocked lesson leaves the others."""
        judged = admission.of_lessons(
            [_lesson(one, source) for one in proposals],
            [f"line {one.line}" for one in proposals],
            policy=self.data_policy,
        )
        if judged.is_blocked and record:
            body: dict[str, JsonValue] = {
                "rules": judged.rules(Action.BLOCK),
                "refused": judged.count(Action.BLOCK),
            }
            with self.database.transaction():
                self.ledger.append("signal.refused", actor=Actor.GUARDIAN, subject="document", body=body)
        allowed = tuple(
            one for one, verdict in zip(proposals, judged.verdicts, strict=True) if verdict.action is not Action.BLOCK
        )
        # That every line waits because it was not typed is said once.
        waiting = dict.fromkeys(
            reason.split(": ", 1)[1] if "origin.unapproved" in reason else reason
            for reason in judged.reasons(Action.QUARANTINE)
        )
        return allowed, judged.reasons(Action.BLOCK), tuple(waiting)


def _lesson(proposal: Proposal, source: str) -> signals.Lesson:
    from edge_seal.adaptation.documents import BY_MODEL

    return signals.lesson_of_document(proposal.prompt, proposal.answer, source=source, by_model=proposal.by == BY_MODEL)
