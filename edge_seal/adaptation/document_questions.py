"""What the model asks of a document beside the rules: questions to answers that stand in a sentence word for word.

Rules choose the answer (a date, a number, a name) and the question's first word; the reply's JSON is written around
them, and the model fills in the rest of the question. So no reply can be malformed, and no answer invented. Kept is
only a question whose words the sentence bears out. SEAL (Zweiger et al. 2025, arXiv:2506.10943) lets the model write
its training data; what a model of 135M parameters asks holds less often than what the rules ask (docs/log.md).

Invariant: the engine is used as it stands, greedily: the same model and document give the same proposals.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from edge_seal.adaptation.documents import BY_MODEL, Document, Proposal, Sentence
from edge_seal.adaptation.statement_parts import content_words, names_and_numbers
from edge_seal.adaptation.statement_words import DATE, NUMBER, POINTERS
from edge_seal.engines.engine import Engine, Message, Sampling

SENTENCES_ASKED: Final = 60
"""Sentences of one document that the model reads at most: a second or two each."""
QUESTION_TOKENS: Final = 32
QUESTION_WORDS: Final = (4, 18)
SPANS_A_SENTENCE: Final = 2
SPAN_WORDS: Final = 6
SHARED: Final = 0.75
"""Of the question's content words, the share that the sentence has to hold."""

_INSTRUCTION: Final = "Write the question that this sentence answers with the given words, as JSON.\nSentence: {s}"
_SHOWN: Final = (
    (
        "The old bridge over the Tarn, which the flood damaged twice, was built by Ada Holm.",
        '{"answer": "Ada Holm", "question": "Who built the old bridge over the Tarn?"}',
    ),
    (
        "Since the fire, Bellows Hall has been home to a school with 300 pupils.",
        '{"answer": "300", "question": "How many pupils does the school in Bellows Hall have?"}',
    ),
    (
        "Rainer Volk, who had studied in Graz, opened his first bakery in Steyr on 4 May 1968.",
        '{"answer": "on 4 May 1968", "question": "When did Rainer Volk open his first bakery?"}',
    ),
    (
        "Most of its wool is sold to the Corran mill, and the rest stays in the valley.",
        '{"answer": "the Corran mill", "question": "What is most of the wool sold to?"}',
    ),
)
_WHEN: Final = re.compile(rf"(?:in|on|since) {DATE}(?![\w%])")
_MANY: Final = re.compile(rf"(?P<n>{NUMBER}) (?=[a-z])")
_NAMED: Final = re.compile(r"(?<=[a-z,] )(?:the )?[A-Z][\w'’-]+(?: (?:(?:of|the|and) )?[A-Z][\w'’-]+){0,4}")
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def ask_model(
    engine: Engine,
    document: Document,
    by_rule: Sequence[Proposal],
    on_sentence: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[Proposal, ...]:
    """What the model proposes for sentences that the rules make nothing of; only what passed the checks above.

    Args:
        engine: serving the base.
        document: what is read.
        by_rule: what the rules proposed for it.
        on_sentence: hears how many of how many sentences were read.
    """
    read = {(proposal.line, proposal.sentence) for proposal in by_rule}
    asked = [one for one in document.sentences if (one.line, one.text) not in read and spans(one.read_as)]
    return tuple(_proposed(engine, asked[:SENTENCES_ASKED], on_sentence))


def _proposed(engine: Engine, asked: Sequence[Sentence], on_sentence: Callable[[int, int], None]) -> Iterator[Proposal]:
    for done, sentence in enumerate(asked, start=1):
        for span, begun in spans(sentence.read_as):
            question = question_for(engine, sentence.read_as, span, begun)
            if is_borne_out(question, span, sentence.read_as):
                said = f"{span[:1].upper()}{span[1:]}."
                yield Proposal(question, said, span, "model-question", BY_MODEL, sentence.text, sentence.line)
        on_sentence(done, len(asked))


def spans(sentence: str) -> tuple[tuple[str, str], ...]:
    """Words of `sentence` that may be asked for, and how such a question begins; at most `SPANS_A_SENTENCE`."""
    found: list[tuple[str, str]] = []
    found += [(match.group(), "When") for match in _WHEN.finditer(sentence)]
    taken = " ".join(span for span, _ in found)
    found += [(match["n"], "How many") for match in _MANY.finditer(sentence) if match["n"] not in taken]
    names = (match.group() for match in _NAMED.finditer(sentence))
    found += [(name, "Who" if _PERSON.fullmatch(name) else "What") for name in names if name not in taken]
    plain = [(span, begun) for span, begun in found if len(span.split()) <= SPAN_WORDS and sentence.count(span) == 1]
    return tuple(plain[:SPANS_A_SENTENCE])


_PERSON: Final = re.compile(r"[A-Z][a-z'’-]+ (?:[A-Z]\.? )?[A-Z][\w'’-]+")


def question_for(engine: Engine, sentence: str, span: str, begun: str) -> str:
    """The question that begins with `begun`, as the model goes on with it."""
    messages: list[Message] = []
    for shown, reply in _SHOWN:
        messages += [Message("user", _INSTRUCTION.replace("{s}", shown)), Message("assistant", reply)]
    messages.append(Message("user", _INSTRUCTION.replace("{s}", sentence)))
    # The span is the document's: its quotation marks must not end the string.
    form = f'{{"answer": {json.dumps(span, ensure_ascii=False)}, "question": "{begun}'
    tokens = (*engine.render(messages), *engine.tokenize(form))
    pieces = engine.generate(tokens, Sampling(QUESTION_TOKENS, stop=('"', "\n")), reuse_prefix=True)
    return f"{begun}{''.join(piece.text for piece in pieces)}".strip()


def is_borne_out(question: str, answer: str, sentence: str) -> bool:
    """Whether `sentence` says what the pair says, as far as words tell."""
    words = [word.casefold() for word in _WORD.findall(question)]
    least, most = QUESTION_WORDS
    if not question.endswith("?") or not least <= len(words) <= most or set(words[1:]) & _UNCLEAR:
        return False
    asked, held = content_words(question), content_words(sentence)
    if len(asked & held) < max(2, SHARED * len(asked)) or not names_and_numbers(question) <= held:
        return False
    return not content_words(answer) & asked


_UNCLEAR: Final = POINTERS - frozenset(
    ["what", "which", "who", "whose", "when", "where", "all", "one", "first", "second", "third", "last", "most", "many"]
)
