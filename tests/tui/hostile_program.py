"""The interface on the terminal it is started on, its engine saying what a file holds: `python -m … HOME FILE CUT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from edge_seal.config import Home
from edge_seal.runtime import Runtime
from edge_seal.tui.app import EdgeSealApp
from tests.support.scripted_engine import ScriptedEngine


class HostileApp(EdgeSealApp):
    """Everything of the application but the model."""

    answers: tuple[str, ...] = ()
    cut = 1

    async def _begin(self) -> None:
        def scripted(runtime: Runtime) -> None:
            runtime.__dict__["engine"] = ScriptedEngine(self.answers, self.cut)

        await self.desk.call(scripted)
        await super()._begin()


def main() -> None:
    """Runs until it is left."""
    root, file, cut = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    home = Home(root / "data", root / "config", root / "state", root / "cache")
    app = HostileApp(home, None)
    app.answers = tuple(json.loads(file.read_text(encoding="utf-8")))
    app.cut = cut
    app.run()
    if app.crash is not None:
        raise app.crash


if __name__ == "__main__":
    main()
