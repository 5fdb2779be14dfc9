# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints, as JSON, everything on this host that a migration could change or leave behind. Runs on a host, as root."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

INIT = "/opt/organic/resident/init"
DOCKER_DNS = "127.0.0.11"
"""Docker's own rules for its name server, with random ports."""
RECORDS = Path("/run/organic")
CRIU_CACHE = "/run/criu.kdat"
"""CRIU's cache of the features of the kernel, written by its first run."""
AGENT_CODE = "/run/organic-code"
"""The agents' code, which the first call of a host leaves there (plugin_utils/host_code.py)."""
BUSY = {"sshd", "sshd-session", "sshd-auth", "bash", "sh", "python3", "ssh"}
"""Names of the processes of this look-up itself; agents of a migration with such a name are listed as agents."""


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


def rules(*prefix: str) -> list[str]:
    """Every rule of every table, without counters."""
    lines = output(*prefix, "iptables-save").splitlines()
    return [line for line in lines if line.startswith("-A") and DOCKER_DNS not in line]


def links(*prefix: str) -> list[str]:
    """Links with their flags and addresses, routes, and queueing disciplines."""
    found = []
    for link in json.loads(output(*prefix, "ip", "-json", "address")):
        addresses = sorted(address["local"] for address in link["addr_info"] if address["family"] == "inet")
        found.append(f"link {link['ifname']} {sorted(link['flags'])} {addresses}")
    found += [f"route {' '.join(line.split())}" for line in output(*prefix, "ip", "route").splitlines()]
    found += [f"qdisc {line.split()[1]} {line.split()[4]}" for line in output(*prefix, "tc", "qdisc").splitlines()]
    return [line for line in found if " veth" not in line]  # Docker gives the container's end a random name


def inside_of(pid: int, container_id: str) -> dict[str, list[str]]:
    """What a migration could change in a running container; the same wherever it runs."""
    enter = ("nsenter", "--target", str(pid), "--net")
    space = os.readlink(f"/proc/{pid}/ns/pid")
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(entry / "ns/pid") == space:
                processes.append((entry / "comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            continue
    groups = [str(group) for group in Path("/sys/fs/cgroup").glob(f"*/docker/{container_id}/**/")]
    groups += [str(group) for group in Path("/sys/fs/cgroup").glob(f"docker/{container_id}/**/")]
    limits = [
        f"{name} {Path(group, name).read_text().strip()}"
        for group in groups for name in ("cpu.cfs_quota_us", "cpu.max", "freezer.state", "cgroup.freeze")
        if Path(group, name).exists()
    ]  # fmt: skip
    mounts = [line.split()[1] for line in Path(f"/proc/{pid}/mounts").read_text().splitlines()]
    return {
        "processes": sorted(processes),
        "rules": rules(*enter),
        "links": links(*enter),
        "groups": sorted(group.replace(container_id, "ID") for group in groups),
        "limits": sorted(limits),
        "mounts": sorted(mounts),
    }


def surroundings() -> dict[str, list[str]]:
    """What a migration could leave on the host itself, beside what the other keys of main() name."""
    own = os.readlink("/proc/self/ns/pid")  # the processes of a container are listed with the container
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            if command and b"containerd-shim" not in command and os.readlink(entry / "ns/pid") == own:
                processes.append((entry / "comm").read_text().strip())
        except (FileNotFoundError, ProcessLookupError):
            continue
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    files = [
        str(path) for directory in ("/run", "/tmp", "/var/tmp", "/dev/shm", "/opt/organic")
        for path in Path(directory).glob("*") if Path(directory).is_dir()
    ]  # fmt: skip
    files += [str(path) for path in Path("/opt/organic").rglob("*") if "__pycache__" not in path.parts]
    return {
        "processes": sorted(name for name in processes if name not in BUSY),
        "mounts": sorted(path for path in mounts if "/docker/" not in path and "/containerd/" not in path),
        "files": sorted(set(files) - {CRIU_CACHE, AGENT_CODE, str(RECORDS)}),
        "rules": rules(),
        "links": links(),
    }


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
            entry["inside"] = inside_of(pid, description["Id"])
        except (FileNotFoundError, ProcessLookupError, subprocess.CalledProcessError):
            entry["status"] = "ended during the look-up"
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
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            line = " ".join(command)
            ours = "resident/criu " in line or "resident/pager" in line or "AnsiballZ" in line
            if ours or command == ["/usr/bin/python3"]:
                found.append(f"{entry.name} ({state}, child of {parent}): {line}")
    return found


def descriptions() -> list[dict[str, Any]]:
    """Of every container; one that was removed since it was listed is skipped."""
    found = []
    for container_id in output("docker", "ps", "--all", "--quiet", "--no-trunc").split():
        inspected = subprocess.run(["docker", "inspect", container_id], check=False, capture_output=True, text=True)
        if inspected.returncode != 0 and "no such object" not in inspected.stderr.lower():
            raise RuntimeError(inspected.stderr)
        found += json.loads(inspected.stdout)
    return found


def main() -> None:
    found = {
        "containers": {one["Name"].lstrip("/"): container(one) for one in descriptions()},
        "records": sorted(str(path) for path in (RECORDS, *RECORDS.rglob("*")) if path.exists()),
        "awaits": sorted(path.name for path in Path("/opt/organic/resident/await").iterdir()),
        "mounts": [line for line in Path("/proc/self/mounts").read_text().splitlines() if "/run/organic" in line],
        "agents": agents(),
        "surroundings": surroundings(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
