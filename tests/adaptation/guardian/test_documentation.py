"""docs/guardian.md says what the registry says."""

from __future__ import annotations

from pathlib import Path

from edge_seal.adaptation.guardian import rules_table

PAGE = Path(__file__).parents[3] / "docs" / "guardian.md"


def test_documented_rules_are_the_rules() -> None:
    page = PAGE.read_text(encoding="utf-8")
    _, _, after = page.partition("<!-- rules:")
    table, end, _ = after.partition("-->\n")[2].partition("<!-- end of rules -->")
    assert end
    assert table == rules_table(), "put the output of the command in docs/guardian.md below it"
