"""`teach`: explicit examples."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from edge_seal.cli.output import (
    faint,
    json_option,
    note,
    opened,
    print_json,
    print_notices,
    print_waiting,
    read_bytes,
    read_text,
    say,
    wants_json,
)
from edge_seal.plain_text import plain_text
from edge_seal.records import Origin

MOST_OF_A_NAME: Final = 200

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime, TaughtDocument

_MARKDOWN = frozenset({".md", ".markdown"})


@click.command()
@click.argument("file", required=False)
@click.option("--prompt", metavar="TEXT", help="What is asked.")
@click.option("--answer", metavar="TEXT", help="What is to be answered.")
@click.option("--rule", metavar="TEXT", help='A rule of style or format, in words: "answer without commas".')
@click.option("--document", metavar="FILE", help="A plain text or Markdown (.md) to learn from: what it says waits.")
@click.option("--source", metavar="NAME", help="Where it comes from, if not from you: then it waits for approval.")
@click.option("--mine", is_flag=True, help="You wrote the FILE: it teaches like what you type.")
@click.option("--memory", metavar="ID", help="The memory that it comes from: it is forgotten with it.")
@click.option("--dry-run", is_flag=True, help="With --document: only show what would be kept.")
@click.option(
    "--by-model/--by-rules",
    default=None,
    help="With --document: whether the model asks too; else documents.by_model says.",
)
@json_option
def teach(
    file: str | None,
    prompt: str | None,
    answer: str | None,
    rule: str | None,
    document: str | None,
    source: str | None,
    mine: bool,
    memory: str | None,
    dry_run: bool,
    by_model: bool | None,
) -> None:
    """Give examples to learn from: one with --prompt and --answer, a --rule, a --document, or a FILE of examples.

    A FILE has one example a line, {"prompt": "...", "answer": "..."} with an optional "source"; `-` is stdin. The
    guardian judges every line first: where it blocks one, nothing of the file is kept. What was not typed waits for
    your approval once it is learned, and a file was not, nor what comes through a pipe: --mine says that you wrote it.

    A --rule is about marks, case, length, spelling, layout, or a phrase that answers start or end with; it is for every
    answer, or for one kind of prompts ("use bullet points for lists"). It is taught on the model's own answers,
    rewritten and checked. Three corrections or more that change answers in the same way show a rule too.

    A --document is read sentence by sentence: rules make questions of what is stated plainly, and leave the rest. Its
    lessons make an update of their own, which you have to approve. --source names them; else the file's name does.
    """
    if document is not None:
        if mine or any(given is not None for given in (file, prompt, answer, rule, memory)):
            raise click.UsageError("--document goes with --source, --dry-run and --by-model alone")
        _teach_document(document, source, dry_run=dry_run, by_model=by_model)
        return
    if dry_run or by_model is not None:
        raise click.UsageError("--dry-run, --by-model and --by-rules go with --document")
    alone = any(given is not None for given in (prompt, answer, source, memory))
    if mine and file is None:
        raise click.UsageError("--mine belongs to a FILE")
    if rule is not None and (alone or file is not None):
        raise click.UsageError("--rule stands by itself")
    if rule is None and ((file is None) != alone or (alone and (prompt is None or answer is None))):
        raise click.UsageError("give --prompt and --answer, a --rule, a --document, or a FILE")
    runtime = opened()
    if rule is not None:
        kept = runtime.teach_rule(rule)
    elif file is not None:
        origin = Origin.TYPED if mine else Origin.PASTED if file == "-" else Origin.FILE
        kept = runtime.teach_lines(read_text(file), origin, _name_of(file) if origin is Origin.FILE else None)
    else:
        from edge_seal.adaptation.signals import lesson

        kept = runtime.teach([lesson(prompt or "", answer or "", source=source)], memory_id=memory)
    if wants_json():
        print_json({"signals": kept.signals, "waiting": kept.waiting})
    else:
        ids = kept.signals[0].id if len(kept.signals) == 1 else f"{kept.signals[0].id} to {kept.signals[-1].id}"
        note(f"kept as {ids}; `edge-seal learn` learns it")
    print_waiting(kept.waiting)


def _name_of(path: str) -> str:
    """What a file is called as a source: its own name, as far as it may be shown."""
    return " ".join(plain_text(Path(path).name).split())[:MOST_OF_A_NAME]


def _teach_document(path: str, source: str | None, *, dry_run: bool, by_model: bool | None) -> None:
    if path == "-" and source is None:
        raise click.UsageError("a document from stdin needs a name: --source NAME")
    content = read_bytes(path)
    name = source or _name_of(path)
    runtime = opened()
    with _reading_progress() as on_sentence:
        taught = runtime.teach_document(
            content,
            name,
            dry_run=dry_run,
            is_markdown=Path(path).suffix.lower() in _MARKDOWN,
            by_model=by_model,
            on_sentence=on_sentence,
        )
    if wants_json():
        print_json({"dry_run": dry_run} | _as_json(taught))
    else:
        for proposal in taught.proposals:
            say(f"line {proposal.line}: {proposal.prompt} -> {proposal.answer}")
        for why, count in taught.dropped.items():
            faint(f"{count} left out: {why}")
        note(_told(taught, runtime, dry_run=dry_run))
    print_notices(f"refused by the guardian, not kept: {reason}" for reason in taught.refused)
    if taught.signals:
        print_waiting(taught.waiting)


def _told(taught: TaughtDocument, runtime: Runtime, *, dry_run: bool) -> str:
    read = f"{_counted(taught.sentences, 'sentence')} of {taught.source}"
    if not taught.proposals:
        told = taught.dropped.get("told before", 0)
        if told:
            return f"{read}: nothing new; told before: {_counted(told, 'lesson')}"
        return f"{read}: none says anything plainly enough to ask about it; nothing was kept"
    given = f"{read}: {_counted(len(taught.proposals), 'lesson')}"
    if dry_run:
        return f"{given}; nothing was kept: a dry run"
    ids = list(dict.fromkeys((taught.signals[0].id, taught.signals[-1].id)))
    typed = any(signal.origin.value == "typed" for signal in runtime.signals.pending())
    later = "; what you typed is learned first, so run it twice" if typed else ""
    return f"{given}, kept as {' to '.join(ids)}; `edge-seal learn` learns it, and asks for your approval{later}"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _as_json(taught: TaughtDocument) -> dict[str, object]:
    return {
        "source": taught.source,
        "sentences": taught.sentences,
        "proposals": taught.proposals,
        "signals": taught.signals,
        "dropped": taught.dropped,
        "refused": taught.refused,
        "waiting": taught.waiting,
    }


@contextlib.contextmanager
def _reading_progress() -> Generator[Callable[[int, int], None]]:
    """Shows how many sentences the model has read, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(TextColumn("reading"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task("reading", total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
