"""The home's directories: made when they are needed, and for their owner only."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.config import locate_home
from edge_seal.errors import ConfigError


def test_a_new_home_is_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_SEAL_HOME", str(tmp_path / "new"))
    home = locate_home()
    home.create()
    for directory in (tmp_path / "new", home.data, home.config, home.state, home.cache):
        assert directory.stat().st_mode & 0o777 == 0o700, directory


def test_a_home_that_cannot_be_made_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("EDGE_SEAL_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(ConfigError, match="cannot make the directory"):
        locate_home().create()
