"""What a lab could leave behind on the machine: namespaces, links, mounts, cgroups, processes, connections."""

from __future__ import annotations

import json
import os
import re
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

STATES = Path("/var/lib/organic-lab")
KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "uts")


@dataclass(frozen=True)
class Snapshot:
    """The machine at one moment."""

    namespaces: frozenset[str]
    links: frozenset[str]
    mounts: frozenset[str]
    cgroups: frozenset[str]
    state: frozenset[str]

    KINDS: ClassVar = ("namespaces", "links", "mounts", "cgroups", "state")

    @classmethod
    def take(cls) -> Snapshot:
        """Look."""
        netns = Path("/run/netns")
        links = json.loads(subprocess.check_output(["ip", "-j", "link", "show"], text=True))
        namespaces = frozenset(entry.name for entry in (netns.iterdir() if netns.exists() else ()))
        mounts = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()}
        if not namespaces:
            # Whoever makes a namespace mounts the directory, and unit tests do; the last lab that goes unmounts it.
            mounts.discard("/run/netns")
        return cls(
            namespaces=namespaces,
            links=frozenset(link["ifname"] for link in links),
            mounts=frozenset(mounts),
            cgroups=frozenset(path for path, _directories, _files in os.walk("/sys/fs/cgroup")),
            state=frozenset(entry.name for entry in STATES.glob("*")),
        )

    def without(self, labs: frozenset[str]) -> Snapshot:
        """The same without what belongs to these labs; of the cgroups, which others make too, only those of labs."""
        foreign = re.compile(rf"(?:^|/|organic-)(?:{'|'.join(labs)})(?:[-/]|0?$)" if labs else r"(?!)")
        kept = {kind: frozenset(e for e in getattr(self, kind) if not foreign.search(e)) for kind in self.KINDS}
        if labs:
            # All labs share the directory of the namespaces; the last one that goes takes it along.
            kept["mounts"] -= {"/run/netns"}
        kept["cgroups"] = frozenset(path for path in kept["cgroups"] if "/organic-" in path)
        return Snapshot(**kept)


def other_labs(name: str) -> frozenset[str]:
    """Labs that somebody else may bring up or take down meanwhile."""
    return frozenset(entry.name for entry in STATES.glob("*") if entry.name != name)


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
