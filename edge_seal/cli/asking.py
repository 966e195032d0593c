"""`ask` and `feedback`: the daily use."""

from __future__ import annotations

import contextlib
import sys

import click

from edge_seal.cli.output import (
    faint,
    json_option,
    note,
    opened,
    plain_line,
    print_json,
    print_notices,
    print_reminders,
    print_waiting,
    read_text,
    wants_json,
)
from edge_seal.plain_text import PlainTextStream
from edge_seal.records import Origin, SignalKind, Turn

_ORIGINS = [origin.value for origin in Origin if origin is not Origin.MODEL]


@click.command()
@click.argument("prompt")
@click.option("--adapter", default="active", show_default=True, metavar="active|none|ID", help="What answers.")
@click.option("--no-memory", is_flag=True, help="Recall nothing.")
@click.option("--max-tokens", type=click.IntRange(1, 32768), metavar="N", help="The longest answer.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 2), metavar="N", help="For answers that are drawn.")
@click.option("--continue", "continued", is_flag=True, help="Go on with the last conversation.")
@click.option("--conversation", metavar="ID", help="Go on with this conversation.")
@click.option("--origin", type=click.Choice(_ORIGINS), help="Where the prompt comes from, if you did not type it.")
@click.option("--private", is_flag=True, help="Keep nothing of it: no turn, nothing to find again or learn from.")
@json_option
def ask(
    prompt: str,
    adapter: str,
    no_memory: bool,
    max_tokens: int | None,
    seed: int | None,
    continued: bool,
    conversation: str | None,
    origin: str | None,
    private: bool,
) -> None:
    """Ask, and get one answer.

    PROMPT is the question; `-` reads it from stdin, and it then counts as pasted. Each question begins a conversation
    of its own unless you continue one, so the same question gives the same answer.

    "remember that ...", "forget ...", /remember and /forget are done, not answered. What you say about yourself in
    passing is noted for you to accept.
    """
    if continued and conversation is not None:
        raise click.UsageError("--continue and --conversation exclude each other")
    if private and (continued or conversation is not None):
        raise click.UsageError("--private continues no conversation")
    as_json = wants_json()
    from edge_seal.runtime import LAST, Ask

    asked = Ask(
        prompt=read_text("-") if prompt == "-" else prompt,
        origin=Origin(origin) if origin else Origin.PASTED if prompt == "-" else Origin.TYPED,
        adapter=adapter,
        use_memory=not no_memory,
        max_tokens=max_tokens,
        seed=seed,
        conversation=LAST if continued else conversation,
        private=private,
    )
    stream = PlainTextStream()

    def show(piece: str) -> None:
        click.echo(stream.feed(piece), nl=False)

    runtime = opened()
    turn = runtime.ask(asked, None if as_json else show)
    if as_json:
        print_json(
            {
                "turn": turn.id,
                "text": turn.answer,
                "adapter": turn.update_id,
                "taught_as": turn.taught_as,
                "memories": turn.memories,
                "timing": turn.timing,
                "notices": turn.notices,
                "proposed": turn.proposed,
                "conversation": turn.conversation_id or None,
            }
        )
    else:
        click.echo(stream.finish())
        faint(_signature(turn))
    print_notices(turn.notices)
    print_reminders(runtime)
    for item in turn.proposed:
        note(f"noted, for you to accept: {plain_line(item.text)} (edge-seal memory accept {item.id})")
    if not private and not no_memory:
        # The answer is there; who stops this loses nothing of it.
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdout.flush()
            runtime.embed_in_background()


def _signature(turn: Turn) -> str:
    recalled = f" · memories {', '.join(turn.memories)}" if turn.memories else ""
    read_as = f" · read as “{plain_line(turn.taught_as)}”" if turn.taught_as else ""
    return f"{turn.id} · {turn.update_id or 'base'}{read_as}{recalled} · {turn.timing.total_s:.1f} s"


@click.command()
@click.argument("turn")
@click.option("--good", is_flag=True, help="The answer was good.")
@click.option("--bad", is_flag=True, help="The answer was bad.")
@click.option(
    "--correction",
    metavar="TEXT",
    help="What it should have said; `-` reads it from stdin: then it counts as pasted, and waits for approval.",
)
@json_option
def feedback(turn: str, good: bool, bad: bool, correction: str | None) -> None:
    """Say whether an answer was good, or what it should have been.

    TURN is the answer's id (t12), as `ask` shows it.
    """
    if [good, bad, correction is not None].count(True) != 1:
        raise click.UsageError("give exactly one of --good, --bad and --correction")
    runtime = opened()
    if correction is not None:
        pasted = correction == "-"
        kept = runtime.correct(
            turn, read_text("-") if pasted else correction, Origin.PASTED if pasted else Origin.TYPED
        )
    else:
        kept = runtime.thumb(turn, SignalKind.GOOD if good else SignalKind.BAD)
    (signal,) = kept.signals
    if wants_json():
        print_json({"signal": signal, "waiting": kept.waiting, "notices": kept.notices})
    else:
        note(f"kept as {signal.id}; `edge-seal learn` learns from it")
    print_waiting(kept.waiting)
    print_notices(kept.notices)
