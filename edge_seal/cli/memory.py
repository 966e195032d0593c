"""`remember`, `forget` and the `memory` commands."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import cast

import click

from edge_seal.cli.facts import COMMANDS as FACT_COMMANDS
from edge_seal.cli.output import (
    json_option,
    local_time,
    note,
    opened,
    print_json,
    print_notices,
    read_bytes,
    read_text,
    say,
    shortened,
    table,
    wants_json,
    yes_option,
)
from edge_seal.errors import Refused
from edge_seal.records import Memory, Origin

_MODES = ["hybrid", "keyword", "vector"]


@click.command()
@click.argument("text")
@click.option("--source", metavar="NAME", help="Where it comes from.")
@yes_option
@json_option
def remember(text: str, source: str | None, yes: bool) -> None:
    """Keep a fact in memory, in your words. `-` reads TEXT from stdin, and it then counts as pasted."""
    told = read_text("-") if text == "-" else text
    origin = Origin.PASTED if text == "-" else Origin.TYPED
    runtime = opened()
    try:
        memory = runtime.remember(told, origin, source=source, confirmed=yes)
    except Refused as refusal:
        if not _insists(refusal):
            raise
        memory = runtime.remember(told, origin, source=source, confirmed=True)
    done = runtime.consequences(memory)
    if wants_json():
        print_json({"memory": memory, "ended": done.ended, "contradictions": done.contradictions})
        return
    note(f"remembered as {memory.id}")
    for old in done.ended:
        note(f"{old.id} no longer holds, and stays as history: {shortened(old.text)}")
    if done.contradictions:
        note(f"{memory.id} contradicts what is remembered: edge-seal memory contradictions")


@click.group()
def memory() -> None:
    """Search, list, change, import and export what is remembered."""


for command in FACT_COMMANDS:
    memory.add_command(command)


@memory.command()
@click.argument("query")
@click.option("-k", "count", type=click.IntRange(1, 1000), default=10, show_default=True, metavar="N", help="How many.")
@click.option("--mode", type=click.Choice(_MODES), help="By words, by meaning, or both.")
@json_option
def search(query: str, count: int, mode: str | None) -> None:
    """The memories nearest to QUERY, best first."""
    runtime = opened()
    from edge_seal.memory.search import Mode

    found = runtime.search_memories(query, count, cast("Mode | None", mode))
    notices = () if mode == "keyword" else runtime.search_notices()
    if wants_json():
        print_json({"query": query, "results": found, "notices": notices})
    else:
        table(
            [
                (
                    item.memory.id,
                    "" if item.similarity is None else f"{item.similarity:.2f}",
                    f"{item.memory.text} ({item.note})" if item.note else item.memory.text,
                )
                for item in found
            ],
            heading=("ID", "SIMILARITY", "TEXT"),
        )
    print_notices(notices)


@memory.command("list")
@click.option("-n", "limit", type=click.IntRange(1), metavar="N", help="Only the newest N.")
@click.option("--ended", is_flag=True, help="Those that no longer hold, too.")
@json_option
def list_(limit: int | None, ended: bool) -> None:
    """The memories, oldest first."""
    memories = opened().stored_memories.list(limit=limit, ended=ended)
    if wants_json():
        print_json({"memories": memories})
    else:
        table([(item.id, local_time(item.created_at), item.text) for item in memories], heading=("ID", "SINCE", "TEXT"))


@memory.command()
@click.argument("id")
@json_option
def show(id: str) -> None:  # noqa: A002
    """One memory with all that is known of it."""
    found = opened().stored_memories.get(id)
    if wants_json():
        print_json({"memory": found})
        return
    say(found.text)
    until = f" · until {local_time(found.valid_to)}" if found.valid_to else ""
    source = f" · {found.source}" if found.source else ""
    note(f"{found.id} · {found.origin}{source} · {local_time(found.created_at)}{until}")


@memory.command()
@click.argument("id")
@click.argument("text")
@yes_option
@json_option
def edit(id: str, text: str, yes: bool) -> None:  # noqa: A002
    """Put TEXT in place of what a memory says; what it said is gone."""
    runtime = opened()
    try:
        changed = runtime.edit_memory(id, text, confirmed=yes)
    except Refused as refusal:
        if not _insists(refusal):
            raise
        changed = runtime.edit_memory(id, text, confirmed=True)
    _tell(changed, f"{changed.id} is changed")


@memory.command("import")
@click.argument("file")
@click.option("--source", metavar="NAME", help="Where they come from; the file's name, if not given.")
@click.option("--backup", is_flag=True, help="It is an export of your own: take times and origins as they stand.")
@yes_option
@json_option
def import_(file: str, source: str | None, backup: bool, yes: bool) -> None:
    """Add the memories of a FILE (JSON Lines, {"text": "..."} a line); `-` is stdin. All of them, or none."""
    content = read_bytes(file)
    named = source or (None if file == "-" else file.rpartition("/")[2])
    result = opened().import_memories(BytesIO(content), source=named, backup=backup, confirmed=yes)
    if wants_json():
        print_json({"added": result.added, "known": result.known})
    else:
        note(f"{result.added} added, {result.known} known already")


@memory.command()
def export() -> None:
    """Every memory as JSON Lines on stdout, those that no longer hold too."""
    opened().stored_memories.export_to(sys.stdout.buffer)


def _insists(refusal: Refused) -> bool:
    """On a terminal, whether the user wants kept what the guardian asks about; a block cannot be talked over."""
    if "--yes" not in (refusal.next_step or "") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for reason in refusal.reasons:
        note(f"the guardian asks: {reason}")
    return click.confirm("remember it all the same?", default=False, err=True)


def _tell(memory: Memory, words: str) -> None:
    if wants_json():
        print_json({"memory": memory})
    else:
        note(words)
