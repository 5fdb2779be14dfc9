# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container can move, and every reason why not, each with its remedy. Nothing is changed here."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..engines import docker
from ..engines.docker import DockerEngine
from ..errors import Blocker, MigrationError
from ..host import processes
from ..host.container import Container
from ..memory import dirty_tracking
from ..network import arp, interfaces, tun
from ..session import journal

MINIMUM_CRIU = (4, 2)
_PREPARE = "Run playbooks/prepare_hosts.yml for this host"
_MEBIBYTE = 1 << 20


@dataclass
class SourceView:
    """What the source knows about the container: the blockers against it, and what the target must know."""

    blockers: list[Blocker]
    description: dict[str, Any] | None = None
    engine_id: str = ""
    memory_bytes: int = 0
    processes: int = 0


_KERNEL_MUST = {
    "pagemap_scan": "tell which pages a process has (PAGEMAP_SCAN)",
    "userfaultfd": "have the pages of a process brought from outside (userfaultfd)",
}


def runtime_reasons(root: str = paths.ROOT) -> list[Blocker]:
    """Whether the resident runtime of this host is complete and its CRIU new enough."""
    missing = [name for name in paths.RUNTIME_FILES if not Path(root, name).exists()]
    if missing:
        return [Blocker("runtime_missing", f"The resident runtime lacks {', '.join(missing)} in {root}", _PREPARE)]
    manifest = json.loads(Path(root, "manifest.json").read_text())
    version = str(manifest.get("criu_version", "0"))
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_CRIU:
        needed = ".".join(map(str, MINIMUM_CRIU))
        return [
            Blocker(
                "criu_too_old",
                f"CRIU {version} is too old: {needed} is the first that dumps TCP sockets on kernels from 6.16",
                f"Install CRIU {needed} or later. {_PREPARE}",
            )
        ]
    # "criu check" finds all well where no socket can be dumped; the proof dumped and restored a real one
    if manifest.get("proof", {}).get("boot_id") != paths.BOOT_ID.read_text().strip():
        return [
            Blocker(
                "runtime_untested",
                "It was not proven since this host's last start that its CRIU can dump and restore a TCP connection",
                _PREPARE,
            )
        ]
    programs = [name for name in ("nsenter", "ip", "iptables-restore", "iptables-save") if not shutil.which(name)]
    if programs:
        return [Blocker("program_missing", f"Missing on this host: {', '.join(programs)}", _PREPARE)]
    lacks = dirty_tracking.missing_kernel_features(root)
    return [
        Blocker(
            "kernel_too_old",
            f"This host's kernel cannot {what}: {error}",
            "Use Linux 6.7 or later with CONFIG_USERFAULTFD and CONFIG_PROC_PAGE_MONITOR, on both hosts",
        )
        for name, what in _KERNEL_MUST.items()
        if (error := lacks.get(name, ""))
    ]


def _tracking_reasons(tracking: str) -> list[Blocker]:
    """Why written pages cannot be tracked on the source as it was wished for."""
    try:
        dirty_tracking.choose(tracking, dirty_tracking.missing_kernel_features())
    except MigrationError as error:
        return [
            Blocker(
                "no_page_tracking",
                str(error).rstrip("."),
                "Use strategy inter_copy or post_copy"
                + (", or leave out page_tracking" if tracking != dirty_tracking.AUTO else ""),
            )
        ]
    return []


def look_at_source(
    engine: DockerEngine, name: str, shared_volumes: list[str], method: str, tracking: str | None
) -> SourceView:
    """Check everything that can be checked on the source host; ``tracking`` is how written pages are to be found."""
    description = engine.inspect(name)
    if description is None:
        return SourceView(
            [
                Blocker(
                    "container_unknown",
                    f"There is no container '{name}' on this host",
                    "Name one that 'docker ps' shows here",
                )
            ]
        )
    if not docker.is_running(description):
        state = description["State"]["Status"]
        return SourceView(
            [
                Blocker(
                    "container_not_running",
                    f"Container '{name}' is {state}, not running",
                    "Start it, or deploy it on the target host; only what runs can be moved",
                )
            ]
        )
    if method == "engine":
        blockers = _engine_reasons(engine) + _description_reasons(description, shared_volumes) + _busy_reasons(name)
        return SourceView(blockers, description, engine.identity(), *_memory_below(description["State"]["Pid"]))
    if not docker.started_by_resident_init(description) or docker.await_key(description) is None:
        return SourceView(
            [
                Blocker(
                    "not_resident",
                    f"Container '{name}' was not started with the resident init ({paths.INIT} --name NAME)",
                    "Deploy it with the role organic.core5g.nf, or move it with method 'engine'",
                )
            ],
            description,
        )
    blockers = runtime_reasons()
    if tracking and not blockers:
        blockers += _tracking_reasons(tracking)
    container = Container(description["State"]["Pid"])
    view = SourceView(blockers, description, engine.identity())
    try:
        root = container.root_process()
        container.freezer_group()
    except MigrationError as error:
        blockers.append(Blocker("process_tree", str(error).rstrip("."), "See the README, 'What can be moved'"))
        return view
    tree = processes.tree(root)
    view.memory_bytes, view.processes = _memory_below(root)
    blockers += _description_reasons(description, shared_volumes)
    # an NF that has moved before has other MAC addresses than those that the engine gave its container
    macs = {ip: interface.mac for interface in interfaces.read_interfaces(root) for ip in interface.ip_addresses}
    for settings in description["NetworkSettings"]["Networks"].values():
        settings["MacAddress"] = macs.get(settings["IPAddress"], settings["MacAddress"])
    for pid in tree:
        for what in processes.undumpable(pid, container.overlay_device()):
            blockers.append(
                Blocker(
                    "undumpable",
                    f"CRIU cannot move this: {what}",
                    "Configure the program to do without it, or redeploy it instead",
                )
            )
    blockers += tun.blockers(tree)
    blockers += _busy_reasons(name)
    return view


def _busy_reasons(name: str) -> list[Blocker]:
    return [
        Blocker("busy", f"Container '{name}' is already in migration {other.migration_id}", "Wait until that has ended")
        for other in journal.all_records()
        if other.container_name == name and other.in_progress
    ]


def _description_reasons(description: dict[str, Any], shared_volumes: list[str]) -> list[Blocker]:
    blockers = []
    if description["Config"]["Tty"]:
        blockers.append(
            Blocker(
                "terminal",
                "The container has a terminal (-t), which CRIU cannot move without its master",
                "Start it without -t",
            )
        )
    if description["HostConfig"]["NetworkMode"] == "host":
        blockers.append(
            Blocker(
                "host_network",
                "The container shares the network of its host, whose addresses stay there",
                "Give it an address of its own: network driver macvlan or bridge",
            )
        )
    for network_name, settings in description["NetworkSettings"]["Networks"].items():
        if settings.get("GlobalIPv6Address"):
            blockers.append(
                Blocker(
                    "ipv6",
                    f"The container has the address {settings['GlobalIPv6Address']} on network '{network_name}', and "
                    "no IPv6 address is taken along",
                    "Put it on a network without IPv6",
                )
            )
    for mount in description["Mounts"]:
        if mount.get("RW") and mount["Destination"] not in shared_volumes and mount["Type"] != "tmpfs":
            blockers.append(
                Blocker(
                    "volume",
                    f"{mount['Destination']} is a writable {mount['Type']} that lies on this host",
                    "Put it on storage that both hosts see, and name it in shared_volumes",
                )
            )
    return blockers


def _memory_below(pid: int) -> tuple[int, int]:
    """Memory in use by a process and its descendants, and their number."""
    tree = processes.tree(pid)
    return processes.resident_bytes(tree), len(tree)


def _engine_reasons(engine: DockerEngine) -> list[Blocker]:
    if engine.experimental:
        return []
    return [
        Blocker(
            "engine_not_experimental",
            "The Docker engine of this host offers no checkpoints: its experimental features are off",
            "Set 'experimental: true' in its daemon.json and restart it, or use method 'resident'",
        )
    ]


def look_at_target(
    engine: DockerEngine, source: dict[str, Any], memory_bytes: int, reserve_bytes: int, method: str
) -> list[Blocker]:
    """Check everything that can be checked on the target host.

    Args:
        engine: of the target host.
        source: the engine's description of the container on the source host.
        memory_bytes: what its processes have in use.
        reserve_bytes: what must stay free on this host.
        method: ``resident`` or ``engine``.
    """
    blockers = _engine_reasons(engine) if method == "engine" else runtime_reasons()
    name = source["Name"].lstrip("/")
    present = engine.inspect(name)
    frozen = [one for one in journal.all_records() if one.container_name == name and one.role == "source"]
    if frozen:
        blockers.append(
            Blocker(
                "frozen",
                f"'{name}' stands frozen on the target host, where its migration to {frozen[0].peer} was interrupted",
                f"Do not remove it. Migrate it from there to {frozen[0].peer} once more, which settles that",
            )
        )
    elif present and docker.is_running(present):
        blockers.append(
            Blocker(
                "name_in_use",
                f"A container '{name}' already runs on the target host",
                "Remove it, or migrate the other way",
            )
        )
    elif present and present["Path"] != source["Path"]:
        blockers.append(
            Blocker(
                "name_in_use",
                f"A container '{name}' that is not ours stands stopped on the target host",
                "Remove or rename it",
            )
        )
    if engine.image_id(source["Image"]) is None:
        blockers.append(
            Blocker(
                "image_missing",
                f"The image {source['Config']['Image']} ({source['Image'][:19]}) is missing on the target host",
                "Load or pull the very same image there",
            )
        )
    # the pages lie once in the images and once in the restored process, until that runs
    needed = 2 * memory_bytes + reserve_bytes
    available = _available_memory()
    if needed > available:
        blockers.append(
            Blocker(
                "no_memory",
                f"The target host has {available // _MEBIBYTE} MiB of memory available; "
                f"{needed // _MEBIBYTE} MiB are needed (2 x {memory_bytes // _MEBIBYTE} MiB and a reserve of "
                f"{reserve_bytes // _MEBIBYTE} MiB)",
                "Free memory there, choose another host, or lower memory_reserve_mb",
            )
        )
    networks = source["NetworkSettings"]["Networks"]
    if len(networks) > 1 and not engine.creates_with_many_networks:
        blockers.append(
            Blocker(
                "engine_too_old",
                f"The container is on {len(networks)} networks ({', '.join(sorted(networks))}), and the Docker engine "
                "of the target host cannot create one that is on more than one",
                "Install Docker 25 or later there, or put the container on one network",
            )
        )
    for network_name, settings in networks.items():
        blockers += _network_reasons(engine, network_name, settings)
    return blockers


def _network_reasons(engine: DockerEngine, name: str, settings: dict[str, Any]) -> list[Blocker]:
    description = engine.network(name)
    if description is None:
        return [
            Blocker(
                "network_missing",
                f"The network '{name}' is missing on the target host",
                "Create it there as on the source, or deploy with the role organic.core5g.nf",
            )
        ]
    if description["Driver"] == "ipvlan":
        return [
            Blocker(
                "ipvlan",
                f"The network '{name}' is an ipvlan, on which no container can stand by with a MAC address of its own",
                "Put the container on a macvlan or a bridge; what runs on an ipvlan is redeployed instead",
            )
        ]
    if name == "bridge":
        return [
            Blocker(
                "default_network",
                "The container is on Docker's default bridge, where it cannot have the same address on another host",
                "Put it on a network of its own that spans the hosts",
            )
        ]
    interface = host_interface(description)
    if interface is None or not Path("/sys/class/net", interface).exists():
        return []  # an overlay, or the like: the engine itself knows its addresses
    answers = arp.arp_probe(interface, settings["IPAddress"]) - {settings["MacAddress"]}
    if answers:
        return [
            Blocker(
                "address_taken",
                f"Another machine ({', '.join(sorted(answers))}) already answers for "
                f"{settings['IPAddress']} on network '{name}'",
                "Find it and take the address from it",
            )
        ]
    return []


def host_interface(description: dict[str, Any]) -> str | None:
    """The interface of the host that leads into a Docker network; None where there is none to probe from."""
    options = description.get("Options") or {}
    if description["Driver"] == "macvlan":
        return options.get("parent")
    if description["Driver"] == "bridge":
        return options.get("com.docker.network.bridge.name") or f"br-{description['Id'][:12]}"
    return None


def _available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise MigrationError("This host's /proc/meminfo has no MemAvailable")
