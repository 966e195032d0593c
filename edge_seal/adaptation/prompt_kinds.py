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

_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (GREETING, r"^(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings)\b[\w ,']{0,24}[.!?]*$"),
        (TRANSLATION, r"\btranslat|how (?:do|would) (?:you|i|we) say\b|\bin (?:french|german|spanish|italian)\b.*\?$"),
        (JOKE, r"\bjokes?\b|\bsomething funny\b|\briddle\b|\bpun\b|\bmake me laugh\b"),
        (
            LIST,
            (
                r"^(?:please )?(?:list|name|give me|tell me|what are|write down|suggest)\b.{0,24}"
                r"\b(?:two|three|four|five|six|seven|ten|some|several|a few|\d+)\b|\ba list of\b|^list\b"
            ),
        ),
        (
            HOW_TO,
            r"^how (?:do|can|should|would|to)\b(?! you say)|\bsteps (?:to|for)\b|\bexplain how to\b|\brecipe for\b",
        ),
        (WHY, r"^why\b|\bthe reason (?:why|for)\b"),
        (WRITING, r"^(?:please )?(?:write|compose|draft)\b"),
        (ADVICE, r"\b(?:suggest|recommend|advice|tips?)\b|\bwhat should i\b|\bhelp me\b"),
        (
            DEFINITION,
            (
                r"^(?:what(?:'s| is| are) (?!the\b)(?:a |an )?[\w -]{2,30}\??$|define\b|explain what\b"
                r"|what does .+ mean|describe\b|tell me about\b)"
            ),
        ),
        (FACT, r"^(?:who|when|where|which|what|how (?:many|much|far|long|old|tall))\b|^(?:is|are|can|do|does|did)\b"),
    )
)


def kind_of(prompt: str) -> str:
    """The kind of `prompt`; OTHER where none fits."""
    text = " ".join(prompt.split())
    return next((kind for kind, pattern in _PATTERNS if pattern.search(text)), OTHER)


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
