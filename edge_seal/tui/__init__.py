"""The terminal interface: it calls the runtime, receives messages, and renders records.

Invariants: only the `Desk` holds a runtime, and uses it on a thread of its own; workers post messages and touch no
widget; text that this program did not write passes `foreign` before any widget; nothing of a conversation is written
to the log. Import what follows only when a terminal is there: this module alone loads nothing of weight.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_seal.home import Home
    from edge_seal.safekeeping.unlocking import Passphrases


def run(home: Home, passphrases: Passphrases | None) -> int:
    """Opens the interface on this terminal until the user leaves it; gives the exit code.

    A passphrase is asked for before the terminal is taken.

    Raises:
        EdgeSealError: the home cannot be opened; the terminal was not touched.
    """
    gc.disable()  # loading leaves no garbage, and was gone through again and again; the first frame turns it on
    try:
        from edge_seal.tui.start import run_on_terminal

        return run_on_terminal(home, passphrases)
    finally:
        gc.enable()
