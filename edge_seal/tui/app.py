"""The application: its screens, what leads from one to another, and whom the desk's messages reach."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from edge_seal.tui.chat_screen import ChatScreen
from edge_seal.tui.desk import Desk
from edge_seal.tui.memory_screen import MemoryScreen
from edge_seal.tui.models_screen import ModelsScreen
from edge_seal.tui.monitor_screen import MonitorScreen
from edge_seal.tui.review_screen import ReviewScreen
from edge_seal.tui.screen import TABS, DeskScreen
from edge_seal.tui.settings_screen import SettingsScreen
from edge_seal.tui.updates_screen import UpdatesScreen

if TYPE_CHECKING:
    from edge_seal.config import Home
    from edge_seal.safekeeping.unlocking import Passphrases


class EdgeSealApp(App[None]):
    """The interface of one home. `crash` is what ended it, if that was an error."""

    TITLE = "Edge Seal"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        "chat": ChatScreen,
        "updates": UpdatesScreen,
        "review": ReviewScreen,
        "memory": MemoryScreen,
        "monitor": MonitorScreen,
        "models": ModelsScreen,
        "settings": SettingsScreen,
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(mode.key, f"go('{mode.name}')", mode.title, id=f"go.{mode.name}", show=False, system=True)
            for mode in TABS
        ),
        Binding("f1", "help", "Help", id="app.help", priority=True),
        Binding("question_mark", "help", "Help", id="app.help_mark", show=False),
        Binding("ctrl+p", "command_palette", "Commands", id="app.palette", priority=True),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", id="app.suspend", show=False),
    ]

    def __init__(self, home: Home, passphrases: Passphrases | None) -> None:
        super().__init__()
        self.crash: BaseException | None = None
        self.desk = Desk(home, passphrases, self.tell)
        self._listening: weakref.WeakSet[DeskScreen] = weakref.WeakSet()

    def on_mount(self) -> None:
        self.switch_mode("chat")
        self.call_after_refresh(self._first_painted)

    def _first_painted(self) -> None:
        self.run_worker(self.desk.load_model(), name="load-model")

    async def on_unmount(self) -> None:
        await self.desk.close()

    # What happened --------------------------------------------------------------------------------------------

    def listen(self, screen: DeskScreen) -> None:
        """From now on `screen` gets a copy of what the desk tells."""
        self._listening.add(screen)

    def tell(self, message: Message) -> None:
        """Gives every listening screen a copy of `message`."""
        for screen in tuple(self._listening):
            if screen.is_attached:
                screen.post_message(copy.copy(message))

    def _handle_exception(self, error: Exception) -> None:
        self.crash = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Ends without Textual's traceback: it would print the values of variables, and so conversations."""
        self._close_messages_no_wait()

    # Actions --------------------------------------------------------------------------------------------------

    def action_go(self, mode: str) -> None:
        """Opens a screen by name."""
        self.switch_mode(mode)

    def action_help(self) -> None:
        """Shows what the screen is for, and its keys."""
        self.action_show_help_panel()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002  # Textual's form
        """What the palette offers everywhere."""
        for mode in TABS:
            yield SystemCommand(f"Go to {mode.title}", f"Opens {mode.title} ({mode.key})", self._goer(mode.name))
        yield SystemCommand("Quit", "Leaves Edge Seal (ctrl+q)", self.action_quit)

    def _goer(self, mode: str) -> Callable[[], None]:
        return lambda: self.action_go(mode)
