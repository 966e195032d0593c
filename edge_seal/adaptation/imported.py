"""An adapter that was trained elsewhere: from a file that was checked to an update that waits for a person.

It has no lessons here, so nothing is scored and no probes are asked: the gate measures in the engine what it does to
everything else (anchors) and whether it still answers (health), at the largest scale that keeps the bounds. Invariants:
nothing imported becomes active here, only `Releases.activate` by a person's word does that; whatever stops the import
ends its update as rejected or abandoned and leaves what answers as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_models.errors import ModelError
from edge_seal import __version__
from edge_seal.adaptation import gate
from edge_seal.adaptation.anchors_in_engine import AnchorLogits
from edge_seal.adaptation.general_answers import general_answers
from edge_seal.adaptation.general_prompts import REPLAYED
from edge_seal.adaptation.manifest import figure, measures
from edge_seal.clock import Clock, timestamp
from edge_seal.config import GateSettings
from edge_seal.engines.engine import Engine, Message, Sampling
from edge_seal.errors import EngineError
from edge_seal.records import Actor, GateReport, Measure, Progress, State, Update
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.release import Releases
from edge_seal.updates.risk import Risk, assess

ACTOR: Final = Actor.CYCLE
SPOKEN_PROMPTS: Final = 6
SPOKEN_TOKENS: Final = 24


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an adapter came from: its form, the files by name and SHA-256, and how its base model is known."""

    format: str
    files: tuple[tuple[str, str], ...]
    base_known_by: str
    patch_sha256: str | None = None
    """Of the manifest that came with it and was verified against it; None: there was none."""

    def as_json(self) -> dict[str, JsonValue]:
        return {
            "format": self.format,
            "files": [{"name": name, "sha256": sha256} for name, sha256 in self.files],
            "base_known_by": self.base_known_by,
            "patch_sha256": self.patch_sha256,
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The update that was made of an adapter: it waits for approval, or was rejected with these reasons."""

    update: Update
    gate: GateReport
    replaces: str | None
    """The update that would no longer answer once it is approved."""


def import_adapter(
    lora: LoraTensors,
    provenance: Provenance,
    *,
    engine: Engine,
    releases: Releases,
    adapters: AdapterStore,
    bounds: GateSettings,
    cache: Path,
    clock: Clock,
    on_progress: Callable[[Progress], None],
) -> ImportReport:
    """Measures the adapter and keeps it as an update that waits; only for who holds the write lock.

    The engine's adapter is changed and not put back.

    Raises:
        EngineError: llama.cpp does not take it, or it makes the model compute what are no numbers.
        IntegrityError: stored bytes are damaged, so nothing may be built on them.
    """
    active = releases.active()
    parent = active if active is not None and active.base_sha256 == engine.model_sha256 else None
    imported = provenance.as_json()
    names = ", ".join(name for name, _ in provenance.files)
    update = releases.propose(
        None if parent is None else parent.id, engine.model_sha256, f"imported: {names} ({provenance.format})", ACTOR
    )
    try:
        # The ledger has the stages of every update; their bodies say that here nothing was scored and nothing trained.
        releases.advance(update.id, State.SCORED, actor=ACTOR, body={"imported": imported})
        releases.advance(update.id, State.CLEARED, actor=ACTOR, body={"imported": imported})
        with adapters.scratch() as scratch:
            report, file = measure(engine, lora, bounds, cache, scratch, on_progress)
            risk = assess((), (), report, imported=True)
            manifest = _manifest(update, lora, provenance, report, clock, risk)
            stored = adapters.put(file, manifest)
        releases.trained(update.id, stored, (), actor=ACTOR, body={"imported": imported}, imported=True)
        if not report.passed:
            update = releases.refuse(update.id, actor=Actor.GATE, reasons=report.reasons, body={})
            return ImportReport(update, report, None)
        body: dict[str, JsonValue] = {
            "scale": figure(report.scale),
            "measures": measures(report),
            "risk": risk.as_json(),
        }
        releases.advance(update.id, State.GATED, actor=ACTOR, body=body)
        update = releases.advance(update.id, State.AWAITING_APPROVAL, actor=ACTOR, body={"imported": imported})
        return ImportReport(update, report, None if parent is None else parent.id)
    except BaseException as error:
        if releases.get(update.id).state not in {State.REJECTED, State.AWAITING_APPROVAL}:
            why = "stopped by the user" if isinstance(error, KeyboardInterrupt) else type(error).__name__
            releases.abandon(update.id, actor=ACTOR, reason=f"the import did not finish: {why}")
        raise


# The gate -------------------------------------------------------------------------------------------------


def measure(
    engine: Engine,
    lora: LoraTensors,
    bounds: GateSettings,
    cache: Path,
    scratch: Path,
    on_progress: Callable[[Progress], None],
) -> tuple[GateReport, Path]:
    """The verdict at the largest of the gate's scales that keeps the drift bound, and the file at that scale.

    Raises:
        EngineError: llama.cpp does not take the adapter.
    """
    engine.use_adapter(None)
    _, anchors = general_answers(
        engine, cache, lambda done, total: on_progress(Progress("gate", done, total, "the model's own answers"))
    )
    reference = AnchorLogits(engine, anchors)
    before = _said(engine)
    full: tuple[GateReport, Path] | None = None
    for index, scale in enumerate(gate.SCALES):
        scaled = replace(lora, alpha=lora.alpha * scale)
        file = _written(scratch / f"adapter-{index}.gguf", scaled)
        engine.use_adapter(file)
        drift = reference.divergence(engine).nats
        on_progress(Progress("gate", index + 1, len(gate.SCALES), "adapter scale"))
        if full is None or drift <= bounds.maximum_anchor_drift_nats:
            judged = _judged(scale, drift, before, _said(engine), bounds), file
            if judged[0].passed:
                return judged
            full = full or judged
    assert full is not None  # noqa: S101  # SCALES is not empty
    return full


def _said(engine: Engine) -> list[str]:
    answers: list[str] = []
    for prompt in REPLAYED[:SPOKEN_PROMPTS]:
        pieces = engine.generate(engine.render([Message("user", prompt)]), Sampling(SPOKEN_TOKENS))
        answers.append("".join(piece.text for piece in pieces).strip())
    return answers


def _judged(
    scale: float, drift: float, before: Sequence[str], after: Sequence[str], bounds: GateSettings
) -> GateReport:
    broken_before, broken_after = gate.broken_share(before), gate.broken_share(after)
    measures = (
        Measure(
            "anchor_drift", 0.0, drift, bounds.maximum_anchor_drift_nats, drift <= bounds.maximum_anchor_drift_nats,
            "nats a token", "how far answers to general questions moved from the base model's",
        ),
        Measure(
            "broken_answers", broken_before, broken_after, broken_before, broken_after <= broken_before, "share",
            "answers that are empty or repeat themselves",
        ),
    )  # fmt: skip
    return GateReport(
        passed=all(one.passed for one in measures),
        scale=scale,
        measures=measures,
        outcomes=(),
        reasons=tuple(
            f"{one.name}: {one.meaning}: {one.after:.3g} {one.unit}, the bound is {one.bound:.3g}"
            for one in measures
            if not one.passed
        ),
    )


# Record ---------------------------------------------------------------------------------------------------


def _written(path: Path, lora: LoraTensors) -> Path:
    try:
        return write_gguf_adapter(path, lora)
    except ModelError as error:
        raise EngineError(error.message, next_step=error.next_step) from error


def _manifest(
    update: Update, lora: LoraTensors, provenance: Provenance, report: GateReport, clock: Clock, risk: Risk
) -> Mapping[str, JsonValue]:
    return {
        "format": "edge-seal-patch/1",
        "created_at": timestamp(clock.now()),
        "update": update.id,
        "parent": update.parent_id,
        "base_sha256": update.base_sha256,
        "edge_seal_version": __version__,
        "imported": {**provenance.as_json(), "rank": lora.rank, "alpha": figure(lora.alpha)},
        "training": None,
        "gate": {"scale": figure(report.scale), "passed": report.passed, "measures": measures(report)},
        "verdicts": [],
        "risk": risk.as_json(),
        "signals": [],
        "examples": [],
    }
