"""The verbs of statements about oneself, from any of their forms to the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["base", "s", "ing", "past"]


@dataclass(frozen=True, slots=True)
class Form:
    """A verb's first form, and which form was found; the participle counts as past."""

    verb: str
    kind: Kind


_REGULAR: Final = (
    "live reside work study use play own prefer like love hate enjoy cook bake volunteer practise practice coach paint "
    "rent attend train foster dance climb sail vape gamble hike skate surf hunt garden travel blog smoke cycle "
    "bike commute learn major subscribe walk avoid detest adore dislike follow date"
)
_IRREGULAR: Final = (
    "drive drives driving drove driven, speak speaks speaking spoke spoken, eat eats eating ate eaten, "
    "drink drinks drinking drank drunk, take takes taking took taken, run runs running ran, "
    "swim swims swimming swam swum, "
    "teach teaches teaching taught, sing sings singing sang sung, wear wears wearing wore worn, "
    "go goes going went gone, keep keeps keeping kept, read reads reading, wake wakes waking woke woken, "
    "knit knits knitting knitted, jog jogs jogging jogged, ski skis skiing skied, fish fishes fishing fished, "
    "meet meets meeting met, study studies studying studied, attend attends attending attended, "
    "have has having had, sleep sleeps sleeping slept"
)


def _regular(verb: str) -> dict[str, Form]:
    stem = verb.removesuffix("e")
    third = verb + ("es" if verb.endswith(("s", "sh", "ch", "x")) else "s")
    return {
        verb: Form(verb, "base"),
        third: Form(verb, "s"),
        f"{stem}ing": Form(verb, "ing"),
        f"{stem}ed": Form(verb, "past"),
    }


def _irregular(forms: str) -> dict[str, Form]:
    verb, *others = forms.split()
    kinds: tuple[Kind, ...] = ("s", "ing", "past", "past")
    return {verb: Form(verb, "base")} | {
        form: Form(verb, kind) for form, kind in zip(others, kinds, strict=False) if form != verb
    }


_FORMS: Final = {form: made for verb in _REGULAR.split() for form, made in _regular(verb).items()} | {
    form: made for forms in _IRREGULAR.split(", ") for form, made in _irregular(forms).items()
}


def base_of(word: str) -> Form | None:
    """The verb that `word` is a form of, if it is one of these; `going` and `went` stay as they are said."""
    form = _FORMS.get(word.lower())
    return None if form is not None and word.lower() in {"went", "going", "gone"} else form
