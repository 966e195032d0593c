"""What a person decides, wherever it is shown; what cannot simply be undone asks first.

For workers of a screen: a dialog is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_seal.records import Contradiction, Proposal, State
from edge_seal.tui.dialogs import AskDialog, ChoiceDialog

if TYPE_CHECKING:
    from edge_seal.runtime.reviewing import PutAside
    from edge_seal.runtime.timeline import UpdateDetail
    from edge_seal.tui.screen import DeskScreen


async def approve_update(screen: DeskScreen, detail: UpdateDetail) -> bool:
    """Lets answer exactly what `detail` shows, if the user says yes to its hash; gives whether it was done."""
    update, approval = detail.entry.update, detail.approval
    if approval is None:
        screen.tell_note(f"{update.id} cannot be approved: {detail.problem or update.state.value}", warning=True)
        return False
    risk = "" if detail.record.risk is None else f"\nrisk {detail.record.risk.words}"
    told = f"It may answer from then on, until you take it back.\nhash: {approval}{risk}"
    if not await screen.app.push_screen_wait(AskDialog(f"Approve {update.id}?", told, yes="Approve")):
        return False
    done = await screen.called(lambda runtime: runtime.approve(update.id, approval=approval), "updates", "signals")
    if done is None:
        return False
    if done.state is State.CANARY:
        screen.tell_note(f"{done.id} is on the canary: it answers a share of new conversations first")
    else:
        screen.tell_note(f"{done.id} answers now; roll back on another update takes it back")
    return True


async def promote_update(screen: DeskScreen, detail: UpdateDetail) -> bool:
    """Lets an update that is on the canary answer everybody, if the user says yes; gives whether it was done."""
    update, canary = detail.entry.update, detail.record.canary
    told = "" if canary is None else f"{canary.words}\n"
    told += "It answers everything from then on, whatever its conversations show by now."
    if not await screen.app.push_screen_wait(AskDialog(f"Promote {update.id}?", told, yes="Promote")):
        return False
    done = await screen.called(lambda runtime: runtime.promote(update.id), "updates", "signals")
    if done is None:
        return False
    screen.tell_note(f"{done.id} answers now; roll back on another update takes it back")
    return True


async def reject_update(screen: DeskScreen, detail: UpdateDetail) -> bool:
    """Ends the update, if the user says yes; gives whether it was done."""
    update, approval = detail.entry.update, detail.approval
    told = (
        "It answers no conversation any more."
        if update.state is State.CANARY
        else "Its examples and its adapter are removed, and the words of its lessons with them. It cannot be undone."
    )
    if not await screen.app.push_screen_wait(AskDialog(f"Reject {update.id}?", told, yes="Reject")):
        return False
    done = await screen.called(lambda runtime: runtime.reject(update.id, approval=approval), "updates", "signals")
    if done is None:
        return False
    screen.tell_note(f"{done.id} is {done.state.value.replace('_', ' ')}")
    return True


async def decide_lesson(screen: DeskScreen, item: PutAside, *, let_in: bool) -> bool:
    """Lets a lesson in that the guardian put aside, or forgets it, if the user says yes; gives whether it was done."""
    signal_id, approval = item.signal.id, item.approval
    reasons = "\n".join(item.reasons)
    if not let_in:
        if not await screen.app.push_screen_wait(
            AskDialog(f"Forget {signal_id}?", "Its words are deleted. It cannot be undone.", yes="Forget")
        ):
            return False
        return await screen.called(lambda runtime: runtime.forget(signal_id), "signals") is not None
    if approval is None:
        screen.tell_note(f"{signal_id} cannot be let in: {reasons}", warning=True)
        return False
    told = f"{reasons}\nThe next learning takes it.\nhash: {approval}"
    if not await screen.app.push_screen_wait(AskDialog(f"Let {signal_id} be learned?", told, yes="Let in")):
        return False
    return await screen.called(lambda runtime: runtime.let_in(signal_id, approval), "signals") is not None


async def decide_proposal(screen: DeskScreen, proposal: Proposal, *, accept: bool) -> bool:
    """Remembers what was said in passing, or takes it out for good; gives whether it was done."""
    if accept:
        kept = await screen.called(lambda runtime: runtime.accept([proposal.id]), "memories")
        if kept is None:
            return False
        screen.tell_note(f"remembered as {', '.join(memory.id for memory in kept)}")
        return True
    done = await screen.called(lambda runtime: (runtime.proposals.reject(proposal.id), True)[1], "memories")
    return done is not None


async def decide_contradiction(screen: DeskScreen, item: Contradiction) -> bool:
    """Asks which of two memories holds; the other one has then ended. Gives whether it was done."""
    first, second = item.first, item.second
    verb = "contradict" if item.similarity is None else "may contradict"
    chosen = await screen.app.push_screen_wait(
        ChoiceDialog(
            f"{first.id} and {second.id} {verb} each other. Which one holds?",
            [
                (first.id, f"{first.id}: {first.text}"),
                (second.id, f"{second.id}: {second.text}"),
                ("both", "both hold"),
            ],
        )
    )
    if chosen is None:
        return False
    keep = None if chosen == "both" else chosen
    done = await screen.called(
        lambda runtime: (runtime.stored_memories.facts.resolve(first.id, second.id, keep), True)[1], "memories"
    )
    return done is not None
