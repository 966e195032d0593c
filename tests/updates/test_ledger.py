from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_seal.errors import EdgeSealError
from edge_seal.records import Actor, ChainFlaw
from edge_seal.updates.canonical import JsonValue, canonical
from edge_seal.updates.ledger import ENTRY_DOMAIN, GENESIS_HASH, Ledger, body_of, entry_hash, hashed_bytes
from tests.updates.scene import Scene


def append(scene: Scene, event: str = "memory.remembered", subject: str = "m1") -> None:
    with scene.database.transaction():
        scene.ledger.append(event, actor="user", subject=subject, body={"digest": "d", "tokens": 3})


def tampered(scene: Scene, *statements: str) -> Ledger:
    """The ledger after someone with another program had a go at it."""
    scene.database.execute("DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete")
    for statement in statements:
        scene.database.execute(statement)
    return scene.ledger


def test_an_empty_ledger_is_intact(scene: Scene) -> None:
    assert scene.ledger.head() == (0, GENESIS_HASH)
    check = scene.ledger.verify()
    assert (check.intact, check.entries, check.head) == (True, 0, GENESIS_HASH)


def test_entries_are_numbered_from_one_and_chained(scene: Scene) -> None:
    for _ in range(3):
        append(scene)
    entries = list(scene.ledger.entries())
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert [entry.previous_hash for entry in entries] == [GENESIS_HASH, entries[0].entry_hash, entries[1].entry_hash]
    assert scene.ledger.verify().intact
    assert scene.ledger.head() == (3, entries[2].entry_hash)
    assert list(scene.ledger.entries(start=3)) == entries[2:]


def test_an_entry_belongs_in_the_transaction_of_what_it_records(scene: Scene) -> None:
    with pytest.raises(EdgeSealError, match="outside a transaction"):
        scene.ledger.append("memory.remembered", actor="user", subject="m1", body={})

    def fails() -> None:
        with scene.database.transaction():
            scene.ledger.append("memory.remembered", actor="user", subject="m1", body={})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert scene.ledger.head() == (0, GENESIS_HASH)
    assert not scene.head_file.exists()


def test_nobody_acts_who_is_not_known(scene: Scene) -> None:
    with pytest.raises(EdgeSealError, match="names 'nobody'"), scene.database.transaction():
        scene.ledger.append("e", actor="nobody", subject="m1", body={})  # pyright: ignore[reportArgumentType]
    assert scene.ledger.head()[0] == 0


def test_a_body_without_a_canonical_form_is_refused(scene: Scene) -> None:
    for value in (float("nan"), 2**60, "\ud800"):
        with pytest.raises(EdgeSealError, match="canonical JSON"), scene.database.transaction():
            scene.ledger.append("e", actor="user", subject="m1", body={"value": value})
    assert scene.ledger.head()[0] == 0


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE ledger SET body = replace(body, '3', '4') WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET at = '2025-03-01T11:00:00.000000Z' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET actor = 'nobody' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET event = 'memory.forgotten' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET subject = 'm9' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET body = CAST(x'7bff7d' AS TEXT) WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET entry_hash = substr(entry_hash, 2) || 'x' WHERE seq = 2", "entry 2 .* was changed"),
        ("UPDATE ledger SET previous_hash = entry_hash WHERE seq = 2", "entry 2 .* does not follow"),
        ("DELETE FROM ledger WHERE seq = 2", "entry 2 is missing"),
        ("UPDATE ledger SET seq = 0 WHERE seq = 2", "number 0 stands where"),
        ("UPDATE ledger SET seq = seq + 10 WHERE seq >= 2", "entry 2 is missing"),
    ],
)
def test_whatever_is_done_to_an_entry_is_found_and_named(scene: Scene, statement: str, reason: str) -> None:
    for _ in range(4):
        append(scene)
    check = tampered(scene, statement).verify()
    first = 0 if "seq = 0" in statement else 2
    assert check.first_bad_seq == first
    assert check.reason is not None
    assert re.search(reason, check.reason)
    assert check.covers(1) is (first == 2)
    assert not check.covers(2)


def test_swapped_entries_are_found(scene: Scene) -> None:
    for number in range(3):
        append(scene, subject=f"m{number}")
    check = tampered(
        scene,
        "UPDATE ledger SET seq = 20 WHERE seq = 2",
        "UPDATE ledger SET seq = 2 WHERE seq = 3",
        "UPDATE ledger SET seq = 3 WHERE seq = 20",
    ).verify()
    assert check.first_bad_seq == 2


def test_a_cut_off_tail_is_found_by_the_head_file(scene: Scene) -> None:
    for _ in range(4):
        append(scene)
    check = tampered(scene, "DELETE FROM ledger WHERE seq > 2").verify()
    assert check.first_bad_seq == 3
    assert check.reason is not None
    assert "entries 3 to 4 were cut off" in check.reason
    assert check.covers(2)


def test_later_entries_do_not_hide_a_cut_off_tail(scene: Scene) -> None:
    for _ in range(4):
        append(scene)
    tampered(scene, "DELETE FROM ledger WHERE seq > 2")
    for _ in range(5):
        scene.clock.pass_by(seconds=1)
        append(scene)
    check = scene.ledger.verify()
    assert check.first_bad_seq == 3
    assert check.reason is not None
    assert "agree up to entry 2, but entry 3 is not the one" in check.reason
    assert check.beside == ("entry 4 is not the one that the database counted as its last",)


def test_a_chain_that_was_hashed_anew_contradicts_the_head_file(scene: Scene, tmp_path: Path) -> None:
    for _ in range(2):
        append(scene)
    other = Scene(tmp_path / "other")
    for _ in range(3):
        append(other, event="memory.forgotten")
    other.head_file.write_bytes(scene.head_file.read_bytes())
    check = other.ledger.verify()
    assert check.first_bad_seq == 1
    assert check.flaw is ChainFlaw.FORK
    other.close()


def test_a_head_file_that_lags_behind_or_is_gone_is_no_problem(scene: Scene) -> None:
    append(scene)
    earlier = scene.head_file.read_bytes()
    append(scene)
    scene.head_file.write_bytes(earlier)
    assert scene.ledger.verify().intact
    scene.head_file.unlink()
    assert scene.ledger.verify().intact
    append(scene)
    assert scene.head_file.read_text() == scene.ledger.kept_head("").text


@pytest.mark.parametrize("content", [b"", b"3", b"3 abc\n", b"x " + b"0" * 64, b"\xff\xfe"])
def test_a_head_file_that_makes_no_sense_is_named(scene: Scene, content: bytes) -> None:
    append(scene)
    scene.head_file.write_bytes(content)
    check = scene.ledger.verify()
    assert check.reason is not None
    assert "head file" in check.reason


def test_a_head_file_that_cannot_be_written_does_not_fail_what_is_recorded(scene: Scene) -> None:
    append(scene)
    ledger = Ledger(scene.database, scene.clock, scene.root / "no such directory" / "head")
    with scene.database.transaction():
        ledger.append("memory.remembered", actor="user", subject="m2", body={})
    assert ledger.verify().entries == 2


def test_events_are_found_by_their_prefix_alone(scene: Scene) -> None:
    for event in ("update.trained", "updates.trained", "update", "update.trained.again", "updat", "update/x"):
        append(scene, event=event)
    assert [entry.event for entry in scene.ledger.of_events("update")] == [
        "update.trained",
        "update",
        "update.trained.again",
    ]
    assert scene.ledger.times_of("update.trained") == (scene.clock.now(),)


def test_the_check_that_the_documentation_gives_is_enough_to_check_an_export(scene: Scene) -> None:
    append(scene, subject='m1 \u00e9\u2028\u0001"\\/')
    for _ in range(3):
        append(scene)
    lines = list(scene.ledger.export())
    page = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    check = page.partition("```python\n")[2].partition("```")[0]
    assert "json.loads(line)" in check

    def run(given: list[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", check]
        return subprocess.run(command, input="\n".join(given), capture_output=True, text=True, check=False)

    assert run(lines).stdout.strip() == scene.ledger.head()[1]
    for wrong in ([*lines[:1], *lines[2:]], [lines[0].replace("user", "nobody"), *lines[1:]], lines[1:]):
        assert "AssertionError" in run(wrong).stderr


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# Canonical JSON writes a large float like an integer; a reader in Python then gets an integer back.
figures = st.floats(-1e15, 1e15, allow_nan=False)
values = (
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | figures | texts | st.lists(texts, max_size=3)
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=texts, subject=texts, actor=st.sampled_from(Actor), body=st.dictionaries(texts, values, max_size=4))
def test_whatever_is_recorded_reads_back_with_its_hash(
    scene: Scene, event: str, subject: str, actor: Actor, body: dict[str, JsonValue]
) -> None:
    with scene.database.transaction():
        written = scene.ledger.append(event, actor=actor, subject=subject, body=body)
    stored = next(scene.ledger.entries(start=written.seq))
    assert stored == written
    assert stored.entry_hash == entry_hash(stored)
    plain: dict[str, JsonValue] = {name: value for name, value in asdict(stored).items() if name != "entry_hash"}
    assert hashed_bytes(stored) == f"{ENTRY_DOMAIN}\n".encode() + canonical(plain)
    assert body_of(stored) == body


def test_a_long_ledger_is_checked_in_batches(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "long")
    with scene.database.transaction():
        for number in range(1203):
            scene.ledger.append("memory.remembered", actor="user", subject=f"m{number}", body={})
    assert scene.ledger.verify().entries == 1203
    scene.close()
