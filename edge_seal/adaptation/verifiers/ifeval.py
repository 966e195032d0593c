"""The instructions of IFEval (Zhou et al. 2023, arXiv:2311.07911) that need no knowledge of a language, as verifiers.

Their names and arguments are the data set's; what each asks for is checked by our own definitions of a word, a sentence
and a list, so a figure of ours is not comparable to the second place with one of another implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, cast

from edge_seal.adaptation.verifiers.answer_checks import CONSTRAINED
from edge_seal.adaptation.verifiers.registry import Verifier, verifier
from edge_seal.errors import ConfigError

Arguments = Mapping[str, object]


def _text(given: Arguments, key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{key} is {value!r}, not a text")
    return value


def _texts(given: Arguments, key: str) -> tuple[str, ...]:
    value = given.get(key)
    if not isinstance(value, (list, tuple)) or not value:
        raise ConfigError(f"{key} is {value!r}, not a list of texts")
    return tuple(str(part) for part in cast("list[object]", value))


def _number(given: Arguments, key: str) -> int:
    value = given.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or int(value) != value:
        raise ConfigError(f"{key} is {value!r}, not a whole number")
    return int(value)


def _relation(given: Arguments, key: str = "relation") -> str:
    return _text(given, key)


def _at_least(name: str, key: str) -> Callable[[Arguments], Verifier]:
    return lambda given: verifier(name, relation="at least", count=_number(given, key))


_MADE: Final[Mapping[str, Callable[[Arguments], Verifier]]] = {
    "punctuation:no_comma": lambda _: verifier("no_commas"),
    "change_case:english_lowercase": lambda _: verifier("lower_case"),
    "change_case:english_capital": lambda _: verifier("upper_case"),
    "change_case:capital_word_frequency": lambda given: verifier(
        "capital_words", relation=_relation(given, "capital_relation"), count=_number(given, "capital_frequency")
    ),
    "length_constraints:number_words": lambda given: verifier(
        "word_count", relation=_relation(given), count=_number(given, "num_words")
    ),
    "length_constraints:number_sentences": lambda given: verifier(
        "sentence_count", relation=_relation(given), count=_number(given, "num_sentences")
    ),
    "length_constraints:number_paragraphs": lambda given: verifier(
        "paragraph_count", relation="exactly", count=_number(given, "num_paragraphs"), separator="***"
    ),
    "length_constraints:nth_paragraph_first_word": lambda given: verifier(
        "paragraph_begins",
        paragraph=_number(given, "nth_paragraph"),
        paragraphs_in_all=_number(given, "num_paragraphs"),
        word=_text(given, "first_word"),
    ),
    "detectable_content:number_placeholders": _at_least("placeholders", "num_placeholders"),
    "detectable_content:postscript": lambda given: verifier("postscript", marker=_text(given, "postscript_marker")),
    "detectable_format:number_bullet_lists": lambda given: verifier(
        "bullet_count", relation="exactly", count=_number(given, "num_bullets")
    ),
    "detectable_format:constrained_response": lambda _: verifier("one_of", choices=CONSTRAINED),
    "detectable_format:number_highlighted_sections": _at_least("highlights", "num_highlights"),
    "detectable_format:multiple_sections": lambda given: verifier(
        "sections", word=_text(given, "section_spliter"), relation="at least", count=_number(given, "num_sections")
    ),
    "detectable_format:json_format": lambda _: verifier("json"),
    "detectable_format:title": lambda _: verifier("title"),
    "combination:two_responses": lambda _: verifier("two_different"),
    "combination:repeat_prompt": lambda given: verifier("repeats_first", text=_text(given, "prompt_to_repeat")),
    "startend:end_checker": lambda given: verifier("ends_with", phrase=_text(given, "end_phrase")),
    "startend:quotation": lambda _: verifier("quoted"),
    "keywords:existence": lambda given: verifier("says", phrases=_texts(given, "keywords")),
    "keywords:forbidden_words": lambda given: verifier("avoids", phrases=_texts(given, "forbidden_words")),
    "keywords:frequency": lambda given: verifier(
        "says_times", phrase=_text(given, "keyword"), relation=_relation(given), count=_number(given, "frequency")
    ),
    "keywords:letter_frequency": lambda given: verifier(
        "letter_times",
        letter=_text(given, "letter"),
        relation=_relation(given, "let_relation"),
        count=_number(given, "let_frequency"),
    ),
}
INSTRUCTIONS: Final = frozenset(_MADE)


def ifeval_verifier(instruction: str, arguments: Arguments | None = None) -> Verifier | None:
    """The verifier of one of IFEval's instructions; None for one that needs a language's knowledge.

    Raises:
        ConfigError: its arguments are not what it takes.
    """
    made = _MADE.get(instruction)
    try:
        return None if made is None else made(arguments or {})
    except ConfigError as error:
        raise ConfigError(f"{instruction}: {error.message}") from error
