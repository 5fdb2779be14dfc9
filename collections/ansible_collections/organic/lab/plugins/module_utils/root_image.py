# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root file systems from Debian's archive, built once and kept in a cache under the hash of their recipe."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils import kernel
from ansible_collections.organic.lab.plugins.module_utils.base import LabError, run

# Raise it when the way of building changes, not only the recipe's data.
FORMAT = 1
LOCK = Path("/run/lock/organic-lab-cache.lock")
# Manuals and translations are a third of the files, and nobody reads them here.
DPKG_OPTIONS = (
    "force-unsafe-io",
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
)
POLICY = "#!/bin/sh\n# No service is started by a package: the host's own init does it.\nexit 101\n"


def debian_mirror() -> str:
    """The mirror that this machine itself installs Debian from."""
    form = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(SITE)"
    for line in run("apt-get", "indextargets", "--format", form, "Created-By: Packages").splitlines():
        origin, label, component, site = line.split("|", 3)
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return site
    raise LabError("apt on this machine has no index of Debian's component main: set the mirror, or run apt-get update")


def _apt_network_options() -> list[str]:
    """Proxies and the like of the machine's own apt."""
    wanted = ("Acquire::http::", "Acquire::https::", "Acquire::http ", "Acquire::https ")
    lines = run("apt-config", "dump", "--no-empty").splitlines()
    return [line.rstrip(";") for line in lines if line.startswith(wanted)]


@dataclass(frozen=True)
class Recipe:
    """What is in an image: a suite with packages, some of them from a newer suite, or packages on top of an image."""

    suite: str
    packages: tuple[str, ...]
    newer_suite: str
    newer_packages: tuple[str, ...]
    extra_packages: tuple[str, ...]

    def base(self) -> Recipe:
        """The image below the extra packages."""
        return Recipe(self.suite, self.packages, self.newer_suite, self.newer_packages, ())

    def key(self) -> str:
        """The name under which it is cached."""
        text = json.dumps([FORMAT, asdict(self), DPKG_OPTIONS, os.uname().machine], sort_keys=True)
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class RootImage:
    """An image in the cache: one layer, or two if there are extra packages."""

    def __init__(self, cache: Path, recipe: Recipe, mirror: str) -> None:
        self._cache = cache
        self._recipe = recipe
        self._mirror = mirror

    def layers(self) -> list[Path]:
        """The directories of the image, top first (the order of overlayfs)."""
        recipes = [self._recipe] if self._recipe.extra_packages else []
        return [self._cache / recipe.key() for recipe in (*recipes, self._recipe.base())]

    def missing(self) -> list[Path]:
        """Layers that are not in the cache; what is there is complete."""
        return [layer for layer in self.layers() if not layer.exists()]

    def build(self) -> None:
        """Build what is missing, lowest first, beside its place; the last step renames it."""
        base = self.layers()[-1]
        work = self._cache / ".building"
        self._discard(work)
        try:
            for layer in reversed(self.missing()):
                work.mkdir(mode=0o755, parents=True)
                built = self._build_extra(work, base) if layer != base else self._build_base(work)
                os.sync()
                built.rename(layer)
                self._discard(work)
        finally:
            self._discard(work)

    def remove(self) -> bool:
        """Remove the whole cache; True if there was one. A running host that stands on it forbids it."""
        if not self._cache.exists():
            return False
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._stands_on_cache(int(entry.name)):
                raise LabError(f"{self._cache} is in use by process {entry.name}: take its lab down first")
        self._discard(self._cache)
        return True

    def _stands_on_cache(self, pid: int) -> bool:
        try:
            table = kernel.mounts(pid)
        except OSError:
            return False
        return any(entry.kind == "overlay" and f"{self._cache}/" in entry.options for entry in table)

    @staticmethod
    def _discard(directory: Path) -> None:
        if directory.exists():
            kernel.unmount_below(directory)
            shutil.rmtree(directory)

    def _build_base(self, work: Path) -> Path:
        root = work / "root"
        mirror = self._mirror or debian_mirror()
        preferences = work / "preferences"
        preferences.write_text(
            f"Package: *\nPin: release n={self._recipe.newer_suite}\nPin-Priority: -1\n\n"
            f"Package: {' '.join(self._recipe.newer_packages)}\n"
            f"Pin: release n={self._recipe.newer_suite}\nPin-Priority: 990\n",
            encoding="ascii",
        )
        policy = work / "policy-rc.d"
        policy.write_text(POLICY, encoding="ascii")
        policy.chmod(0o755)
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase"]
        command += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
        # A testing suite's Release file may be past its date on a mirror that is a snapshot.
        options = ['Acquire::Check-Valid-Until "false"', *_apt_network_options()]
        command += [f"--aptopt={option}" for option in options]
        command += [
            f'--setup-hook=install -Dm644 {shlex.quote(str(preferences))} "$1/etc/apt/preferences.d/newer"',
            '--customize-hook=rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/apt/apt.conf.d/99mmdebstrap"',
            f'--customize-hook=install -m755 {shlex.quote(str(policy))} "$1/usr/sbin/policy-rc.d"',
            f"--include={','.join((*self._recipe.packages, *self._recipe.newer_packages))}",
            self._recipe.suite,
            str(root),
            f"deb {mirror} {self._recipe.suite} main",
            f"deb {mirror} {self._recipe.newer_suite} main",
        ]
        run(*command)
        return root

    def _build_extra(self, work: Path, base: Path) -> Path:
        """Install into an overlay on the base, in a mount namespace of its own, and keep the upper directory."""
        upper = work / "upper"
        for part in ("upper", "work", "root"):
            (work / part).mkdir(mode=0o755)
        options = [
            option for entry in _apt_network_options() for option in ("-o", entry.replace(" ", "=", 1).replace('"', ""))
        ]
        options += ["-o", "Acquire::Check-Valid-Until=false"]
        apt = shlex.join(["apt-get", "-qq", *options])
        install = shlex.join(["install", "-y", "--no-install-recommends", *self._recipe.extra_packages])
        script = f"""
            set -e
            mount -t overlay overlay -o lowerdir={base},upperdir={upper},workdir={work}/work {work}/root
            mount -t proc proc {work}/root/proc
            mount --rbind /dev {work}/root/dev
            cat /etc/resolv.conf >{work}/root/etc/resolv.conf
            export DEBIAN_FRONTEND=noninteractive
            chroot {work}/root {apt} update
            chroot {work}/root {apt} {install}
            chroot {work}/root apt-get clean
            rm -rf {work}/root/var/lib/apt/lists/*
        """
        run("unshare", "--mount", "--propagation", "private", "sh", "-c", script)
        return upper
