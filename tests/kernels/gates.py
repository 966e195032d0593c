"""Gated activations with gates and ups apart, as a reader of a test thinks of them."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import FloatArray
from edge_kernels.geglu import geglu, geglu_backward
from edge_kernels.swiglu import swiglu, swiglu_backward


def swiglu_of(gate: FloatArray, up: FloatArray) -> tuple[FloatArray, FloatArray]:
    product = np.empty_like(gate)
    return product, swiglu(np.concatenate((gate, up), axis=1), product)


def swiglu_gradients(
    d_out: FloatArray, gate: FloatArray, up: FloatArray, sigmoid: FloatArray
) -> tuple[FloatArray, FloatArray]:
    d_gate_up = np.empty((len(gate), 2 * gate.shape[1]), dtype=gate.dtype)
    swiglu_backward(d_out, np.concatenate((gate, up), axis=1), sigmoid, d_gate_up)
    return d_gate_up[:, : gate.shape[1]], d_gate_up[:, gate.shape[1] :]


def geglu_of(gate: FloatArray, up: FloatArray) -> tuple[FloatArray, FloatArray]:
    product = np.empty_like(gate)
    return product, geglu(np.concatenate((gate, up), axis=1), product)


def geglu_gradients(
    d_out: FloatArray, gate: FloatArray, up: FloatArray, tanh: FloatArray
) -> tuple[FloatArray, FloatArray]:
    d_gate_up = np.empty((len(gate), 2 * gate.shape[1]), dtype=gate.dtype)
    geglu_backward(d_out, np.concatenate((gate, up), axis=1), tanh, d_gate_up)
    return d_gate_up[:, : gate.shape[1]], d_gate_up[:, gate.shape[1] :]
