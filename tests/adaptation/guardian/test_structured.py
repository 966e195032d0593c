"""Structured personal data of every country, in many forms: what is found, and what only looks like it.

The bars are those that `bench/guardian.py` measures with more cases: 99% of each entity, 2% of lookalikes at most.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from importlib import import_module
from random import Random

import pytest

from edge_seal.adaptation.guardian import Purpose, identities, judge
from edge_seal.records import Action
from tests.adaptation.guardian import invented, labelled
from tests.adaptation.guardian.labelled import LOOKALIKES, MAKERS, RULES_FOR

CASES = 200
SEED = 11


@pytest.mark.parametrize("kind", MAKERS)
def test_ninety_nine_in_a_hundred_are_found(kind: str) -> None:
    missed = [
        case.text
        for case in labelled.cases(kind, CASES, SEED)
        if not any(
            finding.rule in RULES_FOR[kind] and finding.start < case.end and case.start < finding.end
            for finding in judge(case.text, purpose=Purpose.TRAIN).findings
        )
    ]
    assert len(missed) <= CASES // 100, missed


def test_what_only_looks_like_it_is_let_through() -> None:
    texts = list(labelled.lookalikes(6, SEED))
    found = [
        (kind, text)
        for kind, text in texts
        if any(finding.action is not Action.ALLOW for finding in judge(text, purpose=Purpose.TRAIN).findings)
    ]
    assert len(found) <= len(texts) // 50, found
    assert len({kind for kind, _ in texts}) == len(LOOKALIKES)


def test_the_sets_hold_what_they_say() -> None:
    assert len({case.text for kind in MAKERS for case in labelled.cases(kind, 50, SEED)}) > 45 * len(MAKERS)
    for case in labelled.cases("iban, any country", 50, SEED):
        assert case.text[case.start : case.end][:2].isalpha()
    assert [case.text for case in labelled.cases("payment card", 5, 1)] == [
        case.text for case in labelled.cases("payment card", 5, 1)
    ]


def test_every_register_that_is_named_is_there() -> None:
    # A module that is not would make the guardian fail, and refuse, whatever number stands beside "my id".
    named = {module for modules in identities._BY_LENGTH.values() for module in modules}
    evident = {module for _, modules in identities._EVIDENT for module in modules}
    for name in sorted(named | evident):
        assert callable(import_module(f"stdnum.{name}").is_valid), name


def test_a_number_that_the_library_cannot_finish_is_found_and_does_not_fail() -> None:
    # Its last check asks a table for the county 711100, which has holes.
    number = next(
        whole
        for serial in range(1000)
        for check in "0123456789X"
        if _raises(whole := f"71110019800101{serial:03d}{check}")
    )
    findings = judge(f"The number is {number}", purpose=Purpose.TRAIN).findings
    assert [finding.rule for finding in findings] == ["personal.national_id"]


def _raises(number: str) -> bool:
    try:
        import_module("stdnum.cn.ric").is_valid(number)
    except KeyError:
        return True
    return False


@pytest.mark.parametrize(
    "text",
    [
        "Write to anna&#64;posti.fi",
        "Write to anna&commat;posti.fi",
        r"Write to anna\u0040posti.fi",
        r"Phone:\n+358 40 123 4567\nfax",
        "Mobile:0401234567",
        "tel:+44-20-7946-0958",
        "Call me on 22 45 16 58",
        "fax 77.83.73.72",
        "My passport is X1234567 and I keep it at home in the drawer",
        "My licence plate is ABC 12",
        "My PAN is ABCPD1234E",
        "3 May 1984 is my birthday",
        "Geburtsdatum: 03.05.84",
        "pay with 4539.1488.0343.6467",
    ],
)
def test_a_form_that_was_missed_once(text: str) -> None:
    findings = judge(text, purpose=Purpose.TRAIN).findings
    assert [finding.rule for finding in findings if finding.rule.startswith("personal.")], text


@pytest.mark.parametrize(
    "text",
    [
        "at 1589963766 it failed",  # AT and 18 digits and letters, which pass the check of an IBAN
        "join the meeting, id 239 4149 8088",
        "sin(43) = 0.673578920",
        "We run Python 3.11.7 and PostgreSQL 16.2.1.0",
        "Tom & Jerry; R&amp;D",
        r"C:\new\table",
    ],
)
def test_what_was_found_once_and_is_nothing(text: str) -> None:
    assert judge(text, purpose=Purpose.TRAIN).findings == ()


@pytest.mark.parametrize(
    "written",
    [
        " ".join,
        "-".join,
        "\u0301".join,
        lambda secret: ", ".join(f"0x{ord(c):02x}" for c in secret),
        lambda secret: base64.b64encode(secret.encode()).hex(),
        lambda secret: base64.b64encode(secret.encode().hex().encode()).decode(),
        lambda secret: "".join(f"&#{ord(c)};" for c in secret),
        lambda secret: "".join(f"\\u{ord(c):04x}" for c in secret),
    ],
    ids=["spaced", "hyphens", "marks", "bytes", "base64 in hex", "hex in base64", "entities", "escapes"],
)
def test_a_secret_in_another_dress(written: Callable[[str], str]) -> None:
    secret = invented.github_token(Random(3))
    findings = judge(f"Keep this: {written(secret)} for later", purpose=Purpose.TRAIN).findings
    assert "secret.github_token" in [finding.rule for finding in findings]


def test_what_is_spelled_out_and_is_none() -> None:
    for text in ("a b c d e f g h i j k l m n o p", "1 - 2 - 3 - 4", "I. A. B. Smith, Ph. D.", "x = a + b * c - d / e"):
        assert judge(text, purpose=Purpose.TRAIN).findings == ()


def test_four_letters_of_a_token_by_chance_make_no_placeholder_of_it() -> None:
    # Of a thousand tokens some have a "your" in them.
    drawn = invented.github_fine_grained_token(Random(3))
    token = f"{drawn[:50]}yoUr{drawn[54:]}"
    assert [f.rule for f in judge(f"Use {token} here", purpose=Purpose.TRAIN).findings] == ["secret.github_token"]
    for text in ("api_key = your-api-key-here1", "export KEY=YOUR_KEY_123456", "token: yourtoken123456"):
        assert judge(text, purpose=Purpose.TRAIN).findings == ()


@pytest.mark.parametrize(
    "text",
    [
        "My wifi password?\nhunter2-Zebra",
        "Wifi password?\nhunter2-Zebra",
        "The alarm code?\n4711",
        "Anna's PIN?\n4711",
        "My laptop password?\nsunflower",
        "What is my wifi password?\nsunflower",
    ],
)
def test_a_secret_is_asked_for_in_few_words(text: str) -> None:
    rules = [finding.rule for finding in judge(text, purpose=Purpose.TRAIN).findings]
    assert "secret.answered" in rules


@pytest.mark.parametrize(
    "text",
    [
        "Forgot password?\nClick the link in the mail.",
        "Password?\nNever tell it to anybody.",
        "What makes a good password?\nLength.",
        "How often should I change my password?\nOnce a year at most.",
        "My password manager?\nBitwarden is what I use.",
        "PIN?\nIt stands for personal identification number.",
    ],
)
def test_a_question_about_secrets_is_none(text: str) -> None:
    assert judge(text, purpose=Purpose.TRAIN).findings == ()
