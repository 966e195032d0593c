"""What a prompt does beside being answered: commands in chat, and statements in passing that become proposals.

Invariants: only a typed prompt commands anything or states anything; the guardian judges what would be kept, before it
is kept; nothing is kept of a private question, and nothing is noticed where memory is left out of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from edge_seal.adaptation import admission
from edge_seal.conversation import checked_prompt, never
from edge_seal.errors import ConfigError, EdgeSealError, NotFound
from edge_seal.memory import capture, chat_commands, words
from edge_seal.memory.chat_commands import ChatCommand
from edge_seal.memory.proposals import Proposals
from edge_seal.records import Contradiction, Memory, Origin, Proposal, Recalled, Timing, Turn
from edge_seal.runtime.asking import Asking
from edge_seal.runtime.forgetting import Forgetting
from edge_seal.runtime.telling import Telling
from edge_seal.runtime.values import LAST, USER, Ask
from edge_seal.updates.canonical import JsonValue

# "forget ..." takes a memory without asking only if it is this near, and this much nearer than the next one.
SURE_SIMILARITY: Final = 0.75
SURE_LEAD: Final = 0.10
CANDIDATES: Final = 5
# Of the candidates that are listed: farther ones only confuse.
LISTED_SIMILARITY: Final = 0.25
_NO_TIME: Final = Timing(0, 0, 0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Consequences:
    """What keeping a memory did to others: those that it ended, and those that it contradicts."""

    ended: tuple[Memory, ...]
    contradictions: tuple[Contradiction, ...]


class Chatting(Asking, Telling, Forgetting):
    """Answers, does what a prompt commands, and notes what it states."""

    @cached_property
    def proposals(self) -> Proposals:
        def audit(event: str, subject: str, body: dict[str, str]) -> None:
            written: dict[str, JsonValue] = {**body}
            self.ledger.append(event, actor=USER, subject=subject, body=written)

        return Proposals(self.database, lambda event, subject, body: audit(event, subject, dict(body)), self.clock)

    def ask(
        self,
        ask: Ask,
        on_piece: Callable[[str], None] | None = None,
        enough: Callable[[], bool] = never,
    ) -> Turn:
        """Answers as `Asking.ask`, unless the prompt is a command; what it states in passing is in `proposed`.

        Raises:
            Refused: the guardian blocks what is to be remembered.
        """
        checked_prompt(ask.prompt)
        command = chat_commands.parsed(ask.prompt) if ask.origin is Origin.TYPED else None
        if command is None:
            turn = super().ask(ask, on_piece, enough)
            return replace(turn, proposed=self._noted(ask, turn)) if self._notes(ask) else turn
        if ask.private:
            raise ConfigError(
                "a private question keeps nothing, so it remembers and forgets nothing",
                next_step="ask without --private, or use `edge-seal remember` and `edge-seal forget`",
            )
        turn = self._obeyed(ask, command)
        if on_piece is not None:
            on_piece(turn.answer)
        return turn

    def asked_again(self, turn_id: str) -> Ask:
        """As `Asking.asked_again`.

        Raises:
            ConfigError: the turn was a command, which has no other answer.
        """
        turn = self.conversations.turn(turn_id)
        if turn.origin is Origin.TYPED and chat_commands.parsed(turn.prompt) is not None:
            raise ConfigError(f"{turn_id} was done, not answered, so there is no other answer to it")
        return super().asked_again(turn_id)

    def consequences(self, memory: Memory) -> Consequences:
        """What `memory` ended and contradicts."""
        facts = self.stored_memories.facts
        ended = (self.stored_memories.get(memory_id) for memory_id in facts.ended_by(memory.id))
        return Consequences(tuple(ended), facts.contradictions(memory.id))

    # Proposals ------------------------------------------------------------------------------------------------

    def accept(self, proposal_ids: Sequence[str]) -> tuple[Memory, ...]:
        """Makes memories of proposals; they count as said when they were said.

        Raises:
            NotFound: one of them does not wait; nothing is accepted.
            Refused: the guardian refuses one; the ones before it are accepted.
        """
        waiting = [self.proposals.get(proposal_id) for proposal_id in proposal_ids]
        return tuple(self._kept(proposal) for proposal in waiting)

    def _kept(self, proposal: Proposal) -> Memory:
        (text,) = self._admit_memories([proposal.text], confirmed=False)
        memories = self.keeping_memories
        source = None if proposal.turn_id is None else f"said in {proposal.turn_id}"
        origin = Origin.TYPED if proposal.turn_id is None else self.conversations.turn(proposal.turn_id).origin
        with self.database.transaction():
            memory = memories.remember(text, origin, source, said_at=proposal.created_at)
            self.proposals.accepted(proposal.id, memory)
        return memory

    def _notes(self, ask: Ask) -> bool:
        is_own = ask.origin is Origin.TYPED and not ask.private
        return is_own and ask.use_memory and self.settings.memory.capture != "off"

    def _noted(self, ask: Ask, turn: Turn) -> tuple[Proposal, ...]:
        """What the prompt states and is not known yet: proposed, or kept at once where that is set."""
        now = self.clock.now()
        noted: list[Proposal] = []
        for item in capture.noticed(ask.prompt, now):
            known = self.stored_memories.facts.knows(item.text, now) or self.stored_memories.says(item.text)
            # What the guardian would refuse or ask about is not noted at all: nobody told us to keep it.
            if known or not self._is_welcome(item.text):
                continue
            proposal = self.proposals.add(item.text, turn.id, item.found_by)
            if proposal is None:
                continue
            if self.settings.memory.capture == "keep":
                self._kept(proposal)
            noted.append(proposal)
        return tuple(noted)

    def _is_welcome(self, text: str) -> bool:
        return all(verdict.allowed for verdict in admission.of_memories([text], policy=self.data_policy).verdicts)

    # Commands in chat -----------------------------------------------------------------------------------------

    def _obeyed(self, ask: Ask, command: ChatCommand) -> Turn:
        if not command.text:
            raise ConfigError(f"/{command.does} needs to know what", next_step=f"/{command.does} followed by the text")
        if command.does == "remember":
            answer, memory_ids = self._remembered(command.text)
            prompt = ask.prompt
        else:
            answer, memory_ids, forgotten = self._forgotten_in_chat(command.text)
            # A turn that quoted what was just forgotten would keep it.
            prompt = f"/forget {forgotten}" if forgotten is not None else ask.prompt
        conversation = self.conversations.latest() if ask.conversation == LAST else ask.conversation
        if ask.instead_of is not None:
            conversation = self.conversations.turn(ask.instead_of).conversation_id
        turn = Turn("", conversation or "", "", prompt, answer, ask.origin, None, memory_ids, _NO_TIME)
        return self.conversations.keep(turn, base_sha256=self._base_or_none(), seed=0, instead_of=ask.instead_of)

    def _base_or_none(self) -> str:
        try:
            return self.base_sha256
        except EdgeSealError:
            return ""  # Remembering needs no model.

    def _remembered(self, text: str) -> tuple[str, tuple[str, ...]]:
        known = self.stored_memories.says(text)
        memory = self.remember(text, Origin.TYPED)
        done = self.consequences(memory)
        told = [f"I remember that already, as {memory.id}." if known else f"Remembered as {memory.id}."]
        told += [f"{old.id} no longer holds, and stays as history: {old.text}" for old in done.ended if not known]
        told += [
            f"It may contradict {other.id}; `edge-seal memory contradictions` shows both."
            for item in done.contradictions
            for other in (item.first, item.second)
            if other.id != memory.id
        ]
        if not known:
            undo = [f"edge-seal forget {memory.id}", *(f"edge-seal memory reopen {old.id}" for old in done.ended)]
            told.append(f"To undo: {', then '.join(undo)}.")
        return "\n".join(told), (memory.id,)

    def _forgotten_in_chat(self, text: str) -> tuple[str, tuple[str, ...], str | None]:
        """The answer, the memories that it names, and the one that was forgotten."""
        candidates = self._meant(text)
        if len(candidates) == 1 and candidates[0].score >= 1.0:
            memory_id = candidates[0].memory.id
            done = self.forget(memory_id)
            told = [f"{memory_id} is forgotten: its text is gone and cannot be brought back.", *done.notices]
            return "\n".join(told), (), memory_id
        if not candidates:
            return "I found no memory of that; nothing was forgotten.", (), None
        listed = [f"{item.memory.id}: {item.memory.text}" for item in candidates]
        told = [
            "Nothing was forgotten yet. Which of these do you mean?",
            *listed,
            f"Say /forget {candidates[0].memory.id}.",
        ]
        return "\n".join(told), tuple(item.memory.id for item in candidates), None

    def _meant(self, text: str) -> tuple[Recalled, ...]:
        """The memories that `text` may mean; a single one with a score of 1 where there is no doubt."""
        try:
            return (Recalled(self.stored_memories.get(text.lower()), 1.0, None),)
        except NotFound:
            pass
        same = self.stored_memories.says(text)
        if same is not None:
            return (Recalled(same, 1.0, 1.0),)
        found = self.search_memories(text, CANDIDATES)
        sought = set(words.content_words(text))
        with_all = [item for item in found if sought and sought <= set(words.content_words(item.memory.text))]
        nearest = [item.similarity or 0.0 for item in found[:2]] + [0.0, 0.0]
        if found and nearest[0] >= SURE_SIMILARITY and nearest[0] - nearest[1] >= SURE_LEAD:
            return (replace(found[0], score=1.0),)
        if len(with_all) == 1 and len(sought) > 1:
            return (replace(with_all[0], score=1.0),)
        return tuple(
            replace(item, score=0.0)
            for item in found
            if item.similarity is None or item.similarity >= LISTED_SIMILARITY or item in with_all
        )
