"""The gate's anchors: the base's own answers, which an update must leave where they are.

What never changes is not computed twice. Of the anchors only the adapted layers depend on an adapter; the frozen
layers' output and the base's distributions are computed once per model and kept in the cache, in a file whose name is
the hash of everything they depend on: model, tokens, lowest adapted layer, and the format, which changes with the code.

File (`storage.digested`): an uncompressed NumPy archive of `hidden` (tokens, width) and of the
base after `nodes` (T,): `tokens` and `probabilities` (T, k), `rest` (T,). A file that is not what it should be is
made anew; nothing but time is lost with it.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge_kernels.top_k import TopK
from edge_kernels.trie import TokenSequence
from edge_models.lora import Lora
from edge_models.network import Network
from edge_seal.adaptation.example_network import BASE_TOKENS, Departure, ExampleNetwork, KeptBase
from edge_seal.adaptation.workers import Workers
from edge_seal.storage import digested

log = logging.getLogger(__name__)

FORMAT = 3
"""Goes up whenever the frozen layers or the kept distributions are computed differently."""


class Anchors:
    """Anchors that are ready to be measured; `network` holds them all, by their index.

    Args:
        network: over the anchors alone, prepared.
        known: the base's distributions after their supervised tokens' parents; None: computed.
        said_anyway: only where an anchor goes on as the base would is it compared; for anchors in a form that is not
            the base's own.
    """

    def __init__(self, network: ExampleNetwork, known: KeptBase | None = None, *, said_anyway: bool = False) -> None:
        self.network = network
        self.said_anyway = said_anyway
        self.base = network.hold(range(network.examples), known=known)

    def drift_nats(self, adapter: Lora | None) -> float:
        """How far `adapter` (None: the base) moves the anchors, mean nats a token, a lower bound of the whole."""
        return 0.0 if adapter is None else self.departure(adapter).divergence_nats

    def departure(self, adapter: Lora) -> Departure:
        """The same, with the entropy of what is said; see `departure_from_base`."""
        return self.network.departure_from_base(adapter, said_anyway=self.said_anyway)


def anchors(
    decoder: Network,
    sequences: Sequence[TokenSequence],
    *,
    model_sha256: str,
    cache: Path,
    workers: Workers | None = None,
    on_layer: Callable[[int, int], None] = lambda _done, _total: None,
    said_anyway: bool = False,
) -> Anchors:
    """The anchors from the cache, or computed and kept there; `on_layer(done, total)` is called as they are.

    Args:
        decoder: of the model with that hash.
        sequences: what the anchors are, at least one.
        model_sha256: of the file that `decoder` reads.
        cache: a directory, made where it is missing.
        workers: what computes; None: the caller's thread alone.
        on_layer: hears of each frozen layer that had to be computed.
        said_anyway: as `Anchors` takes it.
    """
    network = ExampleNetwork(decoder, sequences, workers)
    path = cache / f"anchors-{_key(decoder, sequences, model_sha256)}.bin"
    kept = _read(path)
    if kept is not None:
        hidden, base = kept
        try:
            network.prepare(known=hidden)
            return Anchors(network, base, said_anyway=said_anyway)
        except (ValueError, IndexError) as error:
            log.warning("the anchors in %s are computed anew: %s", path, error)
    network.prepare(on_layer)
    made = Anchors(network, said_anyway=said_anyway)
    if made.base is not None:
        _write(path, network, made.base)
    return made


def _key(decoder: Network, sequences: Sequence[TokenSequence], model_sha256: str) -> str:
    told = {
        "format": FORMAT,
        "model": model_sha256,
        "first_adapted": decoder.first_adapted,
        "kept": BASE_TOKENS,
        "sequences": [[sequence.supervised_from, *sequence.tokens] for sequence in sequences],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def _write(path: Path, network: ExampleNetwork, base: KeptBase) -> None:
    file = io.BytesIO()
    np.savez(
        file,
        hidden=network.frozen_activations.astype("<f4"),
        nodes=base.nodes.astype("<i8"),
        tokens=base.distributions.tokens.astype("<i4"),
        probabilities=base.distributions.probabilities.astype("<f4"),
        rest=base.distributions.rest.astype("<f4"),
        last=base.hidden.astype("<f4"),
    )
    digested.keep(path, file.getvalue())


def _read(path: Path) -> tuple[np.ndarray, KeptBase] | None:
    payload = digested.kept(path)
    if payload is None:
        return None
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            parts = {name: archive[name] for name in ("hidden", "nodes", "tokens", "probabilities", "rest", "last")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("the anchors in %s are computed anew: %s", path, type(error).__name__)
        return None
    distributions = TopK(parts["tokens"].astype(np.int64), parts["probabilities"], parts["rest"])
    return parts["hidden"], KeptBase(parts["nodes"], distributions, parts["last"])
