"""What is judged at the door, before a byte of it is kept: lessons to learn and texts to remember.

Invariants: pure, like the guardian whose verdicts it brings; a refusal names rules and reasons and quotes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_seal.adaptation.guardian import (
    DEFAULT_POLICY,
    NameFinder,
    Policy,
    Purpose,
    judge,
    judge_example,
    judge_lesson,
    policy_of,
    strictest,
)
from edge_seal.adaptation.signals import Lesson
from edge_seal.config import DataPolicySettings
from edge_seal.records import Action, Example, Role, Verdict


@dataclass(frozen=True, slots=True)
class Admission:
    """The verdicts on several texts, in their order; `places` say which text each is, in words (`line 3`) or not."""

    verdicts: tuple[Verdict, ...]
    places: tuple[str, ...]

    @property
    def is_blocked(self) -> bool:
        return self.count(Action.BLOCK) > 0

    def count(self, action: Action) -> int:
        """How many of the texts have this verdict."""
        return sum(verdict.action is action for verdict in self.verdicts)

    def rules(self, action: Action) -> tuple[str, ...]:
        """The ids of the rules that led to `action`, each once, sorted."""
        return tuple(sorted({f.rule for v in self.verdicts for f in v.findings if f.action is action}))

    def reasons(self, action: Action) -> tuple[str, ...]:
        """Each rule that led to `action` with its reason and its places: `line 3: secret.github_token: it holds …`."""
        return tuple(dict.fromkeys(self._reasons(action)))

    def _reasons(self, action: Action) -> Iterator[str]:
        for verdict, place in zip(self.verdicts, self.places, strict=True):
            for finding in verdict.findings:
                if finding.action is action:
                    yield f"{place}: {finding.rule}: {finding.reason}" if place else f"{finding.rule}: {finding.reason}"


def policy_from(settings: DataPolicySettings) -> Policy:
    """The guardian's policy, as the user has set it.

    Raises:
        ConfigError: there is no such recognizer of names.
        EngineError: it cannot be loaded.
    """
    names: NameFinder | None = None
    if settings.names_model:
        from edge_seal.engines.spacy_names import SpacyNames

        names = SpacyNames.opened(settings.names_model)
    return policy_of(settings.train.model_dump(), settings.remember.model_dump(), settings.topics, names)


def of_lessons(
    lessons: Sequence[Lesson], places: Iterable[str] | None = None, *, policy: Policy = DEFAULT_POLICY
) -> Admission:
    """The verdicts on lessons that are to be trained on."""
    return _admission((_of_lesson(item, policy) for item in lessons), places)


def _of_lesson(lesson: Lesson, policy: Policy) -> Verdict:
    example = Example(lesson.prompt, lesson.answer, Role.LESSON, lesson.origin, also_from=lesson.also_from)
    verdict = judge_example(example, policy=policy)
    if lesson.source is None:
        return verdict
    # The name of the source stands in the manifest of every export.
    return strictest((verdict, judge(lesson.source, purpose=Purpose.TRAIN, policy=policy)))


def of_content(lesson: Lesson, let_in: Collection[str] = (), *, policy: Policy = DEFAULT_POLICY) -> Verdict:
    """The verdict on what a lesson says, wherever it comes from; `let_in`: the rules for which a person let it in."""
    example = Example(lesson.prompt, lesson.answer, Role.LESSON, lesson.origin, also_from=lesson.also_from)
    return judge_lesson(example, lesson.source, let_in=let_in, policy=policy)


def of_memories(
    texts: Iterable[str], places: Iterable[str] | None = None, *, policy: Policy = DEFAULT_POLICY
) -> Admission:
    """The verdicts on texts that are to be remembered."""
    return _admission((judge(text, purpose=Purpose.REMEMBER, policy=policy) for text in texts), places)


def lines_with_text(text: str) -> tuple[str, ...]:
    """`line 3` for each line of a JSON Lines text that is not blank, in order."""
    lines = enumerate(text.removeprefix("\ufeff").split("\n"), start=1)
    return tuple(f"line {number}" for number, line in lines if line.strip())


def _admission(verdicts: Iterable[Verdict], places: Iterable[str] | None) -> Admission:
    judged = tuple(verdicts)
    return Admission(judged, tuple(places) if places is not None else ("",) * len(judged))
