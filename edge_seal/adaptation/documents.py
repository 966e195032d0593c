"""A document as evidence: its plain sentences, and the lessons that rules propose from them.

Invariants: what is read is hostile until it passed `edge_seal.plain_text`: nothing in it is markup for us, code, HTML
and images teach nothing; a proposal's answer is faithful: its content words are words of the sentences that it names.
Pure and deterministic: the same bytes give the same proposals.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from markdown_it import MarkdownIt

from edge_seal.adaptation.statement_forms import MOST_CHARACTERS, Frame, frames, topic
from edge_seal.adaptation.statement_parts import content_words, unfaithful
from edge_seal.errors import ConfigError
from edge_seal.plain_text import plain_text

MAXIMUM_BYTES: Final = 262_144
MAXIMUM_SENTENCES: Final = 4_000
SENTENCE_CHARACTERS: Final = MOST_CHARACTERS
NEAR_DUPLICATE: Final = 0.8
"""The share of content words that two questions with the same answer have in common: one of them is enough."""
A_SENTENCE: Final = 3
"""Questions that one sentence gives at most."""

BY_RULE: Final = "rule"
BY_MODEL: Final = "model"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence as it stands in the document, in one line.

    Attributes:
        line: where it begins, counted from 1.
        read_as: the same with its subject named, where it begins with "it", "he" or "she".
        sources: the sentences that `read_as` is made of: this one, and the one that names its subject.
    """

    text: str
    line: int
    read_as: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it may be learned from. `name` is the source that its lessons carry."""

    name: str
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A lesson that is proposed: for `prompt`, `answer`, which `sentence` says in `line`.

    Attributes:
        span: the words of the sentence that answer the prompt.
        derived_by: the rule that wrote it.
        by: `rule` or `model`.
    """

    prompt: str
    answer: str
    span: str
    derived_by: str
    by: str
    sentence: str
    line: int


@dataclass(frozen=True, slots=True)
class Proposals:
    """`kept` in the order of the document; `dropped` counts, by reason in words, what was not kept."""

    kept: tuple[Proposal, ...]
    dropped: Mapping[str, int] = field(default_factory=dict[str, int])


# Reading ------------------------------------------------------------------------------------------------------


def read_document(content: bytes, name: str, *, is_markdown: bool = False) -> Document:
    """The sentences of a plain text or of Markdown, which is called `name`.

    Raises:
        ConfigError: it is too large, no UTF-8 text, or holds no sentence.
    """
    if len(content) > MAXIMUM_BYTES:
        raise ConfigError(
            f"{name} has {len(content):,} bytes; a document may have {MAXIMUM_BYTES:,}", next_step="teach a part of it"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name} is not UTF-8 text (byte {error.start})", next_step="save it as plain text or Markdown"
        ) from error
    if "\x00" in text:
        raise ConfigError(f"{name} is not a text: it holds null bytes", next_step="save it as plain text or Markdown")
    shown = unicodedata.normalize("NFC", plain_text(re.sub(r"\r\n?", "\n", text)))
    sentences = tuple(_sentences(shown, is_markdown=is_markdown))
    if not sentences:
        raise ConfigError(
            f"there is no sentence of 3 to {SENTENCE_CHARACTERS} characters in {name}",
            next_step="teach a text with whole sentences in it",
        )
    if len(sentences) > MAXIMUM_SENTENCES:
        raise ConfigError(
            f"{name} has {len(sentences):,} sentences; a document may have {MAXIMUM_SENTENCES:,}",
            next_step="teach a part of it",
        )
    return Document(name, sentences)


def _sentences(text: str, *, is_markdown: bool) -> Iterator[Sentence]:
    for paragraph, first_line in _paragraphs(text, is_markdown=is_markdown):
        named: tuple[str, str] | None = None
        for sentence, offset in _split(paragraph):
            line = first_line + paragraph.count("\n", 0, offset)
            plain = " ".join(sentence.split())
            if not 3 <= len(plain) <= SENTENCE_CHARACTERS:
                named = None
                continue
            pointing = _POINTING.match(plain)
            if pointing and named:
                read_as, sources = f"{named[0]} {plain[pointing.end() :]}", (named[1], plain)
            else:
                read_as, sources = plain, (plain,)
                subject = topic(plain)
                named = (subject, plain) if subject else None
            yield Sentence(plain, line, read_as, sources)


_POINTING: Final = re.compile(r"(?:It|He|She) ")


def _paragraphs(text: str, *, is_markdown: bool) -> Iterator[tuple[str, int]]:
    """Running text by paragraph and list item, with the line that each begins in; no headings, code, HTML, images."""
    parser = MarkdownIt("commonmark").disable("code") if is_markdown else MarkdownIt("zero").enable("list")
    tokens = parser.parse(text)
    for place, token in enumerate(tokens):
        if token.type != "inline" or tokens[place - 1].type == "heading_open":
            continue
        words = "".join(_words_of(child.type, child.content) for child in token.children or ())
        yield words, (token.map[0] if token.map else 0) + 1


def _words_of(kind: str, content: str) -> str:
    if kind in {"softbreak", "hardbreak"}:
        return "\n"
    # A word in code's place keeps the sentence from being read without what stood there.
    return content if kind == "text" else "`" if kind in {"code_inline", "html_inline", "image"} else ""


_SENTENCE_END: Final = re.compile(r"[.!?…][\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9À-Þ])")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|St|Prof|No|vs|Jr|Sr|Inc|Ltd|Co|etc|e\.g|i\.e|cf|approx|Gen|Col|Capt|Lt|Rev|Mt)|\b[A-Z])\.$"
)


def _split(paragraph: str) -> Iterator[tuple[str, int]]:
    """The sentences of a paragraph with their places in it."""
    start = 0
    for end in _SENTENCE_END.finditer(paragraph):
        said = paragraph[start : end.start() + 1]
        if not _ABBREVIATION.search(said):
            yield paragraph[start : end.end()].strip(), start
            start = end.end()
    if paragraph[start:].strip():
        yield paragraph[start:].strip(), start


# Proposing ----------------------------------------------------------------------------------------------------


def propose(document: Document) -> Proposals:
    """What rules make of the document's sentences, checked; see `statement_forms`."""
    return checked(
        (
            Proposal(frame.question, frame.statement, frame.span, frame.rule, BY_RULE, sentence.text, sentence.line)
            for sentence in document.sentences
            for frame in _frames_of(sentence)[:A_SENTENCE]
        ),
        document,
    )


def _frames_of(sentence: Sentence) -> tuple[Frame, ...]:
    read = frames(sentence.read_as)
    # "He was a sailor": of a person nobody asks what it is.
    return tuple(frame for frame in read if frame.rule != "is-what") if sentence.text[:2] in {"He", "Sh"} else read


def checked(
    proposals: Iterable[Proposal], document: Document, dropped_before: Mapping[str, int] | None = None
) -> Proposals:
    """Those of `proposals` that are faithful to their sentence, answer one question in one way, and say something new.

    Earlier ones are kept before later ones. `dropped_before` is counted with what is dropped.
    """
    sources = {(sentence.line, sentence.text): sentence.sources for sentence in document.sentences}
    dropped: Counter[str] = Counter(dropped_before or {})
    by_prompt: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        why = _unsound(proposal, sources[proposal.line, proposal.sentence])
        if why:
            dropped[why] += 1
        else:
            by_prompt.setdefault(_folded(proposal.prompt), []).append(proposal)
    kept: list[Proposal] = []
    for same in by_prompt.values():
        if len({_folded(one.span) for one in same}) > 1:
            # Which of them holds no rule can say.
            dropped["one question, two answers"] += len(same)
            continue
        first = same[0]
        dropped["said twice"] += len(same) - 1
        if any(_is_near(first, other) for other in kept):
            dropped["nearly the same question"] += 1
        else:
            kept.append(first)
    return Proposals(tuple(kept), {why: count for why, count in sorted(dropped.items()) if count})


def at_most(proposals: Sequence[Proposal], most: int) -> tuple[Proposal, ...]:
    """At most `most`, in their order: first one of each sentence, then its second, so that all of the text counts."""
    by_sentence: dict[tuple[int, str], list[Proposal]] = {}
    for proposal in proposals:
        by_sentence.setdefault((proposal.line, proposal.sentence), []).append(proposal)
    rounds = [one for turn in zip_longest(*by_sentence.values()) for one in turn if one is not None]
    chosen = frozenset(map(id, rounds[:most]))
    return tuple(proposal for proposal in proposals if id(proposal) in chosen)


def _unsound(proposal: Proposal, sources: Sequence[str]) -> str:
    """Why a proposal is not kept, in words; empty: it is sound."""
    if unfaithful(f"{proposal.answer} {proposal.span}", sources):
        return "says what its sentence does not"
    if not content_words(proposal.span) - content_words(proposal.prompt):
        return "answers itself"
    return ""


def _is_near(one: Proposal, other: Proposal) -> bool:
    mine, its = content_words(one.prompt), content_words(other.prompt)
    if _folded(one.span) != _folded(other.span) or not mine | its:
        return False
    return len(mine & its) >= NEAR_DUPLICATE * len(mine | its)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold().rstrip("?!. ")
