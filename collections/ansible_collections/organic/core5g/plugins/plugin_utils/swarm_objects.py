# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and configs of a Docker Swarm that NFs get as files. Asks nobody.

Docker changes neither of them once it is made. So the name has a digest of the content: another content is another
object, which the service is updated to, and the former one is removed when no service uses it any more.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SECRETS, CONFIGS = "secrets", "configs"
_VARIABLES = {SECRETS: "nf_secrets", CONFIGS: "nf_configs"}
_DIRECTORIES = {SECRETS: "/run/secrets/", CONFIGS: "/etc/organic/configs/"}
_MOST_BYTES = {SECRETS: 500 * 1024, CONFIGS: 1000 * 1024}
"""Docker's own limits."""
_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9_.-]{0,38}[a-zA-Z0-9])?")
"""Docker allows 64 characters, of which the prefix and the digest take some."""
_MODE = re.compile(r"0?[0-7]{3}")
_KNOWN = {"content", "nfs", "path", "mode", "uid", "gid"}


@dataclasses.dataclass(frozen=True)
class SwarmObject:
    """A secret or a config, as the user describes it.

    Attributes:
        kind: ``secrets`` or ``configs``.
        given: what the user wrote; it is not checked yet.
    """

    kind: str
    name: str
    given: Mapping[str, Any]

    @property
    def where(self) -> str:
        return f"{_VARIABLES[self.kind]}.{self.name}"

    @property
    def path(self) -> str:
        return str(self.given.get("path") or _DIRECTORIES[self.kind] + self.name)

    @property
    def swarm_name(self) -> str:
        """What the Swarm calls it."""
        return f"core5g-{self.name}-{hashlib.sha256(str(self.given['content']).encode()).hexdigest()[:12]}"

    def faults(self, nfs: Sequence[str]) -> Iterator[str]:
        """What is wrong with it, with the remedy; ``nfs`` are those of the core."""
        if not isinstance(self.given, Mapping) or not {"content", "nfs"} <= self.given.keys() <= _KNOWN:
            yield f"{self.where} must have content and nfs, and may have path, mode, uid and gid"
            return
        if not _NAME.fullmatch(self.name):
            yield f"{self.where}: a name has at most 40 letters, digits and ._-, at its ends a letter or digit"
        size = len(str(self.given["content"]).encode())
        if not 0 < size <= _MOST_BYTES[self.kind]:
            yield f"{self.where} has {size} bytes; Docker takes 1 to {_MOST_BYTES[self.kind]}"
        unknown = sorted(set(self.given["nfs"]) - set(nfs))
        if unknown or not self.given["nfs"]:
            yield f"{self.where}.nfs names {', '.join(unknown) or 'no NF'}: name some of {', '.join(nfs)}"
        if not self.path.startswith("/") or "/../" in self.path or self.path.endswith("/"):
            yield f"{self.where}.path is {self.path}: give the absolute path of a file in the container"
        mode = self.given.get("mode", "0444")
        # YAML reads 0400 as the number 256.
        if not isinstance(mode, str) or not _MODE.fullmatch(mode):
            yield f"{self.where}.mode is {mode!r}: write it as text in octal digits, for example '0400'"

    def mount(self, known: Sequence[str]) -> dict[str, Any]:
        """How docker_swarm_service gives it to a service; ``known`` has the names of what the Swarm has."""
        kind = self.kind.removesuffix("s")
        mount = {
            f"{kind}_name": self.swarm_name,
            "filename": self.path,
            "uid": str(self.given.get("uid", 0)),
            "gid": str(self.given.get("gid", 0)),
            "mode": int(str(self.given.get("mode", "0444")), 8),
        }
        # Check mode has not made it, so that the module cannot look it up by its name.
        return mount if self.swarm_name in known else {**mount, f"{kind}_id": f"planned-{self.swarm_name}"}


def described(secrets: Mapping[str, Any], configs: Mapping[str, Any]) -> list[SwarmObject]:
    return [
        SwarmObject(kind, str(name), given)
        for kind, objects in ((SECRETS, secrets), (CONFIGS, configs))
        for name, given in objects.items()
    ]


def problems(objects: Sequence[SwarmObject], nfs: Sequence[str], orchestrator: str) -> list[str]:
    """Why they cannot be given to the NFs: each with its remedy. Empty if they can.

    Args:
        nfs: names of those of the core.
    """
    if objects and orchestrator != "swarm":
        which = ", ".join(one.where for one in objects)
        return [f"{which}: only a Docker Swarm has secrets and configs: set orchestrator to swarm, or leave them out"]
    faults = [fault for one in objects for fault in one.faults(nfs)]
    if faults:
        return faults
    at: dict[tuple[str, str], str] = {}
    for one in objects:
        for nf in one.given["nfs"]:
            other = at.setdefault((nf, one.path), one.where)
            if other != one.where:
                faults.append(f"{other} and {one.where} are both {one.path} in {nf}: give one of them another path")
    return faults
