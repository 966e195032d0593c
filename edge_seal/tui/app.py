"""The application: its screens, what leads from one to another, and whom the desk's messages reach."""

from __future__ import annotations

import asyncio
import copy
import gc
import os
import signal
import sys
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import TextArea

from edge_seal.errors import ConfigError, EdgeSealError
from edge_seal.tui import themes
from edge_seal.tui.bars import TABS
from edge_seal.tui.desk import Desk
from edge_seal.tui.foreign import one_line
from edge_seal.tui.messages import Changed, LearningEnded
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.stylesheet import ParsedOnce

if TYPE_CHECKING:
    from edge_seal.home import Home
    from edge_seal.runtime import Runtime
    from edge_seal.tui.help_screen import KeyLine
    from edge_seal.tui.passphrases import RememberedPassphrases

KEYMAP_FILE: Final = "keymap.toml"
_COLLECTED_AFTER: Final = (20_000, 10, 10)
"""Objects before a collection. With Python's own 700 a quarter of a long answer's time went into looking through it."""


def screen_class(mode: str) -> type[DeskScreen]:
    """The class of a screen. Its module is loaded when it is first asked for: the chat does not wait for the others."""
    name = f"{mode.title()}Screen"
    return cast("type[DeskScreen]", getattr(import_module(f"edge_seal.tui.{mode}_screen"), name))


def _opened(mode: str) -> Screen[None]:
    return screen_class(mode)()


class EdgeSealApp(App[None]):
    """The interface of one home.

    Attributes:
        crash: the error in the program that ended it.
        unusable: what is wrong with the settings, if that ended it.
    """

    TITLE = "Edge Seal"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = True
    DEFAULT_MODE = "chat"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        tab.name: partial(_opened, tab.name) for tab in TABS
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(tab.key, f"go('{tab.name}')", tab.title, id=f"go.{tab.name}", show=False, priority=True)
            for tab in TABS
        ),
        Binding("f1", "help", "Help", id="app.help", show=False, priority=True),
        Binding("question_mark", "help", "Help", id="app.help_mark", show=False),
        Binding("f9,ctrl+p", "command_palette", "Commands", id="app.palette", show=False, priority=True),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True),
        Binding("ctrl+c", "interrupt", "Copy or stop", id="app.interrupt", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", id="app.suspend", show=False, priority=True),
    ]

    def __init__(self, home: Home, passphrases: RememberedPassphrases | None, *, theme: str = "edge-dark") -> None:
        super().__init__()
        self.stylesheet = ParsedOnce(variables=self.get_css_variables())
        self.crash: BaseException | None = None
        self.unusable: ConfigError | None = None
        self.desk = Desk(home, passphrases, self.tell)
        self._is_first_start = not home.database.exists()
        self._listening: weakref.WeakSet[DeskScreen] = weakref.WeakSet()
        self._problems: list[EdgeSealError] = []
        self._has_user_themes = False
        for ours in themes.OURS:
            self.register_theme(ours)
        self._own_themes = tuple(ours.name for ours in themes.OURS)
        if theme not in self._own_themes:
            self._register_user_themes()  # else they can wait until there is something on the screen
        self._take_theme(theme)

    # Start and end --------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, self._drawn_anew)  # pyright: ignore[reportUnknownMemberType]
        if not self.is_headless:
            self._end_by_signals()
        self.call_after_refresh(self._first_painted)

    def _end_by_signals(self) -> None:
        """Signals from outside (Ctrl-C is a key here) end it as its key does, and give the terminal back."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit)

    def _drawn_anew(self, _: object) -> None:
        """Back from being suspended: the terminal shows nothing of ours."""
        self.screen.refresh(layout=True)

    def _first_painted(self) -> None:
        gc.freeze()  # what was loaded stays: the collector, off until now, need never look at it
        gc.set_threshold(*_COLLECTED_AFTER)
        gc.enable()
        self._follow_size()
        self.set_timer(1, self._follow_size)
        self.run_worker(self._begin, name="begin")

    def _follow_size(self) -> None:
        """Takes the size that the terminal has: Textual loses a change that comes while the first frame is made."""
        if self.is_headless or sys.__stdin__ is None:
            return
        try:
            size = Size(*os.get_terminal_size(sys.__stdin__.fileno()))
        except (OSError, ValueError):
            return
        if self.screen.size != size:
            self.post_message(Resize(size, size))
            for screen in self.screen_stack:
                screen.post_message(Resize(size, size))

    async def _begin(self) -> None:
        """What needs the runtime, once there is something on the screen."""
        if not await self._read_settings():
            return

        def missing(runtime: Runtime) -> dict[str, str]:
            known = (one.listing for one in runtime.models() if one.in_use)
            return {one.manifest.name: one.manifest.kind for one in known if not one.complete}

        try:
            kinds = await self.desk.call(missing)
        except EdgeSealError as error:
            self.tell_problem(error)
            return
        from edge_seal.tui.welcome_screen import WelcomeScreen

        # Without an embedder memories are found by their words; every answer says so, and that is enough.
        if self._is_first_start or "chat" in kinds.values():
            await self.push_screen_wait(WelcomeScreen(self.desk.home, tuple(kinds)))
            self.tell(Changed("models"))
        else:
            await self._remind()
        await self.desk.load_model()
        for tab in TABS:
            await asyncio.to_thread(screen_class, tab.name)  # by now, so that no key waits for it later

    async def _read_settings(self) -> bool:
        """Checks the settings, whose theme alone is known by now, and takes the keymap; gives whether it can go on."""

        def read() -> dict[str, str] | ConfigError:
            from edge_seal.config import load_settings

            load_settings(self.desk.home.config_file)
            file = self.desk.home.config / KEYMAP_FILE
            if not file.exists():
                return {}
            from edge_seal.tui import keymap

            try:
                return keymap.load_keymap(file, known_bindings())
            except ConfigError as error:
                return error

        try:
            keys = await asyncio.to_thread(read)
        except ConfigError as error:
            self.unusable = error
            self.exit()
            return False
        if isinstance(keys, ConfigError):
            self._problems.append(keys)
        elif keys:
            self.set_keymap(keys)
        self._register_user_themes()
        for problem in self._problems:
            self.tell_problem(problem)
        return True

    async def _remind(self) -> None:
        """Shows what waits for the user: an overdue review, a canary to be decided."""
        try:
            reminders = await self.desk.call(lambda runtime: runtime.reminders())
        except EdgeSealError as error:
            self.tell_problem(error)
            return
        for words in reminders:
            self.notify(one_line(words), title="reminder", severity="warning", timeout=12, markup=False)

    async def on_unmount(self) -> None:
        await self.desk.close()

    def _handle_exception(self, error: Exception) -> None:
        self.crash = error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Ends without Textual's traceback: it would print the values of variables, and so conversations."""
        self._close_messages_no_wait()

    # Themes and keys ------------------------------------------------------------------------------------------

    @property
    def own_themes(self) -> tuple[str, ...]:
        """The themes that can be chosen: ours and the user's."""
        return self._own_themes

    def _register_user_themes(self) -> None:
        if self._has_user_themes:
            return
        self._has_user_themes = True
        from_files, errors = themes.user_themes(self.desk.home.config)
        self._problems += errors
        for theme in from_files:
            self.register_theme(theme)
        self._own_themes += tuple(theme.name for theme in from_files)

    def _take_theme(self, wanted: str) -> None:
        if wanted in self._own_themes:
            self.theme = wanted
            return
        self.theme = themes.OURS[0].name
        told = f"there is no theme {one_line(wanted, 64)}"
        self._problems.append(ConfigError(told, next_step=f"themes: {', '.join(self._own_themes)}"))

    async def choose_theme(self, name: str) -> None:
        """Uses a theme from now on, and keeps that."""
        self.theme = name
        try:
            await self.desk.change(lambda runtime: runtime.change_setting("interface", "theme", name), "settings")
        except EdgeSealError as error:
            self.tell_problem(error)

    async def model_changed(self) -> None:
        """Opens the model anew, as it is set now."""
        try:
            await self.desk.reopen()
        except EdgeSealError as error:
            self.tell_problem(error)
        self.tell(Changed("models"))
        self.run_worker(self.desk.load_model, name="load", exclusive=True, group="load")

    # What happened --------------------------------------------------------------------------------------------

    def listen(self, screen: DeskScreen) -> None:
        """From now on `screen` gets a copy of what the desk tells."""
        self._listening.add(screen)

    def tell(self, message: Message) -> None:
        """Gives every listening screen a copy of `message`."""
        for screen in tuple(self._listening):
            if screen.is_attached:
                screen.post_message(copy.copy(message))

    def tell_problem(self, error: EdgeSealError) -> None:
        """Shows an error with its next step, on whatever screen is on top."""
        lines = [one_line(error.message), *([f"next: {one_line(error.next_step)}"] if error.next_step else [])]
        self.notify("\n".join(lines), title="error", severity="error", timeout=12, markup=False)

    # Learning -------------------------------------------------------------------------------------------------

    def start_learning(self) -> None:
        """Learns now, beside everything else; says how it ended."""
        self.run_worker(self._learn, name="learn")

    async def _learn(self) -> None:
        ended = await self.desk.learn()
        for words, severity in _words_of(ended):
            self.notify(words, title="learning", severity=severity, timeout=12, markup=False)

    # Actions --------------------------------------------------------------------------------------------------

    def action_go(self, mode: str) -> None:
        """Opens a screen by name; from a dialog it does nothing, so that nothing typed there is lost."""
        if not isinstance(self.screen, ModalScreen) and mode in self.MODES:
            self.switch_mode(mode)

    def action_interrupt(self) -> None:
        """Ctrl-C: stops an answer, copies a selection, and otherwise says how to leave. It never loses anything."""
        focused = self.focused
        selected = (focused.selected_text if isinstance(focused, TextArea) else "") or self.screen.get_selected_text()
        if selected:
            self.copy_to_clipboard(selected)
            self.notify("copied", timeout=2)
            return
        self.desk.stop_answer()
        self.notify("ctrl+q leaves Edge Seal", timeout=3)

    def action_help(self) -> None:
        """Shows what the screen is for, and its keys."""
        screen = self.screen
        if isinstance(screen, DeskScreen):
            from edge_seal.tui.help_screen import HelpScreen

            self.push_screen(HelpScreen(screen.HELP or "", self._key_lines(screen)))

    def _key_lines(self, screen: DeskScreen) -> Sequence[KeyLine]:
        from edge_seal.tui.help_screen import KeyLine

        lines: dict[str, KeyLine] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.id is None or not binding.description:
                continue
            key = self.get_key_display(binding)
            before = lines.get(binding.id)
            key = key if before is None or key in before.key.split(" ") else f"{before.key} {key}"
            lines[binding.id] = KeyLine(key, binding.description, binding.id)
        return sorted(lines.values(), key=lambda line: (line.id.startswith(("app.", "go.")), line.id))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the palette offers: screens, everything that the screen's keys do, themes."""
        for tab in TABS:
            words = f"Opens {tab.title} ({tab.key})"
            yield SystemCommand(f"Go to {tab.title}", words, partial(self.action_go, tab.name))
        if isinstance(screen, DeskScreen):
            yield from self._commands_of(screen)
        yield SystemCommand("Learn now", "From what was taught and corrected", self.start_learning)
        yield SystemCommand("Cancel learning", "What answers stays as it is", self.desk.cancel_learning)
        for name in self.own_themes:
            yield SystemCommand(f"Theme: {one_line(name)}", "Uses it from now on", partial(self._choose, name))
        yield SystemCommand("Help", "What this screen is for, and its keys (F1)", self.action_help)
        yield SystemCommand("Suspend", "Back to the shell; fg comes back (ctrl+z)", self.action_suspend_process)
        yield SystemCommand("Quit", "Leaves Edge Seal (ctrl+q)", self.action_quit)

    def _choose(self, theme: str) -> None:
        self.run_worker(partial(self.choose_theme, theme))

    def _commands_of(self, screen: DeskScreen) -> Iterable[SystemCommand]:
        offered: set[str] = set()
        for bindings in screen._bindings.key_to_bindings.values():  # noqa: SLF001  # Textual lists them nowhere else
            for binding in bindings:
                if binding.id is None or not binding.description or binding.action in offered:
                    continue
                offered.add(binding.action)
                run = partial(self._run_on, screen, binding.action)
                yield SystemCommand(binding.description, f"{binding.id} ({self.get_key_display(binding)})", run)

    async def _run_on(self, screen: DeskScreen, action: str) -> None:
        await self.run_action(action, default_namespace=screen)


def known_bindings() -> dict[str, dict[str, Binding]]:
    """Every binding that the keymap file can change, by what has the keyboard."""
    from edge_seal.tui.conversation_list import ConversationList
    from edge_seal.tui.dialogs import AskDialog
    from edge_seal.tui.edit_dialog import EditDialog
    from edge_seal.tui.keymap import bindings_with_ids
    from edge_seal.tui.paged_list import PagedList
    from edge_seal.tui.prompt_area import PromptArea
    from edge_seal.tui.turn_view import GivenView
    from edge_seal.tui.two_panes import DetailPane, TwoPanes

    groups: dict[str, Iterable[BindingType]] = {"app": EdgeSealApp.BINDINGS}
    for tab in TABS:
        groups[tab.name] = screen_class(tab.name).BINDINGS
    groups["conversations"] = ConversationList.BINDINGS
    groups["editor"] = EditDialog.BINDINGS
    groups |= {"list": PagedList.BINDINGS, "detail": DetailPane.BINDINGS, "panes": TwoPanes.BINDINGS}
    groups["given"] = GivenView.BINDINGS
    groups |= {"ask": AskDialog.BINDINGS, "text": PromptArea.BINDINGS}
    return bindings_with_ids(groups)


def _words_of(ended: LearningEnded) -> list[tuple[str, Literal["information", "warning", "error"]]]:
    """What to say of how a cycle ended, each with its severity."""
    if ended.cancelled:
        return [("cancelled: nothing was learned, and nothing was changed", "information")]
    if ended.error is not None:
        error = ended.error
        next_step = f"\nnext: {one_line(error.next_step)}" if error.next_step else ""
        return [(one_line(error.message) + next_step, "error")]
    report = ended.report
    if report is None:
        return []
    told = [one_line(reason) for reason in report.reasons]
    if report.update is None:
        return [("\n".join(told) or "nothing to learn", "information")]
    head = f"{report.update.id} is {report.update.state.replace('_', ' ')}"
    return [("\n".join((head, *told)), "information" if report.gate is None or report.gate.passed else "warning")]
