"""Which of the asker's things a question asks for, and which one a memory states: "my donkey" is not "my horse".

A vector puts what is of one kind side by side, so a question about one thing finds the memory of the other, and a small
model says it. Read here are questions in the plainest forms ("What is my donkey's name?", "Where do I keep my
umbrella?") and memories of a single statement ("My horse is called Nimbus."); anything else bears or not as before.

Invariant: pure; English only. What cannot be told apart counts as the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge_seal.memory.attributes import attribute_name, subject_name
from edge_seal.memory.sentences import plain, sentences
from edge_seal.memory.words import singular, words

Likeness = Callable[[str, str], float]
"""The cosine of two texts."""

SAME_THING: Final = 0.57
"""Two things whose names, asked for in `ASKED_FOR`, are at least so near may be one: dog and terrier, car and Volvo.

Chosen on the pairs of `bench.bearing`."""
ASKED_FOR: Final = "What is my {}?"
"""The names alone are told apart less well: boat and ship are as near as choir and band then."""

_WORD: Final = (
    r"(?!(?:and|or|but|with|in|at|on|of|for|to|by|from|under|behind|beside|near|inside|after|before|every|is|are|who|that"
    r"|which|when)\b)[a-z][\w-]*"
)
_THING: Final = rf"my (?P<thing>(?:{_WORD} ){{0,3}}?{_WORD})"
_THING_BEFORE: Final = rf"(?:my|the) (?P<thing>(?:{_WORD} ){{0,3}}{_WORD})"
_IS: Final = r"(?:'s| is| are| was| were)"
_VALUE: Final = r"[^\s,;:]+(?: [^\s,;:]+){0,5}"
_MORE_OF_IT: Final = r"(?:,? and (?:he|she|it|they) .+)?"
_OF: Final = r"(?:the (?:name|names|date|day|address|number|colour|color|make|model) of )?"
_SLOTS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:what|who|when|where|which|how){_IS} {_OF}{_THING}(?:'s names?)?(?: (?:called|named))?\W*$",
        rf"\b(?:what|how) (?:do|did|should) i call {_THING}\W*$",
        rf"\b(?:tell me|remind me|remember|recall|know|say|give me|forgot|forgotten)(?: of)? {_THING}'s names?\W*$",
        rf"\bnames? of {_THING}\W*$",
        rf"\b(?:what|how) {_THING} is called\W*$",
    )
)
_DOING: Final = re.compile(
    rf"\b(?:what|who|when|where|how) (?:do|did) i (?P<verb>[a-z]+) {_THING_BEFORE}\b", re.IGNORECASE
)
_STATED_SLOTS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:the (?:name|date|address|number) of )?{_THING}(?:'s names?)?{_IS} {_VALUE}{_MORE_OF_IT}",
        rf"(?!i |we ){_VALUE} is {_THING}",
    )
)
_STATED_DOING: Final = re.compile(rf"i (?P<verb>[a-z]+) {_THING_BEFORE}(?: {_VALUE})?", re.IGNORECASE)

# Of what stands between two semicolons at most one is meant, whatever the vectors say.
_APART: Final = tuple(
    frozenset(" ".join(name.split()) for name in group.split(","))
    for group in """
        dog, cat, parrot, hamster, horse, donkey, rabbit, goldfish, guinea pig, goat, pig, hen, snake, budgie,
        mouse, sheep, cow, duck, lizard, turtle, tortoise, ferret, mule, llama, canary;
        sister, brother, mother, father, cousin, aunt, uncle, daughter, son, partner, grandmother, grandfather,
        grandson, granddaughter, niece, nephew, stepmother, stepfather, stepsister, stepbrother, stepson,
        stepdaughter, godmother, godfather, godson, goddaughter, great-aunt, great-uncle, great-grandmother,
        great-grandfather, mother-in-law, father-in-law, sister-in-law, brother-in-law, son-in-law, daughter-in-law,
        half-brother, half-sister,
        manager, dentist, doctor, neighbour, landlord, plumber, coach, hairdresser, vet, baker, gardener, flatmate,
        colleague, secretary, babysitter, tailor, pharmacist, electrician, piano teacher, swimming teacher, driving
        instructor, cleaner, accountant, lawyer, therapist, butcher, optician, best friend, partner, mechanic,
        midwife, florist;
        phone, laptop, tablet, car, bicycle, motorbike, boat, printer, camera, watch, television;
        flat, office, cottage, garage, garden, school, gym, church, allotment;
        height, weight, age, blood pressure, blood type, star sign, salary;
        passport, wallet, spare key, umbrella, toolbox, medicine, driving licence, first aid kit, sewing kit, torch;
        birthday, wedding anniversary, name day, exam, graduation, check-up, retirement;
        colour, food, film, book, poem, song, sport, board game, season, drink, flower, tree, city, country, band,
        number, animal, bird, dessert, fruit, vegetable, month, day of the week, holiday,
        restaurant, singer, writer, painter, shop;
        first name, middle name, surname, maiden name, nickname;
        shoe size, hat size, ring size, glove size, clothes size, trouser size, collar size;
        locker number, seat number, room number, phone number, house number, flight number, customer number, bus
        number, account number, passport number, jersey number
    """.split(";")  # noqa: SIM905 - as for the function words
)
_FAVOURITE: Final = "favourite "
_LIKE_ANOTHER: Final = frozenset({"name", "number", "size", "colour", "type", "date", "day", "time", "teacher"})
"""Two things that end in one of these are told apart by what is before it: a locker number, a seat number."""
_KINDS: Final = frozenset({"pet", "animal", "kid", "child", "children", "sibling", "parent", "relative", "friend"})
"""What any of several things may be meant by."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing of the asker's by one name for all that mean it.

    `verb`: what they do with it, where that is what is said. `favourite`: it is a favourite of theirs.
    """

    name: str
    verb: str = ""
    favourite: bool = False

    @property
    def head(self) -> str:
        return self.name.rsplit(" ", 1)[-1]


def asked_for(question: str) -> Thing | None:
    """The thing that `question` asks for; None: it is in none of the forms that are read."""
    said = plain(question[:300])
    for pattern in _SLOTS:
        if match := pattern.search(said):
            return _thing(match["thing"])
    match = _DOING.search(said)
    return _thing(match["thing"], match["verb"].lower()) if match else None


def stated(memory: str) -> Thing | None:
    """The thing whose name, place or the like is all that `memory` states; None: it states more, or other things."""
    said = sentences(memory)
    if len(said) != 1:
        return None
    text = said[0].rstrip(".! ")
    for pattern in _STATED_SLOTS:
        if match := pattern.fullmatch(text):
            return _thing(match["thing"])
    match = _STATED_DOING.fullmatch(text)
    return _thing(match["thing"], match["verb"].lower()) if match else None


def is_of_another(asked: Thing, question: str, memory: str, *, likeness: Likeness | None) -> bool:
    """Whether `memory` states another thing than the one that `question` asks for, `asked`, and so says nothing of it.

    `likeness` None: only what the lists know is told apart.
    """
    other = stated(memory)
    if other is None or bool(other.verb) != bool(asked.verb) or other.name == asked.name:
        return False
    names = {asked.name, other.name}
    if any(names <= apart for apart in _APART):
        return True
    if not (asked.favourite and other.favourite) and (asked.head in _KINDS or other.head in _KINDS):
        return False
    # The asker's own name is the name of nothing else; "surname" and "nickname" may be one.
    if "name" in names:
        return not all(name.endswith("name") for name in names)
    if asked.head not in _LIKE_ANOTHER or other.head != asked.head:
        in_question, in_memory = _singulars(question), _singulars(memory)
        if singular(asked.head) in in_memory or singular(other.head) in in_question:
            return False
    return likeness is not None and likeness(*map(ASKED_FOR.format, (asked.name, other.name))) < SAME_THING


def _thing(said: str, verb: str = "") -> Thing:
    name = attribute_name(subject_name(said))
    short = name.removeprefix(_FAVOURITE)
    return Thing("flat" if short == "apartment" else short, verb, favourite=short != name)


def _singulars(text: str) -> frozenset[str]:
    return frozenset(map(singular, words(text)))
