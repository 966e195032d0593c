"""Two statements in the same words but for one place: a change of mind, perhaps, where no rule reads the attribute.

"The office closes at five" and "The office closes at six" are near in meaning and differ in one place. So do many
paraphrases, so such a pair is only ever shown, and ends nothing. Figures: docs/log.md.
"""

from __future__ import annotations

import difflib
import re
from typing import Final

MINIMUM_COSINE: Final = 0.65
# Of the words of the longer one, in the same order in both.
MINIMUM_SHARED: Final = 0.66
_DETERMINERS: Final = frozenset({"a", "an", "the", "my", "our"})


def differ_in_one_place(first: str, second: str) -> bool:
    """Whether the two say the same but for one value."""
    words, others = _words(first), _words(second)
    matcher = difflib.SequenceMatcher(None, words, others, autojunk=False)
    changes = [kind for kind, *_ in matcher.get_opcodes() if kind != "equal"]
    shared = sum(block.size for block in matcher.get_matching_blocks())
    return changes == ["replace"] and shared >= MINIMUM_SHARED * max(len(words), len(others))


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w']+", text[:1_000].lower()) if word not in _DETERMINERS]
