"""Rules that forbid marks: what of the vocabulary they leave, so that the base can be heard as if it kept them.

"No commas" can be checked token by token. Of such a rule the base's own distribution without the forbidden tokens,
renormalized, is the answer that changes least; training distils it (Hinton et al. 2015, arXiv:1503.02531) on answers
that were drawn from it. Other rules ask for a form of the whole; and small letters or capitals leave so little of what
the base would say that it loses its way (docs/log.md): there its own answers are rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from edge_seal.adaptation.verifiers import Verifier
from edge_seal.engines.engine import Engine

_FORBIDS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "no_commas": lambda piece: re.search("[,،、\uff0c]", piece) is not None,
        "no_exclamation_marks": lambda piece: re.search("[!\uff01¡]", piece) is not None,
    }
)


def forbids_tokens(check: Verifier) -> bool:
    """Whether the rule of this check can be kept by leaving tokens out."""
    return check.name in _FORBIDS


def forbidden_tokens(check: Verifier, engine: Engine) -> tuple[int, ...]:
    """The tokens that no answer may hold which keeps the rule, ascending; what ends an answer is never one of them.

    Raises:
        KeyError: it is no rule that forbids tokens.
    """
    forbids, ends = _FORBIDS[check.name], engine.end_tokens
    return tuple(
        token for token in range(engine.vocabulary) if token not in ends and forbids(engine.detokenize([token]))
    )
