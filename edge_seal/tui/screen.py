"""What every screen of the interface has: the tabs above, the keys below, its help, and the desk.

A screen is a subclass with a `MODE`, a `HELP` text, `BINDINGS` with ids (so that the keymap file can change them) and
`compose_body`. It reads through `self.desk` in workers, and reads anew when a `Changed` message says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from edge_seal.errors import EdgeSealError, LimitReached, Refused
from edge_seal.tui.foreign import one_line

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime
    from edge_seal.tui.app import EdgeSealApp
    from edge_seal.tui.desk import Desk

T = TypeVar("T")

PAINTED_S: Final = 0.05
"""So long after the beginning the first frame is on the terminal; what loads the runtime earlier would delay it."""


class Mode(NamedTuple):
    """One of the screens that the tabs lead to."""

    name: str
    title: str
    key: str


TABS: tuple[Mode, ...] = (
    Mode("chat", "Chat", "f2"),
    Mode("updates", "Updates", "f3"),
    Mode("review", "Review", "f4"),
    Mode("memory", "Memory", "f5"),
    Mode("monitor", "Monitor", "f6"),
    Mode("models", "Models", "f7"),
    Mode("settings", "Settings", "f8"),
)


class DeskScreen(Screen[None]):
    """A screen with tabs and footer. Its body comes from `compose_body`."""

    MODE: ClassVar[str]
    HELP: ClassVar[str | None] = None
    """What the screen is for and how it is used; Markdown, shown by F1 above the list of its keys."""

    def compose(self) -> ComposeResult:
        yield ScreenTabs(self.MODE)
        yield from self.compose_body()
        yield Footer(show_command_palette=False, compact=True)

    def compose_body(self) -> ComposeResult:
        """What lies between the tabs and the footer."""
        yield from ()

    def on_mount(self) -> None:
        """Lets the app tell this screen what happens; a subclass that has its own calls this one."""
        self.app.listen(self)

    @property
    def app(self) -> EdgeSealApp:
        return cast("EdgeSealApp", super().app)  # pyright: ignore[reportUnknownMemberType]  # generic in Textual

    @property
    def desk(self) -> Desk:
        return self.app.desk

    async def called(self, do: Callable[[Runtime], T], *changes: str) -> T | None:
        """What `do` gives for the runtime, or None where it failed and the user was told so."""
        try:
            return await self.desk.change(do, *changes)
        except EdgeSealError as error:
            self.tell_error(error)
            return None

    def tell_error(self, error: EdgeSealError) -> None:
        """Shows what happened and what to do next."""
        lines = [one_line(error.message)]
        if isinstance(error, Refused):
            lines += [f"· {one_line(reason)}" for reason in error.reasons]
        if isinstance(error, LimitReached) and error.allowed_at is not None:
            lines.append(f"allowed at {error.allowed_at.astimezone():%Y-%m-%d %H:%M:%S}")
        if error.next_step:
            lines.append(f"next: {one_line(error.next_step)}")
        self.app.notify("\n".join(lines), title="error", severity="error", timeout=12, markup=False)

    def tell_note(self, text: str, *, warning: bool = False) -> None:
        """Shows a short remark; `text` may be foreign."""
        shown = "\n".join(one_line(line) for line in text.splitlines())
        severity = "warning" if warning else "information"
        self.app.notify(shown, severity=severity, timeout=8 if warning else 4, markup=False)


def app_of(widget: Widget) -> EdgeSealApp:
    """The application that `widget` is part of."""
    return cast("EdgeSealApp", widget.app)  # pyright: ignore[reportUnknownMemberType]  # generic in Textual


class Tab(Static):
    """One tab; a click opens its screen."""

    def __init__(self, mode: Mode, *, current: bool) -> None:
        # The current one is told by brackets too, not by its colour alone.
        super().__init__(f"[{mode.title}]" if current else f" {mode.title} ", markup=False)
        self._mode = mode
        self.set_class(current, "current")

    async def on_click(self, _: Click) -> None:
        await app_of(self).run_action(f"app.go('{self._mode.name}')")


class TabKey(Static):
    """The words for a key of the application; a click does what the key does."""

    def __init__(self, words: str, action: str) -> None:
        super().__init__(words, markup=False)
        self._action = action

    async def on_click(self, _: Click) -> None:
        await app_of(self).run_action(f"app.{self._action}")


class ScreenTabs(Horizontal):
    """All screens by name, the current one marked; at the right the keys that every screen has."""

    def __init__(self, current: str) -> None:
        super().__init__(id="tabs")
        self._current = current

    def compose(self) -> ComposeResult:
        for mode in TABS:
            yield Tab(mode, current=mode.name == self._current)
        yield Static("", classes="gap")
        for action, words in (("help", "Help"), ("command_palette", "Commands")):
            yield TabKey(f"{self._key_of(action)} {words} ", action)

    def _key_of(self, action: str) -> str:
        app = app_of(self)
        bound = (active.binding for active in app.active_bindings.values())
        return next((app.get_key_display(binding) for binding in bound if binding.action == action), "")
