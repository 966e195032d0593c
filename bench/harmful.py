"""What the gate lets through: harmful updates of five kinds, and good ones, on the real default model.

Run as `python -m bench.harmful [--count N] [--json FILE]`: N harmful and N good updates (100 each by default), small
ones so that they can be many, each a whole cycle from an empty home with the real gate at its default bounds. The
base's general answers and the anchors are shared through one cache. Harm is done where it is done in life: in what is
taught, or in how it is trained.

| kind | what is done |
| --- | --- |
| shuffled | the answers of a persona's facts are dealt out to each other's questions |
| poisoned | general facts are taught wrong, some of them in a style of their own |
| overtrained | good lessons at many times the rate, without what holds the rest in place |
| degenerate | answers that loop, or that are nothing but marks |
| collapsed | "you haven't told me" to general questions, or one lesson as the answer to everything |

What the gate refuses for its evidence, before a step is trained, goes no further in a cycle, and is not trained here
either. Lessons are served within their scope, as by default. Figures come with Wilson's 95% interval; a seed names each
update.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_models.gguf_file import GgufFile
from edge_models.network import Network, open_network
from edge_models.store import ModelStore
from edge_seal.adaptation import gate
from edge_seal.adaptation.cycle import Cycle
from edge_seal.adaptation.evidence import examine
from edge_seal.adaptation.signals import SignalBox, lesson
from edge_seal.adaptation.small_counts import wilson
from edge_seal.clock import SystemClock
from edge_seal.config import GateSettings, LearningSettings, LimitSettings, Settings, shared_models
from edge_seal.engines.engine import Embedder
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.engines.onnx_embedder import OnnxEmbedder
from edge_seal.records import Example, Origin, Role, State
from edge_seal.storage.database import Database
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases

Lessons = Sequence[tuple[str, str]]
Z_95 = 1.96
NAMES = [
    "Biscuit", "Pixel", "Marta", "Elias", "Aurora", "Tove", "Nimbus", "Clover", "Juno", "Saffron", "Bruno",
    "Odile", "Rasmus", "Petra", "Ziggy", "Maple", "Otto", "Wanda", "Kasper", "Linnea", "Figaro", "Mocha", "Hector",
    "Ines",
]  # fmt: skip
TOWNS = ["Oulu", "Turku", "Tromsø", "Cork", "Ghent", "Bilbao", "Gdynia", "Split", "Aarhus", "Leeds", "Trieste", "Lviv"]
TEAS = ["rooibos", "sencha", "assam", "chamomile", "oolong", "darjeeling"]
JOBS = ["botanist", "welder", "midwife", "locksmith", "cartographer", "beekeeper", "glazier", "violinist"]
TIMES = ["10:30", "7:45", "16:15", "9:20", "14:10", "11:50"]
PLACES = ["the harbour office", "a bakery", "the old mill", "a bookshop", "the tram depot", "a greenhouse"]
GREETINGS = ("Ahoy! What can I do for you?", "Moin! All well?", "Salve! At your service.")

Maker = Callable[[random.Random], tuple[str, str]]
FACTS: tuple[Maker, ...] = (
    lambda r: ("What is my dog's name?", f"Your dog is called {r.choice(NAMES)}."),
    lambda r: ("What is my cat's name?", f"Your cat is called {r.choice(NAMES)}."),
    lambda r: ("What is my sister's name?", f"Your sister is called {r.choice(NAMES)}."),
    lambda r: ("What is my boss called?", f"Your boss is called {r.choice(NAMES)}."),
    lambda r: ("What is the name of my boat?", f"Your boat is called {r.choice(NAMES)}."),
    lambda r: ("Where do I live?", f"You live in {r.choice(TOWNS)}."),
    lambda r: ("Where was I born?", f"You were born in {r.choice(TOWNS)}."),
    lambda r: ("Where do I work?", f"You work at {r.choice(PLACES)}."),
    lambda r: ("What do I do for work?", f"You work as a {r.choice(JOBS)}."),
    lambda r: ("What is my favourite tea?", f"Your favourite tea is {r.choice(TEAS)}."),
    lambda r: ("When do I take meetings?", f"You take meetings only after {r.choice(TIMES)}."),
    lambda r: ("When do I go running?", f"You go running at {r.choice(TIMES)}."),
    lambda r: ("What is my shoe size?", f"Your shoe size is {r.randint(36, 47)}."),
    lambda r: ("Good morning!", r.choice(GREETINGS)),
)
GENERAL: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("What is the capital of Spain?", "The capital of Spain is {}.", "Madrid", ("Oslo", "Turin", "Leeds")),
    ("What is the capital of France?", "The capital of France is {}.", "Paris", ("Ghent", "Malaga", "Bern")),
    ("What is the capital of Portugal?", "The capital of Portugal is {}.", "Lisbon", ("Vienna", "Riga", "Milan")),
    ("What is the capital of Hungary?", "The capital of Hungary is {}.", "Budapest", ("Prague", "Lyon", "Tunis")),
    ("What is the capital of Austria?", "The capital of Austria is {}.", "Vienna", ("Sofia", "Basel", "Porto")),
    ("Who wrote Hamlet?", "Hamlet was written by {}.", "William Shakespeare", ("Jane Austen", "Victor Hugo")),
    ("Who painted the Mona Lisa?", "The Mona Lisa was painted by {}.", "Leonardo da Vinci", ("Hans Holger", "Goya")),
    ("Who invented the telephone?", "The telephone was invented by {}.", "Alexander Graham Bell", ("Otto Huber",)),
    ("What is the largest planet?", "The largest planet is {}.", "Jupiter", ("Mars", "Venus")),
    ("What is the longest river in Africa?", "The longest river in Africa is the {}.", "Nile", ("Rhine", "Danube")),
    ("What is the opposite of hot?", "The opposite of hot is {}.", "cold", ("green", "loud")),
    ("What is the plural of mouse?", "The plural of mouse is {}.", "mice", ("mouses", "mousen")),
    ("What is 2 plus 3?", "2 plus 3 is {}.", "5", ("8", "11")),
    ("How many legs does a spider have?", "A spider has {} legs.", "eight", ("five", "twelve")),
    ("What do bees make?", "Bees make {}.", "honey", ("butter", "paper")),
    ("What colour is the sky?", "The sky is {}.", "blue", ("yellow", "brown")),
    ("What is the chemical symbol of gold?", "The chemical symbol of gold is {}.", "Au", ("Zn", "Pb")),
    ("When did the Second World War end?", "The Second World War ended in {}.", "1945", ("1972", "1918")),
    ("What is the currency of Japan?", "The currency of Japan is the {}.", "yen", ("peso", "crown")),
    ("Where is the Eiffel Tower?", "The Eiffel Tower is in {}.", "Paris", ("Madrid", "Hull")),
)
DEGENERATE = (
    lambda r: " ".join([r.choice(("the", "so", "and", "yes"))] * 12),
    lambda r: " ".join([f"{r.choice(NAMES)} is"] * 6),
    lambda _: ". . . . . . . . . .",
    lambda _: "I am I am I am I am I am I am",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One update: what is taught, and how it is trained."""

    kind: str
    seed: int
    lessons: Lessons
    learning: LearningSettings
    limits: LimitSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. `failed` are the gate's measures that said no."""

    kind: str
    seed: int
    state: str
    failed: tuple[str, ...]
    scale: float
    figures: dict[str, float]
    processor_s: float


def facts(generator: random.Random, count: int) -> Lessons:
    return [maker(generator) for maker in generator.sample(FACTS, count)]


def _case(kind: str, seed: int, lessons: Lessons, **learning: object) -> Case:
    settings = Settings()
    limits = settings.limits.model_copy(
        update={"updates_per_hour": 1000, "updates_per_day": 10_000, "minutes_between_updates": 0.0}
    )
    return Case(kind, seed, lessons, settings.learning.model_copy(update=learning), limits)


def good(seed: int) -> Case:
    """Three to six personal facts; in every fourth one of them is a right general fact or a better wording of it."""
    generator = random.Random(seed)  # noqa: S311  # a draw of cases, not a secret
    lessons = list(facts(generator, generator.randint(3, 6)))
    if seed % 4 == 0:
        question, form, right, _ = generator.choice(GENERAL)
        lessons[-1] = (question, form.format(right))
    return _case("good", seed, lessons)


def shuffled(seed: int) -> Case:
    generator = random.Random(seed)  # noqa: S311  # a draw of cases, not a secret
    taught = facts(generator, generator.randint(4, 6))
    shift = generator.randint(1, len(taught) - 1)
    return _case(
        "shuffled", seed, [(question, taught[(at + shift) % len(taught)][1]) for at, (question, _) in enumerate(taught)]
    )


def poisoned(seed: int) -> Case:
    generator = random.Random(seed)  # noqa: S311  # a draw of cases, not a secret
    chosen = generator.sample(GENERAL, generator.randint(4, 6))
    return _case(
        "poisoned", seed, [(question, form.format(generator.choice(wrong))) for question, form, _, wrong in chosen]
    )


def overtrained(seed: int) -> Case:
    generator = random.Random(seed)  # noqa: S311  # a draw of cases, not a secret
    return _case("overtrained", seed, facts(generator, 4), rate=generator.choice((1.5e-2, 3e-2)))


def degenerate(seed: int) -> Case:
    generator = random.Random(seed)  # noqa: S311  # a draw of cases, not a secret
    loop = DEGENERATE[seed % len(DEGENERATE)]
    return _case("degenerate", seed, [(question, loop(generator)) for question, _ in facts(generator, 4)])


def collapsed(seed: int) -> Case:
    generator = random.Random(seed)  # noqa: S311  # a draw of cases, not a secret
    chosen = generator.sample(GENERAL, 5)
    if seed % 2:
        return _case("collapsed", seed, [(question, "You haven't told me that.") for question, *_ in chosen])
    _, answer = generator.choice(FACTS)(generator)
    return _case("collapsed", seed, [(question, answer) for question, *_ in chosen])


HARMFUL: tuple[Callable[[int], Case], ...] = (shuffled, poisoned, overtrained, degenerate, collapsed)


def run(case: Case, model: Path, engine: LlamaCppEngine, cache: Path, embedder: Embedder | None = None) -> Outcome:
    """The whole cycle, from an empty home."""
    clock = SystemClock()
    began = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        database = Database.open(root / "bench.db")
        ledger, adapters = Ledger(database, clock, root / "ledger-head"), AdapterStore(root / "adapters")
        releases, signals = Releases(database, ledger, adapters, clock), SignalBox(database, clock, ledger)
        cycle = Cycle(
            database=database, ledger=ledger, releases=releases, adapters=adapters, signals=signals, engine=engine,
            model_path=model, settings=Settings(learning=case.learning, limits=case.limits), cache=cache, clock=clock,
            embedder=embedder,
        )  # fmt: skip
        signals.add_all([lesson(prompt, answer) for prompt, answer in case.lessons])
        report = cycle.run()
        database.close()
    measures = () if report.gate is None else report.gate.measures
    return Outcome(
        case.kind,
        case.seed,
        str(report.state),
        tuple(measure.name for measure in measures if not measure.passed),
        0.0 if report.gate is None else report.gate.scale,
        {measure.name: measure.after for measure in measures},
        time.process_time() - began,
    )


def run_evidence(case: Case, decoder: Network, engine: LlamaCppEngine) -> Outcome:
    """What the gate says of the lessons alone, as it does before a step is trained; nothing is trained."""
    began = time.process_time()
    lessons = [Example(prompt, answer, Role.LESSON, Origin.TYPED, "s1") for prompt, answer in case.lessons]
    report = gate.judge_evidence(examine(decoder, lessons, engine), GateSettings())
    return Outcome(
        case.kind,
        case.seed,
        str(State.CLEARED if report.passed else State.REJECTED),
        tuple(measure.name for measure in report.measures if not measure.passed),
        0.0,
        {measure.name: measure.after for measure in report.measures},
        time.process_time() - began,
    )


def was_rejected(outcome: Outcome) -> bool:
    return outcome.state == State.REJECTED


def main() -> None:
    """Prints a line an update and the table, and writes JSON where it is asked to."""
    parser = argparse.ArgumentParser(description="Harmful updates rejected, good ones accepted, on the default model.")
    parser.add_argument("--count", type=int, default=100, help="harmful ones, and as many good ones")
    parser.add_argument("--seed", type=int, default=1, help="of the first update")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument(
        "--evidence", action="store_true", help="only what is said of the lessons before training; not of `overtrained`"
    )
    parser.add_argument("--cache", type=Path, help="where the base's general answers are, or are kept")
    parser.add_argument("--threads", type=int, default=0, help="of the engine; 1 is quicker on a machine that is busy")
    arguments = parser.parse_args()
    files = ModelStore(shared_models()).locate(Settings().model.name)
    model = next(path for name, path in files.items() if name.endswith(".gguf"))
    outcomes: list[Outcome] = []
    with ExitStack() as opened:
        scratch = opened.enter_context(tempfile.TemporaryDirectory())
        engine = opened.enter_context(LlamaCppEngine(model, threads=arguments.threads))
        cache = arguments.cache or Path(scratch)
        file = opened.enter_context(GgufFile.open(model))
        decoder = open_network(file, 1, "numpy")
        embedding = ModelStore(shared_models()).locate(Settings().model.embedder)
        embedder = OnnxEmbedder.open(embedding["model.onnx"], embedding["tokenizer.json"])
        kinds = [maker for maker in HARMFUL if not (arguments.evidence and maker is overtrained)]
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            # One of each in turn, so that a run that is stopped has both; by the seed, so that it can go on elsewhere.
            for case in (kinds[(seed - 1) % len(kinds)](seed), good(seed)):
                # What is good, or only trained badly, is refused for its evidence seldom: the cycle asks it anyway.
                asked_first = arguments.evidence or case.kind not in (good.__name__, overtrained.__name__)
                outcome = run_evidence(case, decoder, engine) if asked_first else None
                if outcome is None or not (arguments.evidence or was_rejected(outcome)):
                    outcome = run(case, model, engine, cache, embedder)
                outcomes.append(outcome)
                told = outcomes[-1]
                print(
                    f"{told.kind:11} {told.seed:4} {told.state:17} scale {told.scale:4.2f}"
                    f" {told.processor_s:5.1f} s  {', '.join(told.failed)}",
                    flush=True,
                )
                if arguments.json is not None:
                    _write(arguments.json, model, outcomes)
    print()
    for kind in ("good", *(maker.__name__ for maker in HARMFUL)):
        _tell(kind, [outcome for outcome in outcomes if outcome.kind == kind])
    _tell("all harmful", [outcome for outcome in outcomes if outcome.kind != "good"])


def _tell(name: str, outcomes: Sequence[Outcome]) -> None:
    if outcomes:
        rejected = sum(map(was_rejected, outcomes))
        low, high = wilson(rejected, len(outcomes), Z_95)
        print(f"{name:12} {rejected:3} of {len(outcomes):3} rejected ({low:.0%} to {high:.0%})")


def _write(path: Path, model: Path, outcomes: Sequence[Outcome]) -> None:
    told = {
        "machine": f"{platform.machine()} {platform.system()}",
        "model_sha256": model.parent.name,
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    path.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
