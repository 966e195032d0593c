from __future__ import annotations

from pathlib import Path

import pytest

from edge_seal.errors import ConfigError
from edge_seal.tui.app import known_bindings
from edge_seal.tui.keymap import load_keymap
from edge_seal.tui.start import write_crash
from edge_seal.tui.theme_file import load_theme
from edge_seal.tui.themes import OURS, user_themes


def keymap(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "keymap.toml"
    path.write_text(text, encoding="utf-8")
    return load_keymap(path, known_bindings())


def test_keys_are_taken_from_the_file(tmp_path: Path) -> None:
    written = '"chat.correct" = "ctrl+y, f10"\n"app.help" = "f11"\n"conversations.new" = "+"\n'
    assert keymap(tmp_path, written) == {
        "chat.correct": "ctrl+y,f10",
        "app.help": "f11",
        "conversations.new": "plus",
    }
    assert load_keymap(tmp_path / "absent.toml", known_bindings()) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"chat.fly" = "f10"', "nothing called 'chat.fly'"),
        ('"chat.correct" = "ctrl+nosuch"', "no key 'ctrl\\+nosuch'"),
        ('"chat.correct" = "hyperspace+x"', "no key"),
        ('"chat.correct" = 7', "needs a key"),
        ('"chat.correct" = ""', "needs a key"),
        ('"chat.correct" = "f1"', "f1 would be both"),
        ('"chat.correct" = "c"', "c could then not be typed"),
        ('"app.palette" = "f9,question_mark"', "question_mark could then not be typed"),
        ('chat.correct = "f10"', "nothing called 'chat'"),
        ("= f", "not valid TOML"),
    ],
)
def test_a_wrong_keymap_is_refused_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        keymap(tmp_path, text)


def test_no_two_default_keys_clash_on_one_screen() -> None:
    known = known_bindings()
    for group, bindings in known.items():
        owners: dict[str, str] = {}
        for binding in (known["app"] | bindings).values():
            for key in binding.key.split(","):
                other = owners.setdefault(key, binding.action)
                assert other == binding.action, f"{group}: {key} is {other} and {binding.action}"


def test_a_theme_is_read_and_a_bad_one_is_a_clean_error(tmp_path: Path) -> None:
    themes = tmp_path / "themes"
    themes.mkdir()
    (themes / "dawn.toml").write_text('primary = "#88c0d0"\nbackground = "#101010"\ndark = true\n', encoding="utf-8")
    (themes / "worse.toml").write_text('primary = "greenish"\n', encoding="utf-8")
    (themes / "typo.toml").write_text('primary = "#fff"\nbackgruond = "#000"\n', encoding="utf-8")
    (themes / "edge-dark.toml").write_text('primary = "#fff"\n', encoding="utf-8")
    (themes / "none.toml").write_text("primary", encoding="utf-8")
    (themes / "[red]x.toml").write_text('primary = "#fff"\n', encoding="utf-8")
    found, errors = user_themes(tmp_path)
    assert [theme.name for theme in found] == ["dawn"]
    told = "\n".join(error.message for error in errors)
    for words in (
        "'greenish' is no colour",
        "backgruond",
        "comes with the program",
        "not valid TOML",
        "cannot be a theme's file",
    ):
        assert words in told
    with pytest.raises(ConfigError, match="cannot read the theme"):
        load_theme(themes / "absent.toml")


def test_text_stands_out_from_its_ground_in_our_themes() -> None:
    """WCAG 2: a ratio of 4.5 for text, of 7 where high contrast is asked for."""

    def luminance(colour: str) -> float:
        channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme in OURS:
        assert theme.foreground is not None
        assert theme.background is not None
        lighter, darker = sorted((luminance(theme.foreground), luminance(theme.background)), reverse=True)
        ratio = (lighter + 0.05) / (darker + 0.05)
        assert ratio >= (15 if theme.name == "edge-contrast" else 7), theme.name


def test_a_crash_is_written_without_a_word_of_a_conversation(tmp_path: Path) -> None:
    def fails(told: str) -> None:
        raise ValueError(f"cannot show {told}")

    with pytest.raises(ValueError, match="secret") as caught:
        fails("a secret word")
    path = write_crash(tmp_path, caught.value)
    text = path.read_text(encoding="utf-8")
    assert "builtins.ValueError" in text
    assert "in fails" in text
    assert "secret" not in text
    assert path.stat().st_mode & 0o777 == 0o600
