"""An adapter in training: LoRA factors for all projections of some layers, as views on one flat vector.

Adapters refer to weights by their GGUF names and to Q and K in the file's own row order: what is trained is what is
stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray
from edge_models.architecture import Architecture
from edge_models.errors import UnsupportedModel
from edge_models.families import PROJECTIONS


@dataclass(slots=True)
class Lora:
    """The trainable tensors as views on one flat vector, in the order layer, projection, A before B.

    Attributes:
        values: (P,) float32; what an optimizer moves.
        a, b: by base tensor name (`blk.29.attn_q.weight`): (r, in) and (out, r).
        rank: r.
        alpha: the low-rank product is scaled by alpha / r.
    """

    values: FloatArray
    a: dict[str, FloatArray]
    b: dict[str, FloatArray]
    rank: int
    alpha: float

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    @classmethod
    def zeros(
        cls,
        architecture: Architecture,
        layers: Sequence[int],
        rank: int,
        alpha: float,
        dtype: np.dtype | type = np.float32,
        *,
        projections: Collection[str] = PROJECTIONS,
    ) -> Lora:
        """All zero tensors for `projections` of `layers`."""
        shapes = [
            (f"blk.{layer}.{projection}.weight", *architecture.shape(projection))
            for layer in layers
            for projection in PROJECTIONS
            if projection in projections
        ]
        values = np.zeros(sum(rank * (rows + columns) for _, rows, columns in shapes), dtype=dtype)
        a: dict[str, FloatArray] = {}
        b: dict[str, FloatArray] = {}
        at = 0
        for name, rows, columns in shapes:
            a[name] = values[at : at + rank * columns].reshape(rank, columns)
            at += rank * columns
            b[name] = values[at : at + rows * rank].reshape(rows, rank)
            at += rows * rank
        return cls(values, a, b, rank, alpha)

    @classmethod
    def initial(
        cls,
        architecture: Architecture,
        layers: Sequence[int],
        rank: int,
        alpha: float,
        seed: int,
        *,
        projections: Collection[str] = PROJECTIONS,
    ) -> Lora:
        """B zero and A uniform in +-sqrt(3 / in) (Kaiming with slope sqrt(5), as Hu et al.'s code does), by `seed`."""
        made = cls.zeros(architecture, layers, rank, alpha, projections=projections)
        generator = np.random.default_rng(seed)
        for tensor in made.a.values():
            bound = (1.0 / tensor.shape[1]) ** 0.5
            tensor[...] = generator.uniform(-bound, bound, tensor.shape)
        return made

    @classmethod
    def from_tensors(
        cls,
        architecture: Architecture,
        tensors: Mapping[str, tuple[FloatArray, FloatArray]],
        *,
        rank: int,
        alpha: float,
    ) -> Lora:
        """A copy of an adapter's (A, B) by base tensor name.

        Raises:
            UnsupportedModel: they are not the same projections of each of some of this model's layers, or of other
                shapes.
        """
        projections = [name for name in PROJECTIONS if any(tensor.endswith(f".{name}.weight") for tensor in tensors)]
        layers = [
            layer
            for layer in range(architecture.layers)
            if any(f"blk.{layer}.{projection}.weight" in tensors for projection in projections)
        ]
        made = cls.zeros(architecture, layers, rank, alpha, projections=projections)
        if made.a.keys() != tensors.keys():
            raise UnsupportedModel("the adapter does not adapt the same projections of each of its layers")
        for name, (a, b) in tensors.items():
            if a.shape != made.a[name].shape or b.shape != made.b[name].shape:
                raise UnsupportedModel(f"the adapter's {name} is not of this model's shape")
            made.a[name][...] = a
            made.b[name][...] = b
        return made

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers it adapts, ascending."""
        return tuple(sorted({int(name.split(".")[1]) for name in self.a}))

    @property
    def projections(self) -> tuple[str, ...]:
        """What it adapts of each layer, in the order of `PROJECTIONS`."""
        adapted = {name.split(".")[2] for name in self.a}
        return tuple(projection for projection in PROJECTIONS if projection in adapted)

    def is_b(self) -> BoolArray:
        """(P,), true where a value belongs to a B."""
        mask = np.zeros(len(self.values), dtype=np.bool_)
        at = 0
        for name, a in self.a.items():
            at += a.size
            mask[at : at + self.b[name].size] = True
            at += self.b[name].size
        return mask


def lora_tensors(adapter: Lora) -> Mapping[str, tuple[FloatArray, FloatArray]]:
    """The adapter's (A, B) by base tensor name, as `edge_models.adapter` writes them."""
    return {name: (a, adapter.b[name]) for name, a in adapter.a.items()}


def change_rms(candidate: Lora, incumbent: Lora | None) -> float:
    """The root mean square, over all adapted weights, of what `candidate` adds against `incumbent` (None: nothing).

    Of the products B A, which are never formed: the Frobenius norm of their difference from r x r matrices.
    """
    squared, weights = 0.0, 0
    for name, a in candidate.a.items():
        b = candidate.b[name]
        weights += b.shape[0] * a.shape[1]
        squared += candidate.scale**2 * _inner(a, b, a, b)
        if incumbent is not None and name in incumbent.a:
            other_a, other_b = incumbent.a[name], incumbent.b[name]
            squared += incumbent.scale**2 * _inner(other_a, other_b, other_a, other_b)
            squared -= 2 * candidate.scale * incumbent.scale * _inner(a, b, other_a, other_b)
    return (max(0.0, squared) / weights) ** 0.5 if weights else 0.0


def _inner(a: FloatArray, b: FloatArray, other_a: FloatArray, other_b: FloatArray) -> float:
    """The Frobenius inner product of B A and B' A'; a (r, in), b (out, r), the others of their own rank."""
    left = b.astype(np.float64).T @ other_b.astype(np.float64)
    right = a.astype(np.float64) @ other_a.astype(np.float64).T
    return float((left * right).sum())
