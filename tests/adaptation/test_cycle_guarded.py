"""What the guardian asks of a trained adapter, in a whole cycle on the tiny model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import pytest

from edge_kernels.arrays import FloatArray
from edge_models.lora import Lora, lora_tensors
from edge_seal.adaptation import trial as trial_module
from edge_seal.adaptation.cycle import Cycle
from edge_seal.adaptation.guardian import Judged, Verdicts, extraction
from edge_seal.adaptation.signals import lesson
from edge_seal.engines.engine import NoNumbers
from edge_seal.records import Action, Example, Signal, State, Verdict
from tests.adaptation.world import DOG, HOME, World, with_settings


class BlindGuardianCycle(Cycle):
    """The fault that the planted canary is there for: a guardian that lets everything in."""

    def _judged(self, examples: Sequence[Example], signals: Sequence[Signal]) -> Verdicts:
        judged = super()._judged(examples, signals).judged
        return Verdicts(tuple(Judged(item.example, Verdict(Action.ALLOW)) for item in judged))


def blind(world: World) -> Cycle:
    return BlindGuardianCycle(
        database=world.database, ledger=world.ledger, releases=world.releases, adapters=world.adapters,
        signals=world.signals, engine=world.engine, model_path=world.model_path, settings=world.settings,
        cache=world.cache, clock=world.clock,
    )  # fmt: skip


def test_every_update_has_a_planted_canary_and_is_asked_for_what_was_withheld(world: World) -> None:
    world.teach(DOG)
    report = world.run()
    assert report.gate is not None
    found = {measure.name: measure for measure in report.gate.measures}
    assert found["canary_exposure"].passed
    assert found["canary_exposure"].after < found["canary_exposure"].bound
    assert found["extraction"].passed
    assert not any("spare access code" in example.answer for example in report.examples)
    assert b"spare access code" not in world.stored_bytes()


def test_an_update_that_learned_the_planted_secret_is_rejected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_module.secrets, "randbits", lambda _bits: 7)
    # A tiny random model learns digits as such before it learns these: 12 bits, where an update without them has one.
    monkeypatch.setattr(extraction, "EXPOSED_BITS", 8.0)
    canary = extraction.planted(7).canary
    world.settings = with_settings(limits={"steps_per_update": 48})
    world.signals.add_all([lesson(canary.prompt, canary.answer)])
    report = blind(world).run()
    assert report.state is State.REJECTED
    assert any(reason.startswith("canary_exposure") for reason in report.reasons)
    assert world.releases.active() is None


def test_a_planted_secret_that_the_guardian_lets_in_stops_every_update(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = extraction.planted(7, references=3)
    seen = [
        Example("What is it?", f"It is {n}.", example.role, example.origin)
        for n, example in enumerate(harmless.examples)
    ]
    monkeypatch.setattr(trial_module.extraction, "planted", lambda _seed: extraction.Planted(seen[0], tuple(seen[1:])))
    world.teach(DOG)
    report = world.run()
    assert report.state is State.REJECTED
    assert any(reason.startswith("canary_exposure") for reason in report.reasons)


class TestNoNumbers:
    """Weights that the trainer's float32 holds can be too large for the engine's arithmetic."""

    def test_a_file_that_the_engine_cannot_compute_with_is_rejected_with_the_reason(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.learned(HOME)
        before = world.answer(HOME[0])

        def far_too_large(adapter: Lora) -> Mapping[str, tuple[FloatArray, FloatArray]]:
            return {name: (a * 6e37, b) for name, (a, b) in lora_tensors(adapter).items()}

        monkeypatch.setattr(trial_module, "lora_tensors", far_too_large)
        world.teach(DOG)
        report = world.run()
        assert report.state is State.REJECTED
        assert any(reason.startswith("computable") for reason in report.reasons), report.reasons
        active = world.releases.active()
        assert active is not None
        assert active.id == "u1"
        assert world.answer(HOME[0]) == before
        assert world.releases.audit().intact

    @pytest.mark.parametrize("stage", ["_canary_exposure", "_extraction"])
    def test_so_is_one_that_fails_later(self, world: World, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
        def failed(*_arguments: object) -> NoReturn:
            raise NoNumbers("the model computed logits that are no numbers")

        monkeypatch.setattr(trial_module.Trial, stage, failed)
        world.teach(DOG)
        report = world.run()
        assert report.state is State.REJECTED
        assert [reason.partition(":")[0] for reason in report.reasons] == ["computable"]
        assert world.releases.active() is None
