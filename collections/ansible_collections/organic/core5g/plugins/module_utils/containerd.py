# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the containerd of a Kubernetes node, by its own client ctr, as no registry is needed to import one."""

from __future__ import annotations

import shutil
import subprocess

from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

CONTENT_LABEL = "organic5gc_content"
_DEFAULT_DOMAIN = "docker.io"


def full_name(reference: str) -> str:
    """As containerd and the kubelet spell an image: with its registry, repository and tag."""
    first, slash, _rest = reference.partition("/")
    if not slash:
        reference = f"{_DEFAULT_DOMAIN}/library/{reference}"
    elif not (set(first) & {".", ":"} or first == "localhost"):
        reference = f"{_DEFAULT_DOMAIN}/{reference}"
    return reference if ":" in reference.rpartition("/")[2] else f"{reference}:latest"


class Images:
    """The images that the kubelet uses.

    Args:
        namespace: of containerd.
    """

    def __init__(self, namespace: str) -> None:
        program = shutil.which("ctr")
        if program is None:
            raise CoreError(
                "This host has no ctr, the client of containerd: have the node pull its images from a registry "
                "(nf_image, nf_pull_secret)"
            )
        self._command = [program, "--namespace", namespace, "images"]

    def content(self, reference: str) -> str | None:
        """The content that an image was imported with; empty if it was by others, None if there is none."""
        listed = self._run("ls", f"name=={full_name(reference)}").splitlines()[1:]
        if not listed:
            return None
        labels = dict(pair.partition("=")[::2] for pair in listed[0].split()[-1].split(","))
        return labels.get(CONTENT_LABEL, "")

    def load(self, archive: str, references: list[str], content: str) -> None:
        """Import an archive, and note its content."""
        self._run("import", "--local", archive)
        for reference in references:
            self._run("label", full_name(reference), f"{CONTENT_LABEL}={content}")

    def remove(self, reference: str) -> None:
        self._run("rm", full_name(reference))

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CoreError(f"ctr images {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout
