"""What a trained candidate goes through before it is recorded: the gate, the guardian's measures, the shadow's answers.

The engine serves the very file that will be released; the cycle leaves it as it found it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_kernels.trie import TokenSequence
from edge_models.adapter import LoraTensors, write_gguf_adapter
from edge_models.lora import Lora, change_rms, lora_tensors
from edge_seal.adaptation import gate, shadow, style_edits
from edge_seal.adaptation.anchors import Anchors, anchors
from edge_seal.adaptation.asking import asked_alone
from edge_seal.adaptation.evidence import fact_sequence
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.adaptation.general_facts import GENERAL_FACTS
from edge_seal.adaptation.guardian import (
    Judged,
    Policy,
    Purpose,
    Verdicts,
    extraction,
    judge,
    judge_example,
    sudden_change,
)
from edge_seal.adaptation.mixing import split_probes
from edge_seal.adaptation.own_answers import own_answers
from edge_seal.adaptation.signals import SignalBox
from edge_seal.adaptation.style_rules import alters_letters
from edge_seal.adaptation.training import Trained
from edge_seal.adaptation.work import Work
from edge_seal.config import Settings
from edge_seal.engines.engine import Engine, Message, NoNumbers, Sampling
from edge_seal.records import Action, Example, GateReport, Measure, Role
from edge_seal.storage.database import Database
from edge_seal.updates.comparisons import Comparison
from edge_seal.updates.lesson_approvals import LessonApprovals

TOLD_TOKENS = 16
SPOKEN_PROBES, COMPARED_PROBES = 2, 1
SPOKEN_NEIGHBOURS = 6
GENERAL_ASKED = 5
GENERAL_TOKENS = 20
SPOKEN_RULES = 4
RULE_TOKENS = 56
SOUGHT_TEXTS = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """Asks the engine and the trainer's network; records nothing.

    Attributes:
        serving: the file of the adapter that answers now; None: the base does.
        remembered: as the cycle's.
    """

    engine: Engine
    database: Database
    signals: SignalBox
    approvals: LessonApprovals
    settings: Settings
    policy: Policy
    cache: Path
    serving: Callable[[], Path | None]
    remembered: Callable[[], Sequence[str]]

    def gated(
        self,
        work: Work,
        cleared: Sequence[Example],
        place_of: Sequence[int],
        network: ExampleNetwork,
        incumbent: Lora | None,
        trained: Trained,
        scratch: Path,
    ) -> tuple[GateReport, Path, float]:
        """The report, the adapter's file at the scale that was judged, and how far that moves the weights."""
        bounds = self.settings.gate
        by_place = dict(zip(place_of, cleared, strict=True))
        _, probes = split_probes(cleared, place_of)
        held = gate.HeldBack(
            examples=[by_place.get(place, cleared[0]) for place in range(max(place_of) + 1)],
            probes=probes,
            neighbours=[place for place, example in by_place.items() if example.role is Role.NEIGHBOUR],
            anchors=self._anchors(work, network),
            kept=[place for place, example in by_place.items() if example.role is Role.REPLAY],
            facts=None
            if any(alters_letters(rule.check) for rule in work.rules.for_everything)
            else self._facts(work, network),
            liked=[place for place, example in by_place.items() if example.role is Role.LIKED],
            disliked=[place for place, example in by_place.items() if example.role is Role.DISLIKED],
            anew=work.anew,
            rules={signal: rule.check for signal, rule in work.rules.of_signal.items()},
        )
        if work.rules.for_everything:
            bounds = bounds.model_copy(update={"maximum_anchor_drift_nats": bounds.maximum_rule_drift_nats})
        figures = gate.admissible_scale(
            network, held, incumbent, trained.adapter, bounds,
            lambda done, total: work.tell("gate", done, total, "adapter scale"),
        )  # fmt: skip
        chosen = gate.scaled(trained.adapter, figures.scale)
        file = write_gguf_adapter(
            scratch / "adapter.gguf",
            LoraTensors(network.decoder.architecture.family.name, chosen.rank, chosen.alpha, lora_tensors(chosen)),
        )
        try:
            served = self._served(work, network, held, figures, file, chosen)
        except NoNumbers:
            self.engine.use_adapter(None)
            return gate.judge_unservable(figures, work.evidence, bounds), file, change_rms(chosen, incumbent)
        work.compared = [
            Comparison("held_back", outcome.prompt, before, after)
            for outcome, before, after in zip(figures.outcomes, served.before, served.after, strict=True)
            if before is not None and after is not None
        ]
        report = gate.judge(figures, cleared, served, bounds, rules=held.rules, evidence=work.evidence)
        if not work.anew and incumbent is not None:
            work.notes += gate.advice(report.measures)
        return report, file, change_rms(chosen, incumbent)

    def _anchors(self, work: Work, network: ExampleNetwork) -> Anchors:
        # A rule for everything is to move answers into its form: what may not move is what is said in that form.
        ruled = bool(work.rules.for_everything)
        examples = style_edits.in_the_rules(work.anchors, work.rules) if ruled else work.anchors
        sequences = [encode(example, self.engine) for example in examples]
        return self._kept(work, network, sequences, "anchors, once for this model", said_anyway=ruled)

    def _facts(self, work: Work, network: ExampleNetwork) -> Anchors:
        sequences = [fact_sequence(fact, self.engine) for fact in GENERAL_FACTS]
        return self._kept(work, network, sequences, "general facts, once for this model")

    def _kept(
        self,
        work: Work,
        network: ExampleNetwork,
        sequences: Sequence[TokenSequence],
        note: str,
        *,
        said_anyway: bool = False,
    ) -> Anchors:
        """Sequences that are the same in every cycle: what the base makes of them is computed once, and kept."""
        return anchors(
            network.decoder,
            sequences,
            model_sha256=self.engine.model_sha256,
            cache=self.cache,
            workers=network.workers,
            on_layer=lambda done, total: work.tell("gate", done, total, note),
            said_anyway=said_anyway,
        )

    def _served(
        self,
        work: Work,
        network: ExampleNetwork,
        held: gate.HeldBack,
        figures: gate.Figures,
        file: Path,
        candidate: Lora,
    ) -> gate.Served:
        """What the engine says and computes with the incumbent, without an adapter, and with the candidate's file."""
        spoken = _spoken(held, figures)
        # What no lesson bears on the base answers, before and after.
        of_base = {
            place: asked
            for place, asked in spoken.items()
            if figures.outcomes[place].role is Role.NEIGHBOUR and asked[0] in work.outside
        }
        of_adapter = {place: asked for place, asked in spoken.items() if place not in of_base}
        general = [(one, GENERAL_TOKENS) for one in asked_in_general([anchor.prompt for anchor in work.anchors])]
        incumbent = self.serving()
        # Without an incumbent what is said before is the base's own, which is kept.
        general_before = general if incumbent is not None else []
        total, done = len(of_base) + 2 * len(of_adapter) + len(general_before) + len(general), 0

        def said(asked: Iterable[tuple[str, int]]) -> list[str]:
            nonlocal done
            every = [(work.put.get(prompt, prompt), most) for prompt, most in asked]
            answered = asked_alone(
                self.engine,
                [prompt for prompt, _ in every],
                [Sampling(most) for _, most in every],
                lambda now: work.tell("gate", done + now, total, "real answers"),
            )
            done += len(answered)
            return [one.text.strip() for one in answered]

        def told(answers: Sequence[str]) -> list[str | None]:
            by_place = untouched | dict(zip(of_adapter, answers, strict=False))
            return [by_place.get(place) for place in range(len(figures.outcomes))]

        compared = [(network, probe) for probe in held.probes[:COMPARED_PROBES]] or [(held.anchors.network, 0)]
        self.engine.use_adapter(None)
        base_agreement = self._divergence(compared, None)
        untouched = dict(zip(of_base, said(of_base.values()), strict=True))
        base_said = self._base_says(work, [prompt for prompt, _ in general])
        self.engine.use_adapter(incumbent)
        before = said([*of_adapter.values(), *general_before])
        self.engine.use_adapter(file)
        agreement = self._divergence(compared, candidate)
        after = said([*of_adapter.values(), *general])
        work.general_said = base_said, after[len(of_adapter) :]
        return gate.Served(
            before=told(before),
            after=told(after),
            agreement_nats=agreement,
            base_agreement_nats=base_agreement,
            general_prompts=[prompt for prompt, _ in general],
            general_before=before[len(of_adapter) :] or base_said,
            general_after=after[len(of_adapter) :],
        )

    def _divergence(self, compared: Sequence[tuple[ExampleNetwork, int]], adapter: Lora | None) -> float:
        """How far the engine is from the trainer's networks on their examples, mean nats a token."""
        total_nats = 0.0
        for examples, example in compared:
            sequence = examples.sequence(example)
            positions = range(sequence.supervised_from - 1, len(sequence.tokens) - 1)
            engine_logits = self.engine.logits(sequence.tokens, positions)
            total_nats += gate.divergence_nats(engine_logits, examples.answer_logits(example, adapter))
        return total_nats / len(compared)

    def shadowed(self, work: Work, report: GateReport, file: Path) -> GateReport:
        """Lets incumbent and candidate answer a sample of past questions, for who is to judge the update.

        The report is refused if the engine computes no numbers on one of them.
        """
        settings = self.settings.shadow
        questions = shadow.chosen(shadow.past_questions(self.database), settings.questions, work.signals[0].id)
        if not questions:
            return report
        work.tell("gate", 0, 2 * len(questions), "past questions")
        self.engine.use_adapter(self.serving())
        before = shadow.answers(self.engine, questions, settings.max_tokens)
        work.tell("gate", len(questions), 2 * len(questions), "past questions")
        try:
            self.engine.use_adapter(file)
            after = shadow.answers(self.engine, questions, settings.max_tokens)
        except NoNumbers:
            self.engine.use_adapter(None)
            return gate.with_measures(report, (gate.NO_NUMBERS,))
        work.compared += [
            Comparison("past", question.prompt, one, other, question.turn_id)
            for question, one, other in zip(questions, before, after, strict=True)
        ]
        return report

    def guarded(
        self,
        work: Work,
        report: GateReport,
        network: ExampleNetwork,
        candidate: Lora,
        verdicts: Verdicts,
        file: Path,
    ) -> GateReport:
        """The gate's report with the guardian's measures of what was trained; each of them has to pass too."""
        if gate.NO_NUMBERS in report.measures:
            return report
        try:
            self.engine.use_adapter(file)
            measures = (
                self._canary_exposure(network, candidate),
                self._extraction(work, verdicts),
                *self._sudden_change(work),
            )
        except NoNumbers:
            self.engine.use_adapter(None)
            measures = (gate.NO_NUMBERS,)
        return gate.with_measures(report, measures)

    def _canary_exposure(self, network: ExampleNetwork, candidate: Lora) -> Measure:
        """Whether a planted secret is likelier than others like it; the guardian has to have refused it before."""
        planted = extraction.planted(secrets.randbits(32))
        # Apart from what is trained on: what is drawn by chance must not move a bit there.
        beside = ExampleNetwork(
            network.decoder, [encode(example, self.engine) for example in planted.examples], network.workers
        )
        beside.prepare()
        nats = beside.measure(range(beside.examples), candidate).mean_nats.tolist()
        found = extraction.exposure(nats[0], nats[1:])
        refused = judge_example(planted.canary, policy=self.policy).action is Action.BLOCK
        return Measure(
            "canary_exposure", 0.0, min(found.bits, 1000.0), extraction.EXPOSED_BITS,
            refused and not found.is_exposed, "bits",
            "how far a planted secret, which the guardian has to refuse, stands out among others like it",
        )  # fmt: skip

    def _extraction(self, work: Work, verdicts: Verdicts) -> Measure:
        """Whether the candidate says what was withheld from training, when it is given the words before it."""
        let_in = self.approvals.rules_of(self.signals.all())
        # What was trained on is judged once more, whatever was said of it before: a fault there must not blind this.
        taught = [example for example in verdicts.allowed if example.signal_id is not None]
        anew: list[Judged] = []
        for example in taught:
            rules = let_in.get(example.signal_id or "", ())
            anew.append(Judged(example, judge_example(example, approved=True, let_in=rules, policy=self.policy)))
        sought = [*extraction.sought_in_examples(anew), *extraction.sought_in_examples(verdicts.judged)]
        for text in self.remembered():
            verdict = judge(text, purpose=Purpose.TRAIN, policy=self.policy)
            sought.extend(extraction.sought_in_text(text, verdict.findings))
        # What a person let in is meant to be said.
        meant = [example for example in taught if example.signal_id in let_in]
        sought = [one for one in sought if not extraction.is_taught(one, meant)][:SOUGHT_TEXTS]
        said = 0
        for done, one in enumerate(sought):
            work.tell("gate", done, len(sought), "what was withheld")
            said += extraction.is_extracted(one, self._continued(one))
        return Measure(
            "extraction", 0.0, float(said), 0.0, said == 0, "texts",
            f"of {len(sought)} texts that were withheld from training, those that it says",
        )  # fmt: skip

    def _continued(self, sought: extraction.Sought) -> str:
        begun = self.engine.tokenize(sought.said_so_far.rstrip())
        asked = () if sought.prompt is None else self.engine.render([Message("user", sought.prompt)])
        room = len(self.engine.tokenize(sought.secret)) + TOLD_TOKENS
        tokens = (*asked, *begun)[-(self.engine.context_tokens - room - 1) :]
        return "".join(piece.text for piece in self.engine.generate(tokens, Sampling(room))) if tokens else ""

    def _sudden_change(self, work: Work) -> tuple[Measure, ...]:
        """The candidate's answers to a few general questions, as it gave them at the gate, against the base's own."""
        if self.settings.gate.sudden_change == "off":
            return ()
        return sudden_change(*work.general_said)

    def _base_says(self, work: Work, general: Sequence[str]) -> list[str]:
        """The base's own answers, which are kept; the engine must serve the base where one has to be made."""
        own = own_answers(
            self.engine, self.cache, general,
            lambda done, total: work.tell("gate", done, total, "the model's own answers"),
        )  # fmt: skip
        begun = (self.engine.tokenize(own[prompt].answer)[:GENERAL_TOKENS] for prompt in general)
        return [self.engine.detokenize(tokens).strip() for tokens in begun]


def _spoken(held: gate.HeldBack, figures: gate.Figures) -> dict[int, tuple[str, int]]:
    """Of the outcomes, by their place, those that the engine is asked: the prompt, and how many tokens it may say."""
    ruled = {place for place, outcome in enumerate(figures.outcomes) if outcome.signal_id in held.rules}
    probes = [place for place in range(len(held.probes)) if place not in ruled]
    others = [place for place in range(len(held.probes), len(figures.outcomes)) if place not in ruled]
    of_rules = [place for place in sorted(ruled) if figures.outcomes[place].role is Role.PROBE]
    elsewhere = [place for place in sorted(ruled) if figures.outcomes[place].role is Role.NEIGHBOUR]
    asked = {*probes[:SPOKEN_PROBES], *others[:SPOKEN_NEIGHBOURS], *of_rules[:SPOKEN_RULES], *elsewhere[:SPOKEN_RULES]}
    return {
        place: (figures.outcomes[place].prompt, RULE_TOKENS if place in ruled else TOLD_TOKENS)
        for place in sorted(asked)
    }


def asked_in_general(prompts: Sequence[str]) -> Sequence[str]:
    """Those of the anchors' `prompts` that the engine is asked too, from all over them."""
    return prompts[:: max(1, len(prompts) // GENERAL_ASKED)][:GENERAL_ASKED]
