# Copyright (c) 2026 Organic 5GC contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from ansible_collections.organic.live_migration.plugins.module_utils import paths
from ansible_collections.organic.live_migration.plugins.module_utils.host import mounted_content
from ansible_collections.organic.live_migration.plugins.module_utils.host.mounted_content import look


def messages(wanted: Path, here: Path, can_be_copied: bool = True, is_copied: bool = False) -> list[str]:
    found = mounted_content.blockers(
        "/etc/nf", str(wanted), look(str(wanted)), look(str(here)), can_be_copied, is_copied
    )
    assert all(blocker.code == "read_only_mount" for blocker in found)
    return [f"{blocker.message} -> {blocker.remedy}" for blocker in found]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "source"
    (directory / "tls").mkdir(parents=True)
    (directory / "nf.yaml").write_text("mcc: 999\n")
    (directory / "nf.yaml").chmod(0o640)
    (directory / "tls/link").symlink_to("../nf.yaml")
    return directory


def copy(config: Path, target: Path) -> None:
    packed = mounted_content.pack([str(config)])
    mounted_content.unpack({str(target): packed[str(config)]})


def test_a_copy_is_equal_in_content_modes_and_links(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "new/deeper/target"
    created = mounted_content.missing_paths([str(target)])
    assert created == [str(tmp_path / "new"), str(tmp_path / "new/deeper"), str(target)]
    copy(config, target)
    assert messages(config, target) == []
    assert (target / "nf.yaml").stat().st_mode == (config / "nf.yaml").stat().st_mode
    assert os.readlink(target / "tls/link") == "../nf.yaml"
    mounted_content.remove(created)
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_never_overwritten_nor_removed(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    assert mounted_content.missing_paths([str(target)]) == []
    copy(config, target)
    mounted_content.remove([])
    assert list(target.iterdir()) == []


def test_a_directory_that_others_use_meanwhile_stays(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "new/target"
    created = mounted_content.missing_paths([str(target)])
    copy(config, target)
    (tmp_path / "new/other").touch()
    mounted_content.remove(created)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["other"]


def test_what_is_missing_is_named_with_its_remedy(config: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    [message] = messages(config, missing)
    assert "is missing on the target host" in message
    assert "copy_missing_mounts" in message
    [message] = messages(config, missing, can_be_copied=False)
    assert "copy_missing_mounts" not in message
    assert messages(config, missing, is_copied=True) == []


def test_the_empty_directory_that_an_engine_made_in_place_of_a_file_is_named(config: Path, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    [message] = messages(config / "nf.yaml", tmp_path / "made", is_copied=True)
    assert "is a file on the source host and a directory on the target host" in message


def test_other_content_is_named_also_where_a_copy_was_sent(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    copy(config, target)
    (target / "nf.yaml").write_text("mcc: 998\n")
    (target / "more").touch()
    [message] = messages(config, target, is_copied=True)
    assert "has other content on the target host: more, nf.yaml" in message
    [message] = messages(config / "nf.yaml", target / "nf.yaml")
    assert "has other content on the target host ->" in message


def test_many_files_are_compared_by_one_hash(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounted_content, "_MAX_ENTRIES", 2)
    target = tmp_path / "target"
    target.mkdir()
    assert len(look(str(config)).entries) == 1
    assert len(messages(config, target)) == 1
    assert mounted_content.pack([str(config)]) == {}


def test_large_files_are_compared_by_size_and_not_copied(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_MAX_HASHED_BYTES", "MAX_COPIED_BYTES"):
        monkeypatch.setattr(mounted_content, name, 4)
    other = tmp_path / "other"
    other.write_text("mcc: 998\n")
    assert messages(config / "nf.yaml", other) == []
    other.write_text("mcc: 9989\n")
    assert len(messages(config / "nf.yaml", other)) == 1
    assert mounted_content.pack([str(config)]) == {}
    assert "copy_missing_mounts" not in messages(config, tmp_path / "missing")[0]


def test_what_belongs_to_the_host_is_not_compared() -> None:
    assert not mounted_content.is_compared(paths.ROOT)
    assert not mounted_content.is_compared(paths.KERNDAT)
    assert not mounted_content.is_compared("")
    assert look("/proc/self").entries == {}
    assert look("/dev/null").kind == "device"


def test_what_a_container_has_mounted_is_read_through_its_first_process(config: Path) -> None:
    """A volume of a pod has no path on the host that would be the same on both."""
    inside = f"/proc/{os.getpid()}/root"
    assert look(f"{inside}{config}") == look(str(config))
    assert look(f"{inside}/proc/self").entries == {}


@pytest.mark.parametrize("name", ["../escaped", "/etc/escaped"])
def test_a_copy_that_leads_out_of_its_place_is_refused(tmp_path: Path, name: str) -> None:
    content = [0o100644, 0, 0, ""]
    text = base64.b64encode(json.dumps({"": [0o40755, 0, 0, ""], name: content}).encode()).decode()
    with pytest.raises(ValueError, match="leads out of it"):
        mounted_content.unpack({str(tmp_path / "target"): text})
    with pytest.raises(ValueError, match="no path of a host"):
        mounted_content.unpack({"relative": text})
