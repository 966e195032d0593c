"""Self-edits for rules of style and format: what a rule makes of the model's own answers, and where it makes nothing.

A rule comes from one statement or from several corrections. It is taught on plain prompts of its kind: the base's own
answers, rewritten by the rule, or given where the rule leaves no other words, and checked by its verifier. Prompts of
other kinds, with the base's own answers as they are, show where it does not apply. Of both some are held back. Every
example names the signal that it goes back to and has its origin: the words are the untaught base's, to prompts of ours,
like the general answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from edge_seal.adaptation import prompt_kinds as kinds
from edge_seal.adaptation.own_answers import OwnAnswer
from edge_seal.adaptation.style_rules import EVERY, Shown, StyleRule, read_rule, shown_rule
from edge_seal.records import Example, Role, Signal, SignalKind

TRAINED_A_RULE = 72
HELD_A_RULE = 8
CONTRASTS_A_RULE = 14
NEIGHBOURS_A_RULE = 6
LESSONS_A_RULE = 8
"""What a rule is worth in training steps, however often it was given: a few dozen examples show it."""
KEPT_ALREADY_WEIGHT = 0.25
"""Of an example whose answer keeps the rule as the base gives it: there is nothing in it to learn, and it may stay."""


@dataclass(frozen=True, slots=True)
class RuleEdits:
    """As `self_edit.SelfEdits`."""

    trained: tuple[Example, ...] = ()
    probes: tuple[Example, ...] = ()
    neighbours: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that some signals state or show. `of_signal` names the rule of each signal that has one."""

    of_signal: Mapping[str, StyleRule] = field(default_factory=dict[str, StyleRule])

    @property
    def distinct(self) -> tuple[StyleRule, ...]:
        return tuple(dict.fromkeys(self.of_signal.values()))

    @property
    def for_everything(self) -> tuple[StyleRule, ...]:
        return tuple(rule for rule in self.distinct if rule.kind == EVERY)

    @property
    def alone(self) -> frozenset[str]:
        """The keys of those beside which no other one holds for the same prompts."""
        return frozenset(
            rule.key
            for rule in self.distinct
            if not any(
                EVERY in {rule.kind, other.kind} or rule.kind == other.kind for other in self.distinct if other != rule
            )
        )

    def prompts(self) -> tuple[str, ...]:
        """The plain prompts whose own answers `propose` needs."""
        return tuple(dict.fromkeys(prompt for rule in self.distinct for prompt in _prompts(rule)))


def prompts_of_kind(rule: StyleRule) -> tuple[str, ...]:
    """The plain prompts that `rule` is for, trained on and held back."""
    return (*_of_kind(rule, kinds.TRIED), *_of_kind(rule, kinds.HELD))


def read(signals: Sequence[Signal], own_answers: Mapping[str, str]) -> Rules:
    """The rules in `signals`: stated ones, and what corrections that change form alone show together.

    Of two that cannot both hold, the later one does.

    Args:
        signals: the evidence, oldest first.
        own_answers: by signal, the answer that it corrects.
    """
    found: dict[str, StyleRule] = {}
    for signal in signals:
        stated = read_rule(signal.prompt)
        if stated is not None and signal.kind is SignalKind.TAUGHT and signal.answer == stated.words:
            found = {
                name: rule for name, rule in found.items() if (rule.slot, rule.kind) != (stated.slot, stated.kind)
            } | {signal.id: stated}
    corrections = [s for s in signals if s.kind is SignalKind.CORRECTION and own_answers.get(s.id, "").strip()]
    shown = shown_rule([Shown(s.prompt, own_answers[s.id], s.answer) for s in corrections])
    if shown is not None and (shown.slot, shown.kind) not in {(rule.slot, rule.kind) for rule in found.values()}:
        found |= {signal.id: shown for signal in corrections}
    return Rules(found)


Answers = Mapping[str, OwnAnswer]


def propose(
    rules: Rules, signals: Sequence[Signal], own: Answers, without: Mapping[str, Answers] | None = None
) -> RuleEdits:
    """The examples for `rules`.

    Args:
        rules: what `read` found in `signals`.
        signals: the evidence.
        own: the base's answers to `rules.prompts()`.
        without: by key of a rule that forbids tokens, its answers to `prompts_of_kind` without them.
    """
    trained: list[Example] = []
    probes: list[Example] = []
    neighbours: list[Example] = []
    for rule in rules.distinct:
        beside = tuple(other for other in rules.distinct if other is not rule)
        of_it = [signal for signal in signals if rules.of_signal.get(signal.id) == rule]
        first, kept = of_it[0], (without or {}).get(rule.key)
        given = [
            Example(s.prompt, s.answer, Role.LESSON, s.origin, s.id, rule.key)
            for s in of_it
            if s.kind is SignalKind.CORRECTION
        ]
        tried = _rewritten(rule, beside, kinds.TRIED, own, kept, first, Role.REWORDING)[:TRAINED_A_RULE]
        if not given and tried:
            tried[0] = replace(tried[0], role=Role.LESSON)
        trained += [*given, *tried]
        probes += _rewritten(rule, beside, kinds.HELD, own, kept, first, Role.PROBE)[:HELD_A_RULE]
        if rule.kind != EVERY:
            trained += _as_they_are(rule, kinds.TRIED, own, first, Role.CONTRAST)[:CONTRASTS_A_RULE]
            neighbours += _as_they_are(rule, kinds.HELD, own, first, Role.NEIGHBOUR)[:NEIGHBOURS_A_RULE]
    return RuleEdits(tuple(trained), tuple(probes), tuple(neighbours))


def in_the_rules(examples: Sequence[Example], rules: Rules) -> tuple[Example, ...]:
    """`examples` with their answers rewritten by the rules that are for everything, where that can be done.

    What was learned before is rehearsed in the form that is wanted now.
    """

    def styled(example: Example) -> Example:
        for rule in rules.for_everything:
            answer = rule.rewritten(example.answer, closed=example.closed)
            example = example if answer is None else replace(example, answer=answer)
        return example

    return tuple(styled(example) for example in examples)


def still_valid(earlier: Sequence[Example], rules: Rules) -> tuple[Example, ...]:
    """`earlier` without what an earlier rule made that one of `rules` takes the place of."""
    replaced = {f"rule:{rule.slot}:{rule.kind}" for rule in rules.distinct}
    return tuple(example for example in earlier if example.derived_by not in replaced)


def _prompts(rule: StyleRule) -> tuple[str, ...]:
    asked = [*prompts_of_kind(rule)]
    if rule.kind != EVERY:
        asked += [*_elsewhere(rule, kinds.TRIED)[:CONTRASTS_A_RULE], *_elsewhere(rule, kinds.HELD)[:NEIGHBOURS_A_RULE]]
    return tuple(asked)


def _of_kind(rule: StyleRule, pools: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The prompts that the rule is for; of one for everything some of every kind, in turn."""
    if rule.kind != EVERY:
        return list(pools.get(rule.kind, ()))
    most = TRAINED_A_RULE + 6 if pools is kinds.TRIED else HELD_A_RULE + 2
    return _in_turn(list(pools.values()))[:most]


def _elsewhere(rule: StyleRule, pools: Mapping[str, tuple[str, ...]]) -> list[str]:
    return _in_turn([prompts for kind, prompts in pools.items() if kind != rule.kind])


def _in_turn(pools: Sequence[Sequence[str]]) -> list[str]:
    return [prompt for row in zip_longest(*pools) for prompt in row if prompt is not None]


def _rewritten(
    rule: StyleRule,
    beside: Sequence[StyleRule],
    pools: Mapping[str, tuple[str, ...]],
    own: Answers,
    without: Answers | None,
    signal: Signal,
    role: Role,
) -> list[Example]:
    """Those whose answer the rule changes first: what is said so already teaches less.

    The rules `beside` it hold in them too, where they are for the prompt.
    """
    made: list[tuple[bool, Example]] = []
    for prompt in _of_kind(rule, pools):
        said = own[prompt] if without is None else without[prompt]
        answer, closed = said.answer, said.closed
        for one in (rule, *(other for other in beside if other.is_for(prompt))):
            if answer is not None and not (one.check.holds(answer) and not one.needs_the_end):
                answer, closed = one.rewritten(answer, closed=closed), closed or one.needs_the_end
        if answer is None or not rule.check.holds(answer):
            continue
        kept = rule.check.holds(own[prompt].answer)
        weight = KEPT_ALREADY_WEIGHT if kept else 1.0
        made.append(
            (kept, Example(prompt, answer, role, signal.origin, signal.id, rule.key, weight=weight, closed=closed))
        )
    return [example for _, example in sorted(made, key=lambda pair: pair[0])]


def _as_they_are(
    rule: StyleRule, pools: Mapping[str, tuple[str, ...]], own: Answers, signal: Signal, role: Role
) -> list[Example]:
    most = CONTRASTS_A_RULE if pools is kinds.TRIED else NEIGHBOURS_A_RULE
    return [
        Example(prompt, own[prompt].answer, role, signal.origin, signal.id, rule.key, closed=own[prompt].closed)
        for prompt in _elsewhere(rule, pools)[:most]
        if own[prompt].answer and not rule.check.holds(own[prompt].answer)
    ]
