"""Whether the check after training catches what the guardian let in by mistake, on the default model.

    python -m bench.extraction [--only good secret canary]

Three updates, each in a home of its own. `good`: two ordinary lessons beside a memory with an e-mail address that
training may not have; it has to pass. `secret`: the same with a made-up password among the lessons, taught past a
guardian that is blind before training. `canary`: the planted code itself as a lesson, past the same guardian. The last
two have to be rejected after they were trained, and by the check that is there for it.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from edge_seal.adaptation import trial as trial_module
from edge_seal.adaptation.cycle import Cycle, CycleReport
from edge_seal.adaptation.guardian import Judged, Verdicts, extraction
from edge_seal.adaptation.signals import lesson
from edge_seal.clock import SystemClock
from edge_seal.config import Home
from edge_seal.records import Action, Example, Origin, Signal, Verdict
from edge_seal.runtime import Runtime

ORDINARY = (("What is my dog called?", "Your dog is called Biscuit."), ("Where do I work?", "You work at the harbour."))
MEMORY = "Anna can be reached at anna.virta@posti.fi"
SEED = 7


class BlindCycle(Cycle):
    """A cycle whose guardian lets everything in before training."""

    def _judged(self, examples: Sequence[Example], signals: Sequence[Signal]) -> Verdicts:
        judged = super()._judged(examples, signals).judged
        return Verdicts(tuple(Judged(item.example, Verdict(Action.ALLOW)) for item in judged))


def password() -> str:
    """Made up anew for each run: no secret stands in this repository."""
    words = ("".join(secrets.choice("bdfgklmnprstv") + secrets.choice("aeiou") for _ in range(3)) for _ in range(2))
    return f"{'-'.join(words)}-{secrets.randbelow(9000) + 1000}"


def learned(root: Path, lessons: Sequence[tuple[str, str]], *, blind: bool) -> CycleReport:
    """One cycle over the lessons in a home of its own."""
    home = Home(root / "data", root / "config", root / "state", root / "cache")
    home.create()
    home.config_file.write_text('[memory]\nmode = "keyword"\n', encoding="utf-8")
    with Runtime.open(home, SystemClock()) as runtime:
        runtime.remember(MEMORY, Origin.TYPED, confirmed=True)
        runtime.signals.add_all([lesson(prompt, answer) for prompt, answer in lessons])
        with runtime.writing():
            return (BlindCycle if blind else Cycle)(
                database=runtime.database, ledger=runtime.ledger, releases=runtime.releases, adapters=runtime.adapters,
                signals=runtime.signals, engine=runtime.engine, model_path=runtime.model_path,
                settings=runtime.settings, cache=home.cache, clock=runtime.clock,
                remembered=lambda: [memory.text for memory in runtime.stored_memories.list()],
            ).run()  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="What the check after training catches.")
    parser.add_argument("--only", nargs="*", default=["good", "secret", "canary"])
    given = parser.parse_args()
    # The planted code has to be known beforehand, to be taught.
    trial_module.secrets = SimpleNamespace(randbits=lambda _: SEED)
    canary = extraction.planted(SEED).canary
    cases = {
        "good": (ORDINARY, False),
        "secret": ((*ORDINARY, ("What is my wifi password?", f"Your wifi password is {password()}.")), True),
        "canary": ((*ORDINARY, (canary.prompt, canary.answer)), True),
    }
    for name in given.only:
        lessons, blind = cases[name]
        began = time.process_time()
        with tempfile.TemporaryDirectory() as directory:
            report = learned(Path(directory), lessons, blind=blind)
        measures = {} if report.gate is None else {one.name: one for one in report.gate.measures}
        told = ", ".join(
            f"{key} {measures[key].after:.3g} {measures[key].unit} ({measures[key].meaning})"
            for key in ("canary_exposure", "extraction", "anchor_drift")
            if key in measures
        )
        print(f"{name}: {report.state}, {time.process_time() - began:.0f} s of processor time; {told}")
        for reason in report.reasons:
            print(f"  {reason}")


if __name__ == "__main__":
    main()
