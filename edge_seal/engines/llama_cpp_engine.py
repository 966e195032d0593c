"""llama.cpp behind the `Engine` protocol: it computes by llama.cpp's low-level API.

llama.cpp ends the process on much that it does not expect, so nothing reaches it unchecked: token ids, lengths,
positions, the types inside an adapter file. Invariants: whatever changes the weights clears the cache first; after an
error the base is served or the engine says that it is closed.

How bits move: the same tokens from a cleared cache, in the same chunks, give the same logits bit for bit. A kept
prefix makes other chunks of the same tokens. With the KV cache in float32 and without flash attention, as set here,
that changed no bit for F16, Q8_0, Q4_0 and Q4_1 files on x86-64. Products of F32 matrices, so those of an adapter too,
may add in another order in another chunk: then two tokens that are nearly as likely can change places.
"""

# The bindings are typed in part only; what comes out of them is cast here, and nothing of theirs leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
from llama_cpp import llama_cpp as native

from edge_seal.engines.cores import physical_cores
from edge_seal.engines.decoding import CHUNK_OUTPUTS, CHUNK_TOKENS, DecodingEngine, open_adapter
from edge_seal.engines.engine import Answered, FloatArray, Sampling
from edge_seal.engines.gguf_vocabulary import GgufVocabulary, load_native, start_native
from edge_seal.engines.together import Together, logits_of, may_answer_together, side_by_side
from edge_seal.errors import EngineError

_KEPT_ADAPTERS = 4
_GGUF_FLOAT32 = 6


def system_info() -> str:
    """What llama.cpp says of this machine: the instruction sets it uses, in its own words."""
    start_native()
    return (native.llama_print_system_info() or b"").decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class _Handles:
    """Native objects; they are pointers, valid until `free`."""

    model: int
    context: int
    memory: int
    batch: native.llama_batch

    def free(self) -> None:
        native.llama_batch_free(self.batch)
        native.llama_free(self.context)
        native.llama_model_free(self.model)  # and the adapters with it


class LlamaCppEngine(DecodingEngine):
    """One GGUF model in one context of one sequence. See `engine.Engine` for what the methods promise."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int = 2048,
        threads: int = 0,
        sha256: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC).astimezone(),
    ) -> None:
        """Maps the model at `path`, whose structure `edge_models` has checked.

        `threads` 0 means one a physical core. `sha256` is the file's hash where it is known; else it is computed when
        asked for. `context_tokens` is lowered to what the model was trained on. `now` is asked once, for templates
        that tell the model the date.

        Raises:
            EngineError: llama.cpp cannot load it, or there is not enough memory.
        """
        self._log = start_native()
        self._adapters: dict[tuple[str, int, int], int] = {}
        self._applied: tuple[int | None, float] = None, 0.0
        self._threads = threads or physical_cores()
        model = load_native(path, vocabulary_only=False)
        context_tokens = max(1, min(context_tokens, int(native.llama_model_n_ctx_train(model)) or context_tokens))
        super().__init__(path, GgufVocabulary(path, model, now()), context_tokens, sha256)
        self._handles: _Handles | None = self._load(model)
        try:
            self._fill_batch()
            self._remember_base()
        except BaseException:
            self.close()
            raise

    def _load(self, model: int) -> _Handles:
        try:
            context = self._context(model, self._context_tokens, CHUNK_OUTPUTS)
        except BaseException:
            native.llama_model_free(model)
            raise
        memory = cast("int", native.llama_get_memory(context))
        return _Handles(model, context, memory, native.llama_batch_init(self._chunk, 0, 1))

    def _context(self, model: int, tokens: int, outputs: int, sequences: int = 1) -> int:
        """A native context whose KV cache holds so many `tokens`, for the caller to free."""
        settings = native.llama_context_default_params()
        settings.n_ctx, settings.n_seq_max, settings.kv_unified = tokens, sequences, True
        settings.n_batch = settings.n_ubatch = min(CHUNK_TOKENS, tokens)
        settings.n_outputs_max = min(outputs, tokens)
        settings.n_threads = settings.n_threads_batch = self._threads
        # Exact before small: with flash attention or an f16 cache a logit of a float32 model is off by 1e-2 and depends
        # on how tokens fall into chunks; this way it is off by 1e-5. On a CPU it is no slower.
        settings.flash_attn_type = native.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.type_k = settings.type_v = native.GGML_TYPE_F32
        settings.no_perf = True
        context = cast("int | None", native.llama_init_from_model(model, settings)) if self.vocabulary > 0 else None
        if not context:
            raise EngineError(f"llama.cpp cannot make a context of {tokens} tokens for {self.path}{self._log.words()}")
        return context

    def _fill_batch(self) -> None:
        batch = self._native.batch
        size = (self._chunk,)
        self._batch_tokens = np.ctypeslib.as_array(batch.token, size)
        self._batch_positions = np.ctypeslib.as_array(batch.pos, size)
        self._batch_wanted = np.ctypeslib.as_array(batch.logits, size)
        np.ctypeslib.as_array(batch.n_seq_id, size)[:] = 1
        for index in range(self._chunk):
            batch.seq_id[index][0] = 0

    def close(self) -> None:
        """Frees everything native, in the order in which it depends on each other; may be called twice."""
        handles, self._handles = self._handles, None
        self._text.close()
        if handles is not None:
            handles.free()
        self._adapters.clear()
        self._cached = []

    @property
    def _native(self) -> _Handles:
        if self._handles is None:
            raise EngineError("the engine is closed")
        return self._handles

    # Computing --------------------------------------------------------------------------------------------

    def _compute(self, tokens: list[int], wanted: list[int]) -> Sequence[FloatArray]:
        handles = self._native
        count, start = len(tokens), len(self._cached)
        self._batch_tokens[:count] = tokens
        self._batch_positions[:count] = np.arange(start, start + count)
        self._batch_wanted[:count] = 0
        self._batch_wanted[wanted] = 1
        handles.batch.n_tokens = count
        self._log.clear()
        failure = int(native.llama_decode(handles.context, handles.batch))
        if failure:
            raise EngineError(f"llama.cpp could not compute {count} tokens: error {failure}{self._log.words()}")
        return [logits_of(handles.context, place, self.vocabulary, self._log) for place in wanted]

    def answers(
        self,
        prompts: Sequence[Sequence[int]],
        samplings: Sequence[Sampling],
        on_answer: Callable[[int], None] = lambda _done: None,
    ) -> list[Answered]:
        model, asked = self._native.model, [self._prompt(prompt) for prompt in prompts]
        sequences, tokens = side_by_side(asked, samplings, self._context_tokens) if asked else (0, 0)
        if sequences < 2 or not may_answer_together(model):
            return super().answers(asked, samplings, on_answer)
        self._begin()
        context = self._context(model, tokens, sequences, sequences)
        try:
            self._apply_to(context, *self._applied)
            together = Together(context, sequences, self._text, self._context_tokens, self._log)
            return together.answers(asked, samplings, on_answer)
        finally:
            native.llama_free(context)

    def _empty(self, *, zeroed: bool) -> None:
        native.llama_memory_clear(self._native.memory, zeroed)

    def _drop_beyond(self, kept: int) -> bool:
        return bool(native.llama_memory_seq_rm(self._native.memory, 0, kept, -1))

    # Adapters ---------------------------------------------------------------------------------------------

    def _unset_adapter(self) -> None:
        self._apply(None, 0.0)

    def _set_adapter(self, path: Path, scale: float) -> None:
        self._apply(self._load_adapter(path), scale)

    def _apply(self, adapter: int | None, scale: float) -> None:
        try:
            self._apply_to(self._native.context, adapter, scale)
        finally:
            self._clear(zeroed=True)
        self._applied = adapter, scale

    def _apply_to(self, context: int, adapter: int | None, scale: float) -> None:
        count = 0 if adapter is None else 1
        adapters = (native.llama_adapter_lora_p_ctypes * 1)(adapter)
        scales = (ctypes.c_float * 1)(scale)
        failure = int(native.llama_set_adapters_lora(context, adapters, count, scales))
        if failure:
            raise EngineError(f"llama.cpp could not set the adapter: error {failure}{self._log.words()}")

    def _load_adapter(self, path: Path) -> int:
        try:
            status = path.stat()
        except OSError as error:
            raise EngineError(f"cannot read the adapter {path}: {error.strerror}") from error
        key = (str(path.absolute()), status.st_mtime_ns, status.st_size)
        adapter = self._adapters.pop(key, None)
        if adapter is None:
            self._check_adapter_file(path)
            self._log.clear()
            adapter = cast("int | None", native.llama_adapter_lora_init(self._native.model, str(path).encode()))
            if not adapter:
                raise EngineError(f"the adapter {path} does not fit this model{self._log.words()}")
        while len(self._adapters) >= _KEPT_ADAPTERS:
            native.llama_adapter_lora_free(self._adapters.pop(next(iter(self._adapters))))
        self._adapters[key] = adapter  # the last used is the last in order
        return adapter

    def _check_adapter_file(self, path: Path) -> None:
        with open_adapter(path, self._text.metadata("general.architecture")) as file:
            header_bytes = min(tensor.offset for tensor in file.tensors.values())
        _require_float_alpha(path, header_bytes)


def _require_float_alpha(path: Path, header_bytes: int) -> None:
    """Refuses an `adapter.lora.alpha` that is not stored as a 32-bit float, on which llama.cpp ends the process."""
    key = b"adapter.lora.alpha"
    with suppress(OSError), path.open("rb") as file:
        header = file.read(header_bytes)
        for found in re.finditer(re.escape(struct.pack("<Q", len(key)) + key) + rb"(.{4})", header, re.DOTALL):
            if struct.unpack("<I", found[1])[0] != _GGUF_FLOAT32:
                raise EngineError(f"the adapter {path} stores {key.decode()} as something other than a 32-bit float")
