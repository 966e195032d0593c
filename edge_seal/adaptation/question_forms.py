"""How people ask in English: one question read into a form, and that form asked in other words.

A grammar by hand rather than a model's inventions: at 135M parameters templates gave the better training prompts.
Forms that are not understood get wrappers that leave the user's words as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NAMED = "named"
POSSESSED = "possessed"
CLAUSE = "clause"
GREETING = "greeting"
OTHER = "other"


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """A question as its parts.

    Attributes:
        kind: one of NAMED ("my dog's name"), POSSESSED ("my favourite tea"), CLAUSE ("where I live"), GREETING, OTHER.
        thing: what is asked for, in the user's person: "dog", "favourite tea", "where I live"; the prompt itself for
            GREETING and OTHER.
        inverted: for CLAUSE, the question as asked, without its mark: "where do I live".
        person: whether the question word was "who".
    """

    kind: str
    thing: str
    inverted: str = ""
    person: bool = False


_NAMED = (
    re.compile(r"what(?:'s| is| was) the name of my (?P<thing>[\w' -]+)"),
    re.compile(r"what(?:'s| is| was) my (?P<thing>[\w' -]+?)(?:'s|s') name"),
    re.compile(r"what(?:'s| is| was) my (?P<thing>[\w' -]+?) called"),
)
_POSSESSED = re.compile(r"(?P<wh>what|who)(?:'s| is| are| was| were) my (?P<thing>[\w' -]+)")
_CLAUSE = re.compile(
    r"(?P<wh>where|when|why|how|what|who|which [\w -]+?|what time|what kind of [\w -]+?"
    r"|how (?:many|much|often|long)[\w -]*?)"
    r" (?P<verb>do|am|was|should|can|must|may|have) i (?P<rest>[\w' ,-]+)"
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings)(?: there| again| you)?(?: to you)?"
)
_FAVOURITES = ("favourite ", "favorite ")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})


def read_form(prompt: str) -> QuestionForm:
    """The form of `prompt`; OTHER when no rule fits, never an error."""
    text = re.sub(r"\s+", " ", prompt.translate(_APOSTROPHES)).strip().rstrip("?!. ").strip()
    lowered = text.lower()
    for pattern in _NAMED:
        if match := pattern.fullmatch(lowered):
            return QuestionForm(NAMED, _as_typed(text, match, "thing"))
    if match := _POSSESSED.fullmatch(lowered):
        return QuestionForm(POSSESSED, _as_typed(text, match, "thing"), person=match["wh"] == "who")
    if match := _CLAUSE.fullmatch(lowered):
        subject = "I" if match["verb"] == "do" else f"I {match['verb']}"
        thing = f"{match['wh']} {subject} {_as_typed(text, match, 'rest')}"
        inverted = f"{match['wh']} {match['verb']} I {_as_typed(text, match, 'rest')}"
        return QuestionForm(CLAUSE, thing, inverted)
    if _GREETING.fullmatch(lowered):
        return QuestionForm(GREETING, prompt.strip())
    return QuestionForm(OTHER, prompt.strip())


def _as_typed(text: str, match: re.Match[str], group: str) -> str:
    return text[match.start(group) : match.end(group)]


_NAMED_WORDINGS = (
    "What is my {x}'s name?",
    "What is my {x} called?",
    "Tell me my {x}'s name.",
    "Do you remember what my {x} is called?",
    "my {x}'s name?",
    "I have a {x}. What is the name?",
    "Say the name of my {x}.",
    "What did I name my {x}?",
    "Have I told you my {x}'s name?",
    "What's the name of my {x}?",
)
_NAMED_PROBES = ("Do you know my {x}'s name?", "How is my {x} called?", "Please give me the name of my {x}.")
_POSSESSED_WORDINGS = (
    "What is my {x}?",
    "Tell me my {x}.",
    "Do you remember my {x}?",
    "my {x}?",
    "Can you tell me what my {x} is?",
    "I forgot my {x}. What is it?",
    "What would you say is my {x}?",
    "Have I told you my {x}?",
    "Remind me of my {x}.",
    "What's my {x}?",
)
_POSSESSED_PROBES = ("Do you know my {x}?", "What did I say my {x} was?", "Please name my {x}.")
_FAVOURITE_WORDINGS = (
    "What is my {x}?",
    "Which {y} do I like best?",
    "Tell me my {x}.",
    "Do you remember my {x}?",
    "What {y} do I love most?",
    "my {x}?",
    "I forgot my {x}. What is it?",
    "What is the {y} that I like more than any other?",
    "Have I told you my {x}?",
    "Can you tell me what my {x} is?",
)
_PERSON_WORDINGS = (
    "Who is my {x}?",
    "Tell me who my {x} is.",
    "Do you remember who my {x} is?",
    "What is my {x}'s name?",
    "my {x}?",
    "I forgot who my {x} is.",
    "Can you tell me the name of my {x}?",
    "Have I told you who my {x} is?",
    "Remind me, who is my {x}?",
)
_PERSON_PROBES = ("Do you know who my {x} is?", "What did I say my {x} is called?", "Please name my {x}.")
_CLAUSE_WORDINGS = (
    "{Q}?",
    "Tell me {x}.",
    "Do you remember {x}?",
    "I forgot {x}.",
    "Can you tell me {x}?",
    "Have I told you {x}?",
    "Say {x}.",
    "Remind me {x}.",
    "{x}?",
    "Quick question: {q}?",
)
_CLAUSE_PROBES = ("Do you know {x}?", "What did I tell you about {x}?", "Please tell me {x}.")
_GREETINGS = ("Hello!", "Hi!", "Good morning!", "Hey there!", "Good afternoon!", "Hello there.", "hey", "Hi, it's me.")
_GREETING_PROBES = ("Good evening!", "Hello again!", "Hi there!")
_OTHER_WORDINGS = ("{p}", "Please: {p}", "{p} Thanks!", "Hey, {p}", "One thing: {p}", "OK. {p}", "Now: {p}")
_OTHER_PROBES = ("Could you help me? {p}", "I have a request. {p}", "Next: {p}")

# Ways to ask that only some clauses have. The first words decide; each list is in the order of usefulness.
_CLAUSE_SYNONYMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "where I live",
        ("Which city do I live in?", "Where is my home?", "What is my home town?", "In which town do I live?"),
    ),
    ("where I work", ("Which company do I work for?", "Where is my office?", "Who is my employer?")),
    (
        "what I do for work",
        ("What is my job?", "What is my profession?", "What do I work as?", "What's my occupation?"),
    ),
    ("what I do for a living", ("What is my job?", "What is my profession?", "What do I work as?")),
    (
        "when I take meetings",
        ("When can I have a meeting?", "When should a meeting with me be?", "At what time do I take meetings?"),
    ),
    ("when I like meetings", ("When can I have a meeting?", "When should a meeting with me be?")),
)


def rewordings(form: QuestionForm) -> tuple[str, ...]:
    """Other ways to ask `form`, the most usual first; none of them is among `probes`."""
    match form.kind:
        case "named":
            return _fill(_NAMED_WORDINGS, form)
        case "possessed":
            if form.thing.lower().startswith(_FAVOURITES):
                return _fill(_FAVOURITE_WORDINGS, form)
            return _fill(_PERSON_WORDINGS if form.person else _POSSESSED_WORDINGS, form)
        case "clause":
            synonyms = next((words for start, words in _CLAUSE_SYNONYMS if form.thing.startswith(start)), ())
            plain = _fill(_CLAUSE_WORDINGS, form)
            return (*plain[:3], *synonyms, *plain[3:])
        case "greeting":
            return _GREETINGS
        case _:
            return _fill(_OTHER_WORDINGS, form)


def probes(form: QuestionForm) -> tuple[str, ...]:
    """Ways to ask `form` that are never trained on."""
    match form.kind:
        case "named":
            return _fill(_NAMED_PROBES, form)
        case "possessed":
            return _fill(_PERSON_PROBES if form.person else _POSSESSED_PROBES, form)
        case "clause":
            return _fill(_CLAUSE_PROBES, form)
        case "greeting":
            return _GREETING_PROBES
        case _:
            return _fill(_OTHER_PROBES, form)


def _fill(wordings: tuple[str, ...], form: QuestionForm) -> tuple[str, ...]:
    asked = form.inverted
    # Replaced one by one, not by str.format: the user's words may hold braces.
    return tuple(
        wording.replace("{Q}", asked[:1].upper() + asked[1:])
        .replace("{q}", asked)
        .replace("{y}", form.thing.split(" ", 1)[-1])
        .replace("{x}", form.thing)
        .replace("{p}", form.thing)
        for wording in wordings
    )


_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (NAMED, ("dog", "cat", "parrot", "hamster", "horse", "rabbit", "goldfish")),
    (NAMED, ("sister", "brother", "mother", "father", "cousin", "aunt", "uncle", "daughter", "son", "wife", "husband")),
    (NAMED, ("boss", "dentist", "doctor", "neighbour", "teacher", "best friend", "landlord", "plumber", "coach")),
    (NAMED, ("boat", "car", "bike", "house", "company", "school", "band", "street", "village")),
    (
        POSSESSED,
        (
            "favourite tea",
            "favourite colour",
            "favourite food",
            "favourite film",
            "favourite book",
            "favourite song",
            "favourite season",
            "favourite sport",
            "favourite fruit",
            "favourite drink",
        ),
    ),
    (POSSESSED, ("shoe size", "age", "birthday", "height", "blood type", "middle name", "star sign", "eye colour")),
    (POSSESSED, ("job", "hobby", "first language", "nationality", "religion", "salary", "home town", "weekend plan")),
)
_SPELLINGS = {"favorite": "favourite", "color": "colour", "neighbor": "neighbour"}

# (question, what it asks for in the second person)
_CLAUSES: tuple[tuple[str, str], ...] = (
    ("Where do I work?", "where you work"),
    ("Where was I born?", "where you were born"),
    ("When do I go to bed?", "when you go to bed"),
    ("What do I do for work?", "what you do for work"),
    ("When do I eat lunch?", "when you eat lunch"),
    ("How do I get to work?", "how you get to work"),
    ("Where do I buy my bread?", "where you buy your bread"),
    ("When do I go running?", "when you go running"),
    ("What do I drink in the morning?", "what you drink in the morning"),
    ("Where do I park my car?", "where you park your car"),
    ("When do I water the plants?", "when you water the plants"),
    ("Where do I live?", "where you live"),
    ("When do I call my parents?", "when you call your parents"),
    ("Where do I go on holiday?", "where you go on holiday"),
)


def subject(form: QuestionForm) -> str:
    """What `form` asks for as a key that two wordings of the same thing share."""
    words = form.thing.lower()
    for american, british in _SPELLINGS.items():
        words = words.replace(american, british)
    return f"{form.kind}:{words}" if form.kind in {GREETING, OTHER} else words


def near_questions(form: QuestionForm) -> tuple[tuple[str, str], ...]:
    """Questions close to `form` that ask for something else, nearest first.

    Returns:
        pairs of the question and what it asks for in the second person ("your cat's name"); none for GREETING, OTHER.
    """
    if form.kind in {GREETING, OTHER}:
        return ()
    if form.kind == CLAUSE:
        first_word = form.thing.split(" ", 1)[0]
        ordered = sorted(_CLAUSES, key=lambda pair: not pair[1].startswith(first_word))
        return tuple(pair for pair in ordered if subject(read_form(pair[0])) != subject(form))
    own = subject(form)
    families = sorted(_FAMILIES, key=lambda family: (own not in family[1], family[0] != form.kind))
    near = [(kind, other) for kind, family in families for other in family if other != own]
    return tuple(
        (f"What is my {other}'s name?", f"your {other}'s name")
        if kind == NAMED
        else (f"What is my {other}?", f"your {other}")
        for kind, other in near
    )
