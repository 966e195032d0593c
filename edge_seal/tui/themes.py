"""The themes: three of ours, and the user's own from files, checked before they are used.

`themes/NAME.toml` in the config directory holds colours (`primary = "#88c0d0"`) and `dark = true` or `false`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from textual.theme import Theme

from edge_seal.errors import ConfigError

DIRECTORY: Final = "themes"

OURS: Final[tuple[Theme, ...]] = (
    Theme(
        name="edge-dark",
        primary="#7aa2c8",
        secondary="#8f9fb8",
        accent="#d8b26e",
        foreground="#dcdfe4",
        background="#15181d",
        surface="#1b1f26",
        panel="#242a33",
        success="#8fbf86",
        warning="#d8b26e",
        error="#d98080",
        dark=True,
        variables={"footer-key-foreground": "#d8b26e", "block-cursor-text-style": "bold"},
    ),
    Theme(
        name="edge-light",
        primary="#2f5d8a",
        secondary="#566b85",
        accent="#8a5a00",
        foreground="#1d2228",
        background="#f7f6f3",
        surface="#efede8",
        panel="#e3e0d9",
        success="#2c6e2f",
        warning="#8a5a00",
        error="#a52a2a",
        dark=False,
        variables={"footer-key-foreground": "#8a5a00", "block-cursor-text-style": "bold"},
    ),
    Theme(
        name="edge-contrast",
        primary="#ffff00",
        secondary="#00ffff",
        accent="#ffff00",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1a1a1a",
        success="#00ff00",
        warning="#ffff00",
        error="#ff8080",
        dark=True,
        text_alpha=1.0,
        variables={
            "footer-key-foreground": "#ffff00",
            "text-muted": "#ffffff",
            "text-disabled": "#d0d0d0",
            "block-cursor-background": "#ffff00",
            "block-cursor-foreground": "#000000",
            "block-cursor-text-style": "bold",
        },
    ),
)


def user_themes(config: Path) -> tuple[tuple[Theme, ...], tuple[ConfigError, ...]]:
    """The user's themes, and what is wrong with the files that hold none. One of ours is not replaced."""
    themes: list[Theme] = []
    errors: list[ConfigError] = []
    ours = {theme.name for theme in OURS}
    for path in sorted((config / DIRECTORY).glob("*.toml")):
        from edge_seal.tui.theme_file import load_theme  # only who has themes waits for it

        try:
            theme = load_theme(path)
            if theme.name in ours:
                raise ConfigError(f"{path}: {theme.name} is the name of a theme that comes with the program")
        except ConfigError as error:
            errors.append(error)
        else:
            themes.append(theme)
    return tuple(themes), tuple(errors)
