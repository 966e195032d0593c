"""`adapters`: copies of what was learned, for use elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from edge_seal.cli.output import json_option, note, opened, print_json, say, wants_json


@click.group()
def adapters() -> None:
    """Copies of what was learned, for use elsewhere."""


@adapters.command()
@click.argument("id")
@click.option("--format", "format_", type=click.Choice(["gguf"]), default="gguf", show_default=True, help="The form.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Default: edge-seal-ID.gguf here."
)
@json_option
def export(id: str, format_: str, output: Path | None) -> None:  # noqa: A002  # the argument's name in the usage line
    """Copy the adapter of an update to a file, with its manifest beside it; nothing is overwritten."""
    path = output or Path(f"edge-seal-{id}.{format_}")
    adapter, manifest = opened().export_adapter(id, path)
    if wants_json():
        print_json({"adapter": adapter, "manifest": manifest})
    else:
        say(str(adapter))
        note(f"its manifest: {manifest}")
