"""The program: `edge-seal`, or `python -m edge_seal`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from edge_seal.errors import EdgeSealError
from edge_seal.terminal import shows_interface

if TYPE_CHECKING:
    from edge_seal.home import Home
    from edge_seal.safekeeping.unlocking import Passphrases


def main() -> None:
    """Runs the command line, or on a terminal without a command the interface, and ends with its exit code."""
    if len(sys.argv) == 1 and shows_interface():
        sys.exit(_interface_at_once())
    from edge_seal.cli import edge_seal

    edge_seal(prog_name="edge-seal", obj=_interface)


def _interface(home: Home, passphrases: Passphrases | None) -> int:
    from edge_seal.tui import run

    return run(home, passphrases)


def _interface_at_once() -> int:
    """As the command line without a command, which is loaded only where it has something to ask or to say."""
    from edge_seal.home import locate_home

    try:
        home = locate_home()
        passphrases: Passphrases | None = None
        if home.key_file.exists():
            from edge_seal.cli.passphrases import GivenPassphrases

            passphrases = GivenPassphrases()
        return _interface(home, passphrases)
    except (EdgeSealError, KeyboardInterrupt) as error:
        _end_with(error)


def _end_with(error: BaseException) -> NoReturn:
    """Lets the command line say it, which gives every error its words and its exit code."""

    def raised(*_: object) -> int:
        raise error

    from edge_seal.cli import edge_seal

    edge_seal(prog_name="edge-seal", obj=raised)
    raise AssertionError("the command line returned") from error


if __name__ == "__main__":
    main()
