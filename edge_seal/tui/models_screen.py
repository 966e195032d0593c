"""The models: which are known, which are here, which are in use; fetched, chosen, measured and verified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, ProgressBar, Static
from textual.widgets.option_list import Option

from edge_seal.errors import EdgeSealError
from edge_seal.tui.desk import StoppedByUser
from edge_seal.tui.dialogs import AskDialog
from edge_seal.tui.foreign import foreign, one_line
from edge_seal.tui.messages import Changed
from edge_seal.tui.screen import DeskScreen
from edge_seal.tui.welcome_screen import size_words

if TYPE_CHECKING:
    from edge_models.store import PullProgress
    from edge_seal.runtime import KnownModel, Runtime
    from edge_seal.runtime.tuning import TuneReport


@dataclass(frozen=True, slots=True)
class _Doing:
    """What runs now, in words."""

    words: str


class ModelsScreen(DeskScreen):
    """A list of models above, the one under the cursor in full below, and what runs in between."""

    MODE: ClassVar[str] = "models"
    AUTO_FOCUS: ClassVar[str | None] = "#model-list"
    HELP: ClassVar[str | None] = """
# Models

What answers and what embeds. **Pull** fetches a model and verifies its hash; unless an embedder behind a server is set,
nothing else opens a connection. **Use** makes it the one in use; what was learned belongs to the model file it was
learned on, so the next learning retrains its lessons for the new one. **Tune** measures other forms of the file on this
machine and chooses the fastest that says the same. **Verify** hashes every file anew. **Escape** stops what runs.
"""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pull", "Pull", id="models.pull"),
        Binding("u,enter", "use", "Use", id="models.use"),
        Binding("t", "tune", "Tune", id="models.tune"),
        Binding("z", "undo_tuning", "As shipped", id="models.undo_tuning"),
        Binding("v", "verify", "Verify", id="models.verify"),
        Binding("escape", "stop", "Stop", id="models.stop"),
        Binding("j", "move(1)", "Down", show=False),
        Binding("k", "move(-1)", "Up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._models: tuple[KnownModel, ...] = ()
        self._doing: _Doing | None = None

    def compose_body(self) -> ComposeResult:
        with Vertical(id="models"):
            yield OptionList(id="model-list", markup=False, compact=True)
            yield Static("", markup=False, id="model-doing")
            yield ProgressBar(id="model-progress", show_eta=False)
            with VerticalScroll(id="model-detail", can_focus=False):
                yield Static("", markup=False, id="model-text")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(ProgressBar).display = False
        self.query_one(OptionList).focus()
        self._read()

    def on_changed(self, event: Changed) -> None:
        if event.kind in {"models", "settings"}:
            self._read()

    # Showing --------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self.run_worker(self._show, exclusive=True, group="read")

    async def _show(self) -> None:
        models = await self.called(lambda runtime: runtime.models())
        if models is None:
            return
        self._models = models
        options = self.query_one(OptionList)
        at = options.highlighted or 0
        options.clear_options()
        options.add_options([Option(_line(model)) for model in models])
        if models:
            options.highlighted = min(at, len(models) - 1)
        self._show_detail()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._show_detail()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_use()

    def _current(self) -> KnownModel | None:
        at = self.query_one(OptionList).highlighted
        return None if at is None or at >= len(self._models) else self._models[at]

    def _show_detail(self) -> None:
        model = self._current()
        self.query_one("#model-text", Static).update(Content("") if model is None else _detail(model))

    def _tell_doing(self, words: str | None) -> None:
        self._doing = None if words is None else _Doing(words)
        self.query_one("#model-doing", Static).update(Content(words or ""))
        if words is None:
            self.query_one(ProgressBar).display = False

    # Doing ----------------------------------------------------------------------------------------------------

    def action_move(self, rows: int) -> None:
        """Moves the cursor."""
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_stop(self) -> None:
        """Stops what runs; what was there before stays."""
        if self._doing is not None:
            self.desk.stop_long()
            self._tell_doing("stopping…")

    def _free(self) -> KnownModel | None:
        """The model under the cursor, if nothing runs."""
        if self._doing is not None:
            self.tell_note(f"{self._doing.words}: wait for it, or stop it with escape", warning=True)
            return None
        return self._current()

    def action_pull(self) -> None:
        """Fetches the model."""
        if (model := self._free()) is not None:
            self._tell_doing(f"fetching {model.listing.manifest.name}")
            self.run_worker(partial(self._pull, model.listing.manifest.name))

    async def _pull(self, name: str) -> None:
        def show(_: str, progress: PullProgress) -> None:
            bar = self.query_one(ProgressBar)
            bar.display = True
            bar.update(total=progress.total_bytes, progress=progress.done_bytes)
            self._tell_doing(f"{one_line(progress.file)}: {progress.phase} {size_words(progress)} · escape stops")

        if await self._ran(lambda: self.desk.long(lambda runtime, heard: runtime.pull_models([name], heard), show)):
            self.tell_note(f"{name} is here and verified")
            await self.app.model_changed()

    def action_use(self) -> None:
        """Makes the model the one in use."""
        if (model := self._free()) is not None:
            self.run_worker(partial(self._use, model.listing.manifest.name))

    async def _use(self, name: str) -> None:
        def used(runtime: Runtime) -> tuple[str, ...]:
            change = runtime.use_model(name)
            runtime.leave()
            return () if change.key != "model.name" else runtime.learned_elsewhere(runtime.base_sha256)

        notices = await self.called(used)
        if notices is not None:
            for notice in notices:
                self.tell_note(notice, warning=True)
            await self.app.model_changed()

    def action_verify(self) -> None:
        """Hashes every file of the model anew."""
        if (model := self._free()) is not None:
            self._tell_doing(f"hashing {model.listing.manifest.name}")
            self.run_worker(partial(self._verify, model.listing.manifest.name))

    async def _verify(self, name: str) -> None:
        def verified(runtime: Runtime, _: object) -> tuple[str, ...]:
            return tuple(check.problem for check in runtime.verify_models([name])[name] if check.problem is not None)

        problems: list[str] = []

        async def run() -> None:
            problems.extend(await self.desk.long(verified, lambda: None))

        if await self._ran(run):
            self.tell_note("\n".join(problems) or f"{name}: every file is what it should be", warning=bool(problems))

    def action_tune(self) -> None:
        """Measures other forms of the file in use, and chooses the fastest."""
        if self._free() is not None:
            self.run_worker(self._tune)

    async def _tune(self) -> None:
        told = (
            "The model in use is written in other forms, each is measured on this machine, and the fastest that says "
            "the same is used. It takes some minutes; the file as it was shipped stays. What was learned is retrained "
            "for the new file by the next learning."
        )
        if not await self.app.push_screen_wait(AskDialog("Tune the model in use?", told, yes="Tune")):
            return
        self._tell_doing("tuning · escape stops")
        reports: list[TuneReport] = []

        def show(words: str) -> None:
            self._tell_doing(f"{one_line(words)} · escape stops")

        async def run() -> None:
            reports.append(await self.desk.long(lambda runtime, heard: runtime.tune(on_progress=heard), show))

        if await self._ran(run):
            for report in reports:
                self.tell_note(f"{report.chosen.name}: {report.chosen.decode_tokens_s:.0f} tokens/s")
                for notice in report.notices:
                    self.tell_note(notice, warning=True)
            await self.app.model_changed()

    def action_undo_tuning(self) -> None:
        """Goes back to the file as it was shipped."""
        if self._free() is not None:
            self.run_worker(self._undo_tuning)

    async def _undo_tuning(self) -> None:
        done = await self.called(lambda runtime: runtime.undo_tuning())
        if done is not None:
            for notice in done[1]:
                self.tell_note(notice, warning=True)
            await self.app.model_changed()

    async def _ran(self, run: Callable[[], Awaitable[object]]) -> bool:
        """Whether it went to its end; what went wrong is told."""
        try:
            await run()
        except StoppedByUser as stopped:
            self.tell_note(stopped.message)
            return False
        except EdgeSealError as error:
            self.tell_error(error)
            return False
        finally:
            self._tell_doing(None)
        return True


def _line(model: KnownModel) -> Content:
    manifest = model.listing.manifest
    used = "● in use  " if model.in_use else "          "
    here = "here      " if model.listing.complete else "not here  "
    return Content.assemble((used, "bold"), f"{one_line(manifest.name):<28} {manifest.kind:<9} ", here)


def _detail(model: KnownModel) -> Content:
    manifest = model.listing.manifest
    lines = [
        manifest.title,
        "",
        f"name          {manifest.name}",
        f"kind          {manifest.kind}",
        f"licence       {manifest.licence}",
        f"architecture  {manifest.architecture}",
    ]
    if manifest.tuned_from is not None:
        lines.append(f"made from     {manifest.tuned_from}")
    for file in manifest.files:
        size = (
            ""
            if file.size is None
            else f"  {file.size >> 10} KiB"
            if file.size < 1 << 20
            else f"  {file.size / (1 << 20):.0f} MiB"
        )
        lines += ["", f"{file.name}{size}", f"  sha256 {file.sha256 or 'as it was fetched first'}"]
    return foreign("\n".join(lines))
