"""Which attribute of whom a question asks for: "Where do I live?" is answered by "I moved to Oulu".

However far apart their words and vectors are, the two are about one attribute.

Invariant: pure; a question that no rule fits asks for no attribute, and is answered by search alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge_seal.memory import attributes
from edge_seal.memory.attribute_rules import PARTNERS, PEOPLE, PETS, UNIQUE_PEOPLE
from edge_seal.memory.sentences import plain


@dataclass(frozen=True, slots=True)
class Asked:
    """An attribute and whose it is."""

    subject: str
    attributes: tuple[str, ...]


_WHO: Final = rf"(?:i|we|my (?P<who>(?:{PEOPLE}|{UNIQUE_PEOPLE}|{PETS})(?: (?-i:[A-Z])[\w-]*)?))"
_WHOSE: Final = rf"my (?:(?P<who>{PEOPLE}|{UNIQUE_PEOPLE}|{PETS})(?: (?-i:[A-Z])[\w-]*)?'s )?"
_DO: Final = r"(?:do|does|did|have|has|am|is|are|was|were)"
_ASKED: Final = tuple(
    (re.compile(rf"\b(?:{pattern})", re.IGNORECASE), names)
    for pattern, names in (
        (rf"(?:where|which (?:city|town|country)|what (?:city|town|country)) {_DO} {_WHO} (?:\w+ (?:to )?)??(?:live|living|reside|based)\b", "residence"),
        (rf"(?:where|which company|what company|who|for whom) {_DO} {_WHO} (?:\w+ (?:to )?)??(?:work|working|employed)\b", "employer"),
        (rf"what {_DO} {_WHO} (?:\w+ (?:to )?)??(?:do for (?:a )?(?:living|work)|work as)", "job title|employer"),
        (r"what (?:should|can|do|may) (?:you|i|people|they) call me|what am i called", "nickname|name"),
        (r"what (?:nick)?names? (?:do|did) i (?:use|go by)", "nickname|name"),
        (r"who am i\b|do you know my name", "name|nickname"),
        (rf"(?:what|which) (?:kind of )?diet {_DO} {_WHO}", "diet"),
        (rf"{_DO} {_WHO} (?:a )?(?:vegan|vegetarian)\b", "diet"),
        (rf"{_DO} {_WHO} eat (?:meat|fish)\b", "diet"),
        (rf"(?:what|which) (?:kind of |model of |make of )?(?P<thing>phone|laptop|car) {_DO} {_WHO}", "{thing}"),
        (rf"what {_DO} {_WHO} (?:\w+ (?:to )?)??drive", "car"),
        (rf"(?:what|which subject) {_DO} {_WHO} (?:\w+ (?:to )?)??stud(?:y|ying)\b", "studies"),
        (rf"(?:which|what) time ?zone {_DO} {_WHO}", "time zone"),
        (rf"how old {_DO} {_WHO}", "age|birthday|year of birth"),
        (rf"when {_DO} {_WHO} born", "birthday|year of birth"),
        (rf"(?:when|what time) {_DO} {_WHO} (?:\w+ (?:to )?)??(?:get|wake) up", "wake-up time"),
        (rf"(?:when|what time) {_DO} {_WHO} (?:\w+ (?:to )?)??go to (?:bed|sleep)", "bedtime"),
        (rf"how {_DO} {_WHO} (?:\w+ (?:to )?)??(?:commute|(?:get|go|travel) to work)", "commute"),
        (rf"how {_DO} i (?:\w+ (?:to )?)??(?:take|drink|like|have) my (?P<thing>coffee|tea|eggs|steak)", "{thing} taken"),
        (rf"what {_DO} {_WHO} allergic to|(?:what|which|my) allerg(?:y|ies)", "allergy"),
        (rf"(?:which|what|how many) languages? {_DO} {_WHO}", "language|native language"),
        (rf"what (?:is|are|was) {_WHOSE}(?P<pet>{PETS}) (?:called|named)|what {_DO} my (?P<pet2>{PETS})(?:'s name)?(?: called)?", "name"),
        (rf"who (?:is|was) my (?:old |former |previous |new |current )?(?P<person>{PARTNERS}|{UNIQUE_PEOPLE})\b", "name"),
        (rf"who {_DO} i (?:married|engaged) to|my (?P<partner>{PARTNERS})(?:'s)? name", "name"),
        (rf"(?:what|which|who|when|where|how)(?: is|'s|'re| are| was| were| used to be) {_WHOSE}(?:old |former |previous |new |current |usual )?(?P<thing>(?!\w+ing\b)[\w'-]+(?: [\w'-]+){{0,3}}?)(?: (?:called|named|before|with|now|again|previously|back then|at the moment|these days))*(?=[?.!]|$)", "{thing}"),
        (r"(?:what|which) (?P<thing>[\w-]+(?: [\w-]+)?) (?:is|was) my favou?rite", "favourite {thing}"),
    )
)  # fmt: skip


def asked(question: str) -> Asked | None:
    """What `question` asks for; None: no attribute that the rules know."""
    said = plain(question[:300])
    for pattern, names in _ASKED:
        match = pattern.search(said)
        if match is None:
            continue
        groups = match.groupdict()
        whose = next((groups[name] for name in ("who", "pet", "pet2", "person", "partner") if groups.get(name)), None)
        if whose is None and names == "name" and "married" in said:
            whose = "partner"
        thing = attributes.attribute_name(groups.get("thing") or "")
        named = names.replace("{thing}", thing).split("|")
        # "My X is with Y" and "my X is in Y" are kept apart from "my X is Y"; a question seldom is.
        every = [form for name in named for form in (name, f"{name} (with)", f"{name} (where)", f"{name} (how)")]
        return Asked(attributes.subject_name(whose), tuple(every)) if thing or "{thing}" not in names else None
    return None
