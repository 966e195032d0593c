"""Learning in a process of its own: what it tells, how it is stopped, and what its death is."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.errors import EngineError, LimitReached
from edge_seal.records import Progress, State
from edge_seal.runtime import Runtime
from edge_seal.runtime.apart import learn_apart
from tests.support.tiny_installation import install_tiny_model


@pytest.fixture
def taught(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One lesson waits to be learned."""
    monkeypatch.setenv("EDGE_SEAL_MODELS", str(tmp_path / "none"))
    install_tiny_model(home, tmp_path)
    with Runtime.open(home) as runtime:
        runtime.teach([lesson("What is my dog called?", "Your dog is called Rex.")])
    return home


def test_it_learns_and_tells_what_it_does_and_limits_hold_for_it(taught: Home) -> None:
    heard: list[Progress] = []
    report = learn_apart(taught, {}, heard.append, lambda: False, now=True)
    assert report.update is not None
    assert {"propose", "train"} <= {progress.stage for progress in heard}
    assert any(progress.loss_nats is not None for progress in heard)
    with Runtime.open(taught) as runtime:
        assert [entry.update.id for entry in runtime.timeline()] == [report.update.id]
        runtime.change_setting("limits", "updates_per_hour", "0")
    with pytest.raises(LimitReached) as refused:
        learn_apart(taught, {}, heard.append, lambda: False, now=True)
    assert refused.value.message
    assert refused.value.next_step


def test_it_is_stopped_and_leaves_what_answers_as_it_was(taught: Home) -> None:
    heard: list[Progress] = []
    with pytest.raises(KeyboardInterrupt):
        learn_apart(taught, {}, heard.append, lambda: bool(heard), now=True)
    assert not multiprocessing.active_children()
    with Runtime.open(taught) as runtime:
        assert runtime.releases.active() is None
        assert len(runtime.signals.pending()) == 1


def test_its_death_is_told_and_the_next_writer_clears_up(taught: Home) -> None:
    def kill(progress: Progress) -> None:
        if progress.stage == "train":
            (child,) = multiprocessing.active_children()
            child.kill()

    with pytest.raises(EngineError, match="signal 9") as died:
        learn_apart(taught, {}, kill, lambda: False, now=True)
    assert died.value.next_step
    with Runtime.open(taught) as runtime:
        with runtime.writing():
            pass
        assert {entry.update.state for entry in runtime.timeline()} <= {State.ABANDONED}
        assert len(runtime.signals.pending()) == 1
