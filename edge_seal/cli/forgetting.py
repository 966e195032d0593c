"""`forget`: a memory or a lesson, and what it reaches."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from edge_seal.cli.output import (
    confirmed,
    json_option,
    note,
    opened,
    print_json,
    print_notices,
    shortened,
    wants_json,
    yes_option,
)
from edge_seal.records import Signal
from edge_seal.runtime import Forgotten, Reach
from edge_seal.updates.forgetting import ReachedUpdate


@click.command()
@click.argument("id")
@click.option("--now", is_flag=True, help="Roll back at once where the update that answers learned it.")
@click.option("--keep-lessons", is_flag=True, help="Leave lessons that teach the same, and what was learned from them.")
@click.option("--keep-turns", is_flag=True, help="Leave the words of conversations that said it.")
@click.option("--backups", is_flag=True, help="Delete the backups in the home: they were made before.")
@yes_option
@json_option
def forget(id: str, now: bool, keep_lessons: bool, keep_turns: bool, backups: bool, yes: bool) -> None:  # noqa: A002
    """Take a memory (m3) or a lesson (s5) out for good, and reach what was made from it.

    Its text, words and vector leave the files at once, with the turns that said it and the lessons that teach it.
    Updates that learned it are marked: the next `learn` retrains without it, `rollback` (or --now) takes it out at
    once, and until then every answer says so. What is only near is shown and left.
    """
    runtime = opened()
    # Damaged ones can be forgotten too, so nothing is read where nobody is shown it.
    if sys.stdin.isatty() and not yes:
        reach = runtime.reach(id)
        for line in _reached(reach, keep_lessons=keep_lessons, keep_turns=keep_turns):
            note(line)
        if not confirmed(f"forget {id}?", yes=yes):
            return
    done = runtime.forget(id, now=now, keep_lessons=keep_lessons, keep_turns=keep_turns, backups=backups)
    if wants_json():
        print_json(
            {
                "memory": done.memory,
                "lessons": done.lessons,
                "updates": done.updates,
                "turns": done.turns,
                "active": done.active,
                "near": done.near,
                "also": done.also,
                "backups_deleted": done.backups_deleted,
                "notices": done.notices,
            }
        )
    else:
        for line in _told(id, done):
            note(line)
    print_notices(done.notices)


def _reached(reach: Reach, *, keep_lessons: bool, keep_turns: bool) -> Iterator[str]:
    """What the user is shown before it is done."""
    if reach.memory is not None:
        yield f"{reach.memory.id}: “{shortened(reach.memory.text)}”"
    if not keep_lessons or reach.memory is None:
        yield from (f"also learned from {_lesson(item)}" for item in reach.lessons)
        if reach.updates:
            yield f"updates that learned it: {', '.join(f'{item.id} ({item.state})' for item in reach.updates)}"
    yield from (f"perhaps also learned from {_lesson(item)}; it is left" for item in reach.near)
    if reach.turns and not keep_turns:
        yield f"turns whose words go with it: {', '.join(reach.turns)}"
    if reach.naming:
        yield f"turns with a name or a number of it, left: {', '.join(reach.naming)}"
    if reach.also:
        yield f"memories that say the same, and are left: {', '.join(reach.also)}"


def _lesson(signal: Signal) -> str:
    return f"{signal.id}: “{shortened(signal.prompt, 40)}” → “{shortened(signal.answer, 40)}”"


def _told(public_id: str, done: Forgotten) -> Iterator[str]:
    yield f"{public_id} is forgotten"
    others = [lesson for lesson in done.lessons if lesson != public_id]
    if others:
        yield f"with the lessons {', '.join(others)}"
    if done.turns:
        yield f"with the words of the turns {', '.join(done.turns)}"
    yield from updates_told(done.updates, done.active)
    if done.backups_deleted:
        yield f"{done.backups_deleted} backups are deleted"


def updates_told(updates: tuple[ReachedUpdate, ...], active: str | None) -> Iterator[str]:
    """What became of the updates that had learned what was forgotten."""
    for update in updates:
        if update.outcome == "refused":
            yield f"{update.id} waited for you and is ended: its lessons were forgotten"
        elif update.outcome == "removed":
            yield f"{update.id} had learned it; its adapter is deleted"
        elif update.id != active:
            yield f"{update.id} had learned it and is taken back: {active or 'the base model'} answers now"
