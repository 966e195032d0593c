"""The interface as the command opens it, with an error in the midst of it: `python -m tests.tui.crashing_program`."""

from __future__ import annotations

import sys
from typing import NoReturn

from edge_seal.config import locate_home
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.start import run_on_terminal

SECRET = "a secret word of a conversation"


def fails(_: EdgeSealApp) -> NoReturn:
    """Stands for an error of ours, with a text of the user in its message."""
    raise ValueError(f"cannot show {SECRET}")


def main() -> None:
    """Help is what fails; everything else is as it is."""
    EdgeSealApp.action_help = fails  # pyright: ignore[reportAttributeAccessIssue]
    sys.exit(run_on_terminal(locate_home(), None))


if __name__ == "__main__":
    main()
