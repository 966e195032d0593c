"""Exact checks of an answer's form: what a rule asks for is either there or not, and nobody's taste decides it.

`registry.py` names them, `answer_checks.py` holds them, `text_shape.py` says what a word, a sentence and a list item
are, `unit_tests.py` runs code against its tests where nothing of the machine can be reached.
"""

from __future__ import annotations

from edge_seal.adaptation.verifiers.ifeval import ifeval_verifier
from edge_seal.adaptation.verifiers.registry import REGISTRY, Verifier, share_holding, verifier
from edge_seal.adaptation.verifiers.unit_tests import TestRun, TestsUnavailable, run_unit_tests

__all__ = [
    "REGISTRY",
    "TestRun",
    "TestsUnavailable",
    "Verifier",
    "ifeval_verifier",
    "run_unit_tests",
    "share_holding",
    "verifier",
]
