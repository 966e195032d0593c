"""How likely edges of a trie are, where no gradient is needed."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray, IntArray


def edge_nats(logits: FloatArray, rows: IntArray, targets: IntArray) -> tuple[FloatArray, BoolArray]:
    """`-log softmax(logits[rows[e]])[targets[e]]` for each edge, and whether the target is the likeliest token.

    Args:
        logits: (R, V); overwritten.
        rows, targets: (E,), the row an edge starts from and the token it leads to.
    """
    best = logits.argmax(axis=1)
    logits -= logits[np.arange(len(logits)), best][:, None]
    wanted = logits[rows, targets]
    np.exp(logits, out=logits)
    return np.log(logits.sum(axis=1))[rows] - wanted, best[rows] == targets
