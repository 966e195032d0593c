"""The command line: parses, calls the runtime, prints, and gives each error its exit code.

This module is all that `edge-seal --help` loads, so it imports click and nothing else of weight. Each command lives in
a module of its own that is imported when the command is named; the heavy libraries come later still, inside it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import click

from edge_seal import __version__
from edge_seal.errors import EdgeSealError
from edge_seal.terminal import shows_interface

if TYPE_CHECKING:
    from edge_seal.config import Home
    from edge_seal.safekeeping.unlocking import Passphrases

# What `edge-seal` without a command opens on a terminal; the program hands it over, so that no command can import it.
Interface: TypeAlias = "Callable[[Home, Passphrases], int]"

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

# Command -> the module and the object in it, and what `--help` says of it.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "ask": ("asking:ask", "Ask, and get one answer."),
    "feedback": ("asking:feedback", "Say whether an answer was good, or what it should have been."),
    "teach": ("teaching:teach", "Give examples to learn from."),
    "learn": ("learning:learn", "Learn from what was taught and corrected."),
    "review": ("reviewing:review", "Accept or undo what was learned since the last review."),
    "rollback": ("updates:rollback", "Take what was learned back."),
    "updates": ("updates:updates", "What was learned: list, show, approve, promote, reject."),
    "remember": ("memory:remember", "Keep a fact in memory."),
    "forget": ("forgetting:forget", "Take a memory or a lesson out for good."),
    "memory": ("memory:memory", "Search, list, change, import and export what is remembered."),
    "conversations": ("conversations:conversations", "What was said: list, show, search, export, rename, delete."),
    "guard": ("guard:guard", "What the guardian finds in a text."),
    "audit": ("audit:audit", "The audit trail: verify, export, head."),
    "limits": ("limits:limits", "How often and how much may be learned."),
    "monitor": ("monitor:monitor", "How it goes over time, and what left its limits."),
    "schedule": ("schedule:schedule", "Learn by itself while nobody uses the machine."),
    "models": ("models:models", "Models: list, pull, use, verify."),
    "adapters": ("adapters:adapters", "Copies of what was learned, for use elsewhere."),
    "encrypt": ("safekeeping:encrypt", "Encrypt everything that is kept."),
    "decrypt": ("safekeeping:decrypt", "Write everything plain again."),
    "backup": ("safekeeping:backup", "Copy everything that is kept to one file."),
    "restore": ("safekeeping:restore", "Put a backup in the place of what is kept."),
    "profiles": ("profiles:profiles", "Several homes beside each other."),
    "doctor": ("installation:doctor", "Check this installation."),
    "config": ("installation:config", "Where settings lie and what they say."),
}


class _Root(click.Group):
    """Finds its commands by name, and is where every error ends."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's form, here and below
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place[0].partition(":")
        return cast("click.Command", getattr(importlib.import_module(f"edge_seal.cli.{module}"), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, words) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except EdgeSealError as error:
            from edge_seal.cli.output import print_error

            print_error(ctx, error)
            raise click.exceptions.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            click.echo("\nstopped", err=True)
            raise click.exceptions.Exit(130) from None
        except BrokenPipeError:
            # Who read the output has enough. What is still buffered must not raise again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(0) from None


@click.group(cls=_Root, context_settings=CONTEXT, invoke_without_command=True)
@click.version_option(__version__, "-V", "--version", prog_name="edge-seal", message="%(prog)s %(version)s")
@click.option("--profile", metavar="NAME", help="Use the home of this profile; else EDGE_SEAL_PROFILE, or the default.")
@click.option("--passphrase-file", metavar="FILE", help="Its first line opens an encrypted home; else it is asked for.")
@click.pass_context
def edge_seal(ctx: click.Context, profile: str | None, passphrase_file: str | None) -> None:
    """A personal assistant that lives on this machine and adapts while it is used.

    Without a command it opens the terminal interface. Nothing leaves the machine unless you set it so; every change can
    be seen, explained and taken back.

    Exit codes: 0 done, 1 failed, 2 usage, 3 refused by the guardian, the gate or policy, 4 a limit is reached,
    5 stored bytes are not what they should be.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    # By the names that `cli.output` reads them by; importing it would cost every `--help` its weight.
    ctx.meta["edge_seal.profile"] = profile
    ctx.meta["edge_seal.passphrase_file"] = None if passphrase_file is None else Path(passphrase_file)
    if ctx.invoked_subcommand is not None:
        return
    if ctx.obj is not None and shows_interface():
        from edge_seal.cli.output import chosen_home
        from edge_seal.cli.output import passphrase_file as file_of_passphrase
        from edge_seal.cli.passphrases import GivenPassphrases

        interface = cast("Interface", ctx.obj)
        raise click.exceptions.Exit(interface(chosen_home(), GivenPassphrases(file_of_passphrase())))
    click.echo(ctx.get_help())
