"""`schedule`: learning by itself while nobody uses the machine, kept by the user's own session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_seal.cli.output import confirmed, json_option, note, opened, print_json, say, wants_json, yes_option

if TYPE_CHECKING:
    from edge_seal.scheduling import Schedule


@click.group()
def schedule() -> None:
    """Learn by itself while nobody uses the machine.

    The session of the user (systemd, or launchd on macOS) runs `edge-seal learn --when-idle` from time to time. Its
    files are the only ones that Edge Seal writes outside its home: `schedule on` names each before it writes it, and
    `schedule off` removes them.
    """


@schedule.command()
@click.option(
    "--every", type=click.IntRange(5, 1440), default=15, show_default=True, metavar="MINUTES", help="How often."
)
@click.option("--dry-run", is_flag=True, help="Only print the files and the commands.")
@yes_option
@json_option
def on(every: int, dry_run: bool, yes: bool) -> None:
    """Write the files of a schedule and start it.

    Where the session cannot be told of it (no systemctl or launchctl, or one that fails), no file stays.
    """
    runtime = opened()
    plan = runtime.planned_schedule(every)
    if dry_run:
        _tell_plan(plan)
        return
    for file in plan.files:
        note(f"outside the home: {file.path}")
    if not confirmed(f"Write {len(plan.files)} file(s) there and start the schedule?", yes=yes):
        return
    notices = runtime.schedule_on(plan)
    if wants_json():
        print_json({"on": True, "kind": plan.kind, "files": [file.path for file in plan.files], "notices": notices})
    else:
        say(f"on: `{' '.join(plan.command)}` every {plan.every_minutes} minutes")
    for notice in notices:
        note(f"notice: {notice}")


def _tell_plan(plan: Schedule) -> None:
    if wants_json():
        print_json(
            {
                "on": False,
                "kind": plan.kind,
                "files": plan.files,
                "command": plan.command,
                "starts": plan.starts,
                "stops": plan.stops,
            }
        )
        return
    for file in plan.files:
        say(f"# {file.path}")
        say(file.text)
    for command in plan.starts:
        say(f"# then: {' '.join(command)}")
    note("nothing was written")


@schedule.command()
@json_option
def off() -> None:
    """Stop the schedule and remove its files."""
    removed = opened().schedule_off()
    if wants_json():
        print_json({"on": False, "removed": removed})
        return
    for path in removed:
        note(f"removed {path}")
    say("off" if removed else "it was off already")


@schedule.command()
@json_option
def status() -> None:
    """Whether the schedule is on, and what it did last."""
    runtime = opened()
    found = runtime.schedule_status()
    last = runtime.last_scheduled()
    if wants_json():
        print_json({"on": found.on, "kind": found.kind, "files": found.files, "stale": found.stale, "last": last})
        return
    say(f"{'on' if found.on else 'off'} ({found.kind})")
    for path in found.files:
        say(f"file  {path}")
    if found.stale:
        note("the files are not as this installation writes them; `edge-seal schedule on` writes them anew")
    if found.files and not found.on:
        note("there are files of a schedule that does not run; `edge-seal schedule off` removes them")
    if last is not None:
        say(f"last  {last.at}: {last.outcome} {last.update_id or ''}".rstrip())
