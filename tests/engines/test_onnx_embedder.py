"""The embedder on the real model file, and on files that are not what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from edge_seal.engines.onnx_embedder import BATCH_TEXTS, MAXIMUM_TOKENS, OnnxEmbedder
from edge_seal.errors import EngineError
from tests.support.tiny_onnx import INT32, TOKEN_AS_VECTOR, Node, write_model

EmbedderFiles = Mapping[str, Path]

SENTENCES = (
    "My dog is called Biscuit.",
    "",
    "The quarterly figures are due on the second Tuesday of each month, in the blue folder, please.",
    "naïve café 東京 🐕",
    "[CLS] [SEP] [MASK] [PAD]",
)


@pytest.fixture(scope="module")
def embedder(default_embedder: EmbedderFiles) -> OnnxEmbedder:
    return OnnxEmbedder.open(default_embedder["model.onnx"], default_embedder["tokenizer.json"], threads=1)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A tokenizer of three words, so that broken models are tested where the real one was not fetched."""
    path = tmp_path / "tiny-tokenizer.json"
    Tokenizer(WordLevel({"[UNK]": 1, "a": 2, "b": 3}, unk_token="[UNK]")).save(str(path))
    return path


def test_vectors_are_unit_rows_of_float32(embedder: OnnxEmbedder) -> None:
    vectors = embedder.embed(SENTENCES)
    assert vectors.shape == (len(SENTENCES), embedder.dimension) == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_give_no_rows(embedder: OnnxEmbedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_same_text_gives_same_bytes(embedder: OnnxEmbedder, default_embedder: EmbedderFiles) -> None:
    again = OnnxEmbedder.open(default_embedder["model.onnx"], default_embedder["tokenizer.json"], threads=1)
    assert (
        embedder.embed(SENTENCES).tobytes() == embedder.embed(SENTENCES).tobytes() == again.embed(SENTENCES).tobytes()
    )
    assert embedder.model_sha256 == again.model_sha256


def test_vector_depends_on_its_text_alone(embedder: OnnxEmbedder) -> None:
    many = [f"{sentence} {'word ' * count}" for count, sentence in enumerate(SENTENCES * 4)]
    assert len(many) > 2 * BATCH_TEXTS
    alone = np.concatenate([embedder.embed([text]) for text in many])
    np.testing.assert_allclose(embedder.embed(many), alone, atol=1e-5)


def test_rows_keep_the_order_of_the_texts(embedder: OnnxEmbedder) -> None:
    texts = ["a long text about sailing boats on the northern sea", "short", "something in between these two"]
    np.testing.assert_allclose(embedder.embed(texts)[::-1], embedder.embed(texts[::-1]), atol=1e-5)


def test_meaning_decides_not_words(embedder: OnnxEmbedder) -> None:
    said, asked, unrelated = embedder.embed(
        ["My dog is called Biscuit.", "What is the name of my puppy?", "The train leaves at seven."]
    )
    assert said @ asked > 0.5
    assert said @ unrelated < 0.2


def test_only_the_first_256_tokens_count(embedder: OnnxEmbedder) -> None:
    # A beginning and an end token belong to the 256.
    counted = "word " * (MAXIMUM_TOKENS - 2)
    whole, cut = embedder.embed([counted, counted + "dog " * 500])
    shorter = embedder.embed(["word " * (MAXIMUM_TOKENS - 3) + "dog"])[0]
    np.testing.assert_array_equal(whole, cut)
    assert not np.array_equal(whole, shorter)


@pytest.mark.timeout(10)
def test_huge_text_is_cut_before_it_is_tokenized(embedder: OnnxEmbedder) -> None:
    assert np.isfinite(embedder.embed(["word " * 20_000_000])).all()


def test_control_tokens_in_a_text_are_only_letters(embedder: OnnxEmbedder) -> None:
    marked, plain, spaced = embedder.embed(["alpha [SEP] beta", "alpha sep beta", "alpha [ sep ] beta"])
    np.testing.assert_allclose(marked, spaced, atol=1e-5)
    assert not np.allclose(marked, plain, atol=1e-3)


def test_lone_surrogates_and_nul_are_embedded_as_something(embedder: OnnxEmbedder) -> None:
    assert np.isfinite(embedder.embed(["\ud800 half a pair", "nul \0 inside"])).all()


def test_another_tokenizer_is_another_embedder(
    embedder: OnnxEmbedder, default_embedder: EmbedderFiles, tmp_path: Path
) -> None:
    changed = tmp_path / "tokenizer.json"
    changed.write_bytes(default_embedder["tokenizer.json"].read_bytes() + b"\n")
    assert OnnxEmbedder.open(default_embedder["model.onnx"], changed).model_sha256 != embedder.model_sha256


def test_closed_embedder_says_so(default_embedder: EmbedderFiles) -> None:
    closed = OnnxEmbedder.open(default_embedder["model.onnx"], default_embedder["tokenizer.json"])
    closed.close()
    closed.close()
    with pytest.raises(EngineError, match="was closed"):
        closed.embed(["a"])


def test_tiny_model_that_fits_is_taken(tmp_path: Path, tokenizer: Path) -> None:
    tiny = OnnxEmbedder.open(write_model(tmp_path / "tiny.onnx", TOKEN_AS_VECTOR), tokenizer)
    assert tiny.dimension == 1
    assert tiny.embed(["a", "b c"]).tolist() == [[1.0], [1.0]]


def test_missing_file_names_the_file_and_what_to_do(tmp_path: Path, tokenizer: Path) -> None:
    with pytest.raises(EngineError, match=r"nowhere\.onnx") as raised:
        OnnxEmbedder.open(tmp_path / "nowhere.onnx", tokenizer)
    assert raised.value.next_step == "edge-seal models pull"


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x08\x06"])
def test_file_that_is_no_onnx_is_an_error_in_words(content: bytes, tmp_path: Path, tokenizer: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"broken\.onnx is not an ONNX model"):
        OnnxEmbedder.open(path, tokenizer)


def test_truncated_model_is_an_error_in_words(tmp_path: Path, default_embedder: EmbedderFiles) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(default_embedder["model.onnx"].read_bytes()[:1_000_000])
    with pytest.raises(EngineError, match=r"cut\.onnx is not an ONNX model"):
        OnnxEmbedder.open(path, default_embedder["tokenizer.json"])


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": "1.0"}', b"\xff\xfe"])
def test_file_that_is_no_tokenizer_is_an_error_in_words(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"tokenizer\.json is not a tokenizer"):
        OnnxEmbedder.open(write_model(tmp_path / "tiny.onnx", TOKEN_AS_VECTOR), path)


def test_wrong_inputs_are_named(tmp_path: Path, tokenizer: Path) -> None:
    path = write_model(tmp_path / "pixels.onnx", TOKEN_AS_VECTOR, inputs=("input_ids", "attention_mask", "pixels"))
    with pytest.raises(EngineError, match="wants the inputs input_ids, attention_mask, pixels"):
        OnnxEmbedder.open(path, tokenizer)


def test_missing_mask_is_named(tmp_path: Path, tokenizer: Path) -> None:
    path = write_model(tmp_path / "maskless.onnx", TOKEN_AS_VECTOR, inputs=("input_ids",))
    with pytest.raises(EngineError, match="wants the inputs input_ids;"):
        OnnxEmbedder.open(path, tokenizer)


def test_inputs_that_are_not_int64_are_named(tmp_path: Path, tokenizer: Path) -> None:
    path = write_model(tmp_path / "narrow.onnx", TOKEN_AS_VECTOR, input_type=INT32)
    with pytest.raises(EngineError, match=r"wants input_ids as tensor\(int32\), not int64"):
        OnnxEmbedder.open(path, tokenizer)


def test_other_output_is_named(tmp_path: Path, tokenizer: Path) -> None:
    nodes: tuple[Node, ...] = (("Cast", "input_ids", "logits", {"to": 1}),)
    path = write_model(tmp_path / "classifier.onnx", nodes, output="logits", output_rank=2)
    with pytest.raises(EngineError, match=r"gives logits tensor\(float\); an embedder gives last_hidden_state"):
        OnnxEmbedder.open(path, tokenizer)


def test_output_of_another_shape_is_an_error(tmp_path: Path, tokenizer: Path) -> None:
    nodes: tuple[Node, ...] = (("Cast", "input_ids", "last_hidden_state", {"to": 1}),)
    path = write_model(tmp_path / "flat.onnx", nodes, output_rank=2)
    with pytest.raises(EngineError, match=r"last_hidden_state of shape \(1, \d+\)"):
        OnnxEmbedder.open(path, tokenizer)


@pytest.mark.parametrize(
    ("operation", "before"),
    [("Log", "Neg"), ("Reciprocal", "Floor")],
    ids=["NaN", "infinity"],
)
def test_vectors_that_are_not_finite_are_refused(operation: str, before: str, tmp_path: Path, tokenizer: Path) -> None:
    source = "input_ids" if before == "Neg" else "token_type_ids"
    nodes: tuple[Node, ...] = (
        ("Cast", source, "real", {"to": 1}),
        (before, "real", "changed", {}),
        (operation, "changed", "broken", {}),
        ("Unsqueeze", "broken", "last_hidden_state", {"axes": [2]}),
    )
    with pytest.raises(EngineError, match="not finite or have no direction"):
        OnnxEmbedder.open(write_model(tmp_path / "broken.onnx", nodes), tokenizer)


def test_zero_vector_is_refused(tmp_path: Path, tokenizer: Path) -> None:
    nodes: tuple[Node, ...] = (
        ("Cast", "token_type_ids", "real", {"to": 1}),
        ("Unsqueeze", "real", "last_hidden_state", {"axes": [2]}),
    )
    with pytest.raises(EngineError, match="not finite or have no direction"):
        OnnxEmbedder.open(write_model(tmp_path / "silent.onnx", nodes), tokenizer)
