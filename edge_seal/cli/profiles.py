"""`profiles`: several homes beside each other, each with files of its own."""

from __future__ import annotations

import click

from edge_seal.cli.output import chosen_home, json_option, print_json, table, wants_json


@click.group()
def profiles() -> None:
    """Several homes beside each other: `edge-seal --profile NAME …` uses one."""


@profiles.command("list")
@json_option
def list_() -> None:
    """The profiles that have files, and the one in use; a new one is made by using it."""
    from edge_seal.home import profiles as found

    used = chosen_home()
    homes = {home.profile: home for home in (*found(), used)}
    if wants_json():
        listed = [
            {
                "name": name,
                "used": name == used.profile,
                "data": home.data,
                "exists": home.database.exists(),
                "encrypted": home.key_file.exists(),
            }
            for name, home in sorted(homes.items())
        ]
        print_json({"profiles": listed})
        return
    table(
        [
            (
                "*" if name == used.profile else "",
                name,
                "encrypted" if home.key_file.exists() else "plain" if home.database.exists() else "empty",
                str(home.data),
            )
            for name, home in sorted(homes.items())
        ],
        heading=("", "NAME", "BYTES", "DATA"),
    )
