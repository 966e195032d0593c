"""What each rule leads to, by what the text is for: strict for training, mild for memory.

What is trained into an adapter cannot be taken out again one fact at a time and travels with every export; a memory
is one row that can be edited and forgotten. So training takes no number that opens, pays or identifies, and memory
takes what a person would write into an address book, but no secret and nothing that pays. The user may say otherwise
class by class (`data_policy`); not for secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edge_seal.adaptation.guardian.conduct import CONDUCT_RULES, topic_finder
from edge_seal.adaptation.guardian.identities import IDENTITY_RULES, NameFinder, names_of_others_by
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

TOPIC = Rule(
    "policy.topic",
    Family.POLICY,
    "words and phrases of your own list (`data_policy.topics`)",
    "it is about a topic that you do not want learned",
)
NAMES_BY_MODEL = Rule(
    "personal.name_found",
    Family.PERSONAL,
    "names of others that a recognizer finds (`data_policy.names_model`); there is none by default",
    "it names another person",
    specific=False,
    advisory=True,
    as_given=True,
)

TEXT_RULES: tuple[Rule, ...] = (*FORMAT_RULES, *WORD_RULES, *PERSONAL_RULES, *IDENTITY_RULES, *CONDUCT_RULES)
RULES: tuple[Rule, ...] = (*TEXT_RULES, TOPIC, NAMES_BY_MODEL, UNAPPROVED, OVER_SHARE, TOO_LONG, FAILED)


def _by_purpose(train: Action, remember: Action, show: Action) -> Mapping[Purpose, Action]:
    return MappingProxyType({Purpose.TRAIN: train, Purpose.REMEMBER: remember, Purpose.SHOW: show})


_SECRET = _by_purpose(Action.BLOCK, Action.BLOCK, Action.REDACT)
_PAYS = _by_purpose(Action.BLOCK, Action.BLOCK, Action.REDACT)
_IDENTIFIES = _by_purpose(Action.BLOCK, Action.QUARANTINE, Action.ALLOW)
_PAPERS = _by_purpose(Action.BLOCK, Action.ALLOW, Action.ALLOW)
_REACHES = _by_purpose(Action.QUARANTINE, Action.ALLOW, Action.ALLOW)
_NOT_LEARNED = _by_purpose(Action.BLOCK, Action.ALLOW, Action.ALLOW)
_ADVISES = _by_purpose(Action.ALLOW, Action.ALLOW, Action.ALLOW)
_NOT_YET = _by_purpose(Action.QUARANTINE, Action.QUARANTINE, Action.ALLOW)
_NEVER = _by_purpose(Action.BLOCK, Action.BLOCK, Action.BLOCK)

POLICY: Mapping[str, Mapping[Purpose, Action]] = MappingProxyType(
    {rule.id: _SECRET for rule in TEXT_RULES if rule.family is Family.SECRET}
    | {rule.id: _ADVISES for rule in TEXT_RULES if rule.family is Family.INJECTION}
    | {
        "personal.payment_card": _PAYS,
        # Opens credit in someone's name; the user may still want it kept, and is asked.
        "personal.us_ssn": _IDENTIFIES,
        "personal.iban": _PAPERS,
        "personal.bank_account": _PAPERS,
        "personal.identity_document": _PAPERS,
        "personal.national_id": _PAPERS,
        "personal.email": _REACHES,
        "personal.phone": _REACHES,
        "personal.ip_address": _REACHES,
        "personal.birth_date": _REACHES,
        "personal.postal_address": _REACHES,
        # Most of what a person teaches is about people; the strict may set it otherwise.
        "personal.name_of_other": _ADVISES,
        NAMES_BY_MODEL.id: _ADVISES,
        # A list of words cannot know what is meant: a person decides.
        "policy.harmful_answer": _REACHES,
        "policy.refusals_unlearned": _REACHES,
        TOPIC.id: _NOT_LEARNED,
        UNAPPROVED.id: _NOT_YET,
        OVER_SHARE.id: _NOT_YET,
        TOO_LONG.id: _NEVER,
        FAILED.id: _NEVER,
    }
)

CLASSES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "email": ("personal.email",),
        "phone": ("personal.phone",),
        "postal_address": ("personal.postal_address",),
        "ip_address": ("personal.ip_address",),
        "birth_date": ("personal.birth_date",),
        "bank_account": ("personal.iban", "personal.bank_account"),
        "payment_card": ("personal.payment_card",),
        "identity_number": ("personal.us_ssn", "personal.identity_document", "personal.national_id"),
        "name_of_other": ("personal.name_of_other", NAMES_BY_MODEL.id),
    }
)
"""The classes of data that the user decides about, and the rules that find them. Secrets are no such class."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What each rule leads to, the topics that may not be learned, and a recognizer of names, if there is one.

    `names` is a named-entity recognizer of the user's choice. It may take long or fail, and then has refused.
    """

    actions: Mapping[str, Mapping[Purpose, Action]] = field(default_factory=lambda: POLICY)
    topics: tuple[str, ...] = ()
    names: NameFinder | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that look for something in a text."""
        topics = (replace(TOPIC, find=topic_finder(self.topics)),) if self.topics else ()
        names = (replace(NAMES_BY_MODEL, find=names_of_others_by(self.names)),) if self.names is not None else ()
        return (*TEXT_RULES, *topics, *names) if topics or names else TEXT_RULES


DEFAULT_POLICY: Final = Policy()


def policy_of(
    train: Mapping[str, str | None],
    remember: Mapping[str, str | None],
    topics: tuple[str, ...] = (),
    names: NameFinder | None = None,
) -> Policy:
    """The default policy with what the user decided: an action for a class of data, None where nothing was said.

    Raises:
        KeyError: there is no such class.
        ValueError: there is no such action.
    """
    actions = dict(POLICY)
    for purpose, chosen in ((Purpose.TRAIN, train), (Purpose.REMEMBER, remember)):
        for name, action in chosen.items():
            if action is not None:
                for rule in CLASSES[name]:
                    actions[rule] = MappingProxyType({**actions[rule], purpose: Action(action)})
    return Policy(MappingProxyType(actions), topics, names)


def rules_table() -> str:
    """The rules and what they lead to, as the Markdown table in docs/guardian.md."""
    rows = ["| rule | looks for | to train | to remember | to show |", "| --- | --- | --- | --- | --- |"]
    for rule in RULES:
        leads_to = (_led_to(rule, POLICY[rule.id][purpose]) for purpose in Purpose)
        rows.append(f"| `{rule.id}` | {rule.finds} | {' | '.join(leads_to)} |")
    return "\n".join(rows) + "\n"


def _led_to(rule: Rule, action: Action) -> str:
    return "allow, told" if rule.advisory and action is Action.ALLOW else action.value
