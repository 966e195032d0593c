"""Whether an answer says what memory says: a rule on words, for counting, not for correcting.

Only questions whose attribute the rules know count ("Where do I live?"), and only where a memory that was recalled for
the answer holds a value of that very attribute. Then the answer is unsupported if it states something that has none of
these values in it; one that says it does not know states nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Final

from edge_seal.memory import questions
from edge_seal.storage.database import Database

_WORD: Final = re.compile(r"\w+")
_KNOWS_NOT: Final = re.compile(
    r"\b(?:(?:do|did|does)(?: not|n['’]t) (?:know|have|recall|remember)|not (?:sure|certain|aware|told)|no idea|"
    r"(?:have|has)(?: not|n['’]t) (?:told|said|mentioned)|can(?:not|['’]t) (?:say|tell|know|recall)|unknown)\b",
    re.IGNORECASE,
)


def is_unsupported(values: Iterable[str], answer: str) -> bool:
    """Whether `answer` states something else than every one of `values`, which are as facts are compared."""
    said = {word.casefold() for word in _WORD.findall(answer)}
    if not said or _KNOWS_NOT.search(answer):
        return False
    return not any(_is_said(value, said) for value in values)


def _is_said(value: str, said: set[str]) -> bool:
    """`oulu, finland` is said by "Oulu", and by "Finland" too: a part that is right is not otherwise."""
    parts = [{word.casefold() for word in _WORD.findall(part)} for part in value.split(",")]
    return any(part and part <= said for part in parts)


def recalled_values(database: Database, question: str, memory_ids: Sequence[str], now: str) -> tuple[str, ...]:
    """The values of what `question` asks for, in the memories that were recalled for it and hold at `now`."""
    wanted = questions.asked(question)
    numbers = [int(memory.removeprefix("m")) for memory in memory_ids if memory.removeprefix("m").isdecimal()]
    if wanted is None or not numbers:
        return ()
    rows = database.rows(
        "SELECT DISTINCT value FROM facts WHERE memory_id IN (SELECT value FROM json_each(?)) AND subject = ?"
        " AND attribute IN (SELECT value FROM json_each(?)) AND holds = 1 AND (valid_to IS NULL OR valid_to > ?)",
        (json.dumps(numbers), wanted.subject, json.dumps(wanted.attributes), now),
    )
    return tuple(str(row[0]) for row in rows)
