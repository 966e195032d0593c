"""What every screen of the interface has: the tabs above, the keys below, its help, and the desk.

A screen is a subclass with a `MODE`, a `HELP` text, `BINDINGS` with ids (so that the keymap file can change them) and
`compose_body`. It reads through `self.desk` in workers, and reads anew when a `Changed` message says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.screen import Screen

from edge_seal.errors import EdgeSealError, LimitReached, Refused
from edge_seal.tui.bars import KeyBar, ScreenTabs
from edge_seal.tui.foreign import one_line

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime
    from edge_seal.tui.app import EdgeSealApp
    from edge_seal.tui.desk import Desk

T = TypeVar("T")


class DeskScreen(Screen[None]):
    """A screen with tabs and footer. Its body comes from `compose_body`."""

    MODE: ClassVar[str]
    HELP: ClassVar[str | None] = None
    """What the screen is for and how it is used; Markdown, shown by F1 above the list of its keys."""

    def compose(self) -> ComposeResult:
        yield ScreenTabs(self.MODE)
        yield from self.compose_body()
        yield KeyBar()

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
