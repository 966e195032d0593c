"""What documents give, by rules and by the model: how much, how faithful, and whether it is what people would ask.

    python -m bench.documents [--passages 120] [--model-sentences 120] [--sample 50] [--json FILE]

On SQuAD passages with their labelled questions (`EDGE_SEAL_DATA`). Counted are sentences that give something,
proposals, and how many of them have an answer that overlaps a labelled answer span of their passage: people asked for
the same. Whether a proposal is faithful no rule can say: a sample is written with its sentence, for a reader to judge.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from edge_models.store import ModelStore
from edge_seal.adaptation.document_questions import ask_model, is_borne_out, question_for, spans
from edge_seal.adaptation.documents import Document, Proposal, checked, propose, read_document
from edge_seal.config import Settings, shared_models
from edge_seal.engines.selection import open_engine
from edge_seal.errors import ConfigError


def main() -> None:
    """Prints the counts and writes the sample."""
    parser = argparse.ArgumentParser(description="Lessons out of documents, on SQuAD passages.")
    parser.add_argument("--passages", type=int, default=120)
    parser.add_argument("--model-sentences", type=int, default=120, help="sentences that the model reads; 0: none")
    parser.add_argument("--sample", type=int, default=50, help="proposals of each kind to be judged by a reader")
    parser.add_argument("--json", type=Path, default=Path("documents.json"))
    arguments = parser.parse_args()
    file = Path(os.environ.get("EDGE_SEAL_DATA", "../shared/data")) / "squad" / "dev_120.json"
    passages = json.loads(file.read_text(encoding="utf-8"))[: arguments.passages]
    read = list(_read(passages))
    began = time.process_time()
    by_rule = [(document, labelled, propose(document)) for document, labelled in read]
    print(f"rules: {time.process_time() - began:.2f} s of processor time")
    found = [(one, labelled) for _, labelled, proposals in by_rule for one in proposals.kept]
    sentences = sum(len(document.sentences) for document, _ in read)
    figures = {"sentences": sentences, "rules": _figures(found)}
    dropped: dict[str, int] = {}
    for _, _, proposals in by_rule:
        for why, count in proposals.dropped.items():
            dropped[why] = dropped.get(why, 0) + count
    figures["dropped"] = dropped
    sample = {"rules": _sampled(found, arguments.sample)}
    if arguments.model_sentences:
        asked, told = _by_model(by_rule, arguments.model_sentences)
        figures["model"] = {**told, **_figures(asked)}
        sample["model"] = _sampled(asked, arguments.sample)
    print(json.dumps(figures, indent=1))
    arguments.json.write_text(json.dumps({**figures, "sample": sample}, indent=1, ensure_ascii=False), encoding="utf-8")


def _read(passages: Sequence[Mapping[str, object]]) -> Iterable[tuple[Document, tuple[str, ...]]]:
    for passage in passages:
        questions = passage["questions"]
        labelled = tuple(str(one["answer"]) for one in questions) if isinstance(questions, list) else ()
        try:
            yield read_document(str(passage["context"]).encode(), str(passage["title"])), labelled
        except ConfigError as error:
            print(f"left out: {error.message}")


def _by_model(
    by_rule: Sequence[tuple[Document, tuple[str, ...], object]], most: int
) -> tuple[list[tuple[Proposal, tuple[str, ...]]], dict[str, object]]:
    os.environ.setdefault("EDGE_SEAL_MODELS", str(shared_models()))
    files = ModelStore(shared_models()).locate(Settings().model.name)
    model = next(path for name, path in files.items() if name.endswith(".gguf"))
    found: list[tuple[Proposal, tuple[str, ...]]] = []
    read = 0
    began = time.process_time()
    raw: list[tuple[str, str, str, bool]] = []
    with contextlib.closing(open_engine(model, Settings().model)) as engine:
        for document, labelled, _ in by_rule:
            if read >= most:
                break
            heard = [0]

            def hear(_done: int, total: int, heard: list[int] = heard) -> None:
                heard[0] = total

            # Over all sentences, those that rules read too: what it can do is asked, not only what it adds.
            proposed = ask_model(engine, document, (), hear)
            read += heard[0]
            found += [(one, labelled) for one in checked(proposed, document).kept]
            for sentence in document.sentences[:1]:
                for span, begun in spans(sentence.read_as)[:1]:
                    question = question_for(engine, sentence.read_as, span, begun)
                    raw.append((sentence.read_as, question, span, is_borne_out(question, span, sentence.read_as)))
    seconds = time.process_time() - began
    return found, {"sentences": read, "processor_s_a_sentence": round(seconds / max(1, read), 2), "raw": raw[:40]}


def _figures(found: Sequence[tuple[Proposal, tuple[str, ...]]]) -> dict[str, object]:
    overlapping = sum(_overlaps(one.span, labelled) for one, labelled in found)
    return {
        "proposals": len(found),
        "sentences_read": len({(one.sentence, one.line) for one, _ in found}),
        "people_asked_for_it": overlapping,
    }


def _overlaps(span: str, labelled: Sequence[str]) -> bool:
    mine = set(re.findall(r"\w+", span.casefold())) - {"in", "on", "at", "the", "a", "an", "of"}
    return any(
        mine and its and len(mine & its) >= 0.5 * min(len(mine), len(its))
        for its in (set(re.findall(r"\w+", answer.casefold())) for answer in labelled)
    )


def _sampled(found: Sequence[tuple[Proposal, tuple[str, ...]]], count: int) -> list[dict[str, object]]:
    chosen = random.Random(1).sample(list(found), min(count, len(found)))  # noqa: S311
    return [asdict(one) for one, _ in chosen]


if __name__ == "__main__":
    main()
