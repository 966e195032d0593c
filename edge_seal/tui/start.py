"""From the command to the running interface and back: passphrases before the terminal is taken, a log after a crash."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edge_seal import __version__
from edge_seal.tui.app import EdgeSealApp
from edge_seal.tui.passphrases import RememberedPassphrases
from edge_seal.tui.themes import OURS

if TYPE_CHECKING:
    from edge_seal.home import Home
    from edge_seal.safekeeping.unlocking import Passphrases

CRASHED = 1


def run_on_terminal(home: Home, passphrases: Passphrases | None) -> int:
    """Runs the interface; gives the exit code. Raises as `edge_seal.tui.run`."""
    theme = _wanted_theme(home)
    home.create()
    known = None if passphrases is None else RememberedPassphrases(passphrases)
    if known is not None and home.key_file.exists():
        from edge_seal.runtime import Runtime

        with Runtime.open(home, passphrases=known) as runtime:
            _ = runtime.key  # asks here, where a terminal can be asked on, and fails here if it is the wrong one
    _log_to_nowhere_on_screen()
    app = EdgeSealApp(home, known, theme=theme)
    app.run()
    if app.unusable is not None:
        raise app.unusable
    if app.crash is None:
        return 0
    log = write_crash(home.state, app.crash)
    sys.stderr.write(f"edge-seal stopped because of an error in itself ({type(app.crash).__name__}).\n")
    sys.stderr.write(f"What is kept is whole. Where it happened is written, without any text of yours, to {log}\n")
    return CRASHED


def _wanted_theme(home: Home) -> str:
    """What the settings say. All of them are checked once the first frame is there: that takes longer than it."""
    if not home.config_file.exists():
        return OURS[0].name
    import tomllib

    try:
        written: object = tomllib.loads(home.config_file.read_text(encoding="utf-8"))
        for key in ("interface", "theme"):
            written = cast("dict[str, object]", written)[key] if isinstance(written, dict) else None
    except KeyError:
        return OURS[0].name
    except (OSError, ValueError):
        written = None
    if isinstance(written, str):
        return written
    from edge_seal.config import load_settings

    return load_settings(home.config_file).interface.theme


def write_crash(state: Path, error: BaseException) -> Path:
    """Writes where `error` came from: types, files and lines, and no message or value, which may hold a conversation.

    Returns the file.
    """
    lines = [f"edge-seal {__version__}, Python {sys.version.split()[0]}, {sys.platform}\n"]
    at: BaseException | None = error
    while at is not None:
        lines.append(f"{type(at).__module__}.{type(at).__qualname__}\n")
        lines += [
            f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n'
            for frame in traceback.extract_tb(at.__traceback__)
        ]
        at = at.__cause__ or at.__context__
    path = state / "crash.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(lines)
    return path


def _log_to_nowhere_on_screen() -> None:
    """A warning of a library on stderr would be painted over the interface."""
    logging.getLogger().addHandler(logging.NullHandler())
    logging.lastResort = None
