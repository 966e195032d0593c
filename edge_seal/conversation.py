"""One turn of a conversation: recall what bears on the question, generate the answer, keep both.

Invariants: a turn is kept whole or not at all (an answer that was interrupted leaves nothing); memories enter the
prompt as quoted data, and the turn names those it was given; the first turn of a conversation starts from a cleared KV
cache, so the same question, memories and adapter give the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, cast

from edge_seal.answer_health import ends_in_a_loop
from edge_seal.clock import Clock, timestamp
from edge_seal.engines.engine import Engine, Message, Sampling
from edge_seal.engines.taught_words import in_words_taught
from edge_seal.errors import ConfigError, EngineError, IntegrityError, NotFound
from edge_seal.memory.chat_commands import parsed
from edge_seal.memory.memories import Memories
from edge_seal.memory.turns import text_of
from edge_seal.records import Origin, Recalled, Recollection, Timing, Turn
from edge_seal.storage.database import Database, SqlValue

TITLE_CHARACTERS: Final = 80
# Of an answer, what is looked at for a loop: pieces are tokens, or a few of them.
LOOP_PIECES: Final = 400
# What stands for the id of a turn that is kept nowhere.
PRIVATE: Final = "private"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how the answer is to be drawn. `conversation_id` None begins a new conversation.

    Of a `private` question and its answer nothing is kept; `before` is what was said so far in its conversation, which
    only the asker holds. `system_prompt` None: the conversation's own; a text becomes the conversation's own.
    `instead_of` names the turn whose place this one takes: it and those after it are set aside, not deleted.
    """

    prompt: str
    origin: Origin
    sampling: Sampling
    conversation_id: str | None = None
    private: bool = False
    before: tuple[Turn, ...] = ()
    system_prompt: str | None = None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Answering:
    """What answers: the engine with its adapter set, which update that is (None: the base), and what is remembered.

    `taught_as` is the lesson in whose words the question is put to it too. `memories` None answers without them.
    `notices` say what is not as it should be; they travel with the turn. `on_kept` is called with the conversation's id
    in the transaction that keeps the turn.
    """

    engine: Engine
    update_id: str | None
    memories: Memories | None
    recall_tokens: int
    notices: tuple[str, ...] = ()
    on_kept: Callable[[str], None] | None = None
    taught_as: str | None = None
    end_loops: bool = False


# One turn -------------------------------------------------------------------------------------------------


def never() -> bool:
    """What an answer is heard to its end with."""
    return False


def take_turn(
    question: Question,
    answering: Answering,
    conversations: Conversations,
    on_piece: Callable[[str], None],
    enough: Callable[[], bool] = never,
) -> Turn:
    """Answers and keeps the turn, unless it is private; `on_piece` gets the answer's text as it is drawn.

    Once `enough` is true the answer ends where it is, and is kept so, as `stopped`. One that is caught in a loop ends
    too, where `end_loops` says so, and a notice tells of it.

    Raises:
        ConfigError: the prompt is empty or cannot be stored.
        NotFound: there is no such conversation.
        EngineError: the prompt does not fit the context.
    """
    checked_prompt(question.prompt)
    question, history = _begun(question, conversations)
    engine = answering.engine
    recalled = Recollection()
    if answering.memories is not None:
        recalled = answering.memories.recollect(
            question.prompt,
            answering.recall_tokens,
            lambda text: len(engine.tokenize(text)),
            conversation_id=question.conversation_id,
        )
    put = replace(question, prompt=in_words_taught(question.prompt, answering.taught_as))
    tokens = prompt_tokens(engine, history, put, recalled)
    parts: list[str] = []
    stopped, notices = False, answering.notices
    for piece in engine.generate(tokens, question.sampling, reuse_prefix=bool(history)):
        parts.append(piece.text)
        on_piece(piece.text)
        if enough():
            stopped = True
            break
        if answering.end_loops and ends_in_a_loop("".join(parts[-LOOP_PIECES:])):
            notices = (*notices, "the answer said the same over and over, and was ended (generation.end_loops)")
            break
    timing = engine.last_timing()
    if timing is None:
        raise EngineError("the engine answered without saying how long it took")
    answered = Turn(
        id="",
        conversation_id=question.conversation_id or "",
        created_at="",
        prompt=question.prompt,
        answer="".join(parts),
        origin=question.origin,
        update_id=answering.update_id,
        memories=(*(item.memory.id for item in recalled.memories), *(turn.turn_id for turn in recalled.turns)),
        timing=timing,
        notices=notices,
        also_from=_also_from(question, history, recalled, conversations),
        stopped=stopped,
        taught_as=answering.taught_as if put.prompt != question.prompt else None,
    )
    if question.private:
        return replace(answered, id=PRIVATE)
    kept = conversations.keep(
        answered,
        base_sha256=engine.model_sha256,
        seed=question.sampling.seed,
        system_prompt=question.system_prompt,
        instead_of=question.instead_of,
        on_kept=answering.on_kept,
    )
    if answering.memories is not None:
        answering.memories.keep_findable(kept)
    return kept


def _begun(question: Question, conversations: Conversations) -> tuple[Question, tuple[Turn, ...]]:
    """The question with its conversation and that one's system prompt known, and the turns before it."""
    if question.instead_of is not None:
        replaced = conversations.turn(question.instead_of)
        question = replace(question, conversation_id=replaced.conversation_id)
    if question.conversation_id is None:
        return question, question.before
    history = conversations.turns(question.conversation_id)
    if question.instead_of is not None:
        ids = [turn.id for turn in history]
        if question.instead_of not in ids:
            raise NotFound(f"{question.instead_of} was set aside: another answer has taken its place already")
        history = history[: ids.index(question.instead_of)]
    if question.system_prompt is None:
        question = replace(question, system_prompt=conversations.system_prompt(question.conversation_id))
    return question, history


def _also_from(
    question: Question, history: Sequence[Turn], recalled: Recollection, conversations: Conversations
) -> tuple[Origin, ...]:
    """The origins beside the question's own of what the answer was made from, most trusted first."""
    found = {origin for turn in history for origin in turn.origins}
    found |= {item.memory.origin for item in recalled.memories}
    # What is quoted of an earlier answer goes back to whatever that was made from.
    found |= {origin for turn in recalled.turns for origin in conversations.turn(turn.turn_id).origins}
    return tuple(origin for origin in Origin if origin in found - {question.origin})


def checked_system_prompt(text: str) -> str:
    """`text` as it can be kept.

    Raises:
        ConfigError: it is too long, or holds NUL or half a surrogate pair.
    """
    if len(text) > MAXIMUM_SYSTEM_CHARACTERS or "\0" in text or re.search("[\ud800-\udfff]", text):
        raise ConfigError(f"a system prompt is a text of at most {MAXIMUM_SYSTEM_CHARACTERS} characters")
    return text.strip()


def checked_prompt(prompt: str) -> None:
    """Returns if `prompt` is a text that can be asked and kept.

    Raises:
        ConfigError: it is empty, or holds NUL or half a surrogate pair.
    """
    if not prompt.strip():
        raise ConfigError("the prompt is empty", next_step='edge-seal ask "…", or `edge-seal ask -` to read it')
    if "\0" in prompt or re.search("[\ud800-\udfff]", prompt):
        raise ConfigError("the prompt holds bytes that are no text", next_step="check its encoding: UTF-8 is read")


# The prompt -----------------------------------------------------------------------------------------------


def prompt_tokens(
    engine: Engine, history: Sequence[Turn], question: Question, recalled: Recollection
) -> tuple[int, ...]:
    """The conversation as the model's own template writes it, with room left for the answer.

    The oldest turns are left out, one by one, where they would not fit; the question itself never is.
    """
    room = engine.context_tokens - min(question.sampling.max_tokens, engine.context_tokens // 2)
    tokens: tuple[int, ...] = ()
    for start in range(len(history) + 1):
        tokens = engine.render(messages(history[start:], question.prompt, recalled, question.system_prompt or ""))
        if len(tokens) <= room:
            break
    return tokens


def messages(
    history: Sequence[Turn], prompt: str, recalled: Recollection, system_prompt: str = ""
) -> tuple[Message, ...]:
    """The messages of a turn. Without `system_prompt` there is no system message: the template has its own.

    What was a command is left out, with what the program said to it: a model that reads "Remembered as m2." answers so
    to whatever comes next.
    """
    said = [
        message
        for turn in history
        if turn.origin is not Origin.TYPED or parsed(turn.prompt) is None
        for message in (Message("user", turn.prompt), Message("assistant", turn.answer))
    ]
    system = (Message("system", system_prompt),) if system_prompt else ()
    return (*system, *said, Message("user", f"{told}\n\n{prompt}" if (told := quoted(recalled)) else prompt))


def quoted(recalled: Recollection) -> str:
    """What is recalled as data before the question, each a line of its own, whatever it holds; past turns marked so.

    The wording and the place are measured on the default model: of eight questions it answered six from memories in
    the user's message, three or four from the same in a system message, and three from turns of their own.
    """
    lines = [f"- {' '.join(item.memory.text.split())}{_beside(item)}" for item in recalled.memories]
    lines += [text_of(turn) for turn in recalled.turns]
    return "\n".join(("I told you before:", *lines)) if lines else ""


def _beside(item: Recalled) -> str:
    return f" ({' '.join(item.note.split())})" if item.note else ""


# Kept turns -----------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    "id, conversation_id, created_at, prompt, origin, answer, update_id, memories, timing, also_from, stopped"
)
MAXIMUM_SYSTEM_CHARACTERS: Final = 4000


class Conversations:
    """The tables of conversations and turns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def keep(
        self,
        turn: Turn,
        *,
        base_sha256: str,
        seed: int,
        system_prompt: str | None = None,
        instead_of: str | None = None,
        on_kept: Callable[[str], None] | None = None,
    ) -> Turn:
        """Keeps `turn` and gives it its ids and time; without a conversation it begins one.

        `instead_of` and what was said after it in the conversation are set aside. `system_prompt` is the
        conversation's from now on. `on_kept` is called with the conversation's id, in the same transaction.
        """
        created_at = timestamp(self._clock.now())
        with self._database.transaction():
            conversation = (
                number_of(turn.conversation_id, "c", "conversation")
                if turn.conversation_id
                else self._begin(created_at, turn.prompt)
            )
            self._database.execute(
                "INSERT INTO turns (conversation_id, created_at, prompt, origin, answer, update_id, base_sha256,"
                " memories, timing, seed, also_from, stopped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    conversation,
                    created_at,
                    turn.prompt,
                    turn.origin.value,
                    turn.answer,
                    None if turn.update_id is None else number_of(turn.update_id, "u", "update"),
                    base_sha256,
                    json.dumps(turn.memories),
                    json.dumps(asdict(turn.timing)),
                    seed,
                    ",".join(turn.also_from),
                    int(turn.stopped),
                ),
            )
            number = self._database.last_row_id
            if instead_of is not None:
                self._database.execute(
                    "UPDATE turns SET set_aside = 1 WHERE conversation_id = ? AND id >= ? AND id < ?",
                    (conversation, number_of(instead_of, "t", "turn"), number),
                )
            if system_prompt is not None and system_prompt != self.system_prompt(f"c{conversation}"):
                self._database.execute(
                    "UPDATE conversations SET system_prompt = ? WHERE id = ?", (system_prompt, conversation)
                )
            if on_kept is not None:
                on_kept(f"c{conversation}")
        return replace(turn, id=f"t{number}", conversation_id=f"c{conversation}", created_at=created_at)

    def turn(self, turn_id: str) -> Turn:
        """The turn `t12`.

        Raises:
            NotFound: there is none.
        """
        if turn_id == PRIVATE:
            raise NotFound(
                "a private answer is kept nowhere, so nothing can be said of it or learned from it",
                next_step="ask again without --private",
            )
        number = number_of(turn_id, "t", "turn")
        row = self._database.row(f"SELECT {_COLUMNS} FROM turns WHERE id = ?", (number,))  # noqa: S608  # our own names
        if row is None:
            raise NotFound(f"there is no turn {turn_id}", next_step="`edge-seal ask --json` names its turn")
        return _turn(row)

    def turns(self, conversation_id: str, *, set_aside: bool = False) -> tuple[Turn, ...]:
        """The turns of a conversation, oldest first; with `set_aside` also those whose place others have taken.

        Raises:
            NotFound: there is no such conversation.
        """
        self.system_prompt(conversation_id)
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM turns WHERE conversation_id = ? AND set_aside <= ? ORDER BY id",  # noqa: S608  # our own names
            (number_of(conversation_id, "c", "conversation"), int(set_aside)),
        )
        return tuple(_turn(row) for row in rows)

    def system_prompt(self, conversation_id: str) -> str:
        """What the user wrote before everything that is said in the conversation; empty: nothing.

        Raises:
            NotFound: there is no such conversation.
        """
        number = number_of(conversation_id, "c", "conversation")
        row = self._database.row("SELECT system_prompt FROM conversations WHERE id = ?", (number,))
        if row is None:
            raise NotFound(
                f"there is no conversation {conversation_id}", next_step="`edge-seal ask --json` names its conversation"
            )
        return str(row[0])

    def seed_of(self, turn_id: str) -> int:
        """The seed that the answer of the turn was drawn with."""
        row = self._database.row("SELECT seed FROM turns WHERE id = ?", (number_of(turn_id, "t", "turn"),))
        return 0 if row is None else cast("int", row[0])

    def latest(self) -> str:
        """The conversation in which something was said last.

        Raises:
            NotFound: nothing was said yet.
        """
        row = self._database.row("SELECT conversation_id FROM turns ORDER BY id DESC LIMIT 1")
        if row is None:
            raise NotFound("there is no conversation to continue yet", next_step='edge-seal ask "…"')
        return f"c{row[0]}"

    def _begin(self, created_at: str, prompt: str) -> int:
        self._database.execute(
            "INSERT INTO conversations (created_at, title) VALUES (?, ?)",
            (created_at, " ".join(prompt.split())[:TITLE_CHARACTERS]),
        )
        return self._database.last_row_id


def number_of(public_id: str, letter: str, thing: str) -> int:
    """The number in a public id.

    Raises:
        NotFound: it is no such id.
    """
    if re.fullmatch(rf"{letter}[1-9][0-9]{{0,17}}", public_id) is None:
        raise NotFound(f"there is no {thing} {public_id!r}", next_step=f"a {thing}'s id is like {letter}1")
    return int(public_id[1:])


def _turn(row: tuple[SqlValue, ...]) -> Turn:
    number, conversation, created_at, prompt, origin, answer, update, memories, timing, also_from, stopped = row
    try:
        return Turn(
            id=f"t{number}",
            conversation_id=f"c{conversation}",
            created_at=str(created_at),
            prompt=str(prompt),
            answer=str(answer),
            origin=Origin(str(origin)),
            update_id=None if update is None else f"u{update}",
            memories=tuple(cast("list[str]", json.loads(str(memories)))),
            timing=Timing(**cast("dict[str, float]", json.loads(str(timing)))),  # pyright: ignore[reportArgumentType]  # stored by us
            also_from=tuple(Origin(name) for name in str(also_from).split(",") if name),
            stopped=bool(stopped),
        )
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"the row of turn t{number} is damaged ({error})") from error
