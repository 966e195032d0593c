"""`learn`: one cycle, with live progress, and a report that says how to take it back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

import click

from edge_seal.cli.output import (
    json_option,
    note,
    opened,
    plain_line,
    print_json,
    print_reminders,
    say,
    shortened,
    table,
    wants_json,
)
from edge_seal.errors import LimitReached
from edge_seal.records import GIVEN_ROLES, TRAINED_ROLES, Action, GateReport, Progress, Role, State
from edge_seal.wording import counted

if TYPE_CHECKING:
    from edge_seal.adaptation.work import CycleReport

_WORDS = {
    "propose": "writing examples",
    "score": "scoring them",
    "guard": "asking the guardian",
    "train": "training",
    "gate": "measuring",
    "record": "recording",
    "activate": "activating",
}
_HEARTBEAT_S = 5.0
_LOOKS_AGAIN_S = 30.0
_REFUSED = 3
_INTERRUPTED = 130


@click.command()
@click.option("--now", is_flag=True, help="Whatever the machine is doing; the limits hold all the same.")
@click.option("--when-idle", is_flag=True, help="Only if nobody uses the machine: for a schedule.")
@click.option(
    "--wait", type=click.FloatRange(0, 10080), metavar="MINUTES", help="With --when-idle: wait so long for that."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be learned: train nothing, change nothing.")
@click.option("--consolidate", is_flag=True, help="Learn all that still holds anew, from the base, as one adapter.")
@json_option
def learn(now: bool, when_idle: bool, wait: float | None, dry_run: bool, consolidate: bool) -> None:
    """Learn from what was taught and corrected, on this machine: one cycle.

    What the guardian and the gate let through answers from then on; `edge-seal rollback` takes it back. Exit code 3
    where they said no, 4 where a limit holds. Ctrl-C leaves everything as it was.

    It begins only on a machine that is fit for it (`limits show` tells): not busy, not hot, with power enough, outside
    quiet hours. --when-idle also asks that nobody has used the machine for limits.idle_minutes, says at once where
    nothing waits to be learned, and returns with exit code 4 where something keeps it; with --wait it looks again
    every half minute until then. The audit trail names the scheduler as who asked.

    With --consolidate it is not what waits that is learned but what was learned: every lesson of the active update and
    its ancestors that was neither forgotten nor told anew since, trained from the base. The gate compares it with the
    active update, and `edge-seal rollback` goes back to that.
    """
    if now and when_idle:
        raise click.UsageError("--now and --when-idle exclude each other")
    if consolidate and when_idle:
        raise click.UsageError("--consolidate and --when-idle exclude each other")
    if wait is not None and not when_idle:
        raise click.UsageError("--wait belongs to --when-idle")
    runtime = opened()
    before = runtime.releases.active()
    try:
        with shown_progress() as show:
            report = _once_fit(
                lambda: runtime.learn(
                    now=now, dry_run=dry_run, when_idle=when_idle, consolidate=consolidate, on_progress=show
                ),
                wait,
            )
    except KeyboardInterrupt:
        waiting, active = len(runtime.signals.pending()), runtime.releases.active()
        if active is not None and active != before:
            # Ctrl-C came after the transaction that released it: what is said must be what is so.
            note(f"stopped, but {active.id} had just become active; `edge-seal rollback` takes it back")
        else:
            note(
                "stopped; nothing changed: the answers are as before, "
                f"what is not learned yet is kept: {counted(waiting, 'lesson')}"
            )
        if wants_json():
            released = active.id if active is not None and active != before else None
            print_json({"update": released, "state": None, "stopped": True, "waiting": waiting})
        raise click.exceptions.Exit(_INTERRUPTED) from None
    if wants_json():
        print_json(_as_json(report))
    else:
        _tell(report)
    print_reminders(runtime)
    if report.state is State.REJECTED:
        raise click.exceptions.Exit(_REFUSED)


def _once_fit(learned: Callable[[], CycleReport], wait_min: float | None) -> CycleReport:
    """What `learned` gives; where a limit holds it is asked again until `wait_min` minutes are over."""
    end = time.monotonic() + 60 * (wait_min or 0)
    told = ""
    while True:
        try:
            return learned()
        except LimitReached as reached:
            left = end - time.monotonic()
            at = reached.allowed_at
            if left <= 0 or (at is not None and at > datetime.now(UTC) + timedelta(seconds=left)):
                raise  # waiting does not help
            if reached.message != told:
                told = reached.message
                note(f"waiting: {told}")
            time.sleep(min(left, _LOOKS_AGAIN_S))


def _as_json(report: CycleReport) -> dict[str, object]:
    update = report.update
    return {
        "update": update.id if update else None,
        "state": report.state,
        "parent": update.parent_id if update else None,
        "adapter_sha256": update.adapter_sha256 if update else None,
        "examples": report.examples,
        "verdicts": report.verdicts,
        "gate": report.gate,
        "training": report.training,
        "risk": report.risk,
        "seconds": report.seconds,
        "reasons": report.reasons,
    }


# The report -------------------------------------------------------------------------------------------------


def _tell(report: CycleReport) -> None:
    update = report.update
    if update is not None:
        say(f"{update.id} is {_state_in_words(report.state)}")
    _tell_examples(report)
    if report.training is not None:
        told = report.training
        say(f"training: {told.steps} steps, {told.tokens} tokens, {told.seconds:.1f} s; {told.stopped_because}")
    if report.gate is not None:
        tell_gate(report.gate)
    if report.risk is not None:
        say(f"risk: {report.risk.words}")
    for reason in report.reasons:
        say(f"{'why' if report.state is State.REJECTED else 'note'}: {reason}")
    if "total" in report.seconds:
        say(f"seconds: {', '.join(f'{name} {seconds:.1f}' for name, seconds in report.seconds.items())}")
    if update is not None and report.state is State.ACTIVE:
        note(f"take it back: edge-seal rollback {update.parent_id or 'base'}")
    if update is not None and report.state in (State.ACTIVE, State.AWAITING_APPROVAL, State.CANARY):
        note(f"look at it: edge-seal updates show {update.id}")


def _tell_examples(report: CycleReport) -> None:
    for example in report.examples:
        if example.role in GIVEN_ROLES:
            mark = "" if example.role is Role.LESSON else f"{example.role}: "
            say(f"  {mark}{shortened(example.prompt, 56)} → {shortened(example.answer, 56)}")
    if report.examples:
        trained = sum(example.role in TRAINED_ROLES for example in report.examples)
        say(f"examples: {trained} to train on, {len(report.examples) - trained} held back to measure with")
    for told in report.verdicts:
        for finding in told.verdict.findings:
            if finding.action is not Action.ALLOW:
                say(f"guardian: {finding.action}: {told.signal_id or 'an example'}: {finding.reason}")


def _state_in_words(state: State | None) -> str:
    if state is State.ACTIVE:
        return "active: it answers from now on"
    if state is State.REJECTED:
        return "rejected: the answers are as before"
    if state is State.CANARY:
        return "on the canary: it answers a share of new conversations"
    if state is State.AWAITING_APPROVAL:
        return "waiting for your approval: the answers are as before"
    return str(state)


def tell_gate(gate: GateReport) -> None:
    """Prints the gate's verdict, a measure a line."""
    say(f"gate: {'passed' if gate.passed else 'not passed'}, at scale {gate.scale:g}")
    table(
        [
            (
                "  ok" if measure.passed else "  NO",
                measure.name,
                f"{measure.before:.3g} → {measure.after:.3g} {measure.unit}",
                f"bound {measure.bound:.3g}",
                measure.meaning,
            )
            for measure in gate.measures
        ],
        heading=("", "MEASURE", "BEFORE → AFTER", "BOUND", "MEANING"),
    )


# Progress ---------------------------------------------------------------------------------------------------


def shown_progress() -> AbstractContextManager[Callable[[Progress], None]]:
    """What shows progress on stderr: bars on a terminal, else lines."""
    return _Bars() if sys.stderr.isatty() else nullcontext(_Lines())


class _Lines:
    """Progress as lines, for logs: each stage once, and a sign of life every few seconds."""

    def __init__(self) -> None:
        self._stage = ""
        self._at = 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage == self._stage and now - self._at < _HEARTBEAT_S:
            return
        self._stage, self._at = progress.stage, now
        note(f"{_WORDS[progress.stage]}{_figures(progress)}")


def _figures(progress: Progress) -> str:
    steps = f" {progress.done}/{progress.total}" if progress.total else ""
    words = f": {plain_line(progress.note)}" if progress.note else ""
    loss = f", loss {progress.loss_nats:.3f} nats" if progress.loss_nats is not None else ""
    return f"{words}{steps}{loss}"


class _Bars(_Lines):
    """Progress as one bar a stage, for a terminal."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(stderr=True, markup=False),
        )
        self._bars.start()
        self._task = None
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._close_stage()
            self._stage = progress.stage
            self._task = self._bars.add_task(f"{_WORDS[progress.stage]:<20}", total=None, figures="")
        if self._task is None:
            return
        loss = f"loss {progress.loss_nats:.3f}" if progress.loss_nats is not None else plain_line(progress.note)
        self._bars.update(self._task, completed=progress.done, total=progress.total or None, figures=loss)

    def _close_stage(self) -> None:
        if self._task is not None:
            done = self._bars.tasks[self._task].completed or 1
            self._bars.update(self._task, completed=done, total=done)
