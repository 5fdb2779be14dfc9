# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line: builds when an input has changed, and tells as JSON what there is."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from .archive import tar_of, write_image
from .debian import PACKAGES, BuildError, find_root, installed_packages
from .tree import ImageTree, make_site

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
# Contents of a package directory: the file that is unpacked last and tells that all is there.
DIGEST_FILE = ".digest"


def run(source: Path, arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="build", description="Build the image of minicore, if an input has changed.")
    parser.add_argument("--root", type=Path, help="Debian root with python3; default: the lab's, else one is made")
    parser.add_argument("--cache", type=Path, default=source.parents[1] / ".cache/minicore", help="where results go")
    options = parser.parse_args(arguments)
    options.cache.mkdir(parents=True, exist_ok=True)
    try:
        with (options.cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            result = build(source, options.cache, options.root)
    except BuildError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=2))
    return 0


def build(source: Path, cache: Path, root: Path | None) -> dict[str, Any]:
    """Return what is in the cache, built again when the inputs have changed."""
    result_path = cache / "image.json"
    if root is None:
        root = find_root(cache)
    inputs = _hash_inputs(source, root)
    if result_path.is_file():
        known: dict[str, Any] = json.loads(result_path.read_text())
        if known["inputs"] == inputs and all(Path(known[name]).is_file() for name in ("image_path", "package_path")):
            return {**known, "changed": False}
    text = (source / "minicore/__init__.py").read_text()
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise BuildError("minicore has no __version__")
    version = found.group(1)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        site, tree = Path(scratch, "site"), Path(scratch, "tree")
        make_site(source, site)
        ImageTree(root, tree).make(site)
        architecture = ARCHITECTURES[platform.machine()]
        tags = [f"minicore:{version}", "organic/minicore:latest"]
        image_path = cache / "image.tar"
        image = write_image(tree, tags, version, architecture, image_path)
        digest = hashlib.sha256(tar_of(site)).hexdigest()
        package = cache / "package.tar"
        package.write_bytes(tar_of(site, (DIGEST_FILE, f"{digest}\n".encode())))
    result = {
        "inputs": inputs,
        "version": version,
        "tags": tags,
        "image_id": image.image_id,
        "content": image.content,
        "image_path": str(image_path),
        "package_path": str(package),
        "package_digest": digest,
    }
    result_path.write_text(json.dumps(result))
    return {**result, "changed": True}


def _hash_inputs(source: Path, root: Path) -> str:
    digest = hashlib.sha256()
    files = [source / "build", source / "requirements.txt"]
    files += [path for part in ("minicore", "imagebuild") for path in sorted((source / part).rglob("*.py"))]
    for path in files:
        digest.update(f"{path.relative_to(source)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    packages = installed_packages(root)
    missing = set(PACKAGES) - packages.keys()
    if missing:
        raise BuildError(f"{root} is no Debian root with {', '.join(sorted(missing))}")
    for name, version in sorted(packages.items()):
        digest.update(f"{name} {version}\n".encode())
    return digest.hexdigest()
