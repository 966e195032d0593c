"""docs/cli.md from the commands themselves: `python -m tests.cli.reference` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from edge_seal.cli import edge_seal

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"
MARK = "<!-- Below this line: `python -m tests.cli.reference` writes it from the commands. -->\n"


def written_part() -> str:
    """The help of every command, each under a heading of its own."""
    return "\n".join(_sections(edge_seal, click.Context(edge_seal, info_name="edge-seal"), 2))


def document() -> str:
    """The whole document: the words of people above the mark as they are, the commands below it."""
    return DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0] + MARK + "\n" + written_part()


def _sections(command: click.Command, context: click.Context, depth: int) -> Iterator[str]:
    yield f"{'#' * depth} `{context.command_path}`\n"
    yield f"```text\n{_help(command, context)}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _sections(below, click.Context(below, info_name=name, parent=context), min(depth + 1, 4))


def _help(command: click.Command, context: click.Context) -> str:
    context.terminal_width = 100
    context.help_option_names = ["-h", "--help"]
    return command.get_help(context).rstrip()


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
