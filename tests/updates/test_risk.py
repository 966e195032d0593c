from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.config import Settings
from edge_seal.records import Action, Example, Finding, GateReport, Measure, Origin, Role, Verdict
from edge_seal.updates.risk import MOST, Risk, assess, risk_of


def gate(drift: float = 0.15, bound: float = 0.3) -> GateReport:
    measure = Measure("anchor_drift", 0.0, drift, bound, drift <= bound, "nats a token", "drift")
    return GateReport(passed=True, scale=1.0, measures=(measure,), outcomes=())


def lessons(count: int, origin: Origin = Origin.TYPED, role: Role = Role.LESSON) -> list[Example]:
    return [Example(f"q{n}", f"a{n}", role, origin, signal_id=f"s{n + 1}") for n in range(count)]


def found(rule: str, action: Action) -> Verdict:
    return Verdict(action, (Finding(rule, action, "it holds something", 0, 1, ""),))


GENERAL = Example("Tell me a story", "Once upon", Role.GENERAL, Origin.MODEL)
DEFAULTS = Settings()


def test_what_was_typed_and_cleared_waits_for_nobody() -> None:
    risk = assess([*lessons(12), GENERAL], [Verdict(Action.ALLOW)], gate(), change_rms=6e-3)
    assert 0 < risk.score < DEFAULTS.approval.risk / 2
    assert [factor.name for factor in risk.factors] == ["drift"]


def test_nothing_unusual_is_no_risk_and_says_so() -> None:
    risk = assess(lessons(1), (), gate(drift=0.0))
    assert risk == Risk(0)
    assert risk.words.startswith("0 of 100: typed")


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.TYPED])
def test_every_other_origin_is_a_taint_that_names_it(origin: Origin) -> None:
    risk = assess([*lessons(3), *lessons(1, origin), GENERAL], (), gate(drift=0))
    assert [(factor.name, origin.value in factor.reason) for factor in risk.factors] == [("taint", True)]
    assert "1 of 4 examples" in risk.words


def test_what_was_let_in_before_taints_nothing_anew() -> None:
    assert assess([*lessons(2), *lessons(9, Origin.FILE, Role.REPLAY)], (), gate(drift=0)).score == 0


def test_each_rule_counts_once_by_the_strictest_it_led_to_and_advice_counts_too() -> None:
    advice = assess((), [found("injection.instructions", Action.ALLOW)], gate(drift=0))
    blocked = assess((), [found("secret.token", Action.BLOCK), found("secret.token", Action.ALLOW)], gate(drift=0))
    assert 0 < advice.score < blocked.score
    assert "secret.token" in blocked.words
    many = assess((), [found(f"secret.{n}", Action.BLOCK) for n in range(9)], gate(drift=0))
    assert many.score < MOST
    assert assess((), [found("origin.unapproved", Action.QUARANTINE)], gate(drift=0)).score == 0


def test_several_slight_reasons_cross_what_one_does_not() -> None:
    near = gate(drift=0.29)
    secret = [found("secret.token", Action.BLOCK), found("personal.email", Action.QUARANTINE)]
    assert assess(lessons(96), (), near).score < DEFAULTS.approval.risk
    assert assess(lessons(96), secret, near).score >= DEFAULTS.approval.risk


def test_an_import_crosses_the_threshold_by_itself() -> None:
    assert assess((), (), gate(drift=0), imported=True).score >= DEFAULTS.approval.risk


@given(
    drift=st.floats(allow_nan=True, allow_infinity=True, min_value=None),
    change=st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
    count=st.integers(0, 300),
    origin=st.sampled_from(Origin),
    imported=st.booleans(),
)
def test_any_figures_give_a_score_that_can_be_stored_and_read_back(
    drift: float, change: float | None, count: int, origin: Origin, imported: bool
) -> None:
    risk = assess(lessons(count, origin), (), gate(drift), change_rms=change, imported=imported)
    assert 0 <= risk.score <= MOST
    assert risk.score == min(MOST, sum(factor.points for factor in risk.factors))
    assert risk_of(risk.as_json()) == risk
    assert (
        assess(lessons(count, origin), (), gate(drift), imported=True).score
        >= assess(lessons(count), (), gate(drift)).score
    )


@pytest.mark.parametrize("stored", [None, [], "60", {"score": "60", "factors": []}, {"score": 3}])
def test_what_is_no_risk_is_read_as_none(stored: object) -> None:
    assert risk_of(stored) is None
