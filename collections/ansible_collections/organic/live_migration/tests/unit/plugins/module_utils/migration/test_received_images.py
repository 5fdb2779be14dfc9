# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import PeerLost
from ansible_collections.organic.live_migration.plugins.module_utils.migration.received_images import write_images
from ansible_collections.organic.live_migration.plugins.module_utils.session.channel import Message


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    """Descriptor of the image directory."""
    (tmp_path / "images").mkdir()
    descriptor = os.open(tmp_path / "images", os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def images(*named: tuple[Any, Any], blob: bytes = b"", archive_bytes: int = 0) -> Message:
    return Message("images", {"images": [list(one) for one in named], "archive_bytes": archive_bytes}, blob)


def test_images_are_written_but_the_inventory(directory: int, tmp_path: Path) -> None:
    message = images(
        ("core-12.img", 4), ("inventory.img", 3), ("tcp-stream-a1.img", 0), blob=b"tarcoreinv", archive_bytes=3
    )
    assert write_images(directory, message) == b"inv"
    written = {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert written == {"core-12.img": b"core", "tcp-stream-a1.img": b""}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.img",
        "/etc/passwd",
        "a/b.img",
        "",
        "..",
        "x.img\n",
        ".hidden.img",
        "criu.log",
        "a" * 80 + ".img",
        "A.img",
    ],
)
def test_a_name_that_is_no_image_is_refused(directory: int, tmp_path: Path, name: str) -> None:
    with pytest.raises(PeerLost, match="sent an invalid"):
        write_images(directory, images((name, 4), ("inventory.img", 1), blob=b"evili"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]
    assert list((tmp_path / "images").iterdir()) == []


@pytest.mark.parametrize("size", [-1, 5, 1 << 40])
def test_a_size_beyond_what_came_is_refused(directory: int, size: int) -> None:
    with pytest.raises(PeerLost, match="sent an invalid"):
        write_images(directory, images(("core-1.img", size), blob=b"1234"))


def test_an_image_that_is_there_is_not_replaced(directory: int, tmp_path: Path) -> None:
    """Nor is a link followed that the page server, or anybody, had put there."""
    (tmp_path / "images/pages-1.img").write_bytes(b"pages")
    (tmp_path / "images/core-1.img").symlink_to(tmp_path / "victim")
    for name in ("pages-1.img", "core-1.img"):
        with pytest.raises(OSError, match="File exists"):
            write_images(directory, images((name, 4), blob=b"evil"))
    assert (tmp_path / "images/pages-1.img").read_bytes() == b"pages"
    assert not (tmp_path / "victim").exists()


def test_without_an_inventory_nothing_is_restored(directory: int) -> None:
    with pytest.raises(PeerLost, match="sent no inventory image"):
        write_images(directory, images(("core-1.img", 4), blob=b"core"))
