"""A document is hostile until it was read: what becomes a sentence, and what of that is proposed."""

from __future__ import annotations

import pytest

from edge_seal.adaptation.documents import (
    MAXIMUM_BYTES,
    MAXIMUM_SENTENCES,
    Document,
    Proposal,
    at_most,
    checked,
    propose,
    read_document,
)
from edge_seal.errors import ConfigError

NOTES = """\
# Fernworks opens at nine

Fernworks is a maker of hand planes. It was founded in 1987 by Mira Osk,
a former boat builder. Dr. Lund checks the *planes* every week.

- The showroom is [open](https://example.org) on Saturdays.
- Repairs are handled by Tobias Lind.

```
The code was written by Ada Holm.
```

<!-- The comment was written by Ada Holm. -->

<div>The block was written by Ada Holm.</div>

The mark `x` was drawn by Ada Holm. ![The picture was painted by Ada Holm.](x.png)
"""


def read(text: str, *, is_markdown: bool = False) -> Document:
    return read_document(text.encode(), "notes", is_markdown=is_markdown)


def test_markdown_gives_running_text_with_its_lines_and_nothing_that_is_hidden() -> None:
    document = read(NOTES, is_markdown=True)
    assert [(one.line, one.text) for one in document.sentences] == [
        (3, "Fernworks is a maker of hand planes."),
        (3, "It was founded in 1987 by Mira Osk, a former boat builder."),
        (4, "Dr. Lund checks the planes every week."),
        (6, "The showroom is open on Saturdays."),
        (7, "Repairs are handled by Tobias Lind."),
        (17, "The mark ` was drawn by Ada Holm. `"),
    ]
    assert "Ada Holm" not in " ".join(one.answer for one in propose(document).kept)


def test_it_and_he_are_who_the_sentence_before_is_about() -> None:
    document = read("Fernworks is a maker of planes. It was founded in 1987. It has two floors.\n\nIt has a garden.")
    assert [one.read_as for one in document.sentences] == [
        "Fernworks is a maker of planes.",
        "Fernworks was founded in 1987.",
        "Fernworks has two floors.",
        "It has a garden.",
    ]
    assert document.sentences[1].sources == ("Fernworks is a maker of planes.", "It was founded in 1987.")
    # Once somebody else was named between, "it" may be either.
    other = read("Fernworks is a maker of planes. The Heron and the Wren cost a lot. It was founded in 1987.")
    assert other.sentences[2].read_as == "It was founded in 1987."


def test_plain_text_is_no_markup() -> None:
    document = read("Fernworks was founded in 1987.\n    The Heron costs *240* euros.\r\n<b>The Wren costs 9 euros.")
    assert [one.text for one in document.sentences][-1] == "The Heron costs *240* euros. <b>The Wren costs 9 euros."
    assert [one.prompt for one in propose(document).kept] == ["When was Fernworks founded?"]


def test_what_moves_a_terminal_or_cannot_be_seen_is_taken_out() -> None:
    document = read("\x1b]0;owned\x07Fern\u200bworks was\u202e founded in 1987.")
    assert [one.text for one in document.sentences] == ["Fernworks was founded in 1987."]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe\x00a", "not UTF-8"),
        (b"MZ\x00\x00", "null bytes"),
        (b"", "no sentence"),
        (b"   \n\n", "no sentence"),
        (b"x" * (MAXIMUM_BYTES + 1), "bytes; a document may have"),
        (b"A b c.\n\n" * (MAXIMUM_SENTENCES + 1), "sentences; a document may have"),
        (b"word " * 1000, "no sentence of 3 to 400"),
    ],
)
def test_what_is_no_document_says_why(content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        read_document(content, "notes.txt")
    assert error.value.next_step


def test_a_question_with_two_answers_is_asked_for_neither() -> None:
    proposed = propose(read("The workshop opens at eight. Fernworks has 3 cats. The workshop opens at nine."))
    assert [one.prompt for one in proposed.kept] == ["How many cats does Fernworks have?"]
    assert proposed.dropped == {"one question, two answers": 2}


def test_what_is_said_twice_is_kept_once() -> None:
    proposed = propose(read("The workshop opens at eight. The workshop opens at eight."))
    assert len(proposed.kept) == 1
    assert proposed.dropped == {"said twice": 1}


def proposal(document: Document, prompt: str, answer: str, span: str) -> Proposal:
    sentence = document.sentences[0]
    return Proposal(prompt, answer, span, "test", "model", sentence.text, sentence.line)


def test_what_is_not_faithful_or_answers_itself_is_dropped() -> None:
    document = read("Fernworks was founded in 1987 by Mira Osk.")
    said = [
        proposal(document, "When was Fernworks founded?", "Fernworks was founded in 1978.", "1978"),
        proposal(document, "Was Fernworks founded by Mira Osk?", "Mira Osk.", "Mira Osk"),
        proposal(document, "When was Fernworks founded?", "In 1987.", "1987"),
        proposal(document, "When was it that Fernworks was founded?", "In 1987.", "1987"),
    ]
    found = checked(said, document)
    assert [one.prompt for one in found.kept] == ["When was Fernworks founded?"]
    assert found.dropped == {
        "answers itself": 1, "nearly the same question": 1, "says what its sentence does not": 1,
    }  # fmt: skip


def test_a_cap_takes_something_of_every_sentence_first() -> None:
    document = read(
        "Fernworks was founded in 1987 by Mira Osk. Repairs are handled by Tobias Lind. The Heron costs 9 euros."
    )
    kept = propose(document).kept
    assert len(kept) == 4
    chosen = at_most(kept, 3)
    assert len({one.sentence for one in chosen}) == 3
    assert list(chosen) == sorted(chosen, key=kept.index)


def test_the_same_bytes_give_the_same_proposals() -> None:
    assert propose(read(NOTES, is_markdown=True)) == propose(read(NOTES, is_markdown=True))
