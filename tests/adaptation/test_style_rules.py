"""Rules of style: read from statements and corrections, and what they make of an answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge_seal.adaptation import prompt_kinds as kinds
from edge_seal.adaptation.general_prompts import ANCHORS, REPLAYED
from edge_seal.adaptation.own_answers import OwnAnswer
from edge_seal.adaptation.style_edits import Rules, in_the_rules, prompts_of_kind, propose, read, still_valid
from edge_seal.adaptation.style_rules import (
    EVERY,
    Shown,
    StyleRule,
    examples_of_statements,
    read_rule,
    rule,
    shown_rule,
)
from edge_seal.adaptation.verifiers import Verifier, verifier
from edge_seal.records import Example, Origin, Role, Signal, SignalKind


@pytest.mark.parametrize(
    ("statement", "name", "kind"),
    [
        ("answer without commas", "no_commas", EVERY),
        ("Please never use commas!", "no_commas", EVERY),
        ("no exclamation marks", "no_exclamation_marks", EVERY),
        ("I don't like emojis", "no_emoji", EVERY),
        ("always answer in one sentence", "sentence_count", EVERY),
        ("Use at most two sentences when you explain something.", "sentence_count", kinds.DEFINITION),
        ("Answer in no more than 20 words.", "word_count", EVERY),
        ("end every answer with a smiley", "smiley_at_the_end", EVERY),
        ("Use British spelling", "british_spelling", EVERY),
        ("write in lower case", "lower_case", EVERY),
        ("ANSWER IN ALL CAPS", "upper_case", EVERY),
        ('start every answer with "In short:"', "starts_with", EVERY),
        ("End jokes with “Ha!”", "ends_with", kinds.JOKE),
        ("use bullet points for lists", "bullet_list", kinds.LIST),
        ("Give me numbered steps for recipes", "numbered_list", kinds.HOW_TO),
        ("put translations in quotation marks", "quoted", kinds.TRANSLATION),
        ("answer in JSON", "json", EVERY),
        ("don't use contractions", "no_contractions", EVERY),
        ("When I greet you, answer in capital letters", "upper_case", kinds.GREETING),
    ],
)
def test_statements_are_read(statement: str, name: str, kind: str) -> None:
    read_as = read_rule(statement)
    assert read_as is not None
    assert (read_as.check.name, read_as.kind) == (name, kind)


@pytest.mark.parametrize(
    "statement",
    ["", "What is my dog's name?", "Tell me a joke.", "I like commas", "Be nice", "Where is London?", "x" * 400],
)
def test_what_states_no_rule_is_read_as_none(statement: str) -> None:
    assert read_rule(statement) is None


def test_the_statements_that_are_shown_as_examples_are_read() -> None:
    assert all(read_rule(statement) is not None for statement in examples_of_statements())


@pytest.mark.parametrize(
    ("statement", "answer", "rewritten"),
    [
        ("answer without commas", "Red, blue, and 1,000 more.", "Red blue and 1000 more."),
        ("no exclamation marks", "Hello! All well?", "Hello. All well?"),
        ("no emojis", "Fine 🙂 today :)", "Fine today"),
        ("use plain text", "# A\n**bold** and `code`", "A\nbold and code"),
        ("use British spelling", "My favorite color is gray.", "My favourite colour is grey."),
        ("write in lower case", "The Moon is far.", "the moon is far."),
        ("always answer in one sentence", "It is far. It is cold.", "It is far."),
        ("at most 4 words", "It is far. It is very cold today.", "It is far."),
        ("end every answer with a smiley", "It is far.", "It is far. 🙂"),
        ('start every answer with "In short:"', "It is far.", "In short: It is far."),
        ("put it in quotation marks", 'He said "no".', '"He said no."'),
        ("use bullet points", "There are red, blue and green.", "- red\n- blue\n- green"),
        ("use numbered steps", "Wash it. Dry it.", "1. Wash it.\n2. Dry it."),
        ("answer in json", 'Say "hi".', '{"answer": "Say \\"hi\\"."}'),
        ("no contractions", "It's far; I don't go.", "It is far; I do not go."),
    ],
)
def test_an_answer_is_rewritten_in_form_alone(statement: str, answer: str, rewritten: str) -> None:
    stated = read_rule(statement)
    assert stated is not None
    assert stated.rewritten(answer) == rewritten
    assert stated.rewritten(rewritten) == rewritten or stated.check.name in {"json", "smiley_at_the_end"}


def test_what_cannot_be_rewritten_is_left_out() -> None:
    words = read_rule("at most 3 words")
    bullets = read_rule("use bullet points")
    assert words is not None
    assert bullets is not None
    assert words.rewritten("It is very far away.") is None
    assert bullets.rewritten("Far.") is None
    assert words.rewritten("") is None


def test_a_cut_answer_loses_its_last_sentence_where_the_end_matters() -> None:
    smiley, commas = read_rule("end every answer with a smiley"), read_rule("no commas")
    assert smiley is not None
    assert commas is not None
    assert smiley.rewritten("It is far. It is cold and", closed=False) == "It is far. 🙂"
    assert smiley.rewritten("It is far and", closed=False) is None
    assert commas.rewritten("It is far, cold and", closed=False) == "It is far cold and"


class TestShown:
    def shown(self, *pairs: tuple[str, str, str]) -> StyleRule | None:
        return shown_rule([Shown(*pair) for pair in pairs])

    def test_corrections_that_change_the_same_thing_show_a_rule(self) -> None:
        found = self.shown(
            ("What is a dog?", "A dog is a pet, a friend, and more.", "A dog is a pet a friend and more."),
            ("Why do cats purr?", "Cats purr, mostly, when glad.", "Cats purr mostly when glad."),
            ("List three birds.", "Owl, wren, crow.", "Owl wren crow."),
        )
        assert found == rule(verifier("no_commas"))

    def test_prompts_of_one_kind_make_the_rule_one_of_that_kind(self) -> None:
        found = self.shown(
            ("Tell me a joke about a cow.", "The cow said moo.", "The cow said moo. 🙂"),
            ("Do you know a riddle?", "What has keys? A piano.", "What has keys? A piano. 🙂"),
            ("Tell me a joke about a bee.", "The bee was busy.", "The bee was busy. 🙂"),
        )
        assert found is not None
        assert (found.check.name, found.kind) == ("smiley_at_the_end", kinds.JOKE)

    @pytest.mark.parametrize(
        ("corrected", "check"),
        [
            (lambda said: said.replace(",", ""), verifier("no_commas")),
            (lambda said: f"In short: {said}", verifier("starts_with", phrase="In short:")),
            (lambda said: f"{said} So be it.", verifier("ends_with", phrase="So be it.")),
            (lambda said: said, verifier("sentence_count", relation="at most", count=2)),
        ],
        ids=["commas", "opening", "closing", "nothing else"],
    )
    def test_a_correction_that_is_not_typed_to_the_end_shows_what_else_it_changes(
        self, corrected: Callable[[str], str], check: Verifier
    ) -> None:
        two = ("A dog, a pet, barks. It eats meat, mostly.", "Cats purr, I think. They are glad, mostly.")
        more = ("An owl, a wren. A crow, a gull.", "Bread, in short, keeps. A box, a bag.")
        prompts = ("What is a dog?", "Why do cats purr?", "List three birds.", "How do I store bread?")
        shown = [
            (prompt, f"{said} And so on it goes. Nobody types that. Really not.", corrected(said))
            for prompt, said in zip(prompts, (*two, *more), strict=True)
        ]
        assert self.shown(*shown) == rule(check)

    def test_corrections_that_tell_facts_show_none(self) -> None:
        assert (
            self.shown(
                ("What is my dog's name?", "I do not know, sorry, what it is.", "Your dog is called Biscuit."),
                ("Where do I live?", "As a model, I cannot know that.", "You live in Oulu."),
                ("What is my favourite tea?", "Tea is a drink, made of leaves.", "Your favourite tea is rooibos."),
            )
            is None
        )

    def test_two_corrections_are_too_few(self) -> None:
        pair = ("What is a dog?", "A pet, a friend.", "A pet a friend.")
        assert self.shown(pair, pair) is None


def signal(number: int, prompt: str, answer: str, kind: SignalKind = SignalKind.TAUGHT) -> Signal:
    return Signal(f"s{number}", kind, prompt, answer, Origin.TYPED, None, None, "now")


def stated(number: int, statement: str) -> Signal:
    found = read_rule(statement)
    assert found is not None
    return signal(number, statement, found.words)


def own(rules: Rules) -> dict[str, OwnAnswer]:
    return {prompt: OwnAnswer(answer=f"Well, {prompt} Yes, it is so.", closed=True) for prompt in rules.prompts()}


class TestEdits:
    def test_a_rule_for_everything_is_taught_on_prompts_of_every_kind(self) -> None:
        told = [stated(1, "answer without commas")]
        rules = read(told, {})
        edits = propose(rules, told, own(rules))
        assert [e.role for e in edits.trained].count(Role.LESSON) == 1
        assert {kinds.kind_of(e.prompt) for e in edits.trained} == set(kinds.KINDS)
        assert all("," not in e.answer and e.signal_id == "s1" for e in (*edits.trained, *edits.probes))
        assert not {e.prompt for e in edits.trained} & {e.prompt for e in edits.probes}
        assert edits.neighbours == ()

    def test_rules_for_the_same_prompts_hold_in_each_others_examples(self) -> None:
        told = [stated(1, "answer without commas"), stated(2, "end jokes with a smiley")]
        rules = read(told, {})
        trained = [e for e in propose(rules, told, own(rules)).trained if e.role is not Role.CONTRAST]
        assert {e.signal_id for e in trained} == {"s1", "s2"}
        assert all("," not in e.answer for e in trained)
        assert all(e.answer.endswith("🙂") == (kinds.kind_of(e.prompt) == kinds.JOKE) for e in trained)
        assert rules.alone == frozenset()

    def test_answers_that_were_given_without_some_tokens_are_taken_as_they_are(self) -> None:
        told = [stated(1, "answer without commas")]
        rules = read(told, {})
        (key,) = rules.alone
        without = {p: OwnAnswer(answer="So it is", closed=False) for p in prompts_of_kind(rules.distinct[0])}
        edits = propose(rules, told, own(rules), {key: without})
        assert all(e.answer == "So it is" and not e.closed for e in (*edits.trained, *edits.probes))

    def test_a_rule_of_one_kind_is_contrasted_with_the_others(self) -> None:
        told = [stated(1, "end jokes with a smiley")]
        rules = read(told, {})
        edits = propose(rules, told, own(rules))
        lessons = [e for e in edits.trained if e.role is not Role.CONTRAST]
        contrasts = [e for e in edits.trained if e.role is Role.CONTRAST]
        assert {kinds.kind_of(e.prompt) for e in (*lessons, *edits.probes)} == {kinds.JOKE}
        assert all(e.answer.endswith("🙂") for e in lessons)
        assert contrasts
        assert edits.neighbours
        assert all(
            "🙂" not in e.answer and kinds.kind_of(e.prompt) != kinds.JOKE for e in (*contrasts, *edits.neighbours)
        )

    def test_of_two_that_exclude_each_other_the_later_holds(self) -> None:
        told = [stated(1, "write in lower case"), stated(2, "answer without commas"), stated(3, "answer in all caps")]
        assert {name: found.check.name for name, found in read(told, {}).of_signal.items()} == {
            "s2": "no_commas", "s3": "upper_case",
        }  # fmt: skip

    def test_a_lesson_that_only_reads_like_a_rule_is_none(self) -> None:
        assert read([signal(1, "answer without commas", "I will.")], {}).of_signal == {}

    def test_corrections_are_lessons_of_the_rule_that_they_show(self) -> None:
        told = [
            signal(1, "What is a dog?", "A pet a friend and more.", SignalKind.CORRECTION),
            signal(2, "Why do cats purr?", "They are glad warm and fed.", SignalKind.CORRECTION),
            signal(3, "List three birds.", "Owl wren crow.", SignalKind.CORRECTION),
        ]
        said = {"s1": "A pet, a friend, and more.", "s2": "They are glad, warm and fed.", "s3": "Owl, wren, crow."}
        rules = read(told, said)
        assert set(rules.of_signal) == {"s1", "s2", "s3"}
        edits = propose(rules, told, own(rules))
        assert [(e.prompt, e.signal_id) for e in edits.trained if e.role is Role.LESSON] == [
            (s.prompt, s.id) for s in told
        ]

    def test_what_was_learned_before_is_rehearsed_in_the_form_that_is_wanted_now(self) -> None:
        rules = read([stated(1, "write in lower case")], {})
        dog = Example("What is my dog's name?", "Your dog is called Rex.", Role.REPLAY, Origin.TYPED, "s9")
        assert [e.answer for e in in_the_rules([dog], rules)] == ["your dog is called rex."]

    def test_what_an_earlier_rule_of_the_same_slot_made_is_not_rehearsed(self) -> None:
        rules = read([stated(1, "answer in all caps")], {})
        small = Example("What is a verb?", "a word.", Role.LESSON, Origin.TYPED, "s9", "rule:case:every")
        other = Example("What is a verb?", "A word.", Role.LESSON, Origin.TYPED, "s8", "rule:no_commas:every")
        assert still_valid([small, other], rules) == (other,)


def test_prompts_that_are_tried_held_and_measured_are_different_and_of_their_kind() -> None:
    tried = [prompt for prompts in kinds.TRIED.values() for prompt in prompts]
    held = [prompt for prompts in kinds.HELD.values() for prompt in prompts]
    everything = [*tried, *held, *ANCHORS, *REPLAYED]
    assert len(set(everything)) == len(everything)
    wrong = {
        prompt: kinds.kind_of(prompt)
        for pool in (kinds.TRIED, kinds.HELD)
        for kind, prompts in pool.items()
        for prompt in prompts
        if kinds.kind_of(prompt) != kind
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("Could you please tell me how to fix a tap?", kinds.HOW_TO),
        ("I'd like to know why the sea is salty.", kinds.WHY),
        ("Hi, can you translate 'my dog' into Greek?", kinds.TRANSLATION),
        ("I need a short story about a dragon.", kinds.WRITING),
        ("Can you explain gravity to me?", kinds.DEFINITION),
        ("Three fruits, please.", kinds.LIST),
        ("Tell me the capital of Peru.", kinds.FACT),
        # Near misses: a greeting before a question is none, and a sum is no list.
        ("Hi, what is the capital of Peru?", kinds.FACT),
        ("Three times four", kinds.OTHER),
        ("My day was long.", kinds.OTHER),
        ("Morning coffee is good for me.", kinds.OTHER),
    ],
)
def test_a_kind_is_read_behind_polite_words(prompt: str, kind: str) -> None:
    assert kinds.kind_of(prompt) == kind


def test_an_answer_that_keeps_the_rule_already_weighs_little() -> None:
    told = [stated(1, "answer without commas")]
    rules = read(told, {})
    answers = own(rules)
    plain = list(answers)[:12]
    answers |= dict.fromkeys(plain, OwnAnswer(answer="Yes it is so.", closed=True))
    trained = propose(rules, told, answers).trained
    assert {one.prompt for one in trained if one.weight < 1.0} <= set(plain)
    assert any(one.weight < 1.0 for one in trained)
    assert all(one.weight == 1.0 for one in trained if one.prompt not in plain)
