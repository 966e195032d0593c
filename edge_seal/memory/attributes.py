"""What a text states, read by rules: whose attribute has which value, whether it holds, and when.

Invariants: pure; a clause that the rules do not parse gives nothing; questions, wishes and plans are no statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from edge_seal.memory import periods
from edge_seal.memory.attribute_rules import (
    PARTNERS,
    PEOPLE,
    PETS,
    PLAIN_VALUES,
    RULES,
    UNIQUE_PEOPLE,
    Rule,
)
from edge_seal.memory.periods import Timed
from edge_seal.memory.sentences import MAXIMUM_CHARACTERS, Clause, clauses
from edge_seal.memory.verbs import base_of

ME: Final = "me"


@dataclass(frozen=True, slots=True)
class Reading:
    """One fact that a clause states. `value` is in the form that values are compared in.

    `holds` False: it is denied ("I no longer live in Turku"). `is_past`: it is told as over. `many`: the attribute has
    several values at once. `changed`: the words say that it was different before. `replaced` is the value that ends by
    it, where it is named. `start` and `end` are None where nothing was said of them.
    """

    subject: str
    attribute: str
    value: str
    clause: str
    holds: bool = True
    is_past: bool = False
    many: bool = False
    changed: bool = False
    replaced: str | None = None
    start: datetime | None = None
    end: datetime | None = None


def read(text: str, now: datetime) -> tuple[Reading, ...]:
    """What `text` states, in its order; nothing of a text that is longer than anyone's statement."""
    if len(text) > MAXIMUM_CHARACTERS:
        return ()
    found = (reading for clause in clauses(text) if not clause.is_asked for reading in read_clause(clause, now))
    return tuple(dict.fromkeys(found))


def read_clause(clause: Clause, now: datetime) -> Iterator[Reading]:
    """What one clause states."""
    timed = periods.timed(clause.form, now)
    if not _IS_STATEMENT.match(timed.rest) or _IS_PLAN.match(timed.rest):
        return
    said = _reduced(timed)
    opening = said.forms[0].text.lower()
    for rule in RULES:
        if rule.opening and not opening.startswith(rule.opening):
            continue
        for form in said.forms:
            match = rule.pattern.match(form.text)
            if match is not None:
                yield from _readings(rule, match, _Meant(form, said.changed, timed), clause, now)
                return


def same_value(first: str, second: str) -> bool:
    """Whether two values say the same, or one of them only more precisely: `oulu` and `oulu, finland`."""
    parts, others = _parts(first), _parts(second)
    return parts <= others or others <= parts


def covers(general: str, special: str) -> bool:
    """Whether every word of `general` is in `special`: who no longer plays tennis no longer plays it on Mondays."""
    return set(general.split()) <= set(special.split())


def says_when(special: str, general: str) -> bool:
    """Whether `special` is `general` with nothing more than when or how often: "on Mondays", "every morning"."""
    return covers(general, special) and set(special.split()) - set(general.split()) <= _WHEN


_WHEN: Final = frozenset(
    """
    a again after and at before breakfast daily day days dinner each evening evenings every everyday friday fridays in
    lunch monday mondays monthly morning mornings month my night nights noon now often on once per saturday saturdays
    sometimes sunday sundays the thursday thursdays time times tuesday tuesdays twice wednesday wednesdays week weekday
    weekdays weekend weekends weekly weeks year years
    """.split()  # noqa: SIM905 - a list of quoted words would be harder to read
)

# From a clause to the forms that the rules know --------------------------------------------------------------

_IS_STATEMENT: Final = re.compile(
    r"^(?:i|we|my|our|call me|please|just|you (?:can|may) call|people|everyone|friends|answer|reply|respond|"
    r"no meetings|"
    r"(?:the )?[\w'.-]+(?: [\w'.-]+){0,6} (?:is|are) (?:my|our))\b",
    re.IGNORECASE,
)
_IS_PLAN: Final = re.compile(
    r"^(?:i|we) (?:will|would(?! like to be called| like your)|could|should|might|may|"
    r"want(?! answers| your| to be called| short| long)|wish|hope|plan|intend|need|think|"
    r"guess|wonder|believe|suppose|imagine|dream|consider|am (?:going to|thinking|planning|considering|hoping|about to|"
    r"moving|trying|looking))\b",
    re.IGNORECASE,
)
_SUBJECT: Final = r"^(?P<s>i|we|(?:my|our) [a-zé][\w' -]{0,40}?) "
_ADVERB: Final = re.compile(
    _SUBJECT
    + r"(?P<a>am |is |are |have |has )?(?:just|recently|finally|officially|still|already|really|actually|currently|"
    r"temporarily|permanently|mostly|mainly|only|usually|always|normally|typically|generally|often|sometimes|even|now|"
    r"definitely|happily|proudly|originally|both|eventually) ",
    re.IGNORECASE,
)
# What is said, the verb's form that follows, and what it means: (pattern, replacement, holds, is past).
_TURNS: Final = tuple(
    (re.compile(_SUBJECT + pattern, re.IGNORECASE), written, holds, past)
    for pattern, written, holds, past in (
        (r"used to be (?P<r>.+)", "{s} am {r}", True, True),
        (r"used to (?P<r>.+)", "{s} {r}", True, True),
        (r"(?:previously|formerly|once) (?P<r>.+)", "{s} {r}", True, True),
        (r"(?:am|is|are) no longer (?P<r>.+)", "{s} am {r}", False, False),
        (r"no longer (?P<r>.+)", "{s} {r}", False, False),
        (r"(?:do|does|did) not (?P<r>.+) anymore(?P<t>.*)", "{s} {r}{t}", False, False),
        (r"(?:am|is|are) not (?P<r>.+) anymore(?P<t>.*)", "{s} am {r}{t}", False, False),
        (r"(?:have )?(?:stopped|quit|gave up|given up) (?P<r>\w+ing.*)", "{s} {r}", False, False),
        (r"never (?P<r>.+)", "{s} {r}", False, False),
        (r"(?:do|does) not (?P<r>.+)", "{s} {r}", False, False),
        (r"(?:am|is|are) not (?P<r>.+)", "{s} am {r}", False, False),
        (r"(?:was|were) (?P<r>(?!born|promoted|hired|laid|fired|diagnosed).+)", "{s} am {r}", True, True),
        (r"(?:have|has) been (?P<r>.+)", "{s} am {r}", True, False),
        (
            (
                r"(?:have|has) (?P<r>(?:moved|switched|changed|joined|left|become|started|relocated|adopted|bought|got|"
                r"gone|turned|upgraded|quit|sold|renamed|resigned|accepted)\b.*)"
            ),
            "{s} {r}",
            True,
            False,
        ),
    )
)
_OWNED_STATE: Final = re.compile(
    r"^(?P<m>my|our) (?P<q>new|current|latest|old|former|previous|last|ex)[- ](?P<r>(?!name\b).+)", re.IGNORECASE
)
_SUBJECT_AND_MORE: Final = re.compile(
    r"^(?P<s>[iI]|[wW]e|(?:[mM]y|[oO]ur) (?:[\w-]+ ){0,3}?[\w-]+?) "
    r"(?P<r>(?:[A-Z][\w'-]* |am |is |are |have |has |been )*[a-z]+(?: .*)?)$"
)
_AUXILIARY: Final = ("am ", "is ", "are ", "have ", "has ", "been ")
_AUXILIARIES: Final = frozenset({"am", "is", "are", "have", "has", "have been", "has been", "am been"})
_COPULA: Final = re.compile(
    r"^(?P<s>(?:my|our) [a-zé][\w' -]{0,40}?) (?P<c>is|are|has|am|have|was|were) ", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to put a clause, and what taking it there took off: a denial, the past."""

    text: str
    holds: bool = True
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """The forms that a clause may be matched in, the nearest to its words first."""

    forms: tuple[_Form, ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class _Meant:
    """The form that a rule fits, with what was said around it."""

    form: _Form
    changed: bool
    timed: Timed


def _reduced(timed: Timed) -> _Said:
    text, changed, was = timed.rest, False, False
    owned = _OWNED_STATE.match(text)
    if owned:
        was = owned["q"].lower() in {"old", "former", "previous", "last", "ex"}
        changed, text = not was, f"{owned['m']} {owned['r']}"
        if was:
            text = re.sub(r"\b(was|were)\b", "is", text, count=1)
    forms = [_Form(text, is_past=was)]
    while (adverb := _ADVERB.match(text)) is not None:
        text = f"{adverb['s']} {adverb['a'] or ''}{text[adverb.end() :]}"
    turned = _turned(_Form(text, is_past=was))
    if turned is not None and not turned[1]:
        # As it stands, it says that it is over; no rule must take it for the present.
        forms = []
    form = turned[0] if turned is not None else _Form(text, is_past=was)
    text, verb_past = _with_base_verb(form.text)
    if verb_past:
        forms = []
    for way in (text, _as_own(text), _as_others(text)):
        forms.append(_Form(way, form.holds, form.is_past or verb_past))
    return _Said(tuple(dict.fromkeys(forms)), changed)


def _turned(form: _Form) -> tuple[_Form, bool] | None:
    """`form` without its denial or its sign of the past; and whether a rule may see the words as they were, too."""
    for pattern, written, holds, past in _TURNS:
        turn = pattern.match(form.text)
        if turn is not None:
            text = written.format(s=turn["s"], r=turn["r"], t=turn.groupdict().get("t") or "").strip()
            as_said = re.match(r"(?:never|(?:do|does) not) ", form.text[turn.end("s") + 1 :], re.IGNORECASE)
            return _Form(text, holds, form.is_past or past), as_said is not None and "anymore" not in form.text
    return None


def _with_base_verb(text: str) -> tuple[str, bool]:
    """`text` with its first verb in the first form, and whether it was told as past."""
    match = _SUBJECT_AND_MORE.match(text)
    if match is None:
        return text, False
    words = match["r"].split(" ")
    for place, word in enumerate(words):
        base = base_of(word)
        if base is not None and base.verb == "have" and place + 1 < len(words):
            following = base_of(words[place + 1])
            if words[place + 1] == "been" or (following is not None and following.kind == "past"):
                base = None
        # Only a name or an auxiliary may stand between: "my sister Ines lives", "I have been living".
        if base is not None:
            before = " ".join(words[:place]).lower()
            subject = match["s"] if place == 0 or before in _AUXILIARIES else f"{match['s']} {' '.join(words[:place])}"
            past = base.kind == "past" and before not in _AUXILIARIES
            return " ".join((subject, base.verb, *words[place + 1 :])), past
        if not (word[:1].isupper() or f"{word} ".startswith(_AUXILIARY)) or place > 2:
            break
    return text, False


def _as_own(form: str) -> str:
    """`my sister is based in` as the rules for anyone have it: `my sister am based in`."""
    return _COPULA.sub(lambda m: f"{m['s']} {'have' if m['c'] in {'has', 'have'} else 'am'} ", form, count=1)


def _as_others(form: str) -> str:
    """And the other way round, for the rules of things: `my car is`."""
    return _COPULA.sub(lambda m: f"{m['s']} {'is' if m['c'] != 'has' else 'has'} ", form, count=1)


# From a match to readings ------------------------------------------------------------------------------------

_SYNONYMS: Final = {
    "mobile": "phone", "mobile phone": "phone", "cell phone": "phone", "cellphone": "phone", "smartphone": "phone",
    "mobile number": "phone number", "cell number": "phone number", "e-mail": "email", "email address": "email",
    "e-mail address": "email", "timezone": "time zone", "hometown": "home town", "date of birth": "birthday",
    "birth date": "birthday", "birthdate": "birthday", "job": "job title", "profession": "job title",
    "occupation": "job title", "vehicle": "car", "workplace": "employer", "company": "employer", "bike": "bicycle",
    "notebook": "laptop", "mum": "mother", "mom": "mother", "dad": "father", "flat mate": "flatmate",
    "roommate": "flatmate", "landlady": "landlord", "gp": "doctor", "line manager": "manager", "supervisor": "manager",
    "boss": "manager", "city": "residence", "last name": "surname",
    "family name": "surname", "home city": "residence", "home address": "address",
}  # fmt: skip
_SEVERAL_OF_THEM: Final = re.compile(
    r"^(?:friend|colleague|coworker|neighbou?r|cousin|aunt|uncle|nephew|niece|student|child|kid)s?$"
)
_A_PERSON_OR_PET: Final = re.compile(rf"^(?:{PEOPLE}|{UNIQUE_PEOPLE}|{PETS})s?$", re.IGNORECASE)
_PLAIN_VALUE: Final = re.compile(rf"\b{PLAIN_VALUES}s?\b", re.IGNORECASE)
_PLACE_WORD: Final = re.compile(
    r"^(in|at|on|under|behind|near|next to|with|beside|from|for|by|to|inside|above|below|kept in|stored in)\b",
    re.IGNORECASE,
)
# "My question is", "my code is": about the moment or the work at hand, and no fact of a person.
_PASSING: Final = re.compile(
    r"^(?:question|problem|issue|point|concern|code|script|program|function|query|answer|guess|idea|goal|plan|thought|"
    r"understanding|assumption|bad|fault|mistake|impression|request|task|opinion|suggestion|worry|take|hope|apologies|"
    r"intention|advice|error|output|input|test|result|file|data|text|essay|homework|assignment|argument)s?$",
    re.IGNORECASE,
)
_DENIALS: Final = frozenset({"never", "no", "do not", "can not"})


def _readings(rule: Rule, match: re.Match[str], said: _Meant, clause: Clause, now: datetime) -> Iterator[Reading]:
    groups = match.groupdict()
    subject = rule.subject or subject_name(groups.get("who"))
    attribute = _attribute(rule, groups)
    value = groups["v"]
    if attribute is None:
        return
    if rule.attribute == "{k}" and not groups.get("old"):
        attribute = _of_kind(attribute, value)
        if attribute is None or (subject == ME and _PASSING.match(attribute)):
            return
    if rule.attribute == "meetings on {k}":
        value = "no" if value.lower() in _DENIALS else "yes"
    if rule.attribute == "commute":
        value = base.verb if (base := base_of(value)) else value
    start, end, is_past = _when(rule, said, now)
    reading = Reading(
        subject=subject,
        attribute=attribute,
        value=normalized_value(value),
        clause=clause.said,
        holds=rule.holds == said.form.holds,
        is_past=is_past,
        many=rule.many or _SEVERAL_OF_THEM.match(subject) is not None,
        changed=rule.changes or said.changed or clause.changed,
        replaced=_replaced(groups),
        start=start,
        end=end,
    )
    if rule.attribute == "preference":
        pair = sorted((reading.value, normalized_value(groups["other"])))
        reading = replace(reading, attribute=f"preference of {pair[0]} and {pair[1]}")
    yield from _taken_apart(reading)


def _when(rule: Rule, said: _Meant, now: datetime) -> tuple[datetime | None, datetime | None, bool]:
    """Start and end of what is stated, and whether it is over; a state that is told as past has ended by now."""
    kind, period = said.timed.kind, said.timed.period
    denied = rule.holds != said.form.holds
    if kind == "range":
        return period.start, period.end, period.end is not None and period.end <= now
    if kind == "until":
        return None, period.end, said.form.is_past or (period.end is not None and period.end <= now)
    if not said.form.is_past or denied or rule.changes:
        # "I moved in March", "I have lived here since 2019", "I left Nokia last year": it begins there.
        return period.start, None, said.form.is_past and not rule.changes
    if kind == "at":
        return period.start, min(period.end or now, now), True
    return (period.start if kind == "since" else None), now, True


def subject_name(who: str | None) -> str:
    """The subject that `who` names; None is the user."""
    if who is None:
        return ME
    name = re.sub(r"^(?:new|current|own|old|former|previous) ", "", who.strip(), flags=re.IGNORECASE).lower()
    if re.fullmatch(PARTNERS, name):
        return "partner"
    return _SYNONYMS.get(name, name)


def attribute_name(key: str) -> str:
    """The attribute that `X` of "my X" names: one name for words that mean the same."""
    name = re.sub(r"^(?:new|current|own|usual|whole) ", "", key.strip().lower())
    name = name.replace("favorite", "favourite").replace("color", "colour")
    return _SYNONYMS.get(name, name)


def _attribute(rule: Rule, groups: dict[str, str | None]) -> str | None:
    name = attribute_name(groups.get("k") or "")
    if rule.attribute == "{k}":
        return name
    if "{k}" in rule.attribute:
        singular = name[:-1] if name.endswith("s") and not name.endswith("ss") else name
        return rule.attribute.format(k=singular)
    return rule.attribute


def _of_kind(attribute: str, value: str) -> str | None:
    """The attribute of `my X is V` by what V is: where X is, what it is, or how; None: it says nothing lasting."""
    if _A_PERSON_OR_PET.match(attribute) or len(attribute.split()) > 5:
        return None
    place = _PLACE_WORD.match(value)
    if place and not re.match(r"on .*\d", value):
        return f"{attribute} ({'with' if place[1].lower() in {'with', 'from', 'by', 'for'} else 'where'})"
    is_quality = re.fullmatch(r"(?:very |quite |too |so |really |a bit )?[a-z]+", value) is not None
    if is_quality and not _PLAIN_VALUE.search(attribute):
        return f"{attribute} (how)"
    return attribute


def _replaced(groups: dict[str, str | None]) -> str | None:
    named = groups.get("old") or groups.get("old2") or groups.get("old3")
    return normalized_value(named) if named else None


def _taken_apart(reading: Reading) -> Iterator[Reading]:
    """One reading for each value that is named, and for the two attributes of `a nurse at Nokia`."""
    if reading.attribute == "employer":
        firm, _, title = reading.value.partition(" as ")
        yield replace(reading, value=normalized_value(firm))
        if title:
            yield replace(reading, attribute="job title", value=normalized_value(title))
    elif reading.attribute == "job title":
        title, firm = _split(reading.value, r" (?:at|for) ")
        yield replace(reading, value=normalized_value(title))
        if firm:
            yield replace(reading, attribute="employer", value=normalized_value(firm))
    elif reading.attribute in {"language", "allergy", "learning", "food avoided"}:
        for part in re.split(r",? (?:and|or) |, ", reading.value):
            yield replace(reading, value=normalized_value(part))
    elif reading.attribute == "diet" and reading.value in {"meat", "fish", "everything", "dairy"}:
        yield replace(reading, value=f"eats {reading.value}")
    else:
        yield reading


def _split(value: str, at: str) -> tuple[str, str]:
    first, *rest = re.split(at, value, maxsplit=1)
    return first, rest[0] if rest else ""


def normalized_value(value: str) -> str:
    """A value without what does not change it: case, articles, `called`, the stop at its end."""
    kept = " ".join(re.sub(r"[\"!?;:]|\.(?=\s|$)", " ", value).lower().split()).strip(" .,")
    kept = _NEXT_THOUGHT.sub("", kept)
    kept = re.sub(r"^(?:(?:an?|the|my|our|called|named|now|about|around|also|on) )+", "", kept)
    return re.sub(r"(?: (?:now|anymore|years old|at all))+$", "", kept)


_NEXT_THOUGHT: Final = re.compile(
    r",? (?:who|which|because|so that|when|while|but)\b.*| and (?:he|she|it|they|is|are|has|always|never|usually|carry|"
    r"charge|need|try|just|started|recently|do|am|have|practise|sign|want|like|love|hate|work|live)\b.*"
)


def _parts(value: str) -> frozenset[str]:
    return frozenset(normalized_value(part) for part in re.split(r",| (?:in|at|near|of|from) ", value) if part.strip())
