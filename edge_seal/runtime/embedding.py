"""All memories embedded by the embedder that is set: at once on command, or a little after each answer.

One process does it at a time, under a lock of its own: it only adds what any search would do without, so it keeps
nobody from writing, and a search in between finds by words what has no vector yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_seal.engines.engine import Embedder, EmbedderUnavailable
from edge_seal.errors import EdgeSealError
from edge_seal.memory import reembedding
from edge_seal.memory.reembedding import EmbedderState
from edge_seal.runtime.construction import Construction
from edge_seal.updates import write_lock

log = logging.getLogger(__name__)

# After an answer the process goes on for so long at most, and one batch more.
BACKGROUND_S: Final = 1.0
# Small enough that a batch is done in a moment.
BACKGROUND_TEXTS: Final = 16
# More than that takes longer to remove than anybody waits after an answer; `memory reembed` does it.
BACKGROUND_REMOVES: Final = 4096


@dataclass(frozen=True, slots=True)
class Reembedded:
    """What a run did. `refused` are ids of memories that the embedder does not take: they are found by their words."""

    embedded: int
    turns: int
    refused: tuple[str, ...]
    removed: int
    notices: tuple[str, ...]


class Embedding(Construction):
    """Brings the vectors up to the embedder that is set."""

    def reembed(self, progress: Callable[[int, int], None] | None = None) -> Reembedded:
        """Embeds every memory that has no vector of the present embedder, and removes the vectors of former ones.

        `progress` gets how many are done, of how many. Interrupted, it goes on where it was at the next call.

        Raises:
            EngineError: the embedder cannot be used; what was embedded before that stays.
            Busy: another process is doing it.
        """
        embedder = self._embedder_measured()
        memories = self.memories
        notices: list[str] = []
        with write_lock.hold(self._embedding_lock):
            total = memories.missing_vectors()
            done = memories.embed_missing(None if progress is None else lambda count: progress(count, total))
            turns = 0
            while some := memories.embed_turns():
                turns += some
            removed = 0
            if memories.missing_vectors() <= len(done.refused):
                try:
                    removed = reembedding.remove_former(self.database, embedder)
                except EdgeSealError as error:
                    # They are taken out; only their bytes wait for the next start.
                    notices.append(error.message)
        return Reembedded(done.embedded, turns, tuple(f"m{number}" for number in done.refused), removed, tuple(notices))

    def embed_in_background(self, seconds: float = BACKGROUND_S) -> None:
        """Does a part of `reembed` for about `seconds`, where there is something to do; what fails waits.

        For after an answer: it gives and raises nothing.
        """
        try:
            if self.settings.memory.mode in {"hybrid", "vector"} and self.stored_memories.list(limit=1):
                self._embed_for(seconds)
        except EdgeSealError as error:
            log.info("embedding goes on another time: %s", error.message)

    def _embed_for(self, seconds: float) -> None:
        embedder = self.embedder
        if embedder is None or self.memories.embedder_problem is not None:
            return
        end = self.clock.monotonic() + seconds

        def enough() -> bool:
            return self.clock.monotonic() >= end

        with write_lock.hold(self._embedding_lock):
            memories = self._memories(_hurried(embedder, seconds))
            memories.embed_missing(enough=enough, at_once=BACKGROUND_TEXTS)
            if not enough():
                memories.embed_turns(BACKGROUND_TEXTS)
            if not enough() and memories.missing_vectors() == 0:
                former = reembedding.former(self.database, embedder)
                if 0 < former <= BACKGROUND_REMOVES:
                    reembedding.remove_former(self.database, embedder, enough=enough)

    def embedder_state(self) -> EmbedderState:
        """What embeds and how far it is. Asks a server that is set with a sample sentence whether it works.

        Raises:
            EngineError: the embedder of this machine does not work.
        """
        settings, embedder = self.settings.embedder, self.embedder
        kept = self.stored_memories.count()
        problem = None if self._embedder_failed is None else self._embedder_failed[1]
        if embedder is None:
            return EmbedderState(self.embedder_name, settings.kind, settings.sends_to, None, kept, kept, 0, problem)
        if settings.sends_to is not None:
            from edge_seal.engines.endpoint_embedder import SAMPLE

            try:
                embedder.embed([SAMPLE])
            except EmbedderUnavailable as error:
                problem = error
        return EmbedderState(
            self.embedder_name,
            settings.kind,
            settings.sends_to,
            embedder.dimension,
            kept,
            self.memories.missing_vectors(),
            reembedding.former(self.database, embedder),
            problem,
        )

    def _embedder_measured(self) -> Embedder:
        """The embedder; a server is asked how long its vectors are now, and if that has changed it is another one."""
        settings = self.settings.embedder
        embedder = self.embedder
        if settings.sends_to is not None and settings.dimension == 0 and embedder is not None:
            from edge_seal.engines.endpoint_embedder import EndpointEmbedder

            if EndpointEmbedder(settings, 0).measured() != embedder.dimension:
                self._forget_embedder()
                embedder = self.embedder
        if embedder is None:
            if self._embedder_failed is not None:
                raise self._embedder_failed[1]
            raise EmbedderUnavailable(
                f"the embedder {self.embedder_name} is not here",
                next_step=f"edge-seal models pull {self.embedder_name}",
            )
        return embedder


def _hurried(embedder: Embedder, seconds: float) -> Embedder:
    """`embedder`; one behind a server has to answer within `seconds`."""
    from edge_seal.engines.endpoint_embedder import EndpointEmbedder

    return embedder.hurried(seconds) if isinstance(embedder, EndpointEmbedder) else embedder
