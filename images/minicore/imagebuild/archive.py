# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that have the same octets for the same files, and the image format of `docker load`.

Format: the image specification v1.2 of Moby (manifest.json, config, layer.tar).
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = [
    "PATH=/usr/bin",
    "PYTHONPATH=/opt/minicore",
    # Nothing may be written into the container's layer, and log lines leave at once.
    "PYTHONDONTWRITEBYTECODE=1",
    "PYTHONUNBUFFERED=1",
    "PYTHONNODEBUGRANGES=1",
    # Its module is not in the image: AES is not among the legacy algorithms.
    "CRYPTOGRAPHY_OPENSSL_NO_LEGACY=1",
]
CONTENT_LABEL = "organic5gc_content"
CREATED = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Image:
    image_id: str
    content: str


def tar_of(directory: Path, last: tuple[str, bytes] | None = None) -> bytes:
    """A tar of a directory: sorted, owned by root, without times. `last` is a file that is added at the end."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(directory.rglob("*")):
            member = archive.gettarinfo(path, str(path.relative_to(directory)))
            _normalise(member)
            if member.isfile():
                with path.open("rb") as file:
                    archive.addfile(member, file)
            else:
                archive.addfile(member)
        if last is not None:
            member = tarfile.TarInfo(last[0])
            member.size = len(last[1])
            archive.addfile(member, io.BytesIO(last[1]))
    return buffer.getvalue()


def _normalise(member: tarfile.TarInfo) -> None:
    if member.islnk():
        raise ValueError(f"{member.name} is a hard link")
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    if member.isdir():
        member.mode = 0o1777 if member.name == "tmp" else 0o755
    elif member.isfile():
        member.mode = 0o755 if member.mode & 0o100 else 0o644


def write_image(tree: Path, tags: list[str], version: str, architecture: str, path: Path) -> Image:
    """Write the archive of an image with one layer."""
    layer = tar_of(tree)
    layer_digest = hashlib.sha256(layer).hexdigest()
    labels = {
        "org.opencontainers.image.title": "minicore",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "GPL-3.0-or-later",
    }
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {
            "Env": ENVIRONMENT,
            "Cmd": ["minicore"],
            "WorkingDir": "/",
            "StopSignal": "SIGTERM",
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        "history": [{"created": CREATED, "created_by": "images/minicore/build"}],
    }
    # Engines differ in what they call the image id; a label is the same everywhere.
    content = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    labels[CONTENT_LABEL] = content
    config_data = json.dumps(config, sort_keys=True).encode()
    image_id = hashlib.sha256(config_data).hexdigest()
    manifest = [{"Config": f"{image_id}.json", "RepoTags": tags, "Layers": [f"{layer_digest}/layer.tar"]}]
    unfinished = path.with_suffix(".unfinished")
    with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in (
            (f"{layer_digest}/layer.tar", layer),
            (f"{image_id}.json", config_data),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    unfinished.replace(path)
    return Image(f"sha256:{image_id}", content)
