# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts, as JSON, what could leak with every migration on this host. Runs on a host, as root.

usage: leak_check.py CONTAINER
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

DOCKER, CONTAINERD = Path("/var/lib/docker"), Path("/run/containerd")


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def status(pid: int, key: str) -> int:
    """A figure of /proc/PID/status (proc_pid_status(5)); of memory in kB."""
    return int(Path(f"/proc/{pid}/status").read_text().partition(f"\n{key}:")[2].split()[0])


def descriptors(pid: int) -> dict[str, int]:
    """How many of each kind a process has open."""
    kinds: Counter[str] = Counter()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            kinds[os.readlink(link).split(":[")[0]] += 1
        except FileNotFoundError:
            continue
    return dict(sorted(kinds.items()))


def lines(pid: int, name: str) -> int:
    """Of a table of a process's network namespace; 0 when it is not there."""
    path = Path(f"/proc/{pid}/net/{name}")
    return len(path.read_text().splitlines()) if path.exists() else 0


def process(pid: int) -> dict[str, Any]:
    """The process that migrates, and what the kernel keeps for its container."""
    return {
        "descriptors": descriptors(pid),
        "threads": status(pid, "Threads"),
        "rss_kb": status(pid, "VmRSS"),
        "size_kb": status(pid, "VmSize"),
        "mappings": len(Path(f"/proc/{pid}/maps").read_text().splitlines()),
        "timers": len(Path(f"/proc/{pid}/timers").read_text().splitlines()),
        "packet_sockets": lines(pid, "packet"),
        "packet_queues": lines(pid, "netfilter/nfnetlink_queue"),
        "netlink_sockets": lines(pid, "netlink"),
    }


def first_child(pid: int) -> int | None:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def engine() -> dict[str, int]:
    """The engine's own processes: recorded, not compared."""
    figures = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            name = (entry / "comm").read_text().strip()
            if name in ("dockerd", "containerd"):
                figures[f"{name}_rss_kb"] = status(int(entry.name), "VmRSS")
                figures[f"{name}_descriptors"] = len(list((entry / "fd").iterdir()))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return figures


def main() -> None:
    [name] = sys.argv[1:]
    described = (
        json.loads(output("docker", "inspect", name)) if output("docker", "ps", "-aqf", f"name=^{name}$") else []
    )
    pid = described[0]["State"]["Pid"] if described else 0
    main = first_child(pid) if pid else None
    found = {
        "processes": sum(entry.name.isdigit() for entry in Path("/proc").iterdir()) - 1,
        "cgroups": sum(1 for _group in os.walk("/sys/fs/cgroup")),
        "mounts": len(Path("/proc/self/mounts").read_text().splitlines()),
        "packet_sockets": lines(1, "packet"),
        "packet_queues": lines(1, "netfilter/nfnetlink_queue"),
        "namespaces": len(set(output("lsns", "--noheadings", "--output", "NS").split())),
        "containers": len(list((DOCKER / "containers").iterdir())),
        "layers": len(list((DOCKER / "overlay2").iterdir())) if (DOCKER / "overlay2").is_dir() else 0,
        "volumes": len(list((DOCKER / "volumes").iterdir())),
        "tasks": len(list(CONTAINERD.glob("io.containerd.runtime.v2.task/moby/*"))),
        "allocated_files": int(Path("/proc/sys/fs/file-nr").read_text().split()[0]),
        "process": process(main) if main else None,
        "engine": engine(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
