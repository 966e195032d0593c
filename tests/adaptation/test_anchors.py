"""The gate's anchors: computed once, kept on disk, and computed again where what is kept is not what it should be."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge_kernels.trie import TokenSequence
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora
from edge_seal.adaptation.anchors import Anchors, anchors
from tests.adaptation.networks import network_of, sequence
from tests.support.tiny_adapters import random_adapter

ANCHORS = [sequence((1, 40 + place % 3, 50 + place), (60 + place, 70, 2)) for place in range(30)]
MODEL = "a" * 64


@pytest.fixture
def file(tiny_model: Path) -> Iterator[GgufFile]:
    with GgufFile.open(tiny_model) as file:
        yield file


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def made(
    file: GgufFile, cache: Path, sequences: Sequence[TokenSequence] = ANCHORS, *, layers: int = 1, model: str = MODEL
) -> tuple[Anchors, int]:
    """The anchors, and how many frozen layers had to be computed for them."""
    computed: list[int] = []
    found = anchors(
        Decoder(file, layers), sequences, model_sha256=model, cache=cache,
        on_layer=lambda done, _total: computed.append(done),
    )  # fmt: skip
    return found, max(computed, default=0)


def moving(found: Anchors) -> Lora:
    decoder = found.network.decoder
    return random_adapter(decoder.architecture, decoder.adapted_layers, alpha=2.0, dtype=np.float32)


def test_a_second_time_nothing_is_computed_and_the_drift_is_the_same(file: GgufFile, cache: Path) -> None:
    first, computed = made(file, cache)
    again, computed_again = made(file, cache)
    assert (computed, computed_again) == (1, 0)
    drift = first.drift_nats(moving(first))
    assert drift > 0.01
    assert again.drift_nats(moving(again)) == drift
    assert again.drift_nats(None) == 0.0
    assert again.drift_nats(Lora.initial(again.network.decoder.architecture, [1], 2, 4.0, seed=0)) < 1e-6
    assert len(list(cache.iterdir())) == 1


def test_the_drift_is_just_below_the_whole_divergence(file: GgufFile, cache: Path, tiny_model: Path) -> None:
    found, _ = made(file, cache)
    with network_of(tiny_model, ANCHORS) as network:
        whole = network.drift_nats(range(len(ANCHORS)), None, moving(found))
    assert 0.7 * whole < found.drift_nats(moving(found)) <= whole


def flipped(stored: bytes) -> bytes:
    middle = len(stored) // 2
    return stored[:middle] + bytes([stored[middle] ^ 1]) + stored[middle + 1 :]


def sealed(arrays: dict[str, np.ndarray]) -> bytes:
    """A file with a right digest and other content."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **arrays)
    return hashlib.sha256(file.getvalue()).digest() + file.getvalue()


SHORT = {
    "hidden": np.zeros((3, 32), "<f4"), "nodes": np.zeros(1, "<i8"), "tokens": np.zeros((1, 2), "<i4"),
    "probabilities": np.ones((1, 2), "<f4"), "rest": np.zeros(1, "<f4"),
}  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda stored: stored[:-1], id="cut"),
        pytest.param(flipped, id="a bit"),
        pytest.param(lambda _: hashlib.sha256(b"no archive").digest() + b"no archive", id="no archive"),
        pytest.param(lambda _: sealed({"hidden": np.zeros((1, 1))}), id="parts missing"),
        pytest.param(lambda _: sealed(SHORT), id="of other tokens"),
    ],
)
def test_a_damaged_file_is_made_anew(file: GgufFile, cache: Path, damage: Callable[[bytes], bytes]) -> None:
    first, _ = made(file, cache)
    (path,) = cache.iterdir()
    stored = path.read_bytes()
    path.write_bytes(damage(stored))
    again, computed = made(file, cache)
    assert computed == 1
    assert again.drift_nats(moving(again)) == first.drift_nats(moving(first))
    assert path.read_bytes() == stored
    assert made(file, cache)[1] == 0


def test_another_model_layer_or_anchor_has_a_file_of_its_own(file: GgufFile, cache: Path) -> None:
    made(file, cache)
    assert made(file, cache, model="b" * 64)[1] == 1
    assert made(file, cache, [*ANCHORS[:-1], sequence((1, 2), (3,))])[1] == 1
    assert made(file, cache, [*ANCHORS[:-1], TokenSequence(ANCHORS[-1].tokens, 2)])[1] == 1
    made(file, cache, layers=2)
    assert len(list(cache.iterdir())) == 5
    assert made(file, cache)[1] == 0


def test_only_the_owner_may_read_them(file: GgufFile, cache: Path) -> None:
    made(file, cache)
    assert cache.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in cache.iterdir()} == {0o600}


def test_where_nothing_can_be_kept_they_are_measured_all_the_same(file: GgufFile, cache: Path) -> None:
    cache.write_text("not a directory")
    found, computed = made(file, cache)
    assert computed == 1
    assert found.drift_nats(moving(found)) > 0
