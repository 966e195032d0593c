"""What each rule leads to, by what the text is for: strict for training, mild for memory.

What is trained into an adapter cannot be taken out again one fact at a time and travels with every export; a memory
is one row that can be edited and forgotten. So training takes no number that opens, pays or identifies, and memory
takes what a person would write into an address book, but no secret and nothing that pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from edge_seal.adaptation.guardian.personal import PERSONAL_RULES
from edge_seal.adaptation.guardian.rule import Family, Rule
from edge_seal.adaptation.guardian.secrets import FORMAT_RULES
from edge_seal.adaptation.guardian.secrets_in_words import WORD_RULES
from edge_seal.records import Action


class Purpose(StrEnum):
    """What a text is to be used for."""

    TRAIN = "train"
    REMEMBER = "remember"
    SHOW = "show"
    """Leave the database: on the screen, in a record, in an export."""


TOO_LONG = Rule(
    "guardian.too_long",
    Family.GUARDIAN,
    "a text longer than the guardian reads (262,144 characters)",
    "it is longer than the guardian reads",
)
FAILED = Rule(
    "guardian.failed",
    Family.GUARDIAN,
    "a check that raised an error or ran out of time: it has refused",
    "a check could not be finished, which counts as a no",
)
UNAPPROVED = Rule(
    "origin.unapproved",
    Family.ORIGIN,
    "examples that go back to a text that the user did not type, not yet approved by a person",
    "it does not come from what you typed, and waits for your approval",
)
OVER_SHARE = Rule(
    "origin.over_share",
    Family.ORIGIN,
    "approved examples by which one source would have more than its share of an update",
    "its source already has its share of this update",
)

TEXT_RULES: tuple[Rule, ...] = (*FORMAT_RULES, *WORD_RULES, *PERSONAL_RULES)
RULES: tuple[Rule, ...] = (*TEXT_RULES, UNAPPROVED, OVER_SHARE, TOO_LONG, FAILED)


def _by_purpose(train: Action, remember: Action, show: Action) -> Mapping[Purpose, Action]:
    return MappingProxyType({Purpose.TRAIN: train, Purpose.REMEMBER: remember, Purpose.SHOW: show})


_SECRET = _by_purpose(Action.BLOCK, Action.BLOCK, Action.REDACT)
_PAYS = _by_purpose(Action.BLOCK, Action.BLOCK, Action.REDACT)
_IDENTIFIES = _by_purpose(Action.BLOCK, Action.QUARANTINE, Action.ALLOW)
_PAPERS = _by_purpose(Action.BLOCK, Action.ALLOW, Action.ALLOW)
_REACHES = _by_purpose(Action.QUARANTINE, Action.ALLOW, Action.ALLOW)
_NOT_YET = _by_purpose(Action.QUARANTINE, Action.QUARANTINE, Action.ALLOW)
_NEVER = _by_purpose(Action.BLOCK, Action.BLOCK, Action.BLOCK)

POLICY: Mapping[str, Mapping[Purpose, Action]] = MappingProxyType(
    {rule.id: _SECRET for rule in TEXT_RULES if rule.family is Family.SECRET}
    | {
        "personal.payment_card": _PAYS,
        # Opens credit in someone's name; the user may still want it kept, and is asked.
        "personal.us_ssn": _IDENTIFIES,
        "personal.iban": _PAPERS,
        "personal.bank_account": _PAPERS,
        "personal.identity_document": _PAPERS,
        "personal.email": _REACHES,
        "personal.phone": _REACHES,
        "personal.ip_address": _REACHES,
        "personal.birth_date": _REACHES,
        UNAPPROVED.id: _NOT_YET,
        OVER_SHARE.id: _NOT_YET,
        TOO_LONG.id: _NEVER,
        FAILED.id: _NEVER,
    }
)


def rules_table() -> str:
    """The rules and what they lead to, as the Markdown table in docs/guardian.md."""
    rows = ["| rule | looks for | to train | to remember | to show |", "| --- | --- | --- | --- | --- |"]
    for rule in RULES:
        leads_to = (POLICY[rule.id][purpose].value for purpose in Purpose)
        rows.append(f"| `{rule.id}` | {rule.finds} | {' | '.join(leads_to)} |")
    return "\n".join(rows) + "\n"
