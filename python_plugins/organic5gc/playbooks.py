# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks, run from a program: events while they run, one exception when they fail."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import ansible_runner

KEPT_RUNS = 10
POLL_S = 0.5
GRACE_S = 10.0
FAILURES = ("runner_on_failed", "runner_on_unreachable")


@dataclass(frozen=True)
class MigrationProgress:
    """How far a migration is; QEMU's words for its states.

    ``remaining_bytes`` is memory that is still to be sent, ``round`` counts the rounds of pre-copy,
    ``dirty_pages_per_s`` are pages of 4096 bytes that the process writes. ``queued`` is true while others go first.
    """

    migration_id: str
    name: str
    source_host: str
    target_host: str
    state: str
    queued: bool = False
    round: int = 0
    remaining_bytes: int = 0
    transferred_bytes: int = 0
    total_bytes: int = 0
    dirty_pages_per_s: float = 0.0
    throughput_bytes_per_s: float = 0.0
    expected_downtime_ms: float = 0.0
    throttle_percent: int = 0

    @classmethod
    def of(cls, news: Mapping[str, Any]) -> Self:
        """From the ``migration`` of an event ``runner_on_async_poll``; fields of a later version are left out."""
        return cls(**{name: news[name] for name in (one.name for one in fields(cls)) if name in news})

    def __str__(self) -> str:
        parts = [f"{self.name} to {self.target_host}: {'queued' if self.queued else self.state}"]
        if self.round:
            parts.append(f"round {self.round}")
        if self.remaining_bytes:
            parts.append(f"{self.remaining_bytes / (1 << 20):.1f} MiB left")
        if self.dirty_pages_per_s:
            parts.append(f"{self.dirty_pages_per_s:.0f} pages/s written")
        return ", ".join(parts)


@dataclass(frozen=True)
class Progress:
    """Where a run is: in a task, at the start of a playbook (no task), or at its end.

    A task that migrates tells how far that is, once it takes longer than two seconds.
    """

    playbook: str
    task: str = ""
    ended: bool = False
    migration: MigrationProgress | None = None


class PlaybookFailed(Exception):
    """A task failed, a host could not be reached, or Ansible refused to start."""

    def __init__(self, playbook: str, message: str, output: Path, task: str = "", host: str = "") -> None:
        super().__init__(message)
        self.playbook = playbook
        self.message = message
        self.output = output
        self.task = task
        self.host = host


class Interrupted(Exception):
    """The run was ended by SIGINT or SIGTERM."""


@dataclass
class PlaybookRun:
    """Playbooks of a project, one after the other in one Ansible process, which shares start-up, facts and connections.

    ``on_progress`` is called at every change and, during a task, at least once a second: it shows that time goes by.
    ``playbooks`` are paths below the project directory, ``inventory`` overrides the one that ansible.cfg names.
    The output of the last runs is kept in ``.cache/runner``.
    """

    project: Path
    playbooks: Sequence[str]
    extravars: Mapping[str, object] = field(default_factory=dict)
    inventory: Path | None = None
    on_progress: Callable[[Progress], None] = lambda _: None

    def run(self) -> bool:
        """Return when all playbooks have succeeded, with whether they changed anything.

        Raises PlaybookFailed or Interrupted.
        """
        events = _Events(self.on_progress, self.playbooks[0])
        inventory = ["--inventory", str(self.inventory)] if self.inventory else []
        extravars = ["--extra-vars", json.dumps(dict(self.extravars))] if self.extravars else []
        _run(self.project, "ansible-playbook", [*inventory, *extravars, *self.playbooks], events)
        events.end()
        return events.changed


def ask(
    project: Path, hosts: str, module: str, arguments: Mapping[str, object], inventory: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Run one module on the hosts of a pattern and return each host's result; raises as PlaybookRun.run does."""
    events = _Events(lambda _: None, module)
    option = ["--inventory", str(inventory)] if inventory else []
    _run(project, "ansible", [hosts, *option, "--module-name", module, "--args", json.dumps(dict(arguments))], events)
    return events.results


def _run(project: Path, command: str, arguments: Sequence[str], events: _Events) -> None:
    kept = project / ".cache" / "runner"
    (kept / "env").mkdir(parents=True, exist_ok=True)
    # The same for every run, and the only setting that the runner takes from a file alone.
    (kept / "env" / "settings").write_text(json.dumps({"pexpect_timeout": POLL_S}))
    with _interrupts() as interrupted:
        ending = _Ending(events)

        def poll() -> bool:
            events.tick()
            return interrupted() and ending.overdue()

        runner = ansible_runner.run(
            private_data_dir=str(kept),
            project_dir=str(project),
            binary=str(Path(sys.executable).with_name(command)),
            cmdline=shlex.join(arguments),
            envvars={
                "ANSIBLE_HOST_KEY_CHECKING": "True",  # the runner would switch it off
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "True",
                "ANSIBLE_NOCOLOR": "True",
            },
            event_handler=events,
            cancel_callback=poll,
            rotate_artifacts=KEPT_RUNS,
            suppress_env_files=True,
            quiet=True,
        )
        if interrupted():
            raise Interrupted
    if runner.status != "successful":
        raise events.failure(Path(runner.config.artifact_dir) / "stdout")


class _Events:
    """Turns the runner's events into Progress; keeps the last failure and each host's last result."""

    def __init__(self, on_progress: Callable[[Progress], None], first: str) -> None:
        self._on_progress = on_progress
        self._now = Progress(first)
        self._running = False
        self._failed: dict[str, Any] | None = None
        self.pid: int | None = None
        self.changed = False
        self.results: dict[str, dict[str, Any]] = {}

    def __call__(self, event: dict[str, Any]) -> bool:
        self.pid = event.get("pid", self.pid)
        data = event.get("event_data", {})
        match event["event"]:
            case "playbook_on_start":
                self.end()
                self._running = True
                self._tell(Progress(data["playbook"]))
            case "playbook_on_task_start":
                self._tell(Progress(self._now.playbook, data["task"]))
            case "runner_on_async_poll" if "migration" in data["res"]:
                self._tell(replace(self._now, migration=MigrationProgress.of(data["res"]["migration"])))
            case "runner_on_ok":
                self.results[data["host"]] = data["res"]
                self.changed |= bool(data["res"].get("changed"))
            case name if name in FAILURES and not data.get("ignore_errors"):
                self._failed = data
        return False  # the output is kept, the single events are not

    def tick(self) -> None:
        if self._running and self._now.task:
            self._on_progress(self._now)

    def end(self) -> None:
        if self._running:
            self._tell(Progress(self._now.playbook, ended=True))
            self._running = False

    def _tell(self, progress: Progress) -> None:
        self._now = progress
        self._on_progress(progress)

    def failure(self, output: Path) -> PlaybookFailed:
        if self._failed is None:
            said = [line for line in output.read_text().splitlines() if line.strip()]
            return PlaybookFailed(self._now.playbook, "\n".join(said[-8:]) or "ansible could not be run", output)
        data = self._failed
        return PlaybookFailed(self._now.playbook, _message(data["res"]), output, data["task"], data["host"])


class _Ending:
    """Ends Ansible as Ctrl-C in a terminal would, with its modules; the runner itself would kill it and orphan them."""

    def __init__(self, events: _Events) -> None:
        self._events = events
        self._deadline: float | None = None

    def overdue(self) -> bool:
        """Ask it to end, once; True when it has had its time, or has not even started."""
        if self._deadline is None:
            self._deadline = time.monotonic() + GRACE_S
            if self._events.pid is None:
                return True
            os.killpg(os.getpgid(self._events.pid), signal.SIGINT)
        return time.monotonic() > self._deadline


def _message(result: Mapping[str, Any]) -> str:
    """What a failed task says: its own message, or those of the items of its loop, with a command's standard error."""
    items = [item for item in result.get("results", []) if item.get("failed") or item.get("unreachable")]
    if items:
        return "\n".join(_message(item) for item in items)
    parts = [str(result.get(key, "")).strip() for key in ("msg", "stderr", "censored")]
    return "\n".join(part for part in parts if part) or json.dumps(result)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM has come, so that Ansible can be ended in order; gives the handlers back at the end."""
    come = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # no other thread may set handlers
        yield come.is_set
        return
    before = {number: signal.signal(number, lambda *_: come.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield come.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
