"""What every command prints with: data to stdout, everything else to stderr, all of it through the sanitizer.

With `--json` stdout holds one JSON object and nothing else, an error included.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

import click

from edge_seal.errors import ConfigError, EdgeSealError, LimitReached, Refused
from edge_seal.plain_text import plain_text

if TYPE_CHECKING:
    from edge_seal.home import Home
    from edge_seal.runtime import Runtime
    from edge_seal.safekeeping.unlocking import Passphrases

_JSON = "edge_seal.json"
_HEARTBEAT_S = 5.0
# What was given before the command, for every command.
PROFILE = "edge_seal.profile"
PASSPHRASE_FILE = "edge_seal.passphrase_file"  # noqa: S105  # a name of an option
_Command = TypeVar("_Command", bound=Callable[..., object])


def json_option(command: _Command) -> _Command:
    """Adds `--json`. The command asks `wants_json()`; so does whoever reports its error."""

    def note(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
        ctx.meta[_JSON] = value

    return click.option(
        "--json", is_flag=True, expose_value=False, is_eager=True, callback=note, help="Print one JSON object."
    )(command)


def yes_option(command: _Command) -> _Command:
    """Adds `--yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command)


def encrypt_option(command: _Command) -> _Command:
    """Adds `--encrypt` to an export."""
    words = "Behind a passphrase: the one of --passphrase-file or EDGE_SEAL_PASSPHRASE, or typed now."
    return click.option("--encrypt", is_flag=True, help=words)(command)


def note_plain(runtime: Runtime) -> None:
    """Says of an export that it is plain, where the home it comes from is not."""
    if runtime.protection().cipher is not None:
        note("this copy is not encrypted, unlike the home it comes from")


def print_sealed(runtime: Runtime, content: Callable[[], bytes]) -> None:
    """An export behind a new passphrase on stdout: bytes, so never on a terminal.

    Raises:
        ConfigError: stdout is a terminal, or nobody gave a passphrase.
    """
    if sys.stdout.isatty():
        raise ConfigError("an encrypted export is bytes, and no text for a terminal", next_step="… --encrypt > FILE")
    sys.stdout.buffer.write(runtime.sealed_export(content()))


def wants_json() -> bool:
    """Whether the command that runs was asked for JSON."""
    return bool(click.get_current_context().meta.get(_JSON))


def opened(passphrases: Passphrases | None = None) -> Runtime:
    """The runtime of this command; closed when the command ends. Passphrases come from where the user put them."""
    from edge_seal.cli.passphrases import GivenPassphrases
    from edge_seal.runtime import Runtime

    known = passphrases or GivenPassphrases(passphrase_file())
    return click.get_current_context().with_resource(Runtime.open(chosen_home(), passphrases=known))


def chosen_home() -> Home:
    """The home of the profile that this command was given."""
    from edge_seal.home import locate_home

    return locate_home(cast("str | None", click.get_current_context().meta.get(PROFILE)))


def passphrase_file() -> Path | None:
    """The file named by `--passphrase-file`."""
    return cast("Path | None", click.get_current_context().meta.get(PASSPHRASE_FILE))


# Data ---------------------------------------------------------------------------------------------------------


def print_json(value: Mapping[str, object]) -> None:
    """`value` as one JSON object on stdout; see `jsonable` for what it may hold."""
    text = json.dumps(jsonable(value), ensure_ascii=False, indent=2)
    click.echo(escaped_in_json(text))


def print_json_line(value: object) -> None:
    """`value` as JSON in one line on stdout."""
    click.echo(json_line(value))


def json_line(value: object) -> str:
    """`value` as JSON in one line, safe to show."""
    return escaped_in_json(json.dumps(jsonable(value), ensure_ascii=False))


def escaped_in_json(document: str) -> str:
    r"""A JSON document with every character that the sanitizer would take out written as `\uXXXX`.

    The values stay what they are, byte for byte, and a terminal that shows them obeys nothing. Such characters stand
    inside strings only.
    """
    if plain_text(document) == document:
        return document
    return "".join(_escaped(character) for character in document)


def _escaped(character: str) -> str:
    if plain_text(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def jsonable(value: object) -> object:  # noqa: PLR0911  # one return for each kind of value
    """`value` as what JSON knows."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        from edge_seal.clock import timestamp

        return timestamp(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: jsonable(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Iterable):
        return [jsonable(item) for item in cast("Iterable[object]", value)]
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def say(text: str = "") -> None:
    """A line of data."""
    click.echo(plain_text(text))


def table(rows: Sequence[Sequence[str]], *, heading: Sequence[str]) -> None:
    """Rows in aligned columns, the heading on a terminal only: what reads from a pipe wants rows."""
    lines = [[plain_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        lines.insert(0, list(heading))
    widths = [max((len(line[column]) for line in lines), default=0) for column in range(len(heading))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


# Everything else ----------------------------------------------------------------------------------------------


def note(text: str) -> None:
    """A line for the person, on stderr."""
    click.echo(plain_text(text), err=True)


def faint(text: str) -> None:
    """A line for the person that stays in the background; only where a person looks."""
    if sys.stderr.isatty():
        click.secho(plain_line(text), err=True, dim=True)


def print_notices(notices: Iterable[str]) -> None:
    """What is not as it should be, on stderr."""
    for text in notices:
        click.echo(click.style("notice: ", fg="yellow") + plain_line(text), err=True)


def print_waiting(reasons: Iterable[str]) -> None:
    """Why something that was kept is not learned without the person, on stderr, with where they are asked."""
    print_notices(
        f"needs your approval: {reason}{'' if 'origin.' in reason else ' (edge-seal review)'}" for reason in reasons
    )


def print_reminders(runtime: Runtime) -> None:
    """What waits for the person, a line each on stderr."""
    for text in runtime.reminders():
        click.echo(click.style("reminder: ", fg="yellow") + plain_line(text), err=True)


def print_error(ctx: click.Context, error: EdgeSealError) -> None:
    """Says what happened and what to do next: on stderr, and with `--json` as an object on stdout."""
    reasons = error.reasons if isinstance(error, Refused) else ()
    allowed_at = error.allowed_at if isinstance(error, LimitReached) else None
    if ctx.meta.get(_JSON):
        told: dict[str, object] = {
            "kind": next(kind.__name__ for kind in type(error).__mro__ if not kind.__name__.startswith("_")),
            "message": error.message,
            "next_step": error.next_step,
            "exit_code": error.exit_code,
        }
        if isinstance(error, Refused):
            told["reasons"] = reasons
        if isinstance(error, LimitReached):
            told["allowed_at"] = allowed_at
        print_json({"error": told})
    click.echo(click.style("error: ", fg="red") + plain_line(error.message), err=True)
    for reason in reasons:
        click.echo(f"  - {plain_line(reason)}", err=True)
    if allowed_at is not None:
        click.echo(f"allowed at: {local_time(allowed_at)}", err=True)
    if error.next_step:
        click.echo(f"next: {plain_line(error.next_step)}", err=True)


def asks_a_person() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on: asked on a terminal, taken for granted in a script."""
    if yes or not asks_a_person():
        return True
    if click.confirm(plain_text(question), default=False, err=True):
        return True
    note("nothing was changed")
    return False


@contextlib.contextmanager
def embedding_progress() -> Generator[Callable[[int, int], None]]:
    """What shows how many of how many are embedded: a bar on a terminal, otherwise a line every few seconds."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task("embedding", total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)
        return
    said_at = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= _HEARTBEAT_S:
            said_at = time.monotonic()
            note(f"{done} of {total} embedded")

    yield line


# Words --------------------------------------------------------------------------------------------------------


def local_time(moment: datetime | str) -> str:
    """A time for people: this machine's own, to the second."""
    if isinstance(moment, str):
        from edge_seal.clock import parse_timestamp

        moment = parse_timestamp(moment)
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def shortened(text: str, most: int = 72) -> str:
    """The beginning of a text in one line."""
    line = plain_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def plain_line(text: str) -> str:
    """What of a text may be shown, in one line."""
    return " ".join(plain_text(text).split())


MAXIMUM_INPUT_BYTES: Final = 128 << 20
"""Of one file or of stdin; an export of 100,000 memories has a quarter of it."""


def read_text(path: str) -> str:
    """The text in a file, or of stdin for `-`.

    Raises:
        EdgeSealError: it cannot be read, or is not UTF-8.
    """
    return _decoded(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """The bytes of a file, or of stdin for `-`.

    Raises:
        EdgeSealError: it cannot be read, or has no end that we would wait for.
    """
    try:
        if path == "-":
            content = sys.stdin.buffer.read(MAXIMUM_INPUT_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAXIMUM_INPUT_BYTES + 1)
    except OSError as error:
        raise EdgeSealError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > MAXIMUM_INPUT_BYTES:
        raise EdgeSealError(
            f"{'stdin' if path == '-' else path} holds more than {MAXIMUM_INPUT_BYTES >> 20} MiB",
            next_step="split it, and give the parts one after the other",
        )
    return content


def _decoded(content: bytes, path: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EdgeSealError(f"{'stdin' if path == '-' else path} is not UTF-8 text") from error
