"""LoRA adapters as directories: PEFT's (transformers) and mlx-lm's, out and in.

Both hold a JSON description and a safetensors file. PEFT: `<module>.lora_A.weight` (r, in) and `.lora_B.weight`
(out, r), scaled by lora_alpha / r. mlx-lm: `<module>.lora_a` (in, r) and `.lora_b` (r, out), scaled by `scale`.
What is read comes from anywhere: a setting that would change what the adapter computes is either honoured or a reason
to refuse it, never passed over; nothing pickled is opened. Out and in again gives every bit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, cast

import numpy as np

from edge_models import durable
from edge_models.adapted_base import AdaptedBase, FloatArray, Pair
from edge_models.adapter import LoraTensors
from edge_models.errors import DamagedFile, ModelError, UnsupportedModel
from edge_models.safetensors_file import read_safetensors, write_safetensors

DirectoryFormat = Literal["peft", "mlx"]

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final[Mapping[DirectoryFormat, str]] = {"peft": "adapter_model.safetensors", "mlx": "adapters.safetensors"}
MAX_CONFIG_BYTES: Final = 1 << 20

_PEFT_PREFIX: Final = "base_model.model."
# What PEFT writes that says nothing of what the adapter computes once its tensors are known.
_PEFT_HARMLESS: Final = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "exclude_modules", "inference_mode",
        "layers_pattern", "layers_to_transform", "loftq_config", "lora_alpha", "lora_dropout", "megatron_core",
        "peft_type", "peft_version", "qalora_group_size", "r", "revision", "target_modules", "task_type", "use_rslora",
    }
)  # fmt: skip
# Ways to begin that leave the base model as it is; others (PiSSA, OLoRA, LoftQ) take their start out of it.
_PEFT_STARTS: Final = (True, False, None, "gaussian", "eva", "orthogonal")


def write_adapter_directory(directory: Path, kind: DirectoryFormat, lora: LoraTensors, base: AdaptedBase) -> Path:
    """Writes the adapter for transformers + PEFT or for mlx-lm into `directory`, which exists. Returns its weights.

    Raises:
        UnsupportedModel: the adapter does not fit `base`.
        ModelError: the disk does not take it.
    """
    base.require_fit(lora)
    turned = {base.module_of(name): (a, base.to_halves(name, b)) for name, (a, b) in lora.tensors.items()}
    if kind == "peft":
        config, tensors = _peft_config(lora, turned), _peft_tensors(turned)
    else:
        config, tensors = _mlx_config(lora, turned, base), _mlx_tensors(turned)
    written = write_safetensors(directory / WEIGHTS[kind], tensors, {"format": "pt" if kind == "peft" else "mlx"})
    with durable.explained(f"cannot write {directory / CONFIG}"):
        durable.write_durably(directory / CONFIG, json.dumps(config, indent=2, sort_keys=True).encode() + b"\n")
    return written


def read_adapter_directory(directory: Path, base: AdaptedBase) -> tuple[DirectoryFormat, LoraTensors]:
    """The adapter in the directory, in the order of `base`'s GGUF file, and which form it had.

    Raises:
        DamagedFile: a file contradicts itself.
        UnsupportedModel: no such directory, it does not fit `base`, or it computes something that LoRA does not.
        ModelError: a file cannot be read.
    """
    kinds: list[DirectoryFormat] = [kind for kind, name in WEIGHTS.items() if (directory / name).is_file()]
    if len(kinds) != 1 or not (directory / CONFIG).is_file():
        raise UnsupportedModel(
            f"{directory} holds no adapter: {CONFIG} with either {' or '.join(WEIGHTS.values())}"
            " (a pickled adapter_model.bin is never opened)"
        )
    kind = kinds[0]
    path = directory / WEIGHTS[kind]
    config = _read_config(directory / CONFIG)
    rank, alpha = _peft_numbers(config) if kind == "peft" else _mlx_numbers(config)
    tensors = dict(_pairs(path, kind, base))
    try:
        lora = LoraTensors(base.architecture, rank, alpha, tensors)
        base.require_fit(lora)
    except UnsupportedModel as error:
        raise UnsupportedModel(f"{path}: {error.message}") from error
    turned = {name: (a, base.to_interleaved(name, b)) for name, (a, b) in lora.tensors.items()}
    return kind, LoraTensors(base.architecture, rank, alpha, turned)


# PEFT -----------------------------------------------------------------------------------------------------


def _peft_config(lora: LoraTensors, modules: Mapping[str, Pair]) -> dict[str, object]:
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": None,
        "inference_mode": True,
        "r": lora.rank,
        "lora_alpha": int(lora.alpha) if lora.alpha.is_integer() else lora.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        # Whole names: exactly these modules, also where a layer adapts fewer than another.
        "target_modules": sorted(modules),
    }


def _peft_tensors(modules: Mapping[str, Pair]) -> dict[str, FloatArray]:
    return {
        f"{_PEFT_PREFIX}{module}.lora_{letter}.weight": values
        for module, pair in modules.items()
        for letter, values in zip("AB", pair, strict=True)
    }


def _peft_numbers(config: Mapping[str, object]) -> tuple[int, float]:
    if config.get("peft_type") != "LORA":
        raise UnsupportedModel(f"the adapter's peft_type is {str(config.get('peft_type'))[:40]!r}, not 'LORA'")
    if config.get("bias", "none") != "none":
        raise UnsupportedModel("the adapter also changes biases, which cannot be taken over")
    start = config.get("init_lora_weights", True)
    if start not in _PEFT_STARTS:
        raise UnsupportedModel(f"the adapter began from {str(start)[:40]!r}, which also changes the base model")
    for key, value in config.items():
        if value and key not in _PEFT_HARMLESS and key not in {"bias", "init_lora_weights"}:
            raise UnsupportedModel(f"the adapter's {key[:60]} is set, which cannot be taken over")
    rank, alpha = _rank(config.get("r")), _number(config.get("lora_alpha"), "lora_alpha")
    # rsLoRA scales by alpha / sqrt(r) (arXiv:2312.03732): the same as another alpha over r.
    return rank, alpha * math.sqrt(rank) if config.get("use_rslora") else alpha


# mlx-lm ---------------------------------------------------------------------------------------------------


def _mlx_config(lora: LoraTensors, modules: Mapping[str, Pair], base: AdaptedBase) -> dict[str, object]:
    # mlx-lm adapts the last num_layers layers, each at the same keys; where we have no tensors, its B stays zero.
    layers = [int(parts[2]) for module in modules if (parts := module.split("."))[0] == "model"]
    keys = {".".join(module.split(".")[3:]) if module.startswith("model.layers.") else module for module in modules}
    return {
        "fine_tune_type": "lora",
        "num_layers": base.layers - min(layers) if layers else 0,
        "lora_parameters": {
            "rank": lora.rank,
            "scale": lora.scale,
            "dropout": 0.0,
            "keys": sorted(keys),
        },
    }


def _mlx_tensors(modules: Mapping[str, Pair]) -> dict[str, FloatArray]:
    return {
        f"{module}.lora_{letter}": values.T
        for module, pair in modules.items()
        for letter, values in zip("ab", pair, strict=True)
    }


def _mlx_numbers(config: Mapping[str, object]) -> tuple[int, float]:
    if config.get("fine_tune_type", "lora") != "lora":
        raise UnsupportedModel(f"the adapter's fine_tune_type is {str(config['fine_tune_type'])[:40]!r}, not 'lora'")
    found = config.get("lora_parameters")
    if not isinstance(found, dict):
        raise UnsupportedModel("the adapter's description has no lora_parameters")
    parameters = cast("dict[str, object]", found)
    rank = _rank(parameters.get("rank"))
    return rank, _number(parameters.get("scale"), "scale") * rank


# Both -----------------------------------------------------------------------------------------------------


def _pairs(path: Path, kind: DirectoryFormat, base: AdaptedBase) -> Iterator[tuple[str, Pair]]:
    """Each module's factors by GGUF name, (r, in) and (out, r), rows as the other program has them."""
    suffixes = (".lora_A.weight", ".lora_B.weight") if kind == "peft" else (".lora_a", ".lora_b")
    factors: dict[str, dict[str, FloatArray]] = {}
    for full, values in read_safetensors(path).items():
        name = full.removeprefix(_PEFT_PREFIX) if kind == "peft" else full
        suffix = next((suffix for suffix in suffixes if name.endswith(suffix)), None)
        if suffix is None:
            raise UnsupportedModel(f"{path}: {full[:120]!r} is no LoRA factor")
        stored = base.name_of(name.removesuffix(suffix))
        if suffix in factors.setdefault(stored, {}):
            raise DamagedFile(f"{path} is damaged: {stored} has a factor twice")
        factors[stored][suffix] = values if kind == "peft" else np.ascontiguousarray(values.T)
    for stored, found in factors.items():
        if len(found) != 2:
            raise DamagedFile(f"{path} is damaged: {stored} has one factor of two")
        yield stored, (found[suffixes[0]], found[suffixes[1]])


def _read_config(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    if len(data) > MAX_CONFIG_BYTES:
        raise DamagedFile(f"{path} is larger than the description of an adapter can be")
    try:
        found: object = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} is damaged: it is no JSON") from error
    if not isinstance(found, dict):
        raise DamagedFile(f"{path} is damaged: it is no JSON object")
    return cast("dict[str, object]", found)


def _rank(value: object) -> int:
    if type(value) is not int:
        raise UnsupportedModel(f"the adapter's rank is {str(value)[:40]!r}, which is no whole number")
    return value


def _number(value: object, name: str) -> float:
    problem = UnsupportedModel(f"the adapter's {name} is {str(value)[:40]!r}, which is no number")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise problem
    try:
        number = float(value)
    except OverflowError as error:
        raise problem from error
    if not math.isfinite(number):
        raise problem
    return number
