# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks, run from a program: events while they run, one exception when they fail."""

from __future__ import annotations

import json
import logging
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

from organic5gc import processes
from organic5gc.errors import Interrupted, InvalidRequest, PlaybookFailed, failed

KEPT_RUNS = 10
POLL_S = 0.5
GRACE_S = 10.0
FAILURES = ("runner_on_failed", "runner_on_unreachable")
MARK = "ORGANIC5GC_RUN"
STOP = "ORGANIC5GC_STOP"
CALLBACKS = Path(__file__).with_name("callbacks")

_log = logging.getLogger(__name__)


class Stop:
    """A request to end a run. It ends between two of its tasks, where no host runs anything of it.

    ``at_once`` has it end now, as Ctrl-C would: workers end, and modules on the hosts go on to their end.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.in_order = True
        self._at_once = threading.Event()

    def request(self) -> None:
        if self.file is not None:
            self.file.touch(mode=0o600)

    @property
    def is_requested(self) -> bool:
        return self._at_once.is_set() or (self.file is not None and self.file.exists())

    def at_once(self) -> None:
        self.in_order = False
        self._at_once.set()

    @property
    def is_at_once(self) -> bool:
        return self._at_once.is_set()


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


@dataclass
class PlaybookRun:
    """Playbooks of a project, one after the other in one Ansible process, which shares start-up, facts and connections.

    ``on_progress`` is called at every change and, during a task, at least once a second: it shows that time goes by.
    ``playbooks`` are paths below the project directory, ``inventory`` overrides the one that ansible.cfg names.
    The output of the last runs is kept in ``.cache/runner``. An exception of ``on_progress`` is
    logged, and the run goes on.
    """

    project: Path
    playbooks: Sequence[str]
    extravars: Mapping[str, object] = field(default_factory=dict)
    inventory: Path | None = None
    on_progress: Callable[[Progress], None] = lambda _: None
    directory: Path | None = None
    """Private directory of this run alone, for its output; by default that of the last runs."""
    stop: Stop = field(default_factory=Stop)
    check: bool = False
    """Change nothing, and report what would change (``--check``)."""
    results: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict, init=False)
    """Last result of each module by host, by the name of the module as the playbook gives it."""

    def run(self) -> bool:
        """Return when all playbooks have succeeded, with whether they changed anything.

        Raises PlaybookFailed, Interrupted, or InvalidRequest where the inventory has no host for a playbook: Ansible
        would call that a success.
        """
        events = _Events(self.on_progress, self.playbooks[0], self.results)
        check = ["--check"] if self.check else []
        inventory = ["--inventory", str(self.inventory)] if self.inventory else []
        extravars = ["--extra-vars", json.dumps(dict(self.extravars))] if self.extravars else []
        arguments = [*check, *inventory, *extravars, *self.playbooks]
        _run(self.project, "ansible-playbook", arguments, events, self.directory, self.stop)
        events.end()
        if events.without_hosts:
            raise InvalidRequest(_no_hosts(events.without_hosts, self.inventory))
        return events.changed


def ask(
    project: Path, hosts: str, module: str, arguments: Mapping[str, object], inventory: Path | None = None
) -> dict[str, dict[str, Any]]:
    """Run one module on the hosts of a pattern and return each host's result; raises as PlaybookRun.run does."""
    events = _Events(lambda _: None, module)
    option = ["--inventory", str(inventory)] if inventory else []
    _run(project, "ansible", [hosts, *option, "--module-name", module, "--args", json.dumps(dict(arguments))], events)
    return events.results


def _run(
    project: Path,
    command: str,
    arguments: Sequence[str],
    events: _Events,
    directory: Path | None = None,
    stop: Stop | None = None,
) -> None:
    kept = directory or project / ".cache" / "runner"
    (kept / "env").mkdir(parents=True, exist_ok=True)
    # The same for every run, and the only setting that the runner takes from a file alone.
    (kept / "env" / "settings").write_text(json.dumps({"pexpect_timeout": POLL_S}))
    stop = stop or Stop()
    mark = f"{os.getpid()}-{os.urandom(8).hex()}"
    with _interrupts() as interrupted:
        ending = _Ending(events)

        def poll() -> bool:
            events.tick()
            return (interrupted() or stop.is_at_once) and ending.overdue()

        runner = ansible_runner.run(
            private_data_dir=str(kept),
            project_dir=str(project),
            binary=str(Path(sys.executable).with_name(command)),
            cmdline=shlex.join(arguments),
            envvars={
                "ANSIBLE_HOST_KEY_CHECKING": "True",  # the runner would switch it off
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "True",
                "ANSIBLE_NOCOLOR": "True",
                "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
                MARK: mark,
                STOP: str(stop.file or ""),
            },
            event_handler=events,
            cancel_callback=poll,
            rotate_artifacts=KEPT_RUNS,
            suppress_env_files=True,
            quiet=True,
        )
        _end_processes(f"{MARK}={mark}", stop)
        if interrupted():
            raise Interrupted
    if runner.status != "successful":
        raise events.failure(Path(runner.config.artifact_dir) / "stdout")


def _end_processes(mark: str, stop: Stop) -> None:
    """End what Ansible has left: its workers have sessions of their own, and outlive it when it is killed."""
    for number, grace_s in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, GRACE_S)):
        left = list(processes.marked(mark))
        if not left:
            return
        stop.in_order = False
        for process in left:
            process.send(number)
        deadline = time.monotonic() + grace_s
        while any(process.is_alive for process in left) and time.monotonic() < deadline:
            time.sleep(POLL_S / 10)


class _Events:
    """Turns the runner's events into Progress; keeps the last failure and each host's last result."""

    def __init__(
        self,
        on_progress: Callable[[Progress], None],
        first: str,
        by_module: dict[str, dict[str, dict[str, Any]]] | None = None,
    ) -> None:
        self._handler = on_progress
        self._handler_failed = False
        self._now = Progress(first)
        self._running = False
        self._failed: dict[str, Any] | None = None
        self._patterns: list[str] = []
        self._unmatched = 0
        self.without_hosts: list[str] = []
        """Patterns of the hosts of a playbook, of which the inventory has none."""
        self.pid: int | None = None
        self.changed = False
        self.results: dict[str, dict[str, Any]] = {}
        self.by_module = {} if by_module is None else by_module

    def __call__(self, event: dict[str, Any]) -> bool:
        try:
            self._take(event)
        except Exception:  # the runner would cut the play off where it is
            _log.exception("An event of ansible-runner could not be read: %s", event.get("event"))
        return False  # the output is kept, the single events are not

    def _on_progress(self, progress: Progress) -> None:
        try:
            self._handler(progress)
        except Exception:  # a slip in a display must not end a migration
            if not self._handler_failed:
                _log.exception("The event handler has failed; the run goes on")
            self._handler_failed = True

    def _take(self, event: dict[str, Any]) -> None:
        self.pid = event.get("pid", self.pid)
        data = event.get("event_data", {})
        match event["event"]:
            case "playbook_on_start":
                self.end()
                self._running = True
                self._tell(Progress(data["playbook"]))
            case "playbook_on_play_start":
                self._patterns.append(str(data.get("pattern", "")))
            case "playbook_on_no_hosts_matched":
                self._unmatched += 1
            case "playbook_on_task_start":
                self._tell(Progress(self._now.playbook, data["task"]))
            case "runner_on_async_poll" if "migration" in data["res"]:
                self._tell(replace(self._now, migration=MigrationProgress.of(data["res"]["migration"])))
            case "runner_on_ok":
                self.results[data["host"]] = data["res"]
                self.by_module.setdefault(data["task_action"], {})[data["host"]] = data["res"]
                self.changed |= bool(data["res"].get("changed"))
            case name if name in FAILURES and not data.get("ignore_errors"):
                self._failed = data
                self.by_module.setdefault(data["task_action"], {})[data["host"]] = data["res"]

    def tick(self) -> None:
        if self._running and self._now.task:
            self._on_progress(self._now)

    def end(self) -> None:
        if self._patterns and self._unmatched == len(self._patterns):
            self.without_hosts += self._patterns
        self._patterns, self._unmatched = [], 0
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
        result = data["res"] | {"unreachable": data["res"].get("unreachable", False)}
        return failed(self._now.playbook, _message(data["res"]), output, data["task"], data["host"], result)


def _no_hosts(patterns: Sequence[str], inventory: Path | None) -> str:
    missing = ", ".join(sorted({*patterns}))
    if inventory:
        return f"{inventory} has no host in {missing}."
    return (
        f"There is no host in {missing}. Name an inventory: the option -i before the command, in Python the argument "
        "inventory, or ANSIBLE_INVENTORY. make lab makes hosts to try it on, and the inventory that is used by default."
    )


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
    # Since ansible-core 2.21 an item that has failed may have only an exception to show for it.
    items = [item for item in result.get("results", []) if any(map(item.get, ("failed", "unreachable", "exception")))]
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
