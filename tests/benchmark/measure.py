# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of one backend: what the client, the workload and the source's network saw of a migration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.harness.build import Workload
from tests.harness.client import DIRECTORY as CLIENT_DIRECTORY
from tests.harness.client import RECOVERY_S, Client, ClientFailed
from tests.harness.hosts import CommandFailed, Host, Topology

from .backends.base import POST_COPY, Backend, Load, Migration, Step
from .clock import CpuClock
from .cooldown import Cooldown
from .pace import Pace, Sample, Sampler, TrackingCost
from .raw import RawRate, RawSocket

DIRECTORY = "/run/organic-benchmark"
# The service runs undisturbed for this many answers (about as many ms) before it is migrated.
WARM_UP_ANSWERS = 500
# In the second before the first round the migration gets ready, and is in the process for moments.
BEFORE_ROUNDS_S = 1.0
# It runs again when the last answer is this young.
ANSWERING_MS = 50


class RunFailed(Exception):
    """A run gave no figures; the message says why."""


Key = tuple[str, str, Load]


@dataclass(frozen=True)
class Case:
    """What is run again and again."""

    backend: Backend
    strategy: str
    load: Load
    # Of container_migrate, besides the strategy.
    options: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return label(self.backend.name, self.strategy, len(self.backend.strategies) > 1)

    @property
    def key(self) -> Key:
        """What runs of the same have in common."""
        return self.backend.name, self.strategy, self.load


def label(backend: str, strategy: str, has_others: bool) -> str:
    return f"{backend} {strategy}" if has_others else backend


@dataclass(frozen=True)
class Run:
    """The figures of one run."""

    backend: str
    strategy: str
    load: Load
    service_gap_ms: float
    # All gaps over 20 ms of the worst connection together: one migration may cost more than one gap.
    interrupted_ms: float
    process_downtime_ms: float
    migration_time_ms: float
    bytes_sent: int
    # The part of the source's CPUs that was in use while the service ran undisturbed: what else ran there.
    cpu_busy: float
    requests: dict[str, int]
    tcp_connections: dict[str, int]
    steps: list[Step] = field(default_factory=list)
    # Everything that the client, and the backend, said.
    seen: dict[str, Any] = field(default_factory=dict)
    reported: dict[str, Any] = field(default_factory=dict)
    # What a page of fresh memory cost on each host before the migration, ns.
    page_ns: list[int] = field(default_factory=list)
    # How fast the pages came that were fetched after the process ran again, and how fast a plain socket was before.
    drain_bytes_per_s: float | None = None
    raw: RawRate | None = None
    # Of a process that writes flat out.
    tracking: TrackingCost | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def key(self) -> Key:
        return self.backend, self.strategy, self.load

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Run:
        """What as_dict gave, read from a file."""
        raw, tracking = values["raw"], values["tracking"]
        return cls(
            **{
                **values,
                "load": Load(**values["load"]),
                "steps": [Step(**step) for step in values["steps"]],
                "raw": RawRate(**raw) if raw else None,
                "tracking": TrackingCost(**tracking) if tracking else None,
            }
        )


class Traffic:
    """Counts what a host itself sends to another one (a container's own traffic is not the host's)."""

    def __init__(self, source: Host, target: Host) -> None:
        self._host = source
        self._rule = f"OUTPUT -d {target.address} -m comment --comment organic-benchmark"

    def start(self) -> None:
        self._host.run(f"iptables -w -C {self._rule} 2>/dev/null || iptables -w -I {self._rule}; iptables -w -Z OUTPUT")

    def bytes(self) -> int:
        """IP packets' bytes since start."""
        for line in self._host.run("iptables -w -nvxL OUTPUT").splitlines():
            if "organic-benchmark" in line:
                return int(line.split()[1])
        raise RunFailed(f"{self._host.name}: the counting rule is gone")

    def stop(self) -> None:
        self._host.run(f"while iptables -w -D {self._rule} 2>/dev/null; do :; done")


@contextmanager
def running(backend: Backend, load: Load) -> Iterator[None]:
    """The workload on the source; nothing of it is left on either host afterwards."""
    backend.stop()
    try:
        backend.start(load)
        yield
    finally:
        backend.stop()


class Bench:
    """Hosts, workload and what is put on the hosts to measure it."""

    def __init__(self, topology: Topology, workload: Workload, cooldown: Cooldown, raw: RawSocket) -> None:
        self._topology, self._cooldown, self._raw = topology, cooldown, raw
        self._client = workload.client

    def prepare(self) -> None:
        self._cooldown.prepare()
        self._raw.prepare()

    def clean(self) -> None:
        for host in (*self._topology.hosts, self._topology.client):
            host.run(f"rm -rf {DIRECTORY} {CLIENT_DIRECTORY}")

    def raw_rate(self, memory_mb: int) -> RawRate:
        """Of a plain socket between the two hosts, by themselves."""
        self._cooldown.before_start()
        self._cooldown.before_client(memory_mb)
        return self._raw.rate(memory_mb)

    def measure(self, case: Case) -> Run:
        """Starts workload and client, migrates, and checks that the very same process answers with its memory whole."""
        topology, load = self._topology, case.load
        traffic = Traffic(topology.source, topology.target)
        try:
            self._cooldown.before_start()
            with running(case.backend, load):
                page_ns = self._cooldown.before_client(load.memory_mb)
                raw = self._raw.rate(load.memory_mb) if case.strategy == POST_COPY else None
                client = Client.start(topology, self._client, load.connections)
                try:
                    clock = CpuClock(topology.source)
                    client.await_status(lambda status: status["answered"] >= WARM_UP_ANSWERS, 30, "warm-up")
                    busy = clock.busy()
                    traffic.start()
                    if load.flat_out:
                        with Sampler(client.status) as sampler:
                            migration = case.backend.migrate(case.strategy, case.options)
                    else:
                        migration = case.backend.migrate(case.strategy, case.options)
                    answering = _answering_after(client.status()["answered"])
                    client.await_status(answering, RECOVERY_S, "the service after the migration")
                    sent = traffic.bytes()
                    seen = client.end()
                finally:
                    client.close()
                    traffic.stop()
        except (CommandFailed, ClientFailed) as error:
            raise RunFailed(str(error)) from error
        _check(str(case), seen)
        return Run(
            backend=case.backend.name,
            strategy=case.strategy,
            load=load,
            service_gap_ms=seen["service_gap_ms"],
            interrupted_ms=seen["interrupted_ms"],
            # a process that follows from its requests has no ticker
            process_downtime_ms=migration.reported["process_downtime_ms"]
            if load.by_requests
            else seen["process_downtime_ms"],
            migration_time_ms=migration.time_ms,
            bytes_sent=sent,
            cpu_busy=busy,
            requests={name: seen[name] for name in ("sent", "answered", "failed", "doubled", "disordered")},
            tcp_connections=seen["tcp_connections"],
            steps=list(migration.steps),
            seen=seen,
            reported=migration.reported,
            page_ns=page_ns,
            drain_bytes_per_s=migration.drain_bytes_per_s,
            raw=raw,
            tracking=_tracking_cost(sampler.samples, seen, migration) if load.flat_out else None,
        )


def _tracking_cost(samples: Sequence[Sample], seen: dict[str, Any], migration: Migration) -> TrackingCost | None:
    """Compares the rounds with the time before them."""
    if migration.rounds_ms is None:
        return None
    frozen_s = seen["process_downtime_ended_s"] - seen["process_downtime_ms"] / 1000
    rounds_s = frozen_s - migration.rounds_ms / 1000
    before = Pace.between(samples, 0, rounds_s - BEFORE_ROUNDS_S)
    return TrackingCost.of(before, Pace.between(samples, rounds_s, frozen_s))


def _answering_after(answered: int) -> Callable[[dict[str, Any]], bool]:
    return lambda status: status["answered"] > answered + 10 and status["silent_ms"] < ANSWERING_MS


def _check(what: str, seen: dict[str, Any]) -> None:
    """A run counts only if nothing of the process was lost."""
    if not seen["process_kept"]:
        raise RunFailed(f"{what}: another process answers after the migration: it was restarted, not restored")
    if not seen["verified"] or seen["faulty_pages"] or seen["lost_writes"]:
        raise RunFailed(f"{what}: the memory is not whole after the migration: {seen}")


def versions(hosts: Sequence[Host]) -> dict[str, dict[str, str]]:
    """What runs on the hosts, for whoever reads the figures later."""
    commands = {
        "kernel": "uname -r",
        "cpus": "nproc",
        "load": "cut -d' ' -f1-3 /proc/loadavg",
        "criu": "criu --version | head -n 1",
        "docker": "docker version --format '{{.Server.Version}}'",
        "podman": "podman --version",
        "runc": "runc --version | head -n 1",
    }
    script = "\n".join(
        f"printf '%s\\t' {name}; {{ {command}; }} 2>/dev/null || echo -" for name, command in commands.items()
    )
    return {host.name: dict(line.split("\t", 1) for line in host.run(script).splitlines()) for host in hosts}
