"""Labelled texts with structured personal data, and texts that only look like it: made by seed, of tables of others.

What is valid is decided by `phonenumbers` and `python-stdnum` from their own example numbers and structures, never by
the guardian's tables, so that a form which the rules do not know is a miss here. Each case says where its datum stands.
"""

from __future__ import annotations

import contextlib
import re
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import iban, luhn


@dataclass(frozen=True, slots=True)
class Labelled:
    """`text[start:end]` is what should be found; by `kind`, of which any rule in `RULES_FOR` may be the one."""

    kind: str
    text: str
    start: int
    end: int


RULES_FOR: Final = {
    "phone, any country": {"personal.phone"},
    "payment card": {"personal.payment_card"},
    "iban, any country": {"personal.iban"},
    "national identifier": {"personal.national_id", "personal.identity_document", "personal.us_ssn"},
    "us social security number": {"personal.us_ssn"},
    "e-mail": {"personal.email"},
    "ip address": {"personal.ip_address"},
    "date of birth": {"personal.birth_date"},
    # One class of the policy: whether the check digits of a number have it for another register's is no matter.
    "passport, licence": {"personal.identity_document", "personal.national_id", "personal.us_ssn"},
    "account number": {"personal.bank_account"},
}

# Phones -------------------------------------------------------------------------------------------------------

_REGIONS: Final = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))
_TYPES: Final = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)


def _phone(random: Random) -> phonenumbers.PhoneNumber:
    """A valid number of a country drawn: its example with other last digits."""
    while True:
        example = phonenumbers.example_number_for_type(random.choice(_REGIONS), random.choice(_TYPES))
        if example is None:
            continue
        text = str(example.national_number)
        for _ in range(20):
            drawn = text[:-4] + "".join(random.choices(string.digits, k=4))
            number = phonenumbers.PhoneNumber(
                example.country_code, int(drawn), italian_leading_zero=example.italian_leading_zero
            )
            if phonenumbers.is_valid_number(number):
                return number


def _with_separator(text: str, separator: str) -> str:
    return re.sub(r"[ \-]+", separator, text)


def phone_abroad(random: Random) -> str:
    """With its country code, as it is written in a directory, a link, a spreadsheet, or by hand."""
    number = _phone(random)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    forms = (
        international,
        phonenumbers.format_number(number, PhoneNumberFormat.E164),
        _with_separator(international, "-"),
        _with_separator(international, "."),
        international.replace("+", "00", 1),
        international.replace("+", "(+", 1).replace(" ", ") ", 1),
        international.replace(" ", "\u00a0"),
        phonenumbers.format_number(number, PhoneNumberFormat.RFC3966),
    )
    return random.choice(forms)


def phone_at_home(random: Random) -> str:
    """As it is dialled within its country: a word has to say what it is."""
    while True:
        text = phonenumbers.format_number(_phone(random), PhoneNumberFormat.NATIONAL)
        if len(re.sub(r"\D", "", text)) >= 7 and text.isascii():
            return random.choice((text, _with_separator(text, "-"), _with_separator(text, "."), text.replace(" ", "")))


_ABROAD: Final = (
    "{}",
    "You can reach me at {}.",
    "Ring {} after five",
    "contact: {}, thanks",
    "My number: {}",
    "({})",
    "tel={}",
)
_AT_HOME: Final = (
    "Call me on {}.", "My phone number is {}", "Mobile: {}", "Her cell is {}, his is different", "fax {}",
    "Please text {} when you are here", "Telephone {} or write", "the landline of my parents is {}.",
)  # fmt: skip

# Numbers that pay ---------------------------------------------------------------------------------------------

# Issuer's first digits, lengths and usual groups, from the issuers' own ranges.
_CARDS: Final = (
    (("4",), 16, (4, 4, 4, 4)),
    (("51", "52", "53", "54", "55", "2221", "2500", "2720"), 16, (4, 4, 4, 4)),
    (("34", "37"), 15, (4, 6, 5)),
    (("36", "38", "300", "305"), 14, (4, 6, 4)),
    (("6011", "644", "649", "65"), 16, (4, 4, 4, 4)),
    (("3528", "3589"), 16, (4, 4, 4, 4)),
    (("62",), 16, (4, 4, 4, 4)),
    (("5018", "5020", "5038", "6304", "6759", "6761"), 16, (4, 4, 4, 4)),
    (("2200", "2204"), 16, (4, 4, 4, 4)),
    (("60", "6521", "508", "81"), 16, (4, 4, 4, 4)),
)


def card(random: Random) -> str:
    prefixes, length, groups = random.choice(_CARDS)
    while True:
        prefix = random.choice(prefixes)
        body = prefix + "".join(random.choices(string.digits, k=length - len(prefix) - 1))
        digits = body + luhn.calc_check_digit(body)
        if len(set(digits)) > 3:
            return random.choice(("", "", " ", "-", "\u00a0", ".")).join(_grouped(digits, groups))


def _grouped(text: str, groups: Sequence[int]) -> Iterator[str]:
    place = 0
    for size in groups:
        yield text[place : place + size]
        place += size


_PAYS: Final = (
    "{}", "My card {} was stolen", "pay with {} please", "Visa {} exp 04/29", "card number: {}.", "block {}, now",
    "I want to raise the limit on my card # {}", '{{"card": "{}"}}',
)  # fmt: skip
_IBAN_PART: Final = re.compile(r"(\d+)!([nac])")
_IBAN_COUNTRIES: Final = tuple(
    f"{first}{second}"
    for first in string.ascii_uppercase
    for second in string.ascii_uppercase
    if "bban" in iban._ibandb.info(f"{first}{second}")[0][1]
)
_ALPHABETS: Final = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits + string.ascii_uppercase}


def bank_account(random: Random) -> str:
    """An IBAN of a country drawn, by the structure that its register has; national check digits included."""
    while True:
        country = random.choice(_IBAN_COUNTRIES)
        structure = iban._ibandb.info(country)[0][1]["bban"]
        body = "".join(
            "".join(random.choices(_ALPHABETS[kind], k=int(count))) for count, kind in _IBAN_PART.findall(structure)
        )
        whole = f"{country}{iban.calc_check_digits(f'{country}00{body}')}{body}"
        if iban.is_valid(whole, check_country=False):
            forms = (
                whole,
                " ".join(_grouped(whole, (4,) * 9)).strip(),
                whole.lower(),
                "-".join(_grouped(whole, (4,) * 9)).strip("-"),
            )
            return random.choice(forms[: random.choice((2, 2, 4))])


_BANKS: Final = (
    "{}",
    "IBAN: {}",
    "Transfer it to {} today",
    "from {} to other banks",
    "My account is {}.",
    "iban={};",
    "({})",
)

# National identifiers -----------------------------------------------------------------------------------------

# Each with the words that people put beside it, in its own language and in English.
_REGISTERS: Final = (
    ("fi.hetu", "henkilötunnus"), ("se.personnummer", "personnummer"), ("dk.cpr", "CPR number"),
    ("no.fodselsnummer", "fødselsnummer"), ("is_.kennitala", "kennitala"), ("ee.ik", "isikukood"),
    ("lt.asmens", "asmens kodas"), ("pl.pesel", "PESEL"), ("cz.rc", "rodné číslo"), ("sk.rc", "rodné číslo"),
    ("de.idnr", "Steuer-ID"), ("at.vnr", "Versicherungsnummer"), ("ch.ssn", "AHV number"), ("nl.bsn", "BSN"),
    ("be.nn", "national number"), ("fr.nir", "social security number"), ("fr.nif", "numéro fiscal"),
    ("es.dni", "DNI"), ("es.nie", "NIE"), ("pt.cc", "cartão de cidadão"), ("it.codicefiscale", "codice fiscale"),
    ("gr.amka", "AMKA"), ("ro.cnp", "CNP"), ("bg.egn", "EGN"), ("hr.oib", "OIB"), ("si.emso", "EMŠO"),
    ("gb.nhs", "NHS number"), ("gb.utr", "UTR"), ("ie.pps", "PPS number"), ("tr.tckimlik", "kimlik no"),
    ("ua.rntrc", "tax number"), ("il.idnr", "ID number"), ("za.idnr", "ID number"), ("in_.aadhaar", "Aadhaar"),
    ("in_.pan", "PAN"), ("pk.cnic", "CNIC"), ("cn.ric", "identity number"), ("kr.rrn", "resident registration number"),
    ("jp.in_", "individual number"), ("th.pin", "citizen id"), ("my.nric", "NRIC"), ("id.nik", "NIK"),
    ("au.tfn", "TFN"), ("nz.ird", "IRD number"), ("ca.sin", "SIN"), ("us.itin", "ITIN"), ("mx.curp", "CURP"),
    ("br.cpf", "CPF"), ("ar.dni", "DNI"), ("cl.rut", "RUT"), ("pe.cui", "CUI"), ("ec.ci", "cédula"),
    ("do.cedula", "cédula"), ("cr.cpf", "cédula"), ("cu.ni", "identity number"),
)  # fmt: skip
_QUOTED: Final = re.compile(r"\('([^'\n]+)'\)")
_NAMED: Final = (
    "My {1} is {0}.", "{1}: {0}", "Her {1} is {0}, keep it", "{1} {0}", "My {1} number is {0}", "The {1} ({0}) is mine",
)  # fmt: skip


def national(random: Random) -> tuple[str, str]:
    """A number of a register drawn, as it is printed or run together, and what people call it."""
    name, word = random.choice(_REGISTERS)
    return _like_its_example(random, name), word


def _like_its_example(random: Random, name: str) -> str:
    module = import_module(f"stdnum.{name}")
    examples = [found for found in _QUOTED.findall(module.__doc__ or "") if module.is_valid(found)]
    example = module.compact(random.choice(examples))
    drawn = example
    for _ in range(20_000):
        letters = list(example)
        for place in random.sample(range(len(letters)), k=random.randint(1, max(2, len(letters) // 2))):
            if letters[place].isdigit():
                letters[place] = random.choice(string.digits)
        drawn = "".join(letters)
        with contextlib.suppress(KeyError):  # the library's table of Chinese counties has holes
            if module.is_valid(drawn) and len(set(drawn)) > 3:
                break
    else:
        drawn = example
    if random.random() < 0.5 and hasattr(module, "format"):
        return module.format(drawn)
    return drawn


def social_security(random: Random) -> str:
    while True:
        area, group, serial = random.randint(1, 899), random.randint(1, 99), random.randint(1, 9999)
        text = f"{area:03d}-{group:02d}-{serial:04d}"
        if import_module("stdnum.us.ssn").is_valid(text):
            return random.choice((text, text, text.replace("-", " "), text.replace("-", "")))


_SSN: Final = ("my ssn is {}", "SSN: {}", "social security number {}", "Social Security: {}.", "(SSN {})")
_SSN_BARE: Final = ("{}", "It is {}, I think", "I am {}.")

# What is written in letters -----------------------------------------------------------------------------------

_FIRST: Final = ("anna", "jörg", "li", "o.brien", "Maria", "j", "tom_k", "x9", "first.last", "a-b")
_TAGS: Final = ("", "", "", "+news", "+a.b", "99", "_x", "-1984")
_HOSTS: Final = (
    "posti.fi", "gmail.com", "mail.co.uk", "uni-bonn.de", "münchen.de", "sub.dept.acme.io", "x.museum", "Outlook.COM",
    "firma.berlin", "xn--bcher-kva.ch", "proton.me", "a1.photography", "yandex.ru", "qq.com", "live.com.au",
)  # fmt: skip
_MAILS: Final = (
    "{}", "Write to {}.", "<{}>", "mailto:{}", "e-mail: {}, please", "What's your email? {}", "{} is mine", "({});",
    "Cc:{}", '"{}"',
)  # fmt: skip


def mail_address(random: Random) -> str:
    return f"{random.choice(_FIRST)}{random.choice(_TAGS)}@{random.choice(_HOSTS)}"


def network_address(random: Random) -> str:
    if random.random() < 0.65:
        while True:
            address = IPv4Address(random.getrandbits(32))
            if address.is_global and not address.is_multicast and address.packed[0] > 31:
                return str(address) + random.choice(("", "", ":8080", "/32"))
    while True:
        address6 = IPv6Address((0x2A << 120) | random.getrandbits(120) & ~(0xFFFF << random.choice((32, 48, 64))))
        if address6.is_global:
            return random.choice((str(address6), address6.exploded, f"[{address6}]:443", str(address6).upper()))


_HOSTED: Final = (
    "{}", "my server is at {}", "blocked address {} error", "client_ip={}", "ping {} failed", "from {}, twice", "ssh root@{}",
    "http://{}/",
)  # fmt: skip


def born(random: Random) -> str:
    day = date(1930, 1, 1) + timedelta(days=random.randrange(31_000))
    forms = (
        "%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y", "%b %d %Y",
        "%dth of %B %Y", "%Y/%m/%d", "%A, %d %B %Y", "%d. %B %Y", "%d-%b-%Y", "%d/%m/%y", "%d.%m.%y", "%Y-%b-%d",
    )  # fmt: skip
    return day.strftime(random.choice(forms))


_BORN: Final = (
    "I was born on {}.", "date of birth: {}", "DOB {}", "d.o.b.: {}", "my birthday is {}", "She was born {} in Turku",
    "Birth date - {}", "born: {}", "His date of birth is {}, I believe", "birthdate={}", "{} is my date of birth", "Geburtsdatum: {}", "née le {}", "syntynyt {}",
)  # fmt: skip


def paper(random: Random) -> tuple[str, str]:
    """The number of a passport or licence, and what it is called."""
    forms: tuple[tuple[str, str], ...] = (
        ("passport", "########"), ("passport number", "A########"), ("passport no.", "AA#######"),
        ("driver's license", "A###-####-####"), ("driving licence", "AAAAA######AA#AA"), ("driver license number", "A#######"),
        ("identity card", "AA######A"), ("health insurance number", "A#########"), ("ID card", "#########"),
        ("tax ID", "##-#######"), ("residence permit", "AA#######"), ("Medicare number", "#AA#-AA#-AA##"),
        ("drivers license", "########"), ("licence plate", "AA ## AAA"), ("national insurance number", "AA######A"),
    )  # fmt: skip
    word, form = random.choice(forms)
    drawn = "".join(
        random.choice(string.ascii_uppercase if c == "A" else string.digits) if c in "A#" else c for c in form
    )
    return drawn, word


_PAPERS: Final = ("My {1} is {0}.", "{1}: {0}", "{1} {0}", "the {1} is {0}, valid to 2030", "{1} #{0}", "{1} = {0}")


def account(random: Random) -> tuple[str, str]:
    word = random.choice(
        (
            "account number",
            "bank account",
            "savings account",
            "routing number",
            "account no.",
            "acct",
            "checking account",
        )
    )
    return "".join(random.choices(string.digits, k=random.randint(8, 12))), word


# The cases ----------------------------------------------------------------------------------------------------

Maker = Callable[[Random], tuple[str, str]]


def _in(sentences: Sequence[str], maker: Callable[[Random], str]) -> Maker:
    def make(random: Random) -> tuple[str, str]:
        return random.choice(sentences), maker(random)

    return make


def _named(sentences: Sequence[str], maker: Callable[[Random], tuple[str, str]]) -> Maker:
    def make(random: Random) -> tuple[str, str]:
        value, word = maker(random)
        return random.choice(sentences).replace("{1}", word).replace("{0}", "{}"), value

    return make


def _phones(random: Random) -> tuple[str, str]:
    return (_in(_ABROAD, phone_abroad) if random.random() < 0.6 else _in(_AT_HOME, phone_at_home))(random)


def _social(random: Random) -> tuple[str, str]:
    value = social_security(random)
    return random.choice((*_SSN, *(_SSN_BARE if "-" in value else ()))), value


MAKERS: Final[dict[str, Maker]] = {
    "phone, any country": _phones,
    "payment card": _in(_PAYS, card),
    "iban, any country": _in(_BANKS, bank_account),
    "national identifier": _named(_NAMED, national),
    "us social security number": _social,
    "e-mail": _in(_MAILS, mail_address),
    "ip address": _in(_HOSTED, network_address),
    "date of birth": _in(_BORN, born),
    "passport, licence": _named(_PAPERS, paper),
    "account number": _named(_PAPERS, account),
}


def cases(kind: str, count: int, seed: int) -> Iterator[Labelled]:
    """So many labelled texts of a kind; the same for the same seed."""
    random = Random(f"{kind} {seed}")
    for _ in range(count):
        sentence, value = MAKERS[kind](random)
        before, after = sentence.replace("{{", "{").replace("}}", "}").split("{}", 1)
        yield Labelled(kind, f"{before}{value}{after}", len(before), len(before) + len(value))


def filled(templates: Sequence[str], seed: int) -> Iterator[tuple[str, tuple[Labelled, ...]]]:
    """Documents of templates with `{{credit_card_number}}` and the like in them, and what is to be found in each.

    A date is one of birth where the document says so.
    """
    random = Random(seed)
    for template in templates:
        said = re.sub(r"\{\{\w+\}\}", "", template)
        text, labels = "", list[Labelled]()
        for part in re.split(r"(\{\{\w+\}\})", template):
            name = part.strip("{}") if part.startswith("{{") else ""
            if name in _FILLS:
                kind, maker = _FILLS[name]
                value = maker(random)
                if kind and (kind != "date of birth" or re.search(r"birth|born|dob", said, re.IGNORECASE)):
                    labels.append(Labelled(kind, "", len(text), len(text) + len(value)))
                text += value
            elif name:
                text += random.choice(("Riverton", "Ana", "blue", "Kessler"))
            else:
                text += part
        yield text, tuple(Labelled(label.kind, text, label.start, label.end) for label in labels)


_FILLS: Final[dict[str, tuple[str, Callable[[Random], str]]]] = {
    "credit_card_number": ("payment card", card),
    "phone_number": ("phone, any country", phone_abroad),
    "iban": ("iban, any country", bank_account),
    "email": ("e-mail", mail_address),
    "ip_address": ("ip address", network_address),
    "ssn": ("us social security number", social_security),
    "date_of_birth": ("date of birth", born),
    "us_driver_license": ("passport, licence", lambda r: f"{r.choice(string.ascii_uppercase)}{r.randrange(10**7):07d}"),
    "age": ("", lambda r: str(r.randint(18, 90))),
    "year": ("", lambda r: str(r.randint(1950, 2026))),
    "zipcode": ("", lambda r: f"{r.randrange(10**5):05d}"),
    "postcode": ("", lambda r: f"{r.randrange(10**5):05d}"),
    "building_number": ("", lambda r: str(r.randint(1, 400))),
    "date_time": (
        "",
        lambda r: f"{r.randint(1990, 2026)}-{r.randint(1, 12):02d}-{r.randint(1, 28):02d} {r.randint(0, 23):02d}:05:44",
    ),
}

# What only looks like it --------------------------------------------------------------------------------------


def _digits(random: Random, count: int) -> str:
    return "".join(random.choices(string.digits, k=count))


def _isbn(random: Random) -> str:
    body = "978" + _digits(random, 9)
    check = -sum(int(c) * (3 if place % 2 else 1) for place, c in enumerate(body)) % 10
    whole = f"{body}{check}"
    return random.choice((whole, f"{whole[:3]}-{whole[3]}-{whole[4:8]}-{whole[8:12]}-{whole[12]}"))


def _hex(random: Random, count: int) -> str:
    return "".join(random.choices("0123456789abcdef", k=count))


LOOKALIKES: Final[dict[str, Callable[[Random], str]]] = {
    "order number": lambda r: f"Your order number is {_digits(r, r.choice((8, 10, 12, 16)))}.",
    "tracking number": lambda r: f"tracking: {_digits(r, 12)} left the depot",
    "invoice": lambda r: (
        f"Invoice {r.randint(2015, 2026)}-{_digits(r, 5)} over {r.randint(10, 9999)}.{_digits(r, 2)} EUR"
    ),
    "version": lambda r: (
        f"upgrade to version {r.randint(0, 20)}.{r.randint(0, 40)}.{r.randint(0, 300)}.{r.randint(0, 9)}"
    ),
    "ISBN": lambda r: f"ISBN {_isbn(r)} is out of print",
    "date": lambda r: f"The contract ends on {born(r)}.",
    "timestamp": lambda r: f"at {r.randint(1_500_000_000, 1_900_000_000)} it failed",
    "price": lambda r: f"It costs ${r.randint(1, 999)},{_digits(r, 3)}.{_digits(r, 2)} or {_digits(r, 7)} yen",
    "arithmetic": lambda r: f"What is {_digits(r, 7)} + {_digits(r, 8)}?",
    "large number": lambda r: f"The population is {r.randint(1, 999)},{_digits(r, 3)},{_digits(r, 3)}.",
    "coordinates": lambda r: f"We met at {r.randint(-89, 89)}.{_digits(r, 6)}, {r.randint(-179, 179)}.{_digits(r, 6)}",
    "hash": lambda r: f"commit {_hex(r, 40)} broke it",
    "UUID": lambda r: f"id {_hex(r, 8)}-{_hex(r, 4)}-4{_hex(r, 3)}-a{_hex(r, 3)}-{_hex(r, 12)}",
    "private address": lambda r: (
        f"the router is at {r.choice(('192.168', '10.0', '172.16'))}.{r.randint(0, 255)}.{r.randint(1, 254)}"
    ),
    "colour": lambda r: f"use #{_hex(r, 6)} for the border",
    "score": lambda r: (
        f"They won {r.randint(0, 9)}-{r.randint(0, 9)}, {r.randint(10, 120)}-{r.randint(10, 120)} overall"
    ),
    "years": lambda r: f"from {r.randint(1500, 1999)}-{r.randint(2000, 2026)} it was open",
    "handle": lambda r: f"follow @{r.choice(_FIRST)}{r.randint(1, 99)} there",
    "decorator": lambda r: f"@pytest.mark.{r.choice(('slow', 'unit', 'skip'))}\ndef test_{r.randint(1, 99)}(): ...",
    "part number": lambda r: f"part no. {r.choice('ABC')}{_digits(r, 3)}-{_digits(r, 6)}",
    "room": lambda r: f"room {r.randint(1, 9)}.{r.randint(1, 60):02d}, floor {r.randint(1, 30)}",
    "chapter": lambda r: f"see section {r.randint(1, 20)}.{r.randint(1, 20)}.{r.randint(1, 20)}.{r.randint(1, 20)}",
    "example address": lambda r: f"write to {r.choice(('you', 'user', 'me'))}@example.{r.choice(('com', 'org'))}",
    "issue number": lambda r: f"fixed in #{_digits(r, r.randint(3, 7))}",
    "measure": lambda r: f"{_digits(r, 7)} bytes in {r.randint(1, 99)}.{_digits(r, 6)} s",
    "ratio": lambda r: f"pi is 3.{_digits(r, 12)} or so",
    "birthday without year": lambda r: f"Her birthday is on {r.randint(1, 28)} {r.choice(('May', 'June'))}.",
    "born where": lambda r: f"He was born in {r.choice(('Oslo', 'Lima'))} and moved in {r.randint(1950, 2020)}.",
    "MAC": lambda r: "mac " + ":".join(_hex(r, 2) for _ in range(6)),
    "meeting": lambda r: f"join the meeting, id {_digits(r, 3)} {_digits(r, 4)} {_digits(r, 4)}",
    "user id": lambda r: f"user id {_digits(r, r.choice((5, 6, 8)))} has no rights",
    "job": lambda r: f"the job {_digits(r, 9)} failed on node {r.randint(1, 99)}",
    "card that is none": lambda r: f"test card 4{_digits(r, 3)} 0000 {_digits(r, 4)}",
    "model": lambda r: f"a Nokia {_digits(r, 4)} and a Galaxy S{r.randint(5, 30)} with {r.choice((64, 128))} GB",
    "standard": lambda r: f"ISO {_digits(r, 4)}-{r.randint(1, 9)}:{r.randint(1990, 2026)} and RFC {_digits(r, 4)}",
    "DOI": lambda r: f"doi:10.{_digits(r, 4)}/{_digits(r, 7)}",
    "time of a call": lambda r: (
        f"Call me at {r.randint(1, 12)}:{r.randint(10, 59)} on {r.randint(1, 28)}.{r.randint(1, 12)}.2026"
    ),
    "driver": lambda r: f"install driver {r.randint(300, 600)}.{r.randint(10, 99)}.{r.randint(1, 20)} first",
    "licence text": lambda r: f"MIT License, Copyright {r.randint(1990, 2026)}-{r.randint(1990, 2026)}",
    "health check": lambda r: f"the health check returned {r.choice((200, 500, 503))} in {_digits(r, 4)} ms",
    "tax year": lambda r: f"tax year {r.randint(2000, 2025)}/{r.randint(10, 26)}, code {_digits(r, 3)}L",
    "trigonometry": lambda r: f"sin({r.randint(1, 89)}) = 0.{_digits(r, 9)}",
    "nation": lambda r: f"the national debt is {_digits(r, 3)},{_digits(r, 3)},{_digits(r, 3)} and growing",
    "seed": lambda r: f"seed={_digits(r, 10)} temperature=0.{_digits(r, 2)}",
    "snowflake": lambda r: f"https://x.test/status/1{_digits(r, 18)}",
    "log line": lambda r: (
        f"2026-0{r.randint(1, 9)}-1{r.randint(0, 9)}T0{r.randint(0, 9)}:1{r.randint(0, 9)}:22.{_digits(r, 6)}Z INFO 0x{_hex(r, 12)}"
    ),
    "recipe": lambda r: (
        f"{r.randint(100, 900)} g flour, {r.randint(1, 9)} eggs, {r.randint(160, 230)} °C for {r.randint(10, 90)} min"
    ),
    "size": lambda r: f"{r.randint(1000, 9999)} x {r.randint(1000, 9999)} px, {_digits(r, 8)} colours",
    "phone number in words": lambda r: f"What is the emergency number in country {r.randint(1, 200)}? 112 or 911?",
    "account plan": lambda r: f"My account has {_digits(r, 4)} points and level {r.randint(1, 99)}",
    "clock": lambda r: f"from {r.randint(0, 23):02d}:{r.randint(0, 59):02d}:{r.randint(0, 59):02d} on",
}
"""Kinds of texts without any personal datum, with what makes one."""


def lookalikes(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """So many texts of each kind, with the kind's name."""
    for kind, maker in LOOKALIKES.items():
        random = Random(f"{kind} {seed}")
        for _ in range(count):
            yield kind, maker(random)


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927), 95% by default."""
    if n == 0:
        return 0.0, 1.0
    share, spread = hits / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * (share * (1 - share) / n + spread / (4 * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)
