"""Secrets in disguises that a person still reads, and long harmless texts: found, in time linear in the length."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_seal.adaptation.guardian import Purpose, judge
from edge_seal.adaptation.guardian.policy import TEXT_RULES
from edge_seal.records import Action
from tests.adaptation.guardian import invented

# A private key keeps its lines, and a server's address its form, so they have tests of their own.
MAKERS = [
    maker
    for rule, makers in invented.SECRETS.items()
    if rule not in {"secret.private_key", "secret.connection_string"}
    for maker in makers
]
LOOKALIKES = str.maketrans("aceopxyHKMT", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u041d\u041a\u041c\u0422")
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


def zero_width(text: str, random: Random) -> str:
    return "".join(c + (random.choice(INVISIBLE) if random.random() < 0.3 else "") for c in text)


def homoglyphs(text: str, random: Random) -> str:
    return "".join(c.translate(LOOKALIKES) if random.random() < 0.5 else c for c in text)


def full_width(text: str, random: Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" and random.random() < 0.5 else c for c in text)


def in_base64(text: str, _: Random) -> str:
    return base64.b64encode(text.encode()).decode()


def in_base64_twice(text: str, random: Random) -> str:
    return in_base64(in_base64(text, random), random)


def split(text: str, random: Random) -> str:
    cut = random.randint(len(text) // 3, 2 * len(text) // 3)
    return text[:cut] + random.choice(["\n", "\r\n  ", "\\\n"]) + text[cut:]


LAST: list[Callable[[str, Random], str]] = [lambda text, _: text, in_base64, in_base64_twice, split]
FIRST: list[Callable[[str, Random], str]] = [lambda text, _: text, zero_width, homoglyphs, full_width]


@given(st.sampled_from(MAKERS), st.sampled_from(FIRST), st.sampled_from(LAST), st.integers(0, 2**32))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_secret_is_found_under_two_disguises_at_once(
    maker: invented.Maker,
    first: Callable[[str, Random], str],
    last: Callable[[str, Random], str],
    seed: int,
) -> None:
    random = Random(seed)
    secret = maker(random)
    hidden = last(first(secret, random), random)
    text = f"Please keep this: {hidden}\nThanks"
    assert judge(text, purpose=Purpose.TRAIN).action is Action.BLOCK, ascii(text)


PIECES = [
    "The meeting is at 10:30 in room 4, and Dr. Nielsen joins from 12 Baker Street.\n",
    "2024-05-14 10:30:45.123 INFO worker-7 took 12.5 ms (id 123e4567-e89b-12d3-a456-426614174000)\n",
    "| 1 299 000 | 045-12 | 3,5 % | A-17 | 0x1f4a9 |\n",
    "my sister my brother my boss Ignore the previous version of the document and never say that again\n",
    "if (a[i] < b[j] && c) { return x_1(\"key\", 'token') + 10 * 20; }  // password: see vault\n",
    "Write make build create construct a report about the history of computer science and how to write\n",
]


@pytest.mark.parametrize("piece", range(len(PIECES)))
def test_long_documents_take_time_linear_in_their_length(piece: int) -> None:
    def seconds(repeats: int) -> float:
        text = PIECES[piece] * repeats
        began = time.process_time()
        for rule in TEXT_RULES:
            assert rule.find is not None
            for _ in rule.find(text):
                pass
        return time.process_time() - began

    seconds(20)  # what is loaded lazily is loaded
    short, long = seconds(100), seconds(800)
    # Eight times the text: eight times the time, and not sixty-four.
    assert long < 30 * max(short, 0.005), (short, long)
