"""JSON posted to one server, and its answer: what the user configured is spoken to, and nobody else.

Invariants: no proxy and no credentials are taken from the environment; a redirect is an answer like any other, never
followed; TLS certificates are verified; a whole exchange ends by its deadline, however slowly the server sends; no more
than `MAXIMUM_BYTES` of an answer are read.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn, cast
from urllib.parse import urlsplit

from edge_seal.engines.engine import EmbedderUnavailable

MAXIMUM_BYTES: Final = 64 << 20
# A host that does not take a connection by then is down; loading a model happens after that.
CONNECT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer; `location` is where a redirect would lead."""

    status: int
    content: bytes
    location: str = ""

    def json(self) -> object:
        """What the body says.

        Raises:
            ValueError: it is no JSON; NaN and Infinity are none either.
        """
        try:
            return cast("object", json.loads(self.content, parse_constant=_refuse_constant))
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


def post(url: str, body: Mapping[str, object], *, key: str | None, timeout_s: float) -> Answer:
    """Posts `body` to `url`, with `key` as bearer token where there is one; whatever status comes back is an answer.

    Raises:
        EmbedderUnavailable: nothing that could be an answer came, or not in time.
    """
    parts = urlsplit(url)
    deadline = time.monotonic() + timeout_s
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, min(timeout_s, CONNECT_S))
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "edge-seal"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    late = threading.Event()
    try:
        connection.connect()
        with _ended_at(deadline, connection.sock, late):
            connection.request("POST", parts.path, json.dumps(body).encode(), headers)
            response = connection.getresponse()
            content = response.read(MAXIMUM_BYTES + 1)
            left = response.length or 0
    except ssl.SSLCertVerificationError as error:
        raise EmbedderUnavailable(
            f"the certificate of {parts.netloc} is not to be trusted: {error.verify_message}",
            next_step="check embedder.url; SSL_CERT_FILE names the certificate of an authority of your own",
        ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            raise _too_late(parts.netloc, timeout_s) from error
        raise EmbedderUnavailable(
            f"{parts.netloc} cannot be reached: {_words(error)}",
            next_step="start the server, or check embedder.url (edge-seal config path)",
        ) from error
    finally:
        connection.close()
    if late.is_set():
        raise _too_late(parts.netloc, timeout_s)
    if left or len(content) > MAXIMUM_BYTES:
        problem = (
            "breaks off" if left and len(content) <= MAXIMUM_BYTES else f"is larger than {MAXIMUM_BYTES >> 20} MiB"
        )
        raise EmbedderUnavailable(
            f"the answer of {parts.netloc} {problem}", next_step="try again; else a smaller embedder.texts_per_request"
        )
    return Answer(response.status, content, response.getheader("Location") or "")


def _connection(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=timeout_s)


@contextlib.contextmanager
def _ended_at(deadline: float, sock: socket.socket, late: threading.Event) -> Generator[None]:
    """Cuts the connection at `deadline`: a socket's own timeout begins anew with every byte that drips in."""

    def cut() -> None:
        late.set()
        # A copy of the descriptor: it reaches the connection below TLS without touching the reader's own object.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    left_s = max(deadline - time.monotonic(), 0.001)
    sock.settimeout(left_s)
    timer = threading.Timer(left_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _too_late(host: str, timeout_s: float) -> EmbedderUnavailable:
    return EmbedderUnavailable(
        f"{host} did not answer within {timeout_s:g} s",
        next_step="try again when it has loaded its model, or raise embedder.timeout_s",
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def _words(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split())[:200] or type(error).__name__
