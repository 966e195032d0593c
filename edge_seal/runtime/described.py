"""The settings with what they are for: as they are documented, as they are set, and what they may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edge_seal.config import Settings
from edge_seal.settings_file import SettingValue


@dataclass(frozen=True, slots=True)
class DescribedSetting:
    """One setting. `choices` are all values there are, or none where it is no choice; `bounds` says them in words.

    `is_editable` is false for what is a list: it is changed in the file.
    """

    section: str
    name: str
    value: str
    default: str
    description: str
    bounds: str
    choices: tuple[str, ...]
    is_editable: bool

    @property
    def key(self) -> str:
        return f"{self.section}.{self.name}"


@dataclass(frozen=True, slots=True)
class DescribedSection:
    """A section of the settings with its documentation."""

    name: str
    description: str
    settings: tuple[DescribedSetting, ...]


def described(settings: Settings) -> tuple[DescribedSection, ...]:
    """Every setting, by section, as `settings` has it."""
    sections: list[DescribedSection] = []
    for section in Settings.model_fields:
        part = getattr(settings, section)
        if not isinstance(part, BaseModel):
            continue
        rows = tuple(_described(section, name, field, part) for name, field in type(part).model_fields.items())
        sections.append(DescribedSection(section, " ".join((type(part).__doc__ or "").split()), rows))
    return tuple(sections)


def _described(section: str, name: str, field: FieldInfo, part: BaseModel) -> DescribedSetting:
    value: object = getattr(part, name)
    return DescribedSetting(
        section,
        name,
        _words(value),
        _words(field.get_default()),
        field.description or "",
        _bounds(field),
        _choices(field),
        isinstance(value, SettingValue),
    )


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return str(value)


def _choices(field: FieldInfo) -> tuple[str, ...]:
    if field.annotation is bool:
        return ("true", "false")
    if get_origin(field.annotation) is Literal:
        return tuple(str(choice) for choice in get_args(field.annotation))
    return ()


def _bounds(field: FieldInfo) -> str:
    said: list[str] = []
    for limit in field.metadata:
        for name, words in (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below")):
            bound: object = getattr(limit, name, None)
            if bound is not None:
                said.append(f"{words} {bound}")
    return ", ".join(said)
