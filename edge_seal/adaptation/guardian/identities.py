"""Rules for what names or places a person: numbers of national registers, postal addresses, names of others.

python-stdnum (offline, no data beyond its own tables) checks the numbers; it is loaded when something has their form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Final, Protocol, cast

from edge_seal.adaptation.guardian.rule import Family, Finder, Match, Rule

# National registers ---------------------------------------------------------------------------------------

# Forms that nothing else has, with check digits or letters; each is checked by one of the modules of python-stdnum.
_EVIDENT: Final = (
    (r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]", ("fi.hetu",)),
    (r"(?:\d{2})?\d{6}[-+]\d{4}", ("se.personnummer", "is_.kennitala")),
    (r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", ("fr.nir",)),
    (r"\d{8}-?[A-HJ-NP-TV-Z]", ("es.dni",)),
    (r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", ("es.nie",)),
    (r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", ("it.codicefiscale",)),
    (r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d", ("mx.curp",)),
    (r"\d{3}\.\d{3}\.\d{3}-\d{2}", ("br.cpf",)),
    (r"\d{17}[\dX]", ("cn.ric",)),
    (r"\d{6}-[1-8]\d{6}", ("kr.rrn",)),
    (r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", ("be.nn",)),
    (r"\d{6}/\d{4}", ("cz.rc",)),
    (r"9\d{2}-\d{2}-\d{4}", ("us.itin",)),
    (r"756\.\d{4}\.\d{4}\.\d{2}", ("ch.ssn",)),
    (r"\d{6}-\d{2}-\d{4}", ("my.nric",)),
    (r"\d-\d{4}-\d{5}-\d{2}-\d", ("th.pin",)),
    (r"\d{5}-\d{7}-\d", ("pk.cnic",)),
    (r"\d{1,2}\.\d{3}\.\d{3}-[\dKk]", ("cl.rut",)),
    (r"\d{3}-\d{7}-\d", ("do.cedula",)),
)
# Digits alone, with one or two check digits: by chance one in ten has them, so a word has to say what they are.
_BY_LENGTH: Final = {
    8: ("dk.cpr", "ar.dni", "nz.ird"),
    9: ("nl.bsn", "ca.sin", "au.tfn", "il.idnr", "us.ssn", "nz.ird", "pe.cui", "cr.cpf", "cz.rc"),
    10: (
        "gb.nhs", "dk.cpr", "bg.egn", "se.personnummer", "is_.kennitala", "at.vnr", "gb.utr", "ua.rntrc", "cz.rc",
        "ec.ci", "ru.inn",
    ),
    11: (
        "no.fodselsnummer", "de.idnr", "pl.pesel", "be.nn", "ee.ik", "lt.asmens", "lv.pvn", "hr.oib", "tr.tckimlik",
        "br.cpf", "gr.amka", "cu.ni", "do.cedula",
    ),
    12: ("in_.aadhaar", "jp.in_", "my.nric", "ru.inn"),
    13: ("za.idnr", "ro.cnp", "si.emso", "th.pin", "pk.cnic", "kr.rrn", "ch.ssn", "fr.nif"),
    15: ("fr.nir",),
    16: ("id.nik",),
}  # fmt: skip
# Two letters, six digits, a letter: the United Kingdom's has no check digit, and prefixes that are not given out.
_NATIONAL_INSURANCE: Final = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"
    r"(?![A-Za-z0-9])"
)
_EVIDENT_FORMS: Final = tuple(
    (re.compile(rf"(?<![A-Za-z0-9.+-]){form}(?![A-Za-z0-9]|[-.]\d)"), modules) for form, modules in _EVIDENT
)
_DIGIT_RUN: Final = re.compile(r"(?<![\w.+-])\d(?:[ ./-]?\d){7,15}+(?![\w]|[-.]\w)")
_DECIMAL: Final = re.compile(r"\d{1,3}\.\d+")
_REGISTER_WORD: Final = re.compile(
    r"\b(?:bsn|burgerservice\w*|sin|tfn|nhs|cpr|pesel|egn|oib|cnp|aadhaar|aadhar|isikukood|personnummer|personnumer|fødselsnummer"
    r"|fodselsnummer|steuer\w*|identifikation\w*|kimlik|rijksregister\w*|national|identity|citizen|tax|social\s+(?:security|insurance)"
    r"|health|(?:my|your|his|her|their|our|photo|personal|state)\s+ids?|ids?[\s-]+(?:numbers?|no|cards?))\b[^\n]{0,32}$",
    re.IGNORECASE,
)


def _is_valid(module: str, number: str) -> bool:
    """Whether the module's check holds; one that the library cannot finish (its tables have holes) does."""
    check = cast("Callable[[str], bool]", import_module(f"stdnum.{module}").is_valid)
    try:
        return check(number)
    except (LookupError, ValueError):
        return True


# The shortest of the numbers has six digits; most texts have none.
_ENOUGH_DIGITS: Final = re.compile(r"(?:\d[^\d\n]{0,4}){6}")


def _national_numbers(text: str) -> Iterator[Match]:
    if _ENOUGH_DIGITS.search(text) is None and _NATIONAL_INSURANCE.search(text) is None:
        return
    for form, modules in _EVIDENT_FORMS:
        for found in form.finditer(text):
            if len(set(found[0])) > 3 and any(_is_valid(module, found[0]) for module in modules):
                yield Match(found.start(), found.end())
    for found in _NATIONAL_INSURANCE.finditer(text):
        yield Match(found.start(), found.end())
    for found in _DIGIT_RUN.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        modules = _BY_LENGTH.get(len(digits), ())
        if not modules or len(set(digits)) <= 2 or _DECIMAL.fullmatch(found[0]):
            continue
        if _REGISTER_WORD.search(text[max(0, found.start() - 56) : found.start()]) is None:
            continue
        if any(_is_valid(module, digits) for module in modules):
            yield Match(found.start(), found.end())


# Postal addresses -----------------------------------------------------------------------------------------

_CAPITAL: Final = r"[^\W\d_a-zß-öø-ÿ][\w'’.-]{0,30}"
_STREET_AFTER_NUMBER: Final = re.compile(
    rf"(?<![\w.,])(?:(?:Apt|Suite|Unit|Flat)\.?\s\d{{1,5}}[\s,]{{1,2}})?\d{{1,6}}[A-Za-z]?(?:\s\d{{1,5}})?,?\s(?:[NSEW]\.?\s)?"
    rf"(?:{_CAPITAL}\s){{1,4}}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Square|Sq|Terrace|Way|Place|Pl"
    r"|Crescent|Close|Gardens|Highway|Hwy|Parkway|Pkwy|Row|Mews|Circle|Trail)\b\.?"
)
_STREET_IN_ONE_WORD: Final = re.compile(
    r"(?<!\w)[^\W\d_a-z][\w'’-]{2,30}?(?:katu|tie|kuja|polku|raitti|tori|stra(?:ß|ss)e|str\.|weg|gasse|platz|allee|straat|laan|plein|gatan|gata"
    r"|vägen|veien|vegen|vej|gade)\s\d{1,4}(?:\s?[A-Za-z]\b)?(?:\s\d{1,3}\b)?"
)
_STREET_BEFORE_NAME: Final = re.compile(
    r"(?<!\w)(?:\d{1,4}(?:\s?bis)?,?\s)?(?i:rue|avenue|av\.|boulevard|bd|place|chemin|allée|quai|via|viale|piazza|corso|calle|avenida|plaza"
    rf"|paseo|rua|ulica|ul\.)\s(?:[\w'’.-]{{1,20}}\s){{0,3}}?{_CAPITAL}(?:\s{_CAPITAL}){{0,2}}(?:,?\s\d{{1,4}}\b)?"
)
_POSTCODE: Final = re.compile(
    r"(?<![\w.])(?:\d{5}(?:-\d{4})?|\d{4}\s?[A-Z]{2}\b|\d{4}(?=,?\s[^\W\d_a-z])|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d|\d{3}\s\d{2}|\d{2}-\d{3})"
    r"(?![\w%]|[.,]\d)"
)
_ADDRESS_BEFORE: Final = re.compile(
    r"\b(?:address(?:\s+is)?|(?:ship|deliver|send|post|mail)\w{0,3}(?:\s+\w+){0,3}\s+to|resid(?:e|es|ing)\s+at|osoite\w*|adresse?|indirizzo"
    r"|dirección)\b[^\n]{0,16}$",
    re.IGNORECASE,
)
_STREETS: Final = (_STREET_AFTER_NUMBER, _STREET_IN_ONE_WORD, _STREET_BEFORE_NAME)


def _postal_addresses(text: str) -> Iterator[Match]:
    """A street with its number, and beside it a postcode or a word that says that it is an address."""
    for street in _STREETS:
        for found in street.finditer(text):
            if not any(c.isdigit() for c in found[0]):
                continue
            code = _POSTCODE.search(text, found.end(), min(len(text), found.end() + 60))
            if code is not None and "\n\n" not in text[found.end() : code.start()]:
                yield Match(found.start(), code.end())
            elif _ADDRESS_BEFORE.search(text[max(0, found.start() - 48) : found.start()]):
                yield Match(found.start(), found.end())


# Names of others ------------------------------------------------------------------------------------------

_NAME: Final = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]{0,20}(?:['’-][^\W\d_]{1,20})?"
_WITH_TITLE: Final = re.compile(rf"(?<!\w)(?:Mr|Mrs|Ms|Mx|Dr|Prof)\b\.?\s({_NAME}(?:\s{_NAME})?)")
_RELATION: Final = re.compile(
    r"\b(?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir)\s(?:\w{1,12}\s)?(?:sister|brother|mother|father|mum|mom|dad|wife|husband|partner|girlfriend"
    r"|boyfriend|son|daughter|child|kid|uncle|aunt|cousin|grand\w{3,8}|friend|boss|manager|colleague|coworker|neighbou?r|landlord|landlady"
    r"|doctor|dentist|therapist|teacher|lawyer|client|patient|roommate|flatmate|ex)"
    rf"(?:,|\sis(?:\scalled|\snamed)?|['’]s\sname\sis)?\s({_NAME}\s{_NAME})"
)


def _names_of_others(text: str) -> Iterator[Match]:
    """A surname after a title, a whole name after a relation; a first name alone is none."""
    for pattern in (_WITH_TITLE, _RELATION):
        for found in pattern.finditer(text):
            yield Match(found.start(1), found.end(1))


class NameFinder(Protocol):
    """A recognizer of names of persons: where each begins and ends in a text. The same for the same text."""

    def __call__(self, text: str, /) -> Iterable[tuple[int, int]]: ...


_OWN_NAME_BEFORE: Final = re.compile(
    r"\b(?:my\s(?:full\s|first\s|last\s)?name(?:['’]s|\sis)|call\sme|I\s?['’]?a?m|this\sis)\s$", re.IGNORECASE
)


def names_of_others_by(finder: NameFinder) -> Finder:
    """What `finder` finds, but for the name by which the writer introduces themselves: that is no third party's."""

    def find(text: str) -> Iterator[Match]:
        for start, end in finder(text):
            if _OWN_NAME_BEFORE.search(text[max(0, start - 24) : start]) is None:
                yield Match(start, end)

    return find


IDENTITY_RULES = (
    Rule(
        "personal.national_id",
        Family.PERSONAL,
        "numbers of national registers of fifty countries by their check digits: by their form alone where nothing "
        "else has it, else beside a word for them",
        "it holds a national identity number",
        _national_numbers,
    ),
    Rule(
        "personal.postal_address",
        Family.PERSONAL,
        "a street with its number beside a postcode or a word such as address, ship to; a street alone is none",
        "it holds a postal address",
        _postal_addresses,
        specific=False,
    ),
    Rule(
        "personal.name_of_other",
        Family.PERSONAL,
        "names of third parties: a surname after a title, a whole name after a relation (my boss …)",
        "it names another person",
        _names_of_others,
        specific=False,
        advisory=True,
    ),
)
