"""Forgetting a memory, a lesson or a conversation with all that it reaches: turns, lessons, updates, weights.

Order: the text goes at once, everywhere, in one transaction; weights that were trained on it go at the next cycle, or
now if asked; until then every answer says so. What is only near, and what lies in backups, is named and left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_seal.archive import Archive, Deleted
from edge_seal.errors import EdgeSealError, IntegrityError
from edge_seal.memory import same_fact
from edge_seal.records import Memory, Signal, SignalKind, State, Update
from edge_seal.runtime.construction import Construction
from edge_seal.runtime.values import USER
from edge_seal.storage import erasure
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.forgetting import ReachedUpdate

# A lesson at least this near to a memory by meaning is shown beside it; it is never forgotten for that alone.
NEAR_COSINE: Final = 0.6
# With more lessons, words alone are compared: an embedder takes 5 to 10 ms a sentence.
_EMBEDDED_AT_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Reach:
    """What forgetting something would touch, before it is done.

    Attributes:
        lessons: signals that teach the same, to be forgotten with it.
        near: signals that may teach it; they are only shown.
        updates: those that were trained on `lessons`.
        turns: ids of turns that said it.
        also: ids of other memories that say the same.
        backups: files that were made before, which still have it.
        naming: ids of other turns that have a name or a number of it; they are only shown.
    """

    memory: Memory | None
    lessons: tuple[Signal, ...]
    near: tuple[Signal, ...]
    updates: tuple[Update, ...]
    turns: tuple[str, ...]
    also: tuple[str, ...]
    backups: tuple[Path, ...]
    naming: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was forgotten, and what the user should know. `active` is what answers now (None: the base)."""

    memory: Memory | None
    lessons: tuple[str, ...]
    updates: tuple[ReachedUpdate, ...]
    turns: tuple[str, ...]
    active: str | None
    near: tuple[str, ...]
    also: tuple[str, ...]
    backups_deleted: int
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """A conversation that was deleted, and what was forgotten of its lessons."""

    conversation: Deleted
    lessons: tuple[str, ...]
    updates: tuple[ReachedUpdate, ...]
    notices: tuple[str, ...]


class Forgetting(Construction):
    """Forgets, and says beforehand what that reaches."""

    @property
    def archive(self) -> Archive:
        """The kept conversations."""
        return Archive(self.database, self.conversations)

    # What it would reach ----------------------------------------------------------------------------------

    def reach(self, public_id: str) -> Reach:
        """What `forget` would touch; changes nothing.

        Raises:
            NotFound: there is no such memory or lesson.
        """
        if public_id.startswith("s"):
            signal = self.signals.get(public_id)
            updates = self.forgetting.reached_by([signal.id])
            naming = self.archive.turns_naming(f"{signal.prompt}\n{signal.answer}")
            return Reach(None, (signal,), (), updates, (), (), self._backups(), naming)
        memory = self.stored_memories.get(public_id)
        lessons, near = self._lessons_of(memory)
        updates = self.forgetting.reached_by([signal.id for signal in lessons])
        turns = self.archive.turns_telling(memory)
        naming = tuple(turn for turn in self.archive.turns_naming(memory.text) if turn not in turns)
        return Reach(memory, lessons, near, updates, turns, self._also(memory), self._backups(), naming)

    def _lessons_of(self, memory: Memory) -> tuple[tuple[Signal, ...], tuple[Signal, ...]]:
        """The signals that teach what `memory` says, and those that may."""
        same: list[Signal] = []
        near: list[Signal] = []
        unlike: list[Signal] = []
        linked = self.signals.of_memory(memory.id)
        for signal in self.signals.all():
            if not signal.prompt:
                continue
            likeness = same_fact.lesson_tells(memory.text, signal.prompt, signal.answer)
            group = same if signal.id in linked or likeness == "same" else near if likeness == "near" else unlike
            group.append(signal)
        near.extend(self._near_by_meaning(memory, [item for item in unlike if item.kind is not SignalKind.BAD]))
        return tuple(same), tuple(near)

    def _near_by_meaning(self, memory: Memory, signals: Sequence[Signal]) -> list[Signal]:
        if not signals or len(signals) > _EMBEDDED_AT_MOST or self.settings.memory.mode in ("keyword", "off"):
            return []
        # What is to be forgotten is not sent to anybody.
        embedder = self.embedder if self.settings.embedder.sends_to is None else None
        if embedder is None:
            return []
        vectors = embedder.embed([memory.text, *(f"{item.prompt} {item.answer}" for item in signals)])
        cosines = vectors[1:] @ vectors[0]
        return [item for item, cosine in zip(signals, cosines.tolist(), strict=True) if cosine >= NEAR_COSINE]

    def _also(self, memory: Memory) -> tuple[str, ...]:
        """Other memories that say the same; what they keep stays in the files."""
        found = self.stored_memories.search(memory.text, k=20, mode="keyword")
        return tuple(
            item.memory.id
            for item in found
            if item.memory.id != memory.id and same_fact.text_tells(memory.text, item.memory.text)
        )

    def _backups(self) -> tuple[Path, ...]:
        directory = self.home.backups
        return tuple(sorted(path for path in directory.glob("*") if path.is_file())) if directory.is_dir() else ()

    # Forgetting -------------------------------------------------------------------------------------------

    def forget(
        self,
        public_id: str,
        *,
        now: bool = False,
        keep_lessons: bool = False,
        keep_turns: bool = False,
        backups: bool = False,
    ) -> Forgotten:
        """Takes a memory (`m3`) or a lesson (`s5`) out for good, with what tells the same.

        Lessons that teach the same are forgotten with a memory unless `keep_lessons`, the words of turns that said it
        unless `keep_turns`. With `now`, an active update that learned it is rolled back at once. With `backups`, the
        backups in the home are deleted: they are copies from before.

        Raises:
            NotFound: there is no such memory or lesson.
            Busy: an update has to change and another process is learning; nothing is forgotten. Or: it is forgotten,
                but another process keeps the bytes in the write-ahead log until it is done.
        """
        reach = self._reach_of_damaged_too(public_id)
        lessons = () if keep_lessons and reach.memory is not None else tuple(item.id for item in reach.lessons)
        with self.writing() if lessons else contextlib.nullcontext():
            return self._forgotten(public_id, reach, lessons, now=now, keep_turns=keep_turns, backups=backups)

    def _forgotten(
        self, public_id: str, reach: Reach, lessons: Sequence[str], *, now: bool, keep_turns: bool, backups: bool
    ) -> Forgotten:
        memory, turns = reach.memory, ()
        updates: tuple[ReachedUpdate, ...] = ()
        with erasure.erasing(self.database):
            if not public_id.startswith("s"):
                memory = self.stored_memories.forget(public_id)
                turns = () if keep_turns else self.archive.erase_telling(memory)
            if lessons:
                updates = self._forget_lessons(lessons)
                if now:
                    self.forgetting.retire(USER)
        active = self.releases.active()
        deleted = self._delete_backups() if backups else 0
        return Forgotten(
            memory, tuple(lessons), updates, turns, None if active is None else active.id,
            tuple(item.id for item in reach.near), reach.also, deleted,
            self._notices(reach, lessons, active, keep_turns=keep_turns),
        )  # fmt: skip

    def _forget_lessons(self, lessons: Sequence[str]) -> tuple[ReachedUpdate, ...]:
        updates = self.forgetting.forget(lessons, USER)
        self.signals.forget(lessons)
        body: dict[str, JsonValue] = {"updates": [update.id for update in updates]}
        for lesson in lessons:
            self.ledger.append("signal.forgotten", actor=USER, subject=lesson, body=body)
        return updates

    def _notices(
        self, reach: Reach, lessons: Sequence[str], active: Update | None, *, keep_turns: bool
    ) -> tuple[str, ...]:
        notices: list[str] = []
        kept = [item.id for item in reach.lessons if item.id not in lessons]
        told = [*kept, *(item.id for item in reach.near)]
        if told:
            notices.append(f"{', '.join(told)} may teach the same: `edge-seal forget {told[0]}` forgets a lesson too")
        if reach.also:
            notices.append(f"{', '.join(reach.also)} says the same: `edge-seal forget {reach.also[0]}`")
        if keep_turns and reach.turns:
            notices.append(f"the turns {', '.join(reach.turns)} still say it")
        if reach.naming:
            notices.append(
                f"a name or a number of it still stands in {', '.join(reach.naming)}, which say something else: "
                f"`edge-seal conversations delete` takes a conversation out"
            )
        marked = self.forgetting.notice(active)
        if marked is not None:
            notices.append(marked)
        left = self._backups()
        if left:
            notices.append(
                f"{len(left)} backups in {left[0].parent} were made before and still have it; what you exported, too: "
                f"`forget --backups` deletes the backups"
            )
        return tuple(notices)

    def _delete_backups(self) -> int:
        doomed = self._backups()
        for path in doomed:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise EdgeSealError(f"it is forgotten, but the backup {path} could not be deleted: {error}") from error
        return len(doomed)

    def _reach_of_damaged_too(self, public_id: str) -> Reach:
        """As `reach`; a memory that cannot be believed is forgotten by its number, and reaches nothing."""
        try:
            return self.reach(public_id)
        except IntegrityError:
            return Reach(None, (), (), (), (), (), self._backups())

    # Conversations ----------------------------------------------------------------------------------------

    def delete_conversation(self, conversation_id: str, *, with_lessons: bool = False) -> Removed:
        """Deletes a conversation with its turns; with `with_lessons` what was taught in it is forgotten too.

        Raises:
            NotFound: there is none.
            Busy: as for `forget`.
        """
        self.archive.get(conversation_id)
        lessons = self.archive.lessons_of(conversation_id) if with_lessons else ()
        updates: tuple[ReachedUpdate, ...] = ()

        def record(turns: int) -> object:
            body: Mapping[str, JsonValue] = {"turns": turns, "lessons_forgotten": list(lessons)}
            return self.ledger.append("conversation.deleted", actor=USER, subject=conversation_id, body=body)

        with self.writing() if lessons else contextlib.nullcontext(), erasure.erasing(self.database):
            if lessons:
                updates = self._forget_lessons(lessons)
            deleted = self.archive.delete(conversation_id, record)
        notices: list[str] = []
        if deleted.lessons:
            notices.append(
                f"{', '.join(deleted.lessons)} was taught in it and keeps its words: "
                f"`edge-seal forget {deleted.lessons[0]}` forgets a lesson"
            )
        marked = self.forgetting.notice(self.releases.active())
        if marked is not None and any(update.state is State.ACTIVE for update in updates):
            notices.append(marked)
        if backups := self._backups():
            notices.append(f"{len(backups)} backups in {backups[0].parent} were made before and still have it")
        return Removed(deleted, lessons, updates, tuple(notices))
