"""One update in words, for its detail pane."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from textual.content import Content

from edge_seal.records import Example, ProbeOutcome, Role, State
from edge_seal.runtime.timeline import UpdateDetail
from edge_seal.tui.written import FAINT, NO, OK, Written, figure, local_time
from edge_seal.updates.ledger import body_of
from edge_seal.wording import counted

_ROLE_WORDS: Final = {
    Role.LESSON: "lessons",
    Role.REWORDING: "the lessons in other words",
    Role.CONTRAST: "contrasts: where the lessons do not apply",
    Role.LIKED: "answers that you liked",
    Role.DISLIKED: "answers that you disliked",
    Role.REPLAY: "rehearsed from earlier updates",
    Role.GENERAL: "general, so that the rest stays as it is",
    Role.PROBE: "held back: the lessons in words that were never trained",
    Role.NEIGHBOUR: "held back: near, and not to be answered with a lesson",
}
_LISTED: Final = 12
"""Examples of a role that are shown; there may be hundreds."""


def state_words(state: State) -> str:
    """A state as it stands in a list."""
    return state.value.replace("_", " ")


def update_text(detail: UpdateDetail) -> Content:
    """Everything there is to see of an update."""
    written = Written()
    _head(written, detail)
    _waiting(written, detail)
    _figures(written, detail)
    _answers(written, detail.outcomes)
    _held_back(written, detail.outcomes)
    _difference(written, detail)
    _examples(written, detail)
    _guardian(written, detail)
    _training(written, detail)
    _hashes(written, detail)
    _trail(written, detail)
    return written.content()


def _head(written: Written, detail: UpdateDetail) -> None:
    update = detail.entry.update
    since = local_time(detail.entry.changed_at, "%Y-%m-%d %H:%M:%S")
    written.head(f"{update.id}  {state_words(update.state)}  since {since}")
    written.pair("why", update.reason or "–")
    written.pair("on", update.parent_id or "the base model")
    if detail.entry.learned_forgotten:
        written.line("! it learned something that you forgot since: the next `learn` trains anew without it")
    if detail.problem is not None:
        written.line(f"! it cannot be believed: {detail.problem}")
    choices = ", ".join(sorted(choice.value for choice in detail.entry.choices))
    written.pair("you can", choices or "nothing with it")


def _waiting(written: Written, detail: UpdateDetail) -> None:
    risk = detail.record.risk or detail.entry.risk
    if risk is not None:
        written.head(f"Risk: {risk.score} of 100")
        for factor in risk.factors:
            written.line(f"{factor.points:>4}  {factor.reason}")
        if not risk.factors:
            written.line("typed, small, and near the base model")
    canary = detail.record.canary
    if canary is not None:
        written.head(f"On the canary since {local_time(canary.started_at)}")
        written.line(f"it answers {canary.design.share:.0%} of new conversations until they show enough")
        written.pair("candidate", canary.candidate.words).pair("incumbent", canary.incumbent.words)
        written.line(canary.words)
    if detail.approval is not None:
        written.head("Waits for you")
        written.line("approving lets exactly this answer, hashed anew:")
        written.line(detail.approval)


def _figures(written: Written, detail: UpdateDetail) -> None:
    if not detail.entry.figures:
        return
    written.head(f"Gate, at scale {figure(detail.entry.scale)}")
    written.line(f"     {'measure':<20} {'before':>9} {'after':>9} {'bound':>9}", FAINT)
    for item in detail.entry.figures:
        mark = OK if item.passed else NO
        written.text(
            f"{mark:>3}  {item.name:<20} {figure(item.before):>9} {figure(item.after):>9} {figure(item.bound):>9}"
        )


def _answers(written: Written, outcomes: Sequence[ProbeOutcome]) -> None:
    spoken = [item for item in outcomes if item.said_before is not None or item.said_after is not None]
    if not spoken:
        return
    written.head("Real answers, before and after")
    for item in spoken:
        written.line(f"? {item.prompt}")
        written.line(f"    before  {item.said_before if item.said_before is not None else '–'}")
        written.line(f"    after   {item.said_after if item.said_after is not None else '–'}")
        if item.role is Role.PROBE:
            written.line(f"    wanted  {item.answer}", FAINT)


def _held_back(written: Written, outcomes: Sequence[ProbeOutcome]) -> None:
    for role, title in ((Role.PROBE, "Probes"), (Role.NEIGHBOUR, "Neighbours")):
        found = [item for item in outcomes if item.role is role]
        if not found:
            continue
        hits = sum(item.after_hit for item in found)
        were = sum(item.before_hit for item in found)
        written.head(f"{title}: {were} → {hits} of {len(found)} said word for word (nats a token before → after)")
        for item in found:
            mark = "said " if item.after_hit else "     "
            nats = f"{figure(item.before_nats):>6} → {figure(item.after_nats):<6}"
            written.line(f"{mark} {nats}  {item.prompt} → {item.answer}")


def _difference(written: Written, detail: UpdateDetail) -> None:
    difference = detail.difference
    if not detail.record.examples:
        return
    written.head(f"Against its parent, {difference.parent or 'the base model'}")
    for lesson in difference.lessons:
        mark = "+" if lesson.role is Role.LESSON else f"+ {lesson.role}:"
        written.line(f"{mark} {lesson.prompt} → {lesson.answer}")
    written.line(
        f"= rehearsed: {counted(difference.rehearsed, 'lesson or wording', 'lessons and wordings')} from before"
    )
    if difference.known:
        for setting in difference.settings:
            written.line(f"± {setting.name}: {setting.before} → {setting.after}")
        if not difference.settings:
            written.line("= the same training settings")


def _examples(written: Written, detail: UpdateDetail) -> None:
    examples = detail.record.examples
    if not examples:
        return
    written.head(f"Examples: {len(examples)} (weight, origin, signal, made by)")
    order = list(_ROLE_WORDS)

    def place(example: Example) -> int:
        return order.index(example.role) if example.role in order else len(order)

    for role, group in groupby(sorted(examples, key=place), key=lambda example: example.role):
        members = list(group)
        written.line(f"{len(members)} {_ROLE_WORDS.get(role, role.value)}", FAINT)
        for example in members[:_LISTED]:
            about = ", ".join(filter(None, (example.origin.value, example.signal_id, example.derived_by)))
            written.line(f"  {example.weight:4.2g}  {example.prompt} → {example.answer}  ({about})")
        if len(members) > _LISTED:
            written.line(f"        and {len(members) - _LISTED} more", FAINT)


def _guardian(written: Written, detail: UpdateDetail) -> None:
    if detail.record.manifest is None:
        return
    written.head("Guardian")
    for reason in detail.verdicts:
        written.line(f"· {reason}")
    if not detail.verdicts:
        written.line("found nothing")


def _training(written: Written, detail: UpdateDetail) -> None:
    if detail.limits:
        written.head("Limits of this update")
        for limit in detail.limits:
            written.pair(limit.name, f"{figure(limit.used)} of {limit.allowed:g}", 24)
    if detail.training:
        written.head("Training")
        for name, value in detail.training:
            written.pair(name, value, 24)


def _hashes(written: Written, detail: UpdateDetail) -> None:
    update = detail.entry.update
    written.head("Hashes (SHA-256)")
    written.pair("model file", update.base_sha256, 10)
    written.pair("adapter", update.adapter_sha256 or "none kept", 10)
    written.pair("manifest", update.manifest_sha256 or "none kept", 10)


def _trail(written: Written, detail: UpdateDetail) -> None:
    written.head("Audit trail")
    for entry in detail.record.entries:
        reason = body_of(entry).get("reason")
        told = f"  {reason}" if isinstance(reason, str) and reason else ""
        at = local_time(entry.at, "%Y-%m-%d %H:%M:%S")
        written.line(f"{entry.seq:>5}  {at}  {entry.event}  by {entry.actor}{told}")
