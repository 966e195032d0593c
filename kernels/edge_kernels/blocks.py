"""Rows in blocks that stay in a core's own cache while several element-wise passes go over them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge_kernels.arrays import FloatArray

CACHED_BYTES = 1 << 18
"""What one array of a block may take: a few of them stand in a level-2 cache of one or two MiB together."""


def row_blocks(x: FloatArray) -> Iterator[slice]:
    """Slices that cover the rows of `x` (N, F), each of about `CACHED_BYTES`."""
    row_bytes = max(1, int(np.prod(x.shape[1:])) * x.itemsize)
    rows = max(1, CACHED_BYTES // row_bytes)
    for start in range(0, len(x), rows):
        yield slice(start, min(start + rows, len(x)))
