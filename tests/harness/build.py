# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the workload: static programs, and the server's root file system as a tar archive."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from .playbook import PROJECT

SOURCES = Path(__file__).with_name("programs")
BUILD = PROJECT / ".cache" / "workload"
WARNINGS = ("-Wall", "-Wextra", "-Werror")
CFLAGS = ("-std=c11", "-O2", "-static", "-pthread", *WARNINGS)
# Where the server is inside its container, and the directories that engines mount on.
SERVER = "/server"
MOUNT_POINTS = ("dev", "etc", "proc", "run", "sys", "tmp")


@dataclass(frozen=True)
class Workload:
    """The built files, on the controller."""

    server: Path
    client: Path
    memory: Path
    raw: Path
    rootfs: Path


def build(directory: Path = BUILD, compiler: str = "cc") -> Workload:
    """Compiles what is out of date into directory."""
    directory.mkdir(parents=True, exist_ok=True)
    server, client, memory, raw = (
        _compile(name, directory, compiler) for name in ("server", "client", "memory", "raw")
    )
    rootfs = directory / "rootfs.tar"
    rootfs.write_bytes(_archive(server))
    return Workload(server=server, client=client, memory=memory, raw=raw, rootfs=rootfs)


def build_program(name: str, *options: str, output: str = "") -> Path:
    """Compiles another program of this folder into the build directory.

    Args:
        name: of the C file, without its suffix.
        options: of the compiler, beside optimization and warnings.
        output: name of the result; the program's name by default.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / (output or name)
    command = ["cc", "-std=gnu11", "-O2", *options, *WARNINGS, "-o", str(program), str(SOURCES / f"{name}.c")]
    subprocess.run(command, check=True)
    return program


def _compile(name: str, directory: Path, compiler: str) -> Path:
    source, program = SOURCES / f"{name}.c", directory / name
    newest = max(path.stat().st_mtime for path in (source, SOURCES / "protocol.h", SOURCES / "held.h"))
    if not program.exists() or program.stat().st_mtime < newest:
        subprocess.run([compiler, *CFLAGS, "-o", str(program), str(source)], check=True)
    return program


def _archive(server: Path) -> bytes:
    """The same server gives the same bytes: no times, no owners."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in MOUNT_POINTS:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        program = server.read_bytes()
        entry = tarfile.TarInfo(SERVER.lstrip("/"))
        entry.mode, entry.size = 0o755, len(program)
        archive.addfile(entry, io.BytesIO(program))
    return content.getvalue()
