"""What the interface says when it starts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_seal.clock import SystemClock
from edge_seal.config import Home
from tests.support.tiny_installation import learned_update
from tests.tui.chat_scene import chatting


async def test_an_overdue_review_is_reminded_of(tiny: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    learned_update(tiny)
    async with chatting(tiny) as scene:
        assert not [note for note in scene.app._notifications if note.title == "reminder"]
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda self: now(self) + timedelta(days=8))
    async with chatting(tiny) as scene:
        told = [note.message for note in scene.app._notifications if note.title == "reminder"]
    assert told == ["u1 not reviewed yet, the oldest for 8 days: edge-seal review"]
