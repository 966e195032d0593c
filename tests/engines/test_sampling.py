"""Drawing tokens and holding back text, without a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.engines.engine import FloatArray, Sampling
from edge_seal.engines.sampling import Drawer, TextStream
from edge_seal.errors import EngineError


def random_logits(size: int = 5000, seed: int = 1) -> FloatArray:
    return (4.0 * np.random.default_rng(seed).standard_normal(size)).astype(np.float32)


def test_temperature_zero_takes_the_likeliest() -> None:
    logits = random_logits()
    assert Drawer(Sampling(1, temperature=0.0)).draw(logits) == int(logits.argmax())


def test_a_seed_gives_the_same_tokens_and_another_seed_others() -> None:
    logits = random_logits()

    def drawn(seed: int) -> list[int]:
        drawer = Drawer(Sampling(1, temperature=1.5, top_p=1.0, seed=seed))
        return [drawer.draw(logits) for _ in range(20)]

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_tokens_are_drawn_as_often_as_they_are_likely() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    drawer = Drawer(Sampling(1, temperature=1.0, top_p=1.0, seed=3))
    counts = np.bincount([drawer.draw(logits) for _ in range(20_000)], minlength=4)
    np.testing.assert_allclose(counts / 20_000, [0.5, 0.3, 0.15, 0.05], atol=0.01)


@pytest.mark.parametrize(("top_p", "possible"), [(0.5, {0}), (0.51, {0, 1}), (0.79, {0, 1}), (0.81, {0, 1, 2})])
def test_top_p_keeps_the_fewest_tokens_that_reach_it(top_p: float, possible: set[int]) -> None:
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05])).astype(np.float32)
    drawer = Drawer(Sampling(1, temperature=1.0, top_p=top_p, seed=3))
    assert {drawer.draw(logits) for _ in range(2000)} == possible


@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("temperature", [0.5, 30.0])
def test_the_short_way_to_the_nucleus_keeps_what_sorting_everything_keeps(top_p: float, temperature: float) -> None:
    logits = random_logits()
    drawer = Drawer(Sampling(1, temperature=temperature, top_p=top_p))
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    tokens, _ = drawer._nucleus(weights)
    order = np.argsort(-weights, kind="stable")
    needed = int(np.searchsorted(np.cumsum(weights[order]), top_p * weights.sum())) + 1
    # At top_p 1 the two sums may differ in their last bits, and so in the last, least likely tokens.
    assert abs(len(tokens) - min(needed, len(order))) <= (3 if top_p == 1.0 else 0)
    assert tokens[:100].tolist() == order[: len(tokens)][:100].tolist()


def test_logits_that_are_no_numbers_are_an_error() -> None:
    logits = random_logits()
    logits[17] = np.nan
    for temperature in (0.0, 1.0):
        with pytest.raises(EngineError, match="no numbers"):
            Drawer(Sampling(1, temperature=temperature)).draw(logits)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(0),
        Sampling(1, temperature=-1.0),
        Sampling(1, temperature=float("nan")),
        Sampling(1, top_p=0.0),
        Sampling(1, top_p=1.1),
        Sampling(1, seed=-1),
        Sampling(1, stop=("",)),
    ],
    ids=["no tokens", "cold", "nan", "p 0", "p 1.1", "seed", "stop"],
)
def test_settings_out_of_range_are_an_error(sampling: Sampling) -> None:
    with pytest.raises(EngineError):
        Drawer(sampling)


def fed(stops: tuple[str, ...], pieces: list[bytes]) -> tuple[list[str], bool]:
    stream = TextStream(stops)
    return [*(stream.feed(piece) for piece in pieces), stream.finish()], stream.stopped


def test_a_character_split_over_tokens_comes_whole() -> None:
    assert fed((), [b"a\xf0\x9f", b"\x98", b"\x80b"]) == (["a", "", "😀b", ""], False)


def test_a_character_that_is_never_completed_is_left_out() -> None:
    assert fed((), [b"a\xf0\x9f"]) == (["a", ""], False)


def test_bytes_that_are_no_text_are_marked() -> None:
    assert fed((), [b"a\xffb"]) == (["a\ufffdb", ""], False)


def test_a_stop_string_spanning_tokens_ends_the_text_before_it() -> None:
    assert fed(("\nUser:",), [b"Hi", b"\nUs", b"er", b": no", b"more"]) == (["Hi", "", "", "", "", ""], True)


def test_what_only_began_like_a_stop_string_is_given() -> None:
    assert fed(("\nUser:",), [b"Hi\nUs", b"eful"]) == (["Hi", "\nUseful", ""], False)
    assert fed(("\nUser:",), [b"Hi\nUser"]) == (["Hi", "\nUser"], False)


@given(st.lists(st.sampled_from(["a", "ab", "b", "é", "😀", "ba", "\n"]), max_size=12), st.integers(1, 4))
def test_however_tokens_cut_the_bytes_the_text_ends_before_the_stop(words: list[str], size: int) -> None:
    text = "".join(words)
    data = text.encode()
    given_text, stopped = fed(("aba", "é\n"), [data[at : at + size] for at in range(0, len(data), size)])
    # Pieces come before a later stop could be seen, so what counts is that none of them is in the text.
    joined = "".join(given_text)
    assert text.startswith(joined)
    assert "aba" not in joined
    assert "é\n" not in joined
    assert stopped or joined == text


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_what_is_forbidden_is_never_drawn_and_the_logits_stay_as_they_are(temperature: float) -> None:
    logits = random_logits(50)
    before = logits.copy()
    likeliest = tuple(np.argsort(-logits)[:10].tolist())
    drawer = Drawer(Sampling(1, temperature=temperature, top_p=1.0, forbidden=likeliest))
    assert not {drawer.draw(logits) for _ in range(300)} & set(likeliest)
    assert (logits == before).all()
    with pytest.raises(EngineError, match="no numbers"):
        Drawer(Sampling(1, forbidden=tuple(range(50)))).draw(logits)
