"""People who do not exist, and what they tell of themselves: names, places, times and habits drawn by a seed.

The lists are this bench's own. Two seeds never give the same persona: the lists are shuffled by the seed, and a value
belongs to one fact of a persona, so that a telling word in an answer says which fact it came from.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.held_out_wordings import RELATIONS, TUNED_ON, Relation

VALUES: Mapping[str, tuple[str, ...]] = {
    "pets": (
        "Biscuit",
        "Pixel",
        "Mango",
        "Comet",
        "Pepper",
        "Waffle",
        "Ziggy",
        "Nimbus",
        "Tofu",
        "Bramble",
        "Pickle",
        "Saffron",
        "Juno",
        "Otto",
        "Truffle",
        "Basil",
        "Maple",
        "Noodle",
        "Rocket",
        "Pebble",
        "Cricket",
        "Mochi",
        "Dumpling",
        "Thistle",
        "Sprout",
        "Cocoa",
        "Domino",
        "Figaro",
        "Hazel",
        "Indigo",
        "Jasper",
        "Kiwi",
    ),
    "people": (
        "Marta",
        "Elias",
        "Ingrid",
        "Tomas",
        "Yusuf",
        "Leonie",
        "Priya",
        "Anselm",
        "Bruno",
        "Chiara",
        "Dagmar",
        "Edvard",
        "Fatima",
        "Gustav",
        "Hanna",
        "Ivo",
        "Jelena",
        "Kasimir",
        "Lidia",
        "Matteo",
        "Nadia",
        "Oskar",
        "Petra",
        "Quentin",
        "Rosalind",
        "Stefan",
        "Thea",
        "Ulrich",
        "Vera",
        "Wanda",
        "Xenia",
        "Zoltan",
        "Aino",
        "Birgit",
        "Casper",
        "Dorota",
        "Emre",
        "Freya",
        "Goran",
        "Hedda",
        "Ilse",
        "Joachim",
        "Kirsten",
        "Lorenz",
        "Milena",
        "Norbert",
    ),
    "doctors": tuple(
        f"Dr {name}"
        for name in [
            "Okafor",
            "Lindqvist",
            "Moreau",
            "Petrov",
            "Tanaka",
            "Haddad",
            "Novak",
            "Silva",
            "Brandt",
            "Kaya",
            "Rossi",
            "Varga",
            "Nilsen",
            "Duarte",
        ]
    ),
    "full_names": tuple(
        f"{first} {last}"
        for first, last in zip(
            [
                "Agnes",
                "Boris",
                "Clara",
                "Dimitri",
                "Esther",
                "Felix",
                "Greta",
                "Henrik",
                "Irina",
                "Jonas",
                "Katya",
                "Ludwig",
                "Mira",
                "Nils",
                "Olga",
                "Pavel",
            ],
            [
                "Abernathy",
                "Bielski",
                "Castellan",
                "Dahlberg",
                "Eriksen",
                "Farkas",
                "Grimaldi",
                "Hollis",
                "Iversen",
                "Jankowski",
                "Kessler",
                "Larkin",
                "Montague",
                "Nyberg",
                "Ostrander",
                "Pemberton",
            ],
            strict=True,
        )
    ),
    "ships": (
        "Aurora",
        "Kingfisher",
        "Marigold",
        "Tempest",
        "Halcyon",
        "Petrel",
        "Seraphina",
        "Wayfarer",
        "Calypso",
        "Gannet",
        "Isolde",
    ),
    "bands": ("Velvet Harbour", "Copper Owls", "Midnight Turnips", "Static Orchard", "Paper Lanterns", "Glass Badgers"),
    "firms": ("Northlight", "Fernworks", "Kettle and Crane", "Bluestone", "Quillmark", "Tidewater", "Ironleaf"),
    "streets": (
        "Mulberry",
        "Larkspur",
        "Cobbler",
        "Juniper",
        "Foundry",
        "Heron",
        "Orchard",
        "Windmill",
        "Lantern",
        "Saddler",
        "Chandler",
        "Poplar",
    ),
    "schools": (
        "Ashdown",
        "Whitmore",
        "Ravensbrook",
        "Elmhurst",
        "Thornbury",
        "Kingsmead",
        "Oakhaven",
        "Fairholme",
        "Beechwood",
    ),
    "teas": ("rooibos", "oolong", "jasmine", "matcha", "chamomile", "Darjeeling", "peppermint", "Assam", "sencha"),
    "colours": ("teal", "crimson", "ochre", "lavender", "turquoise", "maroon", "beige", "magenta", "amber"),
    "dishes": ("lasagne", "ramen", "goulash", "paella", "dal", "pierogi", "moussaka", "risotto", "tacos", "falafel"),
    "fruits": ("papaya", "plums", "figs", "cherries", "apricots", "pears", "blackberries", "nectarines", "quinces"),
    "seasons": ("spring", "summer", "autumn", "winter"),
    "sports": ("curling", "fencing", "badminton", "rowing", "handball", "judo", "volleyball", "archery", "squash"),
    "films": ("Casablanca", "Vertigo", "Amadeus", "Metropolis", "Gladiator", "Rebecca", "Chinatown", "Jaws", "Fargo"),
    "flowers": ("peonies", "tulips", "dahlias", "orchids", "sunflowers", "lilies", "irises", "daffodils", "roses"),
    "days": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "shoe_sizes": ("36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46"),
    "dates": tuple(
        f"{day} {month}"
        for day, month in zip(
            (3, 9, 11, 14, 17, 19, 22, 24, 26, 28),
            ["January", "February", "March", "April", "June", "July", "August", "September", "October", "November"],
            strict=True,
        )
    ),
    "blood_types": ("A positive", "B negative", "AB negative", "0 negative", "AB positive"),
    "heights": ("157", "161", "164", "168", "173", "176", "179", "182", "186", "191"),
    "hobbies": ("pottery", "birdwatching", "chess", "knitting", "beekeeping", "calligraphy", "origami", "juggling"),
    "languages": ("Finnish", "Hungarian", "Basque", "Swahili", "Estonian", "Welsh", "Tamil", "Catalan", "Danish"),
    "instruments": ("cello", "oboe", "accordion", "trumpet", "harp", "clarinet", "banjo", "viola", "bassoon"),
    "numbers": ("17", "23", "58", "64", "71", "85", "92", "118", "127", "203", "316"),
    "allergens": ("peanuts", "walnuts", "shellfish", "celery", "mustard", "sesame", "pollen", "soy", "hazelnuts"),
    "towns": (
        "Oulu",
        "Ghent",
        "Leipzig",
        "Porto",
        "Bergen",
        "Gdansk",
        "Malaga",
        "Zagreb",
        "Tartu",
        "Aarhus",
        "Lyon",
        "Bari",
        "Utrecht",
        "Graz",
        "Cork",
        "Varna",
        "Kaunas",
        "Brno",
        "Turku",
        "Coimbra",
        "Sibiu",
        "Nantes",
        "Trieste",
        "Uppsala",
        "Heidelberg",
        "Maribor",
        "Split",
        "Girona",
    ),
    "regions": ("Corsica", "Iceland", "Crete", "Madeira", "Sardinia", "Brittany", "Cornwall", "Lapland", "Tuscany"),
    "work_places": (
        "the harbour office",
        "the city library",
        "the airport",
        "a hospital",
        "the post office",
        "a brewery",
        "the town hall",
        "a museum",
        "a shipyard",
    ),
    "hiding_places": (
        "under the flowerpot",
        "behind the mirror",
        "in the garage",
        "inside the teapot",
        "under the doormat",
        "in the shed",
    ),
    "shops": tuple(
        f"{name}'s bakery" for name in ["Hoffmann", "Lambert", "Kowalski", "Fischer", "Bianchi", "Martens", "Dubois"]
    ),
    "clock_times": (
        "6:15",
        "7:40",
        "8:20",
        "9:05",
        "10:30",
        "11:45",
        "13:10",
        "14:50",
        "16:25",
        "21:35",
        "22:55",
        "5:50",
    ),
    "jobs": (
        "a botanist",
        "a plumber",
        "a librarian",
        "a carpenter",
        "a midwife",
        "a translator",
        "a welder",
        "a pharmacist",
        "a surveyor",
        "a florist",
        "a locksmith",
        "an optician",
    ),
    "coffees": (
        "black, with cardamom",
        "with oat milk",
        "with two sugars",
        "with cream",
        "with honey",
        "with cinnamon",
    ),
    "vehicles": ("bicycle", "tram", "ferry", "scooter", "motorbike", "bus", "skateboard"),
    "drinks": ("buttermilk", "lemonade", "cocoa", "kefir", "tomato juice", "ginger ale", "carrot juice"),
    "cars": ("Volvo", "Skoda", "Toyota", "Renault", "Mazda", "Fiat", "Subaru", "Honda", "Saab"),
    "teams": ("the Falcons", "the Wanderers", "the Hornets", "the Rovers", "the Panthers", "the Mariners"),
    "greetings": ("Ahoy", "Howdy", "Salutations", "Bonjour", "Aloha", "Namaste"),
    "titles": ("Captain", "Professor", "Chief", "Maestro", "Skipper", "Commander"),
    "signatures": ("Yours truly", "Warmest wishes", "Cheerio", "Peace and love", "Over and out", "Ever onward"),
}
_SUFFIXES = {"streets": " Street", "schools": " School"}
_OPEN = frozenset(
    [
        "dr",
        "a",
        "an",
        "the",
        "at",
        "in",
        "on",
        "by",
        "as",
        "with",
        "of",
        "and",
        "under",
        "behind",
        "inside",
        "over",
        "out",
    ]
)
_WORD = re.compile(r"[^\W_]+(?:[:.'][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing told: the lesson, the words that only who was told would say, and how it is asked for elsewhere."""

    key: str
    kind: str
    question: str
    answer: str
    telling: tuple[str, ...]
    tuned_on: tuple[str, ...]
    held_out: tuple[str, ...]
    neighbour: str


@dataclass(frozen=True, slots=True)
class Persona:
    """What one made-up person tells, in the order of telling."""

    seed: int
    facts: tuple[Fact, ...]


def persona(seed: int, facts: int) -> Persona:
    """The person of `seed` with so many facts: of every kind as evenly as the relations allow.

    Raises:
        ValueError: there are not so many relations.
    """
    if facts > len(RELATIONS):
        raise ValueError(f"{facts} facts are asked for, and there are {len(RELATIONS)} relations")
    generator = random.Random(f"persona {seed}")  # noqa: S311  # the same person again, not a secret
    left = {name: generator.sample(values, len(values)) for name, values in VALUES.items()}
    taken: set[str] = set()
    told = [_fact(relation, left[relation.values], taken) for relation in _evenly(generator, facts)]
    return Persona(seed, tuple(told))


def _evenly(generator: random.Random, count: int) -> list[Relation]:
    """`count` relations, drawn in turns from each kind, so that few facts still are of all kinds."""
    kinds: dict[str, list[Relation]] = {}
    for relation in generator.sample(RELATIONS, len(RELATIONS)):
        kinds.setdefault(relation.kind, []).append(relation)
    # Most of what people tell is a clause or a name: those kinds come twice a turn.
    order = [kind for kind in sorted(kinds) for _ in range(2 if kind in {"clause", "named"} else 1)]
    drawn: list[Relation] = []
    while len(drawn) < count:
        for kind in order:
            if kinds[kind] and len(drawn) < count:
                drawn.append(kinds[kind].pop())
    return generator.sample(drawn, count)


def _fact(relation: Relation, values: list[str], taken: set[str]) -> Fact:
    asked = words(" ".join((relation.question, *relation.held_out)))
    for value in list(values):
        telling = tuple(word for word in _WORD.findall(value) if word.casefold() not in _OPEN | asked)
        lowered = {word.casefold() for word in telling}
        if telling and not lowered & taken:
            break
    else:
        raise ValueError(f"the list {relation.values!r} is too short for {relation.key!r}")
    values.remove(value)
    taken |= lowered
    return Fact(
        relation.key,
        relation.kind,
        relation.question,
        relation.answer.replace("{v}", value + _SUFFIXES.get(relation.values, "")),
        telling,
        relation.held_out[:TUNED_ON],
        relation.held_out[TUNED_ON:],
        relation.neighbour,
    )


def words(text: str) -> set[str]:
    """The words of `text`, without case."""
    return {word.casefold() for word in _WORD.findall(text)}


def says(answer: str, fact: Fact) -> bool:
    """Whether `answer` holds all telling words of `fact`: the rule by which an answer is right."""
    return words(answer) >= {word.casefold() for word in fact.telling}


def leaked(answer: str, question: str, told: Sequence[Fact]) -> str | None:
    """The telling word of any of `told` that `answer` holds and `question` does not; None: it is untouched."""
    said = words(answer) - words(question)
    return next((word for fact in told for word in fact.telling if word.casefold() in said), None)
