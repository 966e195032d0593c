"""Does a PEFT export mean to transformers what the adapter means here? Logits with and without it, both ways.

The same weights as a GGUF file for our decoder and as a transformers model, the same random adapter, exported and
loaded with `PeftModel.from_pretrained`: root mean square and largest difference of the logits, in standard deviations
of the expected ones. Everything is float32, so what is left is the order of sums. With --model also the default model,
dequantized, and a GGUF file may be named.
"""

# The peers are there only where the benchmarks run.
# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "kernels"), str(ROOT / "models")]

from edge_kernels.arrays import FloatArray  # noqa: E402  # run by path, from any directory
from edge_models.adapted_base import AdaptedBase, read_base  # noqa: E402
from edge_models.adapter import LoraTensors  # noqa: E402
from edge_models.adapter_directories import write_adapter_directory  # noqa: E402
from edge_models.architecture import read_architecture  # noqa: E402
from edge_models.decoder import Decoder  # noqa: E402
from edge_models.gguf_file import GgufFile  # noqa: E402
from edge_models.lora import Lora, lora_tensors  # noqa: E402
from tests.support.tiny_adapters import all_logits, random_adapter  # noqa: E402
from tests.support.tiny_gguf import TinyLlama, write_tiny_gguf  # noqa: E402

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

TINY = (
    TinyLlama(),
    TinyLlama(layers=3, heads=4, kv_heads=1, tied=False, rope_base=100_000.0),
    TinyLlama(layers=2, width=96, heads=6, kv_heads=3, rms_epsilon=1e-2),
)
NORMS: Mapping[str, str] = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
MAX_ROOT_MEAN_SQUARE = 1e-4


@dataclass(frozen=True, slots=True)
class Agreement:
    """Differences of logits, in standard deviations of ours; `moved` is how far the adapter moved them."""

    model: str
    base: float
    adapted: float
    adapted_largest: float
    moved: float

    @property
    def passed(self) -> bool:
        return max(self.base, self.adapted) < MAX_ROOT_MEAN_SQUARE < 1e-2 < self.moved


def measure(path: Path, tokens: list[int], layers: int, scale: float = 1.0) -> Agreement:
    """Our decoder on the GGUF at `path` against transformers + PEFT on the same weights."""
    import torch
    from peft import PeftModel

    with GgufFile.open(path) as file, tempfile.TemporaryDirectory() as scratch:
        base = read_base(file)
        decoder = Decoder(file, layers)
        adapter = random_adapter(decoder.architecture, decoder.adapted_layers, rank=4, dtype=np.float32)
        adapter.values *= np.float32(scale)
        expected, expected_adapted = all_logits(decoder, tokens), all_logits(decoder, tokens, adapter)
        export(Path(scratch), adapter, base)
        model = transformers_model(file, base)
        asked = torch.tensor([tokens])
        with torch.no_grad():
            found = model(asked).logits[0].numpy()
            adapted = PeftModel.from_pretrained(model, scratch)
            found_adapted = adapted(asked).logits[0].numpy()
    return Agreement(
        model=path.name,
        base=_apart(found, expected),
        adapted=_apart(found_adapted, expected_adapted),
        adapted_largest=float(np.abs(found_adapted - expected_adapted).max() / expected_adapted.std()),
        moved=_apart(expected_adapted, expected),
    )


def export(directory: Path, adapter: Lora, base: AdaptedBase) -> None:
    """Writes the adapter as PEFT would have."""
    lora = LoraTensors(base.architecture, adapter.rank, adapter.alpha, lora_tensors(adapter))
    write_adapter_directory(directory, "peft", lora, base)


def transformers_model(file: GgufFile, base: AdaptedBase) -> LlamaForCausalLM:
    """The weights of `file`, dequantized, in transformers' order, in float32."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = read_architecture(file)
    tied = "output.weight" not in file.tensors
    config = LlamaConfig(
        vocab_size=sizes.vocabulary,
        hidden_size=sizes.width,
        intermediate_size=sizes.feed_forward,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads,
        head_dim=sizes.head_size,
        rms_norm_eps=sizes.rms_epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": file.number("llama.rope.freq_base", 10_000.0)},
        max_position_embeddings=2048,
        tie_word_embeddings=tied,
        attn_implementation="eager",
    )
    weights = {_name(name, base): torch.from_numpy(_rows(file, name, base)) for name in file.tensors}
    if tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model = LlamaForCausalLM(config).float()
    model.load_state_dict(weights, strict=True)
    return model.eval()


def _name(name: str, base: AdaptedBase) -> str:
    known = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    parts = name.split(".")
    if name in known:
        return known[name]
    if len(parts) == 4 and parts[2] in NORMS:
        return f"model.layers.{parts[1]}.{NORMS[parts[2]]}.weight"
    return f"{base.module_of(name)}.weight"


def _rows(file: GgufFile, name: str, base: AdaptedBase) -> FloatArray:
    values = file.tensor(name)
    # A weight's rows are what B's rows are: the same order.
    return base.to_halves(name, values) if values.ndim == 2 and name.startswith("blk.") else values


def _apart(found: FloatArray, expected: FloatArray) -> float:
    return float(np.sqrt(np.square(found - expected).mean()) / expected.std())


def main() -> int:
    """Prints the table, and writes JSON where it is asked to; 1 where logits differ."""
    parser = argparse.ArgumentParser(description="A PEFT export's logits in transformers against ours.")
    parser.add_argument("--model", nargs="?", const="", help="also the default model, or this GGUF file, dequantized")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    tokens = [1, 40, 90, 263, 120, 7, 40, 90, 264, 33, 34, 35, 200, 201, 5, 2]
    results: list[Agreement] = []
    print("model                                  base     adapted  largest   moved")
    with tempfile.TemporaryDirectory() as scratch:
        paths = [
            (write_tiny_gguf(Path(scratch) / f"tiny-{index}.gguf", shape), shape.layers, 1.0)
            for index, shape in enumerate(TINY)
        ]
        if arguments.model is not None:
            paths.append((Path(arguments.model) if arguments.model else _default_model(), 10, 0.6))
        for path, layers, scale in paths:
            found = measure(path, tokens, layers, scale)
            results.append(found)
            print(
                f"{found.model:36} {found.base:8.1e} {found.adapted:8.1e} {found.adapted_largest:8.1e}"
                f" {found.moved:6.2f}  {'agree' if found.passed else 'DIFFER'}",
                flush=True,
            )
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(result) for result in results], indent=1), encoding="utf-8")
    return 0 if all(result.passed for result in results) else 1


def _default_model() -> Path:
    from edge_models.store import ModelStore
    from edge_seal.config import Settings, shared_models

    files = ModelStore(shared_models()).locate(Settings().model.name)
    return next(path for name, path in files.items() if name.endswith(".gguf"))


if __name__ == "__main__":
    sys.exit(main())
