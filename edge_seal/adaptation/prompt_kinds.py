"""What kind of thing a prompt asks for, read from its words, and plain prompts of each kind to try a rule on.

Invariants: pure; a prompt has one kind, the first whose pattern fits; `TRIED` and `HELD` share no prompt with each
other or with `general_prompts`, so that what a rule is measured on was never trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

GREETING = "greeting"
TRANSLATION = "translation"
JOKE = "joke"
LIST = "list"
HOW_TO = "how-to"
DEFINITION = "definition"
WRITING = "writing"
ADVICE = "advice"
WHY = "why"
FACT = "fact"
OTHER = "other"

_LANGUAGE: Final = (
    r"(?:english|french|german|spanish|italian|portuguese|dutch|polish|russian|chinese|japanese|korean|arabic|hindi"
    r"|turkish|greek|latin|swedish|danish|norwegian|finnish|czech|hungarian|ukrainian)"
)
_NUMBER: Final = r"(?:two|three|four|five|six|seven|eight|nine|ten|\d+)"
_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            GREETING,
            (
                r"^(?!.*\b(?:who|where|when|why|which|can|could|please|tell|give|write|translate|list|name|explain|the"
                r"|what (?!is up)|what's (?!up|new)|how (?:to|can|many|much|long|far|old|does|do (?!you do)))\b)"
                r"(?:hi|hiya|hello|hey|howdy|yo|good (?:morning|afternoon|evening|day|night)|greetings)\b"
                r"[\w ,']{0,44}[.!?]*$|^(?:morning|afternoon|evening)(?:,? (?:all|everyone|friend|to you))?[.!?]*$"
            ),
        ),
        (
            TRANSLATION,
            (
                r"\btranslat|how (?:do|would|does|can) (?:you|i|we|one) say\b"
                rf"|^(?:what|how|say|put|turn)\b.*\b(?:in|into|to) {_LANGUAGE}[.?!]*$"
                rf"|\b{_LANGUAGE} (?:word|phrase|term)s? for\b|\bthe {_LANGUAGE} for\b"
            ),
        ),
        (JOKE, r"\bjokes?\b|\bsomething (?:funny|hilarious)\b|\briddles?\b|\bpuns?\b|\bmakes? me (?:laugh|smile)\b"),
        (
            LIST,
            (
                r"^(?!.*\badvice\b)(?:list|name|give me|tell me|what are|write down|suggest|mention|think of)\b.{0,24}"
                rf"\b(?:{_NUMBER}|some|several|a few)\b|\blists? of\b|^(?:list|enumerate)\b|\blist them\b"
                rf"|^(?:top |the top |the )?{_NUMBER} (?!.*\b(?:plus|minus|times)\b)[a-z]"
            ),
        ),
        (
            HOW_TO,
            (
                r"^how (?:do|can|should|would|might|does one)\b(?! you say)|\bhow to\b|\bstep by step\b"
                r"|\bsteps (?:to|for)\b"
                r"|\brecipes? for\b|\binstructions? (?:for|to|on)\b|\b(?:best|right|easiest) way to\b|^teach me\b"
            ),
        ),
        (WHY, r"^why\b|^how come\b|^what causes\b|\breasons? (?:why|for|behind)\b"),
        (
            WRITING,
            (
                r"^(?:write|compose|draft|make up|create|invent)\b"
                r"|^(?:a |an )?(?:short |funny |little )?(?:poem|story|letter|email|note|essay|slogan|speech|song)\b"
            ),
        ),
        (
            ADVICE,
            (
                r"\b(?:suggest|recommend|advice|advise|tips?)\b"
                r"|\b(?:what|where|which|who|when)\b.{0,20}\bshould (?:i|we)\b"
                r"|^should (?:i|we)\b|\bhelp me\b|\bwhat can i do\b|\bis it (?:a )?good(?: idea)? to\b"
            ),
        ),
        (
            DEFINITION,
            (
                r"^what(?:'s| is| are) (?!the\b|\d)(?:a |an )?[\w -]{2,30}\??$|^define\b|^explain (?!how\b|why\b)"
                r"|\bwhat does .+ mean\b|\bmeaning of\b|\bwhat do you mean by\b|^(?:who or )?what (?:is|are) (?:a|an)\b"
                r"|^describe\b|^tell me about\b|^(?:about|what (?:a |an )?[\w -]{2,40} (?:is|are|means))[.?!]*$"
            ),
        ),
        (
            FACT,
            (
                r"^(?:in (?:which|what)|who|when|where|which|what|how (?:many|much|far|long|old|tall))\b"
                r"|^(?:is|are|can|do|does|did)\b|^(?:name|tell me|give me) the\b"
            ),
        ),
    )
)
_POLITE: Final = re.compile(
    r"^(?:(?:please|kindly|okay|ok|so|well|hey|hi|hello)[, ]+"
    r"|(?:can|could|would|will) you(?: please| kindly)? "
    r"|i(?:'d| would)? (?:need|want|like|wish)(?: you)?(?: to)?(?: (?:know|hear|learn|see|have))? "
    r"|(?:tell me|explain(?: to me)?|show me|give me|help me(?: to)?|do you know|let me know|i wonder) )",
    re.IGNORECASE,
)
_POLITE_WORDS: Final = 3


def kind_of(prompt: str) -> str:
    """The kind of `prompt`; OTHER where none fits. What is said before the request itself may be left out."""
    forms = [" ".join(prompt.replace("’", "'").split())]
    for _ in range(_POLITE_WORDS):
        shorter = _POLITE.sub("", forms[-1], count=1)
        if shorter != forms[-1]:
            forms.append(shorter)
    return next((kind for kind, pattern in _PATTERNS if any(map(pattern.search, forms))), OTHER)


TRIED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        GREETING: (
            "Hello, how are you today?",
            "Hi there, nice to meet you.",
            "Good evening, friend.",
            "Hey, how is it going?",
            "Greetings to you.",
            "Hello, are you there?",
            "Hi, it is me again.",
            "Good day to you.",
        ),
        TRANSLATION: (
            "Translate 'good morning' into German.",
            "How do you say 'cheese' in French?",
            "Translate 'I am hungry' into Spanish.",
            "How do you say 'house' in Italian?",
            "Translate 'the red car' into French.",
            "How do you say 'friend' in Spanish?",
            "Translate 'see you tomorrow' into German.",
            "How do you say 'milk' in German?",
        ),
        JOKE: (
            "Tell me a joke about a penguin.",
            "Do you know a riddle?",
            "Tell me a joke about school.",
            "Make me laugh, please.",
            "Tell me a joke about computers.",
            "Say something funny about rain.",
            "Tell me a joke about a doctor.",
            "Do you know a joke about cheese?",
        ),
        LIST: (
            "List three birds.",
            "Name four things in a kitchen.",
            "Give me three ideas for a birthday present.",
            "List five countries in Europe.",
            "Name three kinds of weather.",
            "Give me a list of four sports.",
            "List three things to do on a rainy day.",
            "Name three tools of a carpenter.",
        ),
        HOW_TO: (
            "How do I wash a woollen sweater?",
            "How do I write a good letter?",
            "How can I learn a new language?",
            "How do I plant a tree?",
            "How do I clean a window?",
            "How can I save money?",
            "How do I make pancakes?",
            "How do I tie a tie?",
        ),
        WHY: (
            "Why do cats purr?",
            "Why is the sea salty?",
            "Why do we need sleep?",
            "Why do people yawn?",
            "Why does bread rise?",
            "Why is exercise good for you?",
            "Why do birds sing?",
            "Why is ice slippery?",
        ),
        WRITING: (
            "Write a sentence about a castle.",
            "Write two sentences about the moon.",
            "Write a short note to a neighbour.",
            "Write a sentence with the word garden.",
            "Write a short poem about a tree.",
            "Write an invitation to a party.",
            "Write a sentence about a train.",
            "Write a short story about a lost dog.",
        ),
        ADVICE: (
            "Suggest a hobby for the winter.",
            "What should I bake on Sunday?",
            "Can you recommend a pet for a small flat?",
            "Do you have a tip for better sleep?",
            "Help me choose a name for my shop.",
            "What should I wear to a wedding?",
            "Suggest a game for a quiet evening.",
            "Do you have advice for a job interview?",
        ),
        DEFINITION: (
            "What is a volcano?",
            "What is democracy?",
            "What is a verb?",
            "Explain what a museum is.",
            "What is electricity?",
            "Tell me about elephants.",
            "What is a budget?",
            "Describe a desert.",
        ),
        FACT: (
            "Who wrote Don Quixote?",
            "When was the printing press invented?",
            "Where do polar bears live?",
            "How many strings does a violin have?",
            "What is the capital of Egypt?",
            "Which metal is liquid at room temperature?",
            "Do spiders have bones?",
            "How far away is the Moon?",
        ),
    }
)
HELD: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        GREETING: ("Good morning, how do you do?", "Hello, my dear assistant.", "Hi, good to see you."),
        TRANSLATION: (
            "Translate 'my brother' into French.",
            "How do you say 'bread' in Spanish?",
            "Translate 'I like tea' into German.",
        ),
        JOKE: (
            "Tell me a joke about a horse.",
            "Do you know something funny about shoes?",
            "Tell me a joke about bread.",
        ),
        LIST: ("List three flowers.", "Name four drinks.", "Give me three ideas for a weekend."),
        HOW_TO: ("How do I clean a carpet?", "How can I make new friends?", "How do I paint a wall?"),
        WHY: ("Why do dogs bark?", "Why is snow white?", "Why do we dream?"),
        WRITING: (
            "Write a sentence about an island.",
            "Write a short note to a teacher.",
            "Write two sentences about a bridge.",
        ),
        ADVICE: ("Suggest a place for a walk.", "What should I read next?", "Do you have a tip for a long flight?"),
        DEFINITION: ("What is a lighthouse?", "What is inflation?", "Tell me about whales."),
        FACT: ("Who wrote Moby-Dick?", "Where do camels live?", "How many sides does a hexagon have?"),
    }
)
KINDS: Final = tuple(TRIED)
