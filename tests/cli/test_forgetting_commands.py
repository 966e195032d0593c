"""`forget` from the outside: what it reaches, what it says, and that nothing of it is left in the home's bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from edge_seal.config import Home
from edge_seal.records import Origin, State, Timing, Turn
from edge_seal.runtime import Ask, Runtime
from edge_seal.updates.adapters import PURPOSE
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update

FACT = "My boathouse in Quetzaltenango is called Xylophonia"
LESSON = ("What is my boathouse in Quetzaltenango called?", "Xylophonia.")
# As it is written, and as the word indexes keep it: lower case, stemmed, or cut where a page begins.
PIECES = [b"Quetzalten", b"quetzalten", b"Xylophoni", b"xylophoni", "Xylophonia".encode("utf-16-le")]


def traces(home: Home) -> list[tuple[str, bytes]]:
    """Which pieces of the fact are in which files of the home."""
    root = home.data.parent
    files = [path for path in root.rglob("*") if path.is_file() and home.models not in path.parents]
    return [(str(path.relative_to(root)), piece) for path in files for piece in PIECES if piece in path.read_bytes()]


def test_nothing_of_a_forgotten_memory_is_left_in_the_home(tiny: CommandLine) -> None:
    tiny("remember", FACT)
    for number in range(3):
        tiny("remember", f"note {number}: a boathouse needs paint, said {number * 7919}")
    tiny("teach", "--prompt", LESSON[0], "--answer", LESSON[1])
    asked = tiny("ask", f"Remember that {FACT}", "--json").json
    given = tiny("ask", "What is my boathouse called?", "--json").json
    assert "m1" in given["memories"]
    tiny("feedback", asked["turn"], "--good")
    learned_update(tiny.home, prompt=LESSON[0], answer=LESSON[1])
    update = learned_update(tiny.home, seed=2, prompt="Where do I live?", answer="Oulu.")
    assert {piece for _, piece in traces(tiny.home)} >= set(PIECES[:4]), "the search must be able to find it"

    with Runtime.open(tiny.home) as runtime:
        done = runtime.forget("m1")
        # With the process still there, its database open.
        assert traces(tiny.home) == []
    assert traces(tiny.home) == []
    assert done.lessons == ("s1", "s2", "s3")
    assert [(item.id, item.outcome) for item in done.updates] == [("u1", "removed"), ("u2", "marked")]
    assert asked["turn"] in done.turns
    assert done.active == update.id
    assert tiny("audit", "verify", "--json").json["intact"] is True

    # Until it is learned anew, every answer says so; what was not the fact is as it was.
    assert any("learned what you forgot" in notice for notice in tiny("ask", "hello", "--json").json["notices"])
    assert "learned what you forgot" in tiny("updates", "list").out.splitlines()[1]
    assert "learned what you forgot" in tiny("adapters", "export", "u2", code=1).err
    shown = tiny("conversations", "show", asked["conversation"], "--json").json
    assert shown["turns"][0]["prompt"] == "[forgotten]"
    assert shown["conversation"]["title"] == "[forgotten]"
    assert len(tiny("memory", "list", "--json").json["memories"]) == 3
    assert "were forgotten" in tiny("feedback", asked["turn"], "--correction", "Something", code=2).err


def plain_traces(home: Home, scratch: Path) -> list[tuple[str, bytes]]:
    """As `traces`, behind the encryption: every page of the database, and every sealed file, decrypted."""
    with Runtime.open(home) as runtime:
        key = runtime.key
    assert key is not None
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for file in home.data.glob("edge-seal.db*"):
        shutil.copy(file, scratch)
    copy = apsw.Connection(str(scratch / home.database.name))
    for statement in ("cipher = chacha20", f"key = 'raw:{key.for_database.hex()}'", "journal_mode = DELETE"):
        copy.execute(f"PRAGMA {statement}").fetchall()
    # Page by page: what lies in free pages and gaps stays where it is.
    copy.execute("PRAGMA rekey = ''").fetchall()
    copy.close()
    contents = {file.name: file.read_bytes() for file in scratch.iterdir()}
    assert contents[home.database.name].startswith(b"SQLite format 3")
    for file in home.adapters.rglob("*.*"):
        contents[file.name] = key.unseal(file.read_bytes(), PURPOSE, file.name)
    return [(name, piece) for name, content in contents.items() for piece in PIECES if piece in content]


def test_an_answer_of_a_word_tells_what_its_question_asks_for(tiny: CommandLine) -> None:
    tiny("remember", FACT)
    with Runtime.open(tiny.home) as runtime:
        timing = Timing(1, 0, 1, 0.1, 0.2)
        asked = (
            ("What is my boathouse in Quetzaltenango called?", "Xylophonia."),
            ("What is a boathouse?", "A house."),
        )
        one, other = (
            runtime.conversations.keep(
                Turn("", "", "", prompt, answer, Origin.TYPED, None, (), timing), base_sha256="b", seed=1
            )
            for prompt, answer in asked
        )
    assert tiny("forget", "m1", "--json").json["turns"] == [one.id]
    assert [piece for _, piece in traces(tiny.home) if b"ylophoni" in piece] == []
    with Runtime.open(tiny.home) as runtime:
        assert runtime.conversations.turn(other.id).answer == "A house."


def test_nothing_is_left_behind_the_encryption_either(tiny: CommandLine, keychain: Path, tmp_path: Path) -> None:
    tiny("encrypt", "--keychain")
    tiny("remember", FACT)
    tiny("remember", "a boathouse needs paint")
    tiny("teach", "--prompt", LESSON[0], "--answer", LESSON[1])
    tiny("teach", "--prompt", "Where do I live?", "--answer", "Oulu.")
    tiny("ask", f"Remember that {FACT}")
    learned_update(tiny.home, prompt=LESSON[0], answer=LESSON[1])
    tiny("backup")
    scratch = tmp_path / "scratch"
    assert {name for name, _ in plain_traces(tiny.home, scratch)} == {"edge-seal.db"}, "or it can find nothing"
    told = tiny("forget", "m1", "--json").json
    assert [(item["id"], item["outcome"]) for item in told["updates"]] == [("u1", "marked")]
    assert "1 backups" in told["notices"][-1]
    assert plain_traces(tiny.home, scratch) == []
    assert traces(tiny.home) == []
    assert tiny("audit", "verify", "--json").json["intact"] is True
    (name,) = tiny("backup", "--list", "--json").json["backups"]
    told = tiny("forget", "m2", "--backups", "--json").json
    assert told["backups_deleted"] == 1
    assert not Path(name["path"]).exists()


def test_forgetting_in_one_profile_leaves_the_others_alone(tiny: CommandLine) -> None:
    work = ("--profile", "work")
    tiny("remember", "I live in Turku")
    tiny(*work, "remember", FACT)
    tiny(*work, "backup")
    told = tiny("forget", "m1", "--json").json
    assert (told["memory"]["text"], told["backups_deleted"], told["notices"]) == ("I live in Turku", 0, [])
    told = tiny(*work, "forget", "m1", "--backups", "--json").json
    assert (told["memory"]["text"], told["backups_deleted"]) == (FACT, 1)
    assert traces(tiny.home) == []


def test_forgetting_now_rolls_back_at_once(tiny: CommandLine) -> None:
    learned_update(tiny.home, prompt="Where do I live?", answer="Oulu.")
    learned_update(tiny.home, seed=2, prompt=LESSON[0], answer=LESSON[1])
    told = tiny("forget", "s2", "--now", "--json").json
    assert told["active"] == "u1"
    assert tiny("ask", "hello", "--json").json["notices"] == []
    with Runtime.open(tiny.home) as runtime:
        assert [item.state for item in runtime.releases.list()] == [State.ACTIVE, State.ROLLED_BACK]
        assert runtime.releases.get("u2").adapter_sha256 is None
    assert "its lessons were forgotten" in tiny("rollback", "u2", code=5).err


def test_what_learned_it_answers_only_what_it_was_taught_besides(tiny: CommandLine) -> None:
    learned_update(tiny.home, prompt="Where do I live?", answer="Turku.")
    learned_update(tiny.home, seed=2, prompt=LESSON[0], answer=LESSON[1])
    learned_update(tiny.home, seed=3, prompt="Where do I live?", answer="Oulu.")
    learned_update(tiny.home, seed=4, prompt="What is my cat called?", answer="Miu.")

    def answered(prompt: str) -> str | None:
        told = tiny("ask", prompt, "--json").json
        assert any("u4 learned what you forgot" in notice for notice in told["notices"])
        return told["adapter"]

    tiny("forget", "s3")
    assert answered("what is my cat called") == "u4"
    # What is gone is answered by the newest that never learned it, as it was told before, and so is everything else.
    assert answered("Where do I live?") == "u2"
    assert answered("What is my dog called?") == "u2"
    assert "not asked by its name" in tiny("ask", "hello", "--adapter", "u4", code=1).err
    tiny("forget", "s2")
    assert (answered(LESSON[0]), answered("what is my cat called?")) == ("u1", "u4")
    tiny("forget", "s1")
    assert (answered("Where do I live?"), answered("What is my cat called?")) == (None, "u4")
    tiny("forget", "s4")
    assert answered("What is my cat called?") is None


def test_rollback_from_a_forgotten_update_passes_over_others_that_learned_it(tiny: CommandLine) -> None:
    learned_update(tiny.home, prompt="Where do I live?", answer="Oulu.")
    learned_update(tiny.home, seed=2, prompt=LESSON[0], answer=LESSON[1])
    learned_update(tiny.home, seed=3, prompt="What do I drink?", answer="Tea.")
    tiny("forget", "s2")
    assert tiny("rollback", "--json").json == {"active": "u1", "before": "u3", "rolled_back": ["u2", "u3"]}


def test_another_fact_is_shown_and_left(tiny: CommandLine) -> None:
    tiny("remember", "My sister lives in Oulu")
    tiny("teach", "--prompt", "Where do I live?", "--answer", "Oulu.")
    told = tiny("forget", "m1", "--json").json
    assert (told["lessons"], told["near"]) == ([], ["s1"])
    assert "s1 may teach the same: `edge-seal forget s1`" in told["notices"][0]
    with Runtime.open(tiny.home) as runtime:
        assert runtime.signals.get("s1").answer == "Oulu."


def test_lessons_and_turns_can_be_kept(tiny: CommandLine) -> None:
    tiny("remember", FACT)
    tiny("teach", "--prompt", LESSON[0], "--answer", LESSON[1])
    turn = tiny("ask", FACT, "--json").json
    told = tiny("forget", "m1", "--keep-lessons", "--keep-turns", "--json").json
    assert (told["lessons"], told["turns"]) == ([], [])
    assert any("s1 may teach the same" in notice for notice in told["notices"])
    assert any(f"the turns {turn['turn']} still say it" in notice for notice in told["notices"])


def test_a_lesson_that_names_its_memory_goes_with_it(tiny: CommandLine) -> None:
    tiny("remember", "I am fond of the sea")
    tiny("teach", "--prompt", "Suggest a trip", "--answer", "To the coast!", "--memory", "m1")
    assert tiny("forget", "m1", "--json").json["lessons"] == ["s1"]
    assert "there is no memory m9" in tiny("teach", "--prompt", "a", "--answer", "b", "--memory", "m9", code=1).err


def test_a_thumb_goes_with_the_words_of_its_turn(tiny: CommandLine) -> None:
    tiny("remember", FACT)
    telling, other = (tiny("ask", prompt, "--json").json["turn"] for prompt in (FACT, "Where do zebras sleep?"))
    tiny("feedback", telling, "--bad")
    tiny("feedback", other, "--good")
    told = tiny("forget", "m1", "--json").json
    assert (told["turns"], told["lessons"]) == ([telling], ["s1"])
    assert traces(tiny.home) == []


def test_another_memory_that_says_the_same_is_named(cli: CommandLine) -> None:
    cli("remember", FACT)
    cli("remember", f"{FACT}, and it is blue")
    told = cli("forget", "m1", "--json").json
    assert told["also"] == ["m2"]
    assert "m2 says the same" in told["notices"][0]


def test_turns_that_name_it_and_say_something_else_are_shown(tiny: CommandLine) -> None:
    tiny("remember", FACT)
    named = tiny("ask", "Is Xylophonia a word?", "--json").json["turn"]
    tiny("ask", "Is boathouse a word?")
    tiny("teach", "--prompt", "What is my swan called?", "--answer", "It is called Xylophonia.")
    told = tiny("forget", "m1", "--json").json
    assert (told["turns"], told["near"]) == ([], [])
    (notice,) = told["notices"]
    assert f"stands in {named}, which say something else" in notice
    (again,) = tiny("forget", "s1", "--json").json["notices"]
    assert f"stands in {named}," in again


def test_backups_are_named_and_deleted_if_asked(cli: CommandLine) -> None:
    cli("remember", FACT)
    backup = cli.home.data / "backups" / "2026-01-01.edge-seal-backup.tar"
    backup.parent.mkdir(parents=True)
    backup.write_bytes(FACT.encode())
    cli("remember", "I am a nurse")
    assert "1 backups in" in cli("forget", "m2").err
    told = cli("forget", "m1", "--backups", "--json").json
    assert told["backups_deleted"] == 1
    assert told["notices"] == []
    assert traces(cli.home) == []


def test_what_does_not_exist_is_said(cli: CommandLine) -> None:
    for wrong in ("m7", "s7", "x7", "7"):
        assert "there is no" in cli("forget", wrong, code=1).err or "no memory's id" in cli("forget", wrong, code=1).err


# Conversations --------------------------------------------------------------------------------------------


def test_conversations_are_listed_page_by_page(tiny: CommandLine) -> None:
    for number in range(5):
        tiny("ask", f"question {number}", "--json")
    tiny("ask", "and more", "--continue", "--json")
    first = tiny("conversations", "list", "-n", "2", "--json").json
    assert [(item["id"], item["turns"], item["title"]) for item in first["conversations"]] == [
        ("c5", 2, "question 4"),
        ("c4", 1, "question 3"),
    ]
    second = tiny("conversations", "list", "-n", "2", "--before", first["next"], "--json").json
    third = tiny("conversations", "list", "-n", "2", "--before", second["next"], "--json").json
    assert [item["id"] for page in (second, third) for item in page["conversations"]] == ["c3", "c2", "c1"]
    assert third["next"] is None


def test_a_conversation_is_found_renamed_and_exported(tiny: CommandLine) -> None:
    turn = tiny("ask", "Where do zebras sleep?", "--json").json
    tiny("ask", "Something else", "--json")
    found = tiny("conversations", "search", "zebra", "--json").json["results"]
    assert [item["turn"]["id"] for item in found] == [turn["turn"]]
    assert tiny("conversations", "search", "?!", "--json").json["results"] == []
    tiny("conversations", "rename", "c1", "  The   zebras ")
    assert tiny("conversations", "list").out.splitlines()[1].endswith("The zebras")
    (line,) = tiny("conversations", "export", "c1").out.splitlines()
    assert '"title": "The zebras"' in line
    assert len(tiny("conversations", "export").out.splitlines()) == 2
    assert "> Where do zebras sleep?" in tiny("conversations", "export", "c1", "--format", "markdown").out
    tiny("conversations", "rename", "c1", " ", code=2)
    tiny("conversations", "show", "c9", code=1)
    tiny("conversations", "export", "c9", code=1)


def test_a_deleted_conversation_leaves_no_bytes(tiny: CommandLine) -> None:
    kept = tiny("ask", "Where do zebras sleep?", "--json").json
    turn = tiny("ask", FACT, "--json").json
    tiny("feedback", turn["turn"], "--bad")
    assert traces(tiny.home)
    told = tiny("conversations", "delete", turn["conversation"], "--json").json
    assert told["conversation"] == {"id": "c2", "turns": 1, "thumbs": 1, "lessons": []}
    assert traces(tiny.home) == []
    assert [item["id"] for item in tiny("conversations", "list", "--json").json["conversations"]] == [
        kept["conversation"]
    ]
    assert tiny("conversations", "search", "Quetzaltenango", "--json").json["results"] == []
    assert tiny("audit", "verify", "--json").json["intact"] is True


def test_lessons_of_a_deleted_conversation_are_named_or_forgotten(tiny: CommandLine) -> None:
    for _ in range(2):
        turn = tiny("ask", FACT, "--json").json
        tiny("feedback", turn["turn"], "--correction", "Xylophonia, of course.")
    told = tiny("conversations", "delete", "c1", "--json").json
    assert told["lessons"] == []
    assert "s1 was taught in it and keeps its words" in told["notices"][0]
    tiny("forget", "s1")
    assert tiny("conversations", "delete", "c2", "--with-lessons", "--json").json["lessons"] == ["s2"]
    assert traces(tiny.home) == []


# Private --------------------------------------------------------------------------------------------------


def test_a_private_question_keeps_nothing(tiny: CommandLine) -> None:
    tiny("remember", "I like boats")
    before = {path: path.read_bytes() for path in (tiny.home.data).rglob("*.db")}
    told = tiny("ask", FACT, "--private", "--json").json
    assert told["text"]
    assert (told["turn"], told["conversation"]) == ("private", None)
    assert traces(tiny.home) == []
    assert {path: path.read_bytes() for path in (tiny.home.data).rglob("*.db")} == before
    assert tiny("conversations", "list", "--json").json["conversations"] == []
    assert "a private answer is kept nowhere" in tiny("feedback", "private", "--good", code=1).err
    assert "a private answer is kept nowhere" in tiny("feedback", "private", "--correction", "x", code=1).err
    tiny("ask", "hello", "--private", "--continue", code=2)


def test_the_answer_after_a_private_one_starts_without_its_tokens(home: Home, tiny: CommandLine) -> None:
    with Runtime.open(home) as runtime:
        first = runtime.ask(Ask("hello there"))
        runtime.ask(Ask("hello there, and a secret", private=True))
        following = runtime.ask(Ask("go on", conversation=first.conversation_id))
        assert following.timing.cached_tokens == 0
        again = runtime.ask(Ask("go on", conversation=first.conversation_id))
        assert again.timing.cached_tokens > 0, "or this shows nothing"


@pytest.mark.parametrize("command", ["forget", "conversations"])
def test_what_is_shown_obeys_nothing(tiny: CommandLine, tmp_path: Path, command: str) -> None:
    nasty = "see \x1b]0;owned\x07 \u202eevil boats"
    tiny("ask", "-", stdin=nasty)
    tiny("remember", nasty)
    told = tiny("forget", "m1") if command == "forget" else tiny("conversations", "show", "c1")
    for sign in ("\x1b]", "\u202e"):
        assert sign not in told.out + told.err
