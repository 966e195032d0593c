"""One loss over examples that are taught and examples that are held: it is the sum of both, gradient and all."""

from __future__ import annotations
