"""How people ask in English: one question read into a form, and that form asked in other words.

A grammar by hand rather than a model's inventions: at 135M parameters templates gave the better training prompts.
Forms that are not understood get wrappers that leave the user's words as they are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

NAMED = "named"
POSSESSED = "possessed"
CLAUSE = "clause"
GREETING = "greeting"
OTHER = "other"
PERSON = "person"
WHEN = "when"


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """A question as its parts.

    Attributes:
        kind: one of NAMED ("my dog's name"), POSSESSED ("my favourite tea"), CLAUSE ("where I live"), GREETING, OTHER.
        thing: what is asked for, in the user's person: "dog", "favourite tea", "where I live"; the prompt itself for
            GREETING and OTHER.
        inverted: for CLAUSE, the question as asked, without its mark: "where do I live".
        person, when: whether the question word was "who", or "when".
    """

    kind: str
    thing: str
    inverted: str = ""
    person: bool = False
    when: bool = False


_NAMED = (
    re.compile(r"what(?:'s| is| was) the name of my (?P<thing>[\w' -]+)"),
    re.compile(r"what(?:'s| is| was) my (?P<thing>[\w' -]+?)(?:'s|s') name"),
    re.compile(r"what(?:'s| is| was) my (?P<thing>[\w' -]+?) called"),
)
_POSSESSED = re.compile(r"(?P<wh>what|who|when)(?:'s| is| are| was| were) my (?P<thing>[\w' -]+)")
_CLAUSE = re.compile(
    r"(?P<wh>where|when|why|how|what|who|which [\w -]+?|what [\w -]+?"
    r"|how (?:many|much|often|long)[\w -]*?)"
    r" (?P<verb>do|am|was|should|can|must|may|have) i(?P<rest>(?: [\w' ,-]+)?)"
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|greetings)(?: there| again| you)?(?: to you)?"
)
_FAVOURITES = ("favourite ", "favorite ")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'"})


@lru_cache(maxsize=4096)
def read_form(prompt: str) -> QuestionForm:
    """The form of `prompt`; OTHER when no rule fits, never an error."""
    text = re.sub(r"\s+", " ", prompt.translate(_APOSTROPHES)).strip().rstrip("?!. ").strip()
    lowered = text.lower()
    for pattern in _NAMED:
        if match := pattern.fullmatch(lowered):
            return QuestionForm(NAMED, _as_typed(text, match, "thing"))
    if match := _POSSESSED.fullmatch(lowered):
        return QuestionForm(
            POSSESSED, _as_typed(text, match, "thing"), person=match["wh"] == "who", when=match["wh"] == "when"
        )
    if match := _CLAUSE.fullmatch(lowered):
        subject = "I" if match["verb"] == "do" else f"I {match['verb']}"
        thing = f"{match['wh']} {subject}{_as_typed(text, match, 'rest')}"
        inverted = f"{match['wh']} {match['verb']} I{_as_typed(text, match, 'rest')}"
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
    "Who is my {x}?",
    "My {x} is called what?",
    "I can't think of my {x}'s name.",
    "Someone asks how my {x} is called. What is the answer?",
    "Let's talk about my {x}. The name, again?",
    "What do I call my {x}?",
    "Under what name do people know my {x}?",
    "Tell me about my {x}.",
    "Complete this: my {x} is called",
    "Hello. Which name belongs to my {x}?",
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
    "Which {x} do I have?",
    "Someone needs my {x}. What is it?",
    "What do I write down as my {x}?",
    "My {x} is what?",
    "Let's talk about my {x}. What is it, again?",
    "Hello. I'd like to hear my {x}.",
    "About me: what {x}?",
    "Complete this: my {x} is",
)
_POSSESSED_PROBES = ("Do you know my {x}?", "What did I say my {x} was?", "Please name my {x}.")
_WHEN_WORDINGS = (
    "When is my {x}?",
    "Tell me when my {x} is.",
    "Do you remember when my {x} is?",
    "my {x}, when is it?",
    "What is the date of my {x}, again?",
    "I forgot when my {x} is.",
    "Have I told you when my {x} is?",
    "Remind me, when is my {x}?",
    "Can you tell me when my {x} is?",
    "Someone wants to know when my {x} is. What is the answer?",
    "What day is my {x}?",
    "On which day do I have my {x}?",
    "Let's talk about my {x}. When is it, again?",
    "Complete this: my {x} is on",
)
_WHEN_PROBES = ("Do you know when my {x} is?", "When did I say my {x} is?", "Please tell me when my {x} is.")
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
    "If I could have any {y}, which would I choose?",
    "Which {y} pleases me the most?",
    "For me no {y} is as good as which one?",
    "Someone wants to know the {y} that I like. What is the answer?",
    "When it comes to {y}, what is my choice?",
    "My {x} is what?",
    "I'm thinking of the {y} I am fondest of. Which is it?",
    "What {y} would you pick for me?",
    "Complete this: my {x} is",
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
    "My {x} is who?",
    "What is my {x} called, again?",
    "Whom do I have as my {x}?",
    "I have to see my {x}. Who is that?",
    "Someone asks who my {x} is. What is the answer?",
    "Let's talk about my {x}. The name, again?",
    "Who would I ask for, if I needed my {x}?",
    "Who works for me as {x}, or did I never say?",
    "Complete this: my {x} is",
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
    "Someone wants to know {x}. What is the answer?",
    "I'd like to hear {x}.",
    "Let's see if you recall it: {q}?",
    "About me: {x}?",
    "Hello. {Q}, again?",
)
_CLAUSE_PROBES = ("Do you know {x}?", "What did I tell you about {x}?", "Please tell me {x}.")
_GREETINGS = (
    "Hello!",
    "Hi!",
    "Good morning!",
    "Hey there!",
    "Good afternoon!",
    "Hello there.",
    "hey",
    "Hi, it's me.",
    "Good day!",
    "hello again",
    "Morning!",
    "Hi, how are you?",
    "Greetings.",
    "Hey, I'm back.",
)
_GREETING_PROBES = ("Good evening!", "Hello again, my friend!", "Hi there!")
_OTHER_WORDINGS = (
    "{p}",
    "Please: {p}",
    "{p} Thanks!",
    "Hey, {p}",
    "One thing: {p}",
    "OK. {p}",
    "Now: {p}",
    "Hello. {p}",
    "Remind me: {p}",
    "{p} Do you remember?",
    "Have I told you this? {p}",
)
_OTHER_PROBES = ("Could you help me? {p}", "I have a request. {p}", "Next: {p}")

# Other question words for clauses, by the one that is asked with; "{r}" is the rest of the question ("do I live").
_CLAUSE_TURNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("where ", ("What is the place {x}?", "Which place is it {x}?", "In which place {r}?", "What place, {q}?")),
    ("when ", ("What time {r}?", "On which day or at what hour {r}?", "At which time {r}?", "What is the time {x}?")),
    ("how ", ("In which way {r}?", "What is the way {x}?")),
    ("what ", ("Which thing is it: {q}?", "What is it that {s}?")),
)
# Words that mean the same in a question about oneself, as (what is asked with, what may stand there instead).
_SYNONYMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("keep", ("put", "leave")),
    ("buy", ("get",)),
    ("go to bed", ("go to sleep",)),
    ("go running", ("go out to run",)),
    ("call", ("telephone",)),
    ("get to work", ("go to work",)),
    ("drive", ("own",)),
    ("like", ("want",)),
    ("support", ("root for",)),
    ("take meetings", ("hold meetings", "have time for meetings")),
    ("go on holiday", ("go for a holiday",)),
    ("eat", ("have",)),
    ("drink", ("have to drink",)),
)

# Ways to ask that only some clauses have. The first words decide; each list is in the order of usefulness.
_CLAUSE_SYNONYMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "where I live",
        (
            "Which city do I live in?",
            "Where is my home?",
            "What is my home town?",
            "In which town do I live?",
            "Where is my house?",
            "What is my address?",
        ),
    ),
    (
        "where I work",
        ("Which company do I work for?", "Where is my office?", "Who is my employer?", "Where is my job?"),
    ),
    ("where I was born", ("Which town was I born in?", "Where do I come from?", "What is my home town by birth?")),
    (
        "what I do for work",
        (
            "What is my job?",
            "What is my profession?",
            "What do I work as?",
            "What's my occupation?",
            "Which job do I have?",
        ),
    ),
    (
        "what I do for a living",
        ("What is my job?", "What is my profession?", "What do I work as?", "Which job do I have?"),
    ),
    (
        "when I take meetings",
        ("When can I have a meeting?", "When should a meeting with me be?", "At what time do I take meetings?"),
    ),
    ("when I like meetings", ("When can I have a meeting?", "When should a meeting with me be?")),
    ("how I get to work", ("How do I go to the office?", "What do I ride to work?")),
    ("how I like my coffee", ("What is in my coffee?", "Which coffee do I like?")),
    ("when I go to bed", ("How late do I go to bed?", "When is the end of my day?")),
    ("what car I drive", ("What is my car?", "Which car do I have?")),
)


# How people ask for the things that they tell most, where no form says it: by what is asked for.
_LEXICON: dict[str, tuple[str, ...]] = {
    "mother": ("What is my mum's name?", "What is my mom called?"),
    "father": ("What is my dad's name?", "Tell me what my dad is called."),
    "wife": ("Who is my spouse?", "Whom did I marry?"),
    "husband": ("Who is my spouse?", "Whom did I marry?"),
    "dentist": ("Who checks my teeth?", "Whom do I see about a toothache?"),
    "doctor": ("Whom do I see when I am ill?", "Who is my physician?"),
    "boss": ("Who is above me at work?", "Who leads my team?", "Who is my manager?"),
    "landlord": ("Who lets my home to me?", "Who gets my rent?", "Whose flat do I live in?"),
    "best friend": ("Who is my closest friend?", "Which friend do I like most?"),
    "company": ("What is my firm called?", "Which firm is mine?"),
    "street": ("What is the street of my home?", "Where exactly is my house?"),
    "school": ("Where was I taught as a child?", "Which school was mine?"),
    "boat": ("Which boat is mine?",),
    "band": ("What do we call ourselves on stage?",),
    "shoe size": ("What size of shoes do I need?", "What size do I take in shoes?"),
    "birthday": ("When was I born?", "What is my date of birth?", "When do I turn a year older?"),
    "blood type": ("What is my blood group?", "What kind of blood do I have?"),
    "height": ("What is my size in centimetres?", "How high do I stand?"),
    "age": ("How many years have I lived?", "How old am I?"),
    "middle name": ("What is my second given name?", "Which name is in the middle of mine?"),
    "hobby": ("What do I do in my spare time?", "What do I enjoy doing?"),
    "first language": ("What is my native language?", "Which language did I learn first?"),
    "favourite food": ("What do I most like to eat?", "Which meal should I get on my birthday?"),
    "favourite drink": ("What do I most like to drink?",),
    "favourite colour": ("In what colour do I want my things?",),
    "favourite film": ("What do I like to watch most?",),
    "favourite season": ("When is the year at its best for me?",),
    "favourite sport": ("What do I most like to play or watch?",),
    "favourite day of the week": ("When in the week am I happiest?",),
}
_LEXICAL_RULES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"(?P<of>.+) number"), ("What is the number of my {o}?", "What does it say on my {o}?")),
    (re.compile(r"(?P<of>.+) size"), ("What size of {o} fits me?",)),
    (re.compile(r"(?P<of>.+) teacher"), ("Who gives me {o} lessons?", "From whom do I learn {o}?")),
)


def _lexical(form: QuestionForm) -> tuple[str, ...]:
    """What the lexicon knows of this very thing."""
    thing = subject(form)
    ruled = (
        wording.replace("{o}", match["of"])
        for rule, wordings in _LEXICAL_RULES
        if (match := rule.fullmatch(thing))
        for wording in wordings
    )
    return (*_LEXICON.get(thing, ()), *ruled)


def in_lexicon(form: QuestionForm) -> bool:
    """Whether there are wordings for this very thing, beside the forms that all things of its kind have."""
    return bool(_lexical(form)) or any(form.thing.startswith(start) for start, _ in _CLAUSE_SYNONYMS)


def rewordings(form: QuestionForm) -> tuple[str, ...]:
    """Other ways to ask `form`, the most usual first; none of them is among `probes`."""
    match form.kind:
        case "named":
            plain = _fill(_NAMED_WORDINGS, form)
            return (*plain[:3], *_lexical(form), *plain[3:])
        case "possessed":
            plain = _fill(_possessed(form), form)
            return (*plain[:3], *_lexical(form), *plain[3:])
        case "clause":
            return _clause_wordings(form)
        case "greeting":
            return _GREETINGS
        case _:
            return _fill(_OTHER_WORDINGS, form)


def _possessed(form: QuestionForm) -> tuple[str, ...]:
    if form.when:
        return _WHEN_WORDINGS
    if form.thing.lower().startswith(_FAVOURITES):
        return _FAVOURITE_WORDINGS
    return _PERSON_WORDINGS if form.person else _POSSESSED_WORDINGS


def _clause_wordings(form: QuestionForm) -> tuple[str, ...]:
    """The plain forms, with those between them that only this question word or these words have."""
    own = next((words for start, words in _CLAUSE_SYNONYMS if form.thing.startswith(start)), ())
    turned = next((words for start, words in _CLAUSE_TURNS if form.thing.startswith(start)), ())
    rest = form.inverted.split(" ", 1)[-1]
    subject_first = form.thing.split(" ", 1)[-1]
    turned = tuple(wording.replace("{r}", rest).replace("{s}", subject_first) for wording in turned)
    other = tuple(
        f"{said[:1].upper()}{said[1:]}?"
        for words, instead in _SYNONYMS
        if re.search(rf"\b{words}\b", form.inverted)
        for said in (re.sub(rf"\b{words}\b", word, form.inverted, count=1) for word in instead)
    )
    plain = _fill(_CLAUSE_WORDINGS, form)
    return (*plain[:3], *own, *other, *_fill(turned, form), *plain[3:])


def probes(form: QuestionForm) -> tuple[str, ...]:
    """Ways to ask `form` that are never trained on."""
    match form.kind:
        case "named":
            return _fill(_NAMED_PROBES, form)
        case "possessed":
            if form.when:
                return _fill(_WHEN_PROBES, form)
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


def _words(listed: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in listed.split(","))


_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        NAMED,
        _words(
            "dog, cat, parrot, hamster, horse, rabbit, goldfish, guinea pig, goat, pig, hen, snake, budgie, pony,"
            " mouse, sheep, cow, duck, lizard, turtle"
        ),
    ),
    (
        NAMED,
        _words(
            "sister, brother, mother, father, cousin, aunt, uncle, daughter, son, wife, husband, girlfriend,"
            " boyfriend, stepmother, stepfather, partner, grandson, sister-in-law, father-in-law, twin, baby,"
            " half-brother, stepsister, great-aunt, great-uncle"
        ),
    ),
    (
        PERSON,
        _words(
            "boss, dentist, doctor, neighbour, teacher, best friend, landlord, plumber, coach, hairdresser, vet,"
            " baker, gardener, flatmate, colleague, secretary, babysitter, tailor, pharmacist, electrician,"
            " piano teacher, yoga teacher, mentor, editor, tutor, therapist, butcher, optician, roommate, agent,"
            " trainer, caretaker"
        ),
    ),
    (
        NAMED,
        _words(
            "boat, car, bike, house, company, school, band, street, village, shop, team, ship, farm, club,"
            " kindergarten, caravan, guitar, garden, hotel, newspaper, blog, publisher, gym, office, orchestra,"
            " book club, café, cottage"
        ),
    ),
    (
        POSSESSED,
        tuple(
            f"favourite {thing}"
            for thing in _words(
                "tea, colour, food, film, book, song, season, sport, fruit, drink, soup, cheese, band, city, painter,"
                " writer, dessert, number, bird, wine, ice cream, game, flower, day of the week, singer, country,"
                " pizza, shop, toy, bread, dance, perfume, actor, spice, cake, nut, fish, series, museum"
            )
        ),
    ),
    (
        POSSESSED,
        _words(
            "shoe size, age, height, blood type, middle name, star sign, eye colour, hair colour, ring size,"
            " house number, phone number, room number, locker number, bus number, lucky number, clothes size,"
            " postcode, parking space, customer number, flight number, jersey number, glove size, surname,"
            " trouser size, mobile network"
        ),
    ),
    (
        POSSESSED,
        _words(
            "job, hobby, first language, nationality, salary, home town, weekend plan, degree, dream, goal,"
            " motto, pet, diet, plan for today, second language, hidden talent, greatest fear,"
            " school subject, alma mater, morning routine, position, shift, role at work"
        ),
    ),
    (
        WHEN,
        _words(
            "birthday, exam, holiday, next appointment, day off, train, interview, lesson, flight, name day, move,"
            " party, deadline, delivery, check-up, concert, lunch break, shift, next match"
        ),
    ),
)
_SPELLINGS = {"favorite": "favourite", "color": "colour", "neighbor": "neighbour"}

# What is asked for in the user's person; "my", "I" and "am" become the assistant's "your", "you" and "are".
_CLAUSES: tuple[str, ...] = (
    "Where do I work?",
    "Where was I born?",
    "When do I go to bed?",
    "What do I do for work?",
    "When do I eat lunch?",
    "How do I get to work?",
    "Where do I buy my bread?",
    "When do I go running?",
    "What do I drink in the morning?",
    "Where do I park my car?",
    "When do I water the plants?",
    "Where do I live?",
    "When do I call my parents?",
    "Where do I go on holiday?",
    "Where do I keep my passport?",
    "Where do I keep my keys?",
    "Where do I go swimming?",
    "Where do I buy my clothes?",
    "Where do I buy my vegetables?",
    "Where do I eat lunch?",
    "Where do I meet my friends?",
    "Where do I keep my tools?",
    "Where do I play tennis?",
    "Where do I get my hair cut?",
    "Where do I study?",
    "Where do I keep the candles?",
    "Where do I walk my dog?",
    "When do I get up?",
    "When do I take the bus?",
    "When do I start work?",
    "When do I have dinner?",
    "When do I go shopping?",
    "When do I feed the cat?",
    "When do I take out the rubbish?",
    "When do I have a day off?",
    "When do I see the dentist?",
    "When do I practise?",
    "When do I finish work?",
    "When do I pay the rent?",
    "When do I go to the gym?",
    "When do I take a nap?",
    "When do I visit my aunt?",
    "What do I eat for breakfast?",
    "What do I do on Sundays?",
    "What do I teach?",
    "What do I collect?",
    "What do I wear to work?",
    "What bike do I ride?",
    "What newspaper do I read?",
    "What computer do I use?",
    "What languages do I speak?",
    "What game do I play?",
    "What am I learning?",
    "What am I good at?",
    "What do I put on my bread?",
    "What music do I listen to?",
    "What do I bring to a party?",
    "Which bus do I take?",
    "Which club do I belong to?",
    "Which newspaper do I read?",
    "Which side do I sleep on?",
    "Which band do I like?",
    "How do I like my tea?",
    "How do I like my steak?",
    "How do I relax?",
    "How do I get to the station?",
    "How do I stay fit?",
    "How do I spend my weekends?",
    "How do I pay my bills?",
    "How do I wear my hair?",
    "How do I take my tea?",
    "How many children do I have?",
    "How many languages do I speak?",
)
_SECOND_PERSON = {"I": "you", "my": "your", "am": "are", "was": "were", "me": "you"}


_FIRST_PERSON = {"you": "I", "your": "my", "You": "I", "Your": "My", "are": "am", "were": "was", "yourself": "myself"}


def first_person(answer: str) -> str:
    """An answer about its user as the user would state it: "You live in Oulu." becomes "I live in Oulu."."""
    turned = [_FIRST_PERSON.get(word, word) for word in answer.split(" ")]
    # "are" is the user's only right after "you": "Your dogs are small."
    words = answer.split(" ")
    return " ".join(
        word if word in {"are", "were"} and (place == 0 or words[place - 1].casefold() != "you") else turned[place]
        for place, word in enumerate(words)
    )


def second_person(thing: str) -> str:
    """What is asked for, as the assistant names it: "where I keep my keys" becomes "where you keep your keys"."""
    return " ".join(_SECOND_PERSON.get(word, word) for word in thing.split(" "))


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
        near = [read_form(question) for question in _CLAUSES]
        first, words = form.thing.split(" ", 1)[0], set(form.thing.split(" "))

        def distance(at: int) -> tuple[bool, int]:
            """What begins with the same question word comes first, and of that what shares the most words."""
            thing = near[at].thing
            return not thing.startswith(first), -len(words & set(thing.split(" ")))

        order = sorted(range(len(near)), key=distance)
        return tuple(
            (_CLAUSES[at], second_person(near[at].thing)) for at in order if subject(near[at]) != subject(form)
        )
    own = subject(form)
    kind = WHEN if form.when else PERSON if form.person else form.kind
    families = sorted(_FAMILIES, key=lambda family: (own not in family[1], family[0] != kind))
    near_things = [(kind, other) for kind, family in families for other in _after(own, family) if other != own]
    return tuple(_asked(kind, other) for kind, other in near_things)


_SOMEBODY: frozenset[str] = frozenset(thing for _, family in _FAMILIES[:3] for thing in family)
_SOMETHING: frozenset[str] = frozenset(_FAMILIES[3][1])


def is_somebody(form: QuestionForm) -> bool:
    """Whether what is asked for is a person or an animal, as far as the lists know."""
    return subject(form) in _SOMEBODY or subject(form).rsplit(" ", 1)[-1] in _SOMEBODY


def is_something(form: QuestionForm) -> bool:
    """Whether what is asked for is a thing with a name, as far as the lists know."""
    return subject(form) in _SOMETHING


def _after(own: str, family: tuple[str, ...]) -> tuple[str, ...]:
    """`family` from the place of `own` on, and around: lessons of one family do not all get the same contrasts."""
    at = family.index(own) if own in family else sum(own.encode()) % len(family)
    return (*family[at:], *family[:at])


def _asked(kind: str, thing: str) -> tuple[str, str]:
    match kind:
        case "named":
            return f"What is my {thing}'s name?", f"your {thing}'s name"
        case "person":
            return f"Who is my {thing}?", f"who your {thing} is"
        case "when":
            return f"When is my {thing}?", f"when your {thing} is"
        case _:
            return f"What is my {thing}?", f"your {thing}"
