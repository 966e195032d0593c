"""A GGUF is read whole and right, or refused in words; nothing else ever comes out of the reader."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from edge_models.gguf_file import GgufFile
from edge_models.gguf_header import TYPES
from tests.support.tiny_gguf import TinyLlama, tiny_weights, vocabulary, write_tiny_gguf


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Every kind of metadata, three tensors of different types, a header of some 700 bytes."""
    path = tmp_path_factory.mktemp("small") / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    for width in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
        getattr(writer, f"add_{width}")(f"an.{width}", 7)
    writer.add_float32("a.float32", 0.5)
    writer.add_float64("a.float64", 0.25)
    writer.add_bool("a.bool", True)
    writer.add_array("some.texts", ["one", "zwei", "três", ""])
    writer.add_array("some.numbers", [1, 2, 3])
    writer.add_array("some.floats", [1.5, 2.5])
    writer.add_array("some.bools", [True, False])
    values = np.linspace(-1, 1, 128, dtype=np.float32)
    writer.add_tensor("a.weight", values[:96].reshape(3, 32))
    q8 = gguf.quants.quantize(values.reshape(2, 64), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("b.weight", q8, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("c.weight", values[:5].astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def header_length(data: bytes) -> int:
    return data.index(struct.pack("<f", -1.0))


def open_or_refuse(path: Path, data: bytes) -> bool:
    """Opens `data` as a file; whatever opens must be consistent, whatever does not must be a DamagedFile."""
    path.write_bytes(data)
    try:
        file = GgufFile.open(path)
    except DamagedFile as error:
        if str(path) not in error.message:
            pytest.fail(f"does not name the file: {error.message}")
        return False
    with file:
        reached = 0
        for info in file.tensors.values():
            assert reached <= info.offset <= info.offset + info.size <= len(data)
            reached = info.offset + info.size
            try:
                values = file.tensor(info.name)
            except UnsupportedModel:
                continue
            assert values.shape == info.shape
            assert values.dtype == np.float32
    return True


def test_metadata_of_every_kind_is_read(tmp_path: Path, small: bytes) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(small)
    with GgufFile.open(path) as file:
        assert file.text("general.architecture") == "llama"
        for width in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"):
            assert file.integer(f"an.{width}") == 7
        assert file.number("a.float32") == 0.5
        assert file.number("a.float64") == 0.25
        assert file.flag("a.bool") is True
        assert file.texts("some.texts") == ("one", "zwei", "três", "")
        assert file.integers("some.numbers") == (1, 2, 3)
        assert file.metadata["some.floats"] == (1.5, 2.5)
        assert file.metadata["some.bools"] == (True, False)


@pytest.mark.parametrize("quantization", ["F32", "F16", "Q8_0", "Q4_0", "Q4_1"])
def test_tensors_equal_the_reference_reader(tmp_path: Path, quantization: str) -> None:
    model = TinyLlama(quantization=quantization, tied=False)
    path = write_tiny_gguf(tmp_path / "tiny.gguf", model)
    weights = tiny_weights(model)
    reference = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    with GgufFile.open(path) as file:
        assert list(file.tensors) == list(weights)
        assert file.texts("tokenizer.ggml.tokens") == tuple(vocabulary())
        for name, weight in weights.items():
            expected = gguf.quants.dequantize(reference[name].data, reference[name].tensor_type)
            assert np.array_equal(file.tensor(name), expected.reshape(weight.shape))
            assert np.abs(file.tensor(name) - weight).max() < (1e-6 if quantization == "F32" else 0.5)


def test_type_table_equals_the_format_package() -> None:
    assert {number: TYPES[number][1:] for number in TYPES} == {
        int(kind): sizes for kind, sizes in gguf.GGML_QUANT_SIZES.items() if int(kind) in TYPES
    }
    assert all(gguf.GGMLQuantizationType(number).name == TYPES[number][0] for number in TYPES)


def test_a_tensor_outlives_the_file(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf")
    with GgufFile.open(path) as file:
        norm = file.tensor("output_norm.weight")
    norm += 1.0
    assert np.array_equal(norm, tiny_weights(TinyLlama())["output_norm.weight"] + 1.0)


def test_flipped_header_bytes_open_consistently_or_are_refused(tmp_path: Path, small: bytes) -> None:
    path = tmp_path / "flipped.gguf"
    refused = 0
    for place in range(header_length(small)):
        for flip in (0xFF, 0x01, 0x80):
            data = bytearray(small)
            data[place] ^= flip
            refused += not open_or_refuse(path, bytes(data))
    assert refused > header_length(small)


def test_truncated_files_are_refused_at_every_length(tmp_path: Path, small: bytes) -> None:
    path = tmp_path / "short.gguf"
    with_padding = len(small)
    last_tensor_ends = with_padding - (-5 * 2) % 32
    for length in range(last_tensor_ends):
        assert not open_or_refuse(path, small[:length])
    assert open_or_refuse(path, small[:last_tensor_ends])
    assert open_or_refuse(path, small)
    assert not open_or_refuse(path, small + b"\0")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=9), st.integers(0, 9)), max_size=4)
)
def test_rewritten_headers_open_consistently_or_are_refused(
    tmp_path: Path, small: bytes, edits: list[tuple[float, bytes, int]]
) -> None:
    data = bytearray(small)
    for where, inserted, removed in edits:
        place = int(where * header_length(small))
        data[place : place + removed] = inserted
    open_or_refuse(tmp_path / "edited.gguf", bytes(data))


def entry(key: bytes, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key + struct.pack("<I", kind) + value


def tensor(name: bytes, dimensions: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    shape = struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
    return struct.pack("<Q", len(name)) + name + shape + struct.pack("<IQ", kind, offset)


def header(*, version: int = 3, tensors: int = 0, entries: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries)


HUGE = (1 << 64) - 1
ALIGNMENT = b"general.alignment"


@pytest.mark.parametrize(
    ("data", "named"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"GGML" + header()[4:], "does not begin with GGUF", id="magic"),
        pytest.param(header(version=1), "version 1", id="old"),
        pytest.param(header(version=0x03000000), "version 50331648", id="big-endian"),
        pytest.param(header(tensors=HUGE), "claims", id="tensors"),
        pytest.param(header(entries=HUGE), "claims", id="entries"),
        pytest.param(header(entries=1) + struct.pack("<Q", HUGE), "metadata key 0 claims", id="key length"),
        pytest.param(header(entries=1) + struct.pack("<Q", 900) + b"k", "ends inside metadata key 0", id="key end"),
        pytest.param(header(entries=1) + entry(b"k\x1b[2J", 4, b"\0" * 4), "printable", id="key escape"),
        pytest.param(header(entries=2) + entry(b"k", 4, b"\0" * 4) * 2, "k is there twice", id="key twice"),
        pytest.param(header(entries=1) + entry(b"k", 13, b""), "unknown type 13", id="value type"),
        pytest.param(header(entries=1) + entry(b"k", 7, b"\2"), "k is neither true nor false", id="bool"),
        pytest.param(header(entries=1) + entry(b"k", 8, struct.pack("<Q", HUGE)), "k claims", id="text length"),
        pytest.param(header(entries=1) + entry(b"k", 8, struct.pack("<Q", 1) + b"\xff"), "UTF-8", id="text"),
        pytest.param(header(entries=1) + entry(b"k", 9, struct.pack("<IQ", 9, 1)), "unknown type 9", id="nested"),
        pytest.param(header(entries=1) + entry(b"k", 9, struct.pack("<IQ", 10, 1 << 22)), "ends inside k", id="array"),
        pytest.param(header(entries=1) + entry(b"k", 9, struct.pack("<IQ", 0, HUGE)), "k claims", id="array length"),
        pytest.param(header(entries=1) + entry(b"k", 9, struct.pack("<IQ", 8, 1 << 22)), "k claims", id="texts"),
        pytest.param(header(entries=1) + entry(ALIGNMENT, 4, struct.pack("<I", 48)), "alignment", id="alignment"),
        pytest.param(header(entries=1) + entry(ALIGNMENT, 4, struct.pack("<I", 0)), "alignment", id="alignment 0"),
        pytest.param(header(entries=1) + entry(ALIGNMENT, 10, struct.pack("<Q", 32)), "alignment", id="alignment type"),
        pytest.param(header(tensors=1) + tensor(b"t" * 64, (1,)), "the name of tensor 0", id="name length"),
        pytest.param(header(tensors=2) + tensor(b"t", (1,)) * 2, "t is there twice", id="tensor twice"),
        pytest.param(header(tensors=1) + tensor(b"t", (1,) * 5), "5 dimensions", id="five dimensions"),
        pytest.param(header(tensors=1) + tensor(b"t", ()), "0 dimensions", id="no dimensions"),
        pytest.param(header(tensors=1) + tensor(b"t", (4, 0)), "shape", id="zero"),
        pytest.param(header(tensors=1) + tensor(b"t", (1 << 32, 1 << 32)), "shape", id="overflow"),
        pytest.param(header(tensors=1) + tensor(b"t", (1 << 63, 2)), "shape", id="wraps to zero"),
        pytest.param(header(tensors=1) + tensor(b"t", (4,), kind=4), "unknown type 4", id="tensor type"),
        pytest.param(header(tensors=1) + tensor(b"t", (33,), kind=8), "blocks", id="blocks"),
        pytest.param(header(tensors=1) + tensor(b"t", (1 << 40,)), "ends inside t", id="far"),
        pytest.param(header(tensors=1) + tensor(b"t", (1,), offset=4) + b"\0" * 99, "t lies at offset 4", id="gap"),
        pytest.param(
            header(tensors=2) + tensor(b"t", (16,)) + tensor(b"u", (16,), offset=32) + b"\0" * 256,
            "u lies at offset 32",
            id="overlap",
        ),
        pytest.param(header() + b"\0", "follow the header", id="appended"),
    ],
)
def test_damage_is_named_without_allocating_what_it_claims(tmp_path: Path, data: bytes, named: str) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFile, match=named):
            GgufFile.open(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_getters_tell_missing_from_wrong(tmp_path: Path, small: bytes) -> None:
    path = tmp_path / "small.gguf"
    path.write_bytes(small)
    with GgufFile.open(path) as file:
        with pytest.raises(UnsupportedModel, match=r"no\.such"):
            file.text("no.such")
        assert file.integer("no.such", 5) == 5
        for wrong in (
            lambda: file.text("an.int8"),
            lambda: file.integer("a.bool"),
            lambda: file.integer("an.int8", maximum=6),
            lambda: file.number("a.bool"),
            lambda: file.flag("an.int8"),
            lambda: file.texts("some.numbers"),
            lambda: file.integers("some.bools"),
        ):
            with pytest.raises(DamagedFile, match=r"small\.gguf"):
                wrong()
        with pytest.raises(UnsupportedModel, match="no tensor"):
            file.tensor("d.weight")


def test_a_number_that_is_not_finite_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "nan.gguf"
    path.write_bytes(header(entries=1) + entry(b"llama.rope.freq_base", 6, struct.pack("<f", float("nan"))))
    with GgufFile.open(path) as file, pytest.raises(DamagedFile, match="finite"):
        file.number("llama.rope.freq_base")


def test_a_missing_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot open") as caught:
        GgufFile.open(tmp_path / "absent.gguf")
    assert not isinstance(caught.value, DamagedFile)
