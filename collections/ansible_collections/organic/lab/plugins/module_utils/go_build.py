# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs from pinned Go modules, built once and kept in the cache as layers of a host's root file system.

A component is a directory with go.mod, go.sum and component.json, and perhaps Go sources of its own. Its layer is
cached under the hash of these files: what go.sum pins cannot change below it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from ansible_collections.organic.lab.plugins.module_utils.base import LabError
from ansible_collections.organic.lab.plugins.module_utils.container_image import write_image

# Raise it when the way of building changes, not only the files of a component.
FORMAT = 1
LOCK = Path("/run/lock/organic-lab-go.lock")
USUAL_PLACE = Path("/usr/local/go/bin/go")
"""Where the archive of the Go project installs it, which is not in every PATH."""
CACHES = ("GOCACHE", "GOMODCACHE")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Component:
    """What is built from one go.mod, and where it goes in the root of a host.

    Attributes:
        programs: file name of each program, and the package that it is built from.
        directory: for the programs, in the root of a host.
        variables: of Go packages that the linker sets (``-X``).
        links: further names of programs: name and program.
        images: container images of one program each: file in the root of a host, and the program. The image is called
            ``localhost/PROGRAM:1``.
    """

    source: Path
    programs: dict[str, str]
    directory: str
    variables: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, source: Path) -> Component:
        """The component in a directory.

        Raises:
            LabError: a file is missing, or component.json is not one.
        """
        for name in ("go.mod", "go.sum", "component.json"):
            # A component of the standard library alone has no go.sum.
            if not (source / name).exists() and not (name == "go.sum" and "require" not in _text(source / "go.mod")):
                raise LabError(f"{source} is no component: it has no {name}")
        try:
            return cls(source, **json.loads(_text(source / "component.json")))
        except (ValueError, TypeError) as error:
            raise LabError(f"{source}/component.json: {error}") from error

    @property
    def name(self) -> str:
        return self.source.name

    def key(self) -> str:
        """The name under which its layer is cached."""
        digest = hashlib.sha256(f"{FORMAT} {os.uname().machine}\n".encode())
        for file in sorted(path for path in self.source.iterdir() if path.is_file()):
            content = file.read_bytes()
            digest.update(f"{file.name} {len(content)}\n".encode() + content)
        return f"{self.name}-{digest.hexdigest()[:16]}"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def find_go() -> str:
    """The go command of this machine.

    Raises:
        LabError: there is none; says what to install.
    """
    found = shutil.which("go") or (str(USUAL_PLACE) if os.access(USUAL_PLACE, os.X_OK) else None)
    if not found:
        raise LabError(
            "Go is not installed on this machine, and the programs of the cluster are built from Go modules. Install "
            "Go 1.21 or later (apt-get install golang-go, or an archive of https://go.dev/dl unpacked in /usr/local): "
            "it fetches the release that each go.mod asks for by itself"
        )
    return found


class GoLayers:
    """The layers of components in the cache.

    What Go downloads and compiles goes into a directory of the cache, which is removed when all layers are built,
    unless GOCACHE and GOMODCACHE say where this machine keeps it.
    """

    def __init__(self, cache: Path, components: list[Component]) -> None:
        self._cache = cache
        self._components = components
        self._work = cache / ".building-go"

    def layers(self) -> list[Path]:
        """The directories of the layers, in the order of the components."""
        return [self._cache / component.key() for component in self._components]

    def missing(self) -> list[Component]:
        """Components whose layer is not in the cache; what is there is complete."""
        return [component for component in self._components if not (self._cache / component.key()).exists()]

    def build(self, say: Say) -> None:
        """Build what is missing; the last step of each layer renames it. After a failure the next run goes on."""
        missing = self.missing()
        if not missing:
            return
        go = find_go()
        self._work.mkdir(mode=0o755, parents=True, exist_ok=True)
        for number, component in enumerate(missing, start=1):
            root = self._work / "root"
            shutil.rmtree(root, ignore_errors=True)
            try:
                self._build(go, component, root, _with_head(f"{number}/{len(missing)} ", say))
            except LabError:
                shutil.rmtree(root, ignore_errors=True)
                raise
            os.sync()
            root.rename(self._cache / component.key())
        shutil.rmtree(self._work)

    def _build(self, go: str, component: Component, root: Path, say: Say) -> None:
        directory = root / component.directory
        directory.mkdir(mode=0o755, parents=True)
        flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in component.variables.items())])
        build = [go, "build", "-v", "-trimpath", "-ldflags", flags]
        for name, package in component.programs.items():
            say(f"{component.name}: {name}")
            packages = self._run(component, [go, "list", "-deps", package], say).splitlines()
            progress = Progress(f"{component.name}: {name}", len(packages), say)
            self._run(component, [*build, "-o", str(directory / name), package], progress)
        for name, program in component.links.items():
            (directory / name).symlink_to(program)
        for file, program in component.images.items():
            (root / file).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            write_image(root / file, directory / program)
            (directory / program).unlink()

    def _environment(self) -> dict[str, str]:
        """Static programs, from go.mod alone. Directories of Go that the user has named are used."""
        own = {name: str(self._work / name.lower()) for name in CACHES if name not in os.environ}
        settings = {"CGO_ENABLED": "0", "GOFLAGS": "-modcacherw", "GOWORK": "off", "GO111MODULE": "on"}
        return {**os.environ, "HOME": os.environ.get("HOME", "/root"), **own, **settings}

    def _run(self, component: Component, command: list[str], say: Say) -> str:
        """Standard output of a go command; each line of its standard error is said.

        Raises:
            LabError: it failed; with the end of its standard error.
        """
        said: list[str] = []
        with subprocess.Popen(
            command,
            cwd=component.source,
            env=self._environment(),
            text=True,
            stdout=subprocess.PIPE if "list" in command else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            if process.stdout is not None:
                output, errors = process.communicate()
                said = errors.splitlines()
            else:
                output = ""
                for line in process.stderr or ():
                    said.append(line.rstrip())
                    say(line.rstrip())
        if process.returncode:
            tail = "\n".join(line for line in said if not line.startswith("go: downloading"))[-2000:]
            raise LabError(f"{component.name}: {' '.join(command[:2])}: exit status {process.returncode}\n{tail}")
        return output


def _with_head(head: str, say: Say) -> Say:
    return lambda text: say(head + text)


class Progress:
    """Counts the packages that `go build -v` names, and says so for each twentieth part of them."""

    def __init__(self, head: str, total: int, say: Say) -> None:
        self._head = head
        self._total = max(total, 1)
        self._say = say
        self._compiled = 0
        self._said = 0

    def __call__(self, line: str) -> None:
        """Take a line of `go build -v`."""
        if not line or " " in line:
            return
        self._compiled += 1
        part = 20 * self._compiled // self._total
        if part > self._said:
            self._said = part
            self._say(f"{self._head}: {self._compiled} of at most {self._total} packages")
