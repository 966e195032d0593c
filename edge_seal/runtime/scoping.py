"""Which questions what was learned bears on, and so which of the adapter and the base answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from edge_seal.engines.engine import Embedder, EmbedderUnavailable
from edge_seal.records import Turn, Update
from edge_seal.runtime.construction import Construction

if TYPE_CHECKING:
    from edge_seal.adaptation.scope import Scope

FITTED_FOR: Final = "all-minilm-l6-v2"
"""The embedder that the weights of a scope were fitted for; with another one the adapter answers everything."""

_FOLLOWS_ON: Final = re.compile(
    r"\b(?:he|him|his|she|her|hers|it|its|they|them|their|theirs|that|this|those|these|there|then|one|ones)\b"
    r"|^(?:and|but|so|why|really|sure|are you sure|go on|more|again|what about|how about)\b",
    re.IGNORECASE,
)
_FOLLOW_ON_WORDS: Final = 12


@dataclass(frozen=True, slots=True)
class _Taught:
    """What some updates were taught: lessons (row and prompt), and rules for these kinds of prompts."""

    lessons: tuple[tuple[int, str], ...]
    rule_kinds: frozenset[str]

    def bears_by_rule_on(self, prompt: str) -> bool:
        if not self.rule_kinds:
            return False
        from edge_seal.adaptation.style_rules import applies_to

        return any(applies_to(kind, prompt) for kind in self.rule_kinds)


@dataclass(frozen=True, slots=True)
class Bearing:
    """Whether an update is to answer a question; `taught_as`: the lesson in whose words it is to be put to it too."""

    bears: bool
    taught_as: str | None = None


@dataclass(frozen=True, slots=True)
class Answerer:
    """What is to answer a question, None is the base; `taught_as` as in `Bearing`."""

    update: Update | None
    taught_as: str | None = None


class Scoping(Construction):
    """Judges by the lessons of an update and of those below it."""

    # By update and manifest, the newest last: what it was taught and its scope, of what answers and of the canary.
    _judging: Mapping[tuple[str, str | None], tuple[_Taught | None, Scope | None]] = MappingProxyType({})

    def answering_from(self, update: Update, prompt: str, before: Turn | None) -> Answerer:
        """What is to answer `prompt` where `update` is active: it, one below it, or the base, untouched.

        One that learned what was forgotten since answers only what it was certainly taught besides: by meaning, a
        question for what is gone is near what was learned with it.
        """
        left = self.forgetting.left_of(update)
        if left is not None:
            from edge_seal.adaptation.scope import asks_for

            if asks_for(prompt, left.lessons):
                return Answerer(update)
            if left.below is None:
                return Answerer(None)
            update = left.below
        bearing = self.bearing(update, prompt, before)
        return Answerer(update, bearing.taught_as) if bearing.bears else Answerer(None)

    def bears_on(self, update: Update, prompt: str, before: Turn | None) -> bool:
        """Whether `update` is to answer `prompt`, see `bearing`."""
        return self.bearing(update, prompt, before).bears

    def bearing(self, update: Update, prompt: str, before: Turn | None) -> Bearing:
        """Whether and how `update` is to answer `prompt`; `before` is the turn before it in its conversation.

        A short question that only makes sense after the one before it goes where that one went. Where there is nothing
        to judge by (another embedder, none at all), the answer is yes. A rule of style bears on every prompt of its
        kind, and one for every answer on all of them.
        """
        taught, scope = self._taught_and_scope(update)
        if taught is None or taught.bears_by_rule_on(prompt):
            return Bearing(bears=True)
        if not taught.lessons:
            return Bearing(bears=False)
        embedder = self.embedder
        if scope is None or embedder is None:
            return Bearing(bears=True)
        if before is not None and before.update_id is not None and follows_on(prompt):
            return Bearing(bears=True)
        try:
            judged = scope.judge(prompt, embedder.embed([prompt])[0])
        except EmbedderUnavailable:
            return Bearing(bears=True)
        return Bearing(judged.inside, judged.taught_as(prompt))

    def know_scope(self, update: Update) -> None:
        """Embeds what `bears_on` will ask for, so that the next answer need not wait for it."""
        self._taught_and_scope(update)

    @property
    def judging_embedder(self) -> Embedder | None:
        """What judges where lessons apply; None: an adapter answers everything."""
        return self.embedder if self._is_judged_here() else None

    def _taught_and_scope(self, update: Update) -> tuple[_Taught | None, Scope | None]:
        """What `update` and those below it were taught, and its scope; None: everything, or it cannot be told."""
        if not self._is_judged_here():
            return None, None
        # A lesson that is forgotten changes the manifest.
        key = (update.id, update.manifest_sha256)
        if key not in self._judging:
            lessons = self.releases.lessons(update)
            taught = None if lessons is None else _Taught(lessons, self.releases.rule_kinds(update))
            kept = dict(list(self._judging.items())[-1:])
            self._judging = MappingProxyType({**kept, key: (taught, self._scope_of(lessons))})
        return self._judging[key]

    def _is_judged_here(self) -> bool:
        settings = self.settings
        own = settings.embedder.sends_to is None and settings.model.embedder == FITTED_FOR
        # Who recalls by words alone, or not at all, wants no embedder in memory.
        wanted = settings.memory.mode not in ("keyword", "off")
        return settings.learning.scope != "everything" and own and wanted

    def _scope_of(self, lessons: tuple[tuple[int, str], ...] | None) -> Scope | None:
        embedder = self.embedder
        if not lessons or embedder is None:
            return None
        from edge_seal.adaptation.scope_vectors import scope_of

        try:
            return scope_of(lessons, self.database, embedder, self.home.cache)
        except EmbedderUnavailable:
            return None


def follows_on(prompt: str) -> bool:
    """Whether `prompt` leans on what was said before it: short, and with a word that points back."""
    return len(prompt.split()) <= _FOLLOW_ON_WORDS and _FOLLOWS_ON.search(prompt.strip()) is not None
