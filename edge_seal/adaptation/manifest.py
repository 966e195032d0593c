"""What of an update is written down: its manifest, whose hash the trail holds, and figures for the audit trail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from edge_seal import __version__
from edge_seal.adaptation.guardian import Verdicts
from edge_seal.adaptation.training import TrainingReport
from edge_seal.adaptation.work import Work
from edge_seal.config import LimitSettings, Settings
from edge_seal.records import Example, GateReport, Role, Update
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.forgetting import SALT_BYTES


def manifest(
    update: Update,
    work: Work,
    cleared: Sequence[Example],
    verdicts: Verdicts,
    report: GateReport,
    training: TrainingReport,
    *,
    settings: Settings,
    created_at: str,
) -> Mapping[str, JsonValue]:
    learning = settings.learning
    return {
        "format": "edge-seal-patch/1",
        # Against who tries texts for the hash in the ledger, once lessons were forgotten and taken out of here.
        "salt": secrets.token_hex(SALT_BYTES),
        "created_at": created_at,
        "update": update.id,
        "parent": update.parent_id,
        "base_sha256": update.base_sha256,
        "edge_seal_version": __version__,
        "training": {
            "rank": learning.rank,
            "alpha": figure(learning.alpha),
            "layers": learning.layers,
            "projections": list(learning.projections),
            "rate": figure(learning.rate),
            "rate_b_ratio": figure(learning.rate_b_ratio),
            "first_token_weight": figure(learning.first_token_weight),
            "pair_objective": learning.pair_objective,
            "pair_weight": figure(learning.pair_weight),
            "steps": training.steps,
            "tokens": training.tokens,
            "seconds": figure(training.seconds),
            "stopped_because": training.stopped_because,
        },
        "limits": _limits(settings.limits),
        "gate": {
            "scale": figure(report.scale),
            "passed": report.passed,
            "measures": measures(report),
            "outcomes": _outcomes(report),
        },
        "verdicts": [*verdicts.reasons, *verdicts.advisories],
        "risk": work.risk.as_json(),
        "signals": [
            {
                "id": signal.id,
                "kind": signal.kind.value,
                "origin": signal.origin.value,
                "source": signal.source,
                **({"also_from": list(signal.also_from)} if signal.also_from else {}),
            }
            for signal in work.signals
        ],
        "examples": [
            {
                "prompt": example.prompt,
                "answer": example.answer,
                "role": example.role.value,
                "origin": example.origin.value,
                "signal": example.signal_id,
                "derived_by": example.derived_by,
                **({"also_from": list(example.also_from)} if example.also_from else {}),
            }
            for example in cleared
            # What the model said is in its turn, and may quote a memory: it goes into no patch.
            if example.signal_id is not None and example.role is not Role.REJECTED
        ],
    }


def figure(value: float) -> str:
    """A number as the ledger keeps it: text, so that every reader hashes the same."""
    return format(value, ".6g")


def measures(report: GateReport) -> list[JsonValue]:
    return [
        {
            "name": measure.name,
            "before": figure(measure.before),
            "after": figure(measure.after),
            "bound": figure(measure.bound),
            "passed": measure.passed,
        }
        for measure in report.measures
    ]


def _outcomes(report: GateReport) -> list[JsonValue]:
    """What was held back, with its figures and the real answers; `updates.forgetting` takes them out again."""
    return [
        {
            "role": outcome.role.value,
            "prompt": outcome.prompt,
            "answer": outcome.answer,
            "signal": outcome.signal_id,
            "before_nats": figure(outcome.before_nats),
            "after_nats": figure(outcome.after_nats),
            "before_hit": outcome.before_hit,
            "after_hit": outcome.after_hit,
            "said_before": outcome.said_before,
            "said_after": outcome.said_after,
        }
        for outcome in report.outcomes
    ]


def _limits(limits: LimitSettings) -> dict[str, JsonValue]:
    """What an update was allowed to take when it was made; numbers as text, like every figure."""
    taken = ("steps_per_update", "seconds_per_update", "examples_per_update", "memory_mib_per_update")
    return {name: figure(getattr(limits, name)) for name in taken}


def training_body(report: TrainingReport, seconds: Mapping[str, float]) -> dict[str, JsonValue]:
    return {
        "steps": report.steps,
        "tokens": report.tokens,
        "final_loss_nats": figure(report.final_loss_nats),
        "worst_nats": figure(report.worst_nats),
        "stopped_because": report.stopped_because,
        "seconds": {stage: figure(value) for stage, value in seconds.items()},
    }
