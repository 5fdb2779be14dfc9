# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.engines.kept_log import KeptLog

OLD, NEW = "aaaa", "bbbb"


@pytest.mark.parametrize("files", [["{}-json.log", "{}-json.log.1"], ["local-logs/container.log"]], ids=str)
def test_a_new_container_goes_on_with_the_log(tmp_path: Path, files: list[str]) -> None:
    for name in files:
        path = tmp_path / OLD / name.format(OLD)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / OLD / "config.v2.json").touch()
    log = KeptLog(str(tmp_path / OLD))
    shutil.rmtree(tmp_path / OLD)
    (tmp_path / NEW).mkdir()
    log.give_to(NEW)
    found = [str(path.relative_to(tmp_path / NEW)) for path in (tmp_path / NEW).rglob("*") if path.is_file()]
    assert sorted(found) == sorted(name.format(NEW) for name in files)
    assert all((tmp_path / NEW / name.format(NEW)).read_text() == name for name in files)


def test_there_may_be_no_log(tmp_path: Path) -> None:
    (tmp_path / OLD).mkdir()
    for directory in ("", str(tmp_path / OLD)):
        log = KeptLog(directory)
        log.give_to(NEW)
        log.close()
    assert not (tmp_path / NEW).exists()
