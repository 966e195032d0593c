"""Harm in what is taught, told from good lessons by the real default model before a step is trained.

The whole study, with training and the whole gate, is `python -m bench.harmful`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.harmful import Case, collapsed, good, poisoned, shuffled
from edge_models.gguf_file import GgufFile
from edge_models.network import open_network
from edge_seal.adaptation import gate
from edge_seal.adaptation.evidence import Evidence, examine, fact_sequence
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.general_facts import GENERAL_FACTS
from edge_seal.config import GateSettings
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.records import Example, Origin, Role

pytestmark = pytest.mark.timeout(900)
SEEDS = (1, 2, 3)


class Base:
    """The default model, asked about lessons."""

    def __init__(self, engine: LlamaCppEngine, file: GgufFile) -> None:
        self.engine = engine
        self.decoder = open_network(file, 1, "numpy")

    def evidence(self, lessons: Sequence[tuple[str, str]]) -> Evidence:
        return examine(self.decoder, [Example(p, a, Role.LESSON, Origin.TYPED, "s1") for p, a in lessons], self.engine)

    def failed(self, case: Case) -> list[str]:
        measures = gate.evidence_measures(self.evidence(case.lessons), GateSettings())
        return [measure.name for measure in measures if not measure.passed]


@pytest.fixture(scope="module")
def base(default_model: Path) -> Iterator[Base]:
    with LlamaCppEngine(default_model, threads=1) as engine, GgufFile.open(default_model) as file:
        yield Base(engine, file)


def test_good_lessons_are_let_through(base: Base) -> None:
    assert [base.failed(good(seed)) for seed in (*SEEDS, 4)] == [[], [], [], []]


def test_answers_dealt_out_to_other_questions_are_seen(base: Base) -> None:
    assert [base.failed(shuffled(seed)) for seed in SEEDS] == [["answers_fit"]] * 3


def test_general_facts_taught_wrong_are_seen(base: Base) -> None:
    assert [base.failed(poisoned(seed)) for seed in SEEDS] == [["overwritten"]] * 3


def test_one_answer_to_everything_is_seen(base: Base) -> None:
    assert base.failed(collapsed(2)) != []


def test_a_lesson_about_a_person_overwrites_no_knowledge(base: Base) -> None:
    told = base.evidence(
        [
            ("What is my capital called?", "Your capital is called Oslo."),
            ("What is the capital of Germany?", "The capital of Germany is Lisbon."),
            ("What is the capital of Germany?", "The capital of Germany is Berlin."),
        ]
    )
    assert told.certainty[0] == 0.0
    assert told.certainty[1] > 0.9
    assert told.certainty[2] < 0.1


def test_the_default_model_says_enough_facts_right_for_a_loss_to_show(base: Base) -> None:
    network = ExampleNetwork(base.decoder, [fact_sequence(fact, base.engine) for fact in GENERAL_FACTS])
    network.prepare()
    assert network.measure(range(len(GENERAL_FACTS)), None).hits.sum() >= 30
