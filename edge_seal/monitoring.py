"""How the assistant does over time: observations, series of them, control limits, alerts. No text of anybody.

What other rows tell exactly is read from them: thumbs and corrections from signals, seconds from turns, drift and the
guardian's findings from the ledger, costs from the cycles' rows. Two things would be lost and are stored as samples
when an answer is given: whether it refused (its words may be forgotten later), and whether it said what the memories
say (they may change). A sample goes with its turn.

Alerts are raised by batches of observations, each judged once against those before it. Nothing is judged of answers
whose correction may still come: the newest `SETTLING` turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from edge_seal.clock import parse_timestamp, timestamp
from edge_seal.config import MonitoringSettings
from edge_seal.errors import NotFound
from edge_seal.records import Alert, MonitoredPoint, MonitoredSeries
from edge_seal.storage.database import Database, SqlValue
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.control_limits import (
    Bounds,
    ControlVerdict,
    Counts,
    Worse,
    figure_bounds,
    judge_figure,
    judge_share,
    share_bounds,
)
from edge_seal.updates.ledger import Ledger, body_of

SETTLING: Final = 5
BASELINE_BATCHES: Final = 10
LEAST_BATCHES: Final = 2
HOURLY_WITHIN: Final = timedelta(days=2)

Kind = Literal["share", "seconds", "figure", "count"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One of a metric: its number (rising), when it was, and what it was: 1 or 0 for a share."""

    number: int
    at: str
    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """Something that is watched. `noun` names what is counted; `worse` None: it is shown and never judged."""

    name: str
    title: str
    kind: Kind
    unit: str
    noun: str
    worse: Worse | None


METRICS: Final = (
    Metric("satisfaction", "answers with a thumb up, of those with a thumb", "share", "share", "thumbs", "lower"),
    Metric("corrections", "answers that were corrected", "share", "share", "answers", "higher"),
    Metric(
        "unsupported", "answers that state otherwise than memory", "share", "share", "answers from memory", "higher"
    ),
    Metric("refusals", "answers that refuse", "share", "share", "answers", "higher"),
    Metric("latency", "seconds to the first word of an answer", "seconds", "seconds", "answers", "higher"),
    Metric("drift", "how far updates moved general answers", "figure", "nats a token", "updates", "higher"),
    Metric("guardian_hits", "findings of the guardian in lessons, memories and updates", "count", "findings", "", None),
    Metric("updates", "updates that were trained, by which limits count", "count", "updates", "updates", None),
    Metric("cpu_seconds", "processor seconds of learning", "count", "seconds", "cycles", None),
)
_BY_NAME: Final = {metric.name: metric for metric in METRICS}
# Of turns only those that a model answered: commands are obeyed, and an answer may not have come about.
_QUERIES: Final = {
    "satisfaction": "SELECT id, created_at, kind = 'good' FROM signals WHERE kind IN ('good', 'bad') AND id > ?",
    "corrections": (
        "SELECT id, created_at, EXISTS (SELECT 1 FROM signals WHERE turn_id = turns.id AND kind = 'correction')"
        " FROM turns WHERE json_extract(timing, '$.answer_tokens') > 0 AND id > ?"
    ),
    "latency": (
        "SELECT id, created_at, json_extract(timing, '$.first_token_s')"
        " FROM turns WHERE json_extract(timing, '$.answer_tokens') > 0 AND id > ?"
    ),
    "cpu_seconds": "SELECT id, at, cpu_s FROM learning_runs WHERE id > ?",
    "unsupported": "SELECT id, at, value FROM samples WHERE metric = 'unsupported' AND id > ?",
    "refusals": "SELECT id, at, value FROM samples WHERE metric = 'refusals' AND id > ?",
}


class Monitoring:
    """What is watched in one home."""

    def __init__(self, database: Database, ledger: Ledger, settings: MonitoringSettings) -> None:
        self._database = database
        self._ledger = ledger
        self._settings = settings

    # Observations -----------------------------------------------------------------------------------------

    def sample(self, metric: str, value: float, at: str, turn_id: str) -> None:
        """Keeps one observation of an answer."""
        self._database.execute(
            "INSERT INTO samples (at, metric, value, turn_id) VALUES (?, ?, ?, ?)",
            (at, metric, value, int(turn_id.removeprefix("t"))),
        )

    def observations(self, metric: Metric, after: int = 0) -> tuple[Observation, ...]:
        """The observations with a number above `after`, oldest first."""
        if metric.name in _OF_LEDGER:
            return tuple(one for one in self._of_ledger(*_OF_LEDGER[metric.name]) if one.number > after)
        rows = self._database.rows(_QUERIES[metric.name] + " ORDER BY id", (after,))
        return tuple(Observation(_integer(row[0]), str(row[1]), _number(row[2])) for row in rows)

    def _of_ledger(
        self, events: Sequence[str], told: Callable[[str, dict[str, JsonValue]], float | None]
    ) -> Iterator[Observation]:
        entries = (entry for event in events for entry in self._ledger.of_events(event))
        for entry in sorted(entries, key=lambda entry: entry.seq):
            value = told(entry.event, body_of(entry))
            if value is not None:
                yield Observation(entry.seq, entry.at, value)

    # Series -----------------------------------------------------------------------------------------------

    def series(self, since: datetime, now: datetime) -> tuple[MonitoredSeries, ...]:
        """Every metric from `since` to `now`: a point a day, or an hour where it is two days or less."""
        width = 13 if now - since <= HOURLY_WITHIN else 10  # of a stored time: to the hour, or to the day
        return tuple(self._series(metric, timestamp(since), width) for metric in METRICS)

    def _series(self, metric: Metric, since: str, width: int) -> MonitoredSeries:
        known = self.observations(metric)
        points = _points((one for one in known if one.at >= since), width, metric)
        bounds = self._bounds(metric, known)
        return MonitoredSeries(
            metric.name,
            metric.title,
            metric.unit,
            points,
            usual=None if bounds is None else bounds.usual,
            lower=None if bounds is None or math.isinf(bounds.lower) else bounds.lower,
            upper=None if bounds is None or math.isinf(bounds.upper) else bounds.upper,
        )

    def _bounds(self, metric: Metric, known: Sequence[Observation]) -> Bounds | None:
        """Of the next batch; None where there is too little to tell, or nothing is judged."""
        batch = self._batch(metric)
        baseline = known[-BASELINE_BATCHES * batch :]
        if metric.worse is None or len(baseline) < self._least(metric):
            return None
        if metric.kind == "share":
            return share_bounds(_counts(baseline), batch, self._settings.false_alarms)
        found = figure_bounds(_scaled(metric, baseline), batch, self._settings.false_alarms)
        return found if metric.kind == "figure" else Bounds(*(10**x for x in (found.lower, found.usual, found.upper)))

    # Alerts -----------------------------------------------------------------------------------------------

    def look(self, now: datetime) -> None:
        """Judges what has come since the last look, raises alerts, and lets go of what is too old to be kept."""
        with self._database.transaction():
            for metric in METRICS:
                if metric.worse is not None:
                    self._look_at(metric, metric.worse, timestamp(now))
            too_old = timestamp(now - timedelta(days=self._settings.retention_days))
            self._database.execute("DELETE FROM samples WHERE at < ?", (too_old,))
            self._database.execute("DELETE FROM alerts WHERE at < ? AND acknowledged_at IS NOT NULL", (too_old,))

    def _look_at(self, metric: Metric, worse: Worse, now: str) -> None:
        row = self._database.row("SELECT through FROM control_marks WHERE metric = ?", (metric.name,))
        through = 0 if row is None else _integer(row[0])
        batch = self._batch(metric)
        fresh = self.observations(metric, through)
        if metric.name == "corrections":
            fresh = fresh[: max(0, len(fresh) - SETTLING)]
        if len(fresh) < batch:
            return
        known = self.observations(metric)
        before = [one for one in known if one.number <= through]
        for start in range(0, len(fresh) - batch + 1, batch):
            recent = fresh[start : start + batch]
            baseline = [*before, *fresh[:start]][-BASELINE_BATCHES * batch :]
            through = recent[-1].number
            if len(baseline) < self._least(metric):
                continue
            verdict = self._judged(metric, worse, baseline, recent)
            if verdict.left_its_limits:
                self._raise(metric, verdict, worse, now)
        self._database.execute(
            "INSERT INTO control_marks (metric, through) VALUES (?, ?)"
            " ON CONFLICT (metric) DO UPDATE SET through = excluded.through",
            (metric.name, through),
        )

    def _judged(
        self, metric: Metric, worse: Worse, baseline: Sequence[Observation], recent: Sequence[Observation]
    ) -> ControlVerdict:
        chance = self._settings.false_alarms
        if metric.kind == "share":
            return judge_share(_counts(baseline), _counts(recent), worse=worse, false_alarm=chance)
        return judge_figure(_scaled(metric, baseline), _scaled(metric, recent), worse=worse, false_alarm=chance)

    def _raise(self, metric: Metric, verdict: ControlVerdict, worse: Worse, now: str) -> None:
        bound = verdict.bounds.upper if worse == "higher" else verdict.bounds.lower
        figures = [verdict.value, verdict.bounds.usual, bound]
        if metric.kind == "seconds":
            figures = [10**figure for figure in figures]
        self._database.execute(
            "INSERT INTO alerts (at, metric, value, n, usual, bound) VALUES (?, ?, ?, ?, ?, ?)",
            (now, metric.name, figures[0], verdict.n, figures[1], figures[2]),
        )

    def alerts(self, *, acknowledged: bool = False, since: str = "") -> tuple[Alert, ...]:
        """The open alerts, oldest first; with `acknowledged` those too that were acknowledged, since `since`."""
        rows = self._database.rows(
            "SELECT id, at, metric, value, n, usual, bound, acknowledged_at FROM alerts"
            " WHERE acknowledged_at IS NULL OR (? AND at >= ?) ORDER BY id",
            (int(acknowledged), since),
        )
        return tuple(_alert(row) for row in rows)

    def acknowledge(self, alert_ids: Sequence[str], now: str) -> tuple[Alert, ...]:
        """Acknowledges open alerts (all, where none is named) and gives them.

        Raises:
            NotFound: one of them is not open.
        """
        with self._database.transaction():
            waiting = {alert.id: alert for alert in self.alerts()}
            for alert_id in alert_ids:
                if alert_id not in waiting:
                    raise NotFound(f"no alert {alert_id} is open", next_step="edge-seal monitor")
            chosen = [waiting[alert_id] for alert_id in dict.fromkeys(alert_ids)] if alert_ids else waiting.values()
            for alert in chosen:
                self._database.execute(
                    "UPDATE alerts SET acknowledged_at = ? WHERE id = ?", (now, int(alert.id.removeprefix("a")))
                )
            return tuple(chosen)

    # Inside -----------------------------------------------------------------------------------------------

    def _batch(self, metric: Metric) -> int:
        # An update is rare enough to be judged by itself.
        return 1 if metric.kind == "figure" else self._settings.batch

    def _least(self, metric: Metric) -> int:
        return 8 if metric.kind == "figure" else LEAST_BATCHES * self._settings.batch


# Words and figures ----------------------------------------------------------------------------------------


def words_of(metric: str, value: float, n: int, usual: float, bound: float) -> str:
    """An alert for people."""
    known = _BY_NAME.get(metric)
    if known is None:
        return f"{metric} left its limits: {value:.3g}, usually {usual:.3g}, bound {bound:.3g}"
    if known.kind == "share":
        told = f"{value:.0%} of {n} {known.noun}, usually {usual:.0%}; up to {bound:.0%} would be chance"
        if known.worse == "lower":
            told = told.replace("up to", "down to")
    else:
        told = f"{value:.3g} {known.unit} over {n} {known.noun}, usually {usual:.3g}; up to {bound:.3g} would be chance"
    return f"{metric} ({known.title}): {told}"


def _alert(row: Sequence[SqlValue]) -> Alert:
    number, at, metric, value, n, usual, bound, acknowledged_at = row
    figures = (_number(value), _integer(n), _number(usual), _number(bound))
    return Alert(
        f"a{number}",
        str(at),
        str(metric),
        *figures,
        words=words_of(str(metric), *figures),
        acknowledged_at=None if acknowledged_at is None else str(acknowledged_at),
    )


def _points(observations: Iterable[Observation], width: int, metric: Metric) -> tuple[MonitoredPoint, ...]:
    buckets: dict[str, list[Observation]] = {}
    for one in observations:
        buckets.setdefault(one.at[:width], []).append(one)
    found: list[MonitoredPoint] = []
    for bucket in sorted(buckets):
        values = [one.value for one in buckets[bucket]]
        total = math.fsum(values)
        # Of what adds up the sum is the figure of a day; of all else the mean.
        value = total if metric.kind == "count" else total / len(values)
        found.append(MonitoredPoint(buckets[bucket][-1].at, value, len(values)))
    return tuple(found)


def _counts(observations: Sequence[Observation]) -> Counts:
    return Counts(sum(one.value > 0 for one in observations), len(observations))


def _scaled(metric: Metric, observations: Sequence[Observation]) -> list[float]:
    """Seconds by their logarithms: they are skewed, and twice as slow is as far as half."""
    if metric.kind != "seconds":
        return [one.value for one in observations]
    return [math.log10(max(one.value, 1e-3)) for one in observations]


def _drift(_: str, body: dict[str, JsonValue]) -> float | None:
    measures = body.get("measures")
    for measure in measures if isinstance(measures, list) else ():
        if isinstance(measure, dict) and measure.get("name") == "anchor_drift":
            try:
                return float(str(measure.get("after")))
            except ValueError:
                return None
    return None


def _findings(event: str, body: dict[str, JsonValue]) -> float | None:
    if event == "update.cleared":
        return _length(body.get("findings"))
    if event == "update.rejected":
        return _length(body.get("signals_refused")) or None
    return 1.0


def _length(value: JsonValue) -> float:
    return float(len(value)) if isinstance(value, list) else 0.0


def _one(_: str, _body: dict[str, JsonValue]) -> float:
    return 1.0


_REFUSALS: Final = ("memory.asked", "memory.masked", "memory.refused", "signal.refused")
# For each figure that the ledger tells: from which entries, and what each says.
_OF_LEDGER: Final[Mapping[str, tuple[Sequence[str], Callable[[str, dict[str, JsonValue]], float | None]]]] = {
    "drift": (("update.gated",), _drift),
    "guardian_hits": (("update.cleared", "update.rejected", *_REFUSALS), _findings),
    "updates": (("update.trained",), _one),
}


def since_of(text: str, now: datetime) -> datetime:
    """The time that `30d`, `12h` or a stored time names, as of `now`.

    Raises:
        ValueError: it names none.
    """
    unit = {"h": "hours", "d": "days", "w": "weeks"}.get(text[-1:])
    if unit is not None and text[:-1].isdecimal() and len(text) < 6:
        return now - timedelta(**{unit: int(text[:-1])})
    return parse_timestamp(text)


def _number(value: SqlValue) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _integer(value: SqlValue) -> int:
    return value if isinstance(value, int) else 0
