# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong in a migration, as one exception tree."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Blocker:
    """Why a container cannot move, and what the user can do about it.

    Attributes:
        code: stable name for programs, for example ``image_missing``.
        message: what was found, with the names and figures.
        remedy: what to do next.
    """

    code: str
    message: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy}."


class MigrationError(Exception):
    """Base of all faults that are told to the user. ``details`` goes into the result as it is."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class Refused(MigrationError):
    """The preflight found blockers against it; nothing was touched."""

    def __init__(self, blockers: list[Blocker]) -> None:
        super().__init__(
            "The container cannot be migrated: " + " ".join(str(blocker) for blocker in blockers),
            blockers=[blocker.as_dict() for blocker in blockers],
        )
        self.blockers = blockers


class EngineError(MigrationError):
    """The container engine of a host does not answer, or refused."""


class CriuFailed(MigrationError):
    """CRIU refused or failed; carries the error lines of its own log."""

    def __init__(self, action: str, log_lines: list[str]) -> None:
        said = " | ".join(log_lines) if log_lines else "its log holds no error line, it may have been killed"
        super().__init__(f"CRIU failed to {action}: {said}", criu_log=log_lines)


class ProcessEnded(MigrationError):
    """What was to be moved ended by itself, or was killed: it does not run on the source as before."""


class PeerFailed(MigrationError):
    """The other host reported a failure."""


class PeerLost(MigrationError):
    """The connection to the other host broke or went silent."""


class PeerGone(PeerLost):
    """The other host is there, and nobody listens any more."""


class Stalled(PeerLost):
    """The other host is there and does not get on; nothing is asked of it any more."""


class Cancelled(MigrationError):
    """Somebody ordered to cancel it before the commit point."""

    def __init__(self) -> None:
        super().__init__("The migration was cancelled.")
