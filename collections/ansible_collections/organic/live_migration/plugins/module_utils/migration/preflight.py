# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight checks on both hosts: every blocker of a migration, each with its remedy. Nothing is changed here."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import paths
from ..engines.base import CLUSTER_SOCKETS, Checkpoints, Engine, Side
from ..engines.spec import ContainerSpec
from ..errors import Blocker, MigrationError
from ..host import cpu, memory_limit, processes, sqlite, system_files, task_attributes, unmovable, unshared
from ..host.container import Container
from ..host.cpu import Cpu
from ..host.files import MAX_FILES_BYTES, FileSet
from ..host.holdings import Holdings
from ..host.undumpable import made_terminals, undumpable
from ..memory import dirty_tracking
from ..namespaces import inventory, ipc
from ..network import interfaces, socket_blockers, tun
from ..session import journal
from . import abandoned, cloning, read_only_mounts

MINIMUM_CRIU = (4, 2)
_PREPARE = "Apply the role organic.live_migration.migration_host to this host"
_MEBIBYTE = 1 << 20
_INIT_START_S = 10.0


@dataclass
class SourceView:
    """What the source knows about the container: the blockers against it, and what the target must know."""

    blockers: list[Blocker]
    spec: ContainerSpec | None = None
    engine_id: str = ""
    memory_bytes: int = 0
    files_bytes: int = 0
    compared_bytes: int = 0
    processes: int = 0
    holdings: Holdings = field(default_factory=Holdings)
    bound_cpus: list[int] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    system_files: list[str] = field(default_factory=list)


_KERNEL_MUST = {
    "pagemap_scan": "list the pages that a process has (PAGEMAP_SCAN)",
    "userfaultfd": "let another process supply the pages of a process (userfaultfd)",
}


def runtime_blockers(root: str = paths.ROOT) -> list[Blocker]:
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
    # "criu check" passes where no socket can be dumped; the self-test dumped and restored a real connection
    if manifest.get("proof", {}).get("boot_id") != paths.BOOT_ID.read_text().strip():
        return [
            Blocker(
                "runtime_untested",
                "The CRIU self-test (dump and restore of a TCP connection) has not run since this host's last boot",
                _PREPARE,
            )
        ]
    programs = [name for name in ("nsenter", "ip", "ss", "iptables-restore", "iptables-save") if not shutil.which(name)]
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


def look_at_source(
    engine: Engine, name: str, shared_volumes: list[str], by_engine: bool, tracking: str | None, clones: bool = False
) -> SourceView:
    """Check everything that can be checked on the source host.

    Args:
        engine: of the source host.
        name: of the container.
        shared_volumes: writable mounts that both hosts see.
        by_engine: whether the engine's own checkpoints move it.
        tracking: how written pages are to be found; None where the strategy needs no such thing.
        clones: the strategy lets a clone run before the commit.
    """
    spec = engine.inspect(name)
    if spec is None:
        return SourceView(
            [
                Blocker(
                    "container_unknown",
                    f"There is no container '{name}' on this host",
                    "Check the name, and on which host the container runs",
                )
            ]
        )
    if not spec.running:
        return SourceView(
            [
                Blocker(
                    "container_not_running",
                    f"Container '{name}' is {spec.status}, not running",
                    "Start it, or deploy it on the target host; only a running container can be migrated",
                )
            ]
        )
    spec = read_only_mounts.with_content(engine, spec, shared_volumes)
    blockers = engine.blockers(spec, Side.SOURCE)
    if by_engine:
        blockers += _checkpoint_blockers(engine) + _spec_blockers(spec, shared_volumes) + _busy_blockers(name)
        return SourceView(blockers, spec, engine.identity(), *_memory_below(spec.pid))
    if not spec.has_resident_init or spec.await_key is None:
        return SourceView(
            [
                Blocker(
                    "not_resident",
                    f"Container '{name}' was not started with the resident init ({paths.INIT} --name NAME)",
                    "Start it with the resident init as its entrypoint, or migrate it with method 'engine'",
                )
            ],
            spec,
        )
    blockers += runtime_blockers()
    if tracking and not blockers:
        blockers += dirty_tracking.blockers(tracking)
    container = Container(spec.pid)
    view = SourceView(blockers, spec, engine.identity())
    try:
        root = container.root_process()
        container.freezer_group()
    except MigrationError as error:
        blockers.append(
            Blocker(
                "process_tree",
                str(error).rstrip("."),
                "See 'What can be moved' in the README of organic.live_migration",
            )
        )
        return view
    tree = processes.tree(root)
    view.memory_bytes, view.processes = _memory_below(root)
    view.memory_bytes += ipc.detached_bytes(root)
    view.holdings = Holdings.of(tree)
    view.bound_cpus = task_attributes.bound_cpus(spec.pid, tree)
    view.system_files = system_files.open_paths(tree)
    blockers += _spec_blockers(spec, shared_volumes)
    # a container that has moved before has other MAC addresses than those that its engine gave it
    macs = {ip: interface.mac for interface in interfaces.read_interfaces(root) for ip in interface.ip_addresses}
    networks = tuple(replace(network, mac=macs.get(network.ipv4, network.mac)) for network in spec.networks)
    view.spec = replace(spec, networks=networks)
    terminals = made_terminals(tree)
    for pid in tree:
        blockers += [
            Blocker("undumpable", f"CRIU cannot dump this: {found.what}", found.remedy)
            for found in undumpable(pid, container.overlay_device(), terminals)
        ]
    blockers += _look_at_files(view, container)
    blockers += unmovable.blockers(tree, container)
    blockers += unshared.blockers(tree, spec.pid)
    blockers += sqlite.blockers(tree, container)
    blockers += memory_limit.blockers(tree, container)
    blockers += tun.blockers(tree)
    blockers += socket_blockers.blockers(tree)
    destinations = [mount.destination for mount in spec.mounts]
    blockers += inventory.blockers(root, destinations, set(tun.attached(tree)), spec.id)
    blockers += _busy_blockers(name)
    if clones:
        blockers += cloning.blockers(tree, spec, shared_volumes)
        view.doubts = cloning.doubts(tree)
    return view


def _look_at_files(view: SourceView, container: Container) -> list[Blocker]:
    """What the container's own files are, and whether they are too large."""
    files = FileSet(container, container.mounts())
    snapshot = files.snapshot()
    view.files_bytes, view.compared_bytes = snapshot.size_bytes, files.compared_bytes(snapshot)
    if view.files_bytes <= MAX_FILES_BYTES:
        return []
    largest = max(snapshot.files, key=lambda path: snapshot.files[path].used_bytes)
    return [
        Blocker(
            "files_too_large",
            f"The container's own layer and its tmpfs mounts hold {view.files_bytes // _MEBIBYTE} MiB of files, the "
            f"largest of which is /{largest}; at most {MAX_FILES_BYTES // _MEBIBYTE} MiB are taken along",
            "Put the large ones on a volume that both hosts see, and name it in shared_volumes; or remove old logs",
        )
    ]


def let_cluster_connections_end(view: SourceView) -> None:
    """Take sockets of addresses that stay on this host for a doubt; the target host lends these for a moment."""
    ending = [blocker for blocker in view.blockers if blocker.code in CLUSTER_SOCKETS]
    if view.spec is None or not ending:
        return
    view.blockers = [blocker for blocker in view.blockers if blocker not in ending]
    view.doubts += [f"These end when it moves: {blocker.message}." for blocker in ending]
    addresses = interfaces.addresses_of(view.spec.pid, view.spec.kept_interfaces)
    view.spec = replace(view.spec, kept_addresses=tuple(sorted(addresses)))


def _busy_blockers(name: str) -> list[Blocker]:
    return [
        Blocker(
            "busy",
            f"Container '{name}' is already in migration {other.migration_id}",
            "Wait until that has ended, or cancel it with container_migration_cancel",
        )
        for other in journal.all_records()
        if other.container_name == name and other.in_progress
    ]


def _spec_blockers(spec: ContainerSpec, shared_volumes: list[str]) -> list[Blocker]:
    blockers = []
    if spec.tty:
        blockers.append(
            Blocker(
                "terminal",
                "The container has a terminal (-t), which CRIU cannot dump without its master",
                "Start it without -t",
            )
        )
    if spec.host_network:
        blockers.append(
            Blocker(
                "host_network",
                "The container shares the network of its host, whose addresses stay there",
                "Give it an address of its own: network driver macvlan or bridge",
            )
        )
    for network in spec.networks:
        if network.ipv6:
            blockers.append(
                Blocker(
                    "ipv6",
                    f"The container has the IPv6 address {network.ipv6} on network '{network.name}', and IPv6 "
                    "addresses are not migrated",
                    "Put it on a network without IPv6",
                )
            )
    for mount in spec.mounts:
        if mount.writable and mount.destination not in shared_volumes and mount.kind != "tmpfs":
            blockers.append(
                Blocker(
                    "volume",
                    f"{mount.destination} is a writable {mount.kind} that is local to this host",
                    "Put it on storage that both hosts see, and name it in shared_volumes",
                )
            )
    return blockers


def _memory_below(pid: int) -> tuple[int, int]:
    """Memory in use by a process and its descendants, and their number."""
    tree = processes.tree(pid)
    return processes.resident_bytes(tree), len(tree)


def _checkpoint_blockers(engine: Engine) -> list[Blocker]:
    checkpoints: Checkpoints | None = engine.checkpoints
    if checkpoints is not None:
        return checkpoints.blockers()
    return [
        Blocker(
            "engine_without_checkpoints",
            f"The container engine '{engine.name}' of this host has no checkpoints of its own",
            "Use method 'resident'",
        )
    ]


def _awaits(pid: int) -> bool:
    """Whether this is a resident init that awaits a process; one that has just been started gets time to say so."""
    with contextlib.suppress(ProcessLookupError):
        while not processes.name(pid).startswith("resident-") and processes.age_s(pid) < _INIT_START_S:
            time.sleep(0.01)
    return processes.name(pid) == "resident-await"


def look_at_target(
    engine: Engine,
    source: ContainerSpec,
    memory_bytes: int,
    reserve_bytes: int,
    by_engine: bool,
    source_cpu: Cpu | None = None,
    copied_mounts: Collection[str] = (),
) -> list[Blocker]:
    """Check everything that can be checked on the target host.

    Args:
        engine: of the target host.
        source: the container on the source host.
        memory_bytes: what its processes have in use.
        reserve_bytes: what must stay free on this host.
        by_engine: whether the engine's own checkpoints move it.
        source_cpu: of the source host; None where it is not known.
        copied_mounts: sources of read-only mounts of which the source host has sent a copy.
    """
    blockers = _checkpoint_blockers(engine) if by_engine else runtime_blockers()
    if source_cpu is not None:
        blockers += cpu.blockers(source_cpu, cpu.here())
        blockers += task_attributes.blockers(source_cpu.bound, os.sched_getaffinity(0))
    name = source.name
    present = engine.inspect(name)
    records = [one for one in journal.all_records() if one.container_name == name]
    frozen = [one for one in records if one.role == "source"]
    waiting = [one for one in records if one.role == "target" and one.in_progress]
    if frozen:
        blockers.append(
            Blocker(
                "frozen",
                f"'{name}' is frozen on the target host; its migration to {frozen[0].peer} was interrupted",
                f"Do not remove it. Migrate it from there to {frozen[0].peer} once more, which recovers it",
            )
        )
    elif waiting:
        blockers.append(abandoned.blocker(waiting[0]))
    elif present and present.running and not (source.service and _awaits(present.pid)):
        blockers.append(
            Blocker(
                "name_in_use",
                f"A container '{name}' already runs on the target host",
                "Remove it, or migrate the other way",
            )
        )
    elif present and present.entrypoint != source.entrypoint:
        blockers.append(
            Blocker(
                "name_in_use",
                f"A stopped container '{name}' with another entrypoint exists on the target host",
                "Remove or rename it",
            )
        )
    blockers += engine.blockers(source, Side.TARGET)
    blockers += read_only_mounts.blockers(engine, source, copied_mounts)
    # until the restored process runs, its pages are in memory twice: in the images and in the process
    needed = 2 * memory_bytes + reserve_bytes
    available = available_memory()
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
    return blockers


def available_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise MigrationError("This host's /proc/meminfo has no MemAvailable")
