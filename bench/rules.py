"""Ten rules of format and style, five corrections each: adherence on unseen prompts, over-application elsewhere.

Each rule in a home of its own: five answers of the default model are corrected as a user would, one update is learned,
and prompts that nobody trained on are asked, as they are served, without memory. `python -m bench.rules` takes minutes
a rule; what was measured is kept in the JSON file, and a run goes on where one was stopped.

Adherence is the share of answers to prompts of the rule's kind for which its check holds; over-application the share
of answers to other prompts for which it holds though it does not hold for the base's answer. Both are told as served
(an adapter answers where a rule bears) and with the adapter everywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from bench.drift import GENERAL, is_right
from bench.learning_home import LearningHome, opened
from bench.rules_set import CORRECTED, RULES, Rule, elsewhere, of_kind, require_unseen
from edge_seal.adaptation import gate
from edge_seal.adaptation.style_rules import EVERY
from edge_seal.adaptation.work import CycleReport
from edge_seal.answer_health import is_broken
from edge_seal.config import Settings, shared_models
from edge_seal.runtime import Ask

ANSWER_TOKENS = 96
IFEVAL_PROMPTS = 8
LOOSE = 'maximum_rule_drift_nats = 1000000000.0\nsudden_change = "off"\n'
Figures = dict[str, object]


def main() -> None:
    """Measures the rules that were asked for; prints the table, and writes JSON as they come."""
    parser = argparse.ArgumentParser(description="Adherence to ten rules of style, and their over-application.")
    names = [rule.name for rule in RULES]
    parser.add_argument("--rule", nargs="+", choices=names, default=names, help="which rules to measure")
    parser.add_argument("--stated", action="store_true", help="state each rule once instead of correcting five answers")
    parser.add_argument("--json", type=Path, default=Path("rules.json"), help="where the figures are kept as they come")
    parser.add_argument("--ifeval", type=Path, help="IFEval's development data: prompts of the same instruction")
    parser.add_argument("--settings", default="", help="lines of a config.toml that differ from the defaults")
    arguments = parser.parse_args()
    require_unseen()
    os.environ.setdefault("EDGE_SEAL_MODELS", str(shared_models()))
    # What the gate refuses is measured all the same; `gate_passed` says what it would have done.
    bounds = gate.RULE_KEPT_SHARE, gate.RULE_ELSEWHERE_SHARE
    gate.RULE_KEPT_SHARE, gate.RULE_ELSEWHERE_SHARE = 0.0, 1.0
    results = _Results(arguments.json, arguments.settings)
    for rule in RULES:
        if rule.name not in arguments.rule:
            continue
        name = f"{rule.name}{' (stated)' if arguments.stated else ''}"
        if name not in results.measured:
            began = time.monotonic()
            with opened(arguments.json.with_suffix(".cache"), LOOSE + arguments.settings) as home:
                measured = _measured(home, rule, results, arguments.ifeval, bounds)
            results.keep(name, {**measured, "measured_in_s": round(time.monotonic() - began, 1)})
        print(_line(name, results.measured[name]), flush=True)
    _tell_means(results.measured)


class _Results:
    """The figures by rule, and the base's answers by prompt; in one file, which is written as they come."""

    def __init__(self, path: Path, settings: str) -> None:
        self._path = path
        recipe = Settings().learning.model_dump_json() + Settings().limits.model_dump_json() + settings
        self._recipe = hashlib.sha256(recipe.encode()).hexdigest()[:16]
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.base: dict[str, str] = kept.get("base", {})
        self.measured: dict[str, Figures] = kept["measured"] if kept.get("recipe") == self._recipe else {}

    def keep(self, name: str, figures: Figures) -> None:
        self.measured[name] = figures
        self.write()

    def write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        told = {"recipe": self._recipe, "measured": self.measured, "base": self.base}
        self._path.write_text(json.dumps(told, indent=1, ensure_ascii=False), encoding="utf-8")

    def of_base(self, home: LearningHome, prompts: Sequence[str]) -> dict[str, str]:
        """What the base says to `prompts`; asked once for all rules."""
        for prompt in prompts:
            if prompt not in self.base:
                self.base[prompt] = _said(home, prompt, "none")
        self.write()
        return {prompt: self.base[prompt] for prompt in prompts}


def _said(home: LearningHome, prompt: str, adapter: str = "active") -> str:
    ask = Ask(prompt, adapter=adapter, use_memory=False, max_tokens=ANSWER_TOKENS, private=True)
    return home.runtime.ask(ask).answer


def _measured(
    home: LearningHome, rule: Rule, results: _Results, ifeval: Path | None, bounds: tuple[float, float]
) -> Figures:
    for prompt in CORRECTED[rule.kind]:
        turn = home.runtime.ask(Ask(prompt, use_memory=False, max_tokens=ANSWER_TOKENS))
        home.runtime.correct(turn.id, rule.corrected(turn.answer))
    began = time.monotonic()
    report = home.runtime.learn(now=True)
    seconds = time.monotonic() - began
    active = home.runtime.releases.active()
    theirs, others = of_kind(rule.kind), elsewhere(rule.kind)
    base = results.of_base(home, [*theirs, *others])
    if report.gate is None or report.training is None or active is None:
        kept = _kept(rule, base, theirs)
        return {"kind": rule.kind, "base_adherence": kept, "adherence": kept, "refused": report.reasons}
    served = {prompt: _said(home, prompt) for prompt in (*theirs, *others)}
    everywhere = {prompt: _said(home, prompt, active.id) for prompt in (*theirs, *others)}
    general = {prompt: _said(home, prompt) for prompt, _ in GENERAL}
    figures: Figures = {
        "kind": rule.kind,
        "base_adherence": _kept(rule, base, theirs),
        "adherence": _kept(rule, served, theirs),
        "over_application": _over(rule, base, served, others),
        "adherence_everywhere": _kept(rule, everywhere, theirs),
        "over_application_everywhere": _over(rule, base, everywhere, others),
        "broken": sum(map(is_broken, served.values())) / len(served),
        "general_right": sum(is_right(prompt, answer) for prompt, answer in general.items()),
        "gate_passed": _passes(report, bounds),
        "gate": {measure.name: measure.after for measure in report.gate.measures},
        "scale": report.gate.scale,
        "steps": report.training.steps,
        "seconds": seconds,
        "wrong": {prompt: served[prompt] for prompt in theirs if not rule.check.holds(served[prompt])},
        "wrong_elsewhere": {
            prompt: everywhere[prompt]
            for prompt in others
            if rule.check.holds(everywhere[prompt]) and not rule.check.holds(base[prompt])
        },
    }
    if ifeval is not None and rule.ifeval is not None and rule.kind == EVERY:
        prompts = _ifeval_prompts(ifeval, rule.ifeval)
        own = results.of_base(home, prompts)
        said = {prompt: _said(home, prompt) for prompt in prompts}
        figures |= {"ifeval_base": _kept(rule, own, prompts), "ifeval": _kept(rule, said, prompts)}
    return figures


def _kept(rule: Rule, said: dict[str, str], prompts: Sequence[str]) -> float:
    return sum(rule.check.holds(said[prompt]) for prompt in prompts) / len(prompts)


def _over(rule: Rule, base: dict[str, str], said: dict[str, str], prompts: Sequence[str]) -> float | None:
    if not prompts:
        return None
    return sum(rule.check.holds(said[one]) and not rule.check.holds(base[one]) for one in prompts) / len(prompts)


def _ifeval_prompts(path: Path, instruction: str) -> list[str]:
    """Prompts that give this instruction and no other."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [line["prompt"] for line in lines if line["instruction_id_list"] == [instruction]][:IFEVAL_PROMPTS]


def _passes(report: CycleReport, bounds: tuple[float, float]) -> bool:
    """Whether the rule's own measures would have passed at the bounds that are set by default."""
    assert report.gate is not None  # noqa: S101  # asked for before
    figures = {measure.name: measure.after for measure in report.gate.measures}
    defaults = Settings().gate
    kept, over = bounds
    return (
        report.gate.passed
        and figures["rule_kept"] >= kept
        and figures.get("rule_elsewhere", 0.0) <= over
        and figures["anchor_drift"] <= defaults.maximum_rule_drift_nats
    )


def _line(name: str, figures: Figures) -> str:
    shown = (
        "base_adherence", "adherence", "over_application", "adherence_everywhere", "over_application_everywhere",
        "broken", "general_right", "scale", "steps", "seconds", "ifeval_base", "ifeval",
    )  # fmt: skip
    told = "  ".join(f"{key} {value:.2g}" for key in shown if isinstance(value := figures.get(key), (int, float)))
    return f"{name:26} {told}"


def _tell_means(measured: dict[str, Figures]) -> None:
    for key in (
        "base_adherence",
        "adherence",
        "over_application",
        "adherence_everywhere",
        "over_application_everywhere",
    ):
        values = [value for figures in measured.values() if isinstance(value := figures.get(key), float)]
        if values:
            print(f"{key:30} {sum(values) / len(values):.1%} of {len(values)} rules")


if __name__ == "__main__":
    main()
