"""The network on MLX against the one in numpy: the same logits, the same loss, the same gradients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_kernels.arrays import FloatArray
from edge_kernels.trie import TokenSequence, TokenTrie
from edge_models.adapter import LoraTensors
from edge_models.decoder import Decoder
from edge_models.errors import UnsupportedModel
from edge_models.gguf_file import GgufFile
from edge_models.lora import lora_tensors
from edge_models.network import open_network
from tests.kernels.differences import assert_close
from tests.models.test_families import CASES, GEMMAS
from tests.support.tiny_adapters import all_logits, frozen_output, random_adapter, trie_loss
from tests.support.tiny_families import write_tiny_model
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf

pytest.importorskip("mlx.core", reason="MLX is not on this machine: install the extra `dev`")

EXAMPLES = [
    TokenSequence((1, 40, 41, 50, 51, 2), 3),
    TokenSequence((1, 40, 41, 52, 2), 3),
    TokenSequence((1, 40, 60, 61, 62, 63), 2),
    TokenSequence((70, 71), 1),
]
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.0])
ROUNDING = 4e-5
"""Both are float32, off float64 by 2e-6 of the largest value, up to 1.2e-5 for keys, whose terms nearly cancel."""


@pytest.fixture(params=["F32", "F16", "Q8_0", "Q4_0", "Q4_1"])
def tiny_file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GgufFile]:
    model = TinyLlama(layers=3, heads=4, kv_heads=2, quantization=request.param, tied=request.param != "F16")
    with GgufFile.open(write_tiny_gguf(tmp_path / "tiny.gguf", model)) as file:
        yield file


@pytest.mark.parametrize("adapted", [1, 3], ids=["top layer", "all layers"])
def test_loss_and_gradients_are_those_of_numpy(tiny_file: GgufFile, adapted: int) -> None:
    numpy, mlx = Decoder(tiny_file, adapted), open_network(tiny_file, adapted, "mlx")
    adapter = random_adapter(numpy.architecture, numpy.adapted_layers, dtype=np.float32)
    expected, found = (trie_loss(network, EXAMPLES, WEIGHTS, adapter) for network in (numpy, mlx))
    assert found.nats == pytest.approx(expected.nats, rel=ROUNDING)
    for name in adapter.a:
        assert_close(found.gradient.a[name], expected.gradient.a[name], ROUNDING)
        assert_close(found.gradient.b[name], expected.gradient.b[name], ROUNDING)


def test_logits_and_frozen_layers_are_those_of_numpy(tiny_file: GgufFile) -> None:
    numpy, mlx = Decoder(tiny_file, 1), open_network(tiny_file, 1, "mlx")
    trie = TokenTrie(EXAMPLES)
    assert_close(frozen_output(mlx, trie, chunk_tokens=8), frozen_output(numpy, trie), ROUNDING)
    assert_close(all_logits(mlx, range(40, 60)), all_logits(numpy, range(40, 60)), ROUNDING)


def test_with_some_of_the_words_it_is_a_part_of_what_it_is_with_all(tiny_file: GgufFile) -> None:
    numpy, mlx = Decoder(tiny_file, 1), open_network(tiny_file, 1, "mlx")
    words, random = np.array([1, 40, 41, 63, 200]), np.random.default_rng(2)
    hidden = random.standard_normal((3, numpy.architecture.width)).astype(np.float32)
    d_logits = random.standard_normal((3, len(words))).astype(np.float32)
    backward: list[FloatArray] = []
    for network in (numpy, mlx):
        whole, narrow = network, network.narrowed(words)
        assert narrow.architecture.vocabulary == len(words) < whole.architecture.vocabulary
        logits, inverse = narrow.logits(hidden)
        assert_close(logits, whole.logits(hidden)[0][:, words], ROUNDING)
        backward.append(narrow.logits_backward(d_logits, hidden, inverse))
        spread = np.zeros((3, whole.architecture.vocabulary), np.float32)
        spread[:, words] = d_logits
        assert_close(backward[-1], whole.logits_backward(spread, hidden, inverse), ROUNDING)
    assert_close(backward[1], backward[0], ROUNDING)


@pytest.mark.parametrize("case", [*CASES, *GEMMAS])
def test_every_family_computes_what_it_does_in_numpy(tmp_path: Path, case: str) -> None:
    from edge_models.mlx_sequence import MlxSequence

    model = {**CASES, **GEMMAS}[case]
    with GgufFile.open(write_tiny_model(tmp_path / "tiny.gguf", model)) as file:
        adapted = min(model.layers, 2)
        numpy, mlx = Decoder(file, adapted), open_network(file, adapted, "mlx")
        adapter = random_adapter(numpy.architecture, numpy.adapted_layers, dtype=np.float32)
        long = [TokenSequence(tuple(range(40, 62)), 3), *EXAMPLES[:3]]  # longer than the windows
        expected, found = (trie_loss(network, long, WEIGHTS, adapter) for network in (numpy, mlx))
        assert found.nats == pytest.approx(expected.nats, rel=ROUNDING)
        assert_close(found.gradient.values, expected.gradient.values, ROUNDING)
        tokens, sequence = list(range(40, 62)), MlxSequence(file, 32)
        rows = [sequence.compute(tokens[:9], range(9)), sequence.compute(tokens[9:10], [0])]
        rows.append(sequence.compute(tokens[10:], range(12)))
        assert_close(np.concatenate(rows), all_logits(numpy, tokens), ROUNDING)


def test_a_sequence_in_chunks_computes_what_a_whole_one_does(tiny_file: GgufFile) -> None:
    from edge_models.mlx_sequence import MlxSequence

    numpy = Decoder(tiny_file, 3)
    tokens = [int(token) for token in np.random.default_rng(1).integers(3, 200, 300)]  # more than the cache begins with
    adapter = random_adapter(numpy.architecture, numpy.adapted_layers, dtype=np.float32)
    sequence = MlxSequence(tiny_file, 310)

    def in_chunks() -> list[np.ndarray]:
        rows = [sequence.compute(tokens[:7], range(7)), sequence.compute(tokens[7:8], [0])]
        assert sequence.compute(tokens[8:290], []).shape[0] == 0
        sequence.drop_beyond(250)
        return [*rows, sequence.compute(tokens[250:], [10, 49])]

    for lora in (None, adapter):
        sequence.empty()
        sequence.use(lora and LoraTensors("llama", lora.rank, lora.alpha, lora_tensors(lora)))
        expected = all_logits(numpy, tokens, lora)[[*range(8), 260, 299]]
        assert_close(np.concatenate(in_chunks()), expected, ROUNDING)


def test_an_adapter_of_other_weights_is_refused(tiny_file: GgufFile) -> None:
    from edge_models.mlx_sequence import MlxSequence

    sequence = MlxSequence(tiny_file, 16)
    a, b = np.ones((2, 64), np.float32), np.ones((64, 2), np.float32)
    with pytest.raises(UnsupportedModel, match=r"blk\.7\.attn_q"):
        sequence.use(LoraTensors("llama", 2, 1.0, {"blk.7.attn_q.weight": (a, b)}))
    with pytest.raises(UnsupportedModel, match="incorrect shape"):
        sequence.use(LoraTensors("llama", 2, 1.0, {"blk.1.ffn_up.weight": (a, b)}))


class TestRefuses:
    @pytest.fixture
    def whole(self, tmp_path: Path) -> Iterator[GgufFile]:
        with GgufFile.open(write_tiny_gguf(tmp_path / "tiny.gguf")) as file:
            yield file

    def test_a_backward_of_what_was_not_kept_for_it(self, whole: GgufFile) -> None:
        network = open_network(whole, 2, "mlx")
        adapter = random_adapter(network.architecture, network.adapted_layers, dtype=np.float32)
        trie = TokenTrie(EXAMPLES)
        batch = trie.batch([0])
        done = network.forward(frozen_output(network, trie)[batch.nodes], batch, adapter, for_backward=False)
        with pytest.raises(TypeError, match="not computed for a backward"):
            network.backward(done, done.hidden, adapter)

    def test_an_adapter_for_frozen_layers(self, whole: GgufFile) -> None:
        network = open_network(whole, 1, "mlx")
        adapter = random_adapter(network.architecture, range(2), dtype=np.float32)
        batch = TokenTrie(EXAMPLES).batch([0])
        with pytest.raises(ValueError, match="layers"):
            network.forward(np.zeros((len(batch.nodes), 64), np.float32), batch, adapter)

    def test_a_number_of_layers_below_zero(self, whole: GgufFile) -> None:
        with pytest.raises(ValueError, match="cannot be adapted"):
            open_network(whole, -1, "mlx")
