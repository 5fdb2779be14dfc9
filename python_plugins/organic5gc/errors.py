# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong in a call of this package, as one tree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from organic5gc.results import Ending


@dataclass(frozen=True)
class Blocker:
    """Why a container cannot move, and what to do about it. ``code`` is a stable name for programs."""

    code: str
    message: str
    remedy: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """From an entry of ``blockers`` of container_migrate."""
        return cls(**{field.name: str(data.get(field.name, "")) for field in fields(cls)})


class OrganicError(Exception):
    """Base of all errors of this package."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidRequest(OrganicError):
    """The request cannot be carried out; nothing was started."""


class Interrupted(OrganicError):
    """The run was ended by SIGINT or SIGTERM."""

    def __init__(self, message: str = "Interrupted", ending: Ending | None = None) -> None:
        super().__init__(message)
        self.ending = ending


class Cancelled(OrganicError):
    """The run was cancelled; nothing of it runs any more. ``ending`` says what became of it."""

    def __init__(self, message: str, ending: Ending) -> None:
        super().__init__(message)
        self.ending = ending


class TimedOut(Cancelled):
    """The run took longer than the caller allows, and was cancelled."""


class PlaybookFailed(OrganicError):
    """A task failed, a host could not be reached, or Ansible refused to start. ``result`` is that of the task."""

    def __init__(
        self,
        playbook: str,
        message: str,
        output: Path,
        task: str = "",
        host: str = "",
        result: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.playbook = playbook
        self.output = output
        self.task = task
        self.host = host
        self.result = dict(result or {})

    @property
    def blockers(self) -> tuple[Blocker, ...]:
        """Reasons against the migration that were found before anything was touched."""
        return tuple(Blocker.of(one) for one in self.result.get("blockers", []))


class Refused(PlaybookFailed):
    """The preflight found blockers; nothing was touched."""


class HostUnreachable(PlaybookFailed):
    """Ansible could not reach a host."""


class InDoubt(PlaybookFailed):
    """A migration has passed its commit point, and its target host could not be asked: recover it."""


class MigrationFailed(PlaybookFailed):
    """The migration began, and failed; the process runs on its source host, unless the message says otherwise."""


def failed(
    playbook: str, message: str, output: Path, task: str, host: str, result: Mapping[str, Any]
) -> PlaybookFailed:
    """The error that fits the result of a failed task."""
    status = (result.get("migration") or {}).get("status")
    kind = PlaybookFailed
    if result.get("unreachable"):
        kind = HostUnreachable
    elif result.get("blockers"):
        kind = Refused
    elif result.get("in_doubt") or status == "in_doubt":
        kind = InDoubt
    elif result.get("migration"):
        kind = MigrationFailed
    return kind(playbook, message, output, task, host, json.loads(json.dumps(result)))
