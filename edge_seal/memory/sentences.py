"""English text in a form that rules can read: sentences, clauses, contractions written out, words of passing left off.

Invariant: pure; a clause keeps the words as they were said beside the form that the rules see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# A memory or a prompt is short; what is longer is a document, and nobody's statement about themselves.
MAXIMUM_CHARACTERS: Final = 2_000

_QUOTES: Final = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "\u00a0": " "})

# The stop of an abbreviation ends no sentence.
_ABBREVIATIONS: Final = (
    r"(?<!\bDr\.)(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bSt\.)(?<!\bProf\.)(?<!\be\.g\.)(?<!\bi\.e\.)"
)
_SENTENCE_END: Final = re.compile(rf"(?:{_ABBREVIATIONS}(?<=[.!?…])[\"')]*\s+|\n+)(?=\S)")

_WRITTEN_OUT: Final = (
    (re.compile(r"\b(?:I'm|im)\b", re.IGNORECASE), "I am"),
    (re.compile(r"\b(?:I've|ive)\b", re.IGNORECASE), "I have"),
    (re.compile(r"\b(I|we|you|they|he|she)'ll\b", re.IGNORECASE), r"\1 will"),
    (re.compile(r"\b(we|you|they)'re\b", re.IGNORECASE), r"\1 are"),
    (re.compile(r"\b(we|you|they)'ve\b", re.IGNORECASE), r"\1 have"),
    (re.compile(r"\bcan(?:no|')?t\b", re.IGNORECASE), "can not"),
    (re.compile(r"\bwon't\b", re.IGNORECASE), "will not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|have|has|had|would|should)n'?t\b", re.IGNORECASE), r"\1 not"),
    # "my name's Sam"; "my sister's name" is a possessive.
    (re.compile(r"\b(name|number|address|birthday|job|favou?rite \w+)'s\b", re.IGNORECASE), r"\1 is"),
    (re.compile(r"\bany ?more\b|\bany longer\b", re.IGNORECASE), "anymore"),
)

_OPENERS: Final = re.compile(
    r"^(?:(?:well|so|oh|ok|okay|hi|hey|hello|hi there|yes|yeah|no|nope|sorry|thanks|actually|also|and|but|plus|btw|"
    r"by the way|fyi|(?:as a )?side note|one more thing|for (?:your information|the record|"
    r"context|reference|what it is worth|future reference)|"
    r"just so you know|just fyi|just to let you know|(?:just )?(?:to|a) (?:update|reminder|heads[- ]up|note)|"
    r"you should know(?: that)?|you might want to know(?: that)?|as you know|(?:please )?note(?: that)?|"
    r"(?:please )?(?:remember|keep in mind|bear in mind|know)(?: that)?|update|correction|quick update|"
    r"good news|big news|turns out(?: that)?|as it happens|these days|nowadays|currently|at the moment|right now|now|"
    r"recently|lately|today|honestly|frankly|personally|anyway|in case it helps|in case it matters|"
    r"as of (?:today|now|this (?:week|month|year))|given that|seeing (?:as|that)|because|since|as)"
    r"[,:;!.]*\s+(?:[-–—]\s+)?)+",
    re.IGNORECASE,
)
# The same words may begin what is said ("since 2019 I live ..."): these open a clause only before its subject.
_BEFORE_SUBJECT: Final = re.compile(r"^(?:i|my|we|our|call|please|people|everyone|friends|you)\b", re.IGNORECASE)

_CLOSERS: Final = re.compile(
    r"(?:,? (?:btw|by the way|actually|at the moment|currently|right now|for now|as well|too|anyway|fyi|though|please|"
    r"thanks|thank you|already|just so you know|if that helps|by now))+(?=[.!,]*$)",
    re.IGNORECASE,
)
_NOW: Final = re.compile(
    r",? ?\b(?:now|these days|nowadays|instead|as of (?:today|now|this (?:week|month|year))|from now on|again)"
    r"(?=[.!,]*$)"
    r"|\b(?<=\bam |\bis )now\b|\bnow (?=live|work|drive|use|speak|prefer|study|have|own|go by|called|a\b|an\b|the\b)",
    re.IGNORECASE,
)

_NEXT_CLAUSE: Final = re.compile(
    r"(?:,|;| [-–—])?\s+(?:and|but|though|while|because|whereas)\s+(?=(?:also\s+)?(?:i|my|we|our)\b)"
    r"|[,;]\s+(?=(?:i|my|we|our)\s)|;\s+"
    r"|(?:,| [-–—]|\.\.\.)\s+(?=(?:what|how|can|could|which|where|when|do|does|is|are|should|would|who|why|any|so)\b)"
    r"|\s+so\s+(?=(?:what|how|can|could|which|where|when|do|does|is|are|should|would|please)\b)",
    re.IGNORECASE,
)
# "I live in Oulu and work at Nokia": the second verb has the first one's subject.
_SHARED_SUBJECT: Final = re.compile(
    r"\s+(?:and|but)\s+(?:now\s+)?(?=(?:live|work|speak|drive|study|am|own|prefer|play|use)\s)", re.IGNORECASE
)
_FIRST_PERSON: Final = re.compile(r"^(?:i|we)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement: `said` in the user's words, `form` as the rules read it. `sentence` is where it stands.

    `is_asked` says that the sentence, or this part of it, is a question; `changed` that it says "now" or the like.
    """

    said: str
    form: str
    sentence: str
    is_asked: bool
    changed: bool


def plain(text: str) -> str:
    """`text` in one line, with straight quotes."""
    return " ".join(text.translate(_QUOTES).split())


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of `text`, each in one line."""
    parts = _SENTENCE_END.split(text[:MAXIMUM_CHARACTERS].translate(_QUOTES))
    return tuple(plain(part) for part in parts if part.strip())


def clauses(text: str) -> tuple[Clause, ...]:
    """The statements in `text`, in order."""
    return tuple(clause for sentence in sentences(text) for clause in _clauses_of(sentence))


def _clauses_of(sentence: str) -> tuple[Clause, ...]:
    made: list[Clause] = []
    parts = [part.strip(" ,;") for part in _NEXT_CLAUSE.split(sentence) if part and part.strip(" ,;")]
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        for said in _with_shared_subject(part):
            form, changed = _form(said)
            if form:
                made.append(
                    Clause(_tidy(said), form, sentence, is_last and sentence.rstrip("\"') ").endswith("?"), changed)
                )
    return tuple(made)


def _with_shared_subject(part: str) -> tuple[str, ...]:
    opened = _opened(part)
    subject = _FIRST_PERSON.match(opened)
    if subject is None:
        return (part,)
    first, *others = _SHARED_SUBJECT.split(part)
    return (first, *(f"{subject.group()} {other}" for other in others))


def _form(said: str) -> tuple[str, bool]:
    form = said
    for pattern, written in _WRITTEN_OUT:
        form = pattern.sub(written, form)
    changed = bool(re.match(r"(?:now|these days|nowadays|as of|currently)\b", form, re.IGNORECASE))
    form = _opened(form)
    form = _CLOSERS.sub("", form)
    without = _NOW.sub("", form)
    changed = changed or without != form
    return " ".join(without.strip(" .,!;:").split()), changed


def _opened(form: str) -> str:
    without = _OPENERS.sub("", form)
    return without if _BEFORE_SUBJECT.match(without) else form


def _tidy(said: str) -> str:
    """The words as said, without what only led up to them, as a sentence of their own."""
    kept = _opened(said).strip(" ,;")
    kept = kept[:1].upper() + kept[1:]
    return kept if kept.endswith((".", "!", "?")) else f"{kept}."
