# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.host import sqlite
from ansible_collections.organic.live_migration.plugins.module_utils.host.container import Mount

OPENED = """
kept = open(sys.argv[1], sys.argv[2], buffering=0)
"""


def container(filesystem: str) -> Any:
    mounts = [Mount("/", "overlay", {}, 0, False, "/"), Mount("/tmp", filesystem, {}, 0, False, "/")]
    return SimpleNamespace(mounts=lambda: mounts)


def database(directory: Path, journal: str) -> Path:
    path = directory / "nf.db"
    made = sqlite3.connect(path)
    made.execute(f"PRAGMA journal_mode={journal}")
    made.execute("CREATE TABLE ue (imsi TEXT)")
    made.commit()
    made.close()
    return path


@pytest.mark.parametrize(
    ("journal", "mode", "filesystem", "refused"),
    [
        ("DELETE", "r+b", "tmpfs", True),
        ("WAL", "r+b", "tmpfs", False),
        ("DELETE", "rb", "tmpfs", False),
        ("DELETE", "r+b", "nfs4", False),
    ],
)
def test_a_data_base_with_a_rollback_journal_is_named(
    spawn: Any, tmp_path: Path, journal: str, mode: str, filesystem: str, refused: bool
) -> None:
    path = database(tmp_path, journal)
    assert str(path).startswith("/tmp/")
    pid = spawn.python(OPENED, str(path), mode).pid
    found = sqlite.blockers([pid], container(filesystem))
    assert [blocker.code for blocker in found] == ["sqlite_journal"] * refused
    assert all(str(path) in blocker.message for blocker in found)
