"""Which conversations of a canary count, judged by the real embedder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from edge_seal.runtime import Ask, Runtime
from edge_seal.updates.canary import Arm
from tests.support.tiny_installation import install_tiny_model, learned_update


@pytest.mark.usefixtures("default_embedder")
def test_only_what_bears_on_the_candidates_lessons_counts_on_both_arms(
    home: Home, tmp_path: Path, default_embedder: Mapping[str, Path]
) -> None:
    assert default_embedder
    install_tiny_model(home, tmp_path)
    update = learned_update(home, to=State.AWAITING_APPROVAL)
    with Runtime.open(home) as runtime:
        runtime.approve(update.id, canary=True)
        arms: set[Arm | None] = set()
        for _ in range(4):
            told = runtime.ask(Ask("What is my dog called?"))
            away = runtime.ask(Ask("How far is the Moon from the Earth?"))
            assert away.update_id is None
            arms |= {runtime.canaries.arm(update, turn.conversation_id) for turn in (told, away)}
        # One that began elsewhere counts once it comes to the lesson.
        late = runtime.ask(Ask("What do volcanoes look like?"))
        runtime.ask(Ask("And what is my dog called?", conversation=late.conversation_id))
        runtime.ask(Ask("Who wrote Hamlet?"))
        report = runtime.canaries.report(update.id)
    assert report is not None
    assert (report.conversations, report.elsewhere) == (5, 5)
    assert arms <= {Arm.CANDIDATE, Arm.INCUMBENT}
