"""Examples as a trie of tokens: what several examples begin with is computed once.

A node is a token after its ancestors, so its activations depend on its path alone. Its position is its depth, it
attends to itself and its ancestors, and the loss sits on edges: from a node to the token that follows it, one edge
for each example that passes there. This gives the padded batch's loss and gradients exactly.

Invariants: a node's number is greater than its parent's; the last token of an example has no node, as nothing is asked
of the model after it (where an example is a single token, it has one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from edge_kernels.arrays import BoolArray, FloatArray, IntArray
from edge_kernels.branch_attention import Branches, branches_of


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """The tokens of one example; those from `supervised_from` (at least 1) on are what the model should say."""

    tokens: tuple[int, ...]
    supervised_from: int

    def __post_init__(self) -> None:
        if not 1 <= self.supervised_from <= len(self.tokens):
            raise ValueError(f"supervised_from {self.supervised_from} is not in 1..{len(self.tokens)}")


@dataclass(frozen=True, slots=True)
class TrieBatch:
    """The nodes that some examples pass through; n of them, E supervised edges.

    Attributes:
        nodes: (n,) numbers in the whole trie, ascending.
        tokens, positions: (n,).
        branches: what attends to what, see `branch_attention`.
        sources: (S,) rows of the batch that at least one edge starts from: logits are needed for these only.
        rows: (E,) index into `sources`.
        targets: (E,) the token an edge leads to.
        examples: (E,) which of the examples asked for the edge belongs to, as an index into that request.
        firsts: (E,) true on the first edge of its example.
    """

    nodes: IntArray
    tokens: IntArray
    positions: IntArray
    branches: Branches
    sources: IntArray
    rows: IntArray
    targets: IntArray
    examples: IntArray
    firsts: BoolArray


class TokenTrie:
    """The trie of `sequences`; examples keep their order and are named by their index.

    Attributes:
        tokens, parents, positions: (N,); the parent of a root is -1.
    """

    def __init__(self, sequences: Sequence[TokenSequence]) -> None:
        children: dict[tuple[int, int], int] = {}
        tokens: list[int] = []
        parents: list[int] = []
        depths: list[int] = []
        self._sequences = tuple(sequences)
        self._paths: list[IntArray] = []
        for sequence in self._sequences:
            node = -1
            path: list[int] = []
            for depth, token in enumerate(sequence.tokens[: max(1, len(sequence.tokens) - 1)]):
                child = children.get((node, token))
                if child is None:
                    child = len(tokens)
                    children[node, token] = child
                    tokens.append(token)
                    parents.append(node)
                    depths.append(depth)
                node = child
                path.append(node)
            self._paths.append(np.asarray(path, dtype=np.int64))
        self._children = children
        self._words: IntArray | None = None
        self.tokens: IntArray = np.asarray(tokens, dtype=np.int64)
        self.parents: IntArray = np.asarray(parents, dtype=np.int64)
        self.positions: IntArray = np.asarray(depths, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def sequences(self) -> tuple[TokenSequence, ...]:
        return self._sequences

    def found_in(self, other: TokenTrie) -> IntArray:
        """(N,) for each node the one of `other` that has the same path; -1 where it has none."""
        found = np.full(len(self), -1, dtype=np.int64)
        for node, (parent, token) in enumerate(zip(self.parents.tolist(), self.tokens.tolist(), strict=True)):
            above = -1 if parent < 0 else int(found[parent])
            if parent < 0 or above >= 0:
                found[node] = other._children.get((above, token), -1)
        return found

    def saying(self, words: IntArray) -> TokenTrie:
        """This trie, in whose batches a target is no token but its place in `words` (ascending, no two the same)."""
        told: TokenTrie = copy(self)
        told._words = words
        return told

    def path(self, example: int) -> IntArray:
        """The nodes that an example passes through, in order: those of all of its tokens but the last."""
        return self._paths[example]

    def nodes(self, examples: Sequence[int]) -> int:
        """How many nodes `examples` pass through."""
        return len(set[int]().union(*(self._paths[example].tolist() for example in examples)))

    def batch(self, examples: Sequence[int]) -> TrieBatch:
        """The part of the trie that `examples` need (at least one).

        Raises:
            ValueError: a target is not among the words of `saying`.
        """
        paths = [self._paths[example] for example in examples]
        nodes = np.unique(np.concatenate(paths))
        row_of = np.full(len(self), -1, dtype=np.int64)
        row_of[nodes] = np.arange(len(nodes))
        starts: list[IntArray] = []
        targets: list[IntArray] = []
        owners: list[IntArray] = []
        firsts: list[BoolArray] = []
        for index, example in enumerate(examples):
            begin = self._sequences[example].supervised_from
            said = np.asarray(self._sequences[example].tokens[begin:], dtype=np.int64)
            starts.append(row_of[paths[index][begin - 1 : begin - 1 + len(said)]])
            targets.append(said)
            owners.append(np.full(len(said), index, dtype=np.int64))
            firsts.append(np.arange(len(said)) == 0)
        sources, rows = np.unique(np.concatenate(starts), return_inverse=True)
        return TrieBatch(
            nodes=nodes,
            tokens=self.tokens[nodes],
            positions=self.positions[nodes],
            branches=branches_of([row_of[path] for path in paths], len(nodes)),
            sources=sources,
            rows=rows.astype(np.int64),
            targets=self._places(np.concatenate(targets)),
            examples=np.concatenate(owners),
            firsts=np.concatenate(firsts),
        )

    def _places(self, targets: IntArray) -> IntArray:
        if self._words is None:
            return targets
        places = np.minimum(np.searchsorted(self._words, targets), len(self._words) - 1)
        if not np.array_equal(self._words[places], targets):
            raise ValueError(f"{np.setdiff1d(targets, self._words).tolist()} are to be said, and not among the words")
        return places

    def sees(self, batch: TrieBatch) -> BoolArray:
        """(n, n), true at a node of `batch` itself and at its ancestors: the mask of the plain `attention`."""
        row_of = {int(node): row for row, node in enumerate(batch.nodes)}
        mask = np.eye(len(batch.nodes), dtype=np.bool_)
        for row, node in enumerate(batch.nodes):
            parent = int(self.parents[node])
            if parent >= 0:
                # The parent's row is complete: parents come before their children.
                mask[row] |= mask[row_of[parent]]
        return mask

    def chunks(self, limit: int) -> Iterator[list[int]]:
        """All examples in groups of at most `limit` nodes each (a longer single example stands alone).

        Examples that begin alike stand together, so that little is computed twice.
        """
        order = sorted(range(len(self._sequences)), key=lambda example: self._sequences[example].tokens)
        group: list[int] = []
        seen: set[int] = set()
        for example in order:
            added = set(self._paths[example].tolist()) - seen
            if group and len(seen) + len(added) > limit:
                yield group
                group, seen = [], set()
                added = set(self._paths[example].tolist())
            group.append(example)
            seen |= added
        if group:
            yield group

    def shared_out(self, units: Sequence[Sequence[int]], parts: int) -> list[list[Sequence[int]]]:
        """`units` in at most `parts` groups of about the same number of nodes; units that begin alike stand together.

        Args:
            units: examples that have to be in one batch, at least one each; no example is in two units.
            parts: at least 1.
        """
        ordered = sorted(units, key=lambda unit: self._sequences[unit[0]].tokens)
        seen: set[int] = set()
        ends: list[int] = []
        for unit in ordered:
            seen.update(*(self._paths[example].tolist() for example in unit))
            ends.append(len(seen))
        groups: list[list[Sequence[int]]] = [[] for _ in range(parts)]
        for unit, end in zip(ordered, ends, strict=True):
            groups[(end - 1) * parts // max(1, len(seen))].append(unit)
        return [group for group in groups if group]

    def packed(
        self, units: Sequence[Sequence[int]], fits: Callable[[TrieBatch], bool]
    ) -> Iterator[tuple[list[int], TrieBatch]]:
        """Micro-batches that hold all `units` once, each with its examples; units that begin alike stand together.

        Args:
            units: examples that have to be in one batch, at least one each; no example is in two units.
            fits: whether a batch may be computed at once. A single unit is given out whether it fits or not.
        """
        left = sorted(units, key=lambda unit: self._sequences[unit[0]].tokens)
        while left:
            count, batch = len(left), self._of_units(left)
            # A batch of more units is a larger one: bisection finds the most that fit.
            if count > 1 and not fits(batch):
                count, too_many = 1, count
                batch = self._of_units(left[:1])
                while too_many - count > 1:
                    middle = (count + too_many) // 2
                    tried = self._of_units(left[:middle])
                    if fits(tried):
                        count, batch = middle, tried
                    else:
                        too_many = middle
            yield [example for unit in left[:count] for example in unit], batch
            left = left[count:]

    def _of_units(self, units: Sequence[Sequence[int]]) -> TrieBatch:
        return self.batch([example for unit in units for example in unit])


def edge_weights(
    batch: TrieBatch,
    example_weights: FloatArray,
    *,
    first_token: float = 1.0,
    total: float | None = None,
) -> FloatArray:
    """The weight (E,) of each edge: its example's weight shared over its tokens, and divided by `total`.

    Args:
        batch: one without supervised edges has no weights.
        example_weights: (number of examples in the batch,), not negative, not all zero.
        first_token: how many times an ordinary token the first one of an answer counts.
        total: what a micro-batch's weights are parts of: the weights of all examples with something to say in the
            whole set. None: the batch is the whole, its weights add to 1.

    Raises:
        ValueError: no edge has a weight, in a batch that is the whole.
    """
    raw = np.where(batch.firsts, first_token, 1.0)
    shares = np.bincount(batch.examples, weights=raw, minlength=len(example_weights))
    weights = raw * (example_weights / np.where(shares > 0, shares, 1.0))[batch.examples]
    if total is not None:
        return weights / total
    if len(weights) and not weights.sum() > 0:
        raise ValueError("no supervised token has a weight: there is nothing to learn")
    return weights / weights.sum()
