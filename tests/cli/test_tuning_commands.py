"""The fastest form of a model is measured, chosen within the bound, recorded, and taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_models.catalog import Catalog
from edge_seal.adaptation.anchors_in_engine import Divergence
from edge_seal.adaptation.tuning import ORIGINAL, TunedFile, fastest
from edge_seal.config import Home
from edge_seal.runtime import Runtime
from tests.cli.conftest import CommandLine
from tests.support.tiny_installation import learned_update


def figures(name: str, speed: float, nats: float) -> TunedFile:
    return TunedFile(name, 1, 100.0 * speed, 50.0 * speed, Divergence(nats, 0.9))


def test_the_fastest_within_the_bound_is_chosen_and_only_if_clearly_faster() -> None:
    original = figures(ORIGINAL, 1.0, 0.0)
    near, far, hardly = figures("Q8_0", 1.2, 0.01), figures("Q4_0", 2.0, 0.3), figures("Q5_0", 1.02, 0.01)
    assert fastest([original, near, far], 0.1) == near
    assert fastest([original, near, far], 0.5) == far
    assert fastest([original, hardly], 0.1) == original
    assert fastest([original, far], 0.1) == original


def test_tuning_measures_records_switches_and_is_taken_back(
    tiny: CommandLine, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is faster on a model this small is chance: any gain counts here, and a divergent file is out."""
    monkeypatch.setattr("edge_seal.adaptation.tuning.MINIMUM_GAIN", 1e-3)
    learned = learned_update(home)
    before = tiny("ask", "What is red?", "--adapter", "none", "--json").json["text"]
    told = tiny("models", "tune", "--types", "Q8_0", "--bound", "1e-12", "--json").json
    assert (told["chosen"], told["after"]) == (ORIGINAL, None)
    told = tiny("models", "tune", "--types", "q8_0", "--bound", "5", "--json").json
    names = {one["name"]: one for one in told["measured"]}
    assert names[ORIGINAL]["divergence"] == {"nats": 0.0, "top_1_agreement": 1.0}
    assert 0 < names["Q8_0"]["divergence"]["nats"] < 5
    assert (told["before"], told["after"]) == ("tiny", "tiny.q8_0")
    assert learned.id in told["notices"][0]
    manifest = Catalog.load([home.config / "models"]).manifest("tiny.q8_0")
    assert manifest.tuned_from == "tiny"
    assert (home.models / str(manifest.files[0].sha256) / "tiny.Q8_0.gguf").is_file()
    assert not list(home.models.glob(".tmp-*"))
    assert tiny("models", "verify", "--json", code=1)  # the embedder is not here; the file is
    answer = tiny("ask", "What is red?", "--json").json
    assert answer["adapter"] is None
    assert any("edge-seal learn" in notice for notice in answer["notices"])

    undone = tiny("models", "tune", "--undo", "--json").json
    assert (undone["after"], undone["notices"]) == ("tiny", [])
    assert tiny("ask", "What is red?", "--adapter", "none", "--json").json["text"] == before
    assert tiny("ask", "What is red?", "--json").json["adapter"] == learned.id
    tiny("models", "tune", "--undo", code=2)
    with Runtime.open(home) as runtime:
        entries = runtime.ledger.of_events("models")
    assert [entry.event for entry in entries][-3:] == ["models.tuned", "models.tuned", "models.used"]
    assert json.loads(entries[-2].body)["measured"][0]["name"] == ORIGINAL


def test_a_file_that_tuning_made_cannot_be_fetched_again(tiny: CommandLine, home: Home) -> None:
    (home.config / "models" / "gone.toml").write_text(
        'name = "gone"\ntitle = "Gone"\nlicence = "CC0-1.0"\nkind = "chat"\narchitecture = "llama"\n[[files]]\n'
        f'name = "gone.gguf"\nsha256 = "{"0" * 64}"\n[[files.sources]]\nkind = "tuned"\n'
        'original = "tiny"\ntype = "Q4_0"\n'
    )
    assert "models tune" in tiny("models", "pull", "gone", code=1).err


@pytest.mark.parametrize("types", ["Q9_9", "", "Q4_0,../x"])
def test_unknown_types_change_nothing(tiny: CommandLine, home: Home, types: str) -> None:
    tiny("models", "tune", "--types", types, code=2)
    assert [path.name for path in Path(home.config / "models").iterdir()] == ["tiny.toml"]
