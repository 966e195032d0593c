"""Passphrases: from a file, from the environment, or typed on the terminal without an echo; never from arguments."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from edge_seal.cli.output import plain_line
from edge_seal.errors import ConfigError

VARIABLE = "EDGE_SEAL_PASSPHRASE"  # the name of the variable, not what is in it


class GivenPassphrases:
    """What this command was given: the file, else the variable, else the person at the terminal.

    `new_file` is where a new passphrase comes from, if the present one comes from somewhere else.
    """

    def __init__(self, file: Path | None = None, *, new_file: Path | None = None) -> None:
        self._file = file
        self._new_file = new_file

    def known(self, what: str) -> str:
        """The passphrase of `what`.

        Raises:
            ConfigError: none was given, and there is no terminal to ask on.
        """
        return self._given(self._file) or _typed(f"Passphrase of {what}", twice=False)

    def chosen(self) -> str:
        """A new passphrase, typed twice where it is typed.

        Raises:
            ConfigError: none was given, and there is no terminal to ask on.
        """
        if self._new_file is not None:
            return _read(self._new_file)
        return self._given(self._file) or _typed("New passphrase (nobody can recover it)", twice=True)

    def _given(self, file: Path | None) -> str | None:
        return os.environ.get(VARIABLE) if file is None else _read(file)


class ReplacingPassphrases(GivenPassphrases):
    """For a passphrase that takes the place of another: the new one is never taken from where the old one is."""

    def chosen(self) -> str:
        if self._new_file is not None:
            return _read(self._new_file)
        return _typed("New passphrase (nobody can recover it)", twice=True)


def _typed(question: str, *, twice: bool) -> str:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise ConfigError(
            "a passphrase is needed, and there is no terminal to ask on",
            next_step=f"set {VARIABLE}, or give a file: edge-seal --passphrase-file FILE …"
            + (" (a new one: --new-passphrase-file FILE)" if twice else ""),
        )
    return str(click.prompt(plain_line(question), hide_input=True, confirmation_prompt=twice, err=True))


def _read(path: Path) -> str:
    """The first line of the file, without its end."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"cannot read the passphrase file {path}: {reason}") from None
    line = text.split("\n", 1)[0].removesuffix("\r")
    if not line:
        raise ConfigError(f"the passphrase file {path} is empty", next_step="its first line is the passphrase")
    return line
