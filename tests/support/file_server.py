"""A file server on the loopback address, with the faults that a download has to survive."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CHUNK = 4096


@dataclass
class ServedFile:
    """One file at every path, and how badly it is served."""

    content: bytes
    tag: str | None = '"v1"'
    cut_after: int | None = None
    """Closes the connection after that many bytes of a body."""
    ignores_ranges: bool = False
    status: int = 200
    redirect_to: str | None = None
    sends_length: bool = True
    requests: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    """Path and Range header of each request so far."""


class _Handler(BaseHTTPRequestHandler):
    file: ServedFile

    def do_GET(self) -> None:
        file, asked = self.file, self.headers.get("Range")
        file.requests.append((self.path, asked))
        if file.redirect_to and not self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", file.redirect_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif file.status != 200:
            self.send_error(file.status)
        else:
            self._send(self._start_of(asked))

    def _start_of(self, asked: str | None) -> int:
        wanted = self.headers.get("If-Range")
        if asked is None or self.file.ignores_ranges or (wanted is not None and wanted != self.file.tag):
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _send(self, start: int) -> None:
        file, whole = self.file, len(self.file.content)
        if start >= whole:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{whole}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if file.tag:
            self.send_header("ETag", file.tag)
        if file.sends_length:
            self.send_header("Content-Length", str(whole - start))
        self.end_headers()
        body = file.content[start:][: file.cut_after]
        # A client that has seen enough closes first.
        with contextlib.suppress(ConnectionError):
            for place in range(0, len(body), CHUNK):
                self.wfile.write(body[place : place + CHUNK])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@contextlib.contextmanager
def serving(file: ServedFile) -> Generator[str]:
    """Serves the file; the value is the server's base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"file": file}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
