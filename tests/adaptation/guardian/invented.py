"""Secrets and numbers that nobody has: made at run time, so that nothing that looks like one is in the repository."""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable
from random import Random

from edge_seal.adaptation.guardian.rule import passes_luhn, passes_mod_97
from edge_seal.adaptation.guardian.secrets import github_checksum

Maker = Callable[[Random], str]

_MIXED = string.ascii_letters + string.digits


def _drawn(random: Random, count: int, alphabet: str = _MIXED) -> str:
    """`count` characters, among them a digit and a letter where there is room and the alphabet has both."""
    both = count >= 6 and not alphabet.isalpha() and not alphabet.isdigit()
    while True:
        text = "".join(random.choices(alphabet, k=count))
        if not both or (any(c.isdigit() for c in text) and any(c.isalpha() for c in text)):
            return text


def openai_key(random: Random) -> str:
    return random.choice(["sk-", "sk-proj-", "sk-ant-api03-", "sk-or-v1-"]) + _drawn(
        random, random.choice([32, 48, 64])
    )


def github_token(random: Random) -> str:
    body = _drawn(random, 30)
    return random.choice(["ghp", "gho", "ghu", "ghs", "ghr"]) + "_" + body + github_checksum(body)


def github_fine_grained_token(random: Random) -> str:
    return "github" + "_pat_" + _drawn(random, 22) + "_" + _drawn(random, 59)


def aws_key_id(random: Random) -> str:
    return "AK" + "IA" + _drawn(random, 16, string.ascii_uppercase + "234567")


def aws_secret_key(random: Random) -> str:
    return "aB3" + _drawn(random, 37, _MIXED + "/+")


def slack_token(random: Random) -> str:
    digits = "-".join(_drawn(random, 12, string.digits) for _ in range(2))
    return f"xox{random.choice('bp')}-{digits}-{_drawn(random, 24)}"


def slack_webhook(random: Random) -> str:
    team, bot = (_drawn(random, 9, string.ascii_uppercase + string.digits) for _ in range(2))
    return "/".join(("https://hooks.slack.com", "services", "T" + team, "B" + bot, _drawn(random, 24)))


def stripe_key(random: Random) -> str:
    return "_".join((random.choice(["sk", "rk"]), random.choice(["live", "test"]), _drawn(random, 24)))


def google_key(random: Random) -> str:
    return "AI" + "za" + _drawn(random, 35, _MIXED + "_-")


def gitlab_token(random: Random) -> str:
    return "gl" + "pat-" + _drawn(random, 20)


def hugging_face_token(random: Random) -> str:
    return "h" + "f_" + _drawn(random, 34)


def sendgrid_key(random: Random) -> str:
    return "S" + "G." + _drawn(random, 22) + "." + _drawn(random, 43)


def _segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def json_web_token(random: Random) -> str:
    header = _segment(json.dumps({"alg": "HS256", "typ": "JWT"}))
    body = _segment(json.dumps({"sub": _drawn(random, 10, string.digits), "iat": random.randrange(10**9)}))
    return f"{header}.{body}.{_drawn(random, 43)}"


def private_key(random: Random) -> str:
    kind = random.choice(["RSA ", "EC ", "OPENSSH ", ""]) + "PRIVATE KEY"
    lines = [_drawn(random, 64, _MIXED + "+/") for _ in range(6)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


def connection_string(random: Random) -> str:
    scheme = random.choice(["postgres", "mysql", "redis", "mongodb+srv", "https", "amqp"])
    return f"{scheme}://app:{password(random)}@db.{random.choice(['internal', 'local', 'acme.io'])}:5432/shop"


def password(random: Random) -> str:
    return _drawn(random, 9) + random.choice("!?#%") + _drawn(random, 3)


def random_token(random: Random) -> str:
    return _drawn(random, random.choice([24, 32, 40]))


def card_number(random: Random) -> str:
    prefix, length = random.choice(
        [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16)]
    )
    body = prefix + _drawn(random, length - len(prefix) - 1, string.digits)
    digits = next(body + last for last in string.digits if passes_luhn(body + last))
    if random.random() < 0.5 and length == 16:
        return random.choice([" ", "-"]).join(digits[i : i + 4] for i in range(0, 16, 4))
    return digits


def iban(random: Random) -> str:
    country, length = random.choice([("DE", 22), ("FI", 18), ("FR", 27), ("NO", 15), ("ES", 24), ("PT", 25)])
    body = _drawn(random, length - 4, string.digits)
    plain = next(iban for check in range(2, 99) if passes_mod_97(iban := f"{country}{check:02d}{body}"))
    return " ".join(plain[i : i + 4] for i in range(0, length, 4)) if random.random() < 0.5 else plain


def social_security_number(random: Random) -> str:
    area = random.choice([a for a in range(1, 900) if a != 666])
    return f"{area:03d}-{random.randint(1, 99):02d}-{random.randint(1, 9999):04d}"


def email(random: Random) -> str:
    first, last, domain = (_drawn(random, count, string.ascii_lowercase) for count in (7, 5, 6))
    return f"{first}.{last}@{domain}.{random.choice(['fi', 'com', 'co.uk'])}"


def phone_number(random: Random) -> str:
    area, first, last = random.randint(201, 989), random.randint(200, 999), random.randint(1000, 9999)
    return random.choice(["+1 {}-{}-{}", "({}) {}-{}", "{}-{}-{}", "{}.{}.{}", "+358 {} {} {}"]).format(
        area, first, last
    )


def public_address(random: Random) -> str:
    return f"{random.randint(64, 99)}.{random.randint(0, 255)}.{random.randint(0, 255)}.{random.randint(1, 254)}"


SECRETS = {
    "secret.openai_key": (openai_key,),
    "secret.github_token": (github_token, github_fine_grained_token),
    "secret.aws_key": (aws_key_id,),
    "secret.slack_token": (slack_token, slack_webhook),
    "secret.stripe_key": (stripe_key,),
    "secret.google_key": (google_key,),
    "secret.service_token": (gitlab_token, hugging_face_token, sendgrid_key),
    "secret.json_web_token": (json_web_token,),
    "secret.private_key": (private_key,),
    "secret.connection_string": (connection_string,),
}
"""The rules for known formats, with what makes examples of each."""
