"""`models`: what answers and what embeds."""

from __future__ import annotations

import dataclasses
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

import click

from edge_seal.cli.output import json_option, note, opened, print_json, print_notices, say, table, wants_json

if TYPE_CHECKING:
    from edge_models.store import PullProgress

_HEARTBEAT_S = 5.0


@click.group()
def models() -> None:
    """Models: list, pull, use, tune, verify."""


@models.command("list")
@json_option
def list_() -> None:
    """The models that are known: ours, and those of your manifests in the config directory's models/."""
    found = opened().models()
    if wants_json():
        print_json(
            {
                "models": [
                    {
                        "name": item.listing.manifest.name,
                        "title": item.listing.manifest.title,
                        "kind": item.listing.manifest.kind,
                        "licence": item.listing.manifest.licence,
                        "complete": item.listing.complete,
                        "in_use": item.in_use,
                        "files": [
                            {"name": f.name, "size": f.size, "sha256": f.sha256} for f in item.listing.manifest.files
                        ],
                    }
                    for item in found
                ]
            }
        )
        return
    table(
        [
            (
                item.listing.manifest.name,
                item.listing.manifest.kind,
                "here" if item.listing.complete else "not here",
                "in use" if item.in_use else "",
                item.listing.manifest.licence,
                item.listing.manifest.title,
            )
            for item in found
        ],
        heading=("NAME", "KIND", "", "", "LICENCE", "TITLE"),
    )


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def pull(names: tuple[str, ...]) -> None:
    """Fetch models (those in use, if none is named) and verify them.

    The only command that opens a connection, unless an embedder behind a server is set.
    """
    runtime = opened()
    licences = {item.listing.manifest.name: item.listing.manifest.licence for item in runtime.models()}
    with ExitStack() as stack:
        show = _LinesOfPull(licences)
        if sys.stderr.isatty():
            show = stack.enter_context(_BarsOfPull(licences))
        pulled = runtime.pull_models(names, show)
    if wants_json():
        print_json(
            {"models": [{"name": name, "licence": licences[name], "files": files} for name, files in pulled.items()]}
        )
        return
    for name, files in pulled.items():
        for file in files:
            say(f"{name}  {file.name}  {file.sha256}  {licences[name]}")


class _LinesOfPull:
    """Progress as lines, for logs."""

    def __init__(self, licences: dict[str, str]) -> None:
        self._licences = licences
        self._said: tuple[str, str] | None = None
        self._at = 0.0

    def __call__(self, model: str, progress: PullProgress) -> None:
        what = (progress.file, progress.phase)
        now = time.monotonic()
        if what == self._said and now - self._at < _HEARTBEAT_S:
            return
        if self._said is None or self._said[0] != progress.file:
            note(f"{model} (licence: {self._licences[model]}): {progress.file}")
        self._said, self._at = what, now
        total = f" of {progress.total_bytes >> 20}" if progress.total_bytes else ""
        note(f"  {progress.phase} {progress.done_bytes >> 20}{total} MiB")


class _BarsOfPull(_LinesOfPull):
    """Progress as bars, for a terminal."""

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            console=Console(stderr=True),
        )
        self._bars.start()
        self._tasks: dict[str, int] = {}
        return self

    def __exit__(self, *_error: object) -> None:
        self._bars.stop()

    def __call__(self, model: str, progress: PullProgress) -> None:
        from rich.progress import TaskID

        if progress.file not in self._tasks:
            self._tasks[progress.file] = self._bars.add_task(f"{progress.file} ({self._licences[model]})")
        self._bars.update(
            TaskID(self._tasks[progress.file]),
            description=f"{progress.file} ({self._licences[model]}): {progress.phase}",
            completed=progress.done_bytes,
            total=progress.total_bytes,
        )


@models.command()
@click.argument("name")
@json_option
def use(name: str) -> None:
    """Make a fetched model the one that answers, or embeds. What was learned belongs to the model it was learned on."""
    runtime = opened()
    change = runtime.use_model(name)
    if wants_json():
        print_json({"key": change.key, "before": change.before, "after": change.after})
    else:
        note(f"{change.key}: {change.before} → {change.after}")
        if change.key == "model.name":
            print_notices(runtime.learned_elsewhere(runtime.base_sha256))


@models.command()
@click.option("--types", default="Q4_0,Q8_0", show_default=True, metavar="TYPE,…", help="What to requantize to.")
@click.option(
    "--bound",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    metavar="NATS",
    help="The furthest that answers may be from the original's: mean divergence a token.",
)
@click.option("--undo", is_flag=True, help="Go back to the file as it was shipped.")
@json_option
def tune(types: str, bound: float, undo: bool) -> None:
    """Find the fastest form of the model in use on this machine, and switch to it.

    The file as shipped and requantized ones are measured in turns: prefill and decode in tokens a second, and on
    general answers the divergence from the original and how often the likeliest token is the same. The fastest turn
    within the bound wins, if it is at least 5% faster. The original stays. What was learned belongs to one file: after
    a switch the base answers until `learn` has retrained the lessons.
    """
    runtime = opened()
    if undo:
        change, notices = runtime.undo_tuning()
        if wants_json():
            print_json({"key": change.key, "before": change.before, "after": change.after, "notices": notices})
        else:
            note(f"{change.key}: {change.before} → {change.after}")
            print_notices(notices)
        return
    report = runtime.tune(types.split(","), bound, note)
    if wants_json():
        print_json(
            {
                "original": report.original,
                "measured": [{**dataclasses.asdict(one), "turn_s": one.turn_s} for one in report.measured],
                "bound_nats": report.bound_nats,
                "chosen": report.chosen.name,
                "before": report.change.before if report.change else None,
                "after": report.change.after if report.change else None,
                "notices": report.notices,
            }
        )
        return
    table(
        [
            (
                "→" if one == report.chosen else "",
                one.name,
                f"{one.size >> 20}",
                f"{one.prefill_tokens_s:.0f}",
                f"{one.decode_tokens_s:.1f}",
                f"{one.divergence.nats:.4f}",
                f"{one.divergence.top_1_agreement:.1%}",
            )
            for one in report.measured
        ],
        heading=("", "FILE", "MiB", "PREFILL tok/s", "DECODE tok/s", "NATS a token", "TOP-1"),
    )
    if report.change is None:
        note(f"nothing changes: within {bound:g} nats {report.chosen.name} is the fastest, and in use")
        return
    note(f"model.name: {report.change.before} → {report.change.after}; `edge-seal models tune --undo` takes it back")
    print_notices(report.notices)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def verify(names: tuple[str, ...]) -> None:
    """Hash every file of the models anew (those in use, if none is named); exit code 5 where one is damaged."""
    found = opened().verify_models(names)
    checks = [(name, check) for name, files in found.items() for check in files]
    if wants_json():
        print_json({"models": [{"name": name, "files": files} for name, files in found.items()]})
    else:
        table(
            [(name, check.name, check.state, check.problem or check.sha256 or "") for name, check in checks],
            heading=("MODEL", "FILE", "STATE", "SHA-256"),
        )
    states = {check.state for _, check in checks}
    if states != {"verified"}:
        note("next: edge-seal models pull")
        raise click.exceptions.Exit(5 if "damaged" in states else 1)
