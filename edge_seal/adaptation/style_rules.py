"""Rules of style and format: read from what a person states or shows, and what they do to an answer.

A rule is a check (`verifiers`), the kind of prompts it is for, and a rewriting that makes an answer keep it. The
rewriting changes form alone: marks, case, length, layout, a phrase at the beginning or the end. What it cannot rewrite
so that the check holds is left out; nothing is invented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge_seal.adaptation import prompt_kinds as kinds
from edge_seal.adaptation.verifiers import Verifier, spelling, verifier
from edge_seal.adaptation.verifiers.text_shape import has_smiley, list_items, sentences, words

EVERY = "every"
"""The kind of a rule that is for all prompts."""
MAXIMUM_STATEMENT_CHARACTERS: Final = 300
_SMILEY: Final = "🙂"
_EMOJI: Final = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\ufe0f\u200d]+|(?<!\\w)[:;=8]-?[)(DPp3](?!\\w)"
)


@dataclass(frozen=True, slots=True)
class StyleRule:
    """`check` has to hold for answers to prompts of `kind` (EVERY: all); `slot` is what two rules cannot share."""

    check: Verifier
    kind: str
    slot: str

    @property
    def words(self) -> str:
        """The rule in a sentence, from which it can be read again."""
        whose = "every answer" if self.kind == EVERY else f"an answer to a prompt of the kind {self.kind}"
        return f"{whose} {self.check.words}"

    @property
    def key(self) -> str:
        """What stands in `Example.derived_by` of what it made."""
        return f"rule:{self.slot}:{self.kind}"

    @property
    def needs_the_end(self) -> bool:
        """Whether only a whole answer can keep or break it."""
        return self.check.name in _OF_THE_WHOLE

    def is_for(self, prompt: str) -> bool:
        return applies_to(self.kind, prompt)

    def rewritten(self, answer: str, *, closed: bool = True) -> str | None:
        """`answer` so that the check holds, changed in form alone; None where that cannot be.

        Args:
            answer: what was said.
            closed: whether it came to its end; if not, a rule about the end cuts it to whole sentences first.
        """
        text = answer.strip()
        if not closed and self.needs_the_end:
            whole = sentences(text)[:-1]
            text = " ".join(whole)
        if not text:
            return None
        rewrite = _REWRITINGS[self.check.name]
        made = rewrite(text, self.check.arguments).strip()
        return made if made and self.check.holds(made) else None


def applies_to(kind: str, prompt: str) -> bool:
    """Whether a rule for `kind` is for `prompt`."""
    return kind in (EVERY, kinds.kind_of(prompt))


# Rewritings -----------------------------------------------------------------------------------------------

Arguments = Mapping[str, object]


def _without_commas(text: str, _: Arguments) -> str:
    text = re.sub(r"(?<=\d),(?=\d)", "", text)
    return re.sub(r"\s*[,،、\uff0c]+(?=\s|$)|[,،、\uff0c]+", "", text)


def _in_sentences(text: str, arguments: Arguments) -> str:
    most = int(str(arguments["count"]))
    return " ".join(" ".join(sentences(text)[:most]).split())


def _in_words(text: str, arguments: Arguments) -> str:
    most, kept = int(str(arguments["count"])), list[str]()
    for sentence in sentences(text):
        if len(words(" ".join((*kept, sentence)))) > most:
            break
        kept.append(sentence)
    return " ".join(kept)


def _starting(text: str, arguments: Arguments) -> str:
    phrase = str(arguments["phrase"])
    return text if text.casefold().startswith(phrase.casefold()) else f"{phrase} {text}"


def _ending(text: str, arguments: Arguments) -> str:
    phrase = str(arguments["phrase"])
    return text if text.casefold().endswith(phrase.casefold()) else f"{text} {phrase}"


def _with_smiley(text: str, _: Arguments) -> str:
    return f"{text} {_SMILEY}"


def _in_quotes(text: str, _: Arguments) -> str:
    inside = re.sub(r"[\"“”«»„]", "", text).strip()
    return f'"{inside}"'


def _parts(text: str) -> list[str]:
    """What a list can be made of: its items, else its sentences, else what stands between commas."""
    items = list_items(text) or list_items(text, numbered=True)
    if items:
        return items
    said = sentences(text)
    if len(said) > 1:
        return said
    listed = re.sub(r"^.*?(?::|\bare\b|\binclude\b)\s*", "", text.rstrip("."), count=1)
    parts = [part.strip() for part in re.split(r",\s*(?:and\s+|or\s+)?|\s+and\s+", listed)]
    return [part for part in parts if part]


def _as_bullets(text: str, _: Arguments) -> str:
    return "\n".join(f"- {part}" for part in _parts(text))


def _as_numbers(text: str, _: Arguments) -> str:
    return "\n".join(f"{place}. {part}" for place, part in enumerate(_parts(text), start=1))


def _as_json(text: str, _: Arguments) -> str:
    return json.dumps({"answer": text}, ensure_ascii=False)


def _without_emoji(text: str, _: Arguments) -> str:
    return re.sub(r"[ \t]{2,}", " ", _EMOJI.sub("", text))


def _without_markup(text: str, _: Arguments) -> str:
    text = re.sub(r"(?m)^[ \t]*(?:#{1,6}|>|[-*•+])[ \t]+", "", text)
    text = re.sub(r"\[([^\]\n]+)\]\([^)\n]*\)", r"\1", text)
    return re.sub(r"[*`]+", "", text)


def _without_contractions(text: str, _: Arguments) -> str:
    return spelling.in_spelling(text, spelling.CONTRACTIONS)


_REWRITINGS: Final[Mapping[str, Callable[[str, Arguments], str]]] = MappingProxyType(
    {
        "no_commas": _without_commas,
        "no_exclamation_marks": lambda text, _: re.sub("[!\uff01¡]+", ".", text),
        "no_emoji": _without_emoji,
        "no_markup": _without_markup,
        "no_contractions": _without_contractions,
        "british_spelling": lambda text, _: spelling.in_spelling(text, spelling.BRITISH),
        "american_spelling": lambda text, _: spelling.in_spelling(text, spelling.AMERICAN),
        "lower_case": lambda text, _: text.lower(),
        "upper_case": lambda text, _: text.upper(),
        "sentence_count": _in_sentences,
        "word_count": _in_words,
        "starts_with": _starting,
        "ends_with": _ending,
        "smiley_at_the_end": _with_smiley,
        "quoted": _in_quotes,
        "bullet_list": _as_bullets,
        "numbered_list": _as_numbers,
        "json": _as_json,
    }
)
_OF_THE_WHOLE: Final = frozenset(
    {"sentence_count", "word_count", "ends_with", "smiley_at_the_end", "quoted", "bullet_list", "numbered_list", "json"}
)
_SLOTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lower_case": "case", "upper_case": "case", "sentence_count": "length", "word_count": "length",
        "starts_with": "beginning", "ends_with": "end", "smiley_at_the_end": "end", "no_emoji": "end",
        "quoted": "layout", "bullet_list": "layout", "numbered_list": "layout", "json": "layout", "no_markup": "layout",
        "british_spelling": "spelling", "american_spelling": "spelling",
    }
)  # fmt: skip


def rule(check: Verifier, kind: str = EVERY) -> StyleRule:
    """The rule that `check` holds for prompts of `kind`.

    Raises:
        KeyError: there is no rewriting for the check.
    """
    _ = _REWRITINGS[check.name]
    return StyleRule(check, kind, _SLOTS.get(check.name, check.name))


def alters_letters(check: Verifier) -> bool:
    """Whether the rule changes every word's letters, so that right answers are written otherwise too."""
    return check.name in {"lower_case", "upper_case"}


# Stated ---------------------------------------------------------------------------------------------------

_NUMBERS: Final = {
    word: number
    for number, word in enumerate(
        ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=1
    )
} | {"a": 1, "single": 1, "a single": 1, "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50}
_COUNT: Final = r"(?P<count>\d{1,3}|a single|a|single|" + "|".join(word for word in _NUMBERS if word.isalpha()) + ")"
_NOT: Final = (
    r"(?:without(?: any| using(?: any)?)?|no(?: more)?|never use(?: any)?|never write|do not use(?: any)?|"
    r"don't use(?: any)?|do not write|don't write|avoid(?: all| any| using(?: any)?)?|stop using(?: any)?|"
    r"leave out(?: all| the)?|drop the|i (?:do not|don't) (?:like|want)(?: any)?)"
)
_QUOTED: Final = r"[\"“'‘«](?P<phrase>[^\"”»]{1,80}?)[\"”'’»]"
_OBJECT: Final = r"(?:[\w'-]+ ){0,4}?"
_STATED: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (rf"\b{_NOT} commas?\b", "no_commas"),
        (rf"\b{_NOT} exclamation (?:marks?|points?)\b", "no_exclamation_marks"),
        (rf"\b{_NOT} (?:emojis?|smileys?|emoticons?)\b", "no_emoji"),
        (rf"\b{_NOT} (?:markdown|formatting|markup)\b|\bplain text\b", "no_markup"),
        (rf"\b{_NOT} contractions?\b|\bcontractions? written out\b", "no_contractions"),
        (
            (
                r"\b(?:british|uk) (?:english|spelling)\b"
                r"|\bspell(?:ed|ing)? (?:as|like|the way they do) in (?:britain|england)\b"
            ),
            "british_spelling",
        ),
        (r"\b(?:american|us) (?:english|spelling)\b|\bspell(?:ed|ing)? (?:as|like) in america\b", "american_spelling"),
        (r"\b(?:lower[- ]?case|small letters|no capitals?|without capitals?|no capital letters)\b", "lower_case"),
        (r"\b(?:upper[- ]?case|all caps|capital letters|in capitals)\b", "upper_case"),
        (
            rf"\b(?:in|with|to|at most|no more than|a maximum of|only)? ?{_COUNT} (?:short )?sentences?\b",
            "sentence_count",
        ),
        (
            (
                rf"\b(?:at most|no more than|a maximum of|under|fewer than|less than|in|up to) {_COUNT} words\b"
                rf"|\b{_COUNT.replace('count', 'count2')} words (?:at most|or (?:less|fewer))\b"
            ),
            "word_count",
        ),
        (
            rf"\b(?:end|finish|close) {_OBJECT}with (?:a |an )?(?:smiley|smile|emoji|happy face)\b",
            "smiley_at_the_end",
        ),
        (rf"\b(?:start|begin|open) {_OBJECT}with (?:the words? )?{_QUOTED}", "starts_with"),
        (rf"\b(?:end|finish|close) {_OBJECT}with (?:the words? )?{_QUOTED}", "ends_with"),
        (r"\b(?:in|within|inside|between|with) (?:double )?(?:quotation marks|quotes)\b|\bquoted\b", "quoted"),
        (r"\b(?:bullet(?:ed)? (?:points?|list)|bullets|list with bullets)\b", "bullet_list"),
        (r"\b(?:numbered (?:list|steps|points?)|number the (?:steps|points|items))\b", "numbered_list"),
        (r"\b(?:valid )?json\b", "json"),
    )
)
_SCOPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(rf"\b(?:when|whenever|if|in|for|to|on|of|as)\b[\w' ,]{{0,40}}?\b(?:{pattern})\b", re.IGNORECASE), kind)
    for pattern, kind in (
        (r"greet(?:ings?)?(?: you)?|say hello|hellos?", kinds.GREETING),
        (r"translat(?:e|ion|ions|ing)", kinds.TRANSLATION),
        (r"jokes?|riddles?|something funny", kinds.JOKE),
        (r"lists?(?! with bullets)|several things|a few things", kinds.LIST),
        (r"how[- ]to(?:s| questions?)?|how to|instructions|recipes?|how something is done", kinds.HOW_TO),
        (r"why(?: questions?)?|reasons?", kinds.WHY),
        (r"write something|writing|stories|story|poems?|letters|notes", kinds.WRITING),
        (r"advice|suggestions?|tips|recommendations?", kinds.ADVICE),
        (r"definitions?|what something is|explanations?|explain|define", kinds.DEFINITION),
        (r"facts?|factual questions?|quiz questions?", kinds.FACT),
    )
)


_OBJECTS: Final = tuple(
    (re.compile(rf"\b(?:{plurals})\b", re.IGNORECASE), kind)
    for plurals, kind in (
        ("greetings", kinds.GREETING),
        ("translations", kinds.TRANSLATION),
        ("jokes|riddles", kinds.JOKE),
        ("lists", kinds.LIST),
        ("recipes|instructions", kinds.HOW_TO),
        ("stories|poems", kinds.WRITING),
        ("suggestions|recommendations", kinds.ADVICE),
        ("definitions|explanations", kinds.DEFINITION),
    )
)


def read_rule(statement: str) -> StyleRule | None:
    """The rule that `statement` states ("answer without commas", "use bullet points for lists"); None: none is read."""
    text = " ".join(statement.replace("’", "'").split())
    if not text or len(text) > MAXIMUM_STATEMENT_CHARACTERS:
        return None
    for pattern, name in _STATED:
        match = pattern.search(text)
        if match is None:
            continue
        rest = f"{text[: match.start()]} \N{BULLET} {text[match.end() :]}"
        given = match.groupdict()
        objects = text.replace(given.get("phrase") or "\0", " ")
        kind = next(
            (kind for scope, kind in _SCOPES if scope.search(rest)),
            next((kind for plural, kind in _OBJECTS if plural.search(objects)), EVERY),
        )
        if name in {"sentence_count", "word_count"}:
            said = (given.get("count") or given.get("count2") or "").casefold()
            count = int(said) if said.isdigit() else _NUMBERS[said]
            return rule(verifier(name, relation="at most", count=count), kind)
        if name in {"starts_with", "ends_with"}:
            return rule(verifier(name, phrase=given["phrase"].strip()), kind)
        return rule(verifier(name), kind)
    return None


def examples_of_statements() -> tuple[str, ...]:
    """Statements that are understood, for an error that has to say what can be stated."""
    return (
        "answer without commas", "always answer in one sentence", "end every answer with a smiley",
        "use British spelling", "no exclamation marks", 'start every answer with "In short:"',
        "use bullet points for lists",
    )  # fmt: skip


# Shown ----------------------------------------------------------------------------------------------------

LEAST_SHOWN: Final = 3
_SAME_WORDS: Final = 0.75
_BROKEN_BEFORE: Final = 0.6
_SHOWN: Final = (
    "json", "quoted", "bullet_list", "numbered_list", "upper_case", "lower_case", "smiley_at_the_end",
    "british_spelling", "american_spelling", "no_contractions", "no_commas", "no_exclamation_marks", "no_markup",
    "no_emoji",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A correction: what was said to `prompt`, and what should have been."""

    prompt: str
    said: str
    wanted: str


def shown_rule(corrections: Sequence[Shown]) -> StyleRule | None:
    """The rule that several corrections show: they change form alone, all in the same way; None where they do not.

    A correction that brings new words tells a fact and shows no rule. Nobody types out a long answer to its end, so
    that a correction is shorter is the rule only where nothing else was changed. The kind is that of the prompts, if
    they share one.
    """
    if len(corrections) < LEAST_SHOWN:
        return None
    wanted = [one.wanted for one in corrections]
    added = {word.casefold() for word in words(f"{_shared(wanted)} {_shared(wanted, end=True)} answer")}
    if not all(_is_of_form(one, added) for one in corrections):
        return None
    asked = {kinds.kind_of(one.prompt) for one in corrections}
    kind = next(iter(asked)) if len(asked) == 1 and asked != {kinds.OTHER} else EVERY
    candidates = [rule(check, kind) for check in _candidates(corrections)]
    only_cut = all(_plain(one.wanted) in map(_plain, _beginnings(one.said)) for one in corrections)
    candidates = [one for one in candidates if not only_cut or one.slot == "length"]
    if not candidates:
        return None
    return max(candidates, key=lambda one: (_explained(one, corrections), one.slot != "length"))


def _beginnings(text: str) -> list[str]:
    """`text`, and what is left of it when it is cut behind one of its sentences."""
    said = sentences(text)
    return [text, *(" ".join(said[:count]) for count in range(1, len(said)))]


def _plain(text: str) -> str:
    return " ".join(text.split())


def _is_of_form(one: Shown, added: set[str]) -> bool:
    """Whether nearly all words of the correction are the answer's own, but for those `added` to every one."""
    said, wanted = ({word.casefold() for word in words(text)} for text in (one.said, one.wanted))
    wanted -= added - said
    british = {spelling.BRITISH.get(word, word) for word in said}
    american = {spelling.AMERICAN.get(word, word) for word in said}
    written_out = {part.casefold() for word in said for part in spelling.CONTRACTIONS.get(word, word).split()}
    known = said | british | american | written_out
    return bool(wanted) and len(wanted & known) >= _SAME_WORDS * len(wanted)


def _candidates(corrections: Sequence[Shown]) -> list[Verifier]:
    found = [verifier(name) for name in _SHOWN]
    most = max(len(sentences(one.wanted)) for one in corrections)
    found.append(verifier("sentence_count", relation="at most", count=max(1, most)))
    opening, closing = (
        _shared([one.wanted for one in corrections]),
        _shared([one.wanted for one in corrections], end=True),
    )
    if opening:
        found.append(verifier("starts_with", phrase=opening))
    if closing and not has_smiley(closing):
        found.append(verifier("ends_with", phrase=closing))
    return [
        check
        for check in found
        if all(check.holds(one.wanted) for one in corrections)
        and sum(not check.holds(one.said) for one in corrections) >= _BROKEN_BEFORE * len(corrections)
    ]


def _shared(answers: Sequence[str], *, end: bool = False) -> str:
    """The words that all `answers` begin (or end) with, four at most; empty where there are none."""
    split = [answer.split()[::-1] if end else answer.split() for answer in answers]
    shared: list[str] = []
    for place in range(min(4, *(len(parts) for parts in split))):
        if len({parts[place].casefold() for parts in split}) > 1:
            break
        shared.append(split[0][place])
    return " ".join(shared[::-1] if end else shared)


def _explained(candidate: StyleRule, corrections: Sequence[Shown]) -> float:
    """How much of the corrections the rewriting makes of the answers, or of their beginnings, as a share of 1."""

    def gives(one: Shown) -> bool:
        made = map(candidate.rewritten, _beginnings(one.said))
        return any(_plain(text) == _plain(one.wanted) for text in made if text is not None)

    return sum(map(gives, corrections)) / len(corrections)
