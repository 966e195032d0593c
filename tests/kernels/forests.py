"""Random token forests: the parents, positions and ancestor masks that trie kernels work on."""

from __future__ import annotations

import numpy as np

from edge_kernels.arrays import BoolArray, IntArray


def random_forest(generator: np.random.Generator, rows: int) -> tuple[IntArray, BoolArray]:
    """Positions (rows,) and the ancestor mask (rows, rows), from random parents; the roots' parent is -1."""
    parents = [int(generator.integers(-1, row)) for row in range(rows)]
    positions = np.zeros(rows, dtype=np.int64)
    sees = np.zeros((rows, rows), dtype=np.bool_)
    for row in range(rows):
        node = row
        while node >= 0:
            sees[row, node] = True
            node = parents[node]
        positions[row] = int(sees[row].sum()) - 1
    return positions, sees
