"""Lessons that the guardian put aside, on the Review screen."""

from __future__ import annotations

from edge_seal.adaptation.signals import lesson
from edge_seal.config import Home
from edge_seal.runtime import Runtime
from tests.tui.screens_scene import on_screen


async def test_a_lesson_is_let_in_by_its_hash_and_another_one_forgotten(tiny: Home) -> None:
    with Runtime.open(tiny) as runtime:
        runtime.teach([lesson("What is my e-mail?", "It is anna.virta@posti.fi.")])
        runtime.teach([lesson("What is her e-mail?", "It is berta.koski@posti.fi.")])
        first, second = runtime.put_aside()
    async with on_screen(tiny, "review") as stage:
        await stage.says("2 things wait for you")
        await stage.until(lambda: "personal.email" in stage.detail, "the rule in the detail")
        await stage.press("a")
        await stage.says("Let s1 be learned?")
        assert str(first.approval)[:40] in stage.text()
        await stage.press("y")
        await stage.says("1 thing waits for you")
        await stage.until(lambda: "s2: put aside" in stage.detail, "the second in the detail")
        await stage.press("x")
        await stage.says("Forget s2?")
        await stage.press("y")
        await stage.says("Nothing waits for you.")
    with Runtime.open(tiny) as runtime:
        assert [signal.id for signal in runtime.signals.all()] == [first.signal.id] != [second.signal.id]
        assert runtime.lesson_approvals.rules_of(runtime.signals.all()) == {"s1": frozenset({"personal.email"})}
