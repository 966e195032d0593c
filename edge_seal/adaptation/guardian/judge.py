"""The guardian's door: a text or a batch of examples in, verdicts out.

Invariants: pure (no engine, no database, no file); a check that raises or runs out of time has refused; no finding
holds what it found; a verdict is the strictest action among its findings.
"""

from __future__ import annotations

import time
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from edge_seal.adaptation.guardian.policy import (
    DEFAULT_POLICY,
    FAILED,
    OVER_SHARE,
    RULES,
    TOO_LONG,
    UNAPPROVED,
    Policy,
    Purpose,
)
from edge_seal.adaptation.guardian.readings import Reading, readings
from edge_seal.adaptation.guardian.rule import Family, Rule
from edge_seal.adaptation.guardian.watch import OutOfTime, watched
from edge_seal.records import TRAINED_ROLES, Action, Example, Finding, Origin, Role, Verdict

MAXIMUM_CHARACTERS = 262_144
TIME_BOUND_S = 10.0
CHECK_BOUND_S = 3.0

_SEVERITY = {action: place for place, action in enumerate(Action)}


# One text -------------------------------------------------------------------------------------------------


def judge(
    text: str,
    *,
    purpose: Purpose,
    policy: Policy = DEFAULT_POLICY,
    rules: Sequence[Rule] | None = None,
    time_bound_s: float = TIME_BOUND_S,
    check_bound_s: float = CHECK_BOUND_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> Verdict:
    """The verdict on `text` for `purpose`. Never raises: what cannot be judged is blocked.

    Findings that the policy allows for this purpose are left out, but for those of advisory rules. Both time bounds
    are looked at after every check; in the main thread a check that takes longer than its bound is stopped in the
    middle. Each check takes time linear in the text, whose length is bounded.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        return _refusal(TOO_LONG, text, purpose, policy)
    started = last = monotonic()

    def is_late() -> bool:
        nonlocal last
        now, before = monotonic(), last
        last = now
        return now > started + time_bound_s or now > before + check_bound_s

    try:
        with watched(check_bound_s) as begin_check:
            found = list(_occurrences(text, policy.rules if rules is None else rules, is_late, begin_check))
    except Exception as error:  # noqa: BLE001  # whatever went wrong in a check, the answer is no
        return _refusal(FAILED, text, purpose, policy, type(error).__name__)
    findings = (_finding(rule, start, end, shown, purpose, policy) for rule, start, end, shown in _without_twins(found))
    return _verdict(findings)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """The findings of several verdicts as one verdict; their places refer to the texts that they were made of."""
    return _verdict(finding for verdict in verdicts for finding in verdict.findings)


def redacted(text: str, verdict: Verdict, *, only: Action | None = None) -> str:
    """`text` with what `verdict` found in it, but for what is allowed, replaced by the name of its rule in brackets.

    With `only`, findings that led to something else stay as they are.
    """
    parts: list[str] = []
    last = 0
    masked = (f for f in verdict.findings if (f.action is not Action.ALLOW if only is None else f.action is only))
    for finding in sorted(masked, key=lambda f: (f.start, -f.end)):
        if finding.start >= last:
            parts += (text[last : finding.start], f"[{finding.rule}]")
        last = max(last, finding.end)
    return "".join((*parts, text[last:]))


_Occurrence = tuple[Rule, int, int, str]


def _occurrences(
    text: str, rules: Sequence[Rule], is_late: Callable[[], bool], begin_check: Callable[[], None]
) -> Iterator[_Occurrence]:
    begin_check()
    given = Reading(text)
    as_given = [(given, rule) for rule in rules if rule.as_given]
    read = ((reading, rule) for reading in readings(text) for rule in rules if not rule.as_given)
    for reading, rule in (*as_given, *read):
        if rule.find is None or (reading.lines_joined and not rule.joined_lines):
            continue
        begin_check()
        for match in rule.find(reading.text):
            yield rule, *reading.span(match.start, match.end), match.shown
        if is_late():
            raise OutOfTime


def _without_twins(found: Iterable[_Occurrence]) -> list[_Occurrence]:
    """In the order of the text, each place once a rule; what a specific rule has found, no other one repeats."""
    once: dict[tuple[str, int, int], _Occurrence] = {}
    for occurrence in found:
        once.setdefault((occurrence[0].id, occurrence[1], occurrence[2]), occurrence)
    ordered = sorted(once.values(), key=lambda o: (o[1], -o[2], o[0].id))
    specific = [one for one in ordered if one[0].specific and one[0].family in {Family.SECRET, Family.PERSONAL}]
    starts = [start for _, start, _, _ in specific]
    furthest = list(accumulate((end for _, _, end, _ in specific), max))

    def is_taken(start: int, end: int) -> bool:
        place = bisect_right(starts, end - 1)
        return place > 0 and furthest[place - 1] > start

    return [o for o in ordered if o[0].specific or not is_taken(o[1], o[2])]


def _finding(rule: Rule, start: int, end: int, shown: str, purpose: Purpose, policy: Policy) -> Finding:
    size = end - start
    excerpt = f"{shown}… ({size} {'character' if size == 1 else 'characters'})"
    return Finding(rule.id, policy.actions[rule.id][purpose], rule.reason, start, end, excerpt)


def _refusal(rule: Rule, text: str, purpose: Purpose, policy: Policy, detail: str = "") -> Verdict:
    reason = f"{rule.reason} ({detail})" if detail else rule.reason
    return _verdict((Finding(rule.id, policy.actions[rule.id][purpose], reason, 0, len(text), ""),))


_ADVISORY = frozenset(rule.id for rule in RULES if rule.advisory)


def _verdict(findings: Iterable[Finding]) -> Verdict:
    kept = tuple(f for f in findings if f.action is not Action.ALLOW or f.rule in _ADVISORY)
    return Verdict(max((f.action for f in kept), key=_SEVERITY.__getitem__, default=Action.ALLOW), kept)


# Examples -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceCaps:
    """How much one source that the user did not type may contribute, once a person has approved it.

    `share` of an update's examples that are trained on, never more than `examples` of them, and `over_time` in all
    updates that the caller counts.
    """

    share: float = 0.25
    examples: int = 64
    over_time: int = 1024


@dataclass(frozen=True, slots=True)
class Judged:
    """An example and the verdict on it."""

    example: Example
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The verdicts on a batch, in its order. `action` is the strictest of them."""

    judged: tuple[Judged, ...]

    @property
    def action(self) -> Action:
        return max((j.verdict.action for j in self.judged), key=_SEVERITY.__getitem__, default=Action.ALLOW)

    @property
    def allowed(self) -> tuple[Example, ...]:
        return self._with(Action.ALLOW)

    @property
    def quarantined(self) -> tuple[Example, ...]:
        return self._with(Action.QUARANTINE)

    @property
    def blocked(self) -> tuple[Example, ...]:
        return self._with(Action.BLOCK)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each rule that stood against something, once: `secret.github_token: it holds a GitHub token`."""
        return self._told(advisory=False)

    @property
    def advisories(self) -> tuple[str, ...]:
        """Each rule whose findings were allowed and are told all the same, once."""
        return self._told(advisory=True)

    def _told(self, *, advisory: bool) -> tuple[str, ...]:
        told = (f for j in self.judged for f in j.verdict.findings if (f.action is Action.ALLOW) is advisory)
        return tuple(dict.fromkeys(f"{f.rule}: {f.reason}" for f in told))

    def _with(self, action: Action) -> tuple[Example, ...]:
        return tuple(j.example for j in self.judged if j.verdict.action is action)


def text_of(example: Example) -> str:
    """What is judged of an example, and what its findings' places refer to: prompt, line break, answer."""
    return f"{example.prompt}\n{example.answer}"


def judge_example(
    example: Example, *, approved: bool = False, let_in: Collection[str] = (), policy: Policy = DEFAULT_POLICY
) -> Verdict:
    """The verdict on one example for training: what it says, and where it comes from.

    An answer is read together with its prompt: "What is my wifi password?" makes a secret of any word. An origin
    other than typed is quarantined whatever it says, unless a person `approved` it. `let_in` are the rules for which a
    person let its lesson in: they put nothing aside.
    """
    said = _with_let_in(judge(text_of(example), purpose=Purpose.TRAIN, policy=policy), let_in)
    if approved or not _needs_approval(example):
        return said
    return _with(said, (_of_whole(UNAPPROVED, example, policy),))


def judge_lesson(
    example: Example, source: str | None, *, let_in: Collection[str] = (), policy: Policy = DEFAULT_POLICY
) -> Verdict:
    """The verdict on what a lesson says and on the name of its source, wherever it comes from.

    The name stands in the manifest of every export.
    """
    said = judge_example(example, approved=True, let_in=let_in, policy=policy)
    return said if source is None else _with(said, _of_source(source, let_in, policy))


def put_aside_by(verdict: Verdict) -> tuple[str, ...]:
    """The rules for which a person is to be asked whether a lesson may be learned; none where it is not up to them."""
    if verdict.action is not Action.QUARANTINE:
        return ()
    return tuple(sorted({finding.rule for finding in verdict.findings if finding.action is Action.QUARANTINE}))


def judge_batch(
    examples: Sequence[Example],
    *,
    caps: SourceCaps | None = None,
    sources: Mapping[str, str] | None = None,
    approved: Collection[str] = (),
    earlier: Mapping[str, int] | None = None,
    let_in: Mapping[str, Collection[str]] | None = None,
    policy: Policy = DEFAULT_POLICY,
) -> Verdicts:
    """The verdicts on a batch that is to be trained on together, or held back as its probes.

    `sources` names the source of a signal by its id (without one, its origin is its source); `approved` are the ids
    of the signals that a person has approved; `earlier` says how many examples each source, as `source_key` writes
    it, has given to earlier updates. Beyond `caps`, approved examples of one source are quarantined, the last first.
    `let_in` are the rules for which a person let a signal in, by its id. A source's name is judged with its lesson.
    """
    let_in = let_in or {}
    caps, sources, earlier = caps or SourceCaps(), sources or {}, earlier or {}
    trained = sum(1 for example in examples if example.role in TRAINED_ROLES)
    most = min(caps.examples, int(caps.share * trained))
    taken: dict[str, int] = {}
    judged: list[Judged] = []
    for example in examples:
        is_approved = example.signal_id is not None and example.signal_id in approved
        rules = let_in.get(example.signal_id or "", ())
        verdict = judge_example(example, approved=is_approved, let_in=rules, policy=policy)
        name = sources.get(example.signal_id or "")
        if name is not None and example.role is Role.LESSON:
            verdict = _with(verdict, _of_source(name, rules, policy))
        if verdict.allowed and _needs_approval(example) and example.role in TRAINED_ROLES:
            source = source_key(sources.get(example.signal_id or ""), example.origin)
            taken[source] = taken.get(source, 0) + 1
            if taken[source] > min(most, caps.over_time - earlier.get(source, 0)):
                verdict = _with(verdict, (_of_whole(OVER_SHARE, example, policy),))
        judged.append(Judged(example, verdict))
    return Verdicts(tuple(judged))


def source_key(source: str | None, origin: Origin) -> str:
    """What sources are counted by: two names that a reader takes for one are one; without a name, the origin."""
    name = "".join(c for c in unicodedata.normalize("NFKC", source or "") if unicodedata.category(c) != "Cf")
    return " ".join(name.casefold().split()) or origin.value


def _with_let_in(verdict: Verdict, rules: Collection[str]) -> Verdict:
    """`verdict`, where what `rules` put aside is allowed and still told; what is blocked stays blocked."""
    if not rules:
        return verdict
    findings = tuple(
        replace(f, action=Action.ALLOW) if f.action is Action.QUARANTINE and f.rule in rules else f
        for f in verdict.findings
    )
    return Verdict(max((f.action for f in findings), key=_SEVERITY.__getitem__, default=Action.ALLOW), findings)


def _with(verdict: Verdict, findings: Iterable[Finding]) -> Verdict:
    """`verdict` with more findings, which are counted among its own."""
    added = _verdict(findings)
    return Verdict(max(verdict.action, added.action, key=_SEVERITY.__getitem__), (*verdict.findings, *added.findings))


def _of_source(name: str, let_in: Collection[str], policy: Policy) -> tuple[Finding, ...]:
    """What is found in the name of a source; it has no place in the text of its lesson."""
    found = _with_let_in(judge(name, purpose=Purpose.TRAIN, policy=policy), let_in).findings
    return tuple(replace(finding, start=0, end=0) for finding in found)


def _needs_approval(example: Example) -> bool:
    # General examples and anchors that go back to no signal are the project's own; a replayed one was let in before.
    ours = example.signal_id is None and example.role in {Role.GENERAL, Role.ANCHOR}
    return example.origins != frozenset({Origin.TYPED}) and not ours and example.role is not Role.REPLAY


def _of_whole(rule: Rule, example: Example, policy: Policy) -> Finding:
    return Finding(rule.id, policy.actions[rule.id][Purpose.TRAIN], rule.reason, 0, len(text_of(example)), "")
