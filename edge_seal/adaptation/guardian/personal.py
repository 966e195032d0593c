"""Rules for structured personal data: what can be told by its form, its check digits, or the word beside it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from edge_seal.adaptation.guardian.rule import Family, Match, Rule, digits_of, passes_luhn, passes_mod_97, words

# E-mail ---------------------------------------------------------------------------------------------------

_LOCAL_PART = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!#$%&'*+/=?^_`{|}~-")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}([^\W\d_]{2,24})\b")
# Set aside by RFC 2606 and RFC 6761: nobody's address.
_NOBODYS_DOMAIN = re.compile(
    r"(?:^|\.)(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost|local)$", re.IGNORECASE
)


def _emails(text: str) -> Iterator[Match]:
    at = text.find("@")
    while at >= 0:
        start = at
        while start > 0 and at - start < 64 and (text[start - 1] in _LOCAL_PART or text[start - 1] > "\x7f"):
            start -= 1
        while start < at and not text[start].isalnum():
            start += 1
        domain = _DOMAIN.match(text, at + 1, at + 256)
        if domain and start < at and _NOBODYS_DOMAIN.search(domain[0]) is None:
            yield Match(start, domain.end())
        at = text.find("@", at + 1)


# Payment cards, bank accounts -----------------------------------------------------------------------------

_CARD = re.compile(
    r"(?<![\w.])(?<!\d-)(?:\d(?:[ \u2010-\u2015-]?\d){12,18}+|\d{4}\.\d{4}\.\d{4}\.\d{4}|3\d{3}\.\d{6}\.\d{4,5})"
    r"(?![\w]|\.\d)"
)
_CARD_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|220[0-4]\d{12,15}|8[12]\d{14}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}"
    r"|(?:50|5[6-9]|6[0-9])\d{10,17}"
)
_OTHER_NUMBER = re.compile(
    r"\b(?:order|tracking|invoice|ticket|serial|part|item|reference|ref|case|booking|parcel|isbn|ean|issn|barcode|imei|model)"
    r"\b[\s#:]{0,4}(?:(?:number|no\.?|nr\.?|id|code|is)[\s#:]{0,4}){0,2}$",
    re.IGNORECASE,
)


def _cards(text: str) -> Iterator[Match]:
    for found in _CARD.finditer(text):
        digits = digits_of(found[0])
        if _CARD_ISSUERS.fullmatch(digits) is None or not passes_luhn(digits) or len(set(digits)) <= 2:
            continue
        if _OTHER_NUMBER.search(text[max(0, found.start() - 40) : found.start()]) is None:
            yield Match(found.start(), found.end())


_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \u00a0.-]?[A-Z0-9]){11,30}+", re.IGNORECASE)
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in (
        entry.split(":")
        for entry in words(
            "15:NO 16:BE 18:DK,FI,FK,FO,GL,NL,SD 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,MN,XK 21:CH,HR,LI,LV "
            "22:BG,BH,CR,DE,GB,GE,IE,ME,RS,VA 23:AE,GI,IL,IQ,OM,SO,TL 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG "
            "25:LY,PT,ST 26:IS,TR 27:BI,DJ,FR,GR,IT,MC,MR,SM 28:AL,AZ,BY,CY,DO,GT,HN,HU,LB,NI,PL,SV "
            "29:BR,EG,PS,QA,UA 30:JO,KW,MU,YE 31:MT,SC 32:LC 33:RU"
        )
    )
    for country in countries.split(",")
}


def _ibans(text: str) -> Iterator[Match]:
    for found in _IBAN.finditer(text):
        length = _IBAN_LENGTHS.get(found[0][:2].upper())
        if length is None:
            continue
        end, kept = found.start(), ""
        while end < found.end() and len(kept) < length:  # the words after it may have been taken along
            kept += text[end].upper() if text[end].isalnum() else ""
            end += 1
        if len(kept) == length and passes_mod_97(kept) and _has_structure(kept):
            yield Match(found.start(), end, kept[:2])


def _has_structure(iban: str) -> bool:
    """Whether letters and digits are where the country has them: of words in a row one in 97 passes the other check."""
    from stdnum import iban as register

    return register.is_valid(iban, check_country=False)


# From the name of a number to the number: "passport number: ", "account no. is ".
_TO_NUMBER = (
    r"s?\b[\s.:#\"'()-]{0,4}"
    r"(?:(?:numbers?|nummer|n[uú]mero|num[eé]ro|numer|[cč][ií]slo|kod(?:as)?|no|nr|n[º°]|num|code|card|id|is|are|was|=|->)"
    r"[\s.:#=\"'(]{0,4}){0,4}"
)
_ACCOUNT = re.compile(
    r"\b(?:(?:bank|checking|savings|current)\s+account|account\s+(?:number|no|nr)|acct|routing|sort\s+code|bsb)"
    + _TO_NUMBER
    + r"(\d(?:[ -]?\d){5,16}+)(?![\w]|-\d)",
    re.IGNORECASE,
)


def _accounts(text: str) -> Iterator[Match]:
    for found in _ACCOUNT.finditer(text):
        yield Match(found.start(1), found.end(1))


# Said just before a number that is written as another kind of number too: 77.83.73.72 is a phone's in France.
_PHONE_SAID = re.compile(
    r"\b(?:phone|telephone|tel|mobile|cell|fax|landline|call|ring|text)\b[^\w\n]{0,4}(?:\w{1,10}\W{1,3}){0,5}$",
    re.IGNORECASE,
)

# Papers ---------------------------------------------------------------------------------------------------

_SSN = re.compile(r"(?<![\w+-])(?!000|666|9)\d{3}([ -])(?!00)\d{2}\1(?!0000)\d{4}(?![\w]|-\d)")
_SSN_NAMED = re.compile(
    r"\b(?:ssn|social\s+security)" + _TO_NUMBER + r"((?!000|666|9)\d{3}[ .-]?(?!00)\d{2}[ .-]?(?!0000)\d{4})(?!\w)",
    re.IGNORECASE,
)


def _social_security_numbers(text: str) -> Iterator[Match]:
    for found in _SSN.finditer(text):
        before = text[max(0, found.start() - 40) : found.start()]
        if "social" in before.lower() or (found[1] == "-" and not _PHONE_SAID.search(before)):
            yield Match(found.start(), found.end())
    for found in _SSN_NAMED.finditer(text):
        yield Match(found.start(1), found.end(1))


# Groups that have a digit each, one of them after at most six letters, and capitals that end them: `AB12 3456 C`.
_PAPER_NUMBER = (
    r"((?:[A-Z]{1,6}[ .+/-]?)?\d[A-Z0-9]{0,24}+(?:[ .+/-](?:[A-Z]{1,3}[ .+/-]?)?\d[A-Z0-9]{0,24}+){0,8}"
    r"(?:[ -](?-i:[A-Z]{1,2}))?)(?![\w@])"
)
_DOCUMENT = re.compile(
    r"\b(?:passport|driv(?:er|ing)(?:['’]?s)?\s+licen[cs]e|drivers\s+licen[cs]e|(?:national|identity|id|residence|insurance|health)"
    r"[\s-](?:card|id|identity|permit|insurance|number)|personal\s+(?:identity\s+)?(?:code|id|number)|social\s+insurance"
    r"|tax(?:payer)?\s+(?:id|number|code)|nhs|medicare|green\s+card|itin|tin|utr|sin|tfn|ird|pps|bsn|pesel|aadhaa?r|pan|cnic|nric"
    r"|curp|cpf|dni|nie|rut|cui|c[eé]dula|nik|nin|amka|cnp|egn|oib|em[sš]o|jmbg|kennitala|personn?ummer|isikukood|cpr|kimlik"
    r"|(?:asmens|personas)\s+kod\w{1,2}|rodn[eé]\s+[cč][ií]slo|henkil[öo]tunnus|f[øo]dselsnummer|burgerservicenummer"
    r"|(?:sozial)?versicherungs(?:nummer|nr)|steuer-?id(?:entifikationsnummer)?|svnr|ahv|avs|rijksregister(?:nummer)?"
    r"|num[eé]ro\s+(?:fiscal|de\s+s[eé]curit[eé]\s+sociale)|cart[aã]o\s+de\s+cidad[aã]o|codice\s+fiscale|inn|инн|єдрпоу|рнокпп"
    r"|(?:resident\s+registration|national\s+insurance|social\s+security|individual|citizen|identity|register)\s+(?:number|id|no))"
    + _TO_NUMBER
    + _PAPER_NUMBER,
    re.IGNORECASE,
)
_PLATE = re.compile(
    r"\b(?:licen[cs]e|number|registration)[\s-]plate"
    + _TO_NUMBER
    + r"((?-i:[A-Z0-9]{1,4}(?:[ -][A-Z0-9]{1,4}){0,3}))(?!\w)",
    re.IGNORECASE,
)


def _documents(text: str) -> Iterator[Match]:
    for found in _DOCUMENT.finditer(text):
        digits = len(digits_of(found[1]))
        if digits >= 5 or (digits == 4 and sum(map(str.isalpha, found[1])) >= 4):
            yield Match(found.start(1), found.end(1))
    for found in _PLATE.finditer(text):
        if any(c.isdigit() for c in found[1]):
            yield Match(found.start(1), found.end(1))


# Phones ---------------------------------------------------------------------------------------------------

_PHONE = re.compile(
    r"(?<![\w.+/$€£-])(?<!\d:)(?:\+|\(\+|00)?\(?\d(?:[().\-/\u00a0 ]{0,3}\d){5,16}+"
    r"(?:\s?(?:x|ext\.?\s?)\d{1,6})?(?![\w]|[.:,/]\d|%)",
    re.IGNORECASE,
)
_PHONE_BEFORE = re.compile(
    r"\b(?:call|phone|telephone|tel|mobile|cell|fax|whats\s?app|sms|text|ring|dial|reach|contact|desk|office|hotline|landline"
    r"|(?:my|his|her|our|their|new|phone|your)\s+number|registered|puh)\w{0,4}\b[^\n]{0,32}$",
    re.IGNORECASE,
)
_PHONE_AFTER = re.compile(r"[\s(,-]{0,3}(?:mobile|cell|office|fax|home|work|phone|desk)\b", re.IGNORECASE)
_DATE_LIKE = re.compile(
    r"(?:1[5-9]|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:[ T]\d{1,2})?"
    r"|(?P<day>\d{1,2})[-/. ](?P<month>\d{1,2})[-/. ]\d{4}"
    r"|(?:1[5-9]|20)\d\d\s?[-/]\s?(?:1[5-9]|20)\d\d"
)


def _phones(text: str) -> Iterator[Match]:
    for found in _PHONE.finditer(text):
        number, digits = found[0], digits_of(re.split(r"x|ext", found[0], flags=re.IGNORECASE)[0])
        if not 7 <= len(digits) <= 17 or _is_date(number) or len(set(digits)) <= 2:
            continue
        before = text[max(0, found.start() - 48) : found.start()]
        if _OTHER_NUMBER.search(before):
            continue
        if (
            _is_international(number, digits)
            or _is_north_american(number)
            or _PHONE_BEFORE.search(before)
            or _PHONE_AFTER.match(text, found.end())
        ):
            yield Match(found.start(), found.end())


_NORTH_AMERICAN = re.compile(r"\(\d{3}\)[ -]?\d{3}-\d{4}|\d{3}([-.])\d{3}\1\d{4}")


def _is_date(number: str) -> bool:
    """Whether it can be a day of a year, or a span of years."""
    found = _DATE_LIKE.fullmatch(number)
    if found is None:
        return False
    return not found["day"] or (int(found["day"]) <= 31 and int(found["month"]) <= 31)


def _is_international(number: str, digits: str) -> bool:
    """A country code that there is, and as many digits as its numbers have; after 00 one that is given out."""
    plus = number.lstrip("(").startswith("+")
    dialled = not plus and digits.startswith("00") and not number.isdigit()
    bare = digits[2:] if dialled else digits
    if not (plus or dialled) or bare[0] == "0" or len(bare) < 7:
        return False
    import phonenumbers  # 40 ms, and only where something begins like one

    try:
        parsed = phonenumbers.parse(f"+{bare}")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(parsed) if plus else phonenumbers.is_valid_number(parsed)


def _is_north_american(number: str) -> bool:
    """Written as people write them there, with an area code that is given out: no word has to say what it is."""
    if _NORTH_AMERICAN.fullmatch(number) is None:
        return False
    import phonenumbers

    return phonenumbers.is_valid_number(phonenumbers.parse(number, "US"))


# Network addresses ----------------------------------------------------------------------------------------

_IPV4 = re.compile(r"(?<![\w.+-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{2,40}(?:%\w{1,15})?(?![\w:])")
_VERSION_BEFORE = re.compile(
    r"(?:version|release|build|v|ver|firmware|python|section|chapter|clause|§)\W{0,3}(?:is\s|to\s|of\s)?$",
    re.IGNORECASE,
)
_NETWORK_BEFORE = re.compile(
    r"\b(?:ip(?:v[46])?|address|host|server|ping|dns|router|gateway|client_ip|from|at)\b[^\n]{0,24}$", re.IGNORECASE
)
_EVERYONES_RESOLVERS = frozenset({"1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9"})
_UNICAST_IPV6 = ipaddress.ip_network("2000::/3")


def _ip_addresses(text: str) -> Iterator[Match]:
    for found in _IPV4.finditer(text):
        try:
            address = ipaddress.IPv4Address(found[0])
        except ValueError:
            continue
        before = text[max(0, found.start() - 48) : found.start()]
        if _PHONE_SAID.search(before):
            continue
        if not address.is_global or found[0] in _EVERYONES_RESOLVERS or _VERSION_BEFORE.search(before):
            continue
        # Four small numbers are more often a version or a section than an address.
        if max(address.packed) > 31 or _NETWORK_BEFORE.search(before):
            yield Match(found.start(), found.end())
    for found in _IPV6.finditer(text):
        candidate = found[0].partition("%")[0].rstrip(":") if not found[0].endswith("::") else found[0]
        try:
            address6 = ipaddress.IPv6Address(candidate)
        except ValueError:
            continue
        if address6 in _UNICAST_IPV6 and address6.is_global:
            yield Match(found.start(), found.start() + len(candidate))


# Dates of birth -------------------------------------------------------------------------------------------

_BIRTH = re.compile(
    r"\b(?:born|birth\s?-?date|date\s+of\s+birth|birthday|d\.?o\.?b\.?|geboren|geb\.|geburts(?:datum|tag)|syntynyt|syntym[äa]aika|f[öø]dd?t?"
    r"|f[öø]dsels?dato|f[öo]delsedatum|geboortedatum|n[ée]e?\s+le|date\s+de\s+naissance|nacid[oa]|nascid[oa]|nat[oa]\s+il"
    r"|fecha\s+de\s+nacimiento|data\s+(?:di|de)\s+nascita|data\s+de\s+nascimento|data\s+urodzenia)(?=\W)",
    re.IGNORECASE,
)
_BORN_SAID_AFTER = re.compile(
    r"[\s,]{1,2}(?:is|was)\s+(?:my|his|her|our|their|the|\w{1,20}['’]s)\s+(?:\w{1,12}['’]s\s+)?(?:birthday|birth\s?date|date\s+of\s+birth)\b",
    re.IGNORECASE,
)
_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_FULL_DATE = re.compile(
    rf"\b(?:{_YEAR}[-/. ]\d{{1,2}}[-/. ]\d{{1,2}}|\d{{1,2}}[-/. ]{{1,2}}\d{{1,2}}[-/. ]{{1,2}}{_YEAR}"
    r"|\d{1,2}([-/.])\d{1,2}\1\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\.?[\s-]+(?:of\s+)?{_MONTH},?[\s-]+{_YEAR}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+{_YEAR}"
    rf"|{_YEAR}[\s-]{_MONTH}[\s-]\d{{1,2}})\b(?![-/.]\d)",
    re.IGNORECASE,
)


def _birth_dates(text: str) -> Iterator[Match]:
    for found in _BIRTH.finditer(text):
        date = _FULL_DATE.search(text, found.end(), found.end() + 60)
        if date:
            yield Match(date.start(), date.end())
    for date in _FULL_DATE.finditer(text):
        if _BORN_SAID_AFTER.match(text, date.end()):
            yield Match(date.start(), date.end())


PERSONAL_RULES = (
    Rule(
        "personal.payment_card",
        Family.PERSONAL,
        "payment card numbers: issuer's prefix and length, Luhn's check digit",
        "it holds a payment card number",
        _cards,
    ),
    Rule(
        "personal.iban",
        Family.PERSONAL,
        "IBAN bank accounts: the country's length, remainder 1 by 97",
        "it holds a bank account number (IBAN)",
        _ibans,
    ),
    Rule(
        "personal.bank_account",
        Family.PERSONAL,
        "account, routing and sort numbers that are called so",
        "it holds a bank account number",
        _accounts,
        specific=False,
    ),
    Rule(
        "personal.us_ssn",
        Family.PERSONAL,
        "US social security numbers in ranges that are given out",
        "it holds a social security number",
        _social_security_numbers,
    ),
    Rule(
        "personal.identity_document",
        Family.PERSONAL,
        "numbers of passports, driving licences, identity and health cards, tax numbers that are called so",
        "it holds the number of an identity document",
        _documents,
        specific=False,
    ),
    Rule(
        "personal.email",
        Family.PERSONAL,
        "e-mail addresses, but for the domains set aside for examples",
        "it holds an e-mail address",
        _emails,
        specific=False,
    ),
    Rule(
        "personal.phone",
        Family.PERSONAL,
        "phone numbers in international form, or beside a word such as call, mobile, fax",
        "it holds a phone number",
        _phones,
        specific=False,
    ),
    Rule(
        "personal.ip_address",
        Family.PERSONAL,
        "public IPv4 and IPv6 addresses; not private ranges, versions, well-known resolvers",
        "it holds a network address",
        _ip_addresses,
    ),
    Rule(
        "personal.birth_date",
        Family.PERSONAL,
        "a full date, year included, close behind a word for birth; a birthday without its year is none",
        "it holds a date of birth",
        _birth_dates,
    ),
)
