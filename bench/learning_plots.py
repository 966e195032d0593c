"""The plots of `bench.learning`: the sequence's matrix as a heat map, and learning against drift."""

# pyright: reportMissingImports=false
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def draw(measured: Mapping[str, Mapping[str, Any]], directory: Path) -> None:
    """Writes `sequence.svg` and `learning-against-drift.svg`; without matplotlib it says so and writes nothing."""
    try:
        import matplotlib as mpl  # a peer of the bench, not of the runtime
    except ImportError:
        print("no plots: matplotlib is missing; `make setup-bench` brings it")
        return
    mpl.use("Agg")
    # The same figures give the same bytes.
    mpl.rcParams["svg.hashsalt"] = "edge-seal"
    import matplotlib.pyplot as plt

    directory.mkdir(parents=True, exist_ok=True)
    matrices = [figures["matrix"] for name, figures in measured.items() if name.startswith("sequence/")]
    if matrices:
        size = len(matrices[0])
        mean = np.full((size, size), np.nan)
        for row in range(size):
            mean[row, : row + 1] = np.mean([matrix[row] for matrix in matrices], axis=0)
        figure, axes = plt.subplots(figsize=(6, 5))
        image = axes.imshow(100 * mean, vmin=0, vmax=100, cmap="RdYlGn")
        for row in range(size):
            for column in range(row + 1):
                axes.text(column, row, f"{100 * mean[row, column]:.0f}", ha="center", va="center", color="black")
        ticks = [str(number + 1) for number in range(size)]
        axes.set_xticks(range(size), ticks)
        axes.set_yticks(range(size), ticks)
        axes.set_xlabel("facts of update")
        axes.set_ylabel("asked after update")
        axes.set_title(f"held-out wordings answered, % (personas: {len(matrices)})")
        figure.colorbar(image)
        figure.tight_layout()
        figure.savefig(directory / "sequence.svg", metadata={"Date": None})
        plt.close(figure)
    points = {
        name: figures
        for name, figures in measured.items()
        if isinstance(figures.get("wikitext_change"), float) and ("held_out" in figures or "final" in figures)
    }
    if points:
        figure, axes = plt.subplots(figsize=(6, 4.5))
        for group in sorted({name.rsplit("/", 1)[0] for name in points}):
            own = [figures for name, figures in points.items() if name.rsplit("/", 1)[0] == group]
            pairs = sorted((one["wikitext_change"], 100 * one.get("held_out", one.get("final"))) for one in own)
            axes.plot([x for x, _ in pairs], [y for _, y in pairs], marker="o", label=group)
        axes.axvline(0.02, color="grey", linestyle="--", linewidth=1)
        axes.set_xlabel("drift on WikiText, nats a token")
        axes.set_ylabel("held-out wordings answered, %")
        axes.set_ylim(0, 105)
        axes.legend()
        figure.tight_layout()
        figure.savefig(directory / "learning-against-drift.svg", metadata={"Date": None})
        plt.close(figure)
    print(f"plots: {directory}")
