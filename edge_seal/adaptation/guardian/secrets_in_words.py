"""Rules for secrets without a format of their own: what the sentence or the line around a token says it is.

`password is …`, `API_KEY=…`, a question for a code with its answer, a random token after the word "token".
What sits in such a place is weighed: words that say something *about* a password (`is required`, `is too short`)
are no password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_seal.adaptation.guardian.rule import Family, Match, Rule, is_placeholder, looks_random, words

# The names of secrets -------------------------------------------------------------------------------------

_SPOKEN = r"pass[ _-]?(?:word|phrase|code|wd)s?|passwort|\bpwd|recovery[ _-](?:code|phrase)|seed[ _-]phrase"
_KEY = (
    r"api[ _-]?(?:key|token|secret)|secret[ _-]?(?:access[ _-]?)?(?:key|token|code)"
    r"|access[ _-]?(?:key|token)(?:[ _-]id)?"
    r"|auth(?:entication|orization)?[ _-]?(?:key|token)|bearer[ _-]?token|client[ _-]?secret|private[ _-]?key"
    r"|(?:license|licence|product|activation|encryption|signing)[ _-]key"
    r"|\btoken\b|\bcredentials?\b|_secret\b|_token\b|_key\b"
)
_CODE = (
    r"\b(?:pin(?:[ -]?(?:code|number))?|cvv2?|cvc2?|(?:security|door|gate|alarm|safe|lock|unlock|entry|access|garage)"
    r"[ -]?code|(?:phone|card)[ -]pin)\b"
)
_NAME = re.compile(rf"(?P<password>{_SPOKEN})|(?P<key>{_KEY})|(?P<code>{_CODE})", re.IGNORECASE)

# From the name to what it is said to be; all lengths are bounded, and so is the window it is matched in.
_WINDOW = 240
_LINK = re.compile(
    r"[\w]{0,24}[\"'`)\]*]{0,3}\s{0,3}"
    r"(?:(?:for|to|of|on|at|in|with)\s[^\n.?!:=]{1,48}?\s)?"
    r"(?:(?P<says>(?:is|was|are|will\s+be|set\s+to|to|will\s+stay)\b)|(?P<sets>=>|->|→|:=|={1,3}|:))"
    r"[ \t]{0,4}\n?[ \t]{0,4}"
    r"(?:(?:now|still|currently|always|just|simply|actually|set to|called|is|it'?s)\s+){0,2}",
    re.IGNORECASE,
)
_VALUE = re.compile(r"[\"'`“”‘’«<*]{1,3}([^\"'`“”‘’»\n]{1,120})[\"'`“”‘’»]|([^\s\"'`“”‘’]{1,96})")
_WHOSE = re.compile(
    r"\b(?:my|our|your|his|her|their|its|the|\w{1,30}['’]s|wi-?fi|network|laptop|e?-?mail|admin|root|master|login)\W*(?:[\w-]{1,24}\s+){0,3}$",
    re.IGNORECASE,
)

_ABOUT = words(
    """a an the and or not no never too very also always that this it its in on at by as with without for from of to
    be been being about only just what which who when where why how if my your our his her their you we they i he she
    wrong right correct incorrect valid invalid required optional mandatory needed necessary missing empty blank weak
    strong secure insecure safe unsafe long short unknown secret hidden private public different same similar unique
    random good bad old new important easy hard difficult simple complex ready here there somewhere none null nil true
    false undefined string str text int integer number bytes object any type input password passwd value key token
    default unset something anything nothing everything better best worse enough available visible case-sensitive
    up out down ok okay fine yes read write admin user username email stored kept written based sent given used
    essential crucial vital critical common predictable guessable reusable temporary permanent personal sensitive
    confidential yours mine ours one two three several many most least less more like than then so still yet again
    field parameter variable header prompt reset change update manager policy length strength protection"""
)
_ABOUT_ENDING = re.compile(r"(?:[a-z]{2}ed|[a-z]{2}ing|[a-z]{2}able|[a-z]{2}ible|[a-z]{2}ly|-only|-free)$")
_FUNCTION_WORDS = words(
    """a an the and or not no never too very also always that this it its in on at by as with without for from of to be
    been is are was were has have had will would can could should must may might do does did if my your our"""
)
_CODE_THAT_READS_IT = re.compile(
    r"(?:os|self|args|config|settings|request|req|params|process|env|ENV|this|user|form|data|options|ctx|body|app)\b[.\[(]"
    r"|[A-Za-z_][\w.]{2,60}\(|\$|%[A-Z_]+%|\{|&"
)
_NUMERIC_CODE = re.compile(r"\d[\d -]{1,10}\d|[A-Za-z]?\d{3,10}[A-Za-z#*]?")
_SENTENCE_END = re.compile(r"\s*(?:$|[\n.,;!)\]}\"'”’]|and\b|but\b|so\b|\()")


@dataclass(frozen=True, slots=True)
class _Place:
    """A place where a secret of `kind` would stand: `text[start:end]`, and `rest`, what follows it in the window.

    `sets`: linked to the name by `=` or `:`.
    """

    kind: str
    value: str
    start: int
    end: int
    rest: str
    quoted: bool
    sets: bool

    @property
    def is_bare_word(self) -> bool:
        """Whether only the sentence around it can tell that it is a secret."""
        return self.kind == "password" and not self.quoted and not self.sets and _is_plain_word(self.value)


def _place(text: str, start: int, stop: int, *, kind: str, sets: bool) -> _Place | None:
    found = _VALUE.match(text, start, stop)
    if found is None:
        return None
    quoted = found[1] is not None
    value = found[1] if quoted else found[2].rstrip(".,;!?)]}>*")
    begin = found.start(1) if quoted else found.start(2)
    end = begin + len(value)
    return _Place(kind, value, begin, end, text[end:stop], quoted, sets) if value else None


def _is_plain_word(value: str) -> bool:
    return re.fullmatch(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", value) is not None


def _says_something_about(value: str) -> bool:
    lower = value.lower().strip("'\"")
    return lower in _ABOUT or _ABOUT_ENDING.search(lower) is not None


def _is_secret(place: _Place) -> bool:
    """Whether what stands in the place of a secret is one, and not a word about it."""
    value = place.value
    digits = sum(c.isdigit() for c in value)
    if place.kind == "code":
        found = 3 <= digits <= 10 and _NUMERIC_CODE.fullmatch(value) is not None
    elif place.kind == "key":
        found = digits >= (1 if len(value) >= 16 else 2) and len(value) >= 8 and _is_mixed(value)
    elif _is_plain_word(value) or (place.quoted and " " in value):
        found = _is_word_as_password(place)
    else:
        found = len(value) >= 4 and _is_mixed(value)
    return found and not is_placeholder(value) and _CODE_THAT_READS_IT.match(value) is None


def _is_word_as_password(place: _Place) -> bool:
    if _says_something_about(place.value.split()[0]):
        return False
    if place.quoted:
        return len(place.value) >= 3
    if place.sets:
        return len(place.value) >= 3 and _SENTENCE_END.match(place.rest) is not None
    ends = _SENTENCE_END.match(place.rest) is not None
    return len(place.value) >= 4 and (ends or _is_word_row(place.value + place.rest))


def _is_mixed(value: str) -> bool:
    """Letters with digits or signs inside, or six digits and more: not `8-64`, `10:30`, `snake_case`, `and/or`."""
    letters, digits = any(c.isalpha() for c in value), sum(c.isdigit() for c in value)
    signs = any(not c.isalnum() and c not in "-_'’/.,:" for c in value)
    if re.fullmatch(
        r"(?:sha|md|aes|base|rsa|utf|bcrypt|argon|v)-?\d{1,4}\w{0,3}(?:-\w{1,12})*|\d{1,3}\+?-\w+", value, re.IGNORECASE
    ):
        return False
    return (letters and (digits > 0 or signs)) or digits >= 6


def _is_word_row(text: str) -> bool:
    """Whether a sentence of three to twelve plain words holds none that says something: a passphrase."""
    words = re.split(r"[.!?\n]", text, maxsplit=1)[0].split()
    return 3 <= len(words) <= 24 and all(_is_plain_word(w) and w.islower() and w not in _FUNCTION_WORDS for w in words)


def _assigned(text: str) -> Iterator[Match]:
    for name in _NAME.finditer(text):
        stop = min(len(text), name.end() + _WINDOW)
        link = _LINK.match(text, name.end(), stop)
        if link is None:
            continue
        kind, sets = name.lastgroup or "password", link["sets"] is not None
        place = _place(text, link.end(), stop, kind=kind, sets=sets)
        if place is None or not _is_secret(place):
            continue
        # "A password is sunflower" says nothing of anyone's; "my password is sunflower" does.
        if not place.is_bare_word or _WHOSE.search(text[max(0, name.start() - 80) : name.start()]):
            yield Match(place.start, place.end)


# A question for a secret, and its answer ------------------------------------------------------------------

_QUESTION = re.compile(
    r"(?:what(?:['’]?s|\s+(?:is|was|are))|which\s+is|tell\s+me|remind\s+me\s+of|give\s+me|say|recall|do\s+you\s+(?:know|remember))\s+"
    r"(?:my|our|your|his|her|their|the|\w{1,30}['’]s)\s+(?:[\w'’-]{1,24}\s+){0,4}$",
    re.IGNORECASE,
)
# Asked in fewer words, as one does of a machine: "My wifi password?", "Alarm code?"
_SHORT_QUESTION = re.compile(
    r"(?:^|\n)[ \t\"'>*-]{0,4}(?:and\s+)?(?:(?P<whose>my|our|your|his|her|their|the|\w{1,30}['’]s)\s+)?"
    r"(?:[\w'’-]{1,24}\s+){0,3}$",
    re.IGNORECASE,
)
_TO_ANSWER = re.compile(
    r"(?:\s(?:for|to|of|on|at|in|again|now|please)\b[^\n?.]{0,60})?[?.]?[ \t\"']{0,4}\n{1,3}\s{0,4}"
    r"(?:(?:a|answer|assistant|bot)\s?:\s{0,3})?(?:(?:it(?:['’]s|\s+is)|that(?:['’]s|\s+is))\s+)?",
    re.IGNORECASE,
)


def _answered(text: str) -> Iterator[Match]:
    for name in _NAME.finditer(text):
        stop = min(len(text), name.end() + _WINDOW)
        gap = _TO_ANSWER.match(text, name.end(), stop)
        if gap is None:
            continue
        place = _place(text, gap.end(), stop, kind=name.lastgroup or "password", sets=False)
        if place is None or not _is_secret(place):
            continue
        before = text[max(0, name.start() - 120) : name.start()]
        if _QUESTION.search(before) or ("?" in gap[0] and _is_asked_shortly(before, place)):
            yield Match(place.start, place.end)


def _is_asked_shortly(before: str, place: _Place) -> bool:
    """Whether the line up to the name of a secret asks for it; a plain word answers only where it says whose it is."""
    found = _SHORT_QUESTION.search(before)
    return found is not None and (found["whose"] is not None or not _is_plain_word(place.value))


# A random token near a word that says what it is ----------------------------------------------------------

_TOKEN = re.compile(r"(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{20,512}+={0,2}")
_NEAR = re.compile(
    r"\b(?:api[ _-]?key|secrets?|tokens?|credentials?|bearer|basic|authorization"
    r"|passw\w{1,6}|auth[ _-]?key|access[ _-]key)\b"
    r"|(?:secret|token|key|passw\w{1,6}|auth)[\"']?\s{0,2}[:=]",
    re.IGNORECASE,
)
_DIGEST_BEFORE = re.compile(
    r"(?:commit|sha-?\d{0,3}|md5|hash|digest|checksum|revision|rev|uuid|guid)\W{0,4}(?:\w{1,12}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
_HEX = re.compile(r"[0-9a-fA-F]{32,}")


def _random_tokens(text: str) -> Iterator[Match]:
    for found in _TOKEN.finditer(text):
        token = found[0]
        before = text[max(0, found.start() - 64) : found.start()]
        if _NEAR.search(before) is None or not looks_random(token):
            continue
        if _HEX.fullmatch(token) and _DIGEST_BEFORE.search(before):
            continue
        yield Match(found.start(), found.end())


WORD_RULES = (
    Rule(
        "secret.assigned",
        Family.SECRET,
        "what is said to be a password, key, token, PIN or door code: `my password is …`, `API_KEY=…`",
        "it says what a password, key or code is",
        _assigned,
        specific=False,
    ),
    Rule(
        "secret.answered",
        Family.SECRET,
        "a question for a password, key or code, with its answer on the next line",
        "it answers the question for a password, key or code",
        _answered,
        specific=False,
    ),
    Rule(
        "secret.random_token",
        Family.SECRET,
        "a long random token close behind a word such as token, secret, bearer, authorization",
        "it holds a random token where a secret would stand",
        _random_tokens,
        specific=False,
    ),
)
