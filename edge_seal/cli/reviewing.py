"""`review`: what was learned since the last review, oldest first; accept or undo each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_seal.cli.output import (
    asks_a_person,
    confirmed,
    json_option,
    local_time,
    note,
    opened,
    print_json,
    say,
    shortened,
    wants_json,
    yes_option,
)

# What is accepted, and what is undone.
_Decided = tuple[list[str], str | None]

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime
    from edge_seal.updates.review import Learned


@click.command()
@click.option("--accept-all", is_flag=True, help="Accept everything that is listed.")
@click.option("--undo", metavar="ID", help="Take this update back, and what was built on it; accept what is under it.")
@yes_option
@json_option
def review(accept_all: bool, undo: str | None, yes: bool) -> None:
    """Look at what was learned since the last review, oldest first, and accept or undo each.

    A terminal asks about each update. Undoing one takes those after it back too, because they were built on it: it says
    so before, and their lessons wait for the next `edge-seal learn`. Elsewhere it lists, and changes nothing without
    --accept-all or --undo.
    """
    if accept_all and undo is not None:
        raise click.UsageError("--accept-all and --undo exclude each other")
    runtime = opened()
    waiting = runtime.reviews.pending()
    if accept_all:
        decided: _Decided = [item.update.id for item in waiting], None
    elif undo is not None:
        decided = _undoing(runtime, waiting, undo, yes=yes)
    elif wants_json() or not asks_a_person() or not waiting:
        _list(runtime, waiting)
        return
    else:
        decided = _asked(runtime, waiting)
    _finish(runtime, *decided)


def _finish(runtime: Runtime, accepted: list[str], undo: str | None) -> None:
    done = runtime.finish_review(accepted, undo) if accepted or undo is not None else None
    if wants_json():
        print_json({"accepted": accepted, "undone": undo, "undo": done})
        return
    if accepted:
        note(f"accepted: {', '.join(accepted)}")
    note(done.words if done is not None else "nothing else was changed" if accepted else "nothing was changed")


def _undoing(runtime: Runtime, waiting: tuple[Learned, ...], undo: str, *, yes: bool) -> _Decided:
    """What is under the update is accepted with it: the person has seen it, it comes first."""
    plan = runtime.reviews.plan(undo)
    if not confirmed(f"{plan.words}. Undo it?", yes=yes):
        return [], None
    return [item.update.id for item in waiting if item.update.id not in plan.taken_back], undo


def _list(runtime: Runtime, waiting: tuple[Learned, ...]) -> None:
    if wants_json():
        print_json(
            {
                "last_review": runtime.reviews.last(),
                "waiting": [
                    {**_figures(runtime, item), "update": item.update, "since": item.since, "lessons": item.lessons}
                    for item in waiting
                ],
                "reminders": runtime.reminders(),
            }
        )
        return
    for item in waiting:
        _tell(runtime, item)
    if waiting:
        note("accept all of it: edge-seal review --accept-all; undo one: edge-seal review --undo ID")
    else:
        note("nothing was learned since the last review")


def _asked(runtime: Runtime, waiting: tuple[Learned, ...]) -> _Decided:
    """What the person accepts and undoes; the first undo ends the review, because all after it goes with it."""
    accepted: list[str] = []
    for item in waiting:
        _tell(runtime, item)
        answer = click.prompt(
            f"{item.update.id}: accept, undo, or stop here",
            type=click.Choice(["a", "u", "s"]),
            default="a",
            err=True,
        )
        if answer == "s":
            break
        if answer == "a":
            accepted.append(item.update.id)
            continue
        plan = runtime.reviews.plan(item.update.id)
        if confirmed(f"{plan.words}. Undo it?", yes=False):
            return accepted, item.update.id
        break
    return accepted, None


def _tell(runtime: Runtime, item: Learned) -> None:
    risk = runtime.update_record(item.update.id).risk
    say(f"{item.update.id}: since {local_time(item.since)}, {len(item.lessons)} lessons")
    for example in item.lessons:
        say(f"  {shortened(example.prompt, 56)} → {shortened(example.answer, 56)}  ({example.origin})")
    if risk is not None:
        say(f"  risk: {risk.words}")


def _figures(runtime: Runtime, item: Learned) -> dict[str, object]:
    record = runtime.update_record(item.update.id)
    return {"risk": record.risk, "undo": runtime.reviews.plan(item.update.id)}
