"""Names of others by a spaCy pipeline, an extra: what is said where it is missing, and what a real one finds.

The pipeline is trained here, on a few sentences, where spaCy is installed (`pip install "edge-seal[ner]"`); elsewhere
those tests are skipped.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edge_seal.adaptation import admission
from edge_seal.adaptation.guardian import NameFinder, Policy, Purpose, judge, policy_of, redacted
from edge_seal.adaptation.signals import lesson
from edge_seal.config import DataPolicySettings, RememberedData, TrainedData
from edge_seal.engines.spacy_names import SpacyNames
from edge_seal.errors import ConfigError, EngineError
from edge_seal.records import Action
from tests.cli.conftest import CommandLine, cli

__all__ = ["cli"]  # a fixture

NAMES = (
    "Aino Virtanen", "Tom Baker", "Maria Lopez", "Jan Novak", "Ella Smith", "Otto Berg", "Nina Rossi", "Paul Weber",
)  # fmt: skip
SENTENCES = ("I met {} today.", "{} lives in Turku.", "Ask {} about it.", "The car of {} is red.", "{} and I talked.")
PLAIN = ("The kettle is red.", "I live in Turku today.", "Ask about the car.", "We talked and it was late.")

has_spacy = find_spec("spacy") is not None
with_spacy = pytest.mark.skipif(not has_spacy, reason='needs spaCy: pip install "edge-seal[ner]"')


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that has learned these names in these sentences, on the disk."""
    spacy: Any = import_module("spacy")
    example: Any = import_module("spacy.training").Example
    import_module("spacy.util").fix_random_seed(1)
    nlp: Any = spacy.blank("en")
    recognizer = nlp.add_pipe("ner")
    recognizer.add_label("PERSON")
    examples = [example.from_dict(nlp.make_doc(text), {"entities": []}) for text in PLAIN]
    for name in NAMES:
        for sentence in SENTENCES:
            start = sentence.index("{}")
            marked = {"entities": [(start, start + len(name), "PERSON")]}
            examples.append(example.from_dict(nlp.make_doc(sentence.format(name)), marked))
    nlp.initialize(lambda: examples)
    shuffled = random.Random(1)
    for _ in range(12):
        shuffled.shuffle(examples)
        nlp.update(examples)
    directory = tmp_path_factory.mktemp("pipeline") / "names"
    nlp.to_disk(directory)
    return directory


def settings(
    name: str, *, train: TrainedData | None = None, remember: RememberedData | None = None
) -> DataPolicySettings:
    return DataPolicySettings(names_model=name, train=train or TrainedData(), remember=remember or RememberedData())


def test_by_default_nothing_of_it_is_loaded() -> None:
    assert admission.policy_from(DataPolicySettings()).names is None


@pytest.mark.skipif(has_spacy, reason="spaCy is installed")
def test_without_spacy_it_says_what_to_install() -> None:
    with pytest.raises(EngineError) as refused:
        admission.policy_from(settings("en_core_web_sm"))
    assert "edge-seal[ner]" in str(refused.value.next_step)


@pytest.mark.skipif(has_spacy, reason="spaCy is installed")
def test_a_recognizer_that_is_not_there_lets_nothing_in(cli: CommandLine) -> None:
    cli.home.config_file.write_text('[data_policy]\nnames_model = "en_core_web_sm"\n', encoding="utf-8")
    for command in (["teach", "--prompt", "Who?", "--answer", "Rex"], ["remember", "My dog is called Rex"]):
        ran = cli(*command, code=1)
        assert "edge-seal[ner]" in ran.err
    assert "edge-seal[ner]" in cli("guard", "scan", "-", stdin="Rex", code=1).err
    assert cli("memory", "list", "--json").json["memories"] == []


def test_a_directory_beside_the_program_is_no_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder of somebody else's in which the program is run is not to be loaded because it has the name.
    (tmp_path / "pipelines" / "names").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="absolute path"):
        SpacyNames.opened("pipelines/names")
    with pytest.raises((ConfigError, EngineError)):
        SpacyNames.opened("pipelines")


@with_spacy
def test_a_pipeline_that_is_not_installed_is_said(tmp_path: Path) -> None:
    for name in ("no_such_pipeline", "os.path", str(tmp_path / "nowhere")):
        with pytest.raises(ConfigError, match="no such pipeline"):
            SpacyNames.opened(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EngineError, match="cannot be loaded"):
        SpacyNames.opened(str(tmp_path / "empty"))
    with pytest.raises(EngineError, match="cannot be loaded"):
        SpacyNames.opened("json")  # a package, and no pipeline


@with_spacy
def test_a_pipeline_that_finds_no_persons_is_refused(tmp_path: Path) -> None:
    import_module("spacy").blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(ConfigError, match="finds no persons"):
        SpacyNames.opened(str(tmp_path / "blank"))


@with_spacy
def test_names_that_no_rule_knows_are_told_and_do_not_decide(trained: Path) -> None:
    policy = admission.policy_from(settings(str(trained)))
    text = "Yesterday I met Ella Novak today."
    assert judge(text, purpose=Purpose.TRAIN).findings == ()
    (finding,) = judge(text, purpose=Purpose.TRAIN, policy=policy).findings
    assert (finding.rule, finding.action) == ("personal.name_found", Action.ALLOW)
    assert "Novak" in text[finding.start : finding.end]
    assert "Novak" not in repr(finding)
    assert judge("The kettle is red.", purpose=Purpose.TRAIN, policy=policy).findings == ()


@with_spacy
def test_where_the_policy_says_so_a_name_stops_a_lesson_and_is_masked_in_memory(trained: Path) -> None:
    chosen = settings(
        str(trained), train=TrainedData(name_of_other="block"), remember=RememberedData(name_of_other="redact")
    )
    policy = admission.policy_from(chosen)
    assert admission.of_lessons([lesson("Whom did I meet?", "I met Otto Berg today.")], policy=policy).is_blocked
    text = "I met Otto Berg today."
    (verdict,) = admission.of_memories([text], policy=policy).verdicts
    assert redacted(text, verdict) == "I met [personal.name_found] today."


@with_spacy
def test_who_introduces_themselves_is_no_third_party(trained: Path) -> None:
    policy = admission.policy_from(settings(str(trained)))
    found = judge("My name is Tom Baker.", purpose=Purpose.TRAIN, policy=policy).findings
    assert found == ()


# What does not need spaCy: a recognizer is a function from a text to places ----------------------------------


def _policy(finder: NameFinder) -> Policy:
    chosen = settings("", train=TrainedData(name_of_other="quarantine"))
    return policy_of(chosen.train.model_dump(), chosen.remember.model_dump(), (), finder)


def test_a_recognizer_that_fails_or_takes_too_long_has_refused() -> None:
    def fails(text: str) -> Iterator[tuple[int, int]]:
        raise RuntimeError("weights")

    def hangs(text: str) -> Iterator[tuple[int, int]]:
        while True:
            pass

    for finder in (fails, hangs):
        verdict = judge("I met Otto.", purpose=Purpose.TRAIN, policy=_policy(finder), check_bound_s=0.2)
        assert verdict.action is Action.BLOCK
        assert [finding.rule for finding in verdict.findings] == ["guardian.failed"]


def test_a_recognizer_reads_the_text_as_it_was_given_and_once() -> None:
    heard: list[str] = []

    def hears(text: str) -> Iterator[tuple[int, int]]:
        heard.append(text)
        yield 6, 10

    text = "I met Otto.\nSGVsbG8sIE90dG8gQmVyZyBpcyBoZXJl"
    (finding,) = judge(text, purpose=Purpose.TRAIN, policy=_policy(hears)).findings
    assert heard == [text]
    assert (finding.start, finding.end, finding.action) == (6, 10, Action.QUARANTINE)
