"""`teach`: explicit examples."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from edge_seal.cli.output import (
    json_option,
    note,
    opened,
    print_json,
    print_waiting,
    read_text,
    wants_json,
)
from edge_seal.plain_text import plain_text
from edge_seal.records import Origin

MOST_OF_A_NAME: Final = 200


@click.command()
@click.argument("file", required=False)
@click.option("--prompt", metavar="TEXT", help="What is asked.")
@click.option("--answer", metavar="TEXT", help="What is to be answered.")
@click.option("--rule", metavar="TEXT", help='A rule of style or format, in words: "answer without commas".')
@click.option("--source", metavar="NAME", help="Where it comes from, if not from you: then it waits for approval.")
@click.option("--mine", is_flag=True, help="You wrote the FILE: it teaches like what you type.")
@click.option("--memory", metavar="ID", help="The memory that it comes from: it is forgotten with it.")
@json_option
def teach(
    file: str | None,
    prompt: str | None,
    answer: str | None,
    rule: str | None,
    source: str | None,
    mine: bool,
    memory: str | None,
) -> None:
    """Give examples to learn from: one with --prompt and --answer, a --rule in words, or a FILE of examples.

    A FILE has one example a line, {"prompt": "...", "answer": "..."} with an optional "source"; `-` is stdin. The
    guardian judges every line first: where it blocks one, nothing of the file is kept. What was not typed waits for
    your approval once it is learned, and a file was not, nor what comes through a pipe: --mine says that you wrote it.

    A --rule is about marks, case, length, spelling, layout, or a phrase that answers start or end with; it is for every
    answer, or for one kind of prompts ("use bullet points for lists"). It is taught on the model's own answers,
    rewritten and checked. Three corrections or more that change answers in the same way show a rule too.
    """
    alone = any(given is not None for given in (prompt, answer, source, memory))
    if mine and file is None:
        raise click.UsageError("--mine belongs to a FILE")
    if rule is not None and (alone or file is not None):
        raise click.UsageError("--rule stands by itself")
    if rule is None and ((file is None) != alone or (alone and (prompt is None or answer is None))):
        raise click.UsageError("give --prompt and --answer, a --rule, or a FILE")
    runtime = opened()
    if rule is not None:
        kept = runtime.teach_rule(rule)
    elif file is not None:
        origin = Origin.TYPED if mine else Origin.PASTED if file == "-" else Origin.FILE
        name = " ".join(plain_text(Path(file).name).split())[:MOST_OF_A_NAME]
        kept = runtime.teach_lines(read_text(file), origin, name if origin is Origin.FILE else None)
    else:
        from edge_seal.adaptation.signals import lesson

        kept = runtime.teach([lesson(prompt or "", answer or "", source=source)], memory_id=memory)
    if wants_json():
        print_json({"signals": kept.signals, "waiting": kept.waiting})
    else:
        ids = kept.signals[0].id if len(kept.signals) == 1 else f"{kept.signals[0].id} to {kept.signals[-1].id}"
        note(f"kept as {ids}; `edge-seal learn` learns it")
    print_waiting(kept.waiting)
