"""The words that `statement_forms` reads English statements by: verbs with their forms, dates, times, numbers, roles.

Invariant: data only; a verb that is not here is not asked about.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

MONTH: Final = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
WEEKDAY: Final = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)s?"
_YEAR: Final = r"(?:1\d{3}|20\d{2})"
_DAY: Final = r"\d{1,2}(?:st|nd|rd|th)?"
DATE: Final = (
    rf"(?:(?:the )?(?:early |late |mid-|spring of |summer of |autumn of |fall of |winter of |end of |beginning of )?"
    rf"(?:{_DAY} {MONTH}(?:,? {_YEAR})?|{MONTH} {_DAY}(?:,? {_YEAR})?|{MONTH}(?:,? (?:of )?{_YEAR})?"
    rf"|(?:the )?{_YEAR}s?|(?:the )?(?:early |late |mid-)?\d{{1,2}}(?:st|nd|rd|th) century(?: BC| AD)?|{_YEAR} BC)"
    rf"|(?:every |each )?{WEEKDAY}(?: (?:and|to) {WEEKDAY})*)"
)
_CLOCK: Final = (
    "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon|midnight|half past \\w+|quarter (?:past|to)"
    " \\w+)"
)
TIME: Final = (
    rf"(?:(?:\d{{1,2}}[:.]\d{{2}}|\d{{1,2}})(?: ?[ap]\.?m\.?| o'clock)?|{_CLOCK}(?: o'clock)?"
    r"(?: in the (?:morning|afternoon|evening))?)"
)
_SMALL: Final = (
    "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    "|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
)
NUMBER: Final = (
    r"(?:(?:about |around |approximately |nearly |almost |over |more than |less than |at least |some )?"
    rf"(?:\d[\d,.]*\d|\d|(?:{_SMALL})(?:-\w+)?|(?:one|a) (?:hundred|thousand|million))"
    r"(?: (?:hundred|thousand|million|billion))?)"
)

ROLES: Final = frozenset(
    [
        "actor", "actress", "admiral", "architect", "artist", "astronomer", "author", "baker", "bishop", "biologist",
        "builder", "botanist", "boss", "captain", "chairman", "chairwoman", "chancellor", "chef", "chemist", "chief",
        "clerk",
        "coach", "composer", "conductor", "cook", "dancer", "daughter", "dean", "director", "doctor", "driver", "duke",
        "economist", "editor", "emperor", "empress", "engineer", "explorer", "farmer", "father", "founder",
        "co-founder", "gardener", "general", "geologist", "governor", "guide", "head", "headmaster", "historian",
        "husband", "inventor", "journalist", "judge", "keeper", "king", "lawyer", "leader", "lecturer", "librarian",
        "maid", "manager", "mathematician", "mayor", "mechanic", "merchant", "minister", "missionary", "mother",
        "musician", "nun", "nurse", "officer", "owner", "painter", "partner", "philosopher", "photographer",
        "physician", "physicist", "pianist", "pilot", "player", "poet", "politician", "pope", "potter", "president",
        "priest", "prince", "princess", "principal", "producer", "professor", "programmer", "psychologist", "queen",
        "receptionist", "reformer", "representative", "sailor", "scholar", "scientist", "sculptor", "secretary",
        "senator", "shepherd", "sheriff", "singer", "sister", "brother", "smith", "soldier", "son", "songwriter",
        "spokesman", "spokeswoman", "statesman", "surgeon", "tailor", "teacher", "theologian", "trainer", "translator",
        "treasurer", "violinist", "wife", "writer", "commander", "commander-in-chief", "coordinator",
        "celebrity", "drummer",
        "rapper", "sergeant", "lieutenant", "nephew", "niece", "uncle", "aunt", "cousin",
    ]
)  # fmt: skip
"""Nouns of which "who" is asked."""

_REGULAR: Final = """open close start end finish move join release publish establish create introduce launch
    complete design discover compose paint direct produce construct record purchase acquire adopt abolish sign pass
    invent marry retire graduate arrive return land crash ban approve appoint elect divide
    work live stay study serve reside settle
    employ contain include cover own operate use need offer provide teach cost weigh measure train visit import export
    manufacture repair publish host store deliver supply roast bake print collect manage support
    reach celebrate attract receive play manufacture form
    name call train order share rent house
    handle check test inspect maintain supervise organize organise edit review approve prepare answer"""
_IRREGULAR: Final = (
    ("begin", "begins", "began", "begun"),
    ("build", "builds", "built", "built"),
    ("become", "becomes", "became", "become"),
    ("buy", "buys", "bought", "bought"),
    ("die", "dies", "died", "died"),
    ("found", "founds", "founded", "founded"),
    ("get", "gets", "got", "got"),
    ("give", "gives", "gave", "given"),
    ("go", "goes", "went", "gone"),
    ("grow", "grows", "grew", "grown"),
    ("have", "has", "had", "had"),
    ("hold", "holds", "held", "held"),
    ("keep", "keeps", "kept", "kept"),
    ("lead", "leads", "led", "led"),
    ("leave", "leaves", "left", "left"),
    ("lie", "lies", "lay", "lain"),
    ("make", "makes", "made", "made"),
    ("meet", "meets", "met", "met"),
    ("occur", "occurs", "occurred", "occurred"),
    ("pay", "pays", "paid", "paid"),
    ("run", "runs", "ran", "run"),
    ("sell", "sells", "sold", "sold"),
    ("ship", "ships", "shipped", "shipped"),
    ("sit", "sits", "sat", "sat"),
    ("speak", "speaks", "spoke", "spoken"),
    ("stand", "stands", "stood", "stood"),
    ("take", "takes", "took", "taken"),
    ("wear", "wears", "wore", "worn"),
    ("win", "wins", "won", "won"),
    ("write", "writes", "wrote", "written"),
    ("stop", "stops", "stopped", "stopped"),
)


def _regular(base: str) -> tuple[str, str, str, str]:
    if base.endswith("y") and base[-2] not in "aeiou":
        return base, f"{base[:-1]}ies", f"{base[:-1]}ied", f"{base[:-1]}ied"
    past = f"{base}d" if base.endswith("e") else f"{base}ed"
    present = f"{base}es" if base.endswith(("s", "sh", "ch", "x", "z")) else f"{base}s"
    return base, present, past, past


_VERBS: Final = (*_IRREGULAR, *map(_regular, dict.fromkeys(_REGULAR.split())))
PRESENT: Final = MappingProxyType({present: base for base, present, _, _ in _VERBS})
PAST: Final = MappingProxyType({past: base for base, _, past, _ in _VERBS})
PAST_OF: Final = MappingProxyType({participle: past for _, _, past, participle in _VERBS})
"""By participle, the simple past."""
PARTICIPLES: Final = frozenset(
    [participle for *_, participle in _VERBS if participle not in {"become", "died", "gone", "lain", "had"}]
    + [
        "born",
        "located",
        "based",
        "situated",
        "headquartered",
        "set",
        "known",
        "open",
        "closed",
        "available",
        "killed",
        "buried",
        "destroyed",
    ]
)  # fmt: skip

DOERS: Final = frozenset(
    [
        "found", "establish", "create", "write", "invent", "design", "discover", "compose", "paint", "direct", "lead",
        "run", "own", "win", "build", "construct", "manage", "teach", "marry", "sign", "launch", "introduce", "start",
        "buy", "acquire", "handle", "check", "test", "inspect", "maintain", "supervise", "organize", "organise", "edit",
        "review", "approve", "prepare", "answer", "keep", "make", "collect", "train", "hold", "repair", "publish",
        "produce",
    ]
)  # fmt: skip
"""Verbs whose subject is somebody or an organization: "Who founded …?"."""
MAKERS: Final = frozenset(
    [
        "make", "sell", "use", "offer", "provide", "teach", "contain", "include", "produce", "manufacture", "repair",
        "supply", "import", "export", "roast", "bake", "print", "build", "publish", "collect", "keep", "store", "play",
        "speak", "wear", "need", "design", "own", "operate", "host", "deliver", "ship",
    ]
)  # fmt: skip
"""Verbs whose object is a thing: "What does … make?"."""
COUNTERS: Final = frozenset(
    [
        "have", "employ", "contain", "include", "cover", "own", "operate", "hold", "produce", "make", "sell", "publish",
        "run", "win", "build", "receive", "attract", "cost", "weigh", "train", "serve", "teach", "support", "reach",
        "host", "store", "deliver", "keep", "use", "ship", "print",
    ]
)  # fmt: skip
PLACED: Final = frozenset(
    [
        "live", "work", "stay", "reside", "settle", "stand", "lie", "sit", "meet", "study", "serve", "die", "begin",
        "start",
    ]
)  # fmt: skip
"""Verbs of which "where" is asked, whatever the words of the place."""

HEDGES: Final = frozenset(
    [
        "not", "never", "no", "nor", "neither", "may", "might", "could", "would", "should", "must", "can", "cannot",
        "perhaps", "maybe", "possibly", "probably", "likely", "unlikely", "allegedly", "reportedly", "supposedly",
        "apparently", "presumably", "seems", "seemed", "appear", "appears", "appeared", "if", "unless", "whether",
        "claimed", "claims", "claim", "believed", "believe", "believes", "thought", "alleged", "rumoured", "rumored",
        "proposed", "planned", "intended", "hoped", "tried", "attempted", "failed", "refused", "denied", "almost",
        "hardly", "rarely", "seldom", "barely", "until", "except", "contrary", "instead",
    ]
)  # fmt: skip
"""A sentence that holds one of these says less than it seems to; it is left alone."""
POINTERS: Final = frozenset(
    [
        "it", "he", "she", "they", "this", "that", "these", "those", "there", "here", "i", "we", "you", "my", "our",
        "your", "his", "her", "its", "their", "who", "which", "what", "when", "where", "such", "both", "either", "each",
        "another", "other", "others", "some", "many", "most", "several", "all", "any", "one", "former", "latter",
        "same", "first", "second", "third", "last", "next", "previous", "following", "above", "below", "more", "less",
        "few", "much", "none", "nothing",
    ]
)  # fmt: skip
"""A subject or object that begins with one of these, or ends with it, points out of its sentence."""
VAGUE: Final = frozenset(
    [
        "company", "firm", "city", "town", "country", "state", "region", "area", "team", "group", "band", "album",
        "film", "movie", "song", "book", "series", "show", "episode", "movement", "party", "government", "church",
        "school", "university", "club", "organization", "organisation", "project", "program", "programme", "event",
        "war", "battle", "war", "game", "season", "tournament", "term", "word", "name", "name's", "idea", "concept",
        "system", "method", "process", "result", "results", "number", "majority", "rest", "remainder", "time", "year",
        "years", "decade", "century", "period", "day", "days", "author", "study", "report", "building", "ship", "site",
        "station", "work", "works", "version", "album's", "new", "old", "main", "major", "current", "largest", "first",
        "network", "congregation", "parish", "committee", "board", "council", "institute", "hotel", "shop",
    ]
)  # fmt: skip
"""Heads of "the …" that say which only in their passage."""
