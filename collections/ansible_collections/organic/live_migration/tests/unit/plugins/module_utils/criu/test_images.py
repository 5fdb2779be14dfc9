# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of CRIU, made by hand after its images/*.proto."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.criu import images, protobuf
from ansible_collections.organic.live_migration.plugins.module_utils.criu.images import (
    with_named_files,
    with_relative_timers,
    without_parent_death_signal,
)

MAGIC = b"\x19\x43\x56\x54\x42\x42\x30\x56"


def image(*entries: bytes) -> bytes:
    return MAGIC + b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)


def timer(flags: int) -> bytes:
    entry = protobuf.encode([(1, 300), (2, 2), (3, b"\x08\x00"), (4, 1), (5, 0), (6, flags), (7, 5), (8, 999_999_999)])
    return protobuf.encode([(1, 17), (2, 300), (12, entry)])


def test_only_images_are_read(tmp_path: Path) -> None:
    (tmp_path / "core-1.img").write_bytes(b"core")
    (tmp_path / "pstree.img").write_bytes(b"")
    (tmp_path / "dump.log").write_bytes(b"Warn")
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert images.read(directory) == {"core-1.img": b"core", "pstree.img": b""}
    finally:
        os.close(directory)


def test_absolute_timers_become_relative_and_all_else_stays() -> None:
    # a regular file, in whose entry the same field numbers mean other things
    other = protobuf.encode([(1, 1), (2, 1), (3, protobuf.encode([(1, 1), (6, 1), (12, b"\x30\x01")]))])
    assert with_relative_timers(image(other, timer(1), timer(3), other)) == image(other, timer(0), timer(2), other)
    assert with_relative_timers(image()) == image()


def core(signal: int) -> bytes:
    thread = protobuf.encode([(1, 1 << 46), (2, 24), (3, 20), (7, b"\x08\x0a"), (8, signal), (10, b"x"), (13, b"nf")])
    return protobuf.encode([(1, 1), (3, protobuf.encode([(8, 9)])), (5, thread), (8, 9)])


def test_the_first_process_gets_no_signal_when_criu_ends_and_all_else_stays() -> None:
    assert without_parent_death_signal(image(core(9))) == image(core(0))
    assert without_parent_death_signal(image(core(0))) == image(core(0))


def plain_file(identity: int, name: str) -> bytes:
    entry = protobuf.encode([(1, identity), (2, 2), (3, 0), (5, b"\x08\x00"), (6, name), (7, 5), (10, 0o20666)])
    return protobuf.encode([(1, 1), (2, identity), (3, entry)])


def test_a_descriptors_file_gets_another_path_and_no_other() -> None:
    files = image(plain_file(1, "/dev/net/tun"), timer(1), plain_file(2, "/dev/net/tun"), plain_file(3, "/x"))
    images = {
        "files.img": files,
        "ids-5.img": image(protobuf.encode([(1, 9), (2, 1), (3, 9)])),
        "ids-6.img": image(protobuf.encode([(1, 9), (2, 2), (3, 9)])),
        "fdinfo-1.img": image(protobuf.encode([(1, 1), (2, 0), (3, 1), (4, 7)])),
        "fdinfo-2.img": image(protobuf.encode([(1, 3), (2, 0), (3, 1), (4, 7)]), protobuf.encode([(1, 2), (4, 8)])),
    }
    named = with_named_files(images, {(6, 8): "dev/net/tun@gtp0"})
    assert named["files.img"] == image(
        plain_file(1, "/dev/net/tun"), timer(1), plain_file(2, "/dev/net/tun@gtp0"), plain_file(3, "/x")
    )
    assert {**named, "files.img": files} == images
    assert with_named_files(images, {}) == images
    for nowhere in ((6, 9), (7, 8)):
        with pytest.raises(ValueError, match="no descriptor"):
            with_named_files(images, {nowhere: "x"})
