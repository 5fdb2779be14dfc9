# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of containerd, through a stand-in for its client ctr, which needs a daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.organic.core5g.plugins.module_utils.containerd import Images, full_name
from ansible_collections.organic.core5g.plugins.module_utils.errors import CoreError

LISTED = """REF TYPE DIGEST SIZE PLATFORMS LABELS
docker.io/organic/minicore:latest application/vnd.oci sha256:1 35 MiB linux/amd64 organic5gc_content=abc,x=y
"""


@pytest.mark.parametrize(
    "reference, full",
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("organic/minicore:1", "docker.io/organic/minicore:1"),
        ("localhost/server", "localhost/server:latest"),
        ("registry.example.org:5000/nf", "registry.example.org:5000/nf:latest"),
    ],
)
def test_an_image_has_the_name_that_the_kubelet_uses(reference: str, full: str) -> None:
    assert full_name(reference) == full


@pytest.fixture
def ctr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ctr that writes its arguments to a file, and prints another."""
    program = tmp_path / "ctr"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\ncat {tmp_path}/answer\n')
    program.chmod(0o755)
    (tmp_path / "answer").write_text(LISTED)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_the_content_of_an_image(ctr: Path) -> None:
    images = Images("k8s.io")
    assert images.content("organic/minicore") == "abc"
    assert (ctr / "called").read_text() == "--namespace k8s.io images ls name==docker.io/organic/minicore:latest\n"
    (ctr / "answer").write_text(LISTED.replace("organic5gc_content=abc,x=y", "-"))
    assert images.content("organic/minicore") == ""
    (ctr / "answer").write_text(LISTED.splitlines()[0])
    assert images.content("organic/minicore") is None


def test_an_archive_is_imported_and_its_content_noted(ctr: Path) -> None:
    Images("k8s.io").load("/tmp/a.tar", ["organic/minicore"], "abc")
    assert (ctr / "called").read_text().splitlines() == [
        "--namespace k8s.io images import --local /tmp/a.tar",
        "--namespace k8s.io images label docker.io/organic/minicore:latest organic5gc_content=abc",
    ]


def test_a_node_without_containerd_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CoreError, match="pull its images from a registry"):
        Images("k8s.io")


def test_what_ctr_says_against_it(ctr: Path) -> None:
    (ctr / "ctr").write_text("#!/bin/sh\necho no such file >&2\nexit 1\n")
    with pytest.raises(CoreError, match=r"ctr images import --local /tmp/a\.tar: no such file"):
        Images("k8s.io").load("/tmp/a.tar", [], "abc")
