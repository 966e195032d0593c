"""A file of a Hugging Face repository, over HTTPS, continued where it broke off.

Invariant: a part is only continued when it is sure to be the same file: the server says so by `If-Range` on a strong
entity tag, or the manifest's hash decides at the end. Everything else starts anew.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from edge_models.catalog import HuggingFaceSource
from edge_models.durable import FILE_MODE
from edge_models.errors import FetchFailed

DEFAULT_BASE_URL = "https://huggingface.co"
TIMEOUT_S = 30.0
_CHUNK = 1 << 18
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_AGAIN = "run the same again: it continues where it stopped"


@dataclass(frozen=True, slots=True)
class Part:
    """What an earlier attempt left: the bytes in `path`, and the entity tag that they belong to."""

    path: Path

    @property
    def tag_path(self) -> Path:
        return self.path.with_name(self.path.name + ".tag")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def tag(self) -> str | None:
        try:
            tag: object = json.loads(self.tag_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return tag if isinstance(tag, str) else None

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.tag_path.unlink(missing_ok=True)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows to HTTPS only; plain HTTP stays on this machine, where it began."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_address(newurl, loopback=_is_loopback(req.full_url))
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def fetch_from_huggingface(
    source: HuggingFaceSource,
    part: Part,
    on_bytes: Callable[[int, int | None], None],
    *,
    size: int | None,
    hash_known: bool,
    base_url: str = DEFAULT_BASE_URL,
) -> None:
    """Completes `part`; on return its file is whole, as far as the server's lengths tell.

    An interruption of any kind leaves what has arrived, to be continued. `size` is what the manifest says,
    `hash_known` whether a wrong continuation would be found out.

    Raises:
        FetchFailed: no connection, a refusal, or a body that ended early.
    """
    address = (
        f"{base_url.rstrip('/')}/{source.repo}/resolve/{source.revision}/{urllib.parse.quote(source.file, safe='/')}"
    )
    _check_address(address, loopback=_is_loopback(address))
    for _ in range(2):
        if _attempt(address, source, part, on_bytes, size, hash_known=hash_known):
            return
        part.drop()
    raise FetchFailed(f"the server's answers for {source.file} of {source.repo} contradict each other")


def _attempt(
    address: str,
    source: HuggingFaceSource,
    part: Part,
    on_bytes: Callable[[int, int | None], None],
    size: int | None,
    *,
    hash_known: bool,
) -> bool:
    """One request. False: the part does not fit what the server has, so drop it and start anew."""
    start, tag = part.size(), part.tag()
    headers = {"Accept-Encoding": "identity", "User-Agent": "edge-seal"}
    if start and (tag or hash_known):
        headers["Range"] = f"bytes={start}-"
        if tag:
            headers["If-Range"] = tag
    opener = urllib.request.build_opener(_SafeRedirects())
    try:
        with cast(
            "http.client.HTTPResponse",
            opener.open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_S),  # noqa: S310 - checked
        ) as response:
            return _receive(response, source, part, on_bytes, size)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and "Range" in headers:
                whole = re.fullmatch(r"bytes \*/(\d+)", error.headers.get("Content-Range", ""))
                return bool(whole) and int(whole[1]) == start if whole else False
        raise _refused(error.code, source) from error
    except urllib.error.URLError as error:
        raise FetchFailed(f"cannot reach the server for {source.file}: {error.reason}", next_step=_AGAIN) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise FetchFailed(
            f"the connection broke after {part.size()} bytes of {source.file}", next_step=_AGAIN
        ) from error


def _receive(
    response: http.client.HTTPResponse,
    source: HuggingFaceSource,
    part: Part,
    on_bytes: Callable[[int, int | None], None],
    size: int | None,
) -> bool:
    start = 0
    length = int(declared) if (declared := response.headers.get("Content-Length", "")).isdigit() else None
    total = length
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        sent = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
        start = part.size()
        if not sent or int(sent[1]) != start or int(sent[2]) + 1 != int(sent[3]):
            return False
        total = int(sent[3])
    elif response.status != http.HTTPStatus.OK:
        raise _refused(response.status, source)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise FetchFailed(f"the server sent {source.file} in an encoding that was not asked for")
    if size is not None and total is not None and total != size:
        part.drop()
        raise FetchFailed(f"{source.file} of {source.repo} has {total} bytes, its manifest says {size}")
    if total is None and size is None and not response.chunked:
        raise FetchFailed(f"the server does not say how long {source.file} is")
    # The old bytes go before the new tag comes, so that a tag never vouches for bytes that are not its own.
    part.path.touch(mode=FILE_MODE)
    os.truncate(part.path, start)
    tag = response.headers.get("ETag", "")
    _note_tag(part, tag if tag.startswith('"') else None)
    expected = total if total is not None else size
    done = _append(response, part, start, expected, on_bytes)
    if expected is not None and done < expected:
        raise FetchFailed(f"{source.file} ended after {done} of {expected} bytes", next_step=_AGAIN)
    return True


def _append(
    response: http.client.HTTPResponse,
    part: Part,
    start: int,
    most: int | None,
    on_bytes: Callable[[int, int | None], None],
) -> int:
    done = start
    with part.path.open("ab") as file:
        while chunk := response.read(_CHUNK):
            done += len(chunk)
            if most is not None and done > most:
                file.truncate(0)
                raise FetchFailed(f"the server sent more than the {most} bytes it should have")
            file.write(chunk)
            on_bytes(done, most)
    return done


def _note_tag(part: Part, tag: str | None) -> None:
    if tag is None:
        part.tag_path.unlink(missing_ok=True)
    elif tag != part.tag():
        part.tag_path.write_text(json.dumps(tag), encoding="utf-8")


def _refused(code: int, source: HuggingFaceSource) -> FetchFailed:
    where = f"{source.file} of {source.repo} at {source.revision}"
    if code == http.HTTPStatus.NOT_FOUND:
        return FetchFailed(f"there is no {where}", next_step="check repo, revision and file in the manifest")
    if code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return FetchFailed(
            f"the server does not give {where} without an account",
            next_step="fetch it by hand and name it in a manifest as a path source",
        )
    return FetchFailed(f"the server answered {code} for {where}", next_step="try again later")


def _is_loopback(address: str) -> bool:
    return urllib.parse.urlsplit(address).hostname in _LOOPBACK


def _check_address(address: str, *, loopback: bool) -> None:
    scheme = urllib.parse.urlsplit(address).scheme
    if scheme != "https" and not (scheme == "http" and loopback and _is_loopback(address)):
        raise FetchFailed(f"refused to fetch over {scheme or 'no scheme'}: only HTTPS is used")
