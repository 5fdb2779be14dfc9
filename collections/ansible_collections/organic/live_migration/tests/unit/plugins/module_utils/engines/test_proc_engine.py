# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that is nothing but /proc, as a cluster's would be, fits the interface: the preflight works with it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.engines.spec import ContainerSpec, await_key
from ansible_collections.organic.live_migration.plugins.module_utils.errors import EngineError
from ansible_collections.organic.live_migration.plugins.module_utils.host import processes
from ansible_collections.organic.live_migration.plugins.module_utils.migration import preflight, recovery
from ansible_collections.organic.live_migration.tests.unit.plugins.module_utils.engines.fake_engine import FakeEngine

NAME = "proc-engine-test"


class ProcEngine(FakeEngine):
    """Finds resident inits by their command line; the control plane creates, starts and removes them."""

    name = "proc"

    def inspect(self, name: str) -> ContainerSpec | None:
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                command = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
                key = await_key(command)
                if entry.name.isdigit() and key is not None and name in (key, f"{key}@{entry.name}"):
                    return self._spec(key, int(entry.name))
        return None

    @staticmethod
    def _spec(key: str, pid: int) -> ContainerSpec:
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - processes.age_s(pid)))
        return ContainerSpec(key, f"{key}@{pid}", "pod", "pod", paths.INIT, key, "running", pid, started)

    def create_awaiting(self, spec: ContainerSpec) -> str:
        found = self.inspect(spec.name)
        if found is None:
            raise EngineError(f"No pod of {spec.name} awaits on this node.")
        return found.id


@pytest.fixture
def resident() -> Iterator[int]:
    """A process that was started as the resident init is, with a child; the PID of the former."""
    script = "sleep 1000 & echo ready; read -r line; kill $!"
    command = [paths.INIT, "-c", script, "--name", NAME]
    with subprocess.Popen(
        command, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process.pid
        process.communicate("end\n")


def test_the_preflight_looks_at_a_container_that_no_daemon_knows(records: Path, resident: int) -> None:
    engine = ProcEngine()
    view = preflight.look_at_source(engine, NAME, [], by_engine=False, tracking=None)
    assert view.spec == engine.inspect(f"{NAME}@{resident}")
    assert view.spec is not None
    assert view.spec.pid == resident
    assert not {"container_unknown", "container_not_running", "not_resident"} & {one.code for one in view.blockers}
    arriving = {one.code for one in preflight.look_at_target(engine, view.spec, 1 << 20, 0, by_engine=False)}
    assert arriving - {"runtime_missing", "runtime_untested", "program_missing"} == {"name_in_use"}
    assert recovery.runs_here(NAME, engine)
    assert engine.create_awaiting(view.spec) == f"{NAME}@{resident}"


def test_what_no_process_is_of_is_unknown(records: Path) -> None:
    view = preflight.look_at_source(ProcEngine(), NAME, [], by_engine=False, tracking=None)
    assert [one.code for one in view.blockers] == ["container_unknown"]
