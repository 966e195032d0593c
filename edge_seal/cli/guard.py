"""`guard scan`: the guardian's findings on any text."""

from __future__ import annotations

import click

from edge_seal.cli.output import chosen_home, json_option, note, opened, print_json_line, read_text, say, wants_json


@click.group()
def guard() -> None:
    """What the guardian finds in a text."""


@guard.command()
@click.argument("file", default="-")
@click.option(
    "--purpose",
    type=click.Choice(["train", "remember", "show"]),
    default="train",
    show_default=True,
    help="What the text would be used for.",
)
@json_option
def scan(file: str, purpose: str) -> None:
    """What the guardian finds in FILE (`-`, or nothing, is stdin), and what each finding leads to.

    It is judged by this profile's `data_policy`. With --json one object a line and finding. Findings quote nothing that
    was found; one that leads to `allow` is advisory. The exit code is 0 whether or not there are any: nothing was asked
    to be kept.
    """
    text = read_text(file)
    from edge_seal.adaptation.admission import policy_from
    from edge_seal.adaptation.guardian import Purpose, judge
    from edge_seal.config import load_settings

    policy = policy_from(load_settings(chosen_home().config_file).data_policy)
    verdict = judge(text, purpose=Purpose(purpose), policy=policy)
    for finding in verdict.findings:
        if wants_json():
            print_json_line(finding)
        else:
            line = text.count("\n", 0, finding.start) + 1
            say(f"line {line}: {finding.action}: {finding.rule}: {finding.reason} [{finding.excerpt}]")
    if not wants_json():
        note(f"to {purpose}: {verdict.action}")


@guard.command()
@json_option
def events() -> None:
    """What the guardian, the gate and you decided, oldest first: read out of the audit trail.

    With --json one object a line, in a form modelled on the Agent Control Standard (docs/governance.md). An event holds
    rules, reasons and ids, never a text.
    """
    from edge_seal.updates.decisions import decisions

    for decision in decisions(opened().ledger.entries()):
        if wants_json():
            print_json_line(decision)
        else:
            why = f": {', '.join(decision.rules)}" if decision.rules else ""
            say(f"{decision.at} {decision.hook} {decision.subject}: {decision.decision} by {decision.actor}{why}")
