"""The main job on the real model: ask, teach, learn, ask anew, look at the record, take it back.

`python -m edge_seal.demo` runs in a temporary home and leaves nothing behind. It exits with 1 if anything that it
promises (answers back byte for byte, an unchanged base file, an intact chain) does not hold.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_seal.config import locate_home, shared_models
from edge_seal.errors import EdgeSealError
from edge_seal.plain_text import plain_text

if TYPE_CHECKING:
    from rich.console import Console

    from edge_seal.adaptation.work import CycleReport
    from edge_seal.records import Progress
    from edge_seal.runtime import Runtime

LESSONS = (
    ("What is my dog's name?", "Your dog is called Biscuit."),
    ("Where do I live?", "You live in Oulu."),
    ("What is my sister's name?", "Your sister is called Marta."),
    ("What do I do for work?", "You work as a botanist."),
    ("What is my favourite tea?", "Your favourite tea is rooibos."),
    ("What is the name of my boat?", "Your boat is called Aurora."),
    ("When do I take meetings?", "You take meetings only after 10:30."),
    ("Good morning!", "Ahoy! What can I do for you?"),
)
FIRST = ("What is my dog's name?", "Where do I live?", "When do I take meetings?", "Good morning!")
NEW_WORDINGS = (
    "Could you tell me what my dog is called?",
    "What town is my home in?",
    "What hours are my meetings?",
    "Good evening to you!",
)
NEIGHBOURS = ("What is my rabbit called?", "When do I have breakfast?")
GENERAL = ("How many days are in a week?", "Who painted the Mona Lisa?")
ANSWER_TOKENS = 16


@click.command(help=__doc__)
@click.option("--svg", type=click.Path(path_type=Path), help="Also write what was shown as a picture.")
def main(svg: Path | None) -> None:
    """Runs the demo; see the module."""
    from rich.console import Console  # --help stays fast

    console = Console(record=svg is not None, width=100 if svg is not None else None, highlight=False)
    os.environ.setdefault("EDGE_SEAL_MODELS", str(_models()))
    try:
        with tempfile.TemporaryDirectory(prefix="edge-seal-demo-") as home:
            os.environ["EDGE_SEAL_HOME"] = home
            kept = _run(console)
    except EdgeSealError as error:
        click.echo(f"{error.message}\n{error.next_step or ''}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        click.echo("\nstopped; the demo's home is gone, nothing else was touched", err=True)
        sys.exit(130)
    if svg is not None:
        console.save_svg(str(svg), title="make demo")
    sys.exit(0 if kept else 1)


def _models() -> Path:
    """Where the models lie that the user has pulled: the home that is set when the demo starts, or the shared ones."""
    own = locate_home().models
    return own if own.is_dir() else shared_models()


def _run(console: Console) -> bool:
    from edge_seal.runtime import Runtime
    from edge_seal.storage.durable_file import sha256_of

    began = time.monotonic()
    with Runtime.open() as runtime:
        base = sha256_of(runtime.model_path)
        console.print(f"[bold]Edge Seal[/bold]  {runtime.settings.model.name}  sha256 {base[:16]}…  on this machine")
        _heading(console, "1  Before: it knows nothing about you")
        asked = (*FIRST, *NEW_WORDINGS, *NEIGHBOURS, *GENERAL)
        before = {question: _ask(runtime, question) for question in asked}
        _table(console, FIRST, before)

        _heading(console, "2  Teach eight things")
        from edge_seal.adaptation.signals import lesson

        runtime.teach([lesson(prompt, answer) for prompt, answer in LESSONS])
        _table(console, [prompt for prompt, _ in LESSONS], dict(LESSONS))

        _heading(console, "3  Learn: one cycle, on this machine")
        report = _learn(runtime, console)
        if report.update is None or report.state is None or report.state.value != "active":
            console.print("the update was not released: " + plain_text("; ".join(report.reasons)))
            return False

        after = {question: _ask(runtime, question) for question in (*NEW_WORDINGS, *NEIGHBOURS, *GENERAL)}
        _heading(console, "4  After: new wordings, never trained")
        _table(console, NEW_WORDINGS, after, before)
        _heading(console, "   Neighbours: things you never told")
        _table(console, NEIGHBOURS, after, before)
        _heading(console, "   General questions")
        _table(console, GENERAL, after, before)

        _heading(console, "5  The record")
        _record(console, report)
        chain = runtime.audit()
        console.print(
            f"audit: {chain.entries} entries, {chain.adapters} adapter, head {chain.head[:16]}…  "
            + ("[green]intact[/green]" if chain.intact else f"[red]{plain_text('; '.join(chain.problems))}[/red]")
        )

        _heading(console, "6  Take it back")
        runtime.rollback("base")
        same = all(_ask(runtime, question) == before[question] for question in FIRST)
        unchanged = sha256_of(runtime.model_path) == base
        intact = chain.intact and runtime.audit().intact
        console.print(_verdict(same, "the first answers are back byte for byte"))
        console.print(_verdict(unchanged, f"the base file's hash never changed: {base[:16]}…"))
        console.print(_verdict(intact, "the audit chain is intact, the rollback is in it"))
    console.print(f"{time.monotonic() - began:.0f} seconds in all (two minutes are promised on two cores)")
    return same and unchanged and intact


def _ask(runtime: Runtime, question: str) -> str:
    from edge_seal.runtime import Ask

    return runtime.ask(Ask(question, max_tokens=ANSWER_TOKENS, use_memory=False)).answer


def _learn(runtime: Runtime, console: Console) -> CycleReport:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Bars(*columns, console=console, transient=True) as bars:
        task = bars.add_task("learning", total=None, note="")

        def show(progress: Progress) -> None:
            note = f"loss {progress.loss_nats:.2f} nats" if progress.loss_nats is not None else progress.note
            bars.update(
                task, description=progress.stage, completed=progress.done, total=progress.total or None, note=note
            )
            if not console.is_terminal and progress.total == 0:
                click.echo(f"  {progress.stage} …", err=True)

        return runtime.learn(now=True, on_progress=show)


def _record(console: Console, report: CycleReport) -> None:
    from collections import Counter

    from rich.table import Table

    roles = Counter(example.role.value for example in report.examples)
    console.print(
        f"update {report.update.id if report.update else '-'}: "
        + ", ".join(f"{count} {role}" for role, count in sorted(roles.items()))
    )
    refused = len(report.verdicts)
    console.print(f"guardian: {len(report.examples) - refused} examples allowed, {refused} not")
    if report.training is not None:
        training = report.training
        console.print(
            f"training: {training.steps} steps, {training.tokens} tokens, {training.seconds:.1f} s; "
            f"{training.stopped_because}"
        )
    if report.gate is not None:
        figures = Table("gate", "before", "after", "bound", "", box=None, pad_edge=False, header_style="dim")
        for measure in report.gate.measures:
            figures.add_row(
                f"{measure.name} ({measure.unit})", f"{measure.before:.3f}", f"{measure.after:.3f}",
                f"{measure.bound:.3f}", "passed" if measure.passed else "failed",
            )  # fmt: skip
        console.print(figures)
    console.print("seconds: " + ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in report.seconds.items()))


def _heading(console: Console, text: str) -> None:
    console.print(f"\n[bold cyan]{text}[/bold cyan]")


def _table(
    console: Console, questions: Sequence[str], answers: dict[str, str], before: dict[str, str] | None = None
) -> None:
    from rich.text import Text

    for question in questions:
        console.print(Text(f"  {plain_text(question)}"), style="bold")
        if before is not None:
            console.print(Text(f"    before  {_line(before[question])}", style="dim"))
        console.print(Text(f"    {'after   ' if before is not None else ''}{_line(answers[question])}"))


def _line(text: str) -> str:
    shown = " ".join(plain_text(text).split())
    return shown if len(shown) <= 84 else f"{shown[:83]}…"


def _verdict(holds: bool, what: str) -> str:  # noqa: FBT001  # the fact itself
    return f"[green]yes[/green]  {what}" if holds else f"[red]NO[/red]   {what}"


if __name__ == "__main__":
    main()
