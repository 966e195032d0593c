"""llama.cpp behind the `Engine` protocol: the only module that touches `llama_cpp`, by its low-level API.

llama.cpp ends the process on much that it does not expect, so nothing reaches it unchecked: token ids, lengths,
positions, the types inside an adapter file. Invariants: `_cached` never names a token that the KV cache does not
hold; whatever changes the weights clears the cache first; after an error the base is served or the engine says that
it is closed.

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
import hashlib
import re
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Self, cast

import numpy as np
from llama_cpp import llama_cpp as native

from edge_models.errors import DamagedFile, ModelError
from edge_models.gguf_file import GgufFile
from edge_seal.engines.chat_template import ChatTemplate, ControlToken
from edge_seal.engines.cores import physical_cores
from edge_seal.engines.engine import FloatArray, Message, Piece, Sampling
from edge_seal.engines.sampling import Drawer, TextStream
from edge_seal.errors import EngineError, IntegrityError
from edge_seal.records import Timing

CHUNK_TOKENS = 256
"""Tokens computed at once: enough to feed the matrix products, few enough that Ctrl-C is heard within seconds."""

_CHUNK_OUTPUTS = 32
"""Rows of logits computed at once; each takes a float a token of the vocabulary."""

_MAX_TEXT_BYTES = 16 * 1024 * 1024
_KEPT_ADAPTERS = 4
_UNKNOWN, _CONTROL, _STRIPS_BEFORE, _STRIPS_AFTER = 1 << 0, 1 << 3, 1 << 7, 1 << 8
_GGUF_FLOAT32 = 6
_TAKE_BACK = "edge-seal rollback base"


class _NativeLog:
    """What llama.cpp would write to stderr: kept, the last lines of it, to explain an error with."""

    _WARNING, _ERROR, _CONTINUED = 3, 4, 5

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=20)
        self._level = 0
        # Referenced for as long as the process lives: llama.cpp calls it from threads of its own.
        self._callback = native.llama_log_callback(self._hear)
        native.llama_log_set(self._callback, ctypes.c_void_p(0))

    def _hear(self, level: int, text: bytes, _data: object) -> None:
        if level != self._CONTINUED:
            self._level = level
        if self._level in {self._WARNING, self._ERROR}:
            self._lines.append(text.decode("utf-8", "replace").strip())

    def clear(self) -> None:
        self._lines.clear()

    def words(self) -> str:
        """The lines since `clear`, for the end of a message."""
        said = "; ".join(line for line in self._lines if line)
        return f" (llama.cpp: {said[-600:]})" if said else ""


_native_log: _NativeLog | None = None
_native_lock = threading.Lock()


def _start_native() -> _NativeLog:
    global _native_log  # noqa: PLW0603 - the library's log and backend are one a process
    with _native_lock:
        if _native_log is None:
            _native_log = _NativeLog()
            native.llama_backend_init()
        return _native_log


def system_info() -> str:
    """What llama.cpp says of this machine: the instruction sets it uses, in its own words."""
    _start_native()
    return (native.llama_print_system_info() or b"").decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True)
class _Handles:
    """Native objects; they are pointers, valid until `free`."""

    model: int
    vocab: int
    context: int
    memory: int
    batch: native.llama_batch

    def free(self) -> None:
        native.llama_batch_free(self.batch)
        native.llama_free(self.context)
        native.llama_model_free(self.model)  # and the adapters with it


class LlamaCppEngine:
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
        self.path = path
        self._sha256 = sha256
        self._opened_at = now()
        self._log = _start_native()
        self._timing: Timing | None = None
        self._cached: list[int] = []
        self._turn = 0
        self._adapters: dict[tuple[str, int, int], int] = {}
        self._handles: _Handles | None = self._load(context_tokens, threads or physical_cores())
        try:
            self._fill_batch()
            self._base_logits = self._check_logits()
        except BaseException:
            self.close()
            raise

    def _load(self, context_tokens: int, threads: int) -> _Handles:
        if not self.path.is_file():
            raise EngineError(f"there is no model file {self.path}", next_step="edge-seal models pull")
        self._log.clear()
        parameters = native.llama_model_default_params()
        parameters.load_mode = native.LLAMA_LOAD_MODE_MMAP
        model = cast("int | None", native.llama_model_load_from_file(str(self.path).encode(), parameters))
        if not model:
            raise EngineError(f"llama.cpp cannot load {self.path}{self._log.words()}")
        vocab = cast("int", native.llama_model_get_vocab(model))
        self._vocabulary = int(native.llama_vocab_n_tokens(vocab))
        self._context_tokens = max(1, min(context_tokens, int(native.llama_model_n_ctx_train(model)) or context_tokens))
        self._chunk = min(CHUNK_TOKENS, self._context_tokens)
        self._outputs = min(_CHUNK_OUTPUTS, self._chunk)
        settings = native.llama_context_default_params()
        settings.n_ctx = self._context_tokens
        settings.n_batch = settings.n_ubatch = self._chunk
        settings.n_outputs_max = self._outputs
        settings.n_threads = settings.n_threads_batch = threads
        # Exact before small: with flash attention or an f16 cache a logit of a float32 model is off by 1e-2 and depends
        # on how tokens fall into chunks; this way it is off by 1e-5. On a CPU it is no slower.
        settings.flash_attn_type = native.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.type_k = settings.type_v = native.GGML_TYPE_F32
        settings.no_perf = True
        context = cast("int | None", native.llama_init_from_model(model, settings)) if self._vocabulary > 0 else None
        if not context:
            native.llama_model_free(model)
            raise EngineError(
                f"llama.cpp cannot make a context of {self._context_tokens} tokens for {self.path}{self._log.words()}"
            )
        memory = cast("int", native.llama_get_memory(context))
        return _Handles(model, vocab, context, memory, native.llama_batch_init(self._chunk, 0, 1))

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
        if handles is not None:
            handles.free()
        self._adapters.clear()
        self._cached = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # What it is -------------------------------------------------------------------------------------------

    @property
    def model_sha256(self) -> str:
        if self._sha256 is None:
            try:
                with self.path.open("rb") as file:
                    self._sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise EngineError(f"cannot read {self.path}: {error.strerror}") from error
        return self._sha256

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def vocabulary(self) -> int:
        return self._vocabulary

    @property
    def end_tokens(self) -> frozenset[int]:
        return self._end_tokens

    @cached_property
    def _end_tokens(self) -> frozenset[int]:
        vocab = self._native.vocab
        return frozenset(t for t in range(self._vocabulary) if native.llama_vocab_is_eog(vocab, t))

    # Text and tokens --------------------------------------------------------------------------------------

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> tuple[int, ...]:
        vocab = self._native.vocab
        parts = self._template.render(messages, add_generation_prompt=add_generation_prompt, now=self._opened_at)
        tokens: list[int] = []
        for part in parts:
            tokens.extend((part.id,) if isinstance(part, ControlToken) else self._tokenize_safely(part))
        beginning = int(native.llama_vocab_bos(vocab))
        if native.llama_vocab_get_add_bos(vocab) and beginning >= 0 and tokens[:1] != [beginning]:
            tokens.insert(0, beginning)
        return tuple(tokens)

    @cached_property
    def _template(self) -> ChatTemplate:
        source = native.llama_model_chat_template(self._native.model, None)
        if not source:
            raise EngineError(f"{self.path} has no chat template")
        return ChatTemplate(
            source.decode("utf-8", "replace"),
            self._control_tokens,
            bos=self._text_of(int(native.llama_vocab_bos(self._native.vocab))),
            eos=self._text_of(int(native.llama_vocab_eos(self._native.vocab))),
        )

    @cached_property
    def _control_tokens(self) -> tuple[ControlToken, ...]:
        found: list[ControlToken] = []
        for token in range(self._vocabulary):
            kind = int(native.llama_vocab_get_attr(self._native.vocab, token))
            if kind & (_CONTROL | _UNKNOWN):
                strips = bool(kind & _STRIPS_BEFORE), bool(kind & _STRIPS_AFTER)
                found.append(ControlToken(token, self._text_of(token), *strips))
        return tuple(found)

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        return (cast("bytes | None", native.llama_vocab_get_text(self._native.vocab, token)) or b"").decode(
            "utf-8", "replace"
        )

    def tokenize(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenize_safely(text))

    def _tokenize_safely(self, text: str) -> list[int]:
        tokens = self._tokenize(text)
        if self._control_ids.isdisjoint(tokens):
            return tokens
        # Merges of plain characters happened to spell a control token; character by character they cannot.
        tokens = [token for character in text for token in self._tokenize(character)]
        if not self._control_ids.isdisjoint(tokens):
            raise EngineError("the text holds a character that is a control token of this model")
        return tokens

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(t.id for t in self._control_tokens if native.llama_vocab_is_control(self._native.vocab, t.id))

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")  # half a surrogate pair is no text
        if len(data) > _MAX_TEXT_BYTES:
            raise EngineError(f"a text of {len(data)} bytes is too long to tokenize; the most is {_MAX_TEXT_BYTES}")
        size = len(data) + 8
        while True:
            room = (native.llama_token * size)()
            # No beginning token, nothing parsed as special: both are decided above.
            count = int(native.llama_tokenize(self._native.vocab, data, len(data), room, size, False, False))
            if count >= 0:
                return list(room[:count])
            if -count <= size:
                raise EngineError(f"llama.cpp cannot tokenize a text of {len(data)} bytes")
            size = -count

    def detokenize(self, tokens: Sequence[int]) -> str:
        checked = self._checked(tokens)
        return b"".join(self._piece(token, control=True) for token in checked).decode("utf-8", "replace")

    def _piece(self, token: int, *, control: bool = False) -> bytes:
        size = 64
        while True:
            room = ctypes.create_string_buffer(size)
            count = int(native.llama_token_to_piece(self._native.vocab, token, room, size, 0, control))
            if count >= 0:
                return room.raw[:count]
            size = -count

    # Computing --------------------------------------------------------------------------------------------

    def generate(self, prompt: Sequence[int], sampling: Sampling, *, reuse_prefix: bool = False) -> Iterator[Piece]:
        tokens = self._checked(prompt)
        if not tokens:
            raise EngineError("the prompt is empty")
        if len(tokens) >= self._context_tokens:
            raise EngineError(
                f"the prompt has {len(tokens)} tokens; the context holds {self._context_tokens}, the answer included",
                next_step="shorten the prompt, or raise model.context_tokens in the settings",
            )
        return self._answer(tokens, sampling, Drawer(sampling), reuse_prefix=reuse_prefix)

    def _answer(self, prompt: list[int], sampling: Sampling, drawer: Drawer, *, reuse_prefix: bool) -> Iterator[Piece]:
        started = time.perf_counter()
        turn = self._begin()
        kept = self._keep_prefix(prompt) if reuse_prefix else self._clear()
        stream = TextStream(sampling.stop)
        drawn = told = 0
        first_token_s = 0.0
        try:
            logits = self._last_logits(prompt[kept:])
            while True:
                token = drawer.draw(logits)
                first_token_s = first_token_s or time.perf_counter() - started
                if native.llama_vocab_is_eog(self._native.vocab, token):
                    break
                drawn += 1
                text = stream.feed(self._piece(token))
                if text:
                    yield Piece(text, drawn - told)
                    told = drawn
                    self._require_turn(turn)
                if stream.stopped or drawn >= sampling.max_tokens or len(self._cached) >= self._context_tokens:
                    break
                logits = self._last_logits([token])
            rest = stream.finish()
            if rest:
                yield Piece(rest, drawn - told)
        except EngineError:
            if turn == self._turn:
                self._clear(zeroed=True)
            raise
        finally:
            if turn == self._turn:
                self._timing = Timing(len(prompt), kept, drawn, first_token_s, time.perf_counter() - started)

    def last_timing(self) -> Timing | None:
        return self._timing

    def log_probabilities(self, prompt: Sequence[int], continuation: Sequence[int]) -> FloatArray:
        before, after = self._checked(prompt), self._checked(continuation)
        if not before:
            raise EngineError("the prompt is empty: nothing says how likely a first token is")
        result = np.empty(len(after), np.float32)
        if not after:
            return result
        tokens = [*before, *after[:-1]]
        for index, row in self._rows(tokens, range(len(before) - 1, len(tokens))):
            # float64: the sum runs over the whole vocabulary.
            logits = row.astype(np.float64)
            highest = logits.max()
            normalizer = highest + np.log(np.exp(logits - highest).sum())
            result[index] = logits[after[index]] - normalizer
        if not np.isfinite(result).all():
            self._clear(zeroed=True)
            raise EngineError("the model computed probabilities that are no numbers", next_step=_TAKE_BACK)
        return result

    def logits(self, tokens: Sequence[int], positions: Sequence[int]) -> FloatArray:
        checked = self._checked(tokens)
        wrong = [position for position in positions if not 0 <= position < len(checked)]
        if wrong:
            raise EngineError(f"logits are asked after token {wrong[0]} of {len(checked)}")
        result = np.empty((len(positions), self._vocabulary), np.float32)
        if not positions:
            return result
        wanted = sorted(set(positions))
        places: dict[int, list[int]] = {position: [] for position in wanted}
        for place, position in enumerate(positions):
            places[position].append(place)
        for index, row in self._rows(checked[: wanted[-1] + 1], wanted):
            result[places[wanted[index]]] = row
        return result

    def _rows(self, tokens: list[int], wanted: Sequence[int]) -> Iterator[tuple[int, FloatArray]]:
        """From a cleared cache: each of the ascending positions `wanted`, by its index, with a view of its logits."""
        if len(tokens) > self._context_tokens:
            raise EngineError(f"{len(tokens)} tokens do not fit; the context holds {self._context_tokens}")
        self._begin()
        self._clear()
        done, start = 0, 0
        while start < len(tokens):
            end = min(start + self._chunk, len(tokens))
            asked = [position for position in wanted[done : done + self._outputs + 1] if position < end]
            if len(asked) > self._outputs:
                end = asked[self._outputs]
                asked = asked[: self._outputs]
            places = [position - start for position in asked]
            self._decode(tokens[start:end], places)
            for offset, place in enumerate(places):
                yield done + offset, self._row(place)
            done, start = done + len(asked), end

    def _last_logits(self, tokens: list[int]) -> FloatArray:
        """Adds `tokens` to the cache; a view of the logits after the last, valid until the next call."""
        for start in range(0, len(tokens), self._chunk):
            chunk = tokens[start : start + self._chunk]
            self._decode(chunk, [len(chunk) - 1] if start + len(chunk) == len(tokens) else [])
        return self._row((len(tokens) - 1) % self._chunk)

    def _decode(self, tokens: list[int], wanted: list[int]) -> None:
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
            self._clear(zeroed=True)
            raise EngineError(f"llama.cpp could not compute {count} tokens: error {failure}{self._log.words()}")
        self._cached.extend(tokens)

    def _row(self, place: int) -> FloatArray:
        pointer = native.llama_get_logits_ith(self._native.context, place)
        if not pointer:
            raise EngineError(f"llama.cpp gave no logits for place {place}{self._log.words()}")
        return np.ctypeslib.as_array(pointer, (self._vocabulary,))

    # The KV cache -----------------------------------------------------------------------------------------

    def _begin(self) -> int:
        """Takes the engine over: an answer that is still being drawn may not go on."""
        _ = self._native  # closed is an error before anything changes
        self._turn += 1
        return self._turn

    def _require_turn(self, turn: int) -> None:
        if turn != self._turn:
            raise EngineError("the engine was used for something else while this answer was drawn")

    @property
    def _native(self) -> _Handles:
        if self._handles is None:
            raise EngineError("the engine is closed")
        return self._handles

    def _clear(self, *, zeroed: bool = False) -> int:
        """Forgets every token. Zeroing costs milliseconds and is for values that may be no numbers: 0 x NaN is NaN."""
        native.llama_memory_clear(self._native.memory, zeroed)
        self._cached = []
        return 0

    def _keep_prefix(self, prompt: list[int]) -> int:
        """Drops what the cache holds beyond its common beginning with `prompt`; how many tokens stay.

        The last token of the prompt is always computed anew, for its logits.
        """
        shared = 0
        for cached, token in zip(self._cached, prompt[:-1], strict=False):
            if cached != token:
                break
            shared += 1
        # Some architectures (recurrent, sliding window) cannot drop a part.
        if not shared or not native.llama_memory_seq_rm(self._native.memory, 0, shared, -1):
            return self._clear()
        del self._cached[shared:]
        return shared

    def _checked(self, tokens: Sequence[int]) -> list[int]:
        _ = self._native  # closed is an error even for no tokens
        checked = [int(token) for token in tokens]
        for token in checked:
            if not 0 <= token < self._vocabulary:
                raise EngineError(f"there is no token {token}; the vocabulary has {self._vocabulary}")
        return checked

    # Adapters ---------------------------------------------------------------------------------------------

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """See `engine.Engine`. An adapter file whose bytes contradict each other is an `IntegrityError`."""
        self._begin()
        if path is None:
            self._serve_base()
            return
        try:
            if not (np.isfinite(scale) and scale != 0.0):
                raise EngineError(f"the scale of an adapter is {scale}; it is a number other than 0")
            self._set_adapter(self._load_adapter(path), scale)
            self._require_adapted(path)
        except BaseException:
            self._serve_base()
            raise

    def _serve_base(self) -> None:
        self._set_adapter(None, 0.0)
        if not np.array_equal(self._check_logits(), self._base_logits):
            self.close()
            raise EngineError("without an adapter the model does not compute what it did; the engine was closed")

    def _require_adapted(self, path: Path) -> None:
        logits = self._check_logits()
        if not np.isfinite(logits).all():
            raise EngineError(f"the adapter {path} makes the model compute what are no numbers")
        if np.array_equal(logits, self._base_logits):
            raise EngineError(f"the adapter {path} changes nothing")

    def _set_adapter(self, adapter: int | None, scale: float) -> None:
        count = 0 if adapter is None else 1
        adapters = (native.llama_adapter_lora_p_ctypes * 1)(adapter)
        scales = (ctypes.c_float * 1)(scale)
        failure = int(native.llama_set_adapters_lora(self._native.context, adapters, count, scales))
        self._clear(zeroed=True)
        if failure:
            raise EngineError(f"llama.cpp could not set the adapter: error {failure}{self._log.words()}")

    def _check_logits(self) -> FloatArray:
        """The logits after a fixed prompt: several tokens, so that Q and K matter, and few, for a quick swap."""
        count = min(4, self._context_tokens)
        logits = self.logits([(self._vocabulary * (i + 1)) // (count + 2) for i in range(count)], [count - 1])
        self._clear()
        return logits

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
        try:
            with GgufFile.open(path) as file:
                _require_lora(file, self._metadata("general.architecture"))
                header_bytes = min(tensor.offset for tensor in file.tensors.values())
        except DamagedFile as error:
            raise IntegrityError(error.message, next_step=error.next_step) from error
        except ModelError as error:
            raise EngineError(error.message, next_step=error.next_step) from error
        _require_float_alpha(path, header_bytes)

    def _metadata(self, key: str) -> str:
        room = ctypes.create_string_buffer(256)
        native.llama_model_meta_val_str(self._native.model, key.encode(), room, len(room))
        return room.value.decode("utf-8", "replace")


def _require_lora(file: GgufFile, architecture: str) -> None:
    """Refuses what llama.cpp takes for granted in an adapter, and ends the process on: the types inside it."""
    expected = {"general.type": "adapter", "adapter.type": "lora", "general.architecture": architecture}
    for key, wanted in expected.items():
        found = file.text(key)
        if found != wanted:
            raise EngineError(
                f"the adapter {file.path} does not fit this model: its {key} is {found!r}, not {wanted!r}"
            )
    if not file.tensors:
        raise EngineError(f"the adapter {file.path} holds no tensors")
    for name, tensor in file.tensors.items():
        is_matrix = len(tensor.shape) == 2 and tensor.type_name in {"F32", "F16"}
        if not (is_matrix and name.endswith((".lora_a", ".lora_b"))):
            raise EngineError(f"the adapter {file.path} holds {name}, which is no F32 or F16 LoRA matrix")


def _require_float_alpha(path: Path, header_bytes: int) -> None:
    """Refuses an `adapter.lora.alpha` that is not stored as a 32-bit float, on which llama.cpp ends the process."""
    key = b"adapter.lora.alpha"
    with suppress(OSError), path.open("rb") as file:
        header = file.read(header_bytes)
        for found in re.finditer(re.escape(struct.pack("<Q", len(key)) + key) + rb"(.{4})", header, re.DOTALL):
            if struct.unpack("<I", found[1])[0] != _GGUF_FLOAT32:
                raise EngineError(f"the adapter {path} stores {key.decode()} as something other than a 32-bit float")
