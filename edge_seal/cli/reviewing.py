"""`review`: what was learned since the last review, and lessons that the guardian put aside; a decision about each."""

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
from edge_seal.records import Role
from edge_seal.wording import counted

_NOTHING = "nothing was learned since the last review"

# What is accepted, and what is undone.
_Decided = tuple[list[str], str | None]

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime
    from edge_seal.runtime.reviewing import PutAside
    from edge_seal.updates.review import Learned


@click.command()
@click.option("--accept-all", is_flag=True, help="Accept everything that is listed.")
@click.option("--undo", metavar="ID", help="Take this update back, and what was built on it; accept what is under it.")
@click.option("--let-in", metavar="ID", help="Let this lesson be learned, which the guardian put aside.")
@click.option("--hash", "approval", metavar="HASH", help="With --let-in: its approval hash, or the first 12 digits.")
@yes_option
@json_option
def review(accept_all: bool, undo: str | None, let_in: str | None, approval: str | None, yes: bool) -> None:
    """Look at what was learned since the last review, oldest first, and accept or undo each.

    A terminal asks about each update. Undoing one takes those after it back too, because they were built on it: it says
    so before, and their lessons wait for the next `edge-seal learn`. Elsewhere it lists, and changes nothing without
    --accept-all or --undo.

    Lessons in which the guardian found what the policy does not let be learned unasked (an e-mail address, a phone
    number) are listed with the rule and a hash. --let-in lets exactly the lesson be learned that has this hash, for
    these rules; a script has to name the hash. What a rule blocks, such as a secret, nobody can let in. `edge-seal
    forget ID` deletes such a lesson.
    """
    if (accept_all, undo is not None, let_in is not None).count(True) > 1:
        raise click.UsageError("--accept-all, --undo and --let-in exclude each other")
    if approval is not None and let_in is None:
        raise click.UsageError("--hash belongs to --let-in")
    runtime = opened()
    if let_in is not None:
        _let_in(runtime, let_in, approval)
        return
    waiting = runtime.reviews.pending()
    if accept_all:
        decided: _Decided = [item.update.id for item in waiting], None
    elif undo is not None:
        decided = _undoing(runtime, waiting, undo, yes=yes)
    elif wants_json() or not asks_a_person():
        _list(runtime, waiting)
        return
    else:
        aside = runtime.put_aside()
        if not waiting:
            note(_NOTHING)
        else:
            _finish(runtime, *_asked(runtime, waiting))
        for item in aside:
            _ask_about(runtime, item)
        return
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
                "put_aside": runtime.put_aside(),
                "reminders": runtime.reminders(),
            }
        )
        return
    for item in waiting:
        _tell(runtime, item)
    aside = runtime.put_aside()
    for item in aside:
        _tell_aside(item)
    if waiting:
        note("accept all of it: edge-seal review --accept-all; undo one: edge-seal review --undo ID")
    else:
        note(_NOTHING)
    if aside:
        note("let one in: edge-seal review --let-in ID --hash HASH; delete one: edge-seal forget ID")


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


# Lessons that were put aside ------------------------------------------------------------------------------------


def _let_in(runtime: Runtime, signal_id: str, approval: str | None) -> None:
    if approval is None:
        item = next((item for item in runtime.put_aside() if item.signal.id == signal_id), None)
        if item is None or item.approval is None:
            runtime.let_in(signal_id, "")  # says why not
            return
        if not asks_a_person():
            raise click.UsageError("in a script, name what you let in: --hash HASH (edge-seal review prints it)")
        _tell_aside(item)
        if not confirmed(f"Let {signal_id} be learned?", yes=False):
            return
        approval = item.approval
    done = runtime.let_in(signal_id, approval)
    if wants_json():
        print_json({"let_in": done.signal.id, "rules": done.rules, "approval": done.approval})
    else:
        note(f"{done.signal.id} is let in: the next `edge-seal learn` takes it")


def _ask_about(runtime: Runtime, item: PutAside) -> None:
    _tell_aside(item)
    signal_id = item.signal.id
    choices = ["f", "s"] if item.approval is None else ["l", "f", "s"]
    words = "forget it, or skip" if item.approval is None else "let it in, forget it, or skip"
    answer = click.prompt(f"{signal_id}: {words}", type=click.Choice(choices), default="s", err=True)
    if answer == "l" and item.approval is not None:
        runtime.let_in(signal_id, item.approval)
        note(f"{signal_id} is let in: the next `edge-seal learn` takes it")
    elif answer == "f" and confirmed(f"Forget {signal_id} for good?", yes=False):
        runtime.forget(signal_id)
        note(f"{signal_id} is forgotten")


def _tell_aside(item: PutAside) -> None:
    signal = item.signal
    say(f"{signal.id}: put aside since {local_time(signal.created_at)}")
    say(f"  {shortened(signal.prompt, 56)} → {shortened(signal.answer, 56)}  ({signal.origin})")
    for reason in item.reasons:
        say(f"  {reason}")
    say("  nobody can let it in" if item.approval is None else f"  hash: {item.approval}")


# Updates --------------------------------------------------------------------------------------------------------


def _tell(runtime: Runtime, item: Learned) -> None:
    risk = runtime.update_record(item.update.id).risk
    say(f"{item.update.id}: since {local_time(item.since)}, {counted(len(item.lessons), 'lesson')}")
    for example in item.lessons:
        mark = "" if example.role is Role.LESSON else f"{example.role}: "
        say(f"  {mark}{shortened(example.prompt, 56)} → {shortened(example.answer, 56)}  ({example.origin})")
    if risk is not None:
        say(f"  risk: {risk.words}")


def _figures(runtime: Runtime, item: Learned) -> dict[str, object]:
    record = runtime.update_record(item.update.id)
    return {"risk": record.risk, "undo": runtime.reviews.plan(item.update.id)}
