"""The guardian: pure checks that say whether a text may be learned, remembered or shown.

It reaches no engine, no database and no file, so it cannot be talked into anything; docs/guardian.md lists its rules.
"""

from edge_seal.adaptation.guardian import extraction
from edge_seal.adaptation.guardian.change import sudden_change
from edge_seal.adaptation.guardian.identities import NameFinder
from edge_seal.adaptation.guardian.judge import (
    Judged,
    SourceCaps,
    Verdicts,
    judge,
    judge_batch,
    judge_example,
    judge_lesson,
    put_aside_by,
    redacted,
    source_key,
    strictest,
    text_of,
)
from edge_seal.adaptation.guardian.policy import (
    CLASSES,
    DEFAULT_POLICY,
    POLICY,
    RULES,
    Policy,
    Purpose,
    policy_of,
    rules_table,
)

__all__ = [
    "CLASSES",
    "DEFAULT_POLICY",
    "POLICY",
    "RULES",
    "Judged",
    "NameFinder",
    "Policy",
    "Purpose",
    "SourceCaps",
    "Verdicts",
    "extraction",
    "judge",
    "judge_batch",
    "judge_example",
    "judge_lesson",
    "policy_of",
    "put_aside_by",
    "redacted",
    "rules_table",
    "source_key",
    "strictest",
    "sudden_change",
    "text_of",
]
