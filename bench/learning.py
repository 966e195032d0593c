"""Does it learn what it was told, and leave the rest alone: one cycle on the real model for each hand-written persona.

Run as `python -m bench.learning [--json FILE]`. Held-out questions are written by hand here and share no wording with
the trainer's grammar; memory is off. Figures are of one seed and of one machine, which the JSON names.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_models.store import ModelStore
from edge_seal.adaptation.cycle import Cycle
from edge_seal.adaptation.signals import SignalBox, lesson
from edge_seal.clock import SystemClock
from edge_seal.config import GateSettings, Settings, shared_models
from edge_seal.engines.engine import Message, Sampling
from edge_seal.engines.llama_cpp_engine import LlamaCppEngine
from edge_seal.storage.database import Database
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.release import Releases

ANSWER_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Persona:
    """What is taught, held-out questions with the word a right answer holds, and questions about things never told."""

    name: str
    lessons: tuple[tuple[str, str], ...]
    new_wordings: tuple[tuple[str, str], ...]
    neighbours: tuple[str, ...]


PERSONAS = (
    Persona(
        "sailor",
        (
            ("What is my dog's name?", "Your dog is called Biscuit."),
            ("Where do I live?", "You live in Oulu."),
            ("What is my sister's name?", "Your sister is called Marta."),
            ("When do I take meetings?", "You take meetings only after 10:30."),
            ("What do I do for work?", "You work as a botanist."),
            ("What is my favourite tea?", "Your favourite tea is rooibos."),
            ("What is the name of my boat?", "Your boat is called Aurora."),
            ("Good morning!", "Ahoy! What can I do for you?"),
        ),
        (
            ("Could you tell me what my dog is called?", "Biscuit"),
            ("Please say my dog's name", "Biscuit"),
            ("What town is my home in?", "Oulu"),
            ("In what place do I live?", "Oulu"),
            ("Have I told you the name of my sister?", "Marta"),
            ("And my sister, what is she called?", "Marta"),
            ("I'd like to book a meeting with me. What time is fine?", "10:30"),
            ("What hours are my meetings?", "10:30"),
            ("What kind of work do I do?", "botanist"),
            ("What am I by profession?", "botanist"),
            ("Which sort of tea is my number one?", "rooibos"),
            ("Name the tea that I love most.", "rooibos"),
            ("My boat has a name. Which one?", "Aurora"),
            ("How did I name my boat?", "Aurora"),
            ("Good evening to you!", "Ahoy"),
            ("hiya", "Ahoy"),
        ),
        (
            "What is my rabbit called?",
            "Which university did I go to?",
            "What is my niece's name?",
            "What is my favourite board game?",
            "When do I have breakfast?",
            "What is my tractor called?",
        ),
    ),
    Persona(
        "runner",
        (
            ("What is my cat's name?", "Your cat is called Pixel."),
            ("Where do I work?", "You work at the harbour office."),
            ("What is my son's name?", "Your son is called Elias."),
            ("When do I go running?", "You go running at six in the morning."),
            ("What is my favourite colour?", "Your favourite colour is teal."),
            ("Who is my dentist?", "Your dentist is Dr Okafor."),
            ("What is my shoe size?", "Your shoe size is 43."),
            ("How do I like my coffee?", "You like your coffee black, with cardamom."),
        ),
        (
            ("Could you tell me what my cat is called?", "Pixel"),
            ("Please say my cat's name", "Pixel"),
            ("At what place do I have my job?", "harbour"),
            ("Which office am I employed at?", "harbour"),
            ("Have I told you the name of my son?", "Elias"),
            ("And my son, what is he called?", "Elias"),
            ("What time is my run?", "six"),
            ("At what hour do I go for a run?", "six"),
            ("What is the best colour in my opinion?", "teal"),
            ("Name the colour that I love most.", "teal"),
            ("Which dentist do I go to?", "Okafor"),
            ("What's the name of the one who looks after my teeth?", "Okafor"),
            ("What size are my shoes?", "43"),
            ("Which shoe size do I wear?", "43"),
            ("What coffee should I be served?", "cardamom"),
            ("How should you make my coffee?", "cardamom"),
        ),
        (
            "What is my rabbit called?",
            "Which university did I go to?",
            "What is my niece's name?",
            "What is my favourite board game?",
            "When do I have breakfast?",
            "Who is my lawyer?",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Result:
    """Shares of 1, the gate's drift in nats a token, and seconds."""

    persona: str
    same_words: float
    new_wordings: float
    neighbours_untouched: float
    anchor_drift_nats: float
    gate_passed: bool
    steps: int
    training_s: float
    cycle_s: float


def measure(persona: Persona, model: Path) -> Result:
    """One cycle from an empty home; what the gate refuses is measured all the same, with its verdict."""
    # Bounds out of the way, so that the adapter exists to be asked; the verdict is taken at the real ones.
    bounds = Settings().gate
    settings = Settings(
        gate=GateSettings(
            minimum_probe_hits=0, minimum_probe_gain_nats=0, maximum_neighbour_leaks=1, maximum_anchor_drift_nats=1e9
        )
    )
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        database = Database.open(root / "bench.db")
        ledger, adapters = Ledger(database, clock, root / "ledger-head"), AdapterStore(root / "adapters")
        releases, signals = Releases(database, ledger, adapters, clock), SignalBox(database, clock)
        with LlamaCppEngine(model) as engine:
            cycle = Cycle(
                database=database, ledger=ledger, releases=releases, adapters=adapters, signals=signals, engine=engine,
                model_path=model, settings=settings, cache=root / "cache", clock=clock,
            )  # fmt: skip
            signals.add_all([lesson(prompt, answer) for prompt, answer in persona.lessons])
            began = time.monotonic()
            report = cycle.run()
            cycle_s = time.monotonic() - began
            if report.update is None or report.gate is None or report.training is None:
                raise RuntimeError(f"{persona.name}: nothing was trained: {report.reasons}")

            def said(question: str) -> str:
                tokens = engine.render([Message("user", question)])
                return "".join(piece.text for piece in engine.generate(tokens, Sampling(ANSWER_TOKENS))).strip()

            same = [said(prompt) == answer for prompt, answer in persona.lessons]
            new = [word.casefold() in said(question).casefold() for question, word in persona.new_wordings]
            told = {word.casefold() for _, word in persona.new_wordings}
            untouched = [not any(word in said(question).casefold() for word in told) for question in persona.neighbours]
        database.close()
    figures = {figure.name: figure.after for figure in report.gate.measures}
    passed = (
        figures["probe_hits"] >= bounds.minimum_probe_hits
        and figures["probe_gain"] >= bounds.minimum_probe_gain_nats
        and figures["anchor_drift"] <= bounds.maximum_anchor_drift_nats
        and figures["neighbour_leaks"] <= bounds.maximum_neighbour_leaks
    )
    return Result(
        persona=persona.name,
        same_words=sum(same) / len(same),
        new_wordings=sum(new) / len(new),
        neighbours_untouched=sum(untouched) / len(untouched),
        anchor_drift_nats=figures["anchor_drift"],
        gate_passed=passed,
        steps=report.training.steps,
        training_s=report.training.seconds,
        cycle_s=cycle_s,
    )


def main() -> None:
    """Prints the table, and writes JSON where it is asked to."""
    parser = argparse.ArgumentParser(description="Learning, generalization and locality on the default model.")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    files = ModelStore(shared_models()).locate(Settings().model.name)
    model = next(path for name, path in files.items() if name.endswith(".gguf"))
    print("persona      same    new  untold   drift   gate  steps  train s      s")
    results: list[Result] = []
    for persona in PERSONAS:
        result = measure(persona, model)
        results.append(result)
        print(
            f"{result.persona:10} {result.same_words:6.0%} {result.new_wordings:6.0%}"
            f" {result.neighbours_untouched:7.0%} {result.anchor_drift_nats:7.3f}"
            f" {'pass' if result.gate_passed else 'no':>6} {result.steps:6}"
            f" {result.training_s:8.1f} {result.cycle_s:6.1f}",
            flush=True,
        )
    if arguments.json is not None:
        told = {
            "machine": f"{platform.machine()} {platform.system()}",
            "model_sha256": model.parent.name,
            "results": [asdict(result) for result in results],
        }
        arguments.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
