"""`audit`: the chain of everything that changed, and proofs about it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from edge_seal.cli.output import confirmed, json_option, note, opened, print_json, say, wants_json, yes_option
from edge_seal.errors import ConfigError, IntegrityError


@click.group()
def audit() -> None:
    """The audit trail: verify, export, head, and proofs about it."""


@audit.command()
@click.option(
    "--head",
    "noted",
    metavar="HEAD",
    multiple=True,
    help="A head that was noted: the line or the words of `audit head`.",
)
@json_option
def verify(noted: tuple[str, ...]) -> None:
    """Check the chain, the updates and their files, and the memories; exit code 5 where something is not as written.

    With --head also that the ledger grew out of what it was when that head was noted.
    """
    report = opened().audit(noted)
    if wants_json():
        print_json(
            {
                "intact": report.intact,
                "entries": report.entries,
                "head": report.head,
                "root": report.root,
                "adapters": report.adapters,
                "flaw": report.flaw,
                "problems": report.problems,
                "first_bad_seq": report.first_bad_seq,
                "not_compared": report.not_compared,
            }
        )
    elif report.intact:
        say(f"intact: {report.entries} entries, {report.adapters} adapters, head {report.head}")
        say(f"Merkle root {report.root}")
        for text in noted:
            say(f"it grew out of the head that you noted: {text}")
    else:
        for problem in report.problems:
            say(f"damaged: {problem}")
        if report.first_bad_seq is not None:
            say(f"first bad entry: {report.first_bad_seq} ({report.flaw})")
    for why in report.not_compared if not wants_json() else ():
        note(f"the head kept there was not compared: {why}")
    if not report.intact:
        note("next: `edge-seal rollback base` answers with the base model; restore what is damaged from a backup")
        raise click.exceptions.Exit(5)


@audit.command()
def export() -> None:
    """Every entry as one line of canonical JSON, for a copy that is kept and checked elsewhere."""
    for line in opened().ledger.export():
        say(line)


@audit.command()
@click.option("--keep", is_flag=True, help="Keep it in all its places, whatever they hold now.")
@yes_option
@json_option
def head(keep: bool, yes: bool) -> None:
    """The ledger in one line: number and hash of the last entry, and the Merkle root over all; then as six words.

    Noted elsewhere, either proves later that nothing before was changed: `edge-seal audit verify --head`.

    The program keeps it in the state directory, and in the system's keychain where there is one (audit.keychain). Where
    you put an older database there by hand, on purpose, they contradict it: --keep writes them anew.
    """
    runtime = opened()
    if keep and not confirmed(
        "What the ledger was until now cannot be proven any more by what is kept. Go on?", yes=yes
    ):
        return
    places = runtime.keep_head() if keep else runtime.head_places()
    newest = runtime.ledger.newest_head()
    if newest.root is None:
        note("the chain is broken, so it has no root: `edge-seal audit verify`")
    words = None if newest.root is None else newest.words
    if wants_json():
        told = {"seq": newest.seq, "head": newest.entry_hash, "root": newest.root, "words": words}
        print_json({**told, "kept_in": places})
        return
    say(newest.line)
    if words is not None:
        say(words)
    note("kept in: " + ("; ".join(places) if places else "no place yet: the next entry writes it"))


@audit.group()
def prove() -> None:
    """Proofs that can be checked without the ledger: JSON on stdout."""


@prove.command()
@click.argument("seq", type=click.IntRange(min=1))
def inclusion(seq: int) -> None:
    """That the entry SEQ is in the ledger; the proof holds that entry and no other."""
    from edge_seal.updates.proofs import prove_inclusion

    print_json(prove_inclusion(opened().ledger, seq))


@prove.command()
@click.argument("old_size", type=click.IntRange(min=1))
def consistency(old_size: int) -> None:
    """That nothing of the first OLD_SIZE entries was changed since there were only those."""
    from edge_seal.updates.proofs import prove_consistency

    print_json(prove_consistency(opened().ledger, old_size))


@audit.command()
@click.argument("proof", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--head", "noted", metavar="HEAD", help="The head that the proof has to lead to, from somewhere you trust."
)
@json_option
def check(proof: Path, noted: str | None) -> None:
    """Check a proof of `audit prove`; opens no home. Exit code 5 where it is false or leads to another head."""
    from edge_seal.updates.heads import noted_head
    from edge_seal.updates.proofs import check_proof

    with click.open_file(str(proof), "rb") as file:
        content = file.read()
    try:
        given: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{proof} is no JSON: {error}", next_step="edge-seal audit prove") from error
    proven = check_proof(given)
    if noted is not None and not noted_head(noted).fits(proven.head):
        raise IntegrityError(
            f"the proof holds in itself, but leads to another head than the one given: {proven.head.line}",
            next_step="edge-seal audit head prints the head of a ledger",
        )
    if wants_json():
        print_json(
            {
                "holds": True,
                "trusted": noted is not None,
                "head": proven.head,
                "words": proven.words,
                "old": proven.old,
                "entry": proven.entry,
            }
        )
        return
    if proven.entry is not None:
        told = proven.entry
        say(f"holds: entry {told.seq} ({told.event} {told.subject}, by {told.actor}, {told.at}) is in the ledger")
    elif proven.old is not None:
        say(f"holds: the ledger of {proven.head.seq} entries grew out of the one of {proven.old.seq}")
        say(f"before: {proven.old.line}")
    say(f"head:   {proven.head.line}")
    if noted is None:
        note("compare the head with one that you noted, or give it: --head")
