"""`audit`: the chain of everything that changed."""

from __future__ import annotations

import click

from edge_seal.cli.output import json_option, note, opened, print_json, say, wants_json


@click.group()
def audit() -> None:
    """The audit trail: verify, export, head."""


@audit.command()
@json_option
def verify() -> None:
    """Check the chain, the updates and their files, and the memories; exit code 5 where something is not as written."""
    report = opened().audit()
    if wants_json():
        print_json(
            {
                "intact": report.intact,
                "entries": report.entries,
                "head": report.head,
                "adapters": report.adapters,
                "problems": report.problems,
                "first_bad_seq": report.first_bad_seq,
            }
        )
    elif report.intact:
        say(f"intact: {report.entries} entries, {report.adapters} adapters, head {report.head}")
    else:
        for problem in report.problems:
            say(f"damaged: {problem}")
    if not report.intact:
        note("next: `edge-seal rollback base` answers with the base model; restore what is damaged from a backup")
        raise click.exceptions.Exit(5)


@audit.command()
def export() -> None:
    """Every entry as one line of canonical JSON, for a copy that is kept and checked elsewhere."""
    for line in opened().ledger.export():
        say(line)


@audit.command()
@json_option
def head() -> None:
    """Number and hash of the last entry: noted elsewhere, they prove later that nothing before was changed."""
    seq, digest = opened().ledger.head()
    if wants_json():
        print_json({"seq": seq, "head": digest})
    else:
        say(f"{seq} {digest}")
