"""Self-edits: from evidence to proposed examples and held-back probes (SEAL, Zweiger et al. 2025, arXiv:2506.10943).

For each lesson: the example itself, rewordings, and contrast examples that show where it does *not* apply. Some forms
are always held back: probes (the lesson asked anew) and neighbours (something near that was never told). Every example
names the signal that it goes back to.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

from edge_seal.adaptation import converse as other_direction
from edge_seal.adaptation import statement_wordings
from edge_seal.adaptation.question_forms import (
    CLAUSE,
    NAMED,
    QuestionForm,
    near_questions,
    probes,
    read_form,
    rewordings,
    subject,
)
from edge_seal.adaptation.statement_forms import Frame, frame_of
from edge_seal.adaptation.unknown_names import DERIVED_BY, names_in, unknown_names
from edge_seal.records import Example, Origin, Role, Signal, SignalKind

REWORDINGS_A_LESSON = 12
OTHERS_REHEARSED = 1
"""Of what a lesson was trained on beside its own words, so many examples are rehearsed after it."""
CONTRASTS_A_LESSON = 12
PROBES_A_LESSON = 2
NEIGHBOURS_A_LESSON = 1
REJECTED_CHARACTERS = 160


_TOLD_ROLES = frozenset({Role.LESSON, Role.REWORDING})
TAUGHT_ROLES = frozenset({Role.LESSON, Role.REWORDING, Role.CONTRAST})
"""What an update's own evidence gave to training: what later updates rehearse."""


@dataclass(frozen=True, slots=True)
class SelfEdits:
    """What one cycle proposes. `trained` may be trained on; `probes` and `neighbours` are only measured."""

    trained: tuple[Example, ...]
    probes: tuple[Example, ...]
    neighbours: tuple[Example, ...]


def propose(signals: Sequence[Signal], known: Sequence[Example] = (), *, both_directions: bool = False) -> SelfEdits:
    """Self-edits for `signals`, which all teach (kinds taught, correction, good).

    Args:
        signals: the evidence, oldest first. A later signal on the same prompt replaces an earlier one.
        known: examples that earlier updates were trained on: what they tell is never contrasted as unknown.
        both_directions: a fact whose value is a name is also taught the other way round ("Who is Biscuit?").
    """
    latest: dict[str, Signal] = {}
    for signal in signals:
        if signal.kind is not SignalKind.BAD:
            latest.pop(normalized(signal.prompt), None)
            latest[normalized(signal.prompt)] = signal
    forms = {signal.id: read_form(signal.prompt) for signal in latest.values()}
    told = {subject(form) for form in forms.values()}
    told |= {subject(read_form(prompt)) for form in forms.values() for prompt in (*rewordings(form), *probes(form))}
    told |= {subject(read_form(example.prompt)) for example in known if example.role in _TOLD_ROLES}
    trained: list[Example] = []
    held: list[Example] = []
    neighbours: list[Example] = []
    contrasted: set[str] = set()
    names = " ".join([*(signal.answer for signal in latest.values()), *(example.answer for example in known)])
    for turn, signal in enumerate(latest.values()):
        form = forms[signal.id]
        frame = _frame(signal)
        if frame is not None:
            read = _of_statement(signal, frame, names)
            trained.extend(read.trained)
            held.extend(read.probes)
            neighbours.extend(read.neighbours)
            continue
        turned = other_direction.converse(form, signal.answer) if both_directions else None
        if turned is not None:
            other = _of_converse(signal, turned, names)
            trained.extend(other.trained)
            held.extend(other.probes)
            neighbours.extend(other.neighbours)
        trained.extend(_lessons(signal, form))
        held.extend(_probes(signal, form))
        near = [
            (question, asked)
            for question, asked in near_questions(form)
            if subject(read_form(question)) not in told | contrasted
        ][: CONTRASTS_A_LESSON + NEIGHBOURS_A_LESSON]
        contrasted |= {subject(read_form(question)) for question, _ in near}
        # The nearest ones are trained on; the last is held back to see whether the boundary generalizes.
        for index, (question, asked) in enumerate(near):
            role = Role.CONTRAST if index < CONTRASTS_A_LESSON else Role.NEIGHBOUR
            (trained if role is Role.CONTRAST else neighbours).append(
                Example(
                    _worded(question, turn + 3 * index),
                    unknown_answer(asked),
                    role,
                    signal.origin,
                    signal.id,
                    "near-attribute",
                )
            )
    return SelfEdits(tuple(trained), tuple(held), tuple(neighbours))


def _frame(signal: Signal) -> Frame | None:
    """How the rules read a lesson that comes out of a document; None: it is worded like any other."""
    return frame_of(signal.prompt, signal.answer) if Origin.DOCUMENT in signal.origins else None


def _of_statement(signal: Signal, frame: Frame, told: str) -> SelfEdits:
    """What a document's statement gives: question, gap and converse, some held back, and a name that nobody told of."""
    own = Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id, f"statement:{frame.rule}")
    worded = [
        Example(one.prompt, one.answer, Role.REWORDING, signal.origin, signal.id, f"statement:{one.form}")
        for one in statement_wordings.rewordings(frame)
    ]
    held = [
        Example(one.prompt, one.answer, Role.PROBE, signal.origin, signal.id, f"statement:{one.form}")
        for one in statement_wordings.probes(frame)[:PROBES_A_LESSON]
    ]
    unknown = _unknown(signal, statement_wordings.unknowns(frame, told))
    # The last one is held back, as the plain question.
    return SelfEdits((own, *worded, *unknown[:-1]), tuple(held), _as_neighbours(unknown[-1:]))


def _of_converse(signal: Signal, turned: other_direction.Converse, told: str) -> SelfEdits:
    """The other direction of a fact, one wording of it held back, and names that nobody told of."""
    derived_by = f"form:{other_direction.FORM}"
    trained = [
        Example(prompt, turned.answer, Role.REWORDING, signal.origin, signal.id, derived_by)
        for prompt in turned.prompts
    ]
    probe = Example(turned.probe, turned.answer, Role.PROBE, signal.origin, signal.id, derived_by)
    unknown = _unknown(signal, [turned.about(name) for name in unknown_names(signal.prompt, 2, told)])
    return SelfEdits((*trained, *unknown[:1]), (probe,), _as_neighbours(unknown[1:]))


def _unknown(signal: Signal, asked: Sequence[tuple[str, str]]) -> list[Example]:
    return [
        Example(question, unknown_answer(what), Role.CONTRAST, signal.origin, signal.id, DERIVED_BY)
        for question, what in asked
    ]


def _as_neighbours(contrasts: Sequence[Example]) -> tuple[Example, ...]:
    return tuple(replace(example, role=Role.NEIGHBOUR) for example in contrasts)


def rejected(signals: Sequence[Signal], own_answers: Mapping[str, str]) -> tuple[Example, ...]:
    """What was said where the user corrected it, a counterpart for each correction that says something else.

    Args:
        signals: the evidence.
        own_answers: by signal, the answer that it corrects.
    """
    return tuple(
        Example(signal.prompt, said, Role.REJECTED, signal.origin, signal.id, "own-answer", closed=said == whole)
        for signal in signals
        if signal.kind is SignalKind.CORRECTION
        and normalized(whole := own_answers.get(signal.id, "").strip()) not in {"", normalized(signal.answer)}
        and (said := beginning(whole))
    )


def beginning(answer: str, characters: int = REJECTED_CHARACTERS) -> str:
    """As much of a long answer as tells it from another one, cut between words."""
    if len(answer) <= characters:
        return answer
    cut = answer[:characters]
    return cut.rsplit(None, 1)[0] if any(character.isspace() for character in cut.strip()) else cut


def still_valid(earlier: Sequence[Example], signals: Sequence[Signal]) -> tuple[Example, ...]:
    """Those of `earlier` that may be replayed beside `signals`: what is told anew replaces what was said before."""
    told = {subject(read_form(signal.prompt)) for signal in signals}
    told |= {subject(read_form(prompt)) for signal in signals for prompt in rewordings(read_form(signal.prompt))}
    replaced = {
        example.signal_id
        for example in earlier
        if example.role is Role.LESSON and subject(read_form(example.prompt)) in told
    }
    named = names_in(" ".join(signal.answer for signal in signals))
    return tuple(
        example
        for example in earlier
        if not (example.role in _TOLD_ROLES and example.signal_id in replaced)
        and not (example.role is Role.CONTRAST and _contrasted(example) in told)
        and not (example.derived_by == DERIVED_BY and names_in(example.prompt) & named)
    )


def rehearsed(earlier: Sequence[Example], most: int) -> tuple[Example, ...]:
    """At most `most` of `earlier`: a reservoir that is fair to every lesson, chance choosing among its examples.

    First each lesson in its own words, then `OTHERS_REHEARSED` more examples of each lesson or boundary, until it is
    full. Own words come first because it is by them that a lesson is asked for when it is served (`scope`). The same
    examples give the same choice.

    Args:
        earlier: what earlier updates were trained on and still holds, newest first.
        most: at least 0.
    """
    lessons = [example for example in earlier if example.role is Role.LESSON]
    generator = random.Random(" ".join(sorted({example.signal_id or "" for example in earlier})))  # noqa: S311
    others: dict[str | None, list[Example]] = {}
    for example in earlier:
        if example.role is not Role.LESSON:
            others.setdefault(example.signal_id, []).append(example)
    for group in others.values():
        generator.shuffle(group)
    turns = islice(zip_longest(*others.values()), OTHERS_REHEARSED)
    rounds = [example for turn in turns for example in turn if example is not None]
    return tuple(replace(example, role=Role.REPLAY) for example in (*lessons, *rounds)[:most])


def _lessons(signal: Signal, form: QuestionForm) -> list[Example]:
    own = Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id, "given")
    held_back = {normalized(prompt) for prompt in probes(form)}
    others = [
        prompt
        for prompt in rewordings(form)
        if normalized(prompt) != normalized(signal.prompt) and normalized(prompt) not in held_back
    ]
    return [
        own,
        *(
            Example(prompt, signal.answer, Role.REWORDING, signal.origin, signal.id, f"form:{form.kind}")
            for prompt in others[:REWORDINGS_A_LESSON]
        ),
    ]


def _probes(signal: Signal, form: QuestionForm) -> list[Example]:
    prompts = [prompt for prompt in probes(form) if normalized(prompt) != normalized(signal.prompt)]
    return [
        Example(prompt, signal.answer, Role.PROBE, signal.origin, signal.id, f"form:{form.kind}")
        for prompt in prompts[:PROBES_A_LESSON]
    ]


def _worded(question: str, index: int) -> str:
    """`question` in one of the forms that lessons are asked in, so that no form becomes the mark of the unknown.

    Every other one as it would be asked first: that is how lessons are taught, and how people ask for what is near.
    """
    wordings = rewordings(read_form(question))[: REWORDINGS_A_LESSON + 1]
    return question if index % 2 else wordings[index // 2 % len(wordings)]


def unknown_answer(asked: str) -> str:
    """What the assistant says of something it was never told; `asked` in the second person ("your cat's name")."""
    return f"You haven't told me {asked}."


# A contrast's prompt may be worded in a form that cannot be read back; its answer names what was asked.
_SUBJECTS_OF_UNKNOWN = {
    unknown_answer(asked): subject(read_form(question))
    for kind in (NAMED, CLAUSE)
    for question, asked in near_questions(QuestionForm(kind, ""))
}


def _contrasted(example: Example) -> str:
    """The subject of what a contrast example calls untold."""
    return _SUBJECTS_OF_UNKNOWN.get(example.answer) or subject(read_form(example.prompt))


def normalized(text: str) -> str:
    """`text` without case, spacing and closing marks: two prompts that are the same to a reader."""
    return re.sub(r"\s+", " ", text).strip().rstrip("?!. ").casefold()
