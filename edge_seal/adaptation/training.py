"""Examples to LoRA, within a budget: the inner loop of an update.

Every step draws from each kind of example (lessons, contrasts, general, replayed) so that a step that teaches also
holds the rest in place: with kinds left to chance, a run of lessons undoes the boundary around them.
"""

from __future__ import annotations
