# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host needs for live migration, and which of it is missing."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass

from ..errors import MigrationError
from ..host import commands

CRIU_MINIMUM = (4, 2)
"""First version that dumps inet sockets on Linux 6.16 and later (CRIU issues 2705, 2718, 2829)."""

CRIU_REMEDY = (
    "Add a source that has criu >= 4.2 to the host's apt sources, at a low priority: a newer release of the "
    "distribution (Debian forky has it) or its backports; name it in migration_host_criu_source when several have it. "
    "Or install the .deb files criu, libcompel1, libnet9 and libnl-3-200 of such a release by hand"
)

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where root's programs are; the PATH of a session that became root may lack sbin."""

_PROGRAMS = {"dockerd": "docker.io", "iptables": "iptables", "ip": "iproute2", "nsenter": "util-linux",
             "unshare": "util-linux", "setpriv": "util-linux", "ldd": "libc-bin"}  # fmt: skip


@dataclass(frozen=True)
class Missing:
    """Something that a host lacks, and the Debian package that has it."""

    what: str
    package: str


@dataclass(frozen=True)
class Offer:
    """A version of a package that the host's apt sources have."""

    version: str
    release: str


def version_of(text: str) -> tuple[int, ...]:
    """Leading numbers of an upstream or Debian version: "4.2.1-1" is (4, 2, 1).

    Raises:
        MigrationError: there are none.
    """
    match = re.match(r"(?:\d+:)?v?(\d+(?:\.\d+)*)", text.strip())
    if not match:
        raise MigrationError(f"'{text}' is not a version")
    return tuple(int(number) for number in match.group(1).split("."))


def parse_criu_version(output: str) -> str:
    """The version in what ``criu --version`` prints."""
    match = re.search(r"^Version:\s*(\S+)", output, re.MULTILINE)
    if not match:
        raise MigrationError(f"criu --version prints no version: {output.strip()!r}")
    return match.group(1)


def parse_offers(madison: str) -> list[Offer]:
    """What ``apt-cache madison`` lists, newest first; sources without a package of their own are left out."""
    offers = []
    for line in madison.splitlines():
        fields = [field.strip() for field in line.split("|")]
        match = re.search(r"\s(\S+?)/\S+\s+\S+\s+Packages$", fields[2]) if len(fields) == 3 else None
        if match:
            offers.append(Offer(fields[1], match.group(1)))
    return sorted(offers, key=lambda offer: version_of(offer.version), reverse=True)


def _which(program: str) -> str | None:
    return shutil.which(program, path=_PATH)


def criu_path() -> str | None:
    return _which("criu")


def criu_version(path: str) -> str:
    return parse_criu_version(commands.run([path, "--version"]))


def criu_fault() -> str:
    """Why the host's criu cannot be used, or ''."""
    path = criu_path()
    if path is None:
        return "criu is not installed"
    version = criu_version(path)
    if version_of(version) < CRIU_MINIMUM:
        return f"criu {version} is older than {'.'.join(map(str, CRIU_MINIMUM))}"
    return ""


class HostRequirements:
    """Checks this host; changes nothing."""

    def missing(self) -> list[Missing]:
        found = [Missing(program, package) for program, package in _PROGRAMS.items() if not _which(program)]
        if importlib.util.find_spec("requests") is None:  # not for a migration: community.docker deploys with it
            found.append(Missing("the Python package requests", "python3-requests"))
        fault = criu_fault()
        if fault:
            found.append(Missing(fault, "criu"))
        return found

    def criu_offers(self) -> list[Offer]:
        """Versions of criu in the host's apt sources, as its package lists were last fetched; none without apt."""
        if not _which("apt-cache"):
            return []
        done = subprocess.run(["apt-cache", "madison", "criu"], capture_output=True, text=True, check=False)
        return parse_offers(done.stdout)

    def report(self) -> dict[str, object]:
        """All findings. Apt is only asked when the host's criu cannot be used."""
        missing = self.missing()
        offers = self.criu_offers() if any(item.package == "criu" for item in missing) else []
        suitable = [offer for offer in offers if version_of(offer.version) >= CRIU_MINIMUM]
        path = criu_path()
        return {
            "missing": [asdict(item) for item in missing],
            "criu_version": criu_version(path) if path else "",
            "criu_offers": [asdict(offer) for offer in offers],
            "criu_suitable": [asdict(offer) for offer in suitable],
            "criu_remedy": CRIU_REMEDY,
        }
