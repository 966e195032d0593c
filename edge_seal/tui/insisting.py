"""What the guardian only asks about is kept where the user says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from edge_seal.errors import EdgeSealError, Refused
from edge_seal.tui.dialogs import AskDialog

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime
    from edge_seal.tui.screen import DeskScreen

T = TypeVar("T")


async def insisted(screen: DeskScreen, do: Callable[[Runtime, bool], T], *changes: str) -> T | None:
    """What `do` gives; where it is refused and may be insisted on, the user is asked, and it is done with True.

    None where it was not done; then the user was told why. For a worker of the screen.
    """
    try:
        return await screen.desk.change(lambda runtime: do(runtime, False), *changes)
    except Refused as refusal:
        if not refusal.may_insist:
            screen.tell_error(refusal)
            return None
        reasons = "\n".join(f"· {reason}" for reason in refusal.reasons)
    except EdgeSealError as error:
        screen.tell_error(error)
        return None
    if not await screen.app.push_screen_wait(
        AskDialog("The guardian asks: keep it all the same?", reasons, yes="Keep")
    ):
        return None
    return await screen.called(lambda runtime: do(runtime, True), *changes)
