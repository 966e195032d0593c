"""One run of transformers and PEFT: `python -m bench.train_speed_peft prepare TASK DIR`, then `run TASK DIR OUT`.

`prepare` turns the GGUF file into the float32 safetensors directory that their users start from; it is not timed.
"""

# The peers are in the bench environment alone; where they are not, their names cannot be looked up.
# pyright: reportMissingImports=false

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from bench.train_speed_task import Task, initial_adapter
from edge_models.adapted_base import MODULES, read_base
from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_models.gguf_file import GgufFile

PADDING = -100


def prepare(task: Task, directory: Path) -> None:
    model = Path(task.model)
    read = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float32)
    # What was read from a GGUF file counts as quantized and is not saved: its weights go into a plain model.
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config
    plain = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    plain.load_state_dict(read.state_dict())
    plain.save_pretrained(directory)
    adapter = initial_adapter(task)
    np.savez(directory / f"a{task.layers}.npz", allow_pickle=False, **adapter.a)


def run(task: Task, directory: Path, out: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    layers = model.config.num_hidden_layers
    adapted = list(range(max(0, layers - task.layers), layers))
    model = get_peft_model(
        model,
        LoraConfig(
            r=task.rank,
            lora_alpha=task.alpha,
            lora_dropout=0.0,
            target_modules=[name.split(".")[1] for name in MODULES.values()],
            layers_to_transform=adapted,
            task_type="CAUSAL_LM",
        ),
    )
    start = np.load(directory / f"a{task.layers}.npz")
    for name, linear in _linears(model, adapted).items():
        with torch.no_grad():
            linear.lora_A["default"].weight.copy_(torch.from_numpy(start[name]))
    model.train()
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=task.rate, betas=(task.beta1, task.beta2), eps=task.epsilon, weight_decay=0.0,
    )  # fmt: skip
    inputs = _padded(task)
    losses: list[float] = []
    seconds: list[float] = []
    for _ in range(task.steps):
        began = time.perf_counter()
        loss = model(**inputs, use_cache=False).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(float(loss.detach()))
        seconds.append(time.perf_counter() - began)
    _write_adapter(task, _linears(model, adapted), out / "adapter.gguf")
    report = {
        "losses": losses,
        "step_seconds": seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "tokens": int(inputs["input_ids"].numel()),
        "threads": torch.get_num_threads(),
    }
    (out / "report.json").write_text(json.dumps(report), encoding="utf-8")


def _linears(model: torch.nn.Module, adapted: list[int]) -> dict[str, Any]:
    """The adapted linear maps by their GGUF names."""
    return {
        f"blk.{layer}.{ours}.weight": model.get_submodule(f"base_model.model.model.layers.{layer}.{theirs}")
        for layer in adapted
        for ours, theirs in MODULES.items()
    }


def _padded(task: Task) -> dict[str, torch.Tensor]:
    longest = max(len(tokens) for tokens, _ in task.sequences)
    shape = (len(task.sequences), longest)
    tokens, labels = np.zeros(shape, dtype=np.int64), np.full(shape, PADDING, dtype=np.int64)
    mask = np.zeros(shape, dtype=np.int64)
    for row, (sequence, start) in enumerate(task.sequences):
        tokens[row, : len(sequence)] = sequence
        mask[row, : len(sequence)] = 1
        labels[row, start : len(sequence)] = sequence[start:]
    return {
        "input_ids": torch.from_numpy(tokens),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.from_numpy(labels),
    }


def _write_adapter(task: Task, linears: dict[str, Any], path: Path) -> None:
    """Their tensors as the adapter that llama.cpp loads, with the rows of Q and K in the GGUF's order."""
    with GgufFile.open(Path(task.model)) as file:
        base = read_base(file)
    tensors = {
        name: (
            linear.lora_A["default"].weight.detach().numpy(),
            base.to_interleaved(name, linear.lora_B["default"].weight.detach().numpy()),
        )
        for name, linear in linears.items()
    }
    write_gguf_adapter(path, LoraTensors("llama", task.rank, task.alpha, tensors))


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Task.read(Path(sys.argv[2])), Path(sys.argv[3]))
    else:
        run(Task.read(Path(sys.argv[2])), Path(sys.argv[3]), Path(sys.argv[4]))
