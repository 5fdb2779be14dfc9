"""What a lab could leave behind on the machine: namespaces, links, mounts, cgroups, processes, connections."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "uts")


def _other_labs(name: str) -> list[str]:
    """Labs that somebody else may bring up or take down meanwhile."""
    root = Path("/var/lib/organic-lab")
    return [entry.name for entry in root.iterdir() if entry.name != name] if root.exists() else []


@dataclass(frozen=True)
class Snapshot:
    """The machine at one moment, without what belongs to other labs."""

    namespaces: frozenset[str]
    links: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[str]
    state: frozenset[str]

    @classmethod
    def take(cls, name: str, others: frozenset[str]) -> Snapshot:
        """Look; others are labs not to look at."""
        foreign = re.compile("|".join(rf"\b(?:organic-)?{other}(?:-|0\b|/)" for other in others) or r"(?!)")

        def own(entries: Iterator[str]) -> frozenset[str]:
            return frozenset(entry for entry in entries if not foreign.search(entry))

        netns = Path("/run/netns")
        links = json.loads(subprocess.check_output(["ip", "-j", "link", "show"], text=True))
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
        return cls(
            namespaces=own(entry.name for entry in (netns.iterdir() if netns.exists() else ())),
            links=own(link["ifname"] for link in links),
            # The directory of the namespaces is shared by all labs: the last one that goes takes it along.
            mounts=own(
                f"{line.split()[4]} {line.split(' - ')[1]}"
                for line in mounts
                if others == frozenset() or line.split()[4] != "/run/netns"
            ),
            cgroups=own(path for path, _directories, _files in os.walk("/sys/fs/cgroup") if "/process_api" not in path),
            state=own(str(entry) for entry in Path("/var/lib/organic-lab").glob("*")),
        )

    def made_since(self, before: Snapshot) -> dict[str, frozenset[str]]:
        """What is there now and was not before, by kind."""
        return {kind: getattr(self, kind) - getattr(before, kind) for kind in self.__dataclass_fields__}


def other_labs(name: str) -> frozenset[str]:
    """See Snapshot.take."""
    return frozenset(_other_labs(name))


def namespaces_of(pid: int) -> frozenset[tuple[str, int]]:
    """Kind and inode of the namespaces of a process; empty if it is gone or may not be looked at."""
    found = set()
    for kind in KINDS:
        try:
            found.add((kind, Path(f"/proc/{pid}/ns/{kind}").stat().st_ino))
        except OSError:
            return frozenset()
    return frozenset(found)


def processes_in(namespaces: frozenset[tuple[str, int]]) -> list[int]:
    """PIDs of all processes that are in any of these namespaces."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if namespaces_of(pid) & namespaces]


def connections_to(prefix: str) -> list[str]:
    """Established TCP connections of the machine to addresses that start with prefix (proc_net_tcp(5))."""
    remotes = []
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        address = socket.inet_ntoa(struct.pack("=I", int(fields[2].split(":")[0], 16)))
        if fields[3] == "01" and address.startswith(prefix):
            remotes.append(address)
    return remotes
