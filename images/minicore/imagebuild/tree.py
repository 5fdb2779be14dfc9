# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the image: the interpreter with its libraries and library, pure Python packages, minicore."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from .archive import ENVIRONMENT
from .debian import BuildError, dynamic_loaders

SITE = "opt/minicore"

# Parts of the standard library that no NF can use: tests, graphics, terminals, data bases, TLS, tools of others.
PRUNED_PACKAGES = (
    *("__pycache__", "config-*", "curses", "dbm", "ensurepip", "idlelib", "lib2to3", "multiprocessing"),
    *("pydoc_data", "sqlite3", "test", "tkinter", "turtledemo", "unittest", "venv", "wsgiref", "xml", "xmlrpc"),
)
PRUNED_EXTENSIONS = (
    *("_bz2", "_codecs_", "_ctypes_test", "_curses", "_dbm", "_decimal", "_elementtree", "_gdbm", "_hashlib", "_lzma"),
    *("_multibytecodec", "_multiprocessing", "_sqlite3", "_ssl", "_test", "_tkinter", "_uuid", "audioop", "nis"),
    *("ossaudiodev", "pyexpat", "readline", "xx"),
)

DIST_PACKAGES = ("_cffi_backend*.so", "cryptography")
"""Of python3-cryptography and what it needs; AMF, AUSF and UDM use its AES."""
PRUNED_CRYPTOGRAPHY = ("__pycache__", "*.pyi", "twofactor", "x509")
LOADED_LIBRARIES = ("libusrsctp.so.2",)
"""What is loaded by name at run time; the front uses it where the kernel has no SCTP."""

IMPORT_ALL = """
import importlib
from minicore.__main__ import KINDS
for target in KINDS.values():
    module, _, name = target.partition(":")
    getattr(importlib.import_module(module), name)
import minicore.security.algorithms
from minicore.n2.sctp.library import Library
Library()
"""
"""What must work in the image: every NF's code is found with all that it imports."""

LAUNCHER = """#!/usr/bin/python3
import sys

from minicore.__main__ import main

sys.exit(main(sys.argv[1:]))
"""
ACCOUNTS = "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"


def make_site(source: Path, site: Path) -> None:
    """Fill `site` with minicore and the packages of requirements.txt, sources only: what a ran host gets."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:"]
    command += ["--target", str(site), "--requirement", str(source / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)}: {done.stderr}")
    for information in site.glob("*.dist-info"):
        # Which installer put it there, and when, is not part of the package.
        for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
            (information / name).unlink(missing_ok=True)
    shutil.copytree(source / "minicore", site / "minicore", ignore=shutil.ignore_patterns("__pycache__"))


class ImageTree:
    """Makes the image's root in `target` from a Debian `root` and a `site`."""

    def __init__(self, root: Path, target: Path) -> None:
        self._root = root
        self._target = target
        loaders = dynamic_loaders(root)
        if not loaders:
            raise BuildError(f"{root} has no dynamic loader")
        self._loader = loaders[0]
        self._libraries = self._loader.parent
        self._python = (root / "usr/bin/python3").resolve()
        self._stdlib = root / "usr/lib" / self._python.name
        self._packages = root / "usr/lib/python3/dist-packages"

    def make(self, site: Path) -> None:
        for directory in ("dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64"):
            (self._target / directory).mkdir(parents=True)
        (self._target / "tmp").chmod(0o1777)
        for link in ("bin", "lib", "lib64"):
            (self._target / link).symlink_to(f"usr/{link}")
        (self._target / "etc/passwd").write_text(ACCOUNTS)
        (self._target / "usr/bin/minicore").write_text(LAUNCHER)
        (self._target / "usr/bin/minicore").chmod(0o755)
        self._copy_interpreter()
        self._copy_stdlib()
        self._copy_packages()
        shutil.copytree(site, self._target / SITE)
        self._compile()
        self._check()

    def _copy_interpreter(self) -> None:
        loaded = [self._libraries / name for name in LOADED_LIBRARIES]
        binaries = [self._python, *self._extensions(), *self._packages.rglob("*.so"), *loaded]
        needed = {name for binary in binaries for name in self._needed(binary)}
        for library in sorted({*needed, *LOADED_LIBRARIES}):
            self._copy(self._libraries / library)
        self._copy(self._loader)
        # Where the interpreter's ELF header looks for the loader.
        for link in sorted(self._root.glob(f"usr/lib*/{self._loader.name}")):
            if link.is_symlink():
                (self._target / link.relative_to(self._root)).symlink_to(os.readlink(link))
        self._copy(self._python)
        (self._target / "usr/bin/python3").symlink_to(self._python.name)

    def _needed(self, binary: Path) -> list[str]:
        """Names of the libraries of a binary, as ldd finds them in the root."""
        command = [str(self._loader), "--library-path", str(self._libraries), "--list", str(binary)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [line.split()[0] for line in output.splitlines() if "=>" in line and self._loader.name not in line]

    def _extensions(self) -> list[Path]:
        return [
            path
            for path in sorted((self._stdlib / "lib-dynload").glob("*.so"))
            if not path.name.startswith(PRUNED_EXTENSIONS)
        ]

    def _copy(self, path: Path) -> None:
        target = self._target / path.relative_to(self._root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755)

    def _copy_stdlib(self) -> None:
        target = self._target / self._stdlib.relative_to(self._root)
        ignored = shutil.ignore_patterns("lib-dynload", "*.so", "*.a", "*.txt", *PRUNED_PACKAGES)
        shutil.copytree(self._stdlib, target, ignore=ignored, symlinks=True)
        for path in self._extensions():
            self._copy(path)

    def _copy_packages(self) -> None:
        target = self._target / self._packages.relative_to(self._root)
        target.mkdir(parents=True)
        for pattern in DIST_PACKAGES:
            found = sorted(self._packages.glob(pattern))
            if not found:
                raise BuildError(f"{self._packages} has no {pattern}: install python3-cryptography")
            for path in found:
                if path.is_dir():
                    ignored = shutil.ignore_patterns(*PRUNED_CRYPTOGRAPHY)
                    shutil.copytree(path, target / path.name, ignore=ignored)
                else:
                    self._copy(path)

    def _compile(self) -> None:
        """Byte code by the image's own interpreter; unchecked, since no time stamp may matter.

        The standard library goes without its sources, minicore keeps them for tracebacks.
        """
        stdlib = self._target / self._stdlib.relative_to(self._root)
        self._compileall(stdlib, "-b")
        self._compileall(self._target / SITE)
        self._compileall(self._target / self._packages.relative_to(self._root))
        for path in stdlib.rglob("*.py"):
            path.unlink()

    def _compileall(self, directory: Path, *options: str) -> None:
        # On the root's files: an interpreter that compiles the library must not be running from it.
        command = [str(self._loader), "--library-path", str(self._libraries), str(self._python)]
        command += ["-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *options]
        command += ["-s", str(self._target), "-p", "/", str(directory)]
        environment = {"PYTHONHOME": str(self._root / "usr"), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        # Columns of each instruction would be memory that every migration moves.
        environment["PYTHONNODEBUGRANGES"] = "1"
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"compileall {directory}: {done.stdout}{done.stderr}")

    def _check(self) -> None:
        """Import everything with the image's own files, in its own root where this user may change into it."""
        environment = dict(entry.split("=", 1) for entry in ENVIRONMENT)
        if os.geteuid() == 0:
            command = ["chroot", str(self._target), "python3"]
        else:
            libraries = self._target / self._libraries.relative_to(self._root)
            command = [str(self._loader), "--library-path", str(libraries), str(self._target / "usr/bin/python3")]
            environment |= {"PYTHONHOME": str(self._target / "usr"), "PYTHONPATH": str(self._target / SITE)}
        environment["PATH"] += ":/usr/sbin"
        done = subprocess.run(
            [*command, "-c", IMPORT_ALL], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BuildError(f"the image lacks something: {done.stderr}")
