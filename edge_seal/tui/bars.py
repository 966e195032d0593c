"""The first and the last line of every screen: the tabs, and the keys that do something now.

Each is one widget that draws one line, however many parts can be clicked: a widget for each would cost a tenth of a
second of the first frame, and again with every change of focus.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from textual.content import Content
from textual.events import MouseMove
from textual.screen import Screen
from textual.style import Style
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from edge_seal.tui.app import EdgeSealApp


class Mode(NamedTuple):
    """One of the screens that the tabs lead to."""

    name: str
    title: str
    key: str


TABS: Final[tuple[Mode, ...]] = (
    Mode("chat", "Chat", "f2"),
    Mode("updates", "Updates", "f3"),
    Mode("review", "Review", "f4"),
    Mode("memory", "Memory", "f5"),
    Mode("monitor", "Monitor", "f6"),
    Mode("models", "Models", "f7"),
    Mode("settings", "Settings", "f8"),
)


def app_of(widget: Widget) -> EdgeSealApp:
    """The application that `widget` is part of."""
    return cast("EdgeSealApp", widget.app)  # pyright: ignore[reportUnknownMemberType]  # generic in Textual


class Part(NamedTuple):
    """Words that a click acts on."""

    words: Content
    action: str


class ClickedLine(Static):
    """A line of words that a click acts on; it is drawn anew when other keys do something."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "ClickedLine { width: 100%; height: 1; text-wrap: nowrap; text-overflow: clip; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id, markup=False)
        self.auto_links = False  # their style would be that of links
        self._pointed_at: object = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._told)  # pyright: ignore[reportUnknownMemberType]

    def on_resize(self) -> None:
        self.update(self.line())

    def on_mouse_move(self, event: MouseMove) -> None:
        self._point_at(event.style.meta.get("@click"))

    def on_leave(self) -> None:
        self._point_at(None)

    def line(self) -> Content:
        """What it shows now, of at most `size.width` cells."""
        raise NotImplementedError

    def shown(self, part: Part) -> Content:
        """A part as it stands in the line."""
        words = part.words.stylize("on $boost") if part.action == self._pointed_at else part.words
        return words.stylize(Style.from_meta({"@click": part.action}))

    def _point_at(self, action: object) -> None:
        if action != self._pointed_at:
            self._pointed_at = action
            self.update(self.line())

    def _told(self, _: Screen[object]) -> None:
        if self.is_attached and self.size.width:
            self.update(self.line())


class ScreenTabs(ClickedLine):
    """All screens by name, the current one marked; at the right the keys that every screen has."""

    DEFAULT_CSS = "ScreenTabs { dock: top; background: $panel; color: $text-muted; }"

    def __init__(self, current: str) -> None:
        super().__init__(id="tabs")
        self._current = current

    def line(self) -> Content:
        left = Content("").join(self.shown(self._tab(mode)) for mode in TABS)
        keys = (("help", "Help"), ("command_palette", "Commands"))
        right = Content(" ").join(
            self.shown(Part(Content(f"{self._key_of(action)} {words}"), f"app.{action}")) for action, words in keys
        )
        gap = self.size.width - left.cell_length - right.cell_length - 1
        return left if gap < 1 else Content.assemble(left, " " * gap, right)

    def _tab(self, mode: Mode) -> Part:
        action = f"app.go('{mode.name}')"
        if mode.name == self._current:  # told by brackets too, not by its colour alone
            return Part(Content.styled(f"[{mode.title}]", "$primary bold"), action)
        return Part(Content(f" {mode.title} "), action)

    def _key_of(self, action: str) -> str:
        app = app_of(self)
        # Of this screen: where a dialog lies over it, the application's are the dialog's.
        bound = (active.binding for active in self.screen.active_bindings.values())
        return next((app.get_key_display(binding) for binding in bound if binding.action == action), "")


class KeyBar(ClickedLine):
    """The keys that do something where the keyboard is, as many as there is room for."""

    DEFAULT_CSS = "KeyBar { dock: bottom; background: $panel; color: $footer-description-foreground; }"

    def line(self) -> Content:
        line = Content("")
        for part in self._parts():
            longer = Content.assemble(line, " ", self.shown(part)) if line.plain else self.shown(part)
            if longer.cell_length > self.size.width:
                break
            line = longer
        return line

    def _parts(self) -> Iterable[Part]:
        app = app_of(self)
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and binding.action not in seen:
                seen.add(binding.action)
                key = (app.get_key_display(binding), "$footer-key-foreground bold")
                words = Content.assemble(key, f" {binding.description}")
                yield Part(words if active.enabled else words.stylize("dim"), f"app.simulate_key('{binding.key}')")
