"""`rollback` and the `updates` commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
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
    table,
    wants_json,
    yes_option,
)
from edge_seal.records import Example, LedgerEntry, State, Update

if TYPE_CHECKING:
    from edge_seal.runtime import UpdateRecord
    from edge_seal.updates.canary import CanaryReport
    from edge_seal.updates.canonical import JsonValue
    from edge_seal.updates.comparisons import Comparison


@click.command()
@click.argument("target", required=False)
@yes_option
@json_option
def rollback(target: str | None, yes: bool) -> None:
    """Take what was learned back: to the update before, to the update TARGET (u2), or to `base`.

    The next answer is that of the target, word for word. A rollback can be undone by rolling back to a later update.
    """
    runtime = opened()
    goal = f"to {target}" if target else "to the update before"
    if not confirmed(f"roll back {goal}?", yes=yes):
        return
    done = runtime.rollback(target)
    if wants_json():
        print_json(
            {
                "active": done.active.id if done.active else None,
                "before": done.before.id if done.before else None,
                "rolled_back": done.taken_back,
            }
        )
        return
    taken = f"; taken back: {', '.join(done.taken_back)}" if done.taken_back else ""
    note(f"{done.active.id if done.active else 'the base model'} answers now{taken}")


@click.group()
def updates() -> None:
    """What was learned: list, show, approve, promote, reject."""


@updates.command("list")
@json_option
def list_() -> None:
    """Every update, oldest first."""
    runtime = opened()
    found, marked = runtime.releases.list(), runtime.forgetting.marked()
    running = runtime.canaries.running()
    report = None if running is None else runtime.canaries.report(running.id)
    if wants_json():
        canary = None if running is None else {"update": running.id, **(_canary(report) or {})}
        print_json({"updates": found, "learned_what_was_forgotten": sorted(marked), "canary": canary})
        return
    table(
        [
            (
                item.id,
                _state(item, report),
                local_time(item.created_at),
                item.parent_id or "base",
                _reason(item, marked),
            )
            for item in found
        ],
        heading=("ID", "STATE", "SINCE", "ON", "REASON"),
    )


def _state(update: Update, canary: CanaryReport | None) -> str:
    if canary is None or canary.update_id != update.id:
        return update.state
    return f"{update.state} {canary.conversations}/{canary.design.most_conversations}"


def _reason(update: Update, marked: Collection[str]) -> str:
    learned_it = update.id in marked and update.adapter_sha256 is not None
    return f"learned what you forgot; {shortened(update.reason, 40)}" if learned_it else shortened(update.reason, 60)


@updates.command()
@click.argument("id")
@json_option
def show(id: str) -> None:  # noqa: A002  # the argument's name in the usage line
    """One update: what it learned, from whom, how it was measured, and its entries in the audit trail."""
    record = opened().update_record(id)
    if wants_json():
        print_json(
            {
                "update": record.update,
                "examples": record.examples,
                "manifest": record.manifest,
                "entries": [_entry(entry) for entry in record.entries],
                "risk": record.risk,
                "approval": record.approval,
                "canary": _canary(record.canary),
                "comparisons": record.comparisons,
            }
        )
        return
    _tell_all(record)
    if record.update.state is State.CANARY:
        note(f"let it answer everybody: edge-seal updates promote {record.update.id}")
        note(f"take it back: edge-seal updates reject {record.update.id}")
    if record.approval is not None:
        note(f"approve it: edge-seal updates approve {record.update.id} --hash {record.approval[:16]}")
        note(f"reject it:  edge-seal updates reject {record.update.id}")
    if record.entries:
        say("audit trail:")
        for entry in record.entries:
            say(f"  {entry.seq}  {local_time(entry.at)}  {entry.event}  by {entry.actor}")


def _canary(report: CanaryReport | None) -> dict[str, object] | None:
    if report is None:
        return None
    design = {"share": report.design.share, "most_conversations": report.design.most_conversations}
    return {"started_at": report.started_at, "is_over": report.is_over, **design, **report.as_json()}


def _entry(entry: LedgerEntry) -> dict[str, object]:
    try:
        body: object = json.loads(entry.body)
    except ValueError:  # damaged: `audit verify` names it
        body = entry.body
    return {"seq": entry.seq, "at": entry.at, "actor": entry.actor, "event": entry.event, "body": body}


def _tell(update: Update) -> None:
    say(f"{update.id}: {update.state}, since {local_time(update.created_at)}, on {update.parent_id or 'base'}")
    if update.reason:
        say(f"reason: {update.reason}")
    say(f"model:    {update.base_sha256}")
    if update.adapter_sha256:
        say(f"adapter:  {update.adapter_sha256}")
        say(f"manifest: {update.manifest_sha256}")


def _tell_origin(manifest: Mapping[str, JsonValue] | None) -> None:
    """Where an imported adapter came from; nothing for one that was trained here."""
    imported = None if manifest is None else manifest.get("imported")
    if not isinstance(imported, Mapping):
        return
    say(f"imported ({imported.get('format')}): nobody here saw what it was trained on")
    files = imported.get("files")
    for file in files if isinstance(files, list | tuple) else ():
        if isinstance(file, Mapping):
            say(f"  {file.get('sha256')}  {shortened(str(file.get('name')), 60)}")


def _tell_examples(examples: Iterable[Example]) -> None:
    for example in examples:
        origin = f"{example.origin}{f', {example.signal_id}' if example.signal_id else ''}, {example.derived_by}"
        say(f"  {example.role:<9} {shortened(example.prompt, 60)} → {shortened(example.answer, 60)}  ({origin})")


def _tell_all(record: UpdateRecord) -> None:
    """What a person needs to judge an update: what it learned and from whom, the verdicts, before and after."""
    _tell(record.update)
    if record.approval is not None:
        say(f"approval: {record.approval}")
    if record.risk is not None:
        say(f"risk:     {record.risk.words}")
    _tell_origin(record.manifest)
    _tell_sources(record.manifest)
    _tell_examples(record.examples)
    _tell_verdicts(record.manifest)
    _tell_comparisons(record.comparisons)
    if record.canary is not None:
        _tell_canary(record.canary)


def _tell_sources(manifest: Mapping[str, JsonValue] | None) -> None:
    """What was not typed, by its source."""
    for signal in _listed(manifest, "signals"):
        if signal.get("origin") not in {None, "typed"}:
            source = f": {shortened(str(signal.get('source')), 60)}" if signal.get("source") else ""
            say(f"not typed: {signal.get('id')}, from a {signal.get('origin')}{source}")


def _tell_verdicts(manifest: Mapping[str, JsonValue] | None) -> None:
    """The guardian's findings and the gate's figures, before and after."""
    findings = None if manifest is None else manifest.get("verdicts")
    for finding in findings if isinstance(findings, list | tuple) else ():
        say(f"guardian: {shortened(str(finding), 100)}")
    gate = (manifest or {}).get("gate")
    if isinstance(gate, Mapping):
        say(f"gate: {'passed' if gate.get('passed') else 'not passed'}, at scale {gate.get('scale')}")
        table(
            [
                (
                    "  ok" if measure.get("passed") else "  NO",
                    str(measure.get("name")),
                    f"{measure.get('before')} → {measure.get('after')}",
                    f"bound {measure.get('bound')}",
                )
                for measure in _listed(gate, "measures")
            ],
            heading=("", "MEASURE", "BEFORE → AFTER", "BOUND"),
        )


def _tell_comparisons(compared: Sequence[Comparison]) -> None:
    """What was said before and after, where it differs."""
    for kind, words in (("held_back", "questions of the gate"), ("past", "questions you asked before")):
        of_kind = [item for item in compared if item.kind == kind]
        if of_kind:
            differing = [item for item in of_kind if item.differs]
            say(f"{words}: {len(differing)} of {len(of_kind)} answered otherwise")
            for item in differing:
                say(f"  {shortened(item.prompt, 100)}")
                say(f"    before: {shortened(item.before, 100) or '(nothing)'}")
                say(f"    after:  {shortened(item.after, 100) or '(nothing)'}")


def _tell_canary(report: CanaryReport) -> None:
    say(f"canary: since {local_time(report.started_at)}, {report.design.share:g} of new conversations")
    say(f"  candidate: {report.candidate.words}")
    say(f"  incumbent: {report.incumbent.words}")
    say(f"  {report.words}")


def _listed(manifest: Mapping[str, JsonValue] | None, key: str) -> list[Mapping[str, JsonValue]]:
    """The objects in a list of the manifest."""
    listed = None if manifest is None else manifest.get(key)
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list | tuple) else []


_HASH_HELP = "Only if this is (the beginning of, 12 digits or more) its approval hash, as `updates show` has it."


@updates.command()
@click.argument("id")
@click.option("--hash", "approval", metavar="HASH", help=_HASH_HELP)
@click.option("--sha256", metavar="HASH", help="Only if the adapter's own hash begins with this, 12 digits or more.")
@click.option(
    "--canary/--no-canary", default=None, help="First on the canary, or for everybody now; else as it is set."
)
@yes_option
@json_option
def approve(id: str, approval: str | None, sha256: str | None, canary: bool | None, yes: bool) -> None:  # noqa: A002
    """Let an update answer that waits for you.

    You approve a hash: of the model file, the update it builds on, the adapter, its manifest and its examples. All of
    it is hashed anew before it answers, and refused if it is not what you saw. A terminal shows it and asks; elsewhere
    --hash or --sha256 has to name it.
    """
    runtime = opened()
    update = runtime.releases.get(id)
    if not yes and not wants_json() and asks_a_person():
        record = runtime.update_record(update.id)
        _tell_all(record)
        # What is asked about is what is applied.
        approval = approval or record.approval
        if not confirmed(f"approve {update.id} with the hash {approval}?", yes=False):
            return
    elif approval is None and sha256 is None:
        raise click.UsageError(f"name what you approve with --hash: edge-seal updates show {update.id} has it")
    done = runtime.approve(update.id, approval=approval, adapter_sha256=sha256, canary=canary)
    if wants_json():
        print_json({"update": done})
    elif done.state is State.CANARY:
        note(f"{done.id} is on the canary: it answers {runtime.settings.canary.share:g} of new conversations")
        note(f"how it goes: edge-seal updates show {done.id}")
    else:
        note(f"{done.id} answers now; `edge-seal rollback` takes it back")


@updates.command()
@click.argument("id")
@yes_option
@json_option
def promote(id: str, yes: bool) -> None:  # noqa: A002
    """Let an update that is on the canary answer everybody now."""
    runtime = opened()
    if not confirmed(f"promote {id}?", yes=yes):
        return
    done = runtime.promote(id)
    if wants_json():
        print_json({"update": done})
    else:
        note(f"{done.id} answers now; `edge-seal rollback` takes it back")


@updates.command()
@click.argument("id")
@click.option("--hash", "approval", metavar="HASH", help=_HASH_HELP)
@yes_option
@json_option
def reject(id: str, approval: str | None, yes: bool) -> None:  # noqa: A002
    """End an update that waits for you, or is on the canary.

    Of one that waits, the examples, the adapter and the words of its lessons go. One on the canary is taken back, and
    its lessons are dropped.
    """
    runtime = opened()
    on_canary = runtime.releases.get(id).state is State.CANARY
    what = (
        "It is taken back, and its lessons are dropped." if on_canary else "Its examples and its adapter are removed."
    )
    if not confirmed(f"reject {id}? {what}", yes=yes):
        return
    done = runtime.reject(id, approval=approval)
    if wants_json():
        print_json({"update": done})
    else:
        note(f"{done.id} is {'taken back' if on_canary else 'rejected'}")
