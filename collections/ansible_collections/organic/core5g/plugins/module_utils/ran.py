# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the clients of a core: the RAN driver (python3 -m minicore ran) and the gNB driver (gnb)."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible_collections.organic.core5g.plugins.module_utils.errors import RanError

POLL_INTERVAL_S = 0.05


@dataclasses.dataclass(frozen=True)
class DriverSettings:
    """What a driver is started with. Each field is an option of its command line, None is left to the driver."""

    def arguments(self) -> list[str]:
        """The command line: ``ping_interval_ms`` becomes ``--ping-interval-ms``, a list repeats its option."""
        arguments = []
        for name, value in self._values(secret=False).items():
            for item in value if isinstance(value, tuple) else (value,):
                arguments += [f"--{name.replace('_', '-')}", str(item)]
        return arguments

    def environment(self) -> dict[str, str]:
        """Fields that no other user of the host may read go by the environment."""
        return {f"MINICORE_GNB_{name.upper()}": str(value) for name, value in self._values(secret=True).items()}

    def record(self) -> dict[str, Any]:
        """What is kept to compare with: of a secret only its digest, and no time-outs."""
        digests = {
            name: hashlib.sha256(str(value).encode()).hexdigest() for name, value in self._values(secret=True).items()
        }
        values = self._values(secret=False)
        values.pop("setup_timeout", None)
        return {**{name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}, **digests}

    def _values(self, secret: bool) -> dict[str, Any]:
        values = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self) if is_secret(field) == secret
        }
        return {name: value for name, value in values.items() if value is not None}


def is_secret(field: dataclasses.Field[Any]) -> bool:
    return bool(field.metadata.get("secret", False))


@dataclasses.dataclass(frozen=True)
class RanSettings(DriverSettings):
    """``rate`` in requests a second."""

    smf: str
    upf: str
    address: str
    sessions: int
    rate: int
    ping_interval_ms: int


@dataclasses.dataclass(frozen=True)
class GnbSettings(DriverSettings):
    """``rate`` in registrations, ``procedures_rate`` in procedures a second; ``mix`` and ``probe`` as NAME=VALUE."""

    front: str
    transport: str
    address: str
    ues: int
    rate: float
    procedures_rate: float
    probe_interval_ms: float
    ping_interval_ms: float
    gnbs: int
    plmn: str
    tac: int
    sessions_per_ue: int
    session_type: str
    setup_timeout: float
    first_supi: str | None = None
    upf: str | None = None
    ping_target: str | None = None
    ethernet_network: str | None = None
    mix: str | None = None
    probe: tuple[str, ...] = ()
    k: str | None = dataclasses.field(default=None, repr=False, metadata={"secret": True})
    opc: str | None = dataclasses.field(default=None, repr=False, metadata={"secret": True})


def address_towards(peer: str) -> str:
    """The own address that this host reaches ``peer`` from. Nothing is sent."""
    with socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
        except OSError as error:
            raise RanError(f"This host has no route to {peer}: {error}") from error
        return str(probe.getsockname()[0])


def start_time(pid: int) -> int:
    """Start of a process in clock ticks since boot; field 22 of proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return int(fields[19])


class RanDriver:
    """The one driver of its kind on this host. Its files live in a directory that only root may enter.

    ``program`` is its subcommand of minicore, ``ran`` or ``gnb``.
    """

    def __init__(self, directory: str, package_path: str, python: str, program: str = "ran") -> None:
        self._directory = Path(directory)
        self._program = program
        self._title = {"ran": "RAN driver", "gnb": "gNB driver"}[program]
        self._package_path = package_path
        self._python = python
        self._record = self._directory / f"{program}.pid"
        self._log = self._directory / f"{program}.log"
        self._result = self._directory / f"{program}.json"
        self._ready = self._directory / f"{program}.json.ready"

    def exists(self) -> bool:
        """Whether anything of the driver is on this host."""
        return self._directory.exists()

    def pid(self) -> int | None:
        """PID of the running driver, None if it does not run."""
        record = self._running()
        return record["pid"] if record else None

    def runs_with(self, settings: DriverSettings) -> bool:
        """Whether it runs with these settings; an error if with others, as its measurement would be lost."""
        record = self._running()
        if record is not None and record["settings"] != settings.record():
            raise RanError(
                f"The {self._title} runs with other settings ({record['settings']}). "
                f"Run playbooks/{self._program}_stop.yml first."
            )
        return record is not None

    def start(self, settings: DriverSettings) -> int:
        """Start the driver in the background; its pid and start time are on record before this returns."""
        if not os.path.isdir(os.path.join(self._package_path, "minicore")):
            raise RanError(
                f"The package minicore is not in {self._package_path}. "
                "Run playbooks/build_minicore.yml, which installs it on the hosts of the group ran."
            )
        self._make_directory()
        for left in (self._record, self._result, self._ready, Path(f"{self._result}.progress")):
            left.unlink(missing_ok=True)
        command = [self._python, "-m", "minicore", self._program, *settings.arguments(), "--out", str(self._result)]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": self._package_path, "LC_ALL": "C.UTF-8"}
        with open(self._log, "wb") as log:
            process = subprocess.Popen(  # pylint: disable=consider-using-with
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**environment, **settings.environment()},
                start_new_session=True,
            )
        record = {
            "pid": process.pid,
            "start_time": start_time(process.pid),
            "settings": settings.record(),
            "command": command,
        }
        self._record.write_text(json.dumps(record), encoding="utf-8")
        return process.pid

    def await_ready(self, timeout_s: float) -> None:
        """Await the driver's word that all its sessions are set up."""
        deadline = time.monotonic() + timeout_s
        while not self._ready.exists():
            if self._running() is None:
                raise RanError(f"The {self._title} ended before its sessions were set up: {self._error_output()}")
            if time.monotonic() >= deadline:
                words = self._error_output()
                raise RanError(f"The {self._title} has not set up its sessions within {timeout_s:g} s: {words}")
            time.sleep(POLL_INTERVAL_S)

    def stop(self, timeout_s: float) -> None:
        """Ask the running driver to end, and await its end and its summary."""
        record = self._running()
        if record is None:
            return
        pidfd = os.pidfd_open(record["pid"])
        try:
            if self._running() is None:  # it ended just before, and its PID may be another's
                return
            signal.pidfd_send_signal(pidfd, signal.SIGTERM)
            ended, _writable, _exceptional = select.select([pidfd], [], [], timeout_s)
        finally:
            os.close(pidfd)
        if not ended:
            raise RanError(f"The {self._title} (pid {record['pid']}) has not ended {timeout_s:g} s after SIGTERM")
        self._record.unlink()
        if not self._result.exists():
            raise RanError(f"The {self._title} ended without a summary: {self._error_output()}")

    def end(self, state: str, check_mode: bool, timeout_s: float) -> dict[str, Any]:
        """Bring about the state ``stopped`` or ``absent``; return the result of a module."""
        runs = self.pid() is not None
        if runs and not check_mode:
            self.stop(timeout_s)
        if state == "stopped":
            return {"changed": runs, "summary": self.summary()}
        exists = self.exists()
        if exists and not check_mode:
            self.remove()
        return {"changed": exists}

    def summary(self) -> dict[str, Any] | None:
        """What the driver measured, None if it has not ended yet or never ran."""
        try:
            summary: dict[str, Any] = json.loads(self._result.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise RanError(f"The summary {self._result} cannot be read: {error}") from error
        return summary

    def remove(self) -> None:
        shutil.rmtree(self._directory)

    def _running(self) -> dict[str, Any] | None:
        """The record of the running driver, None if it does not run."""
        try:
            record: dict[str, Any] = json.loads(self._record.read_text(encoding="utf-8"))
            alive = start_time(record["pid"]) == record["start_time"] and not self._is_zombie(record["pid"])
        except FileNotFoundError:
            return None
        return record if alive else None

    def _make_directory(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise RanError(f"{self._directory} is not a private directory of this user. Remove it.")

    def _error_output(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
        return " | ".join(lines) or "it said nothing"

    @staticmethod
    def _is_zombie(pid: int) -> bool:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return text.rpartition(")")[2].split()[0] == "Z"
