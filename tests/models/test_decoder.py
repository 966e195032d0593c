"""The network's gradient, its frozen split, tries against single sequences, and the files it refuses."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge_kernels.arrays import FloatArray
from edge_kernels.branch_attention import branches_of
from edge_kernels.trie import TokenSequence, TokenTrie, TrieBatch
from edge_models.adapter import LoraTensors, read_gguf_adapter, write_gguf_adapter
from edge_models.architecture import read_architecture
from edge_models.decoder import Decoder
from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from edge_models.families import PROJECTIONS
from edge_models.gguf_file import GgufFile, MetaValue
from edge_models.lora import Lora, change_rms, lora_tensors
from tests.kernels.differences import along, assert_close
from tests.support.tiny_adapters import all_logits, random_adapter, trie_loss, weighted_loss
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf

TINY = TinyLlama(layers=3, width=32, heads=4, kv_heads=2, feed_forward=64, tied=False)
EXAMPLES = [
    TokenSequence((1, 40, 41, 50, 51, 2), 3),
    TokenSequence((1, 40, 41, 52, 2), 3),
    TokenSequence((1, 40, 60, 61, 62, 63), 2),
    TokenSequence((70, 71), 1),
    TokenSequence((70,), 1),
]
WEIGHTS = np.array([1.0, 0.5, 2.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GgufFile]:
    with GgufFile.open(write_tiny_gguf(tmp_path_factory.mktemp("tiny") / "tiny.gguf", TINY)) as file:
        yield file


@pytest.fixture(scope="module")
def whole(tiny_file: GgufFile) -> Decoder:
    """Every layer adapted."""
    return Decoder(tiny_file, TINY.layers, np.float64)


@pytest.fixture(scope="module")
def top(tiny_file: GgufFile) -> Decoder:
    """Only the last layer adapted, two frozen."""
    return Decoder(tiny_file, 1, np.float64)


class TestGradient:
    @pytest.mark.parametrize("adapted", [1, 2, 3])
    def test_is_the_slope_along_every_tensor(self, tiny_file: GgufFile, adapted: int) -> None:
        """Two random directions a tensor: a gradient with any wrong value has a wrong slope along nearly all."""
        decoder = Decoder(tiny_file, adapted, np.float64)
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers)
        gradient = trie_loss(decoder, EXAMPLES, WEIGHTS, adapter).gradient
        assert gradient.values.shape == adapter.values.shape
        generator = np.random.default_rng(1)

        def loss() -> float:
            return trie_loss(decoder, EXAMPLES, WEIGHTS, adapter).nats

        assert len(adapter.a) == adapted * len(PROJECTIONS)
        for name in adapter.a:
            for values, slopes in ((adapter.a[name], gradient.a[name]), (adapter.b[name], gradient.b[name])):
                for _ in range(2):
                    direction = generator.standard_normal(values.shape)
                    # Differences of a loss of order 1 over 1e-5 keep 10 digits.
                    assert float((slopes * direction).sum()) == pytest.approx(
                        along(loss, values, direction), rel=1e-6, abs=1e-9
                    ), name

    def test_float32_is_float64_rounded(self, tiny_file: GgufFile, whole: Decoder) -> None:
        """The type that training uses: nothing in between is cast, and nothing cancels."""
        adapter = random_adapter(whole.architecture, whole.adapted_layers)
        narrow = random_adapter(whole.architecture, whole.adapted_layers, dtype=np.float32)
        found = trie_loss(Decoder(tiny_file, TINY.layers), EXAMPLES, WEIGHTS, narrow)
        expected = trie_loss(whole, EXAMPLES, WEIGHTS, adapter)
        assert found.gradient.values.dtype == np.float32
        assert found.nats == pytest.approx(expected.nats, rel=1e-6)
        # About thirty products of up to 64 terms in a row, each off by up to 8 * 6e-8.
        assert_close(found.gradient.values, expected.gradient.values, 1.5e-5)

    def test_changes_nothing_that_it_is_given(self, whole: Decoder) -> None:
        adapter = random_adapter(whole.architecture, whole.adapted_layers)
        values = adapter.values.copy()
        first = trie_loss(whole, EXAMPLES, WEIGHTS, adapter)
        assert (adapter.values == values).all()
        second = trie_loss(whole, EXAMPLES, WEIGHTS, adapter)
        assert second.nats == first.nats
        assert (second.gradient.values == first.gradient.values).all()

    def test_with_b_zero_only_b_has_one(self, whole: Decoder) -> None:
        adapter = Lora.initial(whole.architecture, whole.adapted_layers, 2, 4.0, seed=1)
        gradient = trie_loss(whole, EXAMPLES, WEIGHTS, adapter).gradient
        assert not gradient.values[~gradient.is_b()].any()
        assert all(b.any() for b in gradient.b.values())


class TestFrozenSplit:
    @pytest.mark.parametrize("adapted", [0, 1, 2, 7])
    def test_says_what_the_whole_network_says(self, tiny_file: GgufFile, whole: Decoder, adapted: int) -> None:
        decoder = Decoder(tiny_file, adapted, np.float64)
        assert len(decoder.adapted_layers) == min(adapted, TINY.layers)
        tokens = [1, 40, 41, 42, 43, 44, 2]
        assert_close(all_logits(decoder, tokens), all_logits(whole, tokens), 1e-13)

    def test_gives_the_top_layers_the_same_gradient(self, whole: Decoder, top: Decoder) -> None:
        small = random_adapter(top.architecture, top.adapted_layers)
        # The same adapter, with zeros for the layers below: they then say what they say without one.
        wide = Lora.zeros(whole.architecture, whole.adapted_layers, small.rank, small.alpha, np.float64)
        wide.values[-len(small.values) :] = small.values
        expected, found = (
            trie_loss(decoder, EXAMPLES, WEIGHTS, adapter) for decoder, adapter in ((whole, wide), (top, small))
        )
        assert found.nats == pytest.approx(expected.nats, rel=1e-13)
        assert_close(found.gradient.values, expected.gradient.values[-len(small.values) :], 1e-12)

    def test_reports_each_layer(self, top: Decoder) -> None:
        assert [done for done, _ in top.frozen(TokenTrie(EXAMPLES))] == [0, 1, 2]

    def test_leaves_the_embeddings_as_they_are(self, top: Decoder) -> None:
        before = all_logits(top, [1, 40, 41])
        all_logits(top, [41, 40, 1])
        assert (all_logits(top, [1, 40, 41]) == before).all()

    def test_small_frozen_layers_are_read_once_where_they_may_be_kept(
        self, tiny_file: GgufFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        tensor = GgufFile.tensor

        def counted(self: GgufFile, name: str) -> FloatArray:
            read.append(name)
            return tensor(self, name)

        frozen = [name for name in tiny_file.tensors if name.startswith(("blk.0.", "blk.1."))]
        size = 4 * sum(int(np.prod(tiny_file.tensors[name].shape)) for name in frozen)
        monkeypatch.setattr(GgufFile, "tensor", counted)
        found: list[FloatArray] = []
        for keep_bytes, times in ((size, 1), (size - 1, 2), (0, 2)):
            decoder = Decoder(tiny_file, 1, keep_bytes=keep_bytes)
            read.clear()
            for _ in range(2):
                *_, (_, hidden) = decoder.frozen(TokenTrie(EXAMPLES))
                found.append(hidden)
            assert sorted(read) == sorted(frozen * times)
        for hidden in found:
            np.testing.assert_array_equal(hidden, found[0])

    def test_the_next_layer_is_read_while_one_is_computed_and_no_further(
        self, tiny_file: GgufFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        loaded: list[int] = []
        load = Decoder._load

        def noted(self: Decoder, layer: int) -> object:
            loaded.append(layer)
            return load(self, layer)

        decoder = Decoder(tiny_file, 0)
        monkeypatch.setattr(Decoder, "_load", noted)
        steps = decoder.frozen(TokenTrie(EXAMPLES))
        next(steps)
        assert loaded == []
        next(steps)
        assert isinstance(steps, Generator)
        steps.close()  # as Ctrl-C does: what is being read ends, and nothing more is begun
        assert loaded in ([0], [0, 1])

    def test_what_cannot_be_read_is_an_error_and_no_wait(
        self, tiny_file: GgufFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_self: Decoder, layer: int) -> None:
            raise OSError(f"layer {layer}")

        decoder = Decoder(tiny_file, 1)
        monkeypatch.setattr(Decoder, "_load", broken)
        with pytest.raises(OSError, match="layer 0"):
            list(decoder.frozen(TokenTrie(EXAMPLES)))

    def test_fewer_than_no_layers_cannot_be_adapted(self, tiny_file: GgufFile) -> None:
        with pytest.raises(ValueError, match="-1 layers"):
            Decoder(tiny_file, -1)


@st.composite
def sequences(draw: st.DrawFn) -> TokenSequence:
    """Over three tokens, so that beginnings are shared, examples repeat and one ends where another goes on."""
    tokens = draw(st.lists(st.sampled_from([1, 40, 90]), min_size=1, max_size=6))
    return TokenSequence(tuple(tokens), draw(st.integers(1, len(tokens))))


def one_sequence(example: TokenSequence) -> TrieBatch:
    """One example as any causal model takes it, written without the trie."""
    size, begin = len(example.tokens), example.supervised_from
    edges = size - begin
    return TrieBatch(
        nodes=np.arange(size),
        tokens=np.array(example.tokens),
        positions=np.arange(size),
        branches=branches_of([np.arange(size)], size),
        sources=np.arange(begin - 1, size - 1),
        rows=np.arange(edges),
        targets=np.array(example.tokens[begin:], dtype=np.int64),
        examples=np.zeros(edges, dtype=np.int64),
        firsts=np.arange(edges) == 0,
    )


@given(
    examples=st.lists(sequences(), min_size=1, max_size=5),
    first_token=st.sampled_from([1.0, 3.0]),
    chunk_tokens=st.integers(1, 12),
    seed=st.integers(0, 100),
)
@settings(deadline=None, max_examples=30)
def test_a_trie_gives_the_loss_and_gradient_of_its_sequences_one_by_one(
    whole: Decoder, top: Decoder, examples: list[TokenSequence], first_token: float, chunk_tokens: int, seed: int
) -> None:
    speaking = [len(example.tokens) > example.supervised_from for example in examples]
    assume(any(speaking))
    wished = np.random.default_rng(seed).uniform(0.1, 2.0, len(examples))
    embedding = whole._embedding
    for decoder in (whole, top):
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers, seed=seed)
        # The layers below the adapted ones, by the decoder for which no layer is frozen.
        below = Lora.zeros(whole.architecture, whole.adapted_layers, adapter.rank, adapter.alpha, np.float64)
        below.values[-len(adapter.values) :] = adapter.values
        nats, gradient = 0.0, np.zeros_like(adapter.values)
        for example, weight in zip(examples, wished / wished[speaking].sum(), strict=True):
            alone = one_sequence(example)
            tokens = np.where(alone.firsts, first_token, 1.0)
            shares = weight * tokens / max(tokens.sum(), 1.0)
            loss = weighted_loss(whole, embedding[alone.tokens], alone, shares, below)
            nats += loss.nats
            gradient += loss.gradient.values[-len(gradient) :]
        found = trie_loss(decoder, examples, wished, adapter, first_token=first_token, chunk_tokens=chunk_tokens)
        assert found.nats == pytest.approx(nats, rel=1e-12)
        assert_close(found.gradient.values, gradient, 1e-11)


class TestChange:
    def test_it_is_that_of_the_products(self, whole: Decoder) -> None:
        architecture = whole.architecture
        generator = np.random.default_rng(5)
        one, other = (Lora.zeros(architecture, [0, 1], rank, alpha) for rank, alpha in ((2, 4.0), (3, 5.0)))
        for adapter in (one, other):
            adapter.values[...] = generator.standard_normal(len(adapter.values))

        def products(adapter: Lora) -> np.ndarray:
            return np.concatenate([(adapter.scale * adapter.b[n] @ adapter.a[n]).ravel() for n in sorted(adapter.a)])

        for incumbent in (None, other):
            difference = products(one) - (0 if incumbent is None else products(incumbent))
            assert change_rms(one, incumbent) == pytest.approx(np.sqrt(np.mean(difference**2)), rel=1e-5)
        assert change_rms(one, one) == pytest.approx(0, abs=1e-6)
        assert change_rms(Lora.zeros(architecture, [], 2, 4.0), None) == 0


class TestLora:
    def test_tensors_are_views_on_one_vector(self, whole: Decoder) -> None:
        adapter = random_adapter(whole.architecture, whole.adapted_layers)
        assert sum(a.size + adapter.b[name].size for name, a in adapter.a.items()) == len(adapter.values)
        adapter.values[...] = 7.0
        assert all((a == 7).all() and (adapter.b[name] == 7).all() for name, a in adapter.a.items())
        mask = adapter.is_b()
        adapter.values[mask] = 8.0
        assert all((a == 7).all() and (adapter.b[name] == 8).all() for name, a in adapter.a.items())

    def test_begins_as_no_change_and_the_same_for_a_seed(self, whole: Decoder) -> None:
        first, again, other = (
            Lora.initial(whole.architecture, whole.adapted_layers, 4, 8.0, seed=seed) for seed in (1, 1, 2)
        )
        assert (first.values == again.values).all()
        assert (first.values != other.values).any()
        assert not any(b.any() for b in first.b.values())
        for a in first.a.values():
            bound = (1 / a.shape[1]) ** 0.5
            assert 0.5 * bound < np.abs(a).max() <= bound
        tokens = [1, 40, 41]
        assert (all_logits(whole, tokens, first) == all_logits(whole, tokens)).all()

    def test_comes_back_from_its_file(self, tmp_path: Path, top: Decoder) -> None:
        adapter = random_adapter(top.architecture, top.adapted_layers, dtype=np.float32)
        path = tmp_path / "adapter.gguf"
        write_gguf_adapter(path, LoraTensors("llama", adapter.rank, adapter.alpha, lora_tensors(adapter)))
        stored = read_gguf_adapter(path)
        back = Lora.from_tensors(top.architecture, stored.tensors, rank=stored.rank, alpha=stored.alpha)
        assert back.layers == adapter.layers == (2,)
        assert (back.values == adapter.values).all()
        assert back.scale == adapter.scale

    @pytest.mark.parametrize("projections", [("attn_q", "attn_v"), ("ffn_down",), ("attn_k", "ffn_gate", "ffn_up")])
    def test_may_adapt_some_projections_and_its_gradient_is_that_part_of_the_whole(
        self, tmp_path: Path, whole: Decoder, projections: tuple[str, ...]
    ) -> None:
        part = Lora.initial(whole.architecture, whole.adapted_layers, 4, 8.0, 1, projections=projections)
        part.values[...] = np.random.default_rng(2).normal(scale=0.3, size=part.values.shape)
        full = Lora.zeros(whole.architecture, whole.adapted_layers, 4, 8.0)
        for name, a in part.a.items():
            full.a[name][...], full.b[name][...] = a, part.b[name]
        trie = TokenTrie([TokenSequence((1, 40, 41, 50), 2)])
        batch = trie.batch([0])
        found: list[Lora] = []
        for adapter in (part, full):
            for _, hidden in whole.frozen(trie):
                done = whole.forward(hidden[batch.nodes], batch, adapter)
                found.append(whole.backward(done, np.ones_like(done.hidden), adapter))
        assert found[0].projections == part.projections == projections
        assert set(found[0].a) == {
            f"blk.{layer}.{name}.weight" for layer in whole.adapted_layers for name in projections
        }
        for name, d_a in found[0].a.items():
            np.testing.assert_allclose(d_a, found[-1].a[name], atol=1e-5 * np.abs(found[-1].values).max())
            np.testing.assert_allclose(found[0].b[name], found[-1].b[name], atol=1e-5 * np.abs(found[-1].values).max())
        path = tmp_path / "part.gguf"
        write_gguf_adapter(path, LoraTensors("llama", part.rank, part.alpha, lora_tensors(part)))
        stored = read_gguf_adapter(path)
        back = Lora.from_tensors(whole.architecture, stored.tensors, rank=stored.rank, alpha=stored.alpha)
        assert back.projections == projections
        assert (back.values == part.values.astype(np.float32)).all()

    @pytest.mark.parametrize("change", ["one is missing", "too high a layer", "no layer", "another shape", "empty"])
    def test_tensors_of_another_model_are_refused(self, top: Decoder, change: str) -> None:
        adapter = random_adapter(top.architecture, top.adapted_layers, dtype=np.float32)
        tensors = dict(lora_tensors(adapter))
        if change == "one is missing":
            # Of one layer alone; without it in any layer it is an adapter of fewer projections.
            tensors |= {name.replace("blk.2.", "blk.1."): pair for name, pair in tensors.items()}
            del tensors["blk.2.attn_k.weight"]
        elif change == "too high a layer":
            tensors = {name.replace("blk.2.", "blk.3."): pair for name, pair in tensors.items()}
        elif change == "no layer":
            tensors["blk.x.attn_k.weight"] = tensors["blk.2.attn_k.weight"]
        elif change == "another shape":
            a, b = tensors["blk.2.attn_k.weight"]
            tensors["blk.2.attn_k.weight"] = (a, b[:-1])
        else:
            tensors = {"output.weight": tensors["blk.2.attn_k.weight"]}
        with pytest.raises(UnsupportedModel, match="adapt"):
            Lora.from_tensors(top.architecture, tensors, rank=adapter.rank, alpha=adapter.alpha)

    def test_for_frozen_layers_is_refused_and_not_left_out(self, whole: Decoder, top: Decoder) -> None:
        adapter = random_adapter(whole.architecture, whole.adapted_layers)
        with pytest.raises(ValueError, match="layers"):
            all_logits(top, [1, 40], adapter)

    def test_for_a_part_of_the_adapted_layers_changes_that_part(self, whole: Decoder, top: Decoder) -> None:
        adapter = random_adapter(top.architecture, top.adapted_layers)
        found = all_logits(whole, [1, 40, 41], adapter)
        assert_close(found, all_logits(top, [1, 40, 41], adapter), 1e-13)
        assert np.abs(found - all_logits(whole, [1, 40, 41])).max() > 0.01


def changed(
    file: GgufFile, metadata: Mapping[str, MetaValue | None] | None = None, *, without: str | None = None
) -> GgufFile:
    """`file` as it would be with other metadata (None: left out) or without a tensor."""
    told = {key: value for key, value in {**file.metadata, **(metadata or {})}.items() if value is not None}
    return GgufFile(file.path, file._data, told, {n: info for n, info in file.tensors.items() if n != without})


class TestRefusals:
    @pytest.mark.parametrize(
        ("key", "value", "reason"),
        [
            ("general.architecture", "mamba", "mamba"),
            ("llama.rope.scaling.type", "longrope", r"rope\.scaling\.type"),
            ("llama.rope.scaling.factor", -2.0, "not above 0"),
            ("llama.rope.scaling.yarn_beta_fast", 16.0, "yarn_beta_fast"),
            ("llama.rope.freq_base", 0.0, "freq_base"),
            ("llama.final_logit_softcapping", 30.0, "softcapping"),
            ("llama.expert_count", 8, "expert_count"),
            ("llama.rope.dimension_count", 4, "partial RoPE"),
            ("llama.attention.key_length", 16, "attn_q"),
            ("llama.attention.value_length", 16, "value_length"),
            ("llama.attention.causal", False, "looks ahead"),
            ("llama.attention.head_count_kv", (2, 2, 1), "layer to layer"),
            ("llama.attention.head_count_kv", 3, "share"),
            ("llama.feed_forward_length", (64, 64, 32), "layer to layer"),
            ("llama.feed_forward_length", 32, "ffn_gate.weight is not of the stated shape"),
            ("llama.embedding_length", 64, "partial RoPE"),
            ("llama.block_count", 4, r"blk\.3\..* is missing"),
            ("llama.block_count", 2, r"blk\.2\."),
            ("llama.block_count", 2**31 - 1, "layers are stated"),
            ("llama.attention.layer_norm_rms_epsilon", None, "layer_norm_rms_epsilon"),
        ],
    )
    def test_what_the_network_does_not_compute(
        self, tiny_file: GgufFile, key: str, value: MetaValue | None, reason: str
    ) -> None:
        told: dict[str, MetaValue | None] = {key: value}
        if key == "llama.attention.key_length":
            told["llama.rope.dimension_count"] = value
            told["llama.attention.value_length"] = value
        with pytest.raises(UnsupportedModel, match=reason):
            Decoder(changed(tiny_file, told), 1)

    @pytest.mark.parametrize("key", ["head_count", "head_count_kv", "key_length"])
    def test_sizes_of_nothing_are_damage(self, tiny_file: GgufFile, key: str) -> None:
        with pytest.raises(DamagedFile, match=key):
            read_architecture(changed(tiny_file, {f"llama.attention.{key}": 0}))

    @pytest.mark.parametrize(
        "name",
        ["token_embd.weight", "output_norm.weight", "blk.1.attn_norm.weight", "blk.0.ffn_norm.weight"]
        + [f"blk.1.{projection}.weight" for projection in PROJECTIONS],
    )
    def test_a_missing_tensor(self, tiny_file: GgufFile, name: str) -> None:
        with pytest.raises(ModelError, match=name.replace(".", r"\.")):
            Decoder(changed(tiny_file, without=name), 1)

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            *((f"blk.1.{projection}.bias", "shape") for projection in ("attn_k", "attn_v", "ffn_gate")),
            ("output_norm.bias", "bias"),
            ("output.bias", "bias"),
            ("rope_freqs.weight", "shape"),
            ("blk.0.attn_q_norm.weight", "attn_q_norm"),
            ("blk.0.ffn_gate_inp.weight", "ffn_gate_inp"),
        ],
    )
    def test_a_tensor_that_would_be_left_out(self, tmp_path: Path, name: str, reason: str) -> None:
        extra: dict[str, FloatArray] = {name: np.zeros(32, np.float32)}
        path = write_tiny_gguf(tmp_path / "odd.gguf", TINY, weights=extra)
        with GgufFile.open(path) as file, pytest.raises(UnsupportedModel, match=reason):
            Decoder(file, 1)

    def test_a_norm_of_another_width(self, tmp_path: Path) -> None:
        """A gain of one value would be taken for all: numpy stretches it."""
        weights = {"blk.1.ffn_norm.weight": np.ones(1, np.float32)}
        path = write_tiny_gguf(tmp_path / "odd.gguf", TINY, weights=weights)
        with GgufFile.open(path) as file, pytest.raises(UnsupportedModel, match=r"blk\.1\.ffn_norm\.weight"):
            Decoder(file, 1)


def test_a_head_that_is_the_embedding_again(tmp_path: Path) -> None:
    tied = TinyLlama(layers=1, width=32, heads=2, kv_heads=1, feed_forward=32, tied=True)
    with GgufFile.open(write_tiny_gguf(tmp_path / "tied.gguf", tied)) as file:
        decoder = Decoder(file, 1, np.float64)
        assert decoder._head is decoder._embedding
        assert all_logits(decoder, [1, 40]).shape == (2, decoder.architecture.vocabulary)
