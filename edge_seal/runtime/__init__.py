"""The one place that constructs engines, databases and clocks, and what every command of Edge Seal does with them.

Invariants: nothing is opened before it is needed (listing memories loads no model, showing a path makes no file); what
is taught, corrected or remembered is judged before a byte of it is kept; what changes updates is done under the write
lock, after what a crash left was cleared up; errors of models leave as errors of ours.
"""

from edge_seal.runtime.browsing import Browsing
from edge_seal.runtime.chatting import Consequences
from edge_seal.runtime.documenting import Documenting, TaughtDocument
from edge_seal.runtime.forgetting import Forgetting, Forgotten, Reach, Removed
from edge_seal.runtime.interchange import Interchange
from edge_seal.runtime.reviewing import Reviewing
from edge_seal.runtime.safekeeping import Safekeeping
from edge_seal.runtime.tuning import Tuning
from edge_seal.runtime.values import ACTIVE, LAST, NONE, Ask, Kept, KnownModel, Limits, RolledBack, UpdateRecord
from edge_seal.runtime.watching import Watching

__all__ = [
    "ACTIVE",
    "LAST",
    "NONE",
    "Ask",
    "Consequences",
    "Forgotten",
    "Kept",
    "KnownModel",
    "Limits",
    "Reach",
    "Removed",
    "RolledBack",
    "Runtime",
    "TaughtDocument",
    "UpdateRecord",
]


class Runtime(Documenting, Watching, Reviewing, Interchange, Browsing, Tuning, Forgetting, Safekeeping):
    """One installation and everything that can be done with it. Open it with `Runtime.open()`."""
