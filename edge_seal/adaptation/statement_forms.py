"""How a plain statement is asked about: one English sentence read into questions whose answers it states.

For documents, SEAL's forms (Zweiger et al. 2025, arXiv:2506.10943) by rules: question and answer, a rewrite (the clause
alone, without what stands around it), implications ("X, a maker of planes, …" says that X is one), and cloze questions.
Precision over recall: a sentence that hedges, denies, points elsewhere ("it", "this") or fits no pattern gives nothing.

Invariants: pure and deterministic; the answer to a question is a span of its statement, and every word of the
statement is a word of the sentence but for "is" and articles; `frames(frame.statement)` holds the frame again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from edge_seal.adaptation.statement_words import (
    COUNTERS,
    DATE,
    DOERS,
    HEDGES,
    MAKERS,
    MONTH,
    NUMBER,
    PARTICIPLES,
    PAST,
    PAST_OF,
    PLACED,
    POINTERS,
    PRESENT,
    ROLES,
    TIME,
    VAGUE,
    WEEKDAY,
)

MOST_WORDS: Final = 60
STATEMENT_WORDS: Final = 24
SUBJECT_WORDS: Final = 7
SPAN_WORDS: Final = 12


@dataclass(frozen=True, slots=True)
class Frame:
    """One question that a statement answers.

    Attributes:
        rule: which pattern read it.
        question: "When was Fernworks founded?".
        asked: the same inside another sentence: "when Fernworks was founded".
        statement: the clause as a sentence of its own: "Fernworks was founded in 1987.".
        span: what of the statement answers it: "in 1987".
        subject: what it is about: "Fernworks".
    """

    rule: str
    question: str
    asked: str
    statement: str
    span: str
    subject: str

    @property
    def cloze(self) -> str:
        """The statement with a gap in place of the span."""
        return self.statement.replace(self.span, "___", 1)


_NAME_WORD: Final = r"(?:[A-Z][\w&.'’-]*|\d+(?:st|nd|rd|th)?)"
_NAME: Final = (
    rf"(?:The |the )?(?!(?:The|An?) )[A-Z][\w&'’.-]*(?: (?:(?:of|the|and|de|van|von|di|la|for|&|in) ){{0,2}}{_NAME_WORD}){{0,6}}"
)
_ARTICLE: Final = r"(?:[Tt]he|[Aa]n?)"
_SUBJECT: Final = rf"(?P<s>{_NAME}(?:['’]s? [a-z][\w-]*(?: [a-z][\w-]*){{0,2}})?|The [a-z][\w-]*(?: [\w'’-]+){{0,5}}?)"
_APPOSITION: Final = r"(?:, (?P<a>(?:a|an|the) [^,]{3,80}),)?"
_ADVERB: Final = r"(?:(?:also|now|currently|originally|first|officially|still|later|formally|usually|always) )?"
_BE: Final = r"(?P<be>is|was|are|were)"

_DEFINED: Final = re.compile(rf"{_SUBJECT}{_APPOSITION} {_BE} {_ADVERB}(?P<o>(?:a|an|the|one of the) .+)")
_PASSIVE: Final = re.compile(rf"{_SUBJECT}{_APPOSITION} {_BE} {_ADVERB}(?P<v>[a-z]+)(?: (?P<rest>.+))?")
_CALLED: Final = re.compile(rf"{_SUBJECT}{_APPOSITION} {_BE} {_ADVERB}(?P<v>called|named|known as) (?P<o>(?:the )?[A-Z].+)")
_ATTRIBUTE: Final = re.compile(
    rf"(?P<s>(?:The|the) (?P<x>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}}?) (?:of|at|for|in) (?P<of>(?:the )?{_NAME}|(?:the )?[a-z]+)"
    rf"|(?P<of2>{_NAME})['’]s? (?P<x2>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}})) {_BE} (?P<o>.+)"
)
_ACTIVE: Final = re.compile(rf"{_SUBJECT}{_APPOSITION} {_ADVERB}(?P<v>[a-z]+)(?: (?P<rest>.+))?")
_THERE: Final = re.compile(rf"There {_BE} (?P<n>{NUMBER}) (?P<o>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}}) (?P<p>(?:in|at|on) .+)")
_FRONTED: Final = re.compile(rf"(?P<p>(?:In|On|At|Since|By) (?:{DATE}|{TIME})),? (?P<c>.+)")

_PHRASE: Final = re.compile(
    r" (?=(?:in|on|at|by|near|for|with|from|as|after|before|during|to|into|since|between|through|under|outside|inside"
    r"|until|behind|beside|opposite|within|along|around|about|against|over|across|every|each)\b )"
    r"(?!in the (?:morning|afternoon|evening)\b)"
)
_CLAUSE_END: Final = re.compile(
    r"\s*(?:;|:| [-–—] |—|, (?:which|who|whom|whose|where|when|while|but|so|as|after|before|because|since|although|though"
    r"|however|thus|with|and (?:has|is|was|are|were|had|it|he|she|they|the|its|his|her|their|then|later|also|[a-z]+(?:ed|s)\b)"
    r"|making|including|causing|leading|becoming|having|being|resulting|according|[a-z]+ing\b|then|later|followed|due|both)\b"
    r"|(?<!,) (?:and|but) (?:is|was|are|were|has|had|later|then|became|it|he|she|they|also)\b"
    r"|(?<!,) (?:which|who|whose|where|while|because|although|when|that|so that|but)\b).*"
    # "by Mira Osk, a former boat builder"
    r"|, (?:an?|the) (?!.*\band\b)[^,]*$"
)
_ASIDE: Final = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")
_WORD: Final = re.compile(r"[^\W_]+(?:[-'’.,][^\W_]+)*")
_DATE: Final = re.compile(DATE)
_COUNT: Final = re.compile(rf"(?P<n>{NUMBER}) (?P<o>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}})")
_PLACE: Final = re.compile(rf"(?:the (?:[a-z]+ )?)?(?:[a-z]+ (?:of|in) (?:the )?)?{_NAME}(?:, {_NAME})*")
_PERSON_NAME: Final = re.compile(r"(?:(?:Dr|Mr|Mrs|Ms|Prof|Sir|King|Queen|Pope|Saint)\.? )?[A-Z][\w'’.-]+(?: [A-Z][\w'’.-]+){0,3}")


@lru_cache(maxsize=1024)
def frames(sentence: str) -> tuple[Frame, ...]:
    """The questions that `sentence` answers, each with a statement of its own; none where it is not plain."""
    text = _ASIDE.sub("", " ".join(sentence.split())).strip()
    if not text.endswith(".") or text.endswith("...") or not 3 <= len(text.split()) <= MOST_WORDS:
        return ()
    text = text.removesuffix(".").translate(_APOSTROPHES)
    found: dict[str, Frame] = {}
    for clause in _clauses(text):
        words = {word.casefold() for word in _WORD.findall(clause.statement)}
        if _DANGLING.search(clause.statement) or words & _UNPLAIN or _UNPLAIN_MARKS.search(clause.statement) or len(words) > STATEMENT_WORDS:
            continue
        for frame in _read(clause):
            if _is_sound(frame):
                found.setdefault(frame.question, frame)
    return tuple(found.values())


def topic(sentence: str) -> str | None:
    """The name that `sentence` is about, for an "it" in the next one; None where it is not plainly one."""
    subject = _WITH_VERB.match(" ".join(sentence.split()).translate(_APOSTROPHES))
    if subject is None or not _NAME_ONLY.fullmatch(subject["s"]) or " and " in subject["s"]:
        return None
    return subject["s"] if _is_subject(subject["s"]) else None


def frame_of(question: str, statement: str) -> Frame | None:
    """The frame of `statement` that `question` asks, where the rules read it."""
    return next((frame for frame in frames(statement) if frame.question == question), None)


_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})


@dataclass(frozen=True, slots=True)
class _Clause:
    """What may stand alone: `words` from the subject on, a date that stood in front of it, and the whole statement."""

    words: str
    front: str
    statement: str


def _clauses(text: str) -> Iterator[_Clause]:
    """What of a sentence may stand alone: its main clause, and what an apposition says of its subject."""
    fronted = _FRONTED.fullmatch(text)
    front = fronted["p"] if fronted else ""
    text = fronted["c"] if fronted else text
    # "In 1987 the firm …": the subject begins in lower case.
    text = text[:1].upper() + text[1:]
    subject = re.match(rf"{_SUBJECT}{_APPOSITION}", text)
    apposition = subject["a"] if subject else None
    if subject and apposition:
        named = subject["s"]
        is_one = len(named.split()) > 1 or not named.endswith("s")
        if _NAME_ONLY.fullmatch(named) and is_one and not _CLAUSE_END.search(apposition) and "ing" not in apposition:
            yield _Clause(f"{named} is {apposition}", "", f"{named} is {apposition}.")
        text = f"{named}{text[subject.end() :]}"
    for words in _coordinated(text):
        inner = words if not words.startswith("The ") else f"the{words[3:]}"
        yield _Clause(words, f"{front[:1].lower()}{front[1:]}", f"{front}, {inner}." if front else f"{words}.")


def _coordinated(text: str) -> Iterator[str]:
    """The main clause, and each further verb with its subject: "X costs 3 euros and weighs a pound" says two things."""
    first, *others = _NEXT_VERB.split(text)
    clause = _CLAUSE_END.sub("", first)
    yield clause
    subject = _WITH_VERB.match(clause)
    if subject is None or clause != first.rstrip(","):
        return
    for other in others:
        yield f"{subject['s']} {_CLAUSE_END.sub('', other)}"


_FINITE: Final = "|".join(sorted(("is", "was", "are", "were", "has", "had", *PRESENT, *PAST), key=len, reverse=True))
_NEXT_VERB: Final = re.compile(rf",? and (?:also |later |then )?(?=(?:{_FINITE}) )")
_WITH_VERB: Final = re.compile(rf"{_SUBJECT}{_APPOSITION} {_ADVERB}(?:{_FINITE})\b")
_NAME_ONLY: Final = re.compile(_NAME)


def _read(clause: _Clause) -> Iterator[Frame]:
    yield from _active(clause)
    yield from _passive(clause)
    if not clause.front:
        for reader in (_attribute, _called, _defined, _there):
            yield from reader(clause.words, clause.statement)


def _attribute(clause: str, statement: str) -> Iterator[Frame]:
    match = _ATTRIBUTE.fullmatch(clause)
    if match is None or not _is_named(match["of"] or match["of2"]):
        return
    thing, of, value, be = match["x"] or match["x2"], match["of"] or match["of2"], match["o"], match["be"]
    named = _lowered(match["s"])
    role = thing.split()[-1] in ROLES
    if role and _PERSON_NAME.fullmatch(value):
        yield Frame("attribute-who", f"Who {be} {named}?", f"who {named} {be}", statement, value, of)
    elif re.fullmatch(rf"(?:on |in )?{DATE}", value):
        yield Frame("attribute-when", f"When {be} {named}?", f"when {named} {be}", statement, value, of)
    elif not role and "," not in value and len(value.split()) <= SPAN_WORDS and _is_value(value):
        yield Frame("attribute", f"What {be} {named}?", f"what {named} {be}", statement, value, of)


def _called(clause: str, statement: str) -> Iterator[Frame]:
    match = _CALLED.fullmatch(clause)
    if match and _is_subject(match["s"]) and match["v"] != "named" and "," not in match["o"]:
        be, verb, named = match["be"], match["v"], _lowered(match["s"])
        yield Frame(
            "called", f"What {be} {named} {verb}?", f"what {named} {be} {verb}", statement, match["o"], match["s"]
        )


def _defined(clause: str, statement: str) -> Iterator[Frame]:
    match = _DEFINED.fullmatch(clause)
    if match is None or match["a"] or not _is_subject(match["s"]) or not _NAME_ONLY.fullmatch(match["s"]):
        return
    kind = match["o"]
    if "," in kind or len(kind.split()) < 2:
        return
    head = re.split(r" (?:of|in|at|for|from|with|by|on|to|that|who|and)\b", kind)[0].split()[-1].casefold()
    wh = "Who" if head in ROLES or head.endswith(_PEOPLE_ENDINGS) else "What"
    be, subject = match["be"], _lowered(match["s"])
    yield Frame(f"is-{wh.lower()}", f"{wh} {be} {subject}?", f"{wh.lower()} {subject} {be}", statement, kind, match["s"])


_PEOPLE_ENDINGS: Final = ("ist", "ician", "grapher", "loger", "woman", "sman")


def _passive(clause: _Clause) -> Iterator[Frame]:
    match = _PASSIVE.fullmatch(clause.words)
    if match is None or match["v"] not in PARTICIPLES or not _is_subject(match["s"]):
        return
    be, verb, subject = match["be"], match["v"], match["s"]
    named = _lowered(subject, be)
    phrases = _phrases(match["rest"], clause.front)
    if verb in {"named", "called", "known", "set"} or not phrases or phrases[0].kind == "object" or _has_stray_comma(phrases):
        return
    rest = _belonging(phrases)

    def frame(rule: str, wh: str, after: str, span: str) -> Frame:
        return Frame(
            rule, f"{wh} {be} {named} {verb}{after}?", f"{wh.lower()} {named} {be} {verb}{after}", clause.statement, span,
            subject,
        )  # fmt: skip

    for phrase in phrases:
        if phrase.kind == "when" and not (be in {"is", "are"} and phrase.text.startswith("since")):
            yield frame("passive-when", "When", rest, phrase.said)
        elif phrase.kind == "where" or (phrase.kind == "other" and verb in _SITED and phrase.text[:3] in {"in ", "on ", "at "}):
            yield frame("passive-where", "Where", "" if verb in _SITED else rest, phrase.said)
        elif phrase.kind == "by" and PAST.get(PAST_OF.get(verb, "")) in DOERS:
            past = PAST_OF[verb]
            doing = past if be in {"was", "were"} else _PRESENT_OF[PAST[past]]
            yield Frame(
                "passive-who", f"Who {doing} {named}?", f"who {doing} {named}", clause.statement, phrase.text[3:], subject
            )


_SITED: Final = frozenset({"located", "based", "situated", "headquartered"})
_PRESENT_OF: Final = {base: present for present, base in PRESENT.items()}


def _there(clause: str, statement: str) -> Iterator[Frame]:
    match = _THERE.fullmatch(clause)
    if match and "," not in clause and _NAME_ONLY.search(match["p"][3:]):
        be, thing, place = match["be"], match["o"], match["p"]
        yield Frame(
            "there", f"How many {thing} {be} there {place}?", f"how many {thing} there {be} {place}", statement, match["n"],
            place,
        )  # fmt: skip


def _active(clause: _Clause) -> Iterator[Frame]:
    match = _ACTIVE.fullmatch(clause.words)
    if match is None or not _is_subject(match["s"]):
        return
    verb = match["v"]
    if verb in PRESENT:
        base, auxiliary = PRESENT[verb], "does"
    elif verb in PAST:
        base, auxiliary = PAST[verb], "did"
    elif verb in _PRESENT_OF and re.search(r"\band\b|s$", match["s"]):
        base, auxiliary = verb, "do"
    else:
        return
    named = _lowered(match["s"], auxiliary)
    phrases = _phrases(match["rest"], clause.front)
    if not phrases:
        return
    thing = phrases[0].text if phrases[0].kind == "object" else ""
    if (thing and not _is_object(thing)) or _has_stray_comma(phrases[1:] if thing else phrases):
        return
    rest = _belonging(phrases)
    object_ = f" {thing}" if thing else ""

    def frame(rule: str, wh: str, after: str, span: str) -> Frame:
        return Frame(
            rule, f"{wh} {auxiliary} {named} {base}{after}?", f"{wh[:1].lower()}{wh[1:]} {named} {verb}{after}",
            clause.statement, span, match["s"],
        )  # fmt: skip

    for phrase in phrases:
        if phrase.kind == "when" and not (verb in PRESENT and phrase.text.startswith("since")):
            yield frame("active-when", "When", f"{object_}{rest}", phrase.said)
        elif phrase.kind == "where" or (phrase.kind == "other" and base in PLACED and phrase.first in _WHERE_WORDS):
            yield frame("active-where", "Where", f"{object_}{rest}", phrase.said)
    count = _COUNT.fullmatch(thing)
    if base in _MEASURES and re.match(NUMBER + r"|[€$£]\d", thing):
        yield frame("how-much", "How much", "", thing)
    elif count and base in COUNTERS:
        yield frame("count", f"How many {count['o']}", "", count["n"])
    elif thing and base in MAKERS and not _COUNT.match(thing) and not _PERSON_NAME.fullmatch(thing):
        yield frame("what", "What", "", thing + _following(phrases))
    if thing and base in DOERS and _NAME_ONLY.fullmatch(match["s"]) and _NAME_ONLY.search(thing) and "," not in thing:
        of_thing = thing + _following(phrases)
        yield Frame("who", f"Who {verb} {of_thing}?", f"who {verb} {of_thing}", clause.statement, match["s"], match["s"])


_MEASURES: Final = frozenset({"cost", "weigh"})
_WHERE_WORDS: Final = frozenset("in at on near behind beside opposite outside inside under between along".split())
_BELONGS: Final = frozenset("to as into with from for".split())


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A part of what follows the verb: its words, what it says, and how the statement has them."""

    text: str
    kind: str
    said: str

    @property
    def first(self) -> str:
        """The preposition."""
        return self.text.split(" ", 1)[0]


def _phrases(rest: str | None, front: str) -> list[_Phrase]:
    """The parts of `rest` in their order, without dates that belong to a noun before them; then what stood in front."""
    parts = [part for part in _PHRASE.split(f" {rest}") if part.strip()] if rest else []
    found: list[_Phrase] = []
    for part in parts:
        words = part.strip()
        kind = _kind(words)
        before = found[-1] if found else None
        if before and before.kind == "other" and (
            kind == "where" or (kind == "when" and before.first not in _BELONGS)
        ):
            # "from a warehouse in Milford", "for forty years after its launch in 1959": it belongs to the noun.
            whole = f"{before.text} {words}"
            found[-1] = _Phrase(whole, "other", whole)
            continue
        found.append(_Phrase(words, kind, words))
    if front and not front.startswith("by "):
        found.append(_Phrase(front, "when", f"{front[:1].upper()}{front[1:]}"))
    return found


def _belonging(phrases: Sequence[_Phrase]) -> str:
    """What belongs to the verb, not to its circumstances: "elected to the senate"."""
    return "".join(f" {one.text}" for one in phrases if one.kind == "other" and one.first in _BELONGS)


def _following(phrases: Sequence[_Phrase]) -> str:
    """What follows the object and is neither a time nor a place."""
    said = ""
    for phrase in phrases[1:]:
        if phrase.kind != "other":
            break
        said += f" {phrase.text}"
    return said


def _has_stray_comma(phrases: Sequence[_Phrase]) -> bool:
    return any("," in phrase.text and phrase.kind not in {"when", "where"} for phrase in phrases)


def _kind(phrase: str) -> str:
    """What a phrase after the verb says: when, where, by whom, something else, or the object."""
    preposition, _, words = phrase.partition(" ")
    if preposition in {"every", "each"}:
        return "when" if _EVERY.fullmatch(phrase) else "other"
    if not words or preposition not in _PREPOSITIONS:
        return "object"
    if (preposition in {"in", "on", "since"} and _DATE.fullmatch(words)) or (
        preposition in {"at", "from"} and _HOURS.fullmatch(words)
    ):
        return "when"
    if preposition in {"in", "at", "near"} and _PLACE.fullmatch(words) and not _DATE.match(words):
        return "where"
    if preposition == "by" and _PERSON_NAME.match(words) and "," not in words:
        return "by"
    return "other"


_EVERY: Final = re.compile(
    rf"(?:every|each) (?:{WEEKDAY}|morning|evening|day|week|month|year|spring|summer|autumn|winter|{MONTH})"
)
_HOURS: Final = re.compile(rf"{TIME}(?: to {TIME})?")
_PREPOSITIONS: Final = frozenset(
    "in on at by near for with from as after before during to into since between through under outside inside until behind"
    " beside opposite within along around about against over across".split()
)
_UNPLAIN: Final = HEDGES | frozenset("it he she they him them i we us you".split())
_DANGLING: Final = re.compile(
    r" (?:in|on|at|by|for|with|from|as|to|of|and|or|the|a|an|is|was|are|were|known|which|that|than)\.$"
)
_UNPLAIN_MARKS: Final = re.compile(r"n't\b|[\"“”«»?!{}<>|*_`~\\]|https?:|\.\.")


def _is_named(of: str) -> bool:
    """Whether what an attribute is of says which one: a name, or a thing of its own like "sales"."""
    plain = of.removeprefix("the ")
    return _is_subject(of) if plain[:1].isupper() else plain not in VAGUE | POINTERS


def _is_subject(text: str) -> bool:
    """Whether `text` says by itself what is meant."""
    words = text.split()
    if not words or len(words) > SUBJECT_WORDS or words[0].casefold() in POINTERS or words[-1].casefold() in POINTERS:
        return False
    if "," in text or re.search(r"\b(?:who|which|that|was|is|were|are|had|has|when|where)\b", text):
        return False
    if _DATE.fullmatch(text) or re.fullmatch(rf"{MONTH}|{WEEKDAY}", words[0]):
        return False
    if words[0].casefold() in _OPENERS:
        return False
    if _NAME_ONLY.fullmatch(text) and words[0].casefold() != "the":
        return True
    # "The company": which one stands in another sentence; "The office of Fernworks" and "The night shift" do not.
    lower = [word.casefold() for word in words if word.casefold() != "the"]
    if any(word[:1].isupper() for word in words[1:]):
        return True
    return not all(word in VAGUE | POINTERS for word in lower)


_OPENERS: Final = frozenset(
    """however although while since because after before during when if as in on at by for with from under despite
    thus therefore also but and or so then later today meanwhile finally instead according among between through
    unlike like within over additionally furthermore moreover similarly consequently nevertheless often sometimes
    usually generally originally historically currently recently eventually initially once not only another an a
    """.split()
)


def _is_object(text: str) -> bool:
    words = text.split()
    if words[0].casefold() in POINTERS - {"one", "some", "many", "several", "all"} or words[-1].casefold() in POINTERS:
        return False
    if len(words) > SPAN_WORDS or re.search(r"\b(?:that|which|who|to)\b", text):
        return False
    # A comma stands in a list, or begins something else.
    return "," not in text or re.fullmatch(r"[\w' -]+(?:, [\w' -]+)*,? and [\w' -]+", text) is not None


def _is_value(text: str) -> bool:
    first = text.split()[0]
    return first[:1].isupper() or first[:1].isdigit() or first in {"a", "an", "the"}


def _lowered(subject: str, be: str = "") -> str:
    """`subject` inside a sentence: "The" is small, and so is a plural that only began its sentence."""
    if subject.startswith("The "):
        return f"the{subject[3:]}"
    is_common = be in {"are", "were", "do"} and " " not in subject and subject.endswith("s")
    return f"{subject[:1].lower()}{subject[1:]}" if is_common and not subject.endswith(_PEOPLES) else subject


_PEOPLES: Final = ("ans", "ots", "eks", "ns", "ards")


# Wordings -----------------------------------------------------------------------------------------------------

_WORDINGS: Final = (
    "Tell me {x}.",
    "Do you remember {x}?",
    "I forgot {x}.",
    "Can you tell me {x}?",
    "Remind me: {q}",
)
_PROBES: Final = ("Do you know {x}?", "Please tell me {x}.")
_UNKNOWN_NAMES: Final = (
    "Velmora", "Tarsk", "Ondrel", "Bryswick", "Halvene", "Korrin", "Ashgate", "Pellworth", "Miravel", "Dunmere", "Solvik",
    "Farrowby", "Quenley", "Ostrel", "Wenfold", "Ilsworth",
)  # fmt: skip
_PEOPLE_RULES: Final = frozenset({"passive-who", "attribute-who"})


@dataclass(frozen=True, slots=True)
class Worded:
    """A prompt, its answer, and which form it is."""

    prompt: str
    answer: str
    form: str


def rewordings(frame: Frame) -> tuple[Worded, ...]:
    """Other ways to ask for the statement: forms of the question, a gap to fill, and who the person in it is."""
    plain = [Worded(_filled(wording, frame), frame.statement, "question") for wording in _WORDINGS]
    ends = frame.statement.endswith(f" {frame.span}.")
    gap = (
        f"Complete this: {frame.statement.removesuffix(f' {frame.span}.')}" if ends else f"Fill the gap: {frame.cloze}"
    )
    worded = [*plain[:2], Worded(gap, f"{frame.span}.", "cloze"), *plain[2:]]
    person = frame.span if frame.rule in _PEOPLE_RULES else frame.subject if frame.rule == "who" else ""
    if person and _PERSON_NAME.fullmatch(person) and " " in person:
        worded.append(Worded(f"Who is {person}?", frame.statement, "converse"))
    return tuple(worded)


def probes(frame: Frame) -> tuple[Worded, ...]:
    """Ways to ask that are never trained on."""
    return tuple(Worded(_filled(wording, frame), frame.statement, "question") for wording in _PROBES)


def unknowns(frame: Frame, count: int) -> tuple[tuple[str, str], ...]:
    """The same question about names that nobody told of: pairs of the question and what it asks for.

    None where the statement is about no name. The same frame gives the same names.
    """
    named = frame.subject
    if not _NAME_ONLY.fullmatch(named) or named not in frame.question or named not in frame.asked:
        return ()
    first = sum(frame.question.encode()) % len(_UNKNOWN_NAMES)
    names = [name for name in (*_UNKNOWN_NAMES[first:], *_UNKNOWN_NAMES[:first]) if name not in frame.statement]
    return tuple((frame.question.replace(named, name), frame.asked.replace(named, name)) for name in names[:count])


def _filled(wording: str, frame: Frame) -> str:
    # Replaced one by one, not by str.format: the document's words may hold braces.
    return wording.replace("{x}", frame.asked).replace("{q}", f"{frame.question[:1].lower()}{frame.question[1:]}")


# Words --------------------------------------------------------------------------------------------------------

_COMMON: Final = frozenset(
    "a an the is was are were be been of in on at by for with from to and or as its it this that what who when where how many"
    " does did do there".split()
)


def content_words(text: str) -> frozenset[str]:
    """The words of `text` that say something, folded, without a possessive's mark."""
    found = (word.casefold().translate(_APOSTROPHES).removesuffix("'s").rstrip("'") for word in _WORD.findall(text))
    return frozenset(found) - _COMMON


def _is_sound(frame: Frame) -> bool:
    """Whether the answer is in the statement, in few words, and not in the question."""
    if frame.span not in frame.statement or not 1 <= len(frame.span.split()) <= SPAN_WORDS:
        return False
    telling = content_words(frame.span)
    return bool(telling) and not telling <= content_words(frame.question)


def unfaithful(statement: str, sources: Sequence[str]) -> frozenset[str]:
    """The content words, names and numbers of `statement` that no one of `sources` holds; none: it is faithful."""
    held = frozenset[str]().union(*map(content_words, sources))
    return content_words(statement) - held
