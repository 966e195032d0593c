"""An update that waits: what a person is shown of it, and that the yes is to a hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def waiting(home: Home) -> str:
    return learned_update(home, to=State.AWAITING_APPROVAL, answer="Rex, of course").id


def test_it_is_approved_by_the_hash_that_was_shown(tiny: CommandLine, home: Home) -> None:
    update = waiting(home)
    shown = tiny("updates", "show", update)
    approval = tiny("updates", "show", update, "--json").json["approval"]
    assert f"approval: {approval}" in shown.out
    assert "Rex, of course" in shown.out
    assert f"updates approve {update} --hash {approval[:16]}" in shown.err
    tiny("updates", "approve", update, code=2)
    tiny("updates", "approve", update, "--yes", code=2)
    tiny("updates", "approve", update, "--hash", approval[:8], code=1)
    wrong = tiny("updates", "approve", update, "--hash", "f" * 16, "--json", code=1)
    assert approval in wrong.json["error"]["message"]
    assert tiny("ask", "Hello there", "--json").json["adapter"] is None
    assert tiny("updates", "approve", update, "--hash", approval[:16].upper(), "--json").json["update"]["id"] == update
    assert tiny("updates", "show", update, "--json").json["approval"] is None


def test_it_is_rejected_by_the_hash_that_was_shown(tiny: CommandLine, home: Home) -> None:
    update = waiting(home)
    approval = tiny("updates", "show", update, "--json").json["approval"]
    tiny("updates", "reject", update, "--hash", "0" * 64, "--yes", code=1)
    done = tiny("updates", "reject", update, "--hash", approval, "--json").json
    assert done["update"]["state"] == State.REJECTED


def test_a_file_that_is_swapped_after_the_look_is_refused(tiny: CommandLine, home: Home) -> None:
    update = waiting(home)
    approval = tiny("updates", "show", update, "--json").json["approval"]
    (adapter,) = home.adapters.glob("*/adapter.gguf")
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"\x07")
    tiny("updates", "approve", update, "--hash", approval, code=5)
    assert tiny("updates", "show", update, "--json").json["approval"] is None
    assert tiny("ask", "Hello there", "--json").json["adapter"] is None
    # It can still be got rid of.
    tiny("updates", "reject", update, "--yes")


def test_a_terminal_is_shown_the_hash_and_asked(tiny: CommandLine, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    update = waiting(home)
    approval = tiny("updates", "show", update, "--json").json["approval"]
    questions: list[str] = []

    def no(question: str, *, yes: bool) -> bool:
        questions.append(question)
        return False

    monkeypatch.setattr("edge_seal.cli.updates.confirmed", no)
    monkeypatch.setattr("edge_seal.cli.updates.asks_a_person", lambda: True)
    ran = tiny("updates", "approve", update)
    assert approval in questions[0]
    assert "Rex, of course" in ran.out
    assert tiny("updates", "show", update, "--json").json["update"]["state"] == State.AWAITING_APPROVAL


def test_an_import_says_how_risky_it_is_and_how_it_is_approved(tiny: CommandLine, home: Home, tmp_path: Path) -> None:
    from edge_models.adapter import write_gguf_adapter
    from tests.cli.test_adapter_commands import mild_adapter

    write_gguf_adapter(tmp_path / "x.gguf", mild_adapter())
    told = tiny("adapters", "import", str(tmp_path / "x.gguf"), "--base", "tiny")
    assert "updates approve u1 --sha256 " in told.err
    record = tiny("updates", "show", "u1", "--json").json
    assert record["risk"]["score"] >= 60
    assert record["risk"]["factors"][0]["name"] == "imported"
    (gated,) = [entry for entry in record["entries"] if entry["event"] == "update.gated"]
    assert gated["body"]["risk"] == record["risk"]
    assert "trained elsewhere" in tiny("updates", "show", "u1").out
