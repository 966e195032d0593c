"""What every test stands on: a home of its own, no network, and the real models where they have been fetched.

Sockets are blocked. A test that serves something to itself asks for the loopback address, and gets that alone:

    @pytest.mark.allow_hosts(["127.0.0.1"])
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import Home, locate_home


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own data, not even one that forgets to ask for `home`."""
    monkeypatch.setenv("EDGE_SEAL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def home() -> Home:
    """The test's own home, with its directories made."""
    home = locate_home()
    home.create()
    return home
