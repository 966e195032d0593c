from __future__ import annotations

import pytest

from edge_seal.config import Home
from edge_seal.records import State
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def test_the_same_question_gives_the_same_answer_and_a_conversation_of_its_own(tiny: CommandLine) -> None:
    first, again = tiny("ask", "Hello there", "--json").json, tiny("ask", "Hello there", "--json").json
    assert first["text"] == again["text"]
    assert (first["turn"], first["conversation"], first["adapter"], first["memories"]) == ("t1", "c1", None, [])
    assert (again["turn"], again["conversation"]) == ("t2", "c2")
    assert first["timing"]["answer_tokens"] <= 12
    assert first["notices"] == []


def test_an_answer_without_json_is_the_text_alone(tiny: CommandLine) -> None:
    text = tiny("ask", "Hello there", "--json").json["text"]
    shown = tiny("ask", "Hello there")
    assert shown.out.strip() == "".join(c for c in text if c.isprintable() or c in "\n\t").strip()
    assert shown.err == ""


def test_a_conversation_is_continued(tiny: CommandLine) -> None:
    tiny("ask", "Hello there")
    other = tiny("ask", "Another matter", "--json").json
    last = tiny("ask", "And then?", "--continue", "--json").json
    named = tiny("ask", "And then?", "--conversation", "c1", "--json").json
    assert last["conversation"] == other["conversation"] == "c2"
    assert named["conversation"] == "c1"
    assert last["timing"]["prompt_tokens"] > other["timing"]["prompt_tokens"]


def test_there_is_nothing_to_continue_at_first(tiny: CommandLine) -> None:
    ran = tiny("ask", "And then?", "--continue", "--json", code=1)
    assert ran.json["error"]["kind"] == "NotFound"
    assert "next: edge-seal ask" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["ask", "hi", "--adapter", "u9"], 1),
        (["ask", "hi", "--adapter", "nonsense"], 1),
        (["ask", "hi", "--conversation", "c9"], 1),
        (["ask", "   "], 2),
        (["ask", "hi", "--max-tokens", "0"], 2),
        (["ask"], 2),
        (["ask", "hi", "--continue", "--conversation", "c1"], 2),
        (["feedback", "t9", "--good"], 1),
        (["feedback", "t1"], 2),
        (["feedback", "t1", "--good", "--bad"], 2),
        (["nonsense"], 2),
    ],
)
def test_what_cannot_be_done_says_so_with_its_exit_code(tiny: CommandLine, arguments: list[str], code: int) -> None:
    ran = tiny(*arguments, code=code)
    assert ran.out == ""
    assert ran.err


def test_a_prompt_from_stdin_counts_as_pasted_unless_said_otherwise(tiny: CommandLine) -> None:
    from edge_seal.runtime import Runtime

    pasted = tiny("ask", "-", "--json", stdin="Hello there").json
    typed = tiny("ask", "-", "--origin", "typed", "--json", stdin="Hello there").json
    assert pasted["text"] == typed["text"]
    with Runtime.open(tiny.home) as runtime:
        assert [runtime.conversations.turn(item["turn"]).origin for item in (pasted, typed)] == ["pasted", "typed"]


def test_the_active_update_answers_and_the_base_can_still_be_asked(tiny: CommandLine, home: Home) -> None:
    before = tiny("ask", "Hello there", "--json").json
    update = learned_update(home)
    after = tiny("ask", "Hello there", "--json").json
    base = tiny("ask", "Hello there", "--adapter", "none", "--json").json
    named = tiny("ask", "Hello there", "--adapter", update.id, "--json").json
    assert (before["adapter"], after["adapter"], base["adapter"], named["adapter"]) == (None, "u1", None, "u1")
    assert before["text"] == base["text"] != after["text"] == named["text"]


def test_rollback_gives_the_first_answer_back_byte_for_byte(tiny: CommandLine, home: Home) -> None:
    before = tiny("ask", "Hello there", "--seed", "1", "--json").json["text"]
    learned_update(home)
    changed = tiny("ask", "Hello there", "--seed", "1", "--json").json["text"]
    rolled = tiny("rollback", "base", "--json").json
    after = tiny("ask", "Hello there", "--adapter", "active", "--seed", "1", "--json").json
    assert rolled == {"active": None, "before": "u1", "rolled_back": ["u1"]}
    assert after["adapter"] is None
    assert after["text"] == before != changed


def test_a_damaged_adapter_is_not_used_and_the_answer_says_so(tiny: CommandLine, home: Home) -> None:
    first = learned_update(home, seed=1)
    wanted = tiny("ask", "Hello there", "--json").json["text"]
    second = learned_update(home, seed=2, prompt="And my cat?", answer="Tom")
    assert tiny("ask", "Hello there", "--json").json["text"] != wanted
    assert second.adapter_sha256 is not None
    adapter = home.adapters / second.adapter_sha256 / "adapter.gguf"
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"\x07")
    ran = tiny("ask", "Hello there", "--json")
    assert (ran.json["adapter"], ran.json["text"]) == (first.id, wanted)
    assert any(second.id in notice and "changed" in notice for notice in ran.json["notices"])
    assert "notice: " in ran.err
    assert tiny("audit", "verify", "--json", code=5).json["intact"] is False
    assert tiny("ask", "Hello there", "--adapter", second.id, code=5).out == ""


def test_an_update_that_waits_is_approved_by_its_hash(tiny: CommandLine, home: Home) -> None:
    update = learned_update(home, to=State.AWAITING_APPROVAL)
    assert tiny("ask", "Hello there", "--json").json["adapter"] is None
    tiny("updates", "approve", update.id, "--sha256", "f" * 64, code=1)
    named = ("--sha256", str(update.adapter_sha256)[:12])
    approved = tiny("updates", "approve", update.id, *named, "--no-canary", "--json").json
    assert approved["update"]["state"] == "active"
    assert tiny("ask", "Hello there", "--json").json["adapter"] == update.id
    tiny("updates", "approve", update.id, "--sha256", str(update.adapter_sha256), code=1)


def test_what_is_rejected_leaves_nothing_of_what_it_was_made_from(tiny: CommandLine, home: Home) -> None:
    update = learned_update(home, to=State.AWAITING_APPROVAL, answer="a very peculiar answer")
    assert tiny("updates", "reject", update.id, "--json").json["update"]["state"] == "rejected"
    assert tiny("updates", "show", update.id, "--json").json["examples"] == []
    files = [path for path in home.data.rglob("*") if path.is_file()]
    assert not [path for path in files if b"a very peculiar answer" in path.read_bytes()]


def test_feedback_is_kept_with_its_turn(tiny: CommandLine) -> None:
    turn = tiny("ask", "Hello there", "--json").json["turn"]
    good = tiny("feedback", turn, "--good", "--json").json["signal"]
    corrected = tiny("feedback", turn, "--correction", "General greetings", "--json").json["signal"]
    assert (good["kind"], good["origin"], good["turn_id"]) == ("good", "model", turn)
    assert (corrected["kind"], corrected["answer"], corrected["origin"]) == ("correction", "General greetings", "typed")


def test_without_its_model_an_answer_says_what_to_type(cli: CommandLine) -> None:
    ran = cli("ask", "Hello there", "--json", code=1)
    assert ran.json["error"]["kind"] == "EngineError"
    assert ran.json["error"]["next_step"] == "edge-seal models pull smollm2-135m-instruct"


def test_recalled_memories_reach_the_prompt_and_are_named(tiny: CommandLine) -> None:
    plain = tiny("ask", "Where is the harbour library?", "--json").json
    memory = tiny("remember", "The harbour library is in Bergen.", "--json").json["memory"]["id"]
    told = tiny("ask", "Where is the harbour library?", "--json").json
    silent = tiny("ask", "Where is the harbour library?", "--no-memory", "--json").json
    assert told["memories"] == [memory]
    assert told["timing"]["prompt_tokens"] > plain["timing"]["prompt_tokens"] == silent["timing"]["prompt_tokens"]
    assert silent["text"] == plain["text"]
    assert "words alone" in told["notices"][0]
