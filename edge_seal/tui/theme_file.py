"""One theme of the user's, read from its file and checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from textual.color import Color, ColorParseError
from textual.theme import Theme

from edge_seal.config import describe
from edge_seal.errors import ConfigError

_LARGEST_FILE: Final = 64 << 10
_NAME: Final = re.compile(r"[a-z0-9_-]{1,64}")


class _ThemeFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    primary: str
    secondary: str | None = None
    accent: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None
    success: str | None = None
    warning: str | None = None
    error: str | None = None
    dark: bool = True

    @field_validator("*")
    @classmethod
    def _is_colour(cls, value: object) -> object:
        if isinstance(value, str):
            try:
                Color.parse(value)
            except ColorParseError:
                raise ValueError(f"{value!r} is no colour; one is written like #88c0d0") from None
        return value


def load_theme(path: Path) -> Theme:
    """The theme in a file; its name is the file's.

    Raises:
        ConfigError: it cannot be read, or is no theme; the message names the file and the key.
    """
    if _NAME.fullmatch(path.stem) is None:
        raise ConfigError(
            f"{path} cannot be a theme's file",
            next_step="a theme's name has 1 to 64 small letters, digits, - and _",
        )
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{path} is too large for a theme")
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        colours = _ThemeFile.model_validate(written)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the theme {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the theme {path} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"the theme {path}: {describe(error)}", next_step=f"correct {path}") from error
    return Theme(name=path.stem, **colours.model_dump(exclude_none=True))
