# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints, as JSON, everything on this host that a migration could touch or leave behind. Runs on a host, as root."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

INIT = "/opt/organic/resident/init"


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def inside(pid: int, *command: str) -> str:
    return output("nsenter", "--target", str(pid), "--net", *command)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def freezer_groups(pid: int) -> list[str]:
    """Groups below a process's own in every hierarchy."""
    found = []
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        path = line.split(":", 2)[2].lstrip("/")
        for mount in Path("/sys/fs/cgroup").iterdir():
            found += [str(group) for group in (mount / path).glob("*/") if path and group.is_dir()]
    return sorted(found)


def network(pid: int) -> dict[str, Any]:
    rules = [line for line in inside(pid, "iptables-save", "--table", "raw").splitlines() if line.startswith("-A")]
    silent = inside(pid, "sh", "-c", "grep -H . /proc/sys/net/ipv4/conf/*/arp_ignore").split()
    return {"raw_rules": rules, "arp_ignore": sorted(silent)}


def container(description: dict[str, Any]) -> dict[str, Any]:
    state = description["State"]
    entry = {
        "status": state["Status"],
        "exit_code": state["ExitCode"],
        "started_at": state["StartedAt"],
        "restart_policy": description["HostConfig"]["RestartPolicy"]["Name"],
        "id": description["Id"],
        "processes": 0,
    }
    pid = state["Pid"]
    if state["Status"] == "running" and description["Path"] == INIT:
        try:
            entry["processes"] = len(children(pid))
            entry["freezer_groups"] = freezer_groups(pid)
            if description["HostConfig"]["NetworkMode"] != "host":
                entry.update(network(pid))
        except (FileNotFoundError, ProcessLookupError, subprocess.CalledProcessError):
            entry["status"] = "ended while we looked"
    return entry


def agents() -> list[str]:
    """Processes of a migration: modules of Ansible, agents, CRIU; but not this one."""
    own, pid = set(), os.getpid()
    while pid > 1:
        own.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in own:
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
            except (FileNotFoundError, ProcessLookupError):
                continue
            line = " ".join(command)
            if "resident/criu " in line or "AnsiballZ" in line or command == ["/usr/bin/python3"]:
                found.append(line)
    return found


def main() -> None:
    ids = output("docker", "ps", "--all", "--quiet", "--no-trunc").split()
    descriptions = json.loads(output("docker", "inspect", *ids)) if ids else []
    found = {
        "containers": {one["Name"].lstrip("/"): container(one) for one in descriptions},
        "records": sorted(str(path) for path in Path("/run/organic").rglob("*")),
        "awaits": sorted(path.name for path in Path("/opt/organic/resident/await").iterdir()),
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if "/run/organic" in line],
        "agents": agents(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
