"""`limits`: how often and how much may be learned."""

from __future__ import annotations

import click

from edge_seal.cli.output import json_option, local_time, note, opened, print_json, say, table, wants_json


@click.group()
def limits() -> None:
    """How often and how much may be learned."""


@limits.command()
@json_option
def show() -> None:
    """The limits, what is left of them, and when the next update is allowed."""
    found = opened().limits()
    settings = found.settings.model_dump()
    if wants_json():
        allowance = found.allowance
        uses = [
            {
                "name": use.name,
                "used": use.used,
                "limit": use.limit,
                "left": use.left,
                "window_s": use.window,
                "frees_at": use.frees_at,
            }
            for use in allowance.used
        ]
        print_json(
            {
                "allowed": allowance.allowed,
                "reason": allowance.reason,
                "allowed_at": allowance.allowed_at,
                "limits": settings,
                "used": uses,
            }
        )
        return
    left = {use.name: f"{use.left} left" for use in found.allowance.used if use.name != "minutes_between_updates"}
    table([(name, str(value), left.get(name, "")) for name, value in settings.items()], heading=("LIMIT", "IS", ""))
    if found.allowance.allowed:
        say("the next update is allowed now")
    else:
        at = found.allowance.allowed_at
        say(f"not allowed now: {found.allowance.reason}" + (f"; allowed at {local_time(at)}" if at else ""))


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
