"""One run of our trainer: `python -m bench.train_speed_ours TASK OUT`; OUT gets `adapter.gguf` and `report.json`."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from bench.train_speed_task import Task
from edge_kernels.adamw import AdamW
from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_models.decoder import Decoder
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora, lora_tensors
from edge_seal.adaptation.example_network import ExampleNetwork
from edge_seal.adaptation.step_terms import StepTerms, Weighing
from edge_seal.adaptation.workers import Workers


def main() -> None:
    task, out = Task.read(Path(sys.argv[1])), Path(sys.argv[2])
    began = time.perf_counter()
    with GgufFile.open(Path(task.model)) as file, Workers.opened() as workers:
        decoder = Decoder(file, task.layers)
        adapter = Lora.initial(decoder.architecture, decoder.adapted_layers, task.rank, task.alpha, task.seed)
        network = ExampleNetwork(decoder, task.token_sequences(), workers)
        loaded = time.perf_counter()
        network.prepare()
        prepared = time.perf_counter()
        optimizer = AdamW(
            adapter.values, np.ones_like(adapter.values), beta1=task.beta1, beta2=task.beta2, epsilon=task.epsilon
        )
        examples = list(range(len(task.sequences)))
        losses: list[float] = []
        seconds: list[float] = []
        for _ in range(task.steps):
            step_began = time.perf_counter()
            gradient = network.gradient(StepTerms(examples, task.token_weights()), adapter, Weighing())
            optimizer.step(gradient.adapter.values, task.rate)
            losses.append(gradient.loss_nats)
            seconds.append(time.perf_counter() - step_began)
        write_gguf_adapter(out / "adapter.gguf", LoraTensors("llama", task.rank, task.alpha, lora_tensors(adapter)))
        batch = network.batch(examples)
    report = {
        "losses": losses,
        "step_seconds": seconds,
        "load_seconds": loaded - began,
        "frozen_seconds": prepared - loaded,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "tokens": len(batch.nodes),
        "sources": len(batch.sources),
    }
    (out / "report.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
