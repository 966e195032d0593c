"""What the screens with a list and a detail share: the list, what is under its cursor, and when each is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult

from edge_seal.tui.messages import Changed
from edge_seal.tui.paged_list import STOPPED_S, Column, PagedList
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.two_panes import TwoPanes

Item = TypeVar("Item")


class ListScreen(DeskScreen, Generic[Item]):
    """A list above, and below it, in full, the item that its cursor stops at.

    Args:
        columns: of the list.
        empty: what stands in place of a list without items.
    """

    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012  # Textual's form
    SHOWS: ClassVar[frozenset[str]] = frozenset()
    """The kinds of changes after which the list is read anew."""

    def __init__(self, columns: Sequence[Column[Item]], *, empty: str) -> None:
        super().__init__()
        self._list = PagedList[Item](columns, self._slice, empty=empty)
        self._panes = TwoPanes(self._list, self._list)

    def compose_body(self) -> ComposeResult:
        yield from self.compose_head()
        yield self._panes

    def compose_head(self) -> ComposeResult:
        """What stands above the list."""
        yield from ()

    def on_mount(self) -> None:
        super().on_mount()
        self._list.focus()
        self.read_anew()

    # Reading --------------------------------------------------------------------------------------------------

    def read_anew(self) -> None:
        """Reads what the list shows; a reading that is under way is given up."""
        self.run_worker(self._read_all, group="list", exclusive=True)

    async def _read_all(self) -> None:
        """Reads how many items there are, and reloads the list."""
        raise NotImplementedError

    async def _slice(self, offset: int, limit: int) -> Sequence[Item] | None:
        """The items from `offset` on; None where they could not be read, which was told."""
        raise NotImplementedError

    async def _read_detail(self) -> None:
        """Shows the item under the cursor in the detail."""
        raise NotImplementedError

    def on_changed(self, message: Changed) -> None:
        if message.kind in self.SHOWS:
            self.read_anew()

    def on_paged_list_moved(self, message: PagedList.Moved) -> None:
        message.stop()
        self.run_worker(self._stopped, group="detail", exclusive=True)

    def on_paged_list_opened(self, message: PagedList.Opened) -> None:
        message.stop()
        self._panes.action_open_detail()

    async def _stopped(self) -> None:
        """Who goes through the list is shown its rows; the keys and the detail are those of the row they stop at."""
        await asyncio.sleep(STOPPED_S)
        self.refresh_bindings()
        await self._read_detail()

    # Doing ----------------------------------------------------------------------------------------------------

    def do(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begins what a key does, which may ask the user; what was begun before and still asks is given up."""
        self.run_worker(work, group="doing", exclusive=True)
