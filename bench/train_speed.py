"""How fast training is, beside transformers and PEFT: `python -m bench.train_speed [--json FILE] [--plot FILE]`.

Both sides get the same weights, token sequences, starting adapter, rate and steps, each run in a process of its own,
turn by turn; a comparison whose loss curves differ is void and says so. Ours starts from the GGUF file, theirs from
the same weights as float32 safetensors, which is what their users have. Whole sets are one step each. Figures are
medians of the rounds.
"""

# matplotlib is in the bench environment alone.
# pyright: reportMissingImports=false

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bench.train_speed_task import Task, encoded_examples, necessary_operations
from edge_models.architecture import read_architecture
from edge_models.gguf_file import GgufFile
from edge_models.store import ModelStore
from edge_seal.config import shared_models

MODEL = "smollm2-135m-instruct"
LOSSES_AGREE = 1e-3
"""Relative; what is left between two orders of float32 additions is 1e-5."""
STEPS = {8: 8, 32: 6, 128: 4}
ROUNDS = {8: 3, 32: 3, 128: 1}


@dataclass(frozen=True, slots=True)
class Side:
    """One side's figures of one comparison: medians over rounds; bytes of the whole process at its largest."""

    step_s: float
    whole_s: float
    peak_bytes: int
    tokens: int
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operations` are those a step cannot do without; `gemm_rate` is the machine's, measured between the runs."""

    examples: int
    layers: int
    steps: int
    ours: Side
    peft: Side
    operations: float
    gemm_rate: float

    @property
    def agrees(self) -> bool:
        ours, peft = np.asarray(self.ours.losses), np.asarray(self.peft.losses)
        return bool((np.abs(ours - peft) <= LOSSES_AGREE * np.abs(peft)).all())

    @property
    def gemm_share(self) -> float:
        return self.operations / self.ours.step_s / self.gemm_rate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.train_speed", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 32, 128], help="examples a step")
    parser.add_argument("--layers", type=int, nargs="+", default=[10, 30], help="how many top layers are adapted")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--plot", type=Path, help="where the picture goes (SVG or PNG)")
    options = parser.parse_args()
    if importlib.util.find_spec("peft") is None:
        print("PEFT, the peer, is not installed here: `make bench` sets it up.", file=sys.stderr)
        return 2
    model = ModelStore(shared_models(), None).locate(MODEL)
    path = next(file for name, file in model.items() if name.endswith(".gguf"))
    examples = encoded_examples(path, max(options.sizes))
    compared: list[Comparison] = []
    with tempfile.TemporaryDirectory() as scratch:
        for layers in options.layers:
            theirs = Path(scratch) / "safetensors"
            prepared = False
            for size in options.sizes:
                task = Task(str(path), tuple(examples[:size]), layers, steps=STEPS.get(size, 4))
                if not prepared:
                    _call("bench.train_speed_peft", ["prepare", _written(task, Path(scratch)), str(theirs)])
                    prepared = True
                compared.append(_compare(task, theirs, Path(scratch), ROUNDS.get(size, 1)))
                _print_row(compared[-1])
    _print_table(compared)
    report = {
        "machine": {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()},
        "model_sha256": path.parent.name,
        "comparisons": [asdict(one) | {"agrees": one.agrees, "gemm_share": one.gemm_share} for one in compared],
    }
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    if options.plot:
        _plot(compared, options.plot)
    return 0 if all(one.agrees for one in compared) else 1


def _compare(task: Task, theirs: Path, scratch: Path, rounds: int) -> Comparison:
    written = _written(task, scratch)
    rates: list[float] = []
    runs: dict[str, list[tuple[float, dict[str, object]]]] = {"ours": [], "peft": []}
    for _ in range(rounds):
        rates.append(_gemm_rate())
        runs["ours"].append(_timed("bench.train_speed_ours", [written], scratch))
        rates.append(_gemm_rate())
        runs["peft"].append(_timed("bench.train_speed_peft", ["run", written, str(theirs)], scratch))
    with GgufFile.open(Path(task.model)) as file:
        operations = necessary_operations(read_architecture(file), task)
    return Comparison(
        examples=len(task.sequences),
        layers=task.layers,
        steps=task.steps,
        ours=_side(runs["ours"]),
        peft=_side(runs["peft"]),
        operations=operations,
        gemm_rate=statistics.median(rates),
    )


def _side(runs: Sequence[tuple[float, dict[str, object]]]) -> Side:
    reports = [report for _, report in runs]
    # The first step of a run also pays for memory and libraries that later steps find there.
    steps = [seconds for report in reports for seconds in _numbers(report["step_seconds"])[1:]]
    return Side(
        step_s=statistics.median(steps),
        whole_s=statistics.median(seconds for seconds, _ in runs),
        peak_bytes=int(statistics.median(_numbers([report["peak_bytes"] for report in reports]))),
        tokens=int(_numbers([reports[0]["tokens"]])[0]),
        losses=tuple(_numbers(reports[0]["losses"])),
    )


def _numbers(values: object) -> list[float]:
    if not isinstance(values, list):
        raise TypeError(f"a run reported {values!r} where numbers were due")
    return [float(value) for value in values]


def _timed(module: str, arguments: Sequence[str], scratch: Path) -> tuple[float, dict[str, object]]:
    """Seconds from the start of the process to its end, with the adapter written, and its report."""
    with tempfile.TemporaryDirectory(dir=scratch) as out:
        began = time.perf_counter()
        _call(module, [*arguments, out])
        seconds = time.perf_counter() - began
        if not (Path(out) / "adapter.gguf").stat().st_size:
            raise RuntimeError(f"{module} left no adapter")
        return seconds, json.loads((Path(out) / "report.json").read_text(encoding="utf-8"))


def _call(module: str, arguments: Sequence[str]) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stderr[-2000:]}")


def _written(task: Task, scratch: Path) -> str:
    path = scratch / f"task-{len(task.sequences)}-{task.layers}.json"
    task.write(path)
    return str(path)


def _gemm_rate() -> float:
    """Operations a second of a large float32 product, on as many threads as make it fastest."""
    size = 2048
    left = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
    best: list[float] = []
    for threads in (1, os.cpu_count() or 1):
        with threadpool_limits(threads, "blas"):
            seconds: list[float] = []
            for _ in range(5):
                began = time.perf_counter()
                _ = left @ left
                seconds.append(time.perf_counter() - began)
            best.append(2 * size**3 / statistics.median(seconds))
    return max(best)


def _print_row(one: Comparison) -> None:
    print(
        f"{one.examples} examples, top {one.layers} layers: {one.peft.step_s / one.ours.step_s:.1f} times as fast a "
        f"step{'' if one.agrees else ' (VOID: the loss curves differ)'}",
        flush=True,
    )


def _print_table(compared: Sequence[Comparison]) -> None:
    print(
        "\n| examples | layers | tokens (padded) | s a step (PEFT) | ratio | whole run s (PEFT) | ratio | "
        "peak MiB (PEFT) | ratio | necessary GFLOP | share of GEMM rate |"
    )
    print("|" + " --- |" * 11)
    for one in compared:
        ours, peft = one.ours, one.peft
        print(
            f"| {one.examples} | {one.layers} | {ours.tokens} ({peft.tokens}) "
            f"| {ours.step_s:.2f} ({peft.step_s:.2f}) | {peft.step_s / ours.step_s:.1f} "
            f"| {ours.whole_s:.1f} ({peft.whole_s:.1f}) | {peft.whole_s / ours.whole_s:.1f} "
            f"| {ours.peak_bytes >> 20} ({peft.peak_bytes >> 20}) | {ours.peak_bytes / peft.peak_bytes:.2f} "
            f"| {one.operations / 1e9:.0f} | {one.gemm_share:.0%} of {one.gemm_rate / 1e9:.0f} GFLOP/s |"
        )
    print("\nloss curves, ours | PEFT:")
    for one in compared:
        curves = (" ".join(f"{loss:.4f}" for loss in side.losses) for side in (one.ours, one.peft))
        print(f"  {one.examples} examples, {one.layers} layers: {' | '.join(curves)}")


def _plot(compared: Sequence[Comparison], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (speed, losses) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    names = [f"{one.examples}\ntop {one.layers}" for one in compared]
    places = np.arange(len(compared))
    for offset, name, sides in (
        (-0.2, "Edge Seal", [one.ours for one in compared]),
        (0.2, "transformers + PEFT", [one.peft for one in compared]),
    ):
        bars = speed.bar(places + offset, [side.step_s for side in sides], 0.4, label=name)
        speed.bar_label(bars, fmt="%.2g", fontsize=7)
    speed.set(yscale="log", ylabel="seconds a step", xlabel="examples a step, adapted layers")
    speed.set_xticks(places, names)
    speed.legend(frameon=False)
    for one in compared:
        steps = np.arange(len(one.ours.losses))
        (line,) = losses.plot(steps, one.ours.losses, label=f"{one.examples} examples, top {one.layers}")
        losses.plot(steps, one.peft.losses, "o", mfc="none", color=line.get_color())
    losses.set(xlabel="step", ylabel="loss, nats a token (circles: PEFT)")
    losses.legend(frameon=False, fontsize=7)
    # Without the day: the same figures draw the same file.
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    sys.exit(main())
