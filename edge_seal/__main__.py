"""The program: `edge-seal`, or `python -m edge_seal`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_seal.cli import edge_seal

if TYPE_CHECKING:
    from edge_seal.config import Home
    from edge_seal.safekeeping.unlocking import Passphrases


def main() -> None:
    """Runs the command line, or on a terminal without a command the interface, and ends with its exit code."""
    edge_seal(prog_name="edge-seal", obj=_interface)


def _interface(home: Home, passphrases: Passphrases) -> int:
    from edge_seal.tui import run

    return run(home, passphrases)


if __name__ == "__main__":
    main()
