"""The Updates screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from edge_seal.tui.screen import DeskScreen


class UpdatesScreen(DeskScreen):
    """Says where what it is going to show can be seen until it does."""

    MODE: ClassVar[str] = "updates"

    def compose_body(self) -> ComposeResult:
        yield Static("This screen is not written yet. On the command line: edge-seal updates list", markup=False)
