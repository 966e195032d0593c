"""An embedder behind a server, as a user meets it: marked wherever it works, said where it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.conftest import CommandLine
from tests.support.embedding_server import EmbeddingServer, serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
LEAVES = "text leaves this process"


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serving(EmbeddingServer()) as running:
        yield running


def configure(cli: CommandLine, url: str, **others: object) -> None:
    former = cli.home.config_file.read_text(encoding="utf-8") if cli.home.config_file.exists() else ""
    kept = former.partition("[embedder]")[0]
    lines = {"kind": "ollama", "url": url, "model": "nomic-embed-text", **others}
    section = "\n".join(f"{name} = {value!r}" for name, value in lines.items())
    cli.home.config_file.write_text(f"{kept}\n[embedder]\n{section}\n", encoding="utf-8")


def test_text_that_leaves_is_marked_everywhere(tiny: CommandLine, server: EmbeddingServer) -> None:
    host = server.url.partition("//")[2]
    tiny("remember", "I live in Bergen.")
    before = tiny("doctor", "--json", code=1).json["embedder"]
    assert (before["text_leaves_process"], before["sends_to"]) == (False, None)
    configure(tiny, server.url)

    state = tiny("doctor", "--json", code=0).json["embedder"]
    assert (state["text_leaves_process"], state["sends_to"], state["works"]) == (True, host, True)
    assert (state["dimension"], state["memories"], state["missing"]) == (96, 1, 1)
    assert f"TEXT LEAVES THIS PROCESS: every question and memory is sent to {host}" in tiny("doctor").out
    assert [text for text in server.texts if "Bergen" in text] == []

    asked = tiny("ask", "Where do I live?", "--json").json
    assert any(LEAVES in notice and host in notice for notice in asked["notices"])
    # A part is embedded after the answer: here, all of it.
    assert tiny("doctor", "--json").json["embedder"]["missing"] == 0
    found = tiny("memory", "search", "live in Bergen", "--json").json
    assert found["results"][0]["similarity"] is not None
    assert any(LEAVES in notice for notice in found["notices"])
    assert LEAVES not in tiny("memory", "search", "Bergen", "--mode", "keyword").err


def test_reembed_says_what_it_did(tiny: CommandLine, server: EmbeddingServer) -> None:
    for number in range(5):
        tiny("remember", f"number {number} is topic{number}")
    configure(tiny, server.url)
    server.refuses = "topic3"
    done = tiny("memory", "reembed", "--json").json
    assert (done["embedded"], done["refused"], done["removed"]) == (4, ["m4"], 0)
    server.refuses = None
    again = tiny("memory", "reembed")
    assert "1 memories and 0 past turns embedded by nomic-embed-text (ollama at 127.0.0.1" in again.err
    assert LEAVES in again.err


def test_where_the_server_is_down_words_are_searched(tiny: CommandLine, server: EmbeddingServer) -> None:
    tiny("remember", "I live in Bergen.")
    configure(tiny, "http://127.0.0.1:9")
    found = tiny("memory", "search", "Bergen", "--json").json
    assert [item["memory"]["id"] for item in found["results"]] == ["m1"]
    assert any("cannot be reached" in notice and "words alone" in notice for notice in found["notices"])
    asked = tiny("ask", "Do I live in Bergen?", "--json").json
    assert asked["memories"] == ["m1"]
    assert any("cannot be reached" in notice for notice in asked["notices"])
    assert "cannot be reached" in tiny("doctor", "--json", code=1).json["problems"][0]["message"]
    assert "cannot be reached" in tiny("memory", "reembed", code=1).err
    # It was known before and is gone now: the same.
    configure(tiny, server.url)
    tiny("memory", "reembed")
    server.status = 503
    assert any("status 503" in notice for notice in tiny("ask", "Do I live in Bergen?", "--json").json["notices"])
    tiny("remember", "I work in Voss.")
    assert tiny("memory", "search", "Voss", "--json").json["results"][0]["memory"]["text"] == "I work in Voss."


def test_a_private_question_is_not_sent(tiny: CommandLine, server: EmbeddingServer) -> None:
    tiny("remember", "I live in Bergen.")
    configure(tiny, server.url)
    asked = tiny("ask", "Is Bergen my secret hideout?", "--private", "--json").json
    assert any("private question is not sent" in notice for notice in asked["notices"])
    assert [text for text in server.texts if "hideout" in text] == []


def test_clear_text_to_another_machine_is_refused(cli: CommandLine) -> None:
    configure(cli, "http://192.168.1.9:11434")
    assert "allow_clear_text" in cli("memory", "search", "x", code=2).err
