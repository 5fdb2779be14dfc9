# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache knows an image by its recipe."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.organic.lab.plugins.module_utils import root_image
from ansible_collections.organic.lab.plugins.module_utils.base import LabError
from ansible_collections.organic.lab.plugins.module_utils.root_image import Recipe, RootImage

RECIPE = Recipe("trixie", ("openssh-server",), "forky", ("criu",), ())


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(RECIPE, suite="bookworm"),
        dataclasses.replace(RECIPE, packages=("openssh-server", "rsync")),
        dataclasses.replace(RECIPE, newer_suite="sid"),
        dataclasses.replace(RECIPE, newer_packages=()),
        dataclasses.replace(RECIPE, extra_packages=("podman",)),
    ],
)
def test_another_recipe_is_another_image(other: Recipe) -> None:
    assert other.key() != RECIPE.key()
    assert dataclasses.replace(RECIPE).key() == RECIPE.key()


def test_extra_packages_stand_on_the_same_image(tmp_path: Path) -> None:
    extra = RootImage(tmp_path, dataclasses.replace(RECIPE, extra_packages=("podman",)), "")
    base = RootImage(tmp_path, RECIPE, "")
    assert extra.layers()[1:] == base.layers()
    base.layers()[0].mkdir()
    assert base.missing() == []
    assert extra.missing() == extra.layers()[:1]


def test_a_broken_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_command: str) -> str:
        (tmp_path / ".building/root").mkdir()
        raise LabError("no space")

    monkeypatch.setattr(root_image, "run", fail)
    image = RootImage(tmp_path, RECIPE, "http://mirror.example/debian")
    with pytest.raises(LabError, match="no space"):
        image.build()
    assert list(tmp_path.iterdir()) == []


def test_mirror_is_debians_own(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = (
        "Docker|Docker CE|stable|http://docker.example/debian\n"
        "Debian|Debian-Security|main|http://mirror.example/debian-security\n"
        "Debian|Debian|main|http://mirror.example/debian\n"
    )
    monkeypatch.setattr(root_image, "run", lambda *_command: targets)
    assert root_image.debian_mirror() == "http://mirror.example/debian"
    monkeypatch.setattr(root_image, "run", lambda *_command: "")
    with pytest.raises(LabError, match="set the mirror"):
        root_image.debian_mirror()


def test_remove(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    image = RootImage(cache, RECIPE, "")
    assert not image.remove()
    image.layers()[0].mkdir(parents=True)
    assert image.remove()
    assert not cache.exists()
