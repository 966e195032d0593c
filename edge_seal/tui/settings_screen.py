"""The settings: every key with what it is for, changed one by one, checked before it is written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from edge_seal.tui.dialogs import ChoiceDialog, LineDialog
from edge_seal.tui.foreign import foreign, one_line
from edge_seal.tui.messages import Changed
from edge_seal.tui.screen import DeskScreen

if TYPE_CHECKING:
    from edge_seal.runtime import Runtime
    from edge_seal.runtime.described import DescribedSection, DescribedSetting

_REOPENED = frozenset({"model", "embedder", "memory"})
"""Sections that are read when the model and the memory are opened."""


class SettingsScreen(DeskScreen):
    """A list of settings, searched as you type, and the one under the cursor explained."""

    MODE: ClassVar[str] = "settings"
    AUTO_FOCUS: ClassVar[str | None] = "#setting-list"
    HELP: ClassVar[str | None] = """
# Settings

Everything that can be set, as it is now; `*` marks what is not as it comes. **Enter** changes the setting under the
cursor: a value that does not fit is refused with the reason, and nothing is written. **d** puts the default back.
The file keeps its comments and its order. Keys are in `keymap.toml`, themes in `themes/`, beside it.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,e", "change", "Change", id="settings.change"),
        Binding("d", "default", "Default", id="settings.default"),
        Binding("slash", "search", "Search", id="settings.search", priority=True),
        Binding("escape", "leave_search", "List", show=False, id="settings.list"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._sections: tuple[DescribedSection, ...] = ()
        self._listed: list[DescribedSetting | None] = []
        self._file = ""

    def compose_body(self) -> ComposeResult:
        with Vertical(id="settings"):
            yield Input(placeholder="search the settings… (/)", compact=True, id="setting-search")
            yield OptionList(id="setting-list", markup=False, compact=True)
            with VerticalScroll(id="setting-detail", can_focus=False):
                yield Static("", markup=False, id="setting-text")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(OptionList).focus()
        self._read()

    def on_changed(self, event: Changed) -> None:
        if event.kind in {"models", "settings"}:
            self._read()

    # Showing --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self.run_worker(self._show, exclusive=True, group="read")

    async def _show(self) -> None:
        def read(runtime: Runtime) -> tuple[tuple[DescribedSection, ...], str]:
            from edge_seal.runtime.described import described

            return described(runtime.settings), str(runtime.home.config_file)

        found = await self.called(read)
        if found is not None:
            self._sections, self._file = found
            self._list()

    def _list(self) -> None:
        wanted = self.query_one(Input).value.strip().lower()
        options = self.query_one(OptionList)
        before = self._current()
        options.clear_options()
        self._listed = []
        shown: list[Option] = []
        for section in self._sections:
            rows = [one for one in section.settings if wanted in f"{one.key} {one.description} {one.value}".lower()]
            if rows:
                self._listed.append(None)
                head = Content.assemble((section.name, "bold"), "  ", (one_line(section.description, 60), "dim"))
                shown.append(Option(head, disabled=True))
            for one in rows:
                self._listed.append(one)
                shown.append(Option(_line(one)))
        options.add_options(shown)
        places = [at for at, one in enumerate(self._listed) if one is not None]
        key = None if before is None else before.key
        same = [at for at, one in enumerate(self._listed) if one is not None and one.key == key]
        if places:
            options.highlighted = (same or places)[0]
        self._show_detail()

    def _current(self) -> DescribedSetting | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None or at >= len(self._listed) else self._listed[at]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_detail()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_change()

    def _show_detail(self) -> None:
        one = self._current()
        self.query_one("#setting-text", Static).update(Content("") if one is None else self._detail(one))

    def _detail(self, one: DescribedSetting) -> Content:
        lines = [
            f"{one.key} = {one.value}    (comes as {one.default or '“”'})",
            *([one.description] if one.description else []),
            *([f"one of: {', '.join(one.choices)}"] if one.choices else []),
            *([one.bounds] if one.bounds else []),
            *([] if one.is_editable else ["a list: change it in the file"]),
            self._file,
        ]
        return foreign("\n".join(lines))

    # Changing -------------------------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._list()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(OptionList).focus()

    def action_search(self) -> None:
        """Goes to the search field, before the next key is looked at."""
        self.set_focus(self.query_one(Input))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's form
        """In the search field a slash is a letter."""
        return action != "search" or not isinstance(self.focused, Input)

    def action_leave_search(self) -> None:
        """Goes back to the list."""
        self.query_one(OptionList).focus()

    def action_move(self, rows: int) -> None:
        """Moves the cursor."""
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_change(self) -> None:
        """Asks for another value."""
        one = self._current()
        if one is None:
            return
        if not one.is_editable:
            self.tell_note(f"{one.key} is a list: change it in {self._file}", warning=True)
            return
        self.run_worker(partial(self._change, one), exclusive=True, group="change")

    async def _change(self, one: DescribedSetting) -> None:
        choices = self.app.own_themes if one.key == "interface.theme" else one.choices
        if choices:
            value = await self.app.push_screen_wait(ChoiceDialog(one.key, [(name, name) for name in choices]))
        else:
            told = "\n".join(part for part in (one.description, one.bounds) if part)
            value = await self.app.push_screen_wait(LineDialog(one.key, told, value=one_line(one.value)))
        if value is not None and value != one.value:
            await self._write(one, value)

    def action_default(self) -> None:
        """Puts the default back."""
        one = self._current()
        if one is not None and one.is_editable and one.value != one.default:
            self.run_worker(partial(self._write, one, one.default), exclusive=True, group="change")

    async def _write(self, one: DescribedSetting, value: str) -> None:
        if one.key == "interface.theme":
            await self.app.choose_theme(value)
            return
        change = await self.called(lambda runtime: runtime.change_setting(one.section, one.name, value), "settings")
        if change is None:
            return
        self.tell_note(f"{change.key}: {change.before} → {change.after}")
        if one.section in _REOPENED:
            await self.app.model_changed()


def _line(one: DescribedSetting) -> Content:
    mark = "* " if one.value != one.default else "  "
    return Content.assemble(mark, f"{one.name:<30} ", (one_line(one.value, 40), "bold"))
