"""The `memory` commands about facts that changed, that disagree, or that wait for a yes."""

from __future__ import annotations

from typing import Final

import click

from edge_seal.cli.output import (
    json_option,
    local_time,
    note,
    opened,
    print_json,
    shortened,
    table,
    wants_json,
)
from edge_seal.errors import ConfigError
from edge_seal.records import Contradiction, Era


@click.command()
@json_option
def contradictions() -> None:
    """Memories that cannot both be true. Both hold until you decide: `edge-seal memory resolve`."""
    found = opened().stored_memories.facts.contradictions()
    if wants_json():
        print_json({"contradictions": found})
        return
    rows = [(item.first.id, item.second.id, _about(item), _side(item, 0), _side(item, 1)) for item in found]
    table(rows, heading=("ONE", "OTHER", "ABOUT", "ONE SAYS", "OTHER SAYS"))
    if found:
        note(f"edge-seal memory resolve {found[0].first.id} {found[0].second.id} --keep {found[0].second.id}|both")


@click.command()
@click.argument("one")
@click.argument("other", required=False)
@click.option("--keep", required=True, metavar="ID|both", help="Which one holds. The other ends; nothing is erased.")
@json_option
def resolve(one: str, other: str | None, keep: str) -> None:
    """Say which of two contradicting memories holds. OTHER may be left out where --keep names it."""
    facts = opened().stored_memories.facts
    against = other or keep
    if against in {one, "both"}:
        against = _only_other(facts.contradictions(one), one)
    facts.resolve(one, against, None if keep == "both" else keep)
    if wants_json():
        print_json({"kept": [one, against] if keep == "both" else [keep], "between": [one, against]})
    else:
        ended = {one, against} - {keep}
        note("both hold" if keep == "both" else f"{keep} holds; {ended.pop()} has ended")


@click.command()
@click.argument("id")
@json_option
def history(id: str) -> None:  # noqa: A002  # the argument's name in the usage line
    """What was true before and after a memory: each value with when it was true and when that was learned."""
    eras = opened().stored_memories.facts.history(id)
    if wants_json():
        print_json({"history": eras})
        return
    rows = [(item.memory.id, *_true(item), *_learned(item), item.memory.text) for item in eras]
    table(rows, heading=("ID", "TRUE FROM", "TRUE UNTIL", "TOLD", "END TOLD", "TEXT"))


@click.command()
@click.argument("id")
@json_option
def reopen(id: str) -> None:  # noqa: A002
    """Say that a memory that has ended holds again."""
    reopened = opened().stored_memories.facts.reopen(id)
    if wants_json():
        print_json({"memory": reopened})
    else:
        note(f"{reopened.id} holds again")


@click.command()
@json_option
def proposed() -> None:
    """What you said in passing and may want remembered. It is not recalled before you accept it."""
    found = opened().proposals.list()
    if wants_json():
        print_json({"proposed": found})
        return
    table(
        [(item.id, local_time(item.created_at), item.turn_id or "", item.text) for item in found],
        heading=("ID", "SAID", "IN", "TEXT"),
    )
    if found:
        note("edge-seal memory accept ID|--all, edge-seal memory reject ID|--all")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that wait.")
@json_option
def accept(ids: tuple[str, ...], every: bool) -> None:
    """Remember what was proposed."""
    runtime = opened()
    kept = runtime.accept(_named(ids, every=every) or [item.id for item in runtime.proposals.list()])
    if wants_json():
        print_json({"memories": kept})
        return
    for memory in kept:
        note(f"remembered as {memory.id}: {shortened(memory.text)}")


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All that wait.")
@json_option
def reject(ids: tuple[str, ...], every: bool) -> None:
    """Take out what was proposed, for good."""
    proposals = opened().proposals
    chosen = _named(ids, every=every) or [item.id for item in proposals.list()]
    for proposal_id in chosen:
        proposals.reject(proposal_id)
    if wants_json():
        print_json({"rejected": chosen})
    else:
        note(f"{len(chosen)} rejected")


COMMANDS: Final = (contradictions, resolve, history, reopen, proposed, accept, reject)


def _named(ids: tuple[str, ...], *, every: bool) -> list[str]:
    if every == bool(ids):
        raise click.UsageError("name proposals, or give --all")
    return list(ids)


def _only_other(found: tuple[Contradiction, ...], one: str) -> str:
    others = [side.id for item in found for side in (item.first, item.second) if side.id != one]
    if len(others) != 1:
        named = ", ".join(others) or "nothing"
        raise ConfigError(f"{one} contradicts {named}: name the other one", next_step="edge-seal memory contradictions")
    return others[0]


def _about(item: Contradiction) -> str:
    return item.about if item.similarity is None else f"possible ({item.similarity:.2f} alike)"


def _side(item: Contradiction, which: int) -> str:
    memory = (item.first, item.second)[which]
    return f"{shortened(memory.text, 40)} [{memory.origin}]"


def _true(era: Era) -> tuple[str, str]:
    """Where no start was told, none is shown: it was true before it was told."""
    memory = era.memory
    start = "" if memory.valid_from in {memory.created_at, memory.valid_to} else memory.valid_from
    return (local_time(start) if start else "", local_time(memory.valid_to) if memory.valid_to else "")


def _learned(era: Era) -> tuple[str, str]:
    return local_time(era.memory.created_at), local_time(era.end_learned_at) if era.end_learned_at else ""
