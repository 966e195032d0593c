"""When something was true: English expressions of time, questions about the past, and how a memory's dates are shown.

Invariants: pure, the present moment is passed in; a day, month or year begins at midnight UTC; what is not understood
is no time at all, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from edge_seal.clock import parse_timestamp, timestamp
from edge_seal.records import Memory


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: `start` is in it, `end` is not; None where nothing was said."""

    start: datetime | None = None
    end: datetime | None = None


_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS: Final = {
    word: number
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())  # noqa: SIM905
} | {"a": 1, "an": 1, "a couple of": 2, "a few": 3}
_COUNT: Final = r"(?:\d{1,3}|a couple of|a few|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_YEAR: Final = r"(?:19|20)\d\d"
_POINT: Final = (
    rf"(?:\d{{4}}-\d\d-\d\d|(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}(?:,? {_YEAR})?)|"
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?(?:,? {_YEAR})?(?! ?\d)|{_MONTH} (?:of )?(?:{_YEAR}|last year|this year)|"
    rf"{_MONTH}(?! \d)|{_YEAR}|(?:last|this|next) (?:year|month|week|{'|'.join(_WEEKDAYS)}|{_MONTH})|yesterday|today|"
    rf"tomorrow|{_COUNT} (?:year|month|week|day)s? ago|(?:last )?(?:{'|'.join(_WEEKDAYS)}))"
)
_ALL_POINTS: Final = re.compile(_POINT, re.IGNORECASE)
_NAMED: Final = "|".join((*_WEEKDAYS, _MONTH))
_STATEMENT: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("range", rf",? ?\b(?:from|between) (?P<a>{_POINT}) (?:to|until|till|and|through|-|–) (?P<b>{_POINT})\b"),
        ("range", rf",? ?\(?\b(?P<a>{_YEAR}) ?[-–] ?(?P<b>{_YEAR})\b\)?"),
        ("until", rf",? ?\b(?:until|till|up to|up until) (?P<b>{_POINT})\b"),
        ("since", rf",? ?\b(?:ever )?(?:since|as of|from) (?P<a>{_POINT})\b(?: on(?:wards)?)?"),
        ("since", rf",? ?\b(?:starting|beginning)(?: from| in| on)? (?P<a>{_POINT})\b"),
        ("for", rf",? ?\bfor (?:the (?:last|past) )?(?:about |over )?(?P<n>{_COUNT}) (?P<u>year|month|week|day)s?\b"),
        ("at", rf",? ?\b(?:(?:back )?in|on|at the beginning of|at the end of|early|late) (?P<a>{_POINT})\b"),
        ("at", rf",? ?\b(?P<a>(?:last|this|next) (?:year|month|week|{_NAMED})|yesterday|today|tomorrow)\b"),
        ("at", rf",? ?\b(?P<a>{_COUNT} (?:year|month|week|day)s? ago)\b"),
    )
)

# Most statements have none of these, and the expressions above take a millisecond to find that out.
_HINT: Final = re.compile(
    rf"\d|\b(?:since|until|till|ago|last|this|next|yesterday|today|tomorrow|from|between|for|{_NAMED})\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Timed:
    """A statement without its expression of time, and what that said. `kind` is empty where there was none.

    `range`, `until` and `since` say so; `for` is a length up to now; `at` is a point whose meaning lies in the verb.
    """

    rest: str
    kind: str
    period: Period


def timed(form: str, now: datetime) -> Timed:
    """`form` taken apart by the first kind of expression that it holds."""
    if _HINT.search(form) is None:
        return Timed(form, "", Period())
    for kind, pattern in _STATEMENT:
        for found in pattern.finditer(form):
            period = _period(kind, found, now)
            if period is not None and not _is_recurring(form, found):
                rest = " ".join((form[: found.start()] + " " + form[found.end() :]).split()).strip(" ,")
                return Timed(rest, kind, period)
    return Timed(form, "", Period())


def _is_recurring(form: str, found: re.Match[str]) -> bool:
    # "on Fridays", "on a Friday", "my birthday is on 3 March", "I was born in 1990": no period of anything.
    born = re.search(r"\b(?:born|birthday|anniversary|meet|meetings?|every|each)\b", form, re.IGNORECASE)
    said = found.group().lower()
    plain_weekday = any(day in said for day in _WEEKDAYS) and "last" not in said and "since" not in said
    return born is not None or (plain_weekday and "until" not in said)


def _period(kind: str, found: re.Match[str], now: datetime) -> Period | None:
    if kind == "for":
        return Period(_moved(now, found["u"].lower(), -_count(found["n"])))
    groups = found.groupdict()
    first = point(groups["a"], now) if groups.get("a") else Period()
    last = point(groups["b"], now) if groups.get("b") else Period()
    if first is None or last is None:
        return None
    if kind == "range":
        # "From 2019 to 2022" leaves open which part of 2022; the year itself is the least that is wrong.
        return Period(first.start, last.start)
    if kind == "until":
        return Period(None, last.start)
    if kind == "since":
        return Period(first.start)
    return first


def point(text: str, now: datetime) -> Period | None:
    """The day, week, month or year that `text` names, seen from `now`; None if it names none."""
    said = " ".join(text.lower().replace(",", " ").split()).removeprefix("the ")
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if said in {"today", "yesterday", "tomorrow"}:
        start = today + timedelta(days={"today": 0, "yesterday": -1, "tomorrow": 1}[said])
        return Period(start, start + timedelta(days=1))
    ago = re.fullmatch(rf"({_COUNT}) (year|month|week|day)s? ago", said)
    if ago:
        start = _moved(now, ago[2], -_count(ago[1]))
        return Period(start, start + timedelta(days=1))
    relative = re.fullmatch(r"(last|this|next) (year|month|week)", said)
    if relative:
        return _unit(today, relative[2], {"last": -1, "this": 0, "next": 1}[relative[1]])
    weekday = re.fullmatch(rf"(?:(last|this|next) )?({'|'.join(_WEEKDAYS)})", said)
    if weekday:
        return _weekday(today, weekday[1] or "last", weekday[2])
    try:
        return _date(said, today)
    except ValueError:
        return None


def _date(said: str, today: datetime) -> Period | None:
    if re.fullmatch(_YEAR, said):
        return Period(_midnight(int(said)), _midnight(int(said) + 1))
    iso = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", said)
    if iso:
        return _day(_midnight(*(int(part) for part in iso.groups())))
    month = re.search(_MONTH, said)
    if month is None:
        return None
    number = next(n for n, name in enumerate(_MONTHS, start=1) if name.startswith(month.group()[:3]))
    year = re.search(_YEAR, said)
    day = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)?\b", said)
    in_year = int(year.group()) if year else _year_of(said, number, today)
    if day:
        return _day(_midnight(in_year, number, int(day[1])))
    start = _midnight(in_year, number)
    return Period(start, _moved(start, "month", 1))


def _year_of(said: str, month: int, today: datetime) -> int:
    """Without a year the last such month is meant, or as `said` tells."""
    if "last year" in said:
        return today.year - 1
    if "this year" in said:
        return today.year
    if said.startswith("next"):
        return today.year + (1 if month <= today.month else 0)
    return today.year - (1 if month > today.month else 0)


def _weekday(today: datetime, which: str, name: str) -> Period:
    back = (today.weekday() - _WEEKDAYS.index(name)) % 7
    if which == "next":
        return _day(today + timedelta(days=7 - back))
    return _day(today - timedelta(days=back or (7 if which == "last" else 0)))


def _unit(today: datetime, unit: str, steps: int) -> Period:
    if unit == "week":
        start = today - timedelta(days=today.weekday()) + timedelta(weeks=steps)
        return Period(start, start + timedelta(weeks=1))
    first = today.replace(day=1) if unit == "month" else today.replace(month=1, day=1)
    start = _moved(first, unit, steps)
    return Period(start, _moved(start, unit, 1))


def _moved(moment: datetime, unit: str, steps: int) -> datetime:
    if unit in {"day", "week"}:
        return moment + timedelta(days=steps * (7 if unit == "week" else 1))
    months = moment.year * 12 + moment.month - 1 + steps * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, 28) if moment.day > 28 else moment.day)


def _count(said: str) -> int:
    return _NUMBERS.get(said.lower()) or int(said)


def _midnight(year: int, month: int = 1, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)


def _day(start: datetime) -> Period:
    return Period(start, start + timedelta(days=1))


# Questions --------------------------------------------------------------------------------------------------

_ABOUT_THE_PAST: Final = re.compile(
    r"""
    \b(?: used\s+to | previous(?:ly)? | formerly | former | earlier | in\s+the\s+past | back\s+then | at\s+that\s+time
      | last\s+(?:year|month|week|time|job|address|employer|city|home|place|car|phone) | no\s+longer | any\s?more
      | (?:years?|months?|weeks?|days?)\s+ago | yesterday | history | originally | once
      | old(?=\s+(?:address|job|employer|company|city|town|home|house|flat|apartment|place|phone|car|name|number|laptop
          |doctor|boss|manager|school|team|e-?mail|favou?rite|preference|diet|job\s+title|nickname|\w+\s+number))
      | ex-?(?:wife|husband|partner|employer|boss) | back\s+in\s+\w+ | (?:in|until|before)\s+(?:19|20)\d\d
    )\b
    | \bbefore\b(?!\s+(?:i\s+(?:go|leave|start|send|eat|sleep|do|buy|book|call|travel|submit|apply|move)|my|the|a|an|bed
        |breakfast|lunch|dinner|work|noon|midnight|\d|[a-z]+ing\b))
    | \bbefore\s+(?:i\s+(?:moved|changed|switched|lived|worked|had|was|came|joined)
        |my\s+(?:move|current|new|present)|that)
    | \b(?:where|what|who|which|when|how|whom)\b[^?.]*?\b(?:did|was|were)\s+(?:i|my|we|our)\b
    | \b(?:did|was|were)\s+(?:i|we|my)\b | \b(?:have|had)\s+i\s+(?:ever|lived|worked|owned|driven)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
# "What did I say my dog is called?", "what was my PIN again?": asked of the present.
_ONLY_IN_FORM: Final = re.compile(
    r"\bdid\s+i\s+(?:say|tell|mention|call|name|put|write|note|save|leave|store|hide)\b"
    r"|\b(?:was|were)\b[^?.]*\bagain\b|\bwas\s+i\s+(?:going|supposed)\b",
    re.IGNORECASE,
)
_SURELY_PAST: Final = re.compile(r"\b(?:before|used to|previous(?:ly)?|former(?:ly)?|in the past)\b", re.IGNORECASE)


def asks_about_past(question: str) -> bool:
    """Whether `question` asks how things were, so that what no longer holds is an answer to it."""
    if _ONLY_IN_FORM.search(question) and not _SURELY_PAST.search(question):
        return False
    return _ABOUT_THE_PAST.search(question) is not None


# Shown ------------------------------------------------------------------------------------------------------


def dates(memory: Memory) -> tuple[str, ...]:
    """The memory's dates in words, where it has an end or begins later: `until 5 March 2026`, `2019 to 2022`."""
    starts_later = memory.valid_from > memory.created_at
    if memory.valid_to is None:
        return (f"from {day_of(memory.valid_from)}",) if starts_later else ()
    end = day_of(memory.valid_to)
    if memory.valid_from == memory.created_at or memory.valid_from >= memory.valid_to:
        return (f"until {end}",)
    return (f"{day_of(memory.valid_from)} to {end}",)


def day_of(stored: str) -> str:
    """A stored time as a day for people: `5 March 2026`."""
    moment = parse_timestamp(stored)
    return f"{moment.day} {_MONTHS[moment.month - 1].capitalize()} {moment.year}"


def stored(moment: datetime | None) -> str | None:
    """`moment` as it is stored."""
    return None if moment is None else timestamp(moment)
