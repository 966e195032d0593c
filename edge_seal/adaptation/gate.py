"""The gate: candidate against incumbent, on what training never saw.

Four questions, each a figure with a bound: is the lesson said in other words (probes), does what is near stay untold
(neighbours), does everything else stay as it was (anchors), is what was learned before still there (kept). The first
pass works on the trainer's network and lowers the adapter's scale until the bounds hold; the second asks the engine,
which serves the very file that will be released.
"""

from __future__ import annotations
