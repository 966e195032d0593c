"""One update from end to end: propose -> score -> guard -> train -> gate -> record -> activate.

Read `Cycle._learn` first; it is the page. Invariants: limits are asked before anything is done; every stage that ends
is one ledger entry; whatever stops a cycle (a no, an error, Ctrl-C) ends its update as rejected or abandoned, leaves
the active adapter as it was, and leaves the signals waiting unless they themselves were refused or learned.
"""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from edge_kernels.trie import TokenSequence
from edge_models.adapter import LoraTensors, read_gguf_adapter, write_gguf_adapter
from edge_models.errors import ModelError
from edge_models.gguf_file import GgufFile
from edge_models.lora import Lora, change_rms, lora_tensors
from edge_models.network import Network, open_network
from edge_seal import __version__
from edge_seal.adaptation import gate, scoring, self_edit, shadow, style_edits, thumbs
from edge_seal.adaptation.anchors import Anchors, anchors
from edge_seal.adaptation.evidence import Evidence, examine, fact_sequence
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.adaptation.forbidden_tokens import forbidden_tokens, forbids_tokens
from edge_seal.adaptation.general_answers import general_answers
from edge_seal.adaptation.general_facts import GENERAL_FACTS
from edge_seal.adaptation.general_prompts import PLAIN_TEXTS
from edge_seal.adaptation.guardian import (
    Judged,
    Policy,
    Purpose,
    SourceCaps,
    Verdicts,
    extraction,
    judge,
    judge_batch,
    judge_example,
    judge_lesson,
    policy_of,
    put_aside_by,
    source_key,
    sudden_change,
)
from edge_seal.adaptation.own_answers import own_answers
from edge_seal.adaptation.question_forms import first_person
from edge_seal.adaptation.scope_vectors import judged, scope_before_learning
from edge_seal.adaptation.signals import SignalBox
from edge_seal.adaptation.step_terms import Pair, Thumb, Weighing
from edge_seal.adaptation.style_rules import alters_letters
from edge_seal.adaptation.training import Mixture, Trained, TrainingBudget, TrainingReport, train
from edge_seal.adaptation.workers import Workers
from edge_seal.clock import Clock, timestamp
from edge_seal.config import LimitSettings, Settings
from edge_seal.engines.engine import Embedder, EmbedderUnavailable, Engine, Message, Sampling
from edge_seal.engines.selection import training_backend
from edge_seal.engines.taught_words import in_words_taught
from edge_seal.errors import EdgeSealError, EngineError, LimitReached
from edge_seal.memory.facts import Facts
from edge_seal.records import (
    GIVEN_ROLES,
    JUDGED_ROLES,
    Action,
    Actor,
    ActorName,
    Example,
    GateReport,
    Measure,
    Origin,
    Progress,
    Role,
    Signal,
    SignalKind,
    SignalState,
    Stage,
    State,
    Update,
    Verdict,
    mixed,
    rule_kind,
)
from edge_seal.storage.database import Database
from edge_seal.updates import comparisons
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.canary import Canaries
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.comparisons import Comparison
from edge_seal.updates.forgetting import SALT_BYTES, Forgetting
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.lesson_approvals import LessonApprovals
from edge_seal.updates.lifecycle import IN_CYCLE
from edge_seal.updates.release import Releases
from edge_seal.updates.risk import Risk, assess
from edge_seal.updates.spending import Spending
from edge_seal.wording import counted

log = logging.getLogger(__name__)

ACTOR = Actor.CYCLE
SOURCE_WINDOW = timedelta(days=30)
TOLD_TOKENS = 16
SPOKEN_PROBES = 2
SPOKEN_NEIGHBOURS = 6
GENERAL_ASKED = 5
GENERAL_TOKENS = 20
SPOKEN_RULES = 4
RULE_TOKENS = 56
SPOKEN_GENERAL = 6
SOUGHT_TEXTS = 8
DRAWN_OF_8: Mapping[str, int] = {
    "lessons": 8,
    "contrasts": 1,
    "general": 2,
    "texts": 1,
    "replay": 3,
    "pairs": 1,
}
"""How many examples of each kind a step of "8" draws, and replayed ones beside them; absent kinds are not replaced."""
DRAWN_WITHOUT_SCOPE: Mapping[str, int] = {**DRAWN_OF_8, "lessons": 5, "contrasts": 5, "texts": 2}
"""The same where the adapter will answer everything: all that is near a lesson has to be told apart by training."""
THUMBS_OF_8 = 4
"""How many thumbs a step draws beside them."""
TEXT_TOKENS = 24
HELD_WEIGHTS: Mapping[str, float] = {"general": 4.0, "texts": 8.0}
"""What holding a general answer or a plain text near the base weighs, in lessons."""
STEPS_BESIDE_LESSONS = 16
"""Steps that every update takes, however little it teaches: the optimizer's moments and the boundary need them."""
SETTLED_EVERY = 4
"""Of the contrasts, one in so many is asked whether training may stop."""
REPLAYED_A_DRAW, MOST_REPLAYED = 8, 8
"""A step rehearses one example for each so many in the reservoir, and at most so many."""


@dataclass(frozen=True, slots=True)
class ExampleVerdict:
    """The guardian's verdict on one example, where it is not a plain yes."""

    signal_id: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What one cycle did. `update` is None where there was nothing to learn, and for a dry run.

    Attributes:
        examples: what was trained on and what was held back, general examples included; not the anchors.
        seconds: by stage, and `total`.
        reasons: in words, why it was refused or why there was nothing; also what was left for later.
    """

    update: Update | None
    state: State | None
    examples: tuple[Example, ...] = ()
    verdicts: tuple[ExampleVerdict, ...] = ()
    gate: GateReport | None = None
    training: TrainingReport | None = None
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    reasons: tuple[str, ...] = ()
    risk: Risk | None = None


def _ignore(_: Progress) -> None:
    """Takes progress that nobody asked for."""


class Cycle:
    """One adaptation cycle over the pending signals. Only for who holds the write lock.

    Args:
        engine: serves the model that is to learn; its adapter is changed and left as it was found.
        model_path: the checked GGUF file of that model.
        cache: a directory for what can be made anew.
        remembered: what memory holds; of that, what may not be trained on is not to be said by what was trained.
        actor: who proposes an update, in the audit trail.
        embedder: what judges where lessons apply when they are served (`scope`); None: the adapter answers everything.
        policy: the guardian's, where it is more than the settings say: a recognizer of names is loaded outside.
    """

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        releases: Releases,
        adapters: AdapterStore,
        signals: SignalBox,
        engine: Engine,
        model_path: Path,
        settings: Settings,
        cache: Path,
        clock: Clock,
        remembered: Callable[[], Sequence[str]] = tuple,
        actor: ActorName = ACTOR,
        embedder: Embedder | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._actor: ActorName = actor
        self._database = database
        self._ledger = ledger
        self._releases = releases
        self._adapters = adapters
        self._forgetting = Forgetting(database, ledger, adapters, releases)
        self._canaries = Canaries(database, releases, clock, settings.canary)
        self._approvals = LessonApprovals(database, ledger, clock)
        self._signals = signals
        self._engine = engine
        self._model_path = model_path
        self._settings = settings
        self._cache = cache
        self._clock = clock
        self._remembered = remembered
        self._embedder = embedder
        said = settings.data_policy
        self._policy = policy or policy_of(said.train.model_dump(), said.remember.model_dump(), said.topics)

    def run(
        self,
        *,
        dry_run: bool = False,
        consolidate: bool = False,
        on_progress: Callable[[Progress], None] = _ignore,
    ) -> CycleReport:
        """Learns from the pending signals, or says why not.

        With `consolidate` it learns what was learned and still holds, all of it anew and from the base: one clean
        adapter in place of the chain. It is gated against the active one like any other; what waits goes on waiting.

        Typed signals go first. Those of another origin make an update of their own, once no typed one waits, and it
        stops before activation until a person approves it. So do thumbs, once no lesson waits and there are enough.

        Raises:
            LimitReached: a rate limit holds; asked before anything else, and also where nothing waits. Or an update is
                on the canary.
            IntegrityError: stored bytes are damaged, so nothing may be built on them.
            EngineError: the model cannot be trained here.
        """
        if not dry_run:
            Spending(self._database, self._ledger, self._clock).require(self._settings.limits)
        notes = self._without_forgotten(dry_run=dry_run)
        if not dry_run:
            self._require_no_canary()
        offered, aside = (self._held_signals(), 0) if consolidate else self._chosen_signals()
        chosen, overruled = self._not_overruled(offered)
        if overruled:
            notes = (*notes, f"{counted(len(overruled), 'lesson')} left out: memory says otherwise since")
            if not dry_run:
                self._signals.mark([signal.id for signal in overruled], SignalState.DROPPED)
        if aside:
            notes = (
                *notes,
                f"{counted(aside, 'lesson')} put aside by the guardian: `edge-seal review` asks you about it",
            )
        foreign = len(self._signals.foreign(self._signals.pending()))
        if foreign:
            told = f"{counted(foreign, 'lesson')} left out that came into the database by other hands"
            notes = (*notes, f"{told}: `edge-seal audit verify` names what did")
        if not chosen:
            why = ("nothing that was learned for this model holds",) if consolidate else self._why_nothing(aside)
            return CycleReport(None, None, reasons=(*notes, *why))
        work = _Work(chosen, _Stopwatch(self._clock), on_progress, list(notes), anew=consolidate)
        try:
            with Workers.opened() as work.workers:
                return self._learn(work, dry_run=dry_run)
        except ModelError as error:
            raise EngineError(f"the model cannot be trained: {error.message}", next_step=error.next_step) from error
        finally:
            work.close()
            self._engine.use_adapter(self._serving_path())

    # The page ---------------------------------------------------------------------------------------------

    def _learn(self, work: _Work, *, dry_run: bool) -> CycleReport:
        incumbent = self._incumbent()
        earlier = () if work.anew else self._earlier_examples(incumbent, work.teaching)

        with work.stage("propose"):
            work.rules = style_edits.read(work.signals, self._signals.own_answers(work.signals))
            earlier = style_edits.still_valid(earlier, work.rules)
            edits = self._proposed(work, earlier)
            edits = self._within_limit(edits, earlier, work)
            edits = self._with_rules(self._within_scope(edits, earlier, incumbent, work), work)
            general, work.anchors = self._general(work)
            replayed = self_edit.rehearsed(earlier, self._settings.learning.replayed_examples)
            replayed = style_edits.in_the_rules(replayed, work.rules)
            proposed = _with_origins((*edits.trained, *replayed, *general), work.signals)
            trained_on = scoring.confirmed(scoring.without_duplicates(proposed), self._signals.all())
            judged = thumbs.examples([signal for signal in work.signals if signal.kind in thumbs.THUMBS])
            held_back = (*edits.probes, *edits.neighbours, *self._rejected(work.signals), *judged)
            held = _with_origins(held_back, work.signals)
            work.mismatched = thumbs.mismatched([example for example in held if example.role in JUDGED_ROLES])
            network = self._network((*trained_on, *held, *work.mismatched), general, work)
            start, parent_adapter = self._start(network.decoder, incumbent, anew=work.anew)

        with work.stage("score"):
            asked = scoring.asked(trained_on)
            # What starts from the base has to be taught all that the base does not say, whatever the chain had learned.
            measured = network.measure(asked, None if work.anew else parent_adapter)
            scored = scoring.score(trained_on, len(proposed), dict(zip(asked, measured.hits.tolist(), strict=True)))
        if dry_run:
            verdicts = self._judged((*scored.kept, *held), work.signals)
            return work.report(None, (*scored.kept, *held), verdicts, reasons=("nothing was trained: a dry run",))

        update = self._releases.propose(
            None if incumbent is None else incumbent.id,
            self._engine.model_sha256,
            f"{'consolidation of ' if work.anew else ''}{work.told}",
            self._actor,
        )
        self._releases.end_overtaken([signal.id for signal in work.signals], ACTOR)
        try:
            return self._train_and_release(work, update, scored, held, network, start, parent_adapter, trained_on)
        except BaseException as error:
            # Ctrl-C and errors alike: the state from before, and a record that says so.
            if self._releases.get(update.id).state in IN_CYCLE:
                self._releases.abandon(update.id, actor=ACTOR, reason=_why_stopped(error))
            raise

    def _train_and_release(
        self,
        work: _Work,
        update: Update,
        scored: scoring.Scored,
        held: Sequence[Example],
        network: ExampleNetwork,
        start: Lora,
        incumbent: Lora | None,
        trained_on: Sequence[Example],
    ) -> CycleReport:
        examples = (*scored.kept, *held)
        self._advance(update, State.SCORED, kept=len(scored.kept), duplicates=scored.duplicates)
        if not any(example.role in GIVEN_ROLES for example in examples):
            return self._known_already(work, update, scored)

        with work.stage("guard"):
            verdicts = self._judged(examples, work.signals)
            cleared = _cleared(verdicts)
        if not any(example.role in GIVEN_ROLES for example in cleared):
            return self._refused_by_guardian(work, update, verdicts)
        self._clear(update, len(cleared), verdicts)

        with work.stage("guard"):
            # Before a step is trained: what is wrong with the evidence no training can mend.
            told = [example for example in cleared if example.signal_id not in work.rules.of_signal]
            work.evidence = examine(network.decoder, told, self._engine, network.workers)
            doubted = gate.judge_evidence(work.evidence, self._settings.gate)
        if not doubted.passed:
            refused = self._releases.refuse(update.id, actor=Actor.GATE, reasons=doubted.reasons, body={})
            return work.report(refused, cleared, verdicts, doubted, reasons=doubted.reasons)

        every = {id(example): place for place, example in enumerate((*trained_on, *held))}
        place_of = [every[id(example)] for example in cleared]
        with work.stage("train"):
            mixture = self._mixture(work, cleared, place_of, len(every) + len(work.mismatched))
            mixture = self._with_thumbs(mixture, cleared, place_of, len(every), work.mismatched)
            mixture = _with_present_need(mixture, network, incumbent)
            network.foresee(_reworded(cleared, place_of))
            trained = train(
                network, mixture, start, self._budget(work.lessons, work.drawn), self._clock.monotonic,
                work.stepped,
            )  # fmt: skip

        with work.stage("gate"), self._adapters.scratch() as scratch:
            report, file, change = self._gate(work, cleared, place_of, network, incumbent, trained, scratch)
            report = self._guarded(work, report, network, gate.scaled(trained.adapter, report.scale), verdicts, file)
            self._require_size(file)
            if report.passed:
                self._shadow(work, file)
            work.risk = assess(cleared, (judged.verdict for judged in verdicts.judged), report, change_rms=change)
            stored = self._adapters.put(file, self._manifest(update, work, cleared, verdicts, report, trained.report))

        with work.stage("record"):
            self._releases.trained(
                update.id,
                stored,
                [example for example in cleared if example.role is not Role.REJECTED],
                actor=ACTOR,
                body=_training_body(trained.report, work.seconds),
            )
            comparisons.keep(self._database, update.id, work.compared)
            self._ledger_gate(update, report, work.risk)
        if not report.passed:
            figures: dict[str, JsonValue] = {"scale": _figure(report.scale), "measures": _measures(report)}
            refused = self._releases.refuse(update.id, actor=Actor.GATE, reasons=report.reasons, body=figures)
            return work.report(refused, cleared, verdicts, report, trained.report, reasons=report.reasons)

        with work.stage("activate"):
            learned = [signal.id for signal in work.signals if any(e.signal_id == signal.id for e in cleared)]
            why = self._why_it_waits(work)
            if why is not None:
                waiting = self._releases.advance(
                    update.id, State.AWAITING_APPROVAL, actor=ACTOR, body={"signals": sorted(learned)}
                )
                return work.report(
                    waiting, cleared, verdicts, report, trained.report,
                    reasons=(f"{why}: it waits for `edge-seal updates approve {update.id}`",),
                )  # fmt: skip
            with self._database.transaction():
                if not work.anew:
                    self._signals.mark(scored.known_signals, SignalState.DROPPED)
                scale: dict[str, JsonValue] = {"scale": _figure(report.scale)}
                if self._goes_on_canary(work.risk):
                    released = self._canaries.start(update.id, ACTOR, scale)
                else:
                    released = self._releases.activate(update.id, ACTOR, scale, learned)
        return work.report(released, cleared, verdicts, report, trained.report, reasons=_left_out(scored, verdicts))

    def _without_forgotten(self, *, dry_run: bool) -> tuple[str, ...]:
        """Leaves an update that learned what was forgotten, so that nothing is trained on top of it; says so."""
        if dry_run:
            notice = self._forgetting.notice(self._releases.active())
            return () if notice is None else (notice,)
        retired = self._forgetting.retire(ACTOR)
        if retired is None:
            return ()
        self._engine.use_adapter(self._serving_path())
        return (retired.words,)

    def _require_no_canary(self) -> None:
        """Returns if no update is on the canary: what is learned now would change what that one is compared with.

        One whose incumbent is gone already is ended, and its lessons are among those that wait.
        """
        self._canaries.end_stale(ACTOR)
        running = self._canaries.running()
        if running is None:
            return
        report = self._canaries.report(running.id)
        stands = "" if report is None else f" ({report.words})"
        raise LimitReached(
            f"{running.id} is on the canary{stands}, and nothing is learned meanwhile",
            next_step=f"edge-seal updates promote {running.id}, or edge-seal updates reject {running.id}",
        )

    # Propose ----------------------------------------------------------------------------------------------

    def _incumbent(self) -> Update | None:
        """The active update, if it was trained for the model file that is to learn."""
        active = self._releases.active()
        return None if active is None or active.base_sha256 != self._engine.model_sha256 else active

    def _carried_signals(self) -> list[Signal]:
        """What the active update and its ancestors learned, where they were trained for another model file."""
        update = self._releases.active()
        if update is None or update.base_sha256 == self._engine.model_sha256:
            return []
        kept: dict[str, None] = {}
        while update is not None:
            kept |= dict.fromkeys(e.signal_id for e in self._releases.examples(update.id) if e.signal_id is not None)
            update = None if update.parent_id is None else self._releases.get(update.parent_id)
        # A thumb is about the words of the model that was: of another model's it says nothing.
        return [
            s
            for s in self._ours(self._signals.all())
            if s.id in kept and s.state in {SignalState.LEARNED, SignalState.DROPPED} and s.kind not in thumbs.THUMBS
        ]

    def _held_signals(self) -> list[Signal]:
        """What the active update and its ancestors learned and what still holds, oldest first.

        Forgotten lessons are gone; what was told anew since replaces what was said before.
        """
        kept: set[str] = set()
        update = self._incumbent()
        while update is not None:
            kept |= {e.signal_id for e in self._releases.examples(update.id) if e.signal_id is not None}
            update = None if update.parent_id is None else self._releases.get(update.parent_id)
        learned = [s for s in self._ours(self._signals.all()) if s.id in kept and s.state is SignalState.LEARNED]
        return [
            signal
            for place, signal in enumerate(learned)
            if self_edit.still_valid(
                [Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id)],
                [later for later in learned[place + 1 :] if later.kind not in thumbs.THUMBS],
            )
        ]

    def _chosen_signals(self) -> tuple[list[Signal], int]:
        """What a cycle may begin with, and how many lessons wait for a person's word."""
        held = self._releases.held_signals()
        teaching = [
            signal
            for signal in self._ours(self._signals.pending())
            if signal.kind in {SignalKind.TAUGHT, SignalKind.CORRECTION} and signal.id not in held
        ]
        aside = self._put_aside(teaching)
        teaching = [signal for signal in teaching if signal.id not in aside]
        carried = self._carried_signals()
        if carried:
            # All of it at once: once the new update is active, nothing leads to the old file's lessons any more.
            return [*carried, *(signal for signal in teaching if signal.origin is Origin.TYPED)], len(aside)
        typed = [signal for signal in teaching if signal.origin is Origin.TYPED]
        return typed or teaching or self._enough_thumbs(), len(aside)

    def _ours(self, signals: Sequence[Signal]) -> list[Signal]:
        """Those that the audit trail has as they are: what other hands wrote into the database teaches nothing."""
        foreign = self._signals.foreign(signals)
        return [signal for signal in signals if signal.id not in foreign]

    def _waiting_thumbs(self) -> list[Signal]:
        every = self._ours(self._signals.all())
        judged = [signal for signal in every if signal.kind in thumbs.THUMBS]
        said = self._signals.own_answers(judged, base_sha256=self._engine.model_sha256)
        return thumbs.waiting(every, said, self._releases.held_signals())

    def _enough_thumbs(self) -> list[Signal]:
        """The thumbs that wait, if an update can be made of them; as many of the newest as it may have examples."""
        waiting = self._waiting_thumbs()[-self._settings.limits.examples_per_update :]
        return waiting if thumbs.are_enough(waiting, self._settings.learning.minimum_thumbs) else []

    def _put_aside(self, signals: Sequence[Signal]) -> frozenset[str]:
        """Those that a person is to be asked about, by id: there is no use in trying them before the answer."""
        let_in = self._approvals.rules_of(signals)
        return frozenset(
            signal.id
            for signal in signals
            if put_aside_by(
                judge_lesson(
                    Example(signal.prompt, signal.answer, Role.LESSON, signal.origin, signal.id),
                    signal.source,
                    let_in=let_in.get(signal.id, ()),
                    policy=self._policy,
                )
            )
        )

    def _not_overruled(self, signals: Sequence[Signal]) -> tuple[list[Signal], list[Signal]]:
        """`signals` in two parts: those that may be taught, and those that memory says otherwise of since.

        What was said last holds, wherever it was said: weights must not tell what memory has seen end.
        """
        facts = Facts(self._database, _nothing_to_audit, self._clock)
        parts: tuple[list[Signal], list[Signal]] = ([], [])
        for signal in signals:
            # A thumb down on what memory says otherwise agrees with memory.
            disliked = signal.kind is SignalKind.BAD
            over = not disliked and facts.overrules(first_person(signal.answer), signal.created_at)
            parts[over].append(signal)
        return parts

    def _why_nothing(self, aside: int) -> tuple[str, ...]:
        held = self._releases.held_signals()
        if held:
            return (f"{counted(len(held), 'lesson')} in an update that waits: `edge-seal updates list` names it",)
        if aside:
            return ("nothing else to learn",)
        waiting, least = self._waiting_thumbs(), self._settings.learning.minimum_thumbs
        rest = ""
        if waiting:
            stand = "1 thumb waits" if len(waiting) == 1 else f"{len(waiting)} thumbs wait"
            rest = f" ({stand}; {least} or more, some up and some down, make an update)"
        return (f"nothing new to learn{rest}: teach with `edge-seal teach` or correct an answer",)

    def _earlier_examples(self, incumbent: Update | None, signals: Sequence[Signal]) -> tuple[Example, ...]:
        """What the incumbent and its ancestors were taught, newest first, without what `signals` tell anew."""
        kept: list[Example] = []
        update = incumbent
        while update is not None:
            kept.extend(e for e in self._releases.examples(update.id) if e.role in self_edit.TAUGHT_ROLES)
            update = None if update.parent_id is None else self._releases.get(update.parent_id)
        told = {example.signal_id for example in kept if example.role is Role.LESSON}
        _, overruled = self._not_overruled([signal for signal in self._signals.all() if signal.id in told])
        gone = {signal.id for signal in overruled}
        kept = [e for e in kept if e.signal_id not in gone or e.role is Role.CONTRAST]
        return self_edit.still_valid(kept, signals)

    def _rejected(self, signals: Sequence[Signal]) -> tuple[Example, ...]:
        """The answers that the user corrected, for training to turn away from.

        One that the guardian would block says nothing of its correction, which the user wrote: it is left out here.
        """
        if not self._settings.learning.pair_weight:
            return ()
        examples = self_edit.rejected(signals, self._signals.own_answers(signals))
        return tuple(
            example for example in examples if judge_example(example, approved=True, policy=self._policy).allowed
        )

    def _proposed(self, work: _Work, earlier: Sequence[Example]) -> self_edit.SelfEdits:
        return self_edit.propose(work.plain, earlier, both_directions=self._settings.learning.both_directions)

    def _within_limit(self, edits: self_edit.SelfEdits, earlier: Sequence[Example], work: _Work) -> self_edit.SelfEdits:
        limit = self._settings.limits.examples_per_update
        if len(edits.trained) <= limit:
            return edits
        if work.anew:
            # Left out here, a lesson would be lost: nothing would lead to it any more.
            raise LimitReached(
                f"what was learned makes {len(edits.trained)} examples, and examples_per_update is {limit}",
                next_step=f"edge-seal limits set examples_per_update {len(edits.trained)}",
            )
        plain = work.plain
        fitting = max(1, limit * len(plain) // len(edits.trained))
        work.notes.append(f"{counted(len(plain) - fitting, 'lesson')} left for the next update (examples_per_update)")
        left = {signal.id for signal in plain[fitting:]}
        work.signals = [signal for signal in work.signals if signal.id not in left]
        return self._proposed(work, earlier)

    def _within_scope(
        self, edits: self_edit.SelfEdits, earlier: Sequence[Example], incumbent: Update | None, work: _Work
    ) -> self_edit.SelfEdits:
        """`edits` without the contrasts that the base will answer anyway; and which neighbours it will answer.

        Contrasts teach where a lesson ends, and teach it not to be said in words that training did not see. So they
        are kept for where nothing else draws the line: on the border of the scope.
        """
        lessons = [signal.prompt for signal in work.plain]
        lessons += [example.prompt for example in earlier if example.role is Role.LESSON]
        ruled = bool(work.rules.of_signal) or (incumbent is not None and bool(self._releases.rule_kinds(incumbent)))
        if self._embedder is None or not lessons or ruled:
            # Where a rule holds, more is answered by the adapter than the lessons' scope says.
            return edits
        contrasts = [example for example in edits.trained if example.role is Role.CONTRAST]
        asked = list(dict.fromkeys(example.prompt for example in (*contrasts, *edits.neighbours, *edits.probes)))
        try:
            scope = scope_before_learning(lessons, self._embedder, self._cache)
            found = dict(zip(asked, judged(scope, asked, self._embedder), strict=True))
        except EmbedderUnavailable:
            return edits
        work.scoped = True
        work.outside = {example.prompt for example in edits.neighbours if not found[example.prompt].inside}
        held_back = {example.prompt for example in (*edits.neighbours, *edits.probes)}
        work.put = {prompt: in_words_taught(prompt, found[prompt].taught_as(prompt)) for prompt in held_back}
        return replace(
            edits,
            trained=tuple(
                example
                for example in edits.trained
                if example.role is not Role.CONTRAST or found[example.prompt].inside
            ),
        )

    def _with_rules(self, edits: self_edit.SelfEdits, work: _Work) -> self_edit.SelfEdits:
        """`edits`, and what the rules that were stated or shown make of the base's own answers."""
        if not work.rules.of_signal:
            return edits
        self._engine.use_adapter(None)

        def answers(prompts: Sequence[str], forbidden: tuple[int, ...] = ()) -> style_edits.Answers:
            return own_answers(
                self._engine,
                self._cache,
                prompts,
                lambda done, total: work.tell("propose", done, total, "the model's own answers"),
                forbidden=forbidden,
            )

        work.forbidden = {
            rule.key: forbidden_tokens(rule.check, self._engine)
            for rule in work.rules.distinct
            if forbids_tokens(rule.check)
        }
        ruled = style_edits.propose(
            work.rules,
            work.signals,
            answers(work.rules.prompts()),
            {
                rule.key: answers(style_edits.prompts_of_kind(rule), work.forbidden[rule.key])
                for rule in work.rules.distinct
                if rule.key in work.forbidden
            },
        )
        return self_edit.SelfEdits(
            (*edits.trained, *ruled.trained), (*edits.probes, *ruled.probes), (*edits.neighbours, *ruled.neighbours)
        )

    def _general(self, work: _Work) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        self._engine.use_adapter(None)
        general, measured = general_answers(
            self._engine, self._cache, lambda done, total: work.tell("propose", done, total, "the model's own answers")
        )
        # A rule for every answer is taught on answers of every kind: holding others as they were would unteach it.
        return (() if work.rules.for_everything else general), measured

    def _network(self, examples: Sequence[Example], general: Sequence[Example], work: _Work) -> ExampleNetwork:
        """The network of `examples` and of the plain texts; what it needs of `general` ones is kept on disk."""
        learning = self._settings.learning
        backend = training_backend(learning.backend)
        decoder = open_network(work.open_file(self._model_path), learning.layers, backend)
        # MLX has threads of its own, and its arrays belong to the thread that made them.
        workers = work.workers if backend == "numpy" else Workers()
        # What is held back is asked as it will be when it is served.
        put = (replace(example, prompt=work.put.get(example.prompt, example.prompt)) for example in examples)
        sequences, texts = [encode(example, self._engine) for example in put], self._texts()
        rehearsed = self._kept(
            work, decoder, [*(encode(example, self._engine) for example in general), *texts], "propose",
            "general answers, once for this model", workers,
        )  # fmt: skip
        network = ExampleNetwork(decoder, [*sequences, *texts], workers)
        network.prepare(lambda done, total: work.tell("propose", done, total, "frozen layers"), ready=rehearsed.network)
        return network

    def _texts(self) -> list[TokenSequence]:
        """The plain texts, which stand after the examples: every word of them is held."""
        return [TokenSequence(tuple(self._engine.tokenize(text)[:TEXT_TOKENS]), 1) for text in PLAIN_TEXTS]

    def _start(self, decoder: Network, incumbent: Update | None, *, anew: bool) -> tuple[Lora, Lora | None]:
        """What training starts from, and the incumbent's adapter as it is served (None: the base).

        It goes on from the incumbent; `anew`: from the base.
        """
        settings = self._settings.learning
        fresh = Lora.initial(
            decoder.architecture, decoder.adapted_layers, settings.rank, settings.alpha, seed=0,
            projections=settings.projections,
        )  # fmt: skip
        if incumbent is None or incumbent.adapter_sha256 is None:
            return fresh, None
        stored = read_gguf_adapter(self._adapters.path(incumbent.adapter_sha256))
        served = Lora.from_tensors(decoder.architecture, stored.tensors, rank=stored.rank, alpha=stored.alpha)
        if (served.rank, served.layers, served.projections) != (fresh.rank, fresh.layers, fresh.projections):
            raise EngineError(
                f"update {incumbent.id} has rank {served.rank} on {len(served.projections)} projections of"
                f" {len(served.layers)} layers, the settings say {fresh.rank} on {len(fresh.projections)} of"
                f" {len(fresh.layers)}",
                next_step="set learning.rank, learning.layers and learning.projections back,"
                " or `edge-seal rollback base` and teach again",
            )
        if anew:
            return fresh, served
        start = Lora.from_tensors(decoder.architecture, stored.tensors, rank=stored.rank, alpha=settings.alpha)
        # The gate may have lowered the alpha in the file: the same product at the alpha of the settings.
        start.values[start.is_b()] *= stored.alpha / settings.alpha
        return start, served

    # Score and guard --------------------------------------------------------------------------------------

    def _known_already(self, work: _Work, update: Update, scored: scoring.Scored) -> CycleReport:
        reasons = ("the model says all of it already, in most wordings: nothing to train",)
        refused = self._releases.refuse(update.id, actor=ACTOR, reasons=reasons, body={})
        if not work.anew:
            self._signals.mark(scored.known_signals, SignalState.DROPPED)
        return work.report(refused, (), Verdicts(()), reasons=reasons)

    def _judged(self, examples: Sequence[Example], signals: Sequence[Signal]) -> Verdicts:
        # An update that a person will be asked about may be all from one source; the guardian's other rules hold.
        asks = any(signal.origin is not Origin.TYPED for signal in signals)
        bounds = self._settings.data_policy
        return judge_batch(
            examples,
            caps=SourceCaps(
                share=1.0 if asks else bounds.source_share,
                examples=bounds.source_examples_per_update,
                over_time=bounds.source_examples_per_30_days,
            ),
            sources={signal.id: signal.source for signal in signals if signal.source is not None},
            approved={signal.id for signal in signals} if asks else (),
            earlier=self._contributed(),
            # Of earlier ones too: what is rehearsed is judged anew.
            let_in=self._approvals.rules_of(self._signals.all()),
            policy=self._policy,
        )

    def _contributed(self) -> Mapping[str, int]:
        """By source, as the guardian counts it, how many examples were learned of it within its window."""
        counted: dict[str, int] = {}
        since = timestamp(self._clock.now() - SOURCE_WINDOW)
        for source, origin, examples in self._releases.contributions(since):
            key = source_key(source, origin)
            counted[key] = counted.get(key, 0) + examples
        return counted

    def _clear(self, update: Update, examples: int, verdicts: Verdicts) -> None:
        """Lets the update go on; a signal that was blocked beside good ones loses its words here and now."""
        blocked = sorted({example.signal_id for example in verdicts.blocked if example.signal_id is not None})
        with self._database.transaction():
            self._signals.refuse(blocked)
            self._advance(
                update,
                State.CLEARED,
                examples=examples,
                findings=list(verdicts.reasons),
                advisories=list(verdicts.advisories),
                signals_refused=list(blocked),
            )
        if blocked:
            self._database.scrub()

    def _refused_by_guardian(self, work: _Work, update: Update, verdicts: Verdicts) -> CycleReport:
        blocked = {example.signal_id for example in verdicts.blocked}
        refused = self._releases.refuse(
            update.id,
            actor=Actor.GUARDIAN,
            reasons=verdicts.reasons,
            body={},
            signals_refused=[signal.id for signal in work.signals if signal.id in blocked],
        )
        return work.report(refused, (), verdicts, reasons=verdicts.reasons)

    # Train ------------------------------------------------------------------------------------------------

    def _budget(self, lessons: int, drawn: Mapping[str, int]) -> TrainingBudget:
        """As many steps as `lessons` need; the limit is a ceiling."""
        limits, learning = self._settings.limits, self._settings.learning
        a_step = max(1, drawn["lessons"] * learning.batch_examples // 8)
        needed = STEPS_BESIDE_LESSONS + math.ceil(lessons * learning.draws_a_lesson / a_step)
        return TrainingBudget(
            steps=min(needed, limits.steps_per_update),
            seconds=limits.seconds_per_update,
            memory_bytes=limits.memory_mib_per_update * 2**20,
            rate=learning.rate,
            rate_b_ratio=learning.rate_b_ratio,
            weighing=Weighing(
                first_token=learning.first_token_weight,
                pair_objective=learning.pair_objective,
                pair_weight=learning.pair_weight,
                thumb_weight=learning.thumb_weight,
            ),
        )

    def _require_size(self, file: Path) -> None:
        mib, limit = file.stat().st_size / 2**20, self._settings.limits.adapter_mib_per_update
        if mib > limit:
            raise LimitReached(
                f"the adapter has {mib:.1f} MiB, and limits.adapter_mib_per_update is {limit:g}",
                next_step="lower learning.rank, or edge-seal limits set adapter_mib_per_update VALUE",
            )

    def _mixture(self, work: _Work, cleared: Sequence[Example], place_of: Sequence[int], total: int) -> Mixture:
        import numpy as np  # one array of weights

        def places(*roles: Role) -> list[int]:
            return [place for place, example in zip(place_of, cleared, strict=True) if example.role in roles]

        size = self._settings.learning.batch_examples
        texts = list(range(total, total + len(PLAIN_TEXTS)))
        weights = np.zeros(total + len(texts))
        for place, example in zip(place_of, cleared, strict=True):
            weights[place] = HELD_WEIGHTS["general"] if example.role is Role.GENERAL else example.weight
        weights[texts] = HELD_WEIGHTS["texts"]
        validation, _ = _split(cleared, place_of)
        lesson_of = {
            example.signal_id: place
            for place, example in zip(place_of, cleared, strict=True)
            if example.role is Role.LESSON
        }
        pairs = [
            Pair(lesson_of[example.signal_id], place)
            for place, example in zip(place_of, cleared, strict=True)
            if example.role is Role.REJECTED and example.signal_id in lesson_of
        ]
        return Mixture(
            kinds={
                "lessons": places(Role.LESSON, Role.REWORDING),
                "contrasts": places(Role.CONTRAST),
                "general": places(Role.GENERAL),
                "texts": texts,
                "replay": places(Role.REPLAY),
            },
            drawn={kind: max(1, count * size // 8) for kind, count in work.drawn.items()},
            settled=[*places(Role.LESSON), *places(Role.CONTRAST)[::SETTLED_EVERY]],
            validation=validation,
            held=[*places(Role.GENERAL), *texts],
            forbidden={
                place: work.forbidden[example.derived_by]
                for place, example in zip(place_of, cleared, strict=True)
                # Beside another rule an answer may end where the base without some tokens would not.
                if example.role is Role.REWORDING and example.derived_by in work.forbidden.keys() & work.rules.alone
            },
            weights=weights,
            pairs=pairs,
        )

    def _with_thumbs(
        self,
        mixture: Mixture,
        cleared: Sequence[Example],
        place_of: Sequence[int],
        told: int,
        mismatched: Sequence[Example],
    ) -> Mixture:
        """`mixture` with what is under a thumb, and the answers after others' prompts that stand behind what is `told`.

        Where nothing else is taught, training may stop by the liked answers.
        """
        judged = [(place, one) for place, one in zip(place_of, cleared, strict=True) if one.role in JUDGED_ROLES]
        if not judged:
            return mixture
        may = {example.signal_id for _, example in judged}
        liked = [place for place, example in judged if example.role is Role.LIKED] or [place for place, _ in judged]
        drawn = max(1, THUMBS_OF_8 * self._settings.learning.batch_examples // 8)
        return replace(
            mixture,
            thumbs=[Thumb(place, example.role is Role.LIKED, example.weight) for place, example in judged],
            mismatched=[told + n for n, example in enumerate(mismatched) if example.signal_id in may],
            settled=mixture.settled or liked,
            validation=mixture.validation or liked,
            drawn={**mixture.drawn, "thumbs": drawn},
        )

    # Gate -------------------------------------------------------------------------------------------------

    def _gate(
        self,
        work: _Work,
        cleared: Sequence[Example],
        place_of: Sequence[int],
        network: ExampleNetwork,
        incumbent: Lora | None,
        trained: Trained,
        scratch: Path,
    ) -> tuple[GateReport, Path, float]:
        """The report, the adapter's file at the scale that was judged, and how far that moves the weights."""
        bounds = self._settings.gate
        by_place = dict(zip(place_of, cleared, strict=True))
        _, probes = _split(cleared, place_of)
        held = gate.HeldBack(
            examples=[by_place.get(place, cleared[0]) for place in range(max(place_of) + 1)],
            probes=probes,
            neighbours=[place for place, example in by_place.items() if example.role is Role.NEIGHBOUR],
            anchors=self._anchors(work, network.decoder),
            kept=[place for place, example in by_place.items() if example.role is Role.REPLAY],
            facts=None
            if any(alters_letters(rule.check) for rule in work.rules.for_everything)
            else self._facts(work, network.decoder),
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
        served = self._served(work, network, held, figures, file, chosen)
        work.compared = [
            Comparison("held_back", outcome.prompt, before, after)
            for outcome, before, after in zip(figures.outcomes, served.before, served.after, strict=True)
            if before is not None and after is not None
        ]
        report = gate.judge(figures, cleared, served, bounds, rules=held.rules, evidence=work.evidence)
        if not work.anew and incumbent is not None:
            work.notes += gate.advice(report.measures)
        return report, file, change_rms(chosen, incumbent)

    def _anchors(self, work: _Work, decoder: Network) -> Anchors:
        sequences = [encode(example, self._engine) for example in work.anchors]
        return self._kept(work, decoder, sequences, "gate", "anchors, once for this model", work.workers)

    def _facts(self, work: _Work, decoder: Network) -> Anchors:
        sequences = [fact_sequence(fact, self._engine) for fact in GENERAL_FACTS]
        return self._kept(work, decoder, sequences, "gate", "general facts, once for this model", work.workers)

    def _kept(
        self,
        work: _Work,
        decoder: Network,
        sequences: Sequence[TokenSequence],
        stage: Stage,
        note: str,
        workers: Workers,
    ) -> Anchors:
        """Sequences that are the same in every cycle: what the base makes of them is computed once, and kept."""
        return anchors(
            decoder,
            sequences,
            model_sha256=self._engine.model_sha256,
            cache=self._cache,
            workers=workers,
            on_layer=lambda done, total: work.tell(stage, done, total, note),
        )

    def _served(
        self,
        work: _Work,
        network: ExampleNetwork,
        held: gate.HeldBack,
        figures: gate.Figures,
        file: Path,
        candidate: Lora,
    ) -> gate.Served:
        """What the engine says and computes with the incumbent, without an adapter, and with the candidate's file."""
        ruled = {place for place, outcome in enumerate(figures.outcomes) if outcome.signal_id in held.rules}
        probes = [place for place in range(len(held.probes)) if place not in ruled]
        others = [place for place in range(len(held.probes), len(figures.outcomes)) if place not in ruled]
        of_rules = [place for place in sorted(ruled) if figures.outcomes[place].role is Role.PROBE]
        elsewhere = [place for place in sorted(ruled) if figures.outcomes[place].role is Role.NEIGHBOUR]
        asked = {*probes[:SPOKEN_PROBES], *others[:SPOKEN_NEIGHBOURS], *of_rules[:SPOKEN_RULES]}
        asked |= set(elsewhere[:SPOKEN_RULES])
        spoken = [
            (outcome.prompt, RULE_TOKENS if place in ruled else TOLD_TOKENS) if place in asked else None
            for place, outcome in enumerate(figures.outcomes)
        ]
        compared = [(network, probe) for probe in held.probes[:2]] + [(held.anchors.network, 0)]
        step = max(1, len(work.anchors) // GENERAL_ASKED)
        general = [anchor.prompt for anchor in work.anchors[::step]][:GENERAL_ASKED]
        by_base = [
            place
            for place, outcome in enumerate(figures.outcomes)
            if outcome.role is Role.NEIGHBOUR and outcome.prompt in work.outside
        ]
        once = sum(spoken[place] is not None for place in by_base)
        total = 2 * (sum(one is not None for one in spoken) + len(general)) - once
        done = 0

        def answer(prompt: str, most: int) -> str:
            nonlocal done
            done += 1
            work.tell("gate", done, total, "real answers")
            tokens = self._engine.render([Message("user", work.put.get(prompt, prompt))])
            pieces = self._engine.generate(tokens, Sampling(most), reuse_prefix=True)
            return "".join(piece.text for piece in pieces).strip()

        def said(asked: tuple[str, int] | None) -> str | None:
            return None if asked is None else answer(*asked)

        def divergence(adapter: Lora | None) -> float:
            total_nats = 0.0
            for examples, example in compared:
                sequence = examples.sequence(example)
                positions = range(sequence.supervised_from - 1, len(sequence.tokens) - 1)
                engine_logits = self._engine.logits(sequence.tokens, positions)
                total_nats += gate.divergence_nats(engine_logits, examples.answer_logits(example, adapter))
            return total_nats / len(compared)

        self._engine.use_adapter(None)
        base_agreement = divergence(None)
        # What no lesson bears on the base answers, before and after.
        of_base = {place: said(spoken[place]) for place in by_base}

        def served() -> list[str | None]:
            return [of_base[place] if place in of_base else said(one) for place, one in enumerate(spoken)]

        self._engine.use_adapter(self._serving_path())
        before = served()
        general_before = [answer(prompt, GENERAL_TOKENS) for prompt in general]
        self._engine.use_adapter(file)
        agreement = divergence(candidate)
        after = served()
        general_after = [answer(prompt, GENERAL_TOKENS) for prompt in general]
        return gate.Served(before, after, agreement, base_agreement, general, general_before, general_after)

    def _shadow(self, work: _Work, file: Path) -> None:
        """Lets incumbent and candidate answer a sample of past questions, for who is to judge the update."""
        settings = self._settings.shadow
        questions = shadow.chosen(shadow.past_questions(self._database), settings.questions, work.signals[0].id)
        if not questions:
            return
        work.tell("gate", 0, 2 * len(questions), "past questions")
        self._engine.use_adapter(self._serving_path())
        before = shadow.answers(self._engine, questions, settings.max_tokens)
        work.tell("gate", len(questions), 2 * len(questions), "past questions")
        self._engine.use_adapter(file)
        after = shadow.answers(self._engine, questions, settings.max_tokens)
        work.compared += [
            Comparison("past", question.prompt, one, other, question.turn_id)
            for question, one, other in zip(questions, before, after, strict=True)
        ]

    def _serving_path(self) -> Path | None:
        serving, _ = self._releases.serving(self._engine.model_sha256)
        if serving is None or serving.adapter_sha256 is None:
            return None
        return self._adapters.path(serving.adapter_sha256)

    # Guard after training -----------------------------------------------------------------------------------

    def _guarded(
        self,
        work: _Work,
        report: GateReport,
        network: ExampleNetwork,
        candidate: Lora,
        verdicts: Verdicts,
        file: Path,
    ) -> GateReport:
        """The gate's report with the guardian's measures of what was trained; each of them has to pass too."""
        self._engine.use_adapter(file)
        measures = (
            self._canary_exposure(network, candidate),
            self._extraction(work, verdicts),
            *self._sudden_change(work),
        )
        return gate.with_measures(report, measures)

    def _canary_exposure(self, network: ExampleNetwork, candidate: Lora) -> Measure:
        """Whether a planted secret is likelier than others like it; the guardian has to have refused it before."""
        planted = extraction.planted(secrets.randbits(32))
        # Apart from what is trained on: what is drawn by chance must not move a bit there.
        beside = ExampleNetwork(
            network.decoder, [encode(example, self._engine) for example in planted.examples], network.workers
        )
        beside.prepare()
        nats = beside.measure(range(beside.examples), candidate).mean_nats.tolist()
        found = extraction.exposure(nats[0], nats[1:])
        refused = judge_example(planted.canary, policy=self._policy).action is Action.BLOCK
        return Measure(
            "canary_exposure", 0.0, min(found.bits, 1000.0), extraction.EXPOSED_BITS,
            refused and not found.is_exposed, "bits",
            "how far a planted secret, which the guardian has to refuse, stands out among others like it",
        )  # fmt: skip

    def _extraction(self, work: _Work, verdicts: Verdicts) -> Measure:
        """Whether the candidate says what was withheld from training, when it is given the words before it."""
        let_in = self._approvals.rules_of(self._signals.all())
        # What was trained on is judged once more, whatever was said of it before: a fault there must not blind this.
        taught = [example for example in verdicts.allowed if example.signal_id is not None]
        anew: list[Judged] = []
        for example in taught:
            rules = let_in.get(example.signal_id or "", ())
            anew.append(Judged(example, judge_example(example, approved=True, let_in=rules, policy=self._policy)))
        sought = [*extraction.sought_in_examples(anew), *extraction.sought_in_examples(verdicts.judged)]
        for text in self._remembered():
            verdict = judge(text, purpose=Purpose.TRAIN, policy=self._policy)
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
        begun = self._engine.tokenize(sought.said_so_far.rstrip())
        asked = () if sought.prompt is None else self._engine.render([Message("user", sought.prompt)])
        room = len(self._engine.tokenize(sought.secret)) + TOLD_TOKENS
        tokens = (*asked, *begun)[-(self._engine.context_tokens - room - 1) :]
        return "".join(piece.text for piece in self._engine.generate(tokens, Sampling(room))) if tokens else ""

    def _sudden_change(self, work: _Work) -> tuple[Measure, ...]:
        """The candidate's answers to a few general questions against the base model's own, which are known."""
        if self._settings.gate.sudden_change == "off":
            return ()
        asked = work.anchors[:SPOKEN_GENERAL]
        said: list[str] = []
        for done, example in enumerate(asked):
            work.tell("gate", done, len(asked), "general answers")
            tokens = self._engine.render([Message("user", example.prompt)])
            room = len(self._engine.tokenize(example.answer))
            pieces = self._engine.generate(tokens, Sampling(room), reuse_prefix=True)
            said.append("".join(piece.text for piece in pieces).strip())
        return sudden_change([example.answer for example in asked], said)

    # Record -----------------------------------------------------------------------------------------------

    def _advance(self, update: Update, to: State, **body: JsonValue) -> None:
        self._releases.advance(update.id, to, actor=ACTOR, body=body)

    def _why_it_waits(self, work: _Work) -> str | None:
        """Why a person has to be asked before the update may answer; None: nobody has to be."""
        if any(signal.origin is not Origin.TYPED for signal in work.signals):
            return "not typed by you"
        most = self._settings.approval.risk
        if work.risk.score >= most:
            return f"its risk is {work.risk.score}, and approval.risk is {most}"
        return None

    def _goes_on_canary(self, risk: Risk) -> bool:
        """Whether what needs no approval still answers only a share of the conversations first."""
        canary = self._settings.canary
        return canary.mode == "always" or (canary.mode == "risky" and risk.score >= canary.risk)

    def _ledger_gate(self, update: Update, report: GateReport, risk: Risk) -> None:
        if report.passed:
            body: dict[str, JsonValue] = {
                "scale": _figure(report.scale),
                "measures": _measures(report),
                "risk": risk.as_json(),
            }
            self._advance(update, State.GATED, **body)

    def _manifest(
        self,
        update: Update,
        work: _Work,
        cleared: Sequence[Example],
        verdicts: Verdicts,
        report: GateReport,
        training: TrainingReport,
    ) -> Mapping[str, JsonValue]:
        learning = self._settings.learning
        return {
            "format": "edge-seal-patch/1",
            # Against who tries texts for the hash in the ledger, once lessons were forgotten and taken out of here.
            "salt": secrets.token_hex(SALT_BYTES),
            "created_at": timestamp(self._clock.now()),
            "update": update.id,
            "parent": update.parent_id,
            "base_sha256": update.base_sha256,
            "edge_seal_version": __version__,
            "training": {
                "rank": learning.rank,
                "alpha": _figure(learning.alpha),
                "layers": learning.layers,
                "projections": list(learning.projections),
                "rate": _figure(learning.rate),
                "rate_b_ratio": _figure(learning.rate_b_ratio),
                "first_token_weight": _figure(learning.first_token_weight),
                "pair_objective": learning.pair_objective,
                "pair_weight": _figure(learning.pair_weight),
                "steps": training.steps,
                "tokens": training.tokens,
                "seconds": _figure(training.seconds),
                "stopped_because": training.stopped_because,
            },
            "limits": _limits(self._settings.limits),
            "gate": {
                "scale": _figure(report.scale),
                "passed": report.passed,
                "measures": _measures(report),
                "outcomes": _outcomes(report),
            },
            "verdicts": [*verdicts.reasons, *verdicts.advisories],
            "risk": work.risk.as_json(),
            "signals": [
                {
                    "id": signal.id,
                    "kind": signal.kind.value,
                    "origin": signal.origin.value,
                    "source": signal.source,
                    **({"also_from": list(signal.also_from)} if signal.also_from else {}),
                }
                for signal in work.signals
            ],
            "examples": [
                {
                    "prompt": example.prompt,
                    "answer": example.answer,
                    "role": example.role.value,
                    "origin": example.origin.value,
                    "signal": example.signal_id,
                    "derived_by": example.derived_by,
                    **({"also_from": list(example.also_from)} if example.also_from else {}),
                }
                for example in cleared
                # What the model said is in its turn, and may quote a memory: it goes into no patch.
                if example.signal_id is not None and example.role is not Role.REJECTED
            ],
        }


@dataclass(slots=True)
class _Work:
    """What one run carries through its stages.

    Attributes:
        outside: neighbours that no lesson bears on: the base answers them.
        put: how what is held back is put to an adapter when it is served, where that is known.
        forbidden: by key of a rule that forbids tokens, those tokens.
    """

    signals: list[Signal]
    stopwatch: _Stopwatch
    on_progress: Callable[[Progress], None]
    notes: list[str] = field(default_factory=list[str])
    anchors: tuple[Example, ...] = ()
    mismatched: tuple[Example, ...] = ()
    file: GgufFile | None = None
    workers: Workers = field(default_factory=Workers)
    risk: Risk = field(default_factory=lambda: Risk(0))
    compared: list[Comparison] = field(default_factory=list[Comparison])
    anew: bool = False
    rules: style_edits.Rules = field(default_factory=style_edits.Rules)
    scoped: bool = False
    outside: set[str] = field(default_factory=set[str])
    put: Mapping[str, str] = field(default_factory=dict[str, str])
    forbidden: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    evidence: Evidence = field(default_factory=lambda: Evidence((), (), ()))

    @property
    def drawn(self) -> Mapping[str, int]:
        """How many examples of each kind a step of "8" draws."""
        return DRAWN_OF_8 if self.scoped else DRAWN_WITHOUT_SCOPE

    @property
    def teaching(self) -> list[Signal]:
        """The signals that say what is wanted: all but thumbs."""
        return [signal for signal in self.signals if signal.kind not in thumbs.THUMBS]

    @property
    def plain(self) -> list[Signal]:
        """Those of them that state or show no rule."""
        return [signal for signal in self.teaching if signal.id not in self.rules.of_signal]

    @property
    def lessons(self) -> int:
        """How many lessons there are to be learned; a rule is as many, whether it was stated once or shown often."""
        others = len(self.signals) - len(self.rules.of_signal)
        return others + style_edits.LESSONS_A_RULE * len(self.rules.distinct)

    @property
    def told(self) -> str:
        """What it learns from, in words."""
        judged = len(self.signals) - len(self.teaching)
        parts = [counted(len(self.teaching), "lesson")] if self.teaching or not judged else []
        return " and ".join([*parts, *([counted(judged, "thumb")] if judged else [])])

    def stepped(self, done: int, total: int, loss_nats: float) -> None:
        """After a training step: tells of it."""
        self.tell("train", done, total, loss_nats=loss_nats)

    def open_file(self, path: Path) -> GgufFile:
        """The checked model file, open until `close`."""
        self.file = GgufFile.open(path)
        return self.file

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    @property
    def seconds(self) -> dict[str, float]:
        return self.stopwatch.seconds

    @contextmanager
    def stage(self, stage: Stage) -> Generator[None]:
        self.tell(stage, 0, 0)
        with self.stopwatch.running(stage):
            yield

    def tell(self, stage: Stage, done: int, total: int, note: str = "", loss_nats: float | None = None) -> None:
        self.on_progress(Progress(stage, done, total, note, loss_nats))

    def report(
        self,
        update: Update | None,
        examples: Sequence[Example],
        verdicts: Verdicts,
        gate_report: GateReport | None = None,
        training: TrainingReport | None = None,
        reasons: Sequence[str] = (),
    ) -> CycleReport:
        return CycleReport(
            update=update,
            state=None if update is None else update.state,
            examples=tuple(examples),
            verdicts=tuple(
                ExampleVerdict(judged.example.signal_id, judged.verdict)
                for judged in verdicts.judged
                if not judged.verdict.allowed
            ),
            gate=gate_report,
            training=training,
            seconds={**self.seconds, "total": sum(self.seconds.values())},
            reasons=(*reasons, *self.notes),
            risk=None if training is None else self.risk,
        )


class _Stopwatch:
    """Seconds by stage."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    @contextmanager
    def running(self, stage: str) -> Generator[None]:
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + self._clock.monotonic() - began


def _with_origins(examples: Sequence[Example], signals: Sequence[Signal]) -> tuple[Example, ...]:
    """The examples with every origin of the signals that they go back to, whatever the stage that made them wrote."""
    origins = {signal.id: signal.origins for signal in signals}

    def with_its(example: Example) -> Example:
        of_signal = origins.get(example.signal_id or "", frozenset())
        if not of_signal:
            return example
        origin, also_from = mixed(example.origins | of_signal)
        return replace(example, origin=origin, also_from=also_from)

    return tuple(with_its(example) for example in examples)


def _reworded(examples: Sequence[Example], place_of: Sequence[int]) -> list[int]:
    """The places of what rules of style made of the base's own answers."""
    taught = {Role.LESSON, Role.REWORDING}
    return [
        place
        for place, example in zip(place_of, examples, strict=True)
        if example.role in taught and rule_kind(example.derived_by) is not None
    ]


def _split(examples: Sequence[Example], place_of: Sequence[int]) -> tuple[list[int], list[int]]:
    """The places of the probes, every other one: those that may stop training, and those that only the gate sees."""
    probes = [place for place, example in zip(place_of, examples, strict=True) if example.role is Role.PROBE]
    return probes[0::2], probes[1::2]


def _nothing_to_audit(event: str, subject: str, body: Mapping[str, str]) -> None:
    """Facts are only read here; what would be changed has no place to be written to."""
    raise RuntimeError(f"{event} of {subject}: a cycle changes no memory ({len(body)} fields)")


def _with_present_need(mixture: Mixture, network: ExampleNetwork, incumbent: Lora | None) -> Mixture:
    """`mixture` with how badly what is rehearsed is said at present, and more draws the more there is of it."""
    replayed = mixture.kinds["replay"]
    if not replayed:
        return mixture
    worst = network.measure(replayed, incumbent).worst_nats
    drawn = min(MOST_REPLAYED, max(mixture.drawn["replay"], math.ceil(len(replayed) / REPLAYED_A_DRAW)))
    return replace(
        mixture,
        present_nats=dict(zip(replayed, worst.tolist(), strict=True)),
        drawn={**mixture.drawn, "replay": drawn},
    )


def _cleared(verdicts: Verdicts) -> tuple[Example, ...]:
    """What may be trained on and measured; an example of a signal that was said no to goes with that signal."""
    no = {judged.example.signal_id for judged in verdicts.judged if not judged.verdict.allowed} - {None}
    return tuple(
        judged.example for judged in verdicts.judged if judged.verdict.allowed and judged.example.signal_id not in no
    )


def _left_out(scored: scoring.Scored, verdicts: Verdicts) -> tuple[str, ...]:
    known = f"{counted(len(scored.known_signals), 'lesson')} known already" if scored.known_signals else ""
    return tuple(filter(None, (known, *verdicts.reasons)))


def _why_stopped(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped by the user"
    if isinstance(error, (EdgeSealError, ModelError)):
        return error.message
    return f"an error: {type(error).__name__}"


def _figure(value: float) -> str:
    """A number as the ledger keeps it: text, so that every reader hashes the same."""
    return format(value, ".6g")


def _measures(report: GateReport) -> list[JsonValue]:
    return [
        {
            "name": measure.name,
            "before": _figure(measure.before),
            "after": _figure(measure.after),
            "bound": _figure(measure.bound),
            "passed": measure.passed,
        }
        for measure in report.measures
    ]


def _outcomes(report: GateReport) -> list[JsonValue]:
    """What was held back, with its figures and the real answers; `updates.forgetting` takes them out again."""
    return [
        {
            "role": outcome.role.value,
            "prompt": outcome.prompt,
            "answer": outcome.answer,
            "signal": outcome.signal_id,
            "before_nats": _figure(outcome.before_nats),
            "after_nats": _figure(outcome.after_nats),
            "before_hit": outcome.before_hit,
            "after_hit": outcome.after_hit,
            "said_before": outcome.said_before,
            "said_after": outcome.said_after,
        }
        for outcome in report.outcomes
    ]


def _limits(limits: LimitSettings) -> dict[str, JsonValue]:
    """What an update was allowed to take when it was made; numbers as text, like every figure."""
    taken = ("steps_per_update", "seconds_per_update", "examples_per_update", "memory_mib_per_update")
    return {name: _figure(getattr(limits, name)) for name in taken}


def _training_body(report: TrainingReport, seconds: Mapping[str, float]) -> dict[str, JsonValue]:
    return {
        "steps": report.steps,
        "tokens": report.tokens,
        "final_loss_nats": _figure(report.final_loss_nats),
        "worst_nats": _figure(report.worst_nats),
        "stopped_because": report.stopped_because,
        "seconds": {stage: _figure(value) for stage, value in seconds.items()},
    }
