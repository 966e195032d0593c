from __future__ import annotations

from tests.cli.reference import DOCUMENT, MARK, document


def test_the_document_is_in_step_with_the_commands() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text.count(MARK) == 1
    assert text == document(), "write it anew: python -m tests.cli.reference"
