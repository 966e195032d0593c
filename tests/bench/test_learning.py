"""The bench's own bookkeeping: what was measured is not measured again, and not taken for another recipe's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.drift import GENERAL, GENERAL_ASKED, Drift, asked_of, is_right
from bench.learning import _Results, _statement
from bench.personas import persona
from edge_seal.adaptation.general_prompts import ANCHORS, REPLAYED
from edge_seal.adaptation.workers import Workers
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.memory import attributes
from tests.adaptation.networks import fresh_adapter, network_of, sequence
from tests.updates.scene import HandClock


class TestResults:
    def measured(self, file: Path, model: Path, settings: str = "") -> list[str]:
        """Which of two measurements were made by a run that writes into `file`."""
        made: list[str] = []
        results = _Results(file, model, settings)
        for name in ("facts/one/seed 1", "facts/one/seed 2"):
            results.once(name, lambda name=name: made.append(name) or {"held_out": 0.5})
        return made

    def test_what_stands_in_the_file_is_not_measured_again(self, tmp_path: Path) -> None:
        file, model = tmp_path / "learning.json", tmp_path / ("a" * 64) / "model.gguf"
        assert self.measured(file, model) == ["facts/one/seed 1", "facts/one/seed 2"]
        kept = json.loads(file.read_text())
        assert kept["measured"]["facts/one/seed 2"]["held_out"] == 0.5
        del kept["measured"]["facts/one/seed 2"]
        file.write_text(json.dumps(kept))
        assert self.measured(file, model) == ["facts/one/seed 2"]

    @pytest.mark.parametrize(("model", "settings"), [("b" * 64, ""), ("a" * 64, "[learning]\nrank = 4\n")])
    def test_figures_of_another_model_or_recipe_are_not_taken(self, tmp_path: Path, model: str, settings: str) -> None:
        file = tmp_path / "learning.json"
        self.measured(file, tmp_path / ("a" * 64) / "model.gguf")
        assert len(self.measured(file, tmp_path / model / "model.gguf", settings)) == 2


def test_plain_questions_are_neither_trained_nor_the_gates() -> None:
    asked = {question.casefold() for question, _ in GENERAL}
    assert not asked & {prompt.casefold() for prompt in (*REPLAYED, *ANCHORS)}


def test_the_first_eight_that_the_base_answers_rightly_are_asked() -> None:
    right = {"What is 2 plus 3?": "2 + 3 = 5"}
    answers = [(question, right.get(question, "Who knows.")) for question, _ in GENERAL]
    assert asked_of(answers) == ["What is 2 plus 3?"]
    assert is_right("What is 2 plus 3?", "It is five.")
    assert not is_right("What is 2 plus 3?", "It is 15.")
    everything = "shakespeare h2o blue 5 cold cat yen atlantic ice"
    assert len(asked_of([(question, everything) for question, _ in GENERAL])) == GENERAL_ASKED


def test_a_fact_stated_by_its_user_is_read_by_memory() -> None:
    """Memory only is a fair peer only where it gets statements that its rules can read."""
    facts = [fact for fact in persona(1, 48).facts if fact.key in {"home", "dog", "sister", "favourite tea"}]
    assert facts
    for fact in facts:
        assert attributes.read(_statement(fact), HandClock().now()), _statement(fact)


def test_without_the_development_data_drift_has_no_figures(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGE_SEAL_DATA", str(tmp_path))
    with (
        network_of(tiny_model, [sequence((1, 40), (50, 2))]) as network,
        LlamaCppEngine(tiny_model, threads=1) as engine,
    ):
        drift = Drift(network.decoder, engine, Workers())
        figures = drift.measure(fresh_adapter(network))
    assert (figures.wikitext_change, figures.blimp, figures.mmlu) == (None, None, None)


def test_an_adapter_that_changes_nothing_has_no_drift_and_another_has(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wikitext2").mkdir()
    (tmp_path / "wikitext2" / "valid_300k.txt").write_text("some words of a plain text, " * 2000, encoding="utf-8")
    monkeypatch.setenv("EDGE_SEAL_DATA", str(tmp_path))
    with (
        network_of(tiny_model, [sequence((1, 40), (50, 2))]) as network,
        LlamaCppEngine(tiny_model, threads=1) as engine,
    ):
        drift = Drift(network.decoder, engine, Workers())
        adapter = fresh_adapter(network)
        assert drift.measure(adapter).wikitext_change == pytest.approx(0, abs=1e-5), "B is zero at first"
        adapter.values[...] += 0.05
        assert abs(drift.measure(adapter).wikitext_change or 0.0) > 1e-4
