"""Updates as a person looks at them: all of them in their order, one in full, and how it differs from its parent.

Everything is read from what is stored: rows, ledger, manifest, examples. Where something of it is gone (the update was
refused, a lesson was forgotten) or damaged, what is left is given, and the rest is empty.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from edge_seal.errors import IntegrityError
from edge_seal.records import GIVEN_ROLES, Example, LedgerEntry, ProbeOutcome, Role, State, Update
from edge_seal.runtime.learning import Learning
from edge_seal.runtime.values import UpdateRecord
from edge_seal.updates.audit import EVENT_PREFIX, event_of
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.ledger import body_of
from edge_seal.updates.lifecycle import REACHABLE
from edge_seal.updates.risk import Risk, risk_of

_NO_FIGURE: Final = math.nan


class Choice(StrEnum):
    """What a person can do with an update as it is."""

    APPROVE = "approve"
    REJECT = "reject"
    PROMOTE = "promote"
    ROLL_BACK = "roll back"
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the gate as it is stored: with what answered before, with the candidate, and what is allowed."""

    name: str
    before: float
    after: float
    bound: float
    passed: bool


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One update in the timeline.

    Attributes:
        changed_at: when the last thing about it was recorded.
        examples: how many it was trained or measured on; None: it was not trained.
        figures: the gate's, empty where it did not come to that.
        learned_forgotten: it learned something that was forgotten since.
        choices: what can be done with it now.
    """

    update: Update
    changed_at: str
    examples: int | None
    scale: float | None
    figures: tuple[Figure, ...]
    risk: Risk | None
    learned_forgotten: bool
    choices: frozenset[Choice]

    def after(self, name: str) -> float | None:
        """The figure `name` with the candidate; None where it was not measured."""
        return next((figure.after for figure in self.figures if figure.name == name), None)


@dataclass(frozen=True, slots=True)
class LimitTaken:
    """A limit of one update as it was then: `used` of `allowed`; `used` None: not recorded."""

    name: str
    used: float | None
    allowed: float


@dataclass(frozen=True, slots=True)
class SettingDifference:
    """A training setting that is not the parent's."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What an update has that its parent had not.

    Attributes:
        parent: its id; None: the base.
        known: whether both manifests are there to compare settings with.
        lessons: what was new in it.
        rehearsed: how many lessons from before were trained again.
        settings: those that differ.
    """

    parent: str | None
    known: bool
    lessons: tuple[Example, ...]
    rehearsed: int
    settings: tuple[SettingDifference, ...]


@dataclass(frozen=True, slots=True)
class UpdateDetail:
    """One update in full.

    Attributes:
        outcomes: what was held back, as the gate found it; nats are NaN where they are not known.
        training: what it was trained with, name and value; empty of an imported one.
        limits: what it was allowed to take, and took.
        problem: why its files or its record cannot be believed; None: they can, or there are none.
    """

    entry: TimelineEntry
    record: UpdateRecord
    outcomes: tuple[ProbeOutcome, ...]
    verdicts: tuple[str, ...]
    training: tuple[tuple[str, str], ...]
    limits: tuple[LimitTaken, ...]
    difference: Difference
    problem: str | None

    @property
    def approval(self) -> str | None:
        """The hash to approve it by, where it waits."""
        return self.record.approval


class Timeline(Learning):
    """Shows updates."""

    def timeline(self) -> tuple[TimelineEntry, ...]:
        """All updates, newest first."""
        with self.database.snapshot():
            entries = self._entries_by_update()
            marked = self.forgetting.marked()
            return tuple(
                _timeline_entry(update, entries.get(update.id, ()), forgotten=update.id in marked)
                for update in reversed(self.releases.list())
            )

    def update_detail(self, update_id: str) -> UpdateDetail:
        """One update in full.

        Raises:
            NotFound: there is none.
        """
        record = self.update_record(update_id)
        update, manifest = record.update, record.manifest or {}
        forgotten = update.id in self.forgetting.marked()
        entry = _timeline_entry(update, record.entries, forgotten=forgotten)
        return UpdateDetail(
            entry=entry,
            record=record,
            outcomes=_outcomes(_mapping(manifest.get("gate")).get("outcomes")),
            verdicts=tuple(str(reason) for reason in _sequence(manifest.get("verdicts"))),
            training=tuple((name, _words(value)) for name, value in _mapping(manifest.get("training")).items()),
            limits=_limits(manifest, entry),
            difference=self._difference(record),
            problem=self._problem(record),
        )

    def last_stage_seconds(self) -> dict[str, float]:
        """How long each stage of the newest trained update took, by stage; empty where there is none."""
        for entry in reversed(self.ledger.of_events(event_of(State.TRAINED))):
            seconds = _mapping(body_of(entry).get("seconds"))
            return {stage: found for stage, value in seconds.items() if (found := _number_or_none(value)) is not None}
        return {}

    def _entries_by_update(self) -> dict[str, list[LedgerEntry]]:
        entries: dict[str, list[LedgerEntry]] = {}
        for entry in self.ledger.of_events(EVENT_PREFIX):
            entries.setdefault(entry.subject, []).append(entry)
        return entries

    def _problem(self, record: UpdateRecord) -> str | None:
        update = record.update
        if update.adapter_sha256 is None or update.manifest_sha256 is None:
            return None
        return self.adapters.verify(update.adapter_sha256, update.manifest_sha256)

    def _difference(self, record: UpdateRecord) -> Difference:
        update = record.update
        lessons = tuple(example for example in record.examples if example.role in GIVEN_ROLES)
        rehearsed = sum(example.role is Role.REPLAY for example in record.examples)
        training = _mapping((record.manifest or {}).get("training"))
        before: Mapping[str, JsonValue] = {}
        if update.parent_id is not None:
            parent = self.releases.get(update.parent_id)
            if parent.adapter_sha256 is not None:
                with contextlib.suppress(IntegrityError):  # `audit verify` is who says so
                    manifest = self.adapters.manifest(parent.adapter_sha256, parent.manifest_sha256)
                    before = _mapping(manifest.get("training"))
        # What a run came to is no setting of it.
        results = {"steps", "tokens", "seconds", "stopped_because"}
        names = [name for name in {**before, **training} if name not in results] if before and training else []
        settings = tuple(
            SettingDifference(name, _words(before.get(name)), _words(training.get(name)))
            for name in names
            if before.get(name) != training.get(name)
        )
        return Difference(update.parent_id, bool(before and training), lessons, rehearsed, settings)


def _timeline_entry(update: Update, entries: Sequence[LedgerEntry], *, forgotten: bool) -> TimelineEntry:
    told: dict[str, JsonValue] = {}
    for entry in entries:
        told |= body_of(entry)
    measures = _sequence(told.get("measures"))
    return TimelineEntry(
        update=update,
        changed_at=entries[-1].at if entries else update.created_at,
        examples=_integer(told.get("examples_count")),
        scale=_number_or_none(told.get("scale")),
        figures=tuple(_figure(measure) for measure in measures if isinstance(measure, Mapping)),
        risk=risk_of(told.get("risk")),
        learned_forgotten=forgotten,
        choices=_choices(update, forgotten=forgotten),
    )


def _choices(update: Update, *, forgotten: bool) -> frozenset[Choice]:
    choices: set[Choice] = set()
    if update.state is State.AWAITING_APPROVAL:
        choices |= {Choice.APPROVE, Choice.REJECT}
    if update.state is State.CANARY:
        choices |= {Choice.PROMOTE, Choice.REJECT}
    if update.adapter_sha256 is not None:
        if update.state in REACHABLE - {State.ACTIVE}:
            choices.add(Choice.ROLL_BACK)
        if not forgotten:
            choices.add(Choice.EXPORT)
    return frozenset(choices)


# What is stored, as values -------------------------------------------------------------------------------------


def _figure(measure: Mapping[str, JsonValue]) -> Figure:
    return Figure(
        str(measure.get("name", "")),
        _number(measure.get("before")),
        _number(measure.get("after")),
        _number(measure.get("bound")),
        measure.get("passed") is True,
    )


def _outcomes(stored: JsonValue) -> tuple[ProbeOutcome, ...]:
    found: list[ProbeOutcome] = []
    for item in _sequence(stored):
        if not isinstance(item, Mapping):
            continue
        with contextlib.suppress(ValueError):  # of a role that is not known here
            found.append(
                ProbeOutcome(
                    prompt=str(item.get("prompt", "")),
                    answer=str(item.get("answer", "")),
                    role=Role(str(item.get("role"))),
                    signal_id=_text_or_none(item.get("signal")),
                    before_nats=_number(item.get("before_nats")),
                    after_nats=_number(item.get("after_nats")),
                    before_hit=item.get("before_hit") is True,
                    after_hit=item.get("after_hit") is True,
                    said_after=_text_or_none(item.get("said_after")),
                    said_before=_text_or_none(item.get("said_before")),
                )
            )
    return tuple(found)


def _limits(manifest: Mapping[str, JsonValue], entry: TimelineEntry) -> tuple[LimitTaken, ...]:
    training = _mapping(manifest.get("training"))
    used = {
        "steps_per_update": _number_or_none(training.get("steps")),
        "seconds_per_update": _number_or_none(training.get("seconds")),
        "examples_per_update": None if entry.examples is None else float(entry.examples),
    }
    return tuple(
        LimitTaken(name, used.get(name), _number(allowed)) for name, allowed in _mapping(manifest.get("limits")).items()
    )


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: JsonValue) -> Sequence[JsonValue]:
    return cast("Sequence[JsonValue]", value) if isinstance(value, list | tuple) else ()


def _words(value: JsonValue) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def _text_or_none(value: JsonValue) -> str | None:
    return None if value is None else str(value)


def _integer(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: JsonValue) -> float:
    """A figure as the ledger keeps it: decimal text."""
    try:
        return float(value) if isinstance(value, str | int | float) else _NO_FIGURE
    except ValueError:
        return _NO_FIGURE


def _number_or_none(value: JsonValue) -> float | None:
    number = _number(value)
    return None if math.isnan(number) else number
