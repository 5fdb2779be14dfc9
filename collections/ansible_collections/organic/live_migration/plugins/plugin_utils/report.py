# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a migration ended, in words for the user. Every sentence about that is in this file."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.organic.live_migration.plugins.module_utils.errors import Blocker, as_sentence
from ansible_collections.organic.live_migration.plugins.module_utils.migration import phases
from ansible_collections.organic.live_migration.plugins.module_utils.session.outcome import Notice, Outcome, Verdict


@dataclass(frozen=True)
class Where:
    """A container and the two hosts of its migration."""

    name: str
    source: str
    target: str


@dataclass(frozen=True)
class Aftermath:
    """What the controller found out or failed to do once the migration had ended on the hosts.

    Attributes:
        resolved: what became of the process on the target host, see :mod:`phases`; empty if that is not known.
        unresolved: why that could not be found out.
        not_discarded: why what was prepared on the target host could not be removed.
        ends_after_s: time after which it ends by itself.
        not_ended: why the orchestrator could not be told where the process is.
    """

    resolved: str = ""
    unresolved: str = ""
    not_discarded: str = ""
    ends_after_s: int = 0
    not_ended: str = ""


def failure(outcome: Outcome, where: Where, aftermath: Aftermath) -> str:
    """The message of a migration that did not complete: what happened, where the process is, what to do next."""
    sentences = [as_sentence(outcome.message)]
    if outcome.verdict is Verdict.IN_DOUBT:
        sentences.append(_in_doubt(where, aftermath))
    if aftermath.not_discarded:
        sentences.append(
            f"What was prepared on {where.target} could not be removed there: {as_sentence(aftermath.not_discarded)} "
            f"It ends by itself after {aftermath.ends_after_s} s."
        )
    if outcome.verdict in (Verdict.ROLLED_BACK, Verdict.CANCELLED):
        sentences.append(f"The container runs on {where.source} as before.")
    if aftermath.not_ended:
        sentences.append(_not_ended(where, aftermath))
    return " ".join(sentences)


def _not_ended(where: Where, aftermath: Aftermath) -> str:
    return (
        f"The orchestrator could not end the move: {as_sentence(aftermath.not_ended)} Make it reachable; the next "
        f"migration of '{where.name}' ends it first."
    )


def _in_doubt(where: Where, aftermath: Aftermath) -> str:
    name, source, target = where.name, where.source, where.target
    if aftermath.resolved == phases.RUNNING:
        return f"{target} reports that the process runs there."
    if aftermath.resolved == phases.EXITED:
        return f"{target} reports that the process ran there and has exited since; '{name}' is stopped there."
    if aftermath.resolved == phases.NEVER_RAN:
        return f"{target} reports that the process never ran there; '{name}' runs on {source} again."
    if aftermath.resolved == phases.LOST:
        return (
            f"{target} reports that the process ran there, possibly without all its memory, and has exited. "
            f"Its state is lost; redeploy '{name}'."
        )
    return (
        f"{as_sentence(aftermath.unresolved)} Only {target} knows whether the process runs there; on {source} it stays "
        f"frozen (in doubt) until {target} can be reached. Run the migration again, or "
        "organic.live_migration.container_migration_recover, as soon as both hosts can be reached."
    )


def frozen_elsewhere(where: Where, target: str) -> str:
    """A migration to another target is in doubt: only that one can be asked."""
    return (
        f"Container '{where.name}' is frozen on {where.source}; its migration to {target} is in doubt, and only "
        f"{target} knows whether the process runs there. Use target_host {target}, or run "
        f"organic.live_migration.container_migration_recover on {where.source}."
    )


def refusal(blockers: list[Blocker]) -> str:
    """The preflight refused the migration."""
    return f"Not migrated, nothing was touched: {' '.join(str(blocker) for blocker in blockers)}"


def refused(blockers: list[Blocker]) -> dict[str, object]:
    """The result of a migration that the preflight refused; nothing was touched."""
    return {"failed": True, "msg": refusal(blockers), "blockers": [blocker.as_dict() for blocker in blockers]}


def warnings(outcome: Outcome, where: Where, aftermath: Aftermath) -> list[str]:
    """Of a completed migration."""
    texts = {
        Notice.EXITED_ON_TARGET: (
            f"'{where.name}' exited on {where.target} soon after it had begun to run there; with a restart policy it "
            f"was started again. See its log: docker logs {where.name}"
        ),
        Notice.MADVISE_CHANGED: (
            f"'{where.name}' changed flags of its memory mappings, for example by madvise(2), right before its freeze. "
            f"On {where.target} the flags from before that change apply."
        ),
    }
    found = [texts[notice] for notice in outcome.notices]
    if outcome.lost_packets:
        found.append(
            f"{outcome.lost_packets} packets that came for '{where.name}' while it was moved did not reach it: its "
            f"receive buffers on {where.target} were full (SO_RCVBUF, net.core.rmem_default), or more came than can be "
            "held. Their senders repeat them, or they are lost."
        )
    return [*found, _not_ended(where, aftermath)] if aftermath.not_ended else found
