"""The registry of verifiers: a name and its arguments in, an exact check out.

A verifier's name and arguments are what is stored and shown; the check follows from them, so a rule that was kept
means the same when it is read again. To add one: a function in `answer_checks.py`, a line here, a test with near
misses.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from edge_seal.adaptation.verifiers import answer_checks as checks
from edge_seal.errors import ConfigError

Argument: TypeAlias = str | int | tuple[str, ...]
Checked: TypeAlias = Callable[..., bool]

MAXIMUM_COUNT: Final = 100_000
MAXIMUM_PHRASE: Final = 4_000


@dataclass(frozen=True, slots=True)
class Verifier:
    """One check with its arguments. `words` completes "an answer …"."""

    name: str
    arguments: Mapping[str, Argument] = field(hash=False)
    words: str
    _check: Checked = field(repr=False, compare=False)

    def holds(self, answer: str) -> bool:
        """Whether `answer` is as it should be; an empty one never is."""
        return bool(answer.strip()) and self._check(answer, **self.arguments)


@dataclass(frozen=True, slots=True)
class _Entry:
    check: Checked
    words: str


REGISTRY: Final[Mapping[str, _Entry]] = MappingProxyType(
    {
        "no_commas": _Entry(checks.no_commas, "has no commas"),
        "no_exclamation_marks": _Entry(checks.no_exclamation_marks, "has no exclamation marks"),
        "no_question_marks": _Entry(checks.no_question_marks, "has no question marks"),
        "no_emoji": _Entry(checks.no_emoji, "has no emoji or smileys"),
        "no_markup": _Entry(checks.no_markup, "has no Markdown marks"),
        "no_digits": _Entry(checks.no_digits, "has no digits"),
        "lower_case": _Entry(checks.lower_case, "is in small letters"),
        "upper_case": _Entry(checks.upper_case, "is in capital letters"),
        "capital_words": _Entry(checks.capital_words, "has {relation} {count} words in capitals"),
        "word_count": _Entry(checks.word_count, "has {relation} {count} words"),
        "sentence_count": _Entry(checks.sentence_count, "has {relation} {count} sentences"),
        "character_count": _Entry(checks.character_count, "has {relation} {count} characters"),
        "paragraph_count": _Entry(checks.paragraph_count, "has {relation} {count} paragraphs"),
        "paragraph_begins": _Entry(
            checks.paragraph_begins, "has {paragraphs_in_all} paragraphs, number {paragraph} beginning with {word}"
        ),
        "starts_with": _Entry(checks.starts_with, 'starts with "{phrase}"'),
        "ends_with": _Entry(checks.ends_with, 'ends with "{phrase}"'),
        "smiley_at_the_end": _Entry(checks.smiley_at_the_end, "ends with a smiley"),
        "question_at_the_end": _Entry(checks.question_at_the_end, "ends with a question"),
        "quoted": _Entry(checks.quoted, "stands in quotation marks"),
        "json": _Entry(checks.json_valid, "is valid JSON"),
        "json_keys": _Entry(checks.json_keys, "is a JSON object with the keys {keys}"),
        "bullet_list": _Entry(checks.bullet_list, "is a list with bullets"),
        "numbered_list": _Entry(checks.numbered_list, "is a numbered list"),
        "bullet_count": _Entry(checks.bullet_count, "has {relation} {count} bullets"),
        "title": _Entry(checks.title, "has a title in <<double angle brackets>>"),
        "highlights": _Entry(checks.highlights, "has {relation} {count} parts between asterisks"),
        "placeholders": _Entry(checks.placeholders, "has {relation} {count} parts in square brackets"),
        "sections": _Entry(checks.sections, "has {relation} {count} sections named {word}"),
        "postscript": _Entry(checks.postscript, "has a postscript that begins with {marker}"),
        "one_of": _Entry(checks.one_of, "is one of: {choices}"),
        "two_different": _Entry(checks.two_different, "gives two different answers, {separator} between them"),
        "repeats_first": _Entry(checks.repeats_first, "first repeats the request"),
        "says": _Entry(checks.says, "says {phrases}"),
        "avoids": _Entry(checks.avoids, "never says {phrases}"),
        "says_times": _Entry(checks.says_times, 'says "{phrase}" {relation} {count} times'),
        "letter_times": _Entry(checks.letter_times, 'has the letter "{letter}" {relation} {count} times'),
        "british_spelling": _Entry(checks.british, "is spelled as in Britain"),
        "american_spelling": _Entry(checks.american, "is spelled as in America"),
        "no_contractions": _Entry(checks.no_contractions, "has no contractions"),
        "no_first_person": _Entry(checks.no_first_person, "does not speak of itself"),
        "same_as": _Entry(checks.same_as, "is what the reviewer wrote"),
        "holds_correction": _Entry(checks.holds_correction, "says what the reviewer wrote"),
    }
)


def verifier(name: str, **arguments: Argument) -> Verifier:
    """The verifier `name` with its arguments.

    Raises:
        ConfigError: there is none of that name, or its arguments are not what it takes.
    """
    entry = REGISTRY.get(name)
    if entry is None:
        raise ConfigError(f"there is no verifier {name!r}; there are {', '.join(sorted(REGISTRY))}")
    try:
        bound = inspect.signature(entry.check).bind("", **arguments)
    except TypeError as error:
        raise ConfigError(f"the verifier {name} does not take these arguments: {error}") from error
    bound.apply_defaults()
    given: dict[str, Argument] = {key: value for key, value in bound.arguments.items() if key != "answer"}
    for key, value in given.items():
        _require(name, key, value)
    return Verifier(name, MappingProxyType(given), entry.words.format(**_shown(given)), entry.check)


def _require(name: str, key: str, value: Argument) -> None:
    if key == "relation" and value not in checks.RELATIONS:
        raise ConfigError(f"the verifier {name}: the relation {value!r} is not one of {', '.join(checks.RELATIONS)}")
    if key in {"count", "paragraph", "paragraphs_in_all"} and not (
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAXIMUM_COUNT
    ):
        raise ConfigError(f"the verifier {name}: {key} is {value!r}, not a number from 0 to {MAXIMUM_COUNT}")
    texts = value if isinstance(value, tuple) else (value,)
    if key not in {"relation", "count", "paragraph", "paragraphs_in_all", "separator"} and not all(
        isinstance(text, str) and text.strip() and len(text) <= MAXIMUM_PHRASE for text in texts
    ):
        raise ConfigError(f"the verifier {name}: {key} has to be text of 1 to {MAXIMUM_PHRASE} characters")


def _shown(arguments: Mapping[str, Argument]) -> dict[str, Argument]:
    return {
        key: ", ".join(f'"{part}"' for part in value) if isinstance(value, tuple) else value
        for key, value in arguments.items()
    }


def share_holding(verifiers: Iterable[Verifier], answer: str) -> float:
    """How many of `verifiers` hold for `answer`, as a share of 1: a reward for scoring; 1 where there are none."""
    results = [each.holds(answer) for each in verifiers]
    return sum(results) / len(results) if results else 1.0
