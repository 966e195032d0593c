"""How risky an update is: points out of a hundred, each with its reason, from what is known before it may answer.

Pure arithmetic over values. The points are a policy and no probability: they are chosen so that lessons that were typed
and cleared stay far below the default threshold, so that one grave reason crosses it, and so that several slight ones
do together (docs/release.md has the table). No reason quotes a text; it may name a rule of the guardian.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final, cast

from edge_seal.records import GIVEN_ROLES, TRAINED_ROLES, Action, Example, GateReport, Origin, Role, Verdict
from edge_seal.updates.canonical import JsonValue

MOST: Final = 100

# What a text is worth suspecting that the user did not type, by where it came from.
_TAINT: Final = {
    Origin.TYPED: 0,
    Origin.PASTED: 30,
    Origin.FILE: 40,
    Origin.DOCUMENT: 40,
    Origin.MODEL: 40,
    Origin.TOOL: 50,
}
_IMPORTED: Final = 60
# Each rule of the guardian that fired, by what it led to; an allowed one is advisory.
_FINDING: Final = {Action.ALLOW: 10, Action.REDACT: 10, Action.QUARANTINE: 15, Action.BLOCK: 25}
_FINDINGS_AT_MOST: Final = 40
_DRIFT: Final = 25
# So many lessons in one update are usual for one sitting; from there on points grow to `_SIZE` at four times as many.
_USUAL_LESSONS: Final = 24
_SIZE: Final = 15
# The root mean square of a weight's change: two lessons move the default model by 0.006 (docs/log.md).
_USUAL_CHANGE: Final = 8e-3
_CHANGE: Final = 15


@dataclass(frozen=True, slots=True)
class RiskFactor:
    """One reason: what it is about, the points it adds, and the words for a person."""

    name: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Risk:
    """The score, 0 to 100, and the reasons, the gravest first."""

    score: int
    factors: tuple[RiskFactor, ...] = ()

    @property
    def words(self) -> str:
        """The score with its reasons, in one line."""
        told = "; ".join(f"{factor.reason} ({factor.points})" for factor in self.factors)
        return f"{self.score} of {MOST}: {told or 'typed, small, and near the base model'}"

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in the manifest and in the ledger."""
        return {
            "score": self.score,
            "factors": [{"name": f.name, "points": f.points, "reason": f.reason} for f in self.factors],
        }


def assess(
    examples: Sequence[Example],
    verdicts: Iterable[Verdict],
    gate: GateReport,
    *,
    change_rms: float | None = None,
    imported: bool = False,
) -> Risk:
    """The risk of an update that was trained on `examples` and passed `gate`.

    Args:
        examples: those trained on; held-back ones may be among them and say nothing.
        verdicts: the guardian's, of what was left out too: a batch that held a secret is no ordinary one.
        change_rms: the root mean square, over all adapted weights, of their change against what answers now.
        imported: it was trained elsewhere, so nobody here saw its examples.
    """
    factors = [
        *_of_taint(examples),
        *_of_findings(verdicts),
        *_of_drift(gate),
        *_of_size(examples, change_rms),
    ]
    if imported:
        factors.append(RiskFactor("imported", _IMPORTED, "it was trained elsewhere, on nobody here knows what"))
    kept = sorted((factor for factor in factors if factor.points > 0), key=lambda factor: -factor.points)
    return Risk(min(MOST, sum(factor.points for factor in kept)), tuple(kept))


def risk_of(stored: object) -> Risk | None:
    """The risk that a manifest or a ledger's body holds; None where it holds none, or something else."""
    if not isinstance(stored, Mapping):
        return None
    told = cast("Mapping[str, object]", stored)
    score, listed = told.get("score"), told.get("factors")
    if not isinstance(score, int) or not isinstance(listed, list | tuple):
        return None
    factors: list[RiskFactor] = []
    for item in cast("Sequence[object]", listed):
        if isinstance(item, Mapping):
            factor = cast("Mapping[str, object]", item)
            points = factor.get("points")
            name, reason = str(factor.get("name", "")), str(factor.get("reason", ""))
            factors.append(RiskFactor(name, points if isinstance(points, int) else 0, reason))
    return Risk(score, tuple(factors))


def _of_taint(examples: Sequence[Example]) -> list[RiskFactor]:
    trained = [example for example in examples if example.role in TRAINED_ROLES and example.role is not Role.GENERAL]
    # Replayed examples were let in before; what is new is what is judged.
    new = [example for example in trained if example.role is not Role.REPLAY and example.signal_id is not None]
    foreign = [example for example in new if example.origins != frozenset({Origin.TYPED})]
    if not foreign:
        return []
    found = {origin for example in foreign for origin in example.origins} - {Origin.TYPED}
    origins = sorted(found, key=lambda origin: (-_TAINT[origin], origin))
    reason = f"{len(foreign)} of {len(new)} examples go back to a text you did not type ({', '.join(origins)})"
    return [RiskFactor("taint", _TAINT[origins[0]], reason)]


def _of_findings(verdicts: Iterable[Verdict]) -> list[RiskFactor]:
    strictest: dict[str, Action] = {}
    for verdict in verdicts:
        for finding in verdict.findings:
            # Where a text came from is counted as taint, not twice.
            if finding.rule.startswith("origin."):
                continue
            before = strictest.get(finding.rule, Action.ALLOW)
            strictest[finding.rule] = max(before, finding.action, key=_FINDING.__getitem__)
    if not strictest:
        return []
    points = min(_FINDINGS_AT_MOST, sum(_FINDING[action] for action in strictest.values()))
    return [RiskFactor("policy", points, f"the guardian found {', '.join(sorted(strictest))}")]


def _of_drift(gate: GateReport) -> list[RiskFactor]:
    for measure in gate.measures:
        if measure.name == "anchor_drift" and measure.bound > 0:
            used = _share(measure.after / measure.bound)
            reason = f"answers to general questions moved {measure.after:.2g} of {measure.bound:.2g} nats allowed"
            return [RiskFactor("drift", round(_DRIFT * used), reason)]
    return []


def _of_size(examples: Sequence[Example], change_rms: float | None) -> list[RiskFactor]:
    lessons = sum(example.role in GIVEN_ROLES for example in examples)
    factors = [
        RiskFactor(
            "examples",
            round(_SIZE * _share((lessons - _USUAL_LESSONS) / (3 * _USUAL_LESSONS))),
            f"{lessons} lessons at once",
        )
    ]
    if change_rms is not None:
        points = round(_CHANGE * _share(change_rms / _USUAL_CHANGE - 1))
        factors.append(RiskFactor("weights", points, f"each weight moved by {change_rms:.2g} (root mean square)"))
    return factors


def _share(value: float) -> float:
    """`value` between 0 and 1; what is no number counts as the worst."""
    return min(1.0, max(0.0, value)) if isfinite(value) else 1.0
