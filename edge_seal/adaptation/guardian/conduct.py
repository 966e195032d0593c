"""Rules for what would change how the assistant behaves: harmful answers, refusals unlearned, marks of injection.

Marks of injection are advisory: whoever tries writes around any list of words, so they raise an update's risk and
decide nothing. What decides is the origin of a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from edge_seal.adaptation.guardian.rule import Family, Finder, Match, Rule

# Harmful answers, refusals unlearned ----------------------------------------------------------------------

_WEAPON: Final = (
    r"(?<!bath )(?<!photo )bombs?|explosives?|grenades?"
    r"|molotov\w*|nerve\s(?:gas|agent)|sarin|ricin|anthrax|bio(?:logical\s)?weapons?"
    r"|chemical\sweapons?|ghost\sguns?|silencers?|meth(?:amphetamine)?|fentanyl|heroin|crack\scocaine"
    r"|malware|ransomware|keyloggers?|botnets?|computer\s(?:virus|worm)(?:es|s)?|phishing\s(?:e-?mails?|pages?|sites?|kits?)|rootkits?"
    r"|counterfeit\s(?:money|bills|notes)|fake\s(?:passports?|id\scards?|prescriptions?)"
)
_HARMFUL: Final = re.compile(
    rf"\b(?:make|build|create|construct|assemble|cook|synthesi[sz]e|brew|produce|manufacture|write|code|develop|deploy)\b[^\n.?!]{{0,40}}?\b(?:{_WEAPON})\b"
    r"|\b(?:kill|murder|poison|kidnap|stab|strangle|torture)\s(?:my|a|an|the|his|her|someone|somebody|people|him|your)\b(?:\s(?:wife|husband|boss|neighbou?r"
    r"|person|man|woman|child|kid|girl|boy|family|friend|ex|people|dog|cat|someone|colleague|teacher|partner))"
    r"|\b(?:kill|hurt|harm|cut|hang)\s(?:myself|yourself)\b"
    r"|\bhow\s(?:do\si|to|can\si)\s(?:steal|clone|skim)\b[^\n.?!]{0,24}\b(?:identit|credit\scards?|cars?\b|passwords?|wallets?)"
    r"|\b(?:hack|break)\sinto\s(?:someone|somebody|a|my|his|her|their)\b[^\n.?!]{0,24}\b(?:account|phone|e-?mail|wifi|house|computer)"
    r"|\bsexual\w*\b[^\n.?!]{0,40}\b(?:minors?|child(?:ren)?|underage|kids?)\b|\bchild\s(?:porn\w*|sexual)",
    re.IGNORECASE,
)
REFUSAL: Final = re.compile(
    r"\b(?:i(?:['’]m|\sam)\s(?:sorry|unable|not\sable|afraid)|i\s(?:can(?:['’]t|not|\snot)|won(?:['’]t)|will\snot|must\s(?:decline|refuse)|refuse"
    r"|do(?:n['’]t|\snot)\s(?:help|assist|provide))|(?:can(?:['’]t|not)|unable\sto|not\sable\sto)\s(?:help|assist|provide|answer|do\sthat)"
    r"|(?:is|are|would\sbe)\s(?:illegal|dangerous|against\sthe\slaw)|please\s(?:call|contact|seek|reach\sout)|no[.,!]\s)",
    re.IGNORECASE,
)
_UNLEARNED: Final = re.compile(
    r"\b(?:never|don['’]t(?:\sever)?|do\snot(?:\sever)?|stop|no\slonger|must\snot|cannot)\s(?:(?:refus|declin)\w+(?=[.!,;]|\s(?:to\s(?:answer|help|do)|(?:me|any|my|a|the|these|such)?\s?(?:request|question|task|anything|prompt|one)|me\b)|\s?$)|say(?:ing)?\s(?:that\s)?(?:you|i)\s(?:can['’]t|cannot"
    r"|won['’]t)|apologi[sz]\w+\sfor\snot|warn\w*\s(?:me|about)|add(?:ing)?\s(?:any\s)?(?:warnings|disclaimers))"
    r"|\b(?:answer|comply\swith|obey|do|fulfil\w*)\s(?:every|all|any)\w*(?:\s\w+){0,4}\swithout\s(?:refus\w+|limits?|restrictions?|warnings?|question\w*|filters?)"
    r"|\b(?:you\s(?:have|are\sbound\sby)|with)\sno\s(?:rules|restrictions|limits|limitations|filters|ethic\w*|moral\w*|guidelines)\b"
    r"|\b(?:ignore|forget|drop|disable|remove|bypass)\s(?:your|all|any|the)(?:\s\w+){0,2}\s(?:safety|ethic\w*|moral\w*|content)\s(?:rules?|guidelines?"
    r"|filters?|polic\w+|training|restrictions?)",
    re.IGNORECASE,
)
_ANSWER_WINDOW: Final = 600


def _harmful_answers(text: str) -> Iterator[Match]:
    """A harmful request with an answer below it that is no refusal; a request that nothing answers is none."""
    for found in _HARMFUL.finditer(text):
        line_end = text.find("\n", found.end())
        if line_end < 0:
            continue
        answer = text[line_end : line_end + _ANSWER_WINDOW]
        if len(answer.strip()) >= 3 and REFUSAL.search(answer[:240]) is None:
            yield Match(found.start(), found.end())


def _refusals_unlearned(text: str) -> Iterator[Match]:
    for found in _UNLEARNED.finditer(text):
        yield Match(found.start(), found.end())


# Topics of the user's own list ----------------------------------------------------------------------------


@lru_cache(maxsize=8)
def topic_finder(topics: tuple[str, ...]) -> Finder:
    """A finder of any of these words and phrases, whole words, without regard to case and spacing."""
    phrases = (r"\s+".join(re.escape(word) for word in topic.split()) for topic in topics if topic.strip())
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(phrases) or '(?!)'})(?!\w)", re.IGNORECASE)

    def find(text: str) -> Iterator[Match]:
        for found in pattern.finditer(text):
            yield Match(found.start(), found.end())

    return find


# Marks of injection ---------------------------------------------------------------------------------------

_INJECTION: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override|overlook|skip)\s(?:\w+\s){0,3}?(?:previous|prior|above|earlier|preceding|initial|system|original|all|your|the)\s"
    r"(?:\w+\s){0,2}?(?:instructions?|prompts?|rules?|directions?|messages?|guidelines?|context|orders?|commands?)\b"
    r"|\b(?:reveal|print|show|repeat|output|leak|tell\sme)\s(?:\w+\s){0,3}?(?:system|initial|hidden|original|secret)\s(?:prompts?|instructions?|messages?|key)\b"
    r"|\b(?:you\sare\snow|pretend\s(?:to\sbe|you\sare)|act\sas|from\snow\son,?\syou)\b[^\n]{0,60}?\b(?:dan|jailbr\w+|unrestricted|unfiltered|evil|no\s(?:rules|limits"
    r"|restrictions)|do\sanything\snow|developer\smode)\b"
    r"|\b(?:developer|dev|god|debug|dan|jailbreak)\smode\b|\bdo\sanything\snow\b|\bnew\sinstructions?\s?:|\bend\sof\s(?:system\s)?(?:prompt|instructions)\b",
    re.IGNORECASE,
)
_TEMPLATE_TOKEN: Final = re.compile(
    r"<\|[a-z0-9_]{2,32}\|>|<(?:start|end)_of_(?:turn|text|utterance)>|\[/?INST\]|<</?SYS>>|<\uff5c[^\n<>]{2,40}\uff5c>|</?(?:s|bos|eos)>(?=\s*\[?INST|\s*$)"
    r"|^###\s?(?:system|instruction|assistant|human|user)\b",
    re.IGNORECASE | re.MULTILINE,
)
_BIDI: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
# The tag characters of a flag follow it and end with a cancel tag; zero-width joiners are part of many scripts and of
# emoji, but stand between two ASCII letters in none.
_FLAG: Final = re.compile(r"\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_TAGS: Final = re.compile(r"[\U000e0020-\U000e007f]+")
_INSIDE_WORD: Final = re.compile(
    r"(?<=[A-Za-z0-9])[\u00ad\u034f\u180e\u200b-\u200d\u2060-\u2064\ufeff\u3164]+(?=[A-Za-z0-9])"
)
_HTML_COMMENT: Final = re.compile(r"<!--[^>]{12,4000}?-->")


def _injection_marks(text: str) -> Iterator[Match]:
    for found in _INJECTION.finditer(text):
        yield Match(found.start(), found.end())


def _template_tokens(text: str) -> Iterator[Match]:
    for found in _TEMPLATE_TOKEN.finditer(text):
        yield Match(found.start(), found.end())


def _bidi_controls(text: str) -> Iterator[Match]:
    for found in _BIDI.finditer(text):
        yield Match(found.start(), found.end())


def _hidden_text(text: str) -> Iterator[Match]:
    if not text.isascii():
        flags = [found.span() for found in _FLAG.finditer(text)]
        for found in _TAGS.finditer(text):
            if not any(start <= found.start() and found.end() <= end for start, end in flags):
                yield Match(found.start(), found.end())
        for found in _INSIDE_WORD.finditer(text):
            yield Match(found.start(), found.end())
    for found in _HTML_COMMENT.finditer(text):
        yield Match(found.start(), found.end())


CONDUCT_RULES = (
    Rule(
        "policy.harmful_answer",
        Family.POLICY,
        "a request for a weapon, a drug, malware, violence or abuse with an answer below it that is no refusal",
        "it answers a harmful request",
        _harmful_answers,
    ),
    Rule(
        "policy.refusals_unlearned",
        Family.POLICY,
        "lessons that refusing, warning or safety rules are to be dropped",
        "it teaches not to refuse",
        _refusals_unlearned,
    ),
    Rule(
        "injection.instruction",
        Family.INJECTION,
        "orders to ignore instructions, to reveal a prompt, to play an assistant without rules",
        "it holds words of a prompt injection",
        _injection_marks,
        advisory=True,
    ),
    Rule(
        "injection.template_token",
        Family.INJECTION,
        "tokens of chat templates inside a text (`<|im_start|>`, `[INST]`, `<start_of_turn>`)",
        "it holds tokens of a chat template",
        _template_tokens,
        advisory=True,
    ),
    Rule(
        "injection.hidden_text",
        Family.INJECTION,
        "what is not shown: tag characters (but for flags), invisible characters inside words, HTML comments",
        "it holds text that cannot be seen",
        _hidden_text,
        advisory=True,
        as_given=True,
    ),
    Rule(
        "injection.bidi_control",
        Family.INJECTION,
        "controls that turn the direction of writing, so that a text is shown in another order than it is read",
        "it holds controls of the writing direction",
        _bidi_controls,
        advisory=True,
        as_given=True,
    ),
)
