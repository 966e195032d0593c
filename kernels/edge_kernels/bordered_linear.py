"""A frozen linear map with low-rank updates (Hu et al. 2021, arXiv:2106.09685, eq. 3) as one matrix with borders.

Several projections of the same input are stacked by rows. For their weight W (out, in), their A stacked to (R, in) and
their B on the diagonal of an (out, R) matrix, the bordered matrix is

    M = [ W   s B ]
        [ A    0  ]

and both directions are one large product with a part of it: `y = [x, x A^T] [W, s B]^T`, and for the gradient
`dx = [dy, dy s B] [W; A]`. The low-rank parts need no passes over the large results, which they would otherwise be
added to; the plain form is in `linear_lora`, and is what this one is tested against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Border:
    """Where the low-rank update of one projection stands: its rows of W, and its part of the stacked ranks."""

    rows: slice
    ranks: slice


class BorderedLinear:
    """`W` (out, in) with borders for `borders`; R ranks in all, 0 for a map that is not adapted.

    Rows of inputs and of gradients carry R more columns than the map has, which `forward` and `backward` fill; `wide`
    and `wide_gradient` make such arrays. Threads may use one map at the same time, but not while `bind` changes it.
    """

    def __init__(self, weight: FloatArray, borders: Sequence[Border] = ()) -> None:
        self.out, self.into = weight.shape
        self.borders = tuple(borders)
        self.ranks = max((border.ranks.stop for border in borders), default=0)
        self._matrix = np.zeros((self.out + self.ranks, self.into + self.ranks), dtype=weight.dtype)
        self._matrix[: self.out, : self.into] = weight

    @property
    def weight(self) -> FloatArray:
        """W (out, in), as a view."""
        return self._matrix[: self.out, : self.into]

    def bind(self, index: int, a: FloatArray, b: FloatArray, scale: float) -> None:
        """Puts in the update of `borders[index]`: `a` (r, in), `b` (its rows, r)."""
        border = self.borders[index]
        ranks = slice(border.ranks.start, border.ranks.stop)
        self._matrix[self.out + ranks.start : self.out + ranks.stop, : self.into] = a
        np.multiply(
            b,
            b.dtype.type(scale),
            out=self._matrix[border.rows, self.into + ranks.start : self.into + ranks.stop],
        )

    def wide(self, rows: int) -> FloatArray:
        """(rows, in + R), to be filled with inputs."""
        return np.empty((rows, self.into + self.ranks), dtype=self._matrix.dtype)

    def wide_gradient(self, rows: int) -> FloatArray:
        """(rows, out + R), to be filled with gradients to the output."""
        return np.empty((rows, self.out + self.ranks), dtype=self._matrix.dtype)

    def frozen(self, x: FloatArray) -> FloatArray:
        """`x W^T` (N, out) without the updates; `x` is (N, in) or wider."""
        return x[:, : self.into] @ self._matrix[: self.out, : self.into].T

    def forward(self, x: FloatArray) -> FloatArray:
        """(N, out), with the updates. The last R columns of `x` (N, in + R) become `x A^T`, as `backward` needs it."""
        if self.ranks:
            np.matmul(x[:, : self.into], self._matrix[self.out :, : self.into].T, out=x[:, self.into :])
        return x @ self._matrix[: self.out].T

    def backward(self, d_out: FloatArray) -> FloatArray:
        """The gradient to the input (N, in). The last R columns of `d_out` (N, out + R) become the gradient there."""
        self._border_gradient(d_out)
        return d_out @ self._matrix[:, : self.into]

    def _border_gradient(self, d_out: FloatArray) -> None:
        if self.ranks:
            np.matmul(d_out[:, : self.out], self._matrix[: self.out, self.into :], out=d_out[:, self.out :])

    def gradients(
        self, d_out: FloatArray, x: FloatArray, scale: float, *, bordered: bool = True
    ) -> list[tuple[FloatArray, FloatArray]]:
        """The gradients to (A, B) of each border.

        Args:
            d_out: (N, out + R) as `backward` left it; with `bordered` false it did not run (nothing below learns).
            x: (N, in + R) as `forward` left it.
            scale: as bound.
        """
        if not bordered:
            self._border_gradient(d_out)
        d_a = d_out[:, self.out :].T @ x[:, : self.into]
        # All borders in one product, of which the blocks that are theirs are taken: BLAS is slow where both are thin.
        d_b = x[:, self.into :].T @ d_out[:, : self.out]
        d_b *= d_b.dtype.type(scale)
        return [(d_a[border.ranks], d_b[border.ranks, border.rows].T) for border in self.borders]
