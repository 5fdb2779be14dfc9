# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of the image build."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest
from imagebuild import debian
from imagebuild.archive import CONTENT_LABEL, tar_of, write_image
from imagebuild.command import build
from imagebuild.debian import PACKAGES, BuildError, find_root, installed_packages


def fill(directory: Path, order: list[str]) -> Path:
    for number, name in enumerate(order):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
        os.utime(directory / name, (number, number))
    (directory / "tmp").mkdir()
    (directory / "link").symlink_to("b/c")
    (directory / "a").chmod(0o700)
    return directory


def test_the_same_files_make_the_same_octets(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", ["a", "b/c", "b/d"])
    other = fill(tmp_path / "other", ["b/d", "a", "b/c"])
    assert tar_of(one) == tar_of(other)
    with tarfile.open(fileobj=io.BytesIO(tar_of(one, ("last", b"x")))) as archive:
        names = archive.getnames()
        assert names == ["a", "b", "b/c", "b/d", "link", "tmp", "last"]
        assert (archive.getmember("a").mode, archive.getmember("tmp").mode) == (0o755, 0o1777)
        assert archive.getmember("link").linkname == "b/c"


def test_an_image_is_named_by_its_content(tmp_path: Path) -> None:
    tree = fill(tmp_path / "tree", ["a", "b/c"])
    images = [write_image(tree, ["minicore:1"], "1", "amd64", tmp_path / name) for name in ("x.tar", "y.tar")]
    assert images[0] == images[1]
    assert (tmp_path / "x.tar").read_bytes() == (tmp_path / "y.tar").read_bytes()
    (tree / "a").write_text("other")
    changed = write_image(tree, ["minicore:1"], "1", "amd64", tmp_path / "z.tar")
    assert changed.image_id != images[0].image_id and changed.content != images[0].content
    with tarfile.open(tmp_path / "x.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json") or io.BytesIO())
        config = json.load(archive.extractfile(manifest[0]["Config"]) or io.BytesIO())
    assert manifest[0]["RepoTags"] == ["minicore:1"]
    assert config["config"]["Labels"][CONTENT_LABEL] == images[0].content


def test_only_configured_packages_count(tmp_path: Path) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: python3\nStatus: install ok installed\nVersion: 3.13\n\n"
        "Package: libc6\nStatus: install ok unpacked\nVersion: 2.41\n"
    )
    assert installed_packages(tmp_path) == {"python3": "3.13"}
    assert installed_packages(tmp_path / "other") == {}


def test_a_root_without_the_packages_is_refused(tmp_path: Path) -> None:
    status = tmp_path / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("Package: python3\nStatus: install ok installed\nVersion: 3.13\n")
    with pytest.raises(BuildError, match="libusrsctp2, python3-cryptography"):
        build(Path(__file__).parents[1], tmp_path, tmp_path)


def test_a_layer_of_the_lab_s_cache_is_no_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "LAB_CACHE", tmp_path)
    installed = "\n".join(f"Package: {name}\nStatus: install ok installed\nVersion: 1\n" for name in PACKAGES)
    for name in ("trixie-0layer", "trixie-1root"):
        status = tmp_path / name / "var/lib/dpkg/status"
        status.parent.mkdir(parents=True)
        status.write_text(installed)
    loader = tmp_path / "trixie-1root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    loader.parent.mkdir(parents=True)
    loader.touch()
    assert find_root(tmp_path / "own") == tmp_path / "trixie-1root"
