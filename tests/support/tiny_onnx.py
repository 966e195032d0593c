"""Tiny ONNX models as files, so that the embedder's checks meet real files that ONNX Runtime really opens.

Writes the few protobuf fields of onnx.proto that such a model needs; the numbers are those of the format.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

FLOAT, INT32, INT64 = 1, 6, 7

Node = tuple[str, str, str, dict[str, int | list[int]]]


def write_model(
    path: Path,
    nodes: Sequence[Node],
    *,
    inputs: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    input_type: int = INT64,
    output: str = "last_hidden_state",
    output_rank: int = 3,
) -> Path:
    """A model whose `nodes` are `(operation, input, output, attributes)`; every operation has one input."""
    graph = b"".join(_field(1, _node(*node)) for node in nodes)
    graph += _field(2, b"tiny")
    graph += b"".join(_field(11, _value(name, input_type, ("batch", "sequence"))) for name in inputs)
    graph += _field(12, _value(output, FLOAT, tuple(f"axis{axis}" for axis in range(output_rank))))
    opset = _field(1, b"") + _number(2, 11)
    path.write_bytes(_number(1, 6) + _field(8, opset) + _field(7, graph))
    return path


# A token's id as a vector of one number: (batch, sequence) int64 to (batch, sequence, 1) float.
TOKEN_AS_VECTOR: tuple[Node, ...] = (
    ("Cast", "input_ids", "real", {"to": FLOAT}),
    ("Unsqueeze", "real", "last_hidden_state", {"axes": [2]}),
)


def _node(operation: str, source: str, target: str, attributes: dict[str, int | list[int]]) -> bytes:
    node = _field(1, source.encode()) + _field(2, target.encode()) + _field(4, operation.encode())
    for name, value in attributes.items():
        if isinstance(value, int):
            attribute = _field(1, name.encode()) + _number(3, value) + _number(20, 2)
        else:
            attribute = _field(1, name.encode()) + b"".join(_number(8, item) for item in value) + _number(20, 7)
        node += _field(5, attribute)
    return node


def _value(name: str, kind: int, axes: Sequence[str]) -> bytes:
    shape = b"".join(_field(1, _field(2, axis.encode())) for axis in axes)
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
