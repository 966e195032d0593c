"""A real keychain: GNOME's Secret Service on a bus of the test's own, where both are installed.

apt-get install gnome-keyring dbus
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("dbus-run-session", "gnome-keyring-daemon")

pytestmark = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in TOOLS), reason=f"needs {' and '.join(TOOLS)}, for a keychain of its own"
)

LOCK = """
import secretstorage
secretstorage.get_default_collection(secretstorage.dbus_init()).lock()
"""


def session(directory: Path, *steps: str) -> list[tuple[int, str]]:
    """Runs shell commands in one session with an unlocked keychain; gives each one's exit code and what it said.

    `E` is the program, `LOCK` locks the keychain.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHON_KEYRING_BACKEND"},
        "HOME": str(directory / "person"),
        "XDG_DATA_HOME": str(directory / "person" / "share"),
        "XDG_RUNTIME_DIR": str(directory / "run"),
        "EDGE_SEAL_HOME": str(directory / "home"),
        "NO_COLOR": "1",
        "PYTHONPATH": os.pathsep.join([str(_ROOT), str(_ROOT / "kernels"), str(_ROOT / "models")]),
        "E": f"{sys.executable} -m edge_seal",
        "LOCK": LOCK,
        "PYTHON": sys.executable,
    }
    for name in ("person/share", "run", "said"):
        (directory / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = ["printf login | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1"]
    for number, step in enumerate(steps):
        lines.append(f"({step}) >{directory}/said/{number} 2>&1; echo $? >{directory}/said/{number}.code")
    command = ["dbus-run-session", "--", "sh", "-c", "\n".join(lines)]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    return [
        (int((directory / "said" / f"{n}.code").read_text()), (directory / "said" / str(n)).read_text())
        for n in range(len(steps))
    ]


def test_a_home_is_encrypted_read_and_decrypted_with_the_key_in_it(tmp_path: Path) -> None:
    told = session(
        tmp_path,
        "$E remember 'My sister is called Zebulon'",
        "$E encrypt --yes --json",
        "$E memory list",
        "$E audit head --json",
        "$E audit verify",
        "cp -r $EDGE_SEAL_HOME $HOME/copy",
        "grep -rl Zebulon $EDGE_SEAL_HOME",
        "$E decrypt --yes",
        "$E memory list",
    )
    codes = [code for code, _ in told]
    assert codes == [0, 0, 0, 0, 0, 0, 1, 0, 0], told
    assert "Secret Service" in told[1][1]
    assert json.loads((tmp_path / "person" / "copy" / "data" / "key.json").read_text())["holder"] == "keychain"
    assert "Zebulon" in told[2][1]
    assert any("Secret Service" in place for place in json.loads(told[3][1])["kept_in"])
    assert "not compared" not in told[4][1]
    assert "Zebulon" in told[8][1]


def test_it_remembers_more_than_an_older_home_and_says_so_where_it_is_locked(tmp_path: Path) -> None:
    told = session(
        tmp_path,
        "$E remember 'I like tea'",
        "cp -r $EDGE_SEAL_HOME $HOME/older",
        "$E remember 'I like coffee'",
        "rm -r $EDGE_SEAL_HOME && cp -r $HOME/older $EDGE_SEAL_HOME",
        "$E audit verify",
        '$PYTHON -c "$LOCK"',
        "$E audit verify",
        "$E encrypt --keychain --yes",
        "$E remember 'I like milk'",
    )
    assert told[4][0] == 5
    assert "older copy" in told[4][1]
    assert told[6][0] == 0
    assert "was not compared: Secret Service did not answer" in told[6][1]
    assert told[7][0] == 1
    assert "Secret Service did not answer (KeyringLocked)" in told[7][1]
    assert told[8][0] == 0


def test_a_locked_one_that_has_the_key_is_said_with_what_helps(tmp_path: Path) -> None:
    told = session(tmp_path, "$E remember 'I like tea'", "$E encrypt --yes", '$PYTHON -c "$LOCK"', "$E memory list")
    assert [code for code, _ in told] == [0, 0, 0, 1], told
    assert "did not answer (KeyringLocked)" in told[3][1]
    assert "unlock it" in told[3][1]
    assert "--passphrase" not in told[3][1], "no passphrase opens this home"
