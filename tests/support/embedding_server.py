"""An embedding server on the loopback address, as Ollama and as OpenAI speak, with the faults that a client meets."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.memory.word_embedder import WordEmbedder

Body = dict[str, Any]


@dataclass
class EmbeddingServer:
    """Embeds by words, `dimension` components, not normed. What goes wrong is set by the test, at any time."""

    model: str = "nomic-embed-text"
    dimension: int = 96
    key: str | None = None
    refuses: str | None = None
    """A text with this in it is answered with status 500, and all that are sent with it."""
    status: int = 200
    location: str | None = None
    raw: bytes | None = None
    """Sent in place of the answer."""
    cut_after: int | None = None
    """Closes the connection after that many bytes of the answer."""
    drip_s: float = 0.0
    """Between any two bytes."""
    wait_s: float = 0.0
    spoilt: Callable[[Body], object] | None = None
    """Changes an answer on its way out."""
    endless: bool = False
    requests: list[tuple[str, dict[str, str], Body]] = field(default_factory=list[tuple[str, dict[str, str], Body]])
    port: int = 0
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def texts(self) -> list[str]:
        """Every text that was received."""
        return [text for _, _, body in self.requests for text in body["input"]]

    def answer(self, path: str, headers: dict[str, str], body: Body) -> tuple[int, object]:
        self.requests.append((path, headers, body))
        time.sleep(self.wait_s)
        ollama = path == "/api/embed"
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return 401, {"error": {"message": f"Incorrect API key provided: {headers.get('authorization')}"}}
        if self.status != 200:
            return self.status, {"error": "it went wrong"}
        if body["model"] != self.model or path not in {"/api/embed", "/v1/embeddings"}:
            told = f'model "{body["model"]}" not found, try pulling it first'
            return 404, {"error": told if ollama else {"message": told, "type": "invalid_request_error"}}
        if self.refuses is not None and any(self.refuses in text for text in body["input"]):
            return 500, {"error": "failed to encode response: json: unsupported value: NaN"}
        vectors = 3.0 * WordEmbedder(self.model, self.dimension).embed(body["input"])
        if ollama:
            said: Body = {"model": self.model, "embeddings": vectors.tolist(), "total_duration": 14143917}
        else:
            data = [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(vectors.tolist())
            ]
            # The order of the list is not promised.
            usage = {"prompt_tokens": 8, "total_tokens": 8}
            said = {"object": "list", "data": data[::-1], "model": self.model, "usage": usage}
        return 200, said if self.spoilt is None else self.spoilt(said)


class _Handler(BaseHTTPRequestHandler):
    server_of_texts: EmbeddingServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        served = self.server_of_texts
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, said = served.answer(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        content = json.dumps(said).encode() if served.raw is None else served.raw
        with contextlib.suppress(OSError):
            self.send_response(status)
            if served.location is not None:
                self.send_header("Location", served.location)
            self.send_header("Content-Type", "application/json")
            if not served.endless:
                self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            while served.endless:
                self.wfile.write(b"[" + b"0.25," * 20_000)
            if served.drip_s:
                for byte in content:
                    self.wfile.write(bytes([byte]))
                    time.sleep(served.drip_s)
            else:
                self.wfile.write(content[: served.cut_after])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what some tests are about."""


@contextlib.contextmanager
def serving(server: EmbeddingServer, tls: ssl.SSLContext | None = None) -> Generator[EmbeddingServer]:
    """Serves until the end of the block, at `server.url`."""
    listening = _Server(("127.0.0.1", server.port), type("Handler", (_Handler,), {"server_of_texts": server}))
    if tls is not None:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
        server.scheme = "https"
    server.port = listening.server_port
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
