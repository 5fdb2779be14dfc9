# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian root that Python is taken from."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

SUITE = "trixie"
PACKAGES = ("libusrsctp2", "python3", "python3-cryptography")
"""What the image takes files of, with the packages that they depend on."""
LAB_CACHE = Path("/var/cache/organic-lab")


class BuildError(Exception):
    """The image cannot be built; the text says what is missing."""


def installed_packages(root: Path) -> dict[str, str]:
    """Versions of the packages that are installed and configured in a root."""
    status = root / "var/lib/dpkg/status"
    if not status.is_file():
        return {}
    packages = {}
    for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
        fields = dict(re.findall(r"^(Package|Status|Version): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") == "install ok installed":
            packages[fields["Package"]] = fields["Version"]
    return packages


def dynamic_loaders(root: Path) -> list[Path]:
    """Those of a root; a layer that lies above another one in the lab's cache has none."""
    return sorted(root.glob("usr/lib/*/ld-linux*.so.*"))


def find_root(own_cache: Path) -> Path:
    """A root with PACKAGES: of the lab's cache, or one of our own that is made once."""
    candidates = [*sorted(LAB_CACHE.glob(f"{SUITE}-*")), own_cache / "root"]
    for root in candidates:
        if dynamic_loaders(root) and installed_packages(root).keys() >= set(PACKAGES):
            return root
    return _debootstrap(own_cache)


def _debootstrap(own_cache: Path) -> Path:
    if shutil.which("debootstrap") is None:
        raise BuildError("debootstrap is missing: install the package, or name a Debian root by --root")
    unfinished, root = own_cache / "root.unfinished", own_cache / "root"
    for former in (unfinished, root):
        if former.exists():
            shutil.rmtree(former)
    packages = ",".join(PACKAGES)
    command = ["debootstrap", "--variant=minbase", f"--include={packages}", SUITE, str(unfinished), _mirror()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    unfinished.rename(root)
    return root


def _mirror() -> str:
    """The mirror that this machine's apt uses for Debian itself."""
    command = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"]
    for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
        origin, label, uri = line.split("|")
        if (origin, label) == ("Debian", "Debian"):
            return uri
    raise BuildError("apt knows no Debian mirror")
