# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.errors import MigrationError
from ansible_collections.organic.live_migration.plugins.module_utils.network import unix_names


@pytest.fixture
def bound(as_root: None, tmp_path: Path) -> Iterator[tuple[socket.socket, Path]]:
    path = tmp_path / "stats.sock.7.tmp"
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
        yield one, path


def test_the_present_name_is_found(bound: tuple[socket.socket, Path]) -> None:
    one, path = bound
    assert unix_names.renamed_to(one) == ""
    now = path.rename(path.with_name("stats.sock"))
    assert unix_names.renamed_to(one) == str(now)
    now.unlink()
    assert unix_names.renamed_to(one) == "", "it has no name any more"


def test_an_accepted_connection_has_no_name_of_its_own(bound: tuple[socket.socket, Path]) -> None:
    one, path = bound
    one.listen()
    now = path.rename(path.with_name("stats.sock"))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(now))
        with one.accept()[0] as accepted:
            assert accepted.getsockname() == str(path)
            assert unix_names.renamed_to(accepted) == ""
    assert unix_names.renamed_to(one) == str(now)


def test_a_socket_without_a_file_has_no_name() -> None:
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket() as other:
        assert unix_names.renamed_to(abstract) == ""
        abstract.bind("\0test_unix_names")
        assert unix_names.renamed_to(abstract) == unix_names.renamed_to(other) == ""


def test_the_restored_file_is_renamed_once(bound: tuple[socket.socket, Path]) -> None:
    one, path = bound
    now = path.with_name("stats.sock")
    for _connection in range(2):
        unix_names.rename({(str(path), str(now))}, os.getpid())
        assert unix_names.renamed_to(one) == str(now)
    with pytest.raises(MigrationError, match="was restored without a file"):
        unix_names.rename({(str(path), str(path.with_name("other")))}, os.getpid())
