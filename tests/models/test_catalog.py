"""Manifests: ours are sound, the user's are read beside them, and what does not fit is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_models.catalog import Catalog, PathSource, WheelSource, read_manifest
from edge_models.errors import BadManifest, UnknownModel

SHA = "ab" * 32
CHAT = f"""
name = "mine"
title = "Mine"
licence = "MIT"
kind = "chat"
architecture = "llama"

[[files]]
name = "mine.gguf"
size = 10
sha256 = "{SHA}"

[[files.sources]]
kind = "path"
path = "weights/mine.gguf"
"""


def test_the_default_models_are_pinned() -> None:
    catalog = Catalog.load()
    chat, embedder = catalog.manifest("smollm2-135m-instruct"), catalog.manifest("all-minilm-l6-v2")
    assert (chat.kind, chat.architecture, chat.gguf_name) == ("chat", "llama", "SmolLM2-135M-Instruct.Q4_1.gguf")
    assert (embedder.kind, embedder.dimension, embedder.gguf_name) == ("embedder", 384, None)
    for manifest in (chat, embedder):
        for file in manifest.files:
            assert file.sha256
            assert file.size
            assert all(isinstance(source, WheelSource) for source in file.sources)


def test_a_users_manifest_is_read_and_its_paths_start_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CHAT, encoding="utf-8")
    catalog = Catalog.load([tmp_path, tmp_path / "absent"])
    source = catalog.manifest("mine").files[0].sources[0]
    assert isinstance(source, PathSource)
    assert source.path == tmp_path / "weights" / "mine.gguf"
    assert {manifest.name for manifest in catalog} == {"mine", "smollm2-135m-instruct", "all-minilm-l6-v2"}


def test_a_name_means_one_manifest(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CHAT.replace('"mine"', '"all-minilm-l6-v2"'), encoding="utf-8")
    with pytest.raises(BadManifest, match="two manifests are named all-minilm-l6-v2"):
        Catalog.load([tmp_path])


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match="smollm2-135m-instruct") as caught:
        Catalog.load().manifest("gpt-7")
    assert caught.value.next_step == "edge-seal models list"


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "mine"', 'name = "../mine"', "name"),
        ('name = "mine.gguf"', 'name = "../../mine.gguf"', "files.0.name"),
        ('name = "mine.gguf"', 'name = "mine.bin"', "exactly one .gguf"),
        (f'sha256 = "{SHA}"', 'sha256 = "00"', "files.0.sha256"),
        ("size = 10", "size = -1", "files.0.size"),
        ("size = 10", "sizes = 10", "files.0.sizes"),
        ('title = "Mine"', 'title = "\\u001b[2J"', "title"),
        ('kind = "chat"', 'kind = "embedder"', "model.onnx"),
        ('kind = "path"', 'kind = "ftp"', "files.0.sources.0"),
        ('kind = "path"\npath = "weights/mine.gguf"', 'kind = "wheel"\npackage = "-r"\nversion = "1"\nmember = "m"',
         "package"),
        ('kind = "path"\npath = "weights/mine.gguf"', 'kind = "wheel"\npackage = "p"\nversion = "1"\nmember = "../m"',
         "member"),
        ('kind = "path"\npath = "weights/mine.gguf"', 'kind = "huggingface"\nrepo = "a/../b"\nfile = "m"', "repo"),
        ('kind = "path"\npath = "weights/mine.gguf"', 'kind = "huggingface"\nrepo = "a/b"\nfile = "/m"', "file"),
        ("[[files]]", "[files", "not valid TOML"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(old: str, new: str, named: str) -> None:
    assert old in CHAT
    with pytest.raises(BadManifest, match=named):
        read_manifest(CHAT.replace(old, new), "mine.toml")


@pytest.mark.parametrize(
    "source", ['kind = "wheel"\npackage = "p"\nversion = "1"\nmember = "m"', 'kind = "path"\npath = "other"']
)
def test_a_hash_may_be_left_out_only_for_one_source_that_is_no_wheel(source: str) -> None:
    without = CHAT.replace(f'sha256 = "{SHA}"', "")
    assert read_manifest(without, "mine.toml").files[0].sha256 is None
    with pytest.raises(BadManifest, match="sha256 may be left out"):
        read_manifest(f"{without}\n[[files.sources]]\n{source}", "mine.toml")
