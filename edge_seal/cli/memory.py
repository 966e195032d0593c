"""`remember` and the `memory` commands."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, cast

import click

from edge_seal.cli.facts import COMMANDS as FACT_COMMANDS
from edge_seal.cli.output import (
    embedding_progress,
    encrypt_option,
    faint,
    json_option,
    local_time,
    note,
    note_plain,
    opened,
    print_json,
    print_notices,
    print_sealed,
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

if TYPE_CHECKING:
    from edge_seal.runtime.browsing import Form

_MODES = ["hybrid", "keyword", "vector"]
_FORMS = ["jsonl", "markdown"]
TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


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
        sure = any(item.similarity is None for item in done.contradictions)
        says = "contradicts" if sure else "may contradict"
        note(f"{memory.id} {says} what is remembered: edge-seal memory contradictions")


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


@memory.command()
@json_option
def reembed() -> None:
    """Embed every memory that the embedder in use has not seen yet, and remove the vectors of former embedders.

    `ask` does a part of it after each answer. Stopped, it goes on where it was; until then memories without a vector
    are found by their words.
    """
    runtime = opened()
    notices = () if runtime.settings.embedder.sends_to is None else runtime.embedder_notices()[:1]
    print_notices(notices)
    with embedding_progress() as progress:
        done = runtime.reembed(progress)
    if wants_json():
        print_json(
            {
                "embedder": runtime.embedder_name,
                "embedded": done.embedded,
                "turns": done.turns,
                "refused": done.refused,
                "removed": done.removed,
                "notices": (*notices, *done.notices),
            }
        )
    else:
        note(
            f"{done.embedded} memories and {done.turns} past turns embedded by {runtime.embedder_name}; "
            f"{done.removed} vectors of former embedders removed"
        )
    print_notices(done.notices)
    if done.refused:
        note(f"the embedder refuses {', '.join(done.refused)}: found by their words alone")


@memory.command("list")
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Only the newest N.")
@click.option("--before", metavar="ID", help="Only those older than this one: the next page.")
@click.option("--text", metavar="TEXT", help="With this in their text.")
@click.option("--kind", metavar="ATTRIBUTE", help="That say this of you or yours: home, name, job ...")
@click.option("--origin", type=click.Choice([origin.value for origin in Origin]), help="Where they come from.")
@click.option("--source", metavar="TEXT", help="With this in their source.")
@click.option("--since", type=TIME, metavar="DATE", help="Kept on or after this day (or time).")
@click.option("--until", type=TIME, metavar="DATE", help="Kept before this day (or time).")
@click.option("--all", "--ended", "ended", is_flag=True, help="Those that no longer hold, too.")
@click.option("--valid-now", is_flag=True, help="Only those that hold: the default.")
@json_option
def list_(  # one option each
    limit: int | None,
    before: str | None,
    text: str | None,
    kind: str | None,
    origin: str | None,
    source: str | None,
    since: datetime | None,
    until: datetime | None,
    ended: bool,
    valid_now: bool,
) -> None:
    """The memories, oldest first."""
    if ended and valid_now:
        raise click.UsageError("--all and --valid-now exclude each other")
    from edge_seal.memory.listing import Filter

    wanted = Filter(
        text=text,
        kind=kind,
        origin=None if origin is None else Origin(origin),
        source=source,
        since=_stored(since),
        until=_stored(until),
        ended=ended,
        before=before,
    )
    memories = opened().memory_page(wanted, limit)
    following = memories[0].id if limit is not None and len(memories) == limit else None
    if wants_json():
        print_json({"memories": memories, "next": following})
        return
    table([(item.id, local_time(item.created_at), item.text) for item in memories], heading=("ID", "SINCE", "TEXT"))
    if following is not None:
        faint(f"older ones: --before {following}")


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
@click.option("--format", "form", type=click.Choice(_FORMS), help="By the file's name, if not given.")
@click.option("--source", metavar="NAME", help="Where they come from; the file's name, if not given.")
@click.option("--backup", is_flag=True, help="It is an export of your own: take times and origins as they stand.")
@yes_option
@json_option
def import_(file: str, form: str | None, source: str | None, backup: bool, yes: bool) -> None:
    """Add the memories of a FILE, as `export` writes it; `-` is stdin. All of them, or none.

    A file is not believed about itself: its memories get the origin `file` and the time of now, and end nothing that
    you typed. With --backup every field is taken as it stands.
    """
    runtime = opened()
    content = runtime.opened_export(read_bytes(file), "stdin" if file == "-" else file)
    named = source or (None if file == "-" else file.rpartition("/")[2])
    result = runtime.import_memories(
        BytesIO(content),
        source=named,
        form=_form(form, file),
        backup=backup,
        confirmed=yes,
        progress=_read_so_far if sys.stderr.isatty() and not wants_json() else None,
    )
    if wants_json():
        print_json({"added": result.added, "known": result.known})
    else:
        note(f"{result.added} added, {result.known} known already")


@memory.command()
@click.option("--format", "form", type=click.Choice(_FORMS), default="jsonl", show_default=True)
@encrypt_option
def export(form: str, encrypt: bool) -> None:
    """Every memory on stdout, those that no longer hold too: `memory import --backup` takes it back as it was."""
    runtime = opened()
    if encrypt:
        content = BytesIO()

        def exported() -> bytes:
            runtime.export_memories(content, _form(form, ""))
            return content.getvalue()

        print_sealed(runtime, exported)
    else:
        note_plain(runtime)
        runtime.export_memories(sys.stdout.buffer, _form(form, ""))


def _form(given: str | None, file: str) -> Form:
    return "markdown" if given == "markdown" or (given is None and file.endswith((".md", ".markdown"))) else "jsonl"


def _read_so_far(count: int) -> None:
    click.echo(f"\r{count} read", nl=False, err=True)


def _stored(moment: datetime | None) -> str | None:
    """A day or time of this machine's own, as times are stored."""
    if moment is None:
        return None
    from edge_seal.clock import timestamp

    return timestamp(moment.astimezone(UTC))


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
