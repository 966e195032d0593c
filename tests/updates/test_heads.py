"""The head of a ledger outside its database: what it tells apart, and proofs that need nothing else."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_seal.errors import ConfigError, IntegrityError, NotFound
from edge_seal.records import Actor, ActorName, ChainFlaw
from edge_seal.updates.heads import Head, KeptHead, checkpoint_seqs, kept_from, noted_head
from edge_seal.updates.ledger import ChainCheck
from edge_seal.updates.proofs import check_proof, prove_consistency, prove_inclusion
from tests.updates.scene import Scene


def append(scene: Scene, count: int, subject: str = "m") -> None:
    with scene.database.transaction():
        for number in range(count):
            scene.ledger.append("memory.remembered", actor=Actor.USER, subject=f"{subject}{number}", body={})


def unlocked(scene: Scene) -> None:
    scene.database.execute(
        "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete;"
        "DROP TRIGGER ledger_count_goes_up; DROP TRIGGER ledger_count_stays"
    )


def older_copy(scene: Scene) -> Path:
    """The database as it is now, kept for later."""
    kept = scene.root / "older.db"
    scene.database.back_up_to(kept, None)
    return kept


def with_copy_in_place(scene: Scene, copied: Path) -> Scene:
    scene.close()
    place = scene.root / "edge-seal.db"
    for path in scene.root.glob("edge-seal.db-*"):
        path.unlink()
    shutil.copyfile(copied, place)
    return Scene(scene.root)


def found(scene: Scene) -> tuple[ChainFlaw | None, int | None]:
    check = scene.ledger.verify()
    assert (check.reason is None) is (check.flaw is None) is (check.first_bad_seq is None)
    return check.flaw, check.first_bad_seq


def test_truncation_an_older_copy_and_a_fork_are_told_apart(tmp_path: Path) -> None:
    cut = Scene(tmp_path / "cut")
    append(cut, 50)
    unlocked(cut)
    cut.database.execute("DELETE FROM ledger WHERE seq > 44")
    assert found(cut) == (ChainFlaw.CUT_OFF, 45)
    assert "entries 45 to 50 were cut off the end" in str(cut.ledger.verify().reason)
    cut.close()

    older = Scene(tmp_path / "older")
    append(older, 44)
    copied = older_copy(older)
    append(older, 6)
    older = with_copy_in_place(older, copied)
    assert found(older) == (ChainFlaw.OLDER_COPY, 45)
    reason = str(older.ledger.verify().reason)
    assert "the database is an older copy" in reason
    assert "end at entry 44 exactly as it was then" in reason
    assert "remembers 50 entries" in reason

    # It goes on by itself: first shorter than what is remembered, then longer.
    append(older, 2, "other")
    assert found(older) == (ChainFlaw.FORK, 45)
    append(older, 30, "other")
    assert found(older) == (ChainFlaw.FORK, 45)
    reason = str(older.ledger.verify().reason)
    assert "two histories" in reason
    assert "agree up to entry 44, but entry 45 is not the one" in reason
    older.close()


def test_a_fork_long_ago_is_narrowed_down_by_the_checkpoints(scene: Scene) -> None:
    append(scene, 50)
    copied = older_copy(scene)
    append(scene, 200)
    scene = with_copy_in_place(scene, copied)
    append(scene, 250, "other")
    flaw, first_bad = found(scene)
    assert flaw is ChainFlaw.FORK
    assert first_bad is not None
    known = [seq for seq in checkpoint_seqs(250) if seq <= 50]
    assert first_bad == max(known) + 1
    scene.close()


def test_a_ledger_and_count_cut_together_are_an_older_copy_to_the_head_file(scene: Scene) -> None:
    append(scene, 3)
    row = scene.database.row("SELECT entries, entry_hash, peaks FROM ledger_count")
    assert row is not None
    append(scene, 3)
    unlocked(scene)
    scene.database.execute("DELETE FROM ledger WHERE seq > 3")
    scene.database.execute("UPDATE ledger_count SET entries = ?, entry_hash = ?, peaks = ?", row)
    assert found(scene) == (ChainFlaw.OLDER_COPY, 4)


SWAPPED = """
    UPDATE ledger SET seq = seq + 100 WHERE seq IN (3, 5);
    UPDATE ledger SET seq = CASE seq WHEN 103 THEN 5 ELSE 3 END WHERE seq > 100
"""


@pytest.mark.parametrize(
    ("statement", "flaw", "seq"),
    [
        (SWAPPED, ChainFlaw.REORDERED, 3),
        ("UPDATE ledger SET subject = 'm9' WHERE seq = 4", ChainFlaw.CHANGED, 4),
        ("DELETE FROM ledger WHERE seq = 4", ChainFlaw.MISSING, 4),
        ("DELETE FROM ledger WHERE seq = 1", ChainFlaw.MISSING, 1),
        ("INSERT INTO ledger SELECT 0, at, actor, event, subject, body, previous_hash, 'x' FROM ledger WHERE seq = 1",
         ChainFlaw.ADDED, 0),
        ("UPDATE ledger_count SET peaks = zeroblob(length(peaks))", ChainFlaw.COUNT, 7),
        ("UPDATE ledger_count SET peaks = x'00'", ChainFlaw.COUNT, 7),
        ("DROP TABLE ledger_count", ChainFlaw.COUNT, 7),
        ("UPDATE ledger_count SET entry_hash = printf('%064d', 1)", ChainFlaw.FORK, 6),
        ("UPDATE ledger_count SET entries = 7, peaks = zeroblob(96)", ChainFlaw.CUT_OFF, 7),
    ],
)  # fmt: skip
def test_each_kind_of_damage_has_its_name(scene: Scene, statement: str, flaw: ChainFlaw, seq: int) -> None:
    append(scene, 6)
    unlocked(scene)
    scene.database.execute(statement)
    assert found(scene) == (flaw, seq)


def test_entries_of_another_program_were_not_counted(scene: Scene) -> None:
    append(scene, 4)
    row = scene.database.row("SELECT entries, entry_hash, peaks FROM ledger_count")
    assert row is not None
    append(scene, 1)
    unlocked(scene)
    scene.database.execute("UPDATE ledger_count SET entries = ?, entry_hash = ?, peaks = ?", row)
    assert found(scene) == (ChainFlaw.FOREIGN, 5)


def test_the_count_only_goes_up(scene: Scene) -> None:
    append(scene, 3)
    for statement in (
        "UPDATE ledger_count SET entries = 3",
        "UPDATE ledger_count SET entries = 2",
        "DELETE FROM ledger_count",
    ):
        with pytest.raises(IntegrityError, match="count of the ledger"):
            scene.database.execute(statement)


def test_a_ledger_from_before_is_counted_with_its_next_entry(scene: Scene) -> None:
    append(scene, 5)
    unlocked(scene)
    seq, head = scene.ledger.head()
    scene.database.execute("DELETE FROM ledger_count")
    scene.head_file.write_text(f"{seq} {head}\n")
    assert scene.ledger.verify().intact
    root = scene.ledger.newest_head().root
    assert root == scene.ledger.verify().root
    append(scene, 1)
    assert scene.ledger.verify().intact
    row = scene.database.row("SELECT entries FROM ledger_count")
    assert row == (6,)
    assert scene.head_file.read_text().split("\n")[0] == scene.ledger.newest_head().line


def test_a_noted_head_is_known_again_in_every_form(scene: Scene) -> None:
    append(scene, 4)
    then = scene.ledger.newest_head()
    append(scene, 5)

    def verified(text: str) -> ChainCheck:
        return scene.ledger.verify([noted_head(text)])

    for text in (then.line, then.words, f"  {then.words.upper()} ", f"4 {then.entry_hash}"):
        assert verified(text).intact
    word = then.words[:-1] + ("b" if then.words[-1] != "b" else "d")
    for text in (word, f"5 {then.words[2:]}", f"4 {then.entry_hash} {'0' * 64}", f"4 {then.root}"):
        check = verified(text)
        assert (check.flaw, check.first_bad_seq) == (ChainFlaw.FORK, int(text[0]))
        assert "did not grow out of the head that you noted" in str(check.reason)
    check = verified(f"90 {then.words[2:]}")
    assert (check.flaw, check.first_bad_seq) == (ChainFlaw.OLDER_COPY, 10)
    for text in ("", "4", "four words", "4 lusab-babad", f"4 {'g' * 64}", f"-4 {then.entry_hash}"):
        with pytest.raises(ConfigError, match="no head of a ledger"):
            noted_head(text)


def test_a_head_kept_elsewhere_is_compared_too(scene: Scene) -> None:
    append(scene, 40)
    kept = scene.ledger.kept_head("the keychain")
    append(scene, 2)
    assert scene.ledger.verify(kept=[kept]).intact
    forged = KeptHead(Head(40, "0" * 64, kept.head.root), "the keychain", kept.checkpoints)
    check = scene.ledger.verify(kept=[forged])
    assert (check.flaw, check.first_bad_seq) == (ChainFlaw.FORK, 40)
    assert "the keychain" in str(check.reason)


@given(seq=st.integers(0, 10**6))
def test_checkpoints_are_few_and_reach_back_to_the_first(seq: int) -> None:
    seqs = list(checkpoint_seqs(seq))
    assert len(seqs) <= 32 + seq.bit_length()
    assert seqs == sorted(set(seqs), reverse=True)
    assert all(0 < at < seq for at in seqs)
    assert seq < 2 or (seqs[0], seqs[-1]) == (seq - 1, 1)


def test_every_byte_flipped_and_every_prefix_of_the_head_file_is_noticed(scene: Scene) -> None:
    append(scene, 5)
    whole = scene.head_file.read_bytes()
    kept = kept_from(whole.decode(), "here")
    assert kept.text.encode() == whole
    for end in range(len(whole)):
        scene.head_file.write_bytes(whole[:end])
        assert not scene.ledger.verify().intact, end
    for place in range(len(whole)):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << place % 8
        scene.head_file.write_bytes(flipped)
        assert not scene.ledger.verify().intact, place


# Proofs -------------------------------------------------------------------------------------------------------


def test_every_entry_and_every_growth_is_proven(scene: Scene) -> None:
    append(scene, 13)
    head = scene.ledger.newest_head()
    for seq in range(1, 14):
        proven = check_proof(json.loads(json.dumps(prove_inclusion(scene.ledger, seq))))
        assert proven.head == head
        assert proven.words == head.words
        assert proven.entry == next(scene.ledger.entries(seq))
        grown = check_proof(prove_consistency(scene.ledger, seq))
        assert (grown.head, grown.old and grown.old.seq) == (head, seq)


def test_a_proof_of_before_still_fits_the_head_of_then(scene: Scene) -> None:
    append(scene, 6)
    then = scene.ledger.newest_head()
    append(scene, 11)
    proven = check_proof(prove_consistency(scene.ledger, 6))
    assert proven.old == then


def changed(value: object) -> object:
    if isinstance(value, str):
        return ("1" if value[:1] != "1" else "2") + value[1:]
    if isinstance(value, list):
        return value[1:]
    assert isinstance(value, int)
    return value + 1


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_a_proof_in_which_anything_was_changed_does_not_hold(scene: Scene, kind: str) -> None:
    append(scene, 13)
    proof: dict[str, Any] = dict((prove_inclusion if kind == "inclusion" else prove_consistency)(scene.ledger, 5))
    head = check_proof(proof).head
    places = [(name,) for name in proof if name != "entry"]
    places += [("entry", name) for name in proof.get("entry", ())]
    for place in places:
        other = copy.deepcopy(proof)
        holder = other if len(place) == 1 else other["entry"]
        holder[place[-1]] = changed(holder[place[-1]])
        try:
            proven = check_proof(other)
        except IntegrityError:
            continue
        # A path fits trees of several sizes, and the hash of the last entry is no part of the tree: these show where
        # the head is compared.
        assert place in {("size",), ("head",), ("old_head",), ("old_size",)}
        assert (proven.head != head) or (proven.old != check_proof(proof).old)


@pytest.mark.parametrize("nonsense", [None, [], "x", {}, {"kind": "inclusion"}, {"kind": "other"}, {"format": 2}])
def test_what_is_no_proof_is_refused(nonsense: object) -> None:
    with pytest.raises(IntegrityError, match="no proof of a ledger"):
        check_proof(nonsense)


def test_what_cannot_be_proven_is_said(scene: Scene) -> None:
    append(scene, 3)
    for seq in (0, 4):
        with pytest.raises(NotFound):
            prove_inclusion(scene.ledger, seq)
        with pytest.raises(NotFound):
            prove_consistency(scene.ledger, seq)
    unlocked(scene)
    scene.database.execute("UPDATE ledger SET actor = 'nobody' WHERE seq = 1")
    with pytest.raises(IntegrityError, match="a damaged ledger proves nothing"):
        prove_inclusion(scene.ledger, 2)


def test_the_script_in_the_documentation_checks_proofs_with_the_standard_library_alone(scene: Scene) -> None:
    append(scene, 11)
    page = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")
    (script,) = (part for part in page.split("```python\n")[1:] if "def from_inclusion" in part)

    def run(proof: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-c", script.partition("```")[0]]
        return subprocess.run(command, input=json.dumps(proof), capture_output=True, text=True, check=False)

    head = scene.ledger.newest_head()
    for proof in (prove_inclusion(scene.ledger, 7), prove_consistency(scene.ledger, 6)):
        done = run(proof)
        assert done.stdout.strip() == f"holds: size {head.seq}, root {head.root}", done.stderr
        for name in ("root", "path"):
            assert "AssertionError" in run({**proof, name: changed(proof[name])}).stderr


def test_actors_are_a_closed_vocabulary() -> None:
    literals = ActorName.__args__[1].__args__
    assert set(literals) == {actor.value for actor in Actor}
