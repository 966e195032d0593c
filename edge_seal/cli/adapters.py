"""`adapters`: copies of what was learned, for use elsewhere, and what was learned elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from edge_seal.cli.learning import shown_progress, tell_gate
from edge_seal.cli.output import encrypt_option, json_option, note, note_plain, opened, print_json, say, wants_json
from edge_seal.errors import Refused
from edge_seal.records import State

if TYPE_CHECKING:
    from edge_seal.runtime.interchange import AdapterFormat

_FORMATS = ("gguf", "peft", "mlx")


@click.group()
def adapters() -> None:
    """Adapters out to other programs, and in from them."""


@adapters.command()
@click.argument("id")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="gguf", show_default=True, help="The form.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Default: edge-seal-ID.gguf, or the directory edge-seal-ID-FORMAT, here.",
)
@encrypt_option
@json_option
def export(id: str, format_: str, output: Path | None, encrypt: bool) -> None:  # noqa: A002  # its name in the usage line
    """Copy the adapter of an update, with its manifest; nothing is overwritten.

    gguf is a file for llama.cpp, with the manifest beside it; peft (transformers) and mlx (mlx-lm) are directories with
    the manifest in them. The manifest holds the lessons it was trained on. With --encrypt it is one file,
    edge-seal-ID.sealed, that `adapters import` takes.
    """
    form = cast("AdapterFormat", format_)
    if encrypt:
        sealed = opened().export_sealed_adapter(id, output or Path(f"edge-seal-{id}.sealed"), form)
        if wants_json():
            print_json({"adapter": sealed, "format": form, "manifest": None})
        else:
            say(str(sealed))
        return
    path = output or Path(f"edge-seal-{id}.gguf" if form == "gguf" else f"edge-seal-{id}-{form}")
    runtime = opened()
    adapter, manifest = runtime.export_adapter(id, path, form)
    note_plain(runtime)
    if wants_json():
        print_json({"adapter": adapter, "format": form, "manifest": manifest})
    else:
        say(str(adapter))
        note(f"its manifest: {manifest}")


@adapters.command("import")
@click.argument("path", type=click.Path(path_type=Path, exists=True), metavar="PATH")
@click.option("--base", metavar="SHA256|NAME", help="The model it was trained for, where no manifest says so.")
@json_option
def import_(path: Path, base: str | None) -> None:
    """Bring in an adapter that was trained elsewhere: a GGUF file, or a directory of PEFT or mlx-lm.

    It is checked and measured, and then waits for `updates approve`: nothing imported answers by itself. A manifest
    that `adapters export` wrote is verified. Approved, it takes the place of what answers now; `rollback` brings that
    back. Exit code 3 where the gate says no.
    """
    runtime = opened()
    with shown_progress() as show:
        report = runtime.import_adapter(path, base=base, on_progress=show)
    update = report.update
    if wants_json():
        print_json(
            {
                "update": update.id,
                "state": update.state,
                "adapter_sha256": update.adapter_sha256,
                "gate": report.gate,
                "replaces": report.replaces,
            }
        )
        if update.state is State.REJECTED:
            raise click.exceptions.Exit(Refused.exit_code)
        return
    tell_gate(report.gate)
    if update.state is State.REJECTED:
        raise Refused(f"{update.id} was rejected: the answers are as before", reasons=report.gate.reasons)
    say(f"{update.id} waits for your approval: the answers are as before")
    say(f"adapter: {update.adapter_sha256}")
    if report.replaces is not None:
        note(f"approved, it takes the place of {report.replaces}, whose lessons are not in it")
    note(f"next: edge-seal updates approve {update.id} --sha256 {update.adapter_sha256}")
    note(f"or:   edge-seal updates reject {update.id}")
