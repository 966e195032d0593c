"""Adapters go out in every form and come in from anywhere; what comes in never answers by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_models.adapted_base import read_base
from edge_models.adapter import LoraTensors, read_gguf_adapter, write_gguf_adapter
from edge_models.adapter_directories import CONFIG, WEIGHTS, write_adapter_directory
from edge_models.gguf_file import GgufFile
from edge_seal.config import Home
from edge_seal.runtime import Runtime
from tests.adaptation.schema import violations
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import MODEL, learned_update, random_adapter

PEFT = WEIGHTS["peft"]
SCHEMA = Path(__file__).parents[2] / "docs" / "patch-manifest.schema.json"


def mild_adapter(strength: float = 0.01, *, name: str = "blk.1.attn_q.weight") -> LoraTensors:
    """One that changes logits and stays within the gate's bounds."""
    random = np.random.default_rng(7)
    a = random.standard_normal((4, MODEL.width)).astype(np.float32)
    b = (strength * random.standard_normal((MODEL.width, 4))).astype(np.float32)
    return LoraTensors("llama", 4, 8.0, {name: (a, b)})


def base_of(home: Home) -> str:
    with Runtime.open(home) as runtime:
        return runtime.base_sha256


def peft_directory(home: Home, directory: Path, lora: LoraTensors) -> Path:
    with Runtime.open(home) as runtime, GgufFile.open(runtime.model_path) as file:
        directory.mkdir()
        write_adapter_directory(directory, "peft", lora, read_base(file))
    return directory


def events(home: Home) -> list[str]:
    with Runtime.open(home) as runtime:
        return [entry.event for entry in runtime.ledger.of_events("update")]


def test_a_peft_adapter_waits_until_its_hash_is_approved_and_can_be_taken_back(
    tiny: CommandLine, home: Home, tmp_path: Path
) -> None:
    before = tiny("ask", "What is red?", "--json").json
    source = peft_directory(home, tmp_path / "bought", mild_adapter(0.05))
    told = tiny("adapters", "import", str(source), "--base", base_of(home)[:12], "--json").json
    assert (told["update"], told["state"], told["replaces"]) == ("u1", "awaiting_approval", None)
    assert {measure["name"] for measure in told["gate"]["measures"]} == {"anchor_drift", "broken_answers"}
    assert tiny("ask", "What is red?", "--json").json["text"] == before["text"]
    shown = tiny("updates", "show", "u1")
    assert "imported (peft)" in shown.out
    assert PEFT in shown.out
    assert events(home)[:4] == ["update.proposed", "update.scored", "update.cleared", "update.imported"]
    # It took nothing of what may be learned: nothing was trained here.
    assert tiny("limits", "show", "--json").json["allowed"]

    tiny("updates", "approve", "u1", "--yes", code=2)  # what, exactly?
    tiny("updates", "approve", "u1", "--sha256", "0" * 12, code=1)
    tiny("updates", "approve", "u1", "--sha256", told["adapter_sha256"], "--no-canary")
    after = tiny("ask", "What is red?", "--json").json
    assert after["adapter"] == "u1"
    assert tiny("audit", "verify", "--json").json["intact"]
    tiny("rollback", "base", "--yes")
    assert tiny("ask", "What is red?", "--json").json["text"] == before["text"]


def test_a_changed_file_is_not_what_was_approved(tiny: CommandLine, home: Home, tmp_path: Path) -> None:
    source = peft_directory(home, tmp_path / "bought", mild_adapter())
    told = tiny("adapters", "import", str(source), "--base", "tiny", "--json").json
    with Runtime.open(home) as runtime:
        update = runtime.releases.get("u1")
        assert update.adapter_sha256 is not None
        path = runtime.adapters.path(update.adapter_sha256)
    write_gguf_adapter(path, mild_adapter(0.02))
    tiny("updates", "approve", "u1", "--sha256", told["adapter_sha256"], code=5)
    assert tiny("ask", "What is red?", "--json").json["adapter"] is None


def test_a_rejected_one_leaves_no_bytes(tiny: CommandLine, home: Home, tmp_path: Path) -> None:
    write_gguf_adapter(tmp_path / "x.gguf", mild_adapter())
    tiny("adapters", "import", str(tmp_path / "x.gguf"), "--base", "tiny")
    tiny("updates", "reject", "u1", "--yes")
    assert tiny("updates", "list", "--json").json["updates"][0]["state"] == "rejected"
    assert not list(home.adapters.glob("*/adapter.gguf"))


@pytest.mark.parametrize("form", ["gguf", "peft", "mlx"])
def test_our_own_patch_comes_back_bit_for_bit(tiny: CommandLine, home: Home, tmp_path: Path, form: str) -> None:
    """Exported in any form, imported by its manifest alone: the same hash, so the same adapter."""
    with Runtime.open(home) as runtime:
        base = runtime.base_sha256
    write_gguf_adapter(tmp_path / "first.gguf", mild_adapter())
    first = tiny("adapters", "import", str(tmp_path / "first.gguf"), "--base", base, "--json").json
    tiny("updates", "approve", "u1", "--sha256", first["adapter_sha256"], "--no-canary")
    out = tmp_path / ("patch.gguf" if form == "gguf" else "patch")
    exported = tiny("adapters", "export", "u1", "--format", form, "-o", str(out), "--json").json
    manifest = json.loads(Path(exported["manifest"]).read_text())
    assert manifest["adapter_sha256"] == first["adapter_sha256"]
    assert manifest["imported"]["format"] == "gguf"
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert list(violations(manifest, schema, schema)) == []
    # The manifest holds the lessons: what was exported is for its owner.
    assert {path.stat().st_mode & 0o077 for path in (out, *map(Path, exported.values())) if path.exists()} == {0}
    tiny("adapters", "export", "u1", "--format", form, "-o", str(out), code=1)
    told = tiny("adapters", "import", str(out), "--json").json
    assert (told["adapter_sha256"], told["replaces"]) == (first["adapter_sha256"], "u1")
    # A manifest that does not fit is not believed.
    for key, value in (("adapter_sha256", "0" * 64), ("base_sha256", "0" * 64), ("format", "other")):
        Path(exported["manifest"]).write_text(json.dumps({**manifest, key: value}))
        tiny("adapters", "import", str(out), code=1 if key == "base_sha256" else 5)


@pytest.mark.parametrize("form", ["gguf", "peft"])
def test_an_encrypted_patch_is_one_file_that_only_the_passphrase_opens(
    tiny: CommandLine, home: Home, tmp_path: Path, form: str
) -> None:
    write_gguf_adapter(tmp_path / "first.gguf", mild_adapter())
    first = tiny("adapters", "import", str(tmp_path / "first.gguf"), "--base", "tiny", "--json").json
    tiny("updates", "approve", "u1", "--sha256", first["adapter_sha256"], "--no-canary")
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("a long enough passphrase\n")
    wrong.write_text("another long passphrase\n")
    sealed = tmp_path / "patch.sealed"
    export = ("adapters", "export", "u1", "--format", form, "--encrypt", "-o", str(sealed))
    tiny("--passphrase-file", str(right), *export)
    content = sealed.read_bytes()
    assert b"GGUF" not in content
    assert first["adapter_sha256"].encode() not in content
    assert "exists already" in tiny("--passphrase-file", str(right), *export, code=1).err
    tiny("--passphrase-file", str(wrong), "adapters", "import", str(sealed), code=2)
    told = tiny("--passphrase-file", str(right), "adapters", "import", str(sealed), "--json").json
    assert told["adapter_sha256"] == first["adapter_sha256"]
    sealed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    tiny("--passphrase-file", str(right), "adapters", "import", str(sealed), code=5)
    assert [update["id"] for update in tiny("updates", "list", "--json").json["updates"]] == ["u1", "u2"]


def test_the_gate_refuses_what_moves_everything(tiny: CommandLine, home: Home, tmp_path: Path) -> None:
    write_gguf_adapter(tmp_path / "wild.gguf", random_adapter(3))
    refused = tiny("adapters", "import", str(tmp_path / "wild.gguf"), "--base", "tiny", "--json", code=3).json
    assert refused["state"] == "rejected"
    assert any(not measure["passed"] for measure in refused["gate"]["measures"])
    assert not list(home.adapters.glob("*/adapter.gguf"))


def test_what_cannot_be_trusted_or_used_is_refused_before_an_update_is_made(
    tiny: CommandLine, home: Home, tmp_path: Path
) -> None:
    good = tmp_path / "good.gguf"
    write_gguf_adapter(good, mild_adapter())
    tiny("adapters", "import", str(good), code=2)  # for which model?
    tiny("adapters", "import", str(good), "--base", "f" * 64, code=1)
    (tmp_path / "adapter.bin").write_bytes(b"\x80\x04K\x01.")
    assert "never opened" in tiny("adapters", "import", str(tmp_path / "adapter.bin"), "--base", "tiny", code=1).err
    (tmp_path / "cut.gguf").write_bytes(good.read_bytes()[:-40])
    tiny("adapters", "import", str(tmp_path / "cut.gguf"), "--base", "tiny", code=5)
    wide = LoraTensors(
        "llama", 2, 4.0, {"blk.0.attn_q.weight": (np.ones((2, 8), np.float32), np.ones((8, 2), np.float32))}
    )
    write_gguf_adapter(tmp_path / "wide.gguf", wide)
    assert "attn_q" in tiny("adapters", "import", str(tmp_path / "wide.gguf"), "--base", "tiny", code=1).err
    write_gguf_adapter(tmp_path / "other.gguf", mild_adapter(name="blk.9.attn_q.weight"))
    tiny("adapters", "import", str(tmp_path / "other.gguf"), "--base", "tiny", code=1)
    source = peft_directory(home, tmp_path / "dora", mild_adapter())
    config = json.loads((source / CONFIG).read_text())
    (source / CONFIG).write_text(json.dumps({**config, "use_dora": True}))
    tiny("adapters", "import", str(source), "--base", "tiny", code=1)
    (tmp_path / "empty").mkdir()
    tiny("adapters", "import", str(tmp_path / "empty"), "--base", "tiny", code=1)
    assert events(home) == []


def test_an_exported_directory_holds_the_adapter_that_answers(tiny: CommandLine, home: Home, tmp_path: Path) -> None:
    update = learned_update(home)
    tiny("adapters", "export", update.id, "--format", "peft", "-o", str(tmp_path / "out"))
    assert {path.name for path in (tmp_path / "out").iterdir()} == {CONFIG, PEFT, "manifest.json"}
    shutil.rmtree(tmp_path / "out")
    tiny("adapters", "export", update.id, "-o", str(tmp_path / "out.gguf"))
    assert read_gguf_adapter(tmp_path / "out.gguf").rank == 4
