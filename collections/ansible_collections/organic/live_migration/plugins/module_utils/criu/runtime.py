# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resident runtime of a host: resident init, pager, self-contained CRIU, its cache of kernel features, manifest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import MigrationError
from ..host import commands, libc
from . import sandbox
from .requirements import CRIU_REMEDY, criu_fault, criu_path, criu_version
from .selftest import CriuSelfTest

MANIFEST_VERSION = 1
Manifest = dict[str, Any]
"""See the documentation of the module resident_runtime."""
PIPE_MAX_BYTES = 67108864
"""CRIU tees memory through pipes of 4 MiB; without CAP_SYS_RESOURCE they may not be larger than fs.pipe-max-size."""

_CAP_SYS_RESOURCE = 24
_PIPE_MAX = Path("/proc/sys/fs/pipe-max-size")
_ROOT = Path(paths.ROOT)
_LIBRARY = re.compile(r"^\s*(?:(?P<name>\S+) => )?(?P<path>/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


def sha256(path: Path) -> str:
    """Digest of a file, '' when there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def libraries_of(ldd: str) -> dict[str, Path]:
    """Name to path of everything that ``ldd`` lists, the dynamic loader among it.

    Raises:
        MigrationError: a library is missing.
    """
    if "not found" in ldd:
        lines = [line.strip() for line in ldd.splitlines() if "not found" in line]
        raise MigrationError(f"criu lacks libraries: {', '.join(lines)}. Install criu again")
    return {
        (match["name"] or match["path"]).rsplit("/", 1)[-1]: Path(match["path"]) for match in _LIBRARY.finditer(ldd)
    }


def has_cap_sys_resource(status: str) -> bool:
    """Whether the /proc/PID/status text shows CAP_SYS_RESOURCE in the effective set."""
    match = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return bool(match and int(match.group(1), 16) >> _CAP_SYS_RESOURCE & 1)


def containers_with_runtime() -> list[str]:
    """Containers that mount the runtime: command and PID of the first process of each mount namespace."""
    home = os.stat("/proc/self/ns/mnt").st_ino
    found: dict[int, str] = {}
    for process in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        try:
            namespace = os.stat(f"/proc/{process}/ns/mnt").st_ino
            if namespace == home or namespace in found:
                continue
            mounts = Path(f"/proc/{process}/mountinfo").read_text()
            command = Path(f"/proc/{process}/cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended, or has capabilities that we lack, and so is not a container of this host
        if any(line.split()[4] == paths.ROOT for line in mounts.splitlines()):
            found[namespace] = f"{command.decode(errors='replace')} (process {process})"
    return list(found.values())


@dataclass
class Outcome:
    """The changes that were made, or would be made in check mode."""

    actions: list[str] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    manifest: Manifest = field(default_factory=dict)

    def note(self, action: str, what: str, before: str, after: str) -> None:
        if action not in self.actions:
            self.actions.append(action)
        self.before[what] = before
        self.after[what] = after


class ResidentRuntime:
    """Installs or removes the runtime on this host.

    Args:
        check: only report what would be changed.
    """

    def __init__(self, check: bool = False) -> None:
        self._check = check
        self._manifest = self._read_manifest()
        self._boot_id = paths.BOOT_ID.read_text().strip()

    @staticmethod
    def _read_manifest() -> Manifest:
        try:
            manifest = json.loads(Path(paths.MANIFEST).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) and manifest.get("version") == MANIFEST_VERSION else {}

    @property
    def manifest(self) -> Manifest:
        """The manifest on the host; empty when the runtime is not installed."""
        return self._manifest

    # --- present

    def install(self, init: Path, pager: Path, mirror: Path, preload: Path) -> Outcome:
        """Install or repair the runtime with the programs that were built from src/, and run CRIU's self-test.

        Raises:
            MigrationError: something is missing or does not work; with the remedy.
        """
        fault = criu_fault()
        if fault:
            raise MigrationError(f"{fault}. {CRIU_REMEDY}.")
        for program in (init, pager, mirror, preload):
            if not self._check and not program.is_file():
                raise MigrationError(f"{program} is missing: build it from src/ and copy it there.")
        criu = Path(criu_path() or "")
        outcome = Outcome()
        sources = {"criu": criu.resolve(), "init": init, "pager": pager, "mirror": mirror, "lib/preload.so": preload}
        sources.update((f"lib/{name}", path) for name, path in self._libraries(criu).items())
        digests = self._install_files(sources, outcome)
        sysctl = self._raise_pipe_limit(outcome)
        self._make_kerndat(digests, outcome)
        self._prove(digests, outcome)
        if not self._check:
            digests["criu.kdat"] = sha256(Path(paths.KERNDAT))
            outcome.manifest = {
                "version": MANIFEST_VERSION,
                "criu_version": criu_version(str(criu)),
                "arch": platform.machine(),
                "boot_id": self._boot_id,
                "files": dict(sorted(digests.items())),
                "sysctl": sysctl,
                "proof": self._proof,
            }
            if outcome.manifest != self._manifest:
                outcome.note("manifest", "manifest.json", "", "")
                self._write(Path(paths.MANIFEST), (json.dumps(outcome.manifest, indent=2) + "\n").encode(), 0o644)
        return outcome

    @staticmethod
    def _libraries(criu: Path) -> dict[str, Path]:
        return libraries_of(commands.run(["ldd", str(criu)]))

    def _install_files(self, sources: dict[str, Path], outcome: Outcome) -> dict[str, str]:
        """Copy files that differ, remove libraries of an earlier CRIU; returns the digests."""
        if not self._check:
            for directory in (_ROOT, _ROOT / "lib", _ROOT / "await"):
                directory.mkdir(mode=0o755, parents=True, exist_ok=True)
                directory.chmod(0o755)  # whatever the umask
        digests = {}
        for name, source in sources.items():
            target = _ROOT / name
            digests[name] = sha256(source)
            installed = sha256(target)
            if installed == digests[name] and os.access(target, os.X_OK):
                continue
            outcome.note("files", name, installed, digests[name])
            if not self._check:
                self._write(target, source.read_bytes(), 0o755)
        for path in sorted((_ROOT / "lib").glob("*")):
            name = f"lib/{path.name}"
            if name not in sources:
                outcome.note("files", name, sha256(path), "")
                if not self._check:
                    path.unlink()
        return digests

    @staticmethod
    def _write(target: Path, content: bytes, mode: int) -> None:
        """Replace a file as a whole; processes that run or map the old one keep it."""
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                os.fchmod(stream.fileno(), mode)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise

    def _raise_pipe_limit(self, outcome: Outcome) -> dict[str, str]:
        """Returns the value before, which the manifest keeps so that remove() can restore it."""
        kept: dict[str, str] = self._manifest.get("sysctl", {})
        if has_cap_sys_resource(Path("/proc/self/status").read_text()):
            return kept
        before = _PIPE_MAX.read_text().strip()
        setting = f"# CRIU needs it where root lacks CAP_SYS_RESOURCE.\nfs.pipe-max-size = {PIPE_MAX_BYTES}\n"
        if int(before) < PIPE_MAX_BYTES:
            outcome.note("sysctl", "fs.pipe-max-size", before, str(PIPE_MAX_BYTES))
            kept = {"fs.pipe-max-size": kept.get("fs.pipe-max-size", before)}
            if not self._check:
                _PIPE_MAX.write_text(str(PIPE_MAX_BYTES))
        if kept and (not paths.SYSCTL_FILE.exists() or paths.SYSCTL_FILE.read_text() != setting):
            outcome.note("sysctl", str(paths.SYSCTL_FILE), "", setting)
            if not self._check:
                paths.SYSCTL_FILE.parent.mkdir(parents=True, exist_ok=True)
                self._write(paths.SYSCTL_FILE, setting.encode(), 0o644)
        return kept

    def _make_kerndat(self, digests: dict[str, str], outcome: Outcome) -> None:
        """Have the self-contained CRIU probe the kernel, once for each boot and each build of CRIU."""
        kerndat = Path(paths.KERNDAT)
        installed = sha256(kerndat)
        files = self._manifest.get("files", {})
        if (
            installed
            and self._manifest.get("boot_id") == self._boot_id
            and files.get("criu") == digests["criu"]
            and files.get("criu.kdat") == installed
        ):
            return
        outcome.note("kerndat", "criu.kdat", installed, f"made by {digests['criu'][:12]} in boot {self._boot_id}")
        if self._check:
            return
        content = self._probe_kernel()
        # In place: containers have this file bind-mounted and would keep the old inode.
        with open(os.open(kerndat, os.O_WRONLY | os.O_CREAT, 0o644), "wb") as stream:
            stream.write(content)
            stream.truncate()
            os.fchmod(stream.fileno(), 0o644)

    @staticmethod
    def _probe_kernel() -> bytes:
        """CRIU caches its findings in /run when that is a tmpfs: give it a private one."""
        with tempfile.TemporaryDirectory(prefix="organic-kerndat-") as run:
            libc.mount_tmpfs(run, 16 << 20)

            def private_run() -> None:
                sandbox.leave_mount_namespace()
                sandbox.bind(run, "/run")

            try:
                command = [*paths.CRIU, "check"]
                commands.log(command)
                done = subprocess.run(command, preexec_fn=private_run, capture_output=True, text=True, check=False)
                kerndat = Path(run, "criu.kdat")
                if not kerndat.exists():
                    said = (done.stderr or done.stdout).strip()
                    raise MigrationError(
                        f"criu check ended with status {done.returncode} and left no criu.kdat: {said}"
                    )
                return kerndat.read_bytes()
            finally:
                libc.unmount(run)

    def _prove(self, digests: dict[str, str], outcome: Outcome) -> None:
        """Run the self-test, once for each boot and each build of the runtime."""
        runtime = hashlib.sha256(json.dumps(sorted(digests.items())).encode()).hexdigest()
        self._proof: Manifest = self._manifest.get("proof", {})
        if self._proof.get("runtime") == runtime and self._proof.get("boot_id") == self._boot_id:
            return
        outcome.note("proof", "proof", self._proof.get("boot_id", ""), self._boot_id)
        if not self._check:
            self._proof = {"runtime": runtime, "boot_id": self._boot_id, **CriuSelfTest().run()}

    # --- absent

    def remove(self, force: bool = False) -> Outcome:
        """Remove the runtime and undo the sysctl.

        Raises:
            MigrationError: a running container mounts the runtime, unless forced.
        """
        outcome = Outcome()
        if _ROOT.exists():
            users = containers_with_runtime()
            if users and not force:
                raise MigrationError(
                    f"Running containers have the resident runtime mounted: {'; '.join(users)}. "
                    "Remove them first, or force it (migration_host_force).",
                    in_use_by=users,
                )
            outcome.note("files", paths.ROOT, "present", "absent")
        for name, value in self._manifest.get("sysctl", {}).items():
            outcome.note("sysctl", name, str(PIPE_MAX_BYTES), value)
        if paths.SYSCTL_FILE.exists():
            outcome.note("sysctl", str(paths.SYSCTL_FILE), "present", "absent")
        if self._check:
            return outcome
        previous = self._manifest.get("sysctl", {}).get("fs.pipe-max-size")
        if previous and _PIPE_MAX.read_text().strip() == str(PIPE_MAX_BYTES):
            _PIPE_MAX.write_text(previous)
        paths.SYSCTL_FILE.unlink(missing_ok=True)
        if _ROOT.exists():
            shutil.rmtree(_ROOT)
            parent = _ROOT.parent
            if not any(parent.iterdir()):
                parent.rmdir()
        return outcome
