from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from edge_kernels.trie import TokenTrie
from edge_seal.adaptation import example_network
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.step_terms import Pair, StepTerms, Weighing
from edge_seal.adaptation.workers import Workers
from tests.adaptation.networks import fresh_adapter, network_of, sequence, write_tiny_model


def blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_parts_are_computed_at_the_same_time_and_come_in_order() -> None:
    both = threading.Barrier(2, timeout=10)

    def part(number: int) -> int:
        both.wait()
        time.sleep(0.05 if number == 0 else 0)
        return number

    with Workers.opened(2) as workers:
        assert list(workers.each(part, [0, 1])) == [0, 1]


def test_blas_has_one_thread_while_workers_are_open_and_as_many_as_before_afterwards() -> None:
    before = blas_threads()
    assert before
    with Workers.opened(2):
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_an_error_in_a_part_reaches_the_caller_and_ends_the_workers() -> None:
    def part(number: int) -> int:
        if number == 1:
            raise KeyboardInterrupt
        return number

    with pytest.raises(KeyboardInterrupt), Workers.opened(2) as workers:
        list(workers.each(part, range(8)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("edge-seal-step")]


SEQUENCES = [sequence((1, 2, 3, 4 + one % 3, 9 + one), (20 + one, 21, 22 + one % 2)) for one in range(12)]


class TestSharedOut:
    @pytest.mark.parametrize("parts", [1, 2, 5, 40])
    def test_every_unit_is_in_one_part_and_parts_are_about_as_large(self, parts: int) -> None:
        trie = TokenTrie(SEQUENCES)
        units = [[0, 7], *([one] for one in range(12) if one not in {0, 7})]
        groups = trie.shared_out(units, parts)
        assert sorted(map(tuple, (unit for group in groups for unit in group))) == sorted(map(tuple, units))
        assert len(groups) <= parts
        if parts == 2:
            sizes = [trie.nodes([example for unit in group for example in unit]) for group in groups]
            assert max(sizes) < 0.75 * sum(sizes)


def gradient_by(
    path: Path, count: int, monkeypatch: pytest.MonkeyPatch, *, part_tokens: int = 20
) -> tuple[float, np.ndarray]:
    monkeypatch.setattr(example_network, "PART_TOKENS", part_tokens)
    monkeypatch.setattr(example_network, "LEAST_PART_TOKENS", 8)
    terms = StepTerms(range(10), np.linspace(0.5, 1.5, 10), pairs=[Pair(3, 11)])
    with Workers.opened(count) as workers, network_of(path, SEQUENCES, dtype=np.float64) as prepared:
        network = ExampleNetwork(prepared.decoder, SEQUENCES, workers)
        network.prepare()
        adapter = fresh_adapter(network)
        adapter.values[...] += np.random.default_rng(2).normal(size=len(adapter.values)) * 0.1
        found = network.gradient(terms, adapter, Weighing(first_token=3.0))
        return found.loss_nats, found.adapter.values


def test_a_step_is_the_same_on_one_thread_and_on_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    whole_loss, whole = gradient_by(path, 1, monkeypatch, part_tokens=1000)
    for count in (1, 2, 3):
        loss, values = gradient_by(path, count, monkeypatch)
        assert loss == pytest.approx(whole_loss, rel=1e-12)
        assert np.abs(values - whole).max() < 1e-12 * np.abs(whole).max()


def test_several_threads_give_the_same_bits_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tiny_model(tmp_path / "tiny.gguf")
    runs = [gradient_by(path, 3, monkeypatch) for _ in range(3)]
    assert all(loss == runs[0][0] and np.array_equal(values, runs[0][1]) for loss, values in runs)
