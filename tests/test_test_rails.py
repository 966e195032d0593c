"""The rails that the other tests rely on hold."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_socket import SocketBlockedError, SocketConnectBlockedError

from edge_seal.config import locate_home

ROOT = Path(__file__).parent.parent


def test_sockets_are_blocked() -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket()


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_test_that_asks_gets_the_loopback_address_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with socket.socket() as other, pytest.raises(SocketConnectBlockedError):
        other.connect(("192.0.2.1", 80))


def test_each_test_has_a_home_of_its_own(tmp_path: Path) -> None:
    assert locate_home().database.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("guardian", "verdict"),
    [
        ("import re\nimport edge_seal.errors", 0),
        ("import edge_seal.database", 1),
        ("import edge_seal.errors\nimport numpy", 1),
    ],
)
def test_a_module_that_reaches_more_than_its_contract_says_is_found(
    tmp_path: Path, guardian: str, verdict: int
) -> None:
    package = tmp_path / "edge_seal"
    package.mkdir()
    for name, text in {"__init__": "", "errors": "", "database": "", "guardian": guardian}.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    (tmp_path / "contracts.toml").write_text(
        """
        [tool.importlinter]
        root_package = "edge_seal"
        include_external_packages = true
        contract_types = ["reaches_only: setup.reaches_only.ReachesOnly"]
        [[tool.importlinter.contracts]]
        name = "guardian"
        type = "reaches_only"
        source = "edge_seal.guardian"
        allowed = ["edge_seal.errors"]
        """,
        encoding="utf-8",
    )
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", "contracts.toml", "--no-cache", "--no-logo"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == verdict, ran.stdout + ran.stderr
