# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the containers of these tests run: a program of the project, and an image with programs of Debian."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from ansible_collections.organic.lab.plugins.module_utils.root_image import DPKG_OPTIONS, debian_mirror

from tests.harness.playbook import PROJECT
from tests.harness.site import Site

HERE = Path(__file__).parent
CACHE = PROJECT / ".cache" / "workloads"
CFLAGS = ("-std=gnu11", "-O2", "-static", "-pthread", "-Wall", "-Wextra", "-Werror")
ROOTS = Path("/var/cache/organic-lab")
"""Where the lab keeps its root file systems: the image is built once, and removed with them."""
SUITE = "trixie"
PACKAGES = (
    "base-files",
    "dash",
    "erlang-base",
    "etcd-server",
    "haproxy",
    "mariadb-server-core",
    "netbase",
    "nghttp2-server",
    "nginx-light",
    "nodejs",
    "openjdk-21-jdk-headless",
    "osmo-ggsn",
    "osmo-hlr",
    "php8.4-fpm",
    "php8.4-opcache",
    "postgresql-17",
    "python3",
    "redis-server",
    "unbound",
)
IMAGE = "organic-workloads"


def memory_program() -> Path:
    """The program of memory.c, compiled if it is out of date."""
    source, program = HERE / "memory.c", CACHE / "memory"
    changed = max(path.stat().st_mtime for path in (source, HERE / "memory_pages.h"))
    CACHE.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < changed:
        subprocess.run(["cc", *CFLAGS, "-o", str(program), str(source)], check=True)
    return program


def root_archive() -> Path:
    """A tar archive of a root file system with the packages unpacked and not set up; made once (20 s)."""
    recipe = json.dumps([SUITE, PACKAGES, DPKG_OPTIONS])
    archive = ROOTS / f"workloads-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.tar"
    if archive.exists():
        return archive
    unfinished = archive.with_suffix(".unfinished.tar")
    command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--format=tar"]
    command += [f"--dpkgopt={option}" for option in DPKG_OPTIONS]
    command += ['--aptopt=Acquire::Check-Valid-Until "false"', f"--include={','.join(PACKAGES)}", SUITE]
    command += [str(unfinished), f"deb {debian_mirror()} {SUITE} main"]
    try:
        subprocess.run(command, check=True)
        unfinished.rename(archive)
    finally:
        unfinished.unlink(missing_ok=True)
    return archive


def in_image(pattern: str) -> str:
    """The path of a program in the image, whose name has a version."""
    command = ["tar", "--list", "--file", str(root_archive()), "--wildcards", f".{pattern}"]
    [name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return name.removeprefix(".")


class ProgramsImage:
    """The image on both hosts, with the same identity."""

    def __init__(self, site: Site) -> None:
        archive = root_archive()
        self._edges = site.edges
        self._archive = archive
        self.name = f"{IMAGE}:{archive.stem.rpartition('-')[2]}"

    def load(self) -> None:
        source, target = self._edges
        identities = {host.run(f"docker image ls --quiet --no-trunc {self.name}").strip() for host in self._edges}
        if len(identities) == 1 and identities != {""}:
            return
        source.run(f"docker import - {self.name}", data=self._archive.read_bytes())
        target.run("docker load", data=source.run_bytes(f"docker save {self.name}"))

    def remove(self) -> None:
        for host in self._edges:
            host.run(f"docker image ls --quiet {IMAGE} | sort -u | xargs -r docker image rm --force")
