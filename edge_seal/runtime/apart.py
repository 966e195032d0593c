"""Learning in a process of its own: training keeps the interpreter to itself for long, and what shows it has to go on.

Invariants: the child opens its own runtime and prints nothing; passphrases go to it through a pipe, never on a
command line; it stops when it is told to, and also when whoever began it is gone; however it ends, what it leaves is
what a cycle leaves that was cut off there (the next writer clears it up).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, cast

from edge_seal.errors import ConfigError, EdgeSealError, EngineError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from edge_seal.adaptation.work import CycleReport
    from edge_seal.config import Home
    from edge_seal.records import Progress

_ASKED_S: Final = 0.1
"""How often it is asked whether to stop, while nothing is heard."""
_STOP: Final = "stop"


class HandedOver:
    """Passphrases that were asked for already, by what they open."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known = dict(known)

    def known(self, what: str) -> str:
        if what not in self._known:
            raise ConfigError(f"{what} is behind a passphrase that was not asked for")
        return self._known[what]

    def chosen(self) -> str:
        raise ConfigError("there is nobody to choose a passphrase")


def learn_apart(
    home: Home,
    known: Mapping[str, str],
    on_progress: Callable[[Progress], object],
    should_stop: Callable[[], bool],
    *,
    now: bool,
) -> CycleReport:
    """`Runtime.learn` on `home` in a process of its own; returns when that has ended.

    Args:
        known: passphrases by what they open.
        on_progress: called in this process, on this thread.
        should_stop: asked ten times a second; the cycle then stops at its next step.

    Raises:
        EdgeSealError: as `Runtime.learn`; or the process was ended from outside.
        KeyboardInterrupt: it was stopped; the cycle abandoned its update.
    """
    spawning = get_context("spawn")
    ours, theirs = spawning.Pipe()
    child = spawning.Process(
        target=_learned, args=(theirs, home, dict(known), now), name="edge-seal learn", daemon=True
    )
    # An interface that has the terminal puts something without a descriptor in the place of stderr, and the first
    # child of a process inherits that by its number.
    with redirect_stderr(sys.__stderr__):
        child.start()
    theirs.close()
    told_to_stop = False
    try:
        while True:
            if not told_to_stop and should_stop():
                told_to_stop = True
                _sent(ours, _STOP)
            if not ours.poll(_ASKED_S):
                continue
            what, value = ours.recv()
            if what == "progress":
                on_progress(cast("Progress", value))
            elif what == "report":
                return cast("CycleReport", value)
            elif what == "error":
                raise cast("EdgeSealError", value)
            else:
                raise KeyboardInterrupt
    except EOFError as gone:
        child.join()
        raise EngineError(
            f"the process that was learning was ended ({_ending(child.exitcode)})",
            next_step="learn again; if it was short of memory, close something or lower limits.memory_mib_per_update",
        ) from gone
    finally:
        ours.close()  # a child that still runs takes that as being told to stop
        child.join()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}"
    return f"exit code {code}"


# In the child ---------------------------------------------------------------------------------------------------


def _learned(pipe: Connection, home: Home, known: Mapping[str, str], now: bool) -> None:  # noqa: FBT001  # by position
    """Learns and tells it to `pipe`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's is for who shows it
    _say_nothing()
    from edge_seal.runtime import Runtime

    def heard(progress: Progress) -> None:
        # What the other end says is to stop; that it is closed says the same.
        if pipe.poll() or not _sent(pipe, ("progress", progress)):
            raise KeyboardInterrupt

    try:
        with Runtime.open(home, passphrases=HandedOver(known)) as runtime:
            _sent(pipe, ("report", runtime.learn(now=now, on_progress=heard)))
    except EdgeSealError as error:
        error.__cause__ = error.__context__ = None
        _sent(pipe, ("error", error))
    except KeyboardInterrupt:
        _sent(pipe, ("stopped", None))


def _sent(pipe: Connection, message: object) -> bool:
    """Whether somebody is there to hear it."""
    try:
        pipe.send(message)
    except OSError:
        return False
    return True


def _say_nothing() -> None:
    """What a library prints would land on the screen of who shows it."""
    sys.stdout.flush()
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
