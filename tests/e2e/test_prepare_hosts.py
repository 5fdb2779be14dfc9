# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""prepare_hosts.yml on a host of a lab of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.playbook import PROJECT, TEXT_ENVIRONMENT

LAB = "prepare"
PREFIX = "10.72"
ROOT = "/opt/organic/resident"
# A process that CRIU refuses by design: a descriptor of MPTCP (IPPROTO_MPTCP is 262).
SELFTEST_WITH_MPTCP = """
from ansible_collections.organic.live_migration.plugins.module_utils.criu import selftest
selftest._WORKLOAD = selftest._WORKLOAD.replace(
    "count = 0", "count = 0; refused = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)"
)
selftest.CriuSelfTest().run()
"""


# test_deploy.py has the second run, which must change nothing, on the lab that is there.
pytestmark = pytest.mark.exhaustive


def playbook(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ansible-playbook", f"playbooks/{name}.yml", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=TEXT_ENVIRONMENT, text=True, capture_output=True, check=False)


class Host:
    """edge-a of the lab."""

    def prepare(self, *arguments: str) -> int:
        """Run prepare_hosts.yml; returns the number of changes."""
        done = self.try_prepare(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        recap = re.search(r"^edge-a\s.*changed=(\d+)", done.stdout, re.MULTILINE)
        assert recap, done.stdout
        return int(recap[1])

    def try_prepare(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return playbook("prepare_hosts", "-i", f"inventories/{LAB}/hosts.yml", "-l", "edge-a", *arguments)

    def run(self, script: str, check: bool = True, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        state = Path("/var/lib/organic-lab") / LAB
        login = ["ssh", "-F", "none", "-i", str(state / "id_ed25519"), "-o", f"UserKnownHostsFile={state}/known_hosts"]
        return subprocess.run(
            [*login, f"root@{PREFIX}.0.11", script], input=stdin, capture_output=True, check=check, timeout=60
        )

    def said(self, script: str) -> str:
        return self.run(script).stdout.decode().strip()

    def manifest(self) -> dict[str, object]:
        content: dict[str, object] = json.loads(self.said(f"cat {ROOT}/manifest.json"))
        return content


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    if os.geteuid():
        pytest.skip("a lab needs root")
    lab = ["-e", f"lab_name={LAB}", "-e", f"lab_network_prefix={PREFIX}"]
    done = playbook("lab_up", *lab)
    assert done.returncode == 0, done.stdout + done.stderr
    yield Host()
    done = playbook("lab_down", *lab)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def prepared(host: Host) -> Host:
    """The host with the runtime; whoever breaks it repairs it."""
    host.prepare()
    return host


def test_check_mode_changes_nothing(host: Host) -> None:
    assert host.prepare("--check") == 2
    assert host.run(f"test -e {ROOT}", check=False).returncode == 1


def test_says_what_is_missing_before_it_touches_anything(host: Host) -> None:
    host.run("mv /usr/sbin/criu /usr/sbin/criu.away; printf '#!/bin/sh\\necho Version: 4.1.1\\n' >/usr/sbin/criu")
    host.run("chmod +x /usr/sbin/criu")
    try:
        done = host.try_prepare("-e", "migration_host_install=false")
    finally:
        host.run("mv /usr/sbin/criu.away /usr/sbin/criu")
    assert done.returncode == 2
    said = " ".join(done.stdout.split())
    assert "edge-a lacks: criu 4.1.1 is older than 4.2. Install the packages criu" in said
    assert "Debian forky has it" in said
    assert "changed=0" in done.stdout
    assert host.run(f"test -e {ROOT}", check=False).returncode == 1


def test_the_second_run_changes_nothing(host: Host) -> None:
    assert host.prepare() == 2
    assert host.prepare() == 0
    assert host.prepare("--check") == 0


def test_what_it_installs_runs_by_itself(prepared: Host) -> None:
    """In a root directory with nothing but the runtime."""
    manifest = prepared.manifest()
    prepared.run(f"mkdir -p /tmp/empty/proc /tmp/empty{ROOT}")
    prepared.run(f"cp -r {ROOT}/. /tmp/empty{ROOT}")
    criu = f"{ROOT}/lib/ld-linux-x86-64.so.2 --library-path {ROOT}/lib {ROOT}/criu"
    assert f"Version: {manifest['criu_version']}" in prepared.said(f"chroot /tmp/empty {criu} --version")
    assert prepared.said(f"chroot /tmp/empty {ROOT}/init version") == "1.0.0"
    prepared.run("rm -r /tmp/empty")


def test_the_manifest_names_every_file(prepared: Host) -> None:
    lines = prepared.said(f"cd {ROOT} && find . -type f ! -name manifest.json | xargs sha256sum").splitlines()
    found = {line.split()[1].removeprefix("./"): line.split()[0] for line in lines}
    manifest = prepared.manifest()
    assert manifest["files"] == found
    assert manifest["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert manifest["arch"] == os.uname().machine


def test_repairs(prepared: Host) -> None:
    prepared.run(f"cd {ROOT} && rm lib/libnl-3.so.200 && echo x >>init && echo x >lib/stale.so && chmod -x criu")
    before = prepared.manifest()
    assert prepared.prepare() == 2
    assert prepared.manifest()["files"] == before["files"]
    assert prepared.run(f"test -x {ROOT}/criu -a ! -e {ROOT}/lib/stale.so", check=False).returncode == 0


def test_after_a_boot_kerndat_is_made_again_in_place(prepared: Host) -> None:
    inode = prepared.said(f"stat -c %i {ROOT}/criu.kdat")
    boot_id = prepared.manifest()["boot_id"]
    prepared.run(f"sed -i s/{boot_id}/00000000-0000-0000-0000-000000000000/ {ROOT}/manifest.json")
    prepared.run(f"truncate -s 10 {ROOT}/criu.kdat")
    assert prepared.prepare() == 1
    assert prepared.said(f"stat -c %i {ROOT}/criu.kdat") == inode
    assert int(prepared.said(f"stat -c %s {ROOT}/criu.kdat")) > 10
    manifest = prepared.manifest()
    assert manifest["boot_id"] == boot_id


def test_the_proof_fails_with_the_words_of_criu(prepared: Host) -> None:
    archive = subprocess.run(
        ["tar", "-cf", "-", "ansible_collections/organic/live_migration/plugins/module_utils"],
        cwd=PROJECT / "collections",
        capture_output=True,
        check=True,
    )
    prepared.run("mkdir /tmp/collections && tar -xf - -C /tmp/collections", stdin=archive.stdout)
    done = prepared.run("cd /tmp/collections && python3 -", check=False, stdin=SELFTEST_WITH_MPTCP.encode())
    prepared.run("rm -r /tmp/collections")
    assert done.returncode == 1
    last = done.stderr.decode().splitlines()[-1]
    assert "CRIU failed to dump the process of the self-test" in last
    assert "inet: Unsupported proto 262 for socket" in last
    assert "Can't setup RLIMIT_NOFILE" not in last
    assert "Remedy: " in last
    assert prepared.said("ls /tmp") == ""
    assert prepared.run("grep organic-proof /proc/mounts", check=False).returncode == 1


def test_absent_refuses_while_a_container_has_it_mounted(prepared: Host) -> None:
    prepared.run("mkdir -p /tmp/image && tar -C /tmp/image -c . | docker import - empty:1 && rmdir /tmp/image")
    prepared.run(f"echo 999999999 >{ROOT}/await/smf")
    prepared.run(
        f"docker run -d --name smf --entrypoint {ROOT}/init -v {ROOT}:{ROOT}:ro "
        f"-v {ROOT}/criu.kdat:/run/criu.kdat:ro empty:1 --name smf -- command"
    )
    done = prepared.try_prepare("-e", "state=absent")
    assert done.returncode == 2
    assert f"mounted: {ROOT}/init --name smf -- command (process" in " ".join(done.stdout.split())
    assert prepared.manifest()
    assert prepared.prepare("-e", "state=absent", "-e", "migration_host_force=true", "--check") == 1
    prepared.run("docker rm -f smf && docker rmi empty:1")


def test_absent_leaves_nothing(prepared: Host) -> None:
    assert prepared.prepare("-e", "state=absent") == 1
    assert prepared.prepare("-e", "state=absent") == 0
    assert (
        prepared.run("test -e /opt/organic -o -e /etc/sysctl.d/90-organic-resident.conf", check=False).returncode == 1
    )
