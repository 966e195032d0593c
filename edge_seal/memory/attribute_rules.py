"""The table of attributes: which words say which attribute of whom, and whether it can have several values at once.

Each rule is matched against a clause in one form: straight quotes, contractions written out, present tense and first
form of the verb ("I live in Oulu", also for "I've been living in Oulu"), no "no longer", no dates. `attributes` does
that and reads the groups: `who` (another subject), `v` (the value), `k` (a part of the attribute's name), `old` (the
value that ends).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """`many`: several values hold at once. `changes`: the words themselves say that something was different before.

    `holds` False: the value is
    denied. `attribute` may take `{k}`. `opening`: how a text that fits begins, to try no rule in vain.
    """

    attribute: str
    pattern: re.Pattern[str]
    many: bool = False
    changes: bool = False
    holds: bool = True
    subject: str = ""
    opening: tuple[str, ...] = ()


OCCUPATIONS: Final = (
    r"(?:[\w-]+ ){0,4}?(?:nurse|doctor|teacher|engineer|developer|programmer|designer|architect|lawyer|writer|author|"
    r"journalist|editor|chef|cook|baker|barista|pilot|driver|farmer|carpenter|electrician|plumber|mechanic|dentist|"
    r"pharmacist|physio(?:therapist)?|therapist|psychologist|psychiatrist|surgeon|vet|veterinarian|scientist|researcher|"
    r"physicist|chemist|biologist|historian|librarian|translator|interpreter|musician|pianist|violinist|singer|actor|"
    r"actress|artist|painter|photographer|student|professor|lecturer|tutor|accountant|auditor|analyst|consultant|"
    r"manager|director|ceo|cto|cfo|founder|freelancer|contractor|clerk|cashier|secretary|assistant|administrator|"
    r"technician|firefighter|paramedic|midwife|soldier|sailor|fisherman|policeman|policewoman|police officer|officer|"
    r"social worker|worker|waiter|waitress|hairdresser|tailor|translator|salesman|saleswoman|salesperson|realtor|"
    r"recruiter|trainer|coach|instructor|pastor|priest|judge|economist|statistician|mathematician|geologist|gardener|"
    r"sysadmin|intern|trainee|apprentice|postdoc|team lead|tech lead|shepherd|beekeeper|welder|builder|surveyor|"
    r"bookkeeper|copywriter|illustrator|animator|product owner|scrum master|data scientist|grad student)"
)
DIETS: Final = (
    r"(?:vegan|vegetarian|pescatarian|pescetarian|flexitarian|carnivore|keto|paleo|kosher|halal|gluten[- ]free|"
    r"lactose[- ]free|dairy[- ]free|fruitarian|omnivore|low[- ]carb|plant[- ]based)"
)
STATUSES: Final = r"(?:married|single|divorced|engaged|widowed|separated)"
LANGUAGES: Final = (
    r"(?:english|finnish|swedish|norwegian|danish|german|french|spanish|portuguese|italian|dutch|polish|russian|"
    r"ukrainian|estonian|latvian|lithuanian|greek|turkish|arabic|hebrew|hindi|urdu|bengali|tamil|chinese|mandarin|"
    r"cantonese|japanese|korean|vietnamese|thai|indonesian|malay|swahili|welsh|irish|czech|slovak|hungarian|romanian|"
    r"bulgarian|serbian|croatian|catalan|basque|icelandic|persian|farsi|sami|esperanto|latin)"
)
PHONES: Final = (
    r"(?:iphone|pixel|google pixel|galaxy|samsung|fairphone|oneplus|xiaomi|motorola|moto g|nothing phone|nokia phone)"
)
LAPTOPS: Final = r"(?:macbook|thinkpad|dell xps|xps|framework laptop|surface|chromebook|zenbook|lenovo)"
CARS: Final = (
    r"(?:toyota|volvo|skoda|škoda|volkswagen|vw|tesla|bmw|audi|mercedes|ford|honda|hyundai|kia|mazda|nissan|renault|"
    r"peugeot|citro[eë]n|opel|seat|fiat|saab|subaru|suzuki|mini|jeep|lada|dacia|polestar|porsche)"
)
PETS: Final = (
    r"(?:dog|cat|puppy|kitten|rabbit|bunny|hamster|guinea pig|parrot|budgie|horse|pony|goldfish|tortoise|turtle|snake|"
    r"lizard|gecko|ferret|hen|goat)"
)
PARTNERS: Final = r"(?:wife|husband|partner|girlfriend|boyfriend|fianc[eé]e?|spouse)"
# One of each: another name means that it is another person now.
UNIQUE_PEOPLE: Final = (
    rf"(?:{PARTNERS}|mother|mum|mom|father|dad|boss|manager|line manager|supervisor|doctor|gp|dentist|landlord|landlady|"
    r"therapist|accountant|lawyer|hairdresser|trainer|coach|piano teacher|flatmate|roommate|team lead|physio|tutor|"
    r"emergency contact|best friend)"
)
PEOPLE: Final = (
    r"(?:(?:older |younger |big |little |twin |half[- ]|step[- ]?|eldest |youngest )*(?:sister|brother|son|daughter|kid|"
    r"child|cousin|aunt|uncle|nephew|niece|grandmother|grandma|grandfather|grandpa|friend|colleague|coworker|"
    r"neighbou?r|student|baby)(?:-in-law)?)"
)
# Things whose plain quality is their value: "my favourite colour is blue", but not "my car is red".
PLAIN_VALUES: Final = (
    r"(?:favou?rite|preferred|usual|go-to|default|native|first|mother|colou?r|size|type|group|language|diet|sign|mood|"
    r"religion|nationality|hair|eyes?|accent|handedness|schedule|level|status|editor|browser|shell|theme|format|style|"
    r"major|subject|sport|hobby|team|name|nickname|pronouns)"
)

# The subject: the user, or someone of the user's.
_S: Final = r"^(?:(?:i|we)|(?:my|our) (?P<who>[a-zé][\w' -]{0,40}?)) "
_WE: Final = r"^(?:i|we) "
_MY: Final = r"^(?:my|our) "
_OPENINGS: Final = ((_WE, ("i ", "we ")), (_MY, ("my ", "our ")), (_S, ("i ", "we ", "my ", "our ")))
_AGE: Final = r"(?:\d{1,3}|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty)(?:-\w+)?)"
_NAME: Final = r"(?P<v>[\w][\w .'’-]{0,60})"
_CALLED: Final = r"(?:called|named|nicknamed)"
_NOT_A_PLACE: Final = (
    r"(?!(?:a |an |the |my )?(?:different |new |another |other )?(?:team|department|role|position|job|project|desk|office|"
    r"plan|account|company|school|class|linux|windows|mac|macos|ubuntu|arch|android|ios|python|rust|vim|emacs|neovim|"
    r"decaf|tea|coffee|management|remote|part-time|full-time)\b)"
)
_NOT_A_FIRM: Final = (
    r"(?!(?:(?:a|an|the|my|our|this|that) (?:[\w-]+ )?(?:gym|choir|band|club|team|meeting|call|class|course|group|party|"
    r"chat|channel|waiting list|army|room|house|office|office early|country|key|keys|phone|bag|queue)|you|him|her|them)\b)"
)


def _rule(
    attribute: str, pattern: str, *, many: bool = False, changes: bool = False, holds: bool = True, subject: str = ""
) -> Rule:
    opening = next((first for start, first in _OPENINGS if pattern.startswith(start)), ())
    return Rule(attribute, re.compile(pattern + r"[.!]*$", re.IGNORECASE), many, changes, holds, subject, opening)


# The first rule that fits is taken, so narrow ones stand before wide ones.
RULES: Final[tuple[Rule, ...]] = (
    # Names
    _rule("name", _MY + r"(?:(?:full|first|real|legal) )?name is (?:changed to )?" + _NAME),
    _rule("surname", _MY + r"(?:last|family|sur)\s?name is (?:changed to )?" + _NAME),
    _rule("name", _WE + r"changed my name (?:from (?P<old>.+?) )?to " + _NAME, changes=True),
    _rule(
        "nickname",
        r"^(?:(?:you can |you may |just |please |do )*call me|" + _MY[1:] + r"nickname is|people call me|"
        r"everyone calls me|(?:my )?friends call me|i (?:go|went) by|i (?:prefer|like|want) to be called|"
        r"i am (?:usually |mostly |always )?called|i would like to be called) (?:by )?" + _NAME,
    ),
    _rule("pronouns", _MY + r"pronouns are (?P<v>.+)"),
    # Where
    _rule(
        "residence",
        _S
        + r"(?:move|relocate)d? (?:back |over |away |out |house |home )?from (?P<old>.+?) (?:back )?to "
        + _NOT_A_PLACE
        + r"(?P<v>.+)",
        changes=True,
    ),
    _rule(
        "residence",
        _S
        + r"(?:move|relocate|emigrate|shift)d? (?:back |over |away |out |house |home )?(?:to|into) "
        + _NOT_A_PLACE
        + r"(?P<v>.+)",
        changes=True,
    ),
    _rule(
        "residence", _S + r"(?:live|reside|settled(?: down)?) (?:alone |together )?(?:in|at|near|on|outside) (?P<v>.+)"
    ),
    _rule("residence", _S + r"am (?:based|located|living|settled) (?:in|at|near|out of) (?P<v>.+)"),
    _rule(
        "residence",
        _MY + r"(?:home|home city|city|place of residence|town|current city) is "
        r"(?:in |at )?(?P<v>.+)",
    ),
    _rule("home town", _S + r"(?:am|come) (?:originally )?from (?P<v>.+)"),
    _rule("home town", _S + r"grew up in (?P<v>.+)"),
    _rule("household", _S + r"live (?P<v>alone|with .+)"),
    _rule(
        "residence", _S + r"(?:left|moved (?:away|out) (?:from|of)) (?P<v>(?-i:[A-Z])[\w .'-]+) for good", holds=False
    ),
    # Work
    _rule("employer", _S + r"work (?:[\w-]+ )??(?:at|for) (?P<v>.+)"),
    _rule("employer", _S + r"work with (?P<v>(?-i:[A-Z])[\w .&'-]+) as .+"),
    _rule("employer", _S + r"am (?:employed|working) (?:at|by|with|for) (?P<v>.+)"),
    _rule(
        "employer",
        _S + r"(?:joined|have joined|got hired (?:at|by)|was hired by) " + _NOT_A_FIRM + r"(?P<v>.+)",
        changes=True,
    ),
    _rule(
        "employer",
        _S
        + r"start(?:ed)? (?:(?:working|a (?:new )?(?:job|position|role)|my new job) )?(?:at|with|for) "
        + r"(?!\d|the gym|the beginning|six|seven|eight|nine|ten|noon)(?P<v>.+)",
        changes=True,
    ),
    _rule(
        "employer",
        _S + r"(?:got|took|accepted|landed|have) a (?:new )?(?:job|position|role) (?:at|with) (?P<v>.+)",
        changes=True,
    ),
    _rule(
        "employer",
        _S + r"(?:changed|switched) (?:jobs?|employers?|compan(?:y|ies)) (?:from (?P<old>.+?) )?to (?P<v>.+)",
        changes=True,
    ),
    _rule(
        "employer",
        _S + r"(?:left|quit|resigned from|was laid off (?:from|by|at)|was fired (?:from|by)|"
        r"got laid off (?:from|by|at)) (?:my job at )?" + _NOT_A_FIRM + r"(?P<v>(?-i:[A-Z]).+)",
        holds=False,
    ),
    _rule("employer", _MY + r"(?:employer|company|workplace) is (?P<v>.+)"),
    _rule("job title", _S + r"work as (?:an? |the )?(?P<v>.+)"),
    _rule(
        "job title",
        _MY + r"(?:job|job title|title|profession|occupation|position|role|day job) is (?:to be )?(?:an? )?(?P<v>.+)",
    ),
    _rule(
        "job title",
        _S + r"(?:(?:got|was|have been) promoted to|became|have become|retrained as|trained as) (?:an? |the )?"
        r"(?P<v>" + OCCUPATIONS + r"(?: .*)?)",
        changes=True,
    ),
    _rule(
        "job title",
        _S + r"(?:changed|switched) (?:careers?|jobs?) (?:from (?P<old>.+?) )?to (?:being )?(?P<v>.+)",
        changes=True,
    ),
    _rule(
        "job title",
        _S + r"am (?:an? |the )?(?!fan of)(?P<v>" + OCCUPATIONS + r"(?: (?:at|for|in|by|from|of|who|with) .*)?)",
    ),
    _rule("job title", _S + r"(?:am|got|have) (?P<v>retired|unemployed|self-employed|between jobs|on parental leave)"),
    # People
    _rule("name", _MY + rf"(?P<who>{PARTNERS}) is (?:{_CALLED} )?(?P<v>(?-i:[A-Z])[\w'-]+(?: (?-i:[A-Z])[\w.'-]+)*)"),
    _rule("name", _WE + r"(?:am|got) (?:now )?(?:married|engaged) to (?P<v>(?-i:[A-Z])[\w .'-]+)", subject="partner"),
    _rule(
        "name",
        _WE + r"(?:married|am dating|am seeing|date) (?P<v>(?-i:[A-Z])[\w .'-]+)",
        subject="partner",
        changes=True,
    ),
    _rule("marital status", _WE + rf"(?:am|got|became|have got) (?:happily |recently |now )?(?P<v>{STATUSES})"),
    _rule(
        "number of children", _WE + r"have (?P<v>no|an?|one|two|three|four|five|six|seven|\d+) (?:kids?|child(?:ren)?)"
    ),
    _rule(
        "siblings",
        _WE + r"have (?P<v>(?:no|an?|one|two|three|four|five|\d+) (?:(?:older|younger|big|little|twin) )?"
        r"(?:sisters?|brothers?|siblings?).*)",
    ),
    # Pets
    _rule(
        "pet",
        _WE + rf"(?:have|own|adopted|got|bought) (?:an? |two |three |\d+ )?(?:new )?(?P<v>(?:[\w-]+ )?{PETS}s?"
        rf"(?:,? (?:{_CALLED}|whose name is) .+)?)",
        many=True,
    ),
    _rule("name", _MY + rf"(?P<who>(?:[\w-]+ )?{PETS}) is {_CALLED} " + _NAME, many=True),
    _rule("name", _MY + rf"(?P<who>(?:[\w-]+ )?{PETS})'s name is " + _NAME, many=True),
    _rule("name", _WE + rf"renamed my (?P<who>{PETS}) (?:to |from (?P<old>.+?) to )?" + _NAME, changes=True),
    # Days
    _rule("birthday", _MY + r"(?:(?P<who>[\w' -]+?)'s )?birthday is (?:on )?(?P<v>.+)"),
    _rule("birthday", _S + r"was born on (?P<v>.*\d.*)"),
    _rule("year of birth", _S + r"was born in (?P<v>(?:19|20)\d\d)"),
    _rule("birthplace", _S + r"was born in (?P<v>.+)"),
    _rule("age", _WE + r"(?:am|turned|just turned) (?P<v>" + _AGE + r")(?: years old)?(?:,? (?:and|but) .*)?"),
    _rule("age", _S + r"(?:am|turned) (?P<v>" + _AGE + r") years old(?:,? (?:and|but) .*)?"),
    # Taste
    _rule(
        "favourite {k}",
        _MY + r"(?:(?P<who>[\w -]+?)'s )?favou?rite (?P<k>[\w' -]+?) (?:is|are|has become|changed to) (?P<v>.+)",
    ),
    _rule(
        "favourite {k}",
        r"^(?P<v>(?!what|which|who|how|where)[\w].{0,60}?) (?:is|are) (?:my|our) (?:new )?favou?rite (?P<k>[\w -]+)",
    ),
    _rule(
        "diet",
        _S + rf"(?:am|became|have become|went|turned|go|have gone|have turned|eat|am eating|am on|follow)"
        rf" (?:an? |strictly |fully |mostly |completely |the )*(?P<v>{DIETS})(?: diet)?",
    ),
    _rule("diet", _S + r"(?:am on|follow) (?:an? |the )?(?P<v>[\w-]+) diet"),
    _rule("diet", _WE + r"eat (?P<v>meat|fish|everything|dairy)"),
    _rule("diet", _WE + r"never (?:eat|touch) (?P<v>meat|dairy)", holds=False),
    _rule("food avoided", _S + r"(?:never eat|avoid|can not eat|must not eat|am not allowed) (?P<v>.+)", many=True),
    _rule(
        "allergy",
        _S + r"(?:am|have been) (?:very |severely |badly |mildly |slightly )?allergic to (?P<v>.+)",
        many=True,
    ),
    _rule(
        "allergy",
        _S + r"have (?:an? )?(?:severe |bad |mild |strong )?(?P<v>[\w -]+?) (?:allergy|intolerance)",
        many=True,
    ),
    _rule("allergy", _S + r"(?:have an allergy to|react badly to) (?P<v>.+)", many=True),
    _rule("allergy", _S + r"am (?P<v>(?:lactose|gluten|fructose|histamine)[- ]intolerant|c(?:o)?eliac)", many=True),
    _rule("{k} taken", _WE + r"(?:take|drink|have) my (?P<k>coffee|tea|eggs|steak|porridge|martini) (?P<v>.+)"),
    # Things
    _rule(
        "phone",
        _WE + rf"(?:use|have|got|bought|own|switched (?:from (?P<old>.+?) )?to|upgraded (?:from (?P<old2>.+?) )?to|"
        rf"carry|changed (?:from (?P<old3>.+?) )?to) (?:myself )?(?:an? |the |my )?(?:new )?(?P<v>{PHONES}\b.*)",
    ),
    _rule(
        "laptop",
        _WE
        + rf"(?:use|have|got|bought|own|switched to|upgraded to|work on) (?:an? |the )?(?:new )?(?P<v>{LAPTOPS}\b.*)",
    ),
    _rule("car", _S + r"drive (?P<v>(?:an? |the |my ).+)"),
    _rule(
        "car",
        _WE
        + rf"(?:have|got|bought|own|traded my .+ for|switched to|lease) (?:an? |the )?(?:[\w-]+ )?(?P<v>{CARS}\b.*)",
    ),
    _rule("car", _WE + rf"sold my (?P<v>{CARS}.*)", holds=False),
    # Speech
    _rule("native language", _MY + r"(?:native|first|mother) (?:language|tongue) is (?P<v>.+)"),
    _rule(
        "answer language",
        r"^(?:please |always )*(?:answer|reply|respond|write|talk|speak)(?: to)? me (?:only |always )?in (?P<v>"
        + LANGUAGES
        + r")\b.*",
    ),
    _rule(
        "answer language",
        _WE + r"(?:prefer|want|would like) (?:your )?(?:answers|replies|responses) in (?P<v>" + LANGUAGES + r")",
    ),
    _rule("language", _S + rf"speak (?:a little |some |fluent |also |both )*(?P<v>{LANGUAGES}\b.*)", many=True),
    _rule("learning", _S + r"(?:am learning|learn) (?:to (?:play|speak) )?(?P<v>.+)", many=True),
    _rule("time zone", _MY + r"time ?zone is (?P<v>.+)"),
    _rule("time zone", _WE + r"am (?:in|on) (?:the )?(?P<v>.+?) time(?: ?zone)?"),
    _rule(
        "time zone",
        _WE + r"am in (?P<v>(?:UTC|GMT|CET|CEST|EET|EEST|EST|EDT|CST|PST|PDT|MST|JST|IST|AEST)(?:[+-]\d+)?)",
    ),
    # Studies
    _rule("studies", _S + r"(?:study|am studying|major in|am majoring in) (?P<v>.+?)(?: at (?:the )?[\w .'-]+)?"),
    _rule(
        "studies",
        _WE + r"(?:switched|changed) my (?:major|studies|degree|course)s? (?:from (?P<old>.+?) )?to (?P<v>.+)",
        changes=True,
    ),
    _rule("school", _S + r"(?:go to|attend) (?P<v>[\w .'-]*(?:university|college|school|academy|institute)[\w .'-]*)"),
    # Habits with one value
    _rule("wake-up time", _S + r"(?:get|wake) up (?:every (?:day|morning) )?(?:at|around|about) (?P<v>.+)"),
    _rule("bedtime", _S + r"go to (?:bed|sleep) (?:at|around|about|before|after) (?P<v>.+)"),
    _rule("commute", _S + r"(?:commute|go to work|get to work|travel to work) (?:to work )?(?:by|on|with) (?P<v>.+)"),
    _rule(
        "commute", _WE + r"(?P<v>cycle|bike|drive|walk|take the (?:bus|train|tram|metro|ferry)) to (?:work|the office)"
    ),
    _rule(
        "gym days",
        _S
        + r"(?:go to the gym|train|work out|swim|run) (?:on |every )(?P<v>(?:mon|tues|wednes|thurs|fri|satur|sun)days?.*)",
    ),
    _rule(
        "meetings on {k}",
        _WE
        + r"(?P<v>never|do not|can not|can|always|only|will) (?:take|have|do|hold|attend|schedule|join|accept|want) "
        r"(?:any )?meetings? on (?P<k>(?:mon|tues|wednes|thurs|fri|satur|sun)days?)(?: .*)?",
    ),
    _rule("meetings on {k}", r"^(?P<v>no) meetings on (?P<k>(?:mon|tues|wednes|thurs|fri|satur|sun)days?)(?: .*)?"),
    _rule(
        "meeting times",
        _WE
        + r"(?:prefer|like|want|take|have|hold) (?:my |all )?(?:meetings|calls) (?:to be )?(?P<v>(?:in|before|after|at|between|on) .+)",
    ),
    _rule("meeting length", _WE + r"(?:prefer|like|want) (?P<v>short|long|\d+[- ]minute|half-hour|hour-long) meetings"),
    # Preferences
    _rule("preference", _S + r"prefer (?P<v>.+?) (?:to|over|rather than|instead of|than) (?P<other>.+)"),
    _rule(
        "preferred {k}", _S + r"prefer (?P<v>(?:(?!as |in |to |with |for |my |your )[\w-]+,? ){1,2})(?P<k>[a-z]{3,}s)"
    ),
    _rule(
        "likes",
        _S
        + r"(?:really |absolutely |also )*(?:like|love|enjoy|adore|am (?:a (?:big |huge )?)?fan of|am fond of|am into) (?P<v>.+)",
        many=True,
    ),
    _rule(
        "likes",
        _S + r"(?:really |absolutely |also )*(?:hate|dislike|detest|loathe|can not stand|can not bear) (?P<v>.+)",
        many=True,
        holds=False,
    ),
    _rule("likes", _S + r"do not (?:really |much )?(?:like|enjoy|love|care for) (?P<v>.+)", many=True, holds=False),
    # Anything of the user's
    _rule(
        "name",
        _MY
        + rf"(?P<who>{UNIQUE_PEOPLE}) is (?:{_CALLED} )?(?P<v>(?:Dr\.?|Mr\.?|Mrs\.?|Ms\.?)? ?(?-i:[A-Z])[\w'-]+(?: (?-i:[A-Z])[\w.'-]*)*)"
        r"(?: (?:at|from|in) .+)?",
    ),
    _rule(
        "name",
        rf"^(?P<v>(?-i:[A-Z])[\w.'-]*(?: (?-i:[A-Z])[\w.'-]*)*) is (?:my|our) (?:new |current )?(?P<who>{UNIQUE_PEOPLE})",
    ),
    _rule("name", _MY + rf"(?P<who>{UNIQUE_PEOPLE}) is {_CALLED} " + _NAME),
    _rule("name", _MY + rf"(?P<who>{PEOPLE}) is {_CALLED} " + _NAME, many=True),
    _rule("name", _MY + rf"(?P<who>{PEOPLE}) is (?P<v>(?-i:[A-Z])[\w'-]+)", many=True),
    _rule("name", _MY + rf"(?P<who>{PEOPLE})'s name is " + _NAME, many=True),
    _rule("{k}", _MY + r"(?P<who>[a-zé][\w -]{1,40}?)'s (?P<k>[\w' -]{2,40}?) (?:is|are) (?P<v>.+)"),
    _rule(
        "{k}",
        _WE + r"(?:changed|switched|updated|moved) my (?P<k>[\w' -]{2,40}?) (?:from (?P<old>.+?) )?to (?P<v>.+)",
        changes=True,
    ),
    _rule(
        "{k}",
        _MY + r"(?P<k>[\w' -]{2,40}?) (?:has |was )?(?:changed|switched|moved) (?:from (?P<old>.+?) )?to (?P<v>.+)",
        changes=True,
    ),
    _rule(
        "?", _WE + r"(?:switched|changed|went|migrated|moved) (?:over )?from (?P<old>.+?) to (?P<v>.+)", changes=True
    ),
    _rule("{k}", _MY + r"(?P<k>[\w' -]{2,40}?) (?:is|are) (?P<v>.+)"),
    # What one does: ended by "I no longer ...", never by doing something else.
    _rule(
        "does",
        _S + r"(?P<v>(?:play|run|smoke|swim|cycle|bike|volunteer|take|drink|eat|read|practise|practice|teach|"
        r"coach|sing|paint|rent|own|use|wear|meet|attend|go to|go|subscribe to|train|foster|keep|have|dance|climb|"
        r"sail|ski|work|drive|vape|gamble|bake|cook|knit|hike|jog|skate|surf|fish|hunt|garden|travel|blog)\b.*)",
        many=True,
    ),
)
