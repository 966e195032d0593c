"""The values that modules hand to each other: frozen, slotted, without behaviour beyond what they say of themselves.

Identifiers are a letter and a number that is never used twice: `t12` a turn, `s4` a signal, `m3` a memory,
`u2` an update, `e7` an example. Times are stored text, see `clock.timestamp`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from edge_seal.labels import Origin, SignalKind

_TRUST = tuple(Origin)


def mixed(origins: Iterable[Origin]) -> tuple[Origin, tuple[Origin, ...]]:
    """What is derived from texts of these origins carries: the least trusted of them, and the others beside it.

    Raises:
        ValueError: there are none.
    """
    least, *others = sorted(frozenset(origins), key=_TRUST.index, reverse=True)
    return least, tuple(reversed(others))


# Signals --------------------------------------------------------------------------------------------------


class SignalState(StrEnum):
    """`pending` waits for a cycle; `learned` is in an update; `dropped` was scored out or is no lesson by itself."""

    PENDING = "pending"
    LEARNED = "learned"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Signal:
    """One piece of evidence: for `prompt`, `answer` is right (or, when `kind` is bad, wrong).

    `origin` is that of its least trusted part, `also_from` the other origins that went into it.
    """

    id: str
    kind: SignalKind
    prompt: str
    answer: str
    origin: Origin
    source: str | None
    turn_id: str | None
    created_at: str
    state: SignalState = SignalState.PENDING
    also_from: tuple[Origin, ...] = ()

    @property
    def origins(self) -> frozenset[Origin]:
        """Every origin that went into it."""
        return frozenset((self.origin, *self.also_from))


# Examples -------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """What an example is for. `probe` and `neighbour` are held back: they are measured, never trained on.

    `rejected` is what the model said where it was corrected: training makes it less likely than the correction.
    `liked` and `disliked` are what it said under a thumb: training makes the ones likelier, the others less likely.
    """

    LESSON = "lesson"
    REWORDING = "rewording"
    CONTRAST = "contrast"
    GENERAL = "general"
    REPLAY = "replay"
    REJECTED = "rejected"
    LIKED = "liked"
    DISLIKED = "disliked"
    PROBE = "probe"
    NEIGHBOUR = "neighbour"
    ANCHOR = "anchor"


JUDGED_ROLES = frozenset({Role.LIKED, Role.DISLIKED})
TRAINED_ROLES = frozenset({Role.LESSON, Role.REWORDING, Role.CONTRAST, Role.GENERAL, Role.REPLAY}) | JUDGED_ROLES
GIVEN_ROLES = frozenset({Role.LESSON}) | JUDGED_ROLES
"""What people gave: shown to who is asked about an update, and what the update bears on."""


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the answer wanted for it, with where it came from.

    `closed` is false where `answer` was cut at a token limit: then no end token is trained after it.
    `derived_by` names the rule that wrote it; `signal_id` the evidence it goes back to (None: general examples).
    `origin` is the least trusted of the origins that went into it, `also_from` the others.
    """

    prompt: str
    answer: str
    role: Role
    origin: Origin
    signal_id: str | None = None
    derived_by: str = "given"
    weight: float = 1.0
    closed: bool = True
    also_from: tuple[Origin, ...] = ()

    @property
    def origins(self) -> frozenset[Origin]:
        """Every origin that went into it."""
        return frozenset((self.origin, *self.also_from))


def rule_kind(derived_by: str) -> str | None:
    """The kind of prompts that a rule of style is for, of an example that it made (`rule:SLOT:KIND`); None: of none."""
    rule, _, kind = derived_by.rpartition(":")
    return kind if rule.startswith("rule:") else None


# Guardian -------------------------------------------------------------------------------------------------


class Action(StrEnum):
    """The four answers a guardian can give, mildest first."""

    ALLOW = "allow"
    REDACT = "redact"
    QUARANTINE = "quarantine"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that fired on `text[start:end]` (code points of the text as it was given).

    `excerpt` is safe to show and to store: it never holds the secret itself.
    """

    rule: str
    action: Action
    reason: str
    start: int
    end: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guardian's answer on one text: the strictest action among its findings."""

    action: Action
    findings: tuple[Finding, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.action is Action.ALLOW


# Memory ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Memory:
    """Something the user told us to remember. `valid_to` is None while it holds."""

    id: str
    text: str
    origin: Origin
    source: str | None
    created_at: str
    valid_from: str
    valid_to: str | None = None


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory that bears on a question. `score` is the fused rank score; `similarity` the cosine, if known.

    `note` goes with the text wherever it is offered: when it ended, which part of it no longer holds.
    """

    memory: Memory
    score: float
    similarity: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two memories that hold and cannot both be true, as far as rules can tell; `about` is the attribute.

    With a `similarity` it is only possible: the two are near in meaning, and no rule reads one of them.
    """

    first: Memory
    second: Memory
    about: str
    found_at: str
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Era:
    """One value of a fact's history. When it was true is in `memory`; this says when and from what its end was learned.

    `ended_by` is None where a person decided it, or where the memory that ended it was forgotten.
    """

    memory: Memory
    end_learned_at: str | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something said in passing that waits to be accepted (`p1`). `found_by` names the rule that noticed it."""

    id: str
    text: str
    created_at: str
    turn_id: str | None
    found_by: str


FORGOTTEN_TEXT = "[forgotten]"
"""What stands in a turn or a title in place of words that told something the user forgot."""


@dataclass(frozen=True, slots=True)
class RecalledTurn:
    """A turn of an earlier conversation that bears on a question.

    `prompt` is what the user typed; `neighbours` what they typed right before and after; `answer` what the model said
    then, shortened, and no fact; empty where it was left out.
    """

    turn_id: str
    conversation_id: str
    created_at: str
    prompt: str
    answer: str = ""
    neighbours: tuple[str, ...] = ()
    score: float = 0.0
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is recalled for one question: memories and past turns, each best first."""

    memories: tuple[Recalled, ...] = ()
    turns: tuple[RecalledTurn, ...] = ()


# Turns ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds and tokens of one generation. `cached_tokens` were already in the KV cache."""

    prompt_tokens: int
    cached_tokens: int
    answer_tokens: int
    first_token_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer, with what answered: the update (None: the base) and the memories given.

    `proposed` is what was stated in it in passing, `taught_as` the lesson in whose words it was put to the update too;
    like `notices` they are not kept with the turn. `origin` is the prompt's; `also_from` are the other origins that
    went into the answer: of memories, and of what was said before. A `stopped` answer is the part that was written when
    the user had enough of it.
    """

    id: str
    conversation_id: str
    created_at: str
    prompt: str
    answer: str
    origin: Origin
    update_id: str | None
    memories: tuple[str, ...]
    timing: Timing
    notices: tuple[str, ...] = ()
    proposed: tuple[Proposal, ...] = ()
    also_from: tuple[Origin, ...] = ()
    stopped: bool = False
    taught_as: str | None = None

    @property
    def origins(self) -> frozenset[Origin]:
        """Every origin that the prompt and what went into the answer have."""
        return frozenset((self.origin, *self.also_from))


# Updates --------------------------------------------------------------------------------------------------


class State(StrEnum):
    """The life of an update; `updates.lifecycle` holds the table of what may follow what."""

    PROPOSED = "proposed"
    SCORED = "scored"
    CLEARED = "cleared"
    TRAINED = "trained"
    GATED = "gated"
    AWAITING_APPROVAL = "awaiting_approval"
    CANARY = "canary"
    ACTIVE = "active"
    RETIRED = "retired"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Update:
    """One row of the updates table. `adapter_sha256` is None until trained; `parent_id` None means the base."""

    id: str
    state: State
    created_at: str
    parent_id: str | None
    base_sha256: str
    adapter_sha256: str | None = None
    manifest_sha256: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of the gate, with its bound and what it means in words."""

    name: str
    before: float
    after: float
    bound: float
    passed: bool
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """One held-back example: how likely the wanted answer was before and after, and whether it is the argmax.

    `said_before` and `said_after` are the engine's real answers, with the incumbent and with the candidate; None: it
    was not asked.
    """

    prompt: str
    answer: str
    role: Role
    signal_id: str | None
    before_nats: float
    after_nats: float
    before_hit: bool
    after_hit: bool
    said_after: str | None = None
    said_before: str | None = None


@dataclass(frozen=True, slots=True)
class GateReport:
    """Candidate against incumbent. `scale` is the one that was admitted (or the last one tried)."""

    passed: bool
    scale: float
    measures: tuple[Measure, ...]
    outcomes: tuple[ProbeOutcome, ...]
    reasons: tuple[str, ...] = field(default=())


class Actor(StrEnum):
    """Who did what an entry of the ledger records.

    `user`: a command was given. `scheduler`: the program learned by itself, at the time or when idle. `guardian`,
    `gate` and `canary` judged. `cycle`: a stage of an update that was begun. `edge-seal`: the program, clearing up.
    """

    USER = "user"
    SCHEDULER = "scheduler"
    GUARDIAN = "guardian"
    GATE = "gate"
    CANARY = "canary"
    CYCLE = "cycle"
    PROGRAM = "edge-seal"


ActorName = Actor | Literal["user", "scheduler", "guardian", "gate", "canary", "cycle", "edge-seal"]
"""An actor, or its name where a person writes it."""


class ChainFlaw(StrEnum):
    """What is wrong with a ledger, told apart as far as it can be.

    `changed`: a field of an entry. `missing`: an entry was taken out. `added`, `foreign`: one stands where none was
    written, or is not of this chain. `reordered`: entries changed places. `cut-off`: the end is gone from a database
    that went on. `older-copy`: the whole database is one from before (a restored backup). `fork`: another
    history from some entry on. `count`, `head-file`: what is kept beside the entries was changed.
    """

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    FOREIGN = "foreign"
    REORDERED = "reordered"
    CUT_OFF = "cut-off"
    OLDER_COPY = "older-copy"
    FORK = "fork"
    COUNT = "count"
    HEAD_FILE = "head-file"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One row of the chain. `body` is canonical JSON text; `entry_hash` covers every other field."""

    seq: int
    at: str
    actor: str
    event: str
    subject: str
    body: str
    previous_hash: str
    entry_hash: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What `audit verify` found. `problems` names each bad thing; empty means all is well.

    `not_compared` says which kept head could not be asked for, and why: nothing is known against the ledger from there.
    """

    entries: int
    head: str
    adapters: int
    problems: tuple[str, ...]
    first_bad_seq: int | None = None
    root: str = ""
    flaw: ChainFlaw | None = None
    not_compared: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        return not self.problems


# Monitoring -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MachineState:
    """What the system tells of itself; None: it does not say. `load` is a core's, `celsius` the hottest sensor's.

    `on_mains` is true too where there is no battery; then `battery_share` is None.
    """

    on_mains: bool | None = None
    battery_share: float | None = None
    celsius: float | None = None
    load: float | None = None
    idle_s: float | None = None


@dataclass(frozen=True, slots=True)
class MonitoredPoint:
    """One figure of a series: the mean (or the share) of `n` observations, at the time of the last of them."""

    at: str
    value: float
    n: int


@dataclass(frozen=True, slots=True)
class MonitoredSeries:
    """A figure over time, oldest first. `unit` is `share`, `seconds`, `nats a token` or `updates`.

    `usual`, `lower` and `upper` are its control limits as of now; None where there is too little to tell.
    """

    name: str
    title: str
    unit: str
    points: tuple[MonitoredPoint, ...]
    usual: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit of learning: `used` of `limit`; `frees_at` is when it next allows an update (None: now, or never)."""

    name: str
    used: float
    limit: float
    frees_at: str | None


@dataclass(frozen=True, slots=True)
class Alert:
    """A figure that left its control limits (`a3`): `value` of `n` observations, beyond `bound`, and what was usual.

    `words` says it for people. It is open until it is acknowledged.
    """

    id: str
    at: str
    metric: str
    value: float
    n: int
    usual: float
    bound: float
    words: str
    acknowledged_at: str | None = None


@dataclass(frozen=True, slots=True)
class MonitoringReport:
    """Everything that is watched, since a time. `waits_for` says what keeps an update from being learned now.

    `next_allowed_at` is when the limits next allow one; None: now, or waiting does not help (see `waits_for`).
    """

    since: str
    series: tuple[MonitoredSeries, ...]
    gauges: tuple[Gauge, ...]
    next_allowed_at: str | None
    waits_for: tuple[str, ...]
    machine: MachineState
    alerts: tuple[Alert, ...]


# Progress -------------------------------------------------------------------------------------------------

Stage = Literal["propose", "score", "guard", "train", "gate", "record", "activate"]


@dataclass(frozen=True, slots=True)
class Progress:
    """What a running cycle is doing: `done` of `total` steps of `stage`, the loss in nats where there is one."""

    stage: Stage
    done: int
    total: int
    note: str = ""
    loss_nats: float | None = None
