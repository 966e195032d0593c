"""How a question is put to the model: in its own words, and in those that a lesson was taught in."""

from __future__ import annotations


def in_words_taught(question: str, taught_as: str | None) -> str:
    """`question` with the lesson's prompt `taught_as` in a line of its own below it; None: the question as it is.

    The form is measured on the default model: below the question, behind "in other words" or in brackets, the lesson is
    said as often as where it stands alone; a question that asks for more than the lesson keeps its own words so.
    """
    if taught_as is None or question.strip() == taught_as.strip():
        return question
    return f"{question}\n{taught_as}"
