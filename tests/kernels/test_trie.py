"""The token trie for any set of examples: paths, ancestors, edges, chunks, weights."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_kernels.trie import TokenSequence, TokenTrie, edge_weights


@st.composite
def sequences(draw: st.DrawFn) -> TokenSequence:
    """Over three tokens, so that beginnings are shared, examples repeat and one ends where another goes on."""
    tokens = draw(st.lists(st.integers(5, 7), min_size=1, max_size=7))
    return TokenSequence(tuple(tokens), draw(st.integers(1, len(tokens))))


sets_of_sequences = st.lists(sequences(), min_size=1, max_size=7)
plainly = settings(deadline=None, max_examples=50)  # a busy machine is not a failure


def ancestors(trie: TokenTrie, node: int) -> list[int]:
    """The way from `node` up to its root, itself first."""
    path: list[int] = []
    while node >= 0:
        path.append(node)
        node = int(trie.parents[node])
    return path


@given(sets_of_sequences)
@plainly
def test_nodes_are_the_different_beginnings(examples: list[TokenSequence]) -> None:
    trie = TokenTrie(examples)
    asked = [example.tokens[:-1] or example.tokens for example in examples]
    prefixes = {prefix for tokens in asked for prefix in accumulate((token,) for token in tokens)}
    found = [tuple(int(trie.tokens[node]) for node in reversed(ancestors(trie, n))) for n in range(len(trie))]
    assert len(found) == len(prefixes)
    assert set(found) == prefixes
    for node, prefix in enumerate(found):
        assert trie.positions[node] == len(prefix) - 1
        assert trie.parents[node] < node
    assert trie.sequences == tuple(examples)


@given(sets_of_sequences, st.data())
@plainly
def test_a_batch_holds_the_paths_of_its_examples_and_who_sees_whom(
    examples: list[TokenSequence], data: st.DataObject
) -> None:
    trie = TokenTrie(examples)
    asked = data.draw(st.lists(st.sampled_from(range(len(examples))), min_size=1, unique=True))
    batch = trie.batch(asked)
    alone = TokenTrie([examples[index] for index in asked])
    assert len(batch.nodes) == len(alone)
    assert (np.diff(batch.nodes) > 0).all()
    assert (batch.tokens == trie.tokens[batch.nodes]).all()
    assert (batch.positions == trie.positions[batch.nodes]).all()
    sees = trie.sees(batch)
    for row, node in enumerate(batch.nodes):
        assert set(batch.nodes[sees[row]].tolist()) == set(ancestors(trie, int(node)))


@given(sets_of_sequences, sets_of_sequences)
@plainly
def test_a_node_is_found_in_another_trie_by_its_path(
    examples: list[TokenSequence], others: list[TokenSequence]
) -> None:
    trie, other = TokenTrie(examples), TokenTrie(others)

    def path(of: TokenTrie, node: int) -> tuple[int, ...]:
        return tuple(int(of.tokens[one]) for one in reversed(ancestors(of, node)))

    there = {path(other, node): node for node in range(len(other))}
    assert trie.found_in(other).tolist() == [there.get(path(trie, node), -1) for node in range(len(trie))]


@given(sets_of_sequences, st.data())
@plainly
def test_edges_tell_each_example_after_its_prompt_in_order(examples: list[TokenSequence], data: st.DataObject) -> None:
    trie = TokenTrie(examples)
    asked = data.draw(st.lists(st.sampled_from(range(len(examples))), min_size=1))
    batch = trie.batch(asked)
    starts = batch.sources[batch.rows]
    for index, name in enumerate(asked):
        example, own = examples[name], batch.examples == index
        assert batch.targets[own].tolist() == list(example.tokens[example.supervised_from :])
        assert batch.firsts[own].tolist() == [place == 0 for place in range(own.sum())]
        before = [ancestors(trie, int(batch.nodes[row])) for row in starts[own]]
        assert [tuple(int(trie.tokens[node]) for node in reversed(path)) for path in before] == [
            example.tokens[:end] for end in range(example.supervised_from, len(example.tokens))
        ]
    # Logits are computed for no row in vain.
    assert set(batch.rows.tolist()) == set(range(len(batch.sources)))


@given(sets_of_sequences, st.integers(1, 15))
@plainly
def test_chunks_take_every_example_once_and_stay_below_the_limit(examples: list[TokenSequence], limit: int) -> None:
    trie = TokenTrie(examples)
    groups = list(trie.chunks(limit))
    assert sorted(index for group in groups for index in group) == list(range(len(examples)))
    for group in groups:
        nodes = len(trie.batch(group).nodes)
        assert nodes <= limit or len(group) == 1
    assert len(list(trie.chunks(len(trie)))) == 1


def test_examples_that_begin_alike_stand_in_one_chunk() -> None:
    shared = (1, 2, 3, 4, 5, 6, 7, 8)
    mixed = [TokenSequence((root, *shared, end), 1) for end in (20, 21, 22) for root in (9, 10)]
    groups = [sorted(group) for group in TokenTrie(mixed).chunks(12)]
    assert groups == [[0, 2, 4], [1, 3, 5]]


@given(sets_of_sequences, st.integers(1, 15))
@plainly
def test_packed_batches_hold_every_unit_once_and_fit_or_are_one_unit(examples: list[TokenSequence], limit: int) -> None:
    trie = TokenTrie(examples)
    units = [[0, 1], *([place] for place in range(2, len(examples)))] if len(examples) > 1 else [[0]]
    groups = list(trie.packed(units, lambda batch: len(batch.nodes) <= limit))
    assert sorted(example for group, _ in groups for example in group) == list(range(len(examples)))
    for group, batch in groups:
        assert batch.nodes.tolist() == trie.batch(group).nodes.tolist()
        assert len(batch.nodes) <= limit or group in units
        assert {0, 1} <= set(group) or not {0, 1} & set(group) or len(examples) == 1


def test_packed_units_that_begin_alike_stand_in_one_batch_that_is_as_full_as_it_may_be() -> None:
    shared = (1, 2, 3, 4, 5, 6, 7, 8)
    mixed = [TokenSequence((root, *shared, end), 1) for end in (20, 21, 22) for root in (9, 10)]
    groups = TokenTrie(mixed).packed([[place] for place in range(6)], lambda batch: len(batch.nodes) <= 12)
    assert [sorted(group) for group, _ in groups] == [[0, 2, 4], [1, 3, 5]]


def test_a_micro_batchs_weights_are_parts_of_the_whole() -> None:
    trie = TokenTrie([TokenSequence((5, 6, 7), 1), TokenSequence((5, 7), 1), TokenSequence((5, 8), 2)])
    parts = [edge_weights(trie.batch([place]), np.array([weight]), total=5.0) for place, weight in ((0, 2.0), (1, 3.0))]
    assert [part.tolist() for part in parts] == [[0.2, 0.2], [0.6]]
    assert np.concatenate(parts) == pytest.approx(edge_weights(trie.batch([0, 1]), np.array([2.0, 3.0])))


@given(sets_of_sequences, st.data())
@plainly
def test_an_examples_weight_is_shared_evenly_over_its_tokens(
    examples: list[TokenSequence], data: st.DataObject
) -> None:
    examples = [*examples, TokenSequence((5, 6), 1)]
    trie = TokenTrie(examples)
    batch = trie.batch(range(len(examples)))
    wished = np.array(data.draw(st.lists(st.floats(0.1, 5), min_size=len(examples), max_size=len(examples))))
    first_token = data.draw(st.sampled_from([1.0, 4.0]))
    weights = edge_weights(batch, wished, first_token=first_token)
    assert weights.sum() == pytest.approx(1.0)
    speaking = np.array([len(example.tokens) > example.supervised_from for example in examples])
    for index in np.flatnonzero(speaking):
        own = weights[batch.examples == index]
        assert own.sum() == pytest.approx(wished[index] / wished[speaking].sum())
        assert own[0] == pytest.approx(first_token * (own[1:].mean() if len(own) > 1 else own[0] / first_token))
        assert own[1:] == pytest.approx(own[1:].mean() if len(own) > 1 else [])


def test_an_example_without_weight_teaches_nothing() -> None:
    trie = TokenTrie([TokenSequence((5, 6, 7), 1), TokenSequence((5, 7), 1)])
    batch = trie.batch([0, 1])
    assert edge_weights(batch, np.array([0.0, 2.0])).tolist() == [0.0, 0.0, 1.0]
    with pytest.raises(ValueError, match="nothing to learn"):
        edge_weights(batch, np.array([0.0, 0.0]))


@pytest.mark.parametrize(("tokens", "supervised_from"), [((), 0), ((), 1), ((5,), 0), ((5, 6), 3), ((5, 6), -1)])
def test_a_sequence_is_supervised_from_inside_it(tokens: tuple[int, ...], supervised_from: int) -> None:
    with pytest.raises(ValueError, match="supervised_from"):
        TokenSequence(tokens, supervised_from)


def test_one_token_and_nothing_to_say_is_a_batch_without_edges() -> None:
    trie = TokenTrie([TokenSequence((5,), 1), TokenSequence((5, 6), 2)])
    batch = trie.batch([0, 1])
    assert len(batch.nodes) == 1
    assert len(batch.sources) == len(batch.rows) == len(batch.targets) == len(batch.examples) == 0
    assert edge_weights(batch, np.ones(2)).tolist() == []
