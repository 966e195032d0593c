"""Every verifier on answers that hold and on near misses that do not."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.adaptation.verifiers import REGISTRY, ifeval_verifier, share_holding, verifier
from edge_seal.adaptation.verifiers.ifeval import INSTRUCTIONS
from edge_seal.adaptation.verifiers.registry import Argument
from edge_seal.adaptation.verifiers.spelling import AMERICAN, BRITISH, in_spelling
from edge_seal.adaptation.verifiers.text_shape import list_items, sentences, words
from edge_seal.errors import ConfigError

DATA = Path(os.environ.get("EDGE_SEAL_DATA", "../shared/data")) / "ifeval" / "dev.jsonl"

# name, arguments, answers that hold, near misses
CASES: tuple[tuple[str, dict[str, Argument], tuple[str, ...], tuple[str, ...]], ...] = (
    ("no_commas", {}, ("Red and blue.", "3.5; yes"), ("Red, blue.", "1,000", "是，不")),
    ("no_exclamation_marks", {}, ("Hello.", "a ≠ b"), ("Hello!", "¡hola", "no！")),
    ("no_question_marks", {}, ("Yes.",), ("Yes?", "¿si", "是？")),
    ("no_emoji", {}, ("Fine.", "a: b (c)", "ratio 3:4"), ("Fine 🙂", "Fine :)", "☀ today", "8-) cool")),
    ("no_markup", {}, ("Plain text. 2 * 3 * 4", "a-b"), ("**bold**", "# Title", "- one", "`x`", "[a](b)", "> said")),
    ("no_digits", {}, ("seven days",), ("7 days", "٣ days")),
    ("lower_case", {}, ("all small, 3 of them.",), ("All small", "iPhone", "123", "ÄRGER")),
    ("upper_case", {}, ("ALL BIG, 3 OF THEM.",), ("ALL BIg", "123", "straße")),
    ("capital_words", {"relation": "at least", "count": 2}, ("YES and NO",), ("YES and No", "yes no")),
    ("capital_words", {"relation": "less than", "count": 2}, ("YES and No",), ("YES and NO",)),
    (
        "word_count",
        {"relation": "at most", "count": 3},
        ("one two three", "well-known it's"),
        ("one two three four", "…"),
    ),
    ("word_count", {"relation": "at least", "count": 3}, ("one two three",), ("one two - !", "one-two three")),
    (
        "sentence_count",
        {"relation": "exactly", "count": 1},
        ("Only one.", "Dr. Smith is at 10:30 a.m. today.", "It costs 3.5 euros", "Fine! 🙂", 'She said "no."'),
        ("One. Two.", "What? Yes.", "One.\n\nTwo", "- one thing\n- another thing"),
    ),
    ("sentence_count", {"relation": "at most", "count": 2}, ("One. Two.",), ("One. Two. Three.", "")),
    ("character_count", {"relation": "at most", "count": 5}, ("abcde", " abcde "), ("abcdef",)),
    ("paragraph_count", {"relation": "exactly", "count": 2}, ("a\n\nb", "a\n \n\nb\n"), ("a\nb", "a\n\nb\n\nc")),
    (
        "paragraph_count",
        {"relation": "exactly", "count": 2, "separator": "***"},
        ("a\n***\nb",),
        ("a *** b", "a\n***\n"),
    ),
    (
        "paragraph_begins",
        {"paragraph": 2, "paragraphs_in_all": 2, "word": "then"},
        ("First.\n\nThen it ended.",),
        ("Then.\n\nFirst.", "First.\n\nThenceforth.", "First.\n\nThen.\n\nMore."),
    ),
    ("starts_with", {"phrase": "Ahoy"}, ("Ahoy! Welcome.", "  ahoy there"), ("Ahoyed.", "Well, ahoy")),
    ("ends_with", {"phrase": "Over."}, ("Done. Over.", "Game over. \n"), ("Over. Done", "Over", "Moreover.")),
    ("smiley_at_the_end", {}, ("Fine 🙂", "Fine. :-)", "Fine 👍🏽", "Bye :)."), ("🙂 Fine", "Fine:", "Fine", "f(x)")),
    ("question_at_the_end", {}, ("And you?", '"Really?"'), ("Why? Because.", "Well")),
    ("quoted", {}, ('"All of it."', "“All of it.”", "«tout»"), ('"a" and "b"', '""', '"open', "'one'")),
    (
        "json",
        {},
        ('{"a": 1}', "[1, 2]", '```json\n{"a": [true, null]}\n```'),
        ("{'a': 1}", '{"a": 1} done', '"text"', "7", '{"a": NaN}', '{"a": 1,}', "[" * 5000 + "]" * 5000),
    ),
    ("json_keys", {"keys": ("a", "b")}, ('{"a": 1, "b": 2, "c": 3}',), ('{"a": 1}', '["a", "b"]', "a b")),
    (
        "bullet_list",
        {},
        ("- one\n- two", "Here:\n* one\n* two"),
        ("- one", "1. one\n2. two", "- one\n- two\nThat is all."),
    ),
    ("numbered_list", {}, ("1. one\n2. two", "Steps:\n1) a\n2) b"), ("- a\n- b", "1. one", "1.one\n2.two")),
    ("bullet_count", {"relation": "exactly", "count": 2}, ("Hi\n- a\n- b\nend",), ("- a", "- a\n- b\n- c", "-a\n-b")),
    ("title", {}, ("<<A day>>\nText",), ("<< >> text", "<A day>", "<<A\nday>>")),
    (
        "highlights",
        {"relation": "at least", "count": 2},
        ("*one* and **two**",),
        ("*one* two", "2 * 3", "* one\n* two"),
    ),
    ("placeholders", {"relation": "at least", "count": 2}, ("[name] of [town]",), ("[name] of (town)", "[[a]]")),
    (
        "sections",
        {"word": "Section", "relation": "at least", "count": 2},
        ("Section 1\na\nSECTION 2\nb", "## Section I\nx\nSection II"),
        ("Section 1 a Section 2 b", "Section one\nSection two"),
    ),
    (
        "postscript",
        {"marker": "P.S."},
        ("Bye.\nP.S. More.", "Bye\n\nPS: more"),
        ("P.S.", "He said P.S. once", "Psalm one", "Tops. More"),
    ),
    (
        "one_of",
        {"choices": ("My answer is yes.", "My answer is no.")},
        ("My answer is no.",),
        ("My answer is no", "Yes"),
    ),
    ("two_different", {}, ("a\n******\nb",), ("a ****** a", "a b", "a ****** b ****** c")),
    (
        "repeats_first",
        {"text": "Write a poem."},
        ("Write a poem. Roses are red",),
        ("Write a poem.", "Roses. Write a poem."),
    ),
    ("says", {"phrases": ("red", "blue sky")}, ("Red under a blue sky.",), ("reddish blue sky", "red blue")),
    ("avoids", {"phrases": ("very",)}, ("Every day.",), ("It is very good.", "Very!")),
    ("says_times", {"phrase": "no", "relation": "exactly", "count": 2}, ("No, no.",), ("No, not now.", "no no no")),
    ("letter_times", {"letter": "e", "relation": "less than", "count": 2}, ("One",), ("Eel", "elephant")),
    (
        "british_spelling",
        {},
        ("My favourite colour is grey.", "Colorado"),
        ("My favorite thing", "GRAY", "Organize it"),
    ),
    ("american_spelling", {}, ("My favorite color.", "The center."), ("The centre.", "neighbours")),
    ("no_contractions", {}, ("I do not.", "Anna's dog."), ("I don't.", "It’s fine", "CAN'T")),
    ("no_first_person", {}, ("The answer is here.", "It is in Mytown"), ("I think so", "It's my view", "i’m here")),
    (
        "same_as",
        {"text": "Ahoy! All well?"},
        ("ahoy!  all well", "Ahoy! All well?"),
        ("Ahoy! All", "Ahoy! All well, sir?"),
    ),
    (
        "holds_correction",
        {"text": "You live in Oulu."},
        ("Of course: you live in Oulu!",),
        ("You live in Turku.", "Oulu"),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}{dict(case[1]) or ''}")
def test_holds_and_near_misses(case: tuple[str, Mapping[str, Argument], tuple[str, ...], tuple[str, ...]]) -> None:
    name, arguments, holding, missing = case
    check = verifier(name, **arguments)
    assert [answer for answer in holding if not check.holds(answer)] == []
    assert [answer for answer in missing if check.holds(answer)] == []
    assert not check.holds("")
    assert not check.holds(" \n")
    assert "{" not in check.words


def test_every_verifier_has_a_case() -> None:
    assert {name for name, *_ in CASES} == set(REGISTRY)


@given(text=st.text(max_size=300), case=st.sampled_from(CASES))
def test_no_text_makes_one_fail(text: str, case: tuple[str, dict[str, Argument], object, object]) -> None:
    assert verifier(case[0], **case[1]).holds(text) in (True, False)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("no_comma", {}, "there is no verifier 'no_comma'"),
        ("no_commas", {"count": 1}, "does not take these arguments"),
        ("word_count", {"relation": "about", "count": 1}, "the relation 'about' is not one of"),
        ("word_count", {"relation": "at most", "count": -1}, "not a number from 0"),
        ("word_count", {"relation": "at most", "count": True}, "not a number from 0"),
        ("starts_with", {"phrase": "  "}, "has to be text"),
        ("says", {"phrases": ("a", "")}, "has to be text"),
    ],
)
def test_what_cannot_be_checked_is_an_error_in_words(name: str, arguments: dict[str, Argument], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        verifier(name, **arguments)


def test_two_of_the_same_are_equal_and_a_share_is_of_all() -> None:
    assert verifier("no_commas") == verifier("no_commas")
    assert verifier("says", phrases=("a",)) != verifier("says", phrases=("b",))
    both = (verifier("no_commas"), verifier("lower_case"))
    assert [share_holding(both, answer) for answer in ("all small", "Not small", "Not, small")] == [1.0, 0.5, 0.0]
    assert share_holding((), "anything") == 1.0


class TestShape:
    def test_words_and_sentences(self) -> None:
        assert words("It's well-known: 3 of 4!") == ["It's", "well-known", "3", "of", "4"]
        assert sentences('Mr. Lee came, e.g. at 10:30. Then (he said) "stop." Yes! 🙂') == [
            "Mr. Lee came, e.g. at 10:30.", 'Then (he said) "stop."', "Yes! 🙂",
        ]  # fmt: skip
        assert list_items("1. a\n2) b\n- c", numbered=True) == ["a", "b"]

    def test_spellings_go_both_ways_and_keep_their_case(self) -> None:
        assert in_spelling("Favorite COLOR, neighbors'", BRITISH) == "Favourite COLOUR, neighbours'"
        assert in_spelling("The Centre", AMERICAN) == "The Center"
        assert all(AMERICAN[british] == american for american, british in BRITISH.items())


class TestIfeval:
    def test_only_what_needs_a_language_has_no_verifier(self) -> None:
        assert ifeval_verifier("language:response_language", {"language": "de"}) is None
        assert len(INSTRUCTIONS) == 24

    def test_wrong_arguments_name_the_instruction(self) -> None:
        with pytest.raises(ConfigError, match="length_constraints:number_words: num_words is None"):
            ifeval_verifier("length_constraints:number_words", {"relation": "at least"})

    @pytest.mark.skipif(not DATA.exists(), reason=f"the development data is absent: {DATA}")
    def test_every_instruction_of_the_development_data_can_be_checked(self) -> None:
        unknown: set[str] = set()
        for line in DATA.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            for name, arguments in zip(row["instruction_id_list"], row["kwargs"], strict=True):
                made = ifeval_verifier(name, arguments)
                if made is None:
                    unknown.add(name)
                else:
                    assert made.holds("A plain answer.") in (True, False)
        assert unknown == {"language:response_language"}
