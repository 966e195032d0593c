"""Pages and filters, and Markdown out and in."""

from __future__ import annotations

import itertools
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.clock import timestamp
from edge_seal.errors import ConfigError
from edge_seal.memory import listing, markdown
from edge_seal.memory.interchange import Line
from edge_seal.memory.listing import Filter
from edge_seal.memory.memories import Memories
from edge_seal.records import Memory, Origin
from tests.memory.conftest import HandClock, Shelf
from tests.memory.test_interchange import TEXTS, _storable, exported


def page(shelf: Shelf, wanted: Filter, limit: int | None = None) -> list[str]:
    return [item.id for item in listing.newest(shelf.database, wanted, timestamp(shelf.clock.now()), limit)]


def test_pages_follow_each_other_without_gap_or_repetition(shelf: Shelf, memories: Memories) -> None:
    for number in range(10):
        memories.remember(f"note {number}", Origin.TYPED)
    memories.forget("m4")
    found: list[str] = []
    before = None
    while ids := page(shelf, Filter(before=before), 4):
        found = ids + found
        before = ids[0]
    assert found == ["m1", "m2", "m3", "m5", "m6", "m7", "m8", "m9", "m10"]


def test_filters_are_joined(shelf: Shelf, memories: Memories) -> None:
    memories.remember("I live in Turku", Origin.TYPED)
    shelf.clock.pass_time(days=1)
    day = timestamp(shelf.clock.now())
    memories.remember("50% of the ROSES_ are red", Origin.FILE, "Garden.txt")
    shelf.clock.pass_time(days=1)
    memories.remember("I live in Oulu", Origin.TYPED)
    assert page(shelf, Filter()) == ["m2", "m3"]
    assert page(shelf, Filter(ended=True)) == ["m1", "m2", "m3"]
    assert page(shelf, Filter(text="roses_", source="garden")) == ["m2"]
    assert page(shelf, Filter(text="%red")) == [], "nothing of it is a pattern"
    assert page(shelf, Filter(origin=Origin.TYPED)) == ["m3"]
    assert page(shelf, Filter(since=day)) == ["m2", "m3"]
    assert page(shelf, Filter(until=day, ended=True)) == ["m1"]
    (attribute,) = {str(row[0]) for row in shelf.database.rows("SELECT attribute FROM facts WHERE memory_id = 3")}
    assert page(shelf, Filter(kind=attribute)) == ["m3"]


def read(content: bytes) -> list[Line]:
    return [line for _, line in markdown.parsed(BytesIO(content))]


def test_markdown_comes_back_field_by_field(shelf: Shelf, memories: Memories, tmp_path: Path) -> None:
    texts = (*TEXTS, "a\n\n> quoted\n# not a title\n- not: an item", "two \nspaces")
    for text, origin in zip(texts, itertools.cycle(Origin), strict=False):
        memories.remember(text, origin, source="näme\n\u2028.txt" if origin is Origin.FILE else None)
        shelf.clock.pass_time(seconds=1.5)
    memories.remember("I lived in Turku until 2020", Origin.TYPED)
    written = markdown.HEADING.encode() + b"".join(markdown.section(item) for item in memories.list(ended=True))
    clock = HandClock()
    clock.pass_time(days=400)
    restored = Shelf(tmp_path / "other.db", clock).memories()
    restored.import_lines(read(written), backup=True)
    assert exported(restored) == exported(memories)
    assert read(written.replace(b"\n", b"\r\n")) == read(written)


@given(
    text=st.text(min_size=1).filter(_storable),
    origin=st.sampled_from(Origin),
    source=st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50),
)
def test_any_memory_is_read_back_from_markdown(text: str, origin: Origin, source: str | None) -> None:
    moment = "2026-03-01T09:30:00.000000Z"
    memory = Memory("m1", text, origin, source, moment, moment, moment)
    content = markdown.section(memory)
    assert read(b"# Memories\n" + content + content) == [Line(text, origin, source, moment, moment, moment)] * 2


def test_markdown_that_a_person_wrote_is_enough(memories: Memories) -> None:
    content = b'# Mine\n\n## \n> I like tea,\n> black.\n\n## \n- source: "diary"\n\n> I am a nurse\n'
    memories.import_lines(read(content))
    assert [(item.text, item.source) for item in memories.list()] == [
        ("I like tea,\nblack.", None),
        ("I am a nurse", "diary"),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"hello\n", "line 1: stands before the first section"),
        (b"## \n> a\n\nhello\n", "line 4: is no quote"),
        (b"## \n> a\n- colour: red\n", "line 3: is no quote"),
        (b"## \n> a\n- origin: typed\n- origin: file\n", "line 4: gives 'origin' twice"),
        (b"## \n- source: bare\n> a\n", "line 2: is no JSON string"),
        (b'## \n- text: "a"\n> b\n', "line 1: has a quote and a text"),
        (b"\n## \n- origin: typed\n", "line 2: text: "),
        (b"## yesterday\n> a\n", "line 1: created_at: "),
        (b"## \n> \xff\n", "line 2: is not UTF-8"),
        (b"## \n> a\n- origin: god\n", "line 1: origin: "),
        (b"## \n> " + b"x" * 5_000_000, "line 2: is longer than"),
    ],
)
def test_hostile_markdown_is_refused_by_its_line(content: bytes, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(content)
    assert raised.value.message.startswith(told)
    assert len(raised.value.message) < 400
