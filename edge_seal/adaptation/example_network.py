"""The decoder over one cycle's examples: what training, scoring and the gate's figures are computed with.

All examples of a cycle, trained and held back, stand in one token trie; the frozen layers are computed once for it.
Examples are named by their index in the order they were given.
"""

from __future__ import annotations
