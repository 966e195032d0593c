"""One cycle on a tiny model, with everything real: what it does, what it refuses, and what it leaves behind."""

from __future__ import annotations

import json
import random
import string
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from edge_models.adapter import LoraTensors, read_gguf_adapter, write_gguf_adapter
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora, lora_tensors
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.adaptation.signals import lesson
from edge_seal.adaptation.work import CycleReport
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.errors import EngineError, IntegrityError, LimitReached
from edge_seal.records import Example, Origin, Progress, Role, SignalKind, SignalState, State, Update
from edge_seal.updates.ledger import body_of
from edge_seal.updates.risk import risk_of
from tests.adaptation.networks import TINY
from tests.adaptation.schema import violations
from tests.adaptation.world import DOG, HOME, World, with_settings
from tests.support.tiny_gguf import write_tiny_gguf

TABLES = ("updates", "examples", "signals", "ledger")
SCHEMA = Path(__file__).parents[2] / "docs" / "patch-manifest.schema.json"


def states(world: World) -> list[SignalState]:
    return [SignalState(str(row[0])) for row in world.database.rows("SELECT state FROM signals ORDER BY id")]


def github_token() -> str:
    """Drawn here, so that no file of the project holds what looks like a key."""
    return "ghp_" + "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=36))


def test_a_lesson_is_learned_recorded_and_served(world: World) -> None:
    before = world.answer(DOG[0])
    told: list[Progress] = []
    (signal,) = world.teach(DOG)
    report = world.run(on_progress=told.append)

    assert report.update is not None
    assert (report.update.id, report.state, report.update.parent_id) == ("u1", State.ACTIVE, None)
    assert world.events() == [
        "signal.kept",
        *(f"update.{state}" for state in ("proposed", "scored", "cleared", "trained", "gated", "active")),
    ]
    assert states(world) == [SignalState.LEARNED]
    stored = world.releases.examples("u1")
    assert stored == report.examples
    assert {example.signal_id for example in stored} == {signal.id, None}
    assert {example.role for example in stored} == set(Role) - {
        Role.REPLAY,
        Role.REJECTED,
        Role.ANCHOR,
        Role.LIKED,
        Role.DISLIKED,
    }
    assert world.answer(DOG[0]) != before
    assert world.releases.audit().intact
    assert list(dict.fromkeys(progress.stage for progress in told)) == [
        "propose", "score", "guard", "train", "gate", "record", "activate",
    ]  # fmt: skip
    assert set(report.seconds) == {"propose", "score", "guard", "train", "gate", "record", "activate", "total"}


def test_the_answers_are_the_bases_again_byte_for_byte_once_it_is_taken_back(world: World) -> None:
    before = world.answer(DOG[0]), world.answer("Hello")
    world.learned(DOG)
    world.releases.rollback("base", "user")
    world.engine.use_adapter(None)
    assert (world.answer(DOG[0]), world.answer("Hello")) == before


def test_the_same_lessons_give_the_same_adapter(world: World, tmp_path: Path, general_cache: Path) -> None:
    other = World(
        tmp_path / "other" if (tmp_path / "other").mkdir() is None else tmp_path, world.model_path, general_cache
    )
    try:
        assert world.learned(DOG).adapter_sha256 == other.learned(DOG).adapter_sha256
    finally:
        other.close()


class TestCorrections:
    SAID = "No idea, I am a lamp."

    def corrected(self, world: World, said: str = SAID, **learning: object) -> CycleReport:
        with world.database.transaction():
            world.database.execute("INSERT INTO conversations (created_at) VALUES ('then')", ())
            world.database.execute(
                "INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, base_sha256)"
                " VALUES (?, 'then', ?, 'typed', ?, '')",
                (world.database.last_row_id, DOG[0], said),
            )
            turn = f"t{world.database.last_row_id}"
        world.settings = with_settings(learning=learning)
        world.signals.add(SignalKind.CORRECTION, lesson(*DOG), turn_id=turn)
        return world.run()

    def nats(self, world: World, report: CycleReport) -> tuple[float, float]:
        """Of the correction and of what was said, under the adapter that is served."""
        assert report.update is not None
        assert report.update.adapter_sha256 is not None
        with GgufFile.open(world.model_path) as file:
            stored = read_gguf_adapter(world.adapters.path(report.update.adapter_sha256))
            answers = (DOG[1], self.SAID)
            network = ExampleNetwork(
                decoder := Decoder(file, 1),
                [encode(Example(DOG[0], said, Role.LESSON, Origin.TYPED), world.engine) for said in answers],
            )
            network.prepare()
            adapter = Lora.from_tensors(
                decoder.architecture, stored.tensors, rank=stored.rank, alpha=stored.alpha
            )  # fmt: skip
            chosen, rejected = network.measure([0, 1], adapter).mean_nats
            return float(chosen), float(rejected)

    def test_what_was_said_becomes_less_likely_than_its_correction(
        self, world: World, tmp_path: Path, general_cache: Path
    ) -> None:
        pushed = self.corrected(world, pair_weight=1.0)
        (own,) = (example for example in pushed.examples if example.role is Role.REJECTED)
        assert (own.prompt, own.answer, own.signal_id, own.origin) == (DOG[0], self.SAID, "s1", Origin.TYPED)
        (tmp_path / "other").mkdir()
        other = World(tmp_path / "other", world.model_path, general_cache)
        try:
            plain = self.corrected(other, pair_weight=0.0)
            assert not any(example.role is Role.REJECTED for example in plain.examples)
            chosen, rejected = self.nats(world, pushed)
            plain_chosen, plain_rejected = self.nats(other, plain)
        finally:
            other.close()
        assert rejected - chosen > plain_rejected - plain_chosen

    def test_only_the_projections_of_the_settings_are_adapted(self, world: World) -> None:
        report = self.corrected(world, projections=("attn_q", "ffn_down"))
        assert report.update is not None
        assert report.update.adapter_sha256 is not None
        stored = read_gguf_adapter(world.adapters.path(report.update.adapter_sha256))
        assert set(stored.tensors) == {"blk.1.attn_q.weight", "blk.1.ffn_down.weight"}
        world.clock.pass_by(hours=1)
        world.teach(HOME)
        world.settings = with_settings()
        with pytest.raises(EngineError, match=r"on 2 projections of 1 layers, the settings say 4 on 7 of 1"):
            world.run()

    def test_what_was_said_is_not_kept_with_the_update(self, world: World) -> None:
        report = self.corrected(world)
        assert report.update is not None
        assert report.update.adapter_sha256 is not None
        assert not any(example.role is Role.REJECTED for example in world.releases.examples("u1"))
        manifest = world.adapters.path(report.update.adapter_sha256).with_name("manifest.json")
        assert self.SAID not in manifest.read_text(encoding="utf-8")

    def test_an_answer_with_a_secret_in_it_is_not_read_and_its_correction_is_learned(self, world: World) -> None:
        report = self.corrected(world, said=f"It is {github_token()}.")
        assert report.state is State.ACTIVE
        assert not any(example.role is Role.REJECTED for example in report.examples)


class TestManifest:
    def test_is_what_its_schema_says(self, world: World) -> None:
        world.learned(DOG, ("Good morning!", "Ahoy!"))
        update = world.learned(HOME)
        assert update.adapter_sha256 is not None
        manifest = dict(world.adapters.manifest(update.adapter_sha256, update.manifest_sha256))
        schema = json.loads(SCHEMA.read_bytes())
        assert list(violations(manifest, schema, schema)) == []
        assert (manifest["update"], manifest["parent"]) == ("u2", "u1")
        outcomes = json.loads(json.dumps(manifest))["gate"]["outcomes"]
        assert {outcome["role"] for outcome in outcomes} == {"probe", "neighbour"}
        assert any(outcome["said_before"] is not None and outcome["said_after"] is not None for outcome in outcomes)
        assert list(violations({**manifest, "more": 1}, schema, schema)) == ["$.more is not known"]
        assert list(violations({**manifest, "update": 7}, schema, schema))

    def test_names_each_example_of_the_user_and_no_other(self, world: World) -> None:
        update = world.learned(DOG)
        assert update.adapter_sha256 is not None
        listed = world.adapters.manifest(update.adapter_sha256)["examples"]
        assert isinstance(listed, list)
        mine = [example for example in world.releases.examples("u1") if example.signal_id is not None]
        assert len(listed) == len(mine)


class TestLimits:
    def test_are_asked_first_even_where_nothing_waits(self, world: World) -> None:
        world.teach(DOG)
        world.run()
        trained_at = world.clock.now()
        world.clock.pass_by(minutes=9, seconds=59)
        told: list[Progress] = []
        with pytest.raises(LimitReached) as caught:
            world.run(on_progress=told.append)
        assert caught.value.allowed_at == trained_at + timedelta(minutes=10)
        assert (told, caught.value.next_step) == ([], "edge-seal limits show")
        world.clock.pass_by(seconds=1)
        assert world.run().reasons[0].startswith("nothing new to learn")

    def test_hold_after_a_refused_update_too(self, world: World) -> None:
        world.settings = with_settings(gate={"minimum_probe_gain_nats": 1e9})
        world.teach(DOG)
        assert world.run().state is State.REJECTED
        with pytest.raises(LimitReached):
            world.run()

    def test_do_not_keep_from_looking(self, world: World) -> None:
        world.teach(DOG)
        world.run()
        world.teach(HOME)
        assert world.run(dry_run=True).update is None

    def test_lessons_beyond_the_number_of_examples_wait(self, world: World) -> None:
        world.settings = with_settings(limits={"examples_per_update": 64})
        world.teach(DOG, HOME, ("What is my hobby?", "Chess."))
        report = world.run()
        assert report.state is State.ACTIVE
        assert states(world) == [SignalState.LEARNED, SignalState.LEARNED, SignalState.PENDING]
        assert any("left for the next update" in reason for reason in report.reasons)

    def test_what_is_known_is_not_contrasted_where_lessons_have_to_wait(self, world: World) -> None:
        world.learned(("What is my cat's name?", "Tom."))
        world.settings = with_settings(limits={"examples_per_update": 32})
        world.teach(DOG, HOME)
        report = world.run(dry_run=True)
        new = [example for example in report.examples if example.role in {Role.CONTRAST, Role.NEIGHBOUR}]
        assert new
        assert not [example for example in new if "cat" in example.answer]


class TestNothingToLearn:
    def test_gives_a_report_without_an_update(self, world: World) -> None:
        report = world.run()
        assert (report.update, report.state, report.examples) == (None, None, ())
        assert report.reasons == ("nothing new to learn: teach with `edge-seal teach` or correct an answer",)
        assert world.events() == []

    def test_what_the_model_says_already_is_dropped_and_not_trained(self, world: World) -> None:
        # Taught what it says anyway, in every wording: a lesson of which only a short beginning is asked.
        said = world.answer("Hello!").decode(errors="replace")
        assert said
        world.settings = with_settings(learning={"rate": 1e-2, "draws_a_lesson": 960}, limits={"steps_per_update": 160})
        world.learned(("Hello!", "Ahoy"))
        world.teach(("Hello!", "Ahoy"))
        report = world.run()
        assert report.state is State.REJECTED
        assert states(world) == [SignalState.LEARNED, SignalState.DROPPED]
        assert "already" in report.reasons[0]
        assert world.events()[-3:] == ["update.proposed", "update.scored", "update.rejected"]


def test_a_dry_run_writes_nothing(world: World) -> None:
    world.teach(DOG)
    before = {table: world.rows(table) for table in TABLES}, world.stored_adapters(), world.answer(DOG[0])
    report = world.run(dry_run=True)
    assert {example.role for example in report.examples} >= {Role.LESSON, Role.REWORDING, Role.PROBE}
    assert (report.update, report.state, report.training, report.gate) == (None, None, None, None)
    assert report.reasons[0] == "nothing was trained: a dry run"
    assert ({table: world.rows(table) for table in TABLES}, world.stored_adapters(), world.answer(DOG[0])) == before
    assert before[0]["updates"] == before[0]["examples"] == []
    assert world.events() == ["signal.kept"]


class TestGuardian:
    def test_a_secret_is_refused_and_not_a_byte_of_it_stays(self, world: World) -> None:
        key = github_token()
        world.learned(HOME)
        adapters, answer = world.stored_adapters(), world.answer(HOME[0])
        world.teach(("What is my token?", f"It is {key}."))
        assert key.encode() in world.stored_bytes(), "or nothing is shown below"
        report = world.run()
        assert report.state is State.REJECTED
        assert report.update is not None
        assert report.training is None
        assert any("token" in reason for reason in report.reasons), report.reasons
        assert report.verdicts
        assert world.releases.examples(report.update.id) == ()
        assert world.stored_adapters() == adapters
        assert states(world) == [SignalState.LEARNED, SignalState.REFUSED]
        assert key.encode() not in world.stored_bytes()
        assert all(key not in reason for reason in report.reasons)
        assert "update.trained" not in world.events()[6:]
        assert world.answer(HOME[0]) == answer
        assert world.releases.audit().intact

    def test_a_secret_among_lessons_is_left_out_and_the_rest_is_learned(self, world: World) -> None:
        key = github_token()
        world.teach(DOG, ("What is my token?", f"It is {key}."))
        world.settings = with_settings(canary={"mode": "off"})
        report = world.run()
        assert report.state is State.ACTIVE
        assert not [example for example in report.examples if key in example.answer]
        assert any(key in text for text in [str(row) for row in world.rows("examples")]) is False
        assert states(world) == [SignalState.LEARNED, SignalState.REFUSED]
        assert key.encode() not in world.stored_bytes()
        assert report.update is not None
        assert report.update.adapter_sha256 is not None
        assert key not in json.dumps(world.adapters.manifest(report.update.adapter_sha256))


class TestGate:
    def test_a_candidate_that_cannot_pass_is_refused_with_reasons_and_removed(self, world: World) -> None:
        world.learned(HOME)
        adapters, answer = world.stored_adapters(), world.answer(DOG[0])
        world.settings = with_settings(gate={"minimum_probe_gain_nats": 1e9})
        world.teach(DOG)
        report = world.run()
        assert report.state is State.REJECTED
        assert report.gate is not None
        assert not report.gate.passed
        assert report.reasons[0].startswith("probe_gain: how much likelier the lessons' answers became")
        assert "the bound is 1e+09" in report.reasons[0]
        assert world.stored_adapters() == adapters
        assert world.releases.examples("u2") == ()
        assert world.releases.get("u2").adapter_sha256 is None
        active = world.releases.active()
        assert active is not None
        assert active.id == "u1"
        assert states(world) == [SignalState.LEARNED, SignalState.PENDING]
        assert world.answer(DOG[0]) == answer
        assert world.releases.audit().intact

    def test_the_file_holds_the_scale_that_was_judged(self, world: World) -> None:
        world.teach(DOG)
        report = world.run()
        assert report.update is not None
        assert report.update.adapter_sha256 is not None
        assert report.gate is not None
        stored = read_gguf_adapter(world.adapters.path(report.update.adapter_sha256))
        assert stored.alpha == pytest.approx(world.settings.learning.alpha * report.gate.scale)


class TestRisk:
    def test_the_manifest_and_the_audit_trail_say_how_risky_it_is(self, world: World) -> None:
        world.teach(DOG)
        report = world.run()
        assert report.update is not None
        assert report.risk is not None
        assert report.state is State.ACTIVE
        (gated,) = [entry for entry in world.ledger.entries() if entry.event == "update.gated"]
        assert risk_of(body_of(gated)["risk"]) == report.risk
        manifest = world.adapters.manifest(str(report.update.adapter_sha256), report.update.manifest_sha256)
        assert risk_of(manifest["risk"]) == report.risk

    def test_above_the_threshold_a_typed_one_waits_too(self, world: World) -> None:
        world.teach(*((f"What is box {n}?", f"Crate {n}.") for n in range(32)))
        world.settings = with_settings(approval={"risk": 1})
        report = world.run()
        assert report.risk is not None
        assert report.state is State.AWAITING_APPROVAL
        assert f"its risk is {report.risk.score}, and approval.risk is 1" in report.reasons[0]
        assert world.releases.active() is None

    def test_what_was_not_typed_is_riskier(self, world: World) -> None:
        world.teach(DOG, source="notes.txt")
        report = world.run()
        assert report.risk is not None
        assert report.risk.factors[0].name == "taint"
        assert "(file)" in report.risk.factors[0].reason


class TestCanary:
    def on_canary(self, world: World) -> Update:
        world.settings = with_settings(canary={"mode": "always"})
        world.teach(DOG)
        report = world.run()
        assert report.update is not None
        assert report.state is State.CANARY
        world.clock.pass_by(hours=1)
        return report.update

    def test_where_it_is_set_a_candidate_answers_nobody_who_is_not_in_its_arm(self, world: World) -> None:
        before = world.answer(DOG[0])
        self.on_canary(world)
        assert world.releases.active() is None
        assert world.answer(DOG[0]) == before
        assert states(world) == [SignalState.PENDING]

    def test_what_is_not_risky_goes_to_everybody_at_once(self, world: World) -> None:
        world.teach(DOG)
        assert world.settings.canary.mode == "risky"
        assert world.run().state is State.ACTIVE

    def test_nothing_is_learned_meanwhile_and_it_says_how_to_go_on(self, world: World) -> None:
        candidate = self.on_canary(world)
        world.teach(HOME)
        with pytest.raises(LimitReached, match=f"{candidate.id} is on the canary") as stopped:
            world.run()
        assert f"updates promote {candidate.id}" in str(stopped.value.next_step)
        assert world.releases.get(candidate.id).state is State.CANARY
        world.canaries.promote(candidate.id, "user")
        world.settings = with_settings()
        report = world.run()
        assert report.update is not None
        assert (report.state, report.update.parent_id) == (State.ACTIVE, candidate.id)
        assert {example.signal_id for example in report.examples if example.role is Role.LESSON} == {"s2"}

    def test_one_whose_incumbent_is_gone_gives_its_lessons_back(self, world: World) -> None:
        first = world.learned(HOME)
        candidate = self.on_canary(world)
        world.releases.to_base("user")
        world.settings = with_settings()
        report = world.run()
        assert report.state is State.ACTIVE
        assert world.releases.get(candidate.id).state is State.ABANDONED
        assert world.releases.get(first.id).state is State.ROLLED_BACK
        assert {example.signal_id for example in report.examples if example.role is Role.LESSON} == {"s2"}


class TestWaiting:
    def test_lessons_that_wait_for_a_person_are_not_learned_twice(self, world: World) -> None:
        world.teach(DOG, source="notes.txt")
        first = world.run()
        world.clock.pass_by(hours=1)
        again = world.run()
        assert first.update is not None
        assert again.update is None
        assert "in an update that waits" in again.reasons[0]

    def test_one_that_can_never_answer_any_more_is_overtaken(self, world: World) -> None:
        """It waits on the base; a typed lesson becomes active; its lessons are learned anew on top of that."""
        world.teach(DOG, source="notes.txt")
        waiting = world.run().update
        assert waiting is not None
        world.clock.pass_by(hours=1)
        typed = world.learned(HOME)
        anew = world.run()
        assert anew.update is not None
        assert (anew.state, anew.update.parent_id) == (State.AWAITING_APPROVAL, typed.id)
        assert world.releases.get(waiting.id).state is State.ABANDONED
        assert world.releases.audit().intact


class TestOrigins:
    def test_what_was_not_typed_waits_for_a_person(self, world: World) -> None:
        before = world.answer(DOG[0])
        world.teach(DOG, source="notes.txt")
        report = world.run()
        assert report.update is not None
        assert (report.state, world.releases.active()) == (State.AWAITING_APPROVAL, None)
        assert f"edge-seal updates approve {report.update.id}" in report.reasons[0]
        assert states(world) == [SignalState.PENDING]
        assert {example.origin for example in report.examples} == {Origin.FILE, Origin.MODEL}
        assert world.answer(DOG[0]) == before
        world.releases.activate(report.update.id, "user", {}, ["s1"])
        assert world.releases.audit().intact

    def test_what_was_typed_goes_first_and_alone(self, world: World) -> None:
        world.teach(DOG, source="notes.txt")
        world.teach(HOME)
        report = world.run()
        assert report.state is State.ACTIVE
        assert states(world) == [SignalState.PENDING, SignalState.LEARNED]
        assert {example.origin for example in report.examples} == {Origin.TYPED, Origin.MODEL}


class TestFurtherUpdates:
    def test_go_on_from_the_one_before_and_rehearse_it(self, world: World) -> None:
        first = world.learned(DOG)
        # One short step: what comes out is near what it began with, and a fresh start would be far.
        world.settings = with_settings(learning={"rate": 1e-4}, limits={"steps_per_update": 1})
        second = world.learned(HOME)
        assert second.parent_id == first.id
        near, far = products(world, second, first), products(world, first, None)
        assert near < 0.05 * far
        rehearsed = [example for example in world.releases.examples(second.id) if example.role is Role.REPLAY]
        assert DOG[0] in {example.prompt for example in rehearsed}
        assert {example.signal_id for example in rehearsed} == {"s1"}
        assert world.releases.get(first.id).state is State.RETIRED

    def test_what_is_told_anew_is_not_rehearsed(self, world: World) -> None:
        world.learned(DOG)
        second = world.learned(("What is my dog called?", "Luna."))
        answers = {example.answer for example in world.releases.examples(second.id)}
        assert "Luna." in answers
        assert "Rex." not in answers

    def test_go_on_at_the_strength_that_is_served(self, world: World, tmp_path: Path) -> None:
        """The gate may have lowered alpha in the file; the settings' alpha must not raise it again."""
        with GgufFile.open(world.model_path) as file:
            decoder = Decoder(file, world.settings.learning.layers)
            lowered = Lora.initial(decoder.architecture, decoder.adapted_layers, 4, 0.55 * 8.0, seed=5)
            lowered.values[...] = np.random.default_rng(5).standard_normal(len(lowered.values))
            tensors = LoraTensors("llama", 4, lowered.alpha, lora_tensors(lowered))
            update = activated(world, write_gguf_adapter(tmp_path / "lowered.gguf", tensors))
            start, served = world.cycle._start(decoder, update, anew=False)
        assert served is not None
        assert start.alpha == world.settings.learning.alpha
        for name in start.a:
            product = start.scale * start.b[name] @ start.a[name]
            np.testing.assert_allclose(product, served.scale * served.b[name] @ served.a[name], rtol=1e-5, atol=1e-6)

    def test_need_the_rank_of_the_one_before(self, world: World) -> None:
        world.learned(DOG)
        world.settings = with_settings(learning={"rank": 2})
        world.teach(HOME)
        with pytest.raises(
            EngineError, match=r"rank 4 on 7 projections of 1 layers, the settings say 2 on 7 of 1"
        ) as caught:
            world.run()
        assert "rollback base" in (caught.value.next_step or "")
        assert [update.id for update in world.releases.list()] == ["u1"]

    def test_are_not_built_on_damage(self, world: World) -> None:
        first = world.learned(DOG)
        assert first.adapter_sha256 is not None
        file = world.adapters.path(first.adapter_sha256)
        damaged = bytearray(file.read_bytes())
        damaged[-1] ^= 1
        file.write_bytes(damaged)
        world.teach(HOME)
        with pytest.raises(IntegrityError):
            world.run()
        assert states(world)[1] is SignalState.PENDING
        assert [update.id for update in world.releases.list()] == ["u1"]


def activated(world: World, file: Path) -> Update:
    """The adapter in `file` as the active update."""
    update = world.releases.propose(None, world.engine.model_sha256, "by hand", "edge-seal")
    for state in (State.SCORED, State.CLEARED):
        world.releases.advance(update.id, state, actor="edge-seal", body={})
    world.releases.trained(update.id, world.adapters.put(file, {"update": update.id}), (), actor="edge-seal", body={})
    world.releases.advance(update.id, State.GATED, actor="edge-seal", body={})
    return world.releases.activate(update.id, "edge-seal", {}, [])


def products(world: World, one: Update, other: Update | None) -> float:
    """How far apart what the adapters of two updates add to the weights is; None: nothing is added."""
    sums: list[dict[str, np.ndarray]] = []
    for update in (one, other):
        if update is None:
            sums.append({})
            continue
        assert update.adapter_sha256 is not None
        stored = read_gguf_adapter(world.adapters.path(update.adapter_sha256))
        sums.append({name: stored.alpha / stored.rank * b @ a for name, (a, b) in stored.tensors.items()})
    return float(np.sqrt(sum(((sums[0][name] - sums[1].get(name, 0.0)) ** 2).sum() for name in sums[0])))


def test_on_another_model_file_the_lessons_of_the_active_update_are_learned_anew(world: World, tmp_path: Path) -> None:
    learned = world.learned(DOG)
    world.teach(HOME)
    other = write_tiny_gguf(tmp_path / "other.gguf", replace(TINY, quantization="Q8_0"))
    world.engine.close()
    world.engine, world.model_path = LlamaCppEngine(other, threads=1), other
    report = world.run()
    assert report.update is not None
    assert report.state is State.ACTIVE, report.reasons
    assert (report.update.parent_id, report.update.base_sha256) == (None, world.engine.model_sha256)
    lessons = {(e.prompt, e.answer) for e in report.examples if e.role is Role.LESSON}
    assert {DOG, HOME} <= lessons
    assert world.releases.get(learned.id).state is State.RETIRED
    world.clock.pass_by(hours=1)
    assert world.run().update is None  # once is enough
