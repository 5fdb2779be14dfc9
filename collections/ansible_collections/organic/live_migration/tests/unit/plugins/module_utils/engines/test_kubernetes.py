# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as /proc shows them. Each is a real process, PID 1 of its namespaces, that calls itself what the init does."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.base import Side
from ansible_collections.organic.live_migration.plugins.module_utils.engines.kubernetes import KubernetesEngine
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import RestartPolicy
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError
from ansible_collections.organic.live_migration.plugins.module_utils.host import libc
from ansible_collections.organic.live_migration.plugins.module_utils.host.await_ticket import AwaitTicket

Start = Callable[..., int]
KEY = "proc-test.proc-smf"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a pod: its key, and the name that its PID 1 has; returns the PID of that."""
    with ExitStack() as stack:

        def started(key: str, state: str, setup: str = ":") -> int:
            script = f"{setup}; printf {state} >/proc/self/comm; echo $PPID ready; read -r line"
            inner = f"exec -a {paths.INIT} /bin/bash -c '{script}' --name {key} --"
            command = ["unshare", "--pid", "--fork", "--net", "--mount", "--kill-child", "/bin/bash", "-c", inner]
            process = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(process.communicate, "end\n")
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])

        yield started


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("resident-run", "running"),
        ("resident-start", "running"),
        ("resident-await", "awaiting"),
        ("resident-left", "departed"),
    ],
)
def test_a_pod_is_what_its_init_calls_itself(start: Start, state: str, status: str) -> None:
    pid = start(KEY, state)
    engine = KubernetesEngine()
    spec = engine.inspect(KEY)
    assert spec is not None
    assert (spec.name, spec.await_key, spec.service, spec.pid, spec.status) == (KEY, KEY, KEY, pid, status)
    assert spec.has_resident_init
    assert not spec.host_network
    assert spec.kept_interfaces == ("eth0",)
    assert spec.restart_policy == RestartPolicy("always")
    assert engine.inspect("proc-smf") == engine.inspect(spec.id)
    assert [one.name for one in engine.running_containers() if one.name == KEY] == [KEY] * (status == "running")


def test_the_pod_with_the_process_counts(start: Start) -> None:
    start(KEY, "resident-left")
    awaiting = start(KEY, "resident-await")
    engine = KubernetesEngine()
    found = engine.inspect(KEY)
    assert found is not None
    assert found.pid == awaiting
    assert engine.create_awaiting(found) == found.id
    running = start(KEY, "resident-run")
    found = engine.inspect(KEY)
    assert found is not None
    assert found.pid == running
    with pytest.raises(EngineError, match="No pod"):
        engine.create_awaiting(found)


def test_a_name_of_several_namespaces_is_refused(start: Start) -> None:
    start(KEY, "resident-run")
    start("proc-other.proc-smf", "resident-run")
    with pytest.raises(EngineError, match=r"proc-other\.proc-smf, proc-test\.proc-smf"):
        KubernetesEngine().inspect("proc-smf")


@pytest.mark.parametrize(("key", "state"), [(KEY, "sh"), ("smf-without-a-namespace", "resident-run")])
def test_others_are_no_pods_of_ours(start: Start, key: str, state: str) -> None:
    start(key, state)
    assert KubernetesEngine().inspect(key) is None


def test_a_pod_that_ended_is_unknown(start: Start) -> None:
    engine = KubernetesEngine()
    assert engine.inspect(KEY) is None
    with pytest.raises(EngineError, match="kubectl describe pod"):
        engine.start(f"{KEY}@1:1")
    engine.wait_until_stopped(f"{KEY}@1:1", timeout_s=0)


def test_waiting_for_one_that_stays_ends(start: Start) -> None:
    start(KEY, "resident-run")
    engine = KubernetesEngine()
    spec = engine.inspect(KEY)
    assert spec is not None
    with pytest.raises(EngineError, match="has not ended"):
        engine.wait_until_stopped(spec.id, timeout_s=0.1)


def test_restarts_are_suspended_by_a_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "AWAIT", str(tmp_path))
    engine = KubernetesEngine()
    engine.suspend_restarts(f"{KEY}@7:9")
    assert AwaitTicket(KEY).is_hold
    engine.restore_restarts(f"{KEY}@7:9", RestartPolicy("always"))
    assert not AwaitTicket(KEY).is_hold


def test_a_connection_over_the_cluster_network_is_named(start: Start) -> None:
    link = (
        "ip link add eth0 type veth peer name other && ip link set lo up && ip link set eth0 up && ip link set other up"
    )
    setup = f"{link} && ip address add 192.0.2.7/24 dev eth0 && ip address add 198.51.100.7/24 dev other"
    start(KEY, "resident-run", setup)
    engine = KubernetesEngine()
    spec = engine.inspect(KEY)
    assert spec is not None
    assert engine.blockers(spec, Side.SOURCE) == []
    with open(f"/proc/{spec.pid}/ns/net", "rb") as inside, open("/proc/self/ns/net", "rb") as outside:
        libc.setns(inside.fileno(), libc.CLONE_NEWNET)
        try:
            for address in ("198.51.100.7", "192.0.2.7"):
                with socket.create_server((address, 0)) as server, socket.create_connection(server.getsockname()):
                    found = [one.code for one in engine.blockers(spec, Side.SOURCE)]
                    assert found == (["cluster_connection", "cluster_socket"] if address == "192.0.2.7" else [])
        finally:
            libc.setns(outside.fileno(), libc.CLONE_NEWNET)
    assert engine.blockers(spec, Side.TARGET) == []
