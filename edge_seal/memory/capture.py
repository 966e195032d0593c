"""What a prompt says about its writer in passing: lasting statements, noticed by rules.

Wrong ones cost the user a rejection each, so precision comes first: a question, a wish, a plan, a condition, a
quotation, a story, a part that is played, and text that is worked on (translated, corrected) are no statements.
Figures: docs/memory.md; `python -m bench.capture` measures them.

Invariant: pure; only a prompt that was typed may be passed in, see `runtime`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge_seal.memory.attribute_rules import PEOPLE, PETS, UNIQUE_PEOPLE
from edge_seal.memory.attributes import ME, Reading, read_clause
from edge_seal.memory.sentences import Clause, clauses, plain

# What is longer was hardly written for this question alone.
MAXIMUM_CHARACTERS: Final = 600
MAXIMUM_LINES: Final = 4


@dataclass(frozen=True, slots=True)
class Noticed:
    """A statement in the user's words, and what noticed it: an attribute, `habit` or `instruction`."""

    text: str
    found_by: str


def noticed(prompt: str, now: datetime) -> tuple[Noticed, ...]:
    """The lasting statements in a typed `prompt`, in its order."""
    if len(prompt) > MAXIMUM_CHARACTERS or prompt.strip().count("\n") >= MAXIMUM_LINES:
        return ()
    if _INVENTED.search(prompt) or _PASTED.search(prompt):
        return ()
    own = _WORKED_ON.split(_QUOTED.sub(" … ", prompt.translate(_STRAIGHT)), maxsplit=1)[0]
    found: dict[str, Noticed] = {}
    for clause in clauses(own):
        kind = None if clause.is_asked or _NO_STATEMENT.match(clause.sentence) else _kind(clause, now)
        if kind is not None and "…" not in clause.said:
            found.setdefault(plain(clause.said).lower(), Noticed(clause.said, kind))
    return tuple(found.values())


# What is nobody's statement -----------------------------------------------------------------------------------

_STRAIGHT: Final = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
_INVENTED: Final = re.compile(
    r"\b(?:imagine|pretend|role-?play|act as|acting as|in character|play the (?:part|role)|play a game|"
    r"you are (?:an?|my|the)\b"
    r"|stor(?:y|ies)|poem|poetry|haiku|limerick|lyrics|song|novel|fiction(?:al)?|screenplay|monologue|dialogue|sketch|"
    r"narrator|protagonist|first person|perspective of|point of view of|for (?:this|the) (?:exercise|example|task)|"
    r"hypothetical(?:ly)?|for instance|for example|thought experiment|cover letter|sample (?:text|letter|email))\b",
    re.IGNORECASE,
)
_PASTED: Final = re.compile(r"```|^\s*(?:>|\||#{1,6} |\d+\. |[-*•] )|^\s*\w{1,20}: .*\n\s*\w{1,20}: ", re.MULTILINE)
# From here on the text is material: "Translate: ...", "The text reads: ...", "Here is my letter:".
_WORKED_ON: Final = re.compile(
    r"[^.!?\n]*\b(?:translat|rewrit|rephras|proof-?read|paraphras|summari[sz]|correct|grammar|fix|edit|improve|shorten|"
    r"analy[sz]|classif|complet|continu|repl(?:y|ies) to|this (?:text|sentence|email|message|paragraph|letter)|reads?|"
    r"said|says|wrote|writes|told|message|email|letter|text|quote|sentence|here (?:is|are)|following)\w*[^.!?\n]*[:\n]",
    re.IGNORECASE,
)
_QUOTED: Final = re.compile(r'"[^"\n]*"|(?<![\w])\'[^\'\n]+\'(?!\w)')
_NO_STATEMENT: Final = re.compile(
    r"^(?:(?:and|but|so|well|ok|okay|now)[, ]+)*(?:if|suppose|supposing|assum\w+|let's say|let us say|let's|"
    r"say,? (?:i|my|we)|"
    r"what|unless|whenever|were i|had i|should|could|can|may|do|does|did|is|are|was|were|will|would|who|where|when|"
    r"why|how|"
    r"which|whose|in case (?!it)|even if|as (?:if|though)|as an? example|they|he|she|the|a|an)\b",
    re.IGNORECASE,
)

# What lasts ---------------------------------------------------------------------------------------------------

# Attributes whose every statement lasts.
_LASTING: Final = re.compile(
    r"name|surname|nickname|pronouns|residence|home town|household|employer|job title|marital status|"
    r"number of children|"
    r"siblings|pet|birthday|year of birth|birthplace|age|favourite .*|diet|food avoided|allergy|.* taken|phone|"
    r"laptop|"
    r"car|native language|answer language|language|learning|time zone|studies|school|wake-up time|bedtime|commute|"
    r"gym days|meetings on .*|meeting times|meeting length|preference of .*"
)
# `my X is V` for these X; of others ("my train is late") one cannot know.
_LASTING_THINGS: Final = re.compile(
    r".*(?:number|address|email|birthday|anniversary|size|type|height|weight|religion|nationality|sign|insurance|bank|"
    r"doctor|dentist|hobby|job|title|employer|school|university|major|gym|team|editor|browser|operating system|"
    r"landline|"
    r"licence plate|license plate|registration|plan|landlord|street|budget|handedness|preferred .*|default .*)"
    r"(?: \((?:with|where)\))?"
)
_WHOSE: Final = re.compile(rf"(?:me|(?:[\w-]+ )?(?:{PEOPLE}|{UNIQUE_PEOPLE}|{PETS})(?: [\w'-]+)?)", re.IGNORECASE)
# What points at the talk itself: "I like your answer", "I never use this function", "I prefer the second one".
_OF_THE_TALK: Final = re.compile(
    r"\b(?:this|that|these|those|it|you|your|yours|one|ones|first|second|third|last|latter|former|above|below|way|idea|"
    r"option|version|answer|suggestion|code|function|file|bug|error|today|tomorrow|tonight|just now)\b",
    re.IGNORECASE,
)
_HABITUAL: Final = re.compile(
    r"\b(?:never|always|usually|normally|every|each|daily|weekly|monthly|on (?:\w+days|weekends)|in the (?:mornings?|"
    r"evenings?)|at night|twice|once a|no longer|anymore|stopped|quit|gave up)\b",
    re.IGNORECASE,
)
_ABSTAINS: Final = re.compile(
    r"^(?:i|we) (?:do not|can not|never|no longer) (?:drink|eat|smoke|drive|swim|cook|dance|fly|own|"
    r"have (?:an? )?(?:car|kids|"
    r"child|children|pets?|tv|television|driving licen[cs]e))\b",
    re.IGNORECASE,
)
_HABIT: Final = re.compile(
    r"^(?:i|we) (?:(?:never|always|usually|rarely|seldom|hardly ever|normally|generally|tend to|refuse to|avoid|"
    r"(?:do not|can not|can only|only) (?:take|do|have|answer|work|accept|schedule|attend|fly|travel|shop|read|"
    r"watch))\b)"
    r"(?! (?:\w+ed|know|knew|think|thought|understand|understood|remember|see|saw|seen|get|got|mean|meant|want|need|"
    r"said|"
    r"say|heard|had|been|believe|believed|felt|found|realize|realise|wonder|be|was|is|am|did|made|gave|came|went)\b)",
    re.IGNORECASE,
)
_INSTRUCTION: Final = re.compile(
    r"^(?:please[, ]+)?(?:(?:from now on|in (?:the )?future|going forward)[, ]+(?:please |always |never |only |"
    r"do not |don't )*"
    r"|(?:please )?(?:always|never|do not ever|don't ever) )(?:answer|reply|respond|use|write|give|keep|include|add|"
    r"start|"
    r"end|sign|format|show|explain|speak|talk|ask|put|mention|suggest|recommend|address|quote|convert|round|list)\b",
    re.IGNORECASE,
)
_CONDITIONS: Final = re.compile(
    r"^(?:i|we) (?:am|have|have got|suffer from) (?:(?:an?|strictly|very|quite|mostly|type (?:1|2|one|two)|chronic|"
    r"mild|severe) )*"
    r"(?:left-?handed|right-?handed|ambidextrous|colou?r[- ]?blind|blind|deaf|hard of hearing|dyslexic|diabetic|"
    r"asthmatic|"
    r"autistic|coeliac|celiac|an? ?introvert|introverted|extroverted|early bird|night owl|morning person|"
    r"evening person|"
    r"night person|vegans|vegetarians|retired|unemployed|self-employed|pregnant|diabetes|asthma|adhd|autism|dyslexia|"
    r"epilepsy|migraines?|tinnitus|high blood pressure|arthritis|hay fever|insomnia|atheist|muslim|christian|buddhist|"
    r"jewish|hindu|catholic)\b",
    re.IGNORECASE,
)
_WISH_TO_BE_CALLED: Final = re.compile(r"^(?:i|we) would (?:rather|prefer to|like to) be called \w+", re.IGNORECASE)


def _kind(clause: Clause, now: datetime) -> str | None:
    """What the clause is a lasting statement of; None: it is none."""
    if _INSTRUCTION.match(clause.sentence) or _INSTRUCTION.match(clause.form):
        return None if re.search(r"\b(?:this|that|these) \w+", clause.form) else "instruction"
    if _WISH_TO_BE_CALLED.match(clause.form):
        return "nickname"
    if _CONDITIONS.match(clause.form):
        return "condition"
    attribute = next((r.attribute for r in _readings(clause, now) if _lasts(r, clause)), None)
    if attribute is not None:
        return attribute
    is_habit = _HABIT.match(clause.form) is not None and not _OF_THE_TALK.search(clause.form)
    return "habit" if is_habit and len(clause.form.split()) > 3 else None


def _readings(clause: Clause, now: datetime) -> Iterator[Reading]:
    yield from read_clause(clause, now)


def _lasts(reading: Reading, clause: Clause) -> bool:
    if not _WHOSE.fullmatch(reading.subject) or _OF_THE_TALK.search(reading.value) or len(reading.value.split()) > 12:
        return False
    if reading.is_past and reading.attribute not in {"residence", "employer", "job title", "studies", "name"}:
        return False
    if _LASTING.fullmatch(reading.attribute):
        return True
    if reading.attribute == "likes":
        return not reading.is_past and len(reading.value.split()) <= 5 and not _ABOUT_THE_TALK.match(reading.value)
    if reading.attribute == "does":
        of_habit = reading.subject == ME and _HABITUAL.search(clause.said) is not None
        return (of_habit or _ABSTAINS.match(clause.form) is not None) and not _OF_THE_TALK.search(clause.form)
    if reading.attribute.startswith("preferred "):
        return True
    return reading.subject == ME and _LASTING_THINGS.fullmatch(reading.attribute) is not None


_ABOUT_THE_TALK: Final = re.compile(
    r"^(?:how|what|when|where|why|who|to see|to know|being|seeing|hearing|all|both|some)\b"
)
