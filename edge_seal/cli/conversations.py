"""`conversations`: what was said, to see, to take along and to delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from edge_seal.archive import Conversation
from edge_seal.cli.forgetting import updates_told
from edge_seal.cli.output import (
    confirmed,
    encrypt_option,
    json_line,
    json_option,
    local_time,
    note,
    note_plain,
    opened,
    plain_line,
    print_json,
    print_notices,
    print_sealed,
    read_bytes,
    say,
    shortened,
    table,
    wants_json,
    yes_option,
)
from edge_seal.errors import EdgeSealError
from edge_seal.plain_text import plain_text
from edge_seal.records import Turn


@click.group()
def conversations() -> None:
    """What was said: list, show, search, export, decrypt, rename, delete."""


@conversations.command("list")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N")
@click.option("--before", metavar="ID", help="Those older than this one: the next page.")
@json_option
def list_(limit: int, before: str | None) -> None:
    """The conversations, newest first."""
    found = opened().archive.list(limit=limit, before=before)
    following = found[-1].id if len(found) == limit else None
    if wants_json():
        print_json({"conversations": found, "next": following})
        return
    table(
        [(item.id, local_time(item.last_at), str(item.turns), shortened(item.title)) for item in found],
        heading=("ID", "LAST", "TURNS", "TITLE"),
    )
    if following is not None:
        note(f"more: edge-seal conversations list --before {following}")


@conversations.command()
@click.argument("id")
@json_option
def show(id: str) -> None:  # noqa: A002  # the argument's name in the usage line
    """One conversation, turn by turn."""
    ((conversation, turns),) = opened().archive.each([id])
    if wants_json():
        print_json({"conversation": conversation, "turns": turns})
        return
    for line in _shown(conversation, turns):
        say(line)


@conversations.command()
@click.argument("query")
@click.option(
    "-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, metavar="N", help="At most N."
)
@click.option(
    "--offset", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Pass over the first N."
)
@json_option
def search(query: str, limit: int, offset: int) -> None:
    """Turns with the words of QUERY on either side, newest first."""
    found = opened().archive.search(query, limit=limit, offset=offset)
    if wants_json():
        print_json({"query": query, "results": found})
        return
    table(
        [
            (item.turn.conversation_id, item.turn.id, local_time(item.turn.created_at), shortened(item.turn.prompt, 60))
            for item in found
        ],
        heading=("CONVERSATION", "TURN", "AT", "PROMPT"),
    )


@conversations.command()
@click.argument("ids", nargs=-1)
@click.option("--format", "form", type=click.Choice(["jsonl", "markdown"]), default="jsonl", show_default=True)
@encrypt_option
def export(ids: tuple[str, ...], form: str, encrypt: bool) -> None:
    """Write conversations (those named, or all) to stdout, oldest first.

    `jsonl` has one conversation a line: `id`, `title`, `created_at`, `last_at`, and `turns` with all that is kept.
    What --encrypt makes, `conversations decrypt` reads, in any home.
    """
    runtime = opened()
    lines = _exported(runtime.archive.each(ids or None), form)
    if encrypt:
        print_sealed(runtime, lambda: "".join(f"{line}\n" for line in lines).encode())
        return
    note_plain(runtime)
    for line in lines:
        click.echo(line)


@conversations.command()
@click.argument("file")
def decrypt(file: str) -> None:
    """Write what `export --encrypt` put into a FILE (`-` is stdin) to stdout, as it was. Nothing is kept of it."""
    content = read_bytes(file)
    name = "stdin" if file == "-" else file
    exported = opened().opened_export(content, name)
    if exported is content:
        raise EdgeSealError(f"{name} is no encrypted export", next_step="edge-seal conversations export --encrypt")
    try:
        text = exported.decode()
    except UnicodeDecodeError:
        raise EdgeSealError(f"{name} holds no conversations") from None
    # What `export` wrote went through the sanitizer; a file that says so of itself need not have.
    click.echo(plain_text(text), nl=False)


@conversations.command()
@click.argument("id")
@click.argument("title")
@json_option
def rename(id: str, title: str) -> None:  # noqa: A002
    """Give a conversation another title; it gets its first one from its first prompt."""
    renamed = opened().archive.rename(id, title)
    if wants_json():
        print_json({"conversation": renamed})
    else:
        note(f"{renamed.id} is called “{plain_line(renamed.title)}”")


@conversations.command()
@click.argument("id")
@click.option("--with-lessons", is_flag=True, help="Forget what was taught and corrected in it, too.")
@yes_option
@json_option
def delete(id: str, with_lessons: bool, yes: bool) -> None:  # noqa: A002
    """Take a conversation out for good: turns, words, vectors, and their bytes on the disk.

    What was taught in it is named, and stays unless --with-lessons: then `forget` reaches it, updates included.
    """
    runtime = opened()
    conversation = runtime.archive.get(id)
    lessons = runtime.archive.lessons_of(id)
    taught = f"; taught in it: {', '.join(lessons)}" if lessons else ""
    question = f"delete {id}, “{shortened(conversation.title)}”, {conversation.turns} turns{taught}?"
    if not confirmed(question, yes=yes):
        return
    done = runtime.delete_conversation(id, with_lessons=with_lessons)
    if wants_json():
        print_json(
            {
                "conversation": done.conversation,
                "lessons": done.lessons,
                "updates": done.updates,
                "notices": done.notices,
            }
        )
    else:
        forgotten = f", with the lessons {', '.join(done.lessons)}" if done.lessons else ""
        note(f"{id} is deleted: {done.conversation.turns} turns{forgotten}")
        active = runtime.releases.active()
        for line in updates_told(done.updates, None if active is None else active.id):
            note(line)
    print_notices(done.notices)


def _exported(found: Iterable[tuple[Conversation, tuple[Turn, ...]]], form: str) -> Iterator[str]:
    for conversation, turns in found:
        if form == "jsonl":
            yield json_line({**_as_keys(conversation), "turns": turns})
        else:
            yield from map(plain_text, _as_markdown(conversation, turns))


def _as_keys(conversation: Conversation) -> dict[str, object]:
    return {
        "id": conversation.id,
        "title": conversation.title,
        "created_at": conversation.created_at,
        "last_at": conversation.last_at,
    }


def _shown(conversation: Conversation, turns: tuple[Turn, ...]) -> Iterator[str]:
    yield f"{conversation.id} · {plain_line(conversation.title)}"
    for turn in turns:
        yield f"\n{turn.id} · {local_time(turn.created_at)} · {turn.update_id or 'base'}"
        yield f"> {turn.prompt}"
        yield turn.answer


def _as_markdown(conversation: Conversation, turns: tuple[Turn, ...]) -> Iterator[str]:
    yield f"# {plain_line(conversation.title)}\n"
    yield f"{conversation.id}, {conversation.created_at}\n"
    for turn in turns:
        yield "\n".join(f"> {line}" for line in turn.prompt.split("\n")) + "\n"
        yield f"{turn.answer}\n"
