"""Errors of models and their files. Each says what happened, to which file, and what to do next."""

from __future__ import annotations


class ModelError(Exception):
    """Something about a model failed. `message` says what, to which thing; `next_step` what to do."""

    def __init__(self, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class DamagedFile(ModelError):
    """A file's bytes are not what they should be."""


class HashMismatch(DamagedFile):
    """A file is whole but is not the one that was named."""


class UnsupportedModel(ModelError):
    """A sound file that holds something we cannot use."""


class BadManifest(ModelError):
    """A manifest's words do not fit; who wrote it acts."""


class UnknownModel(ModelError):
    """No manifest has this name."""


class NotPulled(ModelError):
    """The manifest is known, its files are not here yet."""


class FetchFailed(ModelError):
    """A source did not give the file. Nothing half-written is left under a final name."""
