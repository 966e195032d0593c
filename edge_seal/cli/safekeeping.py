"""`encrypt`, `decrypt`, `backup`, `restore`: the home as a whole."""

from __future__ import annotations

from pathlib import Path

import click

from edge_seal.cli.output import (
    confirmed,
    json_option,
    local_time,
    note,
    opened,
    passphrase_file,
    print_json,
    say,
    table,
    wants_json,
    yes_option,
)
from edge_seal.cli.passphrases import GivenPassphrases, ReplacingPassphrases


@click.command()
@click.option("--passphrase", is_flag=True, help="Put the key behind a passphrase, even where there is a keychain.")
@click.option("--keychain", is_flag=True, help="Put the key into the keychain; of an encrypted home: move it there.")
@click.option("--change-passphrase", is_flag=True, help="Of an encrypted home: a new passphrase. Nothing else changes.")
@click.option(
    "--new-passphrase-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the new passphrase is; else it is asked for.",
)
@click.option("--forget-key", is_flag=True, help="With --change-passphrase: take the key out of the keychain.")
@yes_option
@json_option
def encrypt(
    passphrase: bool,
    keychain: bool,
    change_passphrase: bool,
    new_passphrase_file: Path | None,
    forget_key: bool,
    yes: bool,
) -> None:
    """Encrypt everything that is kept: memories, conversations, what was learned, the audit trail, the backups.

    The key is random. It goes to the keychain of this login or, where there is none, behind a passphrase: typed,
    from --passphrase-file, or from EDGE_SEAL_PASSPHRASE. Without key and passphrase nobody can read it any more.
    """
    if [passphrase, keychain, change_passphrase].count(True) > 1:
        raise click.UsageError("--passphrase, --keychain and --change-passphrase exclude each other")
    if forget_key and not change_passphrase:
        raise click.UsageError("--forget-key goes with --change-passphrase")
    asked = ReplacingPassphrases if change_passphrase else GivenPassphrases
    runtime = opened(asked(passphrase_file(), new_file=new_passphrase_file))
    if change_passphrase or (keychain and runtime.protection().cipher is not None):
        protection = runtime.move_key("keychain" if keychain else "passphrase", forget_key=forget_key)
        if wants_json():
            print_json({"protection": protection})
        else:
            note(f"the key is {_place(protection.holder, protection.place)} now")
        return
    if not confirmed("encrypt everything in this home? Lost without the key or the passphrase.", yes=yes):
        return
    protection, done = runtime.encrypt("passphrase" if passphrase else "keychain" if keychain else None)
    if wants_json():
        print_json({"protection": protection, "converted": done})
        return
    note(
        f"encrypted ({protection.cipher}): {done.rows} rows, {done.adapter_files} files of adapters, "
        f"{done.backups} backups; the key is {_place(protection.holder, protection.place)}"
    )
    for words in done.left:
        note(f"left as it was: {words}")
    note("a drive or a snapshot of the file system may keep older plain bytes: docs/security.md")


@click.command()
@click.option("--forget-key", is_flag=True, help="Take the key out of the keychain; encrypted backups are lost then.")
@yes_option
@json_option
def decrypt(forget_key: bool, yes: bool) -> None:
    """Write everything plain again. Backups stay encrypted."""
    runtime = opened()
    if not confirmed("decrypt everything in this home?", yes=yes):
        return
    done = runtime.decrypt(forget_key=forget_key)
    if wants_json():
        print_json({"converted": done})
        return
    note(f"decrypted: {done.rows} rows, {done.adapter_files} files of adapters")
    for words in done.left:
        note(f"left as it was: {words}")
    kept = [backup for backup in runtime.backups() if backup.encrypted]
    if kept:
        note(f"{len(kept)} backups stay encrypted, and need the key or the passphrase they were made with")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--list", "list_", is_flag=True, help="The backups of this home.")
@click.option("--remove", metavar="NAME", help="Remove one of them, by its name or its path.")
@yes_option
@json_option
def backup(file: Path | None, list_: bool, remove: str | None, yes: bool) -> None:
    """Copy everything that is kept to one FILE, verified after it is written; without FILE among the home's own.

    The database and what was learned go in; models and settings do not. Of an encrypted home it is encrypted. One is
    made by itself before every change of the tables and before `restore`; the last five of these are kept.
    """
    if [file is not None, list_, remove is not None].count(True) > 1:
        raise click.UsageError("FILE, --list and --remove exclude each other")
    runtime = opened()
    if list_:
        found = runtime.backups()
        if wants_json():
            print_json({"backups": found})
            return
        table(
            [
                (
                    local_time(item.made_at) if item.made_at else "damaged",
                    item.reason,
                    "encrypted" if item.encrypted else "plain",
                    f"{item.size_bytes / 2**20:.1f} MiB",
                    str(item.path),
                )
                for item in found
            ],
            heading=("MADE", "WHY", "BYTES", "SIZE", "FILE"),
        )
        return
    if remove is not None:
        if not confirmed(f"remove the backup {remove}?", yes=yes):
            return
        gone = runtime.remove_backup(remove)
        if wants_json():
            print_json({"removed": gone})
        else:
            note(f"removed {gone}")
        return
    made = runtime.back_up(file)
    if wants_json():
        print_json({"backup": made})
    else:
        say(str(made.path))
        note(f"verified: {made.ledger_entries} entries, {made.adapters} adapters, head {made.ledger_head}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@yes_option
@json_option
def restore(file: Path, yes: bool) -> None:
    """Put a backup in the place of what is kept now, which becomes a backup itself.

    The backup is verified first. The audit trail records that it was restored, and what it replaced.
    """
    runtime = opened()
    if not confirmed(f"put {file} in the place of everything that is kept now?", yes=yes):
        return
    done = runtime.restore(file)
    if wants_json():
        info = done.info.model_dump()
        told = {"info": info, "replaced": done.replaced, "adapters": done.adapters, "encrypted": done.encrypted}
        print_json({"restored": told})
        return
    note(f"restored the state of {local_time(done.info.made_at)}: {done.info.ledger_entries} entries")
    if done.replaced is not None:
        note(f"what it replaced: {done.replaced}")


def _place(holder: str | None, place: str | None) -> str:
    return f"in {place}" if holder == "keychain" else f"behind {place}"
