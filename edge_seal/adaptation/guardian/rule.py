"""What a rule is, and the arithmetic that rules share.

Invariants: a rule's finder is pure and takes time linear in its text (bounded windows, possessive quantifiers, no
nested repetition); a `Match` carries no part of a secret but the public part of its format in `shown`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What is at stake."""

    SECRET = "secret"  # noqa: S105  # the name of the family
    PERSONAL = "personal"
    POLICY = "policy"
    INJECTION = "injection"
    ORIGIN = "origin"
    GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True)
class Match:
    """`text[start:end]` is what the rule looks for; `shown` is the part of it that is public, such as a prefix."""

    start: int
    end: int
    shown: str = ""


Finder = Callable[[str], Iterable[Match]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. `finds` says for the documentation what it looks for, `reason` says to the user what it found.

    `find` is None for the rules that the judge applies by itself. A rule that reads `joined_lines` has a format of
    its own that words run together cannot take by chance. A rule that is not `specific` gives way where a specific
    one has found the same. What an `advisory` rule finds is told even where it is allowed: it raises an update's risk.
    A rule that reads a text `as_given` looks for what the readings take out.
    """

    id: str
    family: Family
    finds: str
    reason: str
    find: Finder | None = None
    joined_lines: bool = False
    specific: bool = True
    advisory: bool = False
    as_given: bool = False


# What several rules ask of a token ------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"example|placeholder|redacted|(?<![a-z0-9])your|your[-_ ]|insert|replace|dummy|<[^>]{0,60}>"
    r"|\$\{|\{\{|\*{3}|\.{3}|…|x{5}|0{8}|\[[a-z]+\.[a-z_]+\]",
    re.IGNORECASE,
)


def is_placeholder(token: str) -> bool:
    """Whether `token` stands for a secret in documentation: `<password>`, `${TOKEN}`, `xxxxxx`, `your-key-here`."""
    return _PLACEHOLDER.search(token) is not None or len(set(token.strip("-_"))) <= 2


def entropy_bits(token: str) -> float:
    """Shannon entropy of the characters of `token`, in bits a character; 0 for the empty text."""
    total = len(token)
    return -sum(n / total * math.log2(n / total) for n in Counter(token).values()) if total else 0.0


def looks_random(token: str, *, least_bits: float = 3.0, least_run: int = 16) -> bool:
    """Whether `token` holds a run that no one writes by hand: long, letters and digits mixed, of high entropy.

    Names made of words (`sk-chasing-dots-container`, `2024-annual-report-final-version`) have no such run.
    """
    run = max(re.split(r"[^A-Za-z0-9]+", token), key=len)
    return (
        len(run) >= least_run
        and any(c.isdigit() for c in run)
        and any(c.isalpha() for c in run)
        and entropy_bits(run) >= least_bits
        and not is_placeholder(token)
    )


def words(text: str) -> frozenset[str]:
    """The set of the words in `text`."""
    return frozenset(text.split())


def digits_of(text: str) -> str:
    """The ASCII digits in `text`, in order."""
    return "".join(c for c in text if "0" <= c <= "9")


def passes_luhn(digits: str) -> bool:
    """The check of ISO/IEC 7812-1, annex B: every second digit from the right doubled, the sum a multiple of ten."""
    total = 0
    for place, c in enumerate(reversed(digits)):
        value = int(c) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def passes_mod_97(iban: str) -> bool:
    """The check of ISO 13616: first four characters to the end, letters as 10 to 35, remainder 1 by 97."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1
