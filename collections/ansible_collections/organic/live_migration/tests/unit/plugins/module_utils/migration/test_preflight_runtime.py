# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflight says of a host's runtime and kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils.migration import preflight

NOTHING_LACKS = {"pagemap_scan": "", "userfaultfd": "", "write_protection": "", "soft_dirty": ""}


def runtime(root: Path, lacks: dict[str, str], criu_version: str = "4.2.1") -> str:
    """A directory that looks like an installed runtime, with a pager that tells what the kernel lacks."""
    for name in ("init", "pager", "criu", "criu.kdat", "lib/preload.so"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    (root / "await").mkdir()
    (root / "pager").write_text(f"#!/bin/sh\necho '{json.dumps(lacks)}'\n")
    (root / "pager").chmod(0o755)
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (root / "manifest.json").write_text(json.dumps({"criu_version": criu_version, "proof": {"boot_id": boot_id}}))
    return str(root)


@pytest.fixture(autouse=True)
def _programs_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.shutil, "which", lambda name: f"/usr/sbin/{name}")


def codes(root: str) -> list[str]:
    return [blocker.code for blocker in preflight.runtime_blockers(root)]


def test_a_whole_runtime_is_no_reason(tmp_path: Path) -> None:
    assert codes(runtime(tmp_path, NOTHING_LACKS)) == []


@pytest.mark.parametrize("name", ["pager", "lib/preload.so", "criu"])
def test_a_missing_program_is_named(tmp_path: Path, name: str) -> None:
    root = runtime(tmp_path, NOTHING_LACKS)
    (tmp_path / name).unlink()
    [reason] = preflight.runtime_blockers(root)
    assert reason.code == "runtime_missing"
    assert name in reason.message


def test_an_old_criu_is_refused(tmp_path: Path) -> None:
    assert codes(runtime(tmp_path, NOTHING_LACKS, criu_version="4.1.1")) == ["criu_too_old"]


def test_each_lack_of_the_kernel_is_told_with_its_error(tmp_path: Path) -> None:
    lacks = {
        **NOTHING_LACKS,
        "pagemap_scan": "Inappropriate ioctl for device",
        "userfaultfd": "Function not implemented",
    }
    blockers = preflight.runtime_blockers(runtime(tmp_path, lacks))
    assert [blocker.code for blocker in blockers] == ["kernel_too_old", "kernel_too_old"]
    assert "PAGEMAP_SCAN): Inappropriate ioctl" in blockers[0].message
    assert "userfaultfd): Function not implemented" in blockers[1].message
