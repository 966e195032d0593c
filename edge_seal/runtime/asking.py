"""Asking: which update answers, what is recalled for it, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edge_seal.conversation import Answering, Question, checked_prompt, checked_system_prompt, never, take_turn
from edge_seal.engines.engine import Sampling
from edge_seal.errors import ConfigError, EdgeSealError, IntegrityError
from edge_seal.memory.memories import Memories
from edge_seal.records import Turn, Update
from edge_seal.runtime.scoping import Scoping
from edge_seal.runtime.trialling import Trial, Trialling
from edge_seal.runtime.values import ACTIVE, LAST, NONE, Ask
from edge_seal.updates.canary import Arm

AGAIN_TEMPERATURE: Final = 0.7


class Asking(Scoping, Trialling):
    """Answers questions."""

    def ask(
        self,
        ask: Ask,
        on_piece: Callable[[str], None] | None = None,
        enough: Callable[[], bool] = never,
    ) -> Turn:
        """Answers and keeps the turn; `on_piece` gets the answer's text as it is drawn, until it is `enough`.

        Raises:
            NotFound: no such update or conversation.
            ConfigError: the prompt is empty.
            IntegrityError: the update that was named is damaged.
        """
        checked_prompt(ask.prompt)
        if ask.private and ask.conversation is not None:
            raise ConfigError("a private question continues no conversation", next_step="ask it without --private")
        conversation = self.conversations.latest() if ask.conversation == LAST else ask.conversation
        generation = self.settings.generation
        sampling = Sampling(
            max_tokens=ask.max_tokens or generation.max_tokens,
            temperature=generation.temperature if ask.temperature is None else ask.temperature,
            top_p=generation.top_p,
            seed=generation.seed if ask.seed is None else ask.seed,
        )
        update, trial, notices = self._answering(ask, conversation)
        taught_as: str | None = None
        if ask.adapter == ACTIVE and update is not None:
            answerer = self.answering_from(update, ask.prompt, self._before(ask, conversation))
            update, taught_as = answerer.update, answerer.taught_as
        memories, memory_notices = self._recalling(use_memory=ask.use_memory, private=ask.private)
        self._serve(update)
        answering = Answering(
            self.engine,
            None if update is None else update.id,
            memories,
            self.settings.memory.budget_tokens,
            (*notices, *memory_notices),
            self._joining(trial),
            taught_as,
            generation.end_loops,
        )
        question = Question(
            ask.prompt,
            ask.origin,
            sampling,
            conversation,
            private=ask.private,
            before=ask.before,
            system_prompt=None if ask.system_prompt is None else checked_system_prompt(ask.system_prompt),
            instead_of=ask.instead_of,
        )
        try:
            with self._counting_errors(trial):
                turn = take_turn(question, answering, self.conversations, on_piece or _hear_nothing, enough)
            # Only now is it known whether the embedder could be used.
            by_meaning = memories is not None and memories is not self.stored_memories
            embedder_notices = self.embedder_notices() if by_meaning else ()
            return replace(turn, notices=(*turn.notices, *embedder_notices, *self._after_answer()))
        finally:
            if ask.private:
                # Setting the adapter anew clears the KV cache: the next answer starts without a token of this one.
                self._served = None

    def _before(self, ask: Ask, conversation: str | None) -> Turn | None:
        """The turn that the question follows, if it follows one."""
        if conversation is None:
            return ask.before[-1] if ask.before else None
        turns = self.conversations.turns(conversation)
        place = next((place for place, turn in enumerate(turns) if turn.id == ask.instead_of), len(turns))
        return turns[place - 1] if place else None

    def asked_again(self, turn_id: str) -> Ask:
        """What asks the question of a turn once more, for another answer in its place.

        A greedy model would give the same one, so it is drawn, with a seed of its own.
        """
        turn = self.conversations.turn(turn_id)
        return Ask(
            turn.prompt,
            turn.origin,
            seed=(self.conversations.seed_of(turn_id) + 1) % (2**32 - 1),
            temperature=max(self.settings.generation.temperature, AGAIN_TEMPERATURE),
            instead_of=turn_id,
        )

    def _answering(self, ask: Ask, conversation: str | None) -> tuple[Update | None, Trial | None, tuple[str, ...]]:
        """The update that is to answer: the one that was named, or that of the canary's arm."""
        if ask.adapter != ACTIVE or ask.private:
            update, notices = self._chosen(ask.adapter)
            return update, None, notices
        trial, notices = self._trial(conversation)
        if trial is not None:
            # By the question alone: what came before it was answered by the one arm or the other.
            trial = replace(trial, bears=self.bears_on(trial.candidate, ask.prompt, None))
        if trial is not None and trial.arm is Arm.CANDIDATE:
            return trial.candidate, trial, notices
        update, about_it = self._chosen(ACTIVE)
        return update, trial, (*notices, *about_it)

    def _chosen(self, adapter: str) -> tuple[Update | None, tuple[str, ...]]:
        """The update that is to answer, with notices where it is not the one that was meant to."""
        if adapter == NONE:
            return None, ()
        if adapter == ACTIVE:
            update, notices = self.releases.serving(self.base_sha256)
            forgotten = self.forgetting.notice(update)
            return update, notices if forgotten is None else (*notices, forgotten)
        update = self.releases.get(adapter)
        if update.adapter_sha256 is None or update.manifest_sha256 is None:
            raise EdgeSealError(
                f"update {update.id} is {update.state} and has no adapter", next_step="edge-seal updates list"
            )
        if self.forgetting.notice(update) is not None:
            raise EdgeSealError(
                f"update {update.id} learned what you forgot, so it is not asked by its name",
                next_step="edge-seal learn trains anew without it",
            )
        problem = self.adapters.verify(update.adapter_sha256, update.manifest_sha256)
        if problem is not None:
            raise IntegrityError(f"update {update.id} cannot answer: {problem}", next_step="edge-seal audit verify")
        if update.base_sha256 != self.base_sha256:
            raise EdgeSealError(
                f"update {update.id} was trained for another model file", next_step="edge-seal models list"
            )
        return update, ()

    def _serve(self, update: Update | None) -> None:
        path = None if update is None or update.adapter_sha256 is None else self.adapters.path(update.adapter_sha256)
        served = (None if update is None else update.id, path)
        # A fresh engine serves the base; swapping anyway would throw away a conversation's KV cache.
        if served != self._served:
            self._served = None
            self.engine.use_adapter(path)
            self._served = served

    def _recalling(self, *, use_memory: bool, private: bool) -> tuple[Memories | None, tuple[str, ...]]:
        """The memories to recall from: none where there are none, so that no embedder is loaded for nothing.

        Where nothing was remembered, past turns are found by their words alone, for the same reason.
        """
        if not use_memory or self.settings.memory.mode == "off":
            return None, ()
        if not self.stored_memories.list(limit=1):
            return (self.stored_memories if self.settings.memory.turns else None), ()
        if self.settings.memory.mode == "keyword":
            return self.stored_memories, ()
        sends_to = self.settings.embedder.sends_to
        if private and sends_to is not None:
            # Who wants nothing kept here wants nothing kept there.
            told = f"a private question is not sent to {sends_to}: memories are found by their words alone"
            return self.stored_memories, (told,)
        if self.embedder is None:
            return self.stored_memories, self.embedder_notices()
        return self.memories, ()


def _hear_nothing(_: str) -> None:
    """Takes an answer that is wanted as a whole."""
