"""What the documents say of settings is what the settings are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_seal.config import LimitSettings

LIMITS = Path(__file__).resolve().parents[1] / "docs" / "limits.md"
_ROW = re.compile(r"^\| (?P<keys>`[^|]+`) \| (?P<values>[\d., ]+) \|", re.MULTILINE)


def told() -> dict[str, float]:
    """The table's limits; `_per_day` after `updates_per_hour` is short for `updates_per_day`."""
    found: dict[str, float] = {}
    for row in _ROW.finditer(LIMITS.read_text(encoding="utf-8")):
        keys, values = re.findall(r"`(\w+)`", row["keys"]), row["values"].split(", ")
        for key, value in zip(keys, values, strict=True):
            found[keys[0].split("_per_")[0] + key if key.startswith("_") else key] = float(value)
    return found


def test_every_limit_in_the_table_has_the_default_that_it_tells() -> None:
    told_of = told()
    assert len(told_of) >= 10
    defaults = LimitSettings().model_dump()
    assert told_of == {key: pytest.approx(defaults[key]) for key in told_of}
