"""Rules for secrets: known formats first, then what the words around a token say of it.

A format's own prefix is public and may be shown; nothing after it may.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator

from edge_seal.adaptation.guardian.rule import (
    Family,
    Finder,
    Match,
    Rule,
    entropy_bits,
    is_placeholder,
    looks_random,
)

# Known formats --------------------------------------------------------------------------------------------

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def github_checksum(body: str) -> str:
    """The six characters that end a GitHub token: CRC-32 of what lies between prefix and checksum, in base 62."""
    number = zlib.crc32(body.encode("ascii"))
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit] + digits
    return digits.rjust(6, "0")


def _is_github_token(token: str) -> bool:
    # A wrong checksum may be a slip in one character: still nothing to learn, unless it is a documentation's x's.
    body = token[4:]
    return github_checksum(body[:-6]) == body[-6:] or (entropy_bits(body) > 3.0 and not is_placeholder(body))


def _is_token_header(token: str) -> bool:
    header = token.partition(".")[0]
    try:
        fields: object = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(fields, dict) and "alg" in fields


def _is_not_placeholder(token: str) -> bool:
    return entropy_bits(token) > 2.5 and not is_placeholder(token)


def _format(pattern: str, holds: Callable[[str], bool] = _is_not_placeholder) -> Finder:
    """A finder of a known format: its group 1 is the public prefix, `holds` rules out what only looks like it."""
    compiled = re.compile(pattern)

    def find(text: str) -> Iterator[Match]:
        for found in compiled.finditer(text):
            if holds(found[0]):
                yield Match(found.start(), found.end(), found[1])

    return find


def _either(*finders: Finder) -> Finder:
    def find(text: str) -> Iterator[Match]:
        for finder in finders:
            yield from finder(text)

    return find


_START = r"(?<![A-Za-z0-9])"
# More than this of one token tells no more, and bounds the work.
_REST = r"[A-Za-z0-9_-]{20,400}+"
_SERVICE_FORMATS = (
    r"(glpat-|glrt-)[A-Za-z0-9_-]{20,64}+",
    r"(npm_)[A-Za-z0-9]{36}",
    r"(pypi-)AgE[A-Za-z0-9_-]{50,400}+",
    r"(hf_|gsk_|dop_v1_|doo_v1_|sbp_)[A-Za-z0-9]{30,80}+",
    r"(SG\.)[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    r"(shp(?:at|ca|pa|ss)_)[A-Fa-f0-9]{32}",
    r"(dckr_pat_|dapi)[A-Za-z0-9_-]{27,64}+",
    r"(AGE-SECRET-KEY-1)[A-Z0-9]{58}",
    r"([xt]prv)[1-9A-HJ-NP-Za-km-z]{100,112}+",
    r"(\d{8,10}:)AA[A-Za-z0-9_-]{33}",
)
_SERVICE_TOKEN = re.compile(f"{_START}(?:{'|'.join(_SERVICE_FORMATS)})")


def _service_tokens(text: str) -> Iterator[Match]:
    for found in _SERVICE_TOKEN.finditer(text):
        prefix = next(group for group in found.groups() if group)
        if _is_not_placeholder(found[0]):
            # A bot's number before the colon is an identifier of its own: not shown.
            yield Match(found.start(), found.end(), "" if prefix[0].isdigit() else prefix)


_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_AWS_CONTEXT = re.compile(r"aws|amazon|secret.{0,3}access.{0,3}key|A[KS]IA[A-Z0-9]{16}", re.IGNORECASE)


def _aws_secret_keys(text: str) -> Iterator[Match]:
    for found in _AWS_SECRET.finditer(text):
        before, after = text[max(0, found.start() - 120) : found.start()], text[found.end() : found.end() + 80]
        mixed = re.search(r"[A-Z]", found[0]) and re.search(r"[a-z]", found[0]) and re.search(r"\d", found[0])
        if mixed and _is_not_placeholder(found[0]) and (_AWS_CONTEXT.search(before) or _AWS_CONTEXT.search(after)):
            yield Match(found.start(), found.end())


_KEY_BLOCK = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d")
_KEY_BODY = re.compile(r"(?:\\[nr]|\s|[A-Za-z-]{3,20}: [^\n]{1,80}\n)*+((?:[A-Za-z0-9+/=]|\s|\\[nr]){32,}+)")
_KEY_END = re.compile(r"\s*-----END [A-Z0-9 ]{0,40}-----")


def _private_keys(text: str) -> Iterator[Match]:
    for found in _KEY_BLOCK.finditer(text):
        window = text[found.end() : found.end() + 16_384]
        body = _KEY_BODY.match(window)
        if body is None or len(re.findall(r"[A-Za-z0-9+/]{24}", body[1])) < 1:
            continue
        end = _KEY_END.match(window, body.end())
        yield Match(found.start(), found.end() + (end or body).end(), "-----BEGIN")


_SCHEME_END = re.compile(r"://")
_USER_AND_PASSWORD = re.compile(r"[^\s:/@'\"<>]{0,80}:([^\s/@'\"<>]{3,120})@[A-Za-z0-9\[]")
_SPELLED_OUT = frozenset({"password", "pass", "passwd", "pwd", "secret", "pw"})


def _connection_strings(text: str) -> Iterator[Match]:
    for found in _SCHEME_END.finditer(text):
        credentials = _USER_AND_PASSWORD.match(text, found.end())
        if credentials is None:
            continue
        password = credentials[1]
        if (
            password.lower() not in _SPELLED_OUT
            and not password.startswith(("$", "%(", "{"))
            and not is_placeholder(password)
        ):
            yield Match(credentials.start(1), credentials.end(1))


FORMAT_RULES = (
    Rule(
        "secret.openai_key",
        Family.SECRET,
        "`sk-` keys of OpenAI, Anthropic, OpenRouter and services like them",
        "it holds an API key that begins with sk-",
        _format(_START + r"(sk-)" + _REST, looks_random),
        joined_lines=True,
    ),
    Rule(
        "secret.github_token",
        Family.SECRET,
        "GitHub tokens `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_` (checksum computed) and `github_pat_`",
        "it holds a GitHub token",
        _either(
            _format(_START + r"(gh[pousr]_)[A-Za-z0-9]{36,251}+", _is_github_token),
            _format(_START + r"(github_pat_)[A-Za-z0-9]{22}_[A-Za-z0-9]{40,80}+"),
        ),
        joined_lines=True,
    ),
    Rule(
        "secret.aws_key",
        Family.SECRET,
        "AWS access key ids (`AKIA`, `ASIA`), and 40-character secret keys beside a word or an id of AWS",
        "it holds an AWS access key",
        _either(
            _format(_START + r"(A(?:KIA|SIA|BIA|CCA))[A-Z0-9]{16}"),
            _aws_secret_keys,
        ),
        joined_lines=True,
    ),
    Rule(
        "secret.slack_token",
        Family.SECRET,
        "Slack tokens (`xoxb-`, `xoxp-`, `xapp-` and the like) and incoming webhooks",
        "it holds a Slack token or webhook",
        _either(
            _format(_START + r"(xox[abeoprs]-|xapp-\d-)[A-Za-z0-9-]{10,250}+", lambda t: looks_random(t, least_run=8)),
            _format(
                r"()(?:https?://)?hooks\.slack\.com/services/T[A-Za-z0-9]{6,14}/B[A-Za-z0-9]{6,14}/[A-Za-z0-9]{18,32}+"
            ),
        ),
        joined_lines=True,
    ),
    Rule(
        "secret.stripe_key",
        Family.SECRET,
        "Stripe secret and restricted keys (`sk_live_`, `rk_test_`) and webhook secrets; not publishable `pk_` keys",
        "it holds a Stripe secret key",
        _format(_START + r"((?:[sr]k_(?:live|test)|whsec)_)[A-Za-z0-9]{16,250}+"),
        joined_lines=True,
    ),
    Rule(
        "secret.google_key",
        Family.SECRET,
        "Google API keys (`AIza`), OAuth tokens (`ya29.`) and client secrets (`GOCSPX-`)",
        "it holds a Google key or token",
        _either(
            _format(_START + r"(AIza)[A-Za-z0-9_-]{35}"),
            _format(_START + r"(ya29\.|GOCSPX-)[A-Za-z0-9_-]{24,400}+"),
        ),
        joined_lines=True,
    ),
    Rule(
        "secret.service_token",
        Family.SECRET,
        "tokens of GitLab, npm, PyPI, Hugging Face, Groq, DigitalOcean, Supabase, SendGrid, Shopify, Docker, "
        "Databricks, Telegram bots, age and BIP-32 keys",
        "it holds an access token of an online service",
        _service_tokens,
        joined_lines=True,
    ),
    Rule(
        "secret.json_web_token",
        Family.SECRET,
        "JSON Web Tokens whose header decodes",
        "it holds a JSON Web Token",
        _format(
            _START + r"(eyJ)[A-Za-z0-9_-]{8,2000}+\.[A-Za-z0-9_-]{8,8000}+\.[A-Za-z0-9_-]{0,2000}+", _is_token_header
        ),
        joined_lines=True,
    ),
    Rule(
        "secret.private_key",
        Family.SECRET,
        "private key blocks (PEM, OpenSSH, PGP, PuTTY) with a body",
        "it holds a private key",
        _private_keys,
    ),
    Rule(
        "secret.connection_string",
        Family.SECRET,
        "a password in the address of a server or database, `scheme://user:password@host`",
        "it holds a server address with its password",
        _connection_strings,
    ),
)
