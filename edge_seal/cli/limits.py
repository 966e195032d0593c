"""`limits`: how often and how much may be learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_seal.cli.output import json_option, local_time, note, opened, print_json, say, table, wants_json

if TYPE_CHECKING:
    from edge_seal.updates.budget import LimitUse
    from edge_seal.updates.conditions import Condition


@click.group()
def limits() -> None:
    """How often and how much may be learned."""


@limits.command()
@json_option
def show() -> None:
    """What is used of each limit, what is left, when the next update is allowed, and why not now.

    Below them what the machine has to be like for `learn` to begin (`learn --now` asks the limits alone).
    """
    found = opened().limits()
    settings, allowance = found.settings.model_dump(), found.allowance
    if wants_json():
        print_json(
            {
                "allowed": allowance.allowed,
                "reason": allowance.reason,
                "allowed_at": allowance.allowed_at,
                "limits": settings,
                "used": [_as_json(use) for use in allowance.used],
                "conditions": found.conditions,
            }
        )
        return
    uses = {use.name: use for use in allowance.used}
    table(
        [(name, _words(value), *_used(uses.get(name))) for name, value in settings.items()],
        heading=("LIMIT", "IS", "USED", "LEFT", "NEXT"),
    )
    say()
    table(
        [(_mark(condition), condition.name, _with_time(condition)) for condition in found.conditions],
        heading=("", "CONDITION", ""),
    )
    say()
    if allowance.allowed:
        say("the next update is allowed now")
    else:
        at = allowance.allowed_at
        say(f"not allowed now: {allowance.reason}" + (f"; allowed at {local_time(at)}" if at else ""))


def _as_json(use: LimitUse) -> dict[str, object]:
    return {
        "name": use.name,
        "used": use.used,
        "limit": use.limit,
        "left": use.left,
        "window_s": use.window,
        "frees_at": use.frees_at,
    }


def _used(use: LimitUse | None) -> tuple[str, str, str]:
    if use is None:
        return "", "", ""
    frees = "" if use.frees_at is None else local_time(use.frees_at)
    if use.name == "minutes_between_updates":
        return "", "", frees
    return f"{use.used:g}", f"{use.left:g}", frees


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value) or "none"


def _mark(condition: Condition) -> str:
    return {"met": "ok", "unmet": "NO", "unknown": "?"}[condition.standing]


def _with_time(condition: Condition) -> str:
    return condition.words + (f", until {local_time(condition.until)}" if condition.until is not None else "")


@limits.command("set")
@click.argument("key")
@click.argument("value")
@json_option
def set_(key: str, value: str) -> None:
    """Change the limit KEY to VALUE in config.toml; the change is recorded in the audit trail."""
    change = opened().set_limit(key, value)
    if wants_json():
        print_json({"key": change.key, "before": change.before, "after": change.after})
    else:
        note(f"{change.key}: {change.before} → {change.after}")
