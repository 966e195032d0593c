"""The one thing in the interface that holds a runtime.

Invariants: a runtime is opened, used and closed on one thread (its SQLite connection and its model stay there), so
calls wait for each other; learning has a process, and whatever else takes long a thread, a runtime, a connection and a
model of its own, so that answering goes on meanwhile; what a callback hears on such a thread reaches the interface
through its event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message

from edge_seal.errors import Busy, EdgeSealError
from edge_seal.tui.messages import Changed, LearningEnded, LearningProgress, LearningStarted, ModelLoading

if TYPE_CHECKING:
    from edge_seal.home import Home
    from edge_seal.records import Progress, Turn
    from edge_seal.runtime import Ask, Runtime
    from edge_seal.tui.passphrases import RememberedPassphrases

T = TypeVar("T")


class StoppedByUser(EdgeSealError):
    """The user stopped what was running."""


class Desk:
    """Calls the runtime of one home. Construct, and use, on the event loop's thread.

    Args:
        tell: gets what happened, on the event loop's thread.
    """

    def __init__(
        self, home: Home, passphrases: RememberedPassphrases | None, tell: Callable[[Message], object]
    ) -> None:
        self.home = home
        self._passphrases = passphrases
        self._tell = tell
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")
        self._learning_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="learning")
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")
        self._runtime: Runtime | None = None
        self._stop_answer = threading.Event()
        self._stop_learning = threading.Event()
        self._stop_long = threading.Event()
        self._last_progress: LearningProgress | None = None
        self._is_learning = False
        self._closed = False

    # Calls ----------------------------------------------------------------------------------------------------

    async def call(self, do: Callable[[Runtime], T]) -> T:
        """What `do` gives for the runtime, on its thread, after what was called before.

        Raises:
            EdgeSealError: as `do`.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: do(self._opened()))

    async def change(self, do: Callable[[Runtime], T], *kinds: str) -> T:
        """As `call`; afterwards every screen is told that things of `kinds` changed."""
        done = await self.call(do)
        for kind in kinds:
            self._tell(Changed(kind))  # pyright: ignore[reportArgumentType]  # checked where it is read
        return done

    async def reopen(self) -> None:
        """Closes what is open; the next call opens it anew, with the settings as they are then."""
        await self.call(lambda runtime: runtime.leave())

    async def load_model(self) -> None:
        """Opens the model, so that the first answer need not wait for it; tells how that goes, and raises nothing."""
        self._tell(ModelLoading("loading"))
        try:
            await self.call(lambda runtime: runtime.engine)
        except EdgeSealError as error:
            self._tell(ModelLoading("failed", error))
        else:
            self._tell(ModelLoading("ready"))

    # Answers --------------------------------------------------------------------------------------------------

    async def ask(self, ask: Ask, on_piece: Callable[[str], object]) -> Turn:
        """The answer; `on_piece` gets its parts on the event loop's thread, as the model gives them (hostile text).

        `stop_answer` ends it.

        Raises:
            EdgeSealError: as `Runtime.ask`.
        """
        loop = asyncio.get_running_loop()
        self._stop_answer.clear()

        def heard(piece: str) -> None:
            loop.call_soon_threadsafe(on_piece, piece)

        turn = await self.call(lambda runtime: runtime.ask(ask, heard, self._stop_answer.is_set))
        # What is not embedded yet gets a little time, between this answer and the next call.
        self._thread.submit(self._embed)
        self._tell(Changed("conversations"))
        return turn

    def stop_answer(self) -> None:
        """Ends the answer that is being written, at its next word; what is written of it is kept."""
        self._stop_answer.set()

    # What takes long ------------------------------------------------------------------------------------------

    async def long(self, do: Callable[[Runtime, Callable[..., None]], T], on_progress: Callable[..., object]) -> T:
        """What `do` gives for a runtime of its own, on a thread beside: answering goes on meanwhile.

        `do` tells its progress to its second argument; `stop_long` ends it there.

        Raises:
            EdgeSealError: as `do`; or the user stopped it.
        """
        loop = asyncio.get_running_loop()
        self._stop_long.clear()

        def heard(*told: object) -> None:
            if self._stop_long.is_set():
                raise StoppedByUser("stopped; what was there before is as it was")
            loop.call_soon_threadsafe(on_progress, *told)

        def done() -> T:
            from edge_seal.runtime import Runtime

            with Runtime.open(self.home, passphrases=self._passphrases) as runtime:
                return do(runtime, heard)

        return await loop.run_in_executor(self._aside, done)

    def stop_long(self) -> None:
        """Ends what `long` runs, at its next progress."""
        self._stop_long.set()

    # Learning -------------------------------------------------------------------------------------------------

    @property
    def is_learning(self) -> bool:
        """Whether a cycle runs in this process."""
        return self._is_learning

    @property
    def last_progress(self) -> LearningProgress | None:
        """What the running cycle told last; for a screen that is opened while it runs."""
        return self._last_progress

    async def learn(self, *, now: bool = True) -> LearningEnded:
        """One cycle in a process of its own; tells its progress and its end, and gives the end. Raises nothing of ours.

        Stopping it (`cancel_learning`) ends the cycle's update as abandoned.
        """
        if self._is_learning:
            return LearningEnded(error=Busy("learning is already running", next_step="wait for it, or cancel it"))
        self._is_learning = True
        self._stop_learning.clear()
        self._last_progress = None
        self._tell(LearningStarted())
        loop = asyncio.get_running_loop()
        try:
            ended = await loop.run_in_executor(self._learning_thread, lambda: self._learned(loop, now=now))
        finally:
            self._is_learning = False
            self._last_progress = None
        self._tell(ended)
        self._tell(Changed("updates"))
        self._tell(Changed("signals"))
        return ended

    def cancel_learning(self) -> None:
        """Lets the running cycle stop at its next step; what answers is not changed by it."""
        self._stop_learning.set()

    def _learned(self, loop: asyncio.AbstractEventLoop, *, now: bool) -> LearningEnded:
        from edge_seal.runtime.apart import learn_apart

        started = time.monotonic()
        losses: list[float] = []

        def heard(progress: Progress) -> None:
            if progress.loss_nats is not None:
                losses.append(progress.loss_nats)
            told = LearningProgress(progress, tuple(losses), time.monotonic() - started)
            loop.call_soon_threadsafe(self._heard_progress, told)

        try:
            known = None if self._passphrases is None else self._passphrases.asked
            return LearningEnded(report=learn_apart(self.home, known or {}, heard, self._stop_learning.is_set, now=now))
        except EdgeSealError as error:
            return LearningEnded(error=error)
        except KeyboardInterrupt:
            return LearningEnded(cancelled=True)

    def _heard_progress(self, told: LearningProgress) -> None:
        self._last_progress = told
        self._tell(told)

    # The end --------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Stops what runs, waits for it, and closes the runtime; may be called twice."""
        if self._closed:
            return
        self._closed = True
        self._stop_answer.set()
        self._stop_learning.set()
        self._stop_long.set()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._close)
        await asyncio.to_thread(self._learning_thread.shutdown)
        await asyncio.to_thread(self._aside.shutdown)
        self._thread.shutdown(wait=False)

    # On the desk's thread -------------------------------------------------------------------------------------

    def _opened(self) -> Runtime:
        if self._runtime is None:
            from edge_seal.runtime import Runtime

            self._runtime = Runtime.open(self.home, passphrases=self._passphrases)
        return self._runtime

    def _embed(self) -> None:
        if self._runtime is not None and not self._closed:
            self._runtime.embed_in_background()

    def _close(self) -> None:
        if self._runtime is not None:
            self._runtime.close()
