"""Words from any text, and queries that only ever look for words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.memory import words
from edge_seal.storage.database import Database

HOSTILE = (
    "",
    " ",
    '"',
    '""" OR 1',
    "NEAR(dog cat, 2)",
    "dog NOT cat",
    "text : dog",
    "{text} : dog",
    "^dog",
    "dog*",
    "-dog",
    "(((((",
    "dog AND",
    "'; DROP TABLE memories; --",
    "\0",
    "a\0b",
    "\ud800",
    "🐕🐈",
    "日本語 テキスト",
    "हिन्दी पाठ",
    "e\u0301te\u0301",
    "___",
    "a_b",
    "\u202edog",
    "x" * 100_000,
    "word " * 50_000,
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database.open(tmp_path_factory.mktemp("words") / "edge-seal.db")


def _looked_up(database: Database, text: str) -> None:
    for sought in (words.words(text), words.content_words(text)):
        if sought:
            for query in (words.any_of(sought), words.all_of(sought)):
                database.rows("SELECT rowid FROM memories_fts WHERE memories_fts MATCH ?", (query,))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_any_user_text_is_a_safe_query(database: Database, text: str) -> None:
    _looked_up(database, text)


@given(st.text(st.characters()))
def test_any_unicode_text_is_a_safe_query(database: Database, text: str) -> None:
    _looked_up(database, text)


@given(st.text(st.sampled_from('"*-^(){}:,.+ \0\n') | st.characters(codec="utf-8")))
def test_any_syntax_is_a_safe_query(database: Database, text: str) -> None:
    _looked_up(database, text)


def test_operators_are_words_like_others() -> None:
    assert words.all_of(words.words("dog NOT cat")) == '"dog" AND "not" AND "cat"'


def test_words_are_distinct_and_few() -> None:
    assert words.words("Dog dog DOG cat") == ("dog", "cat")
    assert len(words.words(" ".join(f"w{number}" for number in range(1000)))) == words.MAXIMUM_WORDS


def test_content_words_leave_out_how_it_is_asked() -> None:
    assert words.content_words("Can you tell me what the name of my dog is, please?") == ("name", "dog")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I like tea", "i  like\n tea."),
        ("I like tea", "I LIKE TEA!"),
        ("Caf\u00e9", "Cafe\u0301"),
        ("...", "..."),
    ],
)
def test_case_spacing_accent_form_and_full_stop_do_not_matter(one: str, other: str) -> None:
    assert words.normalized(one) == words.normalized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("I like tea", "I liked tea"), ("Is it tea?", "Is it tea"), ("-5", "5"), ("!", "."), ("resume", "résumé")],
)
def test_what_says_something_else_stays_apart(one: str, other: str) -> None:
    assert words.normalized(one) != words.normalized(other)


@given(st.text(max_size=60))
def test_normalizing_twice_changes_nothing(text: str) -> None:
    assert words.normalized(words.normalized(text)) == words.normalized(text)


def test_scripts_without_spaces_or_with_marks_are_found(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "edge-seal.db")
    database.execute("INSERT INTO memories_fts (rowid, text) VALUES (1, 'यह हिन्दी पाठ है'), (2, 'Ein Müller aß Größe')")
    for text, number in (("हिन्दी", 1), ("MULLER", 2), ("müller", 2)):
        query = words.all_of(words.words(text))
        assert database.rows("SELECT rowid FROM memories_fts WHERE memories_fts MATCH ?", (query,)) == [(number,)]
    database.close()
