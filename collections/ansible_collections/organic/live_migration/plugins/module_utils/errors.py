# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong in a migration, as one exception tree."""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass, field


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
    """Base of all failures that users are to see. ``details`` goes into the result as it is."""

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
    """The process exited by itself, or was killed, before the commit: it does not run on the source as before."""


class PeerFailed(MigrationError):
    """The other host reported a failure."""


class PeerLost(MigrationError):
    """The connection to the other host broke or went silent."""


class PeerGone(PeerLost):
    """The other host refuses the connection: no agent listens there any more."""


class Stalled(PeerLost):
    """The other host is connected and makes no progress; nothing more is asked of it."""


class CloneVoid(MigrationError):
    """Strategy ppm: the clone does not follow the process. The process goes on; another attempt may succeed.

    Args:
        reason: in one word, for programs.
    """

    def __init__(self, message: str, reason: str, **details: object) -> None:
        super().__init__(message, **{**details, "clone_void": reason})


class Cancelled(MigrationError):
    """A user cancelled it before the commit point."""

    def __init__(self) -> None:
        super().__init__("The migration was cancelled.")


_INTERNAL = (
    "Internal error: {name}: {error}. This is a defect of the collection organic.live_migration; report it with the "
    "traceback, which ansible-playbook shows with -vvv."
)


@dataclass
class Failure:
    """An exception as it is handed from process to process.

    Attributes:
        message: whole sentences, for the user.
        details: for programs, for example ``criu_log``.
        traceback: where it was raised; empty when the message says all that is to be known.
    """

    message: str
    details: dict[str, object] = field(default_factory=dict)
    traceback: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Of an exception that was caught; one that nobody foresaw is reported as a defect."""
        if isinstance(error, MigrationError):
            details = dict(error.details)
            where = str(details.pop("traceback", ""))  # of the other host
            return cls(as_sentence(str(error)), details, where)
        where = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        if isinstance(error, OSError):
            return cls(as_sentence(str(error)), traceback=where)
        return cls(_INTERNAL.format(name=type(error).__name__, error=str(error).rstrip(".")), traceback=where)


def as_sentence(text: str) -> str:
    """With a full stop, so that another sentence may follow."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
