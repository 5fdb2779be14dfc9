# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host: namespaces, a root on an overlay of the cached image, PID 1, sshd and, if asked, a Docker engine."""

from __future__ import annotations

import hashlib
import http.client
import inspect
import ipaddress
import json
import os
import shutil
import socket
import stat
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from ansible_collections.organic.lab.plugins.module_utils import host_init, kernel
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, run, wait_for
from ansible_collections.organic.lab.plugins.module_utils.cgroup import HostCgroup
from ansible_collections.organic.lab.plugins.module_utils.host_spec import HostSpec
from ansible_collections.organic.lab.plugins.module_utils.process import Process, in_network_namespace
from ansible_collections.organic.lab.plugins.module_utils.switch import (
    NAMESPACES,
    Switch,
    delete_namespace,
    ip_batch,
    links,
)

INIT = "/usr/lib/organic-lab/host_init.py"
SERVICES = "/etc/organic-lab/services.json"
LOGS = "/var/log"
PIDS = "/run/organic-lab/services"
DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "fuse", "userfaultfd", "net/tun")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}

SSHD_CONFIG = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 200
MaxSessions 200
# Whoever awaits this host connects without logging in: no offence here.
PerSourcePenalties no
"""
# Nobody listens there, so that a look-up fails at once instead of timing out.
RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
CONTAINERD_CONFIG = """\
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
"""


class Host:
    """A host by its specification, below the lab's directory of hosts."""

    def __init__(
        self, lab: str, spec: HostSpec, directory: Path, switch: Switch, authorized_key: str, names: str
    ) -> None:
        self.spec = spec
        self.namespace = f"{lab}-{spec.name}"
        self.directory = directory
        self._switch = switch
        self._authorized_key = authorized_key
        self._names = names
        self._cgroup = HostCgroup(f"organic-{self.namespace}")

    # What is there

    @property
    def process(self) -> Process | None:
        """PID 1 as it was recorded, alive or not."""
        try:
            return Process(**json.loads((self.directory / "process.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def running(self) -> bool:
        """Is PID 1 alive, as it was specified, and connected?"""
        process = self.process
        if not process or not process.alive() or self._recorded_spec() != self._spec():
            return False
        if not (NAMESPACES / self.namespace).exists() or not (NAMESPACES / self._switch.namespace).exists():
            return False
        here, there = links(self.namespace), links(self._switch.namespace)
        return all(f"eth{number}" in here and f"{self.spec.name}-{number}" in there for number in range(2))

    def _spec(self) -> dict[str, Any]:
        digest = hashlib.sha256(json.dumps(self._files(), sort_keys=True).encode()).hexdigest()
        return {
            **json.loads(json.dumps(self.spec.recorded())),
            "clocks_ahead_s": self.spec.clocks_ahead_s,
            "files": digest,
        }

    def _recorded_spec(self) -> dict[str, Any] | None:
        try:
            recorded: dict[str, Any] = json.loads((self.directory / "spec.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return recorded

    # Start

    def start(self) -> None:
        """Start it; what is left of an earlier run goes first. The disk is kept while its image is the same."""
        self.stop()
        self._prepare_disk()
        run("ip", "netns", "add", self.namespace)
        self._switch.connect(self.spec.name, self.namespace, self.spec.hardware_addresses())
        ip_batch(
            self.namespace,
            ["link set lo up", f"address add {self.spec.address} dev eth0", "link set eth0 up", "link set eth1 up"],
        )
        self._cgroup.create()
        self._boot()

    def _prepare_disk(self) -> None:
        recorded = self._recorded_spec()
        if recorded and recorded["layers"] != list(self.spec.layers):
            for part in ("upper", "work", *self.spec.all_disks):
                if (self.directory / part).exists():
                    shutil.rmtree(self.directory / part)
        for part in ("upper", "work", "root", *self.spec.all_disks):
            (self.directory / part).mkdir(mode=0o755, parents=True, exist_ok=True)
        key = self.directory / "ssh_host_ed25519_key"
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.namespace, "-f", str(key))
        (self.directory / "spec.json").write_text(json.dumps(self._spec()), encoding="utf-8")

    def _boot(self) -> None:
        """Fork PID 1. It does nothing before it is on record, so that no stray host can be left by a crash here."""
        report, report_end = os.pipe()
        go_end, go = os.pipe()
        helper = os.fork()
        if not helper:
            os.close(report)
            os.close(go)
            self._helper(report_end, go_end)
        os.close(report_end)
        os.close(go_end)
        os.waitpid(helper, 0)
        with os.fdopen(report, encoding="utf-8") as reported:
            first = reported.readline()
            process = Process.of(int(first)) if first.strip().isdigit() else None
            if process:
                (self.directory / "process.json").write_text(json.dumps(asdict(process)), encoding="utf-8")
                os.write(go, b"g")
            os.close(go)
            # At exec the pipe closes: what comes before is the reason why there was none.
            rest = reported.read()
        if rest or not process:
            raise LabError(f"{self.spec.name} did not start: {first}{rest}")

    def _helper(self, report: int, go: int) -> NoReturn:
        """In a child: enter the cgroups and the network, unshare the rest, and fork what becomes PID 1."""
        try:
            os.setsid()
            self._cgroup.enter()
            with (NAMESPACES / self.namespace).open("rb") as network:
                kernel.setns(network.fileno(), kernel.CLONE_NEWNET)
            kernel.unshare(
                kernel.CLONE_NEWNS
                | kernel.CLONE_NEWUTS
                | kernel.CLONE_NEWIPC
                | kernel.CLONE_NEWPID
                | kernel.CLONE_NEWCGROUP
                | kernel.CLONE_NEWTIME
            )
            ahead = self.spec.clocks_ahead_s
            Path("/proc/self/timens_offsets").write_text(f"monotonic {ahead} 0\nboottime {ahead} 0", encoding="ascii")
            child = os.fork()
            if child:
                os.write(report, f"{child}\n".encode())
            elif os.read(go, 1):
                self._become_init()
        except BaseException:
            os.write(report, traceback.format_exc().encode())
        os._exit(0)

    def _become_init(self) -> NoReturn:
        """In PID 1: build the root, turn to it, and run the init in it."""
        console = os.open(self.directory / "console.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        nothing = os.open("/dev/null", os.O_RDONLY)
        for descriptor, source in enumerate((nothing, console, console)):
            os.dup2(source, descriptor)
        os.umask(0o022)
        self._mount_root()
        os.chdir(self.directory / "root")
        kernel.pivot_root_here()
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_SHARED)
        socket.sethostname(self.spec.name)
        os.execve("/usr/bin/python3", ["organic-lab-init", INIT, SERVICES, LOGS, PIDS], ENVIRONMENT)

    def _mount_root(self) -> None:
        guarded = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        root = self.directory / "root"
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        layers = ":".join(self.spec.layers)
        kernel.mount(
            "overlay",
            root,
            "overlay",
            data=f"lowerdir={layers},upperdir={self.directory / 'upper'},workdir={self.directory / 'work'}",
        )
        kernel.mount("proc", root / "proc", "proc", guarded)
        kernel.mount("sysfs", root / "sys", "sysfs", guarded)
        self._cgroup.mount(root / "sys/fs/cgroup")
        self._make_devices(root / "dev")
        kernel.mount("tmpfs", root / "run", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
        kernel.mount("tmpfs", root / "tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
        for name in ("sshd", "lock"):
            (root / "run" / name).mkdir()
        for name in self.spec.all_disks:
            target = root / "var/lib" / name
            target.mkdir(exist_ok=True)
            kernel.mount(str(self.directory / name), target, flags=kernel.MS_BIND)
        modes = {file.path: int(file.mode, 8) for file in self.spec.files}
        for path, content in self._files().items():
            file = root / path.lstrip("/")
            secret = (file.suffix != ".pub" and file.name.startswith("ssh_host_")) or file.parent.name == ".ssh"
            file.parent.mkdir(mode=0o700 if secret else 0o755, parents=True, exist_ok=True)
            if file.is_symlink():
                file.unlink()
            file.write_text(content, encoding="utf-8")
            file.chmod(modes.get(path, 0o600 if secret else 0o644))

    @staticmethod
    def _make_devices(dev: Path) -> None:
        kernel.mount("tmpfs", dev, "tmpfs", kernel.MS_NOSUID, "mode=755")
        for name in DEVICES:
            model = Path("/dev") / name
            if not model.exists():
                continue
            (dev / name).parent.mkdir(exist_ok=True)
            os.mknod(dev / name, stat.S_IFCHR, model.stat().st_rdev)
            (dev / name).chmod(0o600 if name == "userfaultfd" else 0o666)
        guarded = kernel.MS_NOSUID | kernel.MS_NOEXEC
        for name in ("pts", "shm", "mqueue"):
            (dev / name).mkdir()
        kernel.mount("devpts", dev / "pts", "devpts", guarded, "newinstance,gid=5,mode=620,ptmxmode=666")
        kernel.mount("tmpfs", dev / "shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
        kernel.mount("mqueue", dev / "mqueue", "mqueue", guarded | kernel.MS_NODEV)
        for name, target in {
            "ptmx": "pts/ptmx",
            "fd": "/proc/self/fd",
            "stdin": "/proc/self/fd/0",
            "stdout": "/proc/self/fd/1",
            "stderr": "/proc/self/fd/2",
        }.items():
            (dev / name).symlink_to(target)

    def _files(self) -> dict[str, str]:
        """The files that make the common image this host."""
        key = self.directory / "ssh_host_ed25519_key"
        files = {
            INIT: inspect.getsource(host_init),
            SERVICES: json.dumps([asdict(service) for service in self.spec.all_services()], indent=2) + "\n",
            "/etc/hostname": f"{self.spec.name}\n",
            "/etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{self._names}",
            "/etc/machine-id": hashlib.sha256(self.namespace.encode()).hexdigest()[:32] + "\n",
            "/etc/resolv.conf": RESOLV_CONF,
            "/etc/ssh/sshd_config.d/lab.conf": SSHD_CONFIG,
            "/root/.ssh/authorized_keys": self._authorized_key,
        }
        if key.exists():
            files["/etc/ssh/ssh_host_ed25519_key"] = key.read_text(encoding="ascii")
        if self.spec.engine is not None:
            files["/etc/docker/daemon.json"] = json.dumps(self.spec.engine, indent=2, sort_keys=True) + "\n"
            files["/etc/containerd/config.toml"] = CONTAINERD_CONFIG
        return {**files, **{file.path: file.read() for file in self.spec.files}}

    # Ready

    def ready(self) -> bool:
        """Does sshd answer, and the engine if there is one? A host that died is an error, not a no."""
        process = self.process
        if not process or not process.alive():
            raise LabError(f"{self.spec.name} has ended:\n{self._console()}")
        return self._ssh_answers() and (self.spec.engine is None or self._engine_answers(process))

    def why_not_ready(self) -> str:
        """The end of what its services said."""
        said = [self._console()]
        for service in self.spec.all_services():
            log = self.directory / f"upper{LOGS}" / f"{service.name}.log"
            if log.exists():
                lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
                said.append("\n".join([f"{service.name}:", *lines]))
        return "\n".join(said)

    def _console(self) -> str:
        log = self.directory / "console.log"
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]) if log.exists() else ""

    def _ssh_answers(self) -> bool:
        address = str(ipaddress.ip_interface(self.spec.address).ip)
        try:
            with socket.create_connection((address, 22), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    @staticmethod
    def _engine_answers(process: Process) -> bool:
        """GET /info, which is what `docker info` asks, at the engine's own socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            try:
                connection.connect(f"/proc/{process.pid}/root/run/docker.sock")
                connection.sendall(b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n")
                response = http.client.HTTPResponse(connection)
                response.begin()
            except (OSError, http.client.HTTPException):
                return False
            return response.status == 200

    # Stop

    def present(self) -> bool:
        """Is anything of it there that stop() would end?"""
        process = self.process
        return bool(process and process.alive()) or (NAMESPACES / self.namespace).exists()

    def stop(self, timeout_s: float = 20.0) -> bool:
        """End all its processes, then remove namespace, links, cgroups and mounts; True if anything was there."""
        there = self.present()
        if not wait_for(self._ended, time.monotonic() + timeout_s):
            raise LabError(f"{self.spec.name}: its processes did not end in {timeout_s:.0f} s")
        self._switch.disconnect(self.spec.name)
        delete_namespace(self.namespace)
        removed = self._cgroup.remove()
        kernel.unmount_below(self.directory)
        (self.directory / "process.json").unlink(missing_ok=True)
        return there or removed

    def _ended(self) -> bool:
        """Kill first and thaw then: a frozen copy of a process must not run on even for a moment."""
        path = NAMESPACES / self.namespace
        first = self.process
        others = [*(in_network_namespace(path) if path.exists() else ()), *self._cgroup.processes()]
        living = [process for process in ([first] if first else []) + others if process.alive()]
        for process in living:
            process.kill()
        self._cgroup.thaw()
        return not living
