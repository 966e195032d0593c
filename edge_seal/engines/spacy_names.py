"""Names of persons, by a trained spaCy pipeline that the user has installed; an extra (`edge-seal[ner]`).

Nothing of spaCy is loaded before a pipeline is named in the settings. A pipeline is code and weights of others: it is
found by its package's name or its absolute path, never in the directory that the program happens to run in, and nothing
is fetched. This is the only module that knows `spacy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol, cast

from edge_seal.errors import ConfigError, EngineError

# As OntoNotes and as most other corpora call it.
_PERSONS: Final = frozenset({"PERSON", "PER"})
# What names are found without.
_NOT_NEEDED: Final = ("tagger", "parser", "lemmatizer", "attribute_ruler", "morphologizer", "senter")
_ANOTHER: Final = 'set data_policy.names_model to a pipeline that finds names, or to ""'


class _Entity(Protocol):
    label_: str
    start_char: int
    end_char: int


class _Document(Protocol):
    ents: Sequence[_Entity]


class _Pipeline(Protocol):
    """What we use of `spacy.Language`."""

    @property
    def pipeline(self) -> Sequence[tuple[str, Callable[..., object]]]: ...
    def __call__(self, text: str) -> _Document: ...


class _Spacy(Protocol):
    """What we use of the package, which is not there in every installation."""

    __version__: str

    def load(self, name: str, *, exclude: Sequence[str]) -> _Pipeline: ...


@dataclass(frozen=True, slots=True)
class SpacyNames:
    """Where names of persons stand in a text, as one pipeline sees it. Deterministic: the same for the same text."""

    _pipeline: _Pipeline

    @classmethod
    def opened(cls, name: str) -> SpacyNames:
        """The pipeline `name`: an installed package, or the absolute path of a pipeline's directory.

        Raises:
            ConfigError: there is no such pipeline, or it finds no persons.
            EngineError: spaCy is not installed, or the pipeline cannot be loaded.
        """
        is_path = "/" in name or "\\" in name
        if is_path and not Path(name).is_absolute():
            raise ConfigError(
                f"data_policy.names_model is {name!r}: a pipeline's directory is named by its absolute path",
                next_step=f"edge-seal config path names the file; write {str(Path(name).absolute())!r}, or a package",
            )
        if find_spec("spacy") is None:
            raise EngineError(
                f"data_policy.names_model is {name!r}, and spaCy is not installed, so nothing can be judged",
                next_step='pip install "edge-seal[ner]", or set data_policy.names_model to ""',
            )
        if not (Path(name).is_dir() if is_path else name.isidentifier() and find_spec(name) is not None):
            raise ConfigError(
                f"data_policy.names_model is {name!r}, and there is no such pipeline here",
                next_step=f"install it (python -m spacy download {name} where there is a network), or {_ANOTHER}",
            )
        spacy = cast("_Spacy", import_module("spacy"))
        try:
            pipeline = spacy.load(name, exclude=list(_NOT_NEEDED))
        except Exception as error:  # whatever a foreign package raises while it is loaded
            raise EngineError(
                f"the pipeline {name!r} cannot be loaded ({type(error).__name__})",
                next_step=f"install one that fits spaCy {spacy.__version__}, or {_ANOTHER}",
            ) from error
        labels = {label for _, part in pipeline.pipeline for label in getattr(part, "labels", ())}
        if not labels & _PERSONS:
            raise ConfigError(f"the pipeline {name!r} finds no persons", next_step=_ANOTHER)
        return cls(pipeline)

    def __call__(self, text: str) -> Iterator[tuple[int, int]]:
        """Where each name begins and ends."""
        if not text.strip():
            return
        for entity in self._pipeline(text).ents:
            if entity.label_ in _PERSONS:
                yield entity.start_char, entity.end_char
