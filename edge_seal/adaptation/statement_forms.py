"""How a plain statement is asked about: one English sentence read into questions whose answers it states.

For documents, SEAL's forms (Zweiger et al. 2025, arXiv:2506.10943) by rules: question and answer, a rewrite (the clause
alone, without what stands around it), implications ("X, a maker of planes, …" says that X is one), and cloze questions.
Precision over recall: a sentence that hedges, denies, points elsewhere ("it", "this") or fits no pattern gives nothing.

Invariants: pure and deterministic; the answer to a question is a span of its statement, and every word of the
statement is a word of the sentence but for "is" and articles; `frames(frame.statement)` holds the frame again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from edge_seal.adaptation.statement_parts import (
    ADVERB,
    APOSTROPHES,
    APPOSITION,
    BE,
    COUNT,
    NAME,
    NAME_ONLY,
    PERSON_NAME,
    SPAN_WORDS,
    SUBJECT,
    WORD,
    Phrase,
    belonging,
    content_words,
    following,
    has_stray_comma,
    is_named,
    is_object,
    is_subject,
    is_value,
    lowered,
    phrases_of,
)
from edge_seal.adaptation.statement_words import (
    COUNTERS,
    DATE,
    DOERS,
    HEDGES,
    MAKERS,
    NUMBER,
    PARTICIPLES,
    PAST,
    PAST_OF,
    PLACED,
    PRESENT,
    ROLES,
    TIME,
)

MOST_WORDS: Final = 60
MOST_CHARACTERS: Final = 400
STATEMENT_WORDS: Final = 24


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


_DEFINED: Final = re.compile(rf"{SUBJECT}{APPOSITION} {BE} {ADVERB}(?P<o>(?:a|an|the|one of the) .+)")
_PASSIVE: Final = re.compile(rf"{SUBJECT}{APPOSITION} {BE} {ADVERB}(?P<v>[a-z]+)(?: (?P<rest>.+))?")
_CALLED: Final = re.compile(rf"{SUBJECT}{APPOSITION} {BE} {ADVERB}(?P<v>called|named|known as) (?P<o>(?:the )?[A-Z].+)")
_ATTRIBUTE: Final = re.compile(
    rf"(?P<s>(?:The|the) (?P<x>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}}?)"
    rf" (?:of|at|for|in) (?P<of>(?:the )?{NAME}|(?:the )?[a-z]+)"
    rf"|(?P<of2>{NAME})['’]s? (?P<x2>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}})) {BE} (?P<o>.+)"
)
_ACTIVE: Final = re.compile(rf"{SUBJECT}{APPOSITION} {ADVERB}(?P<v>[a-z]+)(?: (?P<rest>.+))?")
_THERE: Final = re.compile(
    rf"There {BE} (?P<n>{NUMBER}) (?P<o>[a-z][\w-]*(?: [a-z][\w-]*){{0,3}}) (?P<p>(?:in|at|on) .+)"
)
_FRONTED: Final = re.compile(rf"(?P<p>(?:In|On|At|Since|By) (?:{DATE}|{TIME})),? (?P<c>.+)")
_CLAUSE_END: Final = re.compile(
    r"\s*(?:;|:| [-–—] |—|, (?:which|who|whom|whose|where|when|while|but|so|as|after|before|because|since|although"
    r"|though|however|thus|with"
    r"|and (?:has|is|was|are|were|had|it|he|she|they|the|its|his|her|their|then|later|also|[a-z]+(?:ed|s)\b)"
    r"|making|including|causing|leading|becoming|having|being|resulting|according|[a-z]+ing\b|then|later|followed|due|both)\b"
    r"|(?<!,) (?:and|but) (?:is|was|are|were|has|had|later|then|became|it|he|she|they|also)\b"
    r"|(?<!,) (?:which|who|whose|where|while|because|although|when|that|so that|but)\b).*"
    # "by Mira Osk, a former boat builder"
    r"|,? (?:as well as|along with|in order to) .*"
    r"|, (?:an?|the) (?!.*\band\b)[^,]*$"
)
_ASIDE: Final = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])")


@lru_cache(maxsize=1024)
def frames(sentence: str) -> tuple[Frame, ...]:
    """The questions that `sentence` answers, each with a statement of its own; none where it is not plain."""
    if len(sentence) > MOST_CHARACTERS:
        return ()
    text = _ASIDE.sub("", " ".join(sentence.split())).strip()
    if not text.endswith(".") or text.endswith("...") or not 3 <= len(text.split()) <= MOST_WORDS:
        return ()
    text = text.removesuffix(".").translate(APOSTROPHES)
    found: dict[str, Frame] = {}
    for clause in _clauses(text):
        words = {word.casefold() for word in WORD.findall(clause.statement)}
        if (
            _DANGLING.search(clause.statement)
            or words & _UNPLAIN
            or _UNPLAIN_MARKS.search(clause.statement)
            or len(words) > STATEMENT_WORDS
        ):
            continue
        for frame in _read(clause):
            if _is_sound(frame):
                found.setdefault(frame.question, frame)
    return tuple(found.values())


def topic(sentence: str) -> str | None:
    """The name that `sentence` is about, for an "it" in the next one; None where it is not plainly one."""
    subject = _WITH_VERB.match(" ".join(sentence.split()).translate(APOSTROPHES))
    if subject is None or not NAME_ONLY.fullmatch(subject["s"]) or " and " in subject["s"]:
        return None
    return subject["s"] if is_subject(subject["s"]) else None


def frame_of(question: str, statement: str) -> Frame | None:
    """The frame of `statement` that `question` asks, where the rules read it."""
    return next((frame for frame in frames(statement) if frame.question == question), None)


@dataclass(frozen=True, slots=True)
class _Clause:
    """What may stand alone: `words` from the subject on, a date before it, the statement, and what was cut off."""

    words: str
    front: str
    statement: str
    cut: str = ""


def _clauses(text: str) -> Iterator[_Clause]:
    """What of a sentence may stand alone: its main clause, and what an apposition says of its subject."""
    fronted = _FRONTED.fullmatch(text)
    front = fronted["p"] if fronted else ""
    text = fronted["c"] if fronted else text
    # "In 1987 the firm …": the subject begins in lower case.
    text = text[:1].upper() + text[1:]
    subject = re.match(rf"{SUBJECT}{APPOSITION}", text)
    apposition = subject["a"] if subject else None
    if subject and apposition:
        named = subject["s"]
        is_one = len(named.split()) > 1 or not named.endswith("s")
        if NAME_ONLY.fullmatch(named) and is_one and not _CLAUSE_END.search(apposition) and "ing" not in apposition:
            yield _Clause(f"{named} is {apposition}", "", f"{named} is {apposition}.")
        text = f"{named}{text[subject.end() :]}"
    for words, cut in _coordinated(text):
        inner = words if not words.startswith("The ") else f"the{words[3:]}"
        yield _Clause(words, f"{front[:1].lower()}{front[1:]}", f"{front}, {inner}." if front else f"{words}.", cut)


def _coordinated(text: str) -> Iterator[tuple[str, str]]:
    """The main clause, and each further verb with its subject, and what was cut off each.

    "X costs 3 euros and weighs a pound" says two things.
    """
    first, *others = _NEXT_VERB.split(text)
    clause = _CLAUSE_END.sub("", first)
    yield clause, first[len(clause) :]
    subject = _WITH_VERB.match(clause)
    if subject is None or clause != first.rstrip(","):
        return
    for other in others:
        kept = _CLAUSE_END.sub("", other)
        yield f"{subject['s']} {kept}", other[len(kept) :]


_FINITE: Final = "|".join(sorted(("is", "was", "are", "were", "has", "had", *PRESENT, *PAST), key=len, reverse=True))
_NEXT_VERB: Final = re.compile(rf",? and (?:also |later |then )?(?=(?:{_FINITE}) )")
_WITH_VERB: Final = re.compile(rf"{SUBJECT}{APPOSITION} {ADVERB}(?:{_FINITE})\b")


def _read(clause: _Clause) -> Iterator[Frame]:
    yield from _active(clause)
    yield from _passive(clause)
    if not clause.front:
        for reader in (_attribute, _called, _defined, _there):
            yield from reader(clause.words, clause.statement)


def _attribute(clause: str, statement: str) -> Iterator[Frame]:
    match = _ATTRIBUTE.fullmatch(clause)
    if match is None or not is_named(match["of"] or match["of2"]):
        return
    thing, of, value, be = match["x"] or match["x2"], match["of"] or match["of2"], match["o"], match["be"]
    named = lowered(match["s"])
    role = thing.split()[-1] in ROLES
    if role and PERSON_NAME.fullmatch(value):
        yield Frame("attribute-who", f"Who {be} {named}?", f"who {named} {be}", statement, value, of)
    elif re.fullmatch(rf"(?:on |in )?{DATE}", value):
        yield Frame("attribute-when", f"When {be} {named}?", f"when {named} {be}", statement, value, of)
    elif not role and "," not in value and len(value.split()) <= SPAN_WORDS and is_value(value):
        yield Frame("attribute", f"What {be} {named}?", f"what {named} {be}", statement, value, of)


def _called(clause: str, statement: str) -> Iterator[Frame]:
    match = _CALLED.fullmatch(clause)
    if match and is_subject(match["s"]) and match["v"] != "named" and "," not in match["o"]:
        be, verb, named = match["be"], match["v"], lowered(match["s"])
        yield Frame(
            "called", f"What {be} {named} {verb}?", f"what {named} {be} {verb}", statement, match["o"], match["s"]
        )


def _defined(clause: str, statement: str) -> Iterator[Frame]:
    match = _DEFINED.fullmatch(clause)
    if match is None or match["a"] or not is_subject(match["s"]) or not NAME_ONLY.fullmatch(match["s"]):
        return
    kind = match["o"]
    if "," in kind or len(kind.split()) < 2:
        return
    head = re.split(r" (?:of|in|at|for|from|with|by|on|to|that|who|and)\b", kind)[0].split()[-1].casefold()
    is_somebody = head in ROLES or head.endswith(_PEOPLE_ENDINGS) or match["s"].split()[0] in _TITLES
    wh = "Who" if is_somebody else "What"
    be, subject = match["be"], lowered(match["s"])
    yield Frame(
        f"is-{wh.lower()}", f"{wh} {be} {subject}?", f"{wh.lower()} {subject} {be}", statement, kind, match["s"]
    )


_TITLES: Final = frozenset(
    ["Prince", "Princess", "King", "Queen", "Dr", "Mr", "Mrs", "Ms", "Sir", "Lord", "Lady", "Pope"]
)
_PEOPLE_ENDINGS: Final = ("ist", "ician", "grapher", "loger", "woman", "sman")


def _passive(clause: _Clause) -> Iterator[Frame]:
    match = _PASSIVE.fullmatch(clause.words)
    if match is None or match["v"] not in PARTICIPLES or not is_subject(match["s"]):
        return
    be, verb, subject = match["be"], match["v"], match["s"]
    named = lowered(subject, be)
    phrases = phrases_of(match["rest"], clause.front)
    if (
        verb in {"named", "called", "known", "set"}
        or not phrases
        or phrases[0].kind == "object"
        or has_stray_comma(phrases)
    ):
        return
    rest = belonging(phrases)

    def frame(rule: str, wh: str, after: str, span: str) -> Frame:
        return Frame(
            rule, f"{wh} {be} {named} {verb}{after}?", f"{wh.lower()} {named} {be} {verb}{after}", clause.statement,
            span, subject,
        )  # fmt: skip

    for phrase in phrases:
        if phrase.kind == "when" and not (be in {"is", "are"} and phrase.text.startswith("since")):
            yield frame("passive-when", "When", rest, phrase.said)
        elif phrase.kind == "where" or (phrase.kind == "other" and verb in _SITED and phrase.text[:3] in _SITED[verb]):
            yield frame("passive-where", "Where", "" if verb in _SITED else rest, phrase.said)
        elif phrase.kind == "by" and PAST.get(PAST_OF.get(verb, "")) in DOERS:
            past = PAST_OF[verb]
            doing = past if be in {"was", "were"} else _PRESENT_OF[PAST[past]]
            yield Frame(
                "passive-who",
                f"Who {doing} {named}?",
                f"who {doing} {named}",
                clause.statement,
                phrase.text[3:],
                subject,
            )


_SITED: Final = {
    "located": ("in ", "on ", "at "),
    "situated": ("in ", "on ", "at "),
    "headquartered": ("in ", "on ", "at "),
    # "based on" is something else.
    "based": ("in ", "at "),
}
_PRESENT_OF: Final = {base: present for present, base in PRESENT.items()}


def _there(clause: str, statement: str) -> Iterator[Frame]:
    match = _THERE.fullmatch(clause)
    if match and "," not in clause and NAME_ONLY.search(match["p"][3:]):
        be, thing, place = match["be"], match["o"], match["p"]
        yield Frame(
            "there", f"How many {thing} {be} there {place}?", f"how many {thing} there {be} {place}", statement,
            match["n"], place,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Doing:
    """A clause with a full verb.

    Attributes:
        verb, base, auxiliary: "makes", "make", "does".
        subject, thing: of the verb; `thing` is empty where it has none.
        phrases: all that follows the verb.
    """

    clause: _Clause
    subject: str
    verb: str
    base: str
    auxiliary: str
    thing: str
    phrases: list[Phrase]

    def asked(self, rule: str, wh: str, after: str, span: str) -> Frame:
        """The question that begins with `wh` and ends with `after`."""
        named = lowered(self.subject, self.auxiliary)
        return Frame(
            rule,
            f"{wh} {self.auxiliary} {named} {self.base}{after}?",
            f"{wh[:1].lower()}{wh[1:]} {named} {self.verb}{after}",
            self.clause.statement,
            span,
            self.subject,
        )


def _active(clause: _Clause) -> Iterator[Frame]:
    doing = _doing(clause)
    if doing is not None:
        yield from _circumstances(doing)
        yield from _objects(doing)


def _doing(clause: _Clause) -> _Doing | None:
    match = _ACTIVE.fullmatch(clause.words)
    if match is None or not is_subject(match["s"]):
        return None
    verb, subject = match["v"], match["s"]
    if verb in PRESENT:
        base, auxiliary = PRESENT[verb], "does"
    elif verb in PAST:
        base, auxiliary = PAST[verb], "did"
    elif verb in _PRESENT_OF and re.search(r"\band\b|s$", subject):
        base, auxiliary = verb, "do"
    else:
        return None
    phrases = phrases_of(match["rest"], clause.front)
    thing = phrases[0].text if phrases and phrases[0].kind == "object" else ""
    is_plain = not thing or is_object(thing)
    if not phrases or not is_plain or has_stray_comma(phrases[1:] if thing else phrases):
        return None
    return _Doing(clause, subject, verb, base, auxiliary, thing, phrases)


def _circumstances(doing: _Doing) -> Iterator[Frame]:
    """When and where."""
    after = f"{f' {doing.thing}' if doing.thing else ''}{belonging(doing.phrases)}"
    for phrase in doing.phrases:
        is_placed = phrase.kind == "other" and doing.base in PLACED and phrase.first in _WHERE_WORDS
        if phrase.kind == "when" and not (doing.auxiliary == "does" and phrase.text.startswith("since")):
            yield doing.asked("active-when", "When", after, phrase.said)
        elif phrase.kind == "where" or is_placed:
            yield doing.asked("active-where", "Where", after, phrase.said)


def _objects(doing: _Doing) -> Iterator[Frame]:
    """How many, how much, what; and who does it."""
    thing, base, subject = doing.thing, doing.base, doing.subject
    # "They made attempts": what was made so is nothing to ask for.
    # "It has picnic shelters, swimming pools and a lake": what was cut off belongs to a list.
    if not thing or _LIST_GOES_ON.match(doing.clause.cut) or (doing.verb == "made" and not NAME_ONLY.search(thing)):
        return
    count = COUNT.fullmatch(thing)
    if base in _MEASURES and _AMOUNT.match(thing):
        yield doing.asked("how-much", "How much", "", thing)
    elif count and base in COUNTERS:
        yield doing.asked("count", f"How many {count['o']}", "", count["n"])
    elif base in MAKERS and not COUNT.match(thing) and not PERSON_NAME.fullmatch(thing):
        yield doing.asked("what", "What", "", thing + following(doing.phrases))
    if base in DOERS and NAME_ONLY.fullmatch(subject) and NAME_ONLY.search(thing) and "," not in thing:
        done = f"{doing.verb} {thing}{following(doing.phrases)}"
        yield Frame("who", f"Who {done}?", f"who {done}", doing.clause.statement, subject, subject)


_LIST_GOES_ON: Final = re.compile(r", \w+ing \w+(?:,| and )")
_AMOUNT: Final = re.compile(rf"{NUMBER}|[€$£]\d")
_MEASURES: Final = frozenset({"cost", "weigh"})
_WHERE_WORDS: Final = frozenset(
    ["in", "at", "on", "near", "behind", "beside", "opposite", "outside", "inside", "under", "between", "along"]
)
_UNPLAIN: Final = HEDGES | frozenset(["it", "he", "she", "they", "him", "them", "i", "we", "us", "you"])
_DANGLING: Final = re.compile(
    r" (?:in|on|at|by|for|with|from|as|to|of|and|or|the|a|an|is|was|are|were|known|which|that|than)\.$"
)
_UNPLAIN_MARKS: Final = re.compile(r"n't\b|[\"“”«»?!{}<>|*_`~\\]|https?:|\.\.")


def _is_sound(frame: Frame) -> bool:
    """Whether the answer is in the statement, in few words, and not in the question."""
    if frame.span not in frame.statement or not 1 <= len(frame.span.split()) <= SPAN_WORDS:
        return False
    telling = content_words(frame.span)
    return bool(telling) and not telling <= content_words(frame.question)
