# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of runs: one private directory each, with its arguments, its result and the output of Ansible."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from organic5gc.errors import InvalidRequest
from organic5gc.processes import Process

KEPT = 50
RUNNING = "running"
_RECORD = "run.json"
_STOP = "stop"


@dataclass(frozen=True)
class Run:
    """One run. Times are seconds since 1970; ``pid`` and ``pid_started`` are those of the program that runs it."""

    id: str
    command: str
    arguments: Mapping[str, Any]
    project: str
    status: str = RUNNING
    message: str = ""
    started_at: float = 0.0
    ended_at: float | None = None
    pid: int = 0
    pid_started: int = 0
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_alive(self) -> bool:
        """Whether the program that runs it still does."""
        return self.status == RUNNING and Process(self.pid, self.pid_started).is_alive


def default_directory() -> Path:
    """ORGANIC5GC_DATA, or a directory of the user."""
    if given := os.environ.get("ORGANIC5GC_DATA"):
        return Path(given)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "organic5gc"


class History:
    """The last runs, below one directory that only the user may read."""

    def __init__(self, directory: Path, kept: int = KEPT) -> None:
        self._directory = directory
        self._kept = kept

    def begin(self, command: str, arguments: Mapping[str, Any], project: Path) -> Run:
        """A new run, with a directory of its own; removes the oldest ones that have ended."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory.chmod(0o700)
        own = Process.of(os.getpid())
        now = time.time()
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}-{now % 1 * 1e6:06.0f}-{secrets.token_hex(2)}"
        run = Run(
            name, command, dict(arguments), str(project), started_at=now, pid=own.pid, pid_started=own.started_ticks
        )
        self.directory_of(run).mkdir(mode=0o700)
        self._write(run)
        for old in self.list()[self._kept :]:
            if not old.is_alive:
                shutil.rmtree(self.directory_of(old), ignore_errors=True)
        return run

    def end(self, run: Run, status: str, message: str = "", result: Mapping[str, Any] | None = None) -> Run:
        """Keep how a run has ended."""
        ended = replace(run, status=status, message=message, ended_at=time.time(), result=dict(result or {}))
        self._write(ended)
        return ended

    def directory_of(self, run: Run) -> Path:
        return self._directory / run.id

    def stop_file(self, run: Run) -> Path:
        """Its presence stops the play of a run before its next task."""
        return self.directory_of(run) / _STOP

    def list(self) -> list[Run]:
        """The runs, newest first; one whose program has died is ``lost``."""
        found = []
        for path in sorted(self._directory.glob(f"*/{_RECORD}"), reverse=True):
            with contextlib.suppress(OSError, ValueError, TypeError):
                run = Run(**json.loads(path.read_text()))
                found.append(replace(run, status="lost") if run.status == RUNNING and not run.is_alive else run)
        return found

    def find(self, name: str) -> Run:
        """The run of this id, or the only one that begins so; ``last`` is the newest."""
        runs = self.list()
        found = runs[:1] if name == "last" else [run for run in runs if run.id == name or run.id.startswith(name)]
        if len(found) != 1:
            raise InvalidRequest(f"{len(found)} runs are called '{name}'. organic5gc runs lists them.")
        return found[0]

    def output(self, run: Run) -> str:
        """What Ansible has written."""
        parts = [path.read_text(errors="replace") for path in sorted(self.directory_of(run).glob("artifacts/*/stdout"))]
        return "".join(parts)

    def _write(self, run: Run) -> None:
        path = self.directory_of(run) / _RECORD
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(run), indent=2) + "\n")
        temporary.chmod(0o600)
        temporary.replace(path)
