"""Embedders behind a server, against real servers on the loopback address: the wire formats, and every way to fail."""

from __future__ import annotations

import ipaddress
import json
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from edge_seal.config import EmbedderSettings
from edge_seal.engines import json_over_http
from edge_seal.engines.endpoint_embedder import EndpointEmbedder
from edge_seal.engines.engine import EmbedderUnavailable, TextNotEmbedded
from tests.memory.word_embedder import WordEmbedder
from tests.support.embedding_server import Body, EmbeddingServer, serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
TEXTS = ["a dog called Biscuit", "a cat called Marzipan", "a train at seven"]


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serving(EmbeddingServer()) as running:
        yield running


def settings(server: EmbeddingServer, kind: str = "ollama", **others: object) -> EmbedderSettings:
    return EmbedderSettings.model_validate({"kind": kind, "url": server.url, "model": server.model, **others})


def embedder(server: EmbeddingServer, kind: str = "ollama", **others: object) -> EndpointEmbedder:
    return EndpointEmbedder.open(settings(server, kind, **others))


@pytest.mark.parametrize("kind", ["ollama", "openai"])
def test_vectors_of_unit_length_in_the_order_of_the_texts(server: EmbeddingServer, kind: str) -> None:
    made = embedder(server, kind)
    assert made.dimension == 96
    found = made.embed(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, WordEmbedder(server.model, 96).embed(TEXTS), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)


def test_what_goes_over_the_wire(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBEDDING_KEY", "sk-test-1")
    server.key = "sk-test-1"
    embedder(server, "openai", dimension=96, api_key_env="EMBEDDING_KEY", url=f"{server.url}/v1/").embed(TEXTS[:1])
    path, headers, body = server.requests[-1]
    assert (path, headers["authorization"]) == ("/v1/embeddings", "Bearer sk-test-1")
    assert body == {"model": "nomic-embed-text", "input": TEXTS[:1], "encoding_format": "float"}
    embedder(server, "ollama", dimension=96, api_key_env="EMBEDDING_KEY").embed(TEXTS[:1])
    path, _, body = server.requests[-1]
    assert path == "/api/embed"
    assert body == {"model": "nomic-embed-text", "input": TEXTS[:1], "truncate": True}
    # With the dimension known nothing but what is to be embedded was sent.
    assert server.texts == [TEXTS[0], TEXTS[0]]


def test_texts_go_in_batches_cut_to_what_counts_and_are_utf_8(server: EmbeddingServer) -> None:
    made = embedder(server, dimension=96, texts_per_request=2, characters_per_text=64)
    made.embed(["x" * 100, "half a pair \ud800", "", "ü", "last"])
    assert [body["input"] for _, _, body in server.requests] == [["x" * 64, "half a pair ?"], [" ", "ü"], ["last"]]
    assert made.embed([]).shape == (0, 96)


def test_each_thing_that_decides_the_vectors_is_in_their_name(server: EmbeddingServer) -> None:
    base: dict[str, Any] = {"dimension": 96}
    variants: list[dict[str, Any]] = [
        {},
        {"kind": "openai"},
        {"url": server.url + "/v2"},
        {"dimension": 64},
        {"characters_per_text": 100},
    ]
    names = {embedder(server, **{**base, **variant}).model_sha256 for variant in variants}
    assert len(names) == len(variants)
    assert embedder(server, **base).model_sha256 == embedder(server, **base, timeout_s=3).model_sha256


def _first(body: Body, value: object) -> Body:
    return {**body, "embeddings": [[value, *body["embeddings"][0][1:]], *body["embeddings"][1:]]}


SPOILT = {
    "too few": (lambda body: {**body, "embeddings": body["embeddings"][:-1]}, "gave 2 vectors for 3 texts"),
    "too many": (lambda body: {**body, "embeddings": [*body["embeddings"], [1.0]]}, "gave 4 vectors for 3 texts"),
    "none": (lambda body: {"model": "m"}, "gave no vectors for 3 texts"),
    "a list": (lambda body: [1, 2], "gave no vectors for 3 texts"),
    "ragged": (lambda body: {**body, "embeddings": [[1.0], [1.0, 2.0], [1.0]]}, "no vectors of one length"),
    "empty": (lambda body: {**body, "embeddings": [[], [], []]}, "no vectors of one length"),
    "words": (lambda body: _first(body, "1.0"), "no vectors of one length"),
    "booleans": (lambda body: _first(body, True), "no vectors of one length"),
    "nested": (lambda body: _first(body, [1.0]), "no vectors of one length"),
    "null": (lambda body: _first(body, None), "no vectors of one length"),
    "NaN": (lambda body: _first(body, float("nan")), "no JSON: it holds NaN"),
    "infinity": (lambda body: _first(body, float("inf")), "no JSON: it holds Infinity"),
    "too large": (lambda body: _first(body, 10**400), "not finite"),
    "zero": (lambda body: {**body, "embeddings": [[0.0] * 96] * 3}, "has no direction"),
    "shorter": (lambda body: {**body, "embeddings": [[1.0] * 95] * 3}, "of length 95; .* is 96"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_an_answer_is_believed_only_after_it_was_checked(server: EmbeddingServer, name: str) -> None:
    server.spoilt, message = SPOILT[name]
    with pytest.raises(EmbedderUnavailable, match=message) as raised:
        embedder(server, dimension=96).embed(TEXTS)
    assert raised.value.next_step


@pytest.mark.parametrize(
    "data",
    [
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"index": 0, "embedding": [1.0]}, {"index": 2, "embedding": [1.0]}],
        [{"index": [0], "embedding": [1.0]}, {"embedding": [1.0]}],
        ["x", 1],
        {"0": [1.0]},
    ],
)
def test_vectors_without_a_place_are_no_answer(server: EmbeddingServer, data: object) -> None:
    server.spoilt = lambda _: {"data": data}
    with pytest.raises(EmbedderUnavailable, match="gave no vectors for 2 texts"):
        embedder(server, "openai", dimension=1).embed(TEXTS[:2])


@pytest.mark.parametrize("raw", [b"", b"<html>", b'{"embeddings": [[', b"\xff\xfe", b"[" * 200_000, b"1" * 9999])
def test_what_is_no_json_is_said_to_be_none(server: EmbeddingServer, raw: bytes) -> None:
    server.raw = raw
    with pytest.raises(EmbedderUnavailable, match="is no JSON"):
        embedder(server, dimension=96).embed(TEXTS)


@pytest.mark.parametrize(
    ("kind", "status", "message", "next_step"),
    [
        ("ollama", 401, "wants a key", "embedder.api_key_env"),
        ("ollama", 403, "wants a key", "embedder.api_key_env"),
        ("ollama", 404, "does not know the model nomic-embed-text", "ollama pull nomic-embed-text"),
        ("openai", 404, "does not know the model nomic-embed-text", "check embedder.model"),
        ("openai", 429, "failed with status 429", "wait a while"),
        ("openai", 503, "status 503: it went wrong", "the server's log"),
        ("openai", 204, "status 204", "the server's log"),
    ],
)
def test_each_refusal_says_what_to_do(
    server: EmbeddingServer, kind: str, status: int, message: str, next_step: str
) -> None:
    server.status = status
    with pytest.raises(EmbedderUnavailable, match=message) as raised:
        embedder(server, kind)
    assert next_step in (raised.value.next_step or "")
    assert not isinstance(raised.value, TextNotEmbedded)


def test_the_key_is_in_no_message(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.key = "another"
    monkeypatch.setenv("EMBEDDING_KEY", "sk-secret-1")
    with pytest.raises(EmbedderUnavailable, match=r"does not accept the key .*Bearer \*\*\*") as raised:
        embedder(server, "openai", api_key_env="EMBEDDING_KEY")
    assert "sk-secret-1" not in f"{raised.value} {raised.value.next_step}"


@pytest.mark.parametrize("value", [None, "  ", "two\nlines", "schlüssel"])
def test_a_key_that_is_none_is_not_sent(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("EMBEDDING_KEY", value)
    with pytest.raises(EmbedderUnavailable, match=r"EMBEDDING_KEY .* holds no key"):
        embedder(server, "openai", api_key_env="EMBEDDING_KEY")
    assert server.requests == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(server: EmbeddingServer, status: int) -> None:
    with serving(EmbeddingServer()) as elsewhere:
        server.status, server.location = status, f"{elsewhere.url}/api/embed"
        with pytest.raises(EmbedderUnavailable, match="redirects are not followed"):
            embedder(server)
        assert elsewhere.requests == []


def test_proxies_of_the_environment_are_not_used(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(EmbeddingServer()) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        embedder(server).embed(TEXTS)
        assert proxy.requests == []


def test_a_server_that_is_not_there_is_not_asked_at_every_turn(server: EmbeddingServer) -> None:
    made = embedder(server, dimension=96)
    server.status = 503
    for _ in range(3):
        with pytest.raises(EmbedderUnavailable, match="status 503"):
            made.embed(TEXTS)
    assert len(server.requests) == 1


def test_unreachable() -> None:
    gone = EmbeddingServer()
    with serving(gone):
        pass
    with pytest.raises(EmbedderUnavailable, match=r"127.0.0.1:\d+ cannot be reached: Connection refused") as raised:
        embedder(gone)
    assert "start the server" in (raised.value.next_step or "")


@pytest.mark.parametrize("fault", [{"wait_s": 3.0}, {"drip_s": 0.05}])
def test_a_slow_server_is_left_at_the_deadline(server: EmbeddingServer, fault: dict[str, float]) -> None:
    for name, value in fault.items():
        setattr(server, name, value)
    started = time.monotonic()
    with pytest.raises(EmbedderUnavailable, match=r"did not answer within 0.3 s"):
        embedder(server, timeout_s=0.3)
    assert time.monotonic() - started < 1.5


def test_a_truncated_answer_is_none(server: EmbeddingServer) -> None:
    server.cut_after = 100
    with pytest.raises(EmbedderUnavailable, match="breaks off"):
        embedder(server)


def test_an_endless_answer_is_left(server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.endless = True
    monkeypatch.setattr(json_over_http, "MAXIMUM_BYTES", 4 << 20)
    with pytest.raises(EmbedderUnavailable, match="is larger than 4 MiB"):
        embedder(server)


def test_a_certificate_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = _certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with serving(EmbeddingServer(), tls) as server:
        with pytest.raises(EmbedderUnavailable, match=r"certificate of 127.0.0.1.* is not to be trusted"):
            embedder(server)
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert embedder(server).embed(TEXTS).shape == (3, 96)
        # The deadline cuts below TLS, too.
        server.drip_s = 0.05
        with pytest.raises(EmbedderUnavailable, match=r"did not answer within 0.3 s"):
            embedder(server, timeout_s=0.3)


def _certificate(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / "certificate.pem", directory / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"url": ""}, "url has to begin"),
        ({"url": "ftp://127.0.0.1"}, "url has to begin"),
        ({"url": "http://127.0.0.1:99999"}, "ort"),
        ({"url": "https://user:key@example.org"}, "api_key_env"),
        ({"url": "https://example.org/v1?key=1"}, "api_key_env"),
        ({"url": "https://example.org/a b"}, "no address"),
        ({"url": "http://example.org/v1"}, "allow_clear_text"),
        ({"url": "http://127.0.0.1.example.org"}, "allow_clear_text"),
        ({"url": "http://192.168.1.9:11434"}, "allow_clear_text"),
        ({"model": ""}, "model is not set"),
        ({"kind": "other"}, "kind"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(wrong: dict[str, str], message: str) -> None:
    whole = {"kind": "openai", "url": "https://example.org/v1", "model": "m"}
    with pytest.raises(ValidationError, match=message):
        EmbedderSettings.model_validate({**whole, **wrong})


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://example.org"])
def test_clear_text_is_for_this_machine_or_where_it_is_allowed(url: str) -> None:
    whole = {"kind": "ollama", "model": "m"}
    assert EmbedderSettings.model_validate({**whole, "url": url}).sends_to == url.partition("//")[2]
    far = {**whole, "url": "http://192.168.1.9:11434", "allow_clear_text": True}
    assert EmbedderSettings.model_validate(far).sends_to == "192.168.1.9:11434"
    assert EmbedderSettings().sends_to is None


def test_json_answers_are_what_they_say() -> None:
    assert json_over_http.Answer(200, json.dumps({"a": [1.5]}).encode()).json() == {"a": [1.5]}
