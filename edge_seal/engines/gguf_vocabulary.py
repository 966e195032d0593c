"""The text side of a GGUF file, as llama.cpp reads it: its tokenizer, its control tokens, its chat template.

Every engine takes its tokens from here, so the same words are the same tokens whichever of them answers. The weights
are not needed for that: `GgufVocabulary.open` loads the vocabulary alone.
"""

# The bindings are typed in part only; what comes out of them is cast here, and nothing of theirs leaves this module.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateImportUsage=false, reportArgumentType=false

from __future__ import annotations

import ctypes
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import cast

from llama_cpp import llama_cpp as native

from edge_seal.engines.chat_template import ChatTemplate, ControlToken
from edge_seal.engines.engine import Message
from edge_seal.errors import EngineError

_MAX_TEXT_BYTES = 16 * 1024 * 1024
_UNKNOWN, _CONTROL, _STRIPS_BEFORE, _STRIPS_AFTER = 1 << 0, 1 << 3, 1 << 7, 1 << 8


class NativeLog:
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


_native_log: NativeLog | None = None
_native_lock = threading.Lock()


def start_native() -> NativeLog:
    """llama.cpp's own set-up, once a process; its log."""
    global _native_log  # noqa: PLW0603 - the library's log and backend are one a process
    with _native_lock:
        if _native_log is None:
            _native_log = NativeLog()
            native.llama_backend_init()
        return _native_log


def load_native(path: Path, *, vocabulary_only: bool) -> int:
    """The model at `path`, to be freed by the caller.

    Raises:
        EngineError: llama.cpp cannot load it, or there is not enough memory.
    """
    log = start_native()
    if not path.is_file():
        raise EngineError(f"there is no model file {path}", next_step="edge-seal models pull")
    log.clear()
    parameters = native.llama_model_default_params()
    parameters.load_mode = native.LLAMA_LOAD_MODE_MMAP
    parameters.vocab_only = vocabulary_only
    model = cast("int | None", native.llama_model_load_from_file(str(path).encode(), parameters))
    if not model:
        raise EngineError(f"llama.cpp cannot load {path}{log.words()}")
    return model


class GgufVocabulary:
    """The tokens of one model and what it writes with them. Every method raises `EngineError` once it is closed."""

    def __init__(self, path: Path, model: int, opened_at: datetime, *, owned: bool = False) -> None:
        """The vocabulary of the native `model`; `opened_at` is the date for templates that tell it to the model."""
        self.path = path
        self.size = 0
        self._model: int | None = model
        self._owned = owned
        self._opened_at = opened_at
        self._vocab = cast("int", native.llama_model_get_vocab(model))
        self.size = int(native.llama_vocab_n_tokens(self._vocab))

    @classmethod
    def open(cls, path: Path, now: Callable[[], datetime]) -> GgufVocabulary:
        """The vocabulary of the file at `path`, without its weights.

        Raises:
            EngineError: llama.cpp cannot load it.
        """
        return cls(path, load_native(path, vocabulary_only=True), now(), owned=True)

    def close(self) -> None:
        """Frees what it loaded itself; may be called twice."""
        model, self._model = self._model, None
        if model is not None and self._owned:
            native.llama_model_free(model)

    @property
    def native(self) -> int:
        """llama.cpp's own vocabulary."""
        if self._model is None:
            raise EngineError("the engine is closed")
        return self._vocab

    def metadata(self, key: str) -> str:
        """The value of `key` in the file's header, as text; empty where there is none."""
        _ = self.native
        room = ctypes.create_string_buffer(256)
        native.llama_model_meta_val_str(self._model, key.encode(), room, len(room))
        return room.value.decode("utf-8", "replace")

    # Tokens ---------------------------------------------------------------------------------------------------

    @cached_property
    def end_tokens(self) -> frozenset[int]:
        vocab = self.native
        return frozenset(t for t in range(self.size) if native.llama_vocab_is_eog(vocab, t))

    def ends(self, token: int) -> bool:
        """Whether `token` ends an answer."""
        return bool(native.llama_vocab_is_eog(self.native, token))

    def checked(self, tokens: Sequence[int]) -> list[int]:
        """`tokens` as they are.

        Raises:
            EngineError: one is not of this vocabulary.
        """
        _ = self.native  # closed is an error even for no tokens
        checked = [int(token) for token in tokens]
        for token in checked:
            if not 0 <= token < self.size:
                raise EngineError(f"there is no token {token}; the vocabulary has {self.size}")
        return checked

    def piece(self, token: int, *, control: bool = False) -> bytes:
        """The bytes of `token`; those of a control token only where `control` is true."""
        size = 64
        while True:
            room = ctypes.create_string_buffer(size)
            count = int(native.llama_token_to_piece(self.native, token, room, size, 0, control))
            if count >= 0:
                return room.raw[:count]
            size = -count

    def detokenize(self, tokens: Sequence[int]) -> str:
        checked = self.checked(tokens)
        return b"".join(self.piece(token, control=True) for token in checked).decode("utf-8", "replace")

    def tokenize(self, text: str) -> list[int]:
        """`text` as plain tokens: nothing in it becomes a control token.

        Raises:
            EngineError: it is too long, or a character of it is itself a control token.
        """
        tokens = self._tokenize(text)
        if self._control_ids.isdisjoint(tokens):
            return tokens
        # Merges of plain characters happened to spell a control token; character by character they cannot.
        tokens = [token for character in text for token in self._tokenize(character)]
        if not self._control_ids.isdisjoint(tokens):
            raise EngineError("the text holds a character that is a control token of this model")
        return tokens

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode("utf-8", "replace")  # half a surrogate pair is no text
        if len(data) > _MAX_TEXT_BYTES:
            raise EngineError(f"a text of {len(data)} bytes is too long to tokenize; the most is {_MAX_TEXT_BYTES}")
        size = len(data) + 8
        while True:
            room = (native.llama_token * size)()
            # No beginning token, nothing parsed as special: both are decided above.
            count = int(native.llama_tokenize(self.native, data, len(data), room, size, False, False))
            if count >= 0:
                return list(room[:count])
            if -count <= size:
                raise EngineError(f"llama.cpp cannot tokenize a text of {len(data)} bytes")
            size = -count

    @cached_property
    def _control_ids(self) -> frozenset[int]:
        return frozenset(t.id for t in self._control_tokens if native.llama_vocab_is_control(self.native, t.id))

    @cached_property
    def _control_tokens(self) -> tuple[ControlToken, ...]:
        found: list[ControlToken] = []
        for token in range(self.size):
            kind = int(native.llama_vocab_get_attr(self.native, token))
            if kind & (_CONTROL | _UNKNOWN):
                strips = bool(kind & _STRIPS_BEFORE), bool(kind & _STRIPS_AFTER)
                found.append(ControlToken(token, self._text_of(token), *strips))
        return tuple(found)

    def _text_of(self, token: int) -> str:
        if token < 0:
            return ""
        return (cast("bytes | None", native.llama_vocab_get_text(self.native, token)) or b"").decode("utf-8", "replace")

    # Conversations --------------------------------------------------------------------------------------------

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool = True) -> tuple[int, ...]:
        """See `engine.Engine.render`."""
        vocab = self.native
        parts = self._template.render(messages, add_generation_prompt=add_generation_prompt, now=self._opened_at)
        tokens: list[int] = []
        for part in parts:
            tokens.extend((part.id,) if isinstance(part, ControlToken) else self.tokenize(part))
        beginning = int(native.llama_vocab_bos(vocab))
        if native.llama_vocab_get_add_bos(vocab) and beginning >= 0 and tokens[:1] != [beginning]:
            tokens.insert(0, beginning)
        return tuple(tokens)

    @cached_property
    def _template(self) -> ChatTemplate:
        source = native.llama_model_chat_template(self._model, None)
        if not source:
            raise EngineError(f"{self.path} has no chat template")
        return ChatTemplate(
            source.decode("utf-8", "replace"),
            self._control_tokens,
            bos=self._text_of(int(native.llama_vocab_bos(self.native))),
            eos=self._text_of(int(native.llama_vocab_eos(self.native))),
        )
