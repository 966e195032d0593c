"""Which update may answer, and everything that is wrong with what is stored.

An update verifies when its adapter and manifest have the hashes in its row, the ledger has an entry that made it
active with these very hashes, and the chain is unbroken from its start through that entry. Damage further on in the
ledger takes nothing from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_seal.errors import IntegrityError
from edge_seal.records import ChainReport, State, Update
from edge_seal.storage.database import Database
from edge_seal.updates.adapters import AdapterStore
from edge_seal.updates.audit import EVENT_PREFIX, LESSONS_FORGOTTEN, Replay, differences, examples_digest, replay
from edge_seal.updates.canonical import JsonValue, digest
from edge_seal.updates.heads import KeptHead, NotedHead
from edge_seal.updates.ledger import ChainCheck, Ledger
from edge_seal.updates.rows import UpdateRows, hashes_of

# How the model without any update is named.
BASE = "base"

APPROVAL_DOMAIN = "edge-seal approval v1"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The ledger as far as it can be believed: its check, and the updates that its sound part tells of."""

    check: ChainCheck
    replayed: Replay


class Verification:
    """Judges what is stored about updates; changes nothing."""

    def __init__(self, database: Database, rows: UpdateRows, ledger: Ledger, adapters: AdapterStore) -> None:
        self._database = database
        self._rows = rows
        self._ledger = ledger
        self._adapters = adapters

    def evidence(self, noted: Sequence[NotedHead] = (), kept: Sequence[KeptHead] = ()) -> Evidence:
        """Checks the chain and replays its sound part."""
        check = self._ledger.verify(noted, kept)
        entries = self._ledger.of_events(EVENT_PREFIX)
        return Evidence(check, replay(entry for entry in entries if check.covers(entry.seq)))

    def problem(self, update: Update, evidence: Evidence, base_sha256: str | None = None) -> str | None:
        """Why this update may not answer (with the model file `base_sha256`, if given); None if it verifies."""
        hashes = hashes_of(update)
        recorded = evidence.replayed.updates.get(update.id)
        if base_sha256 not in {None, update.base_sha256}:
            return "it was trained for another model file; `edge-seal learn` retrains its lessons for this one"
        if recorded is not None and recorded.purged:
            return f"{LESSONS_FORGOTTEN}, and its adapter is deleted"
        if hashes is None:
            return "its row names no adapter"
        if recorded is None or not recorded.activated_with:
            return "the sound part of the audit trail has no entry that made it active"
        if hashes not in recorded.activated_with or update.base_sha256 != recorded.update.base_sha256:
            return "its row names other hashes than the audit trail"
        return self._adapters.verify(*hashes)

    def trial_problem(self, update: Update, base_sha256: str) -> str | None:
        """Why an update on the canary may not answer; see `Releases.trial_problem`."""
        if update.base_sha256 != base_sha256:
            return "it was trained for another model file"
        recorded = self.evidence().replayed.updates.get(update.id)
        if recorded is None or recorded.update != update or update.state is not State.CANARY:
            return "the sound part of the audit trail does not have it on the canary with these hashes"
        hashes = hashes_of(update)
        return "its row names no adapter" if hashes is None else self._adapters.verify(*hashes)

    def approval_hash(self, update: Update) -> str:
        """The hash of what was trained: model file, parent, adapter, manifest, examples; see `Releases.approval_hash`.

        Raises:
            IntegrityError: something of it is not what the sound part of the audit trail says was trained.
        """
        hashes = hashes_of(update)
        recorded = self.evidence().replayed.updates.get(update.id)
        examples = examples_digest(self._rows.examples_salt(update.id), self._rows.examples(update.id))
        if hashes is None:
            problem = "it has no adapter"
        elif recorded is None or recorded.update.adapter_sha256 is None:
            problem = "the sound part of the audit trail does not say that it was trained"
        elif (recorded.update, recorded.examples_sha256) != (update, examples):
            problem = "its row or its examples are not what the audit trail says was trained"
        else:
            problem = self._adapters.verify(*hashes)
        if problem is not None:
            raise IntegrityError(
                f"update {update.id} cannot be used: {problem}",
                next_step="edge-seal audit verify names what is wrong; edge-seal learn trains anew",
            )
        told: dict[str, JsonValue] = {
            "update": update.id,
            "parent": update.parent_id,
            "base_sha256": update.base_sha256,
            "adapter_sha256": update.adapter_sha256,
            "manifest_sha256": update.manifest_sha256,
            "examples_sha256": examples,
        }
        return digest(APPROVAL_DOMAIN, told)

    def serving(self, base_sha256: str | None) -> tuple[Update | None, tuple[str, ...]]:
        """The newest update that verifies, from the active one down its ancestors; see `Releases.serving`."""
        evidence = self.evidence()
        notices: list[str] = []
        if evidence.check.reason is not None:
            notices.append(f"the audit trail is damaged: {evidence.check.reason}; run `edge-seal audit verify`")
        active = self._rows.active()
        forged = self._forged(active, evidence)
        if active is None:
            return None, (*notices, f"{forged}; run `edge-seal audit verify`") if forged else tuple(notices)
        for candidate in self._rows.with_ancestors(active):
            is_active = candidate.id == active.id
            problem = (forged if is_active else None) or self.problem(candidate, evidence, base_sha256)
            if problem is None:
                return candidate, tuple(notices) if is_active else (*notices, _fallback(candidate.id))
            notices.append(f"update {candidate.id} is not used: {problem}")
        return None, (*notices, _fallback(BASE))

    def audit(self, noted: Sequence[NotedHead] = (), kept: Sequence[KeptHead] = ()) -> ChainReport:
        """Every problem with the chain, the rows against it, the examples and the files; see `Releases.audit`."""
        evidence = self.evidence(noted, kept)
        check, replayed = evidence.check, evidence.replayed
        rows = self._rows.all()
        problems = [*self._database.problems(), *replayed.problems]
        if check.reason is not None:
            problems[:0] = [check.reason, *check.beside]
        else:
            # After a break the ledger no longer says how its story ends: there would be nothing to compare with.
            problems.extend(differences(replayed, rows))
            problems.extend(self._changed_examples(replayed, rows))
        named = [(row.id, hashes) for row in rows if (hashes := hashes_of(row)) is not None]
        for update_id, hashes in named:
            problem = self._adapters.verify(*hashes)
            if problem is not None:
                problems.append(f"update {update_id}: {problem}")
        return ChainReport(
            entries=check.entries,
            head=check.head,
            adapters=len({adapter for _, (adapter, _) in named}),
            problems=tuple(problems),
            first_bad_seq=check.first_bad_seq,
            root=check.root,
            flaw=check.flaw,
        )

    def _forged(self, active: Update | None, evidence: Evidence) -> str | None:
        """Whether a row was made active, or made not active, by hand; only an unbroken ledger can tell."""
        told = evidence.replayed.active
        if not evidence.check.intact or told == (() if active is None else (active.id,)):
            return None
        return (
            f"the audit trail says that {' and '.join(told) or BASE} is active, but a row was changed to say otherwise"
        )

    def _changed_examples(self, replayed: Replay, rows: Sequence[Update]) -> Iterator[str]:
        for row in rows:
            recorded = replayed.updates.get(row.id)
            expected = None if recorded is None else recorded.examples_sha256
            try:
                examples = self._rows.examples(row.id)
            except IntegrityError as error:
                yield f"update {row.id}: {error.message}"
                continue
            if expected is None and examples:
                yield f"update {row.id} has examples that the ledger knows nothing of"
            elif expected is not None and examples_digest(self._rows.examples_salt(row.id), examples) != expected:
                yield f"the examples of update {row.id} were changed"


def _fallback(name: str) -> str:
    return (
        f"{name} answers instead: `edge-seal audit verify` names all that is wrong, "
        f"`edge-seal rollback {name}` goes back to it for good"
    )
