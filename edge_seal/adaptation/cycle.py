"""One update from end to end: propose -> score -> guard -> train -> gate -> record -> activate.

Read `Cycle._learn` first; it is the page. Invariants: limits are asked before anything is done; every stage that ends
is one ledger entry; whatever stops a cycle (a no, an error, Ctrl-C) ends its update as rejected or abandoned, leaves
the active adapter as it was, and leaves the signals waiting unless they themselves were refused or learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from edge_kernels.trie import TokenSequence
from edge_models.adapter import read_gguf_adapter
from edge_models.errors import ModelError
from edge_models.lora import Lora
from edge_models.network import Network, open_network
from edge_seal.adaptation import gate, mixing, scope_vectors, scoring, self_edit, style_edits, thumbs
from edge_seal.adaptation.anchors import anchors
from edge_seal.adaptation.choosing import Choosing
from edge_seal.adaptation.evidence import examine
from edge_seal.adaptation.example_network import ExampleNetwork, encode
from edge_seal.adaptation.forbidden_tokens import forbidden_tokens, forbids_tokens
from edge_seal.adaptation.general_answers import general_answers
from edge_seal.adaptation.general_prompts import PLAIN_TEXTS
from edge_seal.adaptation.guardian import (
    Policy,
    SourceCaps,
    Verdicts,
    judge_batch,
    judge_example,
    policy_of,
    source_key,
)
from edge_seal.adaptation.manifest import figure, manifest, measures, training_body
from edge_seal.adaptation.own_answers import own_answers
from edge_seal.adaptation.signals import SignalBox
from edge_seal.adaptation.training import TrainingBudget, train
from edge_seal.adaptation.trial import Trial
from edge_seal.adaptation.work import CycleReport, Stopwatch, Work
from edge_seal.adaptation.workers import Workers
from edge_seal.clock import Clock, timestamp
from edge_seal.config import Settings
from edge_seal.engines.engine import Embedder, EmbedderUnavailable, Engine
from edge_seal.engines.selection import training_backend
from edge_seal.engines.taught_words import in_words_taught
from edge_seal.errors import EdgeSealError, EngineError, LimitReached
from edge_seal.records import (
    GIVEN_ROLES,
    JUDGED_ROLES,
    Actor,
    ActorName,
    Example,
    GateReport,
    Origin,
    Progress,
    Role,
    Signal,
    SignalState,
    State,
    Update,
    mixed,
)
from edge_seal.storage.database import Database
from edge_seal.updates import comparisons
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.canary import Canaries
from edge_seal.updates.canonical import JsonValue
from edge_seal.updates.forgetting import Forgetting
from edge_seal.updates.ledger import Ledger
from edge_seal.updates.lesson_approvals import LessonApprovals
from edge_seal.updates.lifecycle import IN_CYCLE
from edge_seal.updates.release import Releases
from edge_seal.updates.risk import Risk, assess
from edge_seal.updates.spending import Spending
from edge_seal.wording import counted

ACTOR = Actor.CYCLE
SOURCE_WINDOW = timedelta(days=30)
TEXT_TOKENS = 24
FROZEN_KEPT_BYTES = 384 * 2**20
"""A cycle goes through the frozen layers three times: those of a small model (135M: 270 MiB) are kept meanwhile."""


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
        self._embedder = embedder
        said = settings.data_policy
        self._policy = policy or policy_of(said.train.model_dump(), said.remember.model_dump(), said.topics)
        self._choosing = Choosing(
            database=database, releases=releases, signals=signals, approvals=self._approvals, clock=clock,
            settings=settings, policy=self._policy, model_sha256=engine.model_sha256,
        )  # fmt: skip
        self._trial = Trial(
            engine=engine, database=database, signals=signals, approvals=self._approvals, settings=settings,
            policy=self._policy, cache=cache, serving=self._serving_path, remembered=remembered,
        )  # fmt: skip

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
        offered, aside = (self._choosing.held(), 0) if consolidate else self._choosing.chosen()
        chosen, overruled = self._choosing.not_overruled(offered)
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
            why = (
                ("nothing that was learned for this model holds",) if consolidate else self._choosing.why_nothing(aside)
            )
            return CycleReport(None, None, reasons=(*notes, *why))
        work = Work(chosen, Stopwatch(self._clock), on_progress, list(notes), anew=consolidate)
        try:
            with Workers.opened() as work.workers:
                return self._learn(work, dry_run=dry_run)
        except ModelError as error:
            raise EngineError(f"the model cannot be trained: {error.message}", next_step=error.next_step) from error
        finally:
            work.close()
            self._engine.use_adapter(self._serving_path())

    # The page ---------------------------------------------------------------------------------------------

    def _learn(self, work: Work, *, dry_run: bool) -> CycleReport:
        incumbent = self._choosing.incumbent()
        earlier = () if work.anew else self._choosing.earlier_examples(incumbent, work.teaching)

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
        work: Work,
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
            mixture = mixing.mixture(self._settings.learning, work, cleared, place_of, len(every))
            mixture = mixing.with_present_need(mixture, network, incumbent)
            network.foresee([one for one in mixing.reworded(cleared, place_of) if one not in mixture.forbidden])
            budget = self._budget(work, incumbent)
            trained = train(network, mixture, start, budget, self._clock.monotonic, work.stepped)

        with work.stage("gate"), self._adapters.scratch() as scratch:
            report, file, change = self._trial.gated(work, cleared, place_of, network, incumbent, trained, scratch)
            report = self._trial.guarded(
                work, report, network, gate.scaled(trained.adapter, report.scale), verdicts, file
            )
            self._require_size(file)
            if report.passed:
                report = self._trial.shadowed(work, report, file)
            work.risk = assess(cleared, (judged.verdict for judged in verdicts.judged), report, change_rms=change)
            stored = self._adapters.put(
                file,
                manifest(
                    update,
                    work,
                    cleared,
                    verdicts,
                    report,
                    trained.report,
                    settings=self._settings,
                    created_at=timestamp(self._clock.now()),
                ),
            )

        with work.stage("record"):
            self._releases.trained(
                update.id,
                stored,
                [example for example in cleared if example.role is not Role.REJECTED],
                actor=ACTOR,
                body=training_body(trained.report, work.seconds),
            )
            self._keep_beside(update, work)
            self._ledger_gate(update, report, work.risk)
        if not report.passed:
            figures: dict[str, JsonValue] = {"scale": figure(report.scale), "measures": measures(report)}
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
                scale: dict[str, JsonValue] = {"scale": figure(report.scale)}
                if self._goes_on_canary(work.risk):
                    released = self._canaries.start(update.id, ACTOR, scale)
                else:
                    released = self._releases.activate(update.id, ACTOR, scale, learned)
        return work.report(released, cleared, verdicts, report, trained.report, reasons=_left_out(scored, verdicts))

    def _budget(self, work: Work, incumbent: Lora | None) -> TrainingBudget:
        quick = work.scoped and (work.anew or incumbent is None)
        return mixing.budget(self._settings, work.lessons, work.drawn, quick=quick)

    def _keep_beside(self, update: Update, work: Work) -> None:
        """Keeps what was made on the way and will be asked for: answers to compare, and the vectors of the scope."""
        comparisons.keep(self._database, update.id, work.compared)
        if self._embedder is not None:
            lessons = self._releases.lessons(update) or ()
            scope_vectors.keep(lessons, work.vectors, self._database, self._embedder)

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

    def _proposed(self, work: Work, earlier: Sequence[Example]) -> self_edit.SelfEdits:
        return self_edit.propose(work.plain, earlier, both_directions=self._settings.learning.both_directions)

    def _within_limit(self, edits: self_edit.SelfEdits, earlier: Sequence[Example], work: Work) -> self_edit.SelfEdits:
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
        self, edits: self_edit.SelfEdits, earlier: Sequence[Example], incumbent: Update | None, work: Work
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
            work.vectors = scope_vectors.vectors_before_learning(lessons, self._database, self._embedder)
            scope = scope_vectors.scope_before_learning(work.vectors, self._embedder, self._cache)
            found = dict(zip(asked, scope_vectors.judged(scope, asked, self._embedder), strict=True))
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

    def _with_rules(self, edits: self_edit.SelfEdits, work: Work) -> self_edit.SelfEdits:
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

    def _general(self, work: Work) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        self._engine.use_adapter(None)
        general, measured = general_answers(
            self._engine, self._cache, lambda done, total: work.tell("propose", done, total, "the model's own answers")
        )
        # A rule for every answer is taught on answers of every kind: holding others as they were would unteach it.
        return (() if work.rules.for_everything else general), measured

    def _network(self, examples: Sequence[Example], general: Sequence[Example], work: Work) -> ExampleNetwork:
        """The network of `examples` and of the plain texts; what it needs of `general` ones is kept on disk."""
        learning = self._settings.learning
        backend = training_backend(learning.backend)
        decoder = open_network(work.open_file(self._model_path), learning.layers, backend, keep_bytes=FROZEN_KEPT_BYTES)
        # MLX has threads of its own, and its arrays belong to the thread that made them.
        workers = work.workers if backend == "numpy" else Workers()
        # What is held back is asked as it will be when it is served.
        put = (replace(example, prompt=work.put.get(example.prompt, example.prompt)) for example in examples)
        sequences, texts = [encode(example, self._engine) for example in put], self._texts()
        rehearsed = anchors(
            decoder,
            [*(encode(example, self._engine) for example in general), *texts],
            model_sha256=self._engine.model_sha256,
            cache=self._cache,
            workers=workers,
            on_layer=lambda done, total: work.tell("propose", done, total, "general answers, once for this model"),
        )
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

    def _known_already(self, work: Work, update: Update, scored: scoring.Scored) -> CycleReport:
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

    def _refused_by_guardian(self, work: Work, update: Update, verdicts: Verdicts) -> CycleReport:
        blocked = {example.signal_id for example in verdicts.blocked}
        refused = self._releases.refuse(
            update.id,
            actor=Actor.GUARDIAN,
            reasons=verdicts.reasons,
            body={},
            signals_refused=[signal.id for signal in work.signals if signal.id in blocked],
        )
        return work.report(refused, (), verdicts, reasons=verdicts.reasons)

    # Gate -------------------------------------------------------------------------------------------------

    def _require_size(self, file: Path) -> None:
        mib, limit = file.stat().st_size / 2**20, self._settings.limits.adapter_mib_per_update
        if mib > limit:
            raise LimitReached(
                f"the adapter has {mib:.1f} MiB, and limits.adapter_mib_per_update is {limit:g}",
                next_step="lower learning.rank, or edge-seal limits set adapter_mib_per_update VALUE",
            )

    def _serving_path(self) -> Path | None:
        serving, _ = self._releases.serving(self._engine.model_sha256)
        if serving is None or serving.adapter_sha256 is None:
            return None
        return self._adapters.path(serving.adapter_sha256)

    # Record -----------------------------------------------------------------------------------------------

    def _advance(self, update: Update, to: State, **body: JsonValue) -> None:
        self._releases.advance(update.id, to, actor=ACTOR, body=body)

    def _why_it_waits(self, work: Work) -> str | None:
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
                "scale": figure(report.scale),
                "measures": measures(report),
                "risk": risk.as_json(),
            }
            self._advance(update, State.GATED, **body)


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
