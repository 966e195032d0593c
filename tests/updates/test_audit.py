"""Someone changes what is stored with another program: the audit names it, and the runtime falls back."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from edge_seal.errors import IntegrityError
from edge_seal.records import Actor, LedgerEntry, State
from edge_seal.updates.audit import replay
from tests.updates.scene import BASE_SHA256, Scene


def unlocked(scene: Scene) -> None:
    scene.database.execute(
        "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete; DROP INDEX updates_one_active"
    )


def seq_of(scene: Scene, event: str, subject: str) -> int:
    return next(entry.seq for entry in scene.ledger.of_events(event) if entry.subject == subject)


def named(scene: Scene, pattern: str) -> bool:
    return any(re.search(pattern, problem) for problem in scene.releases.audit().problems)


def test_a_sound_home_has_no_problems(scene: Scene) -> None:
    for _ in range(3):
        scene.learned()
    report = scene.releases.audit()
    assert (report.intact, report.adapters, report.first_bad_seq) == (True, 3, None)
    assert (report.entries, report.head) == scene.ledger.head()


@pytest.mark.parametrize("name", ["adapter.gguf", "manifest.json"])
def test_a_flipped_byte_of_the_active_adapter_falls_back_to_its_parent(scene: Scene, name: str) -> None:
    first, second = scene.learned(), scene.learned()
    path = scene.adapters.path(str(second.adapter_sha256)).with_name(name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)

    assert named(scene, rf"^update u2: the (adapter|manifest) .*{re.escape(name)} was changed")
    serving, notices = scene.releases.serving()
    assert serving is not None
    assert serving.id == first.id
    assert f"update u2 is not used: the {name.partition('.')[0]} {path} was changed" in notices
    assert "u1 answers instead" in notices[-1]
    assert "`edge-seal audit verify`" in notices[-1]
    assert "`edge-seal rollback u1`" in notices[-1]


def test_with_every_adapter_damaged_the_base_answers(scene: Scene) -> None:
    for update in (scene.learned(), scene.learned()):
        scene.adapters.path(str(update.adapter_sha256)).unlink()
    serving, notices = scene.releases.serving()
    assert serving is None
    assert [bool(re.search(r"u[12] is not used: .* is missing", notice)) for notice in notices[:2]] == [True, True]
    assert "`edge-seal rollback base`" in notices[-1]


def test_an_edited_entry_takes_down_what_was_activated_after_it(scene: Scene) -> None:
    first, _ = scene.learned(), scene.learned()
    seq = seq_of(scene, "update.trained", "u2")
    unlocked(scene)
    scene.database.execute("UPDATE ledger SET body = replace(body, '12', '13') WHERE seq = ?", (seq,))

    report = scene.releases.audit()
    assert report.first_bad_seq == seq
    assert f"entry {seq} (update.trained u2) was changed after it was written" in report.problems
    serving, notices = scene.releases.serving()
    assert serving is not None
    assert serving.id == first.id
    assert "the audit trail is damaged" in notices[0]


def test_an_edit_after_the_activation_is_told_and_takes_nothing_down(scene: Scene) -> None:
    update = scene.learned()
    with scene.database.transaction():
        scene.ledger.append("memory.remembered", actor="user", subject="m1", body={})
    unlocked(scene)
    scene.database.execute("UPDATE ledger SET subject = 'm2' WHERE subject = 'm1'")
    serving, notices = scene.releases.serving()
    assert serving == update
    assert len(notices) == 1
    assert "was changed after it was written" in notices[0]
    assert not scene.releases.audit().intact


def test_an_edit_of_the_first_entry_leaves_the_base(scene: Scene) -> None:
    scene.learned()
    unlocked(scene)
    scene.database.execute("UPDATE ledger SET actor = 'nobody' WHERE seq = 1")
    assert scene.releases.serving()[0] is None
    assert scene.releases.audit().first_bad_seq == 1


def test_a_cut_off_tail_is_named(scene: Scene) -> None:
    scene.learned()
    scene.releases.to_base("user")
    unlocked(scene)
    scene.database.execute("DELETE FROM ledger WHERE event = 'update.rolled_back'")
    scene.database.execute("UPDATE updates SET state = 'active'")
    assert named(scene, "were cut off the end of the ledger")
    assert "cut off" in scene.releases.serving()[1][0]


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("UPDATE updates SET state = 'retired' WHERE id = 2", "its state is retired, the ledger says active"),
        ("UPDATE updates SET adapter_sha256 = printf('%064d', 7) WHERE id = 2", "u2 .* its adapter hash is 0*7"),
        ("UPDATE updates SET manifest_sha256 = printf('%064d', 7) WHERE id = 2", "u2 .* its manifest hash is 0*7"),
        ("UPDATE updates SET base_sha256 = printf('%064d', 7) WHERE id = 2", "u2 .* its model file is 0*7"),
        ("UPDATE updates SET parent_id = NULL WHERE id = 2", "its parent is base, the ledger says u1"),
        ("UPDATE updates SET created_at = '2020' WHERE id = 2", "its time is 2020"),
        ("UPDATE updates SET reason = 'because' WHERE id = 2", "its reason is 'because'"),
        ("UPDATE examples SET answer = 'Max' WHERE id = 4", "the examples of update u2 were changed"),
        ("UPDATE examples SET weight = 9 WHERE id = 4", "the examples of update u2 were changed"),
        ("UPDATE examples SET role = 'nonsense' WHERE id = 4", "update u2: an example is damaged"),
        ("DELETE FROM examples WHERE id = 4", "the examples of update u2 were changed"),
        ("UPDATE updates SET examples_salt = 'x' WHERE id = 2", "the examples of update u2 were changed"),
        ("DELETE FROM examples WHERE update_id = 2; DELETE FROM updates WHERE id = 2", "row of update u2 is missing"),
        (
            "INSERT INTO updates (created_at, state, base_sha256) VALUES ('now', 'gated', 'b')",
            "the ledger knows no update u3",
        ),
        ("UPDATE updates SET state = 'active'", "more than one update is active: u1, u2"),
    ],
)
def test_a_row_that_was_changed_by_hand_is_named(scene: Scene, statement: str, problem: str) -> None:
    scene.learned()
    scene.learned()
    unlocked(scene)
    scene.database.execute(statement)
    assert named(scene, problem), scene.releases.audit().problems


def test_an_older_update_made_active_by_hand_does_not_answer(scene: Scene) -> None:
    scene.learned()
    scene.learned()
    scene.database.execute("UPDATE updates SET state = 'retired' WHERE id = 2")
    scene.database.execute("UPDATE updates SET state = 'active' WHERE id = 1")
    serving, notices = scene.releases.serving()
    assert serving is None
    assert "the audit trail says that u2 is active" in notices[0]


def test_an_update_that_was_never_released_does_not_answer(scene: Scene) -> None:
    scene.brought_to(State.GATED)
    scene.database.execute("UPDATE updates SET state = 'active'")
    serving, notices = scene.releases.serving()
    assert serving is None
    assert "says that base is active" in notices[0]


def test_hashes_swapped_in_a_row_for_those_of_another_adapter_do_not_answer(scene: Scene) -> None:
    scene.learned()
    scene.learned()
    other = scene.adapters.put(scene.adapter_file(b"evil"), {})
    scene.database.execute(
        "UPDATE updates SET adapter_sha256 = ?, manifest_sha256 = ? WHERE id = 2", (other.sha256, other.manifest_sha256)
    )
    serving, notices = scene.releases.serving()
    assert serving is not None
    assert serving.id == "u1"
    assert "other hashes than the audit trail" in notices[0]


def test_parents_that_go_round_in_a_circle_end_at_the_base(scene: Scene) -> None:
    for update in (scene.learned(), scene.learned()):
        scene.adapters.path(str(update.adapter_sha256)).unlink()
    scene.database.execute("UPDATE updates SET parent_id = 2 WHERE id = 1")
    assert scene.releases.serving()[0] is None


def test_going_back_for_good_after_damage_leaves_a_sound_home(scene: Scene) -> None:
    scene.learned()
    second = scene.learned()
    scene.adapters.path(str(second.adapter_sha256)).write_bytes(b"wreckage")
    scene.releases.rollback("u1", "user")
    serving, notices = scene.releases.serving()
    assert serving is not None
    assert (serving.id, notices) == ("u1", ())


@pytest.mark.parametrize("target", ["u1", "base"])
def test_a_rollback_gives_rows_changed_by_hand_what_the_ledger_says(scene: Scene, target: str) -> None:
    scene.learned()
    scene.learned()
    scene.database.execute("UPDATE updates SET state = 'rejected', adapter_sha256 = NULL, manifest_sha256 = NULL")
    assert scene.releases.serving()[0] is None
    scene.releases.rollback(target, "user")
    expected = {"u1": State.ACTIVE if target == "u1" else State.ROLLED_BACK, "u2": State.ROLLED_BACK}
    assert scene.states() == expected
    assert scene.releases.audit().problems == ()
    assert [entry.subject for entry in scene.ledger.of_events("audit.repaired")] == ["u1", "u2"]


def test_after_damage_to_the_ledger_an_update_activated_before_it_can_be_gone_back_to(scene: Scene) -> None:
    scene.learned()
    scene.learned()
    unlocked(scene)
    scene.database.execute("UPDATE ledger SET actor = 'nobody' WHERE seq = ?", (seq_of(scene, "update.retired", "u1"),))
    scene.releases.rollback("u1", "user")
    serving, notices = scene.releases.serving()
    assert serving is not None
    assert serving.id == "u1"
    assert "the audit trail is damaged" in notices[0]


def test_nothing_is_learned_on_damaged_ground(scene: Scene) -> None:
    update = scene.learned()
    path = scene.adapters.path(str(update.adapter_sha256))
    content = path.read_bytes()
    path.write_bytes(b"wreckage")
    with pytest.raises(IntegrityError, match="on top of a damaged update") as raised:
        scene.proposed()
    assert raised.value.next_step == "edge-seal rollback base"
    path.write_bytes(content)
    unlocked(scene)
    scene.database.execute("UPDATE ledger SET actor = 'nobody' WHERE seq = 1")
    with pytest.raises(IntegrityError, match="damaged audit trail"):
        scene.proposed()


def test_every_single_flipped_byte_of_the_chain_is_noticed(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "flipped")
    update = scene.releases.propose(None, BASE_SHA256, "asked for", "user")
    scene.releases.abandon(update.id, actor="user", reason="changed my mind")
    unlocked(scene)
    columns = ("at", "actor", "event", "subject", "body", "previous_hash", "entry_hash")
    for column in columns:
        for seq in (1, 2):
            row = scene.database.row(f"SELECT {column} FROM ledger WHERE seq = ?", (seq,))  # noqa: S608
            assert row is not None
            value = str(row[0])
            for position in range(0, len(value), 7):
                flipped = value[:position] + chr(ord(value[position]) ^ 1) + value[position + 1 :]
                with scene.database.transaction():
                    scene.database.execute(f"UPDATE ledger SET {column} = ? WHERE seq = ?", (flipped, seq))  # noqa: S608
                    assert scene.ledger.verify().first_bad_seq in {seq, seq + 1}, (column, seq, position)
                    scene.database.execute(f"UPDATE ledger SET {column} = ? WHERE seq = ?", (value, seq))  # noqa: S608
    assert scene.ledger.verify().intact
    scene.close()


def told(*events: tuple[str, State]) -> list[LedgerEntry]:
    """Entries that move updates, in order."""
    return [
        LedgerEntry(seq, "now", Actor.PROGRAM, f"update.{state}", update_id, "{}", "", "")
        for seq, (update_id, state) in enumerate(events, start=1)
    ]


def a_life(update_id: str, *, until: State = State.ACTIVE) -> list[tuple[str, State]]:
    states = (State.PROPOSED, State.SCORED, State.CLEARED, State.TRAINED, State.GATED, State.ACTIVE, State.RETIRED)
    return [(update_id, state) for state in states[: states.index(until) + 1]]


def test_a_trail_that_makes_two_updates_active_at_once_is_told() -> None:
    entries = told(*a_life("u1"), *a_life("u2"), ("u1", State.RETIRED), *a_life("u3", until=State.RETIRED))
    assert replay(entries).problems == (
        "after entry 12 more than one update is active: u1, u2",
        "after entry 19 more than one update is active: u2, u3",
    )
    assert replay(entries).active == ("u2",)


def test_a_long_trail_is_read_in_time_that_grows_with_its_length() -> None:
    def taken_s(updates: int) -> float:
        entries = told(*(move for number in range(updates) for move in a_life(f"u{number}", until=State.RETIRED)))
        began = time.process_time()
        assert not replay(entries).problems
        return time.process_time() - began

    # Ten times the updates; with their square it would be a hundred times.
    assert min(taken_s(2000) for _ in range(2)) < 40 * min(taken_s(200) for _ in range(4))
